//! Transactions: their state, from creation through failure, commit and reset.
//!
//! FoundationDB runs every call of a transaction on its network thread, in the order they were made; here each call
//! runs on its caller's thread under the transaction's lock, which gives the same order. What the source calls the
//! reset promise is `failed` here: once set, everything gives that error until the transaction is reset.

mod commit;
mod read;
mod special;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use found_fdb_sys::{FDBTransactionOption, FDBTransactionOption_FDB_TR_OPTION_TIMEOUT as TIMEOUT};
use parking_lot::Mutex;

use crate::Version;
use crate::database::{Database, Defaults};
use crate::error::{Error, Result};
use crate::future::{Answer, Future, Outcome};
use crate::head::Lease;
use crate::keys::{SYSTEM_END, USER_END};
use crate::limits::{BACKOFF, FUTURE_VERSION_DELAY};
use crate::network::{self, Timer};
use crate::options::{self, Effect, TransactionOptions};
use crate::random::Random;
use crate::ranges::Ranges;
use crate::watch::Watch;
use crate::weather::{Clock, Forecast, Traits, Weather};
use crate::writes::Writes;

pub use commit::Ticket;
pub use read::{GetRange, cut};

/// The committed version of a transaction that has none.
const INVALID_VERSION: Version = -1;

/// The one system key that may be read without an option, and written as a versionstamped value of this form.
const METADATA_VERSION_KEY: &[u8] = b"\xff/metadataVersion";
const METADATA_VERSION_KEY_END: &[u8] = b"\xff/metadataVersion\x00";
const METADATA_VERSION_VALUE: &[u8] = &[0; 14];

/// A transaction, as all its callers share it.
pub struct Transaction {
    database: Arc<Database>,
    inner: Mutex<Inner>,
}

/// What the transaction reads from.
struct View {
    version: Version,
    lease: Arc<Lease>,
}

/// What was asked, for the event log: the operation, and the key it is about.
type Asked<'a> = (&'static str, &'a [u8]);

struct Inner {
    /// Counts resets: what was started before one does not touch the transaction after it.
    epoch: u64,
    options: TransactionOptions,
    /// Options that outlive on_error, those of the database first.
    persistent: Defaults,
    clock: Clock,
    created: Instant,
    deadline: Option<Instant>,
    timer: Option<Timer>,
    retries: i32,
    /// The bound of the next random delay, in seconds.
    backoff: f64,
    random: Random,
    /// With weather, what this transaction will meet.
    forecast: Option<Forecast>,

    writes: Writes,
    reads: Ranges,
    view: Option<View>,
    /// The version of set_read_version.
    chosen_version: Option<Version>,
    has_read: bool,
    /// The first error of a call that gives none, kept for the next that does.
    deferred: Option<Error>,
    /// The first error of a read, which the commit gives too.
    read_failed: Option<Error>,
    failed: Option<Error>,
    commit_started: bool,
    size_at_commit: i64,
    committed_version: Version,
    cost: i64,
    /// What the writes will cost: they count from the commit on, in which the client writes them down.
    write_cost: i64,
    /// Read conflict ranges of the last commit that were at fault, if that was asked for.
    conflicting: Vec<(Vec<u8>, Vec<u8>)>,
    /// Special keys that were set, and what the commit had against it.
    special_writes: BTreeMap<Vec<u8>, Vec<u8>>,
    special_error: Option<String>,

    /// Watches to be armed by the commit.
    watches: Vec<Watch>,
    stamps: Vec<Arc<Future>>,
    /// When the last read is answered, in the virtual time of late answers or of weather: the commit is not before that
    /// (ReadYourWrites.actor.cpp, `reading`), so that a read made before a commit is ready after it.
    reads_end: Option<Instant>,
    /// Futures of this transaction to be answered later, and at once with its error if it fails.
    pending: Vec<Arc<Future>>,
}

impl Transaction {
    #[must_use]
    pub fn new(database: Arc<Database>) -> Arc<Transaction> {
        let mut inner = Inner {
            epoch: 0,
            options: TransactionOptions::new(database.snapshot_read_your_writes()),
            persistent: database.defaults(),
            clock: database.clock().clone(),
            created: database.clock().now(),
            deadline: None,
            timer: None,
            retries: 0,
            backoff: BACKOFF.as_secs_f64(),
            random: Random::new(),
            forecast: database.weather().map(Weather::forecast),
            writes: Writes::new(),
            reads: Ranges::new(),
            view: None,
            chosen_version: None,
            has_read: false,
            deferred: None,
            read_failed: None,
            failed: None,
            commit_started: false,
            size_at_commit: 0,
            committed_version: INVALID_VERSION,
            cost: 0,
            write_cost: 0,
            conflicting: Vec::new(),
            special_writes: BTreeMap::new(),
            special_error: None,
            watches: Vec::new(),
            stamps: Vec::new(),
            reads_end: None,
            pending: Vec::new(),
        };
        inner.apply_persistent();
        Arc::new(Transaction { database, inner: Mutex::new(inner) })
    }

