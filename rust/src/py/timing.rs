//! The floor that the benchmarks measure against: calls through the table, without Python.

use std::time::Instant;

use pyo3::prelude::*;

use super::{
    arguments::{Arg, Bytes, Tx, name},
    errors,
};
use crate::fdb::Fault;

/// Seconds that `count` gets of `key`, each ready at once, take from Rust: called, read, destroyed.
#[pyfunction]
pub fn _time_ready_gets(
    tx: Tx<'_>,
    key: Bytes<'_, name::Key>,
    count: Arg<name::Count, u32>,
) -> PyResult<f64> {
    let count = *count;
    let time = || -> Result<f64, Fault> {
        let began = Instant::now();
        for _ in 0..count {
            let future = tx.get().inner().get(key.as_slice(), false)?;
            if future.is_ready() {
                std::hint::black_box(future.value()?);
            }
        }
        Ok(began.elapsed().as_secs_f64())
    };
    time().map_err(|fault| errors::raise(tx.py(), fault))
}
