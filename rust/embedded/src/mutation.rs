//! What a commit does to the database, and the atomic operations.
//!
//! The rules are those of fdbclient/include/fdbclient/Atomic.h. API versions before 510, whose AND
//! and MIN treat a missing value as empty, are not offered.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::keys::{Key, key_after};

/// What APPEND_IF_FITS may grow a value to.
const VALUE_SIZE_LIMIT: usize = 100_000;

const STAMP_BYTES: usize = 10;
const OFFSET_BYTES: usize = 4;

/// An operation whose outcome depends on the value that is there when it is applied.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AtomicOp {
    Add,
    And,
    Or,
    Xor,
    AppendIfFits,
    Max,
    Min,
    ByteMin,
    ByteMax,
    CompareAndClear,
}

impl AtomicOp {
    pub const ALL: [AtomicOp; 10] = [
        AtomicOp::Add,
        AtomicOp::And,
        AtomicOp::Or,
        AtomicOp::Xor,
        AtomicOp::AppendIfFits,
        AtomicOp::Max,
        AtomicOp::Min,
        AtomicOp::ByteMin,
        AtomicOp::ByteMax,
        AtomicOp::CompareAndClear,
    ];

    /// Whether `(v op a) op b` may be computed as `v op (a op b)`. The operations that cut or
    /// extend the old value to the operand allow it between operands of one length only
    /// (isNonAssociativeOp in CommitTransaction.h).
    pub(crate) fn folds(self, earlier: &[u8], later: &[u8]) -> bool {
        match self {
            AtomicOp::CompareAndClear => false,
            AtomicOp::Add | AtomicOp::Or | AtomicOp::Xor | AtomicOp::Max | AtomicOp::Min => {
                earlier.len() == later.len()
            }
            AtomicOp::And | AtomicOp::AppendIfFits | AtomicOp::ByteMin | AtomicOp::ByteMax => true,
        }
    }
}

/// One change to the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mutation {
    Set {
        key: Key,
        value: Bytes,
    },
    Clear {
        begin: Key,
        end: Key,
    },
    Atomic {
        op: AtomicOp,
        key: Key,
        operand: Bytes,
    },
    /// The last 4 bytes of the key say where in it the stamp goes.
    VersionstampedKey {
        key: Key,
        value: Bytes,
    },
    /// The last 4 bytes of the value say where in it the stamp goes.
    VersionstampedValue {
        key: Key,
        value: Bytes,
    },
}

impl Mutation {
    /// Turns a versionstamped mutation into the `Set` it stands for; leaves any other as it is.
    pub fn stamp(&mut self, stamp: &[u8; 10]) {
        let (key, value) = match self {
            Mutation::VersionstampedKey { key, value } => {
                (stamped(key, stamp), std::mem::take(value))
            }
            Mutation::VersionstampedValue { key, value } => {
                (std::mem::take(key), stamped(value, stamp))
            }
            Mutation::Set { .. } | Mutation::Clear { .. } | Mutation::Atomic { .. } => return,
        };
        *self = Mutation::Set { key, value };
    }

    pub(crate) fn is_unstamped(&self) -> bool {
        matches!(self, Mutation::VersionstampedKey { .. } | Mutation::VersionstampedValue { .. })
    }

    /// The bytes it counts for in a transaction's size (MutationRef::expectedSize).
    pub(crate) fn expected_size(&self) -> usize {
        match self {
            Mutation::Set { key, value }
            | Mutation::VersionstampedKey { key, value }
            | Mutation::VersionstampedValue { key, value } => key.len() + value.len(),
            Mutation::Clear { begin, end } => begin.len() + end.len(),
            Mutation::Atomic { key, operand, .. } => key.len() + operand.len(),
        }
    }
}

/// Where in a versionstamped key or value the stamp goes: a little-endian offset in its last 4
/// bytes. Error 2000 if there is none, or no room for a stamp there.
pub fn stamp_position(parameter: &[u8]) -> Result<usize> {
    let Some((body, offset)) = parameter.split_last_chunk::<OFFSET_BYTES>() else {
        return Err(Error::CLIENT_INVALID_OPERATION);
    };
    match usize::try_from(i32::from_le_bytes(*offset)) {
        Ok(position) if position + STAMP_BYTES <= body.len() => Ok(position),
        _ => Err(Error::CLIENT_INVALID_OPERATION),
    }
}

