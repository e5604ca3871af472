//! Disks for the tests: one that can lose power, fill up and fail; and what a database on it should hold.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use found_embedded::mutation::Mutation;
use found_embedded::storage::{Disk, FileOptions, OpenFailure, Storage};
use parking_lot::Mutex;

/// Numbers from a seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, end: u64) -> bool {
        self.below(end) == 0
    }
}

/// What a loss of power may split: a sector is written whole or not at all.
const SECTOR: usize = 512;

enum Unsynced {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    since: Vec<Unsynced>,
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

/// When power may be lost: before each sync, and before some writes.
type PowerLoss = Box<dyn Fn(&SimulatedDisk, bool) + Send + Sync>;

/// A disk that keeps apart what was written and what was synced.
#[derive(Default)]
pub struct SimulatedDisk {
    content: Mutex<Content>,
    hook: Option<PowerLoss>,
    /// Syncs do nothing: what a test of syncs must notice.
    pub stubbed: AtomicBool,
    pub syncs: AtomicU64,
    pub writes: AtomicU64,
    /// Bytes the disk holds; more is ENOSPC.
    pub quota: AtomicU64,
    /// Writes and syncs that succeed before one fails; and how many fail then.
    pub writes_left: AtomicU64,
    pub syncs_left: AtomicU64,
    pub failures: AtomicU64,
}

impl Debug for SimulatedDisk {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

pub const NEVER: u64 = u64::MAX;

impl SimulatedDisk {
    pub fn holding(bytes: Vec<u8>) -> SimulatedDisk {
        let content = Content { synced: bytes.clone(), now: bytes, since: Vec::new() };
        SimulatedDisk {
            content: Mutex::new(content),
            quota: AtomicU64::new(NEVER),
            writes_left: AtomicU64::new(NEVER),
            syncs_left: AtomicU64::new(NEVER),
            ..SimulatedDisk::default()
        }
    }

    pub fn new() -> SimulatedDisk {
        SimulatedDisk::holding(Vec::new())
    }

    #[must_use]
    pub fn with_hook(
        self,
        hook: impl Fn(&SimulatedDisk, bool) + Send + Sync + 'static,
    ) -> SimulatedDisk {
        SimulatedDisk { hook: Some(Box::new(hook)), ..self }
    }

    /// What a process finds after this one was killed.
    pub fn now(&self) -> Vec<u8> {
        self.content.lock().now.clone()
    }

    /// What is found after power was lost: what was synced, and any part of what was written since.
    pub fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let content = self.content.lock();
        let mut bytes = content.synced.clone();
        // Nothing, all, all up to a moment, or anything.
        let (share, until) = match random.below(4) {
            0 => (0, 0),
            1 => (4, usize::MAX),
            2 => (4, usize::try_from(random.below(content.since.len() as u64 + 1)).unwrap()),
            _ => (1 + random.below(3), usize::MAX),
        };
        for unsynced in content.since.iter().take(until) {
            match unsynced {
                Unsynced::Len(len) if random.below(4) < share => bytes.resize(*len, 0),
                Unsynced::Len(_) => {}
                Unsynced::Write(at, data) => {
                    for (index, sector) in data.chunks(SECTOR).enumerate() {
                        if random.below(4) < share {
                            write(&mut bytes, at + index * SECTOR, sector);
                        }
                    }
                }
            }
        }
        bytes
    }

    fn count_down(&self, left: &AtomicU64) -> Result<()> {
        if left.load(Ordering::Relaxed) == NEVER {
            return Ok(());
        }
        if left.load(Ordering::Relaxed) > 0 {
            left.fetch_sub(1, Ordering::Relaxed);
            return Ok(());
        }
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::other("the disk gave up"));
        }
        left.store(NEVER, Ordering::Relaxed);
        Ok(())
    }

    fn check_quota(&self, len: usize) -> Result<()> {
        let full = len as u64 > self.quota.load(Ordering::Relaxed);
        if full { Err(Error::from(ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl Disk for SimulatedDisk {
    fn len(&self) -> Result<u64> {
        Ok(self.content.lock().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let at = usize::try_from(offset).unwrap();
        let content = self.content.lock();
        let part = content.now.get(at..at + out.len());
        out.copy_from_slice(part.ok_or(Error::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        if let Some(hook) = &self.hook {
            hook(self, false);
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.count_down(&self.writes_left)?;
        let at = usize::try_from(offset).unwrap();
        self.check_quota(at + data.len())?;
        let mut content = self.content.lock();
        write(&mut content.now, at, data);
        content.since.push(Unsynced::Write(at, data.to_vec()));
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let len = usize::try_from(len).unwrap();
        let mut content = self.content.lock();
        // A hole takes no room: a quota is met where it is filled.
        content.now.resize(len, 0);
        content.since.push(Unsynced::Len(len));
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        if let Some(hook) = &self.hook {
            hook(self, true);
        }
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.count_down(&self.syncs_left)?;
        if !self.stubbed.load(Ordering::Relaxed) {
            let mut content = self.content.lock();
            content.since.clear();
            content.synced = content.now.clone();
        }
        Ok(())
    }
}

pub type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

pub fn open_on(
    disk: &Arc<SimulatedDisk>,
    options: &FileOptions,
) -> std::result::Result<Storage, OpenFailure> {
    Storage::open_on(Arc::clone(disk) as Arc<dyn Disk>, Path::new("simulated"), options)
}

/// All rows, read from the first and checked from the last; or the error of either.
pub fn rows_of(storage: &Storage) -> std::result::Result<Rows, found_embedded::Error> {
    let snapshot = storage.snapshot()?;
    let mut rows = Rows::new();
    for row in snapshot.range(b"", b"\xff\xff")? {
        let row = row?;
        rows.insert(row.key().to_vec(), row.value().to_vec());
    }
    for (row, (key, value)) in snapshot.range(b"", b"\xff\xff")?.rev().zip(rows.iter().rev()) {
        let row = row?;
        assert!(row.key() == key && row.value() == value, "one row in two directions");
    }
    Ok(rows)
}

/// The batch that makes `version`, and what it makes of the rows: sets, overwrites, clears of ranges, long values.
pub fn batch(version: i64, rows: &mut Rows) -> Vec<Mutation> {
    let mut random = Random(version.unsigned_abs());
    let name = |number: u64| format!("key{number:04}").into_bytes();
    let key = |random: &mut Random| name(random.below(400));
    let mut mutations = Vec::new();
    for _ in 0..1 + random.below(20) {
        if random.one_in(8) {
            // Mostly a few, sometimes all.
            let begin = random.below(400);
            let (begin, end) =
                if random.one_in(30) { (0, 400) } else { (begin, begin + random.below(20)) };
            let (begin, end) = (name(begin), name(end));
            let gone: Vec<_> =
                rows.range(begin.clone()..end.clone()).map(|row| row.0.clone()).collect();
            gone.iter().for_each(|key| drop(rows.remove(key)));
            mutations.push(Mutation::Clear { begin: begin.into(), end: end.into() });
        } else {
            let length = if random.one_in(20) { 20_000 } else { random.below(300) };
            let byte = random.next().to_le_bytes()[0];
            let (key, value) = (key(&mut random), vec![byte; usize::try_from(length).unwrap()]);
            mutations.push(Mutation::Set { key: key.clone().into(), value: value.clone().into() });
            rows.insert(key, value);
        }
    }
    // All there or not there: each batch says which it is.
    let (key, value) = (b"version".to_vec(), version.to_be_bytes().to_vec());
    mutations.push(Mutation::Set { key: key.clone().into(), value: value.clone().into() });
    rows.insert(key, value);
    mutations
}
