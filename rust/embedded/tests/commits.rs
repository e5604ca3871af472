//! Commits through the C API: conflicts, versionstamps and versions, on memory and on a file.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Database, Future, Transaction, mutation, on_both, option};

/// The first error that a transaction reports, from a read.
fn deferred(transaction: &Transaction) -> Result<Option<Vec<u8>>, i32> {
    transaction.get(b"any").value()
}

#[test]
fn a_read_that_another_commit_overtook_conflicts() {
    on_both(|db| {
        let tx = db.transaction();
        tx.get(b"read").wait().unwrap();
        db.put(b"read", b"1");
        tx.set(b"written", b"");
        assert_eq!(tx.commit().wait(), Err(1020));
        assert_eq!(tx.committed_version(), -1);
        tx.on_error(1020).wait().unwrap();
        tx.get(b"read").wait().unwrap();
        tx.set(b"written", b"");
        assert_eq!(tx.commit().wait(), Ok(()));
    });
}

#[test]
fn a_snapshot_read_does_not_conflict() {
    on_both(|db| {
        let tx = db.transaction();
        tx.snapshot_get(b"read").wait().unwrap();
        db.put(b"read", b"1");
        tx.set(b"written", b"");
        assert_eq!(tx.commit().wait(), Ok(()));
    });
}

#[test]
fn conflict_ranges_by_hand_count() {
    on_both(|db| {
        let reader = db.transaction();
        reader.read_version().wait().unwrap();
        reader.add_conflict(b"a", b"b", 0);
        reader.set(b"x", b"");
        let writer = db.transaction();
        writer.add_conflict(b"a5", b"a6", 1);
        writer.commit().wait().unwrap();
        assert!(writer.committed_version() > 0);
        assert_eq!(reader.commit().wait(), Err(1020));
    });
}

#[test]
fn the_next_write_without_conflict_range_is_one_write_even_if_it_fails() {
    on_both(|db| {
        let conflicts = |write: &dyn Fn(&Transaction)| {
            let reader = db.transaction();
            reader.get(b"k").wait().unwrap();
            reader.set(b"x", b"");
            let writer = db.transaction();
            writer.set_option(option::NEXT_WRITE_NO_WRITE_CONFLICT_RANGE, None);
            write(&writer);
            writer.commit().wait().unwrap();
            reader.commit().wait().is_err()
        };
        assert!(!conflicts(&|tx| tx.set(b"k", b"1")));
        assert!(conflicts(&|tx| {
            tx.set(b"other", b"1");
            tx.set(b"k", b"2");
        }));
        assert!(conflicts(&|tx| {
            tx.clear(&[b'k'; 10_001]);
            tx.set(b"k", b"3");
        }));
    });
}

