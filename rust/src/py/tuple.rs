//! FoundationDB's tuple encoding for Python: what `fdb.tuple` has, in its bytes.

mod ctypes;
mod decode;
mod encode;
mod single_float;
mod uuid;
mod versionstamp;

use found_tuple::{EncodeError, Encoder, MAX_DEPTH};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyTuple};

pub use single_float::SingleFloat;
pub use versionstamp::Versionstamp;

use encode::{Sequence, bytes_of};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Versionstamp>()?;
    module.add_class::<SingleFloat>()?;
    module.add_function(wrap_pyfunction!(pack, module)?)?;
    module.add_function(wrap_pyfunction!(pack_with_versionstamp, module)?)?;
    module.add_function(wrap_pyfunction!(unpack, module)?)?;
    module.add_function(wrap_pyfunction!(has_incomplete_versionstamp, module)?)?;
    module.add_function(wrap_pyfunction!(tuple_range, module)?)?;
    Ok(())
}

pub use decode::elements as unpack_elements;

/// Appends what one element is packed to; its errors are those of `pack`.
pub fn pack_one(element: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<()> {
    let tuple = PyTuple::new(element.py(), [element])?;
    encode::pack("pack", tuple.as_any(), &[], Encoder::finish, |_, packed| {
        out.extend_from_slice(packed);
    })
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// An argument that is bytes, or a copy of one that holds bytes.
fn bytes_argument<'py>(
    function: &str,
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>() {
        return bytes_of(value);
    }
    Err(PyTypeError::new_err(format!(
        "{function}() argument '{name}' must be bytes, not '{}'",
        type_name(value)
    )))
}

fn prefix_argument<'py>(
    function: &str,
    prefix: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    prefix.map(|prefix| bytes_argument(function, "prefix", prefix)).transpose()
}

fn content<'a>(bytes: &'a Option<Bound<'_, PyBytes>>) -> &'a [u8] {
    bytes.as_ref().map(|bytes| bytes.as_bytes()).unwrap_or_default()
}

/// Packs a tuple into bytes that sort as tuples do, element by element, whatever their types.
///
/// `tuple` is a tuple or a list of None, bytes, str, int, float, bool, uuid.UUID,
/// found.SingleFloat, complete found.Versionstamp, and tuples or lists of these, nested at most
/// 1000 deep. Subclasses are packed as what they derive from; bytearray and memoryview as bytes;
/// ctypes.c_float and ctypes.c_double as floats of their width. `prefix`, bytes, is put in front.
///
/// The bytes are those of `fdb.tuple.pack` in FoundationDB's Python binding
/// (bindings/python/fdb/tuple.py) and of every other binding (design/tuple.md): type codes, NUL
/// escaped as 00 FF, integers in as few bytes as they need, floats bit for bit with -0.0 before
/// 0.0 and NaN outside the infinities.
///
/// Raises TypeError for anything else, and names the place of the element; ValueError for an int
/// of more than 255 bytes, a str with a lone surrogate (it is a UnicodeEncodeError), an incomplete
/// versionstamp, and nesting too deep.
#[pyfunction]
#[pyo3(signature = (tuple, prefix=None))]
fn pack<'py>(
    tuple: &Bound<'py, PyAny>,
    prefix: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let prefix = prefix_argument("pack", prefix)?;
    encode::pack("pack", tuple, content(&prefix), Encoder::finish, |py, packed| {
        PyBytes::new(py, packed)
    })
}

/// Packs a tuple with one incomplete versionstamp, for `set_versionstamped_key` and
/// `set_versionstamped_value`.
///
/// Takes what `pack` takes, and exactly one incomplete found.Versionstamp, nested or not. The
/// result ends in four bytes, little-endian, that say where the ten bytes begin that the commit
/// fills in, `prefix` included: the form of API versions from 520 on (fdbclient/Atomic.h).
///
/// Raises ValueError if there is no incomplete versionstamp or more than one; else as `pack`.
#[pyfunction]
#[pyo3(signature = (tuple, prefix=None))]
fn pack_with_versionstamp<'py>(
    tuple: &Bound<'py, PyAny>,
    prefix: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let function = "pack_with_versionstamp";
    let prefix = prefix_argument(function, prefix)?;
    let finish = Encoder::finish_with_versionstamp;
    encode::pack(function, tuple, content(&prefix), finish, |py, packed| PyBytes::new(py, packed))
}

/// Unpacks bytes that `pack`, or any FoundationDB binding, has packed; the first `prefix_len` of
/// them are skipped.
///
/// Nested tuples and lists come back as tuples, single floats as found.SingleFloat, versionstamps
/// as found.Versionstamp. bytearray and memoryview are taken as bytes.
///
/// Reads all that `fdb.tuple.unpack` reads, integers with leading zeros included, but not bytes
/// that end inside an element: a string, bytes or nested tuple whose terminator is missing.
///
/// Raises TypeError for what is not bytes; ValueError, naming the offset, for an unknown type
/// code, input that ends inside an element, text that is not UTF-8 (it is a UnicodeDecodeError)
/// and tuples nested more than 1000 deep; ValueError for a `prefix_len` below 0 or past the end.
#[pyfunction]
#[pyo3(signature = (bytes, prefix_len=0))]
fn unpack<'py>(bytes: &Bound<'py, PyAny>, prefix_len: isize) -> PyResult<Bound<'py, PyTuple>> {
    let packed = bytes_argument("unpack", "bytes", bytes)?;
    let packed = packed.as_bytes();
    match usize::try_from(prefix_len) {
        Ok(start) if start <= packed.len() => decode::unpack(bytes.py(), packed, start),
        _ => Err(PyValueError::new_err(format!(
            "unpack() argument 'prefix_len' must be 0 to {}, the length of the bytes, not \
             {prefix_len}",
            packed.len()
        ))),
    }
}

/// Whether `tuple`, a tuple or a list, holds an incomplete found.Versionstamp, in itself or in a
/// tuple or list nested in it: whether it is for `pack_with_versionstamp` and not for `pack`.
///
/// Raises TypeError if `tuple` is neither a tuple nor a list, ValueError for nesting more than
/// 1000 deep.
#[pyfunction]
#[pyo3(signature = (tuple))]
fn has_incomplete_versionstamp(tuple: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut open = vec![(Sequence::root("has_incomplete_versionstamp", tuple)?, 0)];
    let mut held = None;
    while let Some((sequence, index)) = open.last_mut() {
        let Some(value) = sequence.get(*index, &mut held) else {
            open.pop();
            continue;
        };
        *index += 1;
        if let Some(inner) = Sequence::of(value) {
            if open.len() > MAX_DEPTH {
                return Err(PyValueError::new_err(EncodeError::TooDeep.to_string()));
            }
            open.push((inner, 0));
        } else if value.cast::<Versionstamp>().is_ok_and(|stamp| stamp.get().database().is_none()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The keys between which all tuples lie that begin with the elements of `tuple` and have more:
/// `(pack(tuple) + b"\x00", pack(tuple) + b"\xff")`, as `fdb.tuple.range`. The key of `tuple`
/// itself is not among them.
///
/// Takes and raises what `pack` does.
#[pyfunction(name = "range")]
#[pyo3(signature = (tuple))]
fn tuple_range<'py>(
    tuple: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    encode::pack("range", tuple, &[], Encoder::finish, |py, packed| {
        packed.push(0x00);
        let begin = PyBytes::new(py, packed);
        packed.pop();
        packed.push(0xff);
        (begin, PyBytes::new(py, packed))
    })
}
