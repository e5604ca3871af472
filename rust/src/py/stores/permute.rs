//! A tuple's keys in the indexes of an nstore: the same packed items in another order each.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyList, PyTuple},
};

use super::super::{arguments::Tx, errors, tuple::pack_one};

/// The longest key (fdbclient/ClientKnobs.cpp, KEY_SIZE_LIMIT).
const MAX_KEY: usize = 10_000;

/// Where the packed items of a tuple are; each is packed once.
struct Packed {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Packed {
    fn new(items: &Bound<'_, PyTuple>) -> PyResult<Packed> {
        let mut packed = Packed { bytes: Vec::new(), ends: Vec::with_capacity(items.len()) };
        for item in items.iter_borrowed() {
            pack_one(&item, &mut packed.bytes)?;
            packed.ends.push(packed.bytes.len());
        }
        Ok(packed)
    }

    fn item(&self, column: usize) -> Option<&[u8]> {
        let begin = match column.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.bytes.get(begin..*self.ends.get(column)?)
    }

    /// Calls `take` with the key that begins with each of `heads` and has the items in the order
    /// that `orders` has in its place.
    fn each_key(
        &self,
        heads: &Bound<'_, PyTuple>,
        orders: &Bound<'_, PyTuple>,
        mut take: impl FnMut(&[u8]) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut key = Vec::new();
        for (head, order) in heads.iter_borrowed().zip(orders.iter_borrowed()) {
            key.clear();
            key.extend_from_slice(head.cast::<PyBytes>()?.as_bytes());
            for column in order.cast::<PyTuple>()?.iter_borrowed() {
                let item = self.item(column.extract()?);
                let item = item.ok_or_else(|| PyValueError::new_err("a column has no item"))?;
                key.extend_from_slice(item);
            }
            take(&key)?;
        }
        Ok(())
    }
}

/// The keys of a tuple of `items`: for each of `heads`, its bytes and the items' in the order that
/// `orders` has in its place.
#[pyfunction]
pub fn _permute<'py>(
    py: Python<'py>,
    heads: &Bound<'py, PyTuple>,
    orders: &Bound<'py, PyTuple>,
    items: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyList>> {
    let keys = PyList::empty(py);
    let packed = Packed::new(items)?;
    packed.each_key(heads, orders, |key| keys.append(PyBytes::new(py, key)))?;
    Ok(keys)
}

/// Sets the keys of `_permute` to `value`. Raises ValueError, and sets none, if one is too long.
#[pyfunction]
pub fn _set_permuted(
    tx: Tx<'_>,
    heads: &Bound<'_, PyTuple>,
    orders: &Bound<'_, PyTuple>,
    items: &Bound<'_, PyTuple>,
    value: &Bound<'_, PyBytes>,
) -> PyResult<()> {
    let packed = Packed::new(items)?;
    for head in heads.iter_borrowed() {
        let size = head.cast::<PyBytes>()?.as_bytes().len() + packed.bytes.len();
        if size > MAX_KEY {
            return Err(PyValueError::new_err("a key is too long"));
        }
    }
    let transaction = tx.get().writable()?;
    packed.each_key(heads, orders, |key| {
        let set = transaction.set(key, value.as_bytes());
        set.map_err(|fault| errors::raise(tx.py(), fault))
    })
}
