//! Reads and writes of single keys, and what FoundationDB tells about ranges without reading them.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyList},
};

use super::{
    answer::Answer,
    arguments::{Arg, Bytes, Tx, name},
    errors,
    operation::Operation,
    selector::KeySelector,
};

/// Read the value of `key`.
///
/// The read starts at the call, so several can be under way before the first is awaited. It sees
/// what this transaction has written.
///
/// Args:
///     tx: a found.Transaction.
///     key: bytes. One longer than 10,000 bytes cannot be there, and reads as absent.
///     snapshot: True for a snapshot read, which adds no read conflict: others may change the key
///         and this transaction is committed all the same. False for a read that adds one. None,
///         the default, as the transaction was made.
///
/// Returns:
///     An operation; awaited, the value as bytes, or None if the key has none.
///
/// Raises:
///     FoundException: 2004 for the system's keys, from `\xff` on, unless an option lets the
///         transaction read them; 1036 for a key that the commit's versionstamp will decide about,
///         in snapshot reads too; and what found.Transaction names.
///     TypeError: `tx` is no found.Transaction or `key` is not bytes.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::get.
#[pyfunction]
#[pyo3(signature = (tx, key, *, snapshot=None))]
pub fn get<'py>(
    tx: Tx<'py>,
    key: Bytes<'py, name::Key>,
    snapshot: Option<Arg<name::Snapshot, bool>>,
) -> PyResult<Bound<'py, Operation>> {
    let snapshot = snapshot.map(Arg::into_inner);
    let this = tx.get();
    let future = this.inner().get(key.as_slice(), this.snapshot(snapshot));
    Operation::start(tx.py(), future, Answer::Value, &tx)
}

/// Find the key that a key selector stands for.
///
/// It counts the keys that this transaction sees, what it has written included. A selector that
/// goes past the first key gives `b""`, one that goes past the last `b"\xff"`, or `b"\xff\xff"` if
/// an option lets the transaction read the system's keys.
///
/// The read conflict covers the keys from the selector's own to the one that was found: it is any
/// key coming or going between the two that could change the answer.
///
/// Args:
///     tx: a found.Transaction.
///     key_selector: a found.KeySelector, made by `found.lt`, `lte`, `gt` or `gte`.
///     snapshot: True for a snapshot read, without a read conflict; False for one with it; None,
///         the default, as the transaction was made.
///
/// Returns:
///     An operation; awaited, the key as bytes.
///
/// Raises:
///     FoundException: 2004 for a selector of a key past `\xff`, unless an option lets the
///         transaction read the system's keys; 1036 if the search meets keys that the commit's
///         versionstamp will decide about; and what found.Transaction names.
///     TypeError: `tx` is no found.Transaction or `key_selector` no found.KeySelector.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, RYWImpl::addConflictRange for GetKeyReq.
#[pyfunction]
#[pyo3(signature = (tx, key_selector, *, snapshot=None))]
pub fn get_key<'py>(
    tx: Tx<'py>,
    key_selector: Arg<name::KeySelector, KeySelector>,
    snapshot: Option<Arg<name::Snapshot, bool>>,
) -> PyResult<Bound<'py, Operation>> {
    let snapshot = snapshot.map(Arg::into_inner);
    let this = tx.get();
    let future = this.inner().get_key(&key_selector.borrow(), this.snapshot(snapshot));
    Operation::start(tx.py(), future, Answer::Key, &tx)
}

/// Set `key` to `value`.
///
/// The write stays in this process until the commit. Its operation is done when the call returns,
/// so it need not be awaited, and this transaction reads the value at once. What is wrong with the
/// key or the value is raised by what is awaited of the transaction next, a read or the commit, and
/// not by the call. The key is added to the write conflicts: transactions that have read it fail to
/// commit after this one.
///
/// Args:
///     tx: a found.Transaction.
///     key: bytes, 10,000 at most.
///     value: bytes, 100,000 at most.
///
/// Returns:
///     An operation that is done; awaited, None.
///
/// Raises:
///     FoundException: from the next operation: 2102 for a key too long, 2103 for a value too long,
///         2004 for the system's keys, from `\xff` on; 2017 once the commit has begun.
///     RuntimeError: the transaction only reads: it was made with snapshot=True.
///     TypeError: `tx` is no found.Transaction, `key` or `value` is not bytes.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::set;
/// fdbclient/ThreadSafeTransaction.cpp, ThreadSafeTransaction::set, for when errors are raised.
#[pyfunction]
pub fn set<'py>(
    tx: Tx<'py>,
    key: Bytes<'py, name::Key>,
    value: Bytes<'py, name::Value>,
) -> PyResult<Bound<'py, Operation>> {
    let done = tx.get().writable()?.set(key.as_slice(), value.as_slice());
    Operation::nothing(tx.py(), done)
}

