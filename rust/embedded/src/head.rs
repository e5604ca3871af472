//! Versions, and the snapshots that go with them.
//!
//! Versions advance with the clock, about a million a second, as a cluster's do. A read version may be any of them:
//! it shows the last commit before it, and every later commit gets a higher one. So what was acknowledged before a
//! transaction asked for its read version is always in it.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Mutex, RwLock};

use crate::Version;
use crate::error::{Error, Result};
use crate::limits::{READ_WINDOW, VERSIONS_PER_SECOND};
use crate::storage::Snapshot;
use crate::weather::Clock;

/// How far a new life of a database is ahead of the last version of the one before, as after a cluster's recovery.
const RESTART_JUMP: Version = 100 * VERSIONS_PER_SECOND;

/// Transactions that begin within this time on an unchanged database share a lease.
const LEASE_SHARED: Duration = Duration::from_millis(250);

/// How long a lease lasts: the five seconds of whoever takes it last.
const LEASE: Duration = Duration::from_millis(5_250);

/// Leases that run out this close to each other are ended together.
const EXPIRY_STEP: Duration = Duration::from_millis(100);

/// Superseded snapshots that no transaction reads are kept for who may come back with their version. The oldest of them
/// keeps all that the file wrote since from being freed, which is whole pages: more than was committed. So they are kept
/// as long as that is no more than this, or than a quarter of what was committed in the last six seconds.
const SPARE: u64 = 2 << 20;

/// Superseded snapshots kept although nobody has asked for their version: the last few, and as many of the last as no more
/// than this was committed since. What they keep in memory is several times that.
const FEW_ERAS: usize = 8;
const UNNAMED_ERAS: usize = 128;
const UNNAMED_BYTES: u64 = 1 << 20;

/// Superseded snapshots kept at most.
const ERAS: usize = 4_096;

/// A transaction's hold on a snapshot, which ends when the read window does even if the transaction does not.
pub struct Lease {
    snapshot: RwLock<Option<Snapshot>>,
}

impl Lease {
    fn new(snapshot: Snapshot) -> Arc<Lease> {
        Arc::new(Lease { snapshot: RwLock::new(Some(snapshot)) })
    }

    /// Reads from the snapshot: 1007 once the lease has run out.
    pub fn read<T>(&self, read: impl FnOnce(&Snapshot) -> Result<T>) -> Result<T> {
        match &*self.snapshot.read() {
            Some(snapshot) => read(snapshot),
            None => Err(Error::TRANSACTION_TOO_OLD),
        }
    }
}

/// A superseded snapshot: what read versions from `first` up to `until` see.
struct Era {
    first: Version,
    until: Version,
    snapshot: Snapshot,
    /// Somebody was told one of its versions.
    named: bool,
    /// What had been committed in all until it.
    committed: u64,
    /// What the file had written in all when it was superseded.
    written: u64,
    /// A large batch superseded it: to drop it may take as long as that took.
    is_large: bool,
}

/// The bytes committed in each of the last six seconds.
#[derive(Default)]
struct Recent {
    seconds: [u64; 6],
    latest: Version,
}

impl Recent {
    fn add(&mut self, version: Version, bytes: u64) {
        let second = version / VERSIONS_PER_SECOND;
        for passed in (self.latest + 1..=second).rev().take(self.seconds.len()) {
            *self.bucket(passed) = 0;
        }
        self.latest = self.latest.max(second);
        *self.bucket(second) += bytes;
    }

    fn bucket(&mut self, second: Version) -> &mut u64 {
        let index = usize::try_from(second).unwrap_or(0) % self.seconds.len();
        &mut self.seconds[index]
    }

    fn total(&self) -> u64 {
        self.seconds.iter().sum()
    }
}

/// What a batch cost.
#[derive(Clone, Copy, Default, Debug)]
pub struct Cost {
    /// The bytes of its mutations.
    pub committed: u64,
    /// What the file has written in all since it was opened.
    pub written: u64,
    /// It may have replaced any number of rows.
    pub is_large: bool,
}

struct State {
    latest: Snapshot,
    /// The version of the batch that made `latest`.
    committed: Version,
    latest_named: bool,
    /// The highest version any read or failed batch has used: a commit's is higher.
    used: Version,
    /// The version of the batch being applied: a read version is lower.
    in_progress: Option<Version>,
    shared: Option<(Instant, Arc<Lease>)>,
    history: VecDeque<Era>,
    /// So many of the first of `history` are all named.
    thinned: usize,
    /// The bytes committed in all.
    total: u64,
    recent: Recent,
    leases: Vec<(Instant, Weak<Lease>)>,
    /// Leases beyond this number are looked through for dead ones.
    prune_at: usize,
    expiry_is_due: bool,
}

