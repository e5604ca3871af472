//! The options of `fdb_c_options.g.h`: which codes there are, what values they take, what they change.
//!
//! An option a cluster's client takes and an engine in the same process has no use for is accepted and forgotten.

use std::time::Duration;

use found_fdb_sys::{FDBDatabaseOption, FDBNetworkOption, FDBTransactionOption};

use crate::error::{Error, Result};
use crate::limits::{MAX_BACKOFF, MIN_TRANSACTION_SIZE_OPTION, TAG_SIZE, TAGS, TRANSACTION_SIZE};

type Value<'a> = Option<&'a [u8]>;

fn without_value(value: Value<'_>) -> Result<()> {
    match value {
        Some(value) if !value.is_empty() => Err(Error::INVALID_OPTION_VALUE),
        _ => Ok(()),
    }
}

fn with_value(value: Value<'_>) -> Result<&[u8]> {
    value.ok_or(Error::INVALID_OPTION_VALUE)
}

/// An integer of 8 bytes, little-endian, between the two bounds.
fn integer(value: Value<'_>, least: i64, most: i64) -> Result<i64> {
    let bytes = with_value(value)?.try_into().map_err(|_| Error::INVALID_OPTION_VALUE)?;
    let number = i64::from_le_bytes(bytes);
    if (least..=most).contains(&number) { Ok(number) } else { Err(Error::INVALID_OPTION_VALUE) }
}

const INT_MAX: i64 = i32::MAX as i64;

/// Checks a network option (NativeAPI.actor.cpp and MultiVersionTransaction.actor.cpp, setNetworkOption).
pub fn check_network_option(option: FDBNetworkOption, value: Value<'_>) -> Result<()> {
    const TRACE_IDENTIFIER_SIZE: usize = 50;
    match option {
        network::TRACE_ROLL_SIZE | network::TRACE_MAX_LOGS_SIZE => {
            integer(value, 0, i64::MAX).map(drop)
        }
        network::TRACE_FORMAT => one_of(value, &["xml", "json"]),
        network::TRACE_CLOCK_SOURCE => one_of(value, &["now", "realtime"]),
        network::TRACE_FILE_IDENTIFIER => {
            let name = with_value(value)?;
            let legal = name.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if legal && name.len() <= TRACE_IDENTIFIER_SIZE {
                Ok(())
            } else {
                Err(Error::INVALID_OPTION_VALUE)
            }
        }
        network::KNOB => {
            if with_value(value)?.contains(&b'=') {
                Ok(())
            } else {
                Err(Error::INVALID_OPTION_VALUE)
            }
        }
        network::DISTRIBUTED_CLIENT_TRACER => {
            one_of(value, &["none", "disabled", "logfile", "file", "log_file", "network_lossy"])
        }
        network::TRACE_PARTIAL_FILE_SUFFIX
        | network::TLS_PLUGIN
        | network::TLS_CERT_BYTES
        | network::TLS_CERT_PATH
        | network::TLS_KEY_BYTES
        | network::TLS_KEY_PATH
        | network::TLS_VERIFY_PEERS
        | network::TLS_CA_BYTES
        | network::TLS_CA_PATH
        | network::TLS_PASSWORD
        | network::CLIENT_TMP_DIR => with_value(value).map(drop),
        // Another library cannot answer for an embedded database.
        network::EXTERNAL_CLIENT_LIBRARY
        | network::EXTERNAL_CLIENT_DIRECTORY
        | network::FUTURE_VERSION_CLIENT_LIBRARY => match with_value(value)? {
            [] => Err(Error::INVALID_OPTION_VALUE),
            _ => Ok(()),
        },
        network::CLIENT_THREADS_PER_VERSION => integer(value, 1, 1_024).map(drop),
        network::DISABLE_LOCAL_CLIENT => {
            without_value(value)?;
            Err(Error::NO_EXTERNAL_CLIENT_PROVIDED)
        }
        network::BUGGIFY_SECTION_ACTIVATED_PROBABILITY
        | network::BUGGIFY_SECTION_FIRED_PROBABILITY
        | network::CLIENT_BUGGIFY_SECTION_ACTIVATED_PROBABILITY
        | network::CLIENT_BUGGIFY_SECTION_FIRED_PROBABILITY => integer(value, 0, 100).map(drop),
        network::TRACE_SHARE_AMONG_CLIENT_THREADS
        | network::DISABLE_MULTI_VERSION_CLIENT_API
        | network::CALLBACKS_ON_EXTERNAL_THREADS
        | network::RETAIN_CLIENT_LIBRARY_COPIES
        | network::IGNORE_EXTERNAL_CLIENT_FAILURES
        | network::FAIL_INCOMPATIBLE_CLIENT
        | network::DISABLE_CLIENT_STATISTICS_LOGGING
        | network::ENABLE_RUN_LOOP_PROFILING => without_value(value),
        network::LOCAL_ADDRESS
        | network::CLUSTER_FILE
        | network::TRACE_ENABLE
        | network::TRACE_LOG_GROUP
        | network::TRACE_INITIALIZE_ON_SETUP
        | network::BUGGIFY_ENABLE
        | network::BUGGIFY_DISABLE
        | network::TLS_DISABLE_PLAINTEXT_CONNECTION
        | network::DISABLE_CLIENT_BYPASS
        | network::CLIENT_BUGGIFY_ENABLE
        | network::CLIENT_BUGGIFY_DISABLE
        | network::SUPPORTED_CLIENT_VERSIONS
        | network::EXTERNAL_CLIENT
        | network::EXTERNAL_CLIENT_TRANSPORT_ID => Ok(()),
        _ => Err(Error::INVALID_OPTION),
    }
}

