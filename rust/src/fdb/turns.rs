//! Turns: a library may want to be told when an event loop has turned (`fdb_found_turn`, which the engine has beside the
//! functions of `fdb_c.h`). Then the answers of some of its databases come from those calls.

use std::sync::atomic::{AtomicBool, Ordering};

use found_fdb_sys::FDBDatabase;
use parking_lot::Mutex;

use super::library::Library;

/// Whether any library wants turns: looked at for each operation that has to wait.
static WANTED: AtomicBool = AtomicBool::new(false);
static LIBRARIES: Mutex<Vec<&'static Library>> = Mutex::new(Vec::new());

/// Whether event loops are to turn while they wait. From then on nothing goes by the machine's clock either: what comes in
/// turns comes in the same ones each time.
pub fn are_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// Promises turns to a new database, if its library takes them.
///
/// # Safety
/// `database` is one of `library`'s and not destroyed.
pub(super) unsafe fn promise(library: &'static Library, database: *mut FDBDatabase) {
    let Some(take_turns) = library.table.fdb_found_database_take_turns else { return };
    // SAFETY: the caller's promise.
    if unsafe { take_turns(database) } == 0 {
        return;
    }
    let mut libraries = LIBRARIES.lock();
    if !libraries.iter().any(|present| std::ptr::eq(*present, library)) {
        libraries.push(library);
    }
    WANTED.store(true, Ordering::Relaxed);
}

/// The event loop of this thread has turned: true if it should go on to say so.
pub fn turn() -> bool {
    let libraries = LIBRARIES.lock().clone();
    let mut goes_on = false;
    for library in libraries {
        // SAFETY: callable at any time; it calls only the callbacks of flights, which push on queues.
        goes_on |= library.table.fdb_found_turn.is_some_and(|turn| unsafe { turn() } != 0);
    }
    goes_on
}
