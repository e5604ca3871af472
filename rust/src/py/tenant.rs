//! Tenants of a 7.x cluster.

use pyo3::{PyTraverseError, PyVisit, prelude::*};

use super::{
    arguments::{Bytes, Db, name},
    database::Database,
    errors,
};
use crate::fdb;

/// A tenant of a database, as `found.open_tenant` gives it: a key space of its own, under a name.
///
/// It takes the place of a database in `found.transactional`, `found.transaction` and
/// `found.make_transaction`. Tenants are experimental in FoundationDB 7.1 to 7.4, and gone from 8.0
/// on.
#[pyclass(frozen, weakref, module = "found")]
pub struct Tenant {
    inner: fdb::Tenant,
    database: Py<Database>,
    name: Vec<u8>,
}

impl Tenant {
    pub fn inner(&self) -> &fdb::Tenant {
        &self.inner
    }

    pub fn database(&self) -> &Py<Database> {
        &self.database
    }
}

#[pymethods]
impl Tenant {
    /// The database that the tenant belongs to.
    #[getter]
    fn db(&self, py: Python<'_>) -> Py<Database> {
        self.database.clone_ref(py)
    }

    /// What is called on the way of each transaction: the database's found.Hooks.
    #[getter]
    fn hooks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.database.bind(py).getattr("hooks")
    }

    /// The name of the tenant, as bytes.
    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> Bound<'py, pyo3::types::PyBytes> {
        pyo3::types::PyBytes::new(py, &self.name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.database)
    }
}

/// Open a tenant of a database.
///
/// Nothing is asked of the cluster yet: a name that no tenant has fails the first operation of a
/// transaction, with 2131.
///
/// Args:
///     db: a found.Database.
///     name: bytes, the tenant's name.
///
/// Returns:
///     A found.Tenant, to be used where a database is.
///
/// Raises:
///     LibraryException: the client library has no tenants, as those from 8.0 on.
///     RuntimeError: the database is closed, or the process was forked since it was opened.
///     TypeError: `db` is no found.Database or `name` is not bytes.
///
/// Rule: bindings/c/fdb_c.cpp, fdb_database_open_tenant.
#[pyfunction]
pub fn open_tenant(db: Db<'_>, name: Bytes<'_, name::TenantName>) -> PyResult<Tenant> {
    let inner =
        db.get().inner().tenant(name.as_slice()).map_err(|fault| errors::raise(db.py(), fault))?;
    Ok(Tenant { inner, database: db.clone().unbind(), name: name.as_slice().to_vec() })
}
