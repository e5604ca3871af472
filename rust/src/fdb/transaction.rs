//! A transaction's calls.

use std::{borrow::Cow, ffi::c_int, ptr::NonNull, sync::Arc};

use found_fdb_sys::{
    FDBConflictRangeType, FDBFuture, FDBMutationType,
    FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_KEY,
    FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_VALUE, FDBStreamingMode, FDBTransaction,
    FDBTransactionOption, fdb_bool_t,
};
use parking_lot::Mutex;

use super::{
    database::{Database, Fault},
    error::Code,
    future::Future,
    library::Library,
    network,
    table::Table,
};

/// The pointer of a transaction, which its database can end before the transaction's own end.
pub struct Handle(Mutex<Option<NonNull<FDBTransaction>>>);

// SAFETY: the C API may be called from any thread; the mutex orders the pointer's end after its uses.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// Cancels what is under way, so that nothing waits for an answer that will not come, and destroys.
    pub(super) fn end(&self, library: &'static Library) {
        let pointer = self.0.lock().take();
        let Some(pointer) = pointer else { return };
        if !network::forked() {
            // SAFETY: the pointer was taken out under its lock: no call uses it, nobody destroys it again.
            unsafe {
                (library.table.fdb_transaction_cancel)(pointer.as_ptr());
                (library.table.fdb_transaction_destroy)(pointer.as_ptr());
            }
        }
    }
}

pub struct Transaction {
    handle: Arc<Handle>,
    /// Where the database filed the handle.
    key: usize,
    database: Arc<Database>,
}

/// A key selector: `key`, whether the key itself counts as lower, and how many keys to go from there.
pub struct Selector<'a> {
    pub key: &'a [u8],
    pub or_equal: bool,
    pub offset: i32,
}

/// What a range read asks for.
pub struct RangeRead<'a> {
    pub begin: Selector<'a>,
    pub end: Selector<'a>,
    pub limit: i32,
    pub target_bytes: i32,
    pub mode: FDBStreamingMode,
    pub iteration: i32,
    pub snapshot: bool,
    pub reverse: bool,
}

/// The length of `bytes` as C takes it. What does not fit is past every limit anyway: value_too_large.
pub(super) fn length(bytes: &[u8]) -> Result<c_int, Code> {
    c_int::try_from(bytes.len()).map_err(|_| Code(2103))
}

impl Transaction {
    pub(super) fn new(database: Arc<Database>, pointer: NonNull<FDBTransaction>) -> Transaction {
        let handle = Arc::new(Handle(Mutex::new(Some(pointer))));
        let key = database.transactions.lock().insert(Arc::clone(&handle));
        Transaction { handle, key, database }
    }

