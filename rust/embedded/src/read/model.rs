//! Reads and writes at random against a model that keeps, for each key there is, what happened to it.

use std::collections::BTreeMap;

use super::*;
use crate::mutation::{AtomicOp, Mutation};
use crate::storage::{FileOptions, Storage};

/// Seeds that once failed. Add to them, and never take one away.
const KEPT: &[u64] = &[88, 96, 1226, 4278];

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn bytes(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest + 1)).map(|_| *self.pick(&[0, 1, 2, 0x7f, 0xff])).collect()
    }
}

/// The keys a test names. The model also has the key after each: a range of any kind, or what is
/// left of one, then begins with a key the model has.
fn universe() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = vec![vec![]];
    for letter in b'a'..=b'h' {
        keys.push(vec![letter]);
        keys.push(vec![letter, 0]);
        keys.push(vec![letter, letter]);
    }
    for prefix in [b"b", b"e"] {
        keys.push([&prefix[..], &[0; 10]].concat());
        keys.push([&prefix[..], &[0; 10], &[1, 0, 0, 0]].concat());
        keys.push([&prefix[..], &[0xff; 10], &[0]].concat());
    }
    keys.sort();
    keys
}

/// What a transaction knows of a key.
#[derive(Clone)]
struct Key {
    /// What was done since the value was last known; `known` is what it was then.
    known: Option<Option<Vec<u8>>>,
    pending: Vec<(AtomicOp, Vec<u8>)>,
    unreadable: bool,
}

/// A row, or a key that is unreadable.
type RowOrHidden = std::result::Result<(Vec<u8>, Vec<u8>), Vec<u8>>;

struct Model {
    database: BTreeMap<Vec<u8>, Vec<u8>>,
    keys: BTreeMap<Vec<u8>, Key>,
}

fn number(bytes: &[u8], len: usize) -> u128 {
    (0..len).map(|i| u128::from(*bytes.get(i).unwrap_or(&0)) << (8 * i)).sum()
}

fn bytes_of(number: u128, len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(number >> (8 * i) & 0xff).unwrap()).collect()
}

/// The operations as the manual of FoundationDB describes them, on numbers.
fn naive(op: AtomicOp, old: Option<Vec<u8>>, operand: &[u8]) -> Option<Vec<u8>> {
    let len = operand.len();
    if op == AtomicOp::CompareAndClear {
        return old.filter(|old| old != operand);
    }
    let Some(old) = old else { return Some(operand.to_vec()) };
    let (a, b) = (number(&old, len), number(operand, len));
    Some(match op {
        AtomicOp::Add => bytes_of(a + b, len),
        AtomicOp::And => bytes_of(a & b, len),
        AtomicOp::Or => bytes_of(a | b, len),
        AtomicOp::Xor => bytes_of(a ^ b, len),
        AtomicOp::Max => bytes_of(a.max(b), len),
        AtomicOp::Min => bytes_of(a.min(b), len),
        AtomicOp::ByteMin => old.min(operand.to_vec()),
        AtomicOp::ByteMax => old.max(operand.to_vec()),
        AtomicOp::AppendIfFits => [&old[..], operand].concat(),
        AtomicOp::CompareAndClear => unreachable!(),
    })
}

impl Model {
    fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        let Some(state) = self.keys.get(key) else { return self.database.get(key).cloned() };
        let known = state.known.clone().unwrap_or_else(|| self.database.get(key).cloned());
        state.pending.iter().fold(known, |value, (op, operand)| naive(*op, value, operand))
    }

    /// The keys a walk sees, in its direction, up to the first that is unreadable (Err).
    fn walk(&self, begin: &[u8], end: &[u8], reverse: bool) -> Vec<RowOrHidden> {
        let mut seen = Vec::new();
        let mut inside: Vec<_> = self
            .keys
            .iter()
            .filter(|(key, _)| key.as_slice() >= begin && key.as_slice() < end)
            .collect();
        if reverse {
            inside.reverse();
        }
        for (key, state) in inside {
            if state.unreadable {
                seen.push(Err(key.clone()));
                break;
            }
            seen.extend(self.value(key).map(|value| Ok((key.clone(), value))));
        }
        seen
    }

    fn depends_on_database(&self, key: &[u8]) -> bool {
        self.keys.get(key).is_none_or(|state| state.known.is_none())
    }
}

fn model_base(selector: &Selector) -> Vec<u8> {
    let after: &[u8] = if selector.or_equal { &[0] } else { &[] };
    [&selector.key[..], after].concat()
}

