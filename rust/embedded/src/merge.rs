//! A walk over what a transaction sees: its snapshot with its own writes on top.
//!
//! The counterpart of fdbclient/RYWIterator.cpp.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::btree_map;
use std::iter::Peekable;

use crate::error::Result;
use crate::keys::Key;
use crate::span_set::Overlapping;
use crate::storage::{RangeIter, Row, Snapshot};
use crate::writes::{Operations, Writes};

/// The rows of `[begin, end)` that a transaction sees, in one direction.
pub(crate) struct Merge<'a> {
    snapshot: &'a Snapshot,
    begin: &'a [u8],
    end: &'a [u8],
    reverse: bool,
    database: RangeIter<'a>,
    /// The next row of the database, whether or not it is cleared.
    row: Option<Row<'a>>,
    operations: Peekable<Directed<btree_map::Range<'a, Key, Operations>>>,
    cleared: Peekable<Directed<Overlapping<'a>>>,
    /// The first unreadable range in the way. A walk never gets past it.
    unreadable: Option<(&'a [u8], &'a [u8])>,
}

pub(crate) enum Step<'a> {
    Row(Seen<'a>),
    End,
    /// What comes next is not known before the commit.
    Unreadable(&'a [u8], &'a [u8]),
}

/// A row as the transaction sees it.
pub(crate) enum Seen<'a> {
    Database(Row<'a>),
    Own(&'a [u8], Cow<'a, [u8]>),
}

impl Seen<'_> {
    pub fn key(&self) -> &[u8] {
        match self {
            Seen::Database(row) => row.key(),
            Seen::Own(key, _) => key,
        }
    }

    pub fn value(&self) -> &[u8] {
        match self {
            Seen::Database(row) => row.value(),
            Seen::Own(_, value) => value,
        }
    }
}

/// An iterator, from its front or from its back.
struct Directed<I> {
    iter: I,
    reverse: bool,
}

impl<I: DoubleEndedIterator> Iterator for Directed<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if self.reverse { self.iter.next_back() } else { self.iter.next() }
    }
}

impl<'a> Merge<'a> {
    /// Walks `[begin, end)`, or from its end with `reverse`.
    pub fn new(
        snapshot: &'a Snapshot,
        writes: &'a Writes,
        begin: &'a [u8],
        end: &'a [u8],
        reverse: bool,
    ) -> Result<Merge<'a>> {
        let mut unreadable = writes.unreadable().overlapping(begin, end);
        let mut merge = Merge {
            database: snapshot.range(begin, end)?,
            row: None,
            operations: Directed { iter: writes.operations_in(begin, end), reverse }.peekable(),
            cleared: Directed { iter: writes.cleared().overlapping(begin, end), reverse }
                .peekable(),
            unreadable: if reverse { unreadable.next_back() } else { unreadable.next() },
            snapshot,
            begin,
            end,
            reverse,
        };
        merge.advance()?;
        Ok(merge)
    }

    /// The next row of the database, and on to the one after it.
    fn advance(&mut self) -> Result<Option<Row<'a>>> {
        let next = if self.reverse { self.database.next_back() } else { self.database.next() };
        Ok(std::mem::replace(&mut self.row, next.transpose()?))
    }

    pub fn step(&mut self) -> Result<Step<'a>> {
        loop {
            let own = self.operations.peek().map(|&(key, _)| &**key);
            let order = match (own, &self.row) {
                (None, None) => {
                    return Ok(match self.unreadable {
                        Some((begin, end)) => Step::Unreadable(begin, end),
                        None => Step::End,
                    });
                }
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(own), Some(row)) if self.reverse => row.key().cmp(own),
                (Some(own), Some(row)) => own.cmp(row.key()),
            };
            if let (Ordering::Greater, Some(row)) = (order, &self.row) {
                if let Some((begin, end)) = self.before(row.key()) {
                    return Ok(Step::Unreadable(begin, end));
                }
                if let Some(row) = self.database_row()? {
                    return Ok(Step::Row(Seen::Database(row)));
                }
                continue;
            }
            if let Some((begin, end)) = own.and_then(|own| self.before(own)) {
                return Ok(Step::Unreadable(begin, end));
            }
            let row = if order == Ordering::Equal { self.advance()? } else { None };
            let Some((key, operations)) = self.operations.next() else { continue };
            let value = if operations.are_dependent() {
                let cleared = self.cleared_at(key).is_some();
                let database = row.as_ref().filter(|_| !cleared).map(Row::value);
                operations.value(database)?.map(|value| Cow::Owned(value.into_owned()))
            } else {
                operations.value(None)?
            };
            if let Some(value) = value {
                return Ok(Step::Row(Seen::Own(key, value)));
            }
        }
    }

    /// What is unreadable, if the walk comes upon it before it comes to `key`.
    fn before(&self, key: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
        self.unreadable.filter(|&(begin, end)| if self.reverse { key < end } else { key >= begin })
    }

    /// The next row of the database, unless it is cleared. What is cleared is skipped row by row
    /// only as long as that is cheaper than looking for its end.
    fn database_row(&mut self) -> Result<Option<Row<'a>>> {
        let Some(row) = self.advance()? else { return Ok(None) };
        let Some((begin, end)) = self.cleared_at(row.key()) else { return Ok(Some(row)) };
        if self.row.as_ref().is_some_and(|next| (begin..end).contains(&next.key())) {
            self.database = if self.reverse {
                self.snapshot.range(self.begin, begin)?
            } else {
                self.snapshot.range(end, self.end)?
            };
            self.advance()?;
        }
        Ok(None)
    }

    /// The cleared range that holds `key`. Keys come in the direction of the walk.
    fn cleared_at(&mut self, key: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
        while let Some(&(begin, end)) = self.cleared.peek() {
            if (begin..end).contains(&key) {
                return Some((begin, end));
            }
            let is_passed = if self.reverse { begin > key } else { end <= key };
            if !is_passed {
                break;
            }
            self.cleared.next();
        }
        None
    }
}
