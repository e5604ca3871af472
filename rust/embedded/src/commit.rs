//! Commits: resolved one after the other, applied and synced together, published, and only then answered.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::Version;
use crate::address::AddressOptions;
use crate::error::{Error, Result};
use crate::future::Future;
use crate::head::{Cost, Head, Leased};
use crate::limits::READ_WINDOW;
use crate::mutation::Mutation;
use crate::network;
use crate::ranges::Ranges;
use crate::resolver::Resolver;
use crate::storage::Storage;
use crate::transaction::Ticket;
use crate::watch::{Completion, Watches};
use crate::weather::Clock;
use crate::writes::{Sent, Writes};

/// A transaction on its way to be committed.
pub struct Request {
    /// None for a transaction that has read nothing: it conflicts with nobody.
    pub read_version: Option<Version>,
    pub reads: Ranges,
    pub writes: Writes,
    /// Not checked for age where it has no reads (option causal_write_risky).
    pub causal_write_risky: bool,
    /// Say which reads conflict.
    pub report_conflicts: bool,
    pub ticket: Ticket,
}

/// Why a transaction did not commit.
#[derive(Debug)]
pub struct Refusal {
    pub error: Error,
    /// The read conflict ranges at fault, if they were asked for.
    pub conflicts: Vec<(Vec<u8>, Vec<u8>)>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal { error, conflicts: Vec::new() }
    }
}

/// Where a commit ended up: the 10 bytes of a versionstamp. The commits of a batch have one version, which shows all of
/// them to whoever reads at it, and are told apart by their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    pub version: Version,
    order: u16,
}

impl Committed {
    /// 8 bytes of version and 2 of order in its batch.
    #[must_use]
    pub fn stamp(self) -> [u8; 10] {
        let mut stamp = [0; 10];
        stamp[..8].copy_from_slice(&self.version.to_be_bytes());
        stamp[8..].copy_from_slice(&self.order.to_be_bytes());
        stamp
    }
}

/// Commits of one version, at most (COMMIT_TRANSACTION_BATCH_COUNT_MAX in ServerKnobs.cpp).
const BATCH: usize = 32_768;

/// A commit of at most so many bytes, as `approximate_size` counts them, is made where it is asked for: it takes less time
/// than to wake the network thread and be woken by it.
const SMALL: i64 = 16_384;

/// So many keys and ranges the resolver forgets with a commit that is made where it is asked for. What is left is the
/// network thread's.
const FORGOTTEN_IN_PASSING: usize = 1_000;

/// So many keys and ranges such a commit may have to be compared with: as long as it is under way there is no turn of
/// an event loop.
const COMPARED_IN_PASSING: usize = 4_000;

/// Where a batch is committed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On a thread that has time for it.
    Apart,
    /// Where a small commit was asked for.
    InPassing,
}

/// The part of a database that all its handles share.
///
/// Fields are dropped in their order: the snapshots before the storage, and only after it is closed the latch tells
/// who waits to open the file again.
pub struct Core {
    pub head: Head,
    pub watches: Watches,
    /// How a file was opened; nothing for memory.
    pub options: AddressOptions,
    pub storage: Storage,
    resolver: Mutex<Resolver>,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Held by who commits.
    committing: Mutex<()>,
    /// A file has a thread for its commits, since it is synced. Those of memory are the network thread's, small ones of who
    /// asks.
    has_thread: bool,
    _closed: SetOnDrop,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Request>,
    /// The network thread knows that commits wait.
    announced: bool,
    closing: bool,
}

/// Set once, when a file is closed.
#[derive(Default)]
pub struct Latch {
    is_set: Mutex<bool>,
    wake: Condvar,
}

impl Latch {
    fn set(&self) {
        *self.is_set.lock() = true;
        self.wake.notify_all();
    }

    pub fn is_set(&self) -> bool {
        *self.is_set.lock()
    }

    pub fn wait(&self) {
        let mut is_set = self.is_set.lock();
        while !*is_set {
            self.wake.wait(&mut is_set);
        }
    }
}

