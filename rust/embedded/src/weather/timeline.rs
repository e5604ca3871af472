//! Virtual time: what is to happen, in the order of its moments, with no wait between them.
//!
//! Time stands still while the program runs and leaps to the next answer once the program has nothing to do but wait.
//! Who asks from an event loop says at each turn of it that it has turned (`turn`); after a few turns in which nothing
//! was asked the next answer is released, in that loop's own thread. So what the program sees does not depend on how
//! fast the machine is, nor on which thread the system runs first. For whoever makes no such promise the network thread
//! releases what is asked for, at once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::future::Future;
use crate::network::{self, Timer};
use crate::transaction::Transaction;

type Task = Box<dyn FnOnce() + Send>;

/// Turns of the loop without a question after which it is taken to be idle. What asyncio puts between an answer and the
/// task that acts on it (gather, wait_for, a task group) takes so many at most.
const QUIET_TURNS: u32 = 3;

/// What is to happen at a moment. Somebody may be waiting for it, so time leaps to it. Where it is for a future that has
/// got its answer from elsewhere, or was cancelled, nobody is, and it is forgotten.
struct Answer {
    of: Option<Arc<Future>>,
    task: Task,
}

impl Answer {
    fn is_moot(&self) -> bool {
        self.of.as_ref().is_some_and(|future| future.is_settled())
    }
}

/// What happens when time comes past, on its way to an answer: the end of a snapshot, or the timeout of a transaction.
/// Time leaps to that only if nothing else can end what the transaction waits for.
struct Alarm {
    of: Weak<Transaction>,
    task: Task,
}

#[derive(Default)]
struct State {
    /// By moment, and among those of one moment in the order they were asked for.
    answers: BTreeMap<Timer, Answer>,
    alarms: BTreeMap<Timer, Alarm>,
    /// What happened of itself, to be told at the next turn, idle or not.
    posts: Vec<Task>,
    added: u64,
    /// Something was asked since the last turn.
    is_lively: bool,
    quiet_turns: u32,
    /// A loop turns: it has promised to, and was not told since that it need not.
    is_turning: bool,
}

pub struct Timeline {
    origin: Instant,
    /// Nanoseconds since the origin.
    now: AtomicU64,
    state: Mutex<State>,
    /// Held by who runs what comes next: one at a time.
    running: Mutex<()>,
}

thread_local! {
    /// The timelines on which this thread has asked for something since they last had nothing for it.
    static ASKED: RefCell<Vec<Weak<Timeline>>> = const { RefCell::new(Vec::new()) };
}

/// The event loop of this thread has turned: true if it should go on to say so.
pub fn turn() -> bool {
    // Taken out: what a turn brings may ask again.
    let asked = ASKED.take();
    let turning: Vec<_> =
        asked.iter().filter_map(Weak::upgrade).filter(|timeline| timeline.turn()).collect();
    for timeline in &turning {
        timeline.turns_with_this_thread();
    }
    !turning.is_empty()
}

impl Timeline {
    #[must_use]
    pub fn new() -> Arc<Timeline> {
        Arc::new(Timeline {
            origin: Instant::now(),
            now: AtomicU64::new(0),
            state: Mutex::default(),
            running: Mutex::default(),
        })
    }