/// What a batch leaves to its caller.
#[must_use]
pub struct Published {
    /// When to call `expire` because of the snapshot that was superseded, if that is not arranged for.
    pub expire_at: Option<Instant>,
    pub forgotten: Forgotten,
}

/// Snapshots that nobody can ask for any more, to be dropped without a lock.
pub struct Forgotten(Vec<Era>);

impl Forgotten {
    /// Whether dropping them may take as long as a large commit.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.0.iter().any(|era| era.is_large)
    }
}

/// The current state of a database and its recent past.
pub struct Head {
    state: Mutex<State>,
    base: Version,
    clock: Clock,
    origin: Instant,
}

/// A version's snapshot, and when to call `expire` because of it, if that is not arranged for.
pub struct Leased {
    pub version: Version,
    pub lease: Arc<Lease>,
    pub expire_at: Option<Instant>,
}

impl Head {
    /// `persisted` is the last version of the life before. With `outlives_process`, the clock of the wall puts this life
    /// after every version that one gave out without committing.
    #[must_use]
    pub fn new(
        snapshot: Snapshot,
        persisted: Version,
        outlives_process: bool,
        clock: Clock,
    ) -> Head {
        let mut base = persisted + RESTART_JUMP;
        if outlives_process
            && let Ok(wall) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)
        {
            base = base.max(Version::try_from(wall.as_micros()).unwrap_or(base));
        }
        let state = State {
            latest: snapshot,
            committed: base,
            latest_named: true,
            used: base,
            in_progress: None,
            shared: None,
            history: VecDeque::new(),
            thinned: 0,
            total: 0,
            recent: Recent::default(),
            leases: Vec::new(),
            prune_at: 1_024,
            expiry_is_due: false,
        };
        Head { state: Mutex::new(state), base, origin: clock.now(), clock }
    }

    /// The version this life began with: nothing before it can be read or checked.
    #[must_use]
    pub fn base(&self) -> Version {
        self.base
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn version_at(&self, now: Instant) -> Version {
        let elapsed = now.saturating_duration_since(self.origin).as_micros();
        self.base + Version::try_from(elapsed).unwrap_or(Version::MAX / 2)
    }

    /// A read version that shows every commit acknowledged before the call.
    #[must_use]
    pub fn read_version(&self) -> Leased {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let version = state.newest(self.version_at(now));
        state.used = state.used.max(version);
        if let Some((until, lease)) = &state.shared
            && now < *until
        {
            return Leased { version, lease: Arc::clone(lease), expire_at: None };
        }
        let lease = Lease::new(state.latest.clone());
        state.shared = Some((now + LEASE_SHARED, Arc::clone(&lease)));
        let expire_at = state.track(now + LEASE, &lease);
        Leased { version, lease, expire_at }
    }

    /// The snapshot of a version chosen by the caller: 1009 if it has not been reached, 1007 if it is gone.
    pub fn at_version(&self, version: Version) -> Result<Leased> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let newest = state.newest(self.version_at(now));
        if version > newest {
            return Err(Error::FUTURE_VERSION);
        }
        let age = newest - version;
        if version < self.base || age > READ_WINDOW {
            return Err(Error::TRANSACTION_TOO_OLD);
        }
        let lease = if version >= state.committed {
            state.used = state.used.max(version);
            Lease::new(state.latest.clone())
        } else {
            let after = state.history.partition_point(|era| era.first <= version);
            match after.checked_sub(1).and_then(|index| state.history.get(index)) {
                Some(era) if version < era.until => Lease::new(era.snapshot.clone()),
                _ => return Err(Error::TRANSACTION_TOO_OLD),
            }
        };
        let left = Duration::from_micros((READ_WINDOW - age).unsigned_abs());
        let expire_at = state.track(now + left, &lease);
        Ok(Leased { version, lease, expire_at })
    }

    /// Somebody was told this version and may come back with it: keep its snapshot for the read window.
    pub fn name(&self, version: Version) {
        let mut state = self.state.lock();
        if version >= state.committed {
            state.latest_named = true;
            return;
        }
        let after = state.history.partition_point(|era| era.first <= version);
        if let Some(era) = after.checked_sub(1).and_then(|index| state.history.get_mut(index)) {
            era.named = true;
        }
    }

    /// The state as of the last commit.
    #[must_use]
    pub fn latest(&self) -> Snapshot {
        self.state.lock().latest.clone()
    }

    /// The version of a new batch of commits. `publish` or `abandon` ends it.
    #[must_use]
    pub fn begin(&self) -> Version {
        let clock = self.version_at(self.clock.now());
        let mut state = self.state.lock();
        let version = clock.max(state.used + 1).max(state.committed + 1);
        state.in_progress = Some(version);
        version
    }

    /// The batch of `version` is applied, and `snapshot` shows it.
    pub fn publish(&self, version: Version, snapshot: Snapshot, cost: Cost) -> Published {
        let mut state = self.state.lock();
        let former = std::mem::replace(&mut state.latest, snapshot);
        let (first, named, committed) = (state.committed, state.latest_named, state.total);
        let written = cost.written;
        state.history.push_back(Era {
            first,
            until: version,
            snapshot: former,
            named,
            committed,
            written,
            is_large: cost.is_large,
        });
        state.total += cost.committed;
        state.recent.add(version, cost.committed);
        state.committed = version;
        state.latest_named = false;
        state.in_progress = None;
        let shared = state.shared.take();
        let mut forgotten = state.thin_history(version - READ_WINDOW);
        let spare = (state.recent.total() / 4).max(SPARE);
        while let Some(era) = state.history.front()
            && cost.written - era.written > spare
        {
            forgotten.extend(state.forget_first());
        }
        let is_news = !std::mem::replace(&mut state.expiry_is_due, true);
        drop(state);
        drop(shared);
        Published {
            expire_at: is_news.then(|| self.clock.now() + LEASE),
            forgotten: Forgotten(forgotten),
        }
    }

    /// The batch came to nothing; its version is used up all the same.
    pub fn abandon(&self, version: Version) {
        let mut state = self.state.lock();
        state.used = state.used.max(version);
        state.in_progress = None;
    }

    /// The storage has gone back to its last commit, which `snapshot` shows: no version before this one can be read.
    pub fn restart(&self, version: Version, snapshot: Snapshot) {
        let mut state = self.state.lock();
        let former = std::mem::replace(&mut state.latest, snapshot);
        let history = std::mem::take(&mut state.history);
        state.thinned = 0;
        let shared = state.shared.take();
        let leases = std::mem::take(&mut state.leases);
        state.committed = version;
        state.latest_named = false;
        state.in_progress = None;
        drop(state);
        for lease in leases.iter().filter_map(|(_, lease)| lease.upgrade()) {
            drop(lease.snapshot.write().take());
        }
        drop((former, history, shared));
    }

    /// Ends the leases that have run out. Some(time) is when to call again.
    #[must_use]
    pub fn expire(&self) -> Option<Instant> {
        let now = self.clock.now();
        let mut ended = Vec::new();
        let mut state = self.state.lock();
        let mut next: Option<Instant> = None;
        if state.shared.as_ref().is_some_and(|(until, _)| *until <= now) {
            state.shared = None;
        }
        state.leases.retain(|(deadline, lease)| {
            let Some(lease) = lease.upgrade() else { return false };
            // A read that holds the lease at this moment ends it one step later.
            if *deadline <= now
                && let Some(mut snapshot) = lease.snapshot.try_write()
            {
                ended.push(snapshot.take());
                return false;
            }
            next = Some(next.map_or(*deadline, |next| next.min(*deadline)));
            true
        });
        let oldest = self.version_at(now) - READ_WINDOW;
        let forgotten = state.thin_history(oldest);
        if let Some(era) = state.history.front() {
            let left = u64::try_from(era.until - oldest).unwrap_or(0);
            let deadline = now + Duration::from_micros(left);
            next = Some(next.map_or(deadline, |next| next.min(deadline)));
        }
        state.expiry_is_due = next.is_some();
        drop(state);
        drop((ended, forgotten));
        next.map(|next| next.max(now + EXPIRY_STEP))
    }
}

