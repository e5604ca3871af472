//! FoundationDB's tuple encoding.
