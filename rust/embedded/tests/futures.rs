//! Futures through the C API: readiness, callbacks, cancelling, releasing, and answers that come late.

// A helper of tests is no test to clippy.
#![allow(clippy::unwrap_used)]

mod common;

use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use common::{Database, Signal, at_or_after, on_both};
use found_embedded::capi::types::*;

#[test]
fn a_read_is_ready_at_once() {
    on_both(|db| {
        let tx = db.transaction();
        assert!(tx.read_version().is_ready());
        assert!(tx.get(b"k").is_ready());
        assert!(tx.get_key(at_or_after(b"k")).is_ready());
        assert!(tx.get_range(b"", b"\xff", 0, common::WANT_ALL, 1).is_ready());
    });
}

#[test]
fn a_callback_on_a_ready_future_runs_inline() {
    let db = Database::open("memory:");
    let signal = Signal::default();
    let raised = signal.clone();
    let here = std::thread::current().id();
    let future = db.transaction().get(b"k");
    future.then(move || {
        assert_eq!(std::thread::current().id(), here);
        raised.raise();
    });
    assert_eq!(signal.count(), 1);
}

#[test]
fn callbacks_on_one_future_all_run_once_and_elsewhere() {
    on_both(|db| {
        let tx = db.transaction();
        tx.set(b"k", b"");
        let stamp = tx.versionstamp();
        let signal = Signal::default();
        let here = std::thread::current().id();
        for _ in 0..3 {
            let raised = signal.clone();
            stamp.then(move || {
                assert_ne!(std::thread::current().id(), here);
                raised.raise();
            });
        }
        assert_eq!(signal.count(), 0);
        tx.commit().wait().unwrap();
        signal.wait_for(3);
        stamp.wait().unwrap();
        assert_eq!(signal.count(), 3);
    });
}

#[test]
fn a_future_may_be_destroyed_in_its_own_callback() {
    #[allow(unsafe_code)]
    unsafe extern "C" fn destroy(future: *mut FDBFuture, parameter: *mut c_void) {
        // SAFETY: the handle is given up by the test, and the parameter is a signal it leaked.
        unsafe {
            found_embedded::capi::fdb_future_destroy(future);
            Box::from_raw(parameter.cast::<Signal>()).raise();
        }
    }
    on_both(|db| {
        let tx = db.transaction();
        tx.set(b"k", b"");
        let signal = Signal::default();
        for future in [tx.get(b"k"), tx.versionstamp(), tx.commit()] {
            let parameter = Box::into_raw(Box::new(signal.clone())).cast();
            #[allow(unsafe_code)]
            // SAFETY: a live future, which the callback destroys instead of this test.
            unsafe {
                let future = std::mem::ManuallyDrop::new(future);
                let code = found_embedded::capi::fdb_future_set_callback(
                    future.0,
                    Some(destroy),
                    parameter,
                );
                assert_eq!(code, 0);
            }
        }
        signal.wait_for(3);
    });
}

#[test]
fn a_future_that_is_not_ready_has_no_answer_yet() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    let stamp = tx.versionstamp();
    assert_eq!(stamp.error(), Err(2015));
    assert_eq!(stamp.value_now(), Err(2015));
    tx.cancel();
    assert_eq!(stamp.wait(), Err(1025));
}

#[test]
fn a_cancelled_future_says_so_and_a_ready_one_stays() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    let stamp = tx.versionstamp();
    let signal = Signal::default();
    let raised = signal.clone();
    stamp.then(move || raised.raise());
    stamp.cancel();
    signal.wait_for(1);
    assert_eq!(stamp.error(), Err(1101));
    let get = tx.get(b"k");
    get.cancel();
    assert_eq!(get.value(), Ok(None));
    tx.set(b"k", b"");
    assert_eq!(tx.commit().wait(), Ok(()));
}

#[test]
fn the_callback_of_a_future_destroyed_before_its_time_runs_all_the_same() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    let signal = Signal::default();
    let raised = signal.clone();
    let stamp = tx.versionstamp();
    stamp.then(move || raised.raise());
    drop(stamp);
    signal.wait_for(1);
}

#[test]
fn a_released_future_is_empty_once_every_read_of_it_is_released() {
    let db = Database::open("memory:");
    db.put(b"k", b"v");
    let get = db.transaction().get(b"k");
    assert!(get.value().unwrap().is_some());
    assert!(get.value().unwrap().is_some());
    get.release();
    assert!(get.value().unwrap().is_some());
    get.release();
    get.release();
    assert_eq!(get.value(), Err(1102));
    assert_eq!(get.error(), Err(1102));
}

#[test]
fn an_answer_read_as_another_type_is_refused() {
    let db = Database::open("memory:");
    let tx = db.transaction();
    assert_eq!(tx.get(b"k").int64(), Err(2000));
    assert_eq!(tx.read_version().value(), Err(2000));
    assert_eq!(tx.get(b"k").rows().err(), Some(2000));
}

#[test]
fn answers_stay_valid_after_their_transaction_and_database() {
    let folder = common::Folder::new();
    let db = Database::open(&folder.address(""));
    db.put(b"k", &[7; 5_000]);
    let tx = db.transaction();
    let (get, range) = (tx.get(b"k"), tx.get_range(b"", b"\xff", 0, common::WANT_ALL, 1));
    drop((tx, db));
    assert_eq!(get.value().unwrap().unwrap(), [7; 5_000]);
    assert_eq!(range.rows().unwrap().0, [(b"k".to_vec(), vec![7; 5_000])]);
}

