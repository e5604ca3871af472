//! Any bytes: no panic, an error that lies inside the input, and what is read can be written and
//! read again.

#![no_main]

use found_tuple::{EncodeError, pack, pack_with_versionstamp, unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let elements = match unpack(input) {
        Ok(elements) => elements,
        Err(error) => {
            assert!(error.offset <= input.len());
            return;
        }
    };
    let packed = match pack(&elements) {
        Ok(packed) => packed,
        Err(EncodeError::IncompleteVersionstamp) => {
            let mut packed = pack_with_versionstamp(&elements).expect("one is incomplete");
            let offset = packed.split_off(packed.len() - 4);
            let offset = u32::from_le_bytes(offset.try_into().expect("four bytes")) as usize;
            assert_eq!(packed[offset - 1], 0x33);
            assert_eq!(packed[offset..offset + 10], [0xff; 10]);
            packed
        }
        Err(EncodeError::ManyIncompleteVersionstamps(_)) => return,
        Err(error) => panic!("what was read cannot be written: {error}"),
    };
    assert_eq!(unpack(&packed).as_ref(), Ok(&elements));
});
