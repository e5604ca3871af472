//! The Database class: opened, configured, closed; and what the whole process shares.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit, exceptions::PyValueError, prelude::*, types::PyWeakrefReference,
};

use super::{
    answer::Answer,
    arguments::{Arg, Bytes, Db, name},
    awaitable::Awaitable,
    errors,
    operation::Operation,
};
use crate::fdb::{self, Code, Library, LoadError, NetworkError};

/// A database, as `found.open` gives it: a FoundationDB cluster, or one embedded in this process.
///
/// It belongs to no event loop, and several threads may use it at once. `async with await
/// found.open(...) as db` closes it at the end, as `found.close` does; one that nobody refers to
/// any more is closed as well.
#[pyclass(frozen, weakref, module = "found")]
pub struct Database {
    inner: Arc<fdb::Database>,
    address: String,
    /// What is called on the way of each transaction: a found.Hooks, three lists to append to.
    #[pyo3(get)]
    hooks: Py<PyAny>,
    /// Watches outlive their transactions, so closing looks for them here.
    watches: Mutex<Vec<Py<PyWeakrefReference>>>,
}

impl Database {
    pub fn inner(&self) -> &Arc<fdb::Database> {
        &self.inner
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Keeps a watch in mind, and forgets those that are gone each time their number has doubled.
    pub fn remember_watch(&self, watch: &Bound<'_, Awaitable>) -> PyResult<()> {
        let py = watch.py();
        let reference = PyWeakrefReference::new(watch)?.unbind();
        // Dropped after the lock is released: another thread may have let go of them meanwhile.
        let mut seen = Vec::new();
        let mut watches = self.watches.lock();
        if watches.len() == watches.capacity() && watches.len() >= 64 {
            watches.retain(|watch| match watch.bind(py).upgrade_as::<Awaitable>() {
                Ok(Some(watch)) => {
                    let is_pending = watch.get().is_pending();
                    seen.push(watch);
                    is_pending
                }
                _ => false,
            });
            let room = watches.len();
            watches.reserve(room);
        }
        watches.push(reference);
        Ok(())
    }

    /// Ends the watches of this handle: they fail with 1101.
    fn end_watches(&self, py: Python<'_>) {
        let watches = std::mem::take(&mut *self.watches.lock());
        for watch in watches {
            if let Ok(Some(watch)) = watch.bind(py).upgrade_as::<Awaitable>() {
                watch.get().give_up();
            }
        }
    }
}

#[pymethods]
impl Database {
    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Operation>> {
        Operation::done_with(slf.py(), slf.clone().into_any().unbind())
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(
        slf: &Bound<'py, Self>,
        _exception: &Bound<'py, pyo3::types::PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("found._opening")?.call_method1("close", (slf,))
    }

    fn __repr__(&self) -> String {
        let closed = if self.inner.is_closed() { " closed" } else { "" };
        format!("<found.Database {}{closed}>", self.address)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.hooks)
    }
}

/// Opens `address`, which `found.open` has resolved. Blocks: recovering a file takes its time.
#[pyfunction]
pub fn _open(py: Python<'_>, address: String, hooks: Py<PyAny>) -> PyResult<Database> {
    let embedded = found_embedded::is_address(&address);
    let library = if embedded {
        Library::linked()
    } else {
        Library::loaded().map_err(|error| errors::load(py, error))?
    };
    let opened = py.detach(|| {
        if !embedded {
            fdb::cluster_file::check(&address)
                .map_err(|(code, detail)| (NetworkError::Code(code), Some(detail)))?;
        }
        fdb::Database::open(library, &address).map_err(|error| {
            // What the codes of the C API cannot say is told beside it: by the engine, in the thread that asked, of a
            // cluster by its file.
            let detail = if embedded {
                found_embedded::last_failure()
            } else {
                Some(format!("cluster file {address}"))
            };
            (error, detail)
        })
    });
    match opened {
        Ok(inner) => Ok(Database { inner, address, hooks, watches: Mutex::new(Vec::new()) }),
        Err((NetworkError::Code(code), detail)) => {
            Err(errors::with_detail(py, Some(library), code, detail))
        }
        Err((error, _)) => Err(errors::network(py, error)),
    }
}

/// Closes the database: see `found.close`. Blocks: a file takes its time.
#[pyfunction]
pub fn _close(py: Python<'_>, db: Db<'_>) -> PyResult<()> {
    fdb::serving().map_err(|error| errors::network(py, error))?;
    let this = db.get();
    this.end_watches(py);
    py.detach(|| this.inner.close());
    Ok(())
}

/// Tell what the client library knows of its connections to the cluster.
///
/// Args:
///     db: a found.Database.
///
/// Returns:
///     An operation; awaited, bytes: a JSON object.
///
/// Raises:
///     LibraryException: the client library is older than 7.3.
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `db` is no found.Database.
///
/// Rule: fdbclient/ClientStatusReport.cpp; documentation of fdb_database_get_client_status.
#[pyfunction]
pub fn get_client_status<'py>(db: Db<'py>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(db.py(), db.get().inner.client_status(), Answer::Key, &db)
}

