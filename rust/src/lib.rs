//! The extension module `found._found`.

mod fdb;
mod py;

use pyo3::prelude::*;

/// What a commit writes is allocated by the program's thread and freed by the network thread: the system's allocator has
/// the two wait for each other.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[pymodule(gil_used = false)]
fn _found(module: &Bound<'_, PyModule>) -> PyResult<()> {
    py::register(module)
}
