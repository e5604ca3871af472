//! Packed bytes to Python objects.

use found_tuple::{DecodeError, Escaped, Visitor, decode};
use pyo3::exceptions::{PyUnicodeDecodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};

use super::single_float::SingleFloat;
use super::uuid::Uuid;
use super::versionstamp::Versionstamp;

/// Room for the elements of a usual key, taken at once.
const USUAL_ELEMENTS: usize = 16;

/// Unpacks the elements of `packed` from `start` on.
pub fn unpack<'py>(py: Python<'py>, packed: &[u8], start: usize) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, elements(py, packed, start, Vec::with_capacity(USUAL_ELEMENTS))?)
}

/// The elements of `packed` from `start` on, in `room`, which should be empty.
pub fn elements<'py>(
    py: Python<'py>,
    packed: &[u8],
    start: usize,
    room: Vec<Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let mut builder = Builder { py, elements: room, open: Vec::new() };
    decode(packed, start, &mut builder).map_err(|Failure(error)| error)?;
    Ok(builder.elements)
}

/// An error of the decoder's is a ValueError that names the offset.
struct Failure(PyErr);

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self(PyValueError::new_err(format!("cannot unpack: {error}")))
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

struct Builder<'py> {
    py: Python<'py>,
    /// The elements of all tuples that are not complete, outermost first.
    elements: Vec<Bound<'py, PyAny>>,
    /// Where in `elements` each nested tuple that is open begins.
    open: Vec<usize>,
}

impl<'py> Builder<'py> {
    #[inline]
    fn push<T>(&mut self, element: Bound<'py, T>) -> Result<(), Failure> {
        self.elements.push(element.into_any());
        Ok(())
    }
}

impl<'a> Visitor<'a> for Builder<'_> {
    type Error = Failure;

    #[inline]
    fn none(&mut self) -> Result<(), Failure> {
        self.push(self.py.None().into_bound(self.py))
    }

    #[inline]
    fn bytes(&mut self, value: Escaped<'a>) -> Result<(), Failure> {
        self.push(match value.verbatim() {
            Some(bytes) => PyBytes::new(self.py, bytes),
            None => PyBytes::new_with(self.py, value.len(), |out| {
                value.resolve(out);
                Ok(())
            })?,
        })
    }

    #[inline]
    fn str(&mut self, value: Escaped<'a>) -> Result<(), Failure> {
        let text = match value.verbatim() {
            Some(bytes) => PyString::from_bytes(self.py, bytes),
            None => PyString::from_bytes(self.py, &value.to_vec()),
        };
        match text {
            Ok(text) => self.push(text),
            Err(error) => Err(Failure(locate(self.py, error, value.offset()))),
        }
    }

    #[inline]
    fn integer(&mut self, negative: bool, magnitude: u64) -> Result<(), Failure> {
        let magnitude = i128::from(magnitude);
        let value = if negative { -magnitude } else { magnitude };
        match i64::try_from(value) {
            Ok(word) => self.push(PyInt::new(self.py, word)),
            Err(_) => self.push(PyInt::new(self.py, value)),
        }
    }

    fn long_integer(&mut self, negative: bool, magnitude: &[u8]) -> Result<(), Failure> {
        let py = self.py;
        let bytes = PyBytes::new(py, magnitude);
        let int = py.get_type::<PyInt>();
        let value = int.call_method1(intern!(py, "from_bytes"), (bytes, intern!(py, "big")))?;
        self.push(if negative { value.neg()? } else { value })
    }

    #[inline]
    fn f32(&mut self, value: f32) -> Result<(), Failure> {
        self.push(Bound::new(self.py, SingleFloat::new(value))?)
    }

    #[inline]
    fn f64(&mut self, value: f64) -> Result<(), Failure> {
        self.push(PyFloat::new(self.py, value))
    }

    #[inline]
    fn bool(&mut self, value: bool) -> Result<(), Failure> {
        self.push(PyBool::new(self.py, value).to_owned())
    }

    #[inline]
    fn uuid(&mut self, value: &'a [u8; 16]) -> Result<(), Failure> {
        self.push(Uuid::get(self.py)?.make(self.py, value)?)
    }

    fn versionstamp(&mut self, database: Option<&'a [u8; 10]>, user: u16) -> Result<(), Failure> {
        self.push(Bound::new(self.py, Versionstamp::new(database, user))?)
    }

    fn begin_nested(&mut self) -> Result<(), Failure> {
        self.open.push(self.elements.len());
        Ok(())
    }

    fn end_nested(&mut self) -> Result<(), Failure> {
        let begin = self.open.pop().unwrap_or_default();
        let nested = PyTuple::new(self.py, self.elements.drain(begin..))?;
        self.push(nested)
    }
}

/// Text that is not UTF-8 stays the UnicodeDecodeError that `bytes.decode` raises; its reason
/// gains the offset of the element.
fn locate(py: Python<'_>, error: PyErr, offset: usize) -> PyErr {
    if error.is_instance_of::<PyUnicodeDecodeError>(py) {
        let value = error.value(py);
        let reason = intern!(py, "reason");
        if let Ok(given) = value.getattr(reason) {
            let _ = value.setattr(reason, format!("{given} (in the str at offset {offset})"));
        }
    }
    error
}