impl State {
    /// The highest read version there is at this moment.
    fn newest(&self, clock: Version) -> Version {
        let newest = clock.max(self.committed);
        self.in_progress.map_or(newest, |first| newest.min(first - 1))
    }

    /// Remembers when a lease ends. Some(time) is when to call `expire`, if nobody was told before.
    fn track(&mut self, deadline: Instant, lease: &Arc<Lease>) -> Option<Instant> {
        if self.leases.len() >= self.prune_at {
            self.leases.retain(|(_, lease)| lease.strong_count() > 0);
            self.prune_at = (2 * self.leases.len()).max(1_024);
        }
        self.leases.push((deadline, Arc::downgrade(lease)));
        let is_news = !std::mem::replace(&mut self.expiry_is_due, true);
        is_news.then_some(deadline)
    }

    /// Takes out the snapshots that are past the window, or too many; the caller drops them without the lock.
    fn thin_history(&mut self, oldest: Version) -> Vec<Era> {
        let mut gone = Vec::new();
        while let Some(era) = self.history.front()
            && (era.until <= oldest || self.history.len() > ERAS)
        {
            gone.extend(self.forget_first());
        }
        let length = self.history.len();
        let far = self.history.partition_point(|era| self.total - era.committed > UNNAMED_BYTES);
        let mut left =
            far.max(length.saturating_sub(UNNAMED_ERAS)).min(length.saturating_sub(FEW_ERAS));
        while self.thinned < left {
            if self.history.get(self.thinned).is_some_and(|era| era.named) {
                self.thinned += 1;
            } else {
                gone.extend(self.history.remove(self.thinned));
                left -= 1;
            }
        }
        gone
    }

