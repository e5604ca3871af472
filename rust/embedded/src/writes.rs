//! The writes of one transaction: what its own reads see of them, and what its commit sends.
//!
//! The rules are those of fdbclient/WriteMap.cpp, in another shape: where FoundationDB keeps one
//! map of segments, here are the keys operated on, the cleared ranges and the unreadable ranges.
//! A commit clears first and then operates key by key, as writeRangeToNativeTransaction in
//! ReadYourWrites.actor.cpp does: a key that is both was cleared before it was operated on, for a
//! clear removes the operations it covers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};

use crate::Version;
use crate::error::{Error, Result};
use crate::keys::{Key, SYSTEM_END, USER_END, key_after};
use crate::limits::MUTATION_OVERHEAD;
use crate::mutation::{
    AtomicOp, Mutation, atomic, stamp_position, stamped_key_range, with_lowest_stamp,
};
use crate::ranges::Ranges;
use crate::span_set::SpanSet;

/// The writes of a transaction, by key.
#[derive(Debug)]
pub struct Writes {
    operations: BTreeMap<Key, Operations>,
    cleared: SpanSet,
    unreadable: SpanSet,
    conflicts: Ranges,
    /// Sent ahead of the rest: what was already written where a versionstamped key may land.
    ahead: Vec<Mutation>,
    /// With read-your-writes off, `ahead` is all there is.
    log_only: bool,
    /// Of the mutations; the conflict ranges count for themselves.
    size: i64,
    read_version: Version,
    max_key: &'static [u8],
}

/// What one key has been through since it was last set or cleared. Most have one operation.
#[derive(Clone, Debug)]
pub(crate) enum Operations {
    One(Operation),
    Many(Vec<Operation>),
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// None where the key is known to be missing.
    Set(Option<Box<[u8]>>),
    Atomic(AtomicOp, Box<[u8]>),
    StampedKey(Box<[u8]>),
    StampedValue(Box<[u8]>),
}

impl Default for Writes {
    fn default() -> Writes {
        Writes::new()
    }
}

impl Writes {
    pub const fn new() -> Writes {
        Writes {
            operations: BTreeMap::new(),
            cleared: SpanSet::new(),
            unreadable: SpanSet::new(),
            conflicts: Ranges::new(),
            ahead: Vec::new(),
            log_only: false,
            size: 0,
            read_version: 0,
            max_key: USER_END,
        }
    }

    /// Read-your-writes is off: keep the mutations as they come, for nothing reads them back.
    pub fn disable_read_your_writes(&mut self) {
        self.log_only = true;
    }

    /// The read version, once it is known: a versionstamp of this transaction is past it.
    pub fn read_version_known(&mut self, version: Version) {
        self.read_version = version;
    }

    /// System keys may be read: a versionstamped key may land there.
    pub fn system_keys_readable(&mut self) {
        self.max_key = SYSTEM_END;
    }

    pub fn set(&mut self, key: &[u8], value: &[u8], conflict: bool) {
        self.count(key.len() + value.len());
        self.add_key_conflict(key, conflict);
        if self.log_only {
            self.ahead.push(Mutation::Set { key: key.into(), value: value.into() });
        } else {
            self.operate(key, Operation::Set(Some(value.into())));
        }
    }

    /// Clears `[begin, end)`; an empty range counts and does nothing else.
    pub fn clear(&mut self, begin: &[u8], end: &[u8], conflict: bool) {
        self.count(begin.len() + end.len());
        if begin >= end {
            return;
        }
        if conflict {
            self.conflicts.add(begin, end);
        }
        if self.log_only {
            return self.ahead.push(Mutation::Clear { begin: begin.into(), end: end.into() });
        }
        self.take_operations(begin, end);
        self.cleared.add(begin, end);
        self.unreadable.remove(begin, end);
    }

    pub fn atomic(&mut self, op: AtomicOp, key: &[u8], operand: &[u8], conflict: bool) {
        self.count(key.len() + operand.len());
        self.add_key_conflict(key, conflict);
        if self.log_only {
            self.ahead.push(Mutation::Atomic { op, key: key.into(), operand: operand.into() });
        } else {
            self.operate(key, Operation::Atomic(op, operand.into()));
        }
    }

    /// `key` ends in the 4 bytes that say where the stamp goes (error 2000 if it does not fit). The
    /// write conflict of the final key is the commit's to add, with `conflict` or without.
    pub fn versionstamped_key(&mut self, key: &[u8], value: &[u8], _conflict: bool) -> Result<()> {
        let position = stamp_position(key)?;
        self.count(key.len() + value.len());
        if self.log_only {
            let (key, value) = (key.into(), value.into());
            self.ahead.push(Mutation::VersionstampedKey { key, value });
            return Ok(());
        }
        let (begin, end) = stamped_key_range(key, position, self.read_version, self.max_key);
        self.send_ahead(&begin, &end);
        self.cleared.remove(&begin, &end);
        self.unreadable.add(&begin, &end);
        let key = with_lowest_stamp(key, position, self.read_version);
        self.unreadable.add_key(&key);
        self.operate(&key, Operation::StampedKey(value.into()));
        Ok(())
    }

