//! What is left to read of a range, batch after batch.

use std::sync::Arc;

use found_fdb_sys::FDBStreamingMode;

use super::{page::Page, selector::KeySelector, transaction::Transaction};
use crate::fdb::{Fault, Future, RangeRead};

pub const WANT_ALL: FDBStreamingMode = found_fdb_sys::FDBStreamingMode_FDB_STREAMING_MODE_WANT_ALL;
pub const ITERATOR: FDBStreamingMode = found_fdb_sys::FDBStreamingMode_FDB_STREAMING_MODE_ITERATOR;
const EXACT: FDBStreamingMode = found_fdb_sys::FDBStreamingMode_FDB_STREAMING_MODE_EXACT;
pub const SERIAL: FDBStreamingMode = found_fdb_sys::FDBStreamingMode_FDB_STREAMING_MODE_SERIAL;

/// Bytes of a batch where all rows are wanted. Larger ones, and those of WANT_ALL (80,000), are slower: while one batch
/// becomes Python's the next is read, and both fit in the processor's cache.
const LARGE_BATCH: i32 = 256 << 10;

/// What is left to read of a range.
#[derive(Clone)]
pub struct Remainder {
    pub begin: KeySelector,
    pub end: KeySelector,
    /// Rows still wanted; 0 stands for all.
    pub limit: i32,
    /// The most bytes of a batch; 0 for what the mode has.
    pub target_bytes: i32,
    pub mode: FDBStreamingMode,
    pub iteration: i32,
    pub snapshot: bool,
    pub reverse: bool,
    /// How each row is looked up further, if it is.
    pub mapper: Option<Arc<[u8]>>,
}

impl Remainder {
    /// All rows of a range, as `found.all` reads them.
    pub fn all_of(begin: &[u8], end: &[u8]) -> Remainder {
        let whole = Remainder {
            begin: KeySelector::first_greater_or_equal(begin),
            end: KeySelector::first_greater_or_equal(end),
            limit: 0,
            target_bytes: 0,
            mode: ITERATOR,
            iteration: 1,
            snapshot: false,
            reverse: false,
            mapper: None,
        };
        whole.in_large_batches()
    }

    /// Where every row is wanted batches need not start small, unless the caller has chosen their mode. EXACT takes a
    /// number of bytes in place of a limit (fdb_c.cpp, validate_and_update_parameters).
    pub fn in_large_batches(self) -> Remainder {
        if self.mode != ITERATOR {
            return self;
        }
        Remainder { mode: EXACT, target_bytes: LARGE_BATCH, ..self }
    }

    pub fn read(&self, transaction: &Transaction) -> Result<Future, Fault> {
        let read = RangeRead {
            begin: self.begin.borrow(),
            end: self.end.borrow(),
            limit: self.limit,
            target_bytes: self.target_bytes,
            mode: self.mode,
            iteration: self.iteration,
            snapshot: self.snapshot,
            reverse: self.reverse,
        };
        match &self.mapper {
            None => transaction.inner().get_range(&read),
            Some(mapper) => transaction.inner().get_mapped_range(&read, mapper),
        }
    }

    /// Takes off what was read. False if nothing is left.
    pub fn advance(&mut self, page: &Page<'_>) -> bool {
        let Some(last) = page.last_key() else { return false };
        let limited = self.limit > 0;
        if limited {
            let read = i32::try_from(page.len()).unwrap_or(i32::MAX);
            self.limit = self.limit.saturating_sub(read).max(0);
        }
        // `more` is true whenever the limit was hit, even if the range ends there.
        if !page.more() || (limited && self.limit == 0) {
            return false;
        }
        if self.reverse {
            self.end = KeySelector::first_greater_or_equal(last);
        } else {
            self.begin = KeySelector::first_greater_than(last);
        }
        self.iteration = self.iteration.saturating_add(1);
        true
    }
}
