//! The awaitable that every operation is: an asyncio future.
//!
//! Work starts at the call. A result that is there already is kept as a Python object and handed out without a
//! turn of the event loop. One that is not is waited for only when somebody asks: then the callback of the
//! FDBFuture is set, and the operation is filed with its loop until the completion lands.
//!
//! Nothing here calls Python while the lock of an operation is held: a garbage collection may run code that
//! uses the same operation.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyRuntimeError},
    intern,
    prelude::*,
};

use super::{
    answer::{Answer, Settled},
    callbacks::{self, Callback},
    errors, event_loop, fairness,
    raw::Steps,
    step::{Step, into_generator_protocol},
};
use crate::fdb::{self, Fault, Flight, Future};

enum State {
    Waiting,
    Done(Py<PyAny>),
    Failed(Py<PyBaseException>),
    Cancelled,
}

/// What an operation holds only until it is done.
struct Pending {
    stage: Stage,
    answer: Answer,
    /// The transaction or database, kept until the answer is there: its end would end what it was asked for.
    owner: Option<Py<PyAny>>,
    callbacks: Vec<Callback>,
}

enum Stage {
    /// No callback is set: the future is this operation's own.
    Idle(Future),
    /// The completion will come to the loop.
    Flying(Arc<Flight>, Arc<event_loop::Hangar>),
    /// Being settled further up this call stack.
    Settling,
}

struct Inner {
    state: State,
    /// asyncio's protocol: true between yielding itself and being waited for. Only who waits resets it: another thread
    /// may find the operation done in between.
    blocking: bool,
    pending: Option<Box<Pending>>,
    event_loop: Option<Py<PyAny>>,
    cancel_message: Option<Py<PyAny>>,
}

/// What the database will tell: an `asyncio.Future` in all but name; found.Operation is one.
///
/// `found.watch` gives one. Await it, as often as needed, or hand it to `asyncio.wait`, `gather`,
/// `wait_for` or `shield`. It belongs to the event loop that ran at the call, or to the first that
/// asks for it if none did. An error of FoundationDB, a found.FoundException, is raised when it is
/// awaited.
#[pyclass(frozen, subclass, weakref, generic, name = "Future", module = "found")]
pub struct Awaitable {
    inner: Mutex<Inner>,
}

impl Awaitable {
    fn new(state: State, pending: Option<Box<Pending>>, event_loop: Option<Py<PyAny>>) -> Self {
        Awaitable {
            inner: Mutex::new(Inner {
                state,
                blocking: false,
                pending,
                event_loop,
                cancel_message: None,
            }),
        }
    }

    /// What is done.
    pub fn done_with(value: Py<PyAny>) -> Self {
        Awaitable::new(State::Done(value), None, None)
    }

    /// What waits for a future that was just asked for.
    pub fn start<'py>(
        py: Python<'py>,
        future: Result<Future, Fault>,
        answer: Answer,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Awaitable> {
        let future = future.map_err(|fault| errors::raise(py, fault))?;
        let (future, answer) = if future.is_ready() {
            match settle(py, future, answer, owner) {
                Settled::Done(value) => return Ok(Awaitable::new(State::Done(value), None, None)),
                Settled::Failed(error) => {
                    return Ok(Awaitable::new(State::Failed(error), None, None));
                }
                Settled::More(future, answer) => (future, answer),
            }
        } else {
            (future, answer)
        };
        let pending = Box::new(Pending {
            stage: Stage::Idle(future),
            answer,
            owner: owner.map(|owner| owner.clone().unbind()),
            callbacks: Vec::new(),
        });
        let event_loop = event_loop::running(py)?;
        if let Some(event_loop) = &event_loop {
            event_loop::begin_turns(event_loop)?;
        }
        let event_loop = event_loop.map(Bound::unbind);
        Ok(Awaitable::new(State::Waiting, Some(pending), event_loop))
    }