    fn forget_first(&mut self) -> Option<Era> {
        self.thinned = self.thinned.saturating_sub(1);
        self.history.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::Mutation;
    use crate::storage::Storage;
    use crate::weather::Timeline;

    fn new() -> (Storage, Head) {
        let storage = Storage::memory();
        let head = Head::new(storage.snapshot().unwrap(), 0, false, Clock::default());
        (storage, head)
    }

    fn commit(storage: &Storage, head: &Head, value: &[u8]) -> Version {
        let version = head.begin();
        let set = Mutation::Set { key: (*b"k").into(), value: value.into() };
        storage.apply(&[set], version).unwrap();
        let _ = head.publish(version, storage.snapshot().unwrap(), Cost::default());
        version
    }

    fn seen(leased: &Leased) -> Option<Vec<u8>> {
        let get = |snapshot: &Snapshot| Ok(snapshot.get(b"k")?.map(|value| value.to_vec()));
        leased.lease.read(get).unwrap()
    }

    #[test]
    fn a_read_version_is_below_the_commit_in_progress_and_above_the_one_before() {
        let (storage, head) = new();
        let before = commit(&storage, &head, b"1");
        let first = head.begin();
        let leased = head.read_version();
        assert!(before <= leased.version && leased.version < first);
        assert_eq!(head.at_version(first).err(), Some(Error::FUTURE_VERSION));
        head.abandon(first);
        assert!(head.begin() > first);
    }

    #[test]
    fn a_version_that_was_told_stays_when_many_commits_follow() {
        let (storage, head) = new();
        let told = commit(&storage, &head, b"told");
        head.name(told);
        let untold = commit(&storage, &head, b"untold");
        for _ in 0..2 * UNNAMED_ERAS {
            commit(&storage, &head, b"later");
        }
        assert_eq!(seen(&head.at_version(told).unwrap()).unwrap(), b"told");
        assert_eq!(head.at_version(untold).err(), Some(Error::TRANSACTION_TOO_OLD));
        let kept = head.state.lock().history.len();
        assert!(kept <= UNNAMED_ERAS + 3, "{kept}");
    }

    #[test]
    fn large_commits_leave_fewer_snapshots_that_nobody_asked_for() {
        let (storage, head) = new();
        let commit = |committed| {
            let version = head.begin();
            let cost = Cost { committed, ..Cost::default() };
            let _ = head.publish(version, storage.snapshot().unwrap(), cost);
        };
        let kept = || head.state.lock().history.len();
        (0..300).for_each(|_| commit(1));
        // Beside the one that the life began with, which has a name.
        assert_eq!(kept(), 1 + UNNAMED_ERAS);
        (0..300).for_each(|_| commit(UNNAMED_BYTES / 20));
        assert_eq!(kept(), 1 + 20);
        commit(10 * UNNAMED_BYTES);
        assert_eq!(kept(), 1 + FEW_ERAS);
        let told = head.read_version().version;
        head.name(told);
        (0..300).for_each(|_| commit(1));
        assert_eq!(kept(), 2 + UNNAMED_ERAS);
        assert!(head.at_version(told).is_ok());
    }

    #[test]
    fn what_a_large_commit_replaced_is_told_apart_when_it_is_forgotten() {
        let (storage, head) = new();
        let forgets_much = |is_large| {
            let version = head.begin();
            let cost = Cost { is_large, ..Cost::default() };
            head.publish(version, storage.snapshot().unwrap(), cost).forgotten.is_large()
        };
        assert!(!(0..300).any(|_| forgets_much(false)));
        assert!(!forgets_much(true));
        let forgotten: Vec<bool> = (0..UNNAMED_ERAS).map(|_| forgets_much(false)).collect();
        assert_eq!(forgotten.iter().rposition(|much| *much), Some(UNNAMED_ERAS - 1));
        assert_eq!(forgotten.iter().filter(|much| **much).count(), 1);
    }

    #[test]
    fn leases_nobody_holds_are_forgotten() {
        let (storage, head) = new();
        for _ in 0..5_000 {
            commit(&storage, &head, b"");
            drop(head.read_version());
        }
        assert!(head.state.lock().leases.len() <= 1_024);
    }

    #[test]
    fn only_the_first_lease_asks_for_its_end() {
        let (_storage, head) = new();
        assert!(head.read_version().expire_at.is_some());
        assert!(head.at_version(head.base()).unwrap().expire_at.is_none());
        assert!(head.expire().is_none() || head.read_version().expire_at.is_none());
    }

    /// A head whose time goes on when it is told to.
    fn with_time() -> (Storage, Head, impl Fn(Duration)) {
        let timeline = Timeline::new();
        let storage = Storage::memory();
        let clock = Clock::of(Arc::clone(&timeline));
        let head = Head::new(storage.snapshot().unwrap(), 0, false, clock);
        let pass = move |time: Duration| {
            timeline.answer_at(timeline.now() + time, None, || {});
            while timeline.release() {}
        };
        (storage, head, pass)
    }

    #[test]
    fn a_transaction_left_open_loses_its_snapshot_after_the_window() {
        let (storage, head, pass) = with_time();
        commit(&storage, &head, b"old");
        let left_open = head.read_version();
        commit(&storage, &head, b"new");
        pass(Duration::from_millis(4_900));
        let _ = head.expire();
        assert_eq!(seen(&left_open).unwrap(), b"old");
        pass(Duration::from_millis(400));
        let _ = head.expire();
        let gone = left_open.lease.read(|_| Ok(()));
        assert_eq!(gone.err(), Some(Error::TRANSACTION_TOO_OLD));
        assert!(left_open.lease.snapshot.read().is_none());
        pass(Duration::from_millis(400));
        let _ = head.expire();
        let state = head.state.lock();
        assert!(state.history.is_empty() && state.leases.is_empty() && state.shared.is_none());
    }

    #[test]
    fn what_is_kept_does_not_grow_with_time() {
        let (storage, head, pass) = with_time();
        for round in 0..2_000 {
            commit(&storage, &head, b"");
            head.name(head.read_version().version);
            pass(Duration::from_millis(10));
            if round % 10 == 0 {
                let _ = head.expire();
            }
            let state = head.state.lock();
            // A named era for each commit of the last five seconds and a quarter.
            assert!(state.history.len() <= 540 && state.leases.len() <= 1_024, "{round}");
        }
    }

    #[test]
    fn snapshots_that_nobody_reads_do_not_make_a_file_grow() {
        let (storage, head, pass) = with_time();
        let mut written = 0;
        let mut commit = |committed, pages| {
            let version = head.begin();
            written += pages;
            let cost = Cost { committed, written, is_large: false };
            let _ = head.publish(version, storage.snapshot().unwrap(), cost);
            head.name(version);
            pass(Duration::from_millis(10));
            head.state.lock().history.len()
        };
        // What is written in five seconds may be kept all of it.
        assert_eq!((0..200).map(|_| commit(1_000, 10_000)).last(), Some(200));
        // From now on five times as much is written as is committed: 600 times 100 kB in six seconds.
        let kept = (0..700).map(|_| commit(100_000, 500_000)).last().unwrap();
        assert!((29..=31).contains(&kept), "{kept}");
        let read = head.read_version();
        let _ = (0..100).map(|_| commit(100_000, 500_000)).last();
        assert!(read.lease.read(|_| Ok(())).is_ok(), "what is read stays");
    }

    #[test]
    fn after_a_restart_nothing_of_before_is_read() {
        let (storage, head) = new();
        let before = commit(&storage, &head, b"before");
        head.name(before);
        let open = head.read_version();
        commit(&storage, &head, b"after");
        let version = head.begin();
        head.restart(version, storage.snapshot().unwrap());
        assert_eq!(open.lease.read(|_| Ok(())).err(), Some(Error::TRANSACTION_TOO_OLD));
        assert_eq!(head.at_version(before).err(), Some(Error::TRANSACTION_TOO_OLD));
        let anew = head.read_version();
        assert!(anew.version >= version);
        assert_eq!(seen(&anew).unwrap(), b"after");
        assert!(commit(&storage, &head, b"later") > version);
    }
}
