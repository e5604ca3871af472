#![allow(unused_variables)]
use super::types::*;

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_get_error(code: fdb_error_t) -> *const c_char {
    std::ptr::null()
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_error_predicate(
    predicate_test: c_int,
    code: fdb_error_t,
) -> fdb_bool_t {
    0
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_network_set_option(
    option: FDBNetworkOption,
    value: *const u8,
    value_length: c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_setup_network() -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_run_network() -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_stop_network() -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_add_network_thread_completion_hook(
    hook: Option<unsafe extern "C" fn(*mut c_void)>,
    hook_parameter: *mut c_void,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_select_api_version_impl(
    runtime_version: c_int,
    header_version: c_int,
) -> fdb_error_t {
    4100
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_get_max_api_version() -> c_int {
    740
}

#[allow(clippy::missing_safety_doc, clippy::too_many_arguments)]
pub unsafe extern "C" fn fdb_get_client_version() -> *const c_char {
    std::ptr::null()
}
