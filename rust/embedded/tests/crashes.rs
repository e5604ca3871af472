//! Power is lost at every sync and at many writes between: what is found afterwards is every commit that was acknowledged,
//! and each commit whole or not at all.
//!
//! FOUND_CRASHES=N makes N times as many.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod disks;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use disks::{Random, Rows, SimulatedDisk, batch, open_on, rows_of};
use found_embedded::storage::FileOptions;
use parking_lot::Mutex;

/// What the database was at each version, and which was acknowledged last.
struct Model {
    states: Mutex<Vec<Rows>>,
    acknowledged: AtomicU64,
    /// Losses after which nothing wrong was found, and what was.
    losses: AtomicU64,
    found: Mutex<Vec<String>>,
}

impl Model {
    fn new() -> Arc<Model> {
        Arc::new(Model {
            states: Mutex::new(vec![Rows::new()]),
            acknowledged: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            found: Mutex::default(),
        })
    }

    /// The version found, if it is one that may be.
    fn judge(
        &self,
        bytes: Vec<u8>,
        options: &FileOptions,
        again: &mut Random,
    ) -> Result<(), String> {
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let least = if options.sync { acknowledged } else { 0 };
        let disk = Arc::new(SimulatedDisk::holding(bytes));
        let storage = open_on(&disk, options).map_err(|failure| failure.to_string())?;
        let version = storage.version();
        let states = self.states.lock();
        let rows = rows_of(&storage).map_err(|code| format!("{code:?} {:?}", storage.failure()))?;
        if version.unsigned_abs() < least || version.unsigned_abs() > acknowledged + 1 {
            return Err(format!("{version} after {acknowledged} was acknowledged"));
        }
        if states.get(usize::try_from(version).unwrap()) != Some(&rows) {
            return Err(format!("the rows of {version} are not what they were"));
        }
        drop(states);
        if again.one_in(4) {
            // What was found can be written to, and closed, and is sound.
            let mut rows = rows;
            storage.apply(&batch(version + 1000, &mut rows), version + 1000).unwrap();
            drop(storage);
            let storage = open_on(&disk, options).map_err(|failure| failure.to_string())?;
            if rows_of(&storage) != Ok(rows) || storage.check() != Ok(None) {
                return Err(format!("{version} could not be gone on with"));
            }
        }
        Ok(())
    }

    /// Losses of power on `disk`, by chance before a write.
    fn watch(
        self: &Arc<Model>,
        disk: SimulatedDisk,
        seed: u64,
        options: &FileOptions,
        once_more: bool,
    ) -> SimulatedDisk {
        let (model, options) = (Arc::clone(self), options.clone());
        let random = Mutex::new(Random(seed));
        disk.with_hook(move |disk, is_sync| {
            let mut random = random.lock();
            let losses = if is_sync { 3 } else { u64::from(random.one_in(12)) };
            for _ in 0..losses {
                let bytes = disk.after_power_loss(&mut random);
                if once_more && random.one_in(10) {
                    // Power is lost again while the file is opened after the first loss.
                    let disk = SimulatedDisk::holding(bytes.clone());
                    let disk = Arc::new(model.watch(disk, random.next(), &options, false));
                    let _ = open_on(&disk, &options);
                }
                let outcome = model.judge(bytes, &options, &mut random);
                model.losses.fetch_add(1, Ordering::Relaxed);
                if let Err(found) = outcome {
                    model.found.lock().push(found);
                }
            }
        })
    }

    fn run(self: &Arc<Model>, seed: u64, options: &FileOptions, stubbed: bool) {
        let disk = Arc::new(self.watch(SimulatedDisk::new(), seed, options, true));
        disk.stubbed.store(stubbed, Ordering::Relaxed);
        let mut rows = Rows::new();
        let mut version = 0;
        for life in 1..=3 {
            let storage = open_on(&disk, options).unwrap();
            assert_eq!(storage.version(), version);
            for _ in 0..12 * life {
                let mutations = batch(version + 1, &mut rows);
                self.states.lock().push(rows.clone());
                storage.apply(&mutations, version + 1).unwrap();
                version += 1;
                self.acknowledged.store(version.unsigned_abs(), Ordering::Relaxed);
            }
            if life == 2 {
                storage.compact().unwrap();
            }
        }
    }
}

fn times() -> u64 {
    std::env::var("FOUND_CRASHES").map_or(1, |times| times.parse().unwrap())
}

#[test]
fn what_was_acknowledged_survives_a_loss_of_power_at_any_moment() {
    let mut losses = 0;
    // 2 once found a file shorter than its head says, which a crash had left and the next commit made last.
    for seed in (0..times()).chain([2]) {
        let model = Model::new();
        model.run(seed, &FileOptions::default(), false);
        let found = model.found.lock();
        assert!(
            found.is_empty(),
            "seed {seed}: {} found, {:?}",
            found.len(),
            &found[..found.len().min(5)]
        );
        losses += model.losses.load(Ordering::Relaxed);
    }
    println!("{losses} losses of power");
    assert!(losses > 500, "{losses}");
}

#[test]
fn without_syncs_a_loss_of_power_keeps_a_state_there_once_was() {
    for seed in 0..times() {
        let model = Model::new();
        let options = FileOptions { sync: false, ..FileOptions::default() };
        model.run(seed, &options, false);
        let found = model.found.lock();
        assert!(
            found.is_empty(),
            "seed {seed}: {} found, {:?}",
            found.len(),
            &found[..found.len().min(5)]
        );
    }
}

/// The test above can fail: here is what it says of a disk whose syncs do nothing.
#[test]
fn syncs_that_do_nothing_are_found_out() {
    let model = Model::new();
    model.run(1, &FileOptions::default(), true);
    let found = model.found.lock().len();
    assert!(found > 50, "{found} of {}", model.losses.load(Ordering::Relaxed));
}
