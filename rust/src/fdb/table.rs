//! The table of `fdb_c.h` functions that one library answers with, and of those that the engine has beside them.

use std::ffi::{c_char, c_int, c_void};

use found_fdb_sys::{
    FDBBGEncryptionCtx, FDBBGFileDescription, FDBBGMutation, FDBBGTenantPrefix, FDBCallback,
    FDBConflictRangeType, FDBDatabase, FDBDatabaseOption, FDBFuture, FDBGranuleSummary, FDBKey,
    FDBKeyRange, FDBKeyValue, FDBMappedKeyValue, FDBMutationType, FDBNetworkOption,
    FDBReadBlobGranuleContext, FDBResult, FDBStreamingMode, FDBTenant, FDBTransaction,
    FDBTransactionOption, fdb_bool_t, fdb_error_t,
};

/// Each function's type, under the function's name. The engine holds the list against the header.
#[allow(non_camel_case_types, dead_code)]
mod signature {
    use super::*;

    macro_rules! alias {
        ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $ret:ty;)*) => {
            $(pub type $name = unsafe extern "C" fn($($type),*) -> $ret;)*
        };
    }
    found_embedded::fdb_functions!(alias);
    found_embedded::found_functions!(alias);
}

macro_rules! table {
    (every client: $($name:ident),*; some clients: $($some:ident),*;) => {
        /// The functions the driver calls: those that every client from 7.1 on has, and those that some lack.
        pub struct Table {
            $(pub $name: signature::$name,)*
            $(pub $some: Option<signature::$some>,)*
        }

        impl Table {
            /// The engine linked into this module.
            pub const LINKED: Table = Table {
                $($name: found_embedded::capi::$name,)*
                $($some: Some(found_embedded::capi::$some),)*
            };

            /// Looks every function up in `library`; the error names the first that no client may lack.
            pub fn load(library: &libloading::Library) -> Result<Table, libloading::Error> {
                $(
                    // SAFETY: the symbol is a function of fdb_c.h, whose signature `signature` states and the
                    // engine checks against the header. The pointer outlives `library` because a loaded
                    // library is never closed (see `Library`).
                    let $name = *unsafe {
                        library.get::<signature::$name>(concat!(stringify!($name), "\0").as_bytes())
                    }?;
                )*
                $(
                    // SAFETY: as above; what is of no header is described by the engine, whose name it bears.
                    let $some = unsafe {
                        library.get::<signature::$some>(concat!(stringify!($some), "\0").as_bytes())
                    };
                    let $some = $some.ok().map(|function| *function);
                )*
                Ok(Table { $($name,)* $($some,)* })
            }
        }
    };
}

impl Table {
    /// From 8.0 on tenants are gone, and the functions left in their place abort the process: they are not here.
    pub fn without_tenants(self) -> Table {
        Table {
            fdb_database_open_tenant: None,
            fdb_tenant_create_transaction: None,
            fdb_tenant_destroy: None,
            ..self
        }
    }
}

table! {
    every client:
    fdb_create_database,
    fdb_database_create_transaction,
    fdb_database_destroy,
    fdb_database_get_main_thread_busyness,
    fdb_database_get_server_protocol,
    fdb_database_set_option,
    fdb_error_predicate,
    fdb_future_cancel,
    fdb_future_destroy,
    fdb_future_get_error,
    fdb_future_get_int64,
    fdb_future_get_key,
    fdb_future_get_key_array,
    fdb_future_get_keyvalue_array,
    fdb_future_get_mappedkeyvalue_array,
    fdb_future_get_string_array,
    fdb_future_get_uint64,
    fdb_future_get_value,
    fdb_future_is_ready,
    fdb_future_set_callback,
    fdb_get_client_version,
    fdb_get_error,
    fdb_get_max_api_version,
    fdb_network_set_option,
    fdb_run_network,
    fdb_select_api_version_impl,
    fdb_setup_network,
    fdb_stop_network,
    fdb_transaction_add_conflict_range,
    fdb_transaction_atomic_op,
    fdb_transaction_cancel,
    fdb_transaction_clear,
    fdb_transaction_clear_range,
    fdb_transaction_commit,
    fdb_transaction_destroy,
    fdb_transaction_get,
    fdb_transaction_get_addresses_for_key,
    fdb_transaction_get_approximate_size,
    fdb_transaction_get_committed_version,
    fdb_transaction_get_estimated_range_size_bytes,
    fdb_transaction_get_key,
    fdb_transaction_get_mapped_range,
    fdb_transaction_get_range,
    fdb_transaction_get_range_split_points,
    fdb_transaction_get_read_version,
    fdb_transaction_get_versionstamp,
    fdb_transaction_on_error,
    fdb_transaction_reset,
    fdb_transaction_set,
    fdb_transaction_set_option,
    fdb_transaction_set_read_version,
    fdb_transaction_watch;
    some clients:
    fdb_database_get_client_status,
    fdb_database_open_tenant,
    fdb_found_database_take_turns,
    fdb_found_turn,
    fdb_future_get_double,
    fdb_tenant_create_transaction,
    fdb_tenant_destroy,
    fdb_transaction_get_tag_throttled_duration,
    fdb_transaction_get_total_cost;
}