/// Sets its latch when it is dropped.
struct SetOnDrop(Arc<Latch>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// The handles' hold on a database: when the last one goes, a file is closed.
pub struct Store {
    core: Option<Arc<Core>>,
    committer: Option<JoinHandle<()>>,
    closed: Arc<Latch>,
}

/// Where shards begin in the system keys, and the end of the last (keyServersPrefix in fdbclient/SystemData.cpp).
const FIRST_SHARD: &[u8] = b"\xff/keyServers/";
const END_OF_SHARDS: &[u8] = b"\xff/keyServers/\xff\xff";

/// Bindings list the boundaries of shards from the system keys, so those are there: of the one shard. Their values would
/// name its servers.
fn place_shard(storage: &Storage) -> Result<()> {
    if storage.snapshot()?.get(FIRST_SHARD)?.is_some() {
        return Ok(());
    }
    let set = |key: &[u8]| Mutation::Set { key: key.into(), value: (*b"").into() };
    storage.apply(&[set(FIRST_SHARD), set(END_OF_SHARDS)], storage.version())
}

impl Store {
    pub fn open(storage: Storage, options: AddressOptions, clock: Clock) -> Result<Store> {
        let is_file = matches!(storage, Storage::File(_));
        place_shard(&storage)?;
        let head = Head::new(storage.snapshot()?, storage.version(), is_file, clock);
        let closed = Arc::new(Latch::default());
        let core = Arc::new(Core {
            resolver: Mutex::new(Resolver::new(head.base())),
            head,
            watches: Watches::default(),
            options,
            storage,
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            committing: Mutex::new(()),
            has_thread: is_file,
            _closed: SetOnDrop(Arc::clone(&closed)),
        });
        let mut store = Store { core: Some(Arc::clone(&core)), committer: None, closed };
        if is_file {
            let committer = std::thread::Builder::new()
                .name("found-commit".into())
                .spawn(move || run_committer(core))
                .map_err(|_| Error::PLATFORM_ERROR)?;
            store.committer = Some(committer);
        }
        Ok(store)
    }

    pub fn core(&self) -> Result<&Arc<Core>> {
        self.core.as_ref().ok_or(Error::INTERNAL_ERROR)
    }

    pub fn closed(&self) -> Arc<Latch> {
        Arc::clone(&self.closed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some(core) = self.core.take() else { return };
        core.queue.lock().closing = true;
        core.wake.notify_one();
        let watches = core.watches.close();
        network::post(move || complete(watches));
        drop(core);
        // The committer itself may hold the last transaction: then it ends by itself, soon after this.
        if let Some(committer) = self.committer.take()
            && committer.thread().id() != std::thread::current().id()
        {
            // It does not panic: what a batch does is caught.
            let _ = committer.join();
        }
    }
}

/// Answers futures; for the network thread.
pub fn complete(completions: Vec<Completion>) {
    for (future, outcome) in completions {
        future.complete(outcome);
    }
}

/// How long nothing is committed before what `sync=off` left is synced; and how often a disk on which a write failed is
/// asked whether it takes writes again.
const QUIET: Duration = Duration::from_secs(1);

/// Commits what waits, all of it together, until the database closes and nothing waits.
fn run_committer(core: Arc<Core>) {
    loop {
        let batch = {
            let mut queue = core.queue.lock();
            while queue.waiting.is_empty() {
                if queue.closing {
                    return;
                }
                if !core.storage.needs_recovery() && !core.storage.is_unsynced() {
                    core.wake.wait(&mut queue);
                } else if core.wake.wait_for(&mut queue, QUIET).timed_out() {
                    drop(queue);
                    core.tend();
                    queue = core.queue.lock();
                }
            }
            std::mem::take(&mut queue.waiting)
        };
        let completions = core.commit(batch);
        network::post(move || complete(completions));
    }
}

/// The turn to commit, of a thread that asks for one commit.
pub struct Turn<'a> {
    core: &'a Arc<Core>,
    committing: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Commits. Its ticket has the answer then, which is of `future`; what else it answers comes from the network thread.
    pub fn commit(self, request: Request, future: &Arc<Future>) {
        let mut completions =
            self.core.commit_all(vec![request], &self.committing, Place::InPassing);
        drop(self.committing);
        let own = completions.iter().position(|(answered, _)| Arc::ptr_eq(answered, future));
        if let Some((future, outcome)) = own.map(|index| completions.remove(index)) {
            future.complete(outcome);
        }
        if !completions.is_empty() {
            network::post(move || complete(completions));
        }
    }
}

impl Core {
    /// The turn to commit `writes` on this thread, if that is quick, and nobody else is at it or waits: the commits of a
    /// thread are made in the order it asks for them. Not on the network thread, where what blocks until it is ready has to
    /// fail, as it does on a cluster.
    pub fn turn(
        self: &Arc<Core>,
        read_version: Option<Version>,
        reads: &Ranges,
        writes: &Writes,
        size: i64,
    ) -> Option<Turn<'_>> {
        let is_small = !self.has_thread && size <= SMALL && !writes.clear_ranges();
        if !is_small || network::is_network_thread() {
            return None;
        }
        let committing = self.committing.try_lock()?;
        let is_quick = read_version.is_none_or(|version| {
            self.resolver.lock().effort(version, reads.as_added()) <= COMPARED_IN_PASSING
        });
        let is_next = is_quick && self.queue.lock().waiting.is_empty();
        is_next.then_some(Turn { core: self, committing })
    }

    /// Queues a commit. Its ticket is answered from the network thread.
    pub fn submit(self: &Arc<Core>, request: Request) {
        let mut queue = self.queue.lock();
        queue.waiting.push(request);
        if self.has_thread {
            drop(queue);
            self.wake.notify_one();
        } else if !std::mem::replace(&mut queue.announced, true) {
            drop(queue);
            let core = Arc::clone(self);
            network::post(move || complete(core.commit_waiting()));
        }
    }

    fn commit_waiting(self: &Arc<Core>) -> Vec<Completion> {
        let committing = self.committing.lock();
        let waiting = {
            let mut queue = self.queue.lock();
            queue.announced = false;
            std::mem::take(&mut queue.waiting)
        };
        self.commit_all(waiting, &committing, Place::Apart)
    }

    /// The lease of a read version, with its end arranged for.
    pub fn arrange_expiry(self: &Arc<Core>, leased: &Leased) {
        if let Some(deadline) = leased.expire_at {
            expire_at(self, deadline);
        }
    }

    /// Commits what waits and gives back what to answer. A panic on the way, which would be a bug, is answered as a
    /// commit of unknown result by the tickets that are dropped, and the database stays usable.
    pub fn commit(self: &Arc<Core>, waiting: Vec<Request>) -> Vec<Completion> {
        self.commit_all(waiting, &self.committing.lock(), Place::Apart)
    }

    fn commit_all(
        self: &Arc<Core>,
        mut waiting: Vec<Request>,
        _committing: &MutexGuard<'_, ()>,
        place: Place,
    ) -> Vec<Completion> {
        let mut completions = Vec::new();
        while !waiting.is_empty() {
            let later = waiting.split_off(waiting.len().min(BATCH));
            let batch = std::mem::replace(&mut waiting, later);
            if self.storage.needs_recovery() {
                // If it fails the batch does, for the same reason.
                let _ = self.recover();
            }
            let version = self.head.begin();
            let run = std::panic::AssertUnwindSafe(|| self.commit_batch(version, batch, place));
            match std::panic::catch_unwind(run) {
                Ok(mut answers) => completions.append(&mut answers),
                Err(_) => self.head.abandon(version),
            }
        }
        completions
    }

    /// What a file needs when nothing is committed. If it fails, who asks something of the database is told.
    fn tend(&self) {
        let _committing = self.committing.lock();
        let _ = if self.storage.needs_recovery() { self.recover() } else { self.storage.flush() };
    }

    /// After a write that failed: goes on from the last commit that succeeded, if the disk takes writes again. The snapshots
    /// of before are gone then, and what was read from them does not commit.
    fn recover(&self) -> Result<()> {
        self.storage.recover()?;
        let snapshot = self.storage.snapshot()?;
        let version = self.head.begin();
        self.head.restart(version, snapshot);
        self.resolver.lock().forget_before(version, usize::MAX);
        Ok(())
    }

    /// Forgets of the past what no transaction can conflict with.
    fn tidy(&self) {
        let _committing = self.committing.lock();
        let mut resolver = self.resolver.lock();
        let oldest = resolver.oldest();
        resolver.forget_before(oldest, usize::MAX);
    }

    fn commit_batch(
        self: &Arc<Core>,
        version: Version,
        batch: Vec<Request>,
        place: Place,
    ) -> Vec<Completion> {
        let mut committed = Committed { version, order: 0 };
        let mut mutations = Vec::new();
        let mut results = Vec::with_capacity(batch.len());
        let mut is_empty = true;
        {
            let mut resolver = self.resolver.lock();
            let most = if place == Place::InPassing { FORGOTTEN_IN_PASSING } else { usize::MAX };
            if !resolver.forget_before(version - READ_WINDOW, most) {
                let core = Arc::clone(self);
                network::post(move || core.tidy());
            }
            for request in batch {
                let result = resolve(&mut resolver, &request, version).map(|()| {
                    let this = committed;
                    stamp_and_record(&mut resolver, request.writes, this, &mut mutations);
                    committed.order = committed.order.wrapping_add(1);
                    is_empty = false;
                    this
                });
                results.push((request.ticket, result));
            }
        }
        let mut completions = Vec::with_capacity(results.len());
        if is_empty {
            self.head.abandon(version);
        } else {
            // Where the storage took the batch but cannot show it, the commits did happen.
            let applied = self
                .storage
                .apply(&mutations, version)
                .and_then(|()| self.storage.snapshot().map_err(|_| Error::COMMIT_UNKNOWN_RESULT));
            match applied {
                Ok(snapshot) => {
                    let committed: usize = mutations.iter().map(Mutation::expected_size).sum();
                    let cost = Cost {
                        committed: committed as u64,
                        written: self.storage.written(),
                        is_large: place == Place::Apart,
                    };
                    let published = self.head.publish(version, snapshot.clone(), cost);
                    if let Some(deadline) = published.expire_at {
                        expire_at(self, deadline);
                    }
                    if place == Place::InPassing && published.forgotten.is_large() {
                        network::post(move || drop(published.forgotten));
                    }
                    completions = self.watches.changed(&mutations, &snapshot);
                }
                Err(error) => {
                    self.head.abandon(version);
                    for (_, result) in &mut results {
                        if result.is_ok() {
                            *result = Err(error.into());
                        }
                    }
                }
            }
        }
        for (ticket, result) in results {
            ticket.settle(result, self, &mut completions);
        }
        completions
    }
}