/// The key a selector selects; Err with the unreadable key that is in the way.
fn model_key(model: &Model, selector: &Selector) -> std::result::Result<Vec<u8>, Vec<u8>> {
    let base = model_base(selector);
    let (seen, count) = if selector.offset > 0 {
        (model.walk(&base, b"\xff", false), selector.offset)
    } else {
        (model.walk(b"", &base, true), 1 - selector.offset)
    };
    match seen.get(usize::try_from(count).unwrap() - 1) {
        Some(Ok((key, _))) => Ok(key.clone()),
        Some(Err(hidden)) => Err(hidden.clone()),
        None => match seen.last() {
            Some(Err(hidden)) => Err(hidden.clone()),
            _ if selector.offset > 0 => Ok(b"\xff".to_vec()),
            _ => Ok(vec![]),
        },
    }
}

type ModelRows = (Vec<(Vec<u8>, Vec<u8>)>, bool);

/// The bound a selector is in a range: of offset 1, its own key.
fn model_bound(model: &Model, selector: &Selector) -> std::result::Result<Vec<u8>, Vec<u8>> {
    match selector.offset {
        1 => Ok(model_base(selector)),
        // Right after the key before: nothing further away matters.
        2.. => model_key(model, &Selector { offset: selector.offset - 1, ..selector.clone() }).map(
            |mut key| {
                if key != b"\xff" {
                    key.push(0);
                }
                key
            },
        ),
        _ => model_key(model, selector),
    }
}

fn model_range(model: &Model, request: &RangeRequest) -> std::result::Result<ModelRows, ()> {
    let (begin, end) = (model_bound(model, &request.begin), model_bound(model, &request.end));
    let (begin, end) = match (begin, end) {
        (Ok(begin), Ok(end)) => (begin, end),
        // What hides the far end is ahead: the walk may end before it, or comes upon it.
        (Ok(begin), Err(hidden))
            if !request.reverse && request.end.offset > 1 && begin <= hidden =>
        {
            (begin, b"\xff".to_vec())
        }
        (Err(hidden), Ok(end)) if request.reverse && request.begin.offset < 1 && end > hidden => {
            (vec![], end)
        }
        _ => return Err(()),
    };
    let mut rows = Vec::new();
    for row in model.walk(&begin, &end, request.reverse) {
        rows.push(row.map_err(|_| ())?);
        if rows.len() == request.limit_rows {
            return Ok((rows, true));
        }
    }
    Ok((rows, false))
}

fn some_key(random: &mut Random, universe: &[Vec<u8>]) -> Vec<u8> {
    random.pick(universe).clone()
}

fn some_selector(random: &mut Random, universe: &[Vec<u8>]) -> Selector {
    let offset = if random.one_in(3) { 1 } else { i32::try_from(random.below(12)).unwrap() - 5 };
    Selector { key: some_key(random, universe), or_equal: random.one_in(2), offset }
}

fn some_range(random: &mut Random, universe: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let (a, b) = (some_key(random, universe), some_key(random, universe));
    if a < b { (a, b) } else { (b, a) }
}

/// The stamps given at commit, in the test.
const STAMP: [u8; 10] = *b"\0\0\0\0\0\0\0\x09\0\0";

