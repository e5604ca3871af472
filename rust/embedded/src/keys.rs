//! Keys: byte strings in the order of their bytes.

use crate::bytes::Bytes;

/// The end of the keys of users; what a key selector clamps to.
pub const USER_END: &[u8] = b"\xff";

/// The end of the system keys; what a key selector clamps to where system keys may be read.
pub const SYSTEM_END: &[u8] = b"\xff\xff";

/// An owned key.
pub type Key = Bytes;

/// The first key after `key`: `key\x00`.
pub fn key_after(key: &[u8]) -> Vec<u8> {
    let mut after = Vec::with_capacity(key.len() + 1);
    after.extend_from_slice(key);
    after.push(0);
    after
}

/// Whether `end` is the first key after `begin`, so that `[begin, end)` holds `begin` alone.
pub fn is_key_after(begin: &[u8], end: &[u8]) -> bool {
    end.len() == begin.len() + 1 && end[begin.len()] == 0 && end.starts_with(begin)
}
