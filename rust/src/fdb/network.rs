//! The network thread of a library: started with its first database, stopped once, at the end of the process.

use std::{
    ffi::c_int,
    sync::atomic::{AtomicU8, Ordering},
    thread::JoinHandle,
};

use parking_lot::Mutex;

use super::{error::Code, library::Library};

/// Where a library's network is in its life. FoundationDB starts one at most once in a process.
pub enum Network {
    Unstarted,
    /// The API version is selected, which network options want first.
    Selected,
    Running(JoinHandle<()>),
    Stopped,
}

/// Why a library's network cannot serve.
#[derive(Debug)]
pub enum NetworkError {
    /// Another binding in this process has selected an API version or set up the network.
    AlreadyStarted {
        library: String,
    },
    /// The library does not start: which one, what it refused, and why.
    Refused(String),
    /// The thread could not be started.
    Thread(std::io::Error),
    Stopped,
    Forked,
    Code(Code),
}

/// What holds for the whole process, read at each call.
static STATUS: AtomicU8 = AtomicU8::new(SERVING);
const SERVING: u8 = 0;
const STOPPED: u8 = 1;
const FORKED: u8 = 2;

/// Libraries whose network has been started, and the options for those still to come.
static STARTED: Mutex<Vec<&'static Library>> = Mutex::new(Vec::new());
static OPTIONS: Mutex<Vec<(c_int, Option<Vec<u8>>)>> = Mutex::new(Vec::new());

/// Whether this process was forked from one whose network was running: its thread is not here.
pub fn forked() -> bool {
    STATUS.load(Ordering::Relaxed) == FORKED
}

/// Whether calls can be answered; checked before each.
pub fn serving() -> Result<(), NetworkError> {
    match STATUS.load(Ordering::Relaxed) {
        SERVING => Ok(()),
        STOPPED => Err(NetworkError::Stopped),
        _ => Err(NetworkError::Forked),
    }
}

/// Called in the child after a fork: whether networks had been started, whose threads are not here. A child of a process
/// that had started nothing may start its own.
pub fn in_child_after_fork() -> bool {
    // A lock may have been held by a thread that the child does not have: then something was started.
    let started = STARTED.try_lock().is_none_or(|libraries| !libraries.is_empty());
    if started {
        STATUS.store(FORKED, Ordering::Relaxed);
    }
    started
}

/// Remembers a network option for every library at its setup. The linked engine is asked at once, so that a bad
/// option fails at the call. Too late once a network runs: 2009.
pub fn set_network_option(option: c_int, value: Option<&[u8]>) -> Result<(), NetworkError> {
    serving()?;
    if !STARTED.lock().is_empty() {
        return Err(NetworkError::Code(Code(2009)));
    }
    let linked = Library::linked();
    linked.selected(&mut linked.network.lock())?;
    linked.set_network_option(option, value).map_err(NetworkError::Code)?;
    OPTIONS.lock().push((option, value.map(<[u8]>::to_vec)));
    Ok(())
}

impl Library {
    /// Selects the API version unless that is done.
    fn selected(&self, network: &mut Network) -> Result<(), NetworkError> {
        if matches!(network, Network::Unstarted) {
            self.select_api_version()?;
            *network = Network::Selected;
        }
        Ok(())
    }

    fn refused(&self, what: &str, Code(code): Code) -> NetworkError {
        let (name, version, text) = (self.name(), self.client_version(), self.error_text(code));
        NetworkError::Refused(format!("{name} ({version}) refuses {what}: {code}: {text}"))
    }

    /// Starts the network unless it runs.
    pub fn ensure_running(&'static self) -> Result<(), NetworkError> {
        serving()?;
        let mut network = self.network.lock();
        match *network {
            Network::Running(_) => return Ok(()),
            Network::Stopped => return Err(NetworkError::Stopped),
            Network::Unstarted | Network::Selected => self.selected(&mut network)?,
        }
        // The linked engine was told at the call.
        if !std::ptr::eq(self, Library::linked()) {
            for (option, value) in OPTIONS.lock().iter() {
                self.set_network_option(*option, value.as_deref())
                    .map_err(|code| self.refused(&format!("the network option {option}"), code))?;
            }
        }
        // SAFETY: the API version is selected; a second setup answers 2009.
        match unsafe { (self.table.fdb_setup_network)() } {
            0 => {}
            2009 | 2202 => {
                return Err(NetworkError::AlreadyStarted { library: self.name().to_owned() });
            }
            code => return Err(self.refused("to set up its network", Code(code))),
        }
        let run = self.table.fdb_run_network;
        let thread = std::thread::Builder::new().name("fdb-network".to_owned()).spawn(move || {
            // SAFETY: the network is set up, and this is the only thread that runs it. It answers no code that
            // anyone could act on: it returns when stopped.
            let _ = unsafe { run() };
        });
        match thread {
            Ok(thread) => {
                *network = Network::Running(thread);
                STARTED.lock().push(self);
                Ok(())
            }
            Err(error) => {
                *network = Network::Stopped;
                Err(NetworkError::Thread(error))
            }
        }
    }
}

/// Stops every network and waits for its thread. Blocks; call it without the GIL. Does nothing the second time.
pub fn stop_all() {
    if STATUS.compare_exchange(SERVING, STOPPED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
        return;
    }
    for library in STARTED.lock().iter() {
        let running = std::mem::replace(&mut *library.network.lock(), Network::Stopped);
        if let Network::Running(thread) = running {
            // SAFETY: the network runs. An error would mean that it has stopped already.
            let _ = unsafe { (library.table.fdb_stop_network)() };
            let _ = thread.join();
        }
    }
}
