//! The rows of one batch of a range read, plain or mapped.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyList, PyTuple},
};

use super::{packed::PackedRows, raw};
use crate::fdb::{Code, Future, MappedRows, Rows};

/// What a future of a range read holds.
pub enum Page<'a> {
    Plain(Rows<'a>),
    Mapped(MappedRows<'a>),
}

impl<'a> Page<'a> {
    pub fn read(future: &'a Future, mapped: bool) -> Result<Page<'a>, Code> {
        if mapped { future.mapped_rows().map(Page::Mapped) } else { future.rows().map(Page::Plain) }
    }

    pub fn len(&self) -> usize {
        match self {
            Page::Plain(rows) => rows.len(),
            Page::Mapped(rows) => rows.len(),
        }
    }

    /// Whether the range has more rows, as far as the library knows.
    pub fn more(&self) -> bool {
        match self {
            Page::Plain(rows) => rows.more,
            Page::Mapped(rows) => rows.more,
        }
    }

    pub fn last_key(&self) -> Option<&'a [u8]> {
        match self {
            Page::Plain(rows) => rows.last().map(|(key, _)| key),
            Page::Mapped(rows) => rows.last().map(|row| row.key),
        }
    }

    /// Adds the rows, of a range that is not mapped.
    pub fn pack_into(&self, packed: &mut PackedRows) {
        if let Page::Plain(rows) = self {
            packed.extend(rows);
        }
    }

    /// The rows as a list of tuples.
    pub fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match self {
            Page::Plain(rows) => plain(py, rows),
            Page::Mapped(rows) => {
                let rows = rows.iter().map(|row| {
                    let found = plain(py, &row.found)?;
                    (PyBytes::new(py, row.key), PyBytes::new(py, row.value), found)
                        .into_pyobject(py)
                });
                PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
            }
        }
    }
}

fn plain<'py>(py: Python<'py>, rows: &Rows<'_>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, rows.iter().map(|(key, value)| PlainRow::new(py, key, value)))
}

/// A row on its way to Python: a tuple of two bytes.
pub struct PlainRow<'py>(raw::Pair<'py>);

impl<'py> PlainRow<'py> {
    /// Copies the bytes. Neither runs the garbage collector, as making the tuple may.
    #[inline]
    pub fn new(py: Python<'py>, key: &[u8], value: &[u8]) -> PlainRow<'py> {
        PlainRow((PyBytes::new(py, key), PyBytes::new(py, value)))
    }

    /// The row in the tuple of the one before, if nobody has kept that.
    #[inline]
    pub fn in_place_of(self, before: &Py<PyTuple>) -> Result<Bound<'py, PyTuple>, PlainRow<'py>> {
        raw::refill(before, self.0).map_err(PlainRow)
    }
}

impl<'py> IntoPyObject<'py> for PlainRow<'py> {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let row = self.0.into_pyobject(py)?;
        raw::untrack(&row);
        Ok(row)
    }
}
