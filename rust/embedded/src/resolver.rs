//! Optimistic concurrency: which reads of a transaction were written since it took its read version.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::Version;
use crate::keys::{Key, is_key_after};

/// Looking at this many recent writes one by one is cheaper than looking into the maps.
const FEW: usize = 8;

/// Keys of one transaction that are put into the map at once, at most.
const MANY: usize = 32;

/// The write conflict ranges of recent versions.
///
/// They are kept twice. `history` has them by version: a transaction with a recent read version is
/// checked against the few writes since. `keys` and `ranges` have them by key: a key is checked by
/// one look into each. A range is checked whichever way visits fewer.
///
/// Many keys of one transaction stay together, in order, as they were written: each check searches
/// them. They are put into `keys` once they have been searched as often as they are many, which is
/// what that costs: those of a load that nobody reads beside, never.
#[derive(Debug)]
pub struct Resolver {
    oldest: Version,
    history: VecDeque<Write>,
    /// The version that last wrote a key, for keys written alone.
    keys: BTreeMap<Key, Version>,
    /// Each boundary with the version that last wrote a range from there to the next boundary. Below
    /// the first one, and wherever the version is at most `oldest`, nothing conflicts.
    ranges: BTreeMap<Key, Version>,
    loads: VecDeque<Load>,
    /// So many of the first of `loads` are in `keys` too.
    indexed: usize,
}

#[derive(Debug)]
struct Write {
    version: Version,
    begin: Key,
    /// None for `begin` alone.
    end: Option<Key>,
}

/// The keys that one transaction wrote, in order.
#[derive(Debug)]
struct Load {
    version: Version,
    keys: Vec<Key>,
    searches: usize,
}

/// A read conflict range.
#[derive(Clone, Copy)]
struct Read<'a> {
    begin: &'a [u8],
    end: &'a [u8],
    is_key: bool,
}

/// What was written after some version: how much of the history's end, and which loads.
#[derive(Clone, Copy)]
struct Recent {
    read_version: Version,
    writes: usize,
    loads: usize,
}

impl Write {
    fn overlaps(&self, read: Read<'_>) -> bool {
        match &self.end {
            None => read.contains(&self.begin),
            Some(end) => *self.begin < *read.end && *read.begin < **end,
        }
    }
}

impl Load {
    fn overlaps(&self, read: Read<'_>) -> bool {
        let at = self.keys.partition_point(|key| **key < *read.begin);
        self.keys.get(at).is_some_and(|key| read.contains(key))
    }
}

impl Read<'_> {
    fn contains(self, key: &[u8]) -> bool {
        if self.is_key { *key == *self.begin } else { *self.begin <= *key && *key < *self.end }
    }
}

