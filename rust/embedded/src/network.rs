//! The network thread: where futures that were not ready at once are answered, and where timers go off.
//!
//! There is no network, but the calls around it are FoundationDB's and programs order their life by them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::future::Future;
use crate::latency::{Late, Lookout, Quiet};
use crate::limits::{MAX_API_VERSION, MIN_API_VERSION};

type Task = Box<dyn FnOnce() + Send>;

/// A timer that has not gone off: when it does, and which of that moment it is.
pub type Timer = (Instant, u64);

struct Network {
    state: Mutex<State>,
    wake: Condvar,
    asked: Asked,
}

/// How often something was asked of the network thread, which watches that number while it is awake: in a cache line
/// of its own, so as not to get in the way of those who ask.
#[repr(align(128))]
struct Asked(AtomicU64);

impl Asked {
    fn number(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

struct State {
    api_version: i32,
    phase: Phase,
    stopping: bool,
    tasks: Vec<Task>,
    timers: BTreeMap<Timer, Task>,
    timers_set: u64,
    late: Late,
    hooks: Vec<Task>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Phase {
    New,
    SetUp,
    Running,
    Stopped,
}

static NETWORK: Network = Network {
    state: Mutex::new(State {
        api_version: 0,
        phase: Phase::New,
        stopping: false,
        tasks: Vec::new(),
        timers: BTreeMap::new(),
        timers_set: 0,
        late: Late::new(),
        hooks: Vec::new(),
    }),
    wake: Condvar::new(),
    asked: Asked(AtomicU64::new(0)),
};

thread_local! {
    static ON_NETWORK_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Chooses the API version, once (bindings/c/fdb_c.cpp, fdb_select_api_version_impl).
pub fn select_api_version(runtime: i32, header: i32) -> Result<()> {
    let mut state = NETWORK.state.lock();
    if state.api_version != 0 {
        Err(Error::API_VERSION_ALREADY_SET)
    } else if runtime > header {
        Err(Error::API_VERSION_INVALID)
    } else if header > MAX_API_VERSION || runtime < MIN_API_VERSION {
        Err(Error::API_VERSION_NOT_SUPPORTED)
    } else {
        state.api_version = runtime;
        Ok(())
    }
}

/// The API version: 2200 until one is selected.
pub fn api_version() -> Result<i32> {
    match NETWORK.state.lock().api_version {
        0 => Err(Error::API_VERSION_UNSET),
        version => Ok(version),
    }
}

pub fn set_up() -> Result<()> {
    api_version()?;
    let mut state = NETWORK.state.lock();
    if state.phase != Phase::New {
        return Err(Error::NETWORK_ALREADY_SETUP);
    }
    state.phase = Phase::SetUp;
    Ok(())
}

/// 2008 before the network is set up.
pub fn require_set_up() -> Result<()> {
    match NETWORK.state.lock().phase {
        Phase::New => Err(Error::NETWORK_NOT_SETUP),
        _ => Ok(()),
    }
}

/// Runs the loop on this thread until it is stopped, then the completion hooks.
pub fn run() -> Result<()> {
    let mut state = NETWORK.state.lock();
    match state.phase {
        Phase::New => return Err(Error::NETWORK_NOT_SETUP),
        Phase::Running | Phase::Stopped => return Err(Error::NETWORK_CANNOT_BE_RESTARTED),
        Phase::SetUp => state.phase = Phase::Running,
    }
    ON_NETWORK_THREAD.set(true);
    let (mut batch, mut answered) = (Vec::new(), Vec::new());
    let mut lookout = Lookout::new();
    while !state.stopping {
        batch.append(&mut state.tasks);
        let quiet = lookout.look(NETWORK.asked.number(), state.late.asked());
        state.late.take(quiet, &mut answered);
        let now = if state.timers.is_empty() { None } else { Some(Instant::now()) };
        while let Some(timer) = state.timers.first_entry()
            && now.is_some_and(|now| timer.key().0 <= now)
        {
            batch.push(timer.remove());
        }
        if batch.is_empty() && answered.is_empty() {
            if quiet != Quiet::Asleep {
                drop(state);
                lookout.wait(quiet, || NETWORK.asked.number());
                state = NETWORK.state.lock();
                continue;
            }
            match state.timers.first_key_value() {
                Some((&(deadline, _), _)) => {
                    NETWORK.wake.wait_until(&mut state, deadline);
                }
                None => NETWORK.wake.wait(&mut state),
            }
            // Where one processor serves both threads, waking has put this one in the place of who asks, who may have more
            // to ask.
            MutexGuard::unlocked(&mut state, std::thread::yield_now);
            continue;
        }
        drop(state);
        for task in batch.drain(..) {
            task();
        }
        for future in answered.drain(..) {
            future.unseal();
        }
        state = NETWORK.state.lock();
    }
    state.phase = Phase::Stopped;
    let unanswered = (
        std::mem::take(&mut state.tasks),
        std::mem::take(&mut state.timers),
        std::mem::replace(&mut state.late, Late::new()),
    );
    let hooks = std::mem::take(&mut state.hooks);
    drop(state);
    drop(unanswered);
    for hook in hooks {
        hook();
    }
    ON_NETWORK_THREAD.set(false);
    Ok(())
}

/// Ends the loop after the tasks it is at. Stopping a loop that does not run yet ends it as soon as it does.
pub fn stop() -> Result<()> {
    let mut state = NETWORK.state.lock();
    if state.phase == Phase::New {
        return Err(Error::NETWORK_NOT_SETUP);
    }
    state.stopping = true;
    drop(state);
    NETWORK.wake.notify_one();
    Ok(())
}

/// Keeps `hook` for when the loop has ended.
pub fn add_completion_hook(hook: impl FnOnce() + Send + 'static) -> Result<()> {
    let mut state = NETWORK.state.lock();
    if state.phase == Phase::New {
        return Err(Error::NETWORK_NOT_SETUP);
    }
    state.hooks.push(Box::new(hook));
    Ok(())
}

pub fn is_network_thread() -> bool {
    ON_NETWORK_THREAD.get()
}

/// Runs `task` on the network thread; never, once that has stopped.
pub fn post(task: impl FnOnce() + Send + 'static) {
    let mut state = NETWORK.state.lock();
    if state.phase == Phase::Stopped {
        drop(state);
        return;
    }
    state.tasks.push(Box::new(task));
    wake(state);
}

/// Gives `future` the answer that it keeps, once `passed` others were asked for, and not before `earliest`. When that
/// is, in virtual time.
pub fn answer_late(future: Arc<Future>, passed: u32, earliest: Option<Instant>) -> Instant {
    let mut state = NETWORK.state.lock();
    if state.phase == Phase::Stopped {
        return Instant::now();
    }
    let at = state.late.add(future, passed, earliest);
    wake(state);
    at
}

/// Tells the thread that something was asked.
fn wake(state: MutexGuard<'_, State>) {
    NETWORK.asked.0.fetch_add(1, Ordering::Release);
    drop(state);
    NETWORK.wake.notify_one();
}

/// Runs `task` on the network thread at `deadline`.
pub fn at(deadline: Instant, task: impl FnOnce() + Send + 'static) -> Timer {
    let mut state = NETWORK.state.lock();
    state.timers_set += 1;
    let timer = (deadline, state.timers_set);
    if state.phase == Phase::Stopped {
        drop(state);
        return timer;
    }
    state.timers.insert(timer, Box::new(task));
    let is_next = state.timers.first_key_value().is_some_and(|(&first, _)| first == timer);
    drop(state);
    if is_next {
        NETWORK.wake.notify_one();
    }
    timer
}

/// Takes a timer back that has not gone off.
pub fn cancel_timer(timer: Timer) {
    let task = NETWORK.state.lock().timers.remove(&timer);
    drop(task);
}
