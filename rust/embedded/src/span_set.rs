//! A set of keys kept as disjoint ranges, that grows and shrinks.

use std::collections::btree_map::{self, BTreeMap};
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::keys::{Key, key_after};

/// Disjoint ranges `[begin, end)` that do not touch, by their begin.
#[derive(Debug)]
pub(crate) struct SpanSet(BTreeMap<Key, Key>);

impl SpanSet {
    pub const fn new() -> SpanSet {
        SpanSet(BTreeMap::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, begin: &[u8], end: &[u8]) {
        if begin >= end {
            return;
        }
        let begin: Key = match self.at_or_before(begin) {
            Some((_, before_end)) if before_end >= end => return,
            Some((before, before_end)) if before_end >= begin => before.into(),
            _ => begin.into(),
        };
        // Disjoint and in order: the last one swallowed reaches furthest.
        let mut reach = None;
        while let Some((next, _)) =
            self.0.range::<[u8], _>((Included(&*begin), Included(end))).next()
        {
            let next = next.clone();
            reach = self.0.remove(&next);
        }
        let end = reach.filter(|reach| &**reach > end).unwrap_or_else(|| end.into());
        self.0.insert(begin, end);
    }

    pub fn add_key(&mut self, key: &[u8]) {
        self.add(key, &key_after(key));
    }

    pub fn remove(&mut self, begin: &[u8], end: &[u8]) {
        if begin >= end || self.0.is_empty() {
            return;
        }
        let mut rest = None;
        let before = self.0.range_mut::<[u8], _>((Unbounded, Excluded(begin))).next_back();
        if let Some((_, before_end)) = before
            && &**before_end > begin
        {
            let old = std::mem::replace(before_end, begin.into());
            rest = Some(old);
        }
        while let Some((next, _)) = self.0.range::<[u8], _>((Included(begin), Excluded(end))).next()
        {
            let next = next.clone();
            rest = self.0.remove(&next);
        }
        if let Some(rest) = rest
            && &*rest > end
        {
            self.0.insert(end.into(), rest);
        }
    }

    fn at_or_before(&self, key: &[u8]) -> Option<(&[u8], &[u8])> {
        let range = self.0.range::<[u8], _>((Unbounded, Included(key))).next_back()?;
        Some((range.0, range.1))
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        !self.0.is_empty() && self.at_or_before(key).is_some_and(|(_, end)| key < end)
    }

    /// The ranges that have a key in `[begin, end)`, in order.
    pub fn overlapping(&self, begin: &[u8], end: &[u8]) -> Overlapping<'_> {
        let from = match self.at_or_before(begin) {
            Some((before, before_end)) if before_end > begin => before,
            _ => begin,
        };
        let (from, to) = if begin < end { (from, end) } else { (end, end) };
        Overlapping(self.0.range::<[u8], _>((Included(from), Excluded(to))))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(begin, end)| (&**begin, &**end))
    }
}

pub(crate) struct Overlapping<'a>(btree_map::Range<'a, Key, Key>);

impl<'a> Iterator for Overlapping<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(begin, end)| (&**begin, &**end))
    }
}

impl DoubleEndedIterator for Overlapping<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(begin, end)| (&**begin, &**end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn additions_and_removals_in_any_order_leave_exactly_their_keys() {
        let mut seed = 11_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u8::try_from((seed >> 33) % below).unwrap()
        };
        for _ in 0..300 {
            let mut set = SpanSet::new();
            let mut model = BTreeSet::new();
            for _ in 0..60 {
                let begin = random(60);
                let end = begin + random(12);
                if random(3) > 0 {
                    set.add(&[begin], &[end]);
                    model.extend(begin..end);
                } else {
                    set.remove(&[begin], &[end]);
                    model.retain(|key| !(begin..end).contains(key));
                }
                let got: Vec<_> = set.iter().collect();
                assert!(got.windows(2).all(|pair| pair[0].1 < pair[1].0), "{got:?}");
                let covered: BTreeSet<u8> = got.iter().flat_map(|(b, e)| b[0]..e[0]).collect();
                assert_eq!(covered, model);
                for key in 0..80 {
                    assert_eq!(set.contains(&[key]), model.contains(&key));
                }
                let (from, to) = (random(60), random(80));
                let hit = set.overlapping(&[from], &[to]).count();
                let expected =
                    got.iter().filter(|(b, e)| from < to && b[0] < to && e[0] > from).count();
                assert_eq!(hit, expected, "{from}..{to} of {got:?}");
            }
        }
    }
}
