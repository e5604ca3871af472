//! The writes of one transaction: what its own reads see of them, and what its commit sends.
//!
//! The rules are those of fdbclient/WriteMap.cpp, in another shape: where FoundationDB keeps one
//! map of segments, here are the keys operated on, the cleared ranges and the unreadable ranges.
//! A commit clears first and then operates key by key, as writeRangeToNativeTransaction in
//! ReadYourWrites.actor.cpp does: a key that is both was cleared before it was operated on, for a
//! clear removes the operations it covers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound::{Excluded, Included};

use crate::Version;
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::keys::{Key, SYSTEM_END, USER_END, is_key_after, key_after};
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
    /// The write conflict ranges but for those of the keys in `operations`, which are there already.
    conflicts: Ranges,
    /// What the write conflicts of keys in `operations` count towards the approximate size.
    key_conflicts: usize,
    /// Sent ahead of the rest: what was already written where a versionstamped key may land.
    ahead: Vec<Mutation>,
    /// With read-your-writes off, `ahead` is all there is.
    log_only: bool,
    /// Of the mutations; the conflict ranges count for themselves.
    size: i64,
    read_version: Version,
    max_key: &'static [u8],
}

/// What one key has been through since it was last set or cleared.
#[derive(Debug)]
pub(crate) struct Operations {
    steps: Steps,
    /// The key is a write conflict range.
    conflict: bool,
}

/// Most keys have one operation.
#[derive(Debug)]
enum Steps {
    One(Operation),
    Many(Vec<Operation>),
}

