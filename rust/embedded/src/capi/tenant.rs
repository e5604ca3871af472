//! Tenants, which this engine does not have: a handle can be opened, and everything about it says so.

use super::handle::{code, future, quiet};
use super::types::*;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::future::Future;

/// A handle that keeps nothing.
struct Tenant;

pub(super) fn open(_database: &Database, name: &[u8]) -> Result<*mut FDBTenant> {
    if name.first() == Some(&0xff) {
        return Err(Error::INVALID_TENANT_NAME);
    }
    // A tenant of its own byte of memory, so that each handle is another pointer.
    Ok(Box::into_raw(Box::new((Tenant, 0u8))).cast())
}

pub unsafe extern "C" fn fdb_tenant_create_transaction(
    tenant: *mut FDBTenant,
    out_transaction: *mut *mut FDBTransaction,
) -> fdb_error_t {
    let _ = (tenant, out_transaction);
    code(|| Err(Error::TENANTS_DISABLED))
}

pub unsafe extern "C" fn fdb_tenant_get_id(tenant: *mut FDBTenant) -> *mut FDBFuture {
    let _ = tenant;
    future(|| Ok(Future::ready(Err(Error::TENANTS_DISABLED))))
}

pub unsafe extern "C" fn fdb_tenant_destroy(tenant: *mut FDBTenant) {
    if tenant.is_null() {
        return;
    }
    // SAFETY: tenants are given out by `open` as Box::into_raw, and the caller destroys each once.
    let tenant = unsafe { Box::from_raw(tenant.cast::<(Tenant, u8)>()) };
    quiet(move || drop(tenant));
}
