//! The API version, the network, and error codes.

use std::ffi::CStr;

use super::handle::{code, option_value};
use super::types::*;
use crate::error::Error;
use crate::limits::MAX_API_VERSION;
use crate::{network, options};

/// Version, source, protocol.
const CLIENT_VERSION: &CStr = match CStr::from_bytes_with_nul(
    concat!("7.4.0,found-", env!("CARGO_PKG_VERSION"), ",fdb00b074000000\0").as_bytes(),
) {
    Ok(version) => version,
    Err(_) => c"7.4.0",
};

pub unsafe extern "C" fn fdb_get_error(code: fdb_error_t) -> *const c_char {
    Error::from_code(code).text().as_ptr()
}

pub unsafe extern "C" fn fdb_error_predicate(
    predicate_test: c_int,
    code: fdb_error_t,
) -> fdb_bool_t {
    const RETRYABLE: c_int = 50_000;
    const MAYBE_COMMITTED: c_int = 50_001;
    const RETRYABLE_NOT_COMMITTED: c_int = 50_002;
    let error = Error(code);
    fdb_bool_t::from(match predicate_test {
        RETRYABLE => error.is_retryable(),
        MAYBE_COMMITTED => error.is_maybe_committed(),
        RETRYABLE_NOT_COMMITTED => error.is_retryable_not_committed(),
        _ => false,
    })
}

pub unsafe extern "C" fn fdb_select_api_version_impl(
    runtime_version: c_int,
    header_version: c_int,
) -> fdb_error_t {
    code(|| network::select_api_version(runtime_version, header_version))
}

pub unsafe extern "C" fn fdb_get_max_api_version() -> c_int {
    MAX_API_VERSION
}

pub unsafe extern "C" fn fdb_get_client_version() -> *const c_char {
    CLIENT_VERSION.as_ptr()
}

pub unsafe extern "C" fn fdb_network_set_option(
    option: FDBNetworkOption,
    value: *const u8,
    value_length: c_int,
) -> fdb_error_t {
    code(|| {
        network::api_version()?;
        // SAFETY: the caller gives the length of the value.
        options::check_network_option(option, unsafe { option_value(value, value_length) }?)
    })
}

pub unsafe extern "C" fn fdb_setup_network() -> fdb_error_t {
    code(network::set_up)
}

pub unsafe extern "C" fn fdb_run_network() -> fdb_error_t {
    code(network::run)
}

pub unsafe extern "C" fn fdb_stop_network() -> fdb_error_t {
    code(network::stop)
}

/// A function of C's and its argument, to be called on the network thread.
struct Hook(unsafe extern "C" fn(*mut c_void), *mut c_void);

// SAFETY: whoever adds a hook gives it with its argument to the network thread.
unsafe impl Send for Hook {}

impl Hook {
    fn call(self) {
        // SAFETY: the function came with this argument for it.
        unsafe { (self.0)(self.1) }
    }
}

pub unsafe extern "C" fn fdb_add_network_thread_completion_hook(
    hook: Option<unsafe extern "C" fn(*mut c_void)>,
    hook_parameter: *mut c_void,
) -> fdb_error_t {
    code(|| {
        let hook = Hook(hook.ok_or(Error::CLIENT_INVALID_OPERATION)?, hook_parameter);
        network::add_completion_hook(move || hook.call())
    })
}
