//! A database in memory.

#[derive(Default)]
pub struct Memory {}
