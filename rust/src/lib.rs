//! The extension module `found._found`.

mod fdb;
mod py;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _found(module: &Bound<'_, PyModule>) -> PyResult<()> {
    py::register(module)
}
