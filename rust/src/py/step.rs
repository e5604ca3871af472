//! The steps of an awaitable, and how a generator tells of them.

use pyo3::{exceptions::PyStopIteration, intern, prelude::*, types::PyTuple};

/// What one step of an awaitable gives to whoever drives it.
pub enum Step {
    /// Not done: an object for the event loop to wait for, or None for a turn.
    Yield(Py<PyAny>),
    Return(Py<PyAny>),
}

/// A step as a generator tells it: a yield returns, a return is a StopIteration.
pub fn into_generator_protocol(step: Step) -> PyResult<Py<PyAny>> {
    match step {
        Step::Yield(value) => Ok(value),
        // In a tuple of its own: a bare tuple would become the exception's arguments.
        Step::Return(value) => Err(PyStopIteration::new_err((value,))),
    }
}

/// The exception that a generator's throw(type, value, traceback) names.
pub fn thrown(
    py: Python<'_>,
    typ: &Bound<'_, PyAny>,
    val: Option<&Bound<'_, PyAny>>,
    tb: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyErr> {
    let value = match val {
        Some(value) if value.is_instance_of::<pyo3::exceptions::PyBaseException>() => value.clone(),
        Some(value) if !value.is_none() => match value.cast::<PyTuple>() {
            Ok(arguments) => typ.call1(arguments)?,
            Err(_) => typ.call1((value,))?,
        },
        _ if typ.is_instance_of::<pyo3::exceptions::PyBaseException>() => typ.clone(),
        _ => typ.call0()?,
    };
    if let Some(tb) = tb.filter(|tb| !tb.is_none()) {
        value.setattr(intern!(py, "__traceback__"), tb)?;
    }
    Ok(PyErr::from_value(value))
}