fn one_of(value: Value<'_>, words: &[&str]) -> Result<()> {
    let value = with_value(value)?;
    if words.iter().any(|word| word.as_bytes() == value) {
        Ok(())
    } else {
        Err(Error::INVALID_OPTION_VALUE)
    }
}

/// What a database option does.
#[derive(PartialEq, Eq, Debug)]
pub enum DatabaseOption {
    /// It is a transaction option that every transaction of the database starts with.
    Default(FDBTransactionOption),
    MaxWatches(i64),
    /// Moves the read-your-writes counter of snapshot reads.
    SnapshotReadYourWrites(i32),
    Nothing,
}

/// Whether FoundationDB takes no such value for an option of its databases. Of an option that is not known here nothing is known.
pub fn is_bad_database_option(option: FDBDatabaseOption, value: Option<&[u8]>) -> bool {
    database_option(option, value) == Err(Error::INVALID_OPTION_VALUE)
}

/// Reads a database option (NativeAPI.actor.cpp, DatabaseContext::setOption).
pub fn database_option(option: FDBDatabaseOption, value: Value<'_>) -> Result<DatabaseOption> {
    let default = match option {
        database::TRANSACTION_LOGGING_MAX_FIELD_LENGTH => {
            transaction::TRANSACTION_LOGGING_MAX_FIELD_LENGTH
        }
        database::TRANSACTION_TIMEOUT => transaction::TIMEOUT,
        database::TRANSACTION_RETRY_LIMIT => transaction::RETRY_LIMIT,
        database::TRANSACTION_MAX_RETRY_DELAY => transaction::MAX_RETRY_DELAY,
        database::TRANSACTION_SIZE_LIMIT => transaction::SIZE_LIMIT,
        database::TRANSACTION_CAUSAL_READ_RISKY => transaction::CAUSAL_READ_RISKY,
        database::TRANSACTION_INCLUDE_PORT_IN_ADDRESS => transaction::INCLUDE_PORT_IN_ADDRESS,
        database::TRANSACTION_AUTOMATIC_IDEMPOTENCY => transaction::AUTOMATIC_IDEMPOTENCY,
        database::TRANSACTION_BYPASS_UNREADABLE => transaction::BYPASS_UNREADABLE,
        database::TRANSACTION_USED_DURING_COMMIT_PROTECTION_DISABLE => {
            transaction::USED_DURING_COMMIT_PROTECTION_DISABLE
        }
        database::TRANSACTION_REPORT_CONFLICTING_KEYS => transaction::REPORT_CONFLICTING_KEYS,
        database::LOCATION_CACHE_SIZE => {
            return integer(value, 0, INT_MAX).map(|_| DatabaseOption::Nothing);
        }
        database::MAX_WATCHES => {
            return integer(value, 0, crate::limits::MAX_WATCHES).map(DatabaseOption::MaxWatches);
        }
        database::SNAPSHOT_RYW_ENABLE => {
            return without_value(value).map(|()| DatabaseOption::SnapshotReadYourWrites(1));
        }
        database::SNAPSHOT_RYW_DISABLE => {
            return without_value(value).map(|()| DatabaseOption::SnapshotReadYourWrites(-1));
        }
        database::MACHINE_ID | database::DATACENTER_ID => return Ok(DatabaseOption::Nothing),
        database::TEST_CAUSAL_READ_RISKY => {
            return integer(value, 0, 100).map(|_| DatabaseOption::Nothing);
        }
        // Its transactions would act on a cluster's configuration, and here on the user's data.
        database::USE_CONFIG_DATABASE => {
            return Err(Error::UNSUPPORTED_OPERATION);
        }
        _ => return Err(Error::INVALID_OPTION),
    };
    // A transaction would only find out when it is made, where there is nobody to tell.
    let mut probe = TransactionOptions::new(1);
    probe.set(default, value)?;
    Ok(DatabaseOption::Default(default))
}

