//! A database in memory: a persistent ordered map, so that a snapshot is a copy of its root.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;

use imbl::OrdMap;
use parking_lot::{Mutex, RwLock};

use crate::Version;
use crate::mutation::{Mutation, atomic};

pub type Map = OrdMap<MapKey, Arc<[u8]>>;

/// The longest key kept in the map's own nodes: as much as fits beside the length in the room a
/// pointer and its tag need anyway.
const INLINE: usize = 22;

/// A key of the map. Most keys are short, and comparing one that lies in the node costs no trip to
/// another part of memory: against `Arc<[u8]>`, a third to a half off a read and off a load of a
/// million rows of 16-byte keys, and 35 bytes a row. Values are shared, for nodes are copied.
#[derive(Clone)]
pub enum MapKey {
    Inline(u8, [u8; INLINE]),
    Shared(Arc<[u8]>),
}

impl MapKey {
    fn new(key: &[u8]) -> MapKey {
        match u8::try_from(key.len()) {
            Ok(len) if key.len() <= INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..key.len()].copy_from_slice(key);
                MapKey::Inline(len, bytes)
            }
            _ => MapKey::Shared(key.into()),
        }
    }
}

impl Borrow<[u8]> for MapKey {
    #[inline]
    fn borrow(&self) -> &[u8] {
        match self {
            MapKey::Inline(len, bytes) => &bytes[..usize::from(*len)],
            MapKey::Shared(bytes) => bytes,
        }
    }
}

impl PartialEq for MapKey {
    fn eq(&self, other: &MapKey) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MapKey {}

impl PartialOrd for MapKey {
    fn partial_cmp(&self, other: &MapKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MapKey {
    fn cmp(&self, other: &MapKey) -> Ordering {
        Borrow::<[u8]>::borrow(self).cmp(Borrow::<[u8]>::borrow(other))
    }
}

/// The rows of a range.
pub struct Range<'a>(
    imbl::ordmap::RangedIter<'a, MapKey, Arc<[u8]>, imbl::shared_ptr::DefaultSharedPtr>,
);

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
            map.insert(MapKey::new(key), Arc::from(&**value));
        }
        Mutation::Clear { begin, end } => clear(map, begin, end),
        Mutation::Atomic { op, key, operand } => {
            match atomic(*op, map.get(&**key).map(|value| &**value), operand) {
                Some(value) => {
                    let value = Arc::from(&*value);
                    map.insert(MapKey::new(key), value);
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
    let keys: Vec<MapKey> = {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_their_bytes_wherever_they_are_kept() {
        let keys: Vec<Vec<u8>> = (0..40)
            .flat_map(|len| [vec![b'a'; len], [vec![b'a'; len], vec![0]].concat(), vec![b'b'; len]])
            .collect();
        for a in &keys {
            for b in &keys {
                assert_eq!(MapKey::new(a).cmp(&MapKey::new(b)), a.cmp(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_key_costs_no_more_than_a_shared_one_with_its_tag() {
        assert_eq!(size_of::<MapKey>(), 24);
    }
}
