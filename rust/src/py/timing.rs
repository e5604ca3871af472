//! The floor that the benchmarks measure against: calls through the table, without Python.

use std::time::Instant;

use pyo3::{exceptions::PyValueError, prelude::*, types::PyBytes};

use super::{
    arguments::{Arg, Bytes, Tx, name},
    errors,
    page::Page,
    remainder::Remainder,
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

/// Seconds that the rows of a range take from Rust, in the batches of `found.all`: called, looked at, destroyed.
#[pyfunction]
pub fn _time_rows(
    tx: Tx<'_>,
    begin: Bytes<'_, name::Begin>,
    end: Bytes<'_, name::End>,
) -> PyResult<f64> {
    let mut remainder = Remainder::all_of(begin.as_slice(), end.as_slice());
    let mut time = || -> Result<f64, Fault> {
        let began = Instant::now();
        loop {
            let future = remainder.read(tx.get())?;
            if !future.is_ready() {
                return Ok(f64::NAN);
            }
            let page = Page::read(&future, false)?;
            if let Page::Plain(rows) = &page {
                rows.iter().map(std::hint::black_box).for_each(|_| ());
            }
            if !remainder.advance(&page) {
                return Ok(began.elapsed().as_secs_f64());
            }
        }
    };
    time().map_err(|fault| errors::raise(tx.py(), fault))
}

/// Seconds that `count` rows take to be built, and dropped: a tuple of two bytes.
#[pyfunction]
pub fn _time_row_objects(
    key: Bytes<'_, name::Key>,
    value: Bytes<'_, name::Value>,
    count: Arg<name::Count, u32>,
) -> PyResult<f64> {
    let py = key.py();
    let began = Instant::now();
    for _ in 0..*count {
        let row = (PyBytes::new(py, key.as_slice()), PyBytes::new(py, value.as_slice()));
        drop(row.into_pyobject(py)?);
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Seconds that packing a tuple `count` times takes from Rust, and the bytes made of it; `packed` is the tuple.
#[pyfunction]
pub fn _time_pack(packed: Bytes<'_, name::Value>, count: Arg<name::Count, u32>) -> PyResult<f64> {
    let py = packed.py();
    let invalid = |error: &dyn std::fmt::Display| PyValueError::new_err(error.to_string());
    let elements = found_tuple::unpack(packed.as_slice()).map_err(|error| invalid(&error))?;
    let began = Instant::now();
    for _ in 0..*count {
        let packed = found_tuple::pack(&elements).map_err(|error| invalid(&error))?;
        drop(PyBytes::new(py, &packed));
    }
    Ok(began.elapsed().as_secs_f64())
}
