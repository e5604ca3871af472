//! A set of key ranges that only grows: the read or write conflict ranges of a transaction.

use xxhash_rust::xxh3::xxh3_64;

use crate::keys::is_key_after;

/// What a range counts for beside its keys (sizeof(KeyRangeRef) in FoundationDB).
const RANGE_BYTES: usize = 24;

/// Ranges are merged once their number has doubled; below this it is not worth it.
const FIRST_MERGE: usize = 256;

/// From so many ranges on, those out of order are looked up before they are added.
const FIRST_LOOKED_UP: usize = 64;

/// Key ranges `[begin, end)`, read back in order, without overlaps and without neighbours that touch.
///
/// Additions are appended, and sorted only when they are read back or have doubled in number:
/// adding costs a copy of the keys. A key that was added before is found by its hash and adds nothing, so
/// that a transaction which reads the same keys for ever neither grows nor sorts.
#[derive(Debug)]
pub struct Ranges {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// The spans are sorted, disjoint and do not touch.
    ordered: bool,
    merge_at: usize,
    size: usize,
    places: Places,
}

/// Places in `bytes`. The end of a range of one key is stored with its begin.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: usize,
    begin_end: usize,
    end: usize,
    end_end: usize,
}

impl Default for Ranges {
    fn default() -> Ranges {
        Ranges::new()
    }
}

impl Ranges {
    pub const fn new() -> Ranges {
        Ranges {
            bytes: Vec::new(),
            spans: Vec::new(),
            ordered: true,
            merge_at: FIRST_MERGE,
            size: 0,
            places: Places::new(),
        }
    }

    /// Adds `[begin, end)`; an empty or inverted range adds nothing.
    pub fn add(&mut self, begin: &[u8], end: &[u8]) {
        if is_key_after(begin, end) {
            return self.add_key(begin);
        }
        if begin >= end {
            return;
        }
        self.size += begin.len() + end.len() + RANGE_BYTES;
        if let Some(last) = self.spans.last() {
            let (last_begin, last_end) = last.keys(&self.bytes);
            if begin < last_begin {
                self.ordered = false;
            } else if begin <= last_end {
                if end > last_end {
                    self.extend_last(end, false);
                }
                return;
            }
        }
        let at = self.bytes.len();
        self.bytes.extend_from_slice(begin);
        self.bytes.extend_from_slice(end);
        let middle = at + begin.len();
        self.push(Span { begin: at, begin_end: middle, end: middle, end_end: self.bytes.len() });
    }

    /// Adds the range that holds `key` alone.
    pub fn add_key(&mut self, key: &[u8]) {
        self.size += Ranges::size_of_key(key);
        let mut ordered = self.ordered;
        if let Some(last) = self.spans.last() {
            let (last_begin, last_end) = last.keys(&self.bytes);
            if key < last_begin {
                ordered = false;
            } else if key <= last_end {
                if key == last_end {
                    self.extend_last(key, true);
                }
                return;
            }
        }
        if !ordered && self.spans.len() >= FIRST_LOOKED_UP && self.was_added(key) {
            return;
        }
        self.ordered = ordered;
        let at = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.push(0);
        let after = self.bytes.len();
        self.push(Span { begin: at, begin_end: after - 1, end: at, end_end: after });
    }

    /// Whether a range begins with `key`. If not, one is about to be added.
    fn was_added(&mut self, key: &[u8]) -> bool {
        let Ranges { bytes, spans, places, .. } = self;
        let begin = |place: usize| spans.get(place).map(|span| span.keys(bytes).0);
        for place in places.len()..spans.len() {
            if let Some(key) = begin(place) {
                places.add(key, begin);
            }
        }
        places.contain(key, begin)
    }

    /// What the range of a key counts towards a transaction's approximate size.
    pub(crate) fn size_of_key(key: &[u8]) -> usize {
        2 * key.len() + 1 + RANGE_BYTES
    }

    fn push(&mut self, span: Span) {
        self.spans.push(span);
        if self.spans.len() >= self.merge_at {
            if !self.ordered {
                self.merge();
            }
            self.merge_at = FIRST_MERGE.max(2 * self.spans.len());
        }
    }

    /// Moves the end of the last range to `end`, or to the key after it.
    fn extend_last(&mut self, end: &[u8], after: bool) {
        if let Some(last) = self.spans.last_mut() {
            if last.end_end == self.bytes.len() && last.end >= last.begin_end {
                self.bytes.truncate(last.end);
            }
            last.end = self.bytes.len();
            self.bytes.extend_from_slice(end);
            if after {
                self.bytes.push(0);
            }
            last.end_end = self.bytes.len();
        }
    }

