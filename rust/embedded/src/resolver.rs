//! Optimistic concurrency: which reads of a transaction were written since it took its read version.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use crate::Version;

/// Looking at this many recent writes one by one is cheaper than looking into the map.
const FEW: usize = 8;

/// The write conflict ranges of recent versions.
///
/// They are kept twice. `history` has them by version: a transaction with a recent read version is
/// checked against the few writes since. `last_write` has them by key, each boundary with the
/// version that last wrote from there to the next boundary: a key is checked by one look. A range
/// is checked whichever way visits fewer.
#[derive(Debug)]
pub struct Resolver {
    oldest: Version,
    history: VecDeque<Write>,
    /// Below the first boundary, and wherever the version is at most `oldest`, nothing conflicts.
    last_write: BTreeMap<Arc<[u8]>, Version>,
}

#[derive(Debug)]
struct Write {
    version: Version,
    begin: Arc<[u8]>,
    end: Arc<[u8]>,
}

impl Resolver {
    pub fn new(oldest: Version) -> Resolver {
        Resolver { oldest, history: VecDeque::new(), last_write: BTreeMap::new() }
    }

    /// The indexes of the read ranges that a version after `read_version` has written, of those
    /// that are known: `read_version` is not before [`Resolver::oldest`].
    pub fn conflicts<'a>(
        &self,
        read_version: Version,
        reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Vec<usize> {
        let since = self.since(read_version);
        reads
            .enumerate()
            .filter(|(_, (begin, end))| self.written(read_version, since, begin, end))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether any of the read ranges conflicts.
    pub fn has_conflict<'a>(
        &self,
        read_version: Version,
        mut reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> bool {
        let since = self.since(read_version);
        since < self.history.len()
            && reads.any(|(begin, end)| self.written(read_version, since, begin, end))
    }

    /// Where in the history the writes after `read_version` begin.
    fn since(&self, read_version: Version) -> usize {
        self.history.partition_point(|write| write.version <= read_version)
    }

    fn written(&self, read_version: Version, since: usize, begin: &[u8], end: &[u8]) -> bool {
        if begin >= end {
            return false;
        }
        let recent = self.history.len() - since;
        let scan =
            || self.history.range(since..).any(|write| *write.begin < *end && *begin < *write.end);
        if recent <= FEW {
            return scan();
        }
        if self.version_at(begin) > read_version {
            return true;
        }
        let mut inside = self.last_write.range::<[u8], _>((Excluded(begin), Excluded(end)));
        // More boundaries than recent writes: go by version after all.
        match inside.by_ref().take(recent).find(|(_, version)| **version > read_version) {
            Some(_) => true,
            None => inside.next().is_some() && scan(),
        }
    }

    fn version_at(&self, key: &[u8]) -> Version {
        let at_or_before = self.last_write.range::<[u8], _>((Unbounded, Included(key))).next_back();
        at_or_before.map_or(Version::MIN, |(_, version)| *version)
    }

    /// Records what `version` wrote. Versions only grow.
    pub fn record<'a>(
        &mut self,
        version: Version,
        writes: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        for (begin, end) in writes {
            if begin < end {
                self.record_one(version, begin.into(), end.into());
            }
        }
    }

    fn record_one(&mut self, version: Version, begin: Arc<[u8]>, end: Arc<[u8]>) {
        let after = self.version_at(&end);
        while let Some((inside, _)) =
            self.last_write.range::<[u8], _>((Included(&*begin), Excluded(&*end))).next()
        {
            let inside = inside.clone();
            self.last_write.remove(&inside);
        }
        self.last_write.insert(begin.clone(), version);
        self.last_write.entry(end.clone()).or_insert(after);
        self.history.push_back(Write { version, begin, end });
    }

    /// Forgets what matters only to read versions before `version`.
    pub fn forget_before(&mut self, version: Version) {
        self.oldest = self.oldest.max(version);
        while let Some(write) = self.history.front()
            && write.version <= self.oldest
        {
            let boundaries = [write.begin.clone(), write.end.clone()];
            self.history.pop_front();
            boundaries.iter().for_each(|boundary| self.forget_boundary(boundary));
        }
    }

