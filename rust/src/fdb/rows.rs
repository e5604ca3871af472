//! The rows of a range read, in the memory of the future that answered it.

use std::{ffi::c_int, marker::PhantomData};

use found_fdb_sys::{FDBKeyValue, FDBMappedKeyValue};

use super::{error::Code, future::Future};

/// The rows of a range, keys and values.
pub type Rows<'a> = Array<'a, FDBKeyValue>;

/// The rows of a mapped range.
pub type MappedRows<'a> = Array<'a, FDBMappedKeyValue>;

/// Those that stay after who asked for them.
pub type HeldRows = Held<FDBKeyValue>;
pub type HeldMappedRows = Held<FDBMappedKeyValue>;

/// A row of a mapped range: its key and value, and the rows that were looked up by it.
pub struct MappedRow<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    pub found: Rows<'a>,
}

/// An array that a future holds.
#[derive(Clone, Copy)]
pub struct Array<'a, T> {
    first: *const T,
    count: usize,
    /// Whether the range has more rows than these, as far as the library knows.
    pub more: bool,
    future: PhantomData<&'a Future>,
}

/// What an array of the C API is made of, and what that is in Rust.
pub trait Element: Copy {
    type Row<'a>;

    /// The array of a future that is ready.
    fn read(future: &Future) -> Result<Array<'_, Self>, Code>;

    /// # Safety
    /// What the element points to is readable during 'a.
    unsafe fn row<'a>(self) -> Self::Row<'a>;
}

impl Element for FDBKeyValue {
    type Row<'a> = (&'a [u8], &'a [u8]);

    fn read(future: &Future) -> Result<Rows<'_>, Code> {
        future.rows()
    }

    unsafe fn row<'a>(self) -> Self::Row<'a> {
        // SAFETY: the caller's promise.
        unsafe { (bytes(self.key, self.key_length), bytes(self.value, self.value_length)) }
    }
}

impl Element for FDBMappedKeyValue {
    type Row<'a> = MappedRow<'a>;

    fn read(future: &Future) -> Result<MappedRows<'_>, Code> {
        future.mapped_rows()
    }

    unsafe fn row<'a>(self) -> Self::Row<'a> {
        let found = self.getRange;
        // SAFETY: the caller's promise.
        unsafe {
            MappedRow {
                key: bytes(self.key.key, self.key.key_length),
                value: bytes(self.value.key, self.value.key_length),
                found: Rows::new(found.data, found.m_size, false),
            }
        }
    }
}

impl<'a, T: Element> Array<'a, T> {
    /// # Safety
    /// `first` points to `count` elements, and they to bytes, that are readable during 'a.
    pub(super) unsafe fn new(first: *const T, count: c_int, more: bool) -> Array<'a, T> {
        let count = usize::try_from(count).unwrap_or(0);
        Array { first, count, more, future: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn get(&self, index: usize) -> Option<T::Row<'a>> {
        // SAFETY: the array has `count` elements, which are readable during 'a, by `new`. The structs of the C API are
        // packed: they are copied out, never referred to.
        (index < self.count).then(|| unsafe { self.first.add(index).read_unaligned().row() })
    }

    pub fn last(&self) -> Option<T::Row<'a>> {
        self.get(self.count.checked_sub(1)?)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = T::Row<'a>> + use<'a, T> {
        let first = self.first;
        // SAFETY: as in `get`.
        (0..self.count).map(move |index| unsafe { first.add(index).read_unaligned().row() })
    }
}

/// Rows with the future whose memory they are in.
pub struct Held<T: 'static> {
    /// Not for longer than `future`: `rows` gives them out.
    rows: Array<'static, T>,
    _future: Future,
}

// SAFETY: the rows are in the future's memory, which does not change, and the future may go to any thread.
unsafe impl<T: Element> Send for Held<T> {}

impl<T: Element> Held<T> {
    pub fn new(future: Future) -> Result<Held<T>, Code> {
        let Array { first, count, more, .. } = T::read(&future)?;
        Ok(Held { rows: Array { first, count, more, future: PhantomData }, _future: future })
    }

    pub fn rows(&self) -> Array<'_, T> {
        self.rows
    }
}

/// # Safety
/// `pointer` is null or readable for `length` bytes during 'a.
pub(super) unsafe fn bytes<'a>(pointer: *const u8, length: c_int) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: the caller's promise.
        Ok(length) if length > 0 && !pointer.is_null() => unsafe {
            std::slice::from_raw_parts(pointer, length)
        },
        _ => &[],
    }
}
