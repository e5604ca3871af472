//! The bytes FoundationDB writes: `design/tuple.md`, and what `fdb.tuple` of 7.3 gives beyond it.

#![allow(clippy::unwrap_used)]

use found_tuple::{
    DecodeError, Double, Element, EncodeError, Encoder, INCOMPLETE, Integer, MAX_DEPTH, Problem,
    Single, pack, pack_with_versionstamp, unpack,
};

fn int(value: i128) -> Element {
    Element::Int(Integer::from(value))
}

fn text(value: &str) -> Element {
    Element::Str(value.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

fn vectors() -> Vec<(Element, &'static str)> {
    use Element::{Bool, Bytes, Nested, None, Uuid, Versionstamp};
    let uuid = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes();
    let double = |value| Element::Double(Double(value));
    let single = |value| Element::Single(Single(value));
    vec![
        (None, "00"),
        (Bytes(b"foo\0bar".to_vec()), "01666f6f00ff62617200"),
        (Bytes(Vec::new()), "0100"),
        (Bytes(vec![0, 0]), "0100ff00ff00"),
        (text("F\u{d4}O\0bar"), "0246c3944f00ff62617200"),
        (text(""), "0200"),
        (Nested(vec![text("foo\0bar"), None, Nested(vec![])]), "0502666f6f00ff6261720000ff050000"),
        (Nested(vec![None, None, Nested(vec![None])]), "0500ff00ff0500ff0000"),
        (int(0), "14"),
        (int(1), "1501"),
        (int(-1), "13fe"),
        (int(255), "15ff"),
        (int(256), "160100"),
        (int(-255), "1300"),
        (int(-256), "12feff"),
        (int(65535), "16ffff"),
        (int(65536), "17010000"),
        (int(-5551212), "11ab4b93"),
        (int(i64::MAX.into()), "1c7fffffffffffffff"),
        (int(1 << 63), "1c8000000000000000"),
        (int(i64::MIN.into()), "0c7fffffffffffffff"),
        (int(-(1 << 63) - 1), "0c7ffffffffffffffe"),
        (int((1 << 64) - 2), "1cfffffffffffffffe"),
        (int((1 << 64) - 1), "1d08ffffffffffffffff"),
        (int(1 << 64), "1d09010000000000000000"),
        (int(-(1 << 64) + 2), "0c0000000000000001"),
        (int(-(1 << 64) + 1), "0bf70000000000000000"),
        (int(-(1 << 64)), "0bf6feffffffffffffffff"),
        (single(-42.0), "203dd7ffff"),
        (single(0.0), "2080000000"),
        (single(-0.0), "207fffffff"),
        (single(f32::INFINITY), "20ff800000"),
        (single(f32::from_bits(0x7fa0_0001)), "20ffa00001"),
        (double(-42.0), "213fbaffffffffffff"),
        (double(-1.5e300), "2101be14d299ffa7ca"),
        (double(0.0), "218000000000000000"),
        (double(-0.0), "217fffffffffffffff"),
        (double(f64::from_bits(0x7ff8_0000_0000_0000)), "21fff8000000000000"),
        (double(f64::from_bits(0xfff0_0000_0000_0001)), "21000ffffffffffffe"),
        (double(f64::NEG_INFINITY), "21000fffffffffffff"),
        (Bool(false), "26"),
        (Bool(true), "27"),
        (Uuid(uuid), "3000112233445566778899aabbccddeeff"),
        (Versionstamp(*b"0123456789", 258), "33303132333435363738390102"),
    ]
}

#[test]
fn every_vector_packs_and_unpacks() {
    for (element, packed) in vectors() {
        let elements = [element];
        assert_eq!(hex(&pack(&elements).unwrap()), packed, "{elements:?}");
        assert_eq!(unpack(&unhex(packed)).unwrap(), elements, "{packed}");
    }
}

#[test]
fn all_vectors_in_one_tuple_and_one_level_down() {
    let all: Vec<Element> = vectors().into_iter().map(|(element, _)| element).collect();
    let flat: String = vectors().into_iter().map(|(_, packed)| packed).collect();
    assert_eq!(hex(&pack(&all).unwrap()), flat);
    assert_eq!(unpack(&unhex(&flat)).unwrap(), all);
    let nested = [Element::Nested(all)];
    assert_eq!(unpack(&pack(&nested).unwrap()).unwrap(), nested);
}

#[test]
fn packed_order_is_element_order() {
    let all: Vec<Element> = vectors().into_iter().map(|(element, _)| element).collect();
    for a in &all {
        for b in &all {
            let (a, b) = ([a.clone()], [b.clone(), Element::None]);
            assert_eq!(pack(&a).unwrap().cmp(&pack(&b).unwrap()), a[..].cmp(&b[..]), "{a:?} {b:?}");
        }
    }
}

#[test]
fn integers_to_255_bytes_and_no_further() {
    for negative in [false, true] {
        for size in [8, 9, 254, 255] {
            let elements = [Element::Int(Integer::new(negative, &vec![0xff; size]))];
            let packed = pack(&elements).unwrap();
            assert_eq!(packed.len(), 2 + size);
            assert_eq!(unpack(&packed).unwrap(), elements);
        }
        let error = pack(&[Element::Int(Integer::new(negative, &[1; 256]))]).unwrap_err();
        assert_eq!(error, EncodeError::IntegerTooLong(256));
    }
}

#[test]
fn leading_zeros_do_not_count_against_the_255_bytes() {
    let mut encoder = Encoder::new(Vec::new());
    let mut magnitude = vec![0; 300];
    magnitude.push(7);
    encoder.integer(true, &magnitude).unwrap();
    assert_eq!(hex(&encoder.finish().unwrap()), "13f8");
}

#[test]
fn integers_not_in_their_shortest_form_are_read() {
    for (packed, value) in [
        ("160001", 1),
        ("1c0000000000000000", 0),
        ("1cffffffffffffffff", (1 << 64) - 1),
        ("0c0000000000000000", -(1 << 64) + 1),
        ("0cffffffffffffffff", 0),
        ("13ff", 0),
        ("12ffff", 0),
        ("12fffe", -1),
        ("1d00", 0),
        ("0bff", 0),
        ("1d0105", 5),
        ("0bfefa", -5),
        ("0bf6fffffffffffffffffe", -1),
    ] {
        assert_eq!(unpack(&unhex(packed)).unwrap(), [int(value)], "{packed}");
    }
}

#[test]
fn a_cut_inside_an_element_names_its_offset() {
    for (element, packed) in vectors() {
        let packed = unhex(packed);
        for cut in 1..packed.len() {
            if packed[cut - 1] == 0 && packed[cut] == 0xff && unpack(&packed[..cut]).is_ok() {
                // A NUL cut off from its escape is a terminator: these bytes are a tuple.
                continue;
            }
            let mut input = vec![0x15, 0x01];
            input.extend_from_slice(&packed[..cut]);
            match unpack(&input) {
                Err(DecodeError { offset, problem: Problem::Truncated(_) }) => {
                    assert!(offset >= 2 && offset < input.len(), "{element:?} cut at {cut}");
                }
                Err(DecodeError { offset, problem: Problem::Unterminated }) => {
                    assert_eq!(offset, input.len(), "{element:?} cut at {cut}");
                }
                other => panic!("{element:?} cut at {cut}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_code_that_begins_no_element_is_named() {
    let known = [0x00, 0x01, 0x02, 0x05, 0x20, 0x21, 0x26, 0x27, 0x30, 0x33];
    for code in 0..=0xff_u8 {
        let mut input = vec![0x14, code];
        input.extend_from_slice(&[0; 300]);
        let error = Err(DecodeError { offset: 1, problem: Problem::UnknownCode(code) });
        if known.contains(&code) || (0x0b..=0x1d).contains(&code) {
            assert_ne!(unpack(&input), error);
        } else {
            assert_eq!(unpack(&input), error);
        }
    }
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    for packed in ["02ff00", "02eda08000", "02c000ff00"] {
        let error = unpack(&unhex(packed)).unwrap_err();
        assert_eq!(error, DecodeError { offset: 0, problem: Problem::Utf8 }, "{packed}");
    }
}

#[test]
fn nesting_goes_to_the_bound_and_no_further() {
    let mut deepest = vec![0x05; MAX_DEPTH];
    deepest.resize(2 * MAX_DEPTH, 0);
    let elements = unpack(&deepest).unwrap();
    assert_eq!(pack(&elements).unwrap(), deepest);
    assert_eq!(pack(&[Element::Nested(elements)]), Err(EncodeError::TooDeep));

    let too_deep = vec![0x05; 1 << 20];
    let error = DecodeError { offset: MAX_DEPTH, problem: Problem::TooDeep };
    assert_eq!(unpack(&too_deep), Err(error));
}

#[test]
fn a_versionstamp_is_found_wherever_it_nests() {
    let stamp = Element::Versionstamp(INCOMPLETE, 7);
    let elements = [text("a"), Element::Nested(vec![stamp.clone()])];
    let packed = pack_with_versionstamp(&elements).unwrap();
    assert_eq!(hex(&packed), "0261000533ffffffffffffffffffff00070005000000");
    assert_eq!(unpack(&packed[..packed.len() - 4]).unwrap(), elements);

    assert_eq!(pack(&elements), Err(EncodeError::IncompleteVersionstamp));
    let two = [stamp.clone(), stamp];
    assert_eq!(pack_with_versionstamp(&two), Err(EncodeError::ManyIncompleteVersionstamps(2)));
    assert_eq!(pack(&two), Err(EncodeError::ManyIncompleteVersionstamps(2)));
    assert_eq!(pack_with_versionstamp(&[int(1)]), Err(EncodeError::NoIncompleteVersionstamp));
}

#[test]
fn the_versionstamp_offset_counts_the_prefix() {
    let mut encoder = Encoder::new(b"prefix".to_vec());
    encoder.versionstamp(None, 1);
    let packed = encoder.finish_with_versionstamp().unwrap();
    assert_eq!(hex(&packed), "70726566697833ffffffffffffffffffff000107000000");
}

#[test]
fn errors_say_where() {
    let message = |packed| unpack(&unhex(packed)).unwrap_err().to_string();
    assert_eq!(message("1440"), "unknown type code 0x40 at offset 1");
    assert_eq!(message("140161"), "the input ends inside the bytes at offset 1");
    assert_eq!(message("140514"), "the input ends inside a nested tuple, at offset 3");
    assert_eq!(message("1402ff00"), "the str at offset 1 is not UTF-8");
}
