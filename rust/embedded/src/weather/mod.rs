//! Weather: what a cluster does on a bad day, drawn from a seed (`faults=SEED` in an address).
//!
//! Each decision is a function of the seed, the number of the transaction among those of its handle, the number of its
//! try, and the number of the operation in it; what other transactions do does not move it. Answers come in virtual time
//! (`timeline`), back-off included. So the same program under the same seed meets the same weather, which the log shows.

mod forecast;
mod log;
mod passage;
mod timeline;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::future::{Answer, Future, Outcome};
use crate::network;
use crate::random::Random;

pub use forecast::{Forecast, Traits};
use log::{Event, Place};
pub use passage::Passage;
pub use timeline::{Clock, Timeline, turn};

/// The weather of one handle.
pub struct Weather {
    seed: u64,
    timeline: Arc<Timeline>,
    transactions: AtomicU64,
    /// Whoever asks through this handle says when its event loop has turned.
    takes_turns: AtomicBool,
    log: log::Log,
}

impl Weather {
    #[must_use]
    pub fn new(seed: u64, timeline: Arc<Timeline>) -> Arc<Weather> {
        Arc::new(Weather {
            seed,
            timeline,
            transactions: AtomicU64::new(0),
            takes_turns: AtomicBool::new(false),
            log: log::Log::default(),
        })
    }

    /// Who asks through this handle promises to call `turn` at each turn of its event loop while it waits.
    pub fn take_turns(&self) {
        self.takes_turns.store(true, Ordering::Release);
    }

    /// What a new transaction will meet.
    #[must_use]
    pub fn forecast(self: &Arc<Self>) -> Forecast {
        let number = self.transactions.fetch_add(1, Ordering::AcqRel);
        Forecast::new(Arc::clone(self), number)
    }

    #[must_use]
    pub fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    #[must_use]
    pub fn now(&self) -> Instant {
        self.timeline.now()
    }

    /// The events so far, each with its number.
    #[must_use]
    pub fn log(&self) -> Vec<(u64, String)> {
        self.log.lines()
    }

    /// Writes to the log what happens now.
    pub fn note(&self, mut event: Event) {
        event.time = self.timeline.elapsed();
        self.log.push(event);
    }

    /// Gives `future` its answer at `time`.
    pub fn answer_at(
        self: &Arc<Self>,
        time: Instant,
        future: Arc<Future>,
        outcome: Outcome,
        event: Event,
    ) {
        let weather = Arc::clone(self);
        let of = Arc::clone(&future);
        self.ask(time, Some(of), move || {
            let code = outcome.as_ref().err().map_or(0, |error| error.0);
            weather.note(Event { code, ..event });
            future.complete(outcome);
        });
    }

    /// Runs `task` at `time`, for whoever asked for it now.
    pub fn ask(
        self: &Arc<Self>,
        time: Instant,
        of: Option<Arc<Future>>,
        task: impl FnOnce() + Send + 'static,
    ) {
        self.timeline.answer_at(time, of, task);
        // The network thread, where it acts for another handle, has no loop that turns.
        if self.takes_turns.load(Ordering::Acquire) && !network::is_network_thread() {
            self.timeline.asked_from_this_thread();
        } else {
            self.timeline.release_from_network();
        }
    }

    /// A timeout is set. Where no loop turns, somebody may wait for nothing else.
    pub fn alarm_is_set(self: &Arc<Self>, deadline: Instant) {
        if !self.takes_turns.load(Ordering::Acquire) {
            let left = deadline.saturating_duration_since(self.now());
            let timeline = Arc::clone(&self.timeline);
            network::at(Instant::now() + left, move || {
                timeline.release();
            });
        }
    }

    /// Somebody looked whether an answer is there. Who does nothing else would look for ever, as no time passes
    /// meanwhile; so by looking it does.
    pub fn looked(self: &Arc<Self>, times: u32) {
        if self.takes_turns.load(Ordering::Acquire) {
            self.timeline.asked_from_this_thread();
            if times >= LOOKS {
                self.timeline.release_unless_busy();
            }
        }
    }
}

/// A watch that fires although nothing has changed.
pub struct ForNothing {
    weather: Arc<Weather>,
    /// After it is armed.
    after: Duration,
    event: Event,
}

impl ForNothing {
    /// Fires the watch in its time, unless it has fired.
    pub fn fire(self, future: Arc<Future>, disarm: impl FnOnce() + Send + 'static) {
        let ForNothing { weather, after, event } = self;
        let of = Arc::clone(&future);
        let log = Arc::clone(&weather);
        weather.ask(weather.now() + after, Some(of), move || {
            disarm();
            log.note(event);
            future.complete(Ok(Answer::Nothing));
        });
    }
}

/// Looks at an answer that is not there that let time pass.
const LOOKS: u32 = 16;

/// How late an answer is, of a number that is drawn.
fn delay(mut random: Random) -> Duration {
    let (kind, length) = (random.fraction(), random.fraction());
    let micros = if kind < 1.0 / 1_024.0 {
        200_000.0 * length
    } else if kind < 1.0 / 64.0 {
        5_000.0 * length
    } else {
        20.0 + 200.0 * length
    };
    Duration::from_secs_f64(micros / 1e6)
}
