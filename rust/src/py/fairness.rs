//! Awaits that are answered at once take no turn of the event loop; too many in a row would starve it.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use pyo3::{intern, prelude::*, sync::PyOnceLock};

use super::event_loop;
use crate::fdb;

/// What a ready await counts, and the next row of a batch, which takes a fraction of the time.
pub const AWAIT: u32 = 4;
pub const ROW: u32 = 1;
/// A run of ready awaits without a turn ends when it counts so much, or after this long.
const LONGEST_RUN: u32 = 256 * AWAIT;
const LONGEST_TIME: Duration = Duration::from_millis(1);
/// From here on a run is watched, and the clock looked at after each as much: the loop tells when it turned. Shorter
/// ones cost a counter.
const WATCHED: u32 = 8 * AWAIT;

thread_local! {
    static READY: Cell<u32> = const { Cell::new(0) };
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Counts one ready await, or row; true if it should give the loop a turn first.
pub fn turn_due(py: Python<'_>, count: u32) -> bool {
    let before = READY.get();
    let ready = before + count;
    READY.set(ready);
    if before / WATCHED == ready / WATCHED {
        return false;
    }
    if before < WATCHED {
        if watch(py).is_err() {
            READY.set(0);
        }
        SINCE.set(Some(Instant::now()));
        return false;
    }
    let overdue = ready >= LONGEST_RUN || SINCE.get().is_some_and(is_over);
    if overdue {
        READY.set(0);
    }
    overdue
}

/// Whether what began then has taken its time. Where turns are counted time plays no part.
pub fn is_over(began: Instant) -> bool {
    !fdb::turns::are_wanted() && began.elapsed() > LONGEST_TIME
}

/// Has the running loop say when it turns.
fn watch(py: Python<'_>) -> PyResult<()> {
    static TURNED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let turned = TURNED.get_or_try_init(py, || {
        Ok::<_, PyErr>(pyo3::wrap_pyfunction!(_turned, py)?.into_any().unbind())
    })?;
    if let Some(event_loop) = event_loop::running(py)? {
        event_loop.call_method1(intern!(py, "call_soon"), (turned,))?;
    }
    Ok(())
}

#[pyfunction]
fn _turned() {
    READY.set(0);
}
