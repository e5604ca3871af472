//! A batch of a query that is iterated: its rows become Python's one by one.

use pyo3::{
    PyTraverseError, PyVisit,
    prelude::*,
    types::{PyList, PyTuple},
};

use super::page::{Page, PlainRow};
use crate::fdb::{Code, Future, HeldMappedRows, HeldRows};

/// The rows that were read last.
///
/// A row is made when it is asked for: what it is made of is still where the processor has it at hand, the row before is
/// gone by then, and an iteration that ends early has made none in vain.
pub enum Batch {
    Plain(HeldRows, Before),
    /// Made at once: a row has a list in it, and making one may run the garbage collector, which no lock can be held for.
    Mapped(HeldMappedRows, Py<PyList>),
}

/// What is known of the row before.
pub enum Before {
    None,
    Row(Py<PyTuple>),
    /// One was kept, so the others will be.
    Kept,
}

/// A row that was taken off a batch.
pub enum Taken<'py> {
    Made(Py<PyAny>),
    /// To be made once no lock is held, and given back if it may be the next one's tuple.
    Plain(PlainRow<'py>, bool),
}

impl Batch {
    /// What `future` holds.
    pub fn read(py: Python<'_>, future: Future, mapped: bool) -> Result<PyResult<Batch>, Code> {
        if !mapped {
            return HeldRows::new(future).map(|rows| Ok(Batch::Plain(rows, Before::None)));
        }
        let rows = HeldMappedRows::new(future)?;
        let list = Page::Mapped(rows.rows()).to_list(py);
        Ok(list.map(|list| Batch::Mapped(rows, list.unbind())))
    }

    pub fn page(&self) -> Page<'_> {
        match self {
            Batch::Plain(rows, _) => Page::Plain(rows.rows()),
            Batch::Mapped(rows, _) => Page::Mapped(rows.rows()),
        }
    }

    /// Row `index`. Runs no code but this: a lock may be held.
    #[inline]
    pub fn take<'py>(&mut self, py: Python<'py>, index: usize) -> Option<Taken<'py>> {
        let (rows, before) = match self {
            Batch::Plain(rows, before) => (rows, before),
            Batch::Mapped(_, rows) => {
                return rows.bind(py).get_item(index).ok().map(|row| Taken::Made(row.unbind()));
            }
        };
        let (key, value) = rows.rows().get(index)?;
        let row = PlainRow::new(py, key, value);
        Some(match before {
            Before::None => Taken::Plain(row, true),
            Before::Kept => Taken::Plain(row, false),
            Before::Row(tuple) => match row.in_place_of(tuple) {
                Ok(tuple) => Taken::Made(tuple.into_any().unbind()),
                Err(row) => {
                    *before = Before::Kept;
                    Taken::Plain(row, false)
                }
            },
        })
    }

    /// The tuple that was made of a row: the next one's, unless it is kept.
    pub fn give_back(&mut self, tuple: Py<PyTuple>) {
        if let Batch::Plain(_, before) = self {
            *before = Before::Row(tuple);
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Batch::Plain(_, Before::Row(tuple)) => visit.call(tuple),
            Batch::Plain(..) => Ok(()),
            Batch::Mapped(_, rows) => visit.call(rows),
        }
    }
}