/// Clear `key`, or all keys from `key` up to `other`, which is not among them.
///
/// Clearing a range costs no more than clearing a key, and reads nothing. As with `found.set`, the
/// operation is done when the call returns, and what is wrong is raised by the next that is
/// awaited. What is cleared is added to the write conflicts.
///
/// Args:
///     tx: a found.Transaction.
///     key: bytes. One longer than 10,000 bytes cannot be there: nothing is cleared.
///     other: bytes, the end of the range; None, the default, to clear `key` alone. If it equals
///         `key` the range is empty, and nothing is done.
///
/// Returns:
///     An operation that is done; awaited, None.
///
/// Raises:
///     FoundException: from the next operation: 2005 if `other` is less than `key`; 2004 for a
///         range that goes past `\xff`, where the system's keys begin; 2017 once the commit has
///         begun.
///     RuntimeError: the transaction only reads: it was made with snapshot=True.
///     TypeError: `tx` is no found.Transaction, `key` or `other` is not bytes.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::clear;
/// fdbclient/ThreadSafeTransaction.cpp, ThreadSafeTransaction::clear, for the inverted range.
#[pyfunction]
#[pyo3(signature = (tx, key, other=None))]
pub fn clear<'py>(
    tx: Tx<'py>,
    key: Bytes<'py, name::Key>,
    other: Option<Bytes<'py, name::Other>>,
) -> PyResult<Bound<'py, Operation>> {
    let inner = tx.get().writable()?;
    let done = match other {
        None => inner.clear(key.as_slice()),
        Some(other) => inner.clear_range(key.as_slice(), other.as_slice()),
    };
    Operation::nothing(tx.py(), done)
}

/// Name the storage servers that hold `key`.
///
/// Args:
///     tx: a found.Transaction.
///     key: bytes. It need not be there.
///
/// Returns:
///     An operation; awaited, a list of str, an address with its port each: `10.0.4.1:4500`. The
///     embedded engine is the one place of all its keys, and answers `["embedded"]`.
///
/// Raises:
///     FoundException: what found.Transaction names.
///     TypeError: `tx` is no found.Transaction or `key` is not bytes.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, getAddressesForKeyActor.
#[pyfunction]
pub fn get_addresses_for_key<'py>(
    tx: Tx<'py>,
    key: Bytes<'py, name::Key>,
) -> PyResult<Bound<'py, Operation>> {
    let future = tx.get().inner().addresses_for_key(key.as_slice());
    Operation::start(tx.py(), future, Answer::Strings, &tx)
}

/// Estimate the size of the keys and values in a range, in bytes.
///
/// It is told from a sample that the storage servers keep, in which larger pairs are more likely:
/// take it seriously from about 3,000,000 bytes on. What this transaction has written is not
/// counted, and no conflict is added.
///
/// Args:
///     tx: a found.Transaction.
///     begin: bytes, the first key of the range.
///     end: bytes, the first key past it.
///
/// Returns:
///     An operation; awaited, a number of bytes, an int.
///
/// Raises:
///     FoundException: 2005 if `end` is less than `begin`; and what found.Transaction names.
///     TypeError: `tx` is no found.Transaction, `begin` or `end` is not bytes.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::getEstimatedRangeSizeBytes;
/// documentation of fdb_transaction_get_estimated_range_size_bytes, for the sample.
#[pyfunction]
pub fn estimated_size_bytes<'py>(
    tx: Tx<'py>,
    begin: Bytes<'py, name::Begin>,
    end: Bytes<'py, name::End>,
) -> PyResult<Bound<'py, Operation>> {
    if begin.as_slice() == end.as_slice() {
        // Apple's client fails an assertion over an empty range (NativeAPI.actor.cpp, getKeyRangeLocations): 4100.
        tx.get().inner().check_open().map_err(|fault| errors::raise(tx.py(), fault))?;
        return Operation::done_with(tx.py(), 0_i64.into_pyobject(tx.py())?.into_any().unbind());
    }
    let future = tx.get().inner().estimated_range_size(begin.as_slice(), end.as_slice());
    Operation::start(tx.py(), future, Answer::Int64, &tx)
}