    /// The future of an outcome that is known.
    fn answer(
        self: &Arc<Self>,
        inner: &mut Inner,
        asked: Asked<'_>,
        outcome: Outcome,
    ) -> Arc<Future> {
        self.answer_not_before(inner, asked, None, outcome)
    }

    /// The future of an outcome that is known, late if the database has latency. Then it gives way to an error of the
    /// transaction that comes before it, unless it is an error itself: the client would have known that at the call.
    fn answer_not_before(
        self: &Arc<Self>,
        inner: &mut Inner,
        asked: Asked<'_>,
        earliest: Option<Instant>,
        outcome: Outcome,
    ) -> Arc<Future> {
        let is_good = outcome.is_ok();
        match (&mut inner.forecast, self.database.weather(), self.database.latency()) {
            (Some(forecast), Some(weather), _) => {
                let (delay, event) = forecast.operation(asked.0, asked.1);
                let time = inner.clock.now() + delay;
                let time = earliest.map_or(time, |earliest| time.max(earliest));
                let future = Future::pending_under(Some(weather));
                inner.reads_end = inner.reads_end.max(Some(time));
                if is_good {
                    self.add_pending(inner, &future);
                }
                weather.answer_at(time, Arc::clone(&future), outcome, event);
                future
            }
            (_, _, Some(latency)) => {
                let future = Future::sealed(outcome);
                if is_good {
                    self.add_pending(inner, &future);
                }
                let time = latency.answer(Arc::clone(&future), earliest);
                inner.reads_end = inner.reads_end.max(Some(time));
                future
            }
            _ => Future::ready(outcome),
        }
    }

    /// The future of a read or a commit. One at a version that has not been reached fails only after a second: so long a
    /// storage server waits for the version to come (storageserver.actor.cpp, waitForVersion), and programs rely on the
    /// pause.
    fn answer_at_version(
        self: &Arc<Self>,
        inner: &mut Inner,
        asked: Asked<'_>,
        outcome: Outcome,
    ) -> Arc<Future> {
        if !matches!(outcome, Err(Error::FUTURE_VERSION)) {
            return self.answer(inner, asked, outcome);
        }
        self.answer_after(inner, asked, FUTURE_VERSION_DELAY, outcome)
    }

    /// The future of an outcome that is told after a pause.
    fn answer_after(
        self: &Arc<Self>,
        inner: &mut Inner,
        asked: Asked<'_>,
        pause: Duration,
        outcome: Outcome,
    ) -> Arc<Future> {
        let weather = self.database.weather();
        let future = Future::pending_under(weather);
        self.add_pending(inner, &future);
        let time = inner.clock.now() + pause;
        match (weather, &mut inner.forecast) {
            (Some(weather), Some(forecast)) => {
                let (_, event) = forecast.operation(asked.0, asked.1);
                weather.answer_at(time, Arc::clone(&future), outcome, event);
            }
            _ => {
                let late = Arc::clone(&future);
                network::at(time, move || {
                    late.complete(outcome);
                });
            }
        }
        future
    }

    /// Has `future` answered with the transaction's error if it fails first, by its timeout too.
    fn add_pending(self: &Arc<Self>, inner: &mut Inner, future: &Arc<Future>) {
        let pending = &mut inner.pending;
        if pending.len() == pending.capacity() {
            pending.retain(|future| !future.is_ready());
            // So much that this comes again only after as many more as there are.
            pending.reserve(pending.len().max(16));
        }
        inner.pending.push(Arc::clone(future));
        self.arm_timer(inner);
    }

    fn arm_timer(self: &Arc<Self>, inner: &mut Inner) {
        if let (Some(deadline), None) = (inner.deadline, inner.timer) {
            let transaction = Arc::downgrade(self);
            let of = transaction.clone();
            inner.timer = Some(inner.clock.at(deadline, of, move || on_timer(&transaction)));
            if let Some(weather) = self.database.weather() {
                weather.alarm_is_set(deadline);
            }
        }
    }

