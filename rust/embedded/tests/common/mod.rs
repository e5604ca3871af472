//! The C API as the tests call it: every unsafe call of theirs is here.

#![allow(dead_code, unsafe_code)]

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, Once};
use std::time::Duration;

use found_embedded::capi::types::*;
use found_embedded::capi::*;

pub mod mapped;
pub mod selecting;

pub mod mutation {
    pub const ADD: u32 = 2;
    pub const AND: u32 = 6;
    pub const APPEND_IF_FITS: u32 = 9;
    pub const VERSIONSTAMPED_KEY: u32 = 14;
    pub const VERSIONSTAMPED_VALUE: u32 = 15;
}

pub mod option {
    pub const CAUSAL_WRITE_RISKY: u32 = 10;
    pub const NEXT_WRITE_NO_WRITE_CONFLICT_RANGE: u32 = 30;
    pub const READ_YOUR_WRITES_DISABLE: u32 = 51;
    pub const ACCESS_SYSTEM_KEYS: u32 = 301;
    pub const READ_SYSTEM_KEYS: u32 = 302;
    pub const TIMEOUT: u32 = 500;
    pub const RETRY_LIMIT: u32 = 501;
    pub const MAX_RETRY_DELAY: u32 = 502;
    pub const SIZE_LIMIT: u32 = 503;
    pub const SNAPSHOT_RYW_ENABLE: u32 = 600;
    pub const SNAPSHOT_RYW_DISABLE: u32 = 601;
    pub const READ_LOCK_AWARE: u32 = 702;
    pub const REPORT_CONFLICTING_KEYS: u32 = 712;
    pub const SPECIAL_KEY_SPACE_RELAXED: u32 = 713;
    pub const SPECIAL_KEY_SPACE_ENABLE_WRITES: u32 = 714;
}

pub mod database_option {
    pub const MAX_WATCHES: u32 = 20;
    pub const SNAPSHOT_RYW_DISABLE: u32 = 27;
    pub const TRANSACTION_TIMEOUT: u32 = 500;
    pub const TRANSACTION_RETRY_LIMIT: u32 = 501;
    pub const TRANSACTION_SIZE_LIMIT: u32 = 503;
}

pub const WANT_ALL: c_int = -2;
pub const ITERATOR: c_int = -1;
pub const EXACT: c_int = 0;
pub const SMALL: c_int = 1;

/// Runs the network, once a process.
pub fn network() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        select(740);
        // SAFETY: it takes nothing.
        assert_eq!(unsafe { fdb_setup_network() }, 0);
        // SAFETY: it takes nothing, and `Once` calls it once.
        std::thread::spawn(|| unsafe { fdb_run_network() });
    });
}

pub fn select(version: c_int) {
    // SAFETY: it takes numbers.
    assert_eq!(unsafe { fdb_select_api_version_impl(version, 740) }, 0);
}

/// Says that the loop of this thread has turned; whether to go on.
pub fn turn() -> bool {
    // SAFETY: it takes nothing.
    unsafe { fdb_found_turn() != 0 }
}

/// A name no other test uses.
pub fn unique(stem: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{stem}-{}-{count}", std::process::id())
}

