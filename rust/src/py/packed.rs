//! The rows of a range in one piece of memory, for what goes through many of them in Rust.

use pyo3::prelude::*;

use crate::fdb::Rows;

/// The rows of a range: what a query gives to the hot loops of the stores, without an object for each.
#[pyclass(frozen, name = "_PackedRows", module = "found._found")]
#[derive(Default)]
pub struct PackedRows {
    /// So many bytes that every key begins with are left out.
    skip: usize,
    bytes: Vec<u8>,
    /// Where in `bytes` the key and the value of each row end; each begins where the last ended.
    ends: Vec<(usize, usize)>,
}

impl PackedRows {
    pub fn skipping(skip: usize) -> PackedRows {
        PackedRows { skip, ..PackedRows::default() }
    }

    pub fn extend(&mut self, rows: &Rows<'_>) {
        self.ends.reserve(rows.len());
        for (key, value) in rows.iter() {
            self.bytes.extend_from_slice(key.get(self.skip..).unwrap_or_default());
            let key_end = self.bytes.len();
            self.bytes.extend_from_slice(value);
            self.ends.push((key_end, self.bytes.len()));
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// What is left of the key, and the value, of row `place`.
    pub fn get(&self, place: usize) -> Option<(&[u8], &[u8])> {
        let (key_end, value_end) = *self.ends.get(place)?;
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before].1);
        Some((&self.bytes[begin..key_end], &self.bytes[key_end..value_end]))
    }
}

#[pymethods]
impl PackedRows {
    /// No rows.
    #[new]
    fn new() -> PackedRows {
        PackedRows::default()
    }

    fn __len__(&self) -> usize {
        self.len()
    }
}
