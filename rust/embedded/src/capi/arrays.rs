//! Answers that C reads as arrays: the bytes, and the table of pointers into them.

use std::ffi::{CString, c_char, c_int};

use found_fdb_sys::{
    FDBGetRangeReqAndResult, FDBKey, FDBKeySelector, FDBKeyValue, FDBMappedKeyValue,
};

use crate::read::{Rows, mapped::MappedRows};

/// A length as C has it; nothing here comes near the end of `int`.
fn length(bytes: &[u8]) -> c_int {
    c_int::try_from(bytes.len()).unwrap_or(c_int::MAX)
}

fn row_table(rows: &Rows) -> Vec<FDBKeyValue> {
    let mut table = Vec::with_capacity(rows.len());
    table.extend(rows.iter().map(|(key, value)| FDBKeyValue {
        key: key.as_ptr(),
        key_length: length(key),
        value: value.as_ptr(),
        value_length: length(value),
    }));
    table
}

/// The rows of a range.
pub struct RowArray {
    table: Vec<FDBKeyValue>,
    rows: Rows,
}

// SAFETY: the table points into `rows`, which moves along with it, is never changed and frees its heap memory only
// when the array is dropped; nothing in it belongs to a thread.
unsafe impl Send for RowArray {}

impl RowArray {
    #[must_use]
    pub fn new(rows: Rows) -> RowArray {
        RowArray { table: row_table(&rows), rows }
    }

    #[must_use]
    pub fn table(&self) -> &[FDBKeyValue] {
        &self.table
    }

    #[must_use]
    pub fn more(&self) -> bool {
        self.rows.more
    }
}

/// The rows of a mapped range.
///
/// What was looked up is always given as a range, the only thing that the C structure has names for: a key that a mapper
/// without `{...}` makes is the range of that key. FoundationDB leaves a C++ variant in its place, which C cannot read.
pub struct MappedArray {
    table: Vec<FDBMappedKeyValue>,
    /// What the table points to, and what that points to.
    _found: Vec<Vec<FDBKeyValue>>,
    rows: MappedRows,
}

// SAFETY: as `RowArray`: the tables point to heap memory owned by the same value and never changed.
unsafe impl Send for MappedArray {}

impl MappedArray {
    #[must_use]
    pub fn new(rows: MappedRows) -> MappedArray {
        let mut tables: Vec<_> = rows.found.iter().map(|found| row_table(&found.rows)).collect();
        let last = rows.rows.len().saturating_sub(1);
        let table = rows.rows.iter().zip(&rows.found).zip(&mut tables).enumerate().map(
            |(index, (((key, value), found), table))| {
                let is_sent = rows.is_range || index == 0 || index == last;
                let (key, value) = if is_sent { (key, value) } else { (&[][..], &[][..]) };
                FDBMappedKeyValue {
                    key: key_of(key),
                    value: key_of(value),
                    getRange: FDBGetRangeReqAndResult {
                        begin: first_greater_or_equal(&found.begin),
                        end: first_greater_or_equal(&found.end),
                        m_size: c_int::try_from(table.len()).unwrap_or(c_int::MAX),
                        m_capacity: c_int::try_from(table.capacity()).unwrap_or(c_int::MAX),
                        data: table.as_mut_ptr(),
                    },
                    buffer: rest_of_result(found.rows.more),
                }
            },
        );
        let table = table.collect();
        MappedArray { table, _found: tables, rows }
    }

    #[must_use]
    pub fn table(&self) -> &[FDBMappedKeyValue] {
        &self.table
    }

    #[must_use]
    pub fn more(&self) -> bool {
        self.rows.rows.more
    }
}

fn key_of(key: &[u8]) -> FDBKey {
    FDBKey { key: key.as_ptr(), key_length: length(key) }
}

fn first_greater_or_equal(key: &[u8]) -> FDBKeySelector {
    FDBKeySelector { key: key_of(key), orEqual: 0, offset: 1 }
}

/// What the header has no names for: whether the range has more rows first, at 24 which kind of result it is, 1 for a range
/// (MappedKeyValueRef in FDBTypes.h; the header shows the bytes).
fn rest_of_result(more: bool) -> [u8; 32] {
    let mut rest = [0; 32];
    rest[0] = u8::from(more);
    rest[24] = 1;
    rest
}

/// Keys, as of split points.
pub struct KeyArray {
    table: Vec<FDBKey>,
    /// Owns what the table points to.
    _keys: Vec<Vec<u8>>,
}

// SAFETY: as `RowArray`: the table points to heap memory owned by the same value and never changed.
unsafe impl Send for KeyArray {}

impl KeyArray {
    #[must_use]
    pub fn new(keys: Vec<Vec<u8>>) -> KeyArray {
        let table =
            keys.iter().map(|key| FDBKey { key: key.as_ptr(), key_length: length(key) }).collect();
        KeyArray { table, _keys: keys }
    }

    #[must_use]
    pub fn table(&self) -> &[FDBKey] {
        &self.table
    }
}

/// C strings, as of addresses.
pub struct StringArray {
    table: Vec<*const c_char>,
    /// Owns what the table points to.
    _strings: Vec<CString>,
}

// SAFETY: as `RowArray`: the table points to heap memory owned by the same value and never changed.
unsafe impl Send for StringArray {}

impl StringArray {
    #[must_use]
    pub fn new(strings: Vec<CString>) -> StringArray {
        let table = strings.iter().map(|string| string.as_ptr()).collect();
        StringArray { table, _strings: strings }
    }

    #[must_use]
    pub fn table(&self) -> &[*const c_char] {
        &self.table
    }
}
