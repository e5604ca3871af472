//! The heads of a database file: redb's header, in four copies.
//!
//! redb's header says which commit is the last, and only parts of it carry a checksum. It is kept, with the length of the
//! file, as generations, each written twice: a new one overwrites the one before the last, never the last. So a crash in the middle of writing one
//! leaves the one before, and a damaged copy leaves the other: a commit that was answered is not taken back by either.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::layout::{BLOCK, BLOCK_BYTES};

const MAGIC: [u8; 16] = *b"found database\r\n";

/// The layout of the file that this engine writes, and the only one it reads.
pub const FORMAT: u32 = 2;

/// As much of redb's first page as is kept: its header has 320 bytes.
pub const HEADER: usize = 512;
pub type Header = [u8; HEADER];

const FORMAT_AT: usize = 16;
const GENERATION_AT: usize = 24;
const LEN_AT: usize = 32;
const EXTENT_AT: usize = 40;
const HEADER_AT: usize = 48;
const SUM_AT: usize = HEADER_AT + HEADER;
/// Behind what the checksum covers: that the generation was seen to be on the disk.
const SYNCED_AT: usize = SUM_AT + 8;
const SYNCED: [u8; 8] = *b"is safe\n";

/// A disk writes as much whole or not at all.
const SECTOR: usize = 512;

/// A generation of redb's header.
#[derive(Clone, Debug)]
pub struct Head {
    pub generation: u64,
    pub header: Header,
    /// How long redb takes the file to be: it grows in leaps, by more than it needs.
    pub len: u64,
    /// How much of that was ever written to, and so is in the file.
    pub extent: u64,
    /// It is on the disk for sure. Otherwise that may be so.
    pub synced: bool,
}

/// What lies in the place of the heads.
pub enum Heads {
    /// Nothing, or what a crash left of making the file: if the file is no longer than the heads.
    New,
    Known(Box<Head>),
    /// A file of this engine in a format that it does not read.
    Foreign(u32),
    /// Something else, or nothing that is whole.
    None,
}

impl Head {
    /// Whether it says the same, in whatever generation.
    pub fn says_the_same(&self, other: &Head) -> bool {
        (self.header, self.len, self.extent) == (other.header, other.len, other.extent)
    }

    /// Whether redb has closed the file, which it says in the byte behind its name.
    pub fn is_closed(&self) -> bool {
        const NOT_CLOSED: u8 = 2;
        self.header.get(9).is_some_and(|byte| byte & NOT_CLOSED == 0)
    }

    /// Of a file that redb has not begun yet.
    pub fn first() -> Head {
        Head { generation: 1, header: [0; HEADER], len: 0, extent: 0, synced: false }
    }

    /// Where the copies of a generation begin in the file.
    pub fn offset(generation: u64) -> u64 {
        (generation % 2) * 2 * BLOCK_BYTES
    }

    /// The mark that says that a generation is on the disk, and where it goes: to one copy, for what is damaged there
    /// leaves redb's pages whole, which it is for.
    pub fn synced_mark(generation: u64) -> (u64, &'static [u8]) {
        (Head::offset(generation) + BLOCK_BYTES + SYNCED_AT as u64, &SYNCED)
    }

    /// Both copies of a generation.
    pub fn encode(&self) -> Vec<u8> {
        let mut copy = [0; BLOCK];
        copy[..16].copy_from_slice(&MAGIC);
        copy[FORMAT_AT..FORMAT_AT + 4].copy_from_slice(&FORMAT.to_le_bytes());
        copy[GENERATION_AT..LEN_AT].copy_from_slice(&self.generation.to_le_bytes());
        copy[LEN_AT..EXTENT_AT].copy_from_slice(&self.len.to_le_bytes());
        copy[EXTENT_AT..HEADER_AT].copy_from_slice(&self.extent.to_le_bytes());
        copy[HEADER_AT..SUM_AT].copy_from_slice(&self.header);
        let sum = xxh3_64_with_seed(&copy[..SUM_AT], self.generation);
        copy[SUM_AT..SYNCED_AT].copy_from_slice(&sum.to_le_bytes());
        [copy, copy].concat()
    }

    fn decode(copy: &[u8]) -> Option<Head> {
        let number = |at: usize| Some(u64::from_le_bytes(copy.get(at..at + 8)?.try_into().ok()?));
        let generation = number(GENERATION_AT)?;
        let sum = xxh3_64_with_seed(copy.get(..SUM_AT)?, generation);
        (copy.starts_with(&MAGIC) && number(SUM_AT)? == sum).then_some(())?;
        Some(Head {
            generation,
            header: copy.get(HEADER_AT..SUM_AT)?.try_into().ok()?,
            len: number(LEN_AT)?,
            extent: number(EXTENT_AT)?,
            synced: copy.get(SYNCED_AT..SYNCED_AT + 8)? == SYNCED,
        })
    }
}

/// Finds the newest head in the first blocks of a file, of which there may be fewer than the heads have.
pub fn find(blocks: &[u8]) -> Heads {
    let copies = || blocks.chunks_exact(BLOCK);
    let format = |copy: &[u8]| {
        Some(u32::from_le_bytes(copy.get(FORMAT_AT..FORMAT_AT + 4)?.try_into().ok()?))
    };
    let known = copies().filter(|copy| format(copy) == Some(FORMAT)).filter_map(Head::decode);
    // Of equals either, with the mark of the one that has it.
    let newest = known.reduce(|best, head| {
        if best.generation == head.generation {
            let synced = best.synced || head.synced;
            Head { synced, ..head }
        } else if best.generation > head.generation {
            best
        } else {
            head
        }
    });
    if let Some(head) = newest {
        return Heads::Known(Box::new(head));
    }
    let is_ours = |copy: &[u8]| copy.starts_with(&MAGIC);
    if let Some(format) = copies().filter(|copy| is_ours(copy)).find_map(format)
        && format != FORMAT
        && format != 0
    {
        return Heads::Foreign(format);
    }
    // Whoever made the file was not done with its first head: each sector of it is there, or is not.
    let mut whole = vec![0; usize::try_from(Head::offset(1)).unwrap_or(0)];
    whole.extend(Head::first().encode());
    let mut sectors = blocks.chunks(SECTOR).zip(whole.chunks(SECTOR));
    let unfinished = |(found, whole): (&[u8], &[u8])| {
        found.iter().all(|&byte| byte == 0) || whole.starts_with(found)
    };
    if sectors.all(unfinished) { Heads::New } else { Heads::None }
}
