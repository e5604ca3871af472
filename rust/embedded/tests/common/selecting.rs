//! Reads with everything the C API lets one say about them.

use std::ffi::c_int;

use found_embedded::capi::*;

use super::{Future, Selector, Transaction, length};

/// A range read between two selectors.
#[derive(Clone, Copy)]
pub struct Select<'a> {
    pub begin: Selector<'a>,
    pub end: Selector<'a>,
    pub limit: c_int,
    pub target_bytes: c_int,
    pub reverse: bool,
    pub snapshot: bool,
}

impl Transaction {
    pub fn select(&self, select: Select<'_>) -> Future {
        let (begin, end) = (select.begin, select.end);
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_range(
                self.0,
                begin.0.as_ptr(),
                length(begin.0),
                c_int::from(begin.1),
                begin.2,
                end.0.as_ptr(),
                length(end.0),
                c_int::from(end.1),
                end.2,
                select.limit,
                select.target_bytes,
                super::WANT_ALL,
                1,
                c_int::from(select.snapshot),
                c_int::from(select.reverse),
            )
        })
    }

    pub fn snapshot_get_key(&self, (key, or_equal, offset): Selector<'_>) -> Future {
        let (length, or_equal) = (length(key), c_int::from(or_equal));
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_key(self.0, key.as_ptr(), length, or_equal, offset, 1)
        })
    }
}
