//! What is done to an embedded database's file beside the C API. Both block, for as long as reading the file takes.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::errors;
use crate::fdb::Code;
use found_embedded::upkeep::{self, Checked};

/// How often Python is told how far it is.
const TOLD: Duration = Duration::from_millis(100);

type Report = (u64, u64, u64, bool, Vec<String>);

fn failed(py: Python<'_>, failure: &found_embedded::storage::OpenFailure) -> PyErr {
    errors::with_detail(py, None, Code(failure.code.0), Some(failure.message.clone()))
}

/// Verifies a file: see `found.embedded.check`. `progress` takes rows and bytes; if it raises, that is the end.
#[pyfunction]
pub fn _check_file(
    py: Python<'_>,
    address: &str,
    repair: bool,
    progress: Option<Py<PyAny>>,
) -> PyResult<Report> {
    let mut raised = None;
    let mut told = Instant::now();
    let checked = py.detach(|| {
        upkeep::check(address, repair, |rows, bytes| {
            let Some(progress) = &progress else { return true };
            if told.elapsed() < TOLD {
                return true;
            }
            told = Instant::now();
            raised = Python::attach(|py| progress.call1(py, (rows, bytes)).err());
            raised.is_none()
        })
    });
    if let Some(error) = raised {
        return Err(error);
    }
    let Checked { rows, bytes, file_bytes, recovered, problems } =
        checked.map_err(|failure| failed(py, &failure))?;
    Ok((rows, bytes, file_bytes, recovered, problems))
}

/// Makes a file as small as it can be: see `found.embedded.compact`.
#[pyfunction]
pub fn _compact_file(py: Python<'_>, address: &str) -> PyResult<(u64, u64)> {
    py.detach(|| upkeep::compact(address)).map_err(|failure| failed(py, &failure))
}
