//! Blob granules, which are files of a cluster's: every function says that there are none.

use super::handle::{code, future, quiet};
use super::types::*;
use crate::error::Error;
use crate::future::Future;

macro_rules! unsupported {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?);)*) => {
        $(
            pub unsafe extern "C" fn $name($($argument: $type),*) -> *mut FDBFuture {
                $(let _ = $argument;)*
                future(|| Ok(Future::ready(Err(Error::UNSUPPORTED_OPERATION))))
            }
        )*
    };
}

unsupported! {
    fn fdb_database_purge_blob_granules(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, purge_version: i64, force: fdb_bool_t);
    fn fdb_database_wait_purge_granules_complete(db: *mut FDBDatabase, purge_key_name: *const u8, purge_key_name_length: c_int);
    fn fdb_database_blobbify_range(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int);
    fn fdb_database_blobbify_range_blocking(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int);
    fn fdb_database_unblobbify_range(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int);
    fn fdb_database_list_blobbified_ranges(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, range_limit: c_int);
    fn fdb_database_verify_blob_range(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, version: i64);
    fn fdb_database_flush_blob_range(db: *mut FDBDatabase, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, compact: fdb_bool_t, version: i64);
    fn fdb_tenant_purge_blob_granules(db: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, purge_version: i64, force: fdb_bool_t);
    fn fdb_tenant_wait_purge_granules_complete(db: *mut FDBTenant, purge_key_name: *const u8, purge_key_name_length: c_int);
    fn fdb_tenant_blobbify_range(tenant: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int);
    fn fdb_tenant_blobbify_range_blocking(tenant: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int);
    fn fdb_tenant_unblobbify_range(tenant: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int);
    fn fdb_tenant_list_blobbified_ranges(tenant: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, range_limit: c_int);
    fn fdb_tenant_verify_blob_range(tenant: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, version: i64);
    fn fdb_tenant_flush_blob_range(tenant: *mut FDBTenant, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, compact: fdb_bool_t, version: i64);
    fn fdb_transaction_get_blob_granule_ranges(tr: *mut FDBTransaction, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, range_limit: c_int);
    fn fdb_transaction_summarize_blob_granules(tr: *mut FDBTransaction, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, summary_version: i64, range_limit: c_int);
    fn fdb_transaction_read_blob_granules_description(tr: *mut FDBTransaction, begin_key_name: *const u8, begin_key_name_length: c_int, end_key_name: *const u8, end_key_name_length: c_int, begin_version: i64, read_version: i64, read_version_out: *mut i64);
}

/// A result, of which there is only the error.
fn unsupported_result() -> *mut FDBResult {
    Box::into_raw(Box::new(Error::UNSUPPORTED_OPERATION)).cast()
}

/// # Safety
/// `r` is null or a result that has not been destroyed.
unsafe fn error_of(r: *mut FDBResult) -> fdb_error_t {
    code(|| {
        if r.is_null() {
            return Err(Error::CLIENT_INVALID_OPERATION);
        }
        // SAFETY: not null, so a result of `unsupported_result`, says the caller.
        Err(unsafe { *r.cast::<Error>() })
    })
}

pub unsafe extern "C" fn fdb_transaction_read_blob_granules(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    begin_version: i64,
    read_version: i64,
    granule_context: FDBReadBlobGranuleContext,
) -> *mut FDBResult {
    let _ = (tr, begin_key_name, begin_key_name_length, end_key_name, end_key_name_length);
    let _ = (begin_version, read_version, granule_context);
    unsupported_result()
}

pub unsafe extern "C" fn fdb_readbg_parse_snapshot_file(
    file_data: *const u8,
    file_len: c_int,
    tenant_prefix: *const FDBBGTenantPrefix,
    encryption_ctx: *const FDBBGEncryptionCtx,
) -> *mut FDBResult {
    let _ = (file_data, file_len, tenant_prefix, encryption_ctx);
    unsupported_result()
}

pub unsafe extern "C" fn fdb_readbg_parse_delta_file(
    file_data: *const u8,
    file_len: c_int,
    tenant_prefix: *const FDBBGTenantPrefix,
    encryption_ctx: *const FDBBGEncryptionCtx,
) -> *mut FDBResult {
    let _ = (file_data, file_len, tenant_prefix, encryption_ctx);
    unsupported_result()
}

pub unsafe extern "C" fn fdb_result_destroy(r: *mut FDBResult) {
    if r.is_null() {
        return;
    }
    // SAFETY: results are given out by `unsupported_result` as Box::into_raw, and the caller destroys each once.
    let result = unsafe { Box::from_raw(r.cast::<Error>()) };
    quiet(move || drop(result));
}

pub unsafe extern "C" fn fdb_result_get_keyvalue_array(
    r: *mut FDBResult,
    out_kv: *mut *const FDBKeyValue,
    out_count: *mut c_int,
    out_more: *mut fdb_bool_t,
) -> fdb_error_t {
    let _ = (out_kv, out_count, out_more);
    // SAFETY: the caller's result.
    unsafe { error_of(r) }
}

pub unsafe extern "C" fn fdb_result_get_bg_mutations_array(
    r: *mut FDBResult,
    out_mutations: *mut *const FDBBGMutation,
    out_count: *mut c_int,
) -> fdb_error_t {
    let _ = (out_mutations, out_count);
    // SAFETY: the caller's result.
    unsafe { error_of(r) }
}
