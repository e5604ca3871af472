//! `ctypes.c_float` and `ctypes.c_double`, which `fdb.tuple` packs as floats of their width.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

pub enum Float {
    Single(f64),
    Double(f64),
}

static KINDS: PyOnceLock<(Py<PyType>, Py<PyType>)> = PyOnceLock::new();

/// The value of a ctypes float; None for anything else. Does not import ctypes: without the
/// module there are no such objects.
pub fn float(value: &Bound<'_, PyAny>) -> PyResult<Option<Float>> {
    let py = value.py();
    let kinds = match KINDS.get(py) {
        Some(kinds) => kinds,
        None => {
            let module = py.import("sys")?.getattr("modules")?.call_method1("get", ("ctypes",))?;
            if module.is_none() {
                return Ok(None);
            }
            KINDS.get_or_try_init(py, || {
                let kind = |name| Ok::<_, PyErr>(module.getattr(name)?.cast_into()?.unbind());
                Ok::<_, PyErr>((kind("c_float")?, kind("c_double")?))
            })?
        }
    };
    let read = || value.getattr(intern!(py, "value"))?.extract::<f64>();
    if value.is_instance(kinds.0.bind(py))? {
        return Ok(Some(Float::Single(read()?)));
    }
    if value.is_instance(kinds.1.bind(py))? {
        return Ok(Some(Float::Double(read()?)));
    }
    Ok(None)
}
