//! Writes: checked here, kept in the write map until the commit.

use found_fdb_sys::FDBMutationType;

use super::read::{cost, cut};
use super::{Inner, METADATA_VERSION_KEY, METADATA_VERSION_VALUE, Transaction, special};
use crate::error::{Error, Result};
use crate::future::Answer;
use crate::keys::key_after;
use crate::limits::{VALUE_SIZE, key_size};
use crate::mutation::AtomicOp;

/// How much more a written page costs than a read one.
const WRITE_COST: i64 = 4;

enum Operation {
    Atomic(AtomicOp),
    VersionstampedKey,
    VersionstampedValue,
}

impl Operation {
    /// The operation of a mutation type that C may use; the second codes of MIN and AND are those that commits carry.
    fn from_code(code: FDBMutationType) -> Result<Operation> {
        const MIN_V2: FDBMutationType = 18;
        const AND_V2: FDBMutationType = 19;
        Ok(Operation::Atomic(match code {
            mutation::ADD => AtomicOp::Add,
            mutation::BIT_AND | AND_V2 => AtomicOp::And,
            mutation::BIT_OR => AtomicOp::Or,
            mutation::BIT_XOR => AtomicOp::Xor,
            mutation::APPEND_IF_FITS => AtomicOp::AppendIfFits,
            mutation::MAX => AtomicOp::Max,
            mutation::MIN | MIN_V2 => AtomicOp::Min,
            mutation::BYTE_MIN => AtomicOp::ByteMin,
            mutation::BYTE_MAX => AtomicOp::ByteMax,
            mutation::COMPARE_AND_CLEAR => AtomicOp::CompareAndClear,
            mutation::SET_VERSIONSTAMPED_KEY => {
                return Ok(Operation::VersionstampedKey);
            }
            mutation::SET_VERSIONSTAMPED_VALUE => {
                return Ok(Operation::VersionstampedValue);
            }
            _ => return Err(Error::INVALID_MUTATION_TYPE),
        }))
    }
}

