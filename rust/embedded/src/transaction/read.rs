//! Reads, watches, and what else asks the database.

use std::ffi::CString;
use std::sync::Arc;

use super::{Inner, METADATA_VERSION_KEY, METADATA_VERSION_KEY_END, Transaction, View, special};
use crate::Version;
use crate::capi::arrays::{KeyArray, MappedArray, RowArray, StringArray};
use crate::commit::Core;
use crate::error::{Error, Result};
use crate::future::{Answer, Future, Outcome};
use crate::limits::{COST_PAGE, key_size};
use crate::ranges::Ranges;
use crate::read::{self, RangeRequest, ReadMode};
use crate::selector::Selector;
use crate::storage::Snapshot;
use crate::watch::{Slot, Watch};
use crate::writes::Writes;

/// A range read as C asks for it, its mode already turned into limits; -1 is no limit.
pub struct GetRange {
    pub begin: Selector,
    pub end: Selector,
    pub limit_rows: i32,
    pub limit_bytes: i32,
    pub snapshot: bool,
    pub reverse: bool,
}

const UNLIMITED: i32 = -1;

/// Bytes read or written, rounded up to pages.
pub(super) fn cost(bytes: usize) -> i64 {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2);
    bytes.max(1).div_euclid(COST_PAGE).max(0) * COST_PAGE
        + if bytes.max(1) % COST_PAGE == 0 { 0 } else { COST_PAGE }
}

/// No key is longer than the limit, so a longer bound may be cut just past it.
pub fn cut(key: &[u8]) -> &[u8] {
    &key[..key.len().min(key_size(key) + 1)]
}

