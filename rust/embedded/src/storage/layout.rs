//! Where the blocks of a database file lie.
//!
//! redb sees a plain run of bytes. Its first block, the header, lies in the heads ([`super::heads`]); each further 512
//! blocks lie together, behind the block of their checksums:
//!
//! ```text
//! heads | sums of 1..=512 | block 1 | ... | block 512 | sums of 513..=1024 | block 513 | ...
//! ```

/// Blocks are redb's pages: no page of redb's shares one with another.
pub const BLOCK: usize = 4096;
pub const BLOCK_BYTES: u64 = BLOCK as u64;

/// Blocks whose checksums, of 8 bytes, fill a block.
pub const GROUP: u64 = BLOCK_BYTES / 8;

/// Blocks before the first group.
pub const HEADS: u64 = 4;

/// The group of a block, and its place there. The block is not 0.
pub fn place(block: u64) -> (u64, usize) {
    let index = block - 1;
    (index / GROUP, usize::try_from(index % GROUP).unwrap_or(0))
}

/// Where the checksums of a group begin in the file.
pub fn sums_offset(group: u64) -> u64 {
    (HEADS + group * (GROUP + 1)) * BLOCK_BYTES
}

/// Where a block begins in the file. The block is not 0.
pub fn block_offset(block: u64) -> u64 {
    let (group, index) = place(block);
    sums_offset(group) + (1 + index as u64) * BLOCK_BYTES
}

/// How long the file is with the first `len` of redb's bytes.
pub fn file_len(len: u64) -> u64 {
    match len.div_ceil(BLOCK_BYTES) {
        0 | 1 => HEADS * BLOCK_BYTES,
        blocks => block_offset(blocks - 1) + BLOCK_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_blocks_lie_in_one_place() {
        let mut places: Vec<u64> = (0..5).map(sums_offset).collect();
        places.extend((1..=5 * GROUP).map(block_offset));
        places.sort_unstable();
        let expected: Vec<u64> =
            (HEADS..HEADS + 5 * (GROUP + 1)).map(|block| block * BLOCK_BYTES).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn a_file_is_as_long_as_its_last_block_needs() {
        for blocks in [1, 2, 3, GROUP, GROUP + 1, GROUP + 2, 5 * GROUP, 5 * GROUP + 1] {
            assert_eq!(file_len(blocks * BLOCK_BYTES), end_of(blocks));
        }
        assert_eq!(file_len(0), end_of(1));
    }

    fn end_of(blocks: u64) -> u64 {
        let last = (1..blocks).map(block_offset).max();
        last.map_or(HEADS * BLOCK_BYTES, |last| last + BLOCK_BYTES)
    }
}
