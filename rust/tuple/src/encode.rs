//! Elements to bytes.

use std::fmt;

use memchr::memchr;

use crate::{INCOMPLETE, MAX_DEPTH, MAX_INTEGER_BYTES, code};

/// Why a tuple cannot be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// An integer's magnitude has this many bytes, more than [`MAX_INTEGER_BYTES`].
    IntegerTooLong(usize),
    /// Tuples are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A plain pack met an incomplete versionstamp.
    IncompleteVersionstamp,
    /// A pack with versionstamp met none that is incomplete.
    NoIncompleteVersionstamp,
    /// The tuple has this many incomplete versionstamps; the commit fills in one.
    ManyIncompleteVersionstamps(usize),
    /// The versionstamp lies further in than its four-byte offset can tell.
    OffsetTooLarge(usize),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IntegerTooLong(bytes) => write!(
                f,
                "an integer of {bytes} bytes is longer than the {MAX_INTEGER_BYTES} a tuple can hold"
            ),
            Self::TooDeep => write!(f, "tuples nested more than {MAX_DEPTH} deep"),
            Self::IncompleteVersionstamp => {
                write!(f, "an incomplete versionstamp needs pack_with_versionstamp")
            }
            Self::NoIncompleteVersionstamp => {
                write!(f, "pack_with_versionstamp needs one incomplete versionstamp, found none")
            }
            Self::ManyIncompleteVersionstamps(count) => {
                write!(f, "a tuple can hold one incomplete versionstamp, found {count}")
            }
            Self::OffsetTooLarge(offset) => {
                write!(f, "the versionstamp's offset {offset} does not fit in four bytes")
            }
        }
    }
}

impl std::error::Error for EncodeError {}

/// Appends packed elements to a byte vector.
#[derive(Debug)]
pub struct Encoder {
    out: Vec<u8>,
    depth: usize,
    incomplete: usize,
    stamp_at: usize,
}

impl Encoder {
    /// Continues after what `out` holds: a prefix, or nothing.
    #[must_use]
    #[inline]
    pub fn new(out: Vec<u8>) -> Self {
        Self { out, depth: 0, incomplete: 0, stamp_at: 0 }
    }