#[test]
fn conflicting_keys_are_reported_to_who_asked() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set_option(option::REPORT_CONFLICTING_KEYS, None);
    tx.get(b"a").wait().unwrap();
    tx.get(b"b").wait().unwrap();
    db.put(b"b", b"");
    tx.set(b"c", b"");
    assert_eq!(tx.commit().wait(), Err(1020));
    let prefix = b"\xff\xff/transaction/conflicting_keys/";
    let rows = tx.range(prefix, b"\xff\xff/transaction/conflicting_keys0");
    let expected = [
        ([&prefix[..], b"b"].concat(), b"1".to_vec()),
        ([&prefix[..], b"b\x00"].concat(), b"0".to_vec()),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_read_only_commit_is_ready_and_has_no_version() {
    on_both(|db| {
        let tx = db.transaction();
        tx.get(b"k").wait().unwrap();
        let stamp = tx.versionstamp();
        let commit = tx.commit();
        assert!(commit.is_ready());
        assert_eq!(commit.error(), Ok(()));
        assert_eq!(tx.committed_version(), -1);
        assert_eq!(stamp.key(), Err(2021));
    });
}

#[test]
fn a_small_commit_to_memory_is_made_where_it_is_asked_for() {
    let db = Database::open("memory:");
    let commit = |write: &dyn Fn(&Transaction)| {
        let tx = db.transaction();
        tx.get(b"k").wait().unwrap();
        write(&tx);
        let commit = tx.commit();
        let is_ready = commit.is_ready();
        (is_ready, commit.wait())
    };
    assert_eq!(commit(&|tx| tx.set(b"k", b"v")), (true, Ok(())));
    assert_eq!(commit(&|tx| tx.clear(b"k")), (true, Ok(())));
    let overtaken = |tx: &Transaction| {
        db.put(b"k", b"meanwhile");
        tx.set(b"other", b"");
    };
    assert_eq!(commit(&overtaken), (true, Err(1020)));
}

#[test]
fn who_is_told_of_a_commit_is_told_by_the_network_thread() {
    let db = Database::open("memory:");
    let network = thread_of(&db.transaction().on_error(1020));
    let watching = db.transaction();
    let watch = watching.watch(b"k");
    watching.commit().wait().unwrap();
    let tx = db.transaction();
    tx.set(b"k", b"v");
    let stamp = tx.versionstamp();
    let (sender, told) = std::sync::mpsc::channel();
    for future in [&watch, &stamp] {
        let sender = sender.clone();
        future.then(move || sender.send(std::thread::current().id()).unwrap());
    }
    tx.commit().wait().unwrap();
    assert_eq!([told.recv().unwrap(), told.recv().unwrap()], [network; 2]);
    assert_eq!(stamp.key().unwrap()[..8], tx.committed_version().to_be_bytes());
}

/// The thread that answers a future which is not ready.
fn thread_of(future: &Future) -> std::thread::ThreadId {
    let (sender, answered) = std::sync::mpsc::channel();
    future.then(move || sender.send(std::thread::current().id()).unwrap());
    answered.recv().unwrap()
}

#[test]
fn large_commits_and_clears_of_ranges_leave_the_caller_and_small_ones_keep_their_order() {
    let large: &dyn Fn(&Transaction) = &|tx| tx.set(b"k", &[b'v'; 50_000]);
    let clear: &dyn Fn(&Transaction) = &|tx| tx.clear_range(b"a", b"z");
    for write in [large, clear] {
        let db = Database::open("memory:");
        let release = hold_the_network(&db);
        let first = db.transaction();
        write(&first);
        let small = db.transaction();
        small.set(b"k", b"v");
        let commits = [first.commit(), small.commit()];
        assert!(commits.iter().all(|commit| !commit.is_ready()));
        assert_eq!(db.fetch(b"k"), None);
        release();
        assert!(commits.iter().all(|commit| commit.wait() == Ok(())));
        assert_eq!(db.fetch(b"k").unwrap(), b"v");
    }
}

#[test]
fn a_commit_that_takes_long_to_compare_leaves_the_caller() {
    let db = Database::open("memory:");
    // Committed after writes of so many keys that it has not read, with a range that it has.
    let commit_after = |keys: usize| {
        let tx = db.transaction();
        assert!(tx.range(b"a", b"b").is_empty());
        let release = hold_the_network(&db);
        for number in 0..keys {
            let other = db.transaction();
            other.set(format!("c{number}").as_bytes(), b"");
            assert!(other.commit().is_ready());
        }
        tx.set(b"k", b"v");
        let commit = tx.commit();
        let was_ready = commit.is_ready();
        release();
        assert_eq!(commit.wait(), Ok(()));
        was_ready
    };
    assert!(commit_after(1_000));
    assert!(!commit_after(3_000));
}

/// Has nothing leave the network thread until it is released.
fn hold_the_network(db: &Database) -> impl FnOnce() + use<> {
    let (reached, at_it) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    db.transaction().on_error(1020).then(move || {
        reached.send(()).unwrap();
        released.recv().unwrap();
    });
    at_it.recv().unwrap();
    move || release.send(()).unwrap()
}

#[test]
fn a_versionstamp_is_the_committed_version_and_grows() {
    on_both(|db| {
        let commit = |value: &[u8]| {
            let tx = db.transaction();
            tx.atomic(b"log\0\0\0\0\0\0\0\0\0\0\x03\0\0\0", value, mutation::VERSIONSTAMPED_KEY);
            let stamp = tx.versionstamp();
            tx.commit().wait().unwrap();
            let stamp = stamp.key().unwrap();
            assert_eq!(stamp.len(), 10);
            assert_eq!(stamp[..8], tx.committed_version().to_be_bytes());
            stamp
        };
        let (first, second) = (commit(b"one"), commit(b"two"));
        assert!(first < second);
        let rows = db.transaction().range(b"log", b"loh");
        let key = |stamp: &[u8]| [b"log", stamp].concat();
        assert_eq!(rows, [(key(&first), b"one".to_vec()), (key(&second), b"two".to_vec())]);
    });
}

#[test]
fn the_versionstamp_of_a_failed_commit_is_an_error() {
    on_both(|db| {
        let tx = db.transaction();
        tx.get(b"k").wait().unwrap();
        db.put(b"k", b"");
        tx.set(b"x", b"");
        let stamp = tx.versionstamp();
        assert_eq!(tx.commit().wait(), Err(1020));
        assert_eq!(stamp.key(), Err(2020));
    });
}

#[test]
fn a_versionstamped_key_conflicts_with_who_read_where_it_landed() {
    on_both(|db| {
        let reader = db.transaction();
        assert_eq!(reader.range(b"log", b"loh"), []);
        reader.set(b"x", b"");
        let writer = db.transaction();
        writer.atomic(b"log\0\0\0\0\0\0\0\0\0\0\x03\0\0\0", b"", mutation::VERSIONSTAMPED_KEY);
        writer.commit().wait().unwrap();
        assert_eq!(reader.commit().wait(), Err(1020));
    });
}

#[test]
fn a_versionstamp_that_does_not_fit_is_refused() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.atomic(b"short\0\0\0\0", b"", mutation::VERSIONSTAMPED_KEY);
    assert_eq!(deferred(&tx), Err(2000));
    let tx = db.transaction();
    tx.atomic(b"k", b"\0\0\0", mutation::VERSIONSTAMPED_VALUE);
    assert_eq!(deferred(&tx), Err(2000));
}

