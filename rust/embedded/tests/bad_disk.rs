//! Disks that are full, that fail once or for a while, files that are cut and files with a wrong byte: a clear error or
//! what was acknowledged, never a wrong answer.
//!
//! FOUND_BAD_DISKS=1 tries every length, and every write and sync of a longer run.

#![allow(clippy::unwrap_used)]

mod disks;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use disks::{NEVER, Random, Rows, SimulatedDisk, batch, open_on, rows_of};
use found_embedded::Error;
use found_embedded::storage::{FileOptions, Storage};

fn thorough() -> bool {
    std::env::var_os("FOUND_BAD_DISKS").is_some()
}

fn options() -> FileOptions {
    // A small cache, so that pages are read from the disk.
    FileOptions { cache_bytes: 128 << 10, ..FileOptions::default() }
}

/// Applies `count` batches after `version`, which all succeed.
fn fill(storage: &Storage, rows: &mut Rows, version: i64, count: i64) {
    for version in version + 1..=version + count {
        let batch = batch(version, rows);
        storage.apply(&batch, version).unwrap();
    }
}

/// A file of 60 batches, as it is when it was closed, and as a kill leaves it.
fn closed_and_killed() -> (Rows, [Vec<u8>; 2]) {
    let disk = Arc::new(SimulatedDisk::new());
    let mut rows = Rows::new();
    let storage = open_on(&disk, &options()).unwrap();
    fill(&storage, &mut rows, 0, 60);
    let killed = disk.now();
    drop(storage);
    (rows, [disk.now(), killed])
}

