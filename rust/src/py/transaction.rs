//! The Transaction class and the life of a transaction: made, committed, retried, reset, cancelled.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};

use super::{
    answer::Answer,
    arguments::{Arg, Bytes, Tx, name},
    awaitable::Awaitable,
    database::Database,
    errors,
    operation::Operation,
    tenant::Tenant,
};
use crate::fdb;

/// A transaction: reads of one version of the database, writes committed together or not at all.
///
/// `found.transactional` makes one and retries it until it is committed, `found.transaction` one
/// for an `async with`, `found.make_transaction` one to manage by hand. It belongs to no event
/// loop.
///
/// Its reads are of the version that the first of them takes, and of what it has written itself.
/// Its writes stay in this process until the commit, which fails (1020) if anything that was read
/// has been changed by others since: reads and writes add conflict ranges, and the commit compares
/// them.
///
/// The call of a write tells nothing of what is wrong with it, such as a key that is too long. The
/// error is kept, and raised by what is awaited of the transaction next: a read, a watch, the
/// commit, but not `found.on_error`. Errors of FoundationDB, found.FoundException, are raised when
/// an operation is awaited. Beside those that a function names, any operation of a transaction can
/// raise
///
/// - 1007, if it reads or commits later than five seconds after its read version,
/// - 1025, once it was cancelled, by `found.cancel` or after `found.on_error` has raised,
/// - 1031, once the time is over that `FDB_TR_OPTION_TIMEOUT` gave it,
/// - 1037, 1009 and others that pass by themselves: `found.on_error` knows them,
/// - 2017, once its commit has begun: it is done then, and `found.reset` starts another,
/// - a RuntimeError, from the call, if the database is closed or the process was forked since it
///   was opened.
///
/// A key has 10,000 bytes at most (2102), a value 100,000 (2103), the writes and conflict ranges of
/// a transaction 10,000,000 in all (2101).
///
/// Rule: fdbclient/ThreadSafeTransaction.cpp, for when errors are raised; fdbclient/ClientKnobs.cpp
/// and fdbclient/ServerKnobs.cpp, for the limits.
#[pyclass(frozen, weakref, module = "found")]
pub struct Transaction {
    inner: fdb::Transaction,
    database: Py<Database>,
    snapshot: bool,
    vars: OnceLock<Py<PyDict>>,
    /// Counts commits begun and resets: a watch belongs to the attempt it was made in.
    attempt: Arc<AtomicU32>,
}

impl Transaction {
    pub fn database(&self) -> &Py<Database> {
        &self.database
    }

    pub fn inner(&self) -> &fdb::Transaction {
        &self.inner
    }

    /// Whether a read is a snapshot read: as it says itself, else as the transaction was made.
    pub fn snapshot(&self, asked: Option<bool>) -> bool {
        asked.unwrap_or(self.snapshot)
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
    /// A dict for what is to live as long as the transaction; cleared when it is tried again.
    #[getter]
    fn vars(&self, py: Python<'_>) -> Py<PyDict> {
        if let Some(vars) = self.vars.get() {
            return vars.clone_ref(py);
        }
        // Made before: in making it a collection may run code that asks for it, in this thread or another.
        let made = PyDict::new(py).unbind();
        self.vars.get_or_init(|| made).clone_ref(py)
    }

    /// The database that the transaction belongs to.
    #[getter]
    fn db(&self, py: Python<'_>) -> Py<Database> {
        self.database.clone_ref(py)
    }

    /// Whether it was made to read only, its reads adding no conflicts.
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

/// Make a transaction to manage by hand: to commit, to retry and to forget.
///
/// Nothing is asked of the database yet: the read version is taken by the first read. A transaction
/// that is forgotten is cancelled. No hook of `db.hooks` is called.
///
/// Args:
///     db: a found.Database.
///     snapshot: True for a transaction that only reads: its reads add no conflicts unless they ask
///         for them with snapshot=False, and its writes raise RuntimeError.
///
/// Returns:
///     A found.Transaction.
///
/// Raises:
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `db` is no found.Database.
///
/// Rule: documentation of fdb_database_create_transaction.
#[pyfunction]
#[pyo3(signature = (db, *, snapshot=Arg::new(false)), text_signature = "(db, *, snapshot=False)")]
pub fn make_transaction(
    db: &Bound<'_, PyAny>,
    snapshot: Arg<name::Snapshot, bool>,
) -> PyResult<Transaction> {
    let snapshot = *snapshot;
    let (made, database) = if let Ok(database) = db.cast::<Database>() {
        (database.get().inner().transaction(), database.clone().unbind())
    } else if let Ok(tenant) = db.cast::<Tenant>() {
        let tenant = tenant.get();
        (tenant.inner().transaction(), tenant.database().clone_ref(db.py()))
    } else {
        let kind = db.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "db must be a found.Database or a found.Tenant, not {kind}"
        )));
    };
    let inner = made.map_err(|fault| errors::raise(db.py(), fault))?;
    Ok(Transaction {
        inner,
        database,
        snapshot,
        vars: OnceLock::new(),
        attempt: Arc::new(AtomicU32::new(0)),
    })
}

