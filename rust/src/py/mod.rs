//! The boundary to Python: classes, functions and awaitables.

mod answer;
mod arguments;
mod awaitable;
mod batch;
mod callbacks;
mod collect;
mod database;
mod embedded;
mod errors;
mod event_loop;
mod fairness;
mod keys;
mod operation;
mod packed;
mod page;
mod query;
mod raw;
mod remainder;
mod selector;
mod step;
mod stores;
mod tenant;
mod timing;
mod transaction;
mod tuple;
mod wake;

use pyo3::prelude::*;

/// Fills the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    tuple::register(module)?;
    stores::register(module)?;

    module.add_class::<database::Database>()?;
    module.add_class::<tenant::Tenant>()?;
    module.add_class::<transaction::Transaction>()?;
    module.add_class::<awaitable::Awaitable>()?;
    module.add_class::<operation::Operation>()?;
    module.add_class::<query::Query>()?;
    module.add_class::<query::QueryRows>()?;
    module.add_class::<packed::PackedRows>()?;
    module.add_class::<selector::KeySelector>()?;
    raw::install_await_slots::<awaitable::Awaitable, awaitable::Awaitable>(py)?;
    raw::install_await_slots::<operation::Operation, awaitable::Awaitable>(py)?;
    raw::install_await_slots::<query::QueryRows, query::QueryRows>(py)?;
    raw::install_iteration_slots::<query::QueryRows>(py)?;

    macro_rules! functions {
        ($($from:ident: $($name:ident),*;)*) => {
            $($(module.add_function(pyo3::wrap_pyfunction!($from::$name, module)?)?;)*)*
        };
    }
    functions! {
        database: _open, _close, _client_is_installed, database_set_option, network_set_option,
            get_client_version,
            get_client_status, get_server_protocol, get_main_thread_busyness, error_predicate, _error_text, _stop,
            _call_completion_hook, _in_child_after_fork;
        embedded: _check_file, _compact_file;
        event_loop: _completion_counts;
        keys: get, get_key, set, clear, get_addresses_for_key, estimated_size_bytes,
            get_range_split_points, add, bit_and, bit_or, bit_xor, max, byte_max, min, byte_min,
            set_versionstamped_key, set_versionstamped_value, append_if_fits, compare_and_clear;
        query: query, mapped_query;
        tenant: open_tenant;
        selector: lt, lte, gt, gte;
        timing: _time_ready_gets, _time_rows, _time_row_objects, _time_pack;
        transaction: make_transaction, commit, on_error, reset, cancel, get_committed_version,
            get_approximate_size, get_versionstamp, read_version, set_read_version, set_option,
            add_conflict_range, watch, get_total_cost, get_tag_throttled_duration;
    }
    Ok(())
}
