//! What a commit sends of the writes, in which order, and what they conflict with.

use super::*;

fn show(mutations: &[Mutation]) -> Vec<String> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    mutations
        .iter()
        .map(|mutation| match mutation {
            Mutation::Set { key, value } => format!("{}={}", text(key), text(value)),
            Mutation::Clear { begin, end } => format!("clear {}-{}", text(begin), text(end)),
            Mutation::Atomic { op, key, operand } => {
                format!("{op:?} {} {}", text(key), text(operand))
            }
            Mutation::VersionstampedKey { key, value } => {
                format!("stamp {}={}", text(key), text(value))
            }
            Mutation::VersionstampedValue { key, value } => {
                format!("{}=stamp {}", text(key), text(value))
            }
        })
        .collect()
}

fn conflicts(writes: &Writes) -> String {
    let ranges: Vec<String> = writes
        .conflicts()
        .iter()
        .map(|(begin, end)| format!("{}-{}", begin.escape_ascii(), end.escape_ascii()))
        .collect();
    ranges.join(" ")
}

const STAMPED: &[u8] = b"..........\0\0\0\0";

#[test]
fn a_commit_clears_first_and_then_operates_key_by_key() {
    let mut writes = Writes::new();
    writes.set(b"c", b"1", true);
    writes.clear(b"b", b"d", true);
    writes.set(b"c", b"2", true);
    writes.set(b"a", b"1", true);
    writes.clear(b"x", b"y", true);
    assert_eq!(show(&writes.mutations()), ["clear b-d", "clear x-y", "a=1", "c=2"]);
}

#[test]
fn the_last_of_several_sets_is_sent_and_atomics_fold_into_it() {
    let mut writes = Writes::new();
    writes.atomic(AtomicOp::Add, b"a", b"x", true);
    writes.set(b"a", b"1", true);
    writes.set(b"a", b"2", true);
    writes.atomic(AtomicOp::AppendIfFits, b"a", b"3", true);
    writes.set(b"b", b"1", true);
    writes.atomic(AtomicOp::CompareAndClear, b"b", b"1", true);
    assert_eq!(show(&writes.mutations()), ["a=23", "clear b-b\\x00"]);
}

#[test]
fn atomics_fold_only_with_their_kind_and_where_their_lengths_allow() {
    let mut writes = Writes::new();
    for operand in [&b"\x01"[..], b"\x01", b"\x01\0"] {
        writes.atomic(AtomicOp::Add, b"a", operand, true);
    }
    writes.atomic(AtomicOp::Or, b"a", b"\x01\0", true);
    for operand in [&b"a"[..], b"bc"] {
        writes.atomic(AtomicOp::AppendIfFits, b"b", operand, true);
        writes.atomic(AtomicOp::CompareAndClear, b"c", operand, true);
    }
    let expected = [
        "Add a \\x02",
        "Add a \\x01\\x00",
        "Or a \\x01\\x00",
        "AppendIfFits b abc",
        "CompareAndClear c a",
        "CompareAndClear c bc",
    ];
    assert_eq!(show(&writes.mutations()), expected);
}

#[test]
fn what_happens_to_an_unreadable_key_is_sent_in_its_order() {
    let mut writes = Writes::new();
    writes.versionstamped_value(b"a", STAMPED, true).unwrap();
    writes.set(b"a", b"1", true);
    writes.atomic(AtomicOp::Add, b"a", b"2", true);
    let sent = show(&writes.mutations());
    assert_eq!(sent, ["a=stamp ..........\\x00\\x00\\x00\\x00", "a=1", "Add a 2"]);
    writes.clear(b"a", b"b", true);
    assert_eq!(show(&writes.mutations()), ["clear a-b"]);
}

#[test]
fn what_a_versionstamped_key_may_overwrite_is_sent_ahead_of_it() {
    let mut writes = Writes::new();
    writes.read_version_known(5);
    writes.clear(b"j", b"l", true);
    writes.set(b"k\x01", b"1", true);
    writes.set(b"z", b"1", true);
    writes.versionstamped_key(b"k..........\x01\0\0\0", b"v", true).unwrap();
    writes.set(b"k\x02", b"2", true);
    let low = "k\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x05\\x00\\x00";
    let high = "k\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00";
    let expected = [
        format!("clear {low}-{high}"),
        "k\\x01=1".to_owned(),
        format!("clear j-{low}"),
        format!("clear {high}-l"),
        format!("stamp {low}\\x01\\x00\\x00\\x00=v"),
        "k\\x02=2".to_owned(),
        "z=1".to_owned(),
    ];
    assert_eq!(show(&writes.mutations()), expected);
    assert_eq!(conflicts(&writes), "j-l z-z\\x00", "that of the final key is the commit's to add");
}

