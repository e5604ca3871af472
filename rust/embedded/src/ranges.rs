//! A set of key ranges that only grows: the read or write conflict ranges of a transaction.

/// Key ranges `[begin, end)`, read back in order, without overlaps and without neighbours that touch.
#[derive(Default, Debug)]
pub struct Ranges {}

impl Ranges {
    pub fn new() -> Ranges {
        Ranges::default()
    }

    /// Adds `[begin, end)`; an empty or inverted range adds nothing.
    pub fn add(&mut self, _begin: &[u8], _end: &[u8]) {}

    /// Adds the range that holds `key` alone.
    pub fn add_key(&mut self, _key: &[u8]) {}

    pub fn is_empty(&self) -> bool {
        true
    }

    pub fn clear(&mut self) {}

    /// The ranges in key order, coalesced.
    pub fn iter(&self) -> std::vec::IntoIter<(&[u8], &[u8])> {
        Vec::new().into_iter()
    }

    /// What the ranges added so far count towards a transaction's approximate size.
    pub fn approximate_size(&self) -> i64 {
        0
    }
}
