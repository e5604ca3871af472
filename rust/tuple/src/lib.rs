//! FoundationDB's tuple encoding: typed elements as bytes that sort as the elements do.
//!
//! [`Encoder`] appends elements to a byte vector; [`decode`] walks packed bytes and hands each
//! element to a [`Visitor`], so that a caller builds its own objects and nothing in between.
//! [`Element`] is the plain value built on the two.
//!
//! The bytes are those of FoundationDB's own bindings (`bindings/python/fdb/tuple.py` at 7.3, and
//! `design/tuple.md`). Decoding takes every form of an element that `fdb.tuple` takes, integers
//! with leading zeros included, with one difference: where `fdb.tuple` reads a byte string, a text
//! or a nested tuple whose terminator is missing as if it were there, this is an error.

mod decode;
mod element;
mod encode;

pub use decode::{DecodeError, Escaped, Problem, Visitor, decode};
pub use element::{Double, Element, Integer, Single, pack, pack_with_versionstamp, unpack};
pub use encode::{EncodeError, Encoder};

/// How many tuples may be nested in one another.
///
/// `fdb.tuple` stops a little earlier, at Python's default recursion limit. The codec itself keeps
/// no frame per level; the bound keeps hostile bytes from building a value whose comparison, hash
/// or destruction would recurse further than a thread's stack goes, and ends the packing of a list
/// that contains itself.
pub const MAX_DEPTH: usize = 1000;

/// The longest magnitude, in bytes, that an integer's one length byte can tell.
pub const MAX_INTEGER_BYTES: usize = 255;

/// The length of a complete versionstamp: ten bytes from the database, two from the user.
pub const VERSIONSTAMP_BYTES: usize = 12;

/// What stands for the database's ten bytes until the commit fills them in.
pub const INCOMPLETE: [u8; 10] = [0xff; 10];

/// Type codes. 0x03, 0x04, 0x23 and 0x24 are reserved, 0x40 to 0x4f left to the user.
mod code {
    pub const NONE: u8 = 0x00;
    pub const BYTES: u8 = 0x01;
    pub const STR: u8 = 0x02;
    pub const NESTED: u8 = 0x05;
    pub const NEGATIVE_LONG: u8 = 0x0b;
    pub const NEGATIVE_8: u8 = 0x0c;
    pub const ZERO: u8 = 0x14;
    pub const POSITIVE_8: u8 = 0x1c;
    pub const POSITIVE_LONG: u8 = 0x1d;
    pub const SINGLE: u8 = 0x20;
    pub const DOUBLE: u8 = 0x21;
    pub const FALSE: u8 = 0x26;
    pub const TRUE: u8 = 0x27;
    pub const UUID: u8 = 0x30;
    pub const VERSIONSTAMP: u8 = 0x33;
    /// After a NUL: the NUL is content (or, in a nested tuple, a none), not a terminator.
    pub const ESCAPE: u8 = 0xff;
}
