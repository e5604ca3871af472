//! Reads: what a transaction sees of its snapshot and its own writes, and what it then conflicts with.
//!
//! The rules are those of fdbclient/ReadYourWrites.actor.cpp. What is there a dance of requests to
//! servers around a cache is here one walk, with the same outcome.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::keys::{USER_END, key_after};
use crate::merge::{Merge, Step};
use crate::ranges::Ranges;
use crate::rows::Limits;
use crate::selector::{Base, Selector};
use crate::storage::Snapshot;
use crate::writes::Writes;

pub use crate::rows::Rows;

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

static NO_WRITES: Writes = Writes::new();

/// What a read sees.
#[derive(Clone, Copy)]
struct View<'a> {
    snapshot: &'a Snapshot,
    writes: &'a Writes,
    max_key: &'static [u8],
}

impl<'a> View<'a> {
    fn new(snapshot: &'a Snapshot, writes: &'a Writes, mode: ReadMode) -> View<'a> {
        let writes = if mode.bypass_writes { &NO_WRITES } else { writes };
        View { snapshot, writes, max_key: mode.max_key }
    }

    fn walk(&self, begin: &'a [u8], end: &'a [u8], reverse: bool) -> Result<Merge<'a>> {
        Merge::new(self.snapshot, self.writes, begin, end, reverse)
    }

    /// The `count`th key that is not before `key`, or the `count`th that is before it.
    fn nth(&self, key: &'a [u8], count: u64, reverse: bool) -> Result<Nth<'a>> {
        let key = key.min(self.max_key);
        let mut walk =
            if reverse { self.walk(b"", key, true)? } else { self.walk(key, self.max_key, false)? };
        let mut passed = 0;
        loop {
            match walk.step()? {
                Step::Row(row) => {
                    passed += 1;
                    if passed == count {
                        return Ok(Nth::Key(row.key().to_vec()));
                    }
                }
                Step::End => return Ok(Nth::OffTheEnd { passed }),
                Step::Unreadable(begin, end) => return Ok(Nth::Unreadable(begin, end)),
            }
        }
    }
}

enum Nth<'a> {
    Key(Vec<u8>),
    OffTheEnd {
        passed: u64,
    },
    /// The range that is in the way.
    Unreadable(&'a [u8], &'a [u8]),
}

/// Whether the writes alone say what the value is.
fn is_settled(writes: &Writes, key: &[u8]) -> bool {
    let is_cleared = writes.cleared().contains(key);
    let operations = writes.operations(key);
    operations.map_or(is_cleared, |operations| is_cleared || !operations.are_dependent())
}

/// Whether `get` asks the database.
pub fn asks_database(writes: &Writes, key: &[u8], mode: ReadMode) -> bool {
    mode.bypass_writes || !(writes.unreadable().contains(key) || is_settled(writes, key))
}

/// The value of a key.
pub fn get(
    snapshot: &Snapshot,
    writes: &Writes,
    conflicts: &mut Ranges,
    key: &[u8],
    mode: ReadMode,
) -> Result<Option<Vec<u8>>> {
    let view = View::new(snapshot, writes, mode);
    let mut from_database = true;
    let value = if !view.writes.affect_reads() {
        snapshot.get(key)?.map(|value| value.to_vec())
    } else if view.writes.unreadable().contains(key) && !mode.bypass_unreadable {
        return Err(Error::ACCESSED_UNREADABLE);
    } else {
        from_database = !is_settled(view.writes, key);
        let value = if from_database { snapshot.get(key)? } else { None };
        match view.writes.operations(key) {
            Some(operations) => operations.value(value.as_deref())?.map(Cow::into_owned),
            None => value.map(|value| value.to_vec()),
        }
    };
    if from_database && !mode.snapshot {
        conflicts.add_key(key);
    }
    Ok(value)
}

