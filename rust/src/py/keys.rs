//! Reads and writes of single keys, and what FoundationDB tells about ranges without reading them.

use pyo3::{exceptions::PyValueError, prelude::*};

use super::{
    answer::Answer, arguments::Bytes, operation::Operation, selector::KeySelector,
    transaction::Transaction,
};

/// Get the value of `key`.
#[pyfunction]
#[pyo3(signature = (tx, key, *, snapshot=None))]
pub fn get<'py>(
    tx: &Bound<'py, Transaction>,
    key: Bytes<'py>,
    snapshot: Option<bool>,
) -> PyResult<Bound<'py, Operation>> {
    let this = tx.get();
    let future = this.inner().get(key.as_slice(), this.snapshot(snapshot));
    Operation::start(tx.py(), future, Answer::Value, tx)
}

/// Resolve a key selector to a key.
#[pyfunction]
#[pyo3(signature = (tx, key_selector, *, snapshot=None))]
pub fn get_key<'py>(
    tx: &Bound<'py, Transaction>,
    key_selector: KeySelector,
    snapshot: Option<bool>,
) -> PyResult<Bound<'py, Operation>> {
    let this = tx.get();
    let future = this.inner().get_key(&key_selector.borrow(), this.snapshot(snapshot));
    Operation::start(tx.py(), future, Answer::Key, tx)
}

/// Set `key` to `value`.
#[pyfunction]
pub fn set<'py>(
    tx: &Bound<'py, Transaction>,
    key: Bytes<'py>,
    value: Bytes<'py>,
) -> PyResult<Bound<'py, Operation>> {
    let done = tx.get().writable()?.set(key.as_slice(), value.as_slice());
    Operation::nothing(tx.py(), done)
}

/// Clear `key`, or the range of keys from `key` to `other`, which is not part of it.
#[pyfunction]
#[pyo3(signature = (tx, key, other=None))]
pub fn clear<'py>(
    tx: &Bound<'py, Transaction>,
    key: Bytes<'py>,
    other: Option<Bytes<'py>>,
) -> PyResult<Bound<'py, Operation>> {
    let inner = tx.get().writable()?;
    let done = match other {
        None => inner.clear(key.as_slice()),
        Some(other) => inner.clear_range(key.as_slice(), other.as_slice()),
    };
    Operation::nothing(tx.py(), done)
}

/// The addresses of the storage servers that hold `key`.
#[pyfunction]
pub fn get_addresses_for_key<'py>(
    tx: &Bound<'py, Transaction>,
    key: Bytes<'py>,
) -> PyResult<Bound<'py, Operation>> {
    let future = tx.get().inner().addresses_for_key(key.as_slice());
    Operation::start(tx.py(), future, Answer::Strings, tx)
}

/// An estimate of the size of a range of keys, in bytes.
#[pyfunction]
pub fn estimated_size_bytes<'py>(
    tx: &Bound<'py, Transaction>,
    begin: Bytes<'py>,
    end: Bytes<'py>,
) -> PyResult<Bound<'py, Operation>> {
    let future = tx.get().inner().estimated_range_size(begin.as_slice(), end.as_slice());
    Operation::start(tx.py(), future, Answer::Int64, tx)
}

/// Keys that split a range into chunks of about `chunk_size` bytes.
#[pyfunction]
pub fn get_range_split_points<'py>(
    tx: &Bound<'py, Transaction>,
    begin: Bytes<'py>,
    end: Bytes<'py>,
    chunk_size: i64,
) -> PyResult<Bound<'py, Operation>> {
    if chunk_size < 1 {
        return Err(PyValueError::new_err(format!(
            "chunk_size must be a number of bytes above 0, not {chunk_size}"
        )));
    }
    let future =
        tx.get().inner().range_split_points(begin.as_slice(), end.as_slice(), chunk_size);
    Operation::start(tx.py(), future, Answer::Keys, tx)
}

macro_rules! atomic {
    ($($(#[$doc:meta])* $name:ident = $mutation:ident;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            pub fn $name<'py>(
                tx: &Bound<'py, Transaction>,
                key: Bytes<'py>,
                param: Bytes<'py>,
            ) -> PyResult<Bound<'py, Operation>> {
                let operation = found_fdb_sys::$mutation;
                let done = tx.get().writable()?.atomic_op(key.as_slice(), param.as_slice(), operation);
                Operation::nothing(tx.py(), done)
            }
        )*
    };
}

atomic! {
    /// Add `param` to the value of `key`, both as little-endian integers of `param`'s length.
    add = FDBMutationType_FDB_MUTATION_TYPE_ADD;
    /// And the bits of the value of `key` with `param`.
    bit_and = FDBMutationType_FDB_MUTATION_TYPE_BIT_AND;
    /// Or the bits of the value of `key` with `param`.
    bit_or = FDBMutationType_FDB_MUTATION_TYPE_BIT_OR;
    /// Exclusive-or the bits of the value of `key` with `param`.
    bit_xor = FDBMutationType_FDB_MUTATION_TYPE_BIT_XOR;
    /// Set `key` to the larger of its value and `param`, compared as little-endian unsigned integers.
    max = FDBMutationType_FDB_MUTATION_TYPE_MAX;
    /// Set `key` to the larger of its value and `param`, compared as bytes.
    byte_max = FDBMutationType_FDB_MUTATION_TYPE_BYTE_MAX;
    /// Set `key` to the smaller of its value and `param`, compared as little-endian unsigned integers.
    min = FDBMutationType_FDB_MUTATION_TYPE_MIN;
    /// Set `key` to the smaller of its value and `param`, compared as bytes.
    byte_min = FDBMutationType_FDB_MUTATION_TYPE_BYTE_MIN;
    /// Set the key that `key` becomes, once its place for a versionstamp is filled at commit, to `param`.
    set_versionstamped_key = FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_KEY;
    /// Set `key` to what `param` becomes, once its place for a versionstamp is filled at commit.
    set_versionstamped_value = FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_VALUE;
    /// Append `param` to the value of `key`, if the result is no larger than a value may be.
    append_if_fits = FDBMutationType_FDB_MUTATION_TYPE_APPEND_IF_FITS;
    /// Clear `key` if its value is `param`.
    compare_and_clear = FDBMutationType_FDB_MUTATION_TYPE_COMPARE_AND_CLEAR;
}