    /// Sets an option: an unknown code fails at once, a bad value later.
    pub fn set_option(
        self: &Arc<Self>,
        option: FDBTransactionOption,
        value: Option<&[u8]>,
    ) -> Result<()> {
        if !options::is_transaction_option(option) {
            return Err(Error::INVALID_OPTION);
        }
        self.deferring(|inner| {
            let effect = inner.options.set(option, value)?;
            match effect {
                Effect::Nothing => {}
                Effect::Timeout => {
                    inner.set_deadline();
                    if !inner.pending.is_empty() {
                        self.arm_timer(inner);
                    }
                }
                Effect::DisableReadYourWrites => {
                    if inner.has_read || !inner.writes.is_empty() {
                        return Err(Error::CLIENT_INVALID_OPERATION);
                    }
                    inner.options.read_your_writes_disabled = true;
                    inner.writes.disable_read_your_writes();
                }
                Effect::ReadSystemKeys => inner.writes.system_keys_readable(),
            }
            if options::is_persistent(option) {
                inner.persistent.push((option, value.map(Box::from)));
            }
            Ok(())
        });
        Ok(())
    }

    /// Runs a call that gives no error itself: the first error is kept, and calls after it do nothing
    /// (ThreadHelper.actor.h, doOnMainThreadVoid).
    fn deferring(&self, call: impl FnOnce(&mut Inner) -> Result<()>) {
        let mut inner = self.inner.lock();
        if inner.deferred.is_none()
            && let Err(error) = call(&mut inner)
        {
            inner.deferred = Some(error);
        }
    }

    /// Keeps the error of a call that could not even be made.
    pub fn defer(&self, error: Error) {
        self.deferring(|_| Err(error));
    }

    /// Cancels everything that is pending; only `reset` makes the transaction usable again.
    pub fn cancel(&self) {
        let mut inner = self.inner.lock();
        inner.check_timeout();
        if inner.failed.is_none() {
            inner.fail(Error::TRANSACTION_CANCELLED);
        }
    }

    /// Makes the transaction as new, with the options of its database.
    pub fn reset(&self) {
        let mut inner = self.inner.lock();
        inner.persistent = self.database.defaults();
        let gone = inner.renew(self.database.snapshot_read_your_writes());
        drop(inner);
        drop(gone);
    }

    /// The caller's handle goes: what is pending is cancelled, a commit under way goes on.
    pub fn abandon(&self) {
        let mut inner = self.inner.lock();
        inner.fail(Error::TRANSACTION_CANCELLED);
        inner.cancel_watches(Error::TRANSACTION_CANCELLED);
    }

    pub fn committed_version(&self) -> Version {
        let version = self.inner.lock().committed_version;
        if version != INVALID_VERSION {
            self.database.core().head.name(version);
        }
        version
    }

    pub fn approximate_size(self: &Arc<Self>) -> Arc<Future> {
        self.unless_deferred("get_approximate_size", |inner| {
            Ok(Answer::Int64(inner.approximate_size()))
        })
    }

    pub fn total_cost(self: &Arc<Self>) -> Arc<Future> {
        self.unless_deferred("get_total_cost", |inner| Ok(Answer::Int64(inner.cost)))
    }

    /// Tags are not throttled here.
    pub fn tag_throttled_duration(self: &Arc<Self>) -> Arc<Future> {
        self.unless_deferred("get_tag_throttled_duration", |_| Ok(Answer::Double(0.0)))
    }

    fn unless_deferred(
        self: &Arc<Self>,
        what: &'static str,
        call: impl FnOnce(&mut Inner) -> Outcome,
    ) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let outcome = inner.deferred.map_or(Ok(()), Err).and_then(|()| call(&mut inner));
        self.answer(&mut inner, (what, b""), outcome)
    }

    /// Whether somebody waits for an answer of this transaction that its timeout would end.
    pub fn is_waiting(&self) -> bool {
        self.inner.lock().pending.iter().any(|future| !future.is_settled())
    }
}

/// The timeout of a transaction with something pending has come.
fn on_timer(transaction: &Weak<Transaction>) {
    let Some(transaction) = transaction.upgrade() else { return };
    let mut inner = transaction.inner.lock();
    inner.timer = None;
    inner.check_timeout();
    if inner.failed.is_none() && !inner.pending.is_empty() {
        transaction.arm_timer(&mut inner);
    }
}

/// What a reset takes out, to be dropped without the lock.
type Remains = (Writes, Ranges, Option<View>);

impl Inner {
    /// The error of a call before this one, or of the transaction; 2017 once its commit has begun.
    fn check(&mut self) -> Result<()> {
        if let Some(error) = self.deferred {
            return Err(error);
        }
        self.check_used_during_commit()?;
        self.check_failed()
    }

    /// 2017 once the commit has begun; unless that is switched off, the commit itself fails with it if it still can
    /// (ReadYourWrites.actor.cpp, checkUsedDuringCommit).
    fn check_used_during_commit(&mut self) -> Result<()> {
        if !self.commit_started {
            return Ok(());
        }
        if self.failed.is_none() && !self.options.used_during_commit_protection_disabled {
            self.fail(Error::USED_DURING_COMMIT);
        }
        Err(Error::USED_DURING_COMMIT)
    }