/// The key that a selector selects, clamped to `""` and to the end of what may be read.
pub fn get_key(
    snapshot: &Snapshot,
    writes: &Writes,
    conflicts: &mut Ranges,
    selector: &Selector,
    mode: ReadMode,
) -> Result<Vec<u8>> {
    let view = View::new(snapshot, writes, mode);
    let Base { key: base, offset } = selector.base();
    let forward = offset > 0;
    let count = if forward { i64::from(offset) } else { 1 - i64::from(offset) };
    let key = match view.nth(&base, count.unsigned_abs(), !forward)? {
        Nth::Key(key) => key,
        Nth::OffTheEnd { .. } if forward => view.max_key.to_vec(),
        Nth::OffTheEnd { .. } => Vec::new(),
        Nth::Unreadable(..) => return Err(Error::ACCESSED_UNREADABLE),
    };
    if !mode.snapshot {
        if forward {
            view.writes.add_read_from_database(conflicts, &base, &key_after(&key));
        } else {
            view.writes.add_read_from_database(conflicts, &key, &base);
        }
    }
    Ok(key)
}

/// Where an end of a range read comes to lie.
struct Place<'a> {
    key: Cow<'a, [u8]>,
    /// What is left of the offset: 1, unless the database ended first.
    left: i64,
    /// The selector ran off the beginning of the database, or off its end.
    off_begin: bool,
    off_end: bool,
    /// Where it lies is not known: what is in the way.
    unreadable: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> View<'a> {
    /// A selector with offset 1 is its own key as a bound, wherever the next key may be; any other
    /// is as many keys away. (resolveKeySelectorFromCache)
    fn place(&self, base: &'a Base<'_>) -> Result<Place<'a>> {
        let offset = i64::from(base.offset);
        let mut place = Place {
            key: Cow::Borrowed(&*base.key),
            left: 1,
            off_begin: false,
            off_end: false,
            unreadable: None,
        };
        if offset == 1 {
            return Ok(place);
        }
        let forward = offset > 1;
        let count = (offset - 1).unsigned_abs();
        match self.nth(&base.key, count, !forward)? {
            Nth::Key(key) if forward => place.key = Cow::Owned(key_after(&key)),
            Nth::Key(key) => place.key = Cow::Owned(key),
            Nth::OffTheEnd { passed } => {
                let passed = i64::try_from(passed).unwrap_or(i64::MAX);
                place.left = if forward { offset - passed } else { offset + passed };
                place.key = Cow::Borrowed(if forward { self.max_key } else { b"" });
                (place.off_begin, place.off_end) = (!forward, forward);
            }
            Nth::Unreadable(from, to) => place.unreadable = Some((from, to)),
        }
        Ok(place)
    }

    fn fill(&self, begin: &[u8], end: &[u8], reverse: bool, mut limits: Limits) -> Result<Rows> {
        let mut rows = Rows::with_room(limits);
        if begin >= end {
            return Ok(rows);
        }
        if !self.writes.affect_range(begin, end) {
            self.snapshot.fill(begin, end, reverse, limits, &mut rows)?;
            return Ok(rows);
        }
        let mut walk = self.walk(begin, end, reverse)?;
        loop {
            match walk.step()? {
                Step::Row(row) => {
                    rows.push(row.key(), row.value());
                    if limits.reached_by(row.key(), row.value()) {
                        rows.more = true;
                        return Ok(rows);
                    }
                }
                Step::End => return Ok(rows),
                Step::Unreadable(..) => return Err(Error::ACCESSED_UNREADABLE),
            }
        }
    }

    /// The rows between two selectors. None if the range is inverted.
    fn select<'b>(
        &self,
        (begin, end): (&'b Base<'b>, &'b Base<'b>),
        reverse: bool,
        limits: Limits,
    ) -> Result<Option<Selected<'b>>> {
        if begin.offset >= end.offset && begin.key >= end.key {
            return Ok(None);
        }
        let (mut from, mut to) = (self.place(begin)?, self.place(end)?);
        // The far end of the walk need not be known if what hides it is ahead: either a limit is
        // reached before that, or the walk comes upon it.
        match (from.unreadable, to.unreadable) {
            (None, None) => {}
            (None, Some((_, hidden_to)))
                if !reverse && end.offset > 1 && *from.key < *hidden_to =>
            {
                to.key = Cow::Borrowed(self.max_key);
            }
            (Some((hidden_from, _)), None)
                if reverse && begin.offset < 1 && *to.key > *hidden_from =>
            {
                from.key = Cow::Borrowed(b"");
            }
            _ => return Err(Error::ACCESSED_UNREADABLE),
        }
        let rows = self.fill(&from.key, (&*to.key).min(self.max_key), reverse, limits)?;
        let crossed = from.left >= to.left && from.key >= to.key;
        let whole = |other| !crossed && (reverse != other || !rows.more);
        let to_begin = (from.off_begin || to.off_begin) && whole(true);
        let to_end = (from.off_end || to.off_end) && whole(false);
        Ok(Some(Selected { rows, begin, end, reverse, to_begin, to_end, max_key: self.max_key }))
    }
}

