//! The commit of a transaction, its versionstamp, and starting over after an error.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Asked, INVALID_VERSION, Inner, Transaction, special};
use crate::commit::{Committed, Core, Refusal, Request, complete};
use crate::error::{Error, Result};
use crate::future::{Answer, Future, Outcome};
use crate::latency::Latency;
use crate::limits::{
    MAX_BACKOFF_OF_MEMORY_LIMITS, MUTATION_OVERHEAD, RANGE_OVERHEAD, TOO_OLD_DELAY,
};
use crate::mutation::Mutation;
use crate::network;
use crate::ranges::Ranges;
use crate::watch::{Completion, Watch};
use crate::weather::Passage;

/// Who gets the answer of a commit.
pub struct Ticket {
    transaction: Weak<Transaction>,
    epoch: u64,
    future: Option<Arc<Future>>,
    latency: Option<Arc<Latency>>,
    /// When the last of the reads that the commit waits for is answered.
    reads_end: Option<Instant>,
    passage: Option<Arc<Passage>>,
}

impl Ticket {
    /// Tells the transaction how its commit ended; what is to be answered goes to `completions`.
    pub fn settle(
        mut self,
        result: std::result::Result<Committed, Refusal>,
        core: &Arc<Core>,
        completions: &mut Vec<Completion>,
    ) {
        let result = match &self.passage {
            None => result,
            Some(passage) => passage.result(result),
        };
        let outcome = match &result {
            Ok(_) => Ok(Answer::Nothing),
            Err(refusal) => Err(refusal.error),
        };
        if let Some(future) = self.future.take() {
            match (&self.passage, &self.latency) {
                (None, None) => completions.push((future, outcome)),
                (None, Some(latency)) => {
                    future.seal(outcome);
                    latency.answer(future, self.reads_end);
                }
                (Some(passage), _) => passage.answer(future, outcome),
            }
        }
        if let Some(transaction) = self.transaction.upgrade() {
            transaction.committed(self.epoch, result, core, completions);
        }
    }
}

impl Drop for Ticket {
    /// A ticket that was lost on the way: nobody knows what became of the commit.
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            network::post(move || {
                future.complete(Err(Error::COMMIT_UNKNOWN_RESULT));
            });
        }
    }
}

const COMMIT: Asked<'_> = ("commit", b"");
const ON_ERROR: Asked<'_> = ("on_error", b"");

impl Transaction {
    pub fn commit(self: &Arc<Self>) -> Arc<Future> {
        let mut inner = self.inner.lock();
        if let Err(error) = inner.check() {
            return self.answer(&mut inner, COMMIT, Err(error));
        }
        inner.size_at_commit = inner.approximate_size();
        inner.commit_started = true;
        // Either way the commit is never tried: who waits for its versionstamp or has a watch to be armed by it waits until
        // the reset (ReadYourWrites.actor.cpp, RYWImpl::commit).
        let refused = special::commit(self, &mut inner).err().or(inner.read_failed);
        if let Some(error) = refused {
            return self.answer_at_version(&mut inner, COMMIT, Err(error));
        }
        inner.cost += std::mem::take(&mut inner.write_cost);
        if inner.writes.is_empty() {
            inner.committed_version = INVALID_VERSION;
            inner.answer_stamps(Err(Error::NO_COMMIT_VERSION));
            let watches = std::mem::take(&mut inner.watches);
            let reads_end = inner.reads_end;
            let future = self.answer_not_before(&mut inner, COMMIT, reads_end, Ok(Answer::Nothing));
            drop(inner);
            let completions = arm(watches, self.database.core());
            if !completions.is_empty() {
                self.database.clock().post(move || complete(completions));
            }
            return future;
        }
        if let Err(error) = inner.check_commit() {
            return self.commit_fails(&mut inner, error);
        }
        let core = self.database.core();
        let is_prompt = self.database.latency().is_none() && inner.forecast.is_none();
        let read_version = inner.view.as_ref().map(|view| view.version).or(inner.chosen_version);
        let turn = if is_prompt {
            core.turn(read_version, &inner.reads, &inner.writes, inner.size_at_commit)
        } else {
            None
        };
        let future = Future::pending_under(self.database.weather());
        if turn.is_none() {
            self.add_pending(&mut inner, &future);
        }
        let reads_end = inner.reads_end;
        let traits = inner.traits();
        let has_reads = !inner.reads.is_empty();
        let passage = inner
            .forecast
            .as_mut()
            .map(|forecast| Arc::new(forecast.commit(read_version.is_some(), has_reads, traits)));
        let request = Request {
            read_version,
            reads: std::mem::take(&mut inner.reads),
            writes: std::mem::take(&mut inner.writes),
            causal_write_risky: inner.options.causal_write_risky,
            report_conflicts: inner.options.report_conflicting_keys,
            ticket: Ticket {
                transaction: Arc::downgrade(self),
                epoch: inner.epoch,
                future: Some(Arc::clone(&future)),
                latency: self.database.latency().cloned(),
                reads_end,
                passage: passage.clone(),
            },
        };
        drop(inner);
        match (turn, passage) {
            (Some(turn), _) => turn.commit(request, &future),
            (None, None) => core.submit(request),
            (None, Some(passage)) => passage.submit(core, request, reads_end),
        }
        future
    }

