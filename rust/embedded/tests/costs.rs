//! What the file costs: verified blocks beside redb's own file, and opening after a crash, with and without quick repair.
//!
//! cargo test --release -p found-embedded --test costs -- --ignored --nocapture; FOUND_ROWS=1000000 is a gigabyte.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod disks;

use std::path::Path;
use std::time::{Duration, Instant};

use disks::Random;
use found_embedded::mutation::Mutation;
use found_embedded::storage::{FileOptions, Storage};
use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, backends,
};

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("data");
const CACHE: usize = 4 << 20;

fn rows() -> u64 {
    std::env::var("FOUND_ROWS").map_or(200_000, |rows| rows.parse().unwrap())
}

fn key(number: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The same work on either.
trait Engine {
    fn write(&self, rows: &[(u64, [u8; 1000])], sync: bool);
    fn read(&self, rows: &mut dyn Iterator<Item = u64>);
    fn scan(&self) -> u64;
}

impl Engine for Storage {
    fn write(&self, rows: &[(u64, [u8; 1000])], _: bool) {
        let set = |(number, value): &(u64, [u8; 1000])| Mutation::Set {
            key: key(*number)[..].into(),
            value: value[..].into(),
        };
        let batch: Vec<_> = rows.iter().map(set).collect();
        self.apply(&batch, self.version() + 1).unwrap();
    }

    fn read(&self, rows: &mut dyn Iterator<Item = u64>) {
        let snapshot = self.snapshot().unwrap();
        rows.for_each(|row| assert!(snapshot.get(&key(row)).unwrap().is_some()));
    }

    fn scan(&self) -> u64 {
        let mut count = 0;
        let visit = |_: &[u8], _: &[u8]| {
            count += 1;
            true
        };
        self.snapshot().unwrap().visit(b"k", b"l", false, visit).unwrap();
        count
    }
}

impl Engine for Database {
    fn write(&self, rows: &[(u64, [u8; 1000])], sync: bool) {
        let mut transaction = self.begin_write().unwrap();
        transaction
            .set_durability(if sync { Durability::Immediate } else { Durability::None })
            .unwrap();
        {
            let mut table = transaction.open_table(TABLE).unwrap();
            for (number, value) in rows {
                table.insert(&key(*number)[..], &value[..]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn read(&self, rows: &mut dyn Iterator<Item = u64>) {
        let table = self.begin_read().unwrap().open_table(TABLE).unwrap();
        rows.for_each(|row| assert!(table.get(&key(row)[..]).unwrap().is_some()));
    }

    fn scan(&self) -> u64 {
        let table = self.begin_read().unwrap().open_table(TABLE).unwrap();
        table.iter().unwrap().map(|row| row.map(|_| 1).unwrap()).sum()
    }
}

fn timed(what: &str, count: u64, work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    let took = began.elapsed();
    println!("    {what}: {took:.2?}, {:.2} us each", took.as_secs_f64() * 1e6 / count as f64);
    took
}

/// Does the work by turns on each engine, so that whatever else the machine does meets both, and prints the best times.
fn compare(
    engines: [(&str, &dyn Engine); 2],
    what: &str,
    count: u64,
    rounds: u64,
    work: impl Fn(&dyn Engine, u64),
) {
    let mut best = [Duration::MAX; 2];
    for round in 0..rounds {
        for ((_, engine), best) in engines.iter().zip(&mut best) {
            let began = Instant::now();
            work(*engine, round);
            *best = (*best).min(began.elapsed());
        }
    }
    for ((name, _), best) in engines.iter().zip(best) {
        println!("{what}, {name}: {:.2} us each", best.as_secs_f64() * 1e6 / count as f64);
    }
}

fn raw(path: &Path) -> Database {
    let file =
        std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let backend = backends::FileBackend::new(file.unwrap()).unwrap();
    Builder::new().set_cache_size(CACHE).create_with_backend(backend).unwrap()
}

#[test]
#[ignore = "a measurement"]
fn verified_blocks_beside_redbs_own_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours");
    let options = FileOptions { cache_bytes: CACHE, ..FileOptions::default() };
    let ours = Storage::open(&path, &options).unwrap();
    let theirs = raw(&folder.path().join("theirs"));
    let engines: [(&str, &dyn Engine); 2] = [("redb's own", &theirs), ("verified", &ours)];
    let rows = rows();
    let value = [7; 1000];
    compare(engines, "load, 1,000 rows a commit", rows / 10, 10, |engine, round| {
        for begin in (round * rows / 10..(round + 1) * rows / 10).step_by(1_000) {
            let batch: Vec<_> = (begin..begin + 1_000).map(|number| (number, value)).collect();
            engine.write(&batch, true);
        }
    });
    compare(engines, "durable commit of a row", 50, 8, |engine, round| {
        let mut random = Random(round);
        (0..50).for_each(|_| engine.write(&[(random.below(rows), value)], true));
    });
    compare(engines, "read from the system's cache", 10_000, 8, |engine, round| {
        let mut random = Random(round);
        engine.read(&mut (0..10_000).map(|_| random.below(rows)));
    });
    compare(engines, "row of a scan", rows, 4, |engine, _| assert_eq!(engine.scan(), rows));
}

#[test]
#[ignore = "a measurement"]
fn opening_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let copy = folder.path().join("crashed");
    let options = FileOptions { sync: false, ..FileOptions::default() };
    let storage = Storage::open(&path, &options).unwrap();
    let rows = rows();
    for begin in (0..rows).step_by(1_000) {
        let batch: Vec<_> = (begin..begin + 1_000).map(|number| (number, [7; 1000])).collect();
        storage.write(&batch, false);
    }
    storage.flush().unwrap();
    std::fs::copy(&path, &copy).unwrap();
    let bytes = copy.metadata().unwrap().len();
    println!("{rows} rows of 1 kB, a file of {bytes} bytes");
    drop(storage);
    timed("opened after it was closed", 1, || drop(Storage::open(&path, &options).unwrap()));
    timed("opened after a crash", 1, || drop(Storage::open(&copy, &options).unwrap()));
    let verify = FileOptions { verify: true, ..options.clone() };
    timed("opened and verified", 1, || drop(Storage::open(&path, &verify).unwrap()));
    let address = format!("embedded:{}", path.display());
    timed("checked", 1, || {
        let checked = found_embedded::upkeep::check(&address, false, |_, _| true).unwrap();
        assert_eq!(checked.problems, Vec::<String>::new());
    });
    timed("compacted", 1, || {
        found_embedded::upkeep::compact(&address).unwrap();
    });
}

/// What a commit would pay so that opening after a crash need not walk the file.
#[test]
#[ignore = "a measurement"]
fn quick_repair() {
    let folder = tempfile::tempdir().unwrap();
    let database = raw(&folder.path().join("data"));
    let rows = rows();
    for begin in (0..rows).step_by(1_000) {
        let batch: Vec<_> = (begin..begin + 1_000).map(|number| (number, [7; 1000])).collect();
        database.write(&batch, begin % 8_000 == 0);
    }
    let mut random = Random(1);
    for quick in [false, true] {
        timed(
            if quick { "durable commits with quick repair" } else { "durable commits" },
            200,
            || {
                for _ in 0..200 {
                    let mut transaction = database.begin_write().unwrap();
                    transaction.set_quick_repair(quick);
                    transaction
                        .open_table(TABLE)
                        .unwrap()
                        .insert(&key(random.below(rows))[..], &[8; 1000][..])
                        .unwrap();
                    transaction.commit().unwrap();
                }
            },
        );
    }
}
