//! Python objects to packed bytes.

use std::cell::Cell;
use std::fmt::Write;

use found_tuple::{EncodeError, Encoder, MAX_INTEGER_BYTES};
use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple,
};

use super::ctypes;
use super::single_float::SingleFloat;
use super::type_name;
use super::uuid::Uuid;
use super::versionstamp::Versionstamp;
use crate::py::raw::{self, Word};

/// A larger buffer is not kept for the next call.
const SPARE_BYTES: usize = 1 << 16;

thread_local! {
    /// The buffer of the thread's last call. A call takes it away, so that a pack within a pack (an
    /// attribute of a UUID's subclass, say) finds none and makes its own.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Packs the elements of `tuple` after `prefix` and hands the finished bytes to `make`.
pub fn pack<'py, T>(
    function: &str,
    tuple: &Bound<'py, PyAny>,
    prefix: &[u8],
    finish: fn(Encoder) -> Result<Vec<u8>, EncodeError>,
    make: impl FnOnce(Python<'py>, &mut Vec<u8>) -> T,
) -> PyResult<T> {
    let root = Sequence::root(function, tuple)?;
    let mut out = SPARE.try_with(Cell::take).unwrap_or_default();
    out.clear();
    out.extend_from_slice(prefix);
    let mut encoder = Encoder::new(out);
    encode(&mut encoder, root)?;
    let mut packed = finish(encoder).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let made = make(tuple.py(), &mut packed);
    if packed.capacity() <= SPARE_BYTES {
        // Fails only while the thread ends, and then frees the buffer.
        let _ = SPARE.try_with(|spare| spare.set(packed));
    }
    Ok(made)
}

/// What holds elements. A list may change while it is packed; each is asked for by its index.
pub enum Sequence<'py> {
    Tuple(Bound<'py, PyTuple>),
    List(Bound<'py, PyList>),
}

impl<'py> Sequence<'py> {
    /// The argument named `tuple` of `function`.
    pub fn root(function: &str, tuple: &Bound<'py, PyAny>) -> PyResult<Self> {
        Self::of(tuple).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "{function}() argument 'tuple' must be a tuple or a list, not '{}'",
                type_name(tuple)
            ))
        })
    }

    #[inline]
    pub fn of(object: &Bound<'py, PyAny>) -> Option<Self> {
        if let Some(tuple) = instance::<PyTuple>(object) {
            return Some(Self::Tuple(tuple.clone()));
        }
        instance::<PyList>(object).map(|list| Self::List(list.clone()))
    }

    /// The element at `index`, while there is one. What a tuple holds stays; what a list holds is
    /// kept in `held`.
    #[inline]
    pub fn get<'a>(
        &'a self,
        index: usize,
        held: &'a mut Option<Bound<'py, PyAny>>,
    ) -> Option<&'a Bound<'py, PyAny>> {
        match self {
            #[cfg(not(any(PyPy, GraalPy)))]
            Self::Tuple(tuple) => tuple.as_slice().get(index),
            #[cfg(any(PyPy, GraalPy))]
            Self::Tuple(tuple) if index < tuple.len() => {
                Some(held.insert(tuple.get_item(index).ok()?))
            }
            Self::List(list) if index < list.len() => Some(held.insert(list.get_item(index).ok()?)),
            _ => None,
        }
    }
}

/// Why an element cannot be packed.
enum Failure {
    Encode(EncodeError),
    Type,
    Python(PyErr),
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// Keeps its own stack: Python's lists and tuples may be nested, or contain themselves, past any
/// depth.
fn encode<'py>(encoder: &mut Encoder, root: Sequence<'py>) -> PyResult<()> {
    let mut outer: Vec<(Sequence<'py>, usize)> = Vec::new();
    let mut sequence = root;
    let mut index = 0;
    let mut held = None;
    loop {
        let Some(value) = sequence.get(index, &mut held) else {
            let Some((parent, next)) = outer.pop() else { return Ok(()) };
            encoder.end_nested();
            (sequence, index) = (parent, next);
            continue;
        };
        index += 1;
        match element(encoder, value) {
            Ok(None) => {}
            Ok(Some(inner)) => {
                outer.push((std::mem::replace(&mut sequence, inner), index));
                index = 0;
            }
            Err(failure) => {
                let path = outer.iter().map(|(_, next)| next - 1).chain([index - 1]);
                return Err(explain(failure, &place(path), value));
            }
        }
    }
}

/// A cast that costs nothing where it fails: PyO3's makes an error with a reference to the type.
#[inline]
fn exact<'a, 'py, T: PyTypeInfo>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, T>> {
    if value.is_exact_instance_of::<T>() { value.cast().ok() } else { None }
}

#[inline]
fn instance<'a, 'py, T: PyTypeInfo>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, T>> {
    if value.is_instance_of::<T>() { value.cast().ok() } else { None }
}

/// Packs one element; of a nested tuple only the beginning, and returns it.
#[inline]
fn element<'py>(
    encoder: &mut Encoder,
    value: &Bound<'py, PyAny>,
) -> Result<Option<Sequence<'py>>, Failure> {
    if let Some(text) = exact::<PyString>(value) {
        encoder.str(text.to_str()?);
    } else if let Some(int) = exact::<PyInt>(value) {
        integer(encoder, int)?;
    } else if let Some(bytes) = exact::<PyBytes>(value) {
        encoder.bytes(bytes.as_bytes());
    } else if value.is_none() {
        encoder.none();
    } else if let Some(float) = exact::<PyFloat>(value) {
        encoder.f64(float.value());
    } else if let Some(flag) = exact::<PyBool>(value) {
        encoder.bool(flag.is_true());
    } else if let Some(inner) = Sequence::of(value) {
        encoder.begin_nested()?;
        return Ok(Some(inner));
    } else {
        let uuid = Uuid::get(value.py())?;
        if uuid.is_exact(value) {
            encoder.uuid(&uuid.read_exact(value)?);
        } else {
            rare(encoder, value)?;
        }
    }
    Ok(None)
}