    pub fn library(&self) -> &'static Library {
        self.database.library()
    }

    /// Runs `f` with the table and the pointer, which stays alive meanwhile.
    fn with<R>(&self, f: impl FnOnce(&Table, *mut FDBTransaction) -> R) -> Result<R, Fault> {
        network::serving()?;
        let pointer = self.handle.0.lock();
        let pointer = pointer.as_ref().ok_or(Fault::Closed)?;
        Ok(f(&self.library().table, pointer.as_ptr()))
    }

    /// What every call checks first: that the database is open, and the network serves it.
    pub fn check_open(&self) -> Result<(), Fault> {
        self.with(|_, _| ())
    }

    fn future(
        &self,
        f: impl FnOnce(&Table, *mut FDBTransaction) -> *mut FDBFuture,
    ) -> Result<Future, Fault> {
        let pointer = self.with(f)?;
        Ok(Future::new(self.library(), pointer)?)
    }

    pub fn get(&self, key: &[u8], snapshot: bool) -> Result<Future, Fault> {
        let length = length(key)?;
        // SAFETY: the transaction is alive inside `with`; the key is readable for its length and copied.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get)(
                transaction,
                key.as_ptr(),
                length,
                fdb_bool_t::from(snapshot),
            )
        })
    }

    pub fn get_key(&self, selector: &Selector<'_>, snapshot: bool) -> Result<Future, Fault> {
        let length = length(selector.key)?;
        // SAFETY: as in `get`.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_key)(
                transaction,
                selector.key.as_ptr(),
                length,
                fdb_bool_t::from(selector.or_equal),
                selector.offset,
                fdb_bool_t::from(snapshot),
            )
        })
    }

    pub fn get_range(&self, read: &RangeRead<'_>) -> Result<Future, Fault> {
        let begin_length = length(read.begin.key)?;
        let end_length = length(read.end.key)?;
        // SAFETY: as in `get`, for both keys.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_range)(
                transaction,
                read.begin.key.as_ptr(),
                begin_length,
                fdb_bool_t::from(read.begin.or_equal),
                read.begin.offset,
                read.end.key.as_ptr(),
                end_length,
                fdb_bool_t::from(read.end.or_equal),
                read.end.offset,
                read.limit,
                read.target_bytes,
                read.mode,
                read.iteration,
                fdb_bool_t::from(read.snapshot),
                fdb_bool_t::from(read.reverse),
            )
        })
    }

    /// A range read whose every row is looked up further, by keys that `mapper` makes of it.
    pub fn get_mapped_range(&self, read: &RangeRead<'_>, mapper: &[u8]) -> Result<Future, Fault> {
        let begin_length = length(read.begin.key)?;
        let end_length = length(read.end.key)?;
        let mapper_length = length(mapper)?;
        // SAFETY: as in `get`, for both keys and the mapper.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_mapped_range)(
                transaction,
                read.begin.key.as_ptr(),
                begin_length,
                fdb_bool_t::from(read.begin.or_equal),
                read.begin.offset,
                read.end.key.as_ptr(),
                end_length,
                fdb_bool_t::from(read.end.or_equal),
                read.end.offset,
                mapper.as_ptr(),
                mapper_length,
                read.limit,
                read.target_bytes,
                read.mode,
                read.iteration,
                fdb_bool_t::from(read.snapshot),
                fdb_bool_t::from(read.reverse),
            )
        })
    }

    /// Bytes read and written so far, in pages, as quotas count them.
    pub fn total_cost(&self) -> Result<Future, Fault> {
        let library = self.library();
        let function = library.table.fdb_transaction_get_total_cost.ok_or(Fault::Absent {
            library,
            function: "fdb_transaction_get_total_cost",
            versions: "7.3 or later",
        })?;
        // SAFETY: the transaction is alive inside `with`.
        self.future(|_, transaction| unsafe { function(transaction) })
    }

    /// Seconds for which the transaction's tags were held back.
    pub fn tag_throttled_duration(&self) -> Result<Future, Fault> {
        let library = self.library();
        let function =
            library.table.fdb_transaction_get_tag_throttled_duration.ok_or(Fault::Absent {
                library,
                function: "fdb_transaction_get_tag_throttled_duration",
                versions: "7.3 or later",
            })?;
        // SAFETY: the transaction is alive inside `with`.
        self.future(|_, transaction| unsafe { function(transaction) })
    }

    pub fn set(&self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        let (key_length, value_length) = (length(key)?, length(value)?);
        // SAFETY: as in `get`, for key and value.
        self.with(|table, transaction| unsafe {
            (table.fdb_transaction_set)(
                transaction,
                key.as_ptr(),
                key_length,
                value.as_ptr(),
                value_length,
            );
        })
    }

    pub fn clear(&self, key: &[u8]) -> Result<(), Fault> {
        let length = length(key)?;
        // SAFETY: as in `get`.
        self.with(|table, transaction| unsafe {
            (table.fdb_transaction_clear)(transaction, key.as_ptr(), length);
        })
    }

    pub fn clear_range(&self, begin: &[u8], end: &[u8]) -> Result<(), Fault> {
        let (begin_length, end_length) = (length(begin)?, length(end)?);
        // SAFETY: as in `get`, for both keys.
        self.with(|table, transaction| unsafe {
            (table.fdb_transaction_clear_range)(
                transaction,
                begin.as_ptr(),
                begin_length,
                end.as_ptr(),
                end_length,
            );
        })
    }

    pub fn atomic_op(
        &self,
        key: &[u8],
        operand: &[u8],
        operation: FDBMutationType,
    ) -> Result<(), Fault> {
        let (key_length, operand_length) = (length(key)?, length(operand)?);
        let (mut key, mut operand) = (Cow::Borrowed(key), Cow::Borrowed(operand));
        if operation == FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_KEY {
            bring_place_in_reach(&mut key);
        } else if operation == FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_VALUE {
            bring_place_in_reach(&mut operand);
        }
        // SAFETY: as in `get`, for key and operand.
        self.with(|table, transaction| unsafe {
            (table.fdb_transaction_atomic_op)(
                transaction,
                key.as_ptr(),
                key_length,
                operand.as_ptr(),
                operand_length,
                operation,
            );
        })
    }

    pub fn watch(&self, key: &[u8]) -> Result<Future, Fault> {
        let length = length(key)?;
        // SAFETY: as in `get`.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_watch)(transaction, key.as_ptr(), length)
        })
    }

    pub fn commit(&self) -> Result<Future, Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.future(|table, transaction| unsafe { (table.fdb_transaction_commit)(transaction) })
    }

    pub fn on_error(&self, code: c_int) -> Result<Future, Fault> {
        // SAFETY: the transaction is alive inside `with`; any code may be given.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_on_error)(transaction, code)
        })
    }

    pub fn reset(&self) -> Result<(), Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.with(|table, transaction| unsafe { (table.fdb_transaction_reset)(transaction) })
    }

    pub fn cancel(&self) -> Result<(), Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.with(|table, transaction| unsafe { (table.fdb_transaction_cancel)(transaction) })
    }

    pub fn set_option(&self, option: c_int, value: Option<&[u8]>) -> Result<(), Fault> {
        let (bytes, length) = match value {
            Some(bytes) => (bytes.as_ptr(), length(bytes)?),
            None => (std::ptr::null(), 0),
        };
        // SAFETY: the transaction is alive inside `with`; the value is readable for its length and copied.
        let code = self.with(|table, transaction| unsafe {
            (table.fdb_transaction_set_option)(
                transaction,
                option as FDBTransactionOption,
                bytes,
                length,
            )
        })?;
        Ok(Code::check(code)?)
    }

    pub fn read_version(&self) -> Result<Future, Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_read_version)(transaction)
        })
    }

    pub fn set_read_version(&self, version: i64) -> Result<(), Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.with(|table, transaction| unsafe {
            (table.fdb_transaction_set_read_version)(transaction, version);
        })
    }

    pub fn committed_version(&self) -> Result<i64, Fault> {
        let mut version = 0;
        // SAFETY: the transaction is alive inside `with`, the output is writable.
        let code = self.with(|table, transaction| unsafe {
            (table.fdb_transaction_get_committed_version)(transaction, &mut version)
        })?;
        Code::check(code)?;
        Ok(version)
    }

    pub fn approximate_size(&self) -> Result<Future, Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_approximate_size)(transaction)
        })
    }

    pub fn versionstamp(&self) -> Result<Future, Fault> {
        // SAFETY: the transaction is alive inside `with`.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_versionstamp)(transaction)
        })
    }

    pub fn addresses_for_key(&self, key: &[u8]) -> Result<Future, Fault> {
        let length = length(key)?;
        // SAFETY: as in `get`.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_addresses_for_key)(transaction, key.as_ptr(), length)
        })
    }

    pub fn add_conflict_range(
        &self,
        begin: &[u8],
        end: &[u8],
        kind: FDBConflictRangeType,
    ) -> Result<(), Fault> {
        let (begin_length, end_length) = (length(begin)?, length(end)?);
        // SAFETY: as in `get`, for both keys.
        let code = self.with(|table, transaction| unsafe {
            (table.fdb_transaction_add_conflict_range)(
                transaction,
                begin.as_ptr(),
                begin_length,
                end.as_ptr(),
                end_length,
                kind,
            )
        })?;
        Ok(Code::check(code)?)
    }

    pub fn estimated_range_size(&self, begin: &[u8], end: &[u8]) -> Result<Future, Fault> {
        let (begin_length, end_length) = (length(begin)?, length(end)?);
        // SAFETY: as in `get`, for both keys.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_estimated_range_size_bytes)(
                transaction,
                begin.as_ptr(),
                begin_length,
                end.as_ptr(),
                end_length,
            )
        })
    }

    pub fn range_split_points(
        &self,
        begin: &[u8],
        end: &[u8],
        chunk_size: i64,
    ) -> Result<Future, Fault> {
        let (begin_length, end_length) = (length(begin)?, length(end)?);
        // SAFETY: as in `get`, for both keys.
        self.future(|table, transaction| unsafe {
            (table.fdb_transaction_get_range_split_points)(
                transaction,
                begin.as_ptr(),
                begin_length,
                end.as_ptr(),
                end_length,
                chunk_size,
            )
        })
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.database.transactions.lock().try_remove(self.key);
        self.handle.end(self.database.library());
    }
}

/// Moves the place of a versionstamp, in the last four of the bytes, from where Apple's client mistakes it for one inside.
///
/// The client adds the stamp's ten bytes to the place in an int32_t. Close to its end that overflows: the client writes far
/// outside of a key, and lets a value through to the cluster's commit proxy, which does. A place that is as wrong
/// but does not overflow is refused by the commit, as it should be. Seen with 7.3.79: fdbclient/Atomic.h,
/// getVersionstampKeyRange and transformVersionstampMutation; ReadYourWrites.actor.cpp, atomicOp.
fn bring_place_in_reach(stamped: &mut Cow<'_, [u8]>) {
    const FARTHEST: i32 = i32::MAX - 10;
    if let Some((body, place)) = stamped.split_last_chunk()
        && i32::from_le_bytes(*place) > FARTHEST
    {
        *stamped = Cow::Owned([body, &FARTHEST.to_le_bytes()].concat());
    }
}
