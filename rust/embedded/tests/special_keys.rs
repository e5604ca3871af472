//! Special keys, those from `\xff\xff` on, through the C API.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Database, Transaction, WANT_ALL, at_or_after, option};

const SPECIAL: &[u8] = b"\xff\xff";
const PAST_SPECIAL: &[u8] = b"\xff\xff\xff";
const TENANTS: &[u8] = b"\xff\xff/management/tenant/map/";

/// The first error that a transaction reports, from a read.
fn deferred(transaction: &Transaction) -> Result<Option<Vec<u8>>, i32> {
    transaction.get(b"any").value()
}

fn special(text: &str) -> Vec<u8> {
    [SPECIAL, text.as_bytes()].concat()
}

fn read(tx: &Transaction, begin: &str, end: &str) -> Result<usize, i32> {
    let future = tx.get_range(&special(begin), &special(end), 0, WANT_ALL, 1);
    future.rows().map(|(rows, _)| rows.len())
}

fn writable(db: &Database) -> Transaction {
    let tx = db.transaction();
    tx.set_option(option::SPECIAL_KEY_SPACE_ENABLE_WRITES, None);
    tx
}

#[test]
fn the_database_says_that_it_is_embedded_and_well() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    let status = tx.get(b"\xff\xff/status/json").value().unwrap().unwrap();
    let status = String::from_utf8(status).unwrap();
    for part in ["\"available\":true", "\"healthy\":true", "\"Embedded\":\"memory\""] {
        assert!(status.contains(part), "{status}");
    }
    assert_eq!(tx.get(b"\xff\xff/connection_string").value().unwrap().unwrap(), b"memory:");
    assert_eq!(tx.get(b"\xff\xff/cluster_file_path").value().unwrap().unwrap(), b"memory:");
    assert_eq!(read(&tx, "/worker_interfaces/", "/worker_interfaces0"), Ok(0));
    assert_eq!(read(&tx, "/metrics/", "/metrics0"), Ok(0));
    assert_eq!(tx.get(b"\xff\xff/cluster_id").value(), Ok(None));
    assert_eq!(tx.get(b"\xff\xff/error_message").value(), Ok(None));
}

#[test]
fn a_read_stays_within_one_module() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    // Ranges of one module can be read together.
    tx.get(b"k").wait().unwrap();
    tx.set(b"w", b"");
    assert_eq!(read(&tx, "/transaction/", "/transaction0"), Ok(4));
    assert_eq!(read(&tx, "/management/", "/management0"), Ok(0));
    // No module at either end, and none at all between them.
    assert_eq!(tx.get(b"\xff\xff/nothing").value(), Err(2113));
    assert_eq!(read(&tx, "/nothing", "/nothing0"), Err(2113));
    assert_eq!(read(&tx, "/status", "/status/json"), Err(2113));
    // Into one, out of one, from one into another, and over one.
    for (begin, end) in [
        ("/a", "/transaction/b"),
        ("/transaction/conflicting_keys/", "\u{7f}"),
        ("/management/", "/metrics0"),
        ("/status", "/tracing"),
        ("/a", "/z"),
        ("/actor", "/status/json"),
    ] {
        assert_eq!(read(&tx, begin, end), Err(2112), "{begin} {end}");
    }
    // A single key of a module is one; what is beside it is none.
    assert_eq!(tx.get(b"\xff\xff/status/json/").value(), Err(2113));
    assert_eq!(read(&tx, "/status/json", "/status/json0"), Err(2112));
    assert_eq!(read(&tx, "/b", "/a"), Ok(0));
}

#[test]
fn a_relaxed_transaction_reads_across_modules() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set_option(option::SPECIAL_KEY_SPACE_RELAXED, None);
    tx.get(b"k").wait().unwrap();
    assert_eq!(tx.get(b"\xff\xff/nothing").value(), Ok(None));
    let keys: Vec<_> = tx.range(SPECIAL, PAST_SPECIAL).into_iter().map(|(key, _)| key).collect();
    assert!(keys.is_sorted());
    assert_eq!(keys.len(), 5);
    assert_eq!(keys.first().unwrap(), b"\xff\xff/cluster_file_path");
    assert_eq!(keys.last().unwrap(), b"\xff\xff/transaction/read_conflict_range/k\0");
}

