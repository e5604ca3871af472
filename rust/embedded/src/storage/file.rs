//! A database in a redb file.
//!
//! redb is trusted with the data but not with damaged files: what it makes of a page that is not what it wrote may be a
//! panic. The blocks of the file are verified as they are read ([`super::blocks`]), so it hardly ever meets one; still
//! every call into it goes through [`Failure::guard`], which turns a panic into file_corrupt.
//!
//! After a crash redb walks the whole file as it opens it, about a second a gigabyte. Its quick repair would spare that
//! walk, but it makes every commit write twice and sync twice, which is what a commit spends its time on.
//!
//! After a write that failed, as on a full disk, snapshots are read as before, and the next apply opens the file again if
//! the disk takes what it had refused: [`File::recover`].

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use redb::{
    AccessGuard, Database, DatabaseError, Durability, ReadOnlyTable, ReadableDatabase,
    StorageError, Table, TableDefinition,
};

use super::backend::End;
use super::blocks::{Blocks, Frozen, Unreadable};
use super::disk::Disk;
use super::layout::BLOCK_BYTES;
use super::mutate::apply_all;
use super::open::Opened;
use super::{OpenFailure, open};
use crate::Version;
use crate::error::{Error, Result};
use crate::mutation::Mutation;

pub(super) const DATA: TableDefinition<&[u8], &[u8]> = TableDefinition::new("data");

/// The version last applied.
pub(super) const META: TableDefinition<&str, i64> = TableDefinition::new("meta");
pub(super) const VERSION: &str = "version";

/// Without `sync`, a batch this far from the last sync is synced, or as far as a sixteenth of the file: what may be lost in
/// a crash is bounded, and so are the pages that were overwritten since, which only a sync lets redb use again. A mutation
/// counts as a page at least.
const UNSYNCED_LIMIT: u64 = 8 << 20;

/// A file that has grown to twice what it was is compacted as it is closed; not a small one, where there is little to gain,
/// nor a large one, where it takes more than a moment.
const COMPACTED_FROM: u64 = 8 << 20;
const COMPACTED_TO: u64 = 128 << 20;

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Memory for pages of the file.
    pub cache_bytes: usize,
    /// Whether an apply returns only once its data is on the disk.
    pub sync: bool,
    /// Whether all of the file is verified as it is opened.
    pub verify: bool,
}

impl Default for FileOptions {
    fn default() -> FileOptions {
        FileOptions { cache_bytes: 32 << 20, sync: true, verify: false }
    }
}

pub struct File {
    path: PathBuf,
    options: FileOptions,
    blocks: Arc<Blocks>,
    /// Opening the file found it not to have been closed, or verified all of it.
    repaired: bool,
    /// How long it was then.
    opened_with: u64,
    life: RwLock<Arc<Life>>,
    /// The state as of the last apply, kept open: opening one costs more than most reads.
    latest: Mutex<Option<Snapshot>>,
    state: Mutex<State>,
}

struct State {
    version: Version,
    /// Bytes applied since the last sync.
    unsynced: u64,
}

/// From one opening of the file by redb to the next.
struct Life {
    /// None once it is over.
    database: RwLock<Option<Database>>,
    end: End,
    /// What the first failed operation said. Those after it may only say that there was one. After the end of this life: why
    /// there is none after it.
    failure: Mutex<Option<String>>,
}

impl Life {
    fn new(opened: Opened) -> Arc<Life> {
        let Opened { database, end, .. } = opened;
        Arc::new(Life { database: RwLock::new(Some(database)), end, failure: Mutex::default() })
    }

