//! What a database file needs of the system, so that tests can put a disk in its place that loses power, fills up or fails.

use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind, Result};

/// A file, read and written at any place.
#[allow(clippy::len_without_is_empty)] // A length is asked for, never whether there is one.
pub trait Disk: Debug + Send + Sync + 'static {
    fn len(&self) -> Result<u64>;

    /// Fills `out` from `offset`; UnexpectedEof where the file ends before.
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()>;

    /// Writes all of `data` at `offset`, beyond the end as well.
    fn write(&self, offset: u64, data: &[u8]) -> Result<()>;

    /// Cuts the file, or lengthens it by zeros.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Returns once everything written before the call survives a loss of power.
    fn sync(&self) -> Result<()>;
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, out: &mut [u8]) -> Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

#[cfg(unix)]
fn write_at(file: &File, offset: u64, data: &[u8]) -> Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, data, offset)
}

#[cfg(windows)]
fn read_at(file: &File, offset: u64, out: &mut [u8]) -> Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}

#[cfg(windows)]
fn write_at(file: &File, offset: u64, data: &[u8]) -> Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, data, offset)
}

/// A file that is this process's alone, until it is dropped.
#[derive(Debug)]
pub struct LockedFile {
    file: File,
    process: u32,
}

impl LockedFile {
    /// # Errors
    /// WouldBlock where another has the lock. Where the system has no locks there is no more to do.
    pub fn new(file: File) -> std::result::Result<LockedFile, TryLockError> {
        match file.try_lock() {
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            locked => locked?,
        }
        Ok(LockedFile { file, process: std::process::id() })
    }
}

impl Drop for LockedFile {
    /// The lock is shared with every child that was forked since, as the open file is: until the last of them has closed
    /// it, or until one of them unlocks it, which is not for the children to do.
    fn drop(&mut self) {
        if std::process::id() == self.process {
            // It ends with the file, if not here.
            let _ = self.file.unlock();
        }
    }
}

impl Disk for LockedFile {
    fn len(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, mut offset: u64, mut out: &mut [u8]) -> Result<()> {
        while !out.is_empty() {
            match read_at(&self.file, offset, out) {
                Ok(0) => return Err(Error::from(ErrorKind::UnexpectedEof)),
                Ok(count) => {
                    out = out.get_mut(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write(&self, mut offset: u64, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            match write_at(&self.file, offset, data) {
                Ok(0) => return Err(Error::from(ErrorKind::WriteZero)),
                Ok(count) => {
                    data = data.get(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data()
    }
}