#[test]
fn limits_and_direction_hold_for_special_keys_too() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    for key in [b"a", b"c", b"e"] {
        tx.get(key).wait().unwrap();
    }
    let (begin, end) = (
        special("/transaction/read_conflict_range/"),
        special("/transaction/read_conflict_range0"),
    );
    let (rows, more) = tx.get_range(&begin, &end, 4, WANT_ALL, 1).rows().unwrap();
    assert_eq!((rows.len(), more), (4, true));
    let (rows, more) = tx.get_range(&begin, &end, 0, WANT_ALL, 1).rows().unwrap();
    assert_eq!((rows.len(), more), (6, false));
    let (rows, more) = tx.get_range_bytes(&begin, &end, (0, 1), WANT_ALL, 1).rows().unwrap();
    assert_eq!((rows.len(), more), (1, true));
    assert_eq!(tx.get_range_bytes(&begin, &end, (-2, 0), WANT_ALL, 1).rows(), Err(2012));
}

#[test]
fn what_was_written_and_read_is_told() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.range(b"a", b"b");
    tx.clear_range(b"c", b"d");
    let rows = tx.range(&special("/transaction/"), &special("/transaction0"));
    let told: Vec<_> = rows
        .iter()
        .map(|(key, value)| format!("{}={}", key.escape_ascii(), value.escape_ascii()))
        .collect();
    let name = |name: &str, rest: &str| format!("\\xff\\xff/transaction/{name}/{rest}");
    assert_eq!(
        told,
        [
            name("read_conflict_range", "a=1"),
            name("read_conflict_range", "b=0"),
            name("write_conflict_range", "c=1"),
            name("write_conflict_range", "d=0"),
        ]
    );
}

#[test]
fn a_write_needs_its_option_and_a_range_that_takes_it() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set(b"\xff\xff/management/excluded/1.2.3.4", b"");
    assert_eq!(deferred(&tx), Err(2114));
    for (write, error) in [
        ("/management/nothing", 2115),
        ("/status/json", 2115),
        ("/nothing", 2115),
        ("/management/in_progress_exclusion/x", 2115),
    ] {
        let tx = writable(&db);
        tx.set(&special(write), b"");
        assert_eq!(deferred(&tx), Err(error), "{write}");
        let tx = writable(&db);
        tx.clear(&special(write));
        assert_eq!(deferred(&tx), Err(error), "{write}");
    }
    for (begin, end, error) in [
        ("/management/excluded/", "/management/failed0", 2116),
        ("/management/e", "/management/excluded/x", 2116),
        ("/management/excluded/x", "/management/excluded0x", 2116),
        ("/nothing", "/nothing0", 2115),
    ] {
        let tx = writable(&db);
        tx.clear_range(&special(begin), &special(end));
        assert_eq!(deferred(&tx), Err(error), "{begin} {end}");
    }
    let tx = writable(&db);
    tx.clear_range(&special("/nothing"), &special("/nothing"));
    assert_eq!(deferred(&tx), Ok(None));
}

#[test]
fn what_would_manage_a_cluster_fails_at_the_commit_and_says_why() {
    let db = Database::open("memory:");
    let tx = writable(&db);
    tx.set(b"\xff\xff/management/excluded/1.2.3.4", b"why");
    tx.set(b"k", b"not written");
    let value = tx.get(b"\xff\xff/management/excluded/1.2.3.4").value();
    assert_eq!(value.unwrap().unwrap(), b"why");
    assert_eq!(read(&tx, "/management/", "/management0"), Ok(1));
    assert_eq!(tx.commit().wait(), Err(2117));
    let message = tx.get(b"\xff\xff/error_message").value().unwrap().unwrap();
    let message = String::from_utf8(message).unwrap();
    assert!(message.contains("\"command\":\"exclude\""), "{message}");
    assert!(message.contains("embedded"), "{message}");
    assert_eq!(db.fetch(b"k"), None);
    tx.reset();
    assert_eq!(tx.get(b"\xff\xff/error_message").value(), Ok(None));
    tx.set_option(option::SPECIAL_KEY_SPACE_ENABLE_WRITES, None);
    assert_eq!(tx.get(b"\xff\xff/management/excluded/1.2.3.4").value(), Ok(None));
    assert_eq!(tx.commit().wait(), Ok(()));
}

#[test]
fn what_is_cleared_or_taken_back_does_no_harm() {
    let db = Database::open("memory:");
    // As tools do that leave no tenants behind (bindingtester.py).
    let tx = writable(&db);
    assert_eq!(tx.range(TENANTS, b"\xff\xff/management/tenant/map0"), []);
    tx.clear_range(TENANTS, b"\xff\xff/management/tenant/map0");
    tx.clear(&[TENANTS, b"name"].concat());
    tx.clear_range(b"", b"\xff");
    tx.set(b"k", b"v");
    assert_eq!(tx.commit().wait(), Ok(()));
    assert_eq!(db.fetch(b"k").unwrap(), b"v");
    let tx = writable(&db);
    tx.set(&special("/management/excluded/a"), b"");
    tx.set(&special("/management/excluded/b"), b"");
    tx.clear(&special("/management/excluded/a"));
    assert_eq!(read(&tx, "/management/", "/management0"), Ok(1));
    tx.clear_range(&special("/management/excluded/"), &special("/management/excluded0"));
    assert_eq!(read(&tx, "/management/", "/management0"), Ok(0));
    assert_eq!(tx.commit().wait(), Ok(()));
}

