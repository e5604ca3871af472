//! Mapped ranges as the tests read them.

use std::ffi::c_int;
use std::ptr::null;

use found_embedded::capi::types::*;
use found_embedded::capi::*;

use super::{Future, Selector, Transaction, at_or_after, bytes, length};

/// A mapped range read: what `Transaction::get_mapped` asks for.
pub struct Request<'a> {
    pub begin: Selector<'a>,
    pub end: Selector<'a>,
    pub mapper: &'a [u8],
    pub limit: c_int,
    pub target_bytes: c_int,
    pub mode: c_int,
    pub snapshot: bool,
    pub reverse: bool,
}

impl<'a> Request<'a> {
    /// All rows of `[begin, end)`.
    pub fn new(begin: &'a [u8], end: &'a [u8], mapper: &'a [u8]) -> Request<'a> {
        Request {
            begin: at_or_after(begin),
            end: at_or_after(end),
            mapper,
            limit: 0,
            target_bytes: 0,
            mode: super::WANT_ALL,
            snapshot: false,
            reverse: false,
        }
    }
}

/// A row of a mapped range, and what was looked up for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub begin: Vec<u8>,
    pub end: Vec<u8>,
    pub found: Vec<(Vec<u8>, Vec<u8>)>,
    pub found_more: bool,
}

impl Transaction {
    pub fn get_mapped(&self, request: &Request<'_>) -> Future {
        let (begin, end) = (request.begin, request.end);
        // SAFETY: the transaction is live, and each pointer has as many bytes as its length says.
        Future(unsafe {
            fdb_transaction_get_mapped_range(
                self.0,
                begin.0.as_ptr(),
                length(begin.0),
                c_int::from(begin.1),
                begin.2,
                end.0.as_ptr(),
                length(end.0),
                c_int::from(end.1),
                end.2,
                request.mapper.as_ptr(),
                length(request.mapper),
                request.limit,
                request.target_bytes,
                request.mode,
                1,
                c_int::from(request.snapshot),
                c_int::from(request.reverse),
            )
        })
    }
}

impl Future {
    pub fn mapped(&self) -> Result<(Vec<Row>, bool), i32> {
        self.wait()?;
        let (mut rows, mut count, mut more) = (null(), 0, 0);
        // SAFETY: the future is live, and what it gives is written into locals.
        let code = unsafe {
            fdb_future_get_mappedkeyvalue_array(
                self.0,
                &raw mut rows,
                &raw mut count,
                &raw mut more,
            )
        };
        if code != 0 {
            return Err(code);
        }
        let row = |index| {
            // SAFETY: the index is below the count that came with the array, which lives as long as the future.
            let row: FDBMappedKeyValue = unsafe { *rows.offset(index) };
            let found = |index| {
                // SAFETY: the index is below the count that came with the array, which lives as long as the future.
                let row: FDBKeyValue = unsafe { *row.getRange.data.offset(index) };
                (bytes(row.key, row.key_length), bytes(row.value, row.value_length))
            };
            // The bytes that FoundationDB's header shows without a name for them.
            assert_eq!(row.buffer[24], 1);
            assert_eq!((row.getRange.begin.orEqual, row.getRange.begin.offset), (0, 1));
            Row {
                key: bytes(row.key.key, row.key.key_length),
                value: bytes(row.value.key, row.value.key_length),
                begin: bytes(row.getRange.begin.key.key, row.getRange.begin.key.key_length),
                end: bytes(row.getRange.end.key.key, row.getRange.end.key.key_length),
                found: (0..row.getRange.m_size as isize).map(found).collect(),
                found_more: row.buffer[0] != 0,
            }
        };
        Ok(((0..count as isize).map(row).collect(), more != 0))
    }
}
