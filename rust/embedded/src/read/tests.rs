//! One test a rule: what is read, and what it then conflicts with.

use super::*;
use crate::mutation::{AtomicOp, Mutation};
use crate::storage::Storage;

/// A database, and a transaction on it.
struct Fixture {
    storage: Storage,
    writes: Writes,
    conflicts: Ranges,
    mode: ReadMode,
}

type Rows2 = Vec<(String, String)>;

impl Fixture {
    /// A database whose keys have themselves as values.
    fn with(keys: &[&str]) -> Fixture {
        let storage = Storage::memory();
        let set =
            |key: &&str| Mutation::Set { key: key.as_bytes().into(), value: key.as_bytes().into() };
        storage.apply(&keys.iter().map(set).collect::<Vec<_>>(), 1).unwrap();
        Fixture {
            storage,
            writes: Writes::new(),
            conflicts: Ranges::new(),
            mode: ReadMode::default(),
        }
    }

    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>> {
        let snapshot = self.storage.snapshot()?;
        get(&snapshot, &self.writes, &mut self.conflicts, key.as_bytes(), self.mode)
    }

    fn get_key(&mut self, key: &str, or_equal: bool, offset: i32) -> Result<String> {
        let snapshot = self.storage.snapshot()?;
        let selector = Selector { key: key.into(), or_equal, offset };
        get_key(&snapshot, &self.writes, &mut self.conflicts, &selector, self.mode).map(text)
    }

    fn range(
        &mut self,
        begin: Selector,
        end: Selector,
        limit: usize,
        reverse: bool,
    ) -> Result<(Rows2, bool)> {
        let snapshot = self.storage.snapshot()?;
        let request = RangeRequest { begin, end, limit_rows: limit, limit_bytes: 0, reverse };
        let rows = get_range(&snapshot, &self.writes, &mut self.conflicts, &request, self.mode)?;
        let list = rows.iter().map(|(key, value)| (text(key), text(value))).collect();
        Ok((list, rows.more))
    }

    /// The keys between two keys.
    fn keys(
        &mut self,
        begin: &str,
        end: &str,
        limit: usize,
        reverse: bool,
    ) -> Result<(String, bool)> {
        let (rows, more) = self.range(at(begin), at(end), limit, reverse)?;
        Ok((rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" "), more))
    }

    /// The read conflict ranges, and forgets them.
    fn conflicts(&mut self) -> String {
        let list: Vec<String> = self
            .conflicts
            .iter()
            .map(|(begin, end)| format!("{}-{}", text(begin), text(end)))
            .collect();
        self.conflicts.clear();
        list.join(" ")
    }

    fn set(&mut self, key: &str, value: &str) {
        self.writes.set(key.as_bytes(), value.as_bytes(), true);
    }

    fn clear(&mut self, begin: &str, end: &str) {
        self.writes.clear(begin.as_bytes(), end.as_bytes(), true);
    }

    fn atomic(&mut self, op: AtomicOp, key: &str, operand: &[u8]) {
        self.writes.atomic(op, key.as_bytes(), operand, true);
    }

    fn stamp_value(&mut self, key: &str) {
        self.writes.versionstamped_value(key.as_bytes(), b"..........\0\0\0\0", true).unwrap();
    }

    /// Writes `prefix`, a stamp, and nothing else, as a key.
    fn stamp_key(&mut self, prefix: &str) {
        let mut key = [prefix.as_bytes(), b".........."].concat();
        key.extend_from_slice(&u32::try_from(prefix.len()).unwrap().to_le_bytes());
        self.writes.versionstamped_key(&key, b"stamped", true).unwrap();
    }
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().escape_ascii().to_string()
}

fn at(key: &str) -> Selector {
    Selector::first_greater_or_equal(key)
}

fn selector(key: &str, or_equal: bool, offset: i32) -> Selector {
    Selector { key: key.into(), or_equal, offset }
}

const UNREADABLE: Error = Error(1036);

#[test]
fn a_transaction_reads_its_own_sets_and_clears() {
    let mut tx = Fixture::with(&["a", "b", "c", "d"]);
    tx.set("b", "new");
    tx.set("bb", "own");
    tx.clear("c", "cc");
    assert_eq!(tx.get("b"), Ok(Some(b"new".to_vec())));
    assert_eq!(tx.get("bb"), Ok(Some(b"own".to_vec())));
    assert_eq!(tx.get("c"), Ok(None));
    assert_eq!(tx.keys("", "z", 0, false), Ok(("a b bb d".into(), false)));
    assert_eq!(tx.keys("", "z", 0, true), Ok(("d bb b a".into(), false)));
}

