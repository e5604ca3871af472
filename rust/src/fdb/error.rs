//! A FoundationDB error code on its way from a C function to an exception.

use found_fdb_sys::fdb_error_t;

/// A FoundationDB error code other than 0 (success).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code(pub fdb_error_t);

impl Code {
    pub const OPERATION_CANCELLED: Code = Code(1101);
    pub const INVALID_OPTION_VALUE: Code = Code(2006);

    /// What the C function returned, as a result.
    pub fn check(code: fdb_error_t) -> Result<(), Code> {
        if code == 0 { Ok(()) } else { Err(Code(code)) }
    }
}
