//! Watches: armed by the commit of their transaction, fired by the commit that changes their key.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::future::{Answer, Future, Outcome};
use crate::mutation::Mutation;
use crate::storage::Snapshot;
use crate::weather::ForNothing;

/// A watch's share of what its database handle may have outstanding, given back once.
pub struct Slot {
    outstanding: Arc<AtomicI64>,
    held: AtomicBool,
}

impl Slot {
    /// Takes a slot: 1032 if `most` are taken.
    pub fn take(outstanding: &Arc<AtomicI64>, most: i64) -> Result<Arc<Slot>> {
        let taken = outstanding.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (now < most).then_some(now + 1)
        });
        match taken {
            Ok(_) => Ok(Arc::new(Slot {
                outstanding: Arc::clone(outstanding),
                held: AtomicBool::new(true),
            })),
            Err(_) => Err(Error::TOO_MANY_WATCHES),
        }
    }

    pub fn release(&self) {
        if self.held.swap(false, Ordering::AcqRel) {
            self.outstanding.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.release();
    }
}

/// A watch: its key, and the value its transaction saw there.
pub struct Watch {
    pub key: Box<[u8]>,
    pub baseline: Option<Vec<u8>>,
    pub future: Arc<Future>,
    pub slot: Arc<Slot>,
    pub for_nothing: Option<ForNothing>,
}

impl Watch {
    /// The future to answer, once room is made for another watch: who gets the answer finds it.
    pub fn end(self) -> Arc<Future> {
        self.slot.release();
        self.future
    }
}

/// A future to answer, and with what.
pub type Completion = (Arc<Future>, Outcome);

/// Watches by key, each with its number.
type ByKey = BTreeMap<Box<[u8]>, Vec<(u64, Watch)>>;

/// The armed watches of a database.
#[derive(Default)]
pub struct Watches {
    armed: Mutex<ByKey>,
    numbers: AtomicU64,
    count: AtomicI64,
}

impl Watches {
    /// A number to arm a watch with, and to disarm it by.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Arms a watch. The commit that publishes a snapshot looks for watches after that, and this looks at the latest
    /// snapshot after the watch is in place: between the two no change is missed.
    pub fn arm(
        &self,
        number: u64,
        watch: Watch,
        latest: impl FnOnce() -> Snapshot,
    ) -> Option<Completion> {
        let key = watch.key.clone();
        let future = Arc::clone(&watch.future);
        let mut armed = self.armed.lock();
        armed.entry(key.clone()).or_default().push((number, watch));
        self.count.fetch_add(1, Ordering::AcqRel);
        let mut fired = Vec::new();
        self.fire(&mut armed, &key, &latest(), &mut fired);
        drop(armed);
        if future.is_ready() {
            self.disarm(&key, number);
        }
        // Watches that wait on the key since before would have been fired by the commit that changed it, and the one
        // that did so concurrently finds them gone: whoever takes a watch out answers it.
        let mut completion = None;
        for (which, outcome) in fired {
            if Arc::ptr_eq(&which, &future) {
                completion = Some((which, outcome));
            } else {
                crate::network::post(move || {
                    which.complete(outcome);
                });
            }
        }
        completion
    }

    /// Takes a watch back that has not fired.
    pub fn disarm(&self, key: &[u8], number: u64) {
        let mut armed = self.armed.lock();
        let Some(watches) = armed.get_mut(key) else { return };
        let before = watches.len();
        watches.retain(|(present, _)| *present != number);
        let removed = before - watches.len();
        if watches.is_empty() {
            armed.remove(key);
        }
        drop(armed);
        self.lower_count(removed);
    }

    /// The watches whose keys have other values after these mutations.
    pub fn changed(&self, mutations: &[Mutation], snapshot: &Snapshot) -> Vec<Completion> {
        let mut fired = Vec::new();
        if self.count.load(Ordering::Acquire) == 0 {
            return fired;
        }
        let mut armed = self.armed.lock();
        for mutation in mutations {
            match mutation {
                Mutation::Clear { begin, end } => {
                    if begin >= end {
                        continue;
                    }
                    let range: (Bound<&[u8]>, Bound<&[u8]>) =
                        (Bound::Included(begin), Bound::Excluded(end));
                    let keys: Vec<_> =
                        armed.range::<[u8], _>(range).map(|(key, _)| key.clone()).collect();
                    for key in keys {
                        self.fire(&mut armed, &key, snapshot, &mut fired);
                    }
                }
                Mutation::Set { key, .. }
                | Mutation::Atomic { key, .. }
                | Mutation::VersionstampedKey { key, .. }
                | Mutation::VersionstampedValue { key, .. } => {
                    self.fire(&mut armed, key, snapshot, &mut fired);
                }
            }
        }
        fired
    }

    /// The database closes: nothing can change any more.
    pub fn close(&self) -> Vec<Completion> {
        let armed = std::mem::take(&mut *self.armed.lock());
        let watches = armed.into_values().flatten();
        watches.map(|(_, watch)| (watch.end(), Err(Error::OPERATION_CANCELLED))).collect()
    }

    /// Takes out the watches on `key` that saw another value than `snapshot` has.
    fn fire(
        &self,
        armed: &mut ByKey,
        key: &[u8],
        snapshot: &Snapshot,
        fired: &mut Vec<Completion>,
    ) {
        let Some(watches) = armed.get_mut(key) else { return };
        let before = fired.len();
        match snapshot.get(key) {
            Ok(value) => {
                for (_, watch) in watches
                    .extract_if(.., |(_, watch)| watch.baseline.as_deref() != value.as_deref())
                {
                    fired.push((watch.end(), Ok(Answer::Nothing)));
                }
            }
            Err(error) => {
                fired.extend(watches.drain(..).map(|(_, watch)| (watch.end(), Err(error))));
            }
        }
        if watches.is_empty() {
            armed.remove(key);
        }
        self.lower_count(fired.len() - before);
    }

    fn lower_count(&self, by: usize) {
        self.count.fetch_sub(i64::try_from(by).unwrap_or(0), Ordering::AcqRel);
    }
}