    /// `value` ends in the 4 bytes that say where the stamp goes (error 2000 if it does not fit).
    pub fn versionstamped_value(&mut self, key: &[u8], value: &[u8], conflict: bool) -> Result<()> {
        stamp_position(value)?;
        self.count(key.len() + value.len());
        self.add_key_conflict(key, conflict);
        if self.log_only {
            let (key, value) = (key.into(), value.into());
            self.ahead.push(Mutation::VersionstampedValue { key, value });
        } else {
            self.operate(key, Operation::StampedValue(value.into()));
            self.unreadable.add_key(key);
        }
        Ok(())
    }

    pub fn add_write_conflict(&mut self, begin: &[u8], end: &[u8]) {
        self.conflicts.add(begin, end);
    }

    fn add_key_conflict(&mut self, key: &[u8], conflict: bool) {
        if conflict {
            self.conflicts.add_key(key);
        }
    }

    fn count(&mut self, bytes: usize) {
        self.size += MUTATION_OVERHEAD + i64::try_from(bytes).unwrap_or(i64::MAX / 2);
    }

    /// WriteMap::mutate. An unreadable key remembers all that happened to it, for its value is not
    /// known before the commit.
    fn operate(&mut self, key: &[u8], operation: Operation) {
        let Some(operations) = self.operations.get_mut(key) else {
            let operations = match operation {
                Operation::Atomic(op, operand) if self.cleared.contains(key) => {
                    let mut missing = Operations::One(Operation::Set(None));
                    missing.fold(op, operand);
                    missing
                }
                operation => Operations::One(operation),
            };
            self.operations.insert(key.into(), operations);
            return;
        };
        let unreadable = self.unreadable.contains(key);
        match operation {
            Operation::Set(_) | Operation::StampedValue(_) if !unreadable => {
                *operations = Operations::One(operation);
            }
            Operation::Atomic(op, operand) if !unreadable => operations.fold(op, operand),
            _ => operations.push(operation),
        }
    }

    /// What the mutations and write conflict ranges count towards the transaction's approximate
    /// size: each adds to it, whatever it changes.
    pub fn approximate_size(&self) -> i64 {
        self.size.saturating_add(self.conflicts.approximate_size())
    }

    /// Nothing written, cleared or declared written: the commit has nothing to do.
    pub fn is_empty(&self) -> bool {
        self.ahead.is_empty() && self.conflicts.is_empty() && !self.affect_reads()
    }

    /// The write conflict ranges, without those of versionstamped keys.
    pub fn conflicts(&self) -> &Ranges {
        &self.conflicts
    }

    /// The mutations a commit applies, in the order it applies them.
    pub fn mutations(&self) -> Vec<Mutation> {
        let mut mutations = self.ahead.clone();
        mutations.extend(self.cleared.iter().map(|(begin, end)| clear(begin, end)));
        for (key, operations) in &self.operations {
            mutations.extend(operations.iter().map(|operation| operation.mutation(key)));
        }
        mutations
    }

    /// Moves what is written in `[begin, end)` ahead of what is written later.
    fn send_ahead(&mut self, begin: &[u8], end: &[u8]) {
        for (cleared, cleared_end) in self.cleared.overlapping(begin, end) {
            self.ahead.push(clear(cleared.max(begin), cleared_end.min(end)));
        }
        for (key, operations) in self.take_operations(begin, end) {
            self.ahead.extend(operations.iter().map(|operation| operation.mutation(&key)));
        }
    }

    fn take_operations(&mut self, begin: &[u8], end: &[u8]) -> Vec<(Key, Operations)> {
        let keys: Vec<Key> = self.operations_in(begin, end).map(|(key, _)| key.clone()).collect();
        keys.iter().filter_map(|key| self.operations.remove_entry(key)).collect()
    }

    /// Whether a read sees anything but the snapshot.
    pub(crate) fn affect_reads(&self) -> bool {
        !(self.operations.is_empty() && self.cleared.is_empty() && self.unreadable.is_empty())
    }

    /// Whether a read of `[begin, end)` sees anything but the snapshot.
    pub(crate) fn affect_range(&self, begin: &[u8], end: &[u8]) -> bool {
        self.affect_reads()
            && begin < end
            && (self.operations_in(begin, end).next().is_some()
                || self.cleared.overlapping(begin, end).next().is_some()
                || self.unreadable.overlapping(begin, end).next().is_some())
    }

    pub(crate) fn operations(&self, key: &[u8]) -> Option<&Operations> {
        self.operations.get(key)
    }

