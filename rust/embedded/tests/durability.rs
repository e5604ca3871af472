//! Files: what survives closing, reopening and being killed; and many threads committing at once.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{Database, Folder, mutation, on_both};

#[test]
fn what_was_committed_survives_closing() {
    let folder = Folder::new();
    Database::open(&folder.address("")).put(b"k", b"v");
    let db = Database::open(&folder.address(""));
    assert_eq!(db.fetch(b"k").unwrap(), b"v");
}

#[test]
fn versions_go_on_growing_after_a_restart() {
    let folder = Folder::new();
    let mut last = 0;
    for _ in 0..3 {
        let db = Database::open(&folder.address(""));
        let read = db.transaction().read_version().int64().unwrap();
        let committed = db.put(b"k", b"");
        assert!(last < read && read < committed, "{last} {read} {committed}");
        last = db.transaction().read_version().int64().unwrap();
        assert!(last >= committed);
    }
}

#[test]
fn a_read_version_of_the_life_before_is_too_old() {
    let folder = Folder::new();
    let version = {
        let db = Database::open(&folder.address(""));
        db.put(b"k", b"");
        db.transaction().read_version().int64().unwrap()
    };
    let db = Database::open(&folder.address(""));
    let tx = db.transaction();
    tx.set_read_version(version);
    assert_eq!(tx.get(b"k").value(), Err(1007));
}

#[test]
fn a_path_opened_twice_is_one_database_whatever_it_is_called() {
    let folder = Folder::new();
    let first = Database::open(&folder.address(""));
    first.put(b"k", b"v");
    let other_name = format!("embedded:{}/./test.db", folder.path().display());
    let second = Database::open(&other_name);
    assert_eq!(second.fetch(b"k").unwrap(), b"v");
    drop(first);
    second.put(b"k", b"w");
    assert_eq!(Database::open(&folder.address("")).fetch(b"k").unwrap(), b"w");
}

#[test]
fn a_path_is_not_opened_again_with_other_options() {
    let folder = Folder::new();
    let _db = Database::open(&folder.address("?cache=8m"));
    let (code, reason) = Database::try_open(&folder.address("?cache=16m")).err().unwrap();
    assert_eq!(code, 2006);
    assert!(reason.contains("test.db") && reason.contains("other options"), "{reason}");
    Database::open(&folder.address("?latency=3"));
}

#[test]
fn a_transaction_keeps_its_database_open() {
    let folder = Folder::new();
    let db = Database::open(&folder.address(""));
    let tx = db.transaction();
    tx.set(b"k", b"v");
    drop(db);
    tx.commit().wait().unwrap();
    drop(tx);
    assert_eq!(Database::open(&folder.address("")).fetch(b"k").unwrap(), b"v");
}

#[test]
fn a_file_that_is_no_database_is_refused_with_its_name() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("test.db"), vec![b'x'; 100_000]).unwrap();
    let (code, reason) = Database::try_open(&folder.address("")).err().unwrap();
    assert!(code > 0);
    assert!(reason.contains("test.db"), "{reason}");
}

#[test]
fn waiting_commits_of_many_threads_are_all_done_in_their_own_order() {
    on_both(|db| {
        const THREADS: u8 = 4;
        const EACH: u32 = 100;
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || {
                    let commits: Vec<_> = (0..EACH)
                        .map(|number| {
                            let tx = db.transaction();
                            let key = [b"log", &[0; 10][..], &[3, 0, 0, 0]].concat();
                            let value = [&[thread][..], &number.to_be_bytes()].concat();
                            tx.atomic(&key, &value, mutation::VERSIONSTAMPED_KEY);
                            tx.atomic(b"sum", &1u64.to_le_bytes(), mutation::ADD);
                            (tx.commit(), tx)
                        })
                        .collect();
                    let mut last = 0;
                    for (commit, tx) in commits {
                        commit.wait().unwrap();
                        // Those of one batch have one version.
                        assert!(tx.committed_version() >= last);
                        last = tx.committed_version();
                    }
                });
            }
        });
        let rows = db.transaction().range(b"log", b"loh");
        assert_eq!(rows.len(), usize::from(THREADS) * EACH as usize);
        let mut next = [0; THREADS as usize];
        for (_, value) in rows {
            let thread = usize::from(value[0]);
            assert_eq!(value[1..], u32::to_be_bytes(next[thread]));
            next[thread] += 1;
        }
        assert_eq!(db.fetch(b"sum").unwrap(), (u64::from(THREADS) * u64::from(EACH)).to_le_bytes());
    });
}

#[test]
fn transactions_of_one_batch_conflict_with_each_other() {
    on_both(|db| {
        // Each reads what all write: of those with one read version, one commits.
        let transactions: Vec<_> = (0..20)
            .map(|_| {
                let tx = db.transaction();
                tx.get(b"k").wait().unwrap();
                tx.set(b"k", b"");
                tx
            })
            .collect();
        let commits: Vec<_> = transactions.iter().map(common::Transaction::commit).collect();
        let outcomes: Vec<_> = commits.iter().map(common::Future::wait).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(1020))));
    });
}

