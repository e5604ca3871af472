//! Transactions through the C API: what FoundationDB's rules say, on memory and on a file.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    Database, EXACT, ITERATOR, SMALL, Transaction, WANT_ALL, at_or_after, database_option,
    mutation, on_both, option,
};

/// The first error that a transaction reports, from a read.
fn deferred(transaction: &Transaction) -> Result<Option<Vec<u8>>, i32> {
    transaction.get(b"any").value()
}

#[test]
fn what_was_committed_is_read() {
    on_both(|db| {
        db.put(b"hello", b"world");
        assert_eq!(db.fetch(b"hello").unwrap(), b"world");
        assert_eq!(db.fetch(b"other"), None);
        let tx = db.transaction();
        assert_eq!(tx.range(b"", b"\xff"), [(b"hello".to_vec(), b"world".to_vec())]);
        assert_eq!(tx.get_key(at_or_after(b"a")).key().unwrap(), b"hello");
        assert_eq!(tx.get_key(at_or_after(b"i")).key().unwrap(), b"\xff");
        assert_eq!(tx.get_key((b"hello", false, 0)).key().unwrap(), b"");
    });
}

#[test]
fn a_transaction_reads_its_own_writes_and_nobody_else_does() {
    on_both(|db| {
        let tx = db.transaction();
        tx.set(b"k", b"v");
        assert_eq!(tx.get(b"k").value().unwrap().unwrap(), b"v");
        assert_eq!(db.fetch(b"k"), None);
        tx.clear(b"k");
        assert_eq!(tx.get(b"k").value().unwrap(), None);
    });
}

#[test]
fn a_write_that_fails_is_told_by_the_next_read_or_commit() {
    on_both(|db| {
        let tx = db.transaction();
        tx.set(b"\xff/system", b"");
        tx.set(b"k", b"not done");
        assert_eq!(deferred(&tx), Err(2004));
        assert_eq!(tx.commit().wait(), Err(2004));
        assert_eq!(tx.read_version().int64(), Err(2004));
        assert_eq!(tx.on_error(1020).wait(), Ok(()));
        assert_eq!(deferred(&tx), Ok(None));
        assert_eq!(tx.get(b"k").value(), Ok(None));
    });
}

#[test]
fn a_bad_option_value_is_told_later_and_an_unknown_option_at_once() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    assert_eq!(tx.set_option(12_345, None), 2007);
    assert_eq!(deferred(&tx), Ok(None));
    assert_eq!(tx.set_option(option::TIMEOUT, Some(-1)), 0);
    assert_eq!(deferred(&tx), Err(2006));
    for (which, value) in [
        (option::RETRY_LIMIT, Some(-2)),
        (option::TIMEOUT, None),
        (option::SNAPSHOT_RYW_ENABLE, Some(1)),
    ] {
        let tx = db.transaction();
        assert_eq!(tx.set_option(which, value), 0);
        assert_eq!(deferred(&tx), Err(2006), "{which}");
    }
    let tx = db.transaction();
    assert_eq!(tx.set_option_bytes(option::TIMEOUT, Some(b"1000")), 0);
    assert_eq!(deferred(&tx), Err(2006));
}

#[test]
fn a_database_option_is_checked_when_it_is_set() {
    let db = Database::open("memory:");
    assert_eq!(db.set_option(4_321, None), 2007);
    assert_eq!(db.set_option(database_option::TRANSACTION_SIZE_LIMIT, Some(1)), 2006);
    assert_eq!(db.set_option(database_option::MAX_WATCHES, Some(-1)), 2006);
    assert_eq!(db.fetch(b"k"), None);
}

#[test]
fn a_clear_with_its_ends_the_wrong_way_round_is_a_deferred_error() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.clear_range(b"b", b"b");
    assert_eq!(deferred(&tx), Ok(None));
    tx.clear_range(b"b", b"a");
    assert_eq!(deferred(&tx), Err(2005));
}

#[test]
fn a_conflict_range_the_wrong_way_round_fails_at_once() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    assert_eq!(tx.add_conflict(b"b", b"a", 0), 2005);
    assert_eq!(tx.add_conflict(b"b", b"a", 1), 2005);
    assert_eq!(tx.add_conflict(b"a", b"b", 2), 2000);
    assert_eq!(tx.add_conflict(b"a", b"b", 0), 0);
    assert_eq!(deferred(&tx), Ok(None));
}

