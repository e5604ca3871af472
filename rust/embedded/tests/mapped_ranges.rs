//! Mapped range reads through the C API, after FoundationDB's own tests of them (bindings/c/test/unit/unit_tests.cpp,
//! fdbserver/workloads/GetMappedRange.actor.cpp).

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use common::mapped::{Request, Row};
use common::{Database, EXACT, SMALL, WANT_ALL, on_both, option};

/// A tuple of strings, and of numbers below 256 in the place of those that are "#n".
fn tuple(elements: &[&str]) -> Vec<u8> {
    let mut packed = Vec::new();
    for element in elements {
        match element.strip_prefix('#').map(|number| number.parse::<u8>().unwrap()) {
            Some(0) => packed.push(0x14),
            Some(number) => packed.extend([0x15, number]),
            None => packed.extend([&[1], element.as_bytes(), &[0]].concat()),
        }
    }
    packed
}

fn entry(number: u32) -> Vec<u8> {
    tuple(&["INDEX", &format!("index-{number:04}"), &format!("primary-{number:04}")])
}

fn record(number: u32, split: u8) -> Vec<u8> {
    tuple(&["RECORD", &format!("primary-{number:04}"), &format!("#{split}")])
}

fn fill(db: &Database, records: u32) {
    let tx = db.transaction();
    for number in 0..records {
        tx.set(&entry(number), &tuple(&[&format!("value-{number}")]));
        for split in 0..3 {
            tx.set(&record(number, split), format!("data-{number}-{split}").as_bytes());
        }
    }
    tx.commit().wait().unwrap();
}

fn records() -> Vec<u8> {
    tuple(&["RECORD", "{K[2]}", "{...}"])
}

fn expected(number: u32) -> Row {
    let prefix = tuple(&["RECORD", &format!("primary-{number:04}")]);
    let mut end = prefix.clone();
    *end.last_mut().unwrap() += 1;
    let found = |split| (record(number, split), format!("data-{number}-{split}").into_bytes());
    Row {
        key: entry(number),
        value: tuple(&[&format!("value-{number}")]),
        begin: prefix,
        end,
        found: (0..3).map(found).collect(),
        found_more: false,
    }
}

#[test]
fn each_row_brings_the_rows_that_it_names() {
    on_both(|db| {
        fill(db, 20);
        let (begin, end, mapper) = (entry(1), entry(19), records());
        let tx = db.transaction();
        let (rows, more) = tx.get_mapped(&Request::new(&begin, &end, &mapper)).mapped().unwrap();
        assert!(!more);
        assert_eq!(rows, (1..19).map(expected).collect::<Vec<_>>());
        let reverse = Request { reverse: true, ..Request::new(&begin, &end, &mapper) };
        let (rows, more) = tx.get_mapped(&reverse).mapped().unwrap();
        assert!(!more);
        assert_eq!(rows, (1..19).rev().map(expected).collect::<Vec<_>>());
        assert_eq!(tx.commit().wait(), Ok(()));
    });
}

#[test]
fn selectors_say_where_the_range_lies() {
    on_both(|db| {
        fill(db, 5);
        let (first, mapper) = (entry(1), records());
        let request = Request {
            begin: (&first, true, 1),
            end: (&first, false, 4),
            ..Request::new(b"", b"", &mapper)
        };
        let (rows, _) = db.transaction().get_mapped(&request).mapped().unwrap();
        assert_eq!(rows, [expected(2), expected(3)]);
    });
}

#[test]
fn what_is_missing_is_no_error() {
    on_both(|db| {
        fill(db, 3);
        let (begin, end) = (entry(0), entry(3));
        let mapper = tuple(&["RECORD", "{K[1]}", "{...}"]);
        let tx = db.transaction();
        let (rows, _) = tx.get_mapped(&Request::new(&begin, &end, &mapper)).mapped().unwrap();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.found.is_empty()));
        let nothing = tx.get_mapped(&Request::new(&end, &end, &mapper)).mapped().unwrap();
        assert_eq!(nothing, (Vec::new(), false));
    });
}