#[test]
fn null_pointers_and_negative_lengths_are_answered_with_a_code() {
    #![allow(unsafe_code)]
    use found_embedded::capi::*;
    use std::ptr::{null, null_mut};
    let db = Database::open("memory:");
    let tx = db.transaction();
    let code_of = |future: *mut FDBFuture| common::Future(future).wait();
    // SAFETY: null and negative arguments are what is tested; the handles are live.
    unsafe {
        assert_eq!(code_of(fdb_transaction_get(null_mut(), null(), 0, 0)), Err(2000));
        assert_eq!(code_of(fdb_transaction_get(tx.0, null(), 3, 0)), Err(2000));
        assert_eq!(code_of(fdb_transaction_get(tx.0, b"k".as_ptr(), -1, 0)), Err(2000));
        assert_eq!(code_of(fdb_transaction_get(tx.0, null(), 0, 0)), Ok(()));
        assert_eq!(fdb_future_get_error(null_mut()), 2000);
        assert_eq!(fdb_future_is_ready(null_mut()), 0);
        fdb_future_destroy(null_mut());
        fdb_transaction_destroy(null_mut());
        fdb_database_destroy(null_mut());
        assert_eq!(fdb_create_database(c"memory:".as_ptr(), null_mut()), 2000);
        assert_eq!(fdb_database_create_transaction(null_mut(), null_mut()), 2000);
        let get = tx.get(b"k");
        assert_eq!(fdb_future_get_value(get.0, null_mut(), null_mut(), null_mut()), 2000);
        assert_eq!(fdb_future_set_callback(get.0, None, null_mut()), 2000);
        fdb_transaction_set(tx.0, null(), 4, null(), 0);
        assert_eq!(code_of(fdb_transaction_commit(tx.0)), Err(2000));
    }
}

#[test]
fn what_an_engine_in_one_process_has_not_is_answered_with_a_code() {
    #![allow(unsafe_code)]
    use found_embedded::capi::*;
    use std::ptr::{null, null_mut};
    let db = Database::open("memory:");
    // SAFETY: live handles, and empty strings.
    unsafe {
        let code_of = |future: *mut FDBFuture| common::Future(future).wait();
        assert_eq!(code_of(fdb_database_reboot_worker(db.0, null(), 0, 0, 0)), Err(2108));
        assert_eq!(code_of(fdb_database_blobbify_range(db.0, null(), 0, null(), 0)), Err(2108));
        let mut tenant = null_mut();
        assert_eq!(fdb_database_open_tenant(db.0, b"t".as_ptr(), 1, &raw mut tenant), 0);
        let mut tx = null_mut();
        assert_eq!(fdb_tenant_create_transaction(tenant, &raw mut tx), 2136);
        assert_eq!(code_of(fdb_tenant_get_id(tenant)), Err(2136));
        fdb_tenant_destroy(tenant);
        assert_eq!(fdb_database_get_main_thread_busyness(db.0), 0.0);
        let status = common::Future(fdb_database_get_client_status(db.0)).key().unwrap();
        assert!(status.starts_with(b"{\"Healthy\":true"));
        let protocol = common::Future(fdb_database_get_server_protocol(db.0, 0));
        let mut version = 0;
        assert_eq!(fdb_future_get_uint64(protocol.0, &raw mut version), 0);
        assert!(!common::Future(fdb_database_get_server_protocol(db.0, version)).is_ready());
    }
}

#[test]
fn with_latency_answers_come_later_and_in_an_order_of_their_own() {
    let db = Database::open("memory:?latency=7");
    db.put(b"k", b"v");
    let order = Arc::new(Mutex::new(Vec::new()));
    let signal = Signal::default();
    let tx = db.transaction();
    let mut futures = Vec::new();
    for number in 0..200u32 {
        let future = tx.get(b"k");
        let (order, raised) = (Arc::clone(&order), signal.clone());
        future.then(move || {
            order.lock().unwrap().push(number);
            raised.raise();
        });
        futures.push(future);
    }
    signal.wait_for(200);
    assert!(futures.iter().all(|future| future.value() == Ok(Some(b"v".to_vec()))));
    let order = order.lock().unwrap();
    assert!(!order.is_sorted());
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..200).collect::<Vec<_>>());
}

#[test]
fn with_latency_what_is_late_ends_with_its_transaction() {
    let db = Database::open("memory:?latency=1");
    // They all may have come before the cancel does, where this thread had to wait for its processor.
    let some_ended = (0..1_000).any(|_| {
        let tx = db.transaction();
        let gets: Vec<_> = (0..500).map(|_| tx.get(b"k")).collect();
        tx.cancel();
        let outcomes: Vec<_> = gets.iter().map(|get| get.value()).collect();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(None) | Err(1025))));
        outcomes.contains(&Err(1025))
    });
    assert!(some_ended);
}

#[test]
fn with_latency_a_commit_comes_after_the_reads_before_it() {
    let db = Database::open("memory:?latency=5");
    for number in 0..100 {
        let tx = db.transaction();
        if number % 2 == 1 {
            tx.set(b"written", b"");
        }
        let reads: Vec<_> = (0..5).map(|_| tx.get(b"k")).collect();
        tx.commit().wait().unwrap();
        assert!(reads.iter().all(common::Future::is_ready));
    }
}
