//! The completions of one event loop, from the network thread that answers to the loop that asked.

use std::{
    ptr::null_mut,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
    },
};

use super::flight::Flight;

/// How an event loop is woken from another thread.
pub trait Wake: Send + Sync {
    fn wake(&self);
}

/// A lock-free list of flights that have landed. The push that finds it empty wakes the loop, which takes all of it: one
/// wake-up answers every completion that has arrived by then.
pub struct Queue {
    /// The newest, which leads to those before it; each is a reference that `push` gave and `drain` takes.
    landed: AtomicPtr<Flight>,
    closed: AtomicBool,
    wake: Box<dyn Wake>,
    wake_ups: AtomicUsize,
    completions: AtomicUsize,
}

impl Queue {
    pub fn new(wake: Box<dyn Wake>) -> Arc<Queue> {
        Arc::new(Queue {
            landed: AtomicPtr::new(null_mut()),
            closed: AtomicBool::new(false),
            wake,
            wake_ups: AtomicUsize::new(0),
            completions: AtomicUsize::new(0),
        })
    }

    /// Called by the network thread: never blocks, never calls Python.
    pub(super) fn push(&self, flight: Arc<Flight>) {
        self.completions.fetch_add(1, Ordering::Relaxed);
        let newest = Arc::into_raw(flight).cast_mut();
        let mut before = self.landed.load(Ordering::Relaxed);
        loop {
            // SAFETY: alive: the reference is this function's own until the exchange below has put it into the list.
            unsafe { &*newest }.before.store(before, Ordering::Relaxed);
            let pushed = self.landed.compare_exchange_weak(
                before,
                newest,
                Ordering::SeqCst,
                Ordering::Relaxed,
            );
            match pushed {
                Ok(_) => break,
                Err(present) => before = present,
            }
        }
        if self.closed.load(Ordering::SeqCst) {
            // Nobody drains any more; a flight holds its queue, so leaving it here would keep both for ever.
            drop(self.drain());
        } else if before.is_null() {
            self.wake_ups.fetch_add(1, Ordering::Relaxed);
            self.wake.wake();
        }
    }

    /// Wakes the loop for what a drain had to leave.
    pub fn wake_again(&self) {
        self.wake.wake();
    }

    /// Takes what has landed, oldest first. The waker's signal is to be consumed before.
    pub fn drain(&self) -> Vec<Arc<Flight>> {
        let mut flights = Vec::new();
        let mut next = self.landed.swap(null_mut(), Ordering::SeqCst);
        while !next.is_null() {
            // SAFETY: a reference that `push` made. Whoever swaps the list out has all of it, so it is taken once.
            let flight = unsafe { Arc::from_raw(next.cast_const()) };
            next = flight.before.load(Ordering::Relaxed);
            flights.push(flight);
        }
        flights.reverse();
        flights
    }

    /// The loop is gone: drops what has landed and what will.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(self.drain());
    }

    /// Wake-ups of the loop and completions so far.
    pub fn counts(&self) -> (usize, usize) {
        (self.wake_ups.load(Ordering::Relaxed), self.completions.load(Ordering::Relaxed))
    }
}