/// `parameter` with the stamp in its place and without the offset. One whose offset is bad was
/// refused when it was written.
fn stamped(parameter: &[u8], stamp: &[u8; STAMP_BYTES]) -> Bytes {
    let mut body = parameter[..parameter.len().saturating_sub(OFFSET_BYTES)].to_vec();
    if let Ok(position) = stamp_position(parameter) {
        body[position..position + STAMP_BYTES].copy_from_slice(stamp);
    }
    body.into()
}

/// The keys that a versionstamped key may become: from the stamp of `version` on, up to `max_key`
/// (getVersionstampKeyRange in Atomic.h). `position` is its stamp_position.
pub(crate) fn stamped_key_range(
    key: &[u8],
    position: usize,
    version: crate::Version,
    max_key: &[u8],
) -> (Vec<u8>, Vec<u8>) {
    let body = &key[..key.len() - OFFSET_BYTES];
    let mut begin = body.to_vec();
    begin[position..position + STAMP_BYTES].copy_from_slice(&lowest_stamp(version));
    let mut end = key_after(body);
    end[position..position + STAMP_BYTES].fill(0xff);
    if end.as_slice() > max_key {
        end = max_key.to_vec();
    }
    (begin, end)
}

/// The versionstamped key under which a transaction that read at `version` keeps it: the lowest it
/// may become.
pub(crate) fn with_lowest_stamp(key: &[u8], position: usize, version: crate::Version) -> Vec<u8> {
    let mut key = key.to_vec();
    key[position..position + STAMP_BYTES].copy_from_slice(&lowest_stamp(version));
    key
}

fn lowest_stamp(version: crate::Version) -> [u8; STAMP_BYTES] {
    let mut stamp = [0; STAMP_BYTES];
    stamp[..8].copy_from_slice(&version.to_be_bytes());
    stamp
}

/// The value after `op`, or None where the key is then missing.
pub fn apply_atomic(op: AtomicOp, existing: Option<&[u8]>, operand: &[u8]) -> Option<Vec<u8>> {
    atomic(op, existing, operand).map(Cow::into_owned)
}

pub(crate) fn atomic<'a>(
    op: AtomicOp,
    existing: Option<&'a [u8]>,
    operand: &'a [u8],
) -> Option<Cow<'a, [u8]>> {
    let Some(existing) = existing else {
        return (op != AtomicOp::CompareAndClear).then_some(Cow::Borrowed(operand));
    };
    Some(match op {
        // An empty old value counts as missing for these.
        AtomicOp::Add | AtomicOp::Or | AtomicOp::Xor | AtomicOp::Max if existing.is_empty() => {
            Cow::Borrowed(operand)
        }
        AtomicOp::Add => Cow::Owned(add(existing, operand)),
        AtomicOp::And => Cow::Owned(bitwise(existing, operand, |a, b| a & b)),
        AtomicOp::Or => Cow::Owned(bitwise(existing, operand, |a, b| a | b)),
        AtomicOp::Xor => Cow::Owned(bitwise(existing, operand, |a, b| a ^ b)),
        AtomicOp::AppendIfFits => append_if_fits(existing, operand),
        AtomicOp::Max if compare_numbers(existing, operand).is_gt() => resized(existing, operand),
        AtomicOp::Min if compare_numbers(existing, operand).is_lt() => resized(existing, operand),
        AtomicOp::Max | AtomicOp::Min => Cow::Borrowed(operand),
        AtomicOp::ByteMin => Cow::Borrowed(existing.min(operand)),
        AtomicOp::ByteMax => Cow::Borrowed(existing.max(operand)),
        AtomicOp::CompareAndClear if existing == operand => return None,
        AtomicOp::CompareAndClear => Cow::Borrowed(existing),
    })
}

/// The old value cut or extended with zeros to the operand's length.
fn resized<'a>(existing: &'a [u8], operand: &[u8]) -> Cow<'a, [u8]> {
    if existing.len() >= operand.len() {
        return Cow::Borrowed(&existing[..operand.len()]);
    }
    let mut value = existing.to_vec();
    value.resize(operand.len(), 0);
    Cow::Owned(value)
}

