//! The writes of one transaction: what its own reads see of them, and what its commit sends.

use crate::Version;
use crate::error::Result;
use crate::mutation::{AtomicOp, Mutation};
use crate::ranges::Ranges;

/// The writes of a transaction, by key.
#[derive(Default)]
pub struct Writes {}

impl Writes {
    pub fn new() -> Writes {
        Writes::default()
    }

    /// Read-your-writes is off: keep the mutations as they come, for nothing reads them back.
    pub fn disable_read_your_writes(&mut self) {}

    /// The read version, once it is known: a versionstamp of this transaction is past it.
    pub fn read_version_known(&mut self, _version: Version) {}

    /// System keys may be read: a versionstamped key may land there.
    pub fn system_keys_readable(&mut self) {}

    pub fn set(&mut self, _key: &[u8], _value: &[u8], _conflict: bool) {}
    pub fn clear(&mut self, _begin: &[u8], _end: &[u8], _conflict: bool) {}
    pub fn atomic(&mut self, _op: AtomicOp, _key: &[u8], _operand: &[u8], _conflict: bool) {}

    /// `key` ends in the 4 bytes that say where the stamp goes (error 2000 if it does not fit). The
    /// write conflict of the final key is the commit's to add, with or without `conflict`.
    pub fn versionstamped_key(&mut self, _key: &[u8], _value: &[u8], _conflict: bool) -> Result<()> {
        Ok(())
    }

    /// `value` ends in the 4 bytes that say where the stamp goes (error 2000 if it does not fit).
    pub fn versionstamped_value(
        &mut self,
        _key: &[u8],
        _value: &[u8],
        _conflict: bool,
    ) -> Result<()> {
        Ok(())
    }

    pub fn add_write_conflict(&mut self, _begin: &[u8], _end: &[u8]) {}

    /// What the writes count towards the transaction's approximate size; each operation adds to it.
    pub fn approximate_size(&self) -> i64 {
        0
    }

    /// Nothing written, cleared or declared written: the commit has nothing to do.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// The write conflict ranges, without those of versionstamped keys.
    pub fn conflicts(&self) -> &Ranges {
        const EMPTY: &Ranges = &Ranges {};
        EMPTY
    }

    /// The mutations a commit applies, in the order it applies them.
    pub fn mutations(&self) -> Vec<Mutation> {
        Vec::new()
    }
}
