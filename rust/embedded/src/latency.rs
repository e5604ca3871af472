//! Late answers (`latency=SEED`): given by the network thread, in an order drawn from the seed.
//!
//! No clock is waited for. Time is virtual, and what passes of it are the answers that are asked for: each of them draws how
//! many of those after it come before it. Once a program asks for nothing more, time leaps to what it waits for. So who
//! asks for much at once gets it in any order, and who waits for each answer gets it as soon as another thread can give it.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::future::Future;
use crate::network;
use crate::random::Random;

/// What passes of virtual time with each answer that is asked for.
const TICK: Duration = Duration::from_micros(1);
/// Most answers come before so many later ones were asked for, or after nothing was for `SHORT`: for programs that ask as
/// fast as they can.
const FEW: u32 = 64;
const SHORT: Duration = Duration::from_micros(2);
/// One in `PATIENT` comes only before so many, or after `LONG`: for programs that do more than ask, so that they too get an
/// answer before one that they asked for earlier.
const PATIENT: u64 = 8;
const MANY: u32 = 256;
const LONG: Duration = Duration::from_micros(32);
/// The network thread stays awake for so long after the last was asked for: to wake it takes longer than an answer does.
const AWAKE: Duration = Duration::from_micros(300);
/// While it is asked it looks at what has come each time that so many have.
const AT_ONCE: u64 = 32;

/// Draws how late the answers of a database are.
pub struct Latency(Mutex<Random>);

impl Latency {
    #[must_use]
    pub fn new(seed: u64) -> Latency {
        Latency(Mutex::new(Random::from_seed(seed)))
    }

    /// Has the network thread give `future` the answer that it keeps, not before `earliest`. When, in virtual time.
    pub fn answer(&self, future: Arc<Future>, earliest: Option<Instant>) -> Instant {
        network::answer_late(future, self.draw(), earliest)
    }

    /// Before how many that are asked for later an answer does not come.
    fn draw(&self) -> u32 {
        let drawn = self.0.lock().next();
        let (drawn, is_patient) = (drawn / PATIENT, drawn.is_multiple_of(PATIENT));
        let (least, most) = if is_patient { (FEW, MANY) } else { (0, FEW) };
        least + (drawn % u64::from(most - least)) as u32
    }
}

/// An answer on its way. The greatest is the one that comes first.
struct Answer {
    /// When it comes, and which it was to be asked for.
    at: Reverse<(Instant, u64)>,
    future: Arc<Future>,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Answer) -> bool {
        self.at == other.at
    }
}

impl Eq for Answer {}

impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Answer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answer {
    fn cmp(&self, other: &Answer) -> Ordering {
        self.at.cmp(&other.at)
    }
}

/// The answers that are on their way.
pub struct Late {
    answers: BinaryHeap<Answer>,
    asked: u64,
    /// What time it is: none before the first.
    now: Option<Instant>,
}

impl Late {
    pub const fn new() -> Late {
        Late { answers: BinaryHeap::new(), asked: 0, now: None }
    }

    /// How many were asked for.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Adds an answer that comes when `passed` more were asked for, not before `earliest`. When that is.
    pub fn add(&mut self, future: Arc<Future>, passed: u32, earliest: Option<Instant>) -> Instant {
        self.asked += 1;
        let now = self.now.map_or_else(Instant::now, |now| now + TICK);
        self.now = Some(now);
        let time = (now + TICK * passed).max(earliest.unwrap_or(now));
        self.answers.push(Answer { at: Reverse((time, self.asked)), future });
        time
    }

    /// Takes what has come, after nothing was asked for so long, in its order.
    pub fn take(&mut self, quiet: Quiet, futures: &mut Vec<Arc<Future>>) {
        let until = match quiet {
            Quiet::Not => self.now,
            Quiet::Short => self.now.map(|now| now + TICK * FEW),
            Quiet::Long | Quiet::Asleep => None,
        };
        while let Some(next) = self.answers.peek_mut()
            && until.is_none_or(|until| next.at.0.0 <= until)
        {
            futures.push(PeekMut::pop(next).future);
        }
    }
}

/// For how long nothing was asked of the network thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Quiet {
    Not,
    Short,
    Long,
    /// No answers were asked for either, for so long that it may sleep.
    Asleep,
}

