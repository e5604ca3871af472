//! `uuid.UUID`, read and made without its slow constructor.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};

use crate::py::raw::{PlainClass, Slot};

/// What this interpreter's `uuid.UUID` is.
pub struct Uuid {
    kind: Py<PyType>,
    parts: Option<Parts>,
}

/// The two attributes that the constructor sets, and the class to put a UUID together from them.
struct Parts {
    class: PlainClass,
    int: Slot,
    is_safe: Slot,
    /// `SafeUUID.unknown`
    unknown: Py<PyAny>,
}

static UUID: PyOnceLock<Uuid> = PyOnceLock::new();

impl Uuid {
    #[inline]
    pub fn get(py: Python<'_>) -> PyResult<&'static Self> {
        UUID.get_or_try_init(py, || {
            let module = py.import("uuid")?;
            let kind = module.getattr("UUID")?.cast_into::<PyType>()?;
            Ok(Self { parts: Parts::of(&module, &kind).ok(), kind: kind.unbind() })
        })
    }

    #[inline]
    pub fn is_exact(&self, value: &Bound<'_, PyAny>) -> bool {
        value.get_type_ptr() == self.kind.bind(value.py()).as_type_ptr()
    }

    pub fn is_instance(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        value.is_instance(self.kind.bind(value.py()))
    }

    /// The sixteen bytes, in network order, of an instance of UUID and of no subclass.
    #[inline]
    pub fn read_exact(&self, value: &Bound<'_, PyAny>) -> PyResult<[u8; 16]> {
        match &self.parts {
            Some(parts) => Ok(parts.int.get(value)?.extract::<u128>()?.to_be_bytes()),
            None => Self::read(value),
        }
    }

    /// The sixteen bytes as the instance itself tells them.
    pub fn read(value: &Bound<'_, PyAny>) -> PyResult<[u8; 16]> {
        let int: u128 = value.getattr(intern!(value.py(), "int"))?.extract()?;
        Ok(int.to_be_bytes())
    }

    #[inline]
    pub fn make<'py>(&self, py: Python<'py>, bytes: &[u8; 16]) -> PyResult<Bound<'py, PyAny>> {
        match &self.parts {
            Some(parts) => parts.make(py, bytes),
            None => construct(self.kind.bind(py), bytes),
        }
    }
}

fn construct<'py>(kind: &Bound<'py, PyType>, bytes: &[u8; 16]) -> PyResult<Bound<'py, PyAny>> {
    // UUID(hex, bytes)
    kind.call1((kind.py().None(), PyBytes::new(kind.py(), bytes)))
}

impl Parts {
    /// The two attributes are not documented: a UUID made of them has to be as one constructed.
    fn of(module: &Bound<'_, PyModule>, kind: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = kind.py();
        let parts = Self {
            class: PlainClass::new(kind)?,
            int: Slot::new(kind, "int")?,
            is_safe: Slot::new(kind, "is_safe")?,
            unknown: module.getattr("SafeUUID")?.getattr("unknown")?.unbind(),
        };
        let bytes = 0x0123_4567_89ab_4def_8123_4567_89ab_cdef_u128.to_be_bytes();
        let made = parts.make(py, &bytes)?;
        let constructed = construct(kind, &bytes)?;
        let state = intern!(py, "__getstate__");
        let same = made.eq(&constructed)?
            && made.hash()? == constructed.hash()?
            && made.call_method0(state)?.eq(constructed.call_method0(state)?)?
            && made.getattr("is_safe")?.is(&constructed.getattr("is_safe")?);
        if same { Ok(parts) } else { Err(PyTypeError::new_err("uuid.UUID has other parts")) }
    }

    #[inline]
    fn make<'py>(&self, py: Python<'py>, bytes: &[u8; 16]) -> PyResult<Bound<'py, PyAny>> {
        let uuid = self.class.instance(py)?;
        let int = u128::from_be_bytes(*bytes).into_pyobject(py)?;
        self.int.set(&uuid, &int)?;
        self.is_safe.set(&uuid, self.unknown.bind(py))?;
        Ok(uuid)
    }
}
