//! A library that speaks FoundationDB's C API: the engine linked into this module, or a loaded `libfdb_c`.

use std::{
    ffi::{CStr, CString, c_int},
    path::PathBuf,
    sync::OnceLock,
};

use found_fdb_sys::fdb_error_t;
use parking_lot::Mutex;

use super::{
    error::Code,
    network::{Network, NetworkError},
    table::Table,
};

/// The API version asked for, and the oldest one that a client may fall back to.
const API_VERSION: c_int = 730;
const OLDEST_API_VERSION: c_int = 710;

/// The first API version whose clients have no tenants any more.
const WITHOUT_TENANTS: c_int = 800;

/// One library of the process. Libraries live as long as the process: their network can be started only once,
/// and its thread may still be inside the code, so none is ever unloaded.
pub struct Library {
    pub(super) table: Table,
    pub(super) network: Mutex<Network>,
    name: String,
}

impl Library {
    fn new(table: Table, name: String) -> Library {
        Library { table, network: Mutex::new(Network::Unstarted), name }
    }

    /// The engine linked into this module. It costs nothing until a database is opened.
    pub fn linked() -> &'static Library {
        static LINKED: OnceLock<Library> = OnceLock::new();
        LINKED.get_or_init(|| Library::new(Table::LINKED, "the embedded engine".to_owned()))
    }

    /// Apple's client, or whatever `FOUND_LIBFDB_C` names. A library that was found stays the process' one.
    pub fn loaded() -> Result<&'static Library, LoadError> {
        static LOADED: Mutex<Option<&'static Library>> = Mutex::new(None);
        let mut loaded = LOADED.lock();
        if let Some(library) = *loaded {
            return Ok(library);
        }
        let library: &'static Library = Box::leak(Box::new(load()?));
        *loaded = Some(library);
        Ok(library)
    }

    /// How messages call this library.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// FoundationDB's text for an error code.
    pub fn error_text(&self, code: fdb_error_t) -> String {
        // SAFETY: fdb_get_error takes any code at any time and returns a static C string.
        let text = unsafe { CStr::from_ptr((self.table.fdb_get_error)(code)) };
        text.to_string_lossy().into_owned()
    }

    /// Whether `code` is in the class of errors that `predicate` names (50000 to 50002).
    pub fn error_predicate(&self, predicate: c_int, code: fdb_error_t) -> bool {
        // SAFETY: takes any two integers at any time.
        unsafe { (self.table.fdb_error_predicate)(predicate, code) != 0 }
    }

    /// The version string of the client: its version, source revision and protocol.
    pub fn client_version(&self) -> String {
        // SAFETY: callable at any time, returns a static C string.
        let text = unsafe { CStr::from_ptr((self.table.fdb_get_client_version)()) };
        text.to_string_lossy().into_owned()
    }

    /// Selects the API version. The header version named is the runtime one, so that a client older than this
    /// driver's header does not refuse.
    pub(super) fn select_api_version(&self) -> Result<(), NetworkError> {
        // SAFETY: callable at any time.
        let version = unsafe { (self.table.fdb_get_max_api_version)() }.min(API_VERSION);
        // SAFETY: callable at any time; a second call answers 2201.
        let code = unsafe { (self.table.fdb_select_api_version_impl)(version, version) };
        match code {
            0 => Ok(()),
            2201 => Err(NetworkError::AlreadyStarted { library: self.name.clone() }),
            code => Err(NetworkError::Code(Code(code))),
        }
    }

    /// Sets a network option of this library alone.
    pub(super) fn set_network_option(
        &self,
        option: c_int,
        value: Option<&[u8]>,
    ) -> Result<(), Code> {
        let (pointer, length) = match value {
            Some(bytes) => (bytes.as_ptr(), super::transaction::length(bytes)?),
            None => (std::ptr::null(), 0),
        };
        // SAFETY: the value is readable for `length` bytes during the call; a null one has length 0.
        let code = unsafe {
            (self.table.fdb_network_set_option)(
                option as found_fdb_sys::FDBNetworkOption,
                pointer,
                length,
            )
        };
        Code::check(code)
    }
}

/// Why no library could be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// `FOUND_LIBFDB_C` names a file that cannot be used.
    Named { path: PathBuf, cause: String },
    /// No library was found; these were tried.
    NotFound { tried: Vec<(PathBuf, String)> },
}

fn load() -> Result<Library, LoadError> {
    if let Some(path) = std::env::var_os("FOUND_LIBFDB_C").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return load_from(&path).map_err(|cause| LoadError::Named { path, cause });
    }
    let mut tried = Vec::new();
    for path in candidates() {
        match load_from(&path) {
            Ok(library) => return Ok(library),
            Err(cause) => tried.push((path, cause)),
        }
    }
    Err(LoadError::NotFound { tried })
}

/// The platform's name for the library, which the dynamic linker looks for in its own folders, then where
/// Apple's packages put it.
fn candidates() -> Vec<PathBuf> {
    let names: &[&str] = if cfg!(target_os = "windows") {
        &["fdb_c.dll", "C:/Program Files/foundationdb/bin/fdb_c.dll"]
    } else if cfg!(target_os = "macos") {
        &["libfdb_c.dylib", "/usr/local/lib/libfdb_c.dylib", "/opt/homebrew/lib/libfdb_c.dylib"]
    } else {
        &[
            "libfdb_c.so",
            "/usr/lib/libfdb_c.so",
            "/usr/lib64/libfdb_c.so",
            "/usr/local/lib/libfdb_c.so",
        ]
    };
    names.iter().map(PathBuf::from).collect()
}

fn load_from(path: &std::path::Path) -> Result<Library, String> {
    // SAFETY: loading runs the library's initialisers. It is a FoundationDB client by its name or because the
    // user named it; there is no way to look first.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| cause(&error))?;
    let newest = newest_api_version(&library)
        .ok_or("it is no FoundationDB client: it has no fdb_get_max_api_version")?;
    if newest < OLDEST_API_VERSION {
        // Before the table: what an old client lacks first says little about its age.
        return Err(format!(
            "it knows API versions up to {newest}, and found needs {OLDEST_API_VERSION}: \
             install a FoundationDB client of version 7.1 or later"
        ));
    }
    let mut table = Table::load(&library).map_err(|error| cause(&error))?;
    if newest >= WITHOUT_TENANTS {
        table = table.without_tenants();
    }
    // The table's pointers must stay valid for the life of the process.
    std::mem::forget(library);
    Ok(Library::new(table, path.display().to_string()))
}

/// What the dynamic linker says.
fn cause(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// The newest API version that a library knows, if it is a client.
fn newest_api_version(library: &libloading::Library) -> Option<c_int> {
    // SAFETY: the function of this name takes nothing and returns an int, in every version of fdb_c.h.
    let function =
        unsafe { library.get::<unsafe extern "C" fn() -> c_int>(b"fdb_get_max_api_version\0") };
    // SAFETY: callable at any time.
    function.ok().map(|function| unsafe { function() })
}

/// A NUL-terminated copy; a path with a NUL inside is no path.
pub(super) fn c_string(text: &str) -> Result<CString, Code> {
    CString::new(text).map_err(|_| Code(2006))
}
