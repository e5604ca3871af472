//! An embedded engine that behaves as FoundationDB and speaks its C API.

pub mod capi;
pub mod error;

pub use error::{Error, Result};

/// A database version: about a million a second, as a cluster's.
pub type Version = i64;
