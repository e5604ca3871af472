//! Bytes to elements.

use std::fmt;

use memchr::memchr;

use crate::{INCOMPLETE, MAX_DEPTH, MAX_INTEGER_BYTES, VERSIONSTAMP_BYTES, code};

/// What is wrong with packed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No element begins with this byte.
    UnknownCode(u8),
    /// The input ends inside the element named.
    Truncated(&'static str),
    /// The input ends inside a nested tuple, between two of its elements.
    Unterminated,
    /// The text is not UTF-8.
    Utf8,
    /// Tuples are nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Why bytes cannot be unpacked, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where the element begins that cannot be read, counted from the beginning of the input; for
    /// a nested tuple without an end, the length of the input.
    pub offset: usize,
    pub problem: Problem,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match self.problem {
            Problem::UnknownCode(code) => {
                write!(f, "unknown type code 0x{code:02x} at offset {offset}")
            }
            Problem::Unterminated => {
                write!(f, "the input ends inside a nested tuple, at offset {offset}")
            }
            Problem::Truncated(what) => {
                write!(f, "the input ends inside the {what} at offset {offset}")
            }
            Problem::Utf8 => write!(f, "the str at offset {offset} is not UTF-8"),
            Problem::TooDeep => {
                write!(f, "tuples nested more than {MAX_DEPTH} deep at offset {offset}")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// A byte string or text as it stands in the input, its NULs followed by 0xFF.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    raw: &'a [u8],
    escapes: usize,
    offset: usize,
}

impl<'a> Escaped<'a> {
    /// The number of bytes once escapes are resolved.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.raw.len() - self.escapes
    }

    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Where the element begins in the input.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The content itself, where there is nothing to resolve.
    #[must_use]
    #[inline]
    pub fn verbatim(&self) -> Option<&'a [u8]> {
        (self.escapes == 0).then_some(self.raw)
    }

    /// Writes the content to `out`, which is [`Escaped::len`] long; what exceeds either is left.
    pub fn resolve(&self, mut out: &mut [u8]) {
        let mut rest = self.raw;
        while let Some(nul) = memchr(0, rest) {
            out = put(out, &rest[..nul]);
            rest = &rest[nul..];
            while let [0, tail @ ..] = rest {
                out = put(out, &[0]);
                rest = tail.get(1..).unwrap_or_default();
            }
        }
        put(out, rest);
    }

    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = vec![0; self.len()];
        self.resolve(&mut out);
        out
    }
}

fn put<'o>(out: &'o mut [u8], part: &[u8]) -> &'o mut [u8] {
    let (here, rest) = out.split_at_mut(part.len().min(out.len()));
    here.copy_from_slice(&part[..here.len()]);
    rest
}

