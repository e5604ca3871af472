//! Futures: one answer, set once, and the callbacks that wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::capi::Callback;
use crate::capi::arrays::{KeyArray, MappedArray, RowArray, StringArray};
use crate::error::{Error, Result};
use crate::network;
use crate::weather::Weather;

/// What a future can hold.
pub enum Answer {
    Nothing,
    Int64(i64),
    Uint64(u64),
    Double(f64),
    Key(Vec<u8>),
    Value(Option<Vec<u8>>),
    Rows(RowArray),
    Mapped(MappedArray),
    Keys(KeyArray),
    Strings(StringArray),
}

pub type Outcome = Result<Answer>;

/// The status of an outcome, and its answer.
fn parts(outcome: Outcome) -> (i32, Answer) {
    match outcome {
        Ok(answer) => (0, answer),
        Err(error) => (error.0, Answer::Nothing),
    }
}

/// The status of a future without an answer; any other is the error code of its answer, 0 for none.
const PENDING: i32 = i32::MIN;

/// An answer that is there or will be. Shared by the caller that asked and whoever answers.
pub struct Future {
    status: AtomicI32,
    slot: Mutex<Slot>,
    settled: Condvar,
    /// Who looks at it lets virtual time pass.
    weather: Option<Arc<Weather>>,
    looks: AtomicU32,
}

struct Slot {
    answer: Answer,
    /// The status that comes with the answer, where that is here before its time.
    sealed: i32,
    /// Most futures have one callback.
    callback: Option<Callback>,
    more_callbacks: Vec<Callback>,
    /// Gives up what the future waits for; runs at most once, in whoever cancels.
    on_cancel: Option<Box<dyn FnOnce() + Send>>,
    is_cancelled: bool,
    /// Reads of the answer not yet matched by a release: the answer is freed when the last is.
    reads: i32,
}

/// Whether a callback was kept for later or is the caller's to run now.
#[derive(PartialEq, Eq, Debug)]
pub enum Registered {
    Later,
    Ready,
}

impl Future {
    /// A future whose answer is there.
    #[must_use]
    pub fn ready(outcome: Outcome) -> Arc<Future> {
        let (status, answer) = parts(outcome);
        Arc::new(Future::with(status, answer))
    }

    #[must_use]
    pub fn pending() -> Arc<Future> {
        Arc::new(Future::with(PENDING, Answer::Nothing))
    }

    /// A future that keeps its answer to itself until `unseal`.
    #[must_use]
    pub fn sealed(outcome: Outcome) -> Arc<Future> {
        let (status, answer) = parts(outcome);
        let mut future = Future::with(PENDING, answer);
        future.slot.get_mut().sealed = status;
        Arc::new(future)
    }

    /// A future whose answer comes in the virtual time of `weather`, where there is one.
    #[must_use]
    pub fn pending_under(weather: Option<&Arc<Weather>>) -> Arc<Future> {
        let future = Future::with(PENDING, Answer::Nothing);
        Arc::new(Future { weather: weather.cloned(), ..future })
    }