/// The options of one transaction, as they are set at the moment.
#[derive(Clone, Debug)]
pub struct TransactionOptions {
    pub timeout: Option<Duration>,
    /// None is no limit.
    pub retry_limit: Option<i32>,
    pub max_backoff: Duration,
    pub size_limit: i64,
    pub read_your_writes_disabled: bool,
    /// Snapshot reads see the transaction's writes while this is above 0.
    pub snapshot_read_your_writes: i32,
    pub next_write_no_conflict: bool,
    pub read_system_keys: bool,
    pub write_system_keys: bool,
    pub read_only: bool,
    pub lock_aware: bool,
    pub causal_write_risky: bool,
    pub used_during_commit_protection_disabled: bool,
    pub bypass_unreadable: bool,
    pub report_conflicting_keys: bool,
    pub special_keys_relaxed: bool,
    pub special_keys_writable: bool,
    pub is_batch: bool,
    /// The client itself finds out what became of a commit.
    pub is_idempotent: bool,
    tags: Vec<Box<[u8]>>,
    identifier: Option<Box<[u8]>>,
}

/// What the transaction, beside its options, has to do about one of them.
#[derive(PartialEq, Eq, Debug)]
pub enum Effect {
    Nothing,
    /// The timeout is another one now.
    Timeout,
    /// Only before the first read or write.
    DisableReadYourWrites,
    ReadSystemKeys,
}

/// Whether a transaction has an option of that code.
#[must_use]
pub fn is_transaction_option(option: FDBTransactionOption) -> bool {
    matches!(
        option,
        10 | 20
            | 21
            | 23
            | 30
            | 40
            | 50..=52
            | 110
            | 120
            | 130
            | 200
            | 201
            | 300..=304
            | 400..=406
            | 500..=505
            | 507..=511
            | 600
            | 601
            | 700..=702
            | 710..=714
            | 800
            | 801
            | 900
            | 1_000
            | 1_100..=1_102
            | 2_000
            | 4_000
            | 4_001
    )
}

/// Whether on_error keeps the option (fdb.options, persistent="true").
#[must_use]
pub fn is_persistent(option: FDBTransactionOption) -> bool {
    matches!(
        option,
        transaction::TIMEOUT
            | transaction::RETRY_LIMIT
            | transaction::MAX_RETRY_DELAY
            | transaction::AUTHORIZATION_TOKEN
    )
}

impl TransactionOptions {
    #[must_use]
    pub fn new(snapshot_read_your_writes: i32) -> TransactionOptions {
        TransactionOptions {
            timeout: None,
            retry_limit: None,
            max_backoff: MAX_BACKOFF,
            size_limit: TRANSACTION_SIZE,
            read_your_writes_disabled: false,
            snapshot_read_your_writes,
            next_write_no_conflict: false,
            read_system_keys: false,
            write_system_keys: false,
            read_only: false,
            lock_aware: false,
            causal_write_risky: false,
            used_during_commit_protection_disabled: false,
            bypass_unreadable: false,
            report_conflicting_keys: false,
            special_keys_relaxed: false,
            special_keys_writable: false,
            is_batch: false,
            is_idempotent: false,
            tags: Vec::new(),
            identifier: None,
        }
    }

