//! What blocks, handed out as an asyncio future: a thread of tokio's does it, through pyo3-async-runtimes.

use std::sync::OnceLock;

use parking_lot::{Condvar, Mutex};
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use pyo3_async_runtimes::tokio as runtime;

use super::errors;
use crate::fdb;

/// How much is under way; the end of the program waits until it is nothing.
static UNDER_WAY: Mutex<usize> = Mutex::new(0);
static NOTHING_LEFT: Condvar = Condvar::new();
static USED: OnceLock<()> = OnceLock::new();

struct UnderWay;

impl UnderWay {
    fn begin() -> UnderWay {
        *UNDER_WAY.lock() += 1;
        UnderWay
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut left = UNDER_WAY.lock();
        *left -= 1;
        if *left == 0 {
            NOTHING_LEFT.notify_all();
        }
    }
}

/// Runs `work` in a thread, without the GIL, and answers with what `then` makes of its result.
pub fn hand_out<'py, T: Send + 'static>(
    py: Python<'py>,
    work: impl FnOnce() -> T + Send + 'static,
    then: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>> {
    // After a fork the runtime's threads are not there; after the end of the network nothing is to be opened.
    fdb::serving().map_err(|error| errors::network(py, error))?;
    USED.get_or_init(|| {
        // One worker: what it is asked to do last is done when all before it is, see `wait_for_all`.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("found-blocking");
        runtime::init(builder);
    });
    let under_way = UnderWay::begin();
    runtime::future_into_py(py, async move {
        let _under_way = under_way;
        let done = runtime::get_runtime().spawn_blocking(work).await;
        let done = done.map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Python::attach(|py| then(py, done))
    })
}

/// Waits until nothing is under way and no thread of the runtime is inside Python: one that were would be ended in the
/// middle of Rust when the interpreter goes, and take the process along. Called without the GIL.
pub fn wait_for_all() {
    if USED.get().is_none() || fdb::forked() {
        return;
    }
    let mut left = UNDER_WAY.lock();
    while *left > 0 {
        NOTHING_LEFT.wait(&mut left);
    }
    drop(left);
    // The last future tells the event loop in the same turn of the worker that ended it; this one comes after.
    let turn = runtime::get_runtime().spawn(async {});
    let _ = runtime::get_runtime().block_on(turn);
}