fn add(existing: &[u8], operand: &[u8]) -> Vec<u8> {
    let mut carry = false;
    let digits = existing.iter().copied().chain(std::iter::repeat(0));
    operand
        .iter()
        .zip(digits)
        .map(|(&b, a)| {
            let (sum, over) = a.overflowing_add(b);
            let (sum, over_again) = sum.overflowing_add(u8::from(carry));
            carry = over | over_again;
            sum
        })
        .collect()
}

fn bitwise(existing: &[u8], operand: &[u8], op: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let bytes = existing.iter().copied().chain(std::iter::repeat(0));
    operand.iter().zip(bytes).map(|(&b, a)| op(a, b)).collect()
}

fn append_if_fits<'a>(existing: &'a [u8], operand: &'a [u8]) -> Cow<'a, [u8]> {
    if existing.is_empty() {
        Cow::Borrowed(operand)
    } else if operand.is_empty() || existing.len() + operand.len() > VALUE_SIZE_LIMIT {
        Cow::Borrowed(existing)
    } else {
        Cow::Owned([existing, operand].concat())
    }
}

/// Compares the old value, cut or extended to the operand's length, with the operand, both as
/// little-endian numbers.
fn compare_numbers(existing: &[u8], operand: &[u8]) -> Ordering {
    (0..operand.len())
        .rev()
        .map(|i| existing.get(i).copied().unwrap_or(0).cmp(&operand[i]))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use AtomicOp::*;

    fn op(op: AtomicOp, existing: Option<&[u8]>, operand: &[u8]) -> Option<Vec<u8>> {
        apply_atomic(op, existing, operand)
    }

    #[test]
    fn a_missing_value_gives_the_operand_but_to_compare_and_clear() {
        for kind in AtomicOp::ALL {
            let expected = (kind != CompareAndClear).then(|| b"\x05\x06".to_vec());
            assert_eq!(op(kind, None, b"\x05\x06"), expected, "{kind:?}");
        }
    }

    #[test]
    fn the_result_has_the_operands_length_where_the_old_value_is_longer() {
        let old = Some(&b"\xff\x01\x01\x01"[..]);
        assert_eq!(op(Add, old, b"\x01\x00"), Some(b"\x00\x02".to_vec()));
        assert_eq!(op(And, old, b"\x0f\x03"), Some(b"\x0f\x01".to_vec()));
        assert_eq!(op(Or, old, b"\x00\x02"), Some(b"\xff\x03".to_vec()));
        assert_eq!(op(Xor, old, b"\xff\xff"), Some(b"\x00\xfe".to_vec()));
        assert_eq!(op(Max, old, b"\x00\x01"), Some(b"\xff\x01".to_vec()));
        assert_eq!(op(Min, old, b"\x00\x02"), Some(b"\xff\x01".to_vec()));
    }

    #[test]
    fn the_result_has_the_operands_length_where_the_old_value_is_shorter() {
        let old = Some(&b"\xff"[..]);
        assert_eq!(op(Add, old, b"\x01\x00\x07"), Some(b"\x00\x01\x07".to_vec()));
        assert_eq!(op(And, old, b"\x0f\x03"), Some(b"\x0f\x00".to_vec()));
        assert_eq!(op(Or, old, b"\x00\x02"), Some(b"\xff\x02".to_vec()));
        assert_eq!(op(Xor, old, b"\x0f\x02"), Some(b"\xf0\x02".to_vec()));
        assert_eq!(op(Max, old, b"\x01\x00"), Some(b"\xff\x00".to_vec()));
        assert_eq!(op(Max, old, b"\x01\x01"), Some(b"\x01\x01".to_vec()));
        assert_eq!(op(Min, old, b"\x01\x01"), Some(b"\xff\x00".to_vec()));
        assert_eq!(op(Min, old, b"\x01\x00"), Some(b"\x01\x00".to_vec()));
    }

    #[test]
    fn an_empty_value_is_there_for_and_and_min_but_missing_for_the_others() {
        let empty = Some(&b""[..]);
        for kind in [Add, Or, Xor, Max, AppendIfFits] {
            assert_eq!(op(kind, empty, b"\x05"), Some(b"\x05".to_vec()), "{kind:?}");
        }
        assert_eq!(op(And, empty, b"\x05"), Some(b"\x00".to_vec()));
        assert_eq!(op(Min, empty, b"\x05"), Some(b"\x00".to_vec()));
        assert_eq!(op(ByteMin, empty, b"\x05"), Some(b"".to_vec()));
        assert_eq!(op(ByteMax, empty, b"\x05"), Some(b"\x05".to_vec()));
        assert_eq!(op(CompareAndClear, empty, b""), None);
    }

    #[test]
    fn an_empty_operand_empties_numbers_and_leaves_what_is_appended_to() {
        for kind in [Add, And, Or, Xor, Max, Min] {
            assert_eq!(op(kind, Some(b"\x05"), b""), Some(b"".to_vec()), "{kind:?}");
        }
        assert_eq!(op(AppendIfFits, Some(b"\x05"), b""), Some(b"\x05".to_vec()));
    }

    #[test]
    fn add_carries_through_every_byte_and_drops_the_last_carry() {
        assert_eq!(op(Add, Some(b"\xff\xff\xff"), b"\x01\x00\x00"), Some(vec![0, 0, 0]));
        assert_eq!(op(Add, Some(b"\xff\xff"), b"\xff\xff"), Some(vec![0xfe, 0xff]));
        let sum = (0x0123_4567_89ab_cdef_u64 + 0xfedc_ba98).to_le_bytes();
        let old = 0x0123_4567_89ab_cdef_u64.to_le_bytes();
        assert_eq!(op(Add, Some(&old), &0xfedc_ba98_u64.to_le_bytes()), Some(sum.to_vec()));
    }

    #[test]
    fn byte_min_and_byte_max_compare_bytes_and_keep_lengths() {
        assert_eq!(op(ByteMin, Some(b"ab"), b"abc"), Some(b"ab".to_vec()));
        assert_eq!(op(ByteMax, Some(b"ab"), b"abc"), Some(b"abc".to_vec()));
        assert_eq!(op(ByteMin, Some(b"b"), b"abc"), Some(b"abc".to_vec()));
    }

    #[test]
    fn append_keeps_the_old_value_past_100000_bytes() {
        let old = vec![1; 99_999];
        assert_eq!(op(AppendIfFits, Some(&old), b"x").map(|v| v.len()), Some(100_000));
        assert_eq!(op(AppendIfFits, Some(&old), b"xy"), Some(old.clone()));
    }

    #[test]
    fn compare_and_clear_clears_only_an_equal_value() {
        assert_eq!(op(CompareAndClear, Some(b"a"), b"a"), None);
        assert_eq!(op(CompareAndClear, Some(b"a"), b"ab"), Some(b"a".to_vec()));
    }

    #[test]
    fn a_stamp_goes_where_the_offset_says_and_the_offset_goes() {
        let stamp = *b"0123456789";
        let parameter: Bytes = (*b"ab..........cd\x02\0\0\0").into();
        let mut key = Mutation::VersionstampedKey { key: parameter.clone(), value: (*b"v").into() };
        key.stamp(&stamp);
        let set = |key: &[u8], value: &[u8]| Mutation::Set { key: key.into(), value: value.into() };
        assert_eq!(key, set(b"ab0123456789cd", b"v"));
        let mut value = Mutation::VersionstampedValue { key: (*b"k").into(), value: parameter };
        value.stamp(&stamp);
        assert_eq!(value, set(b"k", b"ab0123456789cd"));
    }

    #[test]
    fn an_offset_without_room_for_a_stamp_is_2000() {
        for parameter in [
            &b""[..],
            b"\0\0\0",
            b"123456789\0\0\0\0",
            b"1234567890\x01\0\0\0",
            b"1234567890\xff\xff\xff\xff",
            b"1234567890\0\0\0\x80",
        ] {
            assert_eq!(stamp_position(parameter), Err(Error(2000)), "{parameter:?}");
        }
        assert_eq!(stamp_position(b"1234567890\0\0\0\0"), Ok(0));
        assert_eq!(stamp_position(b"x1234567890\x01\0\0\0"), Ok(1));
    }
}