#[test]
fn a_file_cut_at_any_length_is_refused_or_whole() {
    let (rows, files) = closed_and_killed();
    for file in files {
        let step = if thorough() { 256 } else { 4096 };
        let lengths = (0..file.len()).step_by(step).chain([1, 511, file.len() - 1]);
        for length in lengths {
            let disk = Arc::new(SimulatedDisk::holding(file[..length].to_vec()));
            match open_on(&disk, &options()) {
                // An empty file becomes a new database.
                Ok(storage) if length == 0 => assert_eq!(storage.version(), 0),
                Ok(storage) => assert_eq!(rows_of(&storage).as_ref(), Ok(&rows), "{length}"),
                Err(failure) => {
                    assert!([1510, 1522].contains(&failure.code.0), "{length}: {failure}");
                    assert!(failure.message.contains("simulated: "), "{failure}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_byte_anywhere_is_an_error_or_does_no_harm() {
    let (rows, files) = closed_and_killed();
    let mut random = Random(7);
    for (kind, file) in files.into_iter().enumerate() {
        let (mut refused, mut unread, mut harmless) = (0, 0, 0);
        for block in 0..file.len() / 4096 {
            // The heads have more to be wrong than others.
            for _ in 0..if block < 4 { 40 } else { 1 } {
                let place = block * 4096
                    + usize::try_from(random.below(if block < 4 { 600 } else { 4096 })).unwrap();
                let mut wrong = file.clone();
                wrong[place] ^= 1 << random.below(8);
                let disk = Arc::new(SimulatedDisk::holding(wrong));
                let storage = match open_on(&disk, &options()) {
                    Ok(storage) => storage,
                    Err(failure) => {
                        assert_eq!(failure.code, Error(1522), "{failure}");
                        refused += 1;
                        continue;
                    }
                };
                match rows_of(&storage) {
                    Ok(found) => {
                        assert!(found == rows, "kind {kind}, byte {place}: wrong rows");
                        harmless += 1;
                    }
                    Err(code) => {
                        assert_eq!(code, Error(1522));
                        assert!(storage.failure().unwrap().contains("damaged"));
                        unread += 1;
                    }
                }
                // What can be read is read again; what can be written is written, or refused, and does no harm.
                let mut expected = rows.clone();
                let version = storage.version() + 1;
                if storage.apply(&batch(version, &mut expected), version).is_err() {
                    expected.clone_from(&rows);
                }
                if let Ok(found) = rows_of(&storage) {
                    assert!(
                        found == expected,
                        "kind {kind}, byte {place}: wrong rows after an apply"
                    );
                }
                drop(storage);
                if let Ok(storage) = open_on(&disk, &options())
                    && let Ok(found) = rows_of(&storage)
                {
                    assert!(
                        found == expected,
                        "kind {kind}, byte {place}: wrong rows after opening again"
                    );
                }
            }
        }
        assert!(harmless > 40 && refused + unread > 20, "{refused} {unread} {harmless}");
    }
}

#[test]
fn a_write_or_a_sync_that_fails_once_is_made_up_for() {
    for fails_sync in [false, true] {
        let step = if thorough() { 1 } else { 7 };
        for after in (0..if fails_sync { 40 } else { 300 }).step_by(step) {
            let disk = Arc::new(SimulatedDisk::new());
            let storage = open_on(&disk, &options()).unwrap();
            let left = if fails_sync { &disk.syncs_left } else { &disk.writes_left };
            disk.failures.store(1, Ordering::Relaxed);
            left.store(after, Ordering::Relaxed);
            let mut rows = Rows::new();
            fill(&storage, &mut rows, 0, 30);
            assert!(rows_of(&storage).unwrap() == rows);
            // What the sync that failed had forgotten is on the disk all the same.
            let lost = disk.after_power_loss(&mut Random(after));
            let found = open_on(&Arc::new(SimulatedDisk::holding(lost)), &options()).unwrap();
            assert!(rows_of(&found).unwrap() == rows, "{after}");
        }
    }
}

/// Applies batches on a disk that may fail. Those that were not applied are tried again once the disk lets them.
fn struggle(
    disk: &Arc<SimulatedDisk>,
    storage: &Storage,
    rows: &mut Rows,
    mut version: i64,
    until: i64,
    relief: impl Fn(),
) -> u32 {
    let mut failures = 0;
    let mut uncertain: Option<Rows> = None;
    while version < until {
        let mut next = rows.clone();
        let mutations = batch(version + 1, &mut next);
        match storage.apply(&mutations, version + 1) {
            Ok(()) => {
                assert!(!storage.needs_recovery());
                *rows = next;
                version += 1;
                continue;
            }
            Err(Error::COMMIT_UNKNOWN_RESULT) => uncertain = Some(next),
            Err(code) => assert_eq!(code, Error::IO_ERROR, "{:?}", storage.failure()),
        }
        failures += 1;
        assert!(failures < 100, "it never works again");
        assert!(storage.failure().unwrap().starts_with("simulated: "), "{:?}", storage.failure());
        // As before: what was published can be read, whatever the disk does.
        assert!(storage.needs_recovery());
        assert!(
            rows_of(storage).unwrap() == *rows,
            "after {version}: reads while nothing can be written"
        );
        // And so would it be after a kill or a loss of power now.
        for bytes in [disk.now(), disk.after_power_loss(&mut Random(version.unsigned_abs()))] {
            let found = open_on(&Arc::new(SimulatedDisk::holding(bytes)), &options()).unwrap();
            let found = rows_of(&found).unwrap();
            assert!(found == *rows || Some(&found) == uncertain.as_ref(), "after {version}");
        }
        let former = storage.snapshot().unwrap();
        if let Err(code) = storage.recover() {
            assert_eq!(code, Error::IO_ERROR);
            while storage.recover().is_err() {
                relief();
            }
        }
        match former.get(b"version").map(|value| value.map(|value| value.to_vec())) {
            Ok(value) => assert_eq!(value.as_ref(), rows.get(&b"version"[..])),
            Err(code) => assert_eq!(code, Error::TRANSACTION_TOO_OLD),
        }
        assert_eq!(storage.version(), version, "what failed is taken back");
        assert!(rows_of(storage).unwrap() == *rows, "what failed is taken back");
        uncertain = None;
    }
    failures
}

#[test]
fn a_disk_that_is_full_fails_what_does_not_fit_and_goes_on_when_there_is_room() {
    let mut failures = 0;
    for quota in [300_000, 500_000, 800_000] {
        let disk = Arc::new(SimulatedDisk::new());
        disk.quota.store(quota, Ordering::Relaxed);
        let mut rows = Rows::new();
        let storage = open_on(&disk, &options()).unwrap();
        let room = || {
            disk.quota.fetch_add(200_000, Ordering::Relaxed);
        };
        failures += struggle(&disk, &storage, &mut rows, 0, 120, room);
        drop(storage);
        disk.quota.store(NEVER, Ordering::Relaxed);
        let storage = open_on(&disk, &options()).unwrap();
        assert!(rows_of(&storage).unwrap() == rows);
        assert_eq!(storage.check(), Ok(None));
    }
    assert!(failures >= 3, "{failures}: no disk was full");
}

#[test]
fn a_disk_that_fails_for_a_while_loses_nothing_that_was_acknowledged() {
    let mut failed = 0;
    for fails_sync in [false, true] {
        let step = if thorough() { 1 } else { 9 };
        for after in (0..if fails_sync { 60 } else { 400 }).step_by(step) {
            for failures in [2, 5, 20] {
                let disk = Arc::new(SimulatedDisk::new());
                let storage = open_on(&disk, &options()).unwrap();
                let left = if fails_sync { &disk.syncs_left } else { &disk.writes_left };
                disk.failures.store(failures, Ordering::Relaxed);
                left.store(after, Ordering::Relaxed);
                let mut rows = Rows::new();
                let relief = || disk.failures.store(0, Ordering::Relaxed);
                failed += struggle(&disk, &storage, &mut rows, 0, 40, relief);
                disk.failures.store(0, Ordering::Relaxed);
                drop(storage);
                assert!(rows_of(&open_on(&disk, &options()).unwrap()).unwrap() == rows);
            }
        }
    }
    assert!(failed > 10, "{failed}");
}

#[test]
fn a_disk_that_fails_while_a_file_is_opened_is_told_and_does_no_harm() {
    let (rows, files) = closed_and_killed();
    for file in files {
        for after in 0..30 {
            for fails_sync in [false, true] {
                let disk = Arc::new(SimulatedDisk::holding(file.clone()));
                disk.failures.store(1000, Ordering::Relaxed);
                let left = if fails_sync { &disk.syncs_left } else { &disk.writes_left };
                left.store(after, Ordering::Relaxed);
                if let Err(failure) = open_on(&disk, &options()) {
                    assert_eq!(failure.code, Error::IO_ERROR, "{failure}");
                    assert!(failure.message.contains("gave up"), "{failure}");
                }
                left.store(NEVER, Ordering::Relaxed);
                let storage = open_on(&disk, &options()).unwrap();
                assert!(rows_of(&storage).unwrap() == rows);
            }
        }
    }
}