impl Transaction {
    pub fn get(self: &Arc<Self>, key: &[u8], snapshot: bool) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let outcome = self.get_value(&mut inner, key, snapshot).map(Answer::Value);
        self.answer_at_version(&mut inner, ("get", key), outcome)
    }

    fn get_value(&self, inner: &mut Inner, key: &[u8], snapshot: bool) -> Result<Option<Vec<u8>>> {
        if special::contains(key) {
            inner.deferred.map_or(Ok(()), Err)?;
            return special::get(self, inner, key);
        }
        inner.check()?;
        if key >= inner.read_end() && key != METADATA_VERSION_KEY {
            return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
        }
        if key.len() > key_size(key) {
            return Ok(None);
        }
        let mode = inner.mode(snapshot);
        // No weather gets in the way of what the transaction has written itself.
        let is_asked = read::asks_database(&inner.writes, key, mode);
        let forecast = if is_asked { None } else { inner.forecast.take() };
        let value = inner.awaited_read(self.database.core(), |snapshot, writes, conflicts| {
            read::get(snapshot, writes, conflicts, key, mode)
        });
        inner.forecast = forecast.or_else(|| inner.forecast.take());
        let value = value?;
        inner.cost += cost(key.len() + value.as_ref().map_or(0, Vec::len));
        Ok(value)
    }

    pub fn get_key(self: &Arc<Self>, selector: &Selector, snapshot: bool) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let outcome = self.resolve(&mut inner, selector, snapshot).map(Answer::Key);
        self.answer_at_version(&mut inner, ("get_key", &selector.key), outcome)
    }

    fn resolve(&self, inner: &mut Inner, selector: &Selector, snapshot: bool) -> Result<Vec<u8>> {
        inner.check()?;
        if *selector.key > *inner.read_end() {
            return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
        }
        let mode = inner.mode(snapshot);
        let key = inner.awaited_read(self.database.core(), |snapshot, writes, conflicts| {
            read::get_key(snapshot, writes, conflicts, selector, mode)
        })?;
        inner.cost += cost(key.len());
        Ok(key)
    }

    pub fn get_range(self: &Arc<Self>, request: GetRange) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let begin = self.begin_of(&request);
        let outcome = self.get_rows(&mut inner, request);
        self.answer_at_version(&mut inner, ("get_range", &begin), outcome)
    }

    pub fn get_mapped_range(self: &Arc<Self>, request: GetRange, mapper: &[u8]) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let begin = self.begin_of(&request);
        let outcome = self.get_mapped_rows(&mut inner, request, mapper);
        self.answer_at_version(&mut inner, ("get_mapped_range", &begin), outcome)
    }

    /// The key that the log names a range by: with weather alone.
    fn begin_of(&self, request: &GetRange) -> Vec<u8> {
        self.database.weather().map(|_| request.begin.key.to_vec()).unwrap_or_default()
    }

    /// Neither the transaction's own writes nor snapshot reads are supported, says FoundationDB, which leaves the commit
    /// alone where such a read fails (ReadYourWrites.actor.cpp, getMappedRange).
    fn get_mapped_rows(&self, inner: &mut Inner, request: GetRange, mapper: &[u8]) -> Outcome {
        inner.deferred.map_or(Ok(()), Err)?;
        if special::contains(&request.begin.key) && special::may_end(&request.end.key) {
            return Err(Error::CLIENT_INVALID_OPERATION);
        }
        inner.check()?;
        let (snapshot, request) = inner.legal_range(request)?;
        if snapshot || inner.options.read_your_writes_disabled {
            return Err(Error::UNSUPPORTED_OPERATION);
        }
        let mode = inner.mode(false);
        let rows = inner.read(self.database.core(), |snapshot, writes, conflicts| {
            read::mapped::get_mapped_range(snapshot, writes, conflicts, &request, mapper, mode)
        })?;
        inner.cost += cost(rows.bytes());
        Ok(Answer::Mapped(MappedArray::new(rows)))
    }

    fn get_rows(&self, inner: &mut Inner, request: GetRange) -> Outcome {
        if special::contains(&request.begin.key) && special::may_end(&request.end.key) {
            inner.deferred.map_or(Ok(()), Err)?;
            return special::get_range(self, inner, &request).map(RowArray::new).map(Answer::Rows);
        }
        inner.check()?;
        let (snapshot, request) = inner.legal_range(request)?;
        let mode = inner.mode(snapshot);
        let rows = inner.awaited_read(self.database.core(), |snapshot, writes, conflicts| {
            read::get_range(snapshot, writes, conflicts, &request, mode)
        })?;
        inner.cost += cost(rows.iter().map(|(key, value)| key.len() + value.len()).sum());
        Ok(Answer::Rows(RowArray::new(rows)))
    }

    /// The read version, which stays the transaction's own after its commit too.
    pub fn read_version(self: &Arc<Self>) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let outcome = self.take_read_version(&mut inner).map(Answer::Int64);
        self.answer(&mut inner, ("get_read_version", b""), outcome)
    }

    fn take_read_version(&self, inner: &mut Inner) -> Result<Version> {
        inner.deferred.map_or(Ok(()), Err)?;
        inner.check_failed()?;
        if let Some(version) = inner.chosen_version {
            return Ok(version);
        }
        let core = self.database.core();
        let version = inner.view(core)?.version;
        core.head.name(version);
        Ok(version)
    }

    pub fn set_read_version(&self, version: Version) {
        self.deferring(|inner| {
            if inner.view.is_some() || inner.chosen_version.is_some() {
                return Err(Error::READ_VERSION_ALREADY_SET);
            }
            if version <= 0 {
                return Err(Error::VERSION_INVALID);
            }
            inner.chosen_version = Some(version);
            inner.writes.read_version_known(version);
            Ok(())
        });
    }

    /// Watches `key` for another value than this transaction sees there now.
    pub fn watch(self: &Arc<Self>, key: &[u8]) -> Arc<Future> {
        let mut inner = self.inner.lock();
        match self.new_watch(&mut inner, key) {
            Ok(watch) => {
                let future = Arc::clone(&watch.future);
                inner.watches.push(watch);
                future
            }
            Err(error) => self.answer_at_version(&mut inner, ("watch", key), Err(error)),
        }
    }

    fn new_watch(&self, inner: &mut Inner, key: &[u8]) -> Result<Watch> {
        inner.check()?;
        if inner.options.read_your_writes_disabled {
            return Err(Error::WATCHES_DISABLED);
        }
        if key >= inner.read_end() && key != METADATA_VERSION_KEY {
            return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
        }
        if key.len() > key_size(key) {
            return Err(Error::KEY_TOO_LARGE);
        }
        let mode = inner.mode(false);
        let baseline = inner.read(self.database.core(), |snapshot, writes, conflicts| {
            read::get(snapshot, writes, conflicts, key, mode)
        })?;
        let slot = Slot::take(self.database.watches(), self.database.max_watches())?;
        let weather = self.database.weather();
        let future = Future::pending_under(weather);
        let held = Arc::clone(&slot);
        future.set_on_cancel(move || held.release());
        let for_nothing = inner.forecast.as_mut().and_then(|forecast| forecast.watch(key));
        Ok(Watch { key: key.into(), baseline, future, slot, for_nothing })
    }

    /// There is one place, and it is here.
    pub fn addresses_for_key(self: &Arc<Self>, key: &[u8]) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let outcome = inner.check().map(|()| {
            let place = (!special::contains(key)).then(|| CString::from(c"embedded"));
            Answer::Strings(StringArray::new(place.into_iter().collect()))
        });
        self.answer(&mut inner, ("get_addresses_for_key", key), outcome)
    }

    pub fn estimated_range_size(self: &Arc<Self>, begin: &[u8], end: &[u8]) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let core = self.database.core();
        let outcome = inner.check().and_then(|()| {
            let size = core.storage.estimated_bytes(&core.head.latest(), begin, end)?;
            Ok(Answer::Int64(size))
        });
        self.answer(&mut inner, ("get_estimated_range_size", begin), outcome)
    }

    pub fn range_split_points(
        self: &Arc<Self>,
        begin: &[u8],
        end: &[u8],
        chunk: i64,
    ) -> Arc<Future> {
        let mut inner = self.inner.lock();
        let core = self.database.core();
        let outcome = inner.check().and_then(|()| {
            let legal_end = inner.read_end();
            if begin > legal_end || end > legal_end {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            let points = core.storage.split_points(&core.head.latest(), begin, end, chunk)?;
            Ok(Answer::Keys(KeyArray::new(points)))
        });
        self.answer(&mut inner, ("get_range_split_points", begin), outcome)
    }

    /// A read conflict range by hand.
    pub fn add_read_conflict(&self, begin: &[u8], end: &[u8]) {
        self.deferring(|inner| {
            inner.check_used_during_commit()?;
            let legal_end = inner.read_end();
            let is_metadata_version =
                begin == METADATA_VERSION_KEY && end == METADATA_VERSION_KEY_END;
            if (begin > legal_end || end > legal_end) && !is_metadata_version {
                return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
            }
            let (begin, end) = (cut(begin), cut(end));
            if begin < end {
                let mode = inner.mode(false);
                read::add_read_conflict(&inner.writes, &mut inner.reads, begin, end, mode);
            }
            Ok(())
        });
    }
}

