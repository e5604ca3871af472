//! Rows of a scan to bindings: the items of each key get the names of a pattern's variables.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString, PyTuple},
};

use super::super::tuple::{pack_one, unpack_elements};

/// What an item must be, beyond being there.
enum Test<'py> {
    /// Packed, from the first on and less than the second.
    Within(Bound<'py, PyBytes>, Bound<'py, PyBytes>),
    /// The item that another place of the row has.
    Equals(usize),
}

impl Test<'_> {
    /// Compares packed items, so that 1, 1.0 and True are different, and NaN is itself.
    fn passes(
        &self,
        item: &Bound<'_, PyAny>,
        items: &[Bound<'_, PyAny>],
        room: &mut Vec<u8>,
    ) -> PyResult<bool> {
        room.clear();
        pack_one(item, room)?;
        match self {
            Test::Within(begin, end) => {
                Ok(begin.as_bytes() <= room.as_slice() && room.as_slice() < end.as_bytes())
            }
            Test::Equals(place) => {
                let Some(other) = items.get(*place) else { return Ok(false) };
                let item = room.len();
                pack_one(other, room)?;
                let (item, other) = room.split_at(item);
                Ok(item == other)
            }
        }
    }
}

/// The bindings of a page of rows.
///
/// `rows` are pairs of key and value. After `skip` bytes a key has the items of `names`, in their
/// order; one that has not, or that cannot be unpacked, is left out: a check of the store tells of
/// it. `tests` has, if it is not None, for each item None, a pair of bytes that the packed item
/// must lie between, or the number of an earlier item that it must equal. `value` names the row's
/// value. Each binding is a new dict of what `seed` has and these; with a `path`, a pair of a name
/// and of where `seed` was found, it has under that name a pair of this and the row's key.
#[pyfunction]
#[pyo3(signature = (rows, skip, names, tests, value, seed, path))]
#[allow(clippy::too_many_arguments)]
pub fn _bind<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyList>,
    skip: usize,
    names: &Bound<'py, PyTuple>,
    tests: Option<Vec<Option<Bound<'py, PyAny>>>>,
    value: Option<&Bound<'py, PyString>>,
    seed: &Bound<'py, PyDict>,
    path: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
) -> PyResult<Bound<'py, PyList>> {
    let tests: Vec<Option<Test<'_>>> = tests
        .unwrap_or_default()
        .into_iter()
        .map(|test| test.map(|test| extract(&test)).transpose())
        .collect::<PyResult<_>>()?;
    let bindings = PyList::empty(py);
    let mut items = Vec::with_capacity(names.len());
    let mut room = Vec::new();
    for row in rows.iter() {
        let row = row.cast::<PyTuple>()?;
        let key = row.get_borrowed_item(0)?;
        items.clear();
        items = match unpack_elements(py, key.cast::<PyBytes>()?.as_bytes(), skip, items) {
            Ok(items) => items,
            Err(error) if is_damage(py, &error) => {
                items = Vec::with_capacity(names.len());
                continue;
            }
            Err(error) => return Err(error),
        };
        if items.len() != names.len() || !passes(&tests, &items, &mut room)? {
            continue;
        }
        let binding = seed.copy()?;
        for (name, item) in names.iter_borrowed().zip(&items) {
            binding.set_item(name, item)?;
        }
        if let Some(name) = value {
            binding.set_item(name, row.get_borrowed_item(1)?)?;
        }
        if let Some((name, parent)) = &path {
            binding.set_item(name, (parent, key))?;
        }
        bindings.append(binding)?;
    }
    Ok(bindings)
}

fn extract<'py>(test: &Bound<'py, PyAny>) -> PyResult<Test<'py>> {
    if let Ok(place) = test.extract() {
        return Ok(Test::Equals(place));
    }
    let (begin, end) = test.extract()?;
    Ok(Test::Within(begin, end))
}

fn passes(
    tests: &[Option<Test<'_>>],
    items: &[Bound<'_, PyAny>],
    room: &mut Vec<u8>,
) -> PyResult<bool> {
    for (test, item) in tests.iter().zip(items) {
        if let Some(test) = test
            && !test.passes(item, items, room)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the bytes are to blame for an error, not the interpreter.
fn is_damage(py: Python<'_>, error: &PyErr) -> bool {
    // Text that is not UTF-8 is a UnicodeDecodeError, which is one.
    error.is_instance_of::<PyValueError>(py)
}