#[test]
fn a_tenant_cannot_be_made_as_on_a_cluster_without_them() {
    let db = Database::open("memory:");
    let tx = writable(&db);
    tx.set(&[TENANTS, b"name"].concat(), b"");
    assert_eq!(tx.commit().wait(), Err(2136));
}

#[test]
fn options_of_the_transaction_are_kept_and_change_nothing() {
    let db = Database::open("memory:");
    let tx = writable(&db);
    tx.set(&special("/management/options/excluded/force"), b"");
    tx.set(&special("/tracing/token"), b"true");
    tx.set(b"k", b"v");
    let option = tx.get(&special("/management/options/excluded/force")).value();
    assert_eq!(option.unwrap().unwrap(), b"");
    assert_eq!(tx.commit().wait(), Ok(()));
}

#[test]
fn the_boundaries_of_shards_are_those_of_one() {
    common::on_both(|db| {
        let tx = db.transaction();
        assert_eq!(
            tx.get_range(b"\xff/keyServers/", b"\xff/keyServers/\xff", 0, WANT_ALL, 1).rows(),
            Err(2004)
        );
        let tx = db.transaction();
        tx.set_option(option::READ_SYSTEM_KEYS, None);
        let keys = |begin: &[u8], end: &[u8]| -> Vec<Vec<u8>> {
            let at = |key: &[u8]| [b"\xff/keyServers/", key].concat();
            tx.range(&at(begin), &at(end)).into_iter().map(|(key, _)| key[13..].to_vec()).collect()
        };
        assert_eq!(keys(b"", b"\xff"), [b""]);
        assert_eq!(keys(b"a", b"\xff"), [b""; 0]);
        assert_eq!(tx.get_key(at_or_after(b"\xff")).key().unwrap(), b"\xff/keyServers/");
        // They are no rows of the user's.
        assert_eq!(db.transaction().range(b"", b"\xff"), []);
        assert_eq!(db.transaction().get_key(at_or_after(b"")).key().unwrap(), b"\xff");
    });
}

#[test]
fn a_file_without_boundaries_is_given_them() {
    let folder = common::Folder::new();
    let address = folder.address("?sync=off");
    let db = Database::open(&address);
    let tx = db.transaction();
    tx.set_option(option::ACCESS_SYSTEM_KEYS, None);
    tx.clear_range(b"\xff/keyServers/", b"\xff/keyServers0");
    tx.commit().wait().unwrap();
    let version = tx.committed_version();
    drop((tx, db));
    let db = Database::open(&address);
    let tx = db.transaction();
    tx.set_option(option::READ_SYSTEM_KEYS, None);
    assert_eq!(tx.get(b"\xff/keyServers/").value(), Ok(Some(Vec::new())));
    assert!(tx.read_version().int64().unwrap() > version);
}

#[test]
fn the_metadata_version_is_a_stamp_that_can_be_watched() {
    common::on_both(|db| {
        let key = b"\xff/metadataVersion";
        assert_eq!(db.fetch(key), None);
        let watching = db.transaction();
        let watch = watching.watch(key);
        watching.commit().wait().unwrap();
        let tx = db.transaction();
        tx.atomic(key, &[0; 14], common::mutation::VERSIONSTAMPED_VALUE);
        let stamp = tx.versionstamp();
        tx.commit().wait().unwrap();
        assert_eq!(db.fetch(key).unwrap(), stamp.key().unwrap());
        watch.wait().unwrap();
        for write in [
            (|tx| tx.set(b"\xff/metadataVersion", b"x")) as fn(&Transaction),
            |tx| tx.atomic(b"\xff/metadataVersion", &[0; 14], common::mutation::ADD),
            |tx| {
                tx.atomic(b"\xff/metadataVersion", &[0; 13], common::mutation::VERSIONSTAMPED_VALUE)
            },
        ] {
            let tx = db.transaction();
            write(&tx);
            assert_eq!(deferred(&tx), Err(2000));
        }
        let tx = db.transaction();
        tx.clear(key);
        assert_eq!(deferred(&tx), Err(2004));
    });
}