/// What a commit takes of the writes.
#[derive(Debug)]
pub struct Sent {
    pub mutations: Vec<Mutation>,
    /// Keys that are write conflict ranges, in order.
    pub keys: Vec<Key>,
    /// The other write conflict ranges.
    pub ranges: Ranges,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// None where the key is known to be missing.
    Set(Option<Bytes>),
    Atomic(AtomicOp, Bytes),
    StampedKey(Bytes),
    StampedValue(Bytes),
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
            key_conflicts: 0,
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
        if self.log_only {
            self.add_key_conflict(key, conflict);
            self.ahead.push(Mutation::Set { key: key.into(), value: value.into() });
        } else {
            self.operate(key, Operation::Set(Some(value.into())), conflict);
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
        if self.log_only {
            self.add_key_conflict(key, conflict);
            self.ahead.push(Mutation::Atomic { op, key: key.into(), operand: operand.into() });
        } else {
            self.operate(key, Operation::Atomic(op, operand.into()), conflict);
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
        self.operate(&key, Operation::StampedKey(value.into()), false);
        Ok(())
    }

    /// `value` ends in the 4 bytes that say where the stamp goes (error 2000 if it does not fit).
    pub fn versionstamped_value(&mut self, key: &[u8], value: &[u8], conflict: bool) -> Result<()> {
        stamp_position(value)?;
        self.count(key.len() + value.len());
        if self.log_only {
            self.add_key_conflict(key, conflict);
            let (key, value) = (key.into(), value.into());
            self.ahead.push(Mutation::VersionstampedValue { key, value });
        } else {
            self.operate(key, Operation::StampedValue(value.into()), conflict);
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
    fn operate(&mut self, key: &[u8], operation: Operation, conflict: bool) {
        if conflict {
            self.key_conflicts += Ranges::size_of_key(key);
        }
        let operations = match self.operations.entry(key.into()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let operation = match operation {
                    Operation::Atomic(op, operand) if self.cleared.contains(key) => {
                        let value = atomic(op, None, &operand);
                        Operation::Set(value.map(|value| value.as_ref().into()))
                    }
                    operation => operation,
                };
                entry.insert(Operations { steps: Steps::One(operation), conflict });
                return;
            }
        };
        operations.conflict |= conflict;
        let unreadable = self.unreadable.contains(key);
        match operation {
            Operation::Set(_) | Operation::StampedValue(_) if !unreadable => {
                operations.steps = Steps::One(operation);
            }
            Operation::Atomic(op, operand) if !unreadable => operations.fold(op, operand),
            _ => operations.push(operation),
        }
    }

    /// What the mutations and write conflict ranges count towards the transaction's approximate
    /// size: each adds to it, whatever it changes.
    pub fn approximate_size(&self) -> i64 {
        let keys = i64::try_from(self.key_conflicts).unwrap_or(i64::MAX);
        self.size.saturating_add(keys).saturating_add(self.conflicts.approximate_size())
    }

    /// Nothing written, cleared or declared written: the commit has nothing to do.
    pub fn is_empty(&self) -> bool {
        self.ahead.is_empty() && self.conflicts.is_empty() && !self.affect_reads()
    }

    /// Whether a commit clears more than single keys.
    pub fn clear_ranges(&self) -> bool {
        self.cleared.iter().any(|(begin, end)| !is_key_after(begin, end))
            || self.ahead.iter().any(|mutation| match mutation {
                Mutation::Clear { begin, end } => !is_key_after(begin, end),
                _ => false,
            })
    }

    /// The write conflict ranges, without those of versionstamped keys.
    pub fn conflicts(&self) -> Ranges {
        let mut all = Ranges::new();
        let keys = self.operations.iter().filter(|(_, operations)| operations.conflict);
        keys.for_each(|(key, _)| all.add_key(key));
        self.conflicts.iter().for_each(|(begin, end)| all.add(begin, end));
        all
    }

    /// The mutations a commit applies, in the order it applies them.
    pub fn mutations(&self) -> Vec<Mutation> {
        let mut mutations = self.ahead.clone();
        mutations.extend(self.cleared.iter().map(|(begin, end)| clear(begin, end)));
        for (key, operations) in &self.operations {
            mutations.extend(operations.iter().map(|step| step.clone().mutation(key)));
        }
        mutations
    }

    /// What a commit takes, moved out: the mutations are those of `mutations`.
    pub fn send(self) -> Sent {
        let mut mutations = self.ahead;
        mutations.reserve(self.operations.len());
        mutations.extend(self.cleared.iter().map(|(begin, end)| clear(begin, end)));
        let mut keys = Vec::with_capacity(self.operations.len());
        for (key, operations) in self.operations {
            match operations.steps {
                Steps::One(step) => mutations.push(step.mutation(&key)),
                Steps::Many(steps) => {
                    mutations.extend(steps.into_iter().map(|step| step.mutation(&key)));
                }
            }
            if operations.conflict {
                keys.push(key);
            }
        }
        Sent { mutations, keys, ranges: self.conflicts }
    }

    /// Moves what is written in `[begin, end)` ahead of what is written later.
    fn send_ahead(&mut self, begin: &[u8], end: &[u8]) {
        for (cleared, cleared_end) in self.cleared.overlapping(begin, end) {
            self.ahead.push(clear(cleared.max(begin), cleared_end.min(end)));
        }
        for (key, operations) in self.take_operations(begin, end) {
            self.ahead.extend(operations.iter().map(|step| step.clone().mutation(&key)));
        }
    }

    /// Takes operations out. The write conflicts of their keys stay.
    fn take_operations(&mut self, begin: &[u8], end: &[u8]) -> Vec<(Key, Operations)> {
        let keys: Vec<Key> = self.operations_in(begin, end).map(|(key, _)| key.clone()).collect();
        let taken: Vec<_> =
            keys.iter().filter_map(|key| self.operations.remove_entry(key)).collect();
        for (key, _) in taken.iter().filter(|(_, operations)| operations.conflict) {
            self.key_conflicts -= Ranges::size_of_key(key);
            self.conflicts.add_key(key);
        }
        taken
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
        match &mut self.steps {
            Steps::Many(steps) => steps.push(operation),
            Steps::One(first) => {
                let first = std::mem::replace(first, Operation::Set(None));
                self.steps = Steps::Many(vec![first, operation]);
            }
        }
    }

    /// WriteMap::coalesceOver.
    fn fold(&mut self, op: AtomicOp, operand: Bytes) {
        let last = match &mut self.steps {
            Steps::One(last) => Some(last),
            Steps::Many(steps) => steps.last_mut(),
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
        match &self.steps {
            Steps::One(operation) => std::slice::from_ref(operation).iter(),
            Steps::Many(steps) => steps.iter(),
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
        if let Steps::One(Operation::StampedKey(value)) = &self.steps {
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
    fn mutation(self, key: &Key) -> Mutation {
        let key = key.clone();
        match self {
            Operation::Set(Some(value)) => Mutation::Set { key, value },
            Operation::Set(None) => Mutation::Clear { end: key_after(&key).into(), begin: key },
            Operation::Atomic(op, operand) => Mutation::Atomic { op, key, operand },
            Operation::StampedKey(value) => Mutation::VersionstampedKey { key, value },
            Operation::StampedValue(value) => Mutation::VersionstampedValue { key, value },
        }
    }
}

#[cfg(test)]
mod tests;