/// A folder that goes with the test.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new() -> Folder {
        let path = std::env::temp_dir().join(unique("found-embedded"));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn address(&self, options: &str) -> String {
        format!("embedded:{}{options}", self.0.join("test.db").display())
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a test on a database in memory and on one in a file.
pub fn on_both(test: impl Fn(&Database)) {
    test(&Database::open("memory:"));
    let folder = Folder::new();
    test(&Database::open(&folder.address("?sync=off")));
}

pub struct Database(pub *mut FDBDatabase);

// SAFETY: fdb_c.h lets any thread use a database.
unsafe impl Send for Database {}
// SAFETY: fdb_c.h lets any thread use a database.
unsafe impl Sync for Database {}

impl Database {
    pub fn open(address: &str) -> Database {
        Database::try_open(address).unwrap()
    }

    pub fn try_open(address: &str) -> Result<Database, (i32, String)> {
        network();
        let address = CString::new(address).unwrap();
        let mut database = null_mut();
        // SAFETY: the address ends with NUL, and the database is written into a local.
        match unsafe { fdb_create_database(address.as_ptr(), &raw mut database) } {
            0 => Ok(Database(database)),
            code => Err((code, found_embedded::last_failure().unwrap_or_default())),
        }
    }

    pub fn transaction(&self) -> Transaction {
        let mut transaction = null_mut();
        // SAFETY: the database is live, and the transaction is written into a local.
        assert_eq!(unsafe { fdb_database_create_transaction(self.0, &raw mut transaction) }, 0);
        Transaction(transaction)
    }

    pub fn set_option(&self, option: u32, value: Option<i64>) -> i32 {
        let bytes = value.map(i64::to_le_bytes);
        let value = bytes.as_ref().map_or(null(), |bytes| bytes.as_ptr());
        // SAFETY: the database is live, and `value` null or of eight bytes, which only some options read.
        unsafe { fdb_database_set_option(self.0, option, value, 8) }
    }

    /// Sets one key, in a transaction of its own.
    pub fn put(&self, key: &[u8], value: &[u8]) -> i64 {
        let transaction = self.transaction();
        transaction.set(key, value);
        transaction.commit().wait().unwrap();
        transaction.committed_version()
    }

    pub fn fetch(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.transaction().get(key).value().unwrap()
    }

    /// Promises turns; whether they are taken.
    pub fn take_turns(&self) -> bool {
        // SAFETY: the database is live.
        unsafe { fdb_found_database_take_turns(self.0) != 0 }
    }

    /// The retry loop every binding has.
    pub fn run<T>(&self, body: impl Fn(&Transaction) -> Result<T, i32>) -> Result<T, i32> {
        let transaction = self.transaction();
        loop {
            let outcome =
                body(&transaction).and_then(|out| transaction.commit().wait().map(|()| out));
            match outcome {
                Ok(out) => return Ok(out),
                Err(code) => transaction.on_error(code).wait()?,
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: the handle is live until here, and nothing uses it after its drop.
        unsafe { fdb_database_destroy(self.0) };
    }
}

pub struct Transaction(pub *mut FDBTransaction);

// SAFETY: fdb_c.h lets any thread use a transaction.
unsafe impl Send for Transaction {}
// SAFETY: fdb_c.h lets any thread use a transaction.
unsafe impl Sync for Transaction {}

fn length(bytes: &[u8]) -> c_int {
    c_int::try_from(bytes.len()).unwrap()
}

/// A key selector: key, or_equal, offset.
pub type Selector<'a> = (&'a [u8], bool, c_int);

pub fn at_or_after(key: &[u8]) -> Selector<'_> {
    (key, false, 1)
}

impl Transaction {
    pub fn get(&self, key: &[u8]) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe { fdb_transaction_get(self.0, key.as_ptr(), length(key), 0) })
    }

    pub fn snapshot_get(&self, key: &[u8]) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe { fdb_transaction_get(self.0, key.as_ptr(), length(key), 1) })
    }

    pub fn get_key(&self, (key, or_equal, offset): Selector<'_>) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_key(
                self.0,
                key.as_ptr(),
                length(key),
                c_int::from(or_equal),
                offset,
                0,
            )
        })
    }

    /// All rows of the range, in as many reads as that takes.
    pub fn range(&self, begin: &[u8], end: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut begin = begin.to_vec();
        let mut all = Vec::new();
        loop {
            let (rows, more) = self.get_range(&begin, end, 0, WANT_ALL, 1).rows().unwrap();
            all.extend(rows);
            match all.last() {
                Some((last, _)) if more => begin = [last, &[0][..]].concat(),
                _ => return all,
            }
        }
    }

    pub fn get_range(
        &self,
        begin: &[u8],
        end: &[u8],
        limit: c_int,
        mode: c_int,
        iteration: c_int,
    ) -> Future {
        self.get_range_bytes(begin, end, (limit, 0), mode, iteration)
    }

    pub fn get_range_bytes(
        &self,
        begin: &[u8],
        end: &[u8],
        (limit, target_bytes): (c_int, c_int),
        mode: c_int,
        iteration: c_int,
    ) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_range(
                self.0,
                begin.as_ptr(),
                length(begin),
                0,
                1,
                end.as_ptr(),
                length(end),
                0,
                1,
                limit,
                target_bytes,
                mode,
                iteration,
                0,
                0,
            )
        })
    }

    pub fn set(&self, key: &[u8], value: &[u8]) {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        unsafe {
            fdb_transaction_set(self.0, key.as_ptr(), length(key), value.as_ptr(), length(value));
        }
    }

    pub fn atomic(&self, key: &[u8], operand: &[u8], operation: u32) {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        unsafe {
            fdb_transaction_atomic_op(
                self.0,
                key.as_ptr(),
                length(key),
                operand.as_ptr(),
                length(operand),
                operation,
            );
        }
    }

    pub fn clear(&self, key: &[u8]) {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        unsafe { fdb_transaction_clear(self.0, key.as_ptr(), length(key)) };
    }

    pub fn clear_range(&self, begin: &[u8], end: &[u8]) {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        unsafe {
            fdb_transaction_clear_range(
                self.0,
                begin.as_ptr(),
                length(begin),
                end.as_ptr(),
                length(end),
            );
        }
    }

    /// `kind` is 0 for reads, 1 for writes.
    pub fn add_conflict(&self, begin: &[u8], end: &[u8], kind: u32) -> i32 {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        unsafe {
            fdb_transaction_add_conflict_range(
                self.0,
                begin.as_ptr(),
                length(begin),
                end.as_ptr(),
                length(end),
                kind,
            )
        }
    }

    pub fn watch(&self, key: &[u8]) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe { fdb_transaction_watch(self.0, key.as_ptr(), length(key)) })
    }

    pub fn commit(&self) -> Future {
        // SAFETY: the transaction is live.
        Future(unsafe { fdb_transaction_commit(self.0) })
    }

    pub fn on_error(&self, code: i32) -> Future {
        // SAFETY: the transaction is live.
        Future(unsafe { fdb_transaction_on_error(self.0, code) })
    }

    pub fn versionstamp(&self) -> Future {
        // SAFETY: the transaction is live.
        Future(unsafe { fdb_transaction_get_versionstamp(self.0) })
    }

    pub fn read_version(&self) -> Future {
        // SAFETY: the transaction is live.
        Future(unsafe { fdb_transaction_get_read_version(self.0) })
    }

    pub fn set_read_version(&self, version: i64) {
        // SAFETY: the transaction is live.
        unsafe { fdb_transaction_set_read_version(self.0, version) };
    }

    pub fn approximate_size(&self) -> i64 {
        // SAFETY: the transaction is live.
        Future(unsafe { fdb_transaction_get_approximate_size(self.0) }).int64().unwrap()
    }

    pub fn total_cost(&self) -> i64 {
        // SAFETY: the transaction is live.
        Future(unsafe { fdb_transaction_get_total_cost(self.0) }).int64().unwrap()
    }

    pub fn split_points(&self, begin: &[u8], end: &[u8], chunk: i64) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_range_split_points(
                self.0,
                begin.as_ptr(),
                length(begin),
                end.as_ptr(),
                length(end),
                chunk,
            )
        })
    }

    pub fn estimated_size(&self, begin: &[u8], end: &[u8]) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_estimated_range_size_bytes(
                self.0,
                begin.as_ptr(),
                length(begin),
                end.as_ptr(),
                length(end),
            )
        })
    }

    pub fn addresses(&self, key: &[u8]) -> Future {
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe { fdb_transaction_get_addresses_for_key(self.0, key.as_ptr(), length(key)) })
    }

    pub fn committed_version(&self) -> i64 {
        let mut version = 0;
        // SAFETY: the transaction is live, and the version is written into a local.
        assert_eq!(unsafe { fdb_transaction_get_committed_version(self.0, &raw mut version) }, 0);
        version
    }

    pub fn set_option(&self, option: u32, value: Option<i64>) -> i32 {
        let bytes = value.map(i64::to_le_bytes);
        self.set_option_bytes(option, bytes.as_ref().map(|bytes| bytes.as_slice()))
    }

    pub fn set_option_bytes(&self, option: u32, value: Option<&[u8]>) -> i32 {
        let (pointer, length) = value.map_or((null(), 0), |value| (value.as_ptr(), length(value)));
        // SAFETY: the transaction is live, and the pointer has as many bytes as the length says.
        unsafe { fdb_transaction_set_option(self.0, option, pointer, length) }
    }

    pub fn cancel(&self) {
        // SAFETY: the transaction is live.
        unsafe { fdb_transaction_cancel(self.0) };
    }

    pub fn reset(&self) {
        // SAFETY: the transaction is live.
        unsafe { fdb_transaction_reset(self.0) };
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // SAFETY: the handle is live until here, and nothing uses it after its drop.
        unsafe { fdb_transaction_destroy(self.0) };
    }
}