/// Commit the transaction.
///
/// `found.transactional` does it by itself. The commit begins at the call and first waits for the
/// reads that are under way; if one of them fails the commit fails too. A transaction that has
/// written nothing and added no write conflicts has nothing to commit, and succeeds. A successful
/// commit arms the watches of the transaction and answers `found.get_versionstamp`.
///
/// The transaction can then be asked for its version, `found.get_committed_version`, but reads and
/// writes raise 2017: to begin again, `found.reset` it or make another.
///
/// Args:
///     tx: a found.Transaction.
///
/// Returns:
///     An operation; awaited, None, once the writes are durable. Cancelled on its way, the commit
///     may happen all the same.
///
/// Raises:
///     FoundException: 1020 if others have changed what was read; 1021 if the outcome is not known:
///         it may have been committed; 1007 if the read version is older than five seconds; 2101 if
///         writes and conflict ranges exceed 10,000,000 bytes; 2017 for a second commit; an error
///         kept back from a write; and what else found.Transaction names. `found.on_error` knows
///         which to retry.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, Transaction::commitMutations and tryCommit.
#[pyfunction]
pub fn commit<'py>(tx: Tx<'py>) -> PyResult<Bound<'py, Operation>> {
    tx.get().next_attempt();
    Operation::start(tx.py(), tx.get().inner.commit(), Answer::Nothing, &tx)
}

/// Make the transaction ready for another try after an error, or raise the error again.
///
/// For an error that passes the transaction is reset and the operation is done after a delay:
/// random, its bound doubling from 10 milliseconds to a second (`FDB_TR_OPTION_MAX_RETRY_DELAY`)
/// for a conflict (1020), an unknown outcome (1021) and what the cluster says when it is busy; 10
/// milliseconds for a transaction too old (1007) or ahead of a server (1009). Options that outlive
/// a retry stay: timeout, retry limit, greatest delay. `tx.vars` is the caller's to clear.
///
/// Any other error is raised again, as any is once the retry limit is reached. The transaction is
/// cancelled then: every use of it raises 1025 until `found.reset`.
///
/// ```python
/// import found
///
/// async with await found.open("memory:") as db:
///     await found.transactional(db, found.set, b"key", b"ab")
///     tx = found.make_transaction(db)
///     while True:
///         try:
///             value = await found.get(tx, b"key")
///             found.set(tx, b"key", value * 2)
///             await found.commit(tx)
///             break
///         except found.FoundException as error:
///             await found.on_error(tx, error.code)
///     assert await found.transactional(db, found.get, b"key") == b"abab"
/// ```
///
/// Args:
///     tx: a found.Transaction.
///     code: int, the code of the error: `FoundException.code`.
///
/// Returns:
///     An operation; awaited, None: the transaction is as new.
///
/// Raises:
///     FoundException: `code` again, if trying again does not help; 1025 or 1031 if the transaction
///         was cancelled or timed out, whatever the code.
///     TypeError: `tx` is no found.Transaction or `code` no int.
///     ValueError: `code` is 0, which is success.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, Transaction::onError, for the codes and the delays;
/// fdbclient/ReadYourWrites.actor.cpp, RYWImpl::onError, for what becomes of the transaction.
#[pyfunction]
pub fn on_error<'py>(tx: Tx<'py>, code: Arg<name::Code, i32>) -> PyResult<Bound<'py, Operation>> {
    let code = *code;
    if code == 0 {
        return Err(PyValueError::new_err("code must be an error's, and 0 is success"));
    }
    tx.get().next_attempt();
    Operation::start(tx.py(), tx.get().inner.on_error(code), Answer::Nothing, &tx)
}

