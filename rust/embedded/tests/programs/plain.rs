//! A database as FoundationDB describes it, in plain maps and lists: what a transaction reads, what it then conflicts
//! with, and what its commit leaves. It shares no code with the engine.
//!
//! The rules are those of ReadYourWrites.actor.cpp (addConflictRange, updateConflictMap, resolveKeySelectorFromCache),
//! WriteMap.cpp and Atomic.h.

use std::collections::{BTreeMap, BTreeSet};

pub type Key = Vec<u8>;
pub type Rows = BTreeMap<Key, Vec<u8>>;
pub type Span = (Key, Key);

/// Where user keys end, and selectors with them.
const END: &[u8] = b"\xff";
const STAMP: usize = 10;

pub fn after(key: &[u8]) -> Key {
    [key, &[0]].concat()
}

/// The parts of `spans` outside of `[begin, end)`.
fn without(spans: &mut Vec<Span>, begin: &[u8], end: &[u8]) {
    let parts = std::mem::take(spans).into_iter().flat_map(|(first, last)| {
        let left = (first.clone(), last.clone().min(begin.to_vec()));
        let right = (first.max(end.to_vec()), last);
        [left, right]
    });
    *spans = parts.filter(|(first, last)| first < last).collect();
}

fn holds(spans: &[Span], key: &[u8]) -> bool {
    spans.iter().any(|(begin, end)| **begin <= *key && *key < **end)
}

pub fn meet(one: &Span, other: &Span) -> bool {
    one.0 < other.1 && other.0 < one.1
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Add,
    And,
    Or,
    Xor,
    Append,
    Max,
    Min,
    ByteMin,
    ByteMax,
    CompareAndClear,
}

/// The operations and their codes in fdb_c_options.g.h.
pub const OPS: [(Op, u32); 10] = [
    (Op::Add, 2),
    (Op::And, 6),
    (Op::Or, 7),
    (Op::Xor, 8),
    (Op::Append, 9),
    (Op::Max, 12),
    (Op::Min, 13),
    (Op::ByteMin, 16),
    (Op::ByteMax, 17),
    (Op::CompareAndClear, 20),
];

fn number(bytes: &[u8], length: usize) -> u64 {
    (0..length).map(|i| u64::from(*bytes.get(i).unwrap_or(&0)) << (8 * i)).sum()
}

impl Op {
    /// The value after the operation: numbers are little-endian and as long as the operand.
    pub fn apply(self, old: Option<&[u8]>, operand: &[u8]) -> Option<Vec<u8>> {
        let length = operand.len();
        let Some(old) = old else {
            return (self != Op::CompareAndClear).then(|| operand.to_vec());
        };
        let (a, b) = (number(old, length), number(operand, length));
        let sum = match self {
            Op::Add => a.wrapping_add(b),
            Op::And => a & b,
            Op::Or => a | b,
            Op::Xor => a ^ b,
            Op::Max => a.max(b),
            Op::Min => a.min(b),
            Op::Append => return Some([old, operand].concat()),
            Op::ByteMin => return Some(old.min(operand).to_vec()),
            Op::ByteMax => return Some(old.max(operand).to_vec()),
            Op::CompareAndClear => return (old != operand).then(|| old.to_vec()),
        };
        Some(sum.to_le_bytes()[..length].to_vec())
    }
}

