//! Bytes as a program of several transactions at once, run on the engine through the C API and on a plain model.
//!
//! `fuzz/fuzz_targets/engine_model.rs` feeds it; `tests/engine_model.rs` feeds it what was once found.

mod plain;

use crate::common::selecting::Select as Asked;
use crate::common::{Database, Transaction, option};
use plain::{OPS, Plain, Select, Selector, Step, after};

const VERSIONSTAMPED_KEY: u32 = 14;
const VERSIONSTAMPED_VALUE: u32 = 15;
const READ: u32 = 0;
const WRITE: u32 = 1;
const SLOTS: usize = 3;

/// Few, of which some are prefixes of others or their neighbours, so that transactions meet.
const KEYS: [&[u8]; 14] = [
    b"",
    b"a",
    b"a\0",
    b"aa",
    b"b",
    b"b\0",
    b"b\x01",
    b"bb",
    b"c",
    b"d",
    b"d\xff",
    b"e",
    b"e\xff\xff",
    b"\xfe",
];
/// Where versionstamped keys go.
const PREFIXES: [&[u8]; 3] = [b"", b"b", b"d"];
const SUFFIXES: [&[u8]; 2] = [b"", b"\x01"];

/// The bytes of a program, zeros after their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.next()) % count
    }

    fn flag(&mut self) -> bool {
        self.next() & 1 == 1
    }

    fn key(&mut self) -> Vec<u8> {
        KEYS[self.below(KEYS.len())].to_vec()
    }

    fn span(&mut self) -> (Vec<u8>, Vec<u8>) {
        let (one, other) = (self.key(), self.key());
        if one < other { (one, other) } else { (other, one) }
    }

    fn value(&mut self) -> Vec<u8> {
        let of = self.next();
        (0..of % 4).map(|i| [0, 1, 0x7f, 0xff][usize::from(of >> (2 + 2 * i.min(2)) & 3)]).collect()
    }

    fn selector(&mut self) -> Selector {
        let of = self.next();
        let offset = [1, 1, 1, 0, 2, -1, 3, -2, 4, -4, 7, 0, 1, 2, -7, 30][usize::from(of >> 4)];
        Selector { key: self.key(), or_equal: of & 1 == 1, offset }
    }
}

/// One open transaction of a program.
struct Open {
    tx: Transaction,
    plain: Plain,
}

impl Open {
    fn new(db: &Database) -> Open {
        Open { tx: db.transaction(), plain: Plain::new() }
    }

    /// Before the first read: takes note of what is read from.
    fn begin(&mut self, database: &plain::Database) -> Result<(), TooOld> {
        if self.plain.base.is_none() {
            let version = fresh(self.tx.read_version().int64())?.unwrap();
            assert!(version >= database.version(), "a read version before the last commit");
            self.plain.base = Some((database.rows.clone(), version));
        }
        Ok(())
    }
}

/// The machine paused for the five seconds that a version lasts: nothing can be said of what follows.
#[derive(Debug)]
struct TooOld;

fn fresh<T>(outcome: Result<T, i32>) -> Result<Result<T, i32>, TooOld> {
    if matches!(outcome, Err(1007)) { Err(TooOld) } else { Ok(outcome) }
}

/// What the model says, in the engine's words.
fn code<T>(outcome: Result<T, plain::Hidden>) -> Result<T, i32> {
    outcome.map_err(|plain::Hidden| 1036)
}

/// Runs a program. Panics where the engine and the model differ.
pub fn run(bytes: &[u8]) {
    let db = Database::open("memory:");
    let mut program = Program {
        slots: (0..SLOTS).map(|_| Open::new(&db)).collect(),
        db,
        database: plain::Database::default(),
    };
    let mut bytes = Bytes(bytes);
    while !bytes.0.is_empty() {
        if program.step(&mut bytes).is_err() {
            return;
        }
    }
    let all = (0..SLOTS).collect::<Vec<_>>();
    if program.commit(&all).is_ok() {
        program.compare();
    }
}

struct Program {
    slots: Vec<Open>,
    db: Database,
    database: plain::Database,
}

