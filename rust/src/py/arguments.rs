//! Arguments that a wrong type or size is told by name: PyO3 names them in a note alone, which few programs log.

use std::{marker::PhantomData, ops::Deref};

use pyo3::{
    conversion::FromPyObjectOwned,
    exceptions::{PyOverflowError, PyTypeError},
    prelude::*,
    types::PyBytes,
};

use super::{
    database::Database,
    selector::{Edge, KeySelector},
    transaction::Transaction,
};

/// The name of an argument, as a type.
pub trait Name {
    const NAME: &'static str;
}

/// What an argument can be.
pub trait Expected {
    const EXPECTED: &'static str;
}

/// An argument of the name `N`.
pub struct Arg<N, T> {
    value: T,
    name: PhantomData<N>,
}

impl<N, T> Deref for Arg<N, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<N, T> Arg<N, T> {
    /// An argument that was not given.
    pub fn new(value: T) -> Arg<N, T> {
        Arg { value, name: PhantomData }
    }

    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<'py, N, T> FromPyObject<'_, 'py> for Arg<N, T>
where
    N: Name,
    T: Expected + FromPyObjectOwned<'py>,
{
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<T>() {
            Ok(value) => Ok(Arg::new(value)),
            Err(error) => {
                let error = error.into();
                Err(named(N::NAME, T::EXPECTED, &object, error))
            }
        }
    }
}

/// The error of an argument that could not be taken, in the argument's name.
#[cold]
fn named(name: &str, expected: &str, object: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = object.py();
    if error.is_instance_of::<PyOverflowError>(py) {
        return PyOverflowError::new_err(format!("{name} is out of range: {object}"));
    }
    match object.get_type().name() {
        Ok(kind) => PyTypeError::new_err(format!("{name} must be {expected}, not {kind}")),
        Err(error) => error,
    }
}

macro_rules! expected {
    ($($kind:ty = $text:literal,)*) => {
        $(impl Expected for $kind { const EXPECTED: &'static str = $text; })*
    };
}

expected! {
    Bound<'_, PyBytes> = "bytes",
    Bound<'_, Transaction> = "a found.Transaction",
    Bound<'_, Database> = "a found.Database",
    Edge<'_> = "bytes or a found.KeySelector",
    KeySelector = "a found.KeySelector",
    bool = "a bool",
    i32 = "an int",
    u32 = "an int",
    i64 = "an int",
    u64 = "an int",
}

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        $(
            pub struct $name;
            impl Name for $name { const NAME: &'static str = $text; }
        )*
    };
}

/// Every name that an argument has.
pub mod name {
    use super::Name;

    names! {
        Begin = "begin",
        ChunkSize = "chunk_size",
        Code = "code",
        ConflictType = "conflict_type",
        Count = "count",
        Db = "db",
        End = "end",
        Expected = "expected",
        Key = "key",
        KeySelector = "key_selector",
        Limit = "limit",
        Mapper = "mapper",
        Mode = "mode",
        Offset = "offset",
        Option_ = "option",
        OrEqual = "or_equal",
        Other = "other",
        Param = "param",
        Predicate = "predicate",
        Reverse = "reverse",
        Snapshot = "snapshot",
        TenantName = "name",
        Tx = "tx",
        Value = "value",
        Version = "version",
    }
}

/// A bytes argument.
pub type Bytes<'py, N> = Arg<N, Bound<'py, PyBytes>>;

impl<N> Bytes<'_, N> {
    pub fn as_slice(&self) -> &[u8] {
        self.value.as_bytes()
    }
}

/// The transaction of a call.
pub type Tx<'py> = Arg<name::Tx, Bound<'py, Transaction>>;

/// The database of a call.
pub type Db<'py> = Arg<name::Db, Bound<'py, Database>>;
