//! Where the data is: an ordered map in memory, or a redb file.

mod backend;
mod blocks;
mod disk;
mod file;
mod heads;
mod holder;
mod layout;
mod memory;
mod mutate;
mod open;

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::Version;
use crate::error::{Error, Result};
use crate::mutation::Mutation;
use crate::rows::{Limits, Rows};

pub use disk::Disk;
pub use file::FileOptions;

pub enum Storage {
    Memory(memory::Memory),
    File(Box<file::File>),
}

/// Why a file did not open: an error code, and a sentence that names the file and the cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenFailure {
    pub code: Error,
    pub message: String,
}

impl std::fmt::Display for OpenFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OpenFailure {}

impl Storage {
    /// A new, empty database in memory.
    pub fn memory() -> Storage {
        Storage::Memory(memory::Memory::default())
    }

    /// The database in the file at `path`, which is created, with its folder, if it is not there.
    pub fn open(path: &Path, options: &FileOptions) -> std::result::Result<Storage, OpenFailure> {
        file::File::open(path, options).map(Box::new).map(Storage::File)
    }

    /// The database on a disk, which is called `path` where something goes wrong. Nobody else has it.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        options: &FileOptions,
    ) -> std::result::Result<Storage, OpenFailure> {
        file::File::open_on(disk, path, options).map(Box::new).map(Storage::File)
    }

    /// The version last applied, also across restarts; 0 in a new database.
    pub fn version(&self) -> Version {
        match self {
            Storage::Memory(memory) => memory.version(),
            Storage::File(file) => file.version(),
        }
    }

    /// The state as of the last apply.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot(match self {
            Storage::Memory(memory) => Inner::Memory(memory.snapshot()),
            Storage::File(file) => Inner::File(file.snapshot()?),
        }))
    }

    /// Applies the mutations in order, all or none. When it returns they are in every later
    /// snapshot, and, in a file opened with `sync`, on the disk. Versionstamped mutations are
    /// stamped before: one that is not is refused with operation_failed.
    ///
    /// io_error says that nothing was applied, commit_unknown_result that a crash at this moment might show it: the disk
    /// took neither the end of it nor its taking back. After either snapshots can be read, and see `recover`.
    pub fn apply(&self, mutations: &[Mutation], version: Version) -> Result<()> {
        if mutations.iter().any(Mutation::is_unstamped) {
            return Err(Error::OPERATION_FAILED);
        }
        match self {
            Storage::Memory(memory) => memory.apply(mutations, version),
            Storage::File(file) => return file.apply(mutations, version),
        }
        Ok(())
    }

    /// Something was applied to a file opened without `sync` that is not on the disk yet.
    pub fn is_unsynced(&self) -> bool {
        match self {
            Storage::Memory(_) => false,
            Storage::File(file) => file.is_unsynced(),
        }
    }

    /// Puts on the disk what was applied to a file opened without `sync`.
    pub fn flush(&self) -> Result<()> {
        match self {
            Storage::Memory(_) => Ok(()),
            Storage::File(file) => file.flush(),
        }
    }

    /// A write has failed: nothing is applied until `recover`.
    pub fn needs_recovery(&self) -> bool {
        match self {
            Storage::Memory(_) => false,
            Storage::File(file) => file.needs_recovery(),
        }
    }

    /// Goes back to the last apply that succeeded, if the disk takes writes again. Then the snapshots of before are gone:
    /// transaction_too_old. It takes as long as opening the file after a crash.
    pub fn recover(&self) -> Result<()> {
        match self {
            Storage::Memory(_) => Ok(()),
            Storage::File(file) => file.recover(),
        }
    }

    /// How many bytes were written to a file since it was opened; 0 in memory.
    pub fn written(&self) -> u64 {
        match self {
            Storage::Memory(_) => 0,
            Storage::File(file) => file.written(),
        }
    }

    /// How often the disk of a file was synced since it was opened.
    pub fn syncs(&self) -> u64 {
        match self {
            Storage::Memory(_) => 0,
            Storage::File(file) => file.syncs(),
        }
    }

    /// Whether opening the file walked all of it: it had not been closed, or was to be verified.
    pub fn is_repaired(&self) -> bool {
        match self {
            Storage::Memory(_) => false,
            Storage::File(file) => file.is_repaired(),
        }
    }

    /// Makes a file as small as it can be. Error client_invalid_operation while snapshots live.
    pub fn compact(&self) -> Result<()> {
        match self {
            Storage::Memory(_) => Ok(()),
            Storage::File(file) => file.compact(),
        }
    }

    /// What the first failed read or write of the file said.
    pub fn failure(&self) -> Option<String> {
        match self {
            Storage::Memory(_) => None,
            Storage::File(file) => file.failure(),
        }
    }

    /// Verifies the checksum of every page of a file, and repairs what bookkeeping it can: None,
    /// or what was wrong. Error client_invalid_operation while snapshots live, for the check needs
    /// the file to itself.
    pub fn check(&self) -> Result<Option<String>> {
        match self {
            Storage::Memory(_) => Ok(None),
            Storage::File(file) => file.check(),
        }
    }

    /// The bytes of the keys and values in a range. Counted, not sampled: a walk over the range.
    pub fn estimated_bytes(&self, snapshot: &Snapshot, begin: &[u8], end: &[u8]) -> Result<i64> {
        let mut bytes = 0;
        snapshot.visit(begin, end, false, |key, value| {
            bytes += key.len() + value.len();
            true
        })?;
        Ok(bytes.try_into().unwrap_or(i64::MAX))
    }

    /// Keys that cut the range into parts of `chunk` bytes or little more, its begin and its end
    /// included.
    pub fn split_points(
        &self,
        snapshot: &Snapshot,
        begin: &[u8],
        end: &[u8],
        chunk: i64,
    ) -> Result<Vec<Vec<u8>>> {
        let chunk = usize::try_from(chunk).unwrap_or(0).max(1);
        let mut points = vec![begin.to_vec()];
        let mut bytes = 0;
        snapshot.visit(begin, end, false, |key, value| {
            if bytes >= chunk {
                points.push(key.to_vec());
                bytes = 0;
            }
            bytes += key.len() + value.len();
            true
        })?;
        if begin != end {
            points.push(end.to_vec());
        }
        Ok(points)
    }
}

