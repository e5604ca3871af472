//! What holds of both storages, and what only a file can get wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::*;
use crate::mutation::AtomicOp;

fn set(key: &[u8], value: &[u8]) -> Mutation {
    Mutation::Set { key: key.into(), value: value.into() }
}

fn clear(begin: &[u8], end: &[u8]) -> Mutation {
    Mutation::Clear { begin: begin.into(), end: end.into() }
}

fn add(key: &[u8], operand: &[u8]) -> Mutation {
    Mutation::Atomic { op: AtomicOp::Add, key: key.into(), operand: operand.into() }
}

fn keys(snapshot: &Snapshot, begin: &[u8], end: &[u8]) -> Vec<Vec<u8>> {
    snapshot.range(begin, end).unwrap().map(|row| row.unwrap().key().to_vec()).collect()
}

/// A folder for files, and where a database would be in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    (folder, path)
}

fn open(path: &Path) -> Storage {
    Storage::open(path, &FileOptions::default()).unwrap()
}

fn refusal(path: &Path) -> OpenFailure {
    let Err(failure) = Storage::open(path, &FileOptions::default()) else {
        panic!("{} opened", path.display());
    };
    assert!(failure.message.contains(path.to_str().unwrap()), "{failure}");
    assert!(!failure.message.contains('\n'), "{failure}");
    failure
}

/// Runs a test on either storage.
fn on_both(test: impl Fn(Storage)) {
    test(Storage::memory());
    let (_folder, path) = folder();
    test(open(&path));
}

#[test]
fn a_new_database_is_empty_at_version_0() {
    on_both(|storage| {
        assert_eq!(storage.version(), 0);
        assert!(keys(&storage.snapshot().unwrap(), b"", b"\xff\xff").is_empty());
        assert!(storage.snapshot().unwrap().get(b"").unwrap().is_none());
    });
}

#[test]
fn a_batch_is_applied_in_order() {
    on_both(|storage| {
        let batch = [
            set(b"a", &[1]),
            set(b"b", &[1]),
            clear(b"a", b"b"),
            add(b"a", &[5]),
            add(b"a", &[1]),
            add(b"b", &[1]),
            set(b"c", b"x"),
            clear(b"c", b"c\0"),
        ];
        storage.apply(&batch, 7).unwrap();
        let snapshot = storage.snapshot().unwrap();
        assert_eq!(*snapshot.get(b"a").unwrap().unwrap(), [6]);
        assert_eq!(*snapshot.get(b"b").unwrap().unwrap(), [2]);
        assert!(snapshot.get(b"c").unwrap().is_none());
        assert_eq!(storage.version(), 7);
    });
}

#[test]
fn an_atomic_that_clears_removes_the_key() {
    on_both(|storage| {
        let op = AtomicOp::CompareAndClear;
        let compare = Mutation::Atomic { op, key: b"a"[..].into(), operand: b"v"[..].into() };
        storage.apply(&[set(b"a", b"v"), compare.clone()], 1).unwrap();
        storage.apply(&[compare], 2).unwrap();
        assert!(keys(&storage.snapshot().unwrap(), b"", b"z").is_empty());
    });
}

#[test]
fn a_snapshot_stays_as_it_was() {
    on_both(|storage| {
        storage.apply(&[set(b"a", b"1"), set(b"b", b"1")], 1).unwrap();
        let before = storage.snapshot().unwrap();
        storage.apply(&[set(b"a", b"2"), clear(b"b", b"c"), set(b"c", b"2")], 2).unwrap();
        let kept = before.clone();
        drop(before);
        assert_eq!(*kept.get(b"a").unwrap().unwrap(), *b"1");
        assert_eq!(keys(&kept, b"", b"z"), [b"a", b"b"]);
        assert_eq!(keys(&storage.snapshot().unwrap(), b"", b"z"), [b"a", b"c"]);
    });
}