/// Make the transaction as new, whatever became of it.
///
/// What it has read and written is forgotten, its options are those of the database again, its
/// timeout and its retries count from now. What it has under way fails with 1025, watches that no
/// commit has armed among it. `tx.vars` stays. After `found.on_error` there is no need for it.
///
/// Args:
///     tx: a found.Transaction.
///
/// Raises:
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::reset.
#[pyfunction]
pub fn reset(tx: Tx<'_>) -> PyResult<()> {
    tx.get().next_attempt();
    tx.get().inner.reset().map_err(|fault| errors::raise(tx.py(), fault))
}

/// Cancel the transaction: what it has under way, and all that is still asked of it, raises 1025.
///
/// `found.on_error` raises 1025 as well; only `found.reset` makes the transaction usable again. A
/// commit that is under way may happen all the same. Watches stay, those that a commit has armed for
/// good, others until the transaction is reset or forgotten.
///
/// Args:
///     tx: a found.Transaction.
///
/// Raises:
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::cancel.
#[pyfunction]
pub fn cancel(tx: Tx<'_>) -> PyResult<()> {
    tx.get().inner.cancel().map_err(|fault| errors::raise(tx.py(), fault))
}

/// Return the version that the transaction was committed at.
///
/// Versions grow by about a million a second. Several transactions may share one, so they are no
/// order of commits: versionstamps are. What it is for: a transaction that is made to read at this
/// version, or a later one, by `found.set_read_version` sees the commit.
///
/// Args:
///     tx: a found.Transaction whose commit has succeeded.
///
/// Returns:
///     An int; -1 if there was nothing to commit, or the commit has not succeeded.
///
/// Raises:
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, Transaction::commitMutations; documentation of
/// fdb_transaction_get_committed_version.
#[pyfunction]
pub fn get_committed_version(tx: Tx<'_>) -> PyResult<i64> {
    tx.get().inner.committed_version().map_err(|fault| errors::raise(tx.py(), fault))
}

/// Tell about how large the commit of the transaction is, in bytes.
///
/// Writes, read conflict ranges and write conflict ranges are counted, each with what it takes
/// beside its bytes; every one of them adds to the size. A commit of more than 10,000,000 bytes, or
/// of `FDB_TR_OPTION_SIZE_LIMIT`, fails with 2101. It can be asked as often as one likes.
///
/// Args:
///     tx: a found.Transaction.
///
/// Returns:
///     An operation; awaited, a number of bytes, an int.
///
/// Raises:
///     FoundException: an error kept back from a write.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, wherever approximateSize is added to.
#[pyfunction]
pub fn get_approximate_size<'py>(tx: Tx<'py>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.approximate_size(), Answer::Int64, &tx)
}

/// Ask for the versionstamp that the commit will have: what `found.set_versionstamped_key` writes.
///
/// Ask before the commit and await the operation after it, or in another task: it waits for the
/// commit. A function that `found.transactional` runs can return the operation, to be awaited by
/// its caller. For an example see `found.set_versionstamped_key`.
///
/// Args:
///     tx: a found.Transaction.
///
/// Returns:
///     An operation; awaited, ten bytes: eight of the version of the commit and two of the
///     transaction's place in it, both big-endian. Versionstamps are unique and sort in the order
///     of the commits.
///
/// Raises:
///     FoundException: 2021 if there was nothing to commit, 2020 if the commit has failed, 2017 if
///         it had begun when this was called, 1100 if the transaction was reset or retried before
///         it, 1025 if it was cancelled or forgotten.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, Transaction::getVersionstamp and commitAndWatch.
#[pyfunction]
pub fn get_versionstamp<'py>(tx: Tx<'py>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.versionstamp(), Answer::Key, &tx)
}