/// The database as it was when the snapshot was taken.
#[derive(Clone)]
pub struct Snapshot(Inner);

#[derive(Clone)]
enum Inner {
    Memory(memory::Map),
    File(file::Snapshot),
}

impl Snapshot {
    pub fn get(&self, key: &[u8]) -> Result<Option<Value<'_>>> {
        Ok(match &self.0 {
            Inner::Memory(map) => map.get(key).map(|value| Value(Held::Memory(value))),
            Inner::File(file) => file.get(key)?.map(|value| Value(Held::File(value))),
        })
    }

    /// The rows of `[begin, end)`.
    pub fn range(&self, begin: &[u8], end: &[u8]) -> Result<RangeIter<'_>> {
        Ok(RangeIter(match &self.0 {
            Inner::Memory(map) => RowsOf::Memory(memory::range(map, begin, end)),
            Inner::File(file) => RowsOf::File(Box::new(file.range(begin, end)?)),
        }))
    }

    /// Shows `visit` the rows of `[begin, end)` in order, or from the last, until it says no.
    pub fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<()> {
        match &self.0 {
            Inner::Memory(map) => {
                let mut rows = memory::range(map, begin, end);
                while let Some((key, value)) = if reverse { rows.next_back() } else { rows.next() }
                {
                    if !visit(key, value) {
                        break;
                    }
                }
                Ok(())
            }
            Inner::File(file) => file.visit(begin, end, reverse, visit),
        }
    }

    /// Reads rows of `[begin, end)` into `rows`, up to the limits.
    pub(crate) fn fill(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        mut limits: Limits,
        rows: &mut Rows,
    ) -> Result<()> {
        self.visit(begin, end, reverse, |key, value| {
            rows.push(key, value);
            rows.more = limits.reached_by(key, value);
            !rows.more
        })
    }
}

/// A value in its snapshot.
pub struct Value<'a>(Held<'a>);

enum Held<'a> {
    Memory(&'a [u8]),
    File(file::Bytes),
}

impl Deref for Held<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Held::Memory(bytes) => bytes,
            Held::File(bytes) => bytes.value(),
        }
    }
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// The rows of a range, from either end.
pub struct RangeIter<'a>(RowsOf<'a>);

enum RowsOf<'a> {
    Memory(memory::Range<'a>),
    File(Box<file::Range<'a>>),
}

/// A row in its snapshot.
pub struct Row<'a> {
    key: Held<'a>,
    value: Held<'a>,
}

impl Row<'_> {
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

fn memory_row<'a>((key, value): (&'a [u8], &'a [u8])) -> Result<Row<'a>> {
    Ok(Row { key: Held::Memory(key), value: Held::Memory(value) })
}

fn file_row<'a>(row: Result<(file::Bytes, file::Bytes)>) -> Result<Row<'a>> {
    row.map(|(key, value)| Row { key: Held::File(key), value: Held::File(value) })
}

impl<'a> Iterator for RangeIter<'a> {
    type Item = Result<Row<'a>>;

    fn next(&mut self) -> Option<Result<Row<'a>>> {
        match &mut self.0 {
            RowsOf::Memory(rows) => rows.next().map(memory_row),
            RowsOf::File(rows) => rows.next().map(file_row),
        }
    }
}

impl DoubleEndedIterator for RangeIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            RowsOf::Memory(rows) => rows.next_back().map(memory_row),
            RowsOf::File(rows) => rows.next_back().map(file_row),
        }
    }
}

#[cfg(test)]
mod tests;