    pub(crate) fn operations_in<'a>(
        &'a self,
        begin: &[u8],
        end: &[u8],
    ) -> std::collections::btree_map::Range<'a, Key, Operations> {
        let begin = begin.min(end);
        self.operations.range::<[u8], _>((Included(begin), Excluded(end)))
    }

    pub(crate) fn cleared(&self) -> &SpanSet {
        &self.cleared
    }

    pub(crate) fn unreadable(&self) -> &SpanSet {
        &self.unreadable
    }

    /// Adds to `reads` the part of `[begin, end)` whose values come from the database: not what
    /// was cleared, nor keys whose value does not depend on what was there (updateConflictMap in
    /// ReadYourWrites.actor.cpp).
    pub(crate) fn add_read_from_database(&self, reads: &mut Ranges, begin: &[u8], end: &[u8]) {
        if !self.affect_range(begin, end) {
            return reads.add(begin, end);
        }
        let mut cleared = self.cleared.overlapping(begin, end).peekable();
        let mut known = self
            .operations_in(begin, end)
            .filter(|(_, operations)| !operations.are_dependent())
            .map(|(key, _)| &**key)
            .peekable();
        let mut from = begin.to_vec();
        loop {
            let own_end;
            let (own, own_end) = match (cleared.peek(), known.peek()) {
                (None, None) => break,
                (Some(&(own, _)), Some(&key)) if key < own => {
                    known.next();
                    own_end = key_after(key);
                    (key, own_end.as_slice())
                }
                (Some(&(own, own_end)), _) => {
                    cleared.next();
                    (own, own_end)
                }
                (None, Some(&key)) => {
                    known.next();
                    own_end = key_after(key);
                    (key, own_end.as_slice())
                }
            };
            reads.add(&from, own);
            if own_end > from.as_slice() {
                from.clear();
                from.extend_from_slice(own_end);
            }
        }
        reads.add(&from, end);
    }
}

fn clear(begin: &[u8], end: &[u8]) -> Mutation {
    Mutation::Clear { begin: begin.into(), end: end.into() }
}

impl Operations {
    fn push(&mut self, operation: Operation) {
        match self {
            Operations::Many(operations) => operations.push(operation),
            Operations::One(first) => {
                let first = std::mem::replace(first, Operation::Set(None));
                *self = Operations::Many(vec![first, operation]);
            }
        }
    }

    /// WriteMap::coalesceOver.
    fn fold(&mut self, op: AtomicOp, operand: Box<[u8]>) {
        let last = match self {
            Operations::One(last) => Some(last),
            Operations::Many(operations) => operations.last_mut(),
        };
        match last {
            Some(Operation::Set(value)) => {
                *value = atomic(op, value.as_deref(), &operand).map(|value| value.as_ref().into());
            }
            Some(Operation::Atomic(last_op, earlier))
                if *last_op == op && op.folds(earlier, &operand) =>
            {
                if let Some(folded) = atomic(op, Some(earlier), &operand) {
                    *earlier = folded.as_ref().into();
                }
            }
            _ => self.push(Operation::Atomic(op, operand)),
        }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Operation> {
        match self {
            Operations::One(operation) => std::slice::from_ref(operation).iter(),
            Operations::Many(operations) => operations.iter(),
        }
    }

    /// Whether the value depends on what is in the database.
    pub fn are_dependent(&self) -> bool {
        matches!(self.iter().next(), Some(Operation::Atomic(..)))
    }

    /// The value over that of the database (WriteMap::coalesceUnder). A stamp that is not yet known
    /// is only asked for by bypass_unreadable: it shows the parameter as it was given, and fails
    /// with operation_failed where an operation would have to be applied to it.
    pub fn value<'a>(&'a self, database: Option<&'a [u8]>) -> Result<Option<Cow<'a, [u8]>>> {
        if let Operations::One(Operation::StampedKey(value)) = self {
            return Ok(Some(Cow::Borrowed(value)));
        }
        let mut value = database.map(Cow::Borrowed);
        let mut stamped = false;
        for operation in self.iter() {
            value = match operation {
                Operation::Set(set) => {
                    stamped = false;
                    set.as_deref().map(Cow::Borrowed)
                }
                Operation::StampedValue(parameter) => {
                    stamped = true;
                    Some(Cow::Borrowed(parameter))
                }
                Operation::StampedKey(_) => return Err(Error::OPERATION_FAILED),
                Operation::Atomic(..) if stamped => return Err(Error::OPERATION_FAILED),
                Operation::Atomic(op, operand) => match value {
                    Some(Cow::Borrowed(value)) => atomic(*op, Some(value), operand),
                    Some(Cow::Owned(value)) => atomic(*op, Some(&value), operand)
                        .map(|value| Cow::Owned(value.into_owned())),
                    None => atomic(*op, None, operand),
                },
            };
        }
        Ok(value)
    }
}

impl Operation {
    fn mutation(&self, key: &[u8]) -> Mutation {
        let key = key.into();
        match self {
            Operation::Set(Some(value)) => Mutation::Set { key, value: value.clone() },
            Operation::Set(None) => Mutation::Clear { end: key_after(&key).into(), begin: key },
            Operation::Atomic(op, operand) => {
                Mutation::Atomic { op: *op, key, operand: operand.clone() }
            }
            Operation::StampedKey(value) => {
                Mutation::VersionstampedKey { key, value: value.clone() }
            }
            Operation::StampedValue(value) => {
                Mutation::VersionstampedValue { key, value: value.clone() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