pub struct Future(pub *mut FDBFuture);

// SAFETY: fdb_c.h lets any thread use a future.
unsafe impl Send for Future {}
// SAFETY: fdb_c.h lets any thread use a future.
unsafe impl Sync for Future {}

/// What a callback was called with, counted.
#[derive(Clone, Default)]
pub struct Signal(Arc<(Mutex<u32>, Condvar)>);

impl Signal {
    pub fn raise(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    pub fn count(&self) -> u32 {
        *self.0.0.lock().unwrap()
    }

    pub fn wait_for(&self, count: u32) {
        let guard = self.0.0.lock().unwrap();
        let (_guard, timeout) = self
            .0
            .1
            .wait_timeout_while(guard, Duration::from_secs(60), |now| *now < count)
            .unwrap();
        assert!(!timeout.timed_out(), "no callback");
    }
}

impl Future {
    /// Waits, and gives the error code of the answer.
    pub fn wait(&self) -> Result<(), i32> {
        // SAFETY: the future is live.
        let blocked = unsafe { fdb_future_block_until_ready(self.0) };
        if blocked != 0 {
            return Err(blocked);
        }
        self.error()
    }

    pub fn error(&self) -> Result<(), i32> {
        // SAFETY: the future is live, and what it gives is written into locals.
        match unsafe { fdb_future_get_error(self.0) } {
            0 => Ok(()),
            code => Err(code),
        }
    }

