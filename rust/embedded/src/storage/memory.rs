//! A database in memory: a persistent ordered map, so that a snapshot is a copy of its root.

use std::borrow::Borrow;
use std::ops::Bound::{Excluded, Included};

use imbl::OrdMap;
use parking_lot::{Mutex, RwLock};

use crate::Version;
use crate::bytes::Bytes;
use crate::keys::Key;
use crate::mutation::{Mutation, atomic};

pub type Map = OrdMap<Key, Bytes>;

/// The rows of a range.
pub struct Range<'a>(imbl::ordmap::RangedIter<'a, Key, Bytes, imbl::shared_ptr::DefaultSharedPtr>);

pub fn range<'a>(map: &'a Map, begin: &[u8], end: &[u8]) -> Range<'a> {
    let begin = begin.min(end);
    Range(map.range::<_, [u8]>((Included(begin), Excluded(end))))
}

impl<'a> Iterator for Range<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.borrow(), &**value))
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key.borrow(), &**value))
    }
}

#[derive(Default)]
pub struct Memory {
    state: RwLock<(Map, Version)>,
    /// One apply at a time. Reads go on beside it.
    applying: Mutex<()>,
}

impl Memory {
    pub fn version(&self) -> Version {
        self.state.read().1
    }

    pub fn snapshot(&self) -> Map {
        self.state.read().0.clone()
    }

    pub fn apply(&self, mutations: &[Mutation], version: Version) {
        let _one = self.applying.lock();
        let mut map = self.snapshot();
        for mutation in mutations {
            apply(&mut map, mutation);
        }
        let old = std::mem::replace(&mut *self.state.write(), (map, version));
        drop(old);
    }
}

fn apply(map: &mut Map, mutation: &Mutation) {
    match mutation {
        Mutation::Set { key, value } => {
            map.insert(key.clone(), value.clone());
        }
        Mutation::Clear { begin, end } => clear(map, begin, end),
        Mutation::Atomic { op, key, operand } => {
            match atomic(*op, map.get(&**key).map(|value| &**value), operand) {
                Some(value) => {
                    let value = Bytes::from(&*value);
                    map.insert(key.clone(), value);
                }
                None => {
                    map.remove(&**key);
                }
            }
        }
        Mutation::VersionstampedKey { .. } | Mutation::VersionstampedValue { .. } => {}
    }
}

fn clear(map: &mut Map, begin: &[u8], end: &[u8]) {
    let keys: Vec<Key> = {
        let bounds = (Included(begin.min(end)), Excluded(end));
        map.range::<_, [u8]>(bounds).map(|(key, _)| key.clone()).collect()
    };
    if keys.len() == map.len() {
        map.clear();
    }
    for key in &keys {
        map.remove(key);
    }
}
