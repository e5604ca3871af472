//! Transactions.

use std::sync::Arc;

use super::handle::{bytes, code, future, option_value, quiet, transaction_of, write};
use super::types::*;
use crate::error::{Error, Result};
use crate::selector::Selector;
use crate::transaction::{GetRange, Transaction, cut};

pub unsafe extern "C" fn fdb_transaction_destroy(tr: *mut FDBTransaction) {
    if tr.is_null() {
        return;
    }
    // SAFETY: transactions are given out as Arc::into_raw, and the caller destroys each once.
    let transaction = unsafe { Arc::from_raw(tr.cast_const().cast::<Transaction>()) };
    quiet(move || transaction.abandon());
}

pub unsafe extern "C" fn fdb_transaction_cancel(tr: *mut FDBTransaction) {
    // SAFETY: the caller's transaction, not destroyed.
    let Ok(transaction) = (unsafe { transaction_of(tr) }) else { return };
    quiet(|| transaction.cancel());
}

pub unsafe extern "C" fn fdb_transaction_reset(tr: *mut FDBTransaction) {
    // SAFETY: the caller's transaction, not destroyed.
    let Ok(transaction) = (unsafe { transaction_of(tr) }) else { return };
    quiet(|| transaction.reset());
}

pub unsafe extern "C" fn fdb_transaction_set_option(
    tr: *mut FDBTransaction,
    option: FDBTransactionOption,
    value: *const u8,
    value_length: c_int,
) -> fdb_error_t {
    code(|| {
        // SAFETY: the caller's transaction and value.
        let (transaction, value) =
            unsafe { (transaction_of(tr)?, option_value(value, value_length)?) };
        transaction.set_option(option, value)
    })
}

pub unsafe extern "C" fn fdb_transaction_set_read_version(tr: *mut FDBTransaction, version: i64) {
    // SAFETY: the caller's transaction, not destroyed.
    let Ok(transaction) = (unsafe { transaction_of(tr) }) else { return };
    quiet(|| transaction.set_read_version(version));
}

pub unsafe extern "C" fn fdb_transaction_get_read_version(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.read_version()))
}

pub unsafe extern "C" fn fdb_transaction_get(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    snapshot: fdb_bool_t,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's transaction and key.
        let (transaction, key) =
            unsafe { (transaction_of(tr)?, bytes(key_name, key_name_length)?) };
        Ok(transaction.get(key, snapshot != 0))
    })
}

/// # Safety
/// As `bytes`.
unsafe fn selector(
    key: *const u8,
    length: c_int,
    or_equal: fdb_bool_t,
    offset: c_int,
) -> Result<Selector> {
    // SAFETY: the same contract.
    let key = unsafe { bytes(key, length) }?;
    Ok(Selector { key: cut(key).to_vec(), or_equal: or_equal != 0, offset })
}

pub unsafe extern "C" fn fdb_transaction_get_key(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    or_equal: fdb_bool_t,
    offset: c_int,
    snapshot: fdb_bool_t,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's transaction and key.
        let (transaction, selector) = unsafe {
            (transaction_of(tr)?, selector(key_name, key_name_length, or_equal, offset)?)
        };
        Ok(transaction.get_key(&selector, snapshot != 0))
    })
}

pub unsafe extern "C" fn fdb_transaction_get_addresses_for_key(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's transaction and key.
        let (transaction, key) =
            unsafe { (transaction_of(tr)?, bytes(key_name, key_name_length)?) };
        Ok(transaction.addresses_for_key(key))
    })
}

/// The modes of `fdb_c_options.g.h` under shorter names.
mod streaming {
    pub use found_fdb_sys::{
        FDBStreamingMode_FDB_STREAMING_MODE_EXACT as EXACT,
        FDBStreamingMode_FDB_STREAMING_MODE_ITERATOR as ITERATOR,
        FDBStreamingMode_FDB_STREAMING_MODE_LARGE as LARGE,
        FDBStreamingMode_FDB_STREAMING_MODE_MEDIUM as MEDIUM,
        FDBStreamingMode_FDB_STREAMING_MODE_SERIAL as SERIAL,
        FDBStreamingMode_FDB_STREAMING_MODE_SMALL as SMALL,
        FDBStreamingMode_FDB_STREAMING_MODE_WANT_ALL as WANT_ALL,
    };
}

