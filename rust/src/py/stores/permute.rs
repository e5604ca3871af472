//! A tuple's keys in the indexes of an nstore: the same packed items in another order each.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyList, PyTuple},
};

use super::super::tuple::pack_one;

/// The keys of a tuple of `items`: for each of `heads`, its bytes and the items' in the order that
/// `orders` has in its place. Each item is packed once.
#[pyfunction]
pub fn _permute<'py>(
    py: Python<'py>,
    heads: Vec<Bound<'py, PyBytes>>,
    orders: &Bound<'py, PyTuple>,
    items: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyList>> {
    let mut packed = Vec::new();
    let mut ends = Vec::with_capacity(items.len());
    for item in items.iter_borrowed() {
        pack_one(&item, &mut packed)?;
        ends.push(packed.len());
    }
    let part = |column: usize| {
        let begin = column.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied());
        packed.get(begin?..*ends.get(column)?)
    };
    let keys = PyList::empty(py);
    for (head, order) in heads.iter().zip(orders.iter_borrowed()) {
        let head = head.as_bytes();
        let mut key = Vec::with_capacity(head.len() + packed.len());
        key.extend_from_slice(head);
        for column in order.cast::<PyTuple>()?.iter_borrowed() {
            let item = part(column.extract()?);
            let item =
                item.ok_or_else(|| PyValueError::new_err("an order has a column too many"))?;
            key.extend_from_slice(item);
        }
        keys.append(PyBytes::new(py, &key))?;
    }
    Ok(keys)
}
