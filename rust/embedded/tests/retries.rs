//! on_error, timeouts, retry limits, cancel and reset, through the C API.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Instant;

use common::{Database, Transaction, database_option, mutation, on_both, option};

fn conflicting(db: &Database, tx: &Transaction) {
    tx.get(b"contended").wait().unwrap();
    db.put(b"contended", b"");
    tx.set(b"x", b"");
}

#[test]
fn on_error_retries_what_may_be_mended_and_raises_the_rest() {
    let db = Database::open("memory:");
    for code in [1020, 1021, 1038, 1042, 1078, 1037, 1051, 1213, 1079, 1223, 1007, 1009] {
        assert_eq!(db.transaction().on_error(code).wait(), Ok(()), "{code}");
    }
    for code in [1025, 1031, 1036, 2000, 2004, 2101, 1510, 4100] {
        assert_eq!(db.transaction().on_error(code).wait(), Err(code), "{code}");
    }
    assert_eq!(db.transaction().on_error(0).wait(), Err(2000));
    assert_eq!(db.transaction().on_error(-5).wait(), Err(4000));
}

#[test]
fn on_error_starts_the_transaction_over() {
    on_both(|db| {
        let tx = db.transaction();
        conflicting(db, &tx);
        assert_eq!(tx.commit().wait(), Err(1020));
        tx.on_error(1020).wait().unwrap();
        assert_eq!(tx.get(b"x").value(), Ok(None));
        assert_eq!(tx.commit().wait(), Ok(()));
    });
}

#[test]
fn a_read_after_a_failed_commit_spoils_the_retry() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    conflicting(&db, &tx);
    assert_eq!(tx.commit().wait(), Err(1020));
    assert_eq!(tx.get(b"x").value(), Err(2017));
    assert_eq!(tx.on_error(1020).wait(), Err(2017));
    tx.reset();
    assert_eq!(tx.get(b"x").value(), Ok(None));
}

#[test]
fn after_an_error_that_on_error_raises_the_transaction_is_cancelled() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    assert_eq!(tx.on_error(2000).wait(), Err(2000));
    assert_eq!(tx.get(b"k").value(), Err(1025));
    assert_eq!(tx.commit().wait(), Err(1025));
    assert_eq!(tx.on_error(1020).wait(), Err(1025));
    tx.reset();
    assert_eq!(tx.get(b"k").value(), Ok(None));
}

#[test]
fn the_retry_limit_counts_tries_from_before_it_was_set() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.on_error(1020).wait().unwrap();
    tx.set_option(option::RETRY_LIMIT, Some(2));
    tx.on_error(1020).wait().unwrap();
    assert_eq!(tx.on_error(1020).wait(), Err(1020));
    assert_eq!(tx.get(b"k").value(), Err(1025));
    tx.reset();
    assert_eq!(tx.on_error(1020).wait(), Ok(()));
    assert_eq!(tx.on_error(1020).wait(), Ok(()));
    assert_eq!(tx.on_error(1020).wait(), Ok(()));
}

#[test]
fn on_error_keeps_the_retry_limit_and_forgets_the_size_limit() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set_option(option::RETRY_LIMIT, Some(1));
    tx.set_option(option::SIZE_LIMIT, Some(32));
    tx.on_error(1020).wait().unwrap();
    tx.set(b"k", &[0; 1_000]);
    assert_eq!(tx.commit().wait(), Ok(()));
    assert_eq!(tx.on_error(1020).wait(), Err(1020));
}

#[test]
fn reset_goes_back_to_the_options_of_the_database() {
    let db = Database::open("memory:");
    assert_eq!(db.set_option(database_option::TRANSACTION_RETRY_LIMIT, Some(0)), 0);
    let tx = db.transaction();
    assert_eq!(tx.on_error(1020).wait(), Err(1020));
    tx.reset();
    tx.set_option(option::RETRY_LIMIT, Some(-1));
    tx.on_error(1020).wait().unwrap();
    tx.on_error(1020).wait().unwrap();
    tx.reset();
    assert_eq!(tx.on_error(1020).wait(), Err(1020));
}

#[test]
fn a_timeout_ends_the_transaction_until_it_is_reset() {
    on_both(|db| {
        let tx = db.transaction();
        let watch = tx.on_error(1020);
        watch.wait().unwrap();
        tx.set_option(option::TIMEOUT, Some(20));
        // A back-off that the timeout overtakes: nothing else answers it.
        tx.set_option(option::MAX_RETRY_DELAY, Some(1_000_000));
        let error = loop {
            if let Err(error) = tx.on_error(1020).wait() {
                break error;
            }
        };
        assert_eq!(error, 1031);
        assert_eq!(tx.get(b"k").value(), Err(1031));
        assert_eq!(tx.commit().wait(), Err(1031));
        assert_eq!(tx.on_error(1020).wait(), Err(1031));
        tx.reset();
        assert_eq!(tx.get(b"k").value(), Ok(None));
    });
}

