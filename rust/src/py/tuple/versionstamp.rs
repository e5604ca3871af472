//! `found.Versionstamp`.

use found_tuple::{INCOMPLETE, VERSIONSTAMP_BYTES};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyType};

use super::type_name;

/// Declared in the order versionstamps sort: whatever is committed before whatever is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Database {
    Complete([u8; 10]),
    Incomplete,
}

/// The place of a commit in the order of all commits: ten bytes that FoundationDB chooses, unique
/// and growing, and two that the user chooses to tell apart stamps of one transaction.
///
/// Without `tr_version` the stamp is incomplete: pack it with `pack_with_versionstamp` and hand
/// the result to `set_versionstamped_key` or `set_versionstamped_value`; the commit fills it in.
/// `tr_version` is what `get_versionstamp` gives, `user_version` an int of 0 to 65535.
///
/// Versionstamps compare by `tr_version`, then by `user_version`, incomplete ones after all
/// others, as `fdb.tuple.Versionstamp` does. They cannot be changed and may be keys of a dict.
///
/// Raises TypeError for other types, ValueError for a `tr_version` that has not ten bytes or a
/// `user_version` out of range.
#[pyclass(frozen, eq, ord, hash, subclass, module = "found")]
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Versionstamp {
    database: Database,
    user: u16,
}

impl Versionstamp {
    pub fn new(database: Option<&[u8; 10]>, user: u16) -> Self {
        let database = database.map_or(Database::Incomplete, |bytes| Database::Complete(*bytes));
        Self { database, user }
    }

    pub fn database(&self) -> Option<&[u8; 10]> {
        match &self.database {
            Database::Complete(bytes) => Some(bytes),
            Database::Incomplete => None,
        }
    }

    pub fn user(&self) -> u16 {
        self.user
    }
}

fn database_bytes(tr_version: &Bound<'_, PyAny>) -> PyResult<[u8; 10]> {
    let Ok(bytes) = tr_version.cast::<PyBytes>() else {
        return Err(PyTypeError::new_err(format!(
            "tr_version must be bytes, not '{}'",
            type_name(tr_version)
        )));
    };
    let bytes = bytes.as_bytes();
    bytes.try_into().map_err(|_| {
        PyValueError::new_err(format!("tr_version must have 10 bytes, not {}", bytes.len()))
    })
}

/// The argument `user_version`, or its absence, which is not None.
struct UserVersion<'py>(Option<Bound<'py, PyAny>>);

impl<'py> FromPyObject<'_, 'py> for UserVersion<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(Some(value.to_owned())))
    }
}

fn user_number(user_version: &UserVersion<'_>) -> PyResult<u16> {
    let Some(user_version) = &user_version.0 else { return Ok(0) };
    if !user_version.is_instance_of::<PyInt>() {
        return Err(PyTypeError::new_err(format!(
            "user_version must be an int, not '{}'",
            type_name(user_version)
        )));
    }
    user_version.extract().map_err(|_| {
        PyValueError::new_err(format!("user_version must be 0 to 65535, not {user_version}"))
    })
}

#[pymethods]
impl Versionstamp {
    /// The number of bytes of a versionstamp.
    #[classattr]
    const LENGTH: usize = VERSIONSTAMP_BYTES;

    #[new]
    #[pyo3(signature = (tr_version=None, user_version=UserVersion(None)), text_signature = "(tr_version=None, user_version=0)")]
    fn construct(
        tr_version: Option<&Bound<'_, PyAny>>,
        user_version: UserVersion<'_>,
    ) -> PyResult<Self> {
        let database = tr_version.map(database_bytes).transpose()?;
        Ok(Self::new(database.as_ref(), user_number(&user_version)?))
    }

    /// A versionstamp that the commit completes.
    #[staticmethod]
    #[pyo3(signature = (user_version=UserVersion(None)), text_signature = "(user_version=0)")]
    fn incomplete(user_version: UserVersion<'_>) -> PyResult<Self> {
        Self::construct(None, user_version)
    }

    /// Reads the twelve bytes that `to_bytes` gives, from `start` on; ten 0xff are an incomplete
    /// stamp.
    ///
    /// Raises TypeError if `v` is not bytes, ValueError if fewer than twelve are left.
    #[staticmethod]
    #[pyo3(signature = (v, start=0))]
    fn from_bytes(v: &Bound<'_, PyAny>, start: isize) -> PyResult<Self> {
        let Ok(bytes) = v.cast::<PyBytes>() else {
            return Err(PyTypeError::new_err(format!("v must be bytes, not '{}'", type_name(v))));
        };
        let rest = usize::try_from(start).ok().and_then(|start| bytes.as_bytes().get(start..));
        let rest = rest.unwrap_or_default();
        let Some([database @ .., high, low]) = rest.first_chunk::<VERSIONSTAMP_BYTES>() else {
            return Err(PyValueError::new_err(format!(
                "a versionstamp has {VERSIONSTAMP_BYTES} bytes, only {} are left from {start} on",
                rest.len()
            )));
        };
        let user = u16::from_be_bytes([*high, *low]);
        Ok(Self::new((*database != INCOMPLETE).then_some(database), user))
    }

    /// FoundationDB's ten bytes, or None while the stamp is incomplete.
    #[getter]
    fn tr_version<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.database().map(|bytes| PyBytes::new(py, bytes))
    }

    /// The user's two bytes, as an int.
    #[getter]
    fn user_version(&self) -> u16 {
        self.user
    }

    /// Whether FoundationDB's ten bytes are known.
    fn is_complete(&self) -> bool {
        self.database().is_some()
    }

    /// This stamp with FoundationDB's ten bytes filled in.
    ///
    /// Raises RuntimeError if they already are.
    fn completed(&self, new_tr_version: &Bound<'_, PyAny>) -> PyResult<Self> {
        if self.is_complete() {
            return Err(PyRuntimeError::new_err("the versionstamp is already complete"));
        }
        Ok(Self::new(Some(&database_bytes(new_tr_version)?), self.user))
    }

    /// The twelve bytes of the stamp; ten 0xff stand for what is not known yet.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut bytes = [0xff; VERSIONSTAMP_BYTES];
        if let Some(database) = self.database() {
            bytes[..10].copy_from_slice(database);
        }
        bytes[10..].copy_from_slice(&self.user.to_be_bytes());
        PyBytes::new(py, &bytes)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let tr_version = self.tr_version(py).into_pyobject(py)?.repr()?;
        Ok(format!("Versionstamp({tr_version}, {})", self.user))
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> (Bound<'py, PyType>, (Option<Bound<'py, PyBytes>>, u16)) {
        let this = slf.get();
        (slf.get_type(), (this.tr_version(slf.py()), this.user))
    }
}