/// Tell the version that the transaction reads at; take one if no read has yet.
///
/// Every commit that had succeeded before the version was taken is seen by the transaction.
/// Versions grow by about a million a second.
///
/// Args:
///     tx: a found.Transaction.
///
/// Returns:
///     An operation; awaited, the version as an int.
///
/// Raises:
///     FoundException: an error kept back from a write, and what found.Transaction names.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, TransactionState::getReadVersion.
#[pyfunction]
pub fn read_version<'py>(tx: Tx<'py>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.read_version(), Answer::Int64, &tx)
}

/// Let the transaction read at `version`, rather than at the latest.
///
/// For a transaction that has not read yet. It saves asking the cluster, and several transactions
/// with one version see the same state of the database.
///
/// Args:
///     tx: a found.Transaction.
///     version: int, one that `found.read_version` or `found.get_committed_version` gave; 1 or
///         more.
///
/// Returns:
///     An operation that is done; awaited, None. Errors are raised by the next one, as in
///     `found.set`.
///
/// Raises:
///     FoundException: from the next operation: 2010 if the transaction has a read version, 2011
///         for a version below 1; from reads and the commit: 1007 for one older than five seconds,
///         1009 for one that is still to come.
///     OverflowError: `version` does not fit in 64 bits.
///     TypeError: `tx` is no found.Transaction or `version` no int.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, Transaction::setVersion.
#[pyfunction]
pub fn set_read_version<'py>(
    tx: Tx<'py>,
    version: Arg<name::Version, i64>,
) -> PyResult<Bound<'py, Operation>> {
    let version = *version;
    Operation::nothing(tx.py(), tx.get().inner.set_read_version(version))
}

/// Set a transaction option, its value encoded as C takes it: see `found.set_option`.
#[pyfunction]
#[pyo3(signature = (tx, option, value=None))]
pub fn set_option(
    tx: Tx<'_>,
    option: Arg<name::Option_, i32>,
    value: Option<Bytes<'_, name::Value>>,
) -> PyResult<()> {
    let option = *option;
    let value = value.as_ref().map(Bytes::as_slice);
    tx.get().inner.set_option(option, value).map_err(|fault| errors::raise(tx.py(), fault))
}

