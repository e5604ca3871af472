//! FoundationDB's C API, made safe: one table of functions per library and every unsafe call through it.
//!
//! Nothing above this module sees a raw pointer, and nothing in it knows Python. Whether a table is that of
//! the engine linked into this module or of a `libfdb_c` loaded at run time is nobody's business but
//! [`library`]'s.

#![allow(unsafe_code)]

pub mod cluster_file;
mod database;
mod error;
mod flight;
mod future;
mod library;
mod network;
mod queue;
mod rows;
mod table;
mod tenant;
mod transaction;
pub mod turns;

pub use self::{
    database::{Database, Fault},
    error::Code,
    flight::Flight,
    future::Future,
    library::{Library, LoadError},
    network::{NetworkError, in_child_after_fork, serving, set_network_option, stop_all},
    queue::{Queue, Wake},
    rows::{HeldMappedRows, HeldRows, MappedRows, Rows},
    tenant::Tenant,
    transaction::{RangeRead, Selector, Transaction},
};
