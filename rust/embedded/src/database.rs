//! Database handles, and which of them are the same database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use found_fdb_sys::{FDBDatabaseOption, FDBTransactionOption};
use parking_lot::Mutex;

use crate::address::{self, Address, AddressOptions, Place};
use crate::commit::{Core, Latch, Store};
use crate::error::{Error, Result};
use crate::future::{Future, Outcome};
use crate::latency::Latency;
use crate::limits::WATCHES;
use crate::options::{self, DatabaseOption};
use crate::storage::{FileOptions, OpenFailure, Storage};
use crate::weather::{Clock, Timeline, Weather};

/// Options every transaction of a database starts with, in the order they were last set.
pub type Defaults = Vec<(FDBTransactionOption, Option<Box<[u8]>>)>;

/// One handle of a database.
pub struct Database {
    core: Arc<Core>,
    /// Dropped after its core, so that with the last handle a file is closed.
    _store: Arc<Store>,
    pub api_version: i32,
    /// What it was opened by: a cluster file, or the address itself.
    pub cluster_file: String,
    pub address: String,
    settings: Mutex<Settings>,
    watches: Arc<AtomicI64>,
    latency: Option<Arc<Latency>>,
    weather: Option<Arc<Weather>>,
    /// What time it is for transactions of this handle.
    clock: Clock,
}

struct Settings {
    defaults: Defaults,
    max_watches: i64,
    snapshot_read_your_writes: i32,
}

/// The databases of this process that can be opened again.
#[derive(Default)]
struct Open {
    /// By name; they stay until the process ends.
    memory: HashMap<String, Arc<Store>>,
    /// By canonical path; they stay as long as a handle.
    files: HashMap<PathBuf, (Weak<Store>, Arc<Latch>)>,
}

static OPEN: LazyLock<Mutex<Open>> = LazyLock::new(Mutex::default);

impl Database {
    /// Opens what a cluster file names, or an address in its place.
    pub fn open(named: &str, api_version: i32) -> std::result::Result<Database, OpenFailure> {
        let (cluster_file, address) = address::in_cluster_file(named)?;
        Database::open_address(cluster_file, &address, api_version)
    }

    /// Opens an address.
    pub fn open_address(
        cluster_file: String,
        address: &str,
        api_version: i32,
    ) -> std::result::Result<Database, OpenFailure> {
        let Address { place, options } = Address::parse(address)?;
        let fail = |code| OpenFailure { code, message: format!("{address}: cannot open") };
        // With weather, time is virtual from the first version of the database on.
        let clock = || options.faults.map_or_else(Clock::default, |_| Clock::of(Timeline::new()));
        let store = match place {
            Place::Memory(None) => Arc::new(new_memory(clock()).map_err(fail)?),
            Place::Memory(Some(name)) => {
                let mut open = OPEN.lock();
                match open.memory.get(&name) {
                    Some(store) => Arc::clone(store),
                    None => {
                        let store = Arc::new(new_memory(clock()).map_err(fail)?);
                        open.memory.insert(name, Arc::clone(&store));
                        store
                    }
                }
            }
            Place::File(path) => open_file(&path, &options)?,
        };
        let core = Arc::clone(store.core().map_err(fail)?);
        let shared = core.head.clock();
        let weather = options.faults.map(|seed| Weather::new(seed, Arc::clone(shared.timeline())));
        let clock = if weather.is_some() { shared.clone() } else { Clock::default() };
        Ok(Database {
            core,
            _store: store,
            api_version,
            cluster_file,
            address: address.to_owned(),
            settings: Mutex::new(Settings {
                defaults: Vec::new(),
                max_watches: WATCHES,
                snapshot_read_your_writes: 1,
            }),
            watches: Arc::default(),
            latency: options.latency.map(|seed| Arc::new(Latency::new(seed))),
            weather,
            clock,
        })
    }

    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub fn latency(&self) -> Option<&Arc<Latency>> {
        self.latency.as_ref()
    }