    /// Calls into redb. What goes wrong after the end of this life is transaction_too_old: the snapshot is gone.
    fn guard<T>(&self, call: impl FnOnce() -> std::result::Result<T, redb::Error>) -> Result<T> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.record(code_of(&error), error.to_string())),
            Err(panic) => Err(self.interrupted(&*panic)),
        }
    }

    fn interrupted(&self, panic: &(dyn std::any::Any + Send)) -> Error {
        match panic.downcast_ref::<Unreadable>() {
            Some(unreadable @ Unreadable::Io(error)) => {
                self.record(code_of_io(error), unreadable.to_string())
            }
            Some(unreadable) => self.record(Error::FILE_CORRUPT, unreadable.to_string()),
            None => self.record(Error::FILE_CORRUPT, panic_text(panic)),
        }
    }

    fn record(&self, code: Error, text: String) -> Error {
        if self.end.has_come() {
            let none_after = self.failure.lock().is_some();
            return if none_after { Error::IO_ERROR } else { Error::TRANSACTION_TOO_OLD };
        }
        self.failure.lock().get_or_insert(text);
        code
    }

    fn with_database<T>(
        &self,
        call: impl FnOnce(&Database) -> std::result::Result<T, redb::Error>,
    ) -> Result<T> {
        let database = self.database.read();
        self.guard(|| call(database.as_ref().ok_or(redb::Error::DatabaseClosed)?))
    }

    fn close(&self) {
        let database = self.database.write().take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

fn code_of(error: &redb::Error) -> Error {
    match error {
        redb::Error::Corrupted(_) => Error::FILE_CORRUPT,
        redb::Error::Io(error) => code_of_io(error),
        _ => Error::IO_ERROR,
    }
}

fn code_of_io(error: &std::io::Error) -> Error {
    if error.kind() == ErrorKind::UnexpectedEof { Error::FILE_CORRUPT } else { Error::IO_ERROR }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    if let Some(unreadable) = panic.downcast_ref::<Unreadable>() {
        return unreadable.to_string();
    }
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the file is damaged: {}", text.unwrap_or("unknown panic"))
}

impl File {
    pub fn open(path: &Path, options: &FileOptions) -> std::result::Result<File, OpenFailure> {
        open::open_path(path, |disk| File::open_on(disk, path, options))
    }

    /// Opens the database on a disk, which is called `path` where something goes wrong.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        options: &FileOptions,
    ) -> std::result::Result<File, OpenFailure> {
        let blocks = open::load(path, disk, options)?;
        let opened = open::open(path, &blocks, options)?;
        Ok(File {
            path: path.to_path_buf(),
            options: options.clone(),
            opened_with: blocks.extent(),
            blocks,
            repaired: opened.repaired,
            latest: Mutex::new(None),
            state: Mutex::new(State { version: opened.version, unsynced: 0 }),
            life: RwLock::new(Life::new(opened)),
        })
    }

    pub fn version(&self) -> Version {
        self.state.lock().version
    }

    pub fn failure(&self) -> Option<String> {
        let failure = self.blocks.failure().or_else(|| self.life.read().failure.lock().clone());
        failure.map(|text| self.about(&text))
    }

    pub fn snapshot(&self) -> Result<Snapshot> {
        let mut latest = self.latest.lock();
        if let Some(latest) = &*latest {
            return Ok(latest.clone());
        }
        let life = Arc::clone(&self.life.read());
        let table =
            life.with_database(|database| Ok(database.begin_read()?.open_table(DATA)?))?;
        let snapshot = Snapshot { table: Arc::new(table), life };
        *latest = Some(snapshot.clone());
        Ok(snapshot)
    }

    pub fn apply(&self, mutations: &[Mutation], version: Version) -> Result<()> {
        let mut state = self.state.lock();
        if self.needs_recovery() {
            return Err(Error::IO_ERROR);
        }
        let pages = mutations.iter().map(|mutation| BLOCK_BYTES + mutation.expected_size() as u64);
        let unsynced = state.unsynced + pages.sum::<u64>();
        let durable =
            self.options.sync || unsynced >= UNSYNCED_LIMIT.max(self.blocks.extent() / 16);
        // What is read should this one fail.
        drop(self.snapshot()?);
        self.commit(durable, |table| {
            apply_all(table, mutations)?;
            Ok(Some(version))
        })?;
        *state = State { version, unsynced: if durable { 0 } else { unsynced } };
        // The old snapshot keeps the pages it shows: let go of it before the next is asked for.
        *self.latest.lock() = None;
        Ok(())
    }

    pub fn is_unsynced(&self) -> bool {
        self.state.lock().unsynced > 0
    }

    pub fn flush(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.unsynced > 0 && !self.needs_recovery() {
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
        let life = Arc::clone(&self.life.read());
        let committed = life.with_database(|database| {
            let mut transaction = database.begin_write()?;
            let durability = if durable { Durability::Immediate } else { Durability::None };
            transaction.set_durability(durability)?;
            let version = change(&mut transaction.open_table(DATA)?)?;
            if let Some(version) = version {
                transaction.open_table(META)?.insert(VERSION, version)?;
            }
            // redb has not heard of a write that failed.
            if self.blocks.frozen().is_some() {
                return Ok(transaction.abort()?);
            }
            Ok(transaction.commit()?)
        });
        self.check_writable()?;
        committed
    }

    fn check_writable(&self) -> Result<()> {
        match self.blocks.frozen() {
            None => Ok(()),
            Some(Frozen::Unchanged) => Err(Error::IO_ERROR),
            Some(Frozen::Unknown) => Err(Error::COMMIT_UNKNOWN_RESULT),
        }
    }

    /// A write has failed: nothing is applied until `recover`.
    pub fn needs_recovery(&self) -> bool {
        self.blocks.frozen().is_some() || self.life.read().database.read().is_none()
    }

    /// Goes back to the last apply that succeeded, if the disk takes writes again; until then snapshots can be read. After
    /// it they are gone.
    pub fn recover(&self) -> Result<()> {
        let mut state = self.state.lock();
        self.blocks.try_again().map_err(|error| code_of_io(&error))?;
        let mut life = self.life.write();
        *self.latest.lock() = None;
        life.end.end();
        life.close();
        let thawed = self.blocks.thaw().map_err(|error| open::not_ours(&self.path, error));
        let opened = thawed.and_then(|()| open::open(&self.path, &self.blocks, &self.options));
        let opened = opened.map_err(|failure| {
            *life.failure.lock() = Some(failure.message);
            failure.code
        })?;
        *life.failure.lock() = None;
        *state = State { version: opened.version, unsynced: 0 };
        *life = Life::new(opened);
        Ok(())
    }

    pub fn syncs(&self) -> u64 {
        self.blocks.syncs()
    }

    pub fn written(&self) -> u64 {
        self.blocks.written()
    }

    pub fn is_repaired(&self) -> bool {
        self.repaired
    }

    /// Verifies every page, and repairs what bookkeeping it can. None, or what was wrong.
    pub fn check(&self) -> Result<Option<String>> {
        self.exclusively(|database| match database.check_integrity() {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some("the file needed repair, and is repaired".to_owned())),
            Err(DatabaseError::Storage(StorageError::Corrupted(text))) => {
                Ok(Some(format!("the file is damaged: {text}")))
            }
            Err(error) => Err(error.into()),
        })
        .map(|problem| problem.map(|text| self.about(&text)))
    }

    /// Moves the data to the front of the file and cuts the rest off.
    pub fn compact(&self) -> Result<()> {
        self.exclusively(|database| Ok(database.compact().map(drop)?))?;
        self.check_writable()
    }

    /// Calls what needs the file to itself: client_invalid_operation while snapshots live.
    fn exclusively<T>(
        &self,
        call: impl FnOnce(&mut Database) -> std::result::Result<T, redb::Error>,
    ) -> Result<T> {
        let _no_apply = self.state.lock();
        *self.latest.lock() = None;
        let life = self.life.read();
        let mut database = life.database.write();
        let Some(database) = database.as_mut() else { return Err(Error::IO_ERROR) };
        match catch_unwind(AssertUnwindSafe(|| call(database))) {
            Ok(Err(redb::Error::TransactionInProgress)) => Err(Error::CLIENT_INVALID_OPERATION),
            Ok(Err(error)) => Err(life.record(code_of(&error), error.to_string())),
            Ok(Ok(value)) => Ok(value),
            Err(panic) => Err(life.interrupted(&*panic)),
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
        let size = self.blocks.extent();
        let has_grown = size > 2 * self.opened_with.max(COMPACTED_FROM) && size <= COMPACTED_TO;
        if has_grown && !self.needs_recovery() {
            // Unless somebody holds a snapshot still.
            let _ = self.compact();
        }
        self.life.read().close();
    }
}

/// The file as it was when the snapshot was taken.
#[derive(Clone)]
pub struct Snapshot {
    table: Arc<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    life: Arc<Life>,
}

pub type Bytes = AccessGuard<'static, &'static [u8]>;

pub struct Range<'a> {
    rows: redb::Range<'static, &'static [u8], &'static [u8]>,
    life: &'a Life,
}

impl Snapshot {
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.life.guard(|| Ok(self.table.get(key)?))
    }

    pub fn range(&self, begin: &[u8], end: &[u8]) -> Result<Range<'_>> {
        let rows = self.life.guard(|| Ok(self.table.range(begin.min(end)..end)?))?;
        Ok(Range { rows, life: &self.life })
    }

    pub fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<()> {
        // One guard for the whole walk: one a row would cost as much as the row.
        self.life.guard(|| {
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
            Ok(row) => row.map(|row| self.life.guard(|| Ok(row?))),
            Err(panic) => Some(Err(self.life.interrupted(&*panic))),
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
