//! The types, constants and function declarations of `fdb_c.h`.
//!
//! The functions re-exported here are for their signatures alone: taking one's type makes no link reference,
//! calling one would. Call through a table of looked-up functions instead.

pub use foundationdb_sys::*;
