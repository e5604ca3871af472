//! What must not grow: a file with the number of overwrites, syncs with the number of commits that wait.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
mod disks;

use std::time::Instant;

use common::{Database, Folder, Transaction};
use disks::Random;

#[test]
fn commits_that_wait_share_a_sync() {
    const COMMITS: u64 = 1_000;
    let folder = Folder::new();
    let address = folder.address("");
    let db = Database::open(&address);
    db.put(b"first", b"");
    let before = found_embedded::storage_syncs(&address).unwrap();
    let transactions: Vec<_> = (0..COMMITS)
        .map(|number| {
            let tx = db.transaction();
            tx.set(&number.to_be_bytes(), &[7; 100]);
            tx
        })
        .collect();
    let commits: Vec<_> = transactions.iter().map(Transaction::commit).collect();
    commits.iter().for_each(|commit| commit.wait().unwrap());
    let syncs = found_embedded::storage_syncs(&address).unwrap() - before;
    // Those that came while one was synced share the next.
    assert!(0 < syncs && syncs <= COMMITS / 10, "{syncs} syncs");
    // One that is alone has one of its own.
    let before = found_embedded::storage_syncs(&address).unwrap();
    db.put(b"alone", b"");
    assert_eq!(found_embedded::storage_syncs(&address).unwrap() - before, 1);
}

/// What a file takes on the disk. Where it has never been written to it takes nothing.
#[cfg(unix)]
fn size_of(path: &std::path::Path) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&path.metadata().unwrap()) * 512
}

#[cfg(not(unix))]
fn size_of(path: &std::path::Path) -> u64 {
    path.metadata().unwrap().len()
}

/// Overwrites rows at random, a tenth of them first read. The largest the file was, and what it was when it was closed;
/// the bytes of its rows, and those written in six seconds.
fn overwrite(sync: &str, value: usize, rows: u64, batch: u64, batches: u64) -> [u64; 4] {
    let folder = Folder::new();
    let db = Database::open(&folder.address(&format!("?sync={sync}")));
    let path = folder.path().join("test.db");
    let size = || size_of(&path);
    let mut random = Random(3);
    let mut write = |keys: &mut dyn Iterator<Item = u64>, reads: bool| {
        let tx = db.transaction();
        for (number, key) in keys.enumerate() {
            let key = format!("key{key:012}").into_bytes();
            if reads && number % 10 == 0 {
                assert!(tx.get(&key).value().unwrap().is_some());
            }
            tx.set(&key, &vec![random.next().to_le_bytes()[0]; value]);
        }
        tx.commit().wait().unwrap();
        // Who was told a version may come back with it.
        tx.committed_version();
    };
    for begin in (0..rows).step_by(usize::try_from(batch).unwrap()) {
        write(&mut (begin..(begin + batch).min(rows)), false);
    }
    let mut keys = Random(5);
    let began = Instant::now();
    let mut most = 0;
    for _ in 0..batches {
        write(&mut (0..batch).map(|_| keys.below(rows)), true);
        most = most.max(size());
    }
    let row = value as u64 + 15;
    let seconds = began.elapsed().as_secs_f64().max(6.0);
    let six_seconds = (batches * batch * row) as f64 / seconds * 6.0;
    drop(db);
    [most, size(), rows * row, six_seconds as u64]
}

#[test]
fn the_file_of_a_database_under_steady_overwriting_stays_within_four_times_its_data_and_six_seconds_of_writes()
 {
    for (sync, value, rows, batch, batches) in [
        ("on", 1_000, 10_000, 100, 400),
        ("off", 1_000, 10_000, 100, 600),
        ("off", 100, 100_000, 500, 100),
        ("off", 20_000, 500, 5, 400),
    ] {
        let [most, closed, live, written] = overwrite(sync, value, rows, batch, batches);
        println!(
            "{value}: {most} bytes, {closed} once closed, for {live} live and {written} written"
        );
        assert!(most <= 4 * live + written, "{value}: {most} bytes for {live} live and {written}");
        assert!(closed <= 4 * live, "{value}: {closed} bytes for {live}");
    }
}
