//! The completions of one event loop, from the network thread that answers to the loop that asked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crossbeam_queue::SegQueue;

use super::flight::Flight;

/// How an event loop is woken from another thread.
pub trait Wake: Send + Sync {
    fn wake(&self);
}

/// A lock-free queue of flights that have landed. The push that finds it empty wakes the loop, so one wake-up
/// answers every completion that has arrived by then.
pub struct Queue {
    landed: SegQueue<Arc<Flight>>,
    /// Pushes that no drain has counted yet: incremented after the push, so that many can be popped.
    waiting: AtomicUsize,
    closed: AtomicBool,
    wake: Box<dyn Wake>,
    wake_ups: AtomicUsize,
    completions: AtomicUsize,
}

impl Queue {
    pub fn new(wake: Box<dyn Wake>) -> Arc<Queue> {
        Arc::new(Queue {
            landed: SegQueue::new(),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            wake,
            wake_ups: AtomicUsize::new(0),
            completions: AtomicUsize::new(0),
        })
    }

    /// Called by the network thread: never blocks, never calls Python.
    pub(super) fn push(&self, flight: Arc<Flight>) {
        self.landed.push(flight);
        self.completions.fetch_add(1, Ordering::Relaxed);
        if self.closed.load(Ordering::SeqCst) {
            // Nobody drains any more; a flight holds its queue, so leaving it here would keep both for ever.
            while self.landed.pop().is_some() {}
        } else if self.waiting.fetch_add(1, Ordering::SeqCst) == 0 {
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
        let count = self.waiting.swap(0, Ordering::SeqCst);
        let mut flights = Vec::with_capacity(count);
        while flights.len() < count {
            match self.landed.pop() {
                Some(flight) => flights.push(flight),
                None => break,
            }
        }
        flights
    }

    /// The loop is gone: drops what has landed and what will.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        while self.landed.pop().is_some() {}
    }

    /// Wake-ups of the loop and completions so far.
    pub fn counts(&self) -> (usize, usize) {
        (self.wake_ups.load(Ordering::Relaxed), self.completions.load(Ordering::Relaxed))
    }
}
