#![allow(unused_variables)]
use super::types::*;

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_cancel(f: *mut FDBFuture) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_release_memory(f: *mut FDBFuture) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_destroy(f: *mut FDBFuture) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_block_until_ready(f: *mut FDBFuture) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_is_ready(f: *mut FDBFuture) -> fdb_bool_t {
    0
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_set_callback(
    f: *mut FDBFuture,
    callback: FDBCallback,
    callback_parameter: *mut c_void,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_error(f: *mut FDBFuture) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_bool(
    f: *mut FDBFuture,
    out: *mut fdb_bool_t,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_int64(f: *mut FDBFuture, out: *mut i64) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_uint64(f: *mut FDBFuture, out: *mut u64) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_double(f: *mut FDBFuture, out: *mut f64) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_key(
    f: *mut FDBFuture,
    out_key: *mut *const u8,
    out_key_length: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_value(
    f: *mut FDBFuture,
    out_present: *mut fdb_bool_t,
    out_value: *mut *const u8,
    out_value_length: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_keyvalue_array(
    f: *mut FDBFuture,
    out_kv: *mut *const FDBKeyValue,
    out_count: *mut c_int,
    out_more: *mut fdb_bool_t,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_mappedkeyvalue_array(
    f: *mut FDBFuture,
    out_kv: *mut *const FDBMappedKeyValue,
    out_count: *mut c_int,
    out_more: *mut fdb_bool_t,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_key_array(
    f: *mut FDBFuture,
    out_key_array: *mut *const FDBKey,
    out_count: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_string_array(
    f: *mut FDBFuture,
    out_strings: *mut *mut *const c_char,
    out_count: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_keyrange_array(
    f: *mut FDBFuture,
    out_ranges: *mut *const FDBKeyRange,
    out_count: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_get_granule_summary_array(
    f: *mut FDBFuture,
    out_summaries: *mut *const FDBGranuleSummary,
    out_count: *mut c_int,
) -> fdb_error_t {
    4100
}