#[test]
fn selectors_clamp_to_the_empty_key_and_to_the_end_of_what_may_be_read() {
    let mut tx = Fixture::with(&["b", "c"]);
    assert_eq!(tx.get_key("b", false, 0), Ok(String::new()));
    assert_eq!(tx.get_key("b", false, -5), Ok(String::new()));
    assert_eq!(tx.get_key("c", true, 1), Ok("\\xff".into()));
    assert_eq!(tx.get_key("c", true, 7), Ok("\\xff".into()));
    tx.mode.max_key = b"\xff\xff";
    assert_eq!(tx.get_key("c", true, 7), Ok("\\xff\\xff".into()));
}

#[test]
fn system_keys_are_past_the_end_unless_they_may_be_read() {
    let mut tx = Fixture::with(&["a"]);
    let key = Mutation::Set { key: b"\xff/x"[..].into(), value: b"v"[..].into() };
    tx.storage.apply(&[key], 2).unwrap();
    assert_eq!(tx.get_key("a", true, 1), Ok("\\xff".into()));
    tx.mode.max_key = b"\xff\xff";
    assert_eq!(tx.get_key("a", true, 1), Ok("\\xff/x".into()));
}

#[test]
fn selector_offsets_count_only_what_the_transaction_sees() {
    let mut tx = Fixture::with(&["a", "b", "c", "d", "e"]);
    tx.clear("b", "d");
    tx.set("cc", "own");
    // Seen: a cc d e.
    for (or_equal, offset, expected) in [
        (false, 1, "a"),
        (false, 2, "cc"),
        (false, 3, "d"),
        (true, 1, "cc"),
        (true, 3, "e"),
        (true, 4, "\\xff"),
        (true, 0, "a"),
        (false, 0, ""),
    ] {
        assert_eq!(tx.get_key("a", or_equal, offset), Ok(expected.into()), "{or_equal} {offset}");
    }
    for (or_equal, offset, expected) in
        [(false, 0, "d"), (true, 0, "e"), (false, -1, "cc"), (false, -2, "a"), (false, -3, "")]
    {
        assert_eq!(tx.get_key("e", or_equal, offset), Ok(expected.into()), "{or_equal} {offset}");
    }
}

#[test]
fn a_key_removed_by_compare_and_clear_is_no_longer_counted() {
    let mut tx = Fixture::with(&["a", "b", "c"]);
    tx.atomic(AtomicOp::CompareAndClear, "b", b"b");
    tx.atomic(AtomicOp::CompareAndClear, "c", b"other");
    assert_eq!(tx.get_key("a", true, 1), Ok("c".into()));
    assert_eq!(tx.keys("", "z", 0, true), Ok(("c a".into(), false)));
}

#[test]
fn get_key_backward_conflicts_from_the_result_to_its_base() {
    let mut tx = Fixture::with(&["b", "d"]);
    assert_eq!(tx.get_key("c", false, 0), Ok("b".into()));
    assert_eq!(tx.conflicts(), "b-c");
    assert_eq!(tx.get_key("d", true, 0), Ok("d".into()));
    assert_eq!(tx.conflicts(), "d-d\\x00");
    assert_eq!(tx.get_key("b", false, 0), Ok(String::new()));
    assert_eq!(tx.conflicts(), "-b");
}

#[test]
fn get_key_forward_conflicts_from_its_base_to_the_key_after_the_result() {
    let mut tx = Fixture::with(&["b", "d"]);
    assert_eq!(tx.get_key("a", false, 1), Ok("b".into()));
    assert_eq!(tx.conflicts(), "a-b\\x00");
    assert_eq!(tx.get_key("b", true, 1), Ok("d".into()));
    assert_eq!(tx.conflicts(), "b\\x00-d\\x00");
    assert_eq!(tx.get_key("d", true, 1), Ok("\\xff".into()));
    assert_eq!(tx.conflicts(), "d\\x00-\\xff\\x00");
}

#[test]
fn a_range_without_more_conflicts_whole() {
    let mut tx = Fixture::with(&["b", "d"]);
    assert_eq!(tx.keys("a", "z", 0, false), Ok(("b d".into(), false)));
    assert_eq!(tx.conflicts(), "a-z");
    assert_eq!(tx.keys("a", "z", 3, true), Ok(("d b".into(), false)));
    assert_eq!(tx.conflicts(), "a-z");
}

#[test]
fn a_forward_range_with_more_conflicts_up_to_its_last_key() {
    let mut tx = Fixture::with(&["b", "d", "f"]);
    assert_eq!(tx.keys("a", "z", 2, false), Ok(("b d".into(), true)));
    assert_eq!(tx.conflicts(), "a-d\\x00");
}