    /// The time since the timeline began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Acquire))
    }

    pub fn now(&self) -> Instant {
        self.origin + self.elapsed()
    }

    /// Has the turns of this thread's loop, which are promised, move this timeline.
    pub fn asked_from_this_thread(self: &Arc<Self>) {
        self.state.lock().is_turning = true;
        self.turns_with_this_thread();
    }

    fn turns_with_this_thread(self: &Arc<Self>) {
        ASKED.with_borrow_mut(|asked| {
            if !asked.iter().any(|timeline| timeline.as_ptr() == Arc::as_ptr(self)) {
                asked.retain(|timeline| timeline.strong_count() > 0);
                asked.push(Arc::downgrade(self));
            }
        });
    }

    /// Runs `task` at `time`. Whoever asked, for `of`, sees to it that time goes on.
    pub fn answer_at(
        &self,
        time: Instant,
        of: Option<Arc<Future>>,
        task: impl FnOnce() + Send + 'static,
    ) {
        let mut state = self.state.lock();
        state.is_lively = true;
        let moment = self.moment(&mut state, time);
        state.answers.insert(moment, Answer { of, task: Box::new(task) });
    }

    /// Runs `task` at the next turn, or from the network thread if no loop turns. It may be a collector that has the
    /// occasion, at any moment, so it is no sign of life and no answer.
    pub fn post(self: &Arc<Self>, task: impl FnOnce() + Send + 'static) {
        let mut state = self.state.lock();
        state.posts.push(Box::new(task));
        if !state.is_turning {
            drop(state);
            let timeline = Arc::clone(self);
            network::post(move || timeline.run_posts());
        }
    }

    fn run_posts(&self) {
        let posts = std::mem::take(&mut self.state.lock().posts);
        for task in posts {
            task();
        }
    }

    /// Runs `task` when time comes to `deadline`.
    pub fn alarm(
        &self,
        deadline: Instant,
        of: Weak<Transaction>,
        task: impl FnOnce() + Send + 'static,
    ) -> Timer {
        let mut state = self.state.lock();
        let moment = self.moment(&mut state, deadline);
        state.alarms.insert(moment, Alarm { of, task: Box::new(task) });
        moment
    }

    fn moment(&self, state: &mut State, time: Instant) -> Timer {
        state.added += 1;
        (time.max(self.now()), state.added)
    }

    /// Takes an alarm back that has not gone off.
    pub fn cancel_alarm(&self, timer: Timer) {
        let alarm = self.state.lock().alarms.remove(&timer);
        drop(alarm);
    }

    /// Has the network thread release the next answer.
    pub fn release_from_network(self: &Arc<Self>) {
        let timeline = Arc::clone(self);
        network::post(move || {
            timeline.release();
        });
    }

    /// Has the network thread release what there is.
    pub fn release_all_from_network(self: &Arc<Self>) {
        let timeline = Arc::clone(self);
        network::post(move || while timeline.release() {});
    }

    /// A loop that asked here has turned.
    fn turn(&self) -> bool {
        self.run_posts();
        let is_idle = {
            let mut state = self.state.lock();
            state.quiet_turns = if state.is_lively { 0 } else { state.quiet_turns + 1 };
            state.is_lively = false;
            state.quiet_turns >= QUIET_TURNS
        };
        let released = is_idle && self.release();
        let mut state = self.state.lock();
        if released {
            state.quiet_turns = 0;
        }
        state.is_turning = released || !is_idle;
        state.is_turning
    }

    /// Runs everything up to and with the next answer to a future. False if there is none.
    pub fn release(&self) -> bool {
        let _running = self.running.lock();
        self.run_next()
    }

    /// As `release`, for who may be called by what runs just now.
    pub fn release_unless_busy(&self) {
        if let Some(_running) = self.running.try_lock() {
            self.run_next();
        }
    }

    fn run_next(&self) -> bool {
        loop {
            let mut state = self.state.lock();
            let answer = state.answers.first_key_value().map(|(moment, _)| *moment);
            let alarm = state.alarms.first_key_value().map(|(moment, _)| *moment);
            match (answer, alarm) {
                (Some(answer), alarm) if alarm.is_none_or(|alarm| answer < alarm) => {
                    let Some(((time, _), answer)) = state.answers.pop_first() else { return false };
                    drop(state);
                    if !answer.is_moot() {
                        let is_told = answer.of.is_some();
                        self.leap(time);
                        (answer.task)();
                        if is_told {
                            return true;
                        }
                    }
                }
                (Some(_), _) => self.ring(state),
                (None, _) => {
                    let waiting: Vec<_> = state
                        .alarms
                        .iter()
                        .map(|(moment, alarm)| (*moment, alarm.of.clone()))
                        .collect();
                    // Asked without the lock: a transaction that is locked may be about to set an alarm.
                    drop(state);
                    let Some((until, _)) = waiting.into_iter().find(|(_, of)| {
                        of.upgrade().is_some_and(|transaction| transaction.is_waiting())
                    }) else {
                        return false;
                    };
                    loop {
                        let state = self.state.lock();
                        if state.alarms.first_key_value().is_none_or(|(first, _)| *first > until) {
                            return true;
                        }
                        self.ring(state);
                    }
                }
            }
        }
    }

    /// Lets the first alarm go off.
    fn ring(&self, mut state: MutexGuard<'_, State>) {
        let Some(((time, _), alarm)) = state.alarms.pop_first() else { return };
        drop(state);
        self.leap(time);
        (alarm.task)();
    }

    fn leap(&self, time: Instant) {
        let nanos = time.saturating_duration_since(self.origin).as_nanos();
        self.now.fetch_max(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::AcqRel);
    }
}

/// What time it is: the machine's, until a timeline is put in its place.
#[derive(Clone, Default)]
pub struct Clock(Arc<OnceLock<Arc<Timeline>>>);

impl Clock {
    #[must_use]
    pub fn of(timeline: Arc<Timeline>) -> Clock {
        Clock(Arc::new(OnceLock::from(timeline)))
    }

    /// The timeline of this clock, which it runs by from now on.
    pub fn timeline(&self) -> &Arc<Timeline> {
        self.0.get_or_init(Timeline::new)
    }

    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.get().map_or_else(Instant::now, |timeline| timeline.now())
    }

    /// Runs `task` at `deadline`; for a timeout, `of` is the transaction that it ends.
    pub fn at(
        &self,
        deadline: Instant,
        of: Weak<Transaction>,
        task: impl FnOnce() + Send + 'static,
    ) -> Timer {
        match self.0.get() {
            None => network::at(deadline, task),
            Some(timeline) => timeline.alarm(deadline, of, task),
        }
    }

    /// Takes a timer back that has not gone off.
    pub fn cancel_timer(&self, timer: Timer) {
        match self.0.get() {
            None => network::cancel_timer(timer),
            Some(timeline) => timeline.cancel_alarm(timer),
        }
    }

    /// Runs `task` from the network thread, or as the next thing on the timeline.
    pub fn post(&self, task: impl FnOnce() + Send + 'static) {
        match self.0.get() {
            None => network::post(task),
            Some(timeline) => timeline.post(task),
        }
    }
}