#[test]
fn limits_cut_the_range_and_say_that_there_is_more() {
    on_both(|db| {
        fill(db, 100);
        let (begin, end, mapper) = (entry(0), entry(100), records());
        let tx = db.transaction();
        let limited = Request { limit: 7, ..Request::new(&begin, &end, &mapper) };
        let (rows, more) = tx.get_mapped(&limited).mapped().unwrap();
        assert!(more);
        assert_eq!(rows, (0..7).map(expected).collect::<Vec<_>>());
        // A fifth of the bytes is for the rows themselves, and they are looked up ten at a time.
        let small = Request { mode: SMALL, ..Request::new(&begin, &end, &mapper) };
        let (rows, more) = tx.get_mapped(&small).mapped().unwrap();
        assert!(more);
        assert_eq!(rows, [expected(0)]);
        let bytes = Request { target_bytes: 20_000, ..Request::new(&begin, &end, &mapper) };
        let (rows, more) = tx.get_mapped(&bytes).mapped().unwrap();
        assert!(more);
        assert!(rows.len() > 10 && rows.len() < 100, "{}", rows.len());
        let exact = Request { mode: EXACT, limit: 100, ..Request::new(&begin, &end, &mapper) };
        assert_eq!(tx.get_mapped(&exact).mapped().unwrap().0.len(), 100);
        let unlimited = Request { mode: EXACT, ..Request::new(&begin, &end, &mapper) };
        assert_eq!(tx.get_mapped(&unlimited).mapped(), Err(2210));
    });
}

#[test]
fn reads_can_go_on_where_the_limit_was() {
    on_both(|db| {
        fill(db, 300);
        let (end, mapper) = (entry(300), records());
        let tx = db.transaction();
        let (mut begin, mut all) = (entry(0), Vec::new());
        let mut reads = 0;
        loop {
            let request = Request { target_bytes: 10_000, ..Request::new(&begin, &end, &mapper) };
            let (rows, more) = tx.get_mapped(&request).mapped().unwrap();
            reads += 1;
            all.extend(rows);
            if !more {
                break;
            }
            begin = [all.last().unwrap().key.as_slice(), b"\0"].concat();
        }
        assert!(reads > 5, "{reads}");
        assert_eq!(all, (0..300).map(expected).collect::<Vec<_>>());
    });
}

#[test]
fn a_large_range_behind_one_row_is_cut_and_says_so() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    tx.set(&entry(0), b"");
    for number in 0..2_500u32 {
        tx.set(&[tuple(&["RECORD", "primary-0000"]), number.to_be_bytes().to_vec()].concat(), b"");
    }
    tx.commit().wait().unwrap();
    let (begin, end, mapper) = (entry(0), entry(1), records());
    let tx = db.transaction();
    let (rows, _) = tx.get_mapped(&Request::new(&begin, &end, &mapper)).mapped().unwrap();
    assert!(rows[0].found_more);
    assert_eq!(rows[0].found.len(), 2_000);
}

#[test]
fn a_mapper_of_keys_brings_one_value_each() {
    on_both(|db| {
        fill(db, 4);
        db.transaction().commit().wait().unwrap();
        let (begin, end) = (entry(0), entry(4));
        let mapper = tuple(&["RECORD", "{K[2]}", "#1"]);
        let tx = db.transaction();
        let (rows, _) = tx.get_mapped(&Request::new(&begin, &end, &mapper)).mapped().unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.found.clone()).collect();
        let value = |number| vec![(record(number, 1), format!("data-{number}-1").into_bytes())];
        assert_eq!(found, (0..4).map(value).collect::<Vec<_>>());
        // The keys between are not sent: the first and the last are there to go on from.
        let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
        assert_eq!(keys, [entry(0), Vec::new(), Vec::new(), entry(3)]);
        let missing = tuple(&["RECORD", "{V[0]}"]);
        let (rows, _) = tx.get_mapped(&Request::new(&begin, &end, &missing)).mapped().unwrap();
        assert!(rows.iter().all(|row| row.found.is_empty()));
    });
}

#[test]
fn a_mapper_that_does_not_fit_says_why() {
    on_both(|db| {
        fill(db, 2);
        db.put(b"plain", b"plain");
        let (begin, end) = (entry(0), entry(2));
        let tx = db.transaction();
        let refused = |mapper: &[u8]| {
            tx.get_mapped(&Request::new(&begin, &end, mapper)).mapped().err().unwrap_or(0)
        };
        assert_eq!(refused(b"\xff"), 2043);
        assert_eq!(refused(&tuple(&["{...}", "last"])), 2032);
        assert_eq!(refused(&tuple(&["{K[3]}", "{...}"])), 2030);
        assert_eq!(refused(&tuple(&["{V[not-a-number]}"])), 2030);
        assert_eq!(refused(&tuple(&["RECORD", "{K[2]}", "{...}"])), 0);
        let plain = |mapper: &[u8]| {
            let request = Request::new(b"plain", b"plain\0", mapper);
            tx.get_mapped(&request).mapped().err().unwrap_or(0)
        };
        assert_eq!(plain(&tuple(&["{K[0]}"])), 2041);
        assert_eq!(plain(&tuple(&["{V[0]}"])), 2042);
        // The mapper is looked at although there is no row; what it asks of rows is not.
        let empty = |mapper: &[u8]| {
            let request = Request::new(b"x", b"y", mapper);
            tx.get_mapped(&request).mapped().map(|(rows, _)| rows.len())
        };
        assert_eq!(empty(b"\xff"), Err(2043));
        assert_eq!(empty(&tuple(&["{K[9]}"])), Ok(0));
        // None of this is held against the transaction.
        tx.set(b"k", b"v");
        assert_eq!(tx.commit().wait(), Ok(()));
    });
}

