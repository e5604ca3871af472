//! Futures.

use std::sync::Arc;

use super::handle::{code, future_of, quiet, write};
use super::types::*;
use crate::error::{Error, Result};
use crate::future::{Answer, Future, Registered};

pub unsafe extern "C" fn fdb_future_cancel(f: *mut FDBFuture) {
    // SAFETY: the caller's future, not destroyed.
    let Ok(future) = (unsafe { future_of(f) }) else { return };
    quiet(|| future.cancel());
}

pub unsafe extern "C" fn fdb_future_release_memory(f: *mut FDBFuture) {
    // SAFETY: the caller's future, not destroyed.
    let Ok(future) = (unsafe { future_of(f) }) else { return };
    quiet(|| future.release_memory());
}

pub unsafe extern "C" fn fdb_future_destroy(f: *mut FDBFuture) {
    if f.is_null() {
        return;
    }
    // SAFETY: futures are given out as Arc::into_raw, and the caller destroys each once.
    let future = unsafe { Arc::from_raw(f.cast_const().cast::<Future>()) };
    quiet(move || {
        future.cancel();
        drop(future);
    });
}

pub unsafe extern "C" fn fdb_future_block_until_ready(f: *mut FDBFuture) -> fdb_error_t {
    // SAFETY: the caller's future, not destroyed.
    code(|| unsafe { future_of(f) }?.block_until_ready())
}

pub unsafe extern "C" fn fdb_future_is_ready(f: *mut FDBFuture) -> fdb_bool_t {
    // SAFETY: the caller's future, not destroyed.
    unsafe { future_of(f) }.map_or(0, |future| fdb_bool_t::from(future.look()))
}

/// A callback of C's with its arguments, to be called on the network thread.
#[derive(Clone, Copy)]
pub struct Callback {
    function: unsafe extern "C" fn(*mut FDBFuture, *mut c_void),
    future: *mut FDBFuture,
    parameter: *mut c_void,
}

// SAFETY: whoever sets a callback gives it with its argument to the thread that answers the future.
unsafe impl Send for Callback {}

impl Callback {
    pub fn call(self) {
        // SAFETY: the function came with this argument for it. The future lives: whoever answers it holds it, so
        // the callback may destroy the caller's handle.
        unsafe { (self.function)(self.future, self.parameter) }
    }
}

pub unsafe extern "C" fn fdb_future_set_callback(
    f: *mut FDBFuture,
    callback: FDBCallback,
    callback_parameter: *mut c_void,
) -> fdb_error_t {
    code(|| {
        let function = callback.ok_or(Error::CLIENT_INVALID_OPERATION)?;
        let callback = Callback { function, future: f, parameter: callback_parameter };
        // SAFETY: the caller's future, not destroyed.
        let registered = unsafe { future_of(f) }?.on_ready(callback);
        // Inline, with nothing of the future in hand: the callback may destroy it.
        if registered == Registered::Ready {
            callback.call();
        }
        Ok(())
    })
}

pub unsafe extern "C" fn fdb_future_get_error(f: *mut FDBFuture) -> fdb_error_t {
    // SAFETY: the caller's future, not destroyed.
    code(|| unsafe { future_of(f) }?.error())
}

/// Reads the answer of a future; `read` gives 2000 where it is of another type.
///
/// # Safety
/// `f` is null or a future that has not been destroyed.
unsafe fn read(f: *mut FDBFuture, read: impl FnOnce(&Answer) -> Result<()>) -> fdb_error_t {
    // SAFETY: the same contract.
    code(|| read(unsafe { future_of(f) }?.answer()?.read()))
}

const OTHER_TYPE: Result<()> = Err(Error::CLIENT_INVALID_OPERATION);

fn length(length: usize) -> c_int {
    c_int::try_from(length).unwrap_or(c_int::MAX)
}

pub unsafe extern "C" fn fdb_future_get_bool(
    f: *mut FDBFuture,
    out: *mut fdb_bool_t,
) -> fdb_error_t {
    let _ = out;
    // SAFETY: the caller's future. Nothing here answers with a bool.
    unsafe { read(f, |_| OTHER_TYPE) }
}

