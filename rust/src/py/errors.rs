//! How the driver's failures become exceptions. The classes are Python's own: see `found.errors`.

use pyo3::{exceptions::PyRuntimeError, prelude::*, sync::PyOnceLock};

use crate::fdb::{Code, Fault, Library, LoadError, NetworkError};

/// A `found.FoundException`. The text is the library's that answered, else the engine's.
pub fn from_code(py: Python<'_>, library: Option<&'static Library>, code: Code) -> PyErr {
    with_detail(py, library, code, None)
}

/// What a client answers that does not reach its cluster: timeouts (1004, 1031), connections (1026), the cluster file
/// (1511 to 1515, 2104), versions that do not fit (2100, 2125).
const OUT_OF_REACH: [i32; 10] = [1004, 1026, 1031, 1511, 1513, 1514, 1515, 2100, 2104, 2125];

/// The error of a future, with what the C API cannot say: of a database in a file which file it is and what is wrong with
/// it, which the engine tells beside; of a cluster that cannot be reached by which cluster file.
pub fn from_future(
    py: Python<'_>,
    library: &'static Library,
    code: Code,
    address: Option<&str>,
) -> PyErr {
    let linked = std::ptr::eq(library, Library::linked());
    let detail = address.and_then(|address| match code.0 {
        1500..1600 if linked => found_embedded::storage_failure(address),
        code if !linked && OUT_OF_REACH.contains(&code) => Some(format!("cluster file {address}")),
        _ => None,
    });
    with_detail(py, Some(library), code, detail)
}

/// A `found.FoundException` that says more than the code can: which file, which option.
pub fn with_detail(
    py: Python<'_>,
    library: Option<&'static Library>,
    code: Code,
    detail: Option<String>,
) -> PyErr {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let text = library.unwrap_or_else(Library::linked).error_text(code.0);
    let made = CLASS
        .import(py, "found.errors", "FoundException")
        .and_then(|class| class.call1((code.0, detail, text)));
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

fn library_exception(py: Python<'_>, text: String) -> PyErr {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made =
        CLASS.import(py, "found.errors", "LibraryException").and_then(|class| class.call1((text,)));
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

pub fn raise(py: Python<'_>, fault: Fault) -> PyErr {
    match fault {
        Fault::Closed => PyRuntimeError::new_err("the database is closed: open it again"),
        Fault::Absent { library, function, versions } => library_exception(
            py,
            format!(
                "{} ({}) has no {function}: FoundationDB clients {versions} have it",
                library.name(),
                library.client_version()
            ),
        ),
        Fault::Code(code) => from_code(py, None, code),
        Fault::Network(error) => network(py, error),
    }
}

pub fn network(py: Python<'_>, error: NetworkError) -> PyErr {
    match error {
        NetworkError::Code(code) => from_code(py, None, code),
        NetworkError::Forked => PyRuntimeError::new_err(
            "this process was forked after a database had been opened: the network thread is not in it. \
             Open databases only after the fork, or start processes with the 'spawn' method",
        ),
        NetworkError::Stopped => {
            PyRuntimeError::new_err("the network has stopped: the program is ending")
        }
        NetworkError::Thread(error) => error.into(),
        NetworkError::Refused(text) => library_exception(py, text),
        NetworkError::AlreadyStarted { library } => library_exception(
            py,
            format!(
                "{library} was started by another FoundationDB binding in this process, and a client can be \
                 started only once: use one binding a process"
            ),
        ),
    }
}

/// No client library: what was looked for, how to get one, and what needs none.
pub fn load(py: Python<'_>, error: LoadError) -> PyErr {
    let text = match error {
        LoadError::Named { path, cause } => {
            format!("FOUND_LIBFDB_C names {}, which cannot be used: {cause}", path.display())
        }
        LoadError::NotFound { tried } => {
            let tried: Vec<String> =
                tried.iter().map(|(path, cause)| format!("{} ({cause})", path.display())).collect();
            format!(
                "no FoundationDB client library was found. Tried: {}. Install the client package \
                 (foundationdb-clients) from https://github.com/apple/foundationdb/releases, or let \
                 FOUND_LIBFDB_C name the library. A database in memory ('memory:') or in a file \
                 ('embedded:PATH') needs none",
                tried.join("; ")
            )
        }
    };
    library_exception(py, text)
}

/// asyncio's CancelledError, with the message of who cancelled.
pub fn cancelled(py: Python<'_>, message: Option<Py<PyAny>>) -> PyResult<Bound<'_, PyAny>> {
    static CANCELLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CANCELLED.import(py, "asyncio", "CancelledError")?;
    match message {
        Some(message) if !message.is_none(py) => class.call1((message,)),
        _ => class.call0(),
    }
}

/// asyncio's InvalidStateError.
pub fn invalid_state(py: Python<'_>, text: &'static str) -> PyErr {
    static INVALID: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match INVALID.import(py, "asyncio", "InvalidStateError").and_then(|class| class.call1((text,)))
    {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
