//! Mapped range reads: a range whose every row says what else to look up.
//!
//! A storage server does both there, at one version and without the transaction's writes
//! (fdbserver/storageserver.actor.cpp, getMappedKeyValuesQ and mapKeyValues); the client then refuses the result if the
//! transaction has written to anything that was read (ReadYourWrites.actor.cpp, addConflictRangeAndMustUnmodified).

use crate::error::{Error, Result};
use crate::keys::key_after;
use crate::mapper::Mapper;
use crate::ranges::Ranges;
use crate::rows::{Limits, Rows, SERVER_ROW_BYTES};
use crate::storage::Snapshot;
use crate::writes::Writes;

use super::{NO_WRITES, RangeRequest, ReadMode, Selected, View};

/// What a server sends at most, and which part of it the rows of the range themselves may take
/// (CLIENT_KNOBS->REPLY_BYTE_LIMIT, FRACTION_INDEX_BYTELIMIT_PREFETCH).
const REPLY_BYTES: usize = 80_000;
const RANGE_PART: usize = 5;

/// Rows are looked up so many at a time, all of them even if the first few use up the limit
/// (MAX_PARALLEL_QUICK_GET_VALUE).
const BATCH: usize = 10;

/// The limits of the range that is looked up for one row (QUICK_GET_KEY_VALUES_LIMIT and _BYTES).
const FOUND_ROWS: usize = 2_000;
const FOUND_BYTES: usize = 10_000_000;

/// The rows of a mapped range read.
#[derive(Default)]
pub struct MappedRows {
    pub rows: Rows,
    /// What was looked up for each row.
    pub found: Vec<Found>,
    /// The mapper makes prefixes. One that makes keys has the server send the first and the last row of the range, for the
    /// caller to go on from, and the others without key and value.
    pub is_range: bool,
}

impl MappedRows {
    /// The bytes of all rows and all that was looked up.
    pub fn bytes(&self) -> usize {
        let rows: usize = self.rows.iter().map(|(key, value)| key.len() + value.len()).sum();
        rows + self.found.iter().map(|found| found.bytes(self.is_range)).sum::<usize>()
    }
}

pub struct Found {
    /// The key, or the beginning of the range.
    pub begin: Vec<u8>,
    pub end: Vec<u8>,
    pub rows: Rows,
}

impl Found {
    fn look_up(snapshot: &Snapshot, mapped: Vec<u8>, is_range: bool) -> Result<Found> {
        if !is_range {
            let mut rows = Rows::default();
            if let Some(value) = snapshot.get(&mapped)? {
                rows.push(&mapped, &value);
            }
            return Ok(Found { end: key_after(&mapped), begin: mapped, rows });
        }
        let end = next_prefix(&mapped).ok_or(Error::KEY_OUTSIDE_LEGAL_RANGE)?;
        let limits = Limits::of_server(FOUND_ROWS, FOUND_BYTES);
        let mut rows = Rows::with_room(limits);
        snapshot.fill(&mapped, &end, false, limits, &mut rows)?;
        Ok(Found { begin: mapped, end, rows })
    }

    fn bytes(&self, is_range: bool) -> usize {
        let rows: usize = self.rows.iter().map(|(key, value)| key.len() + value.len()).sum();
        match is_range {
            false if self.rows.is_empty() => self.begin.len(),
            _ => rows,
        }
    }

    /// The range whose changes could change what was found.
    fn conflict(&self) -> (&[u8], Vec<u8>) {
        let last = self.rows.len().checked_sub(1).and_then(|last| self.rows.get(last));
        match last {
            Some((last, _)) if self.rows.more => (&self.begin, key_after(last)),
            _ => (&self.begin, self.end.clone()),
        }
    }
}

/// The first key after all that begin with `prefix`.
fn next_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

/// Reads a range and what its rows lead to. `mode` is that of a plain read: neither a snapshot read nor one without
/// read-your-writes.
pub fn get_mapped_range(
    snapshot: &Snapshot,
    writes: &Writes,
    conflicts: &mut Ranges,
    request: &RangeRequest,
    mapper: &[u8],
    mode: ReadMode,
) -> Result<MappedRows> {
    let view = View { snapshot, writes: &NO_WRITES, max_key: mode.max_key };
    let ends = (request.begin.base(), request.end.base());
    let reply_bytes = match request.limit_bytes {
        0 => usize::MAX,
        bytes => bytes.min(REPLY_BYTES),
    };
    // One byte is little, but it is a limit, which 0 would not be.
    let range_bytes = if reply_bytes == usize::MAX { 0 } else { (reply_bytes / RANGE_PART).max(1) };
    let limits = Limits::of_server(request.limit_rows, range_bytes);
    let Some(mut selected) = view.select((&ends.0, &ends.1), request.reverse, limits)? else {
        return Ok(MappedRows::default());
    };
    let mapper = Mapper::parse(mapper)?;
    let found = look_up(snapshot, &selected.rows, &mapper, reply_bytes)?;
    selected.rows.cut(found.len());
    add_conflicts(writes, conflicts, &selected, &found)?;
    Ok(MappedRows { rows: selected.rows, found, is_range: mapper.is_range })
}

/// What the rows lead to, as far as the bytes reach.
fn look_up(
    snapshot: &Snapshot,
    rows: &Rows,
    mapper: &Mapper,
    mut bytes_left: usize,
) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    for (index, (key, value)) in rows.iter().enumerate() {
        if index % BATCH == 0 && bytes_left == 0 {
            break;
        }
        let found = Found::look_up(snapshot, mapper.map(key, value)?, mapper.is_range)?;
        if bytes_left != usize::MAX {
            let bytes = SERVER_ROW_BYTES + key.len() + value.len() + found.bytes(mapper.is_range);
            bytes_left = bytes_left.saturating_sub(bytes);
        }
        all.push(found);
    }
    Ok(all)
}

/// Adds what was read to the read conflicts; 2039 where the transaction has written to it.
fn add_conflicts(
    writes: &Writes,
    conflicts: &mut Ranges,
    selected: &Selected<'_>,
    found: &[Found],
) -> Result<()> {
    let mut add = |begin: &[u8], end: &[u8]| {
        if writes.affect_range(begin, end) {
            return Err(Error::GET_MAPPED_RANGE_READS_YOUR_WRITES);
        }
        conflicts.add(begin, end);
        Ok(())
    };
    let (begin, end) = selected.conflict();
    add(&begin, &end)?;
    for found in found {
        let (begin, end) = found.conflict();
        add(begin, &end)?;
    }
    Ok(())
}