#[test]
fn keys_past_the_end_are_outside_the_legal_range() {
    on_both(|db| {
        let tx = db.transaction();
        assert_eq!(tx.get(b"\xff").value(), Err(2004));
        assert_eq!(tx.get_key(at_or_after(b"\xff\x00")).key(), Err(2004));
        assert_eq!(tx.get_range(b"", b"\xff\x00", 0, WANT_ALL, 1).rows(), Err(2004));
        assert_eq!(tx.range(b"", b"\xff"), []);
        tx.set_option(option::READ_SYSTEM_KEYS, None);
        assert_eq!(tx.get(b"\xff").value(), Ok(None));
        tx.set(b"\xff/k", b"");
        assert_eq!(deferred(&tx), Err(2004));
        let tx = db.transaction();
        tx.set_option(option::ACCESS_SYSTEM_KEYS, None);
        tx.set(b"\xff/k", b"v");
        tx.commit().wait().unwrap();
        let tx = db.transaction();
        tx.set_option(option::READ_SYSTEM_KEYS, None);
        assert_eq!(tx.get(b"\xff/k").value().unwrap().unwrap(), b"v");
        tx.clear_range(b"a", b"\xff\xff");
        assert_eq!(deferred(&tx), Err(2004));
    });
}

#[test]
fn the_metadata_version_can_be_read_and_is_set_by_a_versionstamp_alone() {
    on_both(|db| {
        const KEY: &[u8] = b"\xff/metadataVersion";
        assert_eq!(db.fetch(KEY), None);
        let tx = db.transaction();
        tx.atomic(KEY, &[0; 14], mutation::VERSIONSTAMPED_VALUE);
        tx.commit().wait().unwrap();
        let stamp = db.fetch(KEY).unwrap();
        assert_eq!(stamp[..8], tx.committed_version().to_be_bytes());
        let tx = db.transaction();
        tx.set(KEY, b"x");
        assert_eq!(deferred(&tx), Err(2000));
        let tx = db.transaction();
        tx.atomic(KEY, &[1; 14], mutation::VERSIONSTAMPED_VALUE);
        assert_eq!(deferred(&tx), Err(2000));
    });
}

#[test]
fn long_keys_and_values_are_refused_and_read_as_absent() {
    on_both(|db| {
        let (longest, too_long) = (vec![b'k'; 10_000], vec![b'k'; 10_001]);
        db.put(&longest, &vec![0; 100_000]);
        assert_eq!(db.fetch(&longest).unwrap().len(), 100_000);
        let tx = db.transaction();
        assert_eq!(tx.get(&too_long).value(), Ok(None));
        tx.clear(&too_long);
        assert_eq!(tx.range(&too_long, &[&too_long[..], b"zz"].concat()), []);
        tx.clear_range(&too_long, &[&too_long[..], b"zz"].concat());
        assert_eq!(deferred(&tx), Ok(None));
        tx.set(&too_long, b"");
        assert_eq!(deferred(&tx), Err(2102));
        let tx = db.transaction();
        tx.set(b"k", &vec![0; 100_001]);
        assert_eq!(deferred(&tx), Err(2103));
        let tx = db.transaction();
        tx.atomic(b"k", &vec![0; 100_001], mutation::ADD);
        assert_eq!(deferred(&tx), Err(2103));
    });
}

#[test]
fn an_unknown_atomic_operation_is_refused() {
    let db = Database::open("memory:");
    for code in [0, 1, 3, 99] {
        let tx = db.transaction();
        tx.atomic(b"k", b"", code);
        assert_eq!(deferred(&tx), Err(2018), "{code}");
    }
}

#[test]
fn modes_and_limits_of_range_reads_are_foundationdbs() {
    on_both(|db| {
        let tx = db.transaction();
        for number in 0..2_000u32 {
            tx.set(format!("k{number:04}").as_bytes(), &[0; 95]);
        }
        tx.commit().wait().unwrap();
        let tx = db.transaction();
        let read = |limit, bytes, mode, iteration| {
            let future = tx.get_range_bytes(b"k", b"l", (limit, bytes), mode, iteration);
            future.rows().map(|(rows, more)| (rows.len(), more))
        };
        assert_eq!(read(0, 0, EXACT, 1), Err(2210));
        assert_eq!(read(0, 0, ITERATOR, 0), Err(2000));
        assert_eq!(read(0, 0, 5, 1), Err(2000));
        assert_eq!(read(0, 0, -3, 1), Err(2000));
        assert_eq!(read(-7, 0, WANT_ALL, 1), Err(2012));
        assert_eq!(read(10, 0, EXACT, 1), Ok((10, true)));
        assert_eq!(read(2_000, 0, EXACT, 1), Ok((2_000, true)));
        assert_eq!(read(2_001, 0, EXACT, 1), Ok((2_000, false)));
        assert_eq!(read(0, 0, SMALL, 1).unwrap().0, 3);
        assert_eq!(read(0, 1, WANT_ALL, 1), Ok((1, true)));
        let first = read(0, 0, ITERATOR, 1).unwrap().0;
        let second = read(0, 0, ITERATOR, 2).unwrap().0;
        let last = read(0, 0, ITERATOR, 99).unwrap().0;
        assert!(first < second && second < last, "{first} {second} {last}");
    });
}

