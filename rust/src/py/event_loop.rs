//! What the driver keeps for each asyncio event loop: the operations in flight and the loop's way to wake up.

use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit, intern, prelude::*, sync::PyOnceLock, types::PyWeakrefReference,
};
use slab::Slab;

use super::{
    awaitable::Awaitable,
    callbacks::{self, Soon},
    wake::{Signal, signal},
};
use crate::fdb::{Flight, Future, Queue, turns};

/// The loop that runs in this thread, if one does.
pub fn running(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let event_loop = GET.import(py, "asyncio", "_get_running_loop")?.call0()?;
    Ok((!event_loop.is_none()).then_some(event_loop))
}

/// The loop that runs, else the one that `asyncio.run` or its user has set for this thread.
pub fn current(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    if let Some(event_loop) = running(py)? {
        return Ok(event_loop);
    }
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    GET.import(py, "asyncio", "get_event_loop")?.call0()
}

/// An operation that waits, filed under its flight's key.
struct Waiting {
    flight: Option<Arc<Flight>>,
    /// None once cancelled: the completion comes all the same, and is swallowed.
    operation: Option<Py<Awaitable>>,
}

/// The part of a loop's state that is found without asking Python.
pub struct Hangar {
    queue: Arc<Queue>,
    signal: Arc<dyn Signal>,
    waiting: Mutex<Slab<Waiting>>,
    /// Landed, but a KeyboardInterrupt or SystemExit out of a callback came first.
    left: Mutex<VecDeque<Arc<Flight>>>,
    /// Callbacks of operations that were done when these were added.
    pub soon: Soon,
    /// The loop says at each turn that it has turned.
    turning: AtomicBool,
    /// The loop is closed or gone.
    grounded: AtomicBool,
}

impl Hangar {
    /// Sets the future's callback: `operation` will be told by this loop.
    pub fn launch(
        &self,
        future: Future,
        operation: Py<Awaitable>,
    ) -> Result<Arc<Flight>, crate::fdb::Code> {
        let key = self.waiting.lock().insert(Waiting { flight: None, operation: Some(operation) });
        match Flight::launch(future, key, Arc::clone(&self.queue)) {
            Ok(flight) => {
                if let Some(waiting) = self.waiting.lock().get_mut(key) {
                    waiting.flight = Some(Arc::clone(&flight));
                }
                Ok(flight)
            }
            Err(code) => {
                self.waiting.lock().try_remove(key);
                Err(code)
            }
        }
    }

    /// Cancels a flight; its operation, which is done already, is let go.
    pub fn abandon(&self, flight: &Flight) {
        let operation =
            self.waiting.lock().get_mut(flight.key).and_then(|waiting| waiting.operation.take());
        // Dropped outside the lock: it may be the last reference.
        drop(operation);
        flight.cancel();
    }

    /// The loop is closed or gone: what is in flight is cancelled and let go, and nothing lands any more.
    fn ground(&self) {
        self.grounded.store(true, Ordering::Relaxed);
        self.queue.close();
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for (_, waiting) in &waiting {
            if let Some(flight) = &waiting.flight {
                flight.cancel();
            }
        }
        let left = std::mem::take(&mut *self.left.lock());
        // Outside the locks: these may be the last references.
        drop((waiting, left, self.soon.take()));
    }
}

/// The state of one event loop, called by it when there is something to land.
///
/// Only the loop owns it, as what it calls. What is in flight leads to tasks, and those to the loop: owned from
/// elsewhere, a loop that closed with work in flight would stay for ever.
#[pyclass(frozen, weakref, module = "found._found", name = "_EventLoopState")]
pub struct EventLoopState {
    hangar: Arc<Hangar>,
}

impl Drop for EventLoopState {
    fn drop(&mut self) {
        self.hangar.ground();
    }
}

thread_local! {
    /// The loop that asked last in this thread, by address. A loop that is gone has taken its hangar along, or
    /// left it grounded, so an address used again finds nothing here.
    static LAST: RefCell<(usize, Weak<Hangar>)> = const { RefCell::new((0, Weak::new())) };
}

/// The hangar of `event_loop`, made with its first operation that has to wait.
pub fn hangar(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Hangar>> {
    let address = event_loop.as_ptr() as usize;
    let last =
        LAST.with_borrow(|(last, hangar)| (*last == address).then(|| hangar.upgrade()).flatten());
    if let Some(hangar) = last
        && !hangar.grounded.load(Ordering::Relaxed)
    {
        return Ok(hangar);
    }
    let hangar = find_or_make(event_loop)?;
    LAST.with_borrow_mut(|last| *last = (address, Arc::downgrade(&hangar)));
    Ok(hangar)
}

/// Weak references to the state of each loop, by the loop.
fn states(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static STATES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let states = STATES.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("weakref")?.getattr("WeakKeyDictionary")?.call0()?.unbind())
    })?;
    Ok(states.bind(py))
}

