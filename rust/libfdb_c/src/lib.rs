//! `libfdb_c` from the embedded engine: the C names, nothing else.

#![allow(unsafe_code)]

use found_embedded::capi::{self, types::*};

/// As in `found._found`: threads that free what others allocated need not wait for each other.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

macro_rules! export {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $ret:ty;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` of `fdb_c.h`, or of the engine's own.")]
            ///
            /// # Safety
            /// As the header says, or its description there.
            #[unsafe(no_mangle)]
            #[allow(clippy::too_many_arguments)]
            pub unsafe extern "C" fn $name($($argument: $type),*) -> $ret {
                // SAFETY: the arguments are handed on as they came; the caller keeps the header's contract.
                unsafe { capi::$name($($argument),*) }
            }
        )*
    };
}

found_embedded::fdb_functions!(export);
found_embedded::found_functions!(export);