/// The row and byte limits of a range read, -1 for none (fdb_c.cpp, validate_and_update_parameters).
fn limits(
    limit: c_int,
    target_bytes: c_int,
    mode: FDBStreamingMode,
    iteration: c_int,
) -> Result<(c_int, c_int)> {
    const UNLIMITED: c_int = -1;
    const ITERATIONS: [c_int; 10] =
        [4_096, 6_144, 9_216, 13_824, 20_736, 31_104, 46_656, 69_984, 80_000, 120_000];
    let limit = if limit == 0 { UNLIMITED } else { limit };
    let target_bytes = if target_bytes == 0 { UNLIMITED } else { target_bytes };
    let mode_bytes = match mode {
        streaming::EXACT => {
            if limit == UNLIMITED && target_bytes == UNLIMITED {
                return Err(Error::EXACT_MODE_WITHOUT_LIMITS);
            }
            UNLIMITED
        }
        streaming::ITERATOR => {
            let step =
                usize::try_from(iteration).ok().and_then(|iteration| iteration.checked_sub(1));
            let step = step.ok_or(Error::CLIENT_INVALID_OPERATION)?;
            ITERATIONS[step.min(ITERATIONS.len() - 1)]
        }
        streaming::SMALL => 256,
        streaming::MEDIUM => 1_000,
        streaming::LARGE => 4_096,
        streaming::SERIAL | streaming::WANT_ALL => 80_000,
        _ => return Err(Error::CLIENT_INVALID_OPERATION),
    };
    let bytes = match (target_bytes, mode_bytes) {
        (UNLIMITED, bytes) | (bytes, UNLIMITED) => bytes,
        (target, mode) => target.min(mode),
    };
    Ok((limit, bytes))
}

pub unsafe extern "C" fn fdb_transaction_get_range(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    begin_or_equal: fdb_bool_t,
    begin_offset: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    end_or_equal: fdb_bool_t,
    end_offset: c_int,
    limit: c_int,
    target_bytes: c_int,
    mode: FDBStreamingMode,
    iteration: c_int,
    snapshot: fdb_bool_t,
    reverse: fdb_bool_t,
) -> *mut FDBFuture {
    future(|| {
        let (limit_rows, limit_bytes) = limits(limit, target_bytes, mode, iteration)?;
        // SAFETY: the caller's transaction and keys.
        let (transaction, begin, end) = unsafe {
            (
                transaction_of(tr)?,
                selector(begin_key_name, begin_key_name_length, begin_or_equal, begin_offset)?,
                selector(end_key_name, end_key_name_length, end_or_equal, end_offset)?,
            )
        };
        Ok(transaction.get_range(GetRange {
            begin,
            end,
            limit_rows,
            limit_bytes,
            snapshot: snapshot != 0,
            reverse: reverse != 0,
        }))
    })
}

pub unsafe extern "C" fn fdb_transaction_get_mapped_range(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    begin_or_equal: fdb_bool_t,
    begin_offset: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    end_or_equal: fdb_bool_t,
    end_offset: c_int,
    mapper_name: *const u8,
    mapper_name_length: c_int,
    limit: c_int,
    target_bytes: c_int,
    mode: FDBStreamingMode,
    iteration: c_int,
    snapshot: fdb_bool_t,
    reverse: fdb_bool_t,
) -> *mut FDBFuture {
    future(|| {
        let (limit_rows, limit_bytes) = limits(limit, target_bytes, mode, iteration)?;
        // SAFETY: the caller's transaction, keys and mapper.
        let (transaction, mapper, begin, end) = unsafe {
            (
                transaction_of(tr)?,
                bytes(mapper_name, mapper_name_length)?,
                selector(begin_key_name, begin_key_name_length, begin_or_equal, begin_offset)?,
                selector(end_key_name, end_key_name_length, end_or_equal, end_offset)?,
            )
        };
        let request = GetRange {
            begin,
            end,
            limit_rows,
            limit_bytes,
            snapshot: snapshot != 0,
            reverse: reverse != 0,
        };
        Ok(transaction.get_mapped_range(request, mapper))
    })
}

/// Runs a write, which has no answer: bad arguments become the transaction's deferred error.
///
/// # Safety
/// `tr` is null or a transaction that has not been destroyed.
unsafe fn write_to(tr: *mut FDBTransaction, call: impl FnOnce(&Transaction) -> Result<()>) {
    // SAFETY: the same contract.
    let Ok(transaction) = (unsafe { transaction_of(tr) }) else { return };
    quiet(|| {
        if let Err(error) = call(&transaction) {
            transaction.defer(error);
        }
    });
}

pub unsafe extern "C" fn fdb_transaction_set(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    value: *const u8,
    value_length: c_int,
) {
    // SAFETY: the caller's transaction, key and value.
    unsafe {
        write_to(tr, |transaction| {
            transaction.set(bytes(key_name, key_name_length)?, bytes(value, value_length)?);
            Ok(())
        });
    }
}

pub unsafe extern "C" fn fdb_transaction_atomic_op(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    param: *const u8,
    param_length: c_int,
    operation_type: FDBMutationType,
) {
    // SAFETY: the caller's transaction, key and operand.
    unsafe {
        write_to(tr, |transaction| {
            let (key, operand) = (bytes(key_name, key_name_length)?, bytes(param, param_length)?);
            transaction.atomic_op(key, operand, operation_type);
            Ok(())
        });
    }
}