/// One transaction: writes at random, applied to the model and to the engine.
fn write(
    random: &mut Random,
    universe: &[Vec<u8>],
    model: &mut Model,
    writes: &mut Writes,
) -> Vec<Mutation> {
    let mut log = Vec::new();
    for _ in 0..random.below(12) {
        let key = some_key(random, universe);
        let value = random.bytes(4);
        let state = model.keys.get_mut(&key).unwrap();
        match random.below(16) {
            0..=3 => {
                writes.set(&key, &value, true);
                (state.known, state.pending) = (Some(Some(value.clone())), vec![]);
                log.push(Mutation::Set { key: key.into(), value: value.into() });
            }
            4..=8 => {
                let op = *random.pick(&AtomicOp::ALL);
                writes.atomic(op, &key, &value, true);
                state.pending.push((op, value.clone()));
                log.push(Mutation::Atomic { op, key: key.into(), operand: value.into() });
            }
            9..=11 => {
                let (begin, end) = if random.one_in(2) {
                    (key.clone(), key_after(&key))
                } else {
                    some_range(random, universe)
                };
                writes.clear(&begin, &end, true);
                for (_, state) in model.keys.range_mut(begin.clone()..end.clone()) {
                    *state = Key { known: Some(None), pending: vec![], unreadable: false };
                }
                log.push(Mutation::Clear { begin: begin.into(), end: end.into() });
            }
            12 => {
                let value =
                    [&value[..], b"..........", &u32::try_from(value.len()).unwrap().to_le_bytes()]
                        .concat();
                writes.versionstamped_value(&key, &value, true).unwrap();
                *state = Key { known: Some(None), pending: vec![], unreadable: true };
                log.push(Mutation::VersionstampedValue { key: key.into(), value: value.into() });
            }
            13 if random.one_in(3) => {
                let prefix = random.pick(&[b"b", b"e"]);
                let low = [&prefix[..], &[0; 10]].concat();
                let high = [&prefix[..], &[0xff; 10], &[0]].concat();
                let parameter = [&prefix[..], b"..........", &[1, 0, 0, 0]].concat();
                writes.versionstamped_key(&parameter, b"v", true).unwrap();
                for (_, state) in model.keys.range_mut(low..high) {
                    *state = Key { known: None, pending: vec![], unreadable: true };
                }
                log.push(Mutation::VersionstampedKey {
                    key: parameter.into(),
                    value: b"v"[..].into(),
                });
            }
            _ => {}
        }
    }
    log
}

enum Read {
    Get(Vec<u8>),
    Key(Selector),
    Range(RangeRequest),
}

#[derive(PartialEq, Debug)]
enum Answer {
    Value(Option<Vec<u8>>),
    Key(Vec<u8>),
    Range(ModelRows),
}

fn some_read(random: &mut Random, universe: &[Vec<u8>]) -> Read {
    match random.below(4) {
        0 => Read::Get(some_key(random, universe)),
        1 => Read::Key(some_selector(random, universe)),
        _ => Read::Range(RangeRequest {
            begin: some_selector(random, universe),
            end: some_selector(random, universe),
            limit_rows: random.below(5),
            limit_bytes: 0,
            reverse: random.one_in(2),
        }),
    }
}

fn model_read(model: &Model, read: &Read) -> Result<Answer> {
    let answer = match read {
        Read::Get(key) if model.keys[key].unreadable => Err(()),
        Read::Get(key) => Ok(Answer::Value(model.value(key))),
        Read::Key(selector) => model_key(model, selector).map(Answer::Key).map_err(|_| ()),
        Read::Range(request) => {
            let (begin, end) = (model_base(&request.begin), model_base(&request.end));
            if request.begin.offset >= request.end.offset && begin >= end {
                Ok(Answer::Range((vec![], false)))
            } else {
                model_range(model, request).map(Answer::Range)
            }
        }
    };
    answer.map_err(|()| Error(1036))
}

fn engine_read(snapshot: &Snapshot, writes: &Writes, read: &Read) -> (Result<Answer>, Ranges) {
    let mut conflicts = Ranges::new();
    let mode = ReadMode::default();
    let answer = match read {
        Read::Get(key) => get(snapshot, writes, &mut conflicts, key, mode).map(Answer::Value),
        Read::Key(selector) => {
            get_key(snapshot, writes, &mut conflicts, selector, mode).map(Answer::Key)
        }
        Read::Range(request) => {
            get_range(snapshot, writes, &mut conflicts, request, mode).map(|rows| {
                let list = rows.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
                Answer::Range((list, rows.more))
            })
        }
    };
    (answer, conflicts)
}

fn describe(read: &Read) -> String {
    match read {
        Read::Get(key) => format!("get {}", key.escape_ascii()),
        Read::Key(selector) => format!("get_key {selector:?}"),
        Read::Range(request) => format!("get_range {request:?}"),
    }
}