    /// Sets one option (ReadYourWrites.actor.cpp, setOptionImpl; NativeAPI.actor.cpp, Transaction::setOption).
    pub fn set(&mut self, option: FDBTransactionOption, value: Value<'_>) -> Result<Effect> {
        match option {
            transaction::TIMEOUT => {
                let milliseconds = integer(value, 0, INT_MAX)?;
                self.timeout =
                    (milliseconds > 0).then(|| Duration::from_millis(milliseconds.unsigned_abs()));
                return Ok(Effect::Timeout);
            }
            transaction::RETRY_LIMIT => {
                let limit = integer(value, -1, INT_MAX)?;
                self.retry_limit = i32::try_from(limit).ok().filter(|&limit| limit >= 0);
            }
            transaction::MAX_RETRY_DELAY => {
                let milliseconds = integer(value, 0, INT_MAX)?;
                self.max_backoff = Duration::from_millis(milliseconds.unsigned_abs());
            }
            transaction::SIZE_LIMIT => {
                self.size_limit = integer(value, MIN_TRANSACTION_SIZE_OPTION, TRANSACTION_SIZE)?;
            }
            transaction::TRANSACTION_LOGGING_MAX_FIELD_LENGTH => {
                if integer(value, -1, INT_MAX)? == 0 {
                    return Err(Error::INVALID_OPTION_VALUE);
                }
            }
            transaction::DEBUG_TRANSACTION_IDENTIFIER => {
                self.identify(with_value(value)?)?;
            }
            transaction::TRANSACTION_LOGGING_ENABLE => {
                self.identify(with_value(value)?)?;
            }
            transaction::LOG_TRANSACTION => {
                without_value(value)?;
                if self.identifier.is_none() {
                    return Err(Error::CLIENT_INVALID_OPERATION);
                }
            }
            transaction::TAG | transaction::AUTO_THROTTLE_TAG => {
                self.add_tag(with_value(value)?)?;
            }
            transaction::SPAN_PARENT => {
                if with_value(value)?.len() != 33 {
                    return Err(Error::INVALID_OPTION_VALUE);
                }
            }
            transaction::IDEMPOTENCY_ID => {
                if !(16..256).contains(&with_value(value)?.len()) {
                    return Err(Error::INVALID_OPTION);
                }
                self.is_idempotent = true;
            }
            transaction::CONSISTENCY_CHECK_REQUIRED_REPLICAS => {
                integer(value, -2, INT_MAX)?;
            }
            transaction::CAUSAL_READ_DISABLE
            | transaction::DURABILITY_DATACENTER
            | transaction::DURABILITY_RISKY
            | transaction::DURABILITY_DEV_NULL_IS_WEB_SCALE
            | transaction::DEBUG_RETRY_LOGGING
            | transaction::BYPASS_STORAGE_QUOTA
            | transaction::AUTHORIZATION_TOKEN
            | transaction::READ_SERVER_SIDE_CACHE_ENABLE
            | transaction::READ_SERVER_SIDE_CACHE_DISABLE
            | transaction::READ_PRIORITY_NORMAL
            | transaction::READ_PRIORITY_LOW
            | transaction::READ_PRIORITY_HIGH => {}
            _ => {
                without_value(value)?;
                return self.set_flag(option);
            }
        }
        Ok(Effect::Nothing)
    }

    /// An option without a value.
    fn set_flag(&mut self, option: FDBTransactionOption) -> Result<Effect> {
        match option {
            transaction::READ_YOUR_WRITES_DISABLE => {
                return Ok(Effect::DisableReadYourWrites);
            }
            transaction::SNAPSHOT_RYW_ENABLE => {
                self.snapshot_read_your_writes += 1;
            }
            transaction::SNAPSHOT_RYW_DISABLE => {
                self.snapshot_read_your_writes -= 1;
            }
            transaction::NEXT_WRITE_NO_WRITE_CONFLICT_RANGE => {
                self.next_write_no_conflict = true;
            }
            transaction::ACCESS_SYSTEM_KEYS => {
                self.read_system_keys = true;
                self.write_system_keys = true;
                return Ok(Effect::ReadSystemKeys);
            }
            transaction::READ_SYSTEM_KEYS => {
                self.read_system_keys = true;
                return Ok(Effect::ReadSystemKeys);
            }
            transaction::LOCK_AWARE => {
                self.lock_aware = true;
                self.read_only = false;
            }
            transaction::READ_LOCK_AWARE if !self.lock_aware => {
                self.lock_aware = true;
                self.read_only = true;
            }
            transaction::CAUSAL_WRITE_RISKY => {
                self.causal_write_risky = true;
            }
            transaction::USED_DURING_COMMIT_PROTECTION_DISABLE => {
                self.used_during_commit_protection_disabled = true;
            }
            transaction::BYPASS_UNREADABLE => self.bypass_unreadable = true,
            transaction::PRIORITY_BATCH => self.is_batch = true,
            transaction::AUTOMATIC_IDEMPOTENCY => self.is_idempotent = true,
            transaction::REPORT_CONFLICTING_KEYS => {
                self.report_conflicting_keys = true;
            }
            transaction::SPECIAL_KEY_SPACE_RELAXED => {
                self.special_keys_relaxed = true;
            }
            transaction::SPECIAL_KEY_SPACE_ENABLE_WRITES => {
                self.special_keys_writable = true;
            }
            _ => {}
        }
        Ok(Effect::Nothing)
    }