#[test]
fn read_your_writes_is_switched_off_before_anything_else_only() {
    on_both(|db| {
        db.put(b"k", b"old");
        let tx = db.transaction();
        tx.set_option(option::READ_YOUR_WRITES_DISABLE, None);
        tx.set(b"k", b"new");
        assert_eq!(tx.get(b"k").value().unwrap().unwrap(), b"old");
        assert_eq!(tx.watch(b"k").wait(), Err(1034));
        tx.commit().wait().unwrap();
        assert_eq!(db.fetch(b"k").unwrap(), b"new");
        let tx = db.transaction();
        tx.set(b"k", b"");
        tx.set_option(option::READ_YOUR_WRITES_DISABLE, None);
        assert_eq!(deferred(&tx), Err(2000));
        let tx = db.transaction();
        tx.get(b"k").wait().unwrap();
        tx.set_option(option::READ_YOUR_WRITES_DISABLE, None);
        assert_eq!(deferred(&tx), Err(2000));
    });
}

#[test]
fn snapshot_reads_see_own_writes_while_the_counter_is_above_zero() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set(b"k", b"v");
    let sees = |tx: &Transaction| tx.snapshot_get(b"k").value().unwrap().is_some();
    assert!(sees(&tx));
    tx.set_option(option::SNAPSHOT_RYW_DISABLE, None);
    assert!(!sees(&tx));
    tx.set_option(option::SNAPSHOT_RYW_DISABLE, None);
    tx.set_option(option::SNAPSHOT_RYW_ENABLE, None);
    assert!(!sees(&tx));
    tx.set_option(option::SNAPSHOT_RYW_ENABLE, None);
    assert!(sees(&tx));
    assert!(tx.get(b"k").value().unwrap().is_some());
    assert_eq!(db.set_option(database_option::SNAPSHOT_RYW_DISABLE, None), 0);
    let tx = db.transaction();
    tx.set(b"k", b"v");
    assert!(!sees(&tx));
}

#[test]
fn a_transaction_left_open_loses_its_snapshot_after_five_seconds() {
    let folder = common::Folder::new();
    let databases = [Database::open("memory:"), Database::open(&folder.address(""))];
    let left_open = databases.each_ref().map(Database::transaction);
    for tx in &left_open {
        assert_eq!(tx.get(b"k").value(), Ok(None));
        tx.set(b"k", b"");
    }
    let begun = std::time::Instant::now();
    for tx in &left_open {
        while tx.get(b"other").value() != Err(1007) {
            assert!(begun.elapsed().as_secs() < 60, "the snapshot is still there");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(begun.elapsed().as_millis() >= 5_000);
        assert_eq!(tx.commit().wait(), Err(1007));
    }
    // An idle database is as new as ever to a new transaction.
    for db in &databases {
        assert_eq!(db.fetch(b"k"), None);
        db.put(b"k", b"");
    }
}

#[test]
fn a_transaction_past_its_size_limit_is_refused() {
    on_both(|db| {
        let tx = db.transaction();
        for number in 0..101u8 {
            tx.set(&[number], &vec![0; 100_000]);
        }
        assert!(tx.approximate_size() > 10_000_000);
        assert_eq!(tx.commit().wait(), Err(2101));
        assert_eq!(db.fetch(&[1]), None);
        let tx = db.transaction();
        tx.set_option(option::SIZE_LIMIT, Some(100));
        tx.set(b"k", &[0; 100]);
        assert_eq!(tx.commit().wait(), Err(2101));
        let tx = db.transaction();
        tx.set_option(option::SIZE_LIMIT, Some(31));
        assert_eq!(deferred(&tx), Err(2006));
        let tx = db.transaction();
        tx.set_option(option::SIZE_LIMIT, Some(10_000_001));
        assert_eq!(deferred(&tx), Err(2006));
    });
}

#[test]
fn overwriting_one_key_does_not_fill_a_transaction() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    for _ in 0..200 {
        tx.set(b"k", &vec![0; 100_000]);
    }
    assert!(tx.approximate_size() > 10_000_000);
    assert_eq!(tx.commit().wait(), Ok(()));
}