#[test]
fn a_range_is_read_from_both_ends_without_meeting_twice() {
    on_both(|storage| {
        let batch: Vec<_> = (0..100_u8).map(|i| set(&[i], &[i])).collect();
        storage.apply(&batch, 1).unwrap();
        let snapshot = storage.snapshot().unwrap();
        let mut range = snapshot.range(&[10], &[20]).unwrap();
        let mut seen = Vec::new();
        while let (Some(front), back) = (range.next(), range.next_back()) {
            seen.push(front.unwrap().key()[0]);
            seen.extend(back.map(|row| row.unwrap().value()[0]));
        }
        assert_eq!(seen, [10, 19, 11, 18, 12, 17, 13, 16, 14, 15]);
        assert!(range.next().is_none() && range.next_back().is_none());
    });
}

#[test]
fn an_empty_or_inverted_range_has_no_rows_and_clears_none() {
    on_both(|storage| {
        storage.apply(&[set(b"a", b"1"), clear(b"b", b"a"), clear(b"a", b"a")], 1).unwrap();
        let snapshot = storage.snapshot().unwrap();
        assert!(keys(&snapshot, b"a", b"a").is_empty());
        assert!(keys(&snapshot, b"b", b"a").is_empty());
        assert_eq!(keys(&snapshot, b"a", b"b"), [b"a"]);
    });
}

#[test]
fn a_clear_removes_its_range_and_nothing_else_whatever_its_share() {
    on_both(|storage| {
        let all: Vec<_> = (0..1000_u32).map(|i| set(&i.to_be_bytes(), b"v")).collect();
        for (version, (from, to)) in
            (1..).zip([(0, 1000), (0, 999), (1, 1000), (500, 501), (100, 200), (10, 990)])
        {
            storage.apply(&all, 2 * version).unwrap();
            let range = clear(&u32::to_be_bytes(from), &u32::to_be_bytes(to));
            storage.apply(&[range], 2 * version + 1).unwrap();
            let left: Vec<u32> = keys(&storage.snapshot().unwrap(), b"", b"\xff")
                .into_iter()
                .map(|key| u32::from_be_bytes(key.try_into().unwrap()))
                .collect();
            let expected: Vec<u32> = (0..1000).filter(|i| !(from..to).contains(i)).collect();
            assert_eq!(left, expected, "{from}..{to}");
        }
    });
}

#[test]
fn the_longest_keys_and_values_and_the_empty_ones_come_back() {
    on_both(|storage| {
        let (key, value) = (vec![b'k'; 30_000], vec![b'v'; 100_000]);
        storage.apply(&[set(&key, &value), set(b"", b""), set(b"e", b"")], 1).unwrap();
        let snapshot = storage.snapshot().unwrap();
        assert_eq!(*snapshot.get(&key).unwrap().unwrap(), *value);
        assert_eq!(*snapshot.get(b"").unwrap().unwrap(), *b"");
        assert_eq!(keys(&snapshot, b"", b"z"), [b"".to_vec(), b"e".to_vec(), key.clone()]);
    });
}

#[test]
fn a_mutation_without_its_stamp_is_refused_and_nothing_is_applied() {
    on_both(|storage| {
        let key = Mutation::VersionstampedKey {
            key: b"..........\0\0\0\0"[..].into(),
            value: b"v"[..].into(),
        };
        assert_eq!(storage.apply(&[set(b"a", b"v"), key], 1), Err(Error(1000)));
        assert_eq!(storage.version(), 0);
        assert!(keys(&storage.snapshot().unwrap(), b"", b"\xff").is_empty());
    });
}

