//! Any two tuples: each comes back from its bytes as it was, their bytes sort as they do, and no
//! cut of the bytes is read as anything but what it is.

#![no_main]

use arbitrary::Arbitrary;
use found_tuple::{Double, Element, INCOMPLETE, Integer, Single, pack, unpack};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Plain {
    None,
    Bytes(Vec<u8>),
    Str(String),
    Nested(Vec<Plain>),
    Small(i128),
    Long(bool, Vec<u8>),
    Single(u32),
    Double(u64),
    Bool(bool),
    Uuid([u8; 16]),
    Versionstamp([u8; 10], u16),
}

impl From<Plain> for Element {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::None => Self::None,
            Plain::Bytes(value) => Self::Bytes(value),
            Plain::Str(value) => Self::Str(value),
            Plain::Nested(elements) => Self::Nested(elements.into_iter().map(Self::from).collect()),
            Plain::Small(value) => Self::Int(Integer::from(value)),
            Plain::Long(negative, mut magnitude) => {
                magnitude.truncate(255);
                Self::Int(Integer::new(negative, &magnitude))
            }
            Plain::Single(bits) => Self::Single(Single(f32::from_bits(bits))),
            Plain::Double(bits) => Self::Double(Double(f64::from_bits(bits))),
            Plain::Bool(value) => Self::Bool(value),
            Plain::Uuid(value) => Self::Uuid(value),
            // An incomplete one is the other target's.
            Plain::Versionstamp(INCOMPLETE, user) => Self::Versionstamp([0; 10], user),
            Plain::Versionstamp(database, user) => Self::Versionstamp(database, user),
        }
    }
}

fuzz_target!(|pair: (Vec<Plain>, Vec<Plain>)| {
    let a: Vec<Element> = pair.0.into_iter().map(Element::from).collect();
    let b: Vec<Element> = pair.1.into_iter().map(Element::from).collect();
    let packed_a = pack(&a).expect("a tuple within all limits");
    let packed_b = pack(&b).expect("a tuple within all limits");
    assert_eq!(unpack(&packed_a).as_ref(), Ok(&a));
    assert_eq!(unpack(&packed_b).as_ref(), Ok(&b));
    assert_eq!(packed_a.cmp(&packed_b), a.cmp(&b));
    for end in 0..packed_a.len().min(200) {
        match unpack(&packed_a[..end]) {
            Ok(elements) => assert_eq!(pack(&elements).as_deref(), Ok(&packed_a[..end])),
            Err(error) => assert!(error.offset <= end),
        }
    }
});
