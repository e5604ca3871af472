//! From C's pointers to the engine's values and back.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::types::*;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::future::Future;
use crate::transaction::Transaction;

/// Runs a call whose answer is a code.
pub(super) fn code(call: impl FnOnce() -> Result<()>) -> fdb_error_t {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => error.0,
        Err(_) => Error::INTERNAL_ERROR.0,
    }
}

/// Runs a call whose answer is a future.
pub(super) fn future(call: impl FnOnce() -> Result<Arc<Future>>) -> *mut FDBFuture {
    let future = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(future)) => future,
        Ok(Err(error)) => Future::ready(Err(error)),
        Err(_) => Future::ready(Err(Error::INTERNAL_ERROR)),
    };
    Arc::into_raw(future).cast_mut().cast()
}

/// Runs a call without an answer: there is nobody to tell of a panic.
pub(super) fn quiet(call: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(call));
}

/// The bytes at `pointer`. Null is an empty string if its length is 0.
///
/// # Safety
/// `length` bytes can be read at `pointer`, unless it is null, for as long as the result is used.
pub(super) unsafe fn bytes<'a>(pointer: *const u8, length: c_int) -> Result<&'a [u8]> {
    match usize::try_from(length) {
        Ok(0) => Ok(&[]),
        Ok(length) if !pointer.is_null() => {
            // SAFETY: not null; the caller says that so many bytes can be read.
            Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
        }
        _ => Err(Error::CLIENT_INVALID_OPERATION),
    }
}

/// The value of an option: None for null.
///
/// # Safety
/// As `bytes`.
pub(super) unsafe fn option_value<'a>(
    pointer: *const u8,
    length: c_int,
) -> Result<Option<&'a [u8]>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the same contract.
    unsafe { bytes(pointer, length) }.map(Some)
}

/// Where an answer is written.
///
/// # Safety
/// `pointer` is null or can be written to.
pub(super) unsafe fn write<T>(pointer: *mut T, value: T) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::CLIENT_INVALID_OPERATION);
    }
    // SAFETY: not null; the caller says that it can be written to. C may not align its structures as Rust would.
    unsafe { pointer.write_unaligned(value) };
    Ok(())
}

/// A handle borrowed from C, which keeps it.
///
/// # Safety
/// `pointer` is null, or came from `Arc::<T>::into_raw` and has not been taken back.
unsafe fn borrow<T>(pointer: *const T) -> Result<ManuallyDrop<Arc<T>>> {
    if pointer.is_null() {
        return Err(Error::CLIENT_INVALID_OPERATION);
    }
    // SAFETY: the caller says where it came from; as it is not dropped here, C's count of it stays as it was.
    Ok(ManuallyDrop::new(unsafe { Arc::from_raw(pointer) }))
}

/// # Safety
/// `f` is null or a future of this engine that has not been destroyed.
pub(super) unsafe fn future_of(f: *mut FDBFuture) -> Result<ManuallyDrop<Arc<Future>>> {
    // SAFETY: futures are given out by `future` above, as Arc::into_raw.
    unsafe { borrow(f.cast_const().cast()) }
}

/// # Safety
/// `d` is null or a database of this engine that has not been destroyed.
pub(super) unsafe fn database_of(d: *mut FDBDatabase) -> Result<ManuallyDrop<Arc<Database>>> {
    // SAFETY: databases are given out as Arc::into_raw.
    unsafe { borrow(d.cast_const().cast()) }
}

/// # Safety
/// `tr` is null or a transaction of this engine that has not been destroyed.
pub(super) unsafe fn transaction_of(
    tr: *mut FDBTransaction,
) -> Result<ManuallyDrop<Arc<Transaction>>> {
    // SAFETY: transactions are given out as Arc::into_raw.
    unsafe { borrow(tr.cast_const().cast()) }
}