/// How the network thread, while it is awake, notices that something is asked of it: each time has a number.
pub struct Lookout {
    last: u64,
    noticed: Instant,
    /// How many answers were asked for, and when the last of them was noticed.
    answers: u64,
    awake: Option<Instant>,
}

impl Lookout {
    pub fn new() -> Lookout {
        Lookout { last: 0, noticed: Instant::now(), answers: 0, awake: None }
    }

    /// For how long `last` has been the number, and there were so many answers.
    pub fn look(&mut self, last: u64, answers: u64) -> Quiet {
        if answers == 0 {
            return Quiet::Asleep;
        }
        let now = Instant::now();
        if last != self.last {
            (self.last, self.noticed) = (last, now);
        }
        if answers != self.answers {
            (self.answers, self.awake) = (answers, Some(now));
        }
        match now - self.noticed {
            _ if self.awake.is_none_or(|awake| now - awake > AWAKE) => Quiet::Asleep,
            quiet if quiet < SHORT => Quiet::Not,
            quiet if quiet < LONG => Quiet::Short,
            _ => Quiet::Long,
        }
    }

    /// Waits until there may be something to do, where there is nothing after a time as `quiet` as this.
    pub fn wait(&mut self, mut quiet: Quiet, number: impl Fn() -> u64) {
        let many = self.last + AT_ONCE;
        loop {
            // A sleep takes too long. So may a yield where other programs run: until it is their turn to yield.
            (0..16).for_each(|_| std::hint::spin_loop());
            let before = self.last;
            let now = self.look(number(), self.answers);
            if self.last >= many || now > quiet {
                return;
            }
            if self.last != before {
                quiet = Quiet::Not;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::future::Answer::Int64;

    /// A thousand answers asked for, with what a database of this seed draws.
    fn asked(seed: u64) -> (Late, Vec<Arc<Future>>) {
        let (latency, mut late) = (Latency::new(seed), Late::new());
        let futures: Vec<_> = (0..1_000).map(|number| Future::sealed(Ok(Int64(number)))).collect();
        for future in &futures {
            late.add(Arc::clone(future), latency.draw(), None);
        }
        (late, futures)
    }

    /// The places, in the order they were asked for, of the answers that have come.
    fn come(late: &mut Late, futures: &[Arc<Future>], quiet: Quiet) -> Vec<usize> {
        let mut come = Vec::new();
        late.take(quiet, &mut come);
        let place = |one| futures.iter().position(|future| Arc::ptr_eq(future, one)).unwrap();
        come.iter().map(place).collect()
    }

    #[test]
    fn the_order_is_drawn_from_the_seed_and_everything_comes_once() {
        let order = |seed| {
            let (mut late, futures) = asked(seed);
            let mut order = Vec::new();
            for quiet in [Quiet::Not, Quiet::Short, Quiet::Long, Quiet::Asleep] {
                order.append(&mut come(&mut late, &futures, quiet));
            }
            order
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        let mut sorted = order(7);
        assert!(!sorted.is_sorted());
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn who_asks_on_is_answered_meanwhile_and_who_pauses_gets_all() {
        let (mut late, futures) = asked(7);
        let meanwhile = come(&mut late, &futures, Quiet::Not);
        // All but those of the last `MANY` that were asked for.
        assert!((0..1_000 - MANY as usize).all(|place| meanwhile.contains(&place)));
        assert!(meanwhile.len() < 1_000);
        let soon = come(&mut late, &futures, Quiet::Short);
        let patient = come(&mut late, &futures, Quiet::Long);
        assert!(soon.len() > patient.len() && !patient.is_empty());
        assert_eq!(meanwhile.len() + soon.len() + patient.len(), 1_000);
    }

    #[test]
    fn an_answer_is_not_before_the_one_that_it_waits_for() {
        for seed in 0..100 {
            let (latency, mut late) = (Latency::new(seed), Late::new());
            let (read, commit) = (Future::sealed(Ok(Int64(1))), Future::sealed(Ok(Int64(2))));
            let end = late.add(Arc::clone(&read), latency.draw(), None);
            late.add(Arc::clone(&commit), latency.draw(), Some(end));
            let futures = [read, commit];
            assert_eq!(come(&mut late, &futures, Quiet::Long), [0, 1]);
        }
    }
}
