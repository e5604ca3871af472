//! FoundationDB's error codes.

/// A FoundationDB error code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Error(pub i32);

pub type Result<T> = std::result::Result<T, Error>;