    /// Settles an operation whose future is ready but has no callback. True once it is done.
    fn poll(slf: &Bound<'_, Self>) -> bool {
        let py = slf.py();
        let (future, answer, owner) = {
            let mut inner = slf.get().inner.lock();
            if !matches!(inner.state, State::Waiting) {
                return true;
            }
            let Some(pending) = inner.pending.as_mut() else { return false };
            match &pending.stage {
                Stage::Idle(future) if fdb::serving().is_ok() && future.is_ready() => {}
                _ => return false,
            }
            match std::mem::replace(&mut pending.stage, Stage::Settling) {
                Stage::Idle(future) => (
                    future,
                    std::mem::replace(&mut pending.answer, Answer::Nothing),
                    pending.owner.as_ref().map(|owner| owner.bind(py).clone()),
                ),
                _ => return false,
            }
        };
        match settle(py, future, answer, owner.as_ref()) {
            Settled::More(future, answer) => {
                let mut inner = slf.get().inner.lock();
                if let Some(pending) = inner.pending.as_mut() {
                    pending.stage = Stage::Idle(future);
                    pending.answer = answer;
                }
                false
            }
            settled => {
                // With a callback set the operation would be flying; one may have come while it was settled.
                let callbacks = slf.get().finish(settled);
                if let Err(error) = call_all_soon(slf, callbacks) {
                    error.write_unraisable(py, Some(slf));
                }
                true
            }
        }
    }

    /// Sets the result. Gives what is to be called, and drops the rest after the lock is released.
    fn finish(&self, settled: Settled) -> Vec<Callback> {
        let pending = {
            let mut inner = self.inner.lock();
            if !matches!(inner.state, State::Waiting) {
                return Vec::new();
            }
            inner.state = match settled {
                Settled::Done(value) => State::Done(value),
                Settled::Failed(error) => State::Failed(error),
                Settled::More(..) => return Vec::new(),
            };
            inner.pending.take()
        };
        pending.map(|mut pending| std::mem::take(&mut pending.callbacks)).unwrap_or_default()
    }

    /// A completion that came to the loop. Gives the callbacks for the loop to run.
    pub fn land(slf: &Bound<'_, Self>, future: Future) -> Vec<Callback> {
        let py = slf.py();
        let (answer, hangar, owner) = {
            let mut inner = slf.get().inner.lock();
            let Some(pending) = inner.pending.as_mut() else { return Vec::new() };
            match std::mem::replace(&mut pending.stage, Stage::Settling) {
                Stage::Flying(_, hangar) => (
                    std::mem::replace(&mut pending.answer, Answer::Nothing),
                    hangar,
                    pending.owner.as_ref().map(|owner| owner.bind(py).clone()),
                ),
                stage => {
                    pending.stage = stage;
                    return Vec::new();
                }
            }
        };
        let settled = match settle(py, future, answer, owner.as_ref()) {
            Settled::More(future, answer) => {
                let begun = Awaitable::bind(slf)
                    .and_then(|event_loop| event_loop::begin_turns(&event_loop));
                if let Err(error) = begun {
                    error.write_unraisable(py, Some(slf));
                }
                match hangar.launch(future, slf.clone().unbind()) {
                    Ok(flight) => {
                        let mut inner = slf.get().inner.lock();
                        match inner.pending.as_mut() {
                            Some(pending) => {
                                pending.stage = Stage::Flying(flight, hangar);
                                pending.answer = answer;
                            }
                            // Cancelled while it was settled.
                            None => {
                                drop(inner);
                                hangar.abandon(&flight);
                            }
                        }
                        return Vec::new();
                    }
                    Err(code) => Settled::Failed(errors::raise(py, code.into()).into_value(py)),
                }
            }
            settled => settled,
        };
        slf.get().finish(settled)
    }