    fn identify(&mut self, identifier: &[u8]) -> Result<()> {
        if !(1..=100).contains(&identifier.len()) {
            return Err(Error::INVALID_OPTION_VALUE);
        }
        match &self.identifier {
            Some(present) if **present != *identifier => Err(Error::CLIENT_INVALID_OPERATION),
            _ => {
                self.identifier = Some(identifier.into());
                Ok(())
            }
        }
    }

    pub fn is_tagged(&self) -> bool {
        !self.tags.is_empty()
    }

    fn add_tag(&mut self, tag: &[u8]) -> Result<()> {
        if self.tags.iter().any(|present| **present == *tag) {
            return Ok(());
        }
        if tag.len() > TAG_SIZE {
            return Err(Error::TAG_TOO_LONG);
        }
        if self.tags.len() >= TAGS {
            return Err(Error::TOO_MANY_TAGS);
        }
        self.tags.push(tag.into());
        Ok(())
    }

    /// Uses up next_write_no_write_conflict_range: whether the write at hand adds a conflict range.
    pub fn take_write_conflict(&mut self) -> bool {
        !std::mem::take(&mut self.next_write_no_conflict)
    }
}

/// The codes of `fdb_c_options.g.h` under names that fit on a line.
mod network {
    pub use found_fdb_sys::{
        FDBNetworkOption_FDB_NET_OPTION_BUGGIFY_DISABLE as BUGGIFY_DISABLE,
        FDBNetworkOption_FDB_NET_OPTION_BUGGIFY_ENABLE as BUGGIFY_ENABLE,
        FDBNetworkOption_FDB_NET_OPTION_BUGGIFY_SECTION_ACTIVATED_PROBABILITY as BUGGIFY_SECTION_ACTIVATED_PROBABILITY,
        FDBNetworkOption_FDB_NET_OPTION_BUGGIFY_SECTION_FIRED_PROBABILITY as BUGGIFY_SECTION_FIRED_PROBABILITY,
        FDBNetworkOption_FDB_NET_OPTION_CALLBACKS_ON_EXTERNAL_THREADS as CALLBACKS_ON_EXTERNAL_THREADS,
        FDBNetworkOption_FDB_NET_OPTION_CLIENT_BUGGIFY_DISABLE as CLIENT_BUGGIFY_DISABLE,
        FDBNetworkOption_FDB_NET_OPTION_CLIENT_BUGGIFY_ENABLE as CLIENT_BUGGIFY_ENABLE,
        FDBNetworkOption_FDB_NET_OPTION_CLIENT_BUGGIFY_SECTION_ACTIVATED_PROBABILITY as CLIENT_BUGGIFY_SECTION_ACTIVATED_PROBABILITY,
        FDBNetworkOption_FDB_NET_OPTION_CLIENT_BUGGIFY_SECTION_FIRED_PROBABILITY as CLIENT_BUGGIFY_SECTION_FIRED_PROBABILITY,
        FDBNetworkOption_FDB_NET_OPTION_CLIENT_THREADS_PER_VERSION as CLIENT_THREADS_PER_VERSION,
        FDBNetworkOption_FDB_NET_OPTION_CLIENT_TMP_DIR as CLIENT_TMP_DIR,
        FDBNetworkOption_FDB_NET_OPTION_CLUSTER_FILE as CLUSTER_FILE,
        FDBNetworkOption_FDB_NET_OPTION_DISABLE_CLIENT_BYPASS as DISABLE_CLIENT_BYPASS,
        FDBNetworkOption_FDB_NET_OPTION_DISABLE_CLIENT_STATISTICS_LOGGING as DISABLE_CLIENT_STATISTICS_LOGGING,
        FDBNetworkOption_FDB_NET_OPTION_DISABLE_LOCAL_CLIENT as DISABLE_LOCAL_CLIENT,
        FDBNetworkOption_FDB_NET_OPTION_DISABLE_MULTI_VERSION_CLIENT_API as DISABLE_MULTI_VERSION_CLIENT_API,
        FDBNetworkOption_FDB_NET_OPTION_DISTRIBUTED_CLIENT_TRACER as DISTRIBUTED_CLIENT_TRACER,
        FDBNetworkOption_FDB_NET_OPTION_ENABLE_RUN_LOOP_PROFILING as ENABLE_RUN_LOOP_PROFILING,
        FDBNetworkOption_FDB_NET_OPTION_EXTERNAL_CLIENT as EXTERNAL_CLIENT,
        FDBNetworkOption_FDB_NET_OPTION_EXTERNAL_CLIENT_DIRECTORY as EXTERNAL_CLIENT_DIRECTORY,
        FDBNetworkOption_FDB_NET_OPTION_EXTERNAL_CLIENT_LIBRARY as EXTERNAL_CLIENT_LIBRARY,
        FDBNetworkOption_FDB_NET_OPTION_EXTERNAL_CLIENT_TRANSPORT_ID as EXTERNAL_CLIENT_TRANSPORT_ID,
        FDBNetworkOption_FDB_NET_OPTION_FAIL_INCOMPATIBLE_CLIENT as FAIL_INCOMPATIBLE_CLIENT,
        FDBNetworkOption_FDB_NET_OPTION_FUTURE_VERSION_CLIENT_LIBRARY as FUTURE_VERSION_CLIENT_LIBRARY,
        FDBNetworkOption_FDB_NET_OPTION_IGNORE_EXTERNAL_CLIENT_FAILURES as IGNORE_EXTERNAL_CLIENT_FAILURES,
        FDBNetworkOption_FDB_NET_OPTION_KNOB as KNOB,
        FDBNetworkOption_FDB_NET_OPTION_LOCAL_ADDRESS as LOCAL_ADDRESS,
        FDBNetworkOption_FDB_NET_OPTION_RETAIN_CLIENT_LIBRARY_COPIES as RETAIN_CLIENT_LIBRARY_COPIES,
        FDBNetworkOption_FDB_NET_OPTION_SUPPORTED_CLIENT_VERSIONS as SUPPORTED_CLIENT_VERSIONS,
        FDBNetworkOption_FDB_NET_OPTION_TLS_CA_BYTES as TLS_CA_BYTES,
        FDBNetworkOption_FDB_NET_OPTION_TLS_CA_PATH as TLS_CA_PATH,
        FDBNetworkOption_FDB_NET_OPTION_TLS_CERT_BYTES as TLS_CERT_BYTES,
        FDBNetworkOption_FDB_NET_OPTION_TLS_CERT_PATH as TLS_CERT_PATH,
        FDBNetworkOption_FDB_NET_OPTION_TLS_DISABLE_PLAINTEXT_CONNECTION as TLS_DISABLE_PLAINTEXT_CONNECTION,
        FDBNetworkOption_FDB_NET_OPTION_TLS_KEY_BYTES as TLS_KEY_BYTES,
        FDBNetworkOption_FDB_NET_OPTION_TLS_KEY_PATH as TLS_KEY_PATH,
        FDBNetworkOption_FDB_NET_OPTION_TLS_PASSWORD as TLS_PASSWORD,
        FDBNetworkOption_FDB_NET_OPTION_TLS_PLUGIN as TLS_PLUGIN,
        FDBNetworkOption_FDB_NET_OPTION_TLS_VERIFY_PEERS as TLS_VERIFY_PEERS,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_CLOCK_SOURCE as TRACE_CLOCK_SOURCE,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_ENABLE as TRACE_ENABLE,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_FILE_IDENTIFIER as TRACE_FILE_IDENTIFIER,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_FORMAT as TRACE_FORMAT,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_INITIALIZE_ON_SETUP as TRACE_INITIALIZE_ON_SETUP,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_LOG_GROUP as TRACE_LOG_GROUP,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_MAX_LOGS_SIZE as TRACE_MAX_LOGS_SIZE,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_PARTIAL_FILE_SUFFIX as TRACE_PARTIAL_FILE_SUFFIX,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_ROLL_SIZE as TRACE_ROLL_SIZE,
        FDBNetworkOption_FDB_NET_OPTION_TRACE_SHARE_AMONG_CLIENT_THREADS as TRACE_SHARE_AMONG_CLIENT_THREADS,
    };
}