#[test]
fn split_points_begin_and_end_with_the_range_and_cut_it_into_chunks() {
    on_both(|storage| {
        let rows: Vec<_> = (0..100_u8).map(|i| set(&[i], &[0; 9])).collect();
        storage.apply(&rows, 1).unwrap();
        let snapshot = storage.snapshot().unwrap();
        let points = |begin: &[u8], end: &[u8], chunk| {
            storage.split_points(&snapshot, begin, end, chunk).unwrap()
        };
        assert_eq!(points(&[5], &[100], 250), [[5], [30], [55], [80], [100]]);
        assert_eq!(points(&[5], &[100], 10_000), [[5], [100]]);
        assert_eq!(points(b"x", b"z", 1), [b"x", b"z"]);
        assert_eq!(points(b"x", b"x", 1), [b"x"]);
        assert_eq!(storage.estimated_bytes(&snapshot, &[5], &[100]), Ok(950));
    });
}

#[test]
fn a_file_keeps_its_data_and_its_version() {
    let (_folder, path) = folder();
    let storage = open(&path);
    storage.apply(&[set(b"a", b"1")], 5).unwrap();
    storage.apply(&[set(b"b", b"2")], 1_000_000_007).unwrap();
    drop(storage);
    let storage = open(&path);
    assert_eq!(storage.version(), 1_000_000_007);
    assert_eq!(keys(&storage.snapshot().unwrap(), b"", b"z"), [b"a", b"b"]);
}

#[test]
fn a_snapshot_outlives_the_storage_it_is_of_without_harm() {
    let (_folder, path) = folder();
    let storage = open(&path);
    storage.apply(&[set(b"a", b"1")], 5).unwrap();
    let snapshot = storage.snapshot().unwrap();
    drop(storage);
    if let Ok(Some(value)) = snapshot.get(b"a") {
        assert_eq!(*value, *b"1");
    }
    drop(snapshot);
    assert_eq!(open(&path).version(), 5);
}

#[test]
fn missing_folders_are_made() {
    let (folder, _) = folder();
    let path = folder.path().join("not").join("yet").join("data");
    drop(open(&path));
    assert!(path.is_file());
}

