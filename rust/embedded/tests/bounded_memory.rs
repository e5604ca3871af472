//! Memory does not grow with the number of operations: in a process of its own, which does nothing else.
//!
//! FOUND_SECONDS=N goes on for so long, at up to 12,000 operations a second: 90 are a million.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(target_os = "linux")]

mod common;

use std::time::{Duration, Instant};

use common::{Database, Folder};

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A few of everything a program does with transactions; 10 operations.
fn ten_operations(db: &Database, round: u64) {
    let key = |number: u64| format!("row{:03}", number % 100).into_bytes();
    let tx = db.transaction();
    tx.get(&key(round)).value().unwrap();
    tx.set(&key(round + 1), &[7; 30]);
    tx.commit().wait().unwrap();
    // Snapshots that nobody reads from again, and a transaction that is given up.
    let left = db.transaction();
    left.read_version().int64().unwrap();
    left.get(&key(round + 2)).cancel();
    left.cancel();
    // A watch that fires, and one that is cancelled.
    let watching = db.transaction();
    let fires = watching.watch(&key(round + 3));
    watching.watch(&key(round + 4)).cancel();
    watching.commit().wait().unwrap();
    db.put(&key(round + 3), &round.to_be_bytes());
    fires.wait().unwrap();
    // A conflict.
    let (one, other) = (db.transaction(), db.transaction());
    for tx in [&one, &other] {
        tx.get(b"shared").value().unwrap();
        tx.set(b"shared", &round.to_be_bytes());
    }
    one.commit().wait().unwrap();
    assert_eq!(other.commit().wait(), Err(1020));
}

/// Rounds a second: no more, so that the five seconds that are kept weigh the same at any time.
const PACE: u64 = 600;

#[test]
fn memory_does_not_grow_with_what_was_done() {
    let seconds = std::env::var("FOUND_SECONDS").map_or(7, |seconds| seconds.parse().unwrap());
    let folder = Folder::new();
    let databases = [Database::open("memory:"), Database::open(&folder.address("?sync=off"))];
    let began = Instant::now();
    let run = |rounds: std::ops::Range<u64>| {
        for round in rounds {
            databases.iter().for_each(|db| ten_operations(db, round));
            let due = Duration::from_micros(round * 1_000_000 / PACE);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
        }
        resident_bytes()
    };
    // At first the five seconds fill.
    let before = run(0..11 * PACE / 2);
    let after = run(11 * PACE / 2..seconds * PACE);
    println!("{} operations: {before} bytes, then {after}", 20 * seconds * PACE);
    assert!(after < before + (24 << 20), "{before} bytes, then {after}");
}
