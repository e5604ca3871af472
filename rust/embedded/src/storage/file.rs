//! A database in a redb file.
//!
//! redb is trusted with the data but not with damaged files: it verifies checksums when it repairs
//! and in [`File::check`], not when it reads, and a page that is not what it should be may make it
//! panic. Every call into it that reads the file goes through [`Failure::guard`], which turns a
//! panic into file_corrupt. A clean file is opened without reading all of it, and so unverified.
//!
//! After a crash redb walks the whole file as it opens it, about a second a gigabyte. Its quick
//! repair would spare that walk, but it makes every commit write twice and sync twice, which is
//! what a commit spends its time on.
//!
//! After a write that failed, as on a full disk, redb refuses all but closing: what the file holds
//! is what was last acknowledged, and opening it again finds that.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use redb::{
    AccessGuard, Database, DatabaseError, Durability, ReadOnlyTable, ReadableDatabase,
    ReadableTable, StorageError, Table, TableDefinition,
};

use super::{OpenFailure, open};
use crate::Version;
use crate::error::{Error, Result};
use crate::keys::is_key_after;
use crate::mutation::{Mutation, atomic};

pub(super) const DATA: TableDefinition<&[u8], &[u8]> = TableDefinition::new("data");

/// The layout of the file, and the version last applied.
pub(super) const META: TableDefinition<&str, i64> = TableDefinition::new("meta");
pub(super) const FORMAT: &str = "format";
pub(super) const VERSION: &str = "version";

/// Without `sync`, what may be lost in a crash is bounded: a batch this far from the last sync is
/// synced.
const UNSYNCED_LIMIT: usize = 8 << 20;

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Memory for pages of the file.
    pub cache_bytes: usize,
    /// Whether an apply returns only once its data is on the disk.
    pub sync: bool,
}

impl Default for FileOptions {
    fn default() -> FileOptions {
        FileOptions { cache_bytes: 32 << 20, sync: true }
    }
}

pub struct File {
    path: PathBuf,
    /// None only while it is dropped.
    database: RwLock<Option<Database>>,
    /// The state as of the last apply, kept open: opening one costs more than most reads.
    latest: Mutex<Option<Snapshot>>,
    state: Mutex<State>,
    sync: bool,
    failure: Arc<Failure>,
}

struct State {
    version: Version,
    /// Bytes applied since the last sync.
    unsynced: usize,
}

/// What the first failed operation said. Those after it only say that there was one.
#[derive(Default)]
struct Failure(Mutex<Option<String>>);

impl Failure {
    fn guard<T>(&self, call: impl FnOnce() -> std::result::Result<T, redb::Error>) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.record(code_of(&error), error.to_string())),
            Err(panic) => Err(self.record(Error::FILE_CORRUPT, panic_text(&*panic))),
        }
    }

    fn record(&self, code: Error, text: String) -> Error {
        self.0.lock().get_or_insert(text);
        code
    }
}

fn code_of(error: &redb::Error) -> Error {
    match error {
        redb::Error::Corrupted(_) => Error::FILE_CORRUPT,
        redb::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => Error::FILE_CORRUPT,
        _ => Error::IO_ERROR,
    }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the file is damaged: {}", text.unwrap_or("unknown panic"))
}

impl File {
    pub fn open(path: &Path, options: &FileOptions) -> std::result::Result<File, OpenFailure> {
        let (database, version) = open::open(path, options)?;
        Ok(File {
            path: path.to_path_buf(),
            database: RwLock::new(Some(database)),
            latest: Mutex::new(None),
            state: Mutex::new(State { version, unsynced: 0 }),
            sync: options.sync,
            failure: Arc::default(),
        })
    }

    pub fn version(&self) -> Version {
        self.state.lock().version
    }