    pub fn is_ready(&self) -> bool {
        // SAFETY: the future is live.
        unsafe { fdb_future_is_ready(self.0) != 0 }
    }

    pub fn cancel(&self) {
        // SAFETY: the future is live.
        unsafe { fdb_future_cancel(self.0) };
    }

    pub fn release(&self) {
        // SAFETY: the future is live.
        unsafe { fdb_future_release_memory(self.0) };
    }

    /// Calls `call` when the future is ready.
    pub fn then(&self, call: impl FnOnce() + Send + 'static) {
        type Call = Box<dyn FnOnce() + Send>;
        unsafe extern "C" fn trampoline(_: *mut FDBFuture, parameter: *mut c_void) {
            // SAFETY: `set_callback` leaked the box for this one call.
            let call = unsafe { Box::from_raw(parameter.cast::<Call>()) };
            call();
        }
        let call: Call = Box::new(call);
        let parameter = Box::into_raw(Box::new(call)).cast();
        // SAFETY: the future is live, and its callback is called once with the box that was leaked for it.
        assert_eq!(unsafe { fdb_future_set_callback(self.0, Some(trampoline), parameter) }, 0);
    }

    pub fn int64(&self) -> Result<i64, i32> {
        self.wait()?;
        let mut out = 0;
        // SAFETY: the future is live, and what it gives is written into locals.
        match unsafe { fdb_future_get_int64(self.0, &raw mut out) } {
            0 => Ok(out),
            code => Err(code),
        }
    }

