//! Beside FoundationDB's functions: those by which the event loop of a driver moves virtual time.
//!
//! The answers of a database with weather (`faults=`) come when the program that asked has nothing to do but wait. Only the
//! program's event loop knows when that is. A driver that asks for turns gets those answers from its own calls of
//! `fdb_found_turn`, in the same order each time; one that does not ask gets them from the network thread, as it gets all
//! others.

use super::handle::database_of;
use super::types::*;
use crate::weather;

/// Whether the answers of this database are to come at turns of the caller's event loops. If so (1), the caller calls
/// `fdb_found_turn` at each turn of a loop from which it asks, and goes on for as long as that says.
pub unsafe extern "C" fn fdb_found_database_take_turns(d: *mut FDBDatabase) -> fdb_bool_t {
    // SAFETY: the caller's database, not destroyed.
    let Ok(database) = (unsafe { database_of(d) }) else { return 0 };
    match database.weather() {
        None => 0,
        Some(weather) => {
            weather.take_turns();
            1
        }
    }
}

/// The event loop of this thread has turned. Answers may be released: callbacks run before this returns. Whether to call
/// it at the next turn too; after a 0, only once something was asked again.
pub unsafe extern "C" fn fdb_found_turn() -> fdb_bool_t {
    let turned = std::panic::catch_unwind(weather::turn);
    fdb_bool_t::from(turned.unwrap_or(false))
}
