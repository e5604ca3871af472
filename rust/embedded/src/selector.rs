//! Key selectors: a key described by its place among the keys of the database.

use std::borrow::Cow;

use crate::keys::key_after;

/// The last key less than `key` (or equal to it, with `or_equal`), moved `offset` keys forward.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    pub key: Vec<u8>,
    pub or_equal: bool,
    pub offset: i32,
}

impl Selector {
    pub fn last_less_than(key: impl Into<Vec<u8>>) -> Selector {
        Selector { key: key.into(), or_equal: false, offset: 0 }
    }

    pub fn last_less_or_equal(key: impl Into<Vec<u8>>) -> Selector {
        Selector { key: key.into(), or_equal: true, offset: 0 }
    }

    pub fn first_greater_than(key: impl Into<Vec<u8>>) -> Selector {
        Selector { key: key.into(), or_equal: true, offset: 1 }
    }

    pub fn first_greater_or_equal(key: impl Into<Vec<u8>>) -> Selector {
        Selector { key: key.into(), or_equal: false, offset: 1 }
    }

    /// The same key counted from a base that is never equal: "or equal to k" is "less than k\x00".
    pub(crate) fn base(&self) -> Base<'_> {
        let key = if self.or_equal {
            Cow::Owned(key_after(&self.key))
        } else {
            Cow::Borrowed(self.key.as_slice())
        };
        Base { key, offset: self.offset }
    }
}

/// A selector without `or_equal`: offset 1 is the first key at or after `key`, 0 the last before it.
#[derive(Clone, Debug)]
pub(crate) struct Base<'a> {
    pub key: Cow<'a, [u8]>,
    pub offset: i32,
}
