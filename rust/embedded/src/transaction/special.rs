//! Special keys, those from `\xff\xff` on: questions to the client rather than rows of the database.
//!
//! Each module is a range of keys and a function that lists its rows. A read must stay within one module
//! (SpecialKeySpace.actor.cpp): 2113 where there is none, 2112 where it would leave it.

use super::read::GetRange;
use super::{Inner, Transaction};
use crate::error::{Error, Result};
use crate::keys::key_after;
use crate::read::Rows;
use crate::selector::Selector;

const BEGIN: &[u8] = b"\xff\xff";
const END: &[u8] = b"\xff\xff\xff";

/// Whether the key is a special one.
pub(super) fn contains(key: &[u8]) -> bool {
    (BEGIN..END).contains(&key)
}

/// Whether a range of special keys may end with it.
pub(super) fn may_end(key: &[u8]) -> bool {
    (BEGIN..=END).contains(&key)
}

type Row = (Vec<u8>, Vec<u8>);

/// A range of special keys, `prefix` and what follows it, or the one key.
struct Module {
    prefix: &'static [u8],
    is_key: bool,
    rows: fn(&Transaction, &Inner) -> Vec<Row>,
}

const CONFLICTING_KEYS: &[u8] = b"\xff\xff/transaction/conflicting_keys/";
const READ_CONFLICTS: &[u8] = b"\xff\xff/transaction/read_conflict_range/";
const WRITE_CONFLICTS: &[u8] = b"\xff\xff/transaction/write_conflict_range/";

const MODULES: &[Module] = &[
    Module {
        prefix: b"\xff\xff/cluster_file_path",
        is_key: true,
        rows: |transaction, _| vec![(Vec::new(), transaction.database.address.clone().into())],
    },
    Module {
        prefix: b"\xff\xff/connection_string",
        is_key: true,
        rows: |transaction, _| vec![(Vec::new(), transaction.database.address.clone().into())],
    },
    Module {
        prefix: b"\xff\xff/status/json",
        is_key: true,
        rows: |transaction, _| {
            let client = transaction.database.client_status();
            let status = format!(
                "{{\"client\":{{\"database_status\":{{\"available\":true,\"healthy\":true}},\"embedded\":{client}}},\"cluster\":{{\"database_available\":true}}}}"
            );
            vec![(Vec::new(), status.into())]
        },
    },
    Module {
        prefix: CONFLICTING_KEYS,
        is_key: false,
        rows: |_, inner| {
            let ranges = inner.conflicting.iter();
            boundaries(CONFLICTING_KEYS, ranges.map(|(begin, end)| (&begin[..], &end[..])))
        },
    },
    Module {
        prefix: READ_CONFLICTS,
        is_key: false,
        rows: |_, inner| boundaries(READ_CONFLICTS, inner.reads.iter()),
    },
    Module {
        prefix: WRITE_CONFLICTS,
        is_key: false,
        rows: |_, inner| boundaries(WRITE_CONFLICTS, inner.writes.conflicts().iter()),
    },
];

/// Ranges as rows: `1` where one begins, `0` where it ends.
fn boundaries<'a>(prefix: &[u8], ranges: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<Row> {
    let key = |key: &[u8]| [prefix, key].concat();
    let mut rows: Vec<Row> = Vec::new();
    for (begin, end) in ranges {
        if rows.last().is_some_and(|(last, _)| *last == key(begin)) {
            rows.pop();
        } else {
            rows.push((key(begin), b"1".to_vec()));
        }
        rows.push((key(end), b"0".to_vec()));
    }
    rows
}

impl Module {
    fn contains(&self, key: &[u8]) -> bool {
        if self.is_key { key == self.prefix } else { key.starts_with(self.prefix) }
    }

    fn rows(&self, transaction: &Transaction, inner: &Inner) -> Vec<Row> {
        let mut rows = (self.rows)(transaction, inner);
        if self.is_key {
            for (key, _) in &mut rows {
                *key = self.prefix.to_vec();
            }
        }
        rows
    }

    /// Whether a range of this module may end with the key.
    fn may_end(&self, key: &[u8]) -> bool {
        if self.is_key {
            key == self.prefix || *key == *key_after(self.prefix)
        } else {
            key.starts_with(self.prefix) || *key == *past(self.prefix)
        }
    }
}

/// The first key after every key with the prefix, whose last byte is a slash.
fn past(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// The value of one special key.
pub(super) fn get(
    transaction: &Transaction,
    inner: &mut Inner,
    key: &[u8],
) -> Result<Option<Vec<u8>>> {
    let Some(module) = MODULES.iter().find(|module| module.contains(key)) else {
        return if inner.options.special_keys_relaxed {
            Ok(None)
        } else {
            Err(Error::SPECIAL_KEYS_NO_MODULE_FOUND)
        };
    };
    let rows = module.rows(transaction, inner);
    Ok(rows.into_iter().find(|(present, _)| present == key).map(|(_, value)| value))
}

/// The rows of a range of special keys.
pub(super) fn get_range(
    transaction: &Transaction,
    inner: &mut Inner,
    request: &GetRange,
) -> Result<Rows> {
    let mut rows: Vec<Row>;
    if inner.options.special_keys_relaxed {
        rows = MODULES.iter().flat_map(|module| module.rows(transaction, inner)).collect();
        rows.sort();
    } else {
        let module = MODULES
            .iter()
            .find(|module| module.contains(&request.begin.key))
            .ok_or(Error::SPECIAL_KEYS_NO_MODULE_FOUND)?;
        if !module.may_end(&request.end.key) {
            return Err(Error::SPECIAL_KEYS_CROSS_MODULE_READ);
        }
        rows = module.rows(transaction, inner);
    }
    let begin = position(&rows, &request.begin);
    let end = position(&rows, &request.end).max(begin);
    let mut chosen: Vec<Row> = rows.drain(begin..end).collect();
    if request.reverse {
        chosen.reverse();
    }
    let mut more = false;
    if let Ok(limit) = usize::try_from(request.limit_rows) {
        more = chosen.len() >= limit;
        chosen.truncate(limit);
    }
    let mut result = Rows::default();
    for (key, value) in &chosen {
        result.push(key, value);
    }
    result.more = more;
    Ok(result)
}

/// The index a selector points to; the rows of a module are all there is.
fn position(rows: &[Row], selector: &Selector) -> usize {
    let at = rows.partition_point(|(key, _)| {
        if selector.or_equal { *key <= selector.key } else { *key < selector.key }
    });
    let at = i64::try_from(at).unwrap_or(i64::MAX) + i64::from(selector.offset) - 1;
    usize::try_from(at.max(0)).map_or(rows.len(), |at| at.min(rows.len()))
}

/// A write to a special key: none of the modules takes one.
pub(super) fn write(inner: &mut Inner) -> Result<()> {
    if inner.options.special_keys_writable {
        Err(Error::SPECIAL_KEYS_NO_WRITE_MODULE_FOUND)
    } else {
        Err(Error::SPECIAL_KEYS_WRITE_DISABLED)
    }
}
