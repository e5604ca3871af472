#![allow(unused_variables)]
use super::types::*;

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_future_readbg_get_descriptions(
    f: *mut FDBFuture,
    out: *mut *mut FDBBGFileDescription,
    desc_count: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_readbg_parse_snapshot_file(
    file_data: *const u8,
    file_len: c_int,
    tenant_prefix: *const FDBBGTenantPrefix,
    encryption_ctx: *const FDBBGEncryptionCtx,
) -> *mut FDBResult {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_readbg_parse_delta_file(
    file_data: *const u8,
    file_len: c_int,
    tenant_prefix: *const FDBBGTenantPrefix,
    encryption_ctx: *const FDBBGEncryptionCtx,
) -> *mut FDBResult {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_result_destroy(r: *mut FDBResult) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_result_get_keyvalue_array(
    r: *mut FDBResult,
    out_kv: *mut *const FDBKeyValue,
    out_count: *mut c_int,
    out_more: *mut fdb_bool_t,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_result_get_bg_mutations_array(
    r: *mut FDBResult,
    out_mutations: *mut *const FDBBGMutation,
    out_count: *mut c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_purge_blob_granules(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    purge_version: i64,
    force: fdb_bool_t,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_blobbify_range(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_blobbify_range_blocking(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_unblobbify_range(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_list_blobbified_ranges(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    range_limit: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_verify_blob_range(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    version: i64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_flush_blob_range(
    db: *mut FDBDatabase,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    compact: fdb_bool_t,
    version: i64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_purge_blob_granules(
    db: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    purge_version: i64,
    force: fdb_bool_t,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_blobbify_range(
    tenant: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_blobbify_range_blocking(
    tenant: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_unblobbify_range(
    tenant: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_list_blobbified_ranges(
    tenant: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    range_limit: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_verify_blob_range(
    tenant: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    version: i64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_tenant_flush_blob_range(
    tenant: *mut FDBTenant,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    compact: fdb_bool_t,
    version: i64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_get_blob_granule_ranges(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    range_limit: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
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
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_summarize_blob_granules(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    summary_version: i64,
    range_limit: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_transaction_read_blob_granules_description(
    tr: *mut FDBTransaction,
    begin_key_name: *const u8,
    begin_key_name_length: c_int,
    end_key_name: *const u8,
    end_key_name_length: c_int,
    begin_version: i64,
    read_version: i64,
    read_version_out: *mut i64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}
