//! An embedded engine that behaves as FoundationDB and speaks its C API.

pub mod capi;
pub mod error;
pub mod keys;
mod merge;
pub mod mutation;
pub mod ranges;
pub mod read;
pub mod resolver;
pub mod selector;
mod rows;
mod span_set;
pub mod storage;
pub mod writes;

pub use error::{Error, Result};

/// A database version: about a million a second, as a cluster's.
pub type Version = i64;