#[derive(Clone, Debug)]
pub enum Step {
    Set(Key, Vec<u8>),
    Clear(Key, Key),
    Atomic(Op, Key, Vec<u8>),
    /// Of a value that begins with its stamp.
    StampedValue(Key, Vec<u8>),
    /// Of a key `prefix STAMP suffix`.
    StampedKey {
        prefix: Key,
        suffix: Key,
        value: Vec<u8>,
        /// The keys it may become, of which the least stands for it until the commit.
        span: Span,
        place: Key,
        /// Something later has sent it ahead: no clear takes it back.
        sent: bool,
        /// A clear has taken it back; that it hid its range remains.
        gone: bool,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selector {
    pub key: Key,
    pub or_equal: bool,
    pub offset: i32,
}

impl Selector {
    fn base(&self) -> Key {
        if self.or_equal { after(&self.key) } else { self.key.clone() }
    }
}

#[derive(Clone, Debug)]
pub struct Select {
    pub begin: Selector,
    pub end: Selector,
    pub limit: usize,
    pub bytes: usize,
    pub reverse: bool,
}

/// A read came upon a key whose value is not known before the commit.
#[derive(PartialEq, Eq, Debug)]
pub struct Hidden;

/// What a walk from somewhere comes upon.
enum Found {
    Key(Key),
    /// The database ended after so many keys.
    Nothing(i64),
    /// Where the hidden keys in the way begin, and end.
    Hidden(Span),
}

/// An end of a range read, as resolveKeySelectorFromCache leaves it.
struct Place {
    key: Key,
    left: i64,
    off_begin: bool,
    off_end: bool,
}

/// What a transaction sees at some moment.
struct View {
    rows: Rows,
    hidden: Vec<Span>,
}

impl View {
    /// The keys from `from` on, up to the first that is hidden.
    fn forward(&self, from: &[u8], until: &[u8]) -> (Vec<&Key>, Option<Span>) {
        let past = self.hidden.iter().filter(|(_, end)| **end > *from);
        let wall = past.min_by_key(|(begin, _)| begin.clone().max(from.to_vec()));
        let wall = wall.filter(|(begin, _)| **begin < *until).cloned();
        let stop = wall.as_ref().map_or(until, |(begin, _)| begin);
        let keys = self.rows.keys().filter(|key| ***key >= *from && ***key < *stop);
        (keys.collect(), wall)
    }

    fn backward(&self, from: &[u8], until: &[u8]) -> (Vec<&Key>, Option<Span>) {
        let past = self.hidden.iter().filter(|(begin, _)| **begin < *from);
        let wall = past.max_by_key(|(_, end)| end.clone().min(from.to_vec()));
        let wall = wall.filter(|(_, end)| **end > *until).cloned();
        let stop = wall.as_ref().map_or(until, |(_, end)| end);
        let keys = self.rows.keys().rev().filter(|key| ***key < *from && ***key >= *stop);
        (keys.collect(), wall)
    }

    fn nth(&self, from: &[u8], count: i64, reverse: bool) -> Found {
        let (keys, wall) = if reverse { self.backward(from, b"") } else { self.forward(from, END) };
        let index = usize::try_from(count - 1).unwrap();
        match (keys.get(index), wall) {
            (Some(key), _) => Found::Key((*key).clone()),
            (None, Some(wall)) => Found::Hidden(wall),
            (None, None) => Found::Nothing(i64::try_from(keys.len()).unwrap()),
        }
    }

    fn place(&self, selector: &Selector) -> Result<Place, Span> {
        let (base, offset) = (selector.base(), i64::from(selector.offset));
        let mut place = Place { key: base.clone(), left: 1, off_begin: false, off_end: false };
        if offset > 1 {
            match self.nth(&base, offset - 1, false) {
                Found::Key(key) => place.key = after(&key),
                Found::Nothing(passed) => {
                    (place.key, place.left, place.off_end) = (END.to_vec(), offset - passed, true);
                }
                Found::Hidden(wall) => return Err(wall),
            }
        } else if offset < 1 {
            match self.nth(&base, 1 - offset, true) {
                Found::Key(key) => place.key = key,
                Found::Nothing(passed) => {
                    (place.key, place.left, place.off_begin) = (vec![], offset + passed, true);
                }
                Found::Hidden(wall) => return Err(wall),
            }
        }
        Ok(place)
    }
}

pub type Selected = (Vec<(Key, Vec<u8>)>, bool);

/// A transaction: what it has read from, written, and read.
#[derive(Default, Clone, Debug)]
pub struct Plain {
    /// What it reads from and its version; none before the first read.
    pub base: Option<(Rows, i64)>,
    pub log: Vec<Step>,
    pub reads: Vec<Span>,
    pub written: Vec<Span>,
    /// The next write is to conflict with nobody.
    pub quiet: bool,
    /// At 0 and below snapshot reads see none of the writes.
    pub snapshot_sees: i32,
    /// A read has failed, and the commit will.
    pub failed: bool,
}

impl Plain {
    pub fn new() -> Plain {
        Plain { snapshot_sees: 1, ..Plain::default() }
    }

    fn view(&self, snapshot: bool) -> View {
        let rows = self.base.as_ref().map_or_else(Rows::new, |(rows, _)| rows.clone());
        let mut view = View { rows, hidden: vec![] };
        if snapshot && self.snapshot_sees <= 0 {
            return view;
        }
        for step in &self.log {
            match step {
                Step::Clear(begin, end) => without(&mut view.hidden, begin, end),
                Step::StampedValue(key, _) => view.hidden.push((key.clone(), after(key))),
                Step::StampedKey { span, place, .. } => {
                    view.hidden.push(span.clone());
                    view.hidden.push((place.clone(), after(place)));
                }
                Step::Set(..) | Step::Atomic(..) => {}
            }
            apply(step, &mut view.rows, None);
        }
        let hidden = &view.hidden;
        view.rows.retain(|key, _| !holds(hidden, key));
        view
    }

    /// The keys whose value this transaction knows without the database.
    fn known(&self) -> Vec<Span> {
        let (mut known, mut hidden): (Vec<Span>, Vec<Span>) = (vec![], vec![]);
        // Keys with an operation on top of the database's value, or of a stamped key's range.
        let mut dependent = BTreeSet::<Key>::new();
        let is_key = |key: &Key| (key.clone(), after(key));
        for step in &self.log {
            match step {
                Step::Set(key, _) => {
                    if !(holds(&hidden, key) && dependent.contains(key)) {
                        dependent.remove(key);
                        known.push(is_key(key));
                    }
                }
                Step::StampedValue(key, _) => {
                    if !(holds(&hidden, key) && dependent.contains(key)) {
                        dependent.remove(key);
                        known.push(is_key(key));
                    }
                    hidden.push(is_key(key));
                }
                Step::Atomic(_, key, _) => {
                    if !holds(&known, key) {
                        dependent.insert(key.clone());
                    }
                }
                Step::Clear(begin, end) => {
                    dependent.retain(|key| key < begin || key >= end);
                    without(&mut hidden, begin, end);
                    known.push((begin.clone(), end.clone()));
                }
                Step::StampedKey { span, place, .. } => {
                    dependent.retain(|key| *key < span.0 || *key >= span.1);
                    without(&mut known, &span.0, &span.1);
                    hidden.push(span.clone());
                    known.push(is_key(place));
                }
            }
        }
        known
    }

    /// Adds a read conflict range, less what the transaction knows by itself.
    pub fn has_read(&mut self, begin: &[u8], end: &[u8]) {
        let mut read = vec![(begin.to_vec(), end.to_vec())];
        read.retain(|(begin, end)| begin < end);
        for (begin, end) in self.known() {
            without(&mut read, &begin, &end);
        }
        self.reads.append(&mut read);
    }

    fn check<T>(&mut self, outcome: Result<T, Hidden>) -> Result<T, Hidden> {
        self.failed |= outcome.is_err();
        outcome
    }

    pub fn get(&mut self, key: &[u8], snapshot: bool) -> Result<Option<Vec<u8>>, Hidden> {
        let view = self.view(snapshot);
        if holds(&view.hidden, key) {
            return self.check(Err(Hidden));
        }
        if !snapshot {
            self.has_read(key, &after(key));
        }
        Ok(view.rows.get(key).cloned())
    }

    pub fn get_key(&mut self, selector: &Selector, snapshot: bool) -> Result<Key, Hidden> {
        let (base, offset) = (selector.base(), i64::from(selector.offset));
        let forward = offset > 0;
        let count = if forward { offset } else { 1 - offset };
        let key = match self.view(snapshot).nth(&base, count, !forward) {
            Found::Key(key) => key,
            Found::Nothing(_) if forward => END.to_vec(),
            Found::Nothing(_) => vec![],
            Found::Hidden(_) => return self.check(Err(Hidden)),
        };
        if snapshot {
        } else if forward {
            self.has_read(&base, &after(&key));
        } else {
            self.has_read(&key, &base);
        }
        Ok(key)
    }

    pub fn select(&mut self, select: &Select, snapshot: bool) -> Result<Selected, Hidden> {
        let (begin, end) = (select.begin.base(), select.end.base());
        let (begin_offset, end_offset) = (select.begin.offset, select.end.offset);
        if begin_offset >= end_offset && begin >= end {
            return Ok((vec![], false));
        }
        let view = self.view(snapshot);
        let (mut from, mut to) = (view.place(&select.begin), view.place(&select.end));
        // What hides the far end lies ahead: a limit may come before it.
        let ahead =
            |key: &[u8]| Place { key: key.to_vec(), left: 1, off_begin: false, off_end: false };
        match (&from, &to) {
            (Ok(begin), Err(wall)) if !select.reverse && end_offset > 1 && begin.key < wall.1 => {
                to = Ok(ahead(END));
            }
            (Err(wall), Ok(end)) if select.reverse && begin_offset < 1 && end.key > wall.0 => {
                from = Ok(ahead(b""));
            }
            _ => {}
        }
        let (Ok(from), Ok(to)) = (from, to) else { return self.check(Err(Hidden)) };
        let last = to.key.clone().min(END.to_vec());
        let (keys, wall) = if from.key >= last {
            (vec![], None)
        } else if select.reverse {
            view.backward(&last, &from.key)
        } else {
            view.forward(&from.key, &last)
        };
        let (mut rows, mut more, mut size) = (vec![], false, 0);
        for key in keys {
            let value = &view.rows[key];
            rows.push((key.clone(), value.clone()));
            size += 24 + key.len() + value.len();
            if rows.len() == select.limit || (select.bytes > 0 && size >= select.bytes) {
                more = true;
                break;
            }
        }
        if !more && wall.is_some() {
            return self.check(Err(Hidden));
        }
        if !snapshot {
            let crossed = from.left >= to.left && from.key >= to.key;
            let to_begin =
                (from.off_begin || to.off_begin) && !crossed && !(select.reverse && more);
            let to_end = (from.off_end || to.off_end) && !crossed && (select.reverse || !more);
            let (low, high) = if begin < end {
                if !more {
                    (begin, end)
                } else if select.reverse {
                    (if begin_offset <= 1 { end.clone() } else { begin }, end)
                } else {
                    (begin.clone(), if end_offset > 0 { begin } else { end })
                }
            } else {
                (end, begin)
            };
            let mut low = if to_begin && begin_offset <= 0 { vec![] } else { low };
            let mut high = if to_end && end_offset > 0 { END.to_vec() } else { high };
            let least = rows.iter().map(|(key, _)| key).min();
            let greatest = rows.iter().map(|(key, _)| key).max();
            if let (Some(least), Some(greatest)) = (least, greatest) {
                if select.reverse || begin_offset <= 0 {
                    low = low.min(least.clone());
                }
                if high <= *greatest && (!select.reverse || end_offset > 0) {
                    high = after(greatest);
                }
            }
            self.has_read(&low, &high);
        }
        Ok((rows, more))
    }

    /// Writes, and with it conflicts with who reads there, unless that was switched off for this write.
    pub fn write(&mut self, step: Step) {
        let quiet = std::mem::take(&mut self.quiet);
        match &step {
            Step::Set(key, _) | Step::Atomic(_, key, _) | Step::StampedValue(key, _) if !quiet => {
                self.written.push((key.clone(), after(key)));
            }
            Step::Clear(begin, end) if !quiet => self.written.push((begin.clone(), end.clone())),
            _ => {}
        }
        match &step {
            Step::Clear(begin, end) => {
                for earlier in &mut self.log {
                    if let Step::StampedKey { place, sent: false, gone, .. } = earlier {
                        *gone |= (begin..end).contains(&&*place);
                    }
                }
            }
            Step::StampedKey { span, .. } => {
                for earlier in &mut self.log {
                    if let Step::StampedKey { place, sent, .. } = earlier {
                        *sent |= span.0 <= *place && *place < span.1;
                    }
                }
            }
            _ => {}
        }
        self.log.push(step);
    }

    /// `prefix STAMP suffix`, as this transaction has it until its commit.
    pub fn stamped_key(&self, prefix: Key, suffix: Key, value: Vec<u8>) -> Step {
        let version = self.base.as_ref().map_or(0, |(_, version)| *version);
        let lowest = [&prefix[..], &version.to_be_bytes(), &[0, 0], &suffix].concat();
        let highest = [&prefix[..], &[0xff; STAMP], &suffix, &[0]].concat();
        let offset = u32::try_from(prefix.len()).unwrap().to_le_bytes();
        let place = [&lowest[..], &offset].concat();
        Step::StampedKey {
            prefix,
            suffix,
            value,
            span: (lowest, highest),
            place,
            sent: false,
            gone: false,
        }
    }

    pub fn writes_nothing(&self) -> bool {
        self.log.is_empty() && self.written.is_empty()
    }
}

/// Applies a step to rows; without a stamp, the values that wait for one are not of interest.
fn apply(step: &Step, rows: &mut Rows, stamp: Option<&[u8; STAMP]>) {
    match step {
        Step::Set(key, value) => {
            rows.insert(key.clone(), value.clone());
        }
        Step::Clear(begin, end) => rows.retain(|key, _| key < begin || key >= end),
        Step::Atomic(op, key, operand) => {
            let old = rows.remove(key);
            rows.extend(op.apply(old.as_deref(), operand).map(|value| (key.clone(), value)));
        }
        Step::StampedValue(key, rest) => {
            if let Some(stamp) = stamp {
                rows.insert(key.clone(), [stamp, &rest[..]].concat());
            }
        }
        Step::StampedKey { prefix, suffix, value, gone: false, .. } => {
            if let Some(stamp) = stamp {
                rows.insert([&prefix[..], stamp, suffix].concat(), value.clone());
            }
        }
        Step::StampedKey { .. } => {}
    }
}

/// The committed state, and what each commit has changed.
#[derive(Default)]
pub struct Database {
    pub rows: Rows,
    /// Of the last commit.
    pub stamp: [u8; STAMP],
    commits: Vec<(i64, Vec<Span>)>,
    /// The state at each version, of the last commit that has it.
    history: Vec<(i64, Rows)>,
}

impl Database {
    pub fn version(&self) -> i64 {
        i64::from_be_bytes(*self.stamp.first_chunk().unwrap())
    }

    /// Whether what the transaction has read has changed since.
    pub fn conflicts(&self, transaction: &Plain) -> bool {
        let Some((_, since)) = transaction.base else { return false };
        let later = self.commits.iter().filter(|(version, _)| *version > since);
        later
            .flat_map(|(_, written)| written)
            .any(|one| transaction.reads.iter().any(|other| meet(one, other)))
    }

    pub fn commit(&mut self, transaction: &Plain, stamp: [u8; STAMP]) {
        let mut written = transaction.written.clone();
        // A stamped key is with those of its place until something sends it ahead, and a commit has that before the rest.
        let (mut kept, sent): (Vec<_>, Vec<_>) = transaction
            .log
            .iter()
            .partition(|step| matches!(step, Step::StampedKey { sent: false, .. }));
        kept.sort_by_key(|step| match step {
            Step::StampedKey { place, .. } => place.clone(),
            _ => vec![],
        });
        for step in sent.into_iter().chain(kept) {
            apply(step, &mut self.rows, Some(&stamp));
            if let Step::StampedKey { prefix, suffix, gone: false, .. } = step {
                let key = [&prefix[..], &stamp, suffix].concat();
                written.push((key.clone(), after(&key)));
            }
        }
        self.stamp = stamp;
        let version = self.version();
        self.commits.push((version, written));
        self.history.retain(|(earlier, _)| *earlier != version);
        self.history.push((version, self.rows.clone()));
    }

    /// The state of one of the last commits, and its version.
    pub fn earlier(&self, back: usize) -> Option<&(i64, Rows)> {
        self.history.len().checked_sub(1 + back).and_then(|index| self.history.get(index))
    }
}
