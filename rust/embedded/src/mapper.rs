//! The mapper of a mapped range read: a tuple that says which key to look up for a row.
//!
//! Of its strings, `{K[2]}` and `{V[0]}` stand for an element of the row's key or value, `{...}` at the end for all keys
//! that begin with the rest, and `{{` and `}}` for braces (fdbserver/storageserver.actor.cpp, preprocessMappedKey and
//! constructMappedKey). Tuples are taken apart as fdbclient/Tuple.cpp does, which is not all of the tuple layer: it knows
//! neither nested tuples nor integers of more than 8 bytes, and takes a last element that was cut off as it is.

use crate::error::{Error, Result};

/// A mapper, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapper {
    elements: Vec<Element>,
    /// It ends with `{...}`: what it makes is a prefix.
    pub is_range: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Element {
    /// As it stands, encoded.
    Literal(Vec<u8>),
    Field {
        of_key: bool,
        /// None if it is no number, which only matters once there is a row.
        index: Option<i32>,
    },
}

const BYTES: u8 = 0x01;
const STRING: u8 = 0x02;

/// The encoded elements of a tuple, or None if it is no tuple.
fn elements(tuple: &[u8]) -> Option<Vec<&[u8]>> {
    let mut elements = Vec::new();
    let mut rest = tuple;
    while let Some((&code, after)) = rest.split_first() {
        let length = match code {
            0x00 | 0x26 | 0x27 => 1,
            BYTES | STRING => 1 + string_length(after),
            0x0c..=0x1c => 1 + usize::from(code.abs_diff(0x14)),
            0x20 => 1 + 4,
            0x21 => 1 + 8,
            0x33 => 1 + 12,
            _ => return None,
        };
        let (element, next) = rest.split_at(length.min(rest.len()));
        elements.push(element);
        rest = next;
    }
    Some(elements)
}

/// The length of an encoded string with the NUL that ends it, or of what there is of one.
fn string_length(encoded: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        at += 1;
        if byte == 0 {
            match encoded.get(at) {
                Some(0xff) => at += 1,
                _ => return at,
            }
        }
    }
    at
}

/// What an encoded string says.
fn string(element: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(element.len());
    let mut bytes = element.iter().skip(1).copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == 0 {
            match bytes.next() {
                Some(_) => text.push(0),
                None => break,
            }
        } else {
            text.push(byte);
        }
    }
    text
}

fn encode(text: &[u8]) -> Vec<u8> {
    let mut element = vec![BYTES];
    for &byte in text {
        element.push(byte);
        if byte == 0 {
            element.push(0xff);
        }
    }
    element.push(0);
    element
}

/// `text` with each pair of `brace` made one; None if there is no pair.
fn unescape(text: &[u8], brace: u8) -> Option<Vec<u8>> {
    let mut single = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        single.push(byte);
        at += if byte == brace && text.get(at + 1) == Some(&brace) { 2 } else { 1 };
    }
    (single.len() < text.len()).then_some(single)
}

/// The number that a text begins with, as C's strtol reads it and no more than an `int`.
fn leading_number(text: &[u8]) -> Option<i32> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let count = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    let number: i64 = std::str::from_utf8(&digits[..count]).ok()?.parse().ok()?;
    i32::try_from(if negative { -number } else { number }).ok()
}

impl Element {
    fn parse(element: &[u8]) -> Element {
        if !matches!(element.first(), Some(&(BYTES | STRING))) {
            return Element::Literal(element.to_vec());
        }
        let text = string(element);
        let opened = unescape(&text, b'{');
        let closed = unescape(opened.as_deref().unwrap_or(&text), b'}');
        if let Some(unescaped) = closed.or(opened) {
            return Element::Literal(encode(&unescaped));
        }
        let field = text.strip_suffix(b"]}").and_then(|rest| match rest {
            [b'{', b'K', b'[', index @ ..] if !index.is_empty() => Some((true, index)),
            [b'{', b'V', b'[', index @ ..] if !index.is_empty() => Some((false, index)),
            _ => None,
        });
        match field {
            Some((of_key, index)) => Element::Field { of_key, index: leading_number(index) },
            None => Element::Literal(element.to_vec()),
        }
    }
}

impl Mapper {
    /// 2043 if it is no tuple, 2032 where `{...}` is not the last element.
    pub fn parse(tuple: &[u8]) -> Result<Mapper> {
        let parts = elements(tuple).ok_or(Error::MAPPER_NOT_TUPLE)?;
        let mut mapper = Mapper { elements: Vec::with_capacity(parts.len()), is_range: false };
        for (index, part) in parts.iter().enumerate() {
            let is_string = matches!(part.first(), Some(&(BYTES | STRING)));
            if is_string && string(part) == b"{...}" {
                if index + 1 != parts.len() {
                    return Err(Error::MAPPER_BAD_RANGE_DECRIPTOR);
                }
                mapper.is_range = true;
            } else {
                mapper.elements.push(Element::parse(part));
            }
        }
        Ok(mapper)
    }

