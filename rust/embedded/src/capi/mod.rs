//! FoundationDB's C API (`fdb_c.h`, versions 630 to 740) over the engine.
//!
//! The functions carry their C names but are not exported as such: `libfdb_c` does that, a driver in the same
//! process takes their addresses. The header says what each expects of its caller; where it allows a code, null
//! pointers and negative lengths are answered with 2000 and a panic with 4100, so nothing unwinds into C.

#![allow(unsafe_code)]
// The contract of every function here is its description in fdb_c.h, as is the number of its arguments.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

pub mod arrays;
mod database;
mod future;
mod granules;
mod handle;
mod network;
mod table;
mod tenant;
mod transaction;
mod turns;

pub use self::{
    database::*, future::*, granules::*, network::*, tenant::*, transaction::*, turns::*,
};

/// What the signatures are written with.
pub mod types {
    pub use found_fdb_sys::{
        FDBBGEncryptionCtx, FDBBGFileDescription, FDBBGMutation, FDBBGTenantPrefix, FDBCallback,
        FDBConflictRangeType, FDBDatabase, FDBDatabaseOption, FDBFuture, FDBGranuleSummary, FDBKey,
        FDBKeyRange, FDBKeyValue, FDBMappedKeyValue, FDBMutationType, FDBNetworkOption,
        FDBReadBlobGranuleContext, FDBResult, FDBStreamingMode, FDBTenant, FDBTransaction,
        FDBTransactionOption, fdb_bool_t, fdb_error_t,
    };
    pub use std::ffi::{c_char, c_int, c_void};
}

/// Each function has the signature the header gives it, else this does not compile.
mod signatures {
    use super::types::*;

    macro_rules! check {
        ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $ret:ty;)*) => {
            $(
                const _: [unsafe extern "C" fn($($type),*) -> $ret; 2] =
                    [super::$name, found_fdb_sys::$name];
            )*
        };
    }
    crate::fdb_functions!(check);
}