#[test]
fn a_timeout_counts_from_the_creation_and_0_is_none() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    let created = Instant::now();
    while created.elapsed().as_millis() < 5 {
        std::thread::yield_now();
    }
    tx.set_option(option::TIMEOUT, Some(1));
    assert_eq!(tx.get(b"k").value(), Err(1031));
    let tx = db.transaction();
    tx.set_option(option::TIMEOUT, Some(60_000));
    tx.set_option(option::TIMEOUT, Some(0));
    assert_eq!(tx.get(b"k").value(), Ok(None));
    tx.set_option(option::TIMEOUT, Some(1));
    let set = Instant::now();
    while set.elapsed().as_millis() < 5 {
        std::thread::yield_now();
    }
    // What has gone off stays so.
    tx.set_option(option::TIMEOUT, Some(0));
    assert_eq!(tx.get(b"k").value(), Err(1031));
}

#[test]
fn the_timeout_of_the_database_holds_for_its_transactions() {
    let db = Database::open("memory:");
    assert_eq!(db.set_option(database_option::TRANSACTION_TIMEOUT, Some(20)), 0);
    let tx = db.transaction();
    let stamp = tx.versionstamp();
    assert_eq!(stamp.wait(), Err(1031));
    assert_eq!(tx.get(b"k").value(), Err(1031));
    let tx = db.transaction();
    tx.set_option(option::TIMEOUT, Some(0));
    let stamp = tx.versionstamp();
    tx.set(b"k", b"");
    tx.commit().wait().unwrap();
    assert!(stamp.key().is_ok());
}

#[test]
fn cancel_ends_everything_but_reset() {
    on_both(|db| {
        let tx = db.transaction();
        let stamp = tx.versionstamp();
        tx.set(b"k", b"");
        tx.cancel();
        assert_eq!(stamp.wait(), Err(1025));
        assert_eq!(tx.get(b"k").value(), Err(1025));
        assert_eq!(tx.read_version().int64(), Err(1025));
        assert_eq!(tx.commit().wait(), Err(1025));
        assert_eq!(tx.on_error(1020).wait(), Err(1025));
        assert_eq!(tx.get(b"k").value(), Err(1025));
        tx.reset();
        assert_eq!(tx.get(b"k").value(), Ok(None));
        assert_eq!(tx.commit().wait(), Ok(()));
    });
}

#[test]
fn the_loop_every_binding_has_loses_no_update() {
    on_both(|db| {
        const THREADS: usize = 4;
        const EACH: usize = 50;
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let outcome = db.run(|tx| {
                            let count = tx
                                .get(b"count")
                                .value()?
                                .map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
                            tx.set(b"count", &(count + 1).to_le_bytes());
                            Ok(())
                        });
                        outcome.unwrap();
                    }
                });
            }
        });
        let count = db.fetch(b"count").unwrap();
        assert_eq!(count, ((THREADS * EACH) as u64).to_le_bytes());
    });
}

#[test]
fn an_error_known_at_the_call_outlives_a_reset_though_it_comes_late() {
    let db = Database::open("memory:?latency=1");
    let tx = db.transaction();
    tx.set_read_version(1);
    tx.set_read_version(2);
    let (stamp, read, version) = (tx.versionstamp(), tx.get(b"k"), tx.read_version());
    let commit = tx.commit();
    tx.reset();
    assert_eq!(stamp.key(), Err(2010));
    assert_eq!(read.value(), Err(2010));
    assert_eq!(version.int64(), Err(2010));
    assert_eq!(commit.wait(), Err(2010));
    // What a server would have answered does give way.
    let late = tx.get(b"k");
    tx.reset();
    assert_eq!(late.value(), Err(1025));
}

#[test]
fn a_commit_that_never_began_leaves_versionstamps_and_watches_to_the_reset() {
    on_both(|db| {
        let tx = db.transaction();
        let stamp = tx.versionstamp();
        let watch = tx.watch(b"watched");
        tx.atomic(b"k", &[0; 14], mutation::VERSIONSTAMPED_VALUE);
        assert_eq!(tx.get(b"k").value(), Err(1036));
        assert_eq!(tx.commit().wait(), Err(1036));
        assert!(!stamp.is_ready() && !watch.is_ready());
        tx.reset();
        assert_eq!(stamp.key(), Err(1100));
        assert_eq!(watch.wait(), Err(1025));
    });
}

#[test]
fn another_version_of_the_cluster_is_always_a_new_try() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set_option(option::RETRY_LIMIT, Some(1));
    tx.set(b"k", b"v");
    for _ in 0..5 {
        assert_eq!(tx.on_error(1039).wait(), Ok(()));
    }
    // What was written is gone, the options are kept, and the tries before do not count.
    assert_eq!(tx.get(b"k").value(), Ok(None));
    assert_eq!(tx.on_error(1020).wait(), Ok(()));
    assert_eq!(tx.on_error(1020).wait(), Err(1020));
    assert_eq!(tx.get(b"k").value(), Err(1025));
    assert_eq!(tx.on_error(1039).wait(), Ok(()));
    assert_eq!(tx.get(b"k").value(), Ok(None));
}