    /// Drops a boundary with nothing but forgotten writes on both sides. Either side was last
    /// written by a range that begins or ends there, so the later of the two comes by here last.
    fn forget_boundary(&mut self, boundary: &[u8]) {
        let Some(&after) = self.last_write.get(boundary) else { return };
        let before = self.last_write.range::<[u8], _>((Unbounded, Excluded(boundary))).next_back();
        let before = before.map_or(Version::MIN, |(_, version)| *version);
        if after <= self.oldest && before <= self.oldest {
            self.last_write.remove(boundary);
        }
    }

    /// The oldest read version that can still be checked.
    pub fn oldest(&self) -> Version {
        self.oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Range = (Vec<u8>, Vec<u8>);

    fn range(begin: &[u8], end: &[u8]) -> Range {
        (begin.to_vec(), end.to_vec())
    }

    fn slices(ranges: &[Range]) -> impl Iterator<Item = (&[u8], &[u8])> {
        ranges.iter().map(|(begin, end)| (begin.as_slice(), end.as_slice()))
    }

    #[test]
    fn a_read_conflicts_with_a_later_write_and_not_with_one_at_its_version() {
        let mut resolver = Resolver::new(0);
        resolver.record(10, slices(&[range(b"b", b"d")]));
        let reads =
            [range(b"a", b"b"), range(b"a", b"b\0"), range(b"c", b"c\0"), range(b"d", b"e")];
        assert_eq!(resolver.conflicts(9, slices(&reads)), [1, 2]);
        assert_eq!(resolver.conflicts(10, slices(&reads)), [0_usize; 0]);
        assert!(resolver.has_conflict(9, slices(&reads)));
        assert!(!resolver.has_conflict(10, slices(&reads)));
    }

    #[test]
    fn the_decisions_are_those_of_a_plain_list_of_writes() {
        let mut seed = 3_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..60 {
            let mut resolver = Resolver::new(0);
            let mut model: Vec<(Version, Range)> = Vec::new();
            let keys = if round % 2 == 0 { 250 } else { 20 };
            let mut some = |widest: u64| {
                let begin = random(keys);
                let end = begin + random(widest);
                let key = |n: u64| n.to_be_bytes().to_vec();
                if random(3) == 0 {
                    let mut after = key(begin);
                    after.push(0);
                    (key(begin), after)
                } else {
                    (key(begin), key(end))
                }
            };
            let mut oldest = 0;
            for version in 1..400 {
                let reads: Vec<Range> = (0..3).map(|_| some(keys)).collect();
                let back = Version::try_from(seed_of(version) % 60).unwrap();
                let read_version = (version - 1 - back).max(oldest);
                let expected: Vec<usize> = reads
                    .iter()
                    .enumerate()
                    .filter(|(_, read)| {
                        model.iter().any(|(at, write)| {
                            *at > read_version
                                && read.0 < read.1
                                && write.0 < write.1
                                && read.0 < write.1
                                && write.0 < read.1
                        })
                    })
                    .map(|(index, _)| index)
                    .collect();
                assert_eq!(resolver.conflicts(read_version, slices(&reads)), expected);
                assert_eq!(
                    resolver.has_conflict(read_version, slices(&reads)),
                    !expected.is_empty()
                );
                let writes: Vec<Range> = (0..seed_of(version + 7) % 4).map(|_| some(8)).collect();
                resolver.record(version, slices(&writes));
                model.extend(writes.into_iter().map(|write| (version, write)));
                if version % 25 == 0 {
                    oldest = version - 40;
                    resolver.forget_before(oldest);
                    oldest = resolver.oldest();
                }
            }
        }
    }

    fn seed_of(version: Version) -> u64 {
        u64::try_from(version).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_behind() {
        let mut resolver = Resolver::new(0);
        for version in 1..1000 {
            let begin = (seed_of(version) % 500).to_be_bytes();
            let end = (seed_of(version) % 500 + seed_of(version + 1) % 5).to_be_bytes();
            resolver.record(version, [(&begin[..], &end[..])].into_iter());
            resolver.forget_before(version - 100);
            assert!(resolver.history.len() <= 101);
            assert!(resolver.last_write.len() <= 202);
        }
        resolver.forget_before(1000);
        assert!(resolver.last_write.is_empty(), "{:?}", resolver.last_write);
        assert_eq!(resolver.oldest(), 1000);
    }
}