/// Whether the transaction may commit now, as if it were alone (Resolver.actor.cpp).
fn resolve(
    resolver: &mut Resolver,
    request: &Request,
    version: Version,
) -> std::result::Result<(), Refusal> {
    let Some(read_version) = request.read_version else { return Ok(()) };
    if read_version < resolver.oldest() {
        // A cluster finds out by the read conflict range it adds to a transaction without one of its own.
        return if request.reads.is_empty() && request.causal_write_risky {
            Ok(())
        } else {
            Err(Error::TRANSACTION_TOO_OLD.into())
        };
    }
    if read_version >= version {
        return Err(Error::FUTURE_VERSION.into());
    }
    if request.report_conflicts {
        let indexes = resolver.conflicts(read_version, request.reads.iter());
        if indexes.is_empty() {
            return Ok(());
        }
        let ranges = request.reads.iter().enumerate();
        let at_fault = ranges.filter(|(index, _)| indexes.contains(index));
        let conflicts = at_fault.map(|(_, (begin, end))| (begin.to_vec(), end.to_vec())).collect();
        Err(Refusal { error: Error::NOT_COMMITTED, conflicts })
    } else if resolver.has_conflict(read_version, request.reads.iter()) {
        Err(Error::NOT_COMMITTED.into())
    } else {
        Ok(())
    }
}

/// Fills in the versionstamps, and records what the transaction writes for those after it.
fn stamp_and_record(
    resolver: &mut Resolver,
    writes: Writes,
    committed: Committed,
    batch: &mut Vec<Mutation>,
) {
    let stamp = committed.stamp();
    let Sent { mutations, mut keys, ranges } = writes.send();
    let unstamped = keys.len();
    let begin = batch.len();
    batch.extend(mutations);
    for mutation in &mut batch[begin..] {
        let is_key = matches!(mutation, Mutation::VersionstampedKey { .. });
        mutation.stamp(&stamp);
        if is_key && let Mutation::Set { key, .. } = mutation {
            keys.push(key.clone());
        }
    }
    if keys.len() > unstamped {
        keys.sort_unstable();
    }
    resolver.record(committed.version, keys, ranges.iter());
}

fn expire_at(core: &Arc<Core>, deadline: std::time::Instant) {
    let weak = Arc::downgrade(core);
    core.head.clock().at(deadline, Weak::new(), move || {
        if let Some(core) = weak.upgrade()
            && let Some(next) = core.head.expire()
        {
            expire_at(&core, next);
        }
    });
}