fn find_or_make(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Hangar>> {
    let py = event_loop.py();
    let states = states(py)?;
    let found = states.call_method1("get", (event_loop,))?;
    if let Some(state) = upgrade(&found)? {
        return Ok(Arc::clone(&state.get().hangar));
    }
    let (signal, wake) = signal(event_loop)?;
    let hangar = Arc::new(Hangar {
        queue: Queue::new(wake),
        signal: Arc::clone(&signal),
        waiting: Mutex::new(Slab::new()),
        left: Mutex::new(VecDeque::new()),
        soon: Soon::default(),
        turning: AtomicBool::new(false),
        grounded: AtomicBool::new(false),
    });
    let state = Bound::new(py, EventLoopState { hangar: Arc::clone(&hangar) })?;
    // In a context of its own: the loop would keep the caller's context variables alive.
    let context = py.import("contextvars")?.getattr("Context")?.call0()?;
    signal.attach(event_loop, state.as_any(), &context)?;
    states.set_item(event_loop, PyWeakrefReference::new(state.as_any())?)?;
    Ok(hangar)
}

/// Something was asked of a library that may answer in turns of this loop: it says so at each from the next one on.
pub fn begin_turns(event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
    if !turns::are_wanted() || hangar(event_loop)?.turning.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let state = states(event_loop.py())?.call_method1("get", (event_loop,))?;
    match upgrade(&state)? {
        Some(state) => next_turn(event_loop, &state),
        None => Ok(()),
    }
}

fn next_turn(event_loop: &Bound<'_, PyAny>, state: &Bound<'_, EventLoopState>) -> PyResult<()> {
    let py = event_loop.py();
    event_loop.call_method1(intern!(py, "call_soon"), (state.getattr(intern!(py, "turn"))?,))?;
    Ok(())
}

fn upgrade<'py>(state: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, EventLoopState>>> {
    match state.cast::<PyWeakrefReference>() {
        Ok(state) => Ok(state.upgrade_as::<EventLoopState>()?),
        Err(_) => Ok(None),
    }
}

/// How often loops were woken and how many completions arrived, over all loops that live: for tests.
#[pyfunction]
pub fn _completion_counts(py: Python<'_>) -> PyResult<(usize, usize)> {
    let mut sum = (0, 0);
    for state in states(py)?.call_method0("values")?.try_iter()? {
        if let Some(state) = upgrade(&state?)? {
            let (wake_ups, completions) = state.get().hangar.queue.counts();
            sum = (sum.0 + wake_ups, sum.1 + completions);
        }
    }
    Ok(sum)
}

#[pymethods]
impl EventLoopState {
    /// Lands what has arrived.
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let hangar = &self.hangar;
        hangar.signal.consume();
        let mut flights = std::mem::take(&mut *hangar.left.lock());
        flights.extend(hangar.queue.drain());
        while let Some(flight) = flights.pop_front() {
            let waiting = hangar.waiting.lock().try_remove(flight.key);
            let operation = waiting.and_then(|waiting| waiting.operation);
            let (Some(future), Some(operation)) = (flight.land(), operation) else { continue };
            let operation = operation.into_bound(py);
            let mut callbacks = Awaitable::land(&operation, future).into_iter();
            while let Some(callback) = callbacks.next() {
                if let Err(fatal) = callback.call(&operation) {
                    if !flights.is_empty() {
                        *hangar.left.lock() = flights;
                        hangar.queue.wake_again();
                    }
                    callbacks::soon(&current(py)?, &operation, callbacks)?;
                    return Err(fatal);
                }
            }
        }
        Ok(())
    }

    /// The loop has turned. What is answered by that lands here and now: the signal comes a turn later.
    fn turn(slf: &Bound<'_, Self>) -> PyResult<()> {
        let goes_on = turns::turn();
        slf.get().hangar.turning.store(goes_on, Ordering::Relaxed);
        if goes_on {
            next_turn(&current(slf.py())?, slf)?;
        }
        slf.get().__call__(slf.py())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held belongs to a call in progress: its references count as held from outside.
        if let Some(waiting) = self.hangar.waiting.try_lock() {
            for (_, waiting) in waiting.iter() {
                visit.call(&waiting.operation)?;
            }
        }
        self.hangar.soon.traverse(&visit)
    }

    fn __clear__(&self) {
        let cleared: Vec<_> = match self.hangar.waiting.try_lock() {
            Some(mut waiting) => {
                waiting.iter_mut().map(|(_, waiting)| waiting.operation.take()).collect()
            }
            None => return,
        };
        drop((cleared, self.hangar.soon.take()));
    }
}