    /// Sets the future's callback, so that the loop is told.
    fn arm(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        // No answer comes any more in a forked child, nor at the end of the program.
        fdb::serving().map_err(|error| errors::network(py, error))?;
        {
            let inner = slf.get().inner.lock();
            match inner.pending.as_ref().map(|pending| &pending.stage) {
                Some(Stage::Idle(_)) => {}
                _ => return Ok(()),
            }
        }
        let event_loop = Awaitable::bind(slf)?;
        event_loop::begin_turns(&event_loop)?;
        let hangar = event_loop::hangar(&event_loop)?;
        let refused = {
            let mut inner = slf.get().inner.lock();
            let Some(pending) = inner.pending.as_mut() else { return Ok(()) };
            match std::mem::replace(&mut pending.stage, Stage::Settling) {
                // Still locked: the completion may be landed by another thread before this one goes on.
                Stage::Idle(future) => match hangar.launch(future, slf.clone().unbind()) {
                    Ok(flight) => {
                        pending.stage = Stage::Flying(flight, hangar);
                        return Ok(());
                    }
                    Err(code) => code,
                },
                stage => {
                    pending.stage = stage;
                    return Ok(());
                }
            }
        };
        let error = errors::raise(py, refused.into()).into_value(py);
        slf.get().finish(Settled::Failed(error));
        Ok(())
    }

    /// The loop this operation belongs to: the one that ran at the call, else the first that asks.
    fn bind<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if let Some(event_loop) = &slf.get().inner.lock().event_loop {
            return Ok(event_loop.bind(py).clone());
        }
        let event_loop = event_loop::current(py)?;
        let mut inner = slf.get().inner.lock();
        // Another thread may have asked meanwhile: the first holds.
        let bound = inner.event_loop.get_or_insert_with(|| event_loop.clone().unbind());
        Ok(bound.bind(py).clone())
    }

    /// The result of an operation that is done.
    fn outcome(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let inner = self.inner.lock();
        match &inner.state {
            State::Done(value) => Ok(value.clone_ref(py)),
            State::Failed(error) => {
                let error = error.bind(py).clone();
                drop(inner);
                // Raised again it would grow by the frames of each await before.
                error.setattr(intern!(py, "__traceback__"), py.None())?;
                Err(PyErr::from_value(error.into_any()))
            }
            State::Cancelled => {
                let message = inner.cancel_message.as_ref().map(|message| message.clone_ref(py));
                drop(inner);
                Err(PyErr::from_value(errors::cancelled(py, message)?))
            }
            State::Waiting => {
                drop(inner);
                Err(errors::invalid_state(py, "Result is not set."))
            }
        }
    }

    pub fn is_pending(&self) -> bool {
        matches!(self.inner.lock().state, State::Waiting)
    }

    /// Asks the network to end what is waited for; whoever waits gets its error, 1101.
    pub fn give_up(&self) {
        if let Some(pending) = &self.inner.lock().pending {
            match &pending.stage {
                Stage::Idle(future) => future.cancel(),
                Stage::Flying(flight, _) => flight.cancel(),
                Stage::Settling => {}
            }
        }
    }

    /// Marks the operation cancelled and asks the network to end it. Gives the callbacks, None if it was done.
    fn cancel_now(&self, message: Option<Py<PyAny>>) -> Option<Vec<Callback>> {
        let (pending, old) = {
            let mut inner = self.inner.lock();
            if !matches!(inner.state, State::Waiting) {
                return None;
            }
            inner.state = State::Cancelled;
            let old = std::mem::replace(&mut inner.cancel_message, message);
            (inner.pending.take(), old)
        };
        drop(old);
        let mut pending = pending?;
        match &pending.stage {
            Stage::Idle(future) => future.cancel(),
            Stage::Flying(flight, hangar) => hangar.abandon(flight),
            Stage::Settling => {}
        }
        Some(std::mem::take(&mut pending.callbacks))
    }
}

impl Drop for Awaitable {
    fn drop(&mut self) {
        if let Some(pending) = self.inner.get_mut().pending.take()
            && let Stage::Flying(flight, hangar) = &pending.stage
        {
            hangar.abandon(flight);
        }
    }
}

/// Settles a future that is ready, and those that come after it as long as they are ready at once, but not so long that
/// the event loop would notice.
fn settle(
    py: Python<'_>,
    future: Future,
    answer: Answer,
    owner: Option<&Bound<'_, PyAny>>,
) -> Settled {
    let mut settled = answer.settle(py, future, owner);
    if let Settled::More(..) = settled {
        let began = Instant::now();
        while let Settled::More(future, answer) = settled {
            if !future.is_ready() || fairness::is_over(began) {
                return Settled::More(future, answer);
            }
            settled = answer.settle(py, future, owner);
        }
    }
    settled
}