/// How many of `records`, which are in the order of their versions, have a later one. They are searched from their end: a
/// read version is recent, and five seconds of commits no longer fit in the processor's cache.
fn count_after<T>(records: &VecDeque<T>, version: Version, of: impl Fn(&T) -> Version) -> usize {
    let is_after = |index: usize| records.get(index).is_some_and(|record| of(record) > version);
    let mut step = 1;
    while step <= records.len() && is_after(records.len() - step) {
        step *= 2;
    }
    let (mut low, mut high) = (records.len().saturating_sub(step), records.len() - step / 2);
    while low < high {
        let middle = low.midpoint(high);
        if is_after(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    records.len() - low
}

impl Resolver {
    pub fn new(oldest: Version) -> Resolver {
        Resolver {
            oldest,
            history: VecDeque::new(),
            keys: BTreeMap::new(),
            ranges: BTreeMap::new(),
            loads: VecDeque::new(),
            indexed: 0,
        }
    }

    /// The indexes of the read ranges that a version after `read_version` has written, of those
    /// that are known: `read_version` is not before [`Resolver::oldest`].
    pub fn conflicts<'a>(
        &mut self,
        read_version: Version,
        reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Vec<usize> {
        let recent = self.since(read_version);
        reads
            .enumerate()
            .filter(|(_, (begin, end))| self.is_written(recent, begin, end))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether any of the read ranges conflicts.
    pub fn has_conflict<'a>(
        &mut self,
        read_version: Version,
        mut reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> bool {
        let recent = self.since(read_version);
        recent.writes + recent.loads > 0
            && reads.any(|(begin, end)| self.is_written(recent, begin, end))
    }

    /// How many keys and ranges `has_conflict` has to look at for these reads, if none conflicts; what it finds by a
    /// search counts as one.
    pub fn effort<'a>(
        &self,
        read_version: Version,
        reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> usize {
        let recent = self.since(read_version);
        if recent.writes + recent.loads == 0 {
            return 0;
        }
        let mut searches = 0;
        let mut compared = 0;
        for (begin, end) in reads {
            searches += 1;
            compared += match is_key_after(begin, end) {
                true => 2 + recent.loads,
                false => 2 * recent.writes + 3 * recent.loads,
            };
        }
        compared + self.to_index(recent.loads, searches).map(|load| load.keys.len()).sum::<usize>()
    }

    fn since(&self, read_version: Version) -> Recent {
        Recent {
            read_version,
            writes: count_after(&self.history, read_version, |write| write.version),
            loads: count_after(&self.loads, read_version, |load| load.version),
        }
    }

    fn is_written(&mut self, recent: Recent, begin: &[u8], end: &[u8]) -> bool {
        if begin >= end {
            return false;
        }
        let read = Read { begin, end, is_key: is_key_after(begin, end) };
        if recent.writes + recent.loads <= FEW {
            return self.is_in_history(recent, read) || self.is_in_loads(recent, read, 0);
        }
        // The others are in the map.
        if self.is_in_loads(recent, read, self.indexed) {
            return true;
        }
        self.index_searched(recent.loads);
        match self.is_in_maps(recent, read) {
            Some(is_written) => is_written,
            None => self.is_in_history(recent, read) || self.is_in_loads(recent, read, 0),
        }
    }

    /// Whether one of the recent writes overlaps.
    fn is_in_history(&self, recent: Recent, read: Read<'_>) -> bool {
        let first = self.history.len() - recent.writes;
        self.history.range(first..).any(|write| write.overlaps(read))
    }

    /// Whether one of the recent loads overlaps, of those from `first` on.
    fn is_in_loads(&mut self, recent: Recent, read: Read<'_>, first: usize) -> bool {
        let first = first.max(self.loads.len() - recent.loads);
        self.loads.range_mut(first..).any(|load| {
            load.searches += 1;
            load.overlaps(read)
        })
    }

    /// What the maps say; None where they have more boundaries inside the range than there are recent writes.
    fn is_in_maps(&self, recent: Recent, read: Read<'_>) -> Option<bool> {
        let is_recent = |version: Version| version > recent.read_version;
        if read.is_key {
            let key = self.keys.get(read.begin);
            return Some(
                key.copied().is_some_and(is_recent) || is_recent(self.range_at(read.begin)),
            );
        }
        if is_recent(self.range_at(read.begin)) {
            return Some(true);
        }
        let most = recent.writes + recent.loads;
        let keys = self.keys.range::<[u8], _>((Included(read.begin), Excluded(read.end)));
        let inside = self.ranges.range::<[u8], _>((Excluded(read.begin), Excluded(read.end)));
        let mut versions = keys.chain(inside).map(|(_, version)| *version);
        match versions.by_ref().take(most).any(is_recent) {
            true => Some(true),
            false if versions.next().is_none() => Some(false),
            false => None,
        }
    }

    /// The version that last wrote a range with this key.
    fn range_at(&self, key: &[u8]) -> Version {
        let at_or_before = self.ranges.range::<[u8], _>((Unbounded, Included(key))).next_back();
        at_or_before.map_or(Version::MIN, |(_, version)| *version)
    }

    /// The loads that belong into the map once the recent ones have been searched so often more: those that were
    /// searched often enough, and those before them.
    fn to_index(&self, recent: usize, searches: usize) -> impl ExactSizeIterator<Item = &Load> {
        let first = self.indexed.max(self.loads.len() - recent);
        let often = |load: &Load| load.searches + searches >= load.keys.len();
        let end =
            self.loads.range(first..).rposition(often).map_or(self.indexed, |at| first + at + 1);
        self.loads.range(self.indexed..end)
    }

    /// Puts those of the recent loads into the map that were searched often enough, and those before them.
    fn index_searched(&mut self, recent: usize) {
        let count = self.to_index(recent, 0).len();
        for load in self.loads.range(self.indexed..self.indexed + count) {
            for key in &load.keys {
                let version = self.keys.entry(key.clone()).or_insert(load.version);
                *version = load.version.max(*version);
            }
        }
        self.indexed += count;
    }

    /// Records the keys, in order, and the ranges that one transaction wrote at `version`. Versions only grow.
    pub fn record<'a>(
        &mut self,
        version: Version,
        keys: Vec<Key>,
        ranges: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        if keys.len() > MANY {
            self.loads.push_back(Load { version, keys, searches: 0 });
        } else {
            keys.into_iter().for_each(|key| self.record_key(version, key));
        }
        for (begin, end) in ranges {
            if is_key_after(begin, end) {
                self.record_key(version, begin.into());
            } else if begin < end {
                self.record_range(version, begin.into(), end.into());
            }
        }
    }

    fn record_key(&mut self, version: Version, key: Key) {
        self.keys.insert(key.clone(), version);
        self.history.push_back(Write { version, begin: key, end: None });
    }

    fn record_range(&mut self, version: Version, begin: Key, end: Key) {
        let after = self.range_at(&end);
        while let Some((inside, _)) =
            self.ranges.range::<[u8], _>((Included(&*begin), Excluded(&*end))).next()
        {
            let inside = inside.clone();
            self.ranges.remove(&inside);
        }
        self.ranges.insert(begin.clone(), version);
        self.ranges.entry(end.clone()).or_insert(after);
        self.history.push_back(Write { version, begin, end: Some(end) });
    }

    /// Forgets what matters only to read versions before `version`, but no more than so many keys and ranges: true if
    /// that was all. The rest conflicts with nothing.
    pub fn forget_before(&mut self, version: Version, most: usize) -> bool {
        self.oldest = self.oldest.max(version);
        let oldest = self.oldest;
        let mut left = most;
        while self.history.front().is_some_and(|write| write.version <= oldest) {
            let Some(less) = left.checked_sub(1) else { return false };
            left = less;
            let Some(write) = self.history.pop_front() else { break };
            match write.end {
                None => self.forget_key(&write.begin),
                Some(end) => [write.begin, end].iter().for_each(|at| self.forget_boundary(at)),
            }
        }
        while let Some(load) = self.loads.front()
            && load.version <= oldest
        {
            let Some(less) = left.checked_sub(load.keys.len()) else { return false };
            left = less;
            let Some(load) = self.loads.pop_front() else { break };
            if self.indexed > 0 {
                self.indexed -= 1;
                load.keys.iter().for_each(|key| self.forget_key(key));
            }
        }
        true
    }

    /// Drops a key unless it was written again.
    fn forget_key(&mut self, key: &[u8]) {
        if self.keys.get(key).is_some_and(|version| *version <= self.oldest) {
            self.keys.remove(key);
        }
    }

    /// Drops a boundary with nothing but forgotten writes on both sides. Either side was last
    /// written by a range that begins or ends there, so the later of the two comes by here last.
    fn forget_boundary(&mut self, boundary: &[u8]) {
        let Some(&after) = self.ranges.get(boundary) else { return };
        let before = self.ranges.range::<[u8], _>((Unbounded, Excluded(boundary))).next_back();
        let before = before.map_or(Version::MIN, |(_, version)| *version);
        if after <= self.oldest && before <= self.oldest {
            self.ranges.remove(boundary);
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
    use crate::keys::key_after;

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
        resolver.record(10, vec![], slices(&[range(b"b", b"d")]));
        let reads =
            [range(b"a", b"b"), range(b"a", b"b\0"), range(b"c", b"c\0"), range(b"d", b"e")];
        assert_eq!(resolver.conflicts(9, slices(&reads)), [1, 2]);
        assert_eq!(resolver.conflicts(10, slices(&reads)), [0_usize; 0]);
        assert!(resolver.has_conflict(9, slices(&reads)));
        assert!(!resolver.has_conflict(10, slices(&reads)));
    }

    #[test]
    fn later_versions_are_counted_however_many_there_are() {
        for length in 0..40_i64 {
            let records: VecDeque<Version> = (0..length).map(|index| index / 3 * 2).collect();
            for version in -1..30 {
                let expected = records.iter().filter(|record| **record > version).count();
                assert_eq!(count_after(&records, version, |record| *record), expected);
            }
        }
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
            let keys = [20, 250, 5_000][round % 3];
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
                let loaded = seed_of(version + 13).is_multiple_of(3);
                let written = if loaded { 2 * MANY } else { usize::from(version % 2 == 0) };
                let mut alone: Vec<Range> = (0..written).map(|_| some(1)).collect();
                alone.iter_mut().for_each(|(begin, end)| *end = key_after(begin));
                alone.sort_unstable();
                alone.dedup();
                let keys = alone.iter().map(|(key, _)| key[..].into()).collect();
                resolver.record(version, keys, slices(&writes));
                model.extend(writes.into_iter().chain(alone).map(|write| (version, write)));
                if version % 25 == 0 {
                    oldest = version - 40;
                    // However much of it is left for later.
                    resolver.forget_before(oldest, usize::try_from(version % 60).unwrap());
                    oldest = resolver.oldest();
                }
            }
        }
    }

    fn seed_of(version: Version) -> u64 {
        u64::try_from(version).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
    }

    #[test]
    fn a_load_that_nobody_reads_is_not_indexed_and_one_that_is_read_often_is() {
        let key = |number: u64| Key::from(&number.to_be_bytes()[..]);
        let mut resolver = Resolver::new(0);
        for version in 1..=20_i64 {
            let keys = (0..100).map(|at| key(at * 20 + version.unsigned_abs())).collect();
            resolver.record(version, keys, [].into_iter());
        }
        let missed = range(&key(3), &key_after(&key(3)));
        let old = |resolver: &mut Resolver| {
            assert!(!resolver.has_conflict(3, slices(std::slice::from_ref(&missed))));
        };
        let effort =
            |resolver: &Resolver| resolver.effort(3, slices(std::slice::from_ref(&missed)));
        (0..98).for_each(|_| old(&mut resolver));
        assert_eq!(effort(&resolver), 2 + 17);
        old(&mut resolver);
        assert!(resolver.keys.is_empty() && resolver.indexed == 0);
        // The next search puts them all into the map.
        assert_eq!(effort(&resolver), 2 + 17 + 2_000);
        old(&mut resolver);
        assert_eq!(effort(&resolver), 2 + 17);
        assert_eq!((resolver.keys.len(), resolver.indexed), (2_000, 20));
        old(&mut resolver);
        assert!(resolver.loads.iter().all(|load| load.searches <= 100));
        assert!(resolver.has_conflict(2, slices(&[missed])));
        assert!(resolver.forget_before(10, usize::MAX));
        assert_eq!((resolver.keys.len(), resolver.indexed), (1_000, 10));
    }

    #[test]
    fn the_effort_is_that_of_what_was_written_since_the_read_version() {
        let mut resolver = Resolver::new(0);
        for version in 1..=1_000_i64 {
            resolver.record(version, vec![version.to_be_bytes().into()], [].into_iter());
        }
        let (key, all) = ([7; 8], range(b"", b"\xff"));
        let key = range(&key, &key_after(&key));
        let efforts = |version| {
            [&key, &all].map(|read| resolver.effort(version, slices(std::slice::from_ref(read))))
        };
        assert_eq!(efforts(1_000), [0, 0]);
        assert_eq!(efforts(999), [2, 2]);
        assert_eq!(efforts(0), [2, 2_000]);
    }

    #[test]
    fn no_more_is_forgotten_at_once_than_may_be() {
        let key = |number: u64| Key::from(&number.to_be_bytes()[..]);
        let mut resolver = Resolver::new(0);
        (0..10).for_each(|number| resolver.record(1, vec![key(number)], [].into_iter()));
        resolver.record(1, (0..50).map(key).collect(), [].into_iter());
        assert!(!resolver.forget_before(1, 4));
        assert_eq!((resolver.history.len(), resolver.loads.len()), (6, 1));
        assert!(!resolver.forget_before(1, 55));
        assert_eq!((resolver.history.len(), resolver.loads.len()), (0, 1));
        assert!(resolver.forget_before(1, 50));
        assert!(resolver.loads.is_empty() && resolver.keys.is_empty());
    }

    #[test]
    fn what_is_forgotten_leaves_nothing_behind() {
        let mut resolver = Resolver::new(0);
        for version in 1..1000 {
            let begin = (seed_of(version) % 500).to_be_bytes();
            let end = (seed_of(version) % 500 + seed_of(version + 1) % 5).to_be_bytes();
            let keys = vec![begin[..].into()];
            resolver.record(version, keys, [(&begin[..], &end[..])].into_iter());
            resolver.forget_before(version - 100, usize::MAX);
            assert!(resolver.history.len() <= 202);
            assert!(resolver.ranges.len() + resolver.keys.len() <= 303);
        }
        assert!(resolver.forget_before(1000, usize::MAX));
        assert!(resolver.history.is_empty());
        assert!(resolver.keys.is_empty() && resolver.ranges.is_empty(), "{resolver:?}");
        assert_eq!(resolver.oldest(), 1000);
    }
}