    /// A commit that fails before it is tried.
    fn commit_fails(self: &Arc<Self>, inner: &mut Inner, error: Error) -> Arc<Future> {
        inner.answer_stamps(Err(Error::TRANSACTION_INVALID_VERSION));
        inner.cancel_watches(error);
        self.answer_at_version(inner, COMMIT, Err(error))
    }

    /// Takes note of how the commit ended, unless the transaction has been reset since.
    fn committed(
        &self,
        epoch: u64,
        result: std::result::Result<Committed, Refusal>,
        core: &Arc<Core>,
        completions: &mut Vec<Completion>,
    ) {
        let mut inner = self.inner.lock();
        if inner.epoch != epoch {
            return;
        }
        // Before API version 700 a commit reset what is below read-your-writes, the read version with it.
        if self.database.api_version < 700 {
            inner.view = None;
            inner.chosen_version = None;
        }
        inner.pending.retain(|future| !future.is_ready());
        if inner.pending.len() <= 1 + inner.stamps.len() {
            inner.pending.clear();
            inner.cancel_timer();
        }
        let stamps = std::mem::take(&mut inner.stamps);
        let watches = std::mem::take(&mut inner.watches);
        match result {
            Ok(committed) => {
                inner.committed_version = committed.version;
                inner.conflicting.clear();
                drop(inner);
                let stamp = committed.stamp();
                completions.extend(
                    stamps.into_iter().map(|future| (future, Ok(Answer::Key(stamp.to_vec())))),
                );
                completions.extend(arm(watches, core));
            }
            Err(Refusal { error, conflicts }) => {
                inner.conflicting = conflicts;
                drop(inner);
                let invalid = Error::TRANSACTION_INVALID_VERSION;
                completions.extend(stamps.into_iter().map(|future| (future, Err(invalid))));
                completions.extend(watches.into_iter().map(|watch| (watch.end(), Err(error))));
            }
        }
    }

    /// The versionstamp of the commit to come.
    pub fn versionstamp(self: &Arc<Self>) -> Arc<Future> {
        let mut inner = self.inner.lock();
        if let Err(error) = inner.check() {
            return self.answer(&mut inner, ("get_versionstamp", b""), Err(error));
        }
        let future = Future::pending_under(self.database.weather());
        inner.stamps.push(Arc::clone(&future));
        // Its timeout ends it too.
        self.add_pending(&mut inner, &future);
        future
    }

    /// Starts over after an error that a new try may mend, once a delay has passed; else gives the error again, and
    /// the transaction is cancelled.
    pub fn on_error(self: &Arc<Self>, error: Error) -> Arc<Future> {
        let mut inner = self.inner.lock();
        if error == Error::CLUSTER_VERSION_CHANGED {
            // The client would go on with another version of itself, whatever became of the transaction
            // (MultiVersionTransaction.actor.cpp, onError).
            let remains = inner.renew(self.database.snapshot_read_your_writes());
            let future = self.answer(&mut inner, ON_ERROR, Ok(Answer::Nothing));
            drop(inner);
            drop(remains);
            return future;
        }
        let delay = inner.check_failed().and_then(|()| {
            inner.retry_delay(error).inspect_err(|_| inner.fail(Error::TRANSACTION_CANCELLED))
        });
        match delay {
            Err(error) => self.answer(&mut inner, ON_ERROR, Err(error)),
            Ok(delay) => {
                let remains = inner.restart(self.database.snapshot_read_your_writes());
                let future = self.answer_after(&mut inner, ON_ERROR, delay, Ok(Answer::Nothing));
                drop(inner);
                drop(remains);
                future
            }
        }
    }
}