impl Transaction {
    pub fn set(&self, key: &[u8], value: &[u8]) {
        self.deferring(|inner| {
            if key == METADATA_VERSION_KEY {
                return Err(Error::CLIENT_INVALID_OPERATION);
            }
            if special::contains(key) && self.database.api_version >= 700 {
                return special::set(self, inner, key, value);
            }
            let conflict = inner.options.take_write_conflict();
            inner.check_used_during_commit()?;
            if key >= inner.write_end() {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            check_sizes(key, value)?;
            inner.writes.set(key, value, conflict);
            inner.spend(WRITE_COST * cost(key.len() + value.len()));
            inner.trigger_watches(key, &key_after(key), Some(Some(value)));
            Ok(())
        });
    }

    pub fn atomic_op(&self, key: &[u8], operand: &[u8], code: FDBMutationType) {
        self.deferring(|inner| {
            let conflict = inner.options.take_write_conflict();
            inner.check_used_during_commit()?;
            if key == METADATA_VERSION_KEY {
                let is_stamp = code == mutation::SET_VERSIONSTAMPED_VALUE;
                if !is_stamp || operand != METADATA_VERSION_VALUE {
                    return Err(Error::CLIENT_INVALID_OPERATION);
                }
            } else if key >= inner.write_end() {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            let operation = Operation::from_code(code)?;
            check_sizes(key, operand)?;
            match operation {
                Operation::Atomic(op) => inner.writes.atomic(op, key, operand, conflict),
                Operation::VersionstampedKey => {
                    inner.writes.versionstamped_key(key, operand, conflict)?;
                }
                Operation::VersionstampedValue => {
                    inner.writes.versionstamped_value(key, operand, conflict)?;
                }
            }
            // The operand is not counted (NativeAPI.actor.cpp, Transaction::atomicOp).
            inner.spend(WRITE_COST * cost(key.len()));
            inner.trigger_watches(key, &key_after(key), None);
            Ok(())
        });
    }

    pub fn clear(&self, key: &[u8]) {
        self.deferring(|inner| {
            let conflict = inner.options.take_write_conflict();
            inner.check_used_during_commit()?;
            if special::contains(key) && self.database.api_version >= 700 {
                return special::clear(self, inner, key, &key_after(key));
            }
            if key >= inner.write_end() {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            if key.len() <= key_size(key) {
                inner.clear(key, &key_after(key), conflict);
            }
            Ok(())
        });
    }

    pub fn clear_range(&self, begin: &[u8], end: &[u8]) {
        self.deferring(|inner| {
            if begin > end {
                return Err(Error::INVERTED_RANGE);
            }
            let conflict = inner.options.take_write_conflict();
            inner.check_used_during_commit()?;
            if special::contains(begin) && special::may_end(end) && self.database.api_version >= 700
            {
                return special::clear(self, inner, begin, end);
            }
            let legal_end = inner.write_end();
            if begin > legal_end || end > legal_end {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            let (begin, end) = (cut(begin), cut(end));
            if begin < end {
                inner.clear(begin, end, conflict);
            }
            Ok(())
        });
    }

    /// A write conflict range by hand.
    pub fn add_write_conflict(&self, begin: &[u8], end: &[u8]) {
        self.deferring(|inner| {
            inner.check_used_during_commit()?;
            let legal_end = inner.write_end();
            if begin > legal_end || end > legal_end {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            let (begin, end) = (cut(begin), cut(end));
            if begin < end {
                inner.writes.add_write_conflict(begin, end);
            }
            Ok(())
        });
    }
}

fn check_sizes(key: &[u8], value: &[u8]) -> Result<()> {
    if key.len() > key_size(key) {
        Err(Error::KEY_TOO_LARGE)
    } else if value.len() > VALUE_SIZE {
        Err(Error::VALUE_TOO_LARGE)
    } else {
        Ok(())
    }
}

impl Inner {
    /// Takes note of what a write costs.
    fn spend(&mut self, cost: i64) {
        if self.options.read_your_writes_disabled {
            self.cost += cost;
        } else {
            self.write_cost += cost;
        }
    }

    fn clear(&mut self, begin: &[u8], end: &[u8], conflict: bool) {
        self.writes.clear(begin, end, conflict);
        self.spend(cost(0));
        self.trigger_watches(begin, end, Some(None));
    }

    /// A write of the transaction itself fires its watches on the keys in the range, unless it leaves the value they saw
    /// (ReadYourWrites.actor.cpp, triggerWatches). None is a value that is not known.
    fn trigger_watches(&mut self, begin: &[u8], end: &[u8], value: Option<Option<&[u8]>>) {
        if self.watches.is_empty() {
            return;
        }
        let touched = self.watches.extract_if(.., |watch| {
            (begin..end).contains(&&*watch.key)
                && value.is_none_or(|value| watch.baseline.as_deref() != value)
        });
        let fired: Vec<_> = touched.map(|watch| (watch.future, watch.slot)).collect();
        if fired.is_empty() {
            return;
        }
        self.clock.post(move || {
            for (future, slot) in fired {
                slot.release();
                future.complete(Ok(Answer::Nothing));
            }
        });
    }
}

/// The codes of `fdb_c_options.g.h` under shorter names.
mod mutation {
    pub use found_fdb_sys::{
        FDBMutationType_FDB_MUTATION_TYPE_ADD as ADD,
        FDBMutationType_FDB_MUTATION_TYPE_APPEND_IF_FITS as APPEND_IF_FITS,
        FDBMutationType_FDB_MUTATION_TYPE_BIT_AND as BIT_AND,
        FDBMutationType_FDB_MUTATION_TYPE_BIT_OR as BIT_OR,
        FDBMutationType_FDB_MUTATION_TYPE_BIT_XOR as BIT_XOR,
        FDBMutationType_FDB_MUTATION_TYPE_BYTE_MAX as BYTE_MAX,
        FDBMutationType_FDB_MUTATION_TYPE_BYTE_MIN as BYTE_MIN,
        FDBMutationType_FDB_MUTATION_TYPE_COMPARE_AND_CLEAR as COMPARE_AND_CLEAR,
        FDBMutationType_FDB_MUTATION_TYPE_MAX as MAX, FDBMutationType_FDB_MUTATION_TYPE_MIN as MIN,
        FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_KEY as SET_VERSIONSTAMPED_KEY,
        FDBMutationType_FDB_MUTATION_TYPE_SET_VERSIONSTAMPED_VALUE as SET_VERSIONSTAMPED_VALUE,
    };
}