    fn check_failed(&mut self) -> Result<()> {
        self.check_timeout();
        self.failed.map_or(Ok(()), Err)
    }

    fn check_timeout(&mut self) {
        if let Some(deadline) = self.deadline
            && self.failed.is_none()
            && self.clock.now() >= deadline
        {
            self.fail(Error::TRANSACTION_TIMED_OUT);
        }
    }

    /// Fails the transaction and everything of it that is pending.
    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        self.fail_pending(error);
    }

    fn fail_pending(&mut self, error: Error) {
        self.cancel_timer();
        let mut pending = std::mem::take(&mut self.pending);
        pending.append(&mut self.stamps);
        pending.retain(|future| !future.is_settled());
        if !pending.is_empty() {
            self.clock.post(move || {
                for future in pending {
                    future.complete(Err(error));
                }
            });
        }
    }

    fn cancel_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.clock.cancel_timer(timer);
        }
    }

    fn cancel_watches(&mut self, error: Error) {
        let futures: Vec<_> =
            std::mem::take(&mut self.watches).into_iter().map(Watch::end).collect();
        if !futures.is_empty() {
            self.clock.post(move || {
                for future in futures {
                    future.complete(Err(error));
                }
            });
        }
    }

    /// Sets the deadline of another timeout. One that has passed has passed, though nobody has asked since.
    fn set_deadline(&mut self) {
        self.check_timeout();
        self.deadline = self.options.timeout.and_then(|timeout| self.created.checked_add(timeout));
        self.cancel_timer();
    }

    /// Starts over as a new transaction with the same persistent options.
    fn renew(&mut self, snapshot_read_your_writes: i32) -> Remains {
        self.retries = 0;
        self.created = self.clock.now();
        self.backoff = BACKOFF.as_secs_f64();
        self.restart(snapshot_read_your_writes)
    }

    /// Starts over, as on_error and reset do (ReadYourWrites.actor.cpp, resetRyow).
    fn restart(&mut self, snapshot_read_your_writes: i32) -> Remains {
        self.epoch += 1;
        if let Some(forecast) = &mut self.forecast {
            forecast.restart(self.retries);
        }
        // The promise of a versionstamp is broken before what waits is cancelled (NativeAPI.actor.cpp, Transaction::resetImpl).
        self.answer_stamps(Err(Error::BROKEN_PROMISE));
        self.fail_pending(Error::TRANSACTION_CANCELLED);
        self.cancel_watches(Error::TRANSACTION_CANCELLED);
        let remains =
            (std::mem::take(&mut self.writes), std::mem::take(&mut self.reads), self.view.take());
        self.chosen_version = None;
        self.has_read = false;
        self.deferred = None;
        self.read_failed = None;
        self.failed = None;
        self.commit_started = false;
        self.reads_end = None;
        self.special_writes.clear();
        self.special_error = None;
        self.cost = 0;
        self.write_cost = 0;
        self.options = TransactionOptions::new(snapshot_read_your_writes);
        self.apply_persistent();
        remains
    }

    /// Of the timeouts only the last counts: an earlier one, shorter, would end the transaction at once.
    fn apply_persistent(&mut self) {
        self.deadline = None;
        let persistent = std::mem::take(&mut self.persistent);
        let last_timeout = persistent.iter().rposition(|(option, _)| *option == TIMEOUT);
        for (index, (option, value)) in persistent.iter().enumerate() {
            if *option != TIMEOUT || Some(index) == last_timeout {
                // What is persistent has been set before, so its value is good.
                let effect = self.options.set(*option, value.as_deref());
                if effect == Ok(Effect::Timeout) {
                    self.set_deadline();
                }
            }
        }
        self.persistent = persistent;
    }

    /// What faults depend on.
    fn traits(&self) -> Traits {
        Traits {
            is_tagged: self.options.is_tagged(),
            is_batch: self.options.is_batch,
            is_idempotent: self.options.is_idempotent,
        }
    }

    fn approximate_size(&self) -> i64 {
        if self.commit_started {
            self.size_at_commit
        } else {
            self.reads.approximate_size() + self.writes.approximate_size()
        }
    }

    /// Where reads end, and where writes do.
    fn read_end(&self) -> &'static [u8] {
        if self.options.read_system_keys { SYSTEM_END } else { USER_END }
    }

    fn write_end(&self) -> &'static [u8] {
        if self.options.write_system_keys { SYSTEM_END } else { USER_END }
    }
}
