//! Databases.

use std::ffi::CStr;
use std::sync::Arc;

use super::handle::{bytes, code, database_of, future, option_value, quiet, write};
use super::types::*;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::future::{Answer, Future};
use crate::storage::OpenFailure;
use crate::transaction::Transaction;
use crate::{failure, network};

/// The protocol version of FoundationDB 7.4, the one of `fdb_get_client_version`.
const PROTOCOL_VERSION: u64 = 0x0FDB_00B0_7400_0000;

type Opened = std::result::Result<Database, OpenFailure>;

/// # Safety
/// `named` is null or a C string, and `out` can be written to.
unsafe fn create(
    named: *const c_char,
    out: *mut *mut FDBDatabase,
    open: impl FnOnce(&str, i32) -> Opened,
) -> Result<()> {
    network::require_set_up()?;
    if out.is_null() {
        return Err(Error::CLIENT_INVALID_OPERATION);
    }
    let named = if named.is_null() {
        ""
    } else {
        // SAFETY: not null, so a C string, says the caller.
        let named = unsafe { CStr::from_ptr(named) };
        named.to_str().map_err(|_| Error::NO_CLUSTER_FILE_FOUND)?
    };
    let database = failure::remember(open(named, network::api_version()?))?;
    // SAFETY: the caller's place for the database.
    unsafe { write(out, Arc::into_raw(Arc::new(database)).cast_mut().cast()) }
}

pub unsafe extern "C" fn fdb_create_database(
    cluster_file_path: *const c_char,
    out_database: *mut *mut FDBDatabase,
) -> fdb_error_t {
    // SAFETY: the caller's path and place for the database.
    code(|| unsafe { create(cluster_file_path, out_database, Database::open) })
}

pub unsafe extern "C" fn fdb_create_database_from_connection_string(
    connection_string: *const c_char,
    out_database: *mut *mut FDBDatabase,
) -> fdb_error_t {
    let open = |text: &str, version| Database::open_address(text.to_owned(), text, version);
    // SAFETY: the caller's string and place for the database.
    code(|| unsafe { create(connection_string, out_database, open) })
}

pub unsafe extern "C" fn fdb_database_destroy(d: *mut FDBDatabase) {
    if d.is_null() {
        return;
    }
    // SAFETY: databases are given out as Arc::into_raw, and the caller destroys each once.
    let database = unsafe { Arc::from_raw(d.cast_const().cast::<Database>()) };
    quiet(move || drop(database));
}

pub unsafe extern "C" fn fdb_database_set_option(
    d: *mut FDBDatabase,
    option: FDBDatabaseOption,
    value: *const u8,
    value_length: c_int,
) -> fdb_error_t {
    code(|| {
        // SAFETY: the caller's database and value.
        let (database, value) = unsafe { (database_of(d)?, option_value(value, value_length)?) };
        database.set_option(option, value)
    })
}

pub unsafe extern "C" fn fdb_database_create_transaction(
    d: *mut FDBDatabase,
    out_transaction: *mut *mut FDBTransaction,
) -> fdb_error_t {
    code(|| {
        // SAFETY: the caller's database.
        let database = unsafe { database_of(d) }?;
        if out_transaction.is_null() {
            return Err(Error::CLIENT_INVALID_OPERATION);
        }
        let transaction = Transaction::new(Arc::clone(&database));
        // SAFETY: the caller's place for the transaction.
        unsafe { write(out_transaction, Arc::into_raw(transaction).cast_mut().cast()) }
    })
}

/// What asks for a cluster's machines has nothing to ask here.
///
/// # Safety
/// `db` is null or a database that has not been destroyed.
unsafe fn unsupported(db: *mut FDBDatabase) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the same contract.
        let database = unsafe { database_of(db) }?;
        Ok(database.answer(Err(Error::UNSUPPORTED_OPERATION)))
    })
}

pub unsafe extern "C" fn fdb_database_reboot_worker(
    db: *mut FDBDatabase,
    address: *const u8,
    address_length: c_int,
    check: fdb_bool_t,
    duration: c_int,
) -> *mut FDBFuture {
    let _ = (address, address_length, check, duration);
    // SAFETY: the caller's database.
    unsafe { unsupported(db) }
}

pub unsafe extern "C" fn fdb_database_force_recovery_with_data_loss(
    db: *mut FDBDatabase,
    dcid: *const u8,
    dcid_length: c_int,
) -> *mut FDBFuture {
    let _ = (dcid, dcid_length);
    // SAFETY: the caller's database.
    unsafe { unsupported(db) }
}

pub unsafe extern "C" fn fdb_database_create_snapshot(
    db: *mut FDBDatabase,
    uid: *const u8,
    uid_length: c_int,
    snap_command: *const u8,
    snap_command_length: c_int,
) -> *mut FDBFuture {
    let _ = (uid, uid_length, snap_command, snap_command_length);
    // SAFETY: the caller's database.
    unsafe { unsupported(db) }
}

pub unsafe extern "C" fn fdb_database_get_main_thread_busyness(db: *mut FDBDatabase) -> f64 {
    let _ = db;
    0.0
}

pub unsafe extern "C" fn fdb_database_get_server_protocol(
    db: *mut FDBDatabase,
    expected_version: u64,
) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's database.
        let database = unsafe { database_of(db) }?;
        // Ready once the protocol is another than expected, which it never becomes.
        if expected_version == PROTOCOL_VERSION {
            return Ok(Future::pending());
        }
        Ok(database.answer(Ok(Answer::Uint64(PROTOCOL_VERSION))))
    })
}

pub unsafe extern "C" fn fdb_database_get_client_status(db: *mut FDBDatabase) -> *mut FDBFuture {
    future(|| {
        // SAFETY: the caller's database.
        let database = unsafe { database_of(db) }?;
        Ok(database.answer(Ok(Answer::Key(database.client_status().into_bytes()))))
    })
}

pub unsafe extern "C" fn fdb_database_open_tenant(
    d: *mut FDBDatabase,
    tenant_name: *const u8,
    tenant_name_length: c_int,
    out_tenant: *mut *mut FDBTenant,
) -> fdb_error_t {
    code(|| {
        // SAFETY: the caller's database and name.
        let (database, name) =
            unsafe { (database_of(d)?, bytes(tenant_name, tenant_name_length)?) };
        let tenant = super::tenant::open(&database, name)?;
        // SAFETY: the caller's place for the tenant.
        unsafe { write(out_tenant, tenant) }
    })
}