fn one_round(seed: u64, storage: &Storage) {
    let random = &mut Random(seed);
    let universe = universe();
    let wipe = Mutation::Clear { begin: b""[..].into(), end: b"\xff"[..].into() };
    let mut batch = vec![wipe];
    let mut database = BTreeMap::new();
    for key in &universe {
        if random.one_in(3) {
            let value = random.bytes(4);
            batch.push(Mutation::Set { key: key[..].into(), value: value[..].into() });
            database.insert(key.clone(), value);
        }
    }
    let version = storage.version() + 1;
    storage.apply(&batch, version).unwrap();
    let snapshot = storage.snapshot().unwrap();

    let fresh = Key { known: None, pending: vec![], unreadable: false };
    let after = universe.iter().map(|key| key_after(key));
    let keys = universe.iter().cloned().chain(after).map(|key| (key, fresh.clone())).collect();
    let mut model = Model { database, keys };
    let mut writes = Writes::new();
    let log = write(random, &universe, &mut model, &mut writes);

    for _ in 0..12 {
        let read = some_read(random, &universe);
        let (answer, conflicts) = engine_read(&snapshot, &writes, &read);
        let expected = model_read(&model, &read);
        assert_eq!(answer, expected, "seed {seed}: {} after {log:#?}", describe(&read));
        if answer.is_err() {
            assert!(conflicts.is_empty(), "seed {seed}: a failed read conflicts with nothing");
            continue;
        }
        check_conflicts(random, seed, &model, &conflicts, &read, &expected);
    }
    check_commit(seed, storage, &model, &writes, log);
}

/// Whatever changes outside of the conflict ranges, the read would have the same answer; and what
/// the transaction wrote itself is in none of them.
fn check_conflicts(
    random: &mut Random,
    seed: u64,
    model: &Model,
    conflicts: &Ranges,
    read: &Read,
    expected: &Result<Answer>,
) {
    let conflicting = |key: &[u8]| conflicts.iter().any(|(begin, end)| begin <= key && key < end);
    for key in model.keys.keys() {
        if conflicting(key) {
            assert!(model.depends_on_database(key), "seed {seed}: {key:?} for {}", describe(read));
        }
    }
    for _ in 0..2 {
        let mut changed = Model { database: model.database.clone(), keys: model.keys.clone() };
        for key in model.keys.keys() {
            if random.one_in(2) && !conflicting(key) {
                if random.one_in(2) {
                    changed.database.remove(key);
                } else {
                    changed.database.insert(key.clone(), random.bytes(4));
                }
            }
        }
        let now = model_read(&changed, read);
        if now.is_err() {
            // A walk that now comes upon something unreadable gives no other answer.
            continue;
        }
        let ranges: Vec<_> = conflicts.iter().collect();
        assert_eq!(&now, expected, "seed {seed}: {} with conflicts {ranges:?}", describe(read));
    }
}

/// What a commit writes is what the mutations do one after the other.
fn check_commit(seed: u64, storage: &Storage, model: &Model, writes: &Writes, log: Vec<Mutation>) {
    if log.iter().any(|mutation| matches!(mutation, Mutation::VersionstampedKey { .. })) {
        // Which clears it survives depends on where the write map keeps it: WriteMap.cpp.
        return;
    }
    let mut expected = model.database.clone();
    for mut mutation in log {
        mutation.stamp(&STAMP);
        match mutation {
            Mutation::Set { key, value } => drop(expected.insert(key.to_vec(), value.to_vec())),
            Mutation::Clear { begin, end } => {
                expected.retain(|key, _| key[..] < begin[..] || key[..] >= end[..]);
            }
            Mutation::Atomic { op, key, operand } => {
                let old = expected.remove(&*key);
                expected.extend(naive(op, old, &operand).map(|value| (key.to_vec(), value)));
            }
            _ => unreachable!(),
        }
    }
    let mut mutations = writes.mutations();
    mutations.iter_mut().for_each(|mutation| mutation.stamp(&STAMP));
    storage.apply(&mutations, storage.version() + 1).unwrap();
    let snapshot = storage.snapshot().unwrap();
    let got: BTreeMap<Vec<u8>, Vec<u8>> = snapshot
        .range(b"", b"\xff")
        .unwrap()
        .map(|row| row.map(|row| (row.key().to_vec(), row.value().to_vec())).unwrap())
        .collect();
    assert_eq!(got, expected, "seed {seed}");
}

/// FOUND_MODEL_ROUNDS asks for more.
fn rounds(usual: u64) -> u64 {
    std::env::var("FOUND_MODEL_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

#[test]
fn reads_conflicts_and_commits_are_those_of_the_model_in_memory() {
    let storage = Storage::memory();
    for seed in KEPT.iter().copied().chain(0..rounds(2000)) {
        one_round(seed, &storage);
    }
}

#[test]
fn reads_conflicts_and_commits_are_those_of_the_model_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let options = FileOptions { sync: false, ..FileOptions::default() };
    let storage = Storage::open(&folder.path().join("data"), &options).unwrap();
    for seed in KEPT.iter().copied().chain(0..rounds(100)) {
        one_round(seed, &storage);
    }
}
