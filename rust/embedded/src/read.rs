//! Reads: what a transaction sees of its snapshot and its own writes, and what it then conflicts with.

use crate::error::{Error, Result};
use crate::keys::USER_END;
use crate::ranges::Ranges;
use crate::selector::Selector;
use crate::storage::Snapshot;
use crate::writes::Writes;

/// How a read is done.
#[derive(Clone, Copy, Debug)]
pub struct ReadMode {
    /// A snapshot read: adds no read conflict.
    pub snapshot: bool,
    /// Read the database alone: read-your-writes is off, or is for snapshot reads and this is one.
    pub bypass_writes: bool,
    /// The transaction option bypass_unreadable: `get` gives what is known instead of error 1036.
    pub bypass_unreadable: bool,
    /// Where key selectors clamp: `USER_END`, or `SYSTEM_END` where system keys may be read.
    pub max_key: &'static [u8],
}

impl Default for ReadMode {
    fn default() -> ReadMode {
        ReadMode {
            snapshot: false,
            bypass_writes: false,
            bypass_unreadable: false,
            max_key: USER_END,
        }
    }
}

/// A range read.
#[derive(Clone, Debug)]
pub struct RangeRequest {
    pub begin: Selector,
    pub end: Selector,
    /// 0 is no limit.
    pub limit_rows: usize,
    /// 0 is no limit; else the row that reaches it is the last, and there is always one row.
    pub limit_bytes: usize,
    pub reverse: bool,
}

/// Rows of a range, in the order they were read.
#[derive(Default, Debug)]
pub struct Rows {
    bytes: Vec<u8>,
    ends: Vec<(usize, usize)>,
    pub more: bool,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key and the value of row `index`.
    pub fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let (key_end, value_end) = *self.ends.get(index)?;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before].1);
        Some((&self.bytes[begin..key_end], &self.bytes[key_end..value_end]))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let mut begin = 0;
        self.ends.iter().map(move |&(key_end, value_end)| {
            let row = (&self.bytes[begin..key_end], &self.bytes[key_end..value_end]);
            begin = value_end;
            row
        })
    }
}

pub fn get(
    _snapshot: &Snapshot,
    _writes: &Writes,
    _conflicts: &mut Ranges,
    _key: &[u8],
    _mode: ReadMode,
) -> Result<Option<Vec<u8>>> {
    Err(Error(4100))
}

pub fn get_key(
    _snapshot: &Snapshot,
    _writes: &Writes,
    _conflicts: &mut Ranges,
    _selector: &Selector,
    _mode: ReadMode,
) -> Result<Vec<u8>> {
    Err(Error(4100))
}

pub fn get_range(
    _snapshot: &Snapshot,
    _writes: &Writes,
    _conflicts: &mut Ranges,
    _request: &RangeRequest,
    _mode: ReadMode,
) -> Result<Rows> {
    Err(Error(4100))
}

/// A read conflict range by hand: the part of it that this transaction has not written itself.
pub fn add_read_conflict(
    _writes: &Writes,
    conflicts: &mut Ranges,
    begin: &[u8],
    end: &[u8],
    _mode: ReadMode,
) {
    conflicts.add(begin, end);
}