#[test]
fn an_empty_file_becomes_a_database() {
    let (_folder, path) = folder();
    fs::write(&path, b"").unwrap();
    assert_eq!(open(&path).version(), 0);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    for content in [&b"x"[..], b"hello, world\n", &[0; 20_000], &[0xff; 100_000]] {
        fs::write(&path, content).unwrap();
        let failure = refusal(&path);
        assert_eq!(failure.code, Error(1522), "{failure}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_folder_is_refused() {
    let (folder, _) = folder();
    let failure = refusal(folder.path());
    assert!(failure.message.ends_with("it is a folder"), "{failure}");
}

#[test]
fn a_file_where_a_folder_should_be_is_named() {
    let (_folder, path) = folder();
    fs::write(&path, b"").unwrap();
    let failure = refusal(&path.join("data"));
    assert_eq!(failure.code, Error(1514));
    assert!(failure.message.contains("folder cannot be created"), "{failure}");
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_refused_unless_permissions_do_not_bind_us() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, path) = folder();
    drop(open(&path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // The superuser writes to it all the same.
        drop(open(&path));
        return;
    }
    let failure = refusal(&path);
    assert_eq!(failure.code, Error(1514));
    assert!(failure.message.contains("read-only"), "{failure}");
}

#[test]
fn a_redb_file_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    let table: redb::TableDefinition<&str, u64> = redb::TableDefinition::new("theirs");
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert("key", 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let failure = refusal(&path);
    assert_eq!(failure.code, Error(1522));
    assert!(failure.message.contains("no database of this engine"), "{failure}");
    let database = redb::Database::create(&path).unwrap();
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    assert_eq!(transaction.list_tables().unwrap().count(), 1);
}

#[test]
fn a_file_of_a_later_format_is_refused_by_its_number() {
    let (_folder, path) = folder();
    drop(open(&path));
    let mut bytes = fs::read(&path).unwrap();
    for copy in bytes.chunks_mut(layout::BLOCK).take(4) {
        copy[16..20].copy_from_slice(&99_u32.to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let failure = refusal(&path);
    assert_eq!(failure.code, Error(1058));
    assert!(failure.message.contains("format 99"), "{failure}");
}

/// A file with some thousand rows, closed.
fn filled(path: &Path) {
    let storage = open(path);
    for version in 1..=20_u64 {
        let rows: Vec<_> = (0..200)
            .map(|i| set(&(version * 1000 + i).to_be_bytes(), &[u8::try_from(i).unwrap(); 100]))
            .collect();
        storage.apply(&rows, version.try_into().unwrap()).unwrap();
    }
}

#[test]
fn a_truncated_file_is_refused_at_any_length() {
    let (_folder, path) = folder();
    filled(&path);
    let whole = fs::read(&path).unwrap();
    for part in
        [1, 100, 319, 320, 4095, 4096, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1]
    {
        fs::write(&path, &whole[..part]).unwrap();
        let failure = refusal(&path);
        assert_eq!(failure.code, Error(1522), "{part} of {} bytes: {failure}", whole.len());
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(open(&path).version(), 20);
}

#[test]
fn a_damaged_file_never_panics_and_is_found_out_by_a_check() {
    let (_folder, path) = folder();
    filled(&path);
    let whole = fs::read(&path).unwrap();
    let mut found = 0;
    let pages: Vec<usize> = (0..whole.len() / 4096).collect();
    for page in pages.iter().step_by(pages.len() / 40 + 1) {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096]
            .iter_mut()
            .step_by(7)
            .for_each(|byte| *byte ^= 0x5a);
        fs::write(&path, &damaged).unwrap();
        let storage = match Storage::open(&path, &FileOptions::default()) {
            Ok(storage) => storage,
            Err(failure) => {
                assert!([1522, 1058, 1510].contains(&failure.code.0), "page {page}: {failure}");
                found += 1;
                continue;
            }
        };
        let rows = storage.snapshot().map(|snapshot| {
            snapshot.visit(b"", b"\xff", false, |_, _| true).and_then(|()| {
                snapshot.range(b"", b"\xff")?.rev().try_for_each(|row| row.map(drop))
            })
        });
        if !matches!(rows, Ok(Ok(()))) {
            assert!(storage.failure().is_some());
        }
        found += i32::from(!matches!(storage.check(), Ok(None)));
    }
    assert!(found > 5, "only {found} found damaged");
}

#[test]
fn a_check_of_a_sound_file_finds_nothing_and_leaves_it_open() {
    let (_folder, path) = folder();
    filled(&path);
    let storage = open(&path);
    assert_eq!(storage.check(), Ok(None));
    storage.apply(&[set(b"a", b"after")], 21).unwrap();
    assert_eq!(*storage.snapshot().unwrap().get(b"a").unwrap().unwrap(), *b"after");
    let snapshot = storage.snapshot().unwrap();
    assert_eq!(storage.check(), Err(Error(2000)));
    assert_eq!(storage.failure(), None);
    drop(snapshot);
    assert_eq!(storage.check(), Ok(None));
}

#[test]
fn a_second_opening_in_this_process_is_refused_as_such() {
    let (_folder, path) = folder();
    let _held = open(&path);
    let failure = refusal(&path);
    assert_eq!(failure.code, Error(1529));
    if cfg!(target_os = "linux") {
        assert!(failure.message.ends_with("this process has it open already"), "{failure}");
    }
}

const CHILD_PATH: &str = "FOUND_TEST_CHILD_PATH";
const CHILD_SYNC: &str = "FOUND_TEST_CHILD_SYNC";

/// Runs `child_that_applies_until_it_is_killed` in another process.
fn spawn_child(path: &Path, sync: bool) -> Child {
    spawn(Command::new(std::env::current_exe().unwrap()), path, sync)
}

fn spawn(mut command: Command, path: &Path, sync: bool) -> Child {
    command
        .args(["--exact", "storage::tests::child_that_applies_until_it_is_killed", "--nocapture"])
        .env(CHILD_PATH, path)
        .env(CHILD_SYNC, sync.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Does nothing unless it is run as the child of another test. One batch a line of input, each
/// acknowledged by a line.
#[test]
fn child_that_applies_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_PATH) else { return };
    let sync = std::env::var(CHILD_SYNC).unwrap() == "true";
    let options = FileOptions { sync, ..FileOptions::default() };
    let storage = Storage::open(Path::new(&path), &options).unwrap();
    let mut output = std::io::stdout();
    writeln!(output, "\nready").unwrap();
    for (version, line) in (1..).zip(std::io::stdin().lines()) {
        let key = i64::to_be_bytes(version);
        if storage.apply(&[set(&key, &[7; 500]), set(b"last", &key)], version).is_err() {
            writeln!(output, "failed: {}", storage.failure().unwrap()).unwrap();
            return;
        }
        if line.unwrap() == "flush" {
            storage.flush().unwrap();
        }
        writeln!(output, "applied {version}").unwrap();
    }
}

/// Reads the child's output up to the line that begins so.
fn wait_for(output: &mut impl BufRead, start: &str) {
    let found = output.lines().any(|line| line.unwrap().starts_with(start));
    assert!(found, "the child ended before it said {start}");
}

#[test]
fn a_file_held_by_another_process_is_refused_with_its_pid_until_it_is_killed() {
    let (_folder, path) = folder();
    let mut child = spawn_child(&path, true);
    wait_for(&mut BufReader::new(child.stdout.take().unwrap()), "ready");
    let failure = refusal(&path);
    assert_eq!(failure.code, Error(1529));
    if cfg!(target_os = "linux") {
        assert!(failure.message.contains(&format!("process {} (", child.id())), "{failure}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(open(&path));
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    for (sync, line) in [(true, "go"), (false, "flush")] {
        let (_folder, path) = folder();
        let mut child = spawn_child(&path, sync);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        wait_for(&mut output, "ready");
        let mut input = child.stdin.take().unwrap();
        for _ in 0..40 {
            writeln!(input, "{line}").unwrap();
        }
        wait_for(&mut output, "applied 25");
        child.kill().unwrap();
        child.wait().unwrap();
        let storage = open(&path);
        let version = storage.version();
        assert!(version >= 25, "{version}");
        let snapshot = storage.snapshot().unwrap();
        assert_eq!(*snapshot.get(b"last").unwrap().unwrap(), version.to_be_bytes());
        let rows = i64::try_from(keys(&snapshot, b"", b"last").len()).unwrap();
        assert_eq!(rows, version, "all of each batch or none");
        assert_eq!(keys(&snapshot, b"", b"\xff").len() - 1, usize::try_from(version).unwrap());
        drop(snapshot);
        assert_eq!(storage.check(), Ok(None));
    }
}

/// A limit on the size of files stands in for the end of the disk: either is a write that fails.
#[cfg(unix)]
#[test]
fn a_write_that_fails_is_reported_and_what_was_acknowledged_before_it_survives() {
    let (_folder, path) = folder();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    let mut child = spawn(command, &path, true);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    wait_for(&mut output, "ready");
    let mut input = child.stdin.take().unwrap();
    let mut applied = 0;
    let failure = loop {
        writeln!(input, "go").unwrap();
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the child ended without a word");
        match line.strip_prefix("failed: ") {
            Some(failure) => break failure.to_owned(),
            None => applied += i64::from(line.starts_with("applied")),
        }
    };
    assert!(failure.starts_with(path.to_str().unwrap()), "{failure}");
    assert!(failure.contains("os error"), "{failure}");
    child.wait().unwrap();
    let storage = open(&path);
    assert!(applied > 10 && storage.version() >= applied, "{applied}, {}", storage.version());
    let rows = keys(&storage.snapshot().unwrap(), b"", b"last").len();
    assert_eq!(i64::try_from(rows).unwrap(), storage.version());
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_made_whole_leaves_nothing_behind() {
    let (_folder, path) = folder();
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "storage::tests::child_that_applies_until_it_is_killed"])
        .env(CHILD_PATH, &path)
        .env(CHILD_SYNC, "true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    assert!(!path.exists());
}
