//! What a call to the database gives: an awaitable that is a coroutine as well.

use pyo3::prelude::*;

use super::{
    answer::Answer,
    awaitable::Awaitable,
    errors,
    raw::Steps,
    step::{into_generator_protocol, thrown},
};
use crate::fdb::{Fault, Future};

/// What a call to the database gives: await it, or treat it as an `asyncio.Future`.
///
/// The work begins at the call, not when it is awaited, so several operations can be under way at
/// once. A result that is there already is had without a turn of the event loop. Awaited again, an
/// operation gives the same result again.
///
/// It is a found.Future, and a coroutine as well: `asyncio.gather`, `wait_for`, `shield`,
/// `timeout`, `create_task`, `TaskGroup` and `asyncio.run` take it as it is. Only `asyncio.wait`
/// refuses whatever is a coroutine since Python 3.11: hand it tasks.
///
/// Wrong arguments raise at the call. What FoundationDB has to say, a found.FoundException, is
/// raised when the operation is awaited. `found.Operation[bytes]` is the type of one that gives
/// bytes.
// Without a free list: PyO3 hands its objects out untracked, and cycles through them would never be collected.
#[pyclass(frozen, extends = Awaitable, module = "found")]
pub struct Operation;

impl Operation {
    fn new(py: Python<'_>, awaitable: Awaitable) -> PyResult<Bound<'_, Operation>> {
        Bound::new(py, PyClassInitializer::from(awaitable).add_subclass(Operation))
    }

    /// An operation that is done.
    pub fn done_with(py: Python<'_>, value: Py<PyAny>) -> PyResult<Bound<'_, Operation>> {
        Operation::new(py, Awaitable::done_with(value))
    }

    /// An operation that was done by the call itself.
    pub fn nothing(py: Python<'_>, result: Result<(), Fault>) -> PyResult<Bound<'_, Operation>> {
        result.map_err(|fault| errors::raise(py, fault))?;
        Operation::done_with(py, py.None())
    }

    /// The operation of a future that was just asked for.
    pub fn start<'py>(
        py: Python<'py>,
        future: Result<Future, Fault>,
        answer: Answer,
        owner: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Operation>> {
        Operation::new(py, Awaitable::start(py, future, answer, Some(owner))?)
    }
}

#[pymethods]
impl Operation {
    /// Take one step, as the coroutine protocol has it. What is sent is ignored.
    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        into_generator_protocol(Awaitable::step(slf.as_super())?)
    }

    /// Raise an exception, as the coroutine protocol has it. The operation goes on.
    #[pyo3(signature = (typ, val=None, tb=None))]
    fn throw(
        slf: &Bound<'_, Self>,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Err(thrown(slf.py(), typ, val, tb)?)
    }

    /// Cancel the operation unless it is done, as the coroutine protocol has it.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        Awaitable::cancel(slf.as_super(), None).map(drop)
    }
}
