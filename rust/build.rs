//! Makes PyO3's cfgs (Py_3_10, PyPy, …) known to this crate.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
