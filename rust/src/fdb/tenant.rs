//! Tenants: named key spaces of a 7.x cluster. Experimental there, gone from 8.0 on.

use std::{ptr::NonNull, sync::Arc};

use found_fdb_sys::FDBTenant;

use super::{
    database::{Database, Fault},
    error::Code,
    library::Library,
    network,
    transaction::{Transaction, length},
};

const VERSIONS: &str = "7.1 to 7.4";

/// A tenant of a database. It may outlive the database, whose end ends its transactions.
pub struct Tenant {
    database: Arc<Database>,
    pointer: NonNull<FDBTenant>,
}

// SAFETY: the C API may be called from any thread, and the pointer ends with its only owner.
unsafe impl Send for Tenant {}
// SAFETY: as above; the functions called through a shared reference are safe to call at once.
unsafe impl Sync for Tenant {}

fn absent(library: &'static Library, function: &'static str) -> Fault {
    Fault::Absent { library, function, versions: VERSIONS }
}

impl Tenant {
    pub(super) fn open(database: &Arc<Database>, name: &[u8]) -> Result<Tenant, Fault> {
        let library = database.library();
        let open = library
            .table
            .fdb_database_open_tenant
            .ok_or_else(|| absent(library, "fdb_database_open_tenant"))?;
        let length = length(name)?;
        let mut tenant = std::ptr::null_mut();
        // SAFETY: the database is alive inside `with`; the name is readable for its length and copied; the output is
        // writable.
        let code = database
            .with(|_, database| unsafe { open(database, name.as_ptr(), length, &mut tenant) })?;
        Code::check(code)?;
        let pointer = NonNull::new(tenant).ok_or(Code(4100))?;
        Ok(Tenant { database: Arc::clone(database), pointer })
    }

    pub fn transaction(&self) -> Result<Transaction, Fault> {
        let library = self.database.library();
        let create = library
            .table
            .fdb_tenant_create_transaction
            .ok_or_else(|| absent(library, "fdb_tenant_create_transaction"))?;
        self.database.make_transaction(|_, _, transaction| {
            // SAFETY: the tenant is alive while `self` is, and its database is not closed meanwhile; the output is
            // writable.
            unsafe { create(self.pointer.as_ptr(), transaction) }
        })
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        if let Some(destroy) = self.database.library().table.fdb_tenant_destroy
            && !network::forked()
        {
            // SAFETY: the pointer is ours and was not destroyed before.
            unsafe { destroy(self.pointer.as_ptr()) }
        }
    }
}
