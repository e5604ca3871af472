//! FoundationDB's limits (fdbclient/ClientKnobs.cpp, ServerKnobs.cpp), which the engine keeps so that what works here
//! works on a cluster.

use std::time::Duration;

use crate::Version;

/// The API versions the engine speaks.
pub const MIN_API_VERSION: i32 = 630;
pub const MAX_API_VERSION: i32 = 740;

/// The longest key of a user's, and of the system.
pub const KEY_SIZE: usize = 10_000;
pub const SYSTEM_KEY_SIZE: usize = 30_000;
pub const VALUE_SIZE: usize = 100_000;

/// The largest transaction: mutations and both kinds of conflict range. The size_limit option takes a smaller one.
pub const TRANSACTION_SIZE: i64 = 10_000_000;
pub const MIN_TRANSACTION_SIZE_OPTION: i64 = 32;

/// What a mutation and a conflict range count beside their bytes: the size of FoundationDB's own structures
/// (sizeof(MutationRef), sizeof(KeyRangeRef)).
pub const MUTATION_OVERHEAD: i64 = 44;
pub const RANGE_OVERHEAD: i64 = 24;

/// A second of versions, and how many versions back a transaction may read and commit.
pub const VERSIONS_PER_SECOND: Version = 1_000_000;
pub const READ_WINDOW: Version = 5 * VERSIONS_PER_SECOND;

/// How long a read waits for a version that has not been reached before it fails.
pub const FUTURE_VERSION_DELAY: Duration = Duration::from_secs(1);

/// Watches one database handle may have outstanding: by default, and at most.
pub const WATCHES: i64 = 10_000;
pub const MAX_WATCHES: i64 = 1_000_000;

/// Tags a transaction may carry, and their length.
pub const TAGS: usize = 5;
pub const TAG_SIZE: usize = 255;

/// on_error's back-off: the first upper bound, what it grows to, and the fixed delay of 1007 and 1009.
pub const BACKOFF: Duration = Duration::from_millis(10);
pub const MAX_BACKOFF: Duration = Duration::from_secs(1);
pub const MAX_BACKOFF_OF_MEMORY_LIMITS: Duration = Duration::from_secs(30);
pub const TOO_OLD_DELAY: Duration = Duration::from_millis(10);

/// The page a read or a write is rounded up to when its cost is counted.
pub const COST_PAGE: i64 = 4_096;

/// The longest key of the key space `key` is in.
#[must_use]
pub fn key_size(key: &[u8]) -> usize {
    if key.first() == Some(&0xff) { SYSTEM_KEY_SIZE } else { KEY_SIZE }
}