#[test]
fn a_reverse_range_with_more_conflicts_from_its_last_key() {
    let mut tx = Fixture::with(&["b", "d", "f"]);
    assert_eq!(tx.keys("a", "z", 2, true), Ok(("f d".into(), true)));
    assert_eq!(tx.conflicts(), "d-z");
}

#[test]
fn a_range_whose_begin_moved_back_conflicts_from_its_first_key() {
    let mut tx = Fixture::with(&["b", "d", "f"]);
    let (begin, end) = (selector("e", false, -1), at("z"));
    assert_eq!(tx.range(begin.clone(), end.clone(), 0, false).unwrap().0.len(), 3);
    assert_eq!(tx.conflicts(), "b-z");
    let begin = selector("e", false, -2);
    tx.range(begin, end, 0, false).unwrap();
    assert_eq!(tx.conflicts(), "-z");
}

#[test]
fn a_range_whose_end_moved_on_conflicts_to_its_last_key_or_to_the_end_of_all() {
    let mut tx = Fixture::with(&["b", "d", "f"]);
    tx.range(at("a"), selector("c", false, 2), 0, false).unwrap();
    assert_eq!(tx.conflicts(), "a-d\\x00");
    tx.range(at("a"), selector("c", false, 4), 0, false).unwrap();
    assert_eq!(tx.conflicts(), "a-\\xff");
}

#[test]
fn a_range_whose_selectors_cannot_hold_anything_reads_and_conflicts_nothing() {
    let mut tx = Fixture::with(&["b", "d", "f"]);
    assert_eq!(tx.keys("d", "d", 0, false), Ok((String::new(), false)));
    assert_eq!(tx.keys("e", "c", 0, false), Ok((String::new(), false)));
    assert_eq!(tx.conflicts(), "");
}

#[test]
fn a_range_whose_selectors_cross_conflicts_between_them() {
    let mut tx = Fixture::with(&["b", "d", "f"]);
    // From the key after e on, that is f, to the last before e, that is d.
    let rows = tx.range(selector("e", true, 1), selector("ee", false, 0), 0, false);
    assert_eq!(rows, Ok((vec![], false)));
    assert_eq!(tx.conflicts(), "e\\x00-ee");
    let rows = tx.range(selector("a", false, 3), selector("e", false, 1), 0, false);
    assert_eq!(rows, Ok((vec![], false)));
    assert_eq!(tx.conflicts(), "a-e");
    let rows = tx.range(selector("e", false, 0), selector("c", false, 1), 0, false);
    assert_eq!(rows, Ok((vec![], false)));
    assert_eq!(tx.conflicts(), "c-e");
}

#[test]
fn more_is_true_whenever_the_limit_was_reached() {
    let mut tx = Fixture::with(&["b", "d"]);
    assert_eq!(tx.keys("a", "z", 2, false), Ok(("b d".into(), true)));
    assert_eq!(tx.keys("a", "z", 2, true), Ok(("d b".into(), true)));
    assert_eq!(tx.keys("a", "z", 3, false), Ok(("b d".into(), false)));
    assert_eq!(tx.keys("e", "z", 1, false), Ok((String::new(), false)));
}

#[test]
fn a_byte_limit_ends_with_the_row_that_reaches_it_and_gives_at_least_one() {
    let mut tx = Fixture::with(&["a", "b", "c"]);
    let mut limited = |limit_bytes| {
        let snapshot = tx.storage.snapshot().unwrap();
        let request = RangeRequest {
            begin: at(""),
            end: at("z"),
            limit_rows: 0,
            limit_bytes,
            reverse: false,
        };
        let rows = get_range(&snapshot, &tx.writes, &mut tx.conflicts, &request, tx.mode).unwrap();
        (rows.len(), rows.more)
    };
    // A row of these counts for 24 + 1 + 1.
    assert_eq!(limited(1), (1, true));
    assert_eq!(limited(26), (1, true));
    assert_eq!(limited(27), (2, true));
    assert_eq!(limited(78), (3, true));
    assert_eq!(limited(79), (3, false));
}

#[test]
fn keys_written_or_cleared_without_reading_are_no_read_conflict() {
    let mut tx = Fixture::with(&["a", "b", "c", "d"]);
    tx.set("b", "own");
    tx.clear("c", "d");
    tx.get("b").unwrap();
    tx.get("c").unwrap();
    assert_eq!(tx.conflicts(), "");
    tx.keys("a", "e", 0, false).unwrap();
    assert_eq!(tx.conflicts(), "a-b b\\x00-c d-e");
}