/// Split a range into parts of about `chunk_size` bytes each, to work on them one by one.
///
/// The keys come from the storage servers' sample, as in `found.estimated_size_bytes`. Two
/// neighbours in the list are the begin and the end of a part.
///
/// Args:
///     tx: a found.Transaction.
///     begin: bytes, the first key of the range.
///     end: bytes, the first key past it.
///     chunk_size: int, a number of bytes, 1 or more.
///
/// Returns:
///     An operation; awaited, a list of bytes in order. It begins with `begin` and ends with `end`,
///     however small the range; if the two are equal it is that one key.
///
/// Raises:
///     FoundException: 2005 if `end` is less than `begin`, 2004 for a range that goes past `\xff`,
///         where the system's keys begin; and what found.Transaction names.
///     TypeError: `tx` is no found.Transaction, `begin` or `end` is not bytes, `chunk_size` no int.
///     ValueError: `chunk_size` is less than 1.
///
/// Rule: fdbclient/NativeAPI.actor.cpp, getRangeSplitPoints.
#[pyfunction]
pub fn get_range_split_points<'py>(
    tx: Tx<'py>,
    begin: Bytes<'py, name::Begin>,
    end: Bytes<'py, name::End>,
    chunk_size: Arg<name::ChunkSize, i64>,
) -> PyResult<Bound<'py, Operation>> {
    let chunk_size = *chunk_size;
    if chunk_size < 1 {
        return Err(PyValueError::new_err(format!(
            "chunk_size must be a number of bytes above 0, not {chunk_size}"
        )));
    }
    if begin.as_slice() == end.as_slice() {
        // As in `estimated_size_bytes`.
        tx.get().inner().check_open().map_err(|fault| errors::raise(tx.py(), fault))?;
        let alone = PyList::new(tx.py(), [PyBytes::new(tx.py(), begin.as_slice())])?;
        return Operation::done_with(tx.py(), alone.into_any().unbind());
    }
    let future = tx.get().inner().range_split_points(begin.as_slice(), end.as_slice(), chunk_size);
    Operation::start(tx.py(), future, Answer::Keys, &tx)
}

macro_rules! atomic {
    ($($(#[$doc:meta])* $name:ident = $mutation:ident;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            pub fn $name<'py>(
                tx: Tx<'py>,
                key: Bytes<'py, name::Key>,
                param: Bytes<'py, name::Param>,
            ) -> PyResult<Bound<'py, Operation>> {
                let operation = found_fdb_sys::$mutation;
                let done = tx.get().writable()?.atomic_op(key.as_slice(), param.as_slice(), operation);
                Operation::nothing(tx.py(), done)
            }
        )*
    };
}

