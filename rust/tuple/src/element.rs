//! A tuple as a plain value, ordered as its packed bytes are.

use std::cmp::Ordering;

use crate::{DecodeError, EncodeError, Encoder, Escaped, INCOMPLETE, Problem, Visitor, decode};

/// One element of a tuple. The order of the variants is that of the type codes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    None,
    Bytes(Vec<u8>),
    Str(String),
    Nested(Vec<Element>),
    Int(Integer),
    Single(Single),
    Double(Double),
    Bool(bool),
    Uuid([u8; 16]),
    /// The database's ten bytes, [`INCOMPLETE`] until the commit has filled them in, and the
    /// user's two.
    Versionstamp([u8; 10], u16),
}

/// An integer of at most 255 bytes: sign, and big-endian magnitude without leading zeros; zero has
/// neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integer {
    negative: bool,
    magnitude: Vec<u8>,
}

impl Integer {
    #[must_use]
    pub fn new(negative: bool, magnitude: &[u8]) -> Self {
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        let magnitude = magnitude[zeros..].to_vec();
        Self { negative: negative && !magnitude.is_empty(), magnitude }
    }
}

impl From<i128> for Integer {
    fn from(value: i128) -> Self {
        Self::new(value < 0, &value.unsigned_abs().to_be_bytes())
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitudes = |a: &Self, b: &Self| {
            a.magnitude.len().cmp(&b.magnitude.len()).then_with(|| a.magnitude.cmp(&b.magnitude))
        };
        match (self.negative, other.negative) {
            (false, false) => magnitudes(self, other),
            (true, true) => magnitudes(other, self),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! float {
    ($name:ident, $float:ty) => {
        /// A float compared bit for bit, in IEEE 754's total order.
        #[derive(Clone, Copy, Debug)]
        pub struct $name(pub $float);

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.total_cmp(&other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $name {}
    };
}

float!(Single, f32);
float!(Double, f64);

/// Packs a tuple.
///
/// # Errors
/// As the [`Encoder`]'s methods.
pub fn pack(elements: &[Element]) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(Vec::new());
    encode(&mut encoder, elements)?;
    encoder.finish()
}

/// Packs a tuple with one incomplete versionstamp, its offset appended.
///
/// # Errors
/// As the [`Encoder`]'s methods.
pub fn pack_with_versionstamp(elements: &[Element]) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(Vec::new());
    encode(&mut encoder, elements)?;
    encoder.finish_with_versionstamp()
}

/// Recurses no deeper than the encoder lets tuples nest.
fn encode(encoder: &mut Encoder, elements: &[Element]) -> Result<(), EncodeError> {
    for element in elements {
        match element {
            Element::None => encoder.none(),
            Element::Bytes(value) => encoder.bytes(value),
            Element::Str(value) => encoder.str(value),
            Element::Nested(elements) => {
                encoder.begin_nested()?;
                encode(encoder, elements)?;
                encoder.end_nested();
            }
            Element::Int(value) => encoder.integer(value.negative, &value.magnitude)?,
            Element::Single(value) => encoder.f32(value.0),
            Element::Double(value) => encoder.f64(value.0),
            Element::Bool(value) => encoder.bool(*value),
            Element::Uuid(value) => encoder.uuid(value),
            Element::Versionstamp(database, user) => {
                encoder.versionstamp((*database != INCOMPLETE).then_some(database), *user);
            }
        }
    }
    Ok(())
}

/// Unpacks a tuple.
///
/// # Errors
/// [`DecodeError`] for bytes no tuple packs to.
pub fn unpack(packed: &[u8]) -> Result<Vec<Element>, DecodeError> {
    let mut builder = Builder::default();
    decode(packed, 0, &mut builder)?;
    Ok(builder.elements)
}

#[derive(Default)]
struct Builder {
    /// The elements so far of the innermost tuple that is open.
    elements: Vec<Element>,
    outer: Vec<Vec<Element>>,
}

impl Builder {
    fn push(&mut self, element: Element) -> Result<(), DecodeError> {
        self.elements.push(element);
        Ok(())
    }
}

impl<'a> Visitor<'a> for Builder {
    type Error = DecodeError;

    fn none(&mut self) -> Result<(), DecodeError> {
        self.push(Element::None)
    }

    fn bytes(&mut self, value: Escaped<'a>) -> Result<(), DecodeError> {
        self.push(Element::Bytes(value.to_vec()))
    }

    fn str(&mut self, value: Escaped<'a>) -> Result<(), DecodeError> {
        let text = String::from_utf8(value.to_vec())
            .map_err(|_| DecodeError { offset: value.offset(), problem: Problem::Utf8 })?;
        self.push(Element::Str(text))
    }

    fn integer(&mut self, negative: bool, magnitude: u64) -> Result<(), DecodeError> {
        self.push(Element::Int(Integer::new(negative, &magnitude.to_be_bytes())))
    }

    fn long_integer(&mut self, negative: bool, magnitude: &[u8]) -> Result<(), DecodeError> {
        self.push(Element::Int(Integer::new(negative, magnitude)))
    }

    fn f32(&mut self, value: f32) -> Result<(), DecodeError> {
        self.push(Element::Single(Single(value)))
    }

    fn f64(&mut self, value: f64) -> Result<(), DecodeError> {
        self.push(Element::Double(Double(value)))
    }

    fn bool(&mut self, value: bool) -> Result<(), DecodeError> {
        self.push(Element::Bool(value))
    }

    fn uuid(&mut self, value: &'a [u8; 16]) -> Result<(), DecodeError> {
        self.push(Element::Uuid(*value))
    }

    fn versionstamp(
        &mut self,
        database: Option<&'a [u8; 10]>,
        user: u16,
    ) -> Result<(), DecodeError> {
        self.push(Element::Versionstamp(*database.unwrap_or(&INCOMPLETE), user))
    }

    fn begin_nested(&mut self) -> Result<(), DecodeError> {
        self.outer.push(std::mem::take(&mut self.elements));
        Ok(())
    }

    fn end_nested(&mut self) -> Result<(), DecodeError> {
        let outer = self.outer.pop().unwrap_or_default();
        let nested = std::mem::replace(&mut self.elements, outer);
        self.push(Element::Nested(nested))
    }
}