#[test]
fn an_atomic_on_an_unread_key_is_a_read_conflict_only_when_read() {
    let mut tx = Fixture::with(&["b"]);
    tx.atomic(AtomicOp::Add, "b", &[1]);
    tx.atomic(AtomicOp::Add, "c", &[1]);
    assert_eq!(tx.conflicts(), "");
    assert_eq!(tx.get("b"), Ok(Some(vec![b'b' + 1])));
    assert_eq!(tx.conflicts(), "b-b\\x00");
    tx.keys("b", "d", 0, false).unwrap();
    assert_eq!(tx.conflicts(), "b-d");
}

#[test]
fn an_atomic_after_a_set_or_a_clear_of_ones_own_is_no_read_conflict() {
    let mut tx = Fixture::with(&["a", "b"]);
    tx.set("a", "\x01");
    tx.atomic(AtomicOp::Add, "a", &[1]);
    tx.clear("b", "c");
    tx.atomic(AtomicOp::Add, "b", &[7]);
    assert_eq!(tx.get("a"), Ok(Some(vec![2])));
    assert_eq!(tx.get("b"), Ok(Some(vec![7])));
    assert_eq!(tx.conflicts(), "");
}

#[test]
fn an_atomic_after_a_clear_sees_a_missing_value() {
    let mut tx = Fixture::with(&["b"]);
    tx.clear("a", "c");
    tx.atomic(AtomicOp::And, "b", &[0xff, 0xff]);
    tx.atomic(AtomicOp::CompareAndClear, "bb", b"x");
    assert_eq!(tx.get("b"), Ok(Some(vec![0xff, 0xff])));
    assert_eq!(tx.get("bb"), Ok(None));
}

#[test]
fn atomics_of_different_lengths_are_applied_one_after_the_other() {
    let mut tx = Fixture::with(&[]);
    let old = Mutation::Set { key: b"k"[..].into(), value: [0xff, 0xff, 1][..].into() };
    tx.storage.apply(&[old], 2).unwrap();
    tx.atomic(AtomicOp::Add, "k", &[1]);
    tx.atomic(AtomicOp::Add, "k", &[1, 0, 0]);
    // Cut to one byte first: 0x00. Then extended: folded, it would have been 01 00 02.
    assert_eq!(tx.get("k"), Ok(Some(vec![1, 0, 0])));
    assert_eq!(tx.writes.mutations().len(), 2);
}

#[test]
fn a_snapshot_read_adds_no_conflict_and_still_sees_writes() {
    let mut tx = Fixture::with(&["a"]);
    tx.mode.snapshot = true;
    tx.set("b", "own");
    tx.get("a").unwrap();
    tx.get_key("a", false, 1).unwrap();
    assert_eq!(tx.keys("a", "z", 0, false), Ok(("a b".into(), false)));
    assert_eq!(tx.conflicts(), "");
}

#[test]
fn a_snapshot_read_of_an_unreadable_key_is_1036_all_the_same() {
    let mut tx = Fixture::with(&["a"]);
    tx.stamp_value("a");
    tx.mode.snapshot = true;
    assert_eq!(tx.get("a"), Err(UNREADABLE));
    assert_eq!(tx.keys("", "z", 0, false), Err(UNREADABLE));
}

#[test]
fn a_read_that_bypasses_writes_sees_the_database_and_conflicts_whole() {
    let mut tx = Fixture::with(&["a", "b"]);
    tx.set("a", "own");
    tx.clear("b", "c");
    tx.stamp_value("bb");
    tx.mode.bypass_writes = true;
    assert_eq!(tx.get("a"), Ok(Some(b"a".to_vec())));
    assert_eq!(tx.keys("a", "z", 0, false), Ok(("a b".into(), false)));
    assert_eq!(tx.conflicts(), "a-z");
}

#[test]
fn a_versionstamped_value_makes_its_key_unreadable_and_no_other() {
    let mut tx = Fixture::with(&["a", "b", "c"]);
    tx.stamp_value("b");
    assert_eq!(tx.get("b"), Err(UNREADABLE));
    assert_eq!(tx.get("a"), Ok(Some(b"a".to_vec())));
    assert_eq!(tx.keys("a", "b", 0, false), Ok(("a".into(), false)));
    assert_eq!(tx.keys("b\0", "z", 0, false), Ok(("c".into(), false)));
    assert_eq!(tx.keys("a", "z", 0, false), Err(UNREADABLE));
    assert_eq!(tx.get_key("a", true, 1), Err(UNREADABLE));
    assert_eq!(tx.get_key("c", false, 0), Err(UNREADABLE));
    assert_eq!(tx.conflicts(), "a-b b\\x00-z");
}

