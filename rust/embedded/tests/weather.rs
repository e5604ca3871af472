//! Weather through the C API: for callers that wait, and for event loops that say when they have turned.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Mutex};

use common::{Database, Future, Signal, Transaction, database_option, option, unique};

const LOG: &[u8] = b"\xff\xff/found/weather/log/";

fn stormy(seed: u64) -> Database {
    Database::open(&format!("memory:?faults={seed}"))
}

fn log(db: &Database) -> Vec<String> {
    let rows = db.transaction().range(LOG, b"\xff\xff/found/weather/log0");
    rows.into_iter().map(|(_, line)| String::from_utf8(line).unwrap()).collect()
}

fn number(value: Option<Vec<u8>>) -> u64 {
    value.map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()))
}

/// Adds one, and the same however often it is tried.
fn add_once(tx: &Transaction, marker: &[u8]) -> Result<(), i32> {
    if tx.get(marker).value()?.is_none() {
        let count = number(tx.get(b"count").value()?);
        tx.set(marker, b"");
        tx.set(b"count", &(count + 1).to_le_bytes());
    }
    Ok(())
}

#[test]
fn who_waits_for_each_answer_gets_through_and_gets_the_same_for_a_seed() {
    let story = |seed| {
        let db = stormy(seed);
        for turn in 0..20 {
            db.run(|tx| add_once(tx, format!("marker/{turn}").as_bytes())).unwrap();
        }
        assert_eq!(db.run(|tx| Ok(number(tx.get(b"count").value()?))), Ok(20));
        log(&db)
    };
    for seed in 0..20 {
        assert_eq!(story(seed), story(seed), "{seed}");
    }
    assert_ne!(story(1), story(2));
}

#[test]
fn threads_that_wait_get_through() {
    let name = unique("threads");
    let address = format!("memory:{name}?faults=3");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let address = &address;
            scope.spawn(move || {
                let db = Database::open(address);
                for turn in 0..10 {
                    let marker = format!("marker/{thread}/{turn}");
                    db.run(|tx| add_once(tx, marker.as_bytes())).unwrap();
                }
            });
        }
    });
    let fair = Database::open(&format!("memory:{name}"));
    assert_eq!(number(fair.fetch(b"count")), 40);
}

#[test]
fn callbacks_come_to_who_takes_no_turns() {
    let db = stormy(1);
    let (tx, signal) = (db.transaction(), Signal::default());
    let reads: Vec<Future> = (0..8_u8).map(|key| tx.get(&[key])).collect();
    for read in &reads {
        let signal = signal.clone();
        read.then(move || signal.raise());
    }
    signal.wait_for(8);
}

#[test]
fn a_timeout_ends_what_nothing_else_would() {
    let db = stormy(1);
    let tx = db.transaction();
    assert_eq!(tx.set_option(option::TIMEOUT, Some(20)), 0);
    tx.set(b"k", b"");
    assert_eq!(tx.versionstamp().wait(), Err(1031));
}

/// The order in which reads under way at once are answered to a loop that turns.
fn order(seed: u64) -> Vec<usize> {
    let db = stormy(seed);
    assert!(db.take_turns());
    let (tx, answered) = (db.transaction(), Arc::new(Mutex::new(Vec::new())));
    let reads: Vec<Future> = (0..8_u8).map(|key| tx.get(&[key])).collect();
    for (index, read) in reads.iter().enumerate() {
        let answered = Arc::clone(&answered);
        read.then(move || answered.lock().unwrap().push(index));
    }
    // No other thread answers: without turns nothing would ever come.
    let mut counts = Vec::new();
    while common::turn() {
        counts.push(answered.lock().unwrap().len());
    }
    assert!(counts.windows(2).all(|pair| pair[1] - pair[0] <= 1), "{counts:?}");
    let order = answered.lock().unwrap().clone();
    assert_eq!(order.len(), 8);
    order
}

#[test]
fn a_loop_that_turns_is_answered_one_at_a_time_in_the_order_of_the_seed() {
    for seed in 0..10 {
        assert_eq!(order(seed), order(seed), "{seed}");
    }
    assert!((1..10).any(|seed| order(seed) != order(0)));
}

#[test]
fn only_a_database_with_weather_takes_turns() {
    assert!(!Database::open("memory:").take_turns());
    assert!(!Database::open("memory:?latency=1").take_turns());
    let fair = Database::open("memory:");
    assert!(fair.transaction().get(b"k").is_ready());
}

#[test]
fn who_only_looks_is_answered_too() {
    let db = stormy(1);
    assert!(db.take_turns());
    let read = db.transaction().read_version();
    while !read.is_ready() {}
    assert!(read.int64().unwrap() > 0);
}

#[test]
fn a_watch_that_fired_for_nothing_makes_room() {
    let db = stormy(4);
    assert_eq!(db.set_option(database_option::MAX_WATCHES, Some(1)), 0);
    let mut fired = 0;
    while fired < 20 {
        let tx = db.transaction();
        let watch = tx.watch(b"still");
        if watch.is_ready() || tx.commit().wait().is_err() {
            assert_ne!(watch.error(), Err(1032));
            continue;
        }
        // Time goes by with each of these; then it has fired, or is taken back.
        for _ in 0..40 {
            let _ = db.transaction().get(b"k").wait();
        }
        fired += u32::from(watch.is_ready() && watch.error().is_ok());
        watch.cancel();
    }
}

#[test]
fn a_conflict_of_the_weather_names_a_key_that_was_read() {
    let named = (0..100).filter(|&seed| {
        let db = stormy(seed);
        let tx = db.transaction();
        assert_eq!(tx.set_option(option::REPORT_CONFLICTING_KEYS, None), 0);
        tx.set(b"other", b"");
        if tx.get(b"read").wait().is_err() || tx.commit().wait() != Err(1020) {
            return false;
        }
        let prefix = b"\xff\xff/transaction/conflicting_keys/";
        let rows = tx.range(prefix, b"\xff\xff/transaction/conflicting_keys0");
        assert_eq!(
            rows,
            [
                ([&prefix[..], b"read"].concat(), b"1".to_vec()),
                ([&prefix[..], b"read\x00"].concat(), b"0".to_vec())
            ]
        );
        true
    });
    assert!(named.count() > 2);
}

#[test]
fn what_a_transaction_has_written_it_reads_in_any_weather() {
    for seed in 0..200 {
        let tx_of = stormy(seed);
        let tx = tx_of.transaction();
        tx.set(b"mine", b"value");
        tx.clear(b"gone");
        assert_eq!(tx.get(b"mine").value(), Ok(Some(b"value".to_vec())), "{seed}");
        assert_eq!(tx.get(b"gone").value(), Ok(None), "{seed}");
    }
}
