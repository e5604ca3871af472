//! Special keys, those from `\xff\xff` on: questions to the client rather than rows of the database.
//!
//! They are divided into modules, which a read must not leave, and within the modules into ranges, each with a
//! function that lists its rows (fdbclient/SpecialKeySpace.actor.cpp).

mod ranges;
mod status;

use super::read::{GetRange, limit};
use super::{Inner, Transaction};
use crate::error::{Error, Result};
use crate::keys::key_after;
use crate::rows::{Limits, Rows};
use crate::selector::{Base, Selector};
use ranges::{MODULES, RANGES, Range, Space, Write};

pub(super) use ranges::Row;

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

/// The ranges that the API version has.
fn available(transaction: &Transaction) -> impl Iterator<Item = &'static Range> {
    let version = transaction.database.api_version;
    RANGES.iter().filter(move |range| range.since <= version)
}

/// The value of one special key.
pub(super) fn get(
    transaction: &Transaction,
    inner: &mut Inner,
    key: &[u8],
) -> Result<Option<Vec<u8>>> {
    let request = GetRange {
        begin: Selector::first_greater_or_equal(key),
        end: Selector::first_greater_or_equal(key_after(key)),
        limit_rows: 1,
        limit_bytes: -1,
        snapshot: true,
        reverse: false,
    };
    let rows = get_range(transaction, inner, &request)?;
    Ok(rows.get(0).map(|(_, value)| value.to_vec()))
}

/// The rows of a range of special keys.
pub(super) fn get_range(
    transaction: &Transaction,
    inner: &mut Inner,
    request: &GetRange,
) -> Result<Rows> {
    let mut limits = Limits::new(limit(request.limit_rows)?, limit(request.limit_bytes)?);
    let (begin, end) = (request.begin.base(), request.end.base());
    if begin.offset >= end.offset && begin.key >= end.key {
        return Ok(Rows::default());
    }
    let rows = if inner.options.special_keys_relaxed {
        rows(transaction, inner, |_| true)
    } else {
        let module = module(&begin.key, &end.key)?;
        rows(transaction, inner, |range| module.contains(range.space.begin()))
    };
    let from = position(&rows, &begin);
    let to = position(&rows, &end).max(from);
    let chosen = &rows[from..to];
    let mut result = Rows::default();
    for index in 0..chosen.len() {
        let (key, value) = &chosen[if request.reverse { chosen.len() - 1 - index } else { index }];
        result.push(key, value);
        if limits.reached_by(key, value) {
            result.more = true;
            break;
        }
    }
    Ok(result)
}

/// The module that a read from `begin` to `end` stays within.
fn module(begin: &[u8], end: &[u8]) -> Result<&'static Space> {
    if let Some(module) = MODULES.iter().find(|module| module.contains(begin)) {
        let stays = (module.begin()..=&*module.end()).contains(&end);
        return if stays { Ok(module) } else { Err(Error::SPECIAL_KEYS_CROSS_MODULE_READ) };
    }
    // Between two modules: a read that ends there too is of no module, one that goes on crosses into one.
    let crosses = MODULES.iter().any(|module| {
        let (after, before) = (module.begin() > begin, &*module.end() <= begin);
        (after && end > module.begin()) || (before && end < &*module.end())
    });
    Err(if crosses {
        Error::SPECIAL_KEYS_CROSS_MODULE_READ
    } else {
        Error::SPECIAL_KEYS_NO_MODULE_FOUND
    })
}

/// The rows of the ranges that `wanted` names, with what this transaction has written among them.
fn rows(transaction: &Transaction, inner: &Inner, wanted: impl Fn(&Range) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for range in available(transaction).filter(|range| wanted(range)) {
        rows.append(&mut (range.rows)(transaction, inner));
        if range.write != Write::Refused {
            let (begin, end) = (range.space.begin().to_vec(), range.space.end());
            let written = inner.special_writes.range(begin..end);
            rows.extend(written.map(|(key, value)| (key.clone(), value.clone())));
        }
    }
    rows
}

/// The index a selector points to, of the rows that there are.
fn position(rows: &[Row], base: &Base<'_>) -> usize {
    let at = rows.partition_point(|(key, _)| **key < *base.key);
    let at = i64::try_from(at).unwrap_or(i64::MAX / 2) + i64::from(base.offset) - 1;
    usize::try_from(at.max(0)).map_or(rows.len(), |at| at.min(rows.len()))
}

fn writable(transaction: &Transaction) -> impl Iterator<Item = &'static Range> {
    available(transaction).filter(|range| range.write != Write::Refused)
}

/// The range that a write to `key` goes to.
fn written(transaction: &Transaction, key: &[u8]) -> Option<&'static Range> {
    writable(transaction).find(|range| range.space.contains(key))
}

fn check_writable(inner: &Inner) -> Result<()> {
    if inner.options.special_keys_writable {
        Ok(())
    } else {
        Err(Error::SPECIAL_KEYS_WRITE_DISABLED)
    }
}

/// Sets a special key, for the commit to see.
pub(super) fn set(
    transaction: &Transaction,
    inner: &mut Inner,
    key: &[u8],
    value: &[u8],
) -> Result<()> {
    check_writable(inner)?;
    written(transaction, key).ok_or(Error::SPECIAL_KEYS_NO_WRITE_MODULE_FOUND)?;
    inner.special_writes.insert(key.to_vec(), value.to_vec());
    Ok(())
}

/// Takes back what was set in a range. Nothing that is there can be cleared: no range that takes writes lists rows of
/// its own.
pub(super) fn clear(
    transaction: &Transaction,
    inner: &mut Inner,
    begin: &[u8],
    end: &[u8],
) -> Result<()> {
    check_writable(inner)?;
    if begin >= end {
        return Ok(());
    }
    let last = writable(transaction).find(|range| {
        let (first, past) = (range.space.begin(), range.space.end());
        first < end && end <= &*past
    });
    match (written(transaction, begin), last) {
        (Some(range), Some(last)) if std::ptr::eq(range, last) => {
            inner.special_writes.retain(|key, _| !(begin..end).contains(&&**key));
            Ok(())
        }
        (None, None) => Err(Error::SPECIAL_KEYS_NO_WRITE_MODULE_FOUND),
        _ => Err(Error::SPECIAL_KEYS_CROSS_MODULE_CLEAR),
    }
}

/// What the commit makes of special keys that were set: there is no cluster to manage.
pub(super) fn commit(transaction: &Transaction, inner: &mut Inner) -> Result<()> {
    let refused = inner.special_writes.keys().find_map(|key| {
        let range = written(transaction, key)?;
        match range.write {
            Write::Commits(command) => Some((command, Error::SPECIAL_KEYS_API_FAILURE)),
            Write::Tenants => Some(("create tenant", Error::TENANTS_DISABLED)),
            Write::Refused | Write::Kept => None,
        }
    });
    let Some((command, error)) = refused else { return Ok(()) };
    inner.special_error = Some(format!(
        "{{\"retriable\":false,\"command\":\"{command}\",\"message\":\"an embedded database has no cluster to manage\"}}"
    ));
    Err(error)
}