    fn merge(&mut self) {
        let mut merged = Ranges::new();
        merged.merge_at = usize::MAX;
        for (begin, end) in self.iter() {
            merged.add(begin, end);
        }
        self.bytes = merged.bytes;
        self.spans = merged.spans;
        self.places = Places::new();
        self.ordered = true;
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Ranges::new();
    }

    /// The ranges in key order, coalesced.
    pub fn iter(&self) -> Iter<'_> {
        let spans = if self.ordered {
            Spans::Ordered(self.spans.iter())
        } else {
            let mut spans = self.spans.clone();
            spans.sort_unstable_by(|a, b| a.keys(&self.bytes).0.cmp(b.keys(&self.bytes).0));
            Spans::Sorted(spans.into_iter())
        };
        let mut iter = Iter { bytes: &self.bytes, spans, next: None };
        iter.next = iter.span();
        iter
    }

    /// The ranges as they were added, which takes no sorting: in no order, and some may overlap.
    pub fn as_added(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|span| span.keys(&self.bytes))
    }

    /// What the ranges added so far count towards a transaction's approximate size, each as it came.
    pub fn approximate_size(&self) -> i64 {
        self.size.try_into().unwrap_or(i64::MAX)
    }
}

impl Span {
    fn keys<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        (&bytes[self.begin..self.begin_end], &bytes[self.end..self.end_end])
    }
}

/// A hash table of the first of some spans: their places, by the keys that they begin with.
#[derive(Debug)]
struct Places {
    /// A place and one, or 0 where none is. At most half of them are taken.
    slots: Vec<u32>,
    len: usize,
}

impl Places {
    const FREE: u32 = 0;

    const fn new() -> Places {
        Places { slots: Vec::new(), len: 0 }
    }

    /// How many spans are in the table, or were left out for another that begins with the same key.
    fn len(&self) -> usize {
        self.len
    }

    /// The slot that has the place of `key`, or where it would be; None in an empty table.
    fn slot<'a>(&self, key: &[u8], begin: impl Fn(usize) -> Option<&'a [u8]>) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = xxh3_64(key) as usize & mask;
        while let Some(&slot) = self.slots.get(at) {
            if slot == Places::FREE || begin(slot as usize - 1) == Some(key) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn contain<'a>(&self, key: &[u8], begin: impl Fn(usize) -> Option<&'a [u8]>) -> bool {
        self.slot(key, begin).is_some_and(|at| self.slots[at] != Places::FREE)
    }

    /// Adds the next span, which begins with `key`.
    fn add<'a>(&mut self, key: &[u8], begin: impl Fn(usize) -> Option<&'a [u8]>) {
        if 2 * (self.len + 1) > self.slots.len() {
            let mut grown = Places {
                slots: vec![Places::FREE; 8 * (self.len + 1).next_power_of_two()],
                len: 0,
            };
            for place in 0..self.len {
                if let Some(key) = begin(place) {
                    grown.put(key, &begin);
                }
            }
            *self = grown;
        }
        self.put(key, &begin);
    }

    fn put<'a>(&mut self, key: &[u8], begin: impl Fn(usize) -> Option<&'a [u8]>) {
        self.len += 1;
        if let (Some(at), Ok(slot)) = (self.slot(key, begin), u32::try_from(self.len)) {
            self.slots[at] = slot;
        }
    }
}

/// The ranges of a [`Ranges`], in key order.
pub struct Iter<'a> {
    bytes: &'a [u8],
    spans: Spans<'a>,
    next: Option<(&'a [u8], &'a [u8])>,
}

enum Spans<'a> {
    Ordered(std::slice::Iter<'a, Span>),
    Sorted(std::vec::IntoIter<Span>),
}

