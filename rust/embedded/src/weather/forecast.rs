//! What one transaction meets, try after try.

use std::sync::Arc;
use std::time::Duration;

use super::log::shown;
use super::passage::Verdict;
use super::{Event, ForNothing, Passage, Place, Weather, delay};
use crate::error::{Error, Result};
use crate::random::Random;

/// What a draw is for: each is independent of the others.
#[derive(Clone, Copy)]
enum Purpose {
    Delay = 1,
    Start,
    Read,
    Commit,
    Arrival,
    Backoff,
    Watch,
    Told,
}

/// After so many tries in a row that failed there are no faults any more, so that every transaction gets through.
const BAD_TRIES: u32 = 4;

// Of all transactions, how many meet each fault in their first try. With each try after it, it is half as many.

/// With the read version: throttled, for its tag or its priority; or the proxies are out of memory.
const START_THROTTLED: f64 = 1.0 / 4.0;
const START_OUT_OF_MEMORY: f64 = 1.0 / 64.0;

/// With one of the reads, which is rather an early one than a late one: the first, or one of the first 2, 4, up to 64.
const READ_TOO_OLD: f64 = 1.0 / 16.0;
const READ_FUTURE_VERSION: f64 = 1.0 / 32.0;
const READ_PROCESS_BEHIND: f64 = 1.0 / 32.0;
const LATE_READS: u64 = 7;

/// With the commit.
const CONFLICT: f64 = 1.0 / 8.0;
const UNKNOWN_COMMITTED: f64 = 1.0 / 16.0;
const UNKNOWN_NOT_COMMITTED: f64 = 1.0 / 16.0;
const CHANGED_COMMITTED: f64 = 1.0 / 128.0;
const CHANGED_NOT_COMMITTED: f64 = 1.0 / 128.0;
const COMMIT_TOO_OLD: f64 = 1.0 / 32.0;
const COMMIT_OUT_OF_MEMORY: f64 = 1.0 / 64.0;

/// Of all watches, how many fire although nothing has changed; and when after the commit, rather early than late: within
/// the first of these times, or of 2, 4, 8 times it, up to about a second.
const WATCH_FOR_NOTHING: f64 = 1.0 / 4.0;
const WATCH_FOR_NOTHING_WITHIN: Duration = Duration::from_micros(256);
const LATE_WATCHES: u64 = 13;

/// The weather over one transaction.
pub struct Forecast {
    weather: Arc<Weather>,
    place: Place,
    /// Tries in a row that on_error has started.
    failures: u32,
    /// The error of the read version, once one was asked for: it is the answer to whatever needs one.
    start: Option<Result<()>>,
    reads: u64,
    /// Which read fails, and how.
    read_fault: Option<(u64, Error)>,
    too_old: bool,
}

/// What the transaction is, of which faults depend on.
#[derive(Clone, Copy)]
pub struct Traits {
    pub is_tagged: bool,
    pub is_batch: bool,
    /// The client finds out itself what became of a commit (option automatic_idempotency).
    pub is_idempotent: bool,
}

impl Forecast {
    pub(super) fn new(weather: Arc<Weather>, transaction: u64) -> Forecast {
        let place = Place { transaction, attempt: 0, operation: 0 };
        let mut forecast = Forecast {
            weather,
            place,
            failures: 0,
            start: None,
            reads: 0,
            read_fault: None,
            too_old: false,
        };
        forecast.read_fault = forecast.draw_read_fault();
        forecast
    }

    /// The transaction starts over; `retries` is how often on_error has made it do so in a row.
    pub fn restart(&mut self, retries: i32) {
        self.place.attempt += 1;
        self.place.operation = 0;
        self.failures = retries.unsigned_abs();
        self.start = None;
        self.reads = 0;
        self.too_old = false;
        self.read_fault = self.draw_read_fault();
    }

    fn draw(&self, purpose: Purpose) -> Random {
        let Place { transaction, attempt, operation } = self.place;
        // Mixed before each part is added: seeds and numbers are small and alike.
        [transaction, attempt, operation, purpose as u64]
            .iter()
            .fold(Random::from_seed(self.weather.seed), |mut mixed, part| {
                Random::from_seed(mixed.next() ^ part)
            })
    }

    /// A draw among faults: below a rate means that it happens. Never, once the transaction has failed often enough.
    fn fate(&self, purpose: Purpose) -> f64 {
        if self.failures >= BAD_TRIES {
            return 1.0;
        }
        self.draw(purpose).fraction() * f64::from(1_u32 << self.failures)
    }

    fn draw_read_fault(&self) -> Option<(u64, Error)> {
        let fate = self.fate(Purpose::Read);
        let error = pick(
            fate,
            &[
                (READ_TOO_OLD, Error::TRANSACTION_TOO_OLD),
                (READ_FUTURE_VERSION, Error::FUTURE_VERSION),
                (READ_PROCESS_BEHIND, Error::PROCESS_BEHIND),
            ],
        )?;
        let mut random = self.draw(Purpose::Read);
        random.next();
        let among = 1 << (random.next() % LATE_READS);
        Some((random.next() % among, error))
    }