#[test]
fn reads_see_every_commit_that_was_acknowledged_before_them() {
    on_both(|db| {
        std::thread::scope(|scope| {
            let (sender, receiver) = std::sync::mpsc::channel::<u64>();
            scope.spawn(move || {
                for number in 0..300u64 {
                    db.put(b"k", &number.to_be_bytes());
                    sender.send(number).unwrap();
                }
            });
            for acknowledged in receiver {
                let seen = db.fetch(b"k").unwrap();
                assert!(u64::from_be_bytes(seen.try_into().unwrap()) >= acknowledged);
            }
        });
    });
}

const WRITER: &str = "FOUND_EMBEDDED_TEST_WRITER";

/// Run by the test below in a process that is killed: commits, and says what was acknowledged.
#[test]
fn the_writer_that_is_killed() {
    let Some(address) = std::env::var_os(WRITER) else { return };
    let db = Database::open(address.to_str().unwrap());
    std::thread::scope(|scope| {
        for thread in 0..3u8 {
            let db = &db;
            scope.spawn(move || {
                for number in 0u64.. {
                    let tx = db.transaction();
                    let value = vec![thread; 2_000];
                    tx.set(&[&[b'a', thread][..], &number.to_be_bytes()].concat(), &value);
                    tx.set(&[&[b'b', thread][..], &number.to_be_bytes()].concat(), &value);
                    tx.commit().wait().unwrap();
                    let mut line = format!("{thread} {number} {}\n", tx.committed_version());
                    std::io::Write::write_all(&mut std::io::stdout().lock(), line.as_bytes())
                        .unwrap();
                    line.clear();
                }
            });
        }
    });
}

#[test]
fn a_process_killed_in_the_middle_of_commits_loses_none_that_was_acknowledged() {
    let folder = Folder::new();
    let address = folder.address("");
    let mut last_version = 0;
    let kills = std::env::var("FOUND_KILLS").map_or(20, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_writer_that_is_killed", "--nocapture"])
            .env(WRITER, &address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut acknowledged = Vec::new();
        let mut line = String::new();
        let parse = |line: &str| -> Option<(u8, u64, i64)> {
            let mut words = line.strip_suffix('\n')?.split(' ');
            Some((
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
                words.next()?.parse().ok()?,
            ))
        };
        while acknowledged.len() < 10 + kill % 7 * 10 {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the writer ended");
            acknowledged.extend(parse(&line));
        }
        child.kill().unwrap();
        loop {
            line.clear();
            if output.read_line(&mut line).unwrap() == 0 {
                break;
            }
            acknowledged.extend(parse(&line));
        }
        child.wait().unwrap();

        let db = Database::open(&address);
        let tx = db.transaction();
        for (thread, number, version) in acknowledged {
            let value = vec![thread; 2_000];
            for table in *b"ab" {
                let key = [&[table, thread][..], &number.to_be_bytes()].concat();
                assert_eq!(tx.get(&key).value().unwrap().as_ref(), Some(&value));
            }
            assert!(version > last_version);
        }
        // A commit is there with both of its keys or not at all.
        let rows = |table| {
            let rows = tx.range(&[table], &[table + 1]).into_iter();
            rows.map(|(key, _)| key[1..].to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(rows(b'a'), rows(b'b'));
        drop(tx);
        last_version = db.put(b"end", b"");
        let tx = db.transaction();
        tx.clear_range(b"", b"\xff");
        tx.commit().wait().unwrap();
    }
}

const FILLER: &str = "FOUND_EMBEDDED_TEST_FILLER";

/// Run by the test below in a process whose files cannot grow: commits until that fails.
#[test]
fn the_writer_whose_disk_is_full() {
    let Some(address) = std::env::var_os(FILLER) else { return };
    let db = Database::open(address.to_str().unwrap());
    let code = (0u64..)
        .find_map(|number| {
            let tx = db.transaction();
            for table in *b"ab" {
                tx.set(&[&[table][..], &number.to_be_bytes()].concat(), &[table; 50_000]);
            }
            match tx.commit().wait() {
                Ok(()) => {
                    println!("done {number}");
                    None
                }
                Err(code) => Some(code),
            }
        })
        .unwrap();
    let reason = found_embedded::storage_failure(address.to_str().unwrap());
    println!("failed {code} {}", reason.unwrap_or_default());
    // What was read before can be read still.
    assert_eq!(db.fetch(&[b"a", &0u64.to_be_bytes()[..]].concat()).unwrap(), [b'a'; 50_000]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_fails_the_commit_as_a_whole_and_loses_none_before_it() {
    let folder = Folder::new();
    let address = folder.address("");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_writer_whose_disk_is_full", "--nocapture"])
        .env(FILLER, &address)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let done: Vec<u64> =
        text.lines().filter_map(|line| line.rsplit_once("done ")?.1.parse().ok()).collect();
    let failed = text.lines().find(|line| line.contains("failed ")).unwrap();
    assert!(!failed.contains("failed 0"), "{failed}");
    assert!(failed.contains("arge"), "names what the file system said: {failed}");

    let db = Database::open(&address);
    let tx = db.transaction();
    let keys = |table: u8| {
        let rows = tx.range(&[table], &[table + 1]).into_iter();
        rows.map(|(key, _)| u64::from_be_bytes(key[1..].try_into().unwrap())).collect::<Vec<_>>()
    };
    let (a, b) = (keys(b'a'), keys(b'b'));
    assert_eq!(a, b);
    assert!(a.starts_with(&done), "{} of {}", a.len(), done.len());
}
