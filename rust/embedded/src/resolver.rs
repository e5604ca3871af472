//! Optimistic concurrency: which reads of a transaction were written since it took its read version.

use crate::Version;

/// The write conflict ranges of recent versions.
pub struct Resolver {
    oldest: Version,
}

impl Resolver {
    pub fn new(oldest: Version) -> Resolver {
        Resolver { oldest }
    }

    /// The indexes of the read ranges that a version after `read_version` has written.
    pub fn conflicts<'a>(
        &self,
        _read_version: Version,
        _reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Vec<usize> {
        Vec::new()
    }

    /// Whether any of the read ranges conflicts.
    pub fn has_conflict<'a>(
        &self,
        _read_version: Version,
        _reads: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> bool {
        false
    }

    /// Records what `version` wrote. Versions only grow.
    pub fn record<'a>(
        &mut self,
        _version: Version,
        _writes: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
    }

    /// Forgets what matters only to read versions before `version`.
    pub fn forget_before(&mut self, version: Version) {
        self.oldest = self.oldest.max(version);
    }

    /// The oldest read version that can still be checked.
    pub fn oldest(&self) -> Version {
        self.oldest
    }
}
