//! `found.SingleFloat`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyType};

use super::{ctypes, type_name};

/// A single-precision float: four bytes where a float takes eight. `unpack` gives one for every
/// single float another program has packed, so that packing it again gives the same bytes.
///
/// `value` is a float, an int or a `ctypes.c_float`; it is rounded to the nearest single-precision
/// float, beyond the largest to an infinity.
///
/// SingleFloats compare, and are equal, as their packed bytes are: -0.0 sorts before 0.0 and is
/// not equal to it, NaN sorts outside the infinities and is equal to a NaN of the same bits.
///
/// Raises TypeError for other types, OverflowError for an int no float can hold.
#[pyclass(frozen, eq, ord, hash, subclass, module = "found")]
#[derive(Clone, Copy)]
pub struct SingleFloat(f32);

impl SingleFloat {
    pub fn new(value: f32) -> Self {
        Self(value)
    }

    /// As the C cast rounds, which is how `fdb.tuple` does it.
    pub fn nearest(value: f64) -> Self {
        Self(narrow(value))
    }

    pub fn get(self) -> f32 {
        self.0
    }
}

impl Ord for SingleFloat {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for SingleFloat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SingleFloat {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for SingleFloat {}

impl Hash for SingleFloat {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Rust leaves open which NaN a conversion gives; C on every platform found runs on keeps sign
/// and leading payload and sets the quiet bit, and so the bytes packed are those of `fdb.tuple`.
fn narrow(value: f64) -> f32 {
    if !value.is_nan() {
        return value as f32;
    }
    let bits = value.to_bits();
    let sign = (bits >> 32) as u32 & 1 << 31;
    let payload = (bits >> 29) as u32 & 0x003f_ffff;
    f32::from_bits(sign | 0x7fc0_0000 | payload)
}

fn widen(value: f32) -> f64 {
    if !value.is_nan() {
        return f64::from(value);
    }
    let bits = u64::from(value.to_bits());
    f64::from_bits((bits & 1 << 31) << 32 | 0x7ff8 << 48 | (bits & 0x003f_ffff) << 29)
}

#[pymethods]
impl SingleFloat {
    #[new]
    #[pyo3(signature = (value))]
    fn construct(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() {
            return value.extract().map(Self::nearest);
        }
        match ctypes::float(value)? {
            Some(ctypes::Float::Single(single)) => Ok(Self::nearest(single)),
            _ => Err(PyTypeError::new_err(format!(
                "value must be a float or an int, not '{}'",
                type_name(value)
            ))),
        }
    }

    /// The value as a float, exactly.
    #[getter]
    fn value(&self) -> f64 {
        widen(self.0)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("SingleFloat({})", PyFloat::new(py, self.value()).repr()?))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(PyFloat::new(py, self.value()).repr()?.to_string())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (f64,)) {
        (slf.get_type(), (slf.get().value(),))
    }
}