/// Subclasses, our own types, and all that is not packed every day.
#[cold]
fn rare(encoder: &mut Encoder, value: &Bound<'_, PyAny>) -> Result<(), Failure> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        encoder.bytes(bytes.as_bytes());
    } else if let Ok(text) = value.cast::<PyString>() {
        encoder.str(text.to_str()?);
    } else if let Ok(int) = value.cast::<PyInt>() {
        integer(encoder, int)?;
    } else if let Ok(single) = value.cast::<SingleFloat>() {
        encoder.f32(single.get().get());
    } else if let Ok(float) = value.cast::<PyFloat>() {
        encoder.f64(float.value());
    } else if let Ok(stamp) = value.cast::<Versionstamp>() {
        let stamp = stamp.get();
        encoder.versionstamp(stamp.database(), stamp.user());
    } else if Uuid::get(value.py())?.is_instance(value)? {
        encoder.uuid(&Uuid::read(value)?);
    } else if value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>() {
        encoder.bytes(bytes_of(value)?.as_bytes());
    } else {
        match ctypes::float(value)? {
            Some(ctypes::Float::Single(single)) => encoder.f32(SingleFloat::nearest(single).get()),
            Some(ctypes::Float::Double(double)) => encoder.f64(double),
            None => return Err(Failure::Type),
        }
    }
    Ok(())
}

/// A copy of a bytearray's or a memoryview's bytes, which another thread cannot change.
pub fn bytes_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(value.py().get_type::<PyBytes>().call1((value,))?.cast_into()?)
}

#[inline]
fn integer(encoder: &mut Encoder, value: &Bound<'_, PyInt>) -> Result<(), Failure> {
    match raw::word(value)? {
        Word::Fits(word) => encoder.i64(word),
        Word::Above => long_integer(encoder, false, value)?,
        Word::Below => long_integer(encoder, true, value)?,
    }
    Ok(())
}

/// Through `int`'s own methods, whatever a subclass makes of them.
fn long_integer(
    encoder: &mut Encoder,
    negative: bool,
    value: &Bound<'_, PyInt>,
) -> Result<(), Failure> {
    let py = value.py();
    let int = py.get_type::<PyInt>();
    let bits: usize = int.call_method1(intern!(py, "bit_length"), (value,))?.extract()?;
    let size = bits.div_ceil(8);
    if size > MAX_INTEGER_BYTES {
        return Err(EncodeError::IntegerTooLong(size).into());
    }
    let magnitude = if negative {
        &int.call_method1(intern!(py, "__neg__"), (value,))?
    } else {
        value.as_any()
    };
    let bytes = int.call_method1(intern!(py, "to_bytes"), (magnitude, size, intern!(py, "big")))?;
    encoder.integer(negative, bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes())?;
    Ok(())
}

/// `2` for an element of the tuple, `2[0]` for one of a tuple in it.
pub fn place(path: impl Iterator<Item = usize>) -> String {
    let mut place = String::from("element ");
    for (level, index) in path.enumerate() {
        // Writing to a String cannot fail.
        let _ = if level == 0 { write!(place, "{index}") } else { write!(place, "[{index}]") };
    }
    place
}

fn explain(failure: Failure, place: &str, value: &Bound<'_, PyAny>) -> PyErr {
    match failure {
        Failure::Type => PyTypeError::new_err(format!(
            "{place}: cannot pack an object of type '{}'",
            type_name(value)
        )),
        Failure::Encode(EncodeError::TooDeep) => {
            PyValueError::new_err(EncodeError::TooDeep.to_string())
        }
        Failure::Encode(error) => PyValueError::new_err(format!("{place}: {error}")),
        Failure::Python(error) => {
            let py = value.py();
            if error.is_instance_of::<PyUnicodeEncodeError>(py) {
                // Stays what str.encode raises; only its reason gains the place.
                let error = error.value(py);
                let reason = intern!(py, "reason");
                if let Ok(given) = error.getattr(reason) {
                    let _ = error.setattr(reason, format!("{given} ({place})"));
                }
            }
            error
        }
    }
}