/// Add a range to what the transaction has read, or written, without doing so.
///
/// A read conflict range makes the commit fail (1020) if others change a key in it; keys that the
/// transaction has itself set or cleared before are left out, as in a read. A write conflict range
/// lets the commits of others fail that have read in it; a transaction that has nothing else is
/// committed all the same, and has a version. For one key let `end` be `key + b"\x00"`.
///
/// Args:
///     tx: a found.Transaction.
///     begin: bytes, the first key of the range.
///     end: bytes, the first key past it. A range that is empty adds nothing.
///     conflict_type: `found.CONFLICT_RANGE_TYPE_READ` or `found.CONFLICT_RANGE_TYPE_WRITE`.
///
/// Raises:
///     FoundException: 2005, from the call, if `end` is less than `begin`. From the next operation:
///         2004 for a range that goes past `\xff`, where the system's keys begin; 2017 once the
///         commit has begun.
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `tx` is no found.Transaction, `begin` or `end` is not bytes, `conflict_type` no
///         int.
///     ValueError: there is no such `conflict_type`.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::addReadConflictRange and
/// addWriteConflictRange; bindings/c/fdb_c.cpp, fdb_transaction_add_conflict_range, for 2005.
#[pyfunction]
pub fn add_conflict_range(
    tx: Tx<'_>,
    begin: Bytes<'_, name::Begin>,
    end: Bytes<'_, name::End>,
    conflict_type: Arg<name::ConflictType, u32>,
) -> PyResult<()> {
    let conflict_type = *conflict_type;
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

/// Watch `key`: get a future that is done when others change its value.
///
/// The value to differ from is the one that this transaction sees now, what it has written
/// included. The commit of the transaction arms the watch, whether it writes or not, and from then
/// on the watch outlives it. Setting the key to the value it has is no change, and a value that is
/// changed and changed back may go unnoticed. A later write of this transaction itself is a change,
/// and is told at once.
///
/// Awaiting the future before the commit has begun gives the future itself, since waiting there
/// would be waiting for ever: `watch = await found.watch(tx, key)`, as programs of the 0.13 series
/// do, is `watch = found.watch(tx, key)`.
///
/// A database has 10,000 watches at most that wait (`FDB_DB_OPTION_MAX_WATCHES`): cancel those that
/// are not needed any more, `watch.cancel()`. Seeing the value is a read, and adds a read conflict.
///
/// ```python
/// import found
///
/// async with await found.open("memory:") as db:
///     tx = found.make_transaction(db)
///     changed = found.watch(tx, b"key")
///     await found.commit(tx)
///     await found.transactional(db, found.set, b"key", b"value")
///     await changed
/// ```
///
/// Args:
///     tx: a found.Transaction, not one of `snapshot=True` that nobody commits.
///     key: bytes, 10,000 at most.
///
/// Returns:
///     A found.Future; awaited once the commit has begun, None when the value has changed.
///
/// Raises:
///     FoundException: 1032 if too many watches wait; 1034 if
///         `FDB_TR_OPTION_READ_YOUR_WRITES_DISABLE` is set; 1036 if the commit's versionstamp will
///         decide about the key; 1025 if the transaction is reset, retried or forgotten before its
///         commit; what the commit raises, if it fails; 2102 for a key too long; 2004 for the
///         system's keys, from `\xff` on.
///     TypeError: `tx` is no found.Transaction or `key` is not bytes.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, RYWImpl::watch and triggerWatches;
/// fdbclient/NativeAPI.actor.cpp, Transaction::setupWatches and cancelWatches.
#[pyfunction]
pub fn watch<'py>(tx: Tx<'py>, key: Bytes<'py, name::Key>) -> PyResult<Bound<'py, Awaitable>> {
    let this = tx.get();
    let answer = Answer::Watch(Attempt::now(&this.attempt));
    // The watch does not keep its transaction: forgotten before the commit, the transaction ends it (1025), and once
    // armed it needs none.
    let watch = Awaitable::start(tx.py(), this.inner.watch(key.as_slice()), answer, None)?;
    let watch = Bound::new(tx.py(), watch)?;
    this.database.get().remember_watch(&watch)?;
    Ok(watch)
}

/// The attempt of a transaction in which a watch was made.
pub struct Attempt {
    current: Arc<AtomicU32>,
    made_in: u32,
}

impl Attempt {
    fn now(current: &Arc<AtomicU32>) -> Attempt {
        Attempt { current: Arc::clone(current), made_in: current.load(Ordering::Relaxed) }
    }

    /// Whether the attempt's commit has not begun, nor has the transaction been reset.
    pub fn goes_on(&self) -> bool {
        self.current.load(Ordering::Relaxed) == self.made_in
    }
}

/// Tell what the transaction has read and written so far, in bytes as throughput quotas count them.
///
/// Args:
///     tx: a found.Transaction.
///
/// Returns:
///     An operation; awaited, a number of bytes, an int: each read and each write rounded up to
///     pages of 4,096. What it writes counts from its commit on.
///
/// Raises:
///     FoundException: an error kept back from a write.
///     LibraryException: the client library is older than 7.3.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, wherever totalCost is added to.
#[pyfunction]
pub fn get_total_cost<'py>(tx: Tx<'py>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.total_cost(), Answer::Int64, &tx)
}

/// Tell how long the transaction was held back because of its tags.
///
/// Args:
///     tx: a found.Transaction.
///
/// Returns:
///     An operation; awaited, a number of seconds, a float; 0.0 from the embedded engine.
///
/// Raises:
///     FoundException: an error kept back from a write.
///     LibraryException: the client library is older than 7.3.
///     TypeError: `tx` is no found.Transaction.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, Transaction::getTagThrottledDuration.
#[pyfunction]
pub fn get_tag_throttled_duration<'py>(tx: Tx<'py>) -> PyResult<Bound<'py, Operation>> {
    Operation::start(tx.py(), tx.get().inner.tag_throttled_duration(), Answer::Double, &tx)
}
