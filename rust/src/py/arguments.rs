//! What the functions take: keys and values are `bytes`, nothing else.

use pyo3::{exceptions::PyTypeError, prelude::*, types::PyBytes};

/// A `bytes` argument. The error for anything else names the argument (PyO3 adds it) and the type.
pub struct Bytes<'py>(Bound<'py, PyBytes>);

impl Bytes<'_> {
    pub fn as_slice(&self) -> &[u8] {
        use pyo3::types::PyBytesMethods as _;
        self.0.as_bytes()
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Bytes<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match object.cast::<PyBytes>() {
            Ok(bytes) => Ok(Bytes(bytes.to_owned())),
            Err(_) => Err(must_be("bytes", &object)),
        }
    }
}

/// `must be bytes, not str`.
pub fn must_be(expected: &str, object: &Bound<'_, PyAny>) -> PyErr {
    match object.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("must be {expected}, not {name}")),
        Err(error) => error,
    }
}
