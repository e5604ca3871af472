//! The file under redb: every block of it carries a checksum, which is verified whenever the block is read.
//!
//! redb has checksums, but verifies them only when it repairs a file. Here a block that is not what was written is an
//! error to whoever reads it, and never data. The checksums lie apart from their blocks, so that a write that was lost
//! on its way to the disk shows as well.
//!
//! **Crashes.** Blocks, their checksums and the head are written before one sync, and reach the disk in any order. redb
//! never overwrites a block of the last commit, so after a crash only blocks that belong to no commit may differ from
//! their checksums; or those of a commit whose sync had begun, which redb verifies by its own checksums, and keeps or
//! drops. So while redb opens the file, blocks that differ are shown to it and noted; where it has repaired the file they
//! are accepted as they are, for it has read and verified all that it keeps; where it has not, they are damage. What is
//! asked of the disk is that a sector of 512 bytes is written whole or not at all.
//!
//! **Failures.** A write or a sync that fails is tried again: a sync with everything written since the last, for the
//! system forgets what it could not write. If it fails again the blocks are frozen: the file stays as the last commit left
//! it. redb is not told, since it would refuse even to read from then on; its further writes go nowhere, and the storage
//! throws that commit away by opening the file again ([`Blocks::thaw`]).

use std::collections::{HashMap, HashSet};
use std::io::{Error as IoError, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::disk::Disk;
use super::heads::{self, Head, Heads};
use super::layout::{BLOCK, BLOCK_BYTES, GROUP, HEADS, block_offset, file_len, place, sums_offset};

/// Groups whose checksums are in memory, but for those that wait to be written: 8 MiB, for 4 GiB of file.
const GROUPS: usize = 2_048;

/// Why a block cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    Io(IoError),
    /// The block is not what was written to it.
    Damaged(u64),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Io(error) => error.fmt(f),
            Unreadable::Damaged(block) => {
                let offset = block_offset(*block);
                write!(
                    f,
                    "the file is damaged: the 4096 bytes at {offset} are not what was written there"
                )
            }
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<IoError> for Unreadable {
    fn from(error: IoError) -> Unreadable {
        Unreadable::Io(error)
    }
}

/// Why a file is not taken for a database.
pub enum NotOurs {
    Io(IoError),
    /// Of a format that this engine does not read.
    Format(u32),
    /// What it says of itself is not all there.
    Truncated,
    Other,
}

impl From<IoError> for NotOurs {
    fn from(error: IoError) -> NotOurs {
        NotOurs::Io(error)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frozen {
    /// The file is as the last commit left it.
    Unchanged,
    /// The commit whose sync failed may be in the file.
    Unknown,
}

#[derive(Debug)]
pub struct Blocks {
    disk: Arc<dyn Disk>,
    sums: RwLock<HashMap<u64, Group>>,
    /// One writes at a time. Reads go on beside it.
    writing: Mutex<Writing>,
    /// redb opens the file, and is told of failures.
    is_opening: AtomicBool,
    /// While it opens one that was not closed: blocks that differ from their checksums, with those they would have.
    suspects: Mutex<Option<HashMap<u64, u64>>>,
    frozen: AtomicBool,
    state: Mutex<State>,
    syncs: AtomicU64,
    written: AtomicU64,
}

#[derive(Debug)]
struct Group {
    sums: Box<[u64]>,
    dirty: bool,
}

#[derive(Debug)]
struct Writing {
    /// What redb has last written.
    head: Head,
    /// What the last sync put on the disk.
    safe: Head,
    /// Blocks written since the last sync.
    unsynced: HashSet<u64>,
    /// The file is longer than it need be.
    is_cut: bool,
}

impl From<Head> for Writing {
    fn from(head: Head) -> Writing {
        Writing { safe: head.clone(), head, unsynced: HashSet::new(), is_cut: false }
    }
}

#[derive(Debug, Default)]
struct State {
    frozen: Option<Frozen>,
    failure: Option<String>,
    /// What was not written: it failed, or came after. redb may ask for it, in the course of the same commit.
    unwritten: HashMap<u64, Box<[u8]>>,
}

fn sum_of(block: u64, bytes: &[u8]) -> u64 {
    // 0 says that nothing was written there.
    xxh3_64_with_seed(bytes, block).max(1)
}

fn agrees(sum: u64, block: u64, bytes: &[u8]) -> bool {
    if sum == 0 { bytes.iter().all(|&byte| byte == 0) } else { sum == sum_of(block, bytes) }
}

fn odd_place() -> IoError {
    IoError::new(ErrorKind::InvalidInput, "not a place of whole pages")
}

/// The runs of `count` blocks from `block` on that lie together in the file.
fn runs(block: u64, count: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut next = block;
    let end = block + count;
    std::iter::from_fn(move || {
        let begin = next;
        next = end.min(begin + GROUP - (begin - 1) % GROUP);
        (begin < end).then_some((begin, next - begin))
    })
}

impl Blocks {
    /// Takes a file over, which is new or one of ours. `opened` ends the opening, in which, to `verify`, redb reads all of
    /// it as if it had not been closed.
    pub fn load(disk: Arc<dyn Disk>, verify: bool) -> Result<Blocks, NotOurs> {
        let head = read_head(&*disk)?;
        // A head that redb wrote as it opened the file may say so too early: those have no mark.
        let shows_all = verify || !(head.is_closed() && head.synced);
        Ok(Blocks {
            disk,
            sums: RwLock::default(),
            writing: Mutex::new(Writing::from(head)),
            is_opening: AtomicBool::new(true),
            suspects: Mutex::new(shows_all.then(HashMap::new)),
            frozen: AtomicBool::new(false),
            state: Mutex::default(),
            syncs: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
    }

    /// How often the disk was synced.
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// How many bytes redb has written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether the last commit is on the disk for sure. Otherwise, after a crash, it may be there in part.
    pub fn is_synced(&self) -> bool {
        self.writing.lock().safe.synced
    }

    /// redb has read and verified all that it will keep: what differs from its checksum is right. So it is on the disk with
    /// what redb writes next.
    pub fn accept(&self) -> Result<(), IoError> {
        let accepted = self.suspects.lock().as_mut().map(std::mem::take).unwrap_or_default();
        accepted.into_iter().try_for_each(|(block, sum)| self.set_sums(block, &[sum]))
    }

    /// redb has opened the file. None, or a block that is damaged.
    pub fn opened(&self) -> Option<u64> {
        let suspects = self.suspects.lock().take().unwrap_or_default();
        self.is_opening.store(false, Ordering::Release);
        suspects.keys().min().copied()
    }

    pub fn is_opening(&self) -> bool {
        self.is_opening.load(Ordering::Acquire)
    }

    /// How long redb takes the file to be.
    pub fn len(&self) -> u64 {
        self.writing.lock().head.len
    }

    /// How long the file is, by and large.
    pub fn extent(&self) -> u64 {
        self.writing.lock().head.extent
    }

    pub fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Unreadable> {
        if offset < BLOCK_BYTES {
            let from = usize::try_from(offset).map_err(|_| odd_place())?;
            let header = self.writing.lock().head.header;
            let part = header.get(from..from + out.len()).ok_or_else(odd_place)?;
            out.copy_from_slice(part);
            return Ok(());
        }
        if !offset.is_multiple_of(BLOCK_BYTES) || !out.len().is_multiple_of(BLOCK) {
            return Err(odd_place().into());
        }
        let (first, count) = (offset / BLOCK_BYTES, (out.len() / BLOCK) as u64);
        if self.frozen.load(Ordering::Acquire) && self.read_unwritten(first, out) {
            return Ok(());
        }
        let mut rest = out;
        for (block, count) in runs(first, count) {
            let (run, after) = rest.split_at_mut(usize::try_from(count).unwrap_or(0) * BLOCK);
            self.read_run(block, run)?;
            for (block, bytes) in (block..).zip(run.chunks_exact_mut(BLOCK)) {
                self.verify(block, bytes)?;
            }
            rest = after;
        }
        Ok(())
    }

    /// What lies behind the end of the file was never written to, unless its checksum says otherwise.
    fn read_run(&self, block: u64, run: &mut [u8]) -> Result<(), IoError> {
        match self.disk.read(block_offset(block), run) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                run.fill(0);
                let end = self.disk.len()?.saturating_sub(block_offset(block));
                let there = usize::try_from(end).unwrap_or(0).min(run.len());
                self.disk.read(block_offset(block), run.get_mut(..there).unwrap_or_default())
            }
            done => done,
        }
    }

    /// redb reads a page as it wrote it: its blocks are all unwritten, or none is.
    fn read_unwritten(&self, first: u64, out: &mut [u8]) -> bool {
        let state = self.state.lock();
        let blocks = (first..).zip(out.chunks_exact_mut(BLOCK));
        blocks.fold(false, |any, (block, to)| match state.unwritten.get(&block) {
            Some(bytes) => {
                to.copy_from_slice(bytes);
                true
            }
            None => any,
        })
    }

    fn verify(&self, block: u64, bytes: &mut [u8]) -> Result<(), Unreadable> {
        if agrees(self.sum(block)?, block, bytes) {
            return Ok(());
        }
        // Once more, beside no write: what is damaged stays so.
        let _no_write = self.writing.lock();
        self.read_run(block, bytes)?;
        if agrees(self.sum(block)?, block, bytes) {
            return Ok(());
        }
        match &mut *self.suspects.lock() {
            Some(suspects) => {
                suspects.insert(block, sum_of(block, bytes));
                Ok(())
            }
            None => Err(Unreadable::Damaged(block)),
        }
    }

    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), IoError> {
        let mut writing = self.writing.lock();
        if offset < BLOCK_BYTES {
            let from = usize::try_from(offset).map_err(|_| odd_place())?;
            let to = writing.head.header.get_mut(from..from + data.len()).ok_or_else(odd_place)?;
            to.copy_from_slice(data);
            return Ok(());
        }
        if !offset.is_multiple_of(BLOCK_BYTES) || !data.len().is_multiple_of(BLOCK) {
            return Err(odd_place());
        }
        let first = offset / BLOCK_BYTES;
        let count = (data.len() / BLOCK) as u64;
        if self.frozen.load(Ordering::Acquire) {
            self.keep_unwritten(first, data);
            return Ok(());
        }
        self.written.fetch_add(data.len() as u64, Ordering::Relaxed);
        let written = self.write_blocks(first, count, data);
        writing.unsynced.extend(first..first + count);
        writing.head.extent = writing.head.extent.max(offset + data.len() as u64);
        if let Some(suspects) = &mut *self.suspects.lock() {
            suspects.retain(|block, _| !(first..first + count).contains(block));
        }
        written.or_else(|error| {
            self.failed(error, Frozen::Unchanged)?;
            self.keep_unwritten(first, data);
            Ok(())
        })
    }

    fn keep_unwritten(&self, first: u64, data: &[u8]) {
        let blocks = (first..).zip(data.chunks_exact(BLOCK).map(Box::from));
        self.state.lock().unwritten.extend(blocks);
    }

    fn write_blocks(&self, first: u64, count: u64, data: &[u8]) -> Result<(), IoError> {
        let mut rest = data;
        for (block, count) in runs(first, count) {
            let (run, after) = rest.split_at(usize::try_from(count).unwrap_or(0) * BLOCK);
            let sums: Vec<u64> = (block..)
                .zip(run.chunks_exact(BLOCK))
                .map(|(block, bytes)| sum_of(block, bytes))
                .collect();
            self.set_sums(block, &sums)?;
            let offset = block_offset(block);
            self.disk.write(offset, run).or_else(|_| self.disk.write(offset, run))?;
            rest = after;
        }
        Ok(())
    }

    /// The file itself grows as it is written to, and is cut once a head says so that is on the disk.
    pub fn set_len(&self, len: u64) -> Result<(), IoError> {
        let mut writing = self.writing.lock();
        writing.head.len = len;
        if len >= writing.head.extent || self.frozen.load(Ordering::Acquire) {
            return Ok(());
        }
        writing.head.extent = len;
        writing.is_cut = true;
        let first = (len / BLOCK_BYTES).max(1);
        writing.unsynced.retain(|&block| block < first);
        self.forget_sums(first)
    }

    pub fn sync(&self) -> Result<(), IoError> {
        let mut writing = self.writing.lock();
        if self.frozen.load(Ordering::Acquire) {
            return Ok(());
        }
        let is_news = !writing.head.says_the_same(&writing.safe);
        if is_news {
            writing.head.generation = writing.safe.generation + 1;
        }
        let once = self.sync_all(&writing.head, is_news);
        let done = once.or_else(|_| {
            // The system may have dropped what it could not write, and call the next sync a success.
            self.rewrite(&writing.unsynced)?;
            self.sync_all(&writing.head, is_news)
        });
        match done {
            Ok(()) => {
                writing.unsynced.clear();
                writing.safe = writing.head.clone();
                // While redb opens the file it syncs a head before it has verified the commit that the head names. That a
                // mark is lost does no harm: it only says what is so.
                if is_news && !self.is_opening() {
                    let (offset, mark) = Head::synced_mark(writing.safe.generation);
                    let _ = self.disk.write(offset, mark);
                }
                self.clean_sums();
                if std::mem::take(&mut writing.is_cut) {
                    // If it fails there is room that is not needed.
                    let _ = self.disk.set_len(file_len(writing.safe.extent));
                }
                Ok(())
            }
            Err(error) => {
                let taken_back = self.take_back(&writing.safe).is_ok();
                let frozen = if taken_back { Frozen::Unchanged } else { Frozen::Unknown };
                self.failed(error, frozen)
            }
        }
    }

    fn sync_all(&self, head: &Head, with_head: bool) -> Result<(), IoError> {
        for (&group, sums) in self.sums.read().iter().filter(|(_, group)| group.dirty) {
            let bytes: Vec<u8> = sums.sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
            let offset = sums_offset(group);
            self.disk.write(offset, &bytes).or_else(|_| self.disk.write(offset, &bytes))?;
        }
        if with_head {
            self.disk.write(Head::offset(head.generation), &head.encode())?;
        }
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.disk.sync()
    }

    fn rewrite(&self, blocks: &HashSet<u64>) -> Result<(), IoError> {
        let mut bytes = [0; BLOCK];
        for &block in blocks {
            self.disk.read(block_offset(block), &mut bytes)?;
            if !agrees(self.sum(block)?, block, &bytes) {
                return Err(IoError::other("what was written is lost"));
            }
            self.disk.write(block_offset(block), &bytes)?;
        }
        Ok(())
    }

    /// Puts the last commit's head over one that may have reached the disk. Fails if it is not certain to be there.
    fn take_back(&self, safe: &Head) -> Result<(), IoError> {
        let head = Head { generation: safe.generation + 1, ..safe.clone() };
        self.disk.write(Head::offset(head.generation), &head.encode())?;
        self.disk.sync()
    }

    /// While redb opens the file it is told; afterwards the blocks are frozen.
    fn failed(&self, error: IoError, frozen: Frozen) -> Result<(), IoError> {
        if self.is_opening() {
            return Err(error);
        }
        let mut state = self.state.lock();
        state.frozen.get_or_insert(frozen);
        state.failure.get_or_insert_with(|| error.to_string());
        self.frozen.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether a write has failed, and what the file holds since.
    pub fn frozen(&self) -> Option<Frozen> {
        if self.frozen.load(Ordering::Acquire) { self.state.lock().frozen } else { None }
    }

    pub fn failure(&self) -> Option<String> {
        self.state.lock().failure.clone()
    }

    /// Whether the disk takes again what it refused: fails if it does not. Those blocks belong to no commit.
    pub fn try_again(&self) -> Result<(), IoError> {
        let state = self.state.lock();
        let blank = [0; BLOCK];
        for &block in state.unwritten.keys() {
            self.disk.write(block_offset(block), &blank)?;
        }
        self.disk.sync()
    }

    /// Begins anew with what the last commit left, once that is certain to be what the file holds: nobody uses the
    /// blocks meanwhile. `opened` ends this opening as well.
    pub fn thaw(&self) -> Result<(), NotOurs> {
        let mut writing = self.writing.lock();
        self.take_back(&writing.safe)?;
        let head = read_head(&*self.disk)?;
        self.sums.write().clear();
        *writing = Writing::from(head);
        *self.suspects.lock() = Some(HashMap::new());
        self.is_opening.store(true, Ordering::Release);
        *self.state.lock() = State::default();
        self.frozen.store(false, Ordering::Release);
        Ok(())
    }

    fn sum(&self, block: u64) -> Result<u64, IoError> {
        let (group, index) = place(block);
        let at = |group: &Group| group.sums.get(index).copied().unwrap_or(0);
        if let Some(group) = self.sums.read().get(&group) {
            return Ok(at(group));
        }
        self.with_group(group, |group| at(group))
    }

    fn set_sums(&self, first: u64, sums: &[u64]) -> Result<(), IoError> {
        let (group, index) = place(first);
        self.with_group(group, |group| {
            for (to, sum) in group.sums.iter_mut().skip(index).zip(sums) {
                *to = *sum;
            }
            group.dirty = true;
        })
    }

    fn with_group<T>(
        &self,
        group: u64,
        use_it: impl FnOnce(&mut Group) -> T,
    ) -> Result<T, IoError> {
        let mut groups = self.sums.write();
        if groups.len() >= GROUPS && !groups.contains_key(&group) {
            groups.retain(|_, group| group.dirty);
        }
        Ok(match groups.entry(group) {
            std::collections::hash_map::Entry::Occupied(mut present) => use_it(present.get_mut()),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                use_it(vacant.insert(self.read_group(group)?))
            }
        })
    }

    /// Checksums behind the end of the file are those of blocks that were never written.
    fn read_group(&self, group: u64) -> Result<Group, IoError> {
        let mut bytes = [0; BLOCK];
        match self.disk.read(sums_offset(group), &mut bytes) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
            Err(_) => bytes = [0; BLOCK],
            Ok(()) => {}
        }
        let sum = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        Ok(Group { sums: bytes.chunks_exact(8).map(sum).collect(), dirty: false })
    }

    /// Forgets the checksums of blocks that are cut off, so that they are none when the file grows again.
    fn forget_sums(&self, first: u64) -> Result<(), IoError> {
        let (last, index) = place(first);
        self.sums.write().retain(|&group, _| group <= last);
        self.with_group(last, |group| {
            group.sums.iter_mut().skip(index).for_each(|sum| *sum = 0);
            group.dirty = true;
        })
    }

    fn clean_sums(&self) {
        self.sums.write().values_mut().for_each(|group| group.dirty = false);
    }
}

/// The newest head of a file. A new file gets its first head here.
fn read_head(disk: &dyn Disk) -> Result<Head, NotOurs> {
    let len = disk.len()?;
    let mut bytes = vec![0; usize::try_from(len.min(HEADS * BLOCK_BYTES)).unwrap_or(0)];
    disk.read(0, &mut bytes)?;
    let is_new = len <= HEADS * BLOCK_BYTES;
    match heads::find(&bytes) {
        Heads::Known(head) if head.header.starts_with(b"redb") => {
            // What the head says was in the file when the head was synced; before that it may be in part.
            if len < file_len(head.extent) {
                if head.synced {
                    return Err(NotOurs::Truncated);
                }
                disk.set_len(file_len(head.extent))?;
            }
            // After a kill what was read may be in the system's memory alone, and the next head would go to the place
            // of the one that is on the disk.
            disk.sync()?;
            Ok(*head)
        }
        // redb writes its name last: the file was not done.
        Heads::Known(head) => {
            disk.set_len(file_len(0))?;
            Ok(Head { generation: head.generation, ..Head::first() })
        }
        Heads::New if is_new => {
            let head = Head::first();
            disk.write(Head::offset(head.generation), &head.encode())?;
            disk.sync()?;
            Ok(head)
        }
        Heads::Foreign(format) => Err(NotOurs::Format(format)),
        Heads::New | Heads::None => Err(NotOurs::Other),
    }
}
