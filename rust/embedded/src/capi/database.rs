#![allow(unused_variables)]
use super::types::*;

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_create_database(
    cluster_file_path: *const c_char,
    out_database: *mut *mut FDBDatabase,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_create_database_from_connection_string(
    connection_string: *const c_char,
    out_database: *mut *mut FDBDatabase,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_destroy(d: *mut FDBDatabase) {}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_set_option(
    d: *mut FDBDatabase,
    option: FDBDatabaseOption,
    value: *const u8,
    value_length: c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_open_tenant(
    d: *mut FDBDatabase,
    tenant_name: *const u8,
    tenant_name_length: c_int,
    out_tenant: *mut *mut FDBTenant,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_create_transaction(
    d: *mut FDBDatabase,
    out_transaction: *mut *mut FDBTransaction,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_reboot_worker(
    db: *mut FDBDatabase,
    address: *const u8,
    address_length: c_int,
    check: fdb_bool_t,
    duration: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_force_recovery_with_data_loss(
    db: *mut FDBDatabase,
    dcid: *const u8,
    dcid_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_create_snapshot(
    db: *mut FDBDatabase,
    uid: *const u8,
    uid_length: c_int,
    snap_command: *const u8,
    snap_command_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_get_main_thread_busyness(db: *mut FDBDatabase) -> f64 {
    0.0
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_get_server_protocol(
    db: *mut FDBDatabase,
    expected_version: u64,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_wait_purge_granules_complete(
    db: *mut FDBDatabase,
    purge_key_name: *const u8,
    purge_key_name_length: c_int,
) -> *mut FDBFuture {
    std::ptr::null_mut()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_database_get_client_status(db: *mut FDBDatabase) -> *mut FDBFuture {
    std::ptr::null_mut()
}