pub unsafe extern "C" fn fdb_future_get_int64(f: *mut FDBFuture, out: *mut i64) -> fdb_error_t {
    // SAFETY: the caller's future and place for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Int64(number) => write(out, *number),
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_uint64(f: *mut FDBFuture, out: *mut u64) -> fdb_error_t {
    // SAFETY: the caller's future and place for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Uint64(number) => write(out, *number),
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_double(f: *mut FDBFuture, out: *mut f64) -> fdb_error_t {
    // SAFETY: the caller's future and place for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Double(number) => write(out, *number),
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_key(
    f: *mut FDBFuture,
    out_key: *mut *const u8,
    out_key_length: *mut c_int,
) -> fdb_error_t {
    // SAFETY: the caller's future and places for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Key(key) => {
                write(out_key, key.as_ptr())?;
                write(out_key_length, length(key.len()))
            }
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_value(
    f: *mut FDBFuture,
    out_present: *mut fdb_bool_t,
    out_value: *mut *const u8,
    out_value_length: *mut c_int,
) -> fdb_error_t {
    // SAFETY: the caller's future and places for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Value(None) => write(out_present, 0),
            Answer::Value(Some(value)) => {
                write(out_present, 1)?;
                write(out_value, value.as_ptr())?;
                write(out_value_length, length(value.len()))
            }
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_keyvalue_array(
    f: *mut FDBFuture,
    out_kv: *mut *const FDBKeyValue,
    out_count: *mut c_int,
    out_more: *mut fdb_bool_t,
) -> fdb_error_t {
    // SAFETY: the caller's future and places for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Rows(rows) => {
                write(out_kv, rows.table().as_ptr())?;
                write(out_count, length(rows.table().len()))?;
                write(out_more, fdb_bool_t::from(rows.more()))
            }
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_mappedkeyvalue_array(
    f: *mut FDBFuture,
    out_kv: *mut *const FDBMappedKeyValue,
    out_count: *mut c_int,
    out_more: *mut fdb_bool_t,
) -> fdb_error_t {
    // SAFETY: the caller's future and places for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Mapped(rows) => {
                write(out_kv, rows.table().as_ptr())?;
                write(out_count, length(rows.table().len()))?;
                write(out_more, fdb_bool_t::from(rows.more()))
            }
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_key_array(
    f: *mut FDBFuture,
    out_key_array: *mut *const FDBKey,
    out_count: *mut c_int,
) -> fdb_error_t {
    // SAFETY: the caller's future and places for the answer.
    unsafe {
        read(f, |answer| match answer {
            Answer::Keys(keys) => {
                write(out_key_array, keys.table().as_ptr())?;
                write(out_count, length(keys.table().len()))
            }
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_string_array(
    f: *mut FDBFuture,
    out_strings: *mut *mut *const c_char,
    out_count: *mut c_int,
) -> fdb_error_t {
    // SAFETY: the caller's future and places for the answer. The header forgot a const: the table is not to be changed.
    unsafe {
        read(f, |answer| match answer {
            Answer::Strings(strings) => {
                write(out_strings, strings.table().as_ptr().cast_mut())?;
                write(out_count, length(strings.table().len()))
            }
            _ => OTHER_TYPE,
        })
    }
}

pub unsafe extern "C" fn fdb_future_get_keyrange_array(
    f: *mut FDBFuture,
    out_ranges: *mut *const FDBKeyRange,
    out_count: *mut c_int,
) -> fdb_error_t {
    let _ = (out_ranges, out_count);
    // SAFETY: the caller's future. Only blob granules answer with key ranges, and those fail.
    unsafe { read(f, |_| OTHER_TYPE) }
}

pub unsafe extern "C" fn fdb_future_get_granule_summary_array(
    f: *mut FDBFuture,
    out_summaries: *mut *const FDBGranuleSummary,
    out_count: *mut c_int,
) -> fdb_error_t {
    let _ = (out_summaries, out_count);
    // SAFETY: the caller's future. Only blob granules answer with summaries, and those fail.
    unsafe { read(f, |_| OTHER_TYPE) }
}

pub unsafe extern "C" fn fdb_future_readbg_get_descriptions(
    f: *mut FDBFuture,
    out: *mut *mut FDBBGFileDescription,
    desc_count: *mut c_int,
) -> fdb_error_t {
    let _ = (out, desc_count);
    // SAFETY: the caller's future. Only blob granules answer with descriptions, and those fail.
    unsafe { read(f, |_| OTHER_TYPE) }
}