impl Steps for Awaitable {
    /// One step of the awaitable: what `send(None)` and the interpreter's own fast path do.
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step> {
        let py = slf.py();
        if Awaitable::poll(slf) {
            if fairness::turn_due(py, fairness::AWAIT) {
                return Ok(Step::Yield(py.None()));
            }
            return slf.get().outcome(py).map(Step::Return);
        }
        {
            let inner = slf.get().inner.lock();
            let unarmed_watch = inner.pending.as_ref().is_some_and(
                |pending| matches!(&pending.answer, Answer::Watch(attempt) if attempt.goes_on()),
            );
            if unarmed_watch {
                // Programs of the older driver await the watch before the commit, to get its future.
                drop(inner);
                return Ok(Step::Return(slf.clone().into_any().unbind()));
            }
        }
        // Said before anything about loops: a forked child has none that runs.
        fdb::serving().map_err(|error| errors::network(py, error))?;
        let Some(running) = event_loop::running(py)? else {
            return Err(PyRuntimeError::new_err("no running event loop"));
        };
        let event_loop = Awaitable::bind(slf)?;
        if !event_loop.is(&running) {
            return Err(PyRuntimeError::new_err(
                "this operation was started in another event loop: await it there, \
                 or start it in the loop that awaits it",
            ));
        }
        Awaitable::arm(slf)?;
        slf.get().inner.lock().blocking = true;
        Ok(Step::Yield(slf.clone().into_any().unbind()))
    }
}

/// Has the operation's loop run the callbacks.
fn call_all_soon(slf: &Bound<'_, Awaitable>, callbacks: Vec<Callback>) -> PyResult<()> {
    if callbacks.is_empty() {
        return Ok(());
    }
    callbacks::soon(&Awaitable::bind(slf)?, slf, callbacks)
}

#[pymethods]
impl Awaitable {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Py<PyAny>> {
        into_generator_protocol(Awaitable::step(slf)?)
    }