    /// The key, or the prefix of the keys, to look up for a row: 2030 for an index that is none, 2041 and 2042 for a key or
    /// a value that is no tuple where one of its elements is asked for.
    pub fn map(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        let (mut of_key, mut of_value) = (None, None);
        let mut mapped = Vec::new();
        for element in &self.elements {
            match element {
                Element::Literal(encoded) => mapped.extend_from_slice(encoded),
                Element::Field { index, of_key: is_of_key } => {
                    let index = index.ok_or(Error::MAPPER_BAD_INDEX)?;
                    let fields = if *is_of_key {
                        fields(&mut of_key, key, Error::KEY_NOT_TUPLE)?
                    } else {
                        fields(&mut of_value, value, Error::VALUE_NOT_TUPLE)?
                    };
                    let field = usize::try_from(index).ok().and_then(|index| fields.get(index));
                    mapped.extend_from_slice(field.ok_or(Error::MAPPER_BAD_INDEX)?);
                }
            }
        }
        Ok(mapped)
    }
}

/// The elements of a row's key or value, taken apart when the first of them is asked for.
fn fields<'a, 'b>(
    cache: &'b mut Option<Vec<&'a [u8]>>,
    tuple: &'a [u8],
    error: Error,
) -> Result<&'b [&'a [u8]]> {
    if cache.is_none() {
        *cache = Some(elements(tuple).ok_or(error)?);
    }
    Ok(cache.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(elements: &[&str]) -> Vec<u8> {
        elements.iter().flat_map(|element| encode(element.as_bytes())).collect()
    }

    fn mapped(mapper: &[u8]) -> Result<Vec<u8>> {
        let key = tuple(&["key-0", "key-1", "key-2"]);
        let value = tuple(&["value-0", "value-1", "value-2"]);
        Mapper::parse(mapper)?.map(&key, &value)
    }

    #[test]
    fn fields_are_taken_from_the_key_and_the_value() {
        let mapper = tuple(&["normal", "{{escaped}}", "{K[2]}", "{V[0]}", "{...}"]);
        assert_eq!(mapped(&mapper), Ok(tuple(&["normal", "{escaped}", "key-2", "value-0"])));
        assert!(Mapper::parse(&mapper).unwrap().is_range);
        assert!(!Mapper::parse(&tuple(&["{K[0]}"])).unwrap().is_range);
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(mapped(&tuple(&["{{{{}}", "}}"])), Ok(tuple(&["{{}", "}"])));
        assert_eq!(mapped(&tuple(&["{{K[0]}}"])), Ok(tuple(&["{K[0]}"])));
        assert_eq!(mapped(&tuple(&["{{...}}"])), Ok(tuple(&["{...}"])));
        assert_eq!(
            mapped(&tuple(&["{", "}", "{}", "{K[]}", "{X[0]}"])),
            Ok(tuple(&["{", "}", "{}", "{K[]}", "{X[0]}"]))
        );
    }

    #[test]
    fn an_index_is_what_the_brackets_begin_with() {
        for (index, field) in [("0", "key-0"), (" 1", "key-1"), ("+2", "key-2"), ("1st", "key-1")] {
            assert_eq!(
                mapped(&tuple(&[&format!("{{K[{index}]}}")])),
                Ok(tuple(&[field])),
                "{index}"
            );
        }
        for index in ["3", "100", "-1", "not-a-number", " ", "99999999999999999999", "2147483648"] {
            let outcome = mapped(&tuple(&[&format!("{{V[{index}]}}")]));
            assert_eq!(outcome, Err(Error::MAPPER_BAD_INDEX), "{index}");
        }
    }

    #[test]
    fn the_range_descriptor_is_last_or_an_error() {
        let mapper = tuple(&["{...}", "last-element"]);
        assert_eq!(mapped(&mapper), Err(Error::MAPPER_BAD_RANGE_DECRIPTOR));
    }

    #[test]
    fn elements_of_every_type_are_copied_as_they_are() {
        let key = b"\x00\x14\x15\x07\x13\xf8\x1c\x01\x02\x03\x04\x05\x06\x07\x08\x20abcd\x21abcdefgh\x26\x27\x330123456789ab\x02\xc3\xa9\x00\xffx\x00";
        let parts = elements(key).unwrap();
        assert_eq!(parts.concat(), key);
        assert_eq!(parts.len(), 11);
        for (index, part) in parts.iter().enumerate() {
            let mapper = Mapper::parse(&tuple(&[&format!("{{K[{index}]}}")])).unwrap();
            assert_eq!(mapper.map(key, b"").unwrap(), *part, "{index}");
        }
    }

    #[test]
    fn what_is_no_tuple_is_told_by_whose_it_is() {
        let mapper = Mapper::parse(&tuple(&["{K[0]}"])).unwrap();
        for not in [&b"\x05\x01a\x00\x00"[..], b"\x1d\x09", b"\xff", b"k"] {
            assert_eq!(Mapper::parse(not), Err(Error::MAPPER_NOT_TUPLE));
            assert_eq!(mapper.map(not, b""), Err(Error::KEY_NOT_TUPLE));
        }
        let mapper = Mapper::parse(&tuple(&["{V[0]}"])).unwrap();
        assert_eq!(mapper.map(b"", b"v"), Err(Error::VALUE_NOT_TUPLE));
        // What is not asked for may be anything.
        assert_eq!(Mapper::parse(&tuple(&["a"])).unwrap().map(b"k", b"v"), Ok(tuple(&["a"])));
    }

    #[test]
    fn a_last_element_that_is_cut_off_is_taken_as_it_is() {
        for cut in [&b"\x01abc"[..], b"\x16\x01", b"\x21\x00", b"\x33\x00", b"\x01a\x00\xff"] {
            let mapper = Mapper::parse(&tuple(&["{K[0]}"])).unwrap();
            assert_eq!(mapper.map(cut, b"").unwrap(), cut);
        }
    }
}
