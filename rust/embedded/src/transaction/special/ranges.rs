//! Which special keys there are: the modules of FoundationDB 7.3 (moduleToBoundary in SpecialKeySpace.actor.cpp), the
//! ranges in them (DatabaseContext's constructor in NativeAPI.actor.cpp), and what an embedded database has there.

use super::super::{Inner, Transaction};
use super::status;
use crate::keys::key_after;

pub(in crate::transaction) type Row = (Vec<u8>, Vec<u8>);

/// Some special keys: one, or all that begin with a prefix, whose last byte is a slash.
#[derive(Debug)]
pub(super) enum Space {
    Key(&'static [u8]),
    Under(&'static [u8]),
}

use Space::{Key, Under};

impl Space {
    pub(super) fn begin(&self) -> &'static [u8] {
        match self {
            Key(begin) | Under(begin) => begin,
        }
    }

    pub(super) fn end(&self) -> Vec<u8> {
        match self {
            Key(key) => key_after(key),
            Under(prefix) => {
                let mut end = prefix.to_vec();
                if let Some(last) = end.last_mut() {
                    *last += 1;
                }
                end
            }
        }
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        match self {
            Key(one) => key == *one,
            Under(prefix) => key.starts_with(prefix),
        }
    }
}

/// What becomes of writes to a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Write {
    /// The range is only read.
    Refused,
    /// They are options of the transaction itself.
    Kept,
    /// The commit would change the cluster, by the command of this name: it fails.
    Commits(&'static str),
    /// As `Commits`, with the error of a cluster that has tenants switched off.
    Tenants,
}

pub(super) struct Range {
    pub space: Space,
    /// The API version from which on it is there.
    pub since: i32,
    pub write: Write,
    pub rows: fn(&Transaction, &Inner) -> Vec<Row>,
}

pub(super) const MODULES: &[Space] = &[
    Under(b"\xff\xff/actor_lineage/"),
    Under(b"\xff\xff/actor_profiler_conf/"),
    Key(b"\xff\xff/cluster_file_path"),
    Key(b"\xff\xff/cluster_id"),
    Under(b"\xff\xff/configuration/"),
    Key(b"\xff\xff/connection_string"),
    Key(b"\xff\xff/error_message"),
    Under(b"\xff\xff/found/"),
    Under(b"\xff\xff/global_config/"),
    Under(b"\xff\xff/management/"),
    Under(b"\xff\xff/metrics/"),
    Key(b"\xff\xff/status/json"),
    Under(b"\xff\xff/tracing/"),
    Under(b"\xff\xff/transaction/"),
    Under(b"\xff\xff/worker_interfaces/"),
];

const CONFLICTING_KEYS: &[u8] = b"\xff\xff/transaction/conflicting_keys/";
const READ_CONFLICTS: &[u8] = b"\xff\xff/transaction/read_conflict_range/";
const WRITE_CONFLICTS: &[u8] = b"\xff\xff/transaction/write_conflict_range/";

/// The engine's own module: what a database with weather has answered.
const WEATHER_LOG: &[u8] = b"\xff\xff/found/weather/log/";

const fn empty(space: Space, since: i32, write: Write) -> Range {
    Range { space, since, write, rows: |_, _| Vec::new() }
}

const fn one(key: &'static [u8], since: i32, rows: fn(&Transaction, &Inner) -> Vec<Row>) -> Range {
    Range { space: Key(key), since, write: Write::Refused, rows }
}

const fn conflicts(prefix: &'static [u8], rows: fn(&Transaction, &Inner) -> Vec<Row>) -> Range {
    Range { space: Under(prefix), since: 630, write: Write::Refused, rows }
}

/// In the order of their keys, as their rows are.
pub(super) const RANGES: &[Range] = &[
    empty(Under(b"\xff\xff/actor_lineage/"), 700, Write::Refused),
    empty(Under(b"\xff\xff/actor_profiler_conf/"), 700, Write::Commits("set profiler")),
    one(b"\xff\xff/cluster_file_path", 630, |transaction, _| {
        vec![(
            b"\xff\xff/cluster_file_path".to_vec(),
            transaction.database.cluster_file.clone().into(),
        )]
    }),
    empty(Key(b"\xff\xff/cluster_id"), 630, Write::Refused),
    empty(Under(b"\xff\xff/configuration/coordinators/"), 700, Write::Commits("coordinators")),
    empty(Under(b"\xff\xff/configuration/process/class_source/"), 700, Write::Refused),
    empty(Under(b"\xff\xff/configuration/process/class_type/"), 700, Write::Commits("setclass")),
    one(b"\xff\xff/connection_string", 630, |transaction, _| {
        vec![(b"\xff\xff/connection_string".to_vec(), transaction.database.address.clone().into())]
    }),
    one(b"\xff\xff/error_message", 700, |_, inner| {
        let message = inner.special_error.iter();
        message.map(|text| (b"\xff\xff/error_message".to_vec(), text.clone().into())).collect()
    }),
    Range {
        space: Under(WEATHER_LOG),
        since: 630,
        write: Write::Refused,
        rows: |transaction, _| {
            let log = transaction.database.weather().map(|weather| weather.log());
            let key = |number| [WEATHER_LOG, format!("{number:012}").as_bytes()].concat();
            let lines = log.unwrap_or_default().into_iter();
            lines.map(|(number, line)| (key(number), line.into())).collect()
        },
    },
    empty(Under(b"\xff\xff/global_config/"), 700, Write::Commits("set global config")),
    empty(Key(b"\xff\xff/management/auto_coordinators"), 700, Write::Refused),
    empty(
        Key(b"\xff\xff/management/consistency_check_suspended"),
        700,
        Write::Commits("consistencycheck"),
    ),
    empty(
        Under(b"\xff\xff/management/data_distribution/"),
        700,
        Write::Commits("datadistribution"),
    ),
    empty(Key(b"\xff\xff/management/db_locked"), 700, Write::Commits("lock")),
    empty(Under(b"\xff\xff/management/excluded/"), 700, Write::Commits("exclude")),
    empty(Under(b"\xff\xff/management/excluded_locality/"), 700, Write::Commits("exclude")),
    empty(Under(b"\xff\xff/management/failed/"), 700, Write::Commits("exclude failed")),
    empty(Under(b"\xff\xff/management/failed_locality/"), 700, Write::Commits("exclude failed")),
    empty(Under(b"\xff\xff/management/in_progress_exclusion/"), 700, Write::Refused),
    empty(Under(b"\xff\xff/management/maintenance/"), 700, Write::Commits("maintenance")),
    empty(
        Key(b"\xff\xff/management/min_required_commit_version"),
        700,
        Write::Commits("advanceversion"),
    ),
    empty(Under(b"\xff\xff/management/options/"), 700, Write::Kept),
    empty(Under(b"\xff\xff/management/profiling/"), 700, Write::Commits("profile")),
    empty(Under(b"\xff\xff/management/tenant/"), 630, Write::Tenants),
    empty(Key(b"\xff\xff/management/version_epoch"), 700, Write::Commits("versionepoch")),
    empty(Under(b"\xff\xff/metrics/data_distribution_stats/"), 630, Write::Refused),
    empty(Under(b"\xff\xff/metrics/health/"), 630, Write::Refused),
    one(b"\xff\xff/status/json", 630, |transaction, _| {
        vec![(b"\xff\xff/status/json".to_vec(), status::json(transaction).into())]
    }),
    empty(Under(b"\xff\xff/tracing/"), 700, Write::Kept),
    conflicts(CONFLICTING_KEYS, |_, inner| {
        let ranges = inner.conflicting.iter();
        boundaries(CONFLICTING_KEYS, ranges.map(|(begin, end)| (&begin[..], &end[..])))
    }),
    conflicts(READ_CONFLICTS, |_, inner| boundaries(READ_CONFLICTS, inner.reads.iter())),
    conflicts(WRITE_CONFLICTS, |_, inner| {
        boundaries(WRITE_CONFLICTS, inner.writes.conflicts().iter())
    }),
    empty(Under(b"\xff\xff/worker_interfaces/"), 630, Write::Refused),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order_apart_from_each_other_and_each_in_one_module() {
        for pair in RANGES.windows(2) {
            assert!(pair[0].space.end() < pair[1].space.begin().to_vec(), "{:?}", pair[1].space);
        }
        for range in RANGES {
            let (begin, end) = (range.space.begin(), range.space.end());
            let within =
                MODULES.iter().any(|module| module.contains(begin) && *end <= *module.end());
            assert!(within, "{:?}", range.space);
        }
    }
}
