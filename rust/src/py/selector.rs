//! Key selectors.

use pyo3::{exceptions::PyOverflowError, prelude::*, pyclass::CompareOp, types::PyBytes};

use super::arguments::{Arg, Bytes, name};
use crate::fdb::Selector;

/// A key selector: a key of the database, named by its place next to a key that need not be there.
///
/// It stands for the key that is `offset` keys after the last one less than `key`, or, if
/// `or_equal` is true, less than or equal to it. `found.lt`, `found.lte`, `found.gt` and
/// `found.gte` make the usual ones, `found.get_key` and `found.query` find the key. Adding an int
/// to a selector, or subtracting one, moves it by as many keys. Selectors are equal if their parts
/// are, can be keys of a dict and be pickled.
///
/// Args:
///     key: bytes.
///     or_equal: bool.
///     offset: int of 32 bits, negative to go back.
///
/// Raises:
///     OverflowError: the offset does not fit in 32 bits, from the start or after adding.
///     TypeError: `key` is not bytes, `or_equal` no bool, `offset` no int.
///
/// Rule: documentation of FDB_KEYSEL_LAST_LESS_THAN and its like, developer-guide.rst, Key
/// selectors.
#[pyclass(frozen, module = "found", from_py_object)]
#[derive(Clone)]
pub struct KeySelector {
    key: Vec<u8>,
    #[pyo3(get)]
    or_equal: bool,
    #[pyo3(get)]
    offset: i32,
}

impl KeySelector {
    pub fn new(key: &[u8], or_equal: bool, offset: i32) -> KeySelector {
        KeySelector { key: key.to_vec(), or_equal, offset }
    }

    pub fn first_greater_or_equal(key: &[u8]) -> KeySelector {
        KeySelector::new(key, false, 1)
    }

    pub fn first_greater_than(key: &[u8]) -> KeySelector {
        KeySelector::new(key, true, 1)
    }

    pub fn borrow(&self) -> Selector<'_> {
        Selector { key: &self.key, or_equal: self.or_equal, offset: self.offset }
    }

    fn moved(&self, by: i64) -> PyResult<KeySelector> {
        let offset = i32::try_from(i64::from(self.offset).saturating_add(by))
            .map_err(|_| PyOverflowError::new_err("offset must fit in 32 bits"))?;
        Ok(KeySelector { offset, ..self.clone() })
    }
}

#[pymethods]
impl KeySelector {
    #[new]
    fn from_python(
        key: Bytes<'_, name::Key>,
        or_equal: Arg<name::OrEqual, bool>,
        offset: Arg<name::Offset, i32>,
    ) -> KeySelector {
        let or_equal = *or_equal;
        let offset = *offset;
        KeySelector::new(key.as_slice(), or_equal, offset)
    }

    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.key)
    }

    fn __add__(&self, by: i64) -> PyResult<KeySelector> {
        self.moved(by)
    }

    fn __sub__(&self, by: i64) -> PyResult<KeySelector> {
        self.moved(by.saturating_neg())
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operation: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<KeySelector>() else { return Ok(py.NotImplemented()) };
        let other = other.get();
        let equal =
            self.key == other.key && self.or_equal == other.or_equal && self.offset == other.offset;
        match operation {
            CompareOp::Eq => Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind()),
            CompareOp::Ne => Ok((!equal).into_pyobject(py)?.to_owned().into_any().unbind()),
            _ => Ok(py.NotImplemented()),
        }
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        (self.key(py), self.or_equal, self.offset).into_pyobject(py)?.hash()
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> (Bound<'py, PyAny>, (Bound<'py, PyBytes>, bool, i32)) {
        let this = slf.get();
        (slf.get_type().into_any(), (this.key(slf.py()), this.or_equal, this.offset))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let key = self.key(py).repr()?;
        let or_equal = if self.or_equal { "True" } else { "False" };
        Ok(format!("found.KeySelector({key}, {or_equal}, {})", self.offset))
    }
}