    /// Cancel the operation: whoever waits for it gets `asyncio.CancelledError`.
    ///
    /// It is cancelled at once, and its transaction can be used on. The database is told, but may
    /// be past stopping: a commit that was cancelled may have happened.
    ///
    /// Args:
    ///     msg: an argument for the exception, or None.
    ///
    /// Returns:
    ///     True; False if the operation was done already, and stays as it was.
    #[pyo3(signature = (msg=None))]
    pub fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        if Awaitable::poll(slf) {
            return Ok(false);
        }
        let Some(callbacks) = slf.get().cancel_now(msg) else { return Ok(false) };
        call_all_soon(slf, callbacks)?;
        Ok(true)
    }

    /// Return whether the operation was cancelled.
    pub fn cancelled(&self) -> bool {
        matches!(self.inner.lock().state, State::Cancelled)
    }

    /// Return whether the operation has a result, has failed or was cancelled.
    fn done(slf: &Bound<'_, Self>) -> bool {
        Awaitable::poll(slf)
    }

    /// Return the result, or raise what the operation has failed with.
    ///
    /// Raises:
    ///     asyncio.CancelledError: the operation was cancelled.
    ///     asyncio.InvalidStateError: the operation is not done.
    fn result(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Awaitable::poll(slf);
        slf.get().outcome(slf.py())
    }

    /// Return what the operation has failed with, or None if it has a result.
    ///
    /// Raises:
    ///     asyncio.CancelledError: the operation was cancelled.
    ///     asyncio.InvalidStateError: the operation is not done.
    fn exception(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        if !Awaitable::poll(slf) {
            return Err(errors::invalid_state(py, "Exception is not set."));
        }
        let inner = slf.get().inner.lock();
        match &inner.state {
            State::Failed(error) => Ok(Some(error.clone_ref(py).into_any())),
            State::Cancelled => {
                drop(inner);
                slf.get().outcome(py).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Return the event loop that the operation belongs to.
    fn get_loop<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Awaitable::bind(slf)
    }

    /// Have the event loop call `fn` with the operation once it is done; soon, if it is already.
    ///
    /// Args:
    ///     fn: takes the operation.
    ///     context: the `contextvars.Context` to call it in; None for a copy of the current one.
    #[pyo3(signature = (r#fn, *, context=None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        r#fn: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let callback = Callback::new(slf.py(), r#fn, context)?;
        if !Awaitable::poll(slf) {
            Awaitable::arm(slf)?;
            let mut inner = slf.get().inner.lock();
            if let Some(pending) = inner.pending.as_mut() {
                pending.callbacks.push(callback);
                return Ok(());
            }
        }
        callbacks::soon(&Awaitable::bind(slf)?, slf, [callback])
    }

    /// Take `fn` off the functions to be called, and return how often it was among them.
    fn remove_done_callback(slf: &Bound<'_, Self>, r#fn: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = slf.py();
        let listed: Vec<Py<PyAny>> = match slf.get().inner.lock().pending.as_ref() {
            Some(pending) => {
                pending.callbacks.iter().map(|callback| callback.function.clone_ref(py)).collect()
            }
            None => return Ok(0),
        };
        // Comparing may run Python code, and fail: meanwhile every callback keeps its place.
        let mut equal = Vec::new();
        for callback in listed {
            if callback.bind(py).eq(r#fn)? {
                equal.push(callback);
            }
        }
        let gone: Vec<Callback> = match slf.get().inner.lock().pending.as_mut() {
            Some(pending) => {
                let is_gone = |callback: &Py<PyAny>| equal.iter().any(|equal| equal.is(callback));
                let (gone, kept) = std::mem::take(&mut pending.callbacks)
                    .into_iter()
                    .partition(|callback| is_gone(&callback.function));
                pending.callbacks = kept;
                gone
            }
            None => Vec::new(),
        };
        let removed = gone.len();
        Ok(removed)
    }

    fn _make_cancelled_error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let message =
            self.inner.lock().cancel_message.as_ref().map(|message| message.clone_ref(py));
        errors::cancelled(py, message)
    }

    #[getter]
    fn _cancel_message(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.inner.lock().cancel_message.as_ref().map(|message| message.clone_ref(py))
    }

    #[setter(_cancel_message)]
    fn set_cancel_message(&self, message: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut self.inner.lock().cancel_message, message);
        drop(old);
    }

    #[getter]
    fn _asyncio_future_blocking(&self) -> bool {
        self.inner.lock().blocking
    }

    #[setter(_asyncio_future_blocking)]
    fn set_asyncio_future_blocking(&self, blocking: bool) {
        self.inner.lock().blocking = blocking;
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let kind = slf.get_type().name()?;
        let shown = match &slf.get().inner.lock().state {
            State::Waiting => return Ok(format!("<found.{kind} pending>")),
            State::Cancelled => return Ok(format!("<found.{kind} cancelled>")),
            State::Done(value) => value.clone_ref(py),
            State::Failed(error) => error.clone_ref(py).into_any(),
        };
        // Shown outside the lock: a repr is anybody's code.
        Ok(format!("<found.{kind} finished {}>", shown.bind(py).repr()?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held belongs to a call in progress: its references count as held from outside.
        let Some(inner) = self.inner.try_lock() else { return Ok(()) };
        match &inner.state {
            State::Done(value) => visit.call(value)?,
            State::Failed(error) => visit.call(error)?,
            State::Waiting | State::Cancelled => {}
        }
        visit.call(&inner.event_loop)?;
        visit.call(&inner.cancel_message)?;
        if let Some(pending) = &inner.pending {
            visit.call(&pending.owner)?;
            pending.answer.traverse(&visit)?;
            for callback in &pending.callbacks {
                callback.traverse(&visit)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let cleared = match self.inner.try_lock() {
            Some(mut inner) => {
                let state = match inner.state {
                    State::Done(_) | State::Failed(_) => {
                        Some(std::mem::replace(&mut inner.state, State::Cancelled))
                    }
                    _ => None,
                };
                let callbacks =
                    inner.pending.as_mut().map(|pending| std::mem::take(&mut pending.callbacks));
                (state, callbacks, inner.event_loop.take(), inner.cancel_message.take())
            }
            None => return,
        };
        drop(cleared);
    }
}