#[test]
fn the_approximate_size_grows_with_each_operation() {
    on_both(|db| {
        let tx = db.transaction();
        let mut last = tx.approximate_size();
        let mut grows = |what: &str| {
            let now = tx.approximate_size();
            assert!(now > last, "{what}: {now}");
            last = now;
        };
        tx.set(b"k", b"v");
        grows("set");
        tx.set(b"k", b"v");
        grows("set again");
        tx.clear(b"k");
        grows("clear");
        tx.atomic(b"n", &[1], mutation::ADD);
        grows("atomic");
        tx.get(b"read").wait().unwrap();
        grows("get");
        tx.add_conflict(b"a", b"b", 0);
        grows("read conflict");
        tx.add_conflict(b"a", b"b", 1);
        grows("write conflict");
    });
}

#[test]
fn cost_counts_pages_and_writes_four_times() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.get(b"k").wait().unwrap();
    assert_eq!(tx.total_cost(), 4_096);
    tx.set(b"k", &vec![0; 4_096]);
    assert_eq!(tx.total_cost(), 4_096, "the writes count with the commit");
    tx.commit().wait().unwrap();
    assert_eq!(tx.total_cost(), 4_096 + 4 * 8_192);
}

#[test]
fn split_points_include_both_ends() {
    on_both(|db| {
        let tx = db.transaction();
        for number in 0..1_000u32 {
            tx.set(format!("k{number:04}").as_bytes(), &[0; 1_000]);
        }
        tx.commit().wait().unwrap();
        let tx = db.transaction();
        assert_eq!(tx.split_points(b"x", b"y", 1_000).keys().unwrap(), [b"x", b"y"]);
        let points = tx.split_points(b"k", b"l", 100_000).keys().unwrap();
        assert_eq!(
            (points.first().unwrap(), points.last().unwrap()),
            (&b"k".to_vec(), &b"l".to_vec())
        );
        assert!(points.len() > 5 && points.is_sorted(), "{}", points.len());
        assert_eq!(tx.split_points(b"l", b"k", 1_000).keys(), Err(2005));
        assert_eq!(tx.split_points(b"k", b"\xff\xff", 1_000).keys(), Err(2004));
        let size = tx.estimated_size(b"k", b"l").int64().unwrap();
        assert!((500_000..2_000_000).contains(&size), "{size}");
        assert_eq!(tx.estimated_size(b"l", b"k").int64(), Err(2005));
    });
}

#[test]
fn a_transaction_that_may_only_read_does_not_commit_writes() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set_option(option::READ_LOCK_AWARE, None);
    tx.set(b"k", b"");
    assert_eq!(tx.commit().wait(), Err(2023));
}

#[test]
fn a_key_is_at_an_honest_address() {
    let db = Database::open("memory:");
    assert_eq!(db.transaction().addresses(b"k").strings().unwrap(), ["embedded"]);
}

#[test]
fn a_named_memory_is_one_database_and_an_unnamed_one_is_new() {
    let name = format!("memory:{}", common::unique("name"));
    let first = Database::open(&name);
    first.put(b"k", b"v");
    assert_eq!(Database::open(&name).fetch(b"k").unwrap(), b"v");
    drop(first);
    assert_eq!(Database::open(&name).fetch(b"k").unwrap(), b"v");
    Database::open("memory:").put(b"k", b"v");
    assert_eq!(Database::open("memory:").fetch(b"k"), None);
}

#[test]
fn what_is_no_database_is_refused_with_its_reason() {
    let refused = |address: &str| Database::try_open(address).err().unwrap();
    assert_eq!(refused("/no/such/fdb.cluster").0, 1515);
    assert_eq!(refused("").0, 1515);
    let (code, reason) = refused("memory:?weather=1");
    assert_eq!(code, 2006);
    assert!(reason.contains("unknown option weather"), "{reason}");
}

#[test]
fn a_cluster_file_may_name_a_database() {
    let folder = common::Folder::new();
    let file = folder.path().join("fdb.cluster");
    let name = format!("memory:{}", common::unique("named"));
    std::fs::write(&file, format!("# a comment\n{name}\n")).unwrap();
    let file = file.display().to_string();
    let db = Database::open(&file);
    db.put(b"k", b"v");
    assert_eq!(Database::open(&name).fetch(b"k").unwrap(), b"v");
    let tx = db.transaction();
    let special = |key: &[u8]| tx.get(key).value().unwrap().unwrap();
    assert_eq!(special(b"\xff\xff/cluster_file_path"), file.as_bytes());
    assert_eq!(special(b"\xff\xff/connection_string"), name.as_bytes());
    let (code, reason) = Database::try_open(&format!("{file}.missing")).err().unwrap();
    assert_eq!(code, 1515);
    assert!(reason.contains(&format!("{file}.missing: there is no such cluster file")), "{reason}");
}