atomic! {
    /// Add `param` to the value of `key`, atomically.
    ///
    /// Both are little-endian integers of as many bytes as `param` has: the value is cut or filled
    /// up with zeros to that, and so is the sum; a key without a value counts as 0. Signed integers
    /// in two's complement add up as unsigned ones do.
    ///
    /// The database does it at the commit. Nothing is read, so that any number of transactions can
    /// add to the same key and none conflicts with another; reading the key in the same transaction
    /// gives that up. Where the outcome of a commit is unknown (1021) a retry may add twice.
    ///
    /// ```python
    /// import found
    ///
    /// async with await found.open("memory:") as db:
    ///     for _ in range(10):
    ///         await found.transactional(db, found.add, b"visits", (1).to_bytes(8, "little"))
    ///     visits = await found.transactional(db, found.get, b"visits")
    ///     assert int.from_bytes(visits, "little") == 10
    /// ```
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doLittleEndianAdd.
    add = FDBMutationType_FDB_MUTATION_TYPE_ADD;
    /// Set the value of `key` to its bitwise and with `param`, atomically.
    ///
    /// The value is first cut, or filled up with zeros, to the length of `param`; a key without a
    /// value is set to `param`. The database does it at the commit: nothing is read, and no read
    /// conflict is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doAndV2.
    bit_and = FDBMutationType_FDB_MUTATION_TYPE_BIT_AND;
    /// Set the value of `key` to its bitwise or with `param`, atomically.
    ///
    /// The value is first cut, or filled up with zeros, to the length of `param`; a key without a
    /// value is set to `param`. The database does it at the commit: nothing is read, and no read
    /// conflict is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doOr.
    bit_or = FDBMutationType_FDB_MUTATION_TYPE_BIT_OR;
    /// Set the value of `key` to its bitwise exclusive or with `param`, atomically.
    ///
    /// The value is first cut, or filled up with zeros, to the length of `param`; a key without a
    /// value is set to `param`. The database does it at the commit: nothing is read, and no read
    /// conflict is added. Where the outcome of a commit is unknown (1021) a retry may undo it.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doXor.
    bit_xor = FDBMutationType_FDB_MUTATION_TYPE_BIT_XOR;
    /// Set `key` to the larger of its value and `param` as unsigned integers, atomically.
    ///
    /// Both are little-endian. The value is first cut, or filled up with zeros, to the length of
    /// `param`; a key without a value is set to `param`. The database does it at the commit:
    /// nothing is read, and no read conflict is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doMax.
    max = FDBMutationType_FDB_MUTATION_TYPE_MAX;
    /// Set `key` to the larger of its value and `param` as bytes, atomically.
    ///
    /// They are compared as keys are, byte by byte, whatever their lengths; a key without a value
    /// is set to `param`. The database does it at the commit: nothing is read, and no read conflict
    /// is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doByteMax.
    byte_max = FDBMutationType_FDB_MUTATION_TYPE_BYTE_MAX;
    /// Set `key` to the smaller of its value and `param` as unsigned integers, atomically.
    ///
    /// Both are little-endian. The value is first cut, or filled up with zeros, to the length of
    /// `param`; a key without a value is set to `param`. The database does it at the commit:
    /// nothing is read, and no read conflict is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doMinV2.
    min = FDBMutationType_FDB_MUTATION_TYPE_MIN;
    /// Set `key` to the smaller of its value and `param` as bytes, atomically.
    ///
    /// They are compared as keys are, byte by byte, whatever their lengths; a key without a value
    /// is set to `param`. The database does it at the commit: nothing is read, and no read conflict
    /// is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doByteMin.
    byte_min = FDBMutationType_FDB_MUTATION_TYPE_BYTE_MIN;
    /// Set a key that holds the versionstamp of this commit to `param`.
    ///
    /// The last four bytes of `key`, a little-endian integer, say where in it the ten bytes of the
    /// versionstamp go; they are cut off. `found.pack_with_versionstamp` appends them; by hand it
    /// is `b"log/" + bytes(10) + (4).to_bytes(4, "little")`. A versionstamp is the version of the
    /// commit and the transaction's place in it, both big-endian: such keys are in the order of the
    /// commits.
    ///
    /// Until the commit nobody knows the key: reading where it may end up raises 1036 in this
    /// transaction. `found.get_versionstamp` tells it afterwards.
    ///
    /// ```python
    /// import found
    ///
    /// async with await found.open("memory:") as db:
    ///     tx = found.make_transaction(db)
    ///     key = found.pack_with_versionstamp(("log", found.Versionstamp()))
    ///     found.set_versionstamped_key(tx, key, b"entry")
    ///     stamp = found.get_versionstamp(tx)
    ///     await found.commit(tx)
    ///     key = found.pack(("log", found.Versionstamp(await stamp)))
    ///     assert await found.transactional(db, found.get, key) == b"entry"
    /// ```
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, with the place for the versionstamp and the four bytes that say where.
    ///     param: bytes, 100,000 at most: the value.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation: 2000 if the four bytes are missing, or ten
    ///         bytes from where they say do not fit in the key; else as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, getVersionstampKeyRange and transformVersionstampMutation.
    set_versionstamped_key = FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_KEY;
    /// Set `key` to a value that holds the versionstamp of this commit.
    ///
    /// The last four bytes of `param`, a little-endian integer, say where in it the ten bytes of
    /// the versionstamp go; they are cut off. `found.pack_with_versionstamp` appends them; by hand
    /// `bytes(10) + bytes(4)` is a versionstamp and nothing else. Reading the key again in this
    /// transaction raises 1036, until it is cleared.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, with the place for the versionstamp and the four bytes that say where.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation: 2000 if the four bytes are missing, or ten
    ///         bytes from where they say do not fit in the value; else as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::atomicOp.
    set_versionstamped_value = FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_VALUE;
    /// Append `param` to the value of `key`, atomically, unless that would be too long.
    ///
    /// If the two together have more than 100,000 bytes the value stays as it is, and nothing
    /// tells. A key without a value is set to `param`. The database does it at the commit: nothing
    /// is read, and no read conflict is added. Where the outcome of a commit is unknown (1021) a
    /// retry may append twice.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doAppendIfFits.
    append_if_fits = FDBMutationType_FDB_MUTATION_TYPE_APPEND_IF_FITS;
    /// Clear `key` if its value is `param`, atomically.
    ///
    /// With any other value it stays as it is. The database does it at the commit: nothing is read,
    /// and no read conflict is added.
    ///
    /// Args:
    ///     tx: a found.Transaction.
    ///     key: bytes, 10,000 at most.
    ///     param: bytes, 100,000 at most.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None. Errors are raised by the next one, as in
    ///     `found.set`.
    ///
    /// Raises:
    ///     FoundException: from the next operation, as in `found.set`.
    ///     RuntimeError: the transaction only reads: it was made with snapshot=True.
    ///     TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.
    ///
    /// Rule: fdbclient/Atomic.h, doCompareAndClear.
    compare_and_clear = FDBMutationType_FDB_MUTATION_TYPE_COMPARE_AND_CLEAR;
}