/// Takes the elements of a packed tuple in order. An error of its own ends the walk.
pub trait Visitor<'a> {
    type Error: From<DecodeError>;

    fn none(&mut self) -> Result<(), Self::Error>;
    fn bytes(&mut self, value: Escaped<'a>) -> Result<(), Self::Error>;
    /// Not yet known to be UTF-8: whoever makes the text checks it on the way.
    fn str(&mut self, value: Escaped<'a>) -> Result<(), Self::Error>;
    /// An integer of at most eight bytes. Zero may come with a sign.
    fn integer(&mut self, negative: bool, magnitude: u64) -> Result<(), Self::Error>;
    /// An integer in the long form: a big-endian magnitude, possibly with leading zeros or empty.
    fn long_integer(&mut self, negative: bool, magnitude: &[u8]) -> Result<(), Self::Error>;
    fn f32(&mut self, value: f32) -> Result<(), Self::Error>;
    fn f64(&mut self, value: f64) -> Result<(), Self::Error>;
    fn bool(&mut self, value: bool) -> Result<(), Self::Error>;
    fn uuid(&mut self, value: &'a [u8; 16]) -> Result<(), Self::Error>;
    /// The database's ten bytes are absent while the stamp is incomplete.
    fn versionstamp(
        &mut self,
        database: Option<&'a [u8; 10]>,
        user: u16,
    ) -> Result<(), Self::Error>;
    /// What follows, up to the matching [`Visitor::end_nested`], belongs to a nested tuple.
    fn begin_nested(&mut self) -> Result<(), Self::Error>;
    fn end_nested(&mut self) -> Result<(), Self::Error>;
}

/// Hands the elements packed in `input` from `start` on to `visitor`. A `start` past the end is
/// an empty tuple.
///
/// # Errors
/// A [`DecodeError`] at the first byte that is not as it should be, elements before it already
/// visited; or what the visitor returned.
pub fn decode<'a, V: Visitor<'a>>(
    input: &'a [u8],
    start: usize,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let mut depth = 0;
    let mut at = start;
    while let Some(&code) = input.get(at) {
        let body = at + 1;
        at = match code {
            code::NONE if depth == 0 => {
                visitor.none()?;
                body
            }
            code::NONE if input.get(body) == Some(&code::ESCAPE) => {
                visitor.none()?;
                body + 1
            }
            code::NONE => {
                depth -= 1;
                visitor.end_nested()?;
                body
            }
            code::BYTES => {
                let (value, end) = escaped(input, at, "bytes")?;
                visitor.bytes(value)?;
                end
            }
            code::STR => {
                let (value, end) = escaped(input, at, "str")?;
                visitor.str(value)?;
                end
            }
            code::NESTED => {
                if depth == MAX_DEPTH {
                    return Err(DecodeError { offset: at, problem: Problem::TooDeep }.into());
                }
                depth += 1;
                visitor.begin_nested()?;
                body
            }
            code::NEGATIVE_8..=code::POSITIVE_8 => {
                let size = usize::from(code.abs_diff(code::ZERO));
                let word = word(input, at, size)?;
                let negative = code < code::ZERO;
                // A negative integer is stored as the complement of its magnitude.
                let magnitude = if negative { !word & (u64::MAX >> (64 - 8 * size)) } else { word };
                visitor.integer(negative, magnitude)?;
                body + size
            }
            code::POSITIVE_LONG | code::NEGATIVE_LONG => {
                let negative = code == code::NEGATIVE_LONG;
                let [size] = *fixed::<1>(input, at, body, "int")?;
                let size = usize::from(if negative { !size } else { size });
                let end = body + 1 + size;
                let Some(stored) = input.get(body + 1..end) else {
                    return Err(truncated(at, "int").into());
                };
                if negative {
                    let mut magnitude = [0; MAX_INTEGER_BYTES];
                    for (to, from) in magnitude.iter_mut().zip(stored) {
                        *to = !from;
                    }
                    visitor.long_integer(true, &magnitude[..size])?;
                } else {
                    visitor.long_integer(false, stored)?;
                }
                end
            }
            code::SINGLE => {
                let bits = u32::from_be_bytes(*fixed(input, at, body, "single float")?);
                let bits = if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits };
                visitor.f32(f32::from_bits(bits))?;
                body + 4
            }
            code::DOUBLE => {
                let bits = u64::from_be_bytes(*fixed(input, at, body, "float")?);
                let bits = if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits };
                visitor.f64(f64::from_bits(bits))?;
                body + 8
            }
            code::FALSE | code::TRUE => {
                visitor.bool(code == code::TRUE)?;
                body
            }
            code::UUID => {
                visitor.uuid(fixed(input, at, body, "UUID")?)?;
                body + 16
            }
            code::VERSIONSTAMP => {
                let database: &[u8; 10] = fixed(input, at, body, "versionstamp")?;
                let user = u16::from_be_bytes(*fixed(input, at, body + 10, "versionstamp")?);
                visitor.versionstamp((*database != INCOMPLETE).then_some(database), user)?;
                body + VERSIONSTAMP_BYTES
            }
            unknown => {
                let problem = Problem::UnknownCode(unknown);
                return Err(DecodeError { offset: at, problem }.into());
            }
        };
    }
    if depth > 0 {
        return Err(DecodeError { offset: input.len(), problem: Problem::Unterminated }.into());
    }
    Ok(())
}

fn truncated(offset: usize, what: &'static str) -> DecodeError {
    DecodeError { offset, problem: Problem::Truncated(what) }
}

/// The `N` bytes from `from` on, of the element that begins at `at`.
#[inline]
fn fixed<'a, const N: usize>(
    input: &'a [u8],
    at: usize,
    from: usize,
    what: &'static str,
) -> Result<&'a [u8; N], DecodeError> {
    input.get(from..).and_then(|rest| rest.first_chunk()).ok_or(truncated(at, what))
}

/// The integer of `size` bytes, at most eight, after the code at `at`.
#[inline]
fn word(input: &[u8], at: usize, size: usize) -> Result<u64, DecodeError> {
    // Where eight bytes are left, one load and a shift replace a loop over the few that count.
    if let Some(chunk) = input.get(at + 1..).and_then(|rest| rest.first_chunk::<8>()) {
        return Ok(u64::from_be_bytes(*chunk).checked_shr(64 - 8 * size as u32).unwrap_or(0));
    }
    let stored = input.get(at + 1..at + 1 + size).ok_or(truncated(at, "int"))?;
    Ok(stored.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

/// The byte string or text that begins at `at`, and where the next element begins.
#[inline]
fn escaped<'a>(
    input: &'a [u8],
    at: usize,
    what: &'static str,
) -> Result<(Escaped<'a>, usize), DecodeError> {
    let rest = &input[at + 1..];
    let nul = memchr(0, rest).ok_or(truncated(at, what))?;
    let (end, escapes) = match rest.get(nul + 1) {
        Some(&code::ESCAPE) => terminator(rest, nul).ok_or(truncated(at, what))?,
        _ => (nul, 0),
    };
    Ok((Escaped { raw: &rest[..end], escapes, offset: at }, at + end + 2))
}

/// The first NUL from `at` on that is not escaped, and how many before it are.
#[cold]
fn terminator(content: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut escapes = 0;
    loop {
        let nul = at + memchr(0, &content[at..])?;
        at = nul;
        // Runs, as in the encoder.
        while let [0, code::ESCAPE, ..] = content[at..] {
            escapes += 1;
            at += 2;
        }
        if at == nul {
            return Some((nul, escapes));
        }
    }
}