mod database {
    pub use found_fdb_sys::{
        FDBDatabaseOption_FDB_DB_OPTION_DATACENTER_ID as DATACENTER_ID,
        FDBDatabaseOption_FDB_DB_OPTION_LOCATION_CACHE_SIZE as LOCATION_CACHE_SIZE,
        FDBDatabaseOption_FDB_DB_OPTION_MACHINE_ID as MACHINE_ID,
        FDBDatabaseOption_FDB_DB_OPTION_MAX_WATCHES as MAX_WATCHES,
        FDBDatabaseOption_FDB_DB_OPTION_SNAPSHOT_RYW_DISABLE as SNAPSHOT_RYW_DISABLE,
        FDBDatabaseOption_FDB_DB_OPTION_SNAPSHOT_RYW_ENABLE as SNAPSHOT_RYW_ENABLE,
        FDBDatabaseOption_FDB_DB_OPTION_TEST_CAUSAL_READ_RISKY as TEST_CAUSAL_READ_RISKY,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_AUTOMATIC_IDEMPOTENCY as TRANSACTION_AUTOMATIC_IDEMPOTENCY,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_BYPASS_UNREADABLE as TRANSACTION_BYPASS_UNREADABLE,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_CAUSAL_READ_RISKY as TRANSACTION_CAUSAL_READ_RISKY,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_INCLUDE_PORT_IN_ADDRESS as TRANSACTION_INCLUDE_PORT_IN_ADDRESS,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_LOGGING_MAX_FIELD_LENGTH as TRANSACTION_LOGGING_MAX_FIELD_LENGTH,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_MAX_RETRY_DELAY as TRANSACTION_MAX_RETRY_DELAY,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_REPORT_CONFLICTING_KEYS as TRANSACTION_REPORT_CONFLICTING_KEYS,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_RETRY_LIMIT as TRANSACTION_RETRY_LIMIT,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_SIZE_LIMIT as TRANSACTION_SIZE_LIMIT,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_TIMEOUT as TRANSACTION_TIMEOUT,
        FDBDatabaseOption_FDB_DB_OPTION_TRANSACTION_USED_DURING_COMMIT_PROTECTION_DISABLE as TRANSACTION_USED_DURING_COMMIT_PROTECTION_DISABLE,
        FDBDatabaseOption_FDB_DB_OPTION_USE_CONFIG_DATABASE as USE_CONFIG_DATABASE,
    };
}

