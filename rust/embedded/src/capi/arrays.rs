//! Answers that C reads as arrays: the bytes, and the table of pointers into them.

use std::ffi::{CString, c_char, c_int};

use found_fdb_sys::{FDBKey, FDBKeyValue};

use crate::read::Rows;

/// A length as C has it; nothing here comes near the end of `int`.
fn length(bytes: &[u8]) -> c_int {
    c_int::try_from(bytes.len()).unwrap_or(c_int::MAX)
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
        let mut table = Vec::with_capacity(rows.len());
        table.extend(rows.iter().map(|(key, value)| FDBKeyValue {
            key: key.as_ptr(),
            key_length: length(key),
            value: value.as_ptr(),
            value_length: length(value),
        }));
        RowArray { table, rows }
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
