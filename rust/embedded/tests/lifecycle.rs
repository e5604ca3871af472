//! The API version and the network: each test is a process of its own, for both are chosen once.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code)]

mod common;

use std::ffi::c_void;
use std::process::Command;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

use common::select;
use found_embedded::capi::*;

/// Runs `body` in a new process, by running the test of this name there.
fn in_process_of_its_own(test: &str, body: impl FnOnce()) {
    const CHILD: &str = "FOUND_EMBEDDED_TEST_PROCESS";
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_works_before_an_api_version_is_selected() {
    // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
    in_process_of_its_own("nothing_works_before_an_api_version_is_selected", || unsafe {
        assert_eq!(fdb_setup_network(), 2200);
        assert_eq!(fdb_network_set_option(30, std::ptr::null(), 0), 2200);
        assert_eq!(fdb_get_max_api_version(), 740);
    });
}

#[test]
fn an_api_version_is_selected_once_and_only_if_it_is_spoken() {
    // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
    in_process_of_its_own("an_api_version_is_selected_once_and_only_if_it_is_spoken", || unsafe {
        assert_eq!(fdb_select_api_version_impl(740, 730), 2202);
        assert_eq!(fdb_select_api_version_impl(800, 800), 2203);
        assert_eq!(fdb_select_api_version_impl(629, 740), 2203);
        assert_eq!(fdb_select_api_version_impl(630, 740), 0);
        assert_eq!(fdb_select_api_version_impl(630, 740), 2201);
    });
}

#[test]
fn the_network_is_set_up_then_run_then_stopped_and_never_again() {
    in_process_of_its_own(
        "the_network_is_set_up_then_run_then_stopped_and_never_again",
        // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
        || unsafe {
            select(730);
            let mut database = null_mut();
            assert_eq!(fdb_run_network(), 2008);
            assert_eq!(fdb_stop_network(), 2008);
            assert_eq!(fdb_create_database(c"memory:".as_ptr(), &raw mut database), 2008);
            assert_eq!(fdb_add_network_thread_completion_hook(Some(hook), null_mut()), 2008);
            assert_eq!(fdb_setup_network(), 0);
            assert_eq!(fdb_setup_network(), 2009);
            let calls: &'static AtomicU32 = Box::leak(Box::default());
            let parameter = std::ptr::from_ref(calls).cast_mut().cast();
            assert_eq!(fdb_add_network_thread_completion_hook(Some(hook), parameter), 0);
            assert_eq!(fdb_add_network_thread_completion_hook(Some(hook), parameter), 0);
            let network = std::thread::spawn(|| fdb_run_network());
            assert_eq!(fdb_create_database(c"memory:".as_ptr(), &raw mut database), 0);
            let db = common::Database(database);
            // Only the network thread answers after a delay, so it runs by now.
            db.transaction().on_error(1020).wait().unwrap();
            assert_eq!(fdb_run_network(), 2025);
            assert_eq!(calls.load(Ordering::SeqCst), 0);
            assert_eq!(fdb_stop_network(), 0);
            assert_eq!(network.join().unwrap(), 0);
            assert_eq!(calls.load(Ordering::SeqCst), 2);
            assert_eq!(fdb_run_network(), 2025);
            assert_eq!(fdb_setup_network(), 2009);
            assert_eq!(fdb_stop_network(), 0);
        },
    );
}

unsafe extern "C" fn hook(parameter: *mut c_void) {
    // SAFETY: the parameter is the counter that the hook was added with, which outlives the network.
    let calls = unsafe { &*parameter.cast::<AtomicU32>() };
    calls.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn a_network_stopped_before_it_runs_ends_at_once() {
    // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
    in_process_of_its_own("a_network_stopped_before_it_runs_ends_at_once", || unsafe {
        select(730);
        assert_eq!(fdb_setup_network(), 0);
        assert_eq!(fdb_stop_network(), 0);
        assert_eq!(fdb_run_network(), 0);
    });
}

#[test]
fn after_the_network_stopped_databases_close_and_futures_are_freed() {
    in_process_of_its_own(
        "after_the_network_stopped_databases_close_and_futures_are_freed",
        // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
        || unsafe {
            select(730);
            assert_eq!(fdb_setup_network(), 0);
            let network = std::thread::spawn(|| fdb_run_network());
            let folder = common::Folder::new();
            let address = std::ffi::CString::new(folder.address("")).unwrap();
            let mut database = null_mut();
            assert_eq!(fdb_create_database(address.as_ptr(), &raw mut database), 0);
            let db = common::Database(database);
            let tx = db.transaction();
            let watch = tx.watch(b"k");
            tx.commit().wait().unwrap();
            assert_eq!(fdb_stop_network(), 0);
            assert_eq!(network.join().unwrap(), 0);
            tx.reset();
            tx.set(b"k", b"v");
            let commit = tx.commit();
            assert!(!watch.is_ready());
            drop((watch, commit, tx, db));
            // The commit was done before the file was closed, though nobody is left to be told.
            assert_eq!(fdb_create_database(address.as_ptr(), &raw mut database), 0);
            let db = common::Database(database);
            assert_eq!(db.fetch(b"k").unwrap(), b"v");
        },
    );
}

#[test]
fn a_process_ends_with_its_network_running_and_its_databases_open() {
    in_process_of_its_own("a_process_ends_with_its_network_running_and_its_databases_open", || {
        let folder = common::Folder::new();
        let db = common::Database::open(&folder.address(""));
        db.put(b"k", b"v");
        let tx = db.transaction();
        tx.set(b"k", b"w");
        std::mem::forget((tx.commit(), tx, db));
    });
}

#[test]
fn network_options_are_checked_and_what_is_of_no_use_here_is_accepted() {
    in_process_of_its_own(
        "network_options_are_checked_and_what_is_of_no_use_here_is_accepted",
        // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
        || unsafe {
            select(730);
            let set = |option, value: Option<&[u8]>| {
                let (pointer, length) =
                    value.map_or((std::ptr::null(), 0), |value| (value.as_ptr(), value.len()));
                fdb_network_set_option(option, pointer, length as i32)
            };
            assert_eq!(set(31_415, None), 2007);
            assert_eq!(set(30, Some(b"/tmp")), 0);
            assert_eq!(set(34, Some(b"json")), 0);
            assert_eq!(set(34, Some(b"yaml")), 2006);
            assert_eq!(set(34, None), 2006);
            assert_eq!(set(31, Some(&5i64.to_le_bytes())), 0);
            assert_eq!(set(31, Some(b"5")), 2006);
            assert_eq!(set(36, Some(b"not legal")), 2006);
            assert_eq!(set(40, Some(b"no_equals_sign")), 2006);
            assert_eq!(set(70, None), 0);
            assert_eq!(set(70, Some(b"x")), 2006);
        },
    );
}

#[test]
fn at_api_version_630_what_is_below_read_your_writes_is_reset_by_a_commit() {
    in_process_of_its_own(
        "at_api_version_630_what_is_below_read_your_writes_is_reset_by_a_commit",
        // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
        || unsafe {
            select(630);
            assert_eq!(fdb_setup_network(), 0);
            std::thread::spawn(|| fdb_run_network());
            let mut database = null_mut();
            assert_eq!(fdb_create_database(c"memory:".as_ptr(), &raw mut database), 0);
            let db = common::Database(database);
            let tx = db.transaction();
            let version = tx.read_version().int64().unwrap();
            tx.set(b"k", b"");
            tx.commit().wait().unwrap();
            assert!(tx.read_version().int64().unwrap() > version);
            tx.reset();
            // Special keys are no keys to write before 7.0.
            tx.set(b"\xff\xff/management/x", b"");
            assert_eq!(tx.get(b"k").value(), Err(2004));
        },
    );
}

#[test]
fn error_texts_and_predicates_need_no_api_version() {
    // SAFETY: a process of its own, which calls in the order that is tested, with live handles and constants.
    in_process_of_its_own("error_texts_and_predicates_need_no_api_version", || unsafe {
        let text = std::ffi::CStr::from_ptr(fdb_get_error(1007));
        assert_eq!(text, c"Transaction is too old to perform reads or be committed");
        assert_eq!(fdb_error_predicate(50_000, 1020), 1);
        assert_eq!(fdb_error_predicate(50_000, 1079), 0);
        assert_eq!(fdb_error_predicate(50_001, 1021), 1);
        assert_eq!(fdb_error_predicate(50_002, 1021), 0);
        assert_eq!(fdb_error_predicate(7, 1020), 0);
        assert!(std::ffi::CStr::from_ptr(fdb_get_client_version()).to_str().unwrap().contains(','));
    });
}
