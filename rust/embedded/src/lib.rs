//! An embedded engine that behaves as FoundationDB and speaks its C API.

mod address;
pub mod bytes;
pub mod capi;
mod commit;
mod database;
pub mod error;
mod failure;
mod future;
mod head;
pub mod keys;
mod latency;
mod limits;
mod mapper;
mod merge;
pub mod mutation;
mod network;
mod options;
mod random;
pub mod ranges;
pub mod read;
pub mod resolver;
mod rows;
pub mod selector;
mod span_set;
pub mod storage;
mod transaction;
pub mod upkeep;
mod watch;
mod weather;
pub mod writes;

pub use address::is_address;
pub use database::{storage_failure, storage_syncs};
pub use error::{Error, Result};
pub use failure::last_failure;
pub use options::is_bad_database_option;

/// A database version: about a million a second, as a cluster's.
pub type Version = i64;