/// The rows between two selectors.
pub fn get_range(
    snapshot: &Snapshot,
    writes: &Writes,
    conflicts: &mut Ranges,
    request: &RangeRequest,
    mode: ReadMode,
) -> Result<Rows> {
    let view = View::new(snapshot, writes, mode);
    // The client would count less for each row: the server that it asks reaches the limit first.
    let limits = Limits::of_server(request.limit_rows, request.limit_bytes);
    let ends = (request.begin.base(), request.end.base());
    let Some(selected) = view.select((&ends.0, &ends.1), request.reverse, limits)? else {
        return Ok(Rows::default());
    };
    if !mode.snapshot {
        let (from, to) = selected.conflict();
        view.writes.add_read_from_database(conflicts, &from, &to);
    }
    Ok(selected.rows)
}

/// What a range read selected.
struct Selected<'b> {
    rows: Rows,
    begin: &'b Base<'b>,
    end: &'b Base<'b>,
    reverse: bool,
    to_begin: bool,
    to_end: bool,
    max_key: &'static [u8],
}

impl Selected<'_> {
    /// The range whose changes could change the result (addConflictRange): from selector to
    /// selector, less what lies past the limit, more what offsets reached beyond.
    fn conflict(&self) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
        let more = self.rows.more;
        let (begin, end, reverse) = (self.begin, self.end, self.reverse);
        let (mut from, mut to): (&[u8], &[u8]) = (&begin.key, &end.key);
        if from >= to {
            (from, to) = (to, from);
        } else if !reverse && more && end.offset > 0 {
            to = from;
        } else if reverse && more && begin.offset <= 1 {
            from = to;
        }
        if self.to_begin && begin.offset <= 0 {
            from = b"";
        }
        if self.to_end && end.offset > 0 {
            to = self.max_key;
        }
        let first = self.rows.get(0).map(|(key, _)| key);
        let last = self.rows.len().checked_sub(1).and_then(|last| self.rows.get(last));
        let (Some(first), Some((last, _))) = (first, last) else {
            return (Cow::Borrowed(from), Cow::Borrowed(to));
        };
        let (least, greatest) = if reverse { (last, first) } else { (first, last) };
        if reverse || begin.offset <= 0 {
            from = from.min(least);
        }
        if to <= greatest && (!reverse || end.offset > 0) {
            return (Cow::Borrowed(from), Cow::Owned(key_after(greatest)));
        }
        (Cow::Borrowed(from), Cow::Borrowed(to))
    }
}

/// A read conflict range by hand: the part of it that this transaction has not written itself.
pub fn add_read_conflict(
    writes: &Writes,
    conflicts: &mut Ranges,
    begin: &[u8],
    end: &[u8],
    mode: ReadMode,
) {
    let writes = if mode.bypass_writes { &NO_WRITES } else { writes };
    writes.add_read_from_database(conflicts, begin, end);
}

pub mod mapped;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