/// A limit of C's, where -1 is none, as the reads take it, where 0 is none.
pub(super) fn limit(limit: i32) -> Result<usize> {
    match limit {
        UNLIMITED => Ok(0),
        _ => usize::try_from(limit).map_err(|_| Error::RANGE_LIMITS_INVALID),
    }
}

impl Inner {
    /// A range that may be read, and whether it is to be read as a snapshot.
    fn legal_range(&self, request: GetRange) -> Result<(bool, RangeRequest)> {
        let end = self.read_end();
        if *request.begin.key > *end || *request.end.key > *end {
            return Err(Error::KEY_OUTSIDE_LEGAL_RANGE);
        }
        let legal = RangeRequest {
            begin: request.begin,
            end: request.end,
            limit_rows: limit(request.limit_rows)?,
            limit_bytes: limit(request.limit_bytes)?,
            reverse: request.reverse,
        };
        Ok((request.snapshot, legal))
    }

    fn mode(&self, snapshot: bool) -> ReadMode {
        let options = &self.options;
        ReadMode {
            snapshot,
            bypass_writes: options.read_your_writes_disabled
                || (snapshot && options.snapshot_read_your_writes <= 0),
            bypass_unreadable: options.bypass_unreadable,
            max_key: self.read_end(),
        }
    }

    /// What the transaction reads from: of its read version, which it takes now if it has none.
    fn view(&mut self, core: &Arc<Core>) -> Result<&View> {
        if self.view.is_none() {
            let traits = self.traits();
            if let (Some(forecast), None) = (&mut self.forecast, self.chosen_version) {
                forecast.start(traits)?;
            }
            let leased = match self.chosen_version {
                Some(version) => core.head.at_version(version)?,
                None => core.head.read_version(),
            };
            core.arrange_expiry(&leased);
            self.writes.read_version_known(leased.version);
            self.view = Some(View { version: leased.version, lease: leased.lease });
        }
        self.view.as_ref().ok_or(Error::INTERNAL_ERROR)
    }

    /// A read that the commit waits for: one that fails is the commit's failure too (ReadYourWrites.actor.cpp,
    /// `reading`).
    fn awaited_read<T>(
        &mut self,
        core: &Arc<Core>,
        read: impl FnOnce(&Snapshot, &Writes, &mut Ranges) -> Result<T>,
    ) -> Result<T> {
        let result = self.read(core, read);
        if let Err(error) = &result {
            self.read_failed.get_or_insert(*error);
        }
        result
    }

    fn read<T>(
        &mut self,
        core: &Arc<Core>,
        read: impl FnOnce(&Snapshot, &Writes, &mut Ranges) -> Result<T>,
    ) -> Result<T> {
        self.has_read = true;
        self.view(core)?;
        if let Some(forecast) = &mut self.forecast {
            forecast.read()?;
        }
        let Inner { view: Some(view), writes, reads, .. } = self else {
            return Err(Error::INTERNAL_ERROR);
        };
        view.lease.read(|snapshot| read(snapshot, writes, reads))
    }
}
