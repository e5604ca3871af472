//! How the result of each kind of future becomes a Python object.

use pyo3::{
    IntoPyObjectExt as _, PyTraverseError, PyVisit,
    exceptions::PyBaseException,
    prelude::*,
    types::{PyBytes, PyList},
};

use super::{
    batch::Batch,
    collect::Collect,
    database::Database,
    errors,
    page::Page,
    query::Query,
    transaction::{Attempt, Transaction},
};
use crate::fdb::{Code, Future};

pub enum Answer {
    /// Success is the whole answer: None.
    Nothing,
    /// A value or None.
    Value,
    /// A key, or a versionstamp.
    Key,
    /// A version or a number of bytes.
    Int64,
    /// A protocol version.
    Uint64,
    /// A time in seconds.
    Double,
    Keys,
    Strings,
    /// As Nothing, of a watch.
    Watch(Attempt),
    /// The next rows of a query that is iterated, and which batch of it they are.
    Batch(Py<Query>, i32),
    /// One batch of a query, as a list, and whether there may be more.
    Page(Py<Query>),
    /// All rows of a query, read batch after batch.
    All(Box<Collect>),
}

pub enum Settled {
    Done(Py<PyAny>),
    Failed(Py<PyBaseException>),
    /// Not done: this future comes next.
    More(Future, Answer),
}

impl Answer {
    /// Turns what `future`, which is ready, holds into Python. `owner` is whom it was asked of.
    pub fn settle(
        self,
        py: Python<'_>,
        future: Future,
        owner: Option<&Bound<'_, PyAny>>,
    ) -> Settled {
        let library = future.library();
        let answered = match self {
            Answer::Nothing | Answer::Watch(_) => {
                future.check().map(|()| Ok(py.None())).map_err(Failure::Code)
            }
            Answer::Value => future.value().map_err(Failure::Code).map(|value| match value {
                Some(value) => Ok(PyBytes::new(py, value).into_any().unbind()),
                None => Ok(py.None()),
            }),
            Answer::Key => {
                let key = future.key().map_err(Failure::Code);
                key.map(|key| Ok(PyBytes::new(py, key).into_any().unbind()))
            }
            Answer::Int64 => {
                future.int64().map_err(Failure::Code).map(|number| number.into_py_any(py))
            }
            Answer::Uint64 => {
                future.uint64().map_err(Failure::Code).map(|number| number.into_py_any(py))
            }
            Answer::Double => {
                future.double().map_err(Failure::Code).map(|number| number.into_py_any(py))
            }
            Answer::Keys => future.keys().map_err(Failure::Code).map(|keys| {
                let keys = keys.into_iter().map(|key| PyBytes::new(py, key));
                Ok(PyList::new(py, keys.collect::<Vec<_>>())?.into_any().unbind())
            }),
            Answer::Strings => {
                future.strings().map_err(Failure::Code).map(|strings| strings.into_py_any(py))
            }
            Answer::Batch(query, number) => {
                match Batch::read(py, future, query.get().is_mapped()) {
                    Ok(Ok(batch)) => {
                        query.get().accept(batch, number);
                        Ok(Ok(py.None()))
                    }
                    Ok(Err(error)) => Err(Failure::Raised(error)),
                    Err(code) => Err(Failure::Code(code)),
                }
            }
            Answer::Page(query) => match Page::read(&future, query.get().is_mapped()) {
                Ok(page) => {
                    let accepted = query.get().accept_page(py, &page);
                    Ok(accepted.and_then(|accepted| accepted.into_py_any(py)))
                }
                Err(code) => Err(Failure::Code(code)),
            },
            Answer::All(mut collect) => match Page::read(&future, collect.is_mapped()) {
                Ok(page) => match collect.accept(py, &page) {
                    Ok(Some(next)) => return Settled::More(next, Answer::All(collect)),
                    Ok(None) => Ok(collect.into_rows(py)),
                    Err(error) => Err(Failure::Raised(error)),
                },
                Err(code) => Err(Failure::Code(code)),
            },
        };
        match answered {
            Ok(Ok(value)) => Settled::Done(value),
            Ok(Err(error)) | Err(Failure::Raised(error)) => Settled::Failed(error.into_value(py)),
            Err(Failure::Code(code)) => {
                let address = owner.and_then(address_of);
                let error = errors::from_future(py, library, code, address.as_deref());
                Settled::Failed(error.into_value(py))
            }
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Answer::Batch(query, _) | Answer::Page(query) => visit.call(query),
            Answer::All(collect) => collect.traverse(visit),
            _ => Ok(()),
        }
    }
}

enum Failure {
    Code(Code),
    Raised(PyErr),
}

/// The address of the database that a transaction or database is of.
fn address_of(owner: &Bound<'_, PyAny>) -> Option<String> {
    let database = match owner.cast::<Transaction>() {
        Ok(transaction) => transaction.get().database().bind(owner.py()).clone(),
        Err(_) => owner.cast::<Database>().ok()?.clone(),
    };
    Some(database.get().address().to_owned())
}
