//! A database handle, and what ends with it.

use std::{ffi::c_int, ptr::NonNull, sync::Arc};

use found_fdb_sys::{FDBDatabase, FDBDatabaseOption, FDBTransaction};
use parking_lot::Mutex;
use slab::Slab;

use super::{
    error::Code,
    future::Future,
    library::{Library, c_string},
    network::{self, NetworkError},
    table::Table,
    tenant::Tenant,
    transaction::{Handle, Transaction, length},
    turns,
};

/// A database of one library, and the transactions made from it: closing it ends them.
pub struct Database {
    library: &'static Library,
    pointer: Mutex<Option<Pointer>>,
    pub(super) transactions: Mutex<Slab<Arc<Handle>>>,
}

struct Pointer(NonNull<FDBDatabase>);

// SAFETY: the C API may be called from any thread; the mutex around the pointer orders its end after its uses.
unsafe impl Send for Pointer {}

impl Database {
    /// Starts the library's network if need be and opens what `address` names. Blocks while a file is opened.
    pub fn open(library: &'static Library, address: &str) -> Result<Arc<Database>, NetworkError> {
        library.ensure_running()?;
        let address = c_string(address).map_err(NetworkError::Code)?;
        let mut pointer = std::ptr::null_mut();
        // SAFETY: the network is set up, the address is a C string, the output is writable.
        let code = unsafe { (library.table.fdb_create_database)(address.as_ptr(), &mut pointer) };
        Code::check(code).map_err(NetworkError::Code)?;
        let pointer = NonNull::new(pointer).ok_or(NetworkError::Code(Code(4100)))?;
        // SAFETY: the library has just made it.
        unsafe { turns::promise(library, pointer.as_ptr()) };
        Ok(Arc::new(Database {
            library,
            pointer: Mutex::new(Some(Pointer(pointer))),
            transactions: Mutex::new(Slab::new()),
        }))
    }

    pub fn library(&self) -> &'static Library {
        self.library
    }

    pub fn is_closed(&self) -> bool {
        self.pointer.lock().is_none()
    }

    pub fn set_option(&self, option: c_int, value: Option<&[u8]>) -> Result<(), Fault> {
        // Apple's client says nothing of a bad value, and has every later transaction of the database fail with it
        // (ThreadSafeTransaction.cpp, ThreadSafeDatabase::setOption): none gets as far.
        if found_embedded::is_bad_database_option(option as FDBDatabaseOption, value) {
            return Err(Code::INVALID_OPTION_VALUE.into());
        }
        let (bytes, length) = match value {
            Some(bytes) => (bytes.as_ptr(), length(bytes)?),
            None => (std::ptr::null(), 0),
        };
        // SAFETY: the database is alive inside `with`; the value is readable for `length` bytes and copied.
        let code = self.with(|table, database| unsafe {
            (table.fdb_database_set_option)(database, option as FDBDatabaseOption, bytes, length)
        })?;
        Ok(Code::check(code)?)
    }

    pub fn transaction(self: &Arc<Self>) -> Result<Transaction, Fault> {
        self.make_transaction(|table, database, transaction| {
            // SAFETY: the database is alive while its lock is held, the output is writable.
            unsafe { (table.fdb_database_create_transaction)(database, transaction) }
        })
    }

    /// A transaction made by `make`, which runs while the database cannot be closed.
    pub(super) fn make_transaction(
        self: &Arc<Self>,
        make: impl FnOnce(&Table, *mut FDBDatabase, &mut *mut FDBTransaction) -> c_int,
    ) -> Result<Transaction, Fault> {
        network::serving()?;
        let pointer = self.pointer.lock();
        let database = pointer.as_ref().ok_or(Fault::Closed)?;
        let mut transaction = std::ptr::null_mut();
        Code::check(make(&self.library.table, database.0.as_ptr(), &mut transaction))?;
        let transaction = NonNull::new(transaction).ok_or(Code(4100))?;
        // Filed before the lock is released: closing ends it.
        Ok(Transaction::new(Arc::clone(self), transaction))
    }

    /// Runs `f` with the table and the pointer, which stays alive meanwhile.
    pub(super) fn with<R>(
        &self,
        f: impl FnOnce(&Table, *mut FDBDatabase) -> R,
    ) -> Result<R, Fault> {
        network::serving()?;
        let pointer = self.pointer.lock();
        let database = pointer.as_ref().ok_or(Fault::Closed)?;
        Ok(f(&self.library.table, database.0.as_ptr()))
    }

    /// How busy the client's network thread is, from 0 to 1.
    pub fn main_thread_busyness(&self) -> Result<f64, Fault> {
        // SAFETY: the database is alive inside `with`.
        self.with(|table, database| unsafe {
            (table.fdb_database_get_main_thread_busyness)(database)
        })
    }

    /// The protocol version of the servers, once it is another than `expected`.
    pub fn server_protocol(&self, expected: u64) -> Result<Future, Fault> {
        // SAFETY: the database is alive inside `with`.
        let future = self.with(|table, database| unsafe {
            (table.fdb_database_get_server_protocol)(database, expected)
        })?;
        Ok(Future::new(self.library, future)?)
    }

    /// What the client knows of its connections, as JSON.
    pub fn client_status(&self) -> Result<Future, Fault> {
        let function = self.library.table.fdb_database_get_client_status.ok_or(Fault::Absent {
            library: self.library,
            function: "fdb_database_get_client_status",
            versions: "7.3 or later",
        })?;
        // SAFETY: the database is alive inside `with`.
        let future = self.with(|_, database| unsafe { function(database) })?;
        Ok(Future::new(self.library, future)?)
    }

    /// Opens a tenant. The name is looked up by the first transaction.
    pub fn tenant(self: &Arc<Self>, name: &[u8]) -> Result<Tenant, Fault> {
        Tenant::open(self, name)
    }

    /// Cancels and ends every transaction, then the database. Blocks while a file is closed.
    pub fn close(&self) {
        let mut pointer = self.pointer.lock();
        let Some(database) = pointer.take() else { return };
        let handles: Vec<Arc<Handle>> =
            self.transactions.lock().iter().map(|(_, handle)| Arc::clone(handle)).collect();
        for handle in handles {
            handle.end(self.library);
        }
        if !network::forked() {
            // SAFETY: the pointer was taken out, so this is its only destruction, and no call is under way on
            // it: calls hold the lock that is held here.
            unsafe { (self.library.table.fdb_database_destroy)(database.0.as_ptr()) }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why a call could not be made, or what it answered.
pub enum Fault {
    Closed,
    /// The library lacks the function; `versions` have it.
    Absent {
        library: &'static Library,
        function: &'static str,
        versions: &'static str,
    },
    Network(NetworkError),
    Code(Code),
}

impl From<Code> for Fault {
    fn from(code: Code) -> Fault {
        Fault::Code(code)
    }
}

impl From<NetworkError> for Fault {
    fn from(error: NetworkError) -> Fault {
        Fault::Network(error)
    }
}