    pub fn failure(&self) -> Option<String> {
        let failure = self.failure.0.lock();
        failure.as_ref().map(|text| format!("{}: {text}", self.path.display()))
    }

    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut latest = self.latest.lock();
        if let Some(latest) = &*latest {
            return Ok(latest.clone());
        }
        let snapshot = self.open_snapshot()?;
        *latest = Some(snapshot.clone());
        Ok(snapshot)
    }

    fn open_snapshot(&self) -> Result<Snapshot> {
        let table =
            self.with_database(|database| Ok(database.begin_read()?.open_table(DATA)?))?;
        Ok(Snapshot { table: Arc::new(table), failure: self.failure.clone() })
    }

    fn with_database<T>(
        &self,
        call: impl FnOnce(&Database) -> std::result::Result<T, redb::Error>,
    ) -> Result<T> {
        let database = self.database.read();
        self.failure.guard(|| call(database.as_ref().ok_or(redb::Error::DatabaseClosed)?))
    }

    pub fn apply(&self, mutations: &[Mutation], version: Version) -> Result<()> {
        let mut state = self.state.lock();
        let unsynced =
            state.unsynced + mutations.iter().map(Mutation::expected_size).sum::<usize>();
        let durable = self.sync || unsynced >= UNSYNCED_LIMIT;
        self.commit(durable, |table| {
            mutations.iter().try_for_each(|mutation| apply(table, mutation))?;
            Ok(Some(version))
        })?;
        *state = State { version, unsynced: if durable { 0 } else { unsynced } };
        // The old snapshot keeps the pages it shows: let go of it before the next is asked for.
        *self.latest.lock() = None;
        Ok(())
    }

    pub fn flush(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.unsynced > 0 {
            self.commit(true, |_| Ok(None))?;
            state.unsynced = 0;
        }
        Ok(())
    }

    fn commit(
        &self,
        durable: bool,
        change: impl FnOnce(
            &mut Table<'_, &[u8], &[u8]>,
        ) -> std::result::Result<Option<Version>, redb::Error>,
    ) -> Result<()> {
        self.with_database(|database| {
            let mut transaction = database.begin_write()?;
            let durability = if durable { Durability::Immediate } else { Durability::None };
            transaction.set_durability(durability)?;
            let version = change(&mut transaction.open_table(DATA)?)?;
            if let Some(version) = version {
                transaction.open_table(META)?.insert(VERSION, version)?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// Verifies every page, and repairs what bookkeeping it can. None, or what was wrong.
    pub fn check(&self) -> Result<Option<String>> {
        let _no_apply = self.state.lock();
        *self.latest.lock() = None;
        let mut database = self.database.write();
        let Some(database) = database.as_mut() else { return Err(Error::IO_ERROR) };
        match catch_unwind(AssertUnwindSafe(|| database.check_integrity())) {
            Ok(Ok(true)) => Ok(None),
            Ok(Ok(false)) => Ok(Some(self.about("the file needed repair, and is repaired"))),
            Ok(Err(DatabaseError::Storage(StorageError::Corrupted(text)))) => {
                Ok(Some(self.about(&format!("the file is damaged: {text}"))))
            }
            Ok(Err(DatabaseError::TransactionInProgress)) => Err(Error::CLIENT_INVALID_OPERATION),
            Ok(Err(error)) => {
                let error = redb::Error::from(error);
                Err(self.failure.record(code_of(&error), error.to_string()))
            }
            Err(panic) => Ok(Some(self.about(&panic_text(&*panic)))),
        }
    }

    fn about(&self, text: &str) -> String {
        format!("{}: {text}", self.path.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A failure is remembered by nobody: what was acknowledged as durable is on the disk.
        let _ = self.flush();
        *self.latest.lock() = None;
        let database = self.database.write().take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

fn apply(
    table: &mut Table<'_, &[u8], &[u8]>,
    mutation: &Mutation,
) -> std::result::Result<(), redb::Error> {
    match mutation {
        Mutation::Set { key, value } => {
            table.insert(&**key, &**value)?;
        }
        Mutation::Clear { begin, end } if is_key_after(begin, end) => {
            table.remove(&**begin)?;
        }
        Mutation::Clear { begin, end } if begin < end => {
            table.retain_in(&**begin..&**end, |_, _| false)?;
        }
        Mutation::Atomic { op, key, operand } => {
            let value = {
                let existing = table.get(&**key)?;
                let existing = existing.as_ref().map(AccessGuard::value);
                atomic(*op, existing, operand).map(std::borrow::Cow::into_owned)
            };
            match value {
                Some(value) => drop(table.insert(&**key, &*value)?),
                None => drop(table.remove(&**key)?),
            }
        }
        Mutation::Clear { .. }
        | Mutation::VersionstampedKey { .. }
        | Mutation::VersionstampedValue { .. } => {}
    }
    Ok(())
}

/// The file as it was when the snapshot was taken.
#[derive(Clone)]
pub struct Snapshot {
    table: Arc<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    failure: Arc<Failure>,
}

pub type Bytes = AccessGuard<'static, &'static [u8]>;

pub struct Range<'a> {
    rows: redb::Range<'static, &'static [u8], &'static [u8]>,
    failure: &'a Failure,
}

impl Snapshot {
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.failure.guard(|| Ok(self.table.get(key)?))
    }

    pub fn range(&self, begin: &[u8], end: &[u8]) -> Result<Range<'_>> {
        let rows = self.failure.guard(|| Ok(self.table.range(begin.min(end)..end)?))?;
        Ok(Range { rows, failure: &self.failure })
    }

    pub fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<()> {
        // One guard for the whole walk: one a row would cost as much as the row.
        self.failure.guard(|| {
            let mut rows = self.table.range(begin.min(end)..end)?;
            while let Some(row) = if reverse { rows.next_back() } else { rows.next() } {
                let (key, value) = row?;
                if !visit(key.value(), value.value()) {
                    break;
                }
            }
            Ok(())
        })
    }
}

impl Range<'_> {
    fn guard(
        &self,
        row: std::thread::Result<Option<std::result::Result<(Bytes, Bytes), StorageError>>>,
    ) -> Option<Result<(Bytes, Bytes)>> {
        match row {
            Ok(row) => row.map(|row| self.failure.guard(|| Ok(row?))),
            Err(panic) => Some(Err(self.failure.record(Error::FILE_CORRUPT, panic_text(&*panic)))),
        }
    }
}

impl Iterator for Range<'_> {
    type Item = Result<(Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = catch_unwind(AssertUnwindSafe(|| self.rows.next()));
        self.guard(row)
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let row = catch_unwind(AssertUnwindSafe(|| self.rows.next_back()));
        self.guard(row)
    }
}