/// Tell the protocol version that the servers of the cluster speak.
///
/// Args:
///     db: a found.Database.
///     expected: int, a protocol version: the answer comes once the servers speak another. 0, the
///         default, to be told at once.
///
/// Returns:
///     An operation; awaited, an int of 64 bits without a sign.
///
/// Raises:
///     OverflowError: `expected` is negative or does not fit in 64 bits.
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `db` is no found.Database or `expected` no int.
///
/// Rule: documentation of fdb_database_get_server_protocol.
#[pyfunction]
#[pyo3(signature = (db, expected=Arg::new(0)), text_signature = "(db, expected=0)")]
pub fn get_server_protocol<'py>(
    db: Db<'py>,
    expected: Arg<name::Expected, u64>,
) -> PyResult<Bound<'py, Operation>> {
    let expected = *expected;
    Operation::start(db.py(), db.get().inner.server_protocol(expected), Answer::Uint64, &db)
}

/// Return how busy the network thread of the client library is.
///
/// Args:
///     db: a found.Database.
///
/// Returns:
///     A float from 0.0, idle, to 1.0, with no time left.
///
/// Raises:
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `db` is no found.Database.
///
/// Rule: documentation of fdb_database_get_main_thread_busyness.
#[pyfunction]
pub fn get_main_thread_busyness(db: Db<'_>) -> PyResult<f64> {
    db.get().inner.main_thread_busyness().map_err(|fault| errors::raise(db.py(), fault))
}

/// Whether a FoundationDB client library is on the machine, or is said to be.
#[pyfunction]
pub fn _client_is_installed() -> bool {
    match Library::loaded() {
        Ok(_) | Err(LoadError::Named { .. }) => true,
        Err(LoadError::NotFound { .. }) => false,
    }
}

/// Set a database option, its value encoded as C takes it: see `found.database_set_option`.
#[pyfunction]
#[pyo3(signature = (db, option, value=None))]
pub fn database_set_option(
    db: Db<'_>,
    option: Arg<name::Option_, i32>,
    value: Option<Bytes<'_, name::Value>>,
) -> PyResult<()> {
    let option = *option;
    let value = value.as_ref().map(Bytes::as_slice);
    db.get().inner.set_option(option, value).map_err(|fault| errors::raise(db.py(), fault))
}

/// Set a network option, its value encoded as C takes it: see `found.network_set_option`.
#[pyfunction]
#[pyo3(signature = (option, value=None))]
pub fn network_set_option(
    py: Python<'_>,
    option: Arg<name::Option_, i32>,
    value: Option<Bytes<'_, name::Value>>,
) -> PyResult<()> {
    let option = *option;
    let value = value.as_ref().map(Bytes::as_slice);
    fdb::set_network_option(option, value).map_err(|error| errors::network(py, error))
}

/// Return the version of the client library that serves a database.
///
/// Args:
///     db: a found.Database; None, the default, for the embedded engine.
///
/// Returns:
///     A str of three parts: the version, the revision of its source, and the protocol it speaks,
///     in
///     hexadecimal: `7.3.79,2a5e...,fdb00b073000000`.
///
/// Raises:
///     TypeError: `db` is no found.Database.
///
/// Rule: fdbclient/ThreadSafeTransaction.cpp, ThreadSafeApi::getClientVersion.
#[pyfunction]
#[pyo3(signature = (db=None))]
pub fn get_client_version(db: Option<Db<'_>>) -> String {
    let library = db.map_or_else(Library::linked, |db| db.get().inner.library());
    library.client_version()
}

/// Tell whether an error is of a kind, by its code.
///
/// The answer is FoundationDB 7.3's. `found.on_error` goes by a list of its own, which differs in a
/// few rare codes: leave it to that whether to try again.
///
/// Args:
///     predicate: int. `found.ERROR_PREDICATE_RETRYABLE`: trying the transaction again may help;
///         `found.ERROR_PREDICATE_MAYBE_COMMITTED`: it may have been committed all the same;
///         `found.ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED`: trying again may help, and it was not
///         committed.
///     code: int, the code of the error: `FoundException.code`.
///
/// Returns:
///     A bool; False for a code that there is not.
///
/// Raises:
///     TypeError: `predicate` or `code` is no int.
///     ValueError: there is no such `predicate`.
///
/// Rule: bindings/c/fdb_c.cpp, fdb_error_predicate.
#[pyfunction]
pub fn error_predicate(
    predicate: Arg<name::Predicate, i32>,
    code: Arg<name::Code, i32>,
) -> PyResult<bool> {
    let predicate = *predicate;
    let code = *code;
    if !(50000..=50002).contains(&predicate) {
        return Err(PyValueError::new_err(format!(
            "predicate must be one of the ERROR_PREDICATE_ constants, not {predicate}"
        )));
    }
    Ok(Library::linked().error_predicate(predicate, code))
}

/// FoundationDB's text for an error code.
#[pyfunction]
pub fn _error_text(code: Arg<name::Code, i32>) -> String {
    let code = *code;
    Library::linked().error_text(Code(code).0)
}

/// Stops the network of every library and waits for its thread. Called once, at exit.
#[pyfunction]
pub fn _stop(py: Python<'_>) {
    py.detach(fdb::stop_all);
}

/// Calls a hook at the end of the program: an exception is reported, since nobody is left to catch
/// it.
#[pyfunction]
pub fn _call_completion_hook(callback: &Bound<'_, PyAny>) {
    if let Err(error) = callback.call0() {
        error.write_unraisable(callback.py(), Some(callback));
    }
}

/// Called in the child after a fork: whether the parent's networks, which are not here, had been started.
#[pyfunction]
pub fn _in_child_after_fork() -> bool {
    fdb::in_child_after_fork()
}