/// Select the last key that is less than `key`.
///
/// Args:
///     key: bytes. It need not be in the database.
///     offset: int of 32 bits: 0, the default, is that key, -1 the one before it, 1 the one after.
///
/// Returns:
///     `found.KeySelector(key, False, offset)`.
///
/// Raises:
///     OverflowError: `offset` does not fit in 32 bits.
///     TypeError: `key` is not bytes or `offset` no int.
///
/// Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_LAST_LESS_THAN.
#[pyfunction]
#[pyo3(signature = (key, offset=Arg::new(0)), text_signature = "(key, offset=0)")]
pub fn lt(key: Bytes<'_, name::Key>, offset: Arg<name::Offset, i32>) -> KeySelector {
    let offset = *offset;
    KeySelector::new(key.as_slice(), false, offset)
}

/// Select the last key that is less than or equal to `key`.
///
/// Args:
///     key: bytes. It need not be in the database.
///     offset: int of 32 bits: 0, the default, is that key, -1 the one before it, 1 the one after.
///
/// Returns:
///     `found.KeySelector(key, True, offset)`.
///
/// Raises:
///     OverflowError: `offset` does not fit in 32 bits.
///     TypeError: `key` is not bytes or `offset` no int.
///
/// Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_LAST_LESS_OR_EQUAL.
#[pyfunction]
#[pyo3(signature = (key, offset=Arg::new(0)), text_signature = "(key, offset=0)")]
pub fn lte(key: Bytes<'_, name::Key>, offset: Arg<name::Offset, i32>) -> KeySelector {
    let offset = *offset;
    KeySelector::new(key.as_slice(), true, offset)
}

/// Select the first key that is greater than `key`.
///
/// Args:
///     key: bytes. It need not be in the database.
///     offset: int of 32 bits: 1, the default, is that key, 0 the one before it, 2 the one after.
///
/// Returns:
///     `found.KeySelector(key, True, offset)`.
///
/// Raises:
///     OverflowError: `offset` does not fit in 32 bits.
///     TypeError: `key` is not bytes or `offset` no int.
///
/// Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_FIRST_GREATER_THAN.
#[pyfunction]
#[pyo3(signature = (key, offset=Arg::new(1)), text_signature = "(key, offset=1)")]
pub fn gt(key: Bytes<'_, name::Key>, offset: Arg<name::Offset, i32>) -> KeySelector {
    let offset = *offset;
    KeySelector::new(key.as_slice(), true, offset)
}

/// Select the first key that is greater than or equal to `key`.
///
/// Args:
///     key: bytes. It need not be in the database.
///     offset: int of 32 bits: 1, the default, is that key, 0 the one before it, 2 the one after.
///
/// Returns:
///     `found.KeySelector(key, False, offset)`.
///
/// Raises:
///     OverflowError: `offset` does not fit in 32 bits.
///     TypeError: `key` is not bytes or `offset` no int.
///
/// Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_FIRST_GREATER_OR_EQUAL.
#[pyfunction]
#[pyo3(signature = (key, offset=Arg::new(1)), text_signature = "(key, offset=1)")]
pub fn gte(key: Bytes<'_, name::Key>, offset: Arg<name::Offset, i32>) -> KeySelector {
    let offset = *offset;
    KeySelector::new(key.as_slice(), false, offset)
}

/// An end of a range: a key, which stands for the first key greater than or equal to it, or a selector.
pub enum Edge<'py> {
    Key(Bound<'py, PyBytes>),
    Selector(KeySelector),
}

impl<'py> FromPyObject<'_, 'py> for Edge<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(selector) = object.cast::<KeySelector>() {
            return Ok(Edge::Selector(selector.get().clone()));
        }
        Ok(Edge::Key(object.cast::<PyBytes>()?.to_owned()))
    }
}

impl Edge<'_> {
    pub fn into_selector(self) -> KeySelector {
        match self {
            Edge::Key(key) => KeySelector::first_greater_or_equal(key.as_bytes()),
            Edge::Selector(selector) => selector,
        }
    }
}