#[test]
fn after_the_commit_began_everything_says_so() {
    on_both(|db| {
        let tx = db.transaction();
        tx.set(b"k", b"v");
        tx.commit().wait().unwrap();
        assert_eq!(tx.get(b"k").value(), Err(2017));
        assert_eq!(tx.commit().wait(), Err(2017));
        assert_eq!(tx.watch(b"k").wait(), Err(2017));
        assert!(tx.committed_version() > 0);
        tx.reset();
        assert_eq!(tx.get(b"k").value().unwrap().unwrap(), b"v");
        assert!(tx.committed_version() > 0);
    });
}

#[test]
fn read_versions_are_set_once_and_name_a_moment() {
    on_both(|db| {
        let before = db.transaction().read_version().int64().unwrap();
        let committed = db.put(b"k", b"1");
        db.put(b"k", b"2");
        assert!(before < committed);
        let at = |version| {
            let tx = db.transaction();
            tx.set_read_version(version);
            assert_eq!(tx.read_version().int64(), Ok(version));
            tx.get(b"k").value()
        };
        assert_eq!(at(before), Ok(None));
        assert_eq!(at(committed).unwrap().unwrap(), b"1");
        assert_eq!(at(1), Err(1007));
        assert_eq!(at(committed + 1_000_000_000_000), Err(1009));
        let tx = db.transaction();
        tx.set_read_version(committed);
        tx.set_read_version(committed);
        assert_eq!(deferred(&tx), Err(2010));
        let tx = db.transaction();
        tx.read_version().wait().unwrap();
        tx.set_read_version(committed);
        assert_eq!(deferred(&tx), Err(2010));
        let tx = db.transaction();
        tx.set_read_version(0);
        assert_eq!(deferred(&tx), Err(2011));
    });
}

#[test]
fn a_write_of_a_transaction_that_is_too_old_is_refused_too() {
    on_both(|db| {
        let version = db.transaction().read_version().int64().unwrap() - 6_000_000;
        let commit = |risky| {
            let tx = db.transaction();
            tx.set_read_version(version);
            if risky {
                tx.set_option(option::CAUSAL_WRITE_RISKY, None);
            }
            tx.set(b"k", b"");
            tx.commit().wait()
        };
        assert_eq!(commit(false), Err(1007));
        assert_eq!(commit(true), Ok(()));
    });
}
