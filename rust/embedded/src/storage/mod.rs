//! Where the data is: an ordered map in memory, or a redb file.

mod file;
mod memory;

use std::ops::Deref;
use std::path::Path;

use crate::Version;
use crate::error::{Error, Result};
use crate::mutation::Mutation;

pub use file::FileOptions;

pub enum Storage {
    Memory(memory::Memory),
    File(file::File),
}

/// Why a file did not open: an error code, and a sentence that names the file and the cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenFailure {
    pub code: Error,
    pub message: String,
}

impl Storage {
    /// A new, empty database in memory.
    pub fn memory() -> Storage {
        Storage::Memory(memory::Memory::default())
    }

    /// The database in the file at `path`, which is created, with its folder, if it is not there.
    pub fn open(path: &Path, options: &FileOptions) -> std::result::Result<Storage, OpenFailure> {
        file::File::open(path, options).map(Storage::File)
    }

    /// The version last applied, also across restarts; 0 in a new database.
    pub fn version(&self) -> Version {
        0
    }

    /// The state as of the last apply.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Err(Error(4100))
    }

    /// Applies the mutations in order, all or none. When it returns they are in every later
    /// snapshot, and, in a file opened with `sync`, on the disk.
    pub fn apply(&self, _mutations: &[Mutation], _version: Version) -> Result<()> {
        Err(Error(4100))
    }

    /// Makes durable what was applied to a file opened without `sync`.
    pub fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// What the last failed read or write said.
    pub fn failure(&self) -> Option<String> {
        None
    }

    /// Verifies the checksum of every page of the file; what is wrong, or None.
    pub fn check(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// The bytes of the keys and values in a range.
    pub fn estimated_bytes(&self, _snapshot: &Snapshot, _begin: &[u8], _end: &[u8]) -> Result<i64> {
        Ok(0)
    }

    /// Keys that cut the range into parts of about `chunk` bytes, its begin and its end included.
    pub fn split_points(
        &self,
        _snapshot: &Snapshot,
        begin: &[u8],
        end: &[u8],
        _chunk: i64,
    ) -> Result<Vec<Vec<u8>>> {
        Ok(vec![begin.to_vec(), end.to_vec()])
    }
}

/// The database as it was when the snapshot was taken.
#[derive(Clone)]
pub struct Snapshot(());

impl Snapshot {
    pub fn get(&self, _key: &[u8]) -> Result<Option<Value<'_>>> {
        Err(Error(4100))
    }

    /// The rows of `[begin, end)`.
    pub fn range(&self, _begin: &[u8], _end: &[u8]) -> Result<RangeIter<'_>> {
        Err(Error(4100))
    }
}

/// A value in its snapshot.
pub struct Value<'a>(&'a [u8]);

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

/// The rows of a range, from both ends.
pub struct RangeIter<'a>(std::marker::PhantomData<&'a ()>);

/// A row in its snapshot.
pub struct Row<'a>(&'a [u8], &'a [u8]);

impl Row<'_> {
    pub fn key(&self) -> &[u8] {
        self.0
    }

    pub fn value(&self) -> &[u8] {
        self.1
    }
}

impl<'a> Iterator for RangeIter<'a> {
    type Item = Result<Row<'a>>;

    fn next(&mut self) -> Option<Result<Row<'a>>> {
        None
    }
}

impl DoubleEndedIterator for RangeIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        None
    }
}
