//! The Transaction class and the life of a transaction: made, committed, retried, reset, cancelled.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::PyDict,
};

use super::{answer::Answer, arguments::Bytes, database::Database, errors, operation::Operation};
use crate::fdb;

/// A transaction. Made by `found.transactional`, `found.transaction` or `found.make_transaction`.
#[pyclass(frozen, weakref, module = "found")]
pub struct Transaction {
    inner: fdb::Transaction,
    database: Py<Database>,
    snapshot: bool,
    vars: OnceLock<Py<PyDict>>,
    /// Counts commits begun and resets: a watch belongs to the attempt it was made in.
    attempt: AtomicU32,
}

impl Transaction {
    pub fn inner(&self) -> &fdb::Transaction {
        &self.inner
    }

    /// Whether a read is a snapshot read: as it says itself, else as the transaction was made.
    pub fn snapshot(&self, asked: Option<bool>) -> bool {
        asked.unwrap_or(self.snapshot)
    }

    pub fn attempt(&self) -> u32 {
        self.attempt.load(Ordering::Relaxed)
    }

    fn next_attempt(&self) {
        self.attempt.fetch_add(1, Ordering::Relaxed);
    }

    /// Refuses what a transaction made for reading cannot do.
    pub fn writable(&self) -> PyResult<&fdb::Transaction> {
        if self.snapshot {
            return Err(PyRuntimeError::new_err(
                "this transaction only reads: it was made with snapshot=True",
            ));
        }
        Ok(&self.inner)
    }
}

#[pymethods]
impl Transaction {
    /// A dictionary for what should live as long as the transaction; `transactional` clears it between tries.
    #[getter]
    fn vars(&self, py: Python<'_>) -> Py<PyDict> {
        self.vars.get_or_init(|| PyDict::new(py).unbind()).clone_ref(py)
    }

    /// The database that the transaction belongs to.
    #[getter]
    fn db(&self, py: Python<'_>) -> Py<Database> {
        self.database.clone_ref(py)
    }

    /// Whether the transaction only reads, without read conflicts.
    #[getter(snapshot)]
    fn is_snapshot(&self) -> bool {
        self.snapshot
    }

    fn __repr__(&self) -> String {
        let kind = if self.snapshot { "snapshot transaction" } else { "transaction" };
        format!("<found.Transaction {kind} of {}>", self.database.get().address())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.database)?;
        match self.vars.get() {
            Some(vars) => visit.call(vars),
            None => Ok(()),
        }
    }
}

/// Make a transaction to manage by hand.
///
/// With `snapshot=True` it only reads, and its reads add no conflicts. `found.transactional` retries, this
/// does not: see `found.on_error`.
#[pyfunction]
#[pyo3(signature = (db, *, snapshot=false))]
pub fn make_transaction(db: &Bound<'_, Database>, snapshot: bool) -> PyResult<Transaction> {
    let inner = db.get().inner().transaction().map_err(|fault| errors::raise(db.py(), fault))?;
    Ok(Transaction {
        inner,
        database: db.clone().unbind(),
        snapshot,
        vars: OnceLock::new(),
        attempt: AtomicU32::new(0),
    })
}

/// Commit the transaction.
#[pyfunction]
pub fn commit<'py>(tx: &Bound<'py, Transaction>) -> PyResult<Bound<'py, Operation>> {
    tx.get().next_attempt();
    Operation::start(tx.py(), tx.get().inner.commit(), Answer::Nothing, tx)
}

/// Let FoundationDB decide whether an error is worth another try.
#[pyfunction]
pub fn on_error<'py>(tx: &Bound<'py, Transaction>, code: i32) -> PyResult<Bound<'py, Operation>> {
    if code == 0 {
        return Err(PyValueError::new_err("code must be an error's, and 0 is success"));
    }
    tx.get().next_attempt();
    Operation::start(tx.py(), tx.get().inner.on_error(code), Answer::Nothing, tx)
}

/// Reset the transaction to its initial state.
#[pyfunction]
pub fn reset(tx: &Bound<'_, Transaction>) -> PyResult<()> {
    tx.get().next_attempt();
    tx.get().inner.reset().map_err(|fault| errors::raise(tx.py(), fault))
}

/// Cancel the transaction.
#[pyfunction]
pub fn cancel(tx: &Bound<'_, Transaction>) -> PyResult<()> {
    tx.get().inner.cancel().map_err(|fault| errors::raise(tx.py(), fault))
}

/// The version at which the transaction was committed.
#[pyfunction]
pub fn get_committed_version(tx: &Bound<'_, Transaction>) -> PyResult<i64> {
    tx.get().inner.committed_version().map_err(|fault| errors::raise(tx.py(), fault))
}

/// The approximate size of the transaction's commit, in bytes.
#[pyfunction]
pub fn get_approximate_size<'py>(
    tx: &Bound<'py, Transaction>,
) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.approximate_size(), Answer::Int64, tx)
}

/// The versionstamp that the commit will have.
#[pyfunction]
pub fn get_versionstamp<'py>(tx: &Bound<'py, Transaction>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.versionstamp(), Answer::Key, tx)
}

/// The version that the transaction reads at.
#[pyfunction]
pub fn read_version<'py>(tx: &Bound<'py, Transaction>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.read_version(), Answer::Int64, tx)
}

/// Set the version that the transaction reads at.
#[pyfunction]
pub fn set_read_version<'py>(
    tx: &Bound<'py, Transaction>,
    version: i64,
) -> PyResult<Bound<'py, Operation>> {
    Operation::nothing(tx.py(), tx.get().inner.set_read_version(version))
}

/// Set a transaction option.
#[pyfunction]
#[pyo3(signature = (tx, option, value=None))]
pub fn set_option(
    tx: &Bound<'_, Transaction>,
    option: i32,
    value: Option<Bytes<'_>>,
) -> PyResult<()> {
    let value = value.as_ref().map(Bytes::as_slice);
    tx.get().inner.set_option(option, value).map_err(|fault| errors::raise(tx.py(), fault))
}

/// Add a read or write conflict range by hand.
#[pyfunction]
pub fn add_conflict_range(
    tx: &Bound<'_, Transaction>,
    begin: Bytes<'_>,
    end: Bytes<'_>,
    conflict_type: u32,
) -> PyResult<()> {
    if conflict_type > 1 {
        return Err(PyValueError::new_err(format!(
            "conflict_type must be CONFLICT_RANGE_TYPE_READ or CONFLICT_RANGE_TYPE_WRITE, not {conflict_type}"
        )));
    }
    tx.get()
        .inner
        .add_conflict_range(begin.as_slice(), end.as_slice(), conflict_type)
        .map_err(|fault| errors::raise(tx.py(), fault))
}

/// Watch a key for a change.
#[pyfunction]
pub fn watch<'py>(tx: &Bound<'py, Transaction>, key: Bytes<'py>) -> PyResult<Bound<'py, Operation>> {
    let attempt = tx.get().attempt();
    let future = tx.get().inner.watch(key.as_slice());
    Operation::start(tx.py(), future, Answer::Watch { attempt }, tx)
}
