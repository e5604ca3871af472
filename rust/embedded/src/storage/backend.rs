//! redb's hold on the blocks of a file.

use std::io::{Error as IoError, Result};
use std::panic::resume_unwind;
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard};
use redb::StorageBackend;

use super::blocks::{Blocks, Unreadable};

/// Ends what redb does with a file, so that it can be opened anew: snapshots that live on read nothing of what comes then.
#[derive(Clone, Debug, Default)]
pub struct End(Arc<RwLock<bool>>);

impl End {
    /// Waits for the reads and writes under way.
    pub fn end(&self) {
        *self.0.write() = true;
    }

    pub fn has_come(&self) -> bool {
        *self.0.read()
    }
}

#[derive(Debug)]
pub struct Backend {
    pub blocks: Arc<Blocks>,
    pub end: End,
}

impl Backend {
    fn enter(&self) -> Result<RwLockReadGuard<'_, bool>> {
        let ended = self.end.0.read();
        if *ended { Err(IoError::other("the file was opened anew")) } else { Ok(ended) }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64> {
        let _gate = self.enter()?;
        Ok(self.blocks.len())
    }

    /// An error of its backend makes redb refuse everything from then on. One damaged block should not be the end of all
    /// the others, so what cannot be read unwinds through redb, as a panic of user code may, up to the guard around each
    /// call into it, with [`Unreadable`]. No panic hook hears of it.
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let _gate = self.enter()?;
        match self.blocks.read(offset, out) {
            Ok(()) => Ok(()),
            Err(unreadable) if self.blocks.is_opening() => Err(match unreadable {
                Unreadable::Io(error) => error,
                damaged => IoError::other(damaged),
            }),
            Err(unreadable) => resume_unwind(Box::new(unreadable)),
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let _gate = self.enter()?;
        self.blocks.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        let _gate = self.enter()?;
        self.blocks.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let _gate = self.enter()?;
        self.blocks.write(offset, data)
    }
}
