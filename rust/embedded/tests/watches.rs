//! Watches through the C API.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Database, Signal, database_option, mutation, on_both};

fn armed(db: &Database, key: &[u8]) -> common::Future {
    let tx = db.transaction();
    let watch = tx.watch(key);
    tx.commit().wait().unwrap();
    watch
}

#[test]
fn a_watch_fires_from_the_commit_that_changes_its_key() {
    on_both(|db| {
        db.put(b"k", b"old");
        let set = armed(db, b"k");
        assert!(!set.is_ready());
        db.put(b"other", b"");
        db.put(b"k", b"new");
        assert_eq!(set.wait(), Ok(()));

        let cleared = armed(db, b"k");
        let tx = db.transaction();
        tx.clear_range(b"a", b"z");
        tx.commit().wait().unwrap();
        assert_eq!(cleared.wait(), Ok(()));

        let added = armed(db, b"k");
        let tx = db.transaction();
        tx.atomic(b"k", &[1], mutation::ADD);
        tx.commit().wait().unwrap();
        assert_eq!(added.wait(), Ok(()));
    });
}

#[test]
fn setting_the_same_value_does_not_fire_a_watch() {
    on_both(|db| {
        db.put(b"k", b"v");
        let watch = armed(db, b"k");
        db.put(b"k", b"v");
        assert!(!watch.is_ready());
        let tx = db.transaction();
        tx.clear(b"absent");
        tx.clear(b"k");
        tx.set(b"k", b"v");
        tx.commit().wait().unwrap();
        assert!(!watch.is_ready());
        db.put(b"k", b"w");
        assert_eq!(watch.wait(), Ok(()));
    });
}

#[test]
fn the_baseline_is_what_the_transaction_saw() {
    on_both(|db| {
        let tx = db.transaction();
        tx.read_version().wait().unwrap();
        db.put(b"k", b"changed before the watch was armed");
        let watch = tx.watch(b"k");
        // A read-only commit does not conflict, and finds another value than the watch saw.
        tx.commit().wait().unwrap();
        assert_eq!(watch.wait(), Ok(()));

        let tx = db.transaction();
        tx.set(b"k", b"mine");
        let watch = tx.watch(b"k");
        tx.commit().wait().unwrap();
        assert!(!watch.is_ready());
        db.put(b"k", b"yours");
        assert_eq!(watch.wait(), Ok(()));
    });
}

#[test]
fn a_later_write_of_the_transaction_itself_fires_its_watch() {
    on_both(|db| {
        db.put(b"k", b"v");
        let tx = db.transaction();
        let watch = tx.watch(b"k");
        tx.set(b"k", b"v");
        assert!(!watch.is_ready());
        tx.set(b"k", b"w");
        assert_eq!(watch.wait(), Ok(()));
    });
}

#[test]
fn a_watch_ends_with_its_transaction_unless_that_commits() {
    on_both(|db| {
        let tx = db.transaction();
        let watch = tx.watch(b"k");
        tx.reset();
        assert_eq!(watch.wait(), Err(1025));

        let watch = db.transaction().watch(b"k");
        assert_eq!(watch.wait(), Err(1025));

        let tx = db.transaction();
        let watch = tx.watch(b"k");
        tx.on_error(1020).wait().unwrap();
        assert_eq!(watch.wait(), Err(1025));

        let tx = db.transaction();
        let watch = tx.watch(b"k");
        db.put(b"k", b"");
        tx.set(b"x", b"");
        assert_eq!(tx.commit().wait(), Err(1020));
        assert_eq!(watch.wait(), Err(1020));
    });
}

#[test]
fn a_watch_outlives_the_transaction_that_committed() {
    on_both(|db| {
        let watch = armed(db, b"k");
        db.put(b"k", b"v");
        assert_eq!(watch.wait(), Ok(()));
    });
}

#[test]
fn more_watches_than_allowed_are_refused_and_a_cancelled_one_makes_room() {
    let db = Database::open("memory:");
    assert_eq!(db.set_option(database_option::MAX_WATCHES, Some(2)), 0);
    let first = armed(&db, b"a");
    let second = armed(&db, b"b");
    assert_eq!(db.transaction().watch(b"c").wait(), Err(1032));
    first.cancel();
    assert_eq!(first.wait(), Err(1101));
    let third = armed(&db, b"c");
    assert_eq!(db.transaction().watch(b"d").wait(), Err(1032));
    db.put(b"b", b"");
    assert_eq!(second.wait(), Ok(()));
    let fourth = armed(&db, b"d");
    db.put(b"c", b"");
    db.put(b"d", b"");
    assert_eq!((third.wait(), fourth.wait()), (Ok(()), Ok(())));
}

#[test]
fn ten_thousand_watches_are_the_default() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    let watches: Vec<_> = (0..10_000u32).map(|number| tx.watch(&number.to_be_bytes())).collect();
    assert_eq!(tx.watch(b"one more").wait(), Err(1032));
    tx.commit().wait().unwrap();
    let tx = db.transaction();
    tx.set(&77u32.to_be_bytes(), b"");
    tx.commit().wait().unwrap();
    assert_eq!(watches[77].wait(), Ok(()));
    assert!(!watches[78].is_ready());
}

#[test]
fn a_watch_on_no_legal_key_is_refused() {
    let db = Database::open("memory:");
    assert_eq!(db.transaction().watch(b"\xff").wait(), Err(2004));
    assert_eq!(db.transaction().watch(&[b'k'; 10_001]).wait(), Err(2102));
    assert!(!db.transaction().watch(b"\xff/metadataVersion").is_ready());
}

#[test]
fn callbacks_of_watches_run_on_the_network_thread_and_may_commit() {
    on_both(|db| {
        let watch = armed(db, b"k");
        let signal = Signal::default();
        let raised = signal.clone();
        let tx = db.transaction();
        tx.set(b"done", b"");
        let tx = std::sync::Arc::new(tx);
        let inside = std::sync::Arc::clone(&tx);
        watch.then(move || {
            // Waiting here would wait for itself.
            assert_eq!(inside.commit().wait(), Err(2026));
            raised.raise();
        });
        db.put(b"k", b"");
        signal.wait_for(1);
    });
}

#[test]
fn closing_a_database_answers_its_watches() {
    let folder = common::Folder::new();
    let db = Database::open(&folder.address(""));
    let watch = armed(&db, b"k");
    drop(db);
    assert_eq!(watch.wait(), Err(1101));
}

#[test]
fn a_watch_of_one_handle_sees_the_commits_of_another() {
    let name = format!("memory:{}", common::unique("shared"));
    let (one, other) = (Database::open(&name), Database::open(&name));
    let watch = armed(&one, b"k");
    other.put(b"k", b"v");
    assert_eq!(watch.wait(), Ok(()));
}