#[test]
fn a_clear_over_all_that_a_versionstamped_key_may_become_removes_it() {
    let mut writes = Writes::new();
    writes.versionstamped_key(b"k..........\x01\0\0\0", b"v", true).unwrap();
    writes.clear(b"k", b"l", true);
    assert_eq!(show(&writes.mutations()), ["clear k-l"]);
}

#[test]
fn a_versionstamped_key_stays_below_what_may_be_read() {
    for (readable, end) in [(false, USER_END), (true, SYSTEM_END)] {
        let mut writes = Writes::new();
        if readable {
            writes.system_keys_readable();
        }
        writes.versionstamped_key(STAMPED, b"v", true).unwrap();
        let unreadable: Vec<_> = writes.unreadable().iter().collect();
        assert_eq!(unreadable, [(&[0; 10][..], end)]);
    }
}

#[test]
fn a_stamp_that_does_not_fit_is_2000_and_changes_nothing() {
    for log_only in [false, true] {
        let mut writes = Writes::new();
        if log_only {
            writes.disable_read_your_writes();
        }
        let bad = b".........\0\0\0\0";
        assert_eq!(writes.versionstamped_key(bad, b"v", true), Err(Error(2000)));
        assert_eq!(writes.versionstamped_value(b"k", bad, true), Err(Error(2000)));
        assert!(writes.is_empty());
        assert_eq!(writes.approximate_size(), 0);
    }
}

#[test]
fn a_write_without_conflict_adds_none_and_takes_none_away() {
    let mut writes = Writes::new();
    writes.set(b"a", b"1", false);
    writes.clear(b"b", b"c", false);
    writes.atomic(AtomicOp::Add, b"d", b"1", false);
    writes.versionstamped_value(b"e", STAMPED, false).unwrap();
    assert_eq!(conflicts(&writes), "");
    assert!(!writes.is_empty());
    writes.set(b"a", b"1", true);
    writes.set(b"a", b"2", false);
    writes.clear(b"a", b"b", false);
    assert_eq!(conflicts(&writes), "a-a\\x00");
}

#[test]
fn a_write_conflict_range_alone_is_something_to_commit() {
    let mut writes = Writes::new();
    assert!(writes.is_empty());
    writes.clear(b"a", b"a", true);
    assert!(writes.is_empty(), "an empty clear does nothing");
    writes.add_write_conflict(b"a", b"b");
    assert!(!writes.is_empty());
    assert!(!writes.affect_reads());
    assert!(writes.mutations().is_empty());
}

#[test]
fn each_write_adds_to_the_approximate_size_whatever_it_changes() {
    let mut writes = Writes::new();
    let mut size = 0;
    let steps: [fn(&mut Writes); 7] = [
        |writes| writes.set(b"k", b"v", true),
        |writes| writes.set(b"k", b"v", false),
        |writes| writes.clear(b"a", b"z", true),
        |writes| writes.clear(b"a", b"a", false),
        |writes| writes.atomic(AtomicOp::Add, b"k", b"", true),
        |writes| writes.versionstamped_value(b"k", STAMPED, false).unwrap(),
        |writes| writes.add_write_conflict(b"a", b"b"),
    ];
    for step in steps.iter().chain(&steps) {
        step(&mut writes);
        assert!(writes.approximate_size() > size);
        size = writes.approximate_size();
    }
    let mut writes = Writes::new();
    writes.set(b"key", b"value", true);
    // sizeof(MutationRef), key and value; sizeof(KeyRangeRef), the key and the key after it.
    assert_eq!(writes.approximate_size(), 44 + 3 + 5 + 24 + 3 + 4);
}

#[test]
fn with_read_your_writes_off_the_mutations_are_sent_as_they_came() {
    let mut writes = Writes::new();
    writes.disable_read_your_writes();
    writes.set(b"b", b"1", true);
    writes.set(b"b", b"2", true);
    writes.atomic(AtomicOp::Add, b"b", b"3", true);
    writes.versionstamped_key(STAMPED, b"v", true).unwrap();
    writes.clear(b"a", b"c", true);
    let sent = show(&writes.mutations());
    assert_eq!(sent[..3], ["b=1", "b=2", "Add b 3"]);
    assert_eq!(sent[4..], ["clear a-c"]);
    assert_eq!(conflicts(&writes), "a-c");
    assert!(!writes.affect_reads());
}
