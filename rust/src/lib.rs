//! The extension module `found._found`.

use pyo3::prelude::*;

#[pymodule]
fn _found(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
