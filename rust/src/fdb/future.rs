//! An FDBFuture and its results.

use std::ptr::NonNull;

use found_fdb_sys::{FDBFuture, FDBKey};

use super::{
    error::Code,
    library::Library,
    network,
    rows::{MappedRows, Rows, bytes},
};

/// A future without a callback, owned. Destroying one that is not ready cancels it.
pub struct Future {
    library: &'static Library,
    pointer: NonNull<FDBFuture>,
}

// SAFETY: the C API may be called from any thread, and a Future is used by one at a time.
unsafe impl Send for Future {}

impl Future {
    /// Takes over what a function of `library` returned.
    pub(super) fn new(library: &'static Library, pointer: *mut FDBFuture) -> Result<Future, Code> {
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Future { library, pointer }),
            None => Err(Code(4100)),
        }
    }

    pub(super) fn parts(&self) -> (&'static Library, NonNull<FDBFuture>) {
        (self.library, self.pointer)
    }

    pub fn library(&self) -> &'static Library {
        self.library
    }

    pub fn is_ready(&self) -> bool {
        // SAFETY: the future is alive while `self` is.
        unsafe { (self.library.table.fdb_future_is_ready)(self.pointer.as_ptr()) != 0 }
    }

    /// Asks for the end of what the future waits for; it becomes ready with 1101 some time later.
    pub fn cancel(&self) {
        if !network::forked() {
            // SAFETY: the future is alive while `self` is; cancelling only posts to the network thread.
            unsafe { (self.library.table.fdb_future_cancel)(self.pointer.as_ptr()) }
        }
    }

    /// Whether a ready future holds a result or an error.
    pub fn check(&self) -> Result<(), Code> {
        // SAFETY: the future is alive while `self` is.
        Code::check(unsafe { (self.library.table.fdb_future_get_error)(self.pointer.as_ptr()) })
    }

    pub fn int64(&self) -> Result<i64, Code> {
        let mut out = 0;
        // SAFETY: the future is alive, `out` is writable.
        let code =
            unsafe { (self.library.table.fdb_future_get_int64)(self.pointer.as_ptr(), &mut out) };
        Code::check(code).map(|()| out)
    }

    pub fn uint64(&self) -> Result<u64, Code> {
        let mut out = 0;
        // SAFETY: the future is alive, `out` is writable.
        let code =
            unsafe { (self.library.table.fdb_future_get_uint64)(self.pointer.as_ptr(), &mut out) };
        Code::check(code).map(|()| out)
    }

    pub fn double(&self) -> Result<f64, Code> {
        // A library without doubles has no function that returns one: unsupported_operation.
        let function = self.library.table.fdb_future_get_double.ok_or(Code(2108))?;
        let mut out = 0.0;
        // SAFETY: the future is alive, `out` is writable.
        let code = unsafe { function(self.pointer.as_ptr(), &mut out) };
        Code::check(code).map(|()| out)
    }

    pub fn key(&self) -> Result<&[u8], Code> {
        let mut pointer = std::ptr::null();
        let mut length = 0;
        // SAFETY: the future is alive, both outputs are writable.
        let code = unsafe {
            (self.library.table.fdb_future_get_key)(
                self.pointer.as_ptr(),
                &mut pointer,
                &mut length,
            )
        };
        Code::check(code)?;
        // SAFETY: the bytes live as long as the future, which the result borrows.
        Ok(unsafe { bytes(pointer, length) })
    }

    pub fn value(&self) -> Result<Option<&[u8]>, Code> {
        let mut present = 0;
        let mut pointer = std::ptr::null();
        let mut length = 0;
        // SAFETY: the future is alive, the outputs are writable.
        let code = unsafe {
            (self.library.table.fdb_future_get_value)(
                self.pointer.as_ptr(),
                &mut present,
                &mut pointer,
                &mut length,
            )
        };
        Code::check(code)?;
        // SAFETY: the bytes live as long as the future, which the result borrows.
        Ok((present != 0).then(|| unsafe { bytes(pointer, length) }))
    }

    pub fn rows(&self) -> Result<Rows<'_>, Code> {
        let mut first = std::ptr::null();
        let mut count = 0;
        let mut more = 0;
        // SAFETY: the future is alive, the outputs are writable.
        let code = unsafe {
            (self.library.table.fdb_future_get_keyvalue_array)(
                self.pointer.as_ptr(),
                &mut first,
                &mut count,
                &mut more,
            )
        };
        Code::check(code)?;
        // SAFETY: the array lives as long as the future, which the result borrows.
        Ok(unsafe { Rows::new(first, count, more != 0) })
    }

    /// The rows of a mapped range read.
    pub fn mapped_rows(&self) -> Result<MappedRows<'_>, Code> {
        let mut first = std::ptr::null();
        let mut count = 0;
        let mut more = 0;
        // SAFETY: the future is alive, the outputs are writable.
        let code = unsafe {
            (self.library.table.fdb_future_get_mappedkeyvalue_array)(
                self.pointer.as_ptr(),
                &mut first,
                &mut count,
                &mut more,
            )
        };
        Code::check(code)?;
        // SAFETY: the array lives as long as the future, which the result borrows.
        Ok(unsafe { MappedRows::new(first, count, more != 0) })
    }

    pub fn keys(&self) -> Result<Vec<&[u8]>, Code> {
        let mut first: *const FDBKey = std::ptr::null();
        let mut count = 0;
        // SAFETY: the future is alive, the outputs are writable.
        let code = unsafe {
            (self.library.table.fdb_future_get_key_array)(
                self.pointer.as_ptr(),
                &mut first,
                &mut count,
            )
        };
        Code::check(code)?;
        let keys = (0..usize::try_from(count).unwrap_or(0)).map(|index| {
            // SAFETY: the array has `count` packed elements that live as long as the future.
            let key = unsafe { first.add(index).read_unaligned() };
            // SAFETY: as above, for the bytes that the element points to.
            unsafe { bytes(key.key, key.key_length) }
        });
        Ok(keys.collect())
    }

    pub fn strings(&self) -> Result<Vec<String>, Code> {
        let mut first = std::ptr::null_mut();
        let mut count = 0;
        // SAFETY: the future is alive, the outputs are writable.
        let code = unsafe {
            (self.library.table.fdb_future_get_string_array)(
                self.pointer.as_ptr(),
                &mut first,
                &mut count,
            )
        };
        Code::check(code)?;
        let strings = (0..usize::try_from(count).unwrap_or(0)).map(|index| {
            // SAFETY: the array has `count` NUL-terminated strings that live as long as the future.
            let text = unsafe { std::ffi::CStr::from_ptr(*first.add(index)) };
            text.to_string_lossy().into_owned()
        });
        Ok(strings.collect())
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        // In a forked child the network thread that owns the other half is not there: nothing is called.
        if !network::forked() {
            // SAFETY: the future is ours and was not destroyed before.
            unsafe { (self.library.table.fdb_future_destroy)(self.pointer.as_ptr()) }
        }
    }
}
