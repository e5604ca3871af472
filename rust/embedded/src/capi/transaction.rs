#![allow(unused_variables)]
use super::types::*;

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_destroy(tr: *mut FDBTransaction) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_cancel(tr: *mut FDBTransaction) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_set_option(
    tr: *mut FDBTransaction,
    option: FDBTransactionOption,
    value: *const u8,
    value_length: c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_set_read_version(tr: *mut FDBTransaction, version: i64) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_read_version(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    snapshot: fdb_bool_t,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_key(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    or_equal: fdb_bool_t,
    offset: c_int,
    snapshot: fdb_bool_t,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_addresses_for_key(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
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
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
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
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_set(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    value: *const u8,
    value_length: c_int,
) {
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_atomic_op(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
    param: *const u8,
    param_length: c_int,
    operation_type: FDBMutationType,
) {
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_clear(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
) {
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_clear_range(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) {
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_watch(
    tr: *mut FDBTransaction,
    key_name: *const u8,
    key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_commit(tr: *mut FDBTransaction) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_committed_version(
    tr: *mut FDBTransaction,
    out_version: *mut i64,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_tag_throttled_duration(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_total_cost(tr: *mut FDBTransaction) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_approximate_size(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_versionstamp(
    tr: *mut FDBTransaction,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_on_error(
    tr: *mut FDBTransaction,
    error: fdb_error_t,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_reset(tr: *mut FDBTransaction) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_add_conflict_range(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    kind: FDBConflictRangeType,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_estimated_range_size_bytes(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_range_split_points(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    chunk_size: i64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}