    pub fn weather(&self) -> Option<&Arc<Weather>> {
        self.weather.as_ref()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A future for what is known already, ready unless the database has latency.
    pub fn answer(&self, outcome: Outcome) -> Arc<Future> {
        match &self.latency {
            None => Future::ready(outcome),
            Some(latency) => {
                let future = Future::sealed(outcome);
                latency.answer(Arc::clone(&future), None);
                future
            }
        }
    }

    pub fn set_option(&self, option: FDBDatabaseOption, value: Option<&[u8]>) -> Result<()> {
        let effect = options::database_option(option, value)?;
        let mut settings = self.settings.lock();
        match effect {
            DatabaseOption::Default(option) => {
                settings.defaults.retain(|(present, _)| *present != option);
                settings.defaults.push((option, value.map(Box::from)));
            }
            DatabaseOption::MaxWatches(most) => settings.max_watches = most,
            DatabaseOption::SnapshotReadYourWrites(by) => settings.snapshot_read_your_writes += by,
            DatabaseOption::Nothing => {}
        }
        Ok(())
    }

    /// What a new or reset transaction starts with.
    pub fn defaults(&self) -> Defaults {
        self.settings.lock().defaults.clone()
    }

    pub fn snapshot_read_your_writes(&self) -> i32 {
        self.settings.lock().snapshot_read_your_writes
    }

    pub fn max_watches(&self) -> i64 {
        self.settings.lock().max_watches
    }

    /// How many watches of this handle are outstanding.
    pub fn watches(&self) -> &Arc<AtomicI64> {
        &self.watches
    }

    /// The client status of a database that is always there.
    pub fn client_status(&self) -> String {
        let place = if self.address.starts_with("memory:") { "memory" } else { "file" };
        let watches = self.watches.load(Ordering::Acquire);
        format!("{{\"Healthy\":true,\"Embedded\":\"{place}\",\"NumWatches\":{watches}}}")
    }
}

impl Drop for Database {
    /// What is under way goes on, as on a cluster, though nobody turns for it any more.
    fn drop(&mut self) {
        if let Some(weather) = &self.weather {
            weather.timeline().release_all_from_network();
        }
    }
}

fn new_memory(clock: Clock) -> Result<Store> {
    Store::open(Storage::memory(), AddressOptions::default(), clock)
}

/// Opens a file, or the store that has it open already.
fn open_file(
    path: &Path,
    options: &AddressOptions,
) -> std::result::Result<Arc<Store>, OpenFailure> {
    let canonical = canonical(path).map_err(|error| OpenFailure {
        code: Error::FILE_NOT_FOUND,
        message: format!("{}: {error}", path.display()),
    })?;
    let mut open = OPEN.lock();
    if let Some((store, closed)) = open.files.get(&canonical) {
        if let Some(store) = store.upgrade() {
            return same_options(path, &store, options).map(|()| store);
        }
        // Its last handle is gone, and its committer is about to close it.
        closed.wait();
    }
    let mut file = FileOptions::default();
    if let Some(bytes) = options.cache_bytes {
        file.cache_bytes = bytes;
    }
    if let Some(sync) = options.sync {
        file.sync = sync;
    }
    let storage = Storage::open(&canonical, &file)?;
    let stated = AddressOptions { latency: None, ..options.clone() };
    let store = Store::open(storage, stated, Clock::default()).map_err(|code| OpenFailure {
        code,
        message: format!("{}: cannot open", path.display()),
    })?;
    let store = Arc::new(store);
    open.files.retain(|_, (_, closed)| !closed.is_set());
    open.files.insert(canonical, (Arc::downgrade(&store), store.closed()));
    Ok(store)
}

/// A file that is open can be opened again with the same options, or with none.
fn same_options(
    path: &Path,
    store: &Store,
    wanted: &AddressOptions,
) -> std::result::Result<(), OpenFailure> {
    let present = store.core().map(|core| core.options.clone()).unwrap_or_default();
    let differs = (wanted.cache_bytes.is_some() && wanted.cache_bytes != present.cache_bytes)
        || (wanted.sync.is_some() && wanted.sync != present.sync);
    if differs {
        return Err(OpenFailure {
            code: Error::INVALID_OPTION_VALUE,
            message: format!("{}: is open in this process with other options", path.display()),
        });
    }
    Ok(())
}

/// The one path of a file, whatever it is called; the file itself need not be there yet.
fn canonical(path: &Path) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let absolute = std::path::absolute(path)?;
            match (absolute.parent(), absolute.file_name()) {
                (Some(parent), Some(name)) => match canonical(parent) {
                    Ok(parent) => Ok(parent.join(name)),
                    Err(_) => Ok(absolute),
                },
                _ => Ok(absolute),
            }
        }
        Err(error) => Err(error),
    }
}

/// What the first failed read or write of an open file said.
pub fn storage_failure(address: &str) -> Option<String> {
    open_core(address)?.storage.failure()
}

/// How often the disk of an open file was synced since it was opened.
pub fn storage_syncs(address: &str) -> Option<u64> {
    Some(open_core(address)?.storage.syncs())
}

fn open_core(address: &str) -> Option<Arc<Core>> {
    let Place::File(path) = Address::parse(address).ok()?.place else { return None };
    let canonical = canonical(&path).ok()?;
    let store = OPEN.lock().files.get(&canonical).and_then(|(store, _)| store.upgrade())?;
    store.core().ok().map(Arc::clone)
}
