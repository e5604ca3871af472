//! `uuid.UUID`, read and made without its slow constructor.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};

/// What this interpreter's `uuid.UUID` is.
pub struct Uuid {
    kind: Py<PyType>,
    parts: Option<parts::Parts>,
}

static UUID: PyOnceLock<Uuid> = PyOnceLock::new();

impl Uuid {
    #[inline]
    pub fn get(py: Python<'_>) -> PyResult<&'static Self> {
        UUID.get_or_try_init(py, || {
            let module = py.import("uuid")?;
            let kind = module.getattr("UUID")?.cast_into::<PyType>()?;
            Ok(Self { parts: parts::Parts::of(&module, &kind).ok(), kind: kind.unbind() })
        })
    }

    #[inline]
    pub fn is_exact(&self, value: &Bound<'_, PyAny>) -> bool {
        value.get_type_ptr() == self.kind.bind(value.py()).as_type_ptr()
    }

    pub fn is_instance(&self, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        value.is_instance(self.kind.bind(value.py()))
    }

    /// The sixteen bytes of a UUID, in network order.
    #[inline]
    pub fn read(value: &Bound<'_, PyAny>) -> PyResult<[u8; 16]> {
        let int: u128 = value.getattr(intern!(value.py(), "int"))?.extract()?;
        Ok(int.to_be_bytes())
    }

    #[inline]
    pub fn make<'py>(&self, py: Python<'py>, bytes: &[u8; 16]) -> PyResult<Bound<'py, PyAny>> {
        if let Some(parts) = &self.parts {
            return parts.make(py, bytes);
        }
        construct(self.kind.bind(py), bytes)
    }
}

fn construct<'py>(kind: &Bound<'py, PyType>, bytes: &[u8; 16]) -> PyResult<Bound<'py, PyAny>> {
    // UUID(hex, bytes)
    kind.call1((kind.py().None(), PyBytes::new(kind.py(), bytes)))
}

/// A UUID put together from the two attributes its constructor sets. They are not documented, so
/// one made either way is compared before this way is taken.
mod parts {
    use pyo3::exceptions::PyTypeError;
    use pyo3::intern;
    use pyo3::prelude::*;
    use pyo3::types::PyType;

    use crate::py::raw::{PlainClass, set_attribute};

    pub struct Parts {
        class: PlainClass,
        /// `SafeUUID.unknown`
        unknown: Py<PyAny>,
    }

    impl Parts {
        pub fn of(module: &Bound<'_, PyModule>, kind: &Bound<'_, PyType>) -> PyResult<Self> {
            let py = kind.py();
            let parts = Self {
                class: PlainClass::new(kind)?,
                unknown: module.getattr("SafeUUID")?.getattr("unknown")?.unbind(),
            };
            let bytes = 0x0123_4567_89ab_4def_8123_4567_89ab_cdef_u128.to_be_bytes();
            let made = parts.make(py, &bytes)?;
            let constructed = super::construct(kind, &bytes)?;
            let state = intern!(py, "__getstate__");
            let same = made.eq(&constructed)?
                && made.hash()? == constructed.hash()?
                && made.call_method0(state)?.eq(constructed.call_method0(state)?)?
                && made.getattr("is_safe")?.is(&constructed.getattr("is_safe")?);
            if same { Ok(parts) } else { Err(PyTypeError::new_err("uuid.UUID has other parts")) }
        }

        #[inline]
        pub fn make<'py>(&self, py: Python<'py>, bytes: &[u8; 16]) -> PyResult<Bound<'py, PyAny>> {
            let uuid = self.class.instance(py)?;
            let int = u128::from_be_bytes(*bytes).into_pyobject(py)?;
            set_attribute(&uuid, intern!(py, "int"), &int)?;
            set_attribute(&uuid, intern!(py, "is_safe"), self.unknown.bind(py))?;
            Ok(uuid)
        }
    }
}