/// Arms the watches of a transaction that committed; those that have fired already are to be answered.
fn arm(watches: Vec<Watch>, core: &Arc<Core>) -> Vec<Completion> {
    let mut completions = Vec::new();
    for mut watch in watches {
        let number = core.watches.number();
        let for_nothing = watch.for_nothing.take();
        let (key, slot, weak) = (watch.key.clone(), Arc::clone(&watch.slot), Arc::downgrade(core));
        let future = Arc::clone(&watch.future);
        let disarm = move || {
            slot.release();
            if let Some(core) = weak.upgrade() {
                core.watches.disarm(&key, number);
            }
        };
        if !future.set_on_cancel(disarm.clone()) {
            continue;
        }
        completions.extend(core.watches.arm(number, watch, || core.head.latest()));
        if let Some(for_nothing) = for_nothing {
            for_nothing.fire(future, disarm);
        }
    }
    completions
}

/// A delay from a number of seconds that is finite and not negative.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl Inner {
    /// Why the commit cannot even be tried.
    fn check_commit(&self) -> Result<()> {
        if self.options.read_only {
            return Err(Error::TRANSACTION_READ_ONLY);
        }
        // The approximate size counts what was overwritten since, so only past the limit is it worth to be exact.
        if self.size_at_commit > self.options.size_limit
            && self.exact_size() > self.options.size_limit
        {
            return Err(Error::TRANSACTION_TOO_LARGE);
        }
        Ok(())
    }

    /// The bytes of the mutations and of both kinds of conflict range.
    fn exact_size(&self) -> i64 {
        let bytes = |a: &[u8], b: &[u8]| i64::try_from(a.len() + b.len()).unwrap_or(i64::MAX / 4);
        let mutations: i64 = self
            .writes
            .mutations()
            .iter()
            .map(|mutation| {
                MUTATION_OVERHEAD
                    + match mutation {
                        Mutation::Set { key, value }
                        | Mutation::VersionstampedKey { key, value }
                        | Mutation::VersionstampedValue { key, value } => bytes(key, value),
                        Mutation::Atomic { key, operand, .. } => bytes(key, operand),
                        Mutation::Clear { begin, end } => bytes(begin, end),
                    }
            })
            .sum();
        let ranges = |ranges: &Ranges| -> i64 {
            ranges.iter().map(|(begin, end)| RANGE_OVERHEAD + bytes(begin, end)).sum()
        };
        mutations + ranges(&self.reads) + ranges(&self.writes.conflicts())
    }

    pub(super) fn answer_stamps(&mut self, outcome: Result<()>) {
        let stamps = std::mem::take(&mut self.stamps);
        if let (Err(error), false) = (outcome, stamps.is_empty()) {
            self.clock.post(move || {
                for future in stamps {
                    let outcome: Outcome = Err(error);
                    future.complete(outcome);
                }
            });
        }
    }

    /// How long to wait before the next try (ReadYourWrites.actor.cpp, RYWImpl::onError; NativeAPI.actor.cpp,
    /// Transaction::onError and getBackoff). The tries made while there was no limit count too.
    fn retry_delay(&mut self, error: Error) -> Result<Duration> {
        let is_last = self.options.retry_limit.is_some_and(|limit| self.retries >= limit);
        self.retries = self.retries.saturating_add(1);
        if is_last {
            return Err(error);
        }
        match error {
            Error::SUCCESS => Err(Error::CLIENT_INVALID_OPERATION),
            Error::NOT_COMMITTED
            | Error::COMMIT_UNKNOWN_RESULT
            | Error::DATABASE_LOCKED
            | Error::COMMIT_PROXY_MEMORY_LIMIT_EXCEEDED
            | Error::GRV_PROXY_MEMORY_LIMIT_EXCEEDED
            | Error::PROCESS_BEHIND
            | Error::BATCH_TRANSACTION_THROTTLED
            | Error::TAG_THROTTLED
            | Error::BLOB_GRANULE_REQUEST_FAILED
            | Error::PROXY_TAG_THROTTLED => {
                let most = match error {
                    Error::COMMIT_PROXY_MEMORY_LIMIT_EXCEEDED
                    | Error::GRV_PROXY_MEMORY_LIMIT_EXCEEDED => MAX_BACKOFF_OF_MEMORY_LIMITS,
                    _ => self.options.max_backoff,
                };
                let share = match &self.forecast {
                    None => self.random.fraction(),
                    Some(forecast) => forecast.backoff(),
                };
                let delay = self.backoff * share;
                self.backoff = (2.0 * self.backoff).min(most.as_secs_f64());
                Ok(seconds(delay))
            }
            Error::TRANSACTION_TOO_OLD | Error::FUTURE_VERSION => {
                Ok(TOO_OLD_DELAY.min(self.options.max_backoff))
            }
            _ => Err(error),
        }
    }
}