    /// The absence of a value; sorts before everything else.
    #[inline]
    pub fn none(&mut self) {
        self.out.push(code::NONE);
        if self.depth > 0 {
            self.out.push(code::ESCAPE);
        }
    }

    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.escaped(code::BYTES, value);
    }

    #[inline]
    pub fn str(&mut self, value: &str) {
        self.escaped(code::STR, value.as_bytes());
    }

    #[inline]
    fn escaped(&mut self, code: u8, value: &[u8]) {
        self.out.reserve(value.len() + 2);
        self.out.push(code);
        let mut rest = value;
        while let Some(nul) = memchr(0, rest) {
            self.out.extend_from_slice(&rest[..nul]);
            rest = &rest[nul..];
            // NULs come in runs, in which a search for each would cost more than it finds.
            while let [0, tail @ ..] = rest {
                self.out.extend_from_slice(&[0, code::ESCAPE]);
                rest = tail;
            }
        }
        self.out.extend_from_slice(rest);
        self.out.push(0);
    }

    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.magnitude(value < 0, value.unsigned_abs());
    }

    #[inline]
    pub fn u64(&mut self, value: u64) {
        self.magnitude(false, value);
    }

    /// An integer of any sign whose magnitude fits in eight bytes; zero has no sign.
    #[inline]
    pub fn magnitude(&mut self, negative: bool, magnitude: u64) {
        // fdb.tuple writes both integers of magnitude 2**64 - 1 in the long form, though eight
        // bytes hold them: its bound is `>=`. They sort the same; the bytes are a key's identity.
        if magnitude == u64::MAX {
            self.long(negative, &magnitude.to_be_bytes());
            return;
        }
        let size = (u64::BITS - magnitude.leading_zeros()).div_ceil(8) as u8;
        if size == 0 {
            self.out.push(code::ZERO);
            return;
        }
        // A negative integer is the complement of its magnitude: larger magnitudes sort earlier.
        let (code, word) =
            if negative { (code::ZERO - size, !magnitude) } else { (code::ZERO + size, magnitude) };
        self.out.reserve(9);
        self.out.push(code);
        let end = self.out.len() + usize::from(size);
        // One store of fixed size, then cut: cheaper than a copy of variable length.
        self.out.extend_from_slice(&(word << (64 - 8 * u32::from(size))).to_be_bytes());
        self.out.truncate(end);
    }

    /// An integer of any length: sign, and magnitude as big-endian bytes; leading zeros are
    /// dropped.
    ///
    /// # Errors
    /// [`EncodeError::IntegerTooLong`] past 255 bytes; nothing is written then.
    pub fn integer(&mut self, negative: bool, magnitude: &[u8]) -> Result<(), EncodeError> {
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        let magnitude = &magnitude[zeros..];
        if magnitude.len() > MAX_INTEGER_BYTES {
            return Err(EncodeError::IntegerTooLong(magnitude.len()));
        }
        if magnitude.len() <= 8 {
            let word = magnitude.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.magnitude(negative, word);
        } else {
            self.long(negative, magnitude);
        }
        Ok(())
    }

    /// At most 255 bytes; the length byte comes before the magnitude, so that longer sorts later.
    fn long(&mut self, negative: bool, magnitude: &[u8]) {
        let size = magnitude.len() as u8;
        if negative {
            self.out.extend_from_slice(&[code::NEGATIVE_LONG, !size]);
            self.out.extend(magnitude.iter().map(|byte| !byte));
        } else {
            self.out.extend_from_slice(&[code::POSITIVE_LONG, size]);
            self.out.extend_from_slice(magnitude);
        }
    }

    /// A single-precision float, every bit of it: -0.0 sorts before 0.0, NaN beyond the
    /// infinities of its sign.
    #[inline]
    pub fn f32(&mut self, value: f32) {
        let bits = value.to_bits();
        let sortable = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
        self.out.reserve(5);
        self.out.push(code::SINGLE);
        self.out.extend_from_slice(&sortable.to_be_bytes());
    }

    /// A double-precision float; as [`Encoder::f32`].
    #[inline]
    pub fn f64(&mut self, value: f64) {
        let bits = value.to_bits();
        let sortable = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        self.out.reserve(9);
        self.out.push(code::DOUBLE);
        self.out.extend_from_slice(&sortable.to_be_bytes());
    }

    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.out.push(if value { code::TRUE } else { code::FALSE });
    }

    /// A UUID in network order.
    #[inline]
    pub fn uuid(&mut self, value: &[u8; 16]) {
        self.out.reserve(17);
        self.out.push(code::UUID);
        self.out.extend_from_slice(value);
    }

    /// A versionstamp: the database's ten bytes, or none yet, and the user's two.
    pub fn versionstamp(&mut self, database: Option<&[u8; 10]>, user: u16) {
        self.out.push(code::VERSIONSTAMP);
        if database.is_none() {
            self.incomplete += 1;
            self.stamp_at = self.out.len();
        }
        self.out.extend_from_slice(database.unwrap_or(&INCOMPLETE));
        self.out.extend_from_slice(&user.to_be_bytes());
    }

    /// What follows, up to [`Encoder::end_nested`], are the elements of a tuple in this one.
    ///
    /// # Errors
    /// [`EncodeError::TooDeep`] past [`MAX_DEPTH`]; nothing is written then.
    pub fn begin_nested(&mut self) -> Result<(), EncodeError> {
        if self.depth == MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        self.depth += 1;
        self.out.push(code::NESTED);
        Ok(())
    }

    /// Ends the innermost tuple begun.
    pub fn end_nested(&mut self) {
        debug_assert!(self.depth > 0, "end_nested without begin_nested");
        self.depth = self.depth.saturating_sub(1);
        self.out.push(0);
    }

    /// The packed bytes.
    ///
    /// # Errors
    /// [`EncodeError::IncompleteVersionstamp`] or, for two and more,
    /// [`EncodeError::ManyIncompleteVersionstamps`].
    #[inline]
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        debug_assert!(self.depth == 0, "finish inside a nested tuple");
        match self.incomplete {
            0 => Ok(self.out),
            1 => Err(EncodeError::IncompleteVersionstamp),
            count => Err(EncodeError::ManyIncompleteVersionstamps(count)),
        }
    }

    /// The packed bytes followed by the offset of the one incomplete versionstamp in them, prefix
    /// included: four bytes, little-endian, as API versions from 520 on take them
    /// (`fdbclient/Atomic.h`).
    ///
    /// # Errors
    /// [`EncodeError::NoIncompleteVersionstamp`], [`EncodeError::ManyIncompleteVersionstamps`].
    pub fn finish_with_versionstamp(mut self) -> Result<Vec<u8>, EncodeError> {
        debug_assert!(self.depth == 0, "finish inside a nested tuple");
        match self.incomplete {
            0 => Err(EncodeError::NoIncompleteVersionstamp),
            1 => {
                let offset = u32::try_from(self.stamp_at)
                    .map_err(|_| EncodeError::OffsetTooLarge(self.stamp_at))?;
                self.out.extend_from_slice(&offset.to_le_bytes());
                Ok(self.out)
            }
            count => Err(EncodeError::ManyIncompleteVersionstamps(count)),
        }
    }
}