pub unsafe extern "C" fn fdb_transaction_clear(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
) {
    // SAFETY: the caller's transaction and key.
    unsafe {
        write_to(tr, |transaction| {
            transaction.clear(bytes(key_name, key_name_length)?);
            Ok(())
        });
    }
}

pub unsafe extern "C" fn fdb_transaction_clear_range(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) {
    // SAFETY: the caller's transaction and keys.
    unsafe {
        write_to(tr, |transaction| {
            let begin = bytes(begin_key_name, begin_key_name_length)?;
            transaction.clear_range(begin, bytes(end_key_name, end_key_name_length)?);
            Ok(())
        });
    }
}

pub unsafe extern "C" fn fdb_transaction_watch(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's transaction and key.
        let (transaction, key) =
            unsafe { (transaction_of(tr)?, bytes(key_name, key_name_length)?) };
        Ok(transaction.watch(key))
    })
}

pub unsafe extern "C" fn fdb_transaction_commit(tr: *mut FDBTransaction) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.commit()))
}

pub unsafe extern "C" fn fdb_transaction_get_committed_version(
    tr: *mut FDBTransaction,
    out_version: *mut i64,
) -> fdb_error_t {
    // SAFETY: the caller's transaction and place for the answer.
    code(|| unsafe { write(out_version, transaction_of(tr)?.committed_version()) })
}

pub unsafe extern "C" fn fdb_transaction_get_tag_throttled_duration(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.tag_throttled_duration()))
}

pub unsafe extern "C" fn fdb_transaction_get_total_cost(tr: *mut FDBTransaction) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.total_cost()))
}

pub unsafe extern "C" fn fdb_transaction_get_approximate_size(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.approximate_size()))
}

pub unsafe extern "C" fn fdb_transaction_get_versionstamp(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.versionstamp()))
}

pub unsafe extern "C" fn fdb_transaction_on_error(
    tr: *mut FDBTransaction,
    error: fdb_error_t,
) -> *mut FDBFuture {
    // SAFETY: the caller's transaction, not destroyed.
    future(|| Ok(unsafe { transaction_of(tr) }?.on_error(Error::from_code(error))))
}

/// The range of two keys: 2005 if they are the wrong way round.
///
/// # Safety
/// As `bytes`, for both.
unsafe fn range<'a>(
    begin: *const u8,
    begin_length: c_int,
    end: *const u8,
    end_length: c_int,
) -> Result<(&'a [u8], &'a [u8])> {
    // SAFETY: the same contract.
    let (begin, end) = unsafe { (bytes(begin, begin_length)?, bytes(end, end_length)?) };
    if begin > end { Err(Error::INVERTED_RANGE) } else { Ok((begin, end)) }
}

pub unsafe extern "C" fn fdb_transaction_add_conflict_range(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    kind: FDBConflictRangeType,
) -> fdb_error_t {
    use found_fdb_sys::{
        FDBConflictRangeType_FDB_CONFLICT_RANGE_TYPE_READ as READ,
        FDBConflictRangeType_FDB_CONFLICT_RANGE_TYPE_WRITE as WRITE,
    };
    code(|| {
        // SAFETY: the caller's transaction and keys.
        let (transaction, (begin, end)) = unsafe {
            let keys = (begin_key_name, begin_key_name_length, end_key_name, end_key_name_length);
            (transaction_of(tr)?, range(keys.0, keys.1, keys.2, keys.3)?)
        };
        match kind {
            READ => transaction.add_read_conflict(begin, end),
            WRITE => transaction.add_write_conflict(begin, end),
            _ => return Err(Error::CLIENT_INVALID_OPERATION),
        }
        Ok(())
    })
}

pub unsafe extern "C" fn fdb_transaction_get_estimated_range_size_bytes(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's transaction and keys.
        let (transaction, (begin, end)) = unsafe {
            let keys = (begin_key_name, begin_key_name_length, end_key_name, end_key_name_length);
            (transaction_of(tr)?, range(keys.0, keys.1, keys.2, keys.3)?)
        };
        Ok(transaction.estimated_range_size(begin, end))
    })
}

pub unsafe extern "C" fn fdb_transaction_get_range_split_points(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    chunk_size: i64,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's transaction and keys.
        let (transaction, (begin, end)) = unsafe {
            let keys = (begin_key_name, begin_key_name_length, end_key_name, end_key_name_length);
            (transaction_of(tr)?, range(keys.0, keys.1, keys.2, keys.3)?)
        };
        Ok(transaction.range_split_points(begin, end, chunk_size))
    })
}