mod transaction {
    pub use found_fdb_sys::{
        FDBTransactionOption_FDB_TR_OPTION_ACCESS_SYSTEM_KEYS as ACCESS_SYSTEM_KEYS,
        FDBTransactionOption_FDB_TR_OPTION_AUTHORIZATION_TOKEN as AUTHORIZATION_TOKEN,
        FDBTransactionOption_FDB_TR_OPTION_AUTO_THROTTLE_TAG as AUTO_THROTTLE_TAG,
        FDBTransactionOption_FDB_TR_OPTION_AUTOMATIC_IDEMPOTENCY as AUTOMATIC_IDEMPOTENCY,
        FDBTransactionOption_FDB_TR_OPTION_BYPASS_STORAGE_QUOTA as BYPASS_STORAGE_QUOTA,
        FDBTransactionOption_FDB_TR_OPTION_BYPASS_UNREADABLE as BYPASS_UNREADABLE,
        FDBTransactionOption_FDB_TR_OPTION_CAUSAL_READ_DISABLE as CAUSAL_READ_DISABLE,
        FDBTransactionOption_FDB_TR_OPTION_CAUSAL_READ_RISKY as CAUSAL_READ_RISKY,
        FDBTransactionOption_FDB_TR_OPTION_CAUSAL_WRITE_RISKY as CAUSAL_WRITE_RISKY,
        FDBTransactionOption_FDB_TR_OPTION_CONSISTENCY_CHECK_REQUIRED_REPLICAS as CONSISTENCY_CHECK_REQUIRED_REPLICAS,
        FDBTransactionOption_FDB_TR_OPTION_DEBUG_RETRY_LOGGING as DEBUG_RETRY_LOGGING,
        FDBTransactionOption_FDB_TR_OPTION_DEBUG_TRANSACTION_IDENTIFIER as DEBUG_TRANSACTION_IDENTIFIER,
        FDBTransactionOption_FDB_TR_OPTION_DURABILITY_DATACENTER as DURABILITY_DATACENTER,
        FDBTransactionOption_FDB_TR_OPTION_DURABILITY_DEV_NULL_IS_WEB_SCALE as DURABILITY_DEV_NULL_IS_WEB_SCALE,
        FDBTransactionOption_FDB_TR_OPTION_DURABILITY_RISKY as DURABILITY_RISKY,
        FDBTransactionOption_FDB_TR_OPTION_IDEMPOTENCY_ID as IDEMPOTENCY_ID,
        FDBTransactionOption_FDB_TR_OPTION_INCLUDE_PORT_IN_ADDRESS as INCLUDE_PORT_IN_ADDRESS,
        FDBTransactionOption_FDB_TR_OPTION_LOCK_AWARE as LOCK_AWARE,
        FDBTransactionOption_FDB_TR_OPTION_LOG_TRANSACTION as LOG_TRANSACTION,
        FDBTransactionOption_FDB_TR_OPTION_MAX_RETRY_DELAY as MAX_RETRY_DELAY,
        FDBTransactionOption_FDB_TR_OPTION_NEXT_WRITE_NO_WRITE_CONFLICT_RANGE as NEXT_WRITE_NO_WRITE_CONFLICT_RANGE,
        FDBTransactionOption_FDB_TR_OPTION_PRIORITY_BATCH as PRIORITY_BATCH,
        FDBTransactionOption_FDB_TR_OPTION_READ_LOCK_AWARE as READ_LOCK_AWARE,
        FDBTransactionOption_FDB_TR_OPTION_READ_PRIORITY_HIGH as READ_PRIORITY_HIGH,
        FDBTransactionOption_FDB_TR_OPTION_READ_PRIORITY_LOW as READ_PRIORITY_LOW,
        FDBTransactionOption_FDB_TR_OPTION_READ_PRIORITY_NORMAL as READ_PRIORITY_NORMAL,
        FDBTransactionOption_FDB_TR_OPTION_READ_SERVER_SIDE_CACHE_DISABLE as READ_SERVER_SIDE_CACHE_DISABLE,
        FDBTransactionOption_FDB_TR_OPTION_READ_SERVER_SIDE_CACHE_ENABLE as READ_SERVER_SIDE_CACHE_ENABLE,
        FDBTransactionOption_FDB_TR_OPTION_READ_SYSTEM_KEYS as READ_SYSTEM_KEYS,
        FDBTransactionOption_FDB_TR_OPTION_READ_YOUR_WRITES_DISABLE as READ_YOUR_WRITES_DISABLE,
        FDBTransactionOption_FDB_TR_OPTION_REPORT_CONFLICTING_KEYS as REPORT_CONFLICTING_KEYS,
        FDBTransactionOption_FDB_TR_OPTION_RETRY_LIMIT as RETRY_LIMIT,
        FDBTransactionOption_FDB_TR_OPTION_SIZE_LIMIT as SIZE_LIMIT,
        FDBTransactionOption_FDB_TR_OPTION_SNAPSHOT_RYW_DISABLE as SNAPSHOT_RYW_DISABLE,
        FDBTransactionOption_FDB_TR_OPTION_SNAPSHOT_RYW_ENABLE as SNAPSHOT_RYW_ENABLE,
        FDBTransactionOption_FDB_TR_OPTION_SPAN_PARENT as SPAN_PARENT,
        FDBTransactionOption_FDB_TR_OPTION_SPECIAL_KEY_SPACE_ENABLE_WRITES as SPECIAL_KEY_SPACE_ENABLE_WRITES,
        FDBTransactionOption_FDB_TR_OPTION_SPECIAL_KEY_SPACE_RELAXED as SPECIAL_KEY_SPACE_RELAXED,
        FDBTransactionOption_FDB_TR_OPTION_TAG as TAG,
        FDBTransactionOption_FDB_TR_OPTION_TIMEOUT as TIMEOUT,
        FDBTransactionOption_FDB_TR_OPTION_TRANSACTION_LOGGING_ENABLE as TRANSACTION_LOGGING_ENABLE,
        FDBTransactionOption_FDB_TR_OPTION_TRANSACTION_LOGGING_MAX_FIELD_LENGTH as TRANSACTION_LOGGING_MAX_FIELD_LENGTH,
        FDBTransactionOption_FDB_TR_OPTION_USED_DURING_COMMIT_PROTECTION_DISABLE as USED_DURING_COMMIT_PROTECTION_DISABLE,
    };
}