    fn with(status: i32, answer: Answer) -> Future {
        Future {
            status: AtomicI32::new(status),
            slot: Mutex::new(Slot {
                answer,
                sealed: PENDING,
                callback: None,
                more_callbacks: Vec::new(),
                on_cancel: None,
                is_cancelled: false,
                reads: 0,
            }),
            settled: Condvar::new(),
            weather: None,
            looks: AtomicU32::new(0),
        }
    }

    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.load(Ordering::Acquire) != PENDING
    }

    /// Whether the future has its answer, as somebody asks who waits for it.
    pub fn look(&self) -> bool {
        if self.is_ready() {
            return true;
        }
        let Some(weather) = &self.weather else { return false };
        weather.looked(1 + self.looks.fetch_add(1, Ordering::Relaxed));
        self.is_ready()
    }

    /// Nobody waits for an answer any more.
    pub fn is_settled(&self) -> bool {
        self.is_ready() || self.slot.lock().is_cancelled
    }

    /// The error of the answer: 2015 while there is none.
    pub fn error(&self) -> Result<()> {
        match self.status.load(Ordering::Acquire) {
            0 => Ok(()),
            PENDING => Err(Error::FUTURE_NOT_SET),
            code => Err(Error(code)),
        }
    }

    /// What to do when the future is cancelled before it is ready. False if it has been, or is ready: then nothing.
    pub fn set_on_cancel(&self, on_cancel: impl FnOnce() + Send + 'static) -> bool {
        let mut slot = self.slot.lock();
        if slot.is_cancelled || self.is_ready() {
            return false;
        }
        slot.on_cancel = Some(Box::new(on_cancel));
        true
    }

    /// Gives the future its answer and runs the callbacks, with no lock held, unless it has one already.
    /// For the network thread: that is where callbacks run.
    pub fn complete(&self, outcome: Outcome) -> bool {
        let slot = self.slot.lock();
        if self.is_ready() {
            return false;
        }
        let (status, answer) = parts(outcome);
        self.settle(slot, status, Some(answer));
        true
    }

    /// Keeps an answer until `unseal`, unless there is one already.
    pub fn seal(&self, outcome: Outcome) {
        let mut slot = self.slot.lock();
        if !self.is_ready() {
            (slot.sealed, slot.answer) = parts(outcome);
        }
    }

    /// Gives the future the answer that it keeps, as `complete` does.
    pub fn unseal(&self) {
        let slot = self.slot.lock();
        if !self.is_ready() {
            let status = slot.sealed;
            self.settle(slot, status, None);
        }
    }

    fn settle(&self, mut slot: MutexGuard<'_, Slot>, status: i32, answer: Option<Answer>) {
        // What was sealed, if it is another, is dropped without the lock.
        let old = answer.map(|answer| std::mem::replace(&mut slot.answer, answer));
        self.status.store(status, Ordering::Release);
        let (first, more) = (slot.callback.take(), std::mem::take(&mut slot.more_callbacks));
        let on_cancel = slot.on_cancel.take();
        drop(slot);
        self.settled.notify_all();
        drop((old, on_cancel));
        for callback in first.into_iter().chain(more) {
            callback.call();
        }
    }

    /// Gives up at once what the future waits for, and asks the network thread to answer with 1101; a future that is
    /// ready stays as it is.
    pub fn cancel(self: &Arc<Future>) {
        if self.is_ready() {
            return;
        }
        let on_cancel = {
            let mut slot = self.slot.lock();
            slot.is_cancelled = true;
            slot.on_cancel.take()
        };
        if let Some(give_up) = on_cancel {
            give_up();
        }
        let future = Arc::clone(self);
        network::post(move || {
            future.complete(Err(Error::OPERATION_CANCELLED));
        });
    }

    /// Keeps `callback` for when the answer comes; where it is there, the caller runs it (inline, as FoundationDB does).
    pub fn on_ready(&self, callback: Callback) -> Registered {
        if self.is_ready() {
            return Registered::Ready;
        }
        let mut slot = self.slot.lock();
        if self.is_ready() {
            return Registered::Ready;
        }
        if slot.callback.is_none() {
            slot.callback = Some(callback);
        } else {
            slot.more_callbacks.push(callback);
        }
        Registered::Later
    }

    /// Waits for the answer. The network thread would wait for itself: 2026.
    pub fn block_until_ready(&self) -> Result<()> {
        if self.is_ready() {
            return Ok(());
        }
        if network::is_network_thread() {
            return Err(Error::BLOCKED_FROM_NETWORK_THREAD);
        }
        let mut slot = self.slot.lock();
        while !self.is_ready() {
            self.settled.wait(&mut slot);
        }
        Ok(())
    }

    /// The answer, to read pointers out of; it stays where it is until it is released.
    pub fn answer(&self) -> Result<AnswerGuard<'_>> {
        self.error()?;
        let slot = self.slot.lock();
        self.error()?;
        Ok(AnswerGuard(slot))
    }

    /// Frees the answer once every read of it is matched by a release; later reads get 1102.
    pub fn release_memory(&self) {
        let freed = {
            let mut slot = self.slot.lock();
            slot.reads -= 1;
            if slot.reads != 0 || self.error().is_err() {
                return;
            }
            self.status.store(Error::FUTURE_RELEASED.0, Ordering::Release);
            std::mem::replace(&mut slot.answer, Answer::Nothing)
        };
        drop(freed);
    }
}

/// The answer of a future, held still.
pub struct AnswerGuard<'a>(MutexGuard<'a, Slot>);

impl AnswerGuard<'_> {
    /// The answer, read once more.
    pub fn read(&mut self) -> &Answer {
        self.0.reads += 1;
        &self.0.answer
    }
}