impl<'a> Iter<'a> {
    fn span(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let span = match &mut self.spans {
            Spans::Ordered(spans) => spans.next().copied(),
            Spans::Sorted(spans) => spans.next(),
        };
        span.map(|span| span.keys(self.bytes))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (begin, mut end) = self.next.take()?;
        loop {
            self.next = self.span();
            match self.next {
                Some((next_begin, next_end)) if next_begin <= end => end = end.max(next_end),
                _ => return Some((begin, end)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn list(ranges: &Ranges) -> Vec<(Vec<u8>, Vec<u8>)> {
        ranges.iter().map(|(begin, end)| (begin.to_vec(), end.to_vec())).collect()
    }

    fn pair(begin: &[u8], end: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (begin.to_vec(), end.to_vec())
    }

    #[test]
    fn ranges_that_touch_or_overlap_become_one_in_any_order() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
            let parts: [(&[u8], &[u8]); 3] = [(b"a", b"c"), (b"c", b"e"), (b"d", b"f")];
            let mut ranges = Ranges::new();
            for part in order {
                ranges.add(parts[part].0, parts[part].1);
            }
            assert_eq!(list(&ranges), [pair(b"a", b"f")], "{order:?}");
        }
    }

    #[test]
    fn a_key_is_the_range_up_to_the_key_after_it() {
        let mut ranges = Ranges::new();
        ranges.add_key(b"k");
        ranges.add(b"a", b"a\0");
        assert_eq!(list(&ranges), [pair(b"a", b"a\0"), pair(b"k", b"k\0")]);
    }

    #[test]
    fn an_empty_or_inverted_range_adds_nothing() {
        let mut ranges = Ranges::new();
        ranges.add(b"a", b"a");
        ranges.add(b"b", b"a");
        assert!(ranges.is_empty());
        assert_eq!(ranges.approximate_size(), 0);
    }

    #[test]
    fn each_addition_adds_to_the_approximate_size_even_if_it_changes_nothing() {
        let mut ranges = Ranges::new();
        ranges.add(b"a", b"z");
        let once = ranges.approximate_size();
        ranges.add(b"a", b"z");
        assert_eq!(ranges.approximate_size(), 2 * once);
        ranges.add_key(b"b");
        assert!(ranges.approximate_size() > 2 * once);
    }

    #[test]
    fn a_scan_in_steps_stays_one_range_and_keeps_no_old_ends() {
        let mut ranges = Ranges::new();
        let mut begin = b"00000000".to_vec();
        for step in 1..10_000 {
            let end = format!("{step:08}").into_bytes();
            ranges.add(&begin, &end);
            begin = end;
        }
        assert_eq!(list(&ranges), [pair(b"00000000", b"00009999")]);
        assert!(ranges.bytes.len() < 64, "{} bytes", ranges.bytes.len());
    }

    #[test]
    fn reading_the_same_keys_for_ever_stays_small() {
        let mut ranges = Ranges::new();
        for i in 0..100_000_u32 {
            ranges.add_key(&(i.wrapping_mul(7919) % 100).to_be_bytes());
        }
        assert_eq!(ranges.iter().count(), 100);
        assert!(ranges.spans.len() <= FIRST_MERGE);
    }

    #[test]
    fn keys_that_come_again_are_not_kept_again() {
        let key = |number: u32| number.wrapping_mul(2_654_435_761).to_be_bytes();
        let mut ranges = Ranges::new();
        for number in 0..3_000 {
            ranges.add_key(&key(number));
        }
        let bytes = ranges.bytes.len();
        for number in (0..3_000).chain(1_000..3_000) {
            ranges.add_key(&key(number));
        }
        assert_eq!(ranges.bytes.len(), bytes);
        assert_eq!(ranges.approximate_size(), 8_000 * (2 * 4 + 1 + 24));
        assert_eq!(ranges.iter().count(), 3_000);
    }

    #[test]
    fn any_additions_cover_exactly_their_keys() {
        let mut seed = 7_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..300 {
            let mut ranges = Ranges::new();
            let mut model = BTreeSet::new();
            for _ in 0..random(if round % 10 == 0 { 1000 } else { 20 }) {
                let begin = random(200);
                let end = begin + random(6);
                let of = |n: u64| [u8::try_from(n).unwrap()];
                if random(2) == 0 {
                    ranges.add(&of(begin), &of(end));
                    model.extend(begin..end);
                } else {
                    ranges.add_key(&of(begin));
                    ranges.add(&[of(begin)[0], 0], &of(begin + 1));
                    model.insert(begin);
                }
            }
            let got = list(&ranges);
            let mut covered = BTreeSet::new();
            for (begin, end) in &got {
                covered.extend(u64::from(begin[0])..u64::from(end[0]));
            }
            assert_eq!(covered, model);
            assert!(got.windows(2).all(|pair| pair[0].1 < pair[1].0), "{got:?}");
        }
    }
}
