//! The callbacks of operations: each called with its operation, in the context it was added in, by the event loop.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyKeyboardInterrupt, PySystemExit},
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::PyDict,
};

use super::{
    awaitable::Awaitable,
    event_loop::{self, Hangar},
};

/// A function to be called with an operation that is done.
pub struct Callback {
    pub function: Py<PyAny>,
    context: Py<PyAny>,
}

impl Callback {
    /// `context` is the one to call it in; without, a copy of the current one.
    pub fn new(py: Python<'_>, function: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<Self> {
        let context = match context {
            Some(context) if !context.is_none(py) => context,
            _ => {
                static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                COPY.import(py, "contextvars", "copy_context")?.call0()?.unbind()
            }
        };
        Ok(Callback { function, context })
    }

    /// Calls it as a loop does: an exception goes to the loop's handler, unless it ends the program.
    pub fn call(self, operation: &Bound<'_, Awaitable>) -> PyResult<()> {
        let py = operation.py();
        let run = intern!(py, "run");
        match self.context.bind(py).call_method1(run, (self.function, operation)) {
            Ok(_) => Ok(()),
            Err(error) => report(py, error),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.context)
    }
}

/// Rule: asyncio/events.py, Handle._run.
fn report(py: Python<'_>, error: PyErr) -> PyResult<()> {
    if error.is_instance_of::<PySystemExit>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py) {
        return Err(error);
    }
    let details = PyDict::new(py);
    details.set_item("message", "Exception in a callback of a found operation")?;
    details.set_item("exception", error.value(py))?;
    event_loop::current(py)?.call_method1("call_exception_handler", (details,))?;
    Ok(())
}

/// The callbacks that a loop is to call at its next turn, first come first called.
///
/// One `call_soon` serves all that come before the turn: of an asyncio loop it costs more than everything else that is
/// done for an operation which is ready.
#[derive(Default)]
pub struct Soon(Mutex<VecDeque<(Py<Awaitable>, Callback)>>);

impl Soon {
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A lock that is held belongs to a call in progress: its references count as held from outside.
        if let Some(waiting) = self.0.try_lock() {
            for (operation, callback) in waiting.iter() {
                visit.call(operation)?;
                callback.traverse(visit)?;
            }
        }
        Ok(())
    }

    /// Takes what waits, to be called or dropped once the lock is released.
    pub fn take(&self) -> VecDeque<(Py<Awaitable>, Callback)> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Has `event_loop` call `callbacks` with `operation` at its next turn.
pub fn soon(
    event_loop: &Bound<'_, PyAny>,
    operation: &Bound<'_, Awaitable>,
    callbacks: impl IntoIterator<Item = Callback>,
) -> PyResult<()> {
    let hangar = event_loop::hangar(event_loop)?;
    let is_first = {
        let mut waiting = hangar.soon.0.lock();
        let is_first = waiting.is_empty();
        for callback in callbacks {
            waiting.push_back((operation.clone().unbind(), callback));
        }
        is_first && !waiting.is_empty()
    };
    if is_first { schedule(event_loop, hangar) } else { Ok(()) }
}

fn schedule(event_loop: &Bound<'_, PyAny>, hangar: Arc<Hangar>) -> PyResult<()> {
    let py = event_loop.py();
    let turn = Bound::new(py, Turn { hangar: Arc::clone(&hangar) })?;
    // A loop that sleeps in another thread has to be woken.
    let is_here = event_loop::running(py)?.is_some_and(|running| running.is(event_loop));
    let call_soon =
        if is_here { intern!(py, "call_soon") } else { intern!(py, "call_soon_threadsafe") };
    let scheduled = event_loop.call_method1(call_soon, (turn,));
    if scheduled.is_err() {
        // A loop that is closed calls nobody.
        drop(hangar.soon.take());
    }
    scheduled.map(drop)
}

/// What a loop calls at its turn.
#[pyclass(frozen, module = "found._found", name = "_Turn")]
struct Turn {
    hangar: Arc<Hangar>,
}

#[pymethods]
impl Turn {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        // Those that come meanwhile are for the next turn.
        let mut waiting = self.hangar.soon.take();
        while let Some((operation, callback)) = waiting.pop_front() {
            if let Err(fatal) = callback.call(operation.bind(py)) {
                for (operation, callback) in waiting {
                    let event_loop = event_loop::current(py)?;
                    soon(&event_loop, operation.bind(py), [callback])?;
                }
                return Err(fatal);
            }
        }
        Ok(())
    }
}