    /// The next operation begins: when it is answered, and what the log will say.
    pub fn operation(&mut self, what: &'static str, key: &[u8]) -> (Duration, Event) {
        let time = self.delay_of(Purpose::Delay);
        let event = self.event(what, key);
        self.place.operation += 1;
        (time, event)
    }

    fn delay_of(&self, purpose: Purpose) -> Duration {
        if self.failures >= BAD_TRIES {
            return Duration::from_micros(1);
        }
        delay(self.draw(purpose))
    }

    fn event(&self, what: &'static str, key: &[u8]) -> Event {
        Event { time: Duration::ZERO, place: self.place, what, key: shown(key), code: 0, note: "" }
    }

    /// The transaction gets its read version.
    pub fn start(&mut self, traits: Traits) -> Result<()> {
        if let Some(start) = self.start {
            return start;
        }
        let fate = self.fate(Purpose::Start);
        let error = if traits.is_tagged {
            pick(fate, &[(START_THROTTLED, Error::TAG_THROTTLED)])
        } else if traits.is_batch {
            pick(fate, &[(START_THROTTLED, Error::BATCH_TRANSACTION_THROTTLED)])
        } else {
            pick(fate, &[(START_OUT_OF_MEMORY, Error::GRV_PROXY_MEMORY_LIMIT_EXCEEDED)])
        };
        let start = error.map_or(Ok(()), Err);
        self.start = Some(start);
        start
    }

    /// The transaction reads.
    pub fn read(&mut self) -> Result<()> {
        if self.too_old {
            return Err(Error::TRANSACTION_TOO_OLD);
        }
        let index = self.reads;
        self.reads += 1;
        match self.read_fault {
            Some((at, error)) if at == index => {
                self.too_old = error == Error::TRANSACTION_TOO_OLD;
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// The transaction commits. One that has read nothing gets its read version now.
    pub fn commit(&mut self, has_version: bool, has_reads: bool, traits: Traits) -> Passage {
        let start = if has_version { Ok(()) } else { self.start(traits) };
        let verdict = match start {
            Err(error) => Verdict::Refused(error),
            Ok(()) => self.verdict(has_reads, traits),
        };
        let (decided, told) = (self.delay_of(Purpose::Arrival), self.delay_of(Purpose::Told));
        let (answered, event) = self.operation("commit", b"");
        Passage { weather: Arc::clone(&self.weather), verdict, decided, answered, told, event }
    }

    fn verdict(&self, has_reads: bool, traits: Traits) -> Verdict {
        use Verdict::{Fair, Refused, Untold};
        if self.too_old {
            Refused(Error::TRANSACTION_TOO_OLD)
        } else {
            let fate = self.fate(Purpose::Commit);
            let conflict = if has_reads { CONFLICT } else { 0.0 };
            let known = if traits.is_idempotent { 0.0 } else { 1.0 };
            let rates = [
                (conflict, Refused(Error::NOT_COMMITTED)),
                (known * UNKNOWN_COMMITTED, Untold(Error::COMMIT_UNKNOWN_RESULT)),
                (known * UNKNOWN_NOT_COMMITTED, Refused(Error::COMMIT_UNKNOWN_RESULT)),
                (CHANGED_COMMITTED, Untold(Error::CLUSTER_VERSION_CHANGED)),
                (CHANGED_NOT_COMMITTED, Refused(Error::CLUSTER_VERSION_CHANGED)),
                (COMMIT_TOO_OLD, Refused(Error::TRANSACTION_TOO_OLD)),
                (COMMIT_OUT_OF_MEMORY, Refused(Error::COMMIT_PROXY_MEMORY_LIMIT_EXCEEDED)),
            ];
            pick(fate, &rates).unwrap_or(Fair)
        }
    }

    /// The share of the back-off's bound that on_error waits, from 0 to 1.
    pub fn backoff(&self) -> f64 {
        self.draw(Purpose::Backoff).fraction()
    }

    /// Whether the watch that is made now fires for nothing.
    pub fn watch(&mut self, key: &[u8]) -> Option<ForNothing> {
        let mut random = self.draw(Purpose::Watch);
        let (_, event) = self.operation("watch", key);
        (random.fraction() < WATCH_FOR_NOTHING).then(|| {
            let within = WATCH_FOR_NOTHING_WITHIN * (1 << (random.next() % LATE_WATCHES));
            ForNothing {
                weather: Arc::clone(&self.weather),
                after: within.mul_f64(random.fraction()),
                event: Event { note: "for nothing", ..event },
            }
        })
    }
}

/// The first whose rate, added to those before it, is above the draw.
fn pick<T: Copy>(draw: f64, rates: &[(f64, T)]) -> Option<T> {
    let mut sum = 0.0;
    rates.iter().find_map(|&(rate, what)| {
        sum += rate;
        (draw < sum).then_some(what)
    })
}