    pub fn value(&self) -> Result<Option<Vec<u8>>, i32> {
        self.wait()?;
        self.value_now()
    }

    pub fn value_now(&self) -> Result<Option<Vec<u8>>, i32> {
        let (mut present, mut value, mut length) = (0, null(), 0);
        // SAFETY: the future is live, and what it gives is written into locals.
        let code = unsafe {
            fdb_future_get_value(self.0, &raw mut present, &raw mut value, &raw mut length)
        };
        if code != 0 {
            return Err(code);
        }
        Ok((present != 0).then(|| bytes(value, length)))
    }

    pub fn key(&self) -> Result<Vec<u8>, i32> {
        self.wait()?;
        let (mut key, mut length) = (null(), 0);
        // SAFETY: the future is live, and what it gives is written into locals.
        match unsafe { fdb_future_get_key(self.0, &raw mut key, &raw mut length) } {
            0 => Ok(bytes(key, length)),
            code => Err(code),
        }
    }

    #[allow(clippy::type_complexity)]
    pub fn rows(&self) -> Result<(Vec<(Vec<u8>, Vec<u8>)>, bool), i32> {
        self.wait()?;
        let (mut rows, mut count, mut more) = (null(), 0, 0);
        // SAFETY: the future is live, and what it gives is written into locals.
        let code = unsafe {
            fdb_future_get_keyvalue_array(self.0, &raw mut rows, &raw mut count, &raw mut more)
        };
        if code != 0 {
            return Err(code);
        }
        let row = |index| {
            // SAFETY: the index is below the count that came with the array, which lives as long as the future.
            let row: FDBKeyValue = unsafe { *rows.offset(index) };
            (bytes(row.key, row.key_length), bytes(row.value, row.value_length))
        };
        Ok(((0..count as isize).map(row).collect(), more != 0))
    }

    pub fn keys(&self) -> Result<Vec<Vec<u8>>, i32> {
        self.wait()?;
        let (mut keys, mut count) = (null(), 0);
        // SAFETY: the future is live, and what it gives is written into locals.
        match unsafe { fdb_future_get_key_array(self.0, &raw mut keys, &raw mut count) } {
            0 => Ok((0..count as isize)
                .map(|index| {
                    // SAFETY: the index is below the count that came with the array, which lives as long as the future.
                    let key: FDBKey = unsafe { *keys.offset(index) };
                    bytes(key.key, key.key_length)
                })
                .collect()),
            code => Err(code),
        }
    }

    pub fn strings(&self) -> Result<Vec<String>, i32> {
        self.wait()?;
        let (mut strings, mut count) = (null_mut(), 0);
        // SAFETY: the future is live, and what it gives is written into locals.
        match unsafe { fdb_future_get_string_array(self.0, &raw mut strings, &raw mut count) } {
            0 => Ok((0..count as isize)
                .map(|index| {
                    // SAFETY: the index is below the count that came with the array, which lives as long as the future.
                    let string = unsafe { CStr::from_ptr(*strings.offset(index)) };
                    string.to_str().unwrap().to_owned()
                })
                .collect()),
            code => Err(code),
        }
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        // SAFETY: the handle is live until here, and nothing uses it after its drop.
        unsafe { fdb_future_destroy(self.0) };
    }
}

fn bytes(pointer: *const u8, length: c_int) -> Vec<u8> {
    if length == 0 {
        return Vec::new();
    }
    // SAFETY: the pointer and the length came together, from a future that lives.
    unsafe { std::slice::from_raw_parts(pointer, usize::try_from(length).unwrap()).to_vec() }
}