impl Program {
    fn step(&mut self, bytes: &mut Bytes<'_>) -> Result<(), TooOld> {
        let what = bytes.next();
        let slot = usize::from(what >> 6) % SLOTS;
        let one = &mut self.slots[slot];
        match what % 20 {
            0 => {
                let (key, snapshot) = (bytes.key(), bytes.flag());
                one.begin(&self.database)?;
                let asked = if snapshot { one.tx.snapshot_get(&key) } else { one.tx.get(&key) };
                let expected = code(one.plain.get(&key, snapshot));
                let plain = &one.plain;
                assert_eq!(fresh(asked.value())?, expected, "get {key:?} of {plain:?}");
            }
            1 | 2 => {
                let (selector, snapshot) = (bytes.selector(), bytes.flag());
                one.begin(&self.database)?;
                let asked = (&selector.key[..], selector.or_equal, selector.offset);
                let asked =
                    if snapshot { one.tx.snapshot_get_key(asked) } else { one.tx.get_key(asked) };
                let expected = code(one.plain.get_key(&selector, snapshot));
                let plain = &one.plain;
                assert_eq!(fresh(asked.key())?, expected, "get_key {selector:?} of {plain:?}");
            }
            3..=5 => {
                let (begin, end, how) = (bytes.selector(), bytes.selector(), bytes.next());
                let (snapshot, reverse) = (how & 1 == 1, how & 2 == 2);
                let limit = [0, 1, 2, 3][usize::from(how >> 2 & 3)];
                let target = [0, 0, 1, 25][usize::from(how >> 4 & 3)];
                one.begin(&self.database)?;
                let asked = one.tx.select(Asked {
                    begin: (&begin.key, begin.or_equal, begin.offset),
                    end: (&end.key, end.or_equal, end.offset),
                    limit,
                    target_bytes: target,
                    reverse,
                    snapshot,
                });
                let rows = fresh(asked.rows())?;
                let limit = usize::try_from(limit).unwrap();
                let select =
                    Select { begin, end, limit, bytes: usize::try_from(target).unwrap(), reverse };
                let expected = code(one.plain.select(&select, snapshot));
                assert_eq!(rows, expected, "{select:?} of {:?}", one.plain);
            }
            6 => {
                let (key, value) = (bytes.key(), bytes.value());
                one.tx.set(&key, &value);
                one.plain.write(Step::Set(key, value));
            }
            7 | 8 => {
                let (key, value) = (bytes.key(), bytes.value());
                let (op, number) = OPS[bytes.below(OPS.len())];
                one.tx.atomic(&key, &value, number);
                one.plain.write(Step::Atomic(op, key, value));
            }
            9 => {
                let key = bytes.key();
                one.tx.clear(&key);
                one.plain.write(Step::Clear(key.clone(), after(&key)));
            }
            10 => {
                let (begin, end) = bytes.span();
                one.tx.clear_range(&begin, &end);
                if begin < end {
                    one.plain.write(Step::Clear(begin, end));
                } else {
                    one.plain.quiet = false;
                }
            }
            11 => {
                let (key, value) = (bytes.key(), bytes.value());
                let operand = [&[0; 10], &value[..], &[0; 4]].concat();
                one.tx.atomic(&key, &operand, VERSIONSTAMPED_VALUE);
                one.plain.write(Step::StampedValue(key, value));
            }
            12 => {
                let prefix = PREFIXES[bytes.below(PREFIXES.len())];
                let suffix = SUFFIXES[bytes.below(SUFFIXES.len())];
                let value = bytes.value();
                let at = u32::try_from(prefix.len()).unwrap().to_le_bytes();
                one.tx.atomic(
                    &[prefix, &[0x55; 10], suffix, &at].concat(),
                    &value,
                    VERSIONSTAMPED_KEY,
                );
                let step = one.plain.stamped_key(prefix.to_vec(), suffix.to_vec(), value);
                one.plain.write(step);
            }
            13 => {
                let (begin, end) = bytes.span();
                assert_eq!(one.tx.add_conflict(&begin, &end, READ), 0);
                one.plain.has_read(&begin, &end);
            }
            14 => {
                let (begin, end) = bytes.span();
                assert_eq!(one.tx.add_conflict(&begin, &end, WRITE), 0);
                if begin < end {
                    one.plain.written.push((begin, end));
                }
            }
            15 => {
                let option = if bytes.flag() {
                    one.plain.quiet = true;
                    option::NEXT_WRITE_NO_WRITE_CONFLICT_RANGE
                } else if bytes.flag() {
                    one.plain.snapshot_sees -= 1;
                    option::SNAPSHOT_RYW_DISABLE
                } else {
                    one.plain.snapshot_sees += 1;
                    option::SNAPSHOT_RYW_ENABLE
                };
                assert_eq!(one.tx.set_option(option, None), 0);
            }
            16 => {
                let back = bytes.below(8);
                if let (None, Some((version, rows))) =
                    (&one.plain.base, self.database.earlier(back))
                {
                    one.tx.set_read_version(*version);
                    one.plain.base = Some((rows.clone(), *version));
                }
            }
            17 => {
                one.tx.reset();
                one.plain = Plain::new();
            }
            18 => self.commit(&[slot])?,
            // Several at once: they are taken in this order.
            _ => self.commit(&[slot, (slot + 1) % SLOTS])?,
        }
        Ok(())
    }

    /// Commits transactions at once, and looks at each.
    fn commit(&mut self, slots: &[usize]) -> Result<(), TooOld> {
        let begun = slots.iter().map(|slot| {
            let tx = &self.slots[*slot].tx;
            (*slot, tx.versionstamp(), tx.commit())
        });
        for (slot, stamp, commit) in begun.collect::<Vec<_>>() {
            let outcome = fresh(commit.wait())?;
            let one = &mut self.slots[slot];
            let expected = if one.plain.failed {
                Err(1036)
            } else if !one.plain.writes_nothing() && self.database.conflicts(&one.plain) {
                Err(1020)
            } else {
                Ok(())
            };
            let plain = &one.plain;
            assert_eq!(outcome, expected, "the commit of {plain:?}");
            if outcome.is_ok() {
                let version = one.tx.committed_version();
                if plain.writes_nothing() {
                    assert_eq!((version, stamp.key()), (-1, Err(2021)));
                } else {
                    let stamp: [u8; 10] = stamp.key().unwrap().try_into().unwrap();
                    assert_eq!(stamp[..8], version.to_be_bytes());
                    assert!(stamp > self.database.stamp, "versionstamps go on");
                    self.database.commit(plain, stamp);
                }
                assert_eq!(one.tx.get(b"a").value(), Err(2017));
            } else if !plain.failed {
                assert_eq!(stamp.key(), Err(2020));
            }
            *one = Open::new(&self.db);
        }
        self.compare();
        Ok(())
    }

    /// What is in the database is what the model has.
    fn compare(&self) {
        let rows = self.db.transaction().range(b"", b"\xff");
        let expected = self.database.rows.iter().map(|(key, value)| (key.clone(), value.clone()));
        assert_eq!(rows, expected.collect::<Vec<_>>());
    }
}