#[test]
fn a_limit_reached_before_what_is_unreadable_reads_fine() {
    let mut tx = Fixture::with(&["a", "b", "c", "d"]);
    tx.stamp_value("c");
    assert_eq!(tx.keys("a", "z", 2, false), Ok(("a b".into(), true)));
    assert_eq!(tx.keys("a", "z", 3, false), Err(UNREADABLE));
    assert_eq!(tx.keys("a", "z", 1, true), Ok(("d".into(), true)));
    assert_eq!(tx.keys("a", "z", 2, true), Err(UNREADABLE));
    let far = |tx: &mut Fixture, limit| tx.range(at("a"), selector("a", false, 9), limit, false);
    assert!(far(&mut tx, 2).unwrap().1);
    assert_eq!(far(&mut tx, 3), Err(UNREADABLE));
    let far = |tx: &mut Fixture, limit| tx.range(selector("z", false, -9), at("z"), limit, true);
    assert!(far(&mut tx, 1).unwrap().1);
    assert_eq!(far(&mut tx, 2), Err(UNREADABLE));
    // Hidden behind the walk, and so nowhere on its way.
    assert_eq!(tx.range(at("d"), selector("b", false, 9), 1, false), Err(UNREADABLE));
    assert_eq!(tx.range(selector("d", false, -9), at("b"), 1, true), Err(UNREADABLE));
}

#[test]
fn a_versionstamped_key_makes_every_key_it_may_become_unreadable() {
    let mut tx = Fixture::with(&["a", "k", "l"]);
    tx.writes.read_version_known(0x1_0000);
    tx.stamp_key("k");
    let low = "k\0\0\0\0\0\x01\0\0\0\0";
    assert_eq!(tx.get("k"), Ok(Some(b"k".to_vec())));
    assert_eq!(tx.get("k\0\0\0\0\0\0\0\0\0\0"), Ok(None), "a stamp before the read version");
    assert_eq!(tx.get(low), Err(UNREADABLE));
    assert_eq!(tx.get("ka"), Err(UNREADABLE));
    assert_eq!(tx.get("l"), Ok(Some(b"l".to_vec())));
    assert_eq!(tx.keys("a", "kz", 0, false), Err(UNREADABLE));
}

#[test]
fn a_later_set_stays_unreadable_and_a_clear_makes_it_readable() {
    let mut tx = Fixture::with(&["a"]);
    tx.stamp_value("a");
    tx.set("a", "later");
    tx.atomic(AtomicOp::Add, "a", &[1]);
    assert_eq!(tx.get("a"), Err(UNREADABLE));
    tx.clear("a", "a\0");
    assert_eq!(tx.get("a"), Ok(None));
    tx.set("a", "again");
    assert_eq!(tx.get("a"), Ok(Some(b"again".to_vec())));
    tx.stamp_key("k");
    tx.set("kk", "v");
    assert_eq!(tx.get("kk"), Err(UNREADABLE));
    tx.clear("kk", "kkk");
    assert_eq!(tx.get("kk"), Ok(None));
    assert_eq!(tx.get("kkk"), Err(UNREADABLE));
}

#[test]
fn bypass_unreadable_shows_the_parameter_as_it_was_given() {
    let mut tx = Fixture::with(&["a"]);
    tx.mode.bypass_unreadable = true;
    tx.stamp_value("a");
    tx.stamp_key("k");
    assert_eq!(tx.get("a"), Ok(Some(b"..........\0\0\0\0".to_vec())));
    assert_eq!(tx.get("kk"), Ok(None));
    tx.atomic(AtomicOp::Add, "a", &[1]);
    assert_eq!(tx.get("a"), Err(Error(1000)), "the stamp would have to be known");
}

#[test]
fn a_read_conflict_range_by_hand_leaves_out_what_was_written() {
    let mut tx = Fixture::with(&[]);
    tx.set("b", "own");
    tx.atomic(AtomicOp::Add, "bb", &[1]);
    tx.clear("c", "d");
    let mode = tx.mode;
    add_read_conflict(&tx.writes, &mut tx.conflicts, b"a", b"e", mode);
    assert_eq!(tx.conflicts(), "a-b b\\x00-c d-e");
    let mode = ReadMode { bypass_writes: true, ..mode };
    add_read_conflict(&tx.writes, &mut tx.conflicts, b"a", b"e", mode);
    assert_eq!(tx.conflicts(), "a-e");
}
