//! A range read to its end, without crossing to Python row by row.

use pyo3::{IntoPyObjectExt, PyTraverseError, PyVisit, prelude::*, types::PyList};

use super::{
    errors, packed::PackedRows, page::Page, remainder::Remainder, transaction::Transaction,
};
use crate::fdb::Future;

/// Reads a range to its end.
pub struct Collect {
    pub transaction: Py<Transaction>,
    pub remainder: Remainder,
    pub rows: Collected,
}

/// What was read so far.
pub enum Collected {
    List(Option<Py<PyList>>),
    Packed(PackedRows),
}

impl Collect {
    /// Takes a batch; the future of the next one if there is more.
    pub fn accept(&mut self, py: Python<'_>, page: &Page<'_>) -> PyResult<Option<Future>> {
        // Asked for first: it is read while the rows at hand become Python's.
        let next = match self.remainder.advance(page) {
            true => Some(self.remainder.read(self.transaction.get())),
            false => None,
        };
        match &mut self.rows {
            Collected::Packed(rows) => page.pack_into(rows),
            Collected::List(rows @ None) => *rows = Some(page.to_list(py)?.unbind()),
            Collected::List(Some(list)) => {
                let list = list.bind(py);
                list.set_slice(list.len(), list.len(), page.to_list(py)?.as_any())?;
            }
        }
        next.transpose().map_err(|fault| errors::raise(py, fault))
    }

    pub fn is_mapped(&self) -> bool {
        self.remainder.mapper.is_some()
    }

    pub fn into_rows(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.rows {
            Collected::List(Some(rows)) => Ok(rows.into_any()),
            Collected::List(None) => Ok(PyList::empty(py).into_any().unbind()),
            Collected::Packed(rows) => rows.into_py_any(py),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.transaction)?;
        match &self.rows {
            Collected::List(rows) => visit.call(rows),
            Collected::Packed(_) => Ok(()),
        }
    }
}