#[test]
fn it_neither_reads_snapshots_nor_goes_past_read_your_writes() {
    let db = Database::open("memory:");
    fill(&db, 2);
    let (begin, end, mapper) = (entry(0), entry(2), records());
    let tx = db.transaction();
    let snapshot = Request { snapshot: true, ..Request::new(&begin, &end, &mapper) };
    assert_eq!(tx.get_mapped(&snapshot).mapped(), Err(2108));
    let tx = db.transaction();
    tx.set_option(option::READ_YOUR_WRITES_DISABLE, None);
    assert_eq!(tx.get_mapped(&Request::new(&begin, &end, &mapper)).mapped(), Err(2108));
    let tx = db.transaction();
    assert_eq!(tx.get_mapped(&Request::new(b"a", b"\xff\xff", &mapper)).mapped(), Err(2004));
    let special = Request::new(b"\xff\xff/transaction/", b"\xff\xff/transaction0", &mapper);
    assert_eq!(tx.get_mapped(&special).mapped(), Err(2000));
}

#[test]
fn own_writes_among_what_is_read_are_refused() {
    on_both(|db| {
        fill(db, 3);
        let (begin, end, mapper) = (entry(0), entry(2), records());
        let request = Request::new(&begin, &end, &mapper);
        let read_after = |write: &dyn Fn(&common::Transaction)| {
            let tx = db.transaction();
            write(&tx);
            tx.get_mapped(&request).mapped().map(|(rows, _)| rows.len())
        };
        assert_eq!(read_after(&|tx| tx.set(&entry(1), b"v")), Err(2039));
        assert_eq!(read_after(&|tx| tx.clear(&record(1, 0))), Err(2039));
        assert_eq!(read_after(&|tx| tx.set(&record(0, 9), b"v")), Err(2039));
        assert_eq!(read_after(&|tx| tx.clear_range(b"", b"\xff")), Err(2039));
        assert_eq!(read_after(&|tx| tx.set(&entry(2), b"v")), Ok(2));
        assert_eq!(read_after(&|tx| tx.set(&record(2, 0), b"v")), Ok(2));
    });
}

#[test]
fn what_is_read_conflicts_with_the_writes_of_others() {
    on_both(|db| {
        fill(db, 6);
        let (begin, end, mapper) = (entry(1), entry(3), records());
        let conflicts = |key: &[u8]| {
            let tx = db.transaction();
            let (rows, _) = tx.get_mapped(&Request::new(&begin, &end, &mapper)).mapped().unwrap();
            assert!(rows.len() >= 2);
            tx.set(b"written", b"");
            db.put(key, b"changed");
            tx.commit().wait() == Err(1020)
        };
        // A row that was found, one that might have been, and one between the rows of the range.
        assert!(conflicts(&record(1, 2)));
        assert!(conflicts(&record(2, 99)));
        assert!(conflicts(&[entry(1), tuple(&["x"])].concat()));
        assert!(!conflicts(&entry(3)));
        assert!(!conflicts(&record(4, 0)));
        assert!(!conflicts(b"other"));
    });
}

#[test]
fn a_limit_keeps_what_is_past_it_from_conflicting() {
    let db = Database::open("memory:");
    fill(&db, 10);
    let (begin, end, mapper) = (entry(0), entry(10), records());
    let tx = db.transaction();
    let request = Request { limit: 2, mode: WANT_ALL, ..Request::new(&begin, &end, &mapper) };
    assert_eq!(tx.get_mapped(&request).mapped().unwrap().0.len(), 2);
    tx.set(b"written", b"");
    db.put(&entry(5), b"changed");
    db.put(&record(5, 0), b"changed");
    assert_eq!(tx.commit().wait(), Ok(()));
}

#[test]
fn it_is_read_at_the_read_version_and_answers_late_with_latency() {
    let name = common::unique("memory:mapped");
    let db = Database::open(&name);
    fill(&db, 3);
    let late = Database::open(&format!("{name}?latency=3"));
    let (begin, end, mapper) = (entry(0), entry(3), records());
    let tx = late.transaction();
    tx.get(b"k").wait().unwrap();
    db.put(&record(1, 1), b"changed");
    let future = tx.get_mapped(&Request::new(&begin, &end, &mapper));
    assert_eq!(future.rows(), Err(2000));
    let (rows, _) = future.mapped().unwrap();
    assert_eq!(rows, (0..3).map(expected).collect::<Vec<_>>());
}
