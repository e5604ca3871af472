//! Range reads: what `found.query` gives, an async iterator over rows.

use std::sync::Arc;

use found_fdb_sys::FDBStreamingMode;
use parking_lot::Mutex;
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyStopAsyncIteration, PyTypeError, PyValueError},
    prelude::*,
    types::PyList,
};

use super::{
    answer::Answer,
    arguments::{Arg, Bytes, Tx, name},
    awaitable::Awaitable,
    batch::{Batch, Taken},
    collect::{Collect, Collected},
    fairness,
    operation::Operation,
    packed::PackedRows,
    page::Page,
    raw::Steps,
    remainder::{ITERATOR, Remainder, SERIAL, WANT_ALL},
    selector::{Edge, KeySelector},
    step::{Step, into_generator_protocol, thrown},
    transaction::Transaction,
};

/// Rows that count together towards the loop's turn: a few of them take less time than to count them.
const COUNTED_TOGETHER: u32 = 8;

/// Where an iteration stands.
struct Cursor {
    /// None once the range, or the iteration, has ended.
    remainder: Option<Remainder>,
    batch: Option<Batch>,
    next: usize,
    /// Rows that were handed out since the loop's turn was thought of.
    uncounted: u32,
    reading: Option<Py<Operation>>,
}

/// A range to be read: `async for key, value in query`, or `await found.all(query)`.
///
/// `found.query` makes it, and nothing is read before it is iterated. It is read once: iterating it
/// again goes on where it stood, and after the end, an error or `aclose` there is nothing left.
/// Awaiting it gives the query itself, so that `async for key, value in await found.query(...)` is
/// the same.
#[pyclass(frozen, module = "found")]
pub struct Query {
    transaction: Py<Transaction>,
    whole: Remainder,
    cursor: Mutex<Cursor>,
}

/// Read the keys and values of a range, in order.
///
/// The range is half-open, the keys from `key` on that are less than `other`. Two keys given
/// backwards, `key` greater than `other`, are read from `key` down to `other`, and both belong to
/// the range: that is what the 0.13 series did. `reverse=True` reads the half-open range from its
/// end. A range from a key to itself is empty.
///
/// Rows come in batches, and a batch is read when the iteration gets there: it sees what the
/// transaction has written by then. `found.all` reads a query in as few batches as there can be.
/// The read conflict covers what was read, from the begin of the range to the last row of the last
/// batch; all of it, gaps included, if the range was read to its end.
///
/// ```python
/// import found
///
/// async with await found.open("memory:") as db:
///     tx = found.make_transaction(db)
///     for key in (b"a", b"b", b"c"):
///         found.set(tx, key, key.upper())
///     rows = [row async for row in found.query(tx, b"a", b"c")]
///     assert rows == [(b"a", b"A"), (b"b", b"B")]
///     rows = await found.all(found.query(tx, b"a", b"c", reverse=True, limit=1))
///     assert rows == [(b"b", b"B")]
///     rows = await found.all(found.query(tx, b"c", b"a"))
///     assert rows == [(b"c", b"C"), (b"b", b"B"), (b"a", b"A")]
///     rows = await found.all(found.query(tx, found.gt(b"a"), b"\xff"))
///     assert rows == [(b"b", b"B"), (b"c", b"C")]
/// ```
///
/// Args:
///     tx: a found.Transaction.
///     key: bytes, the begin of the range; or a found.KeySelector of the first key of it.
///     other: bytes, the end of the range; or a found.KeySelector of the first key that is not part
///         of it.
///     limit: int, the most rows to read; 0, the default, for all.
///     mode: how many bytes a batch has, not which rows there are. `found.STREAMING_MODE_ITERATOR`,
///         the default, begins with 4,096 bytes and grows by half from batch to batch up to
///         120,000; SMALL has 256, MEDIUM 1,000, LARGE 4,096, SERIAL and WANT_ALL 80,000; EXACT
///         reads `limit` rows at once. Each batch has at least a row.
///     reverse: True to read from the end of the range to its begin.
///     snapshot: True for snapshot reads, which add no read conflicts; False for reads that do;
///         None, the default, as the transaction was made.
///
/// Returns:
///     A found.Query, which yields a tuple of two bytes a row, key and value.
///
/// Raises:
///     FoundException: while it is read: 2210 for EXACT without a limit; 2004 for a range that goes
///         past `\xff`, unless an option lets the transaction read the system's keys; 1036 for rows
///         that the commit's versionstamp will decide about; and what found.Transaction names.
///     OverflowError: `limit` does not fit in 32 bits.
///     TypeError: `tx` is no found.Transaction, or `key` or `other` is neither bytes nor a
///         KeySelector.
///     ValueError: `limit` is negative, there is no such `mode`, or `key` is greater than `other`
///         and `reverse` is True.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::getRange and
/// RYWImpl::addConflictRange; bindings/c/fdb_c.cpp, validate_and_update_parameters, for the modes.
#[pyfunction]
#[pyo3(
    signature = (tx, key, other, *, limit=Arg::new(0), mode=Arg::new(ITERATOR), reverse=Arg::new(false), snapshot=None),
    text_signature = "(tx, key, other, *, limit=0, mode=-1, reverse=False, snapshot=None)"
)]
pub fn query(
    tx: Tx<'_>,
    key: Arg<name::Key, Edge<'_>>,
    other: Arg<name::Other, Edge<'_>>,
    limit: Arg<name::Limit, i32>,
    mode: Arg<name::Mode, FDBStreamingMode>,
    reverse: Arg<name::Reverse, bool>,
    snapshot: Option<Arg<name::Snapshot, bool>>,
) -> PyResult<Query> {
    let ends = (key.into_inner(), other.into_inner());
    let snapshot = snapshot.map(Arg::into_inner);
    plan(&tx, ends, (*limit, *mode), *reverse, snapshot, None)
}

/// Read a range, and for each row of it the rows that the row names.
///
/// The servers of a cluster do the second read, so that an index and what it points to take one
/// trip. Keys and values are packed tuples. FoundationDB calls it experimental: the transaction
/// must not have written what it reads, neither range.
///
/// Args:
///     tx: a found.Transaction.
///     key: the begin of the range, as for `found.query`.
///     other: the end of the range, as for `found.query`.
///     mapper: bytes, `found.pack` of a tuple that makes the key to read of a row: `"{K[1]}"` and
///         `"{V[0]}"` stand for elements of the row's key and value, `"{...}"` at the end for all
///         rows under the key.
///     limit: the most rows of the first range, as for `found.query`.
///     mode: as for `found.query`.
///     reverse: as for `found.query`.
///     snapshot: as for `found.query`.
///
/// Returns:
///     A found.Query, which yields a tuple a row: key, value, and the list of the rows it names,
///     tuples of key and value.
///
/// Raises:
///     FoundException: while it is read: 2108 from a database that cannot do it, the embedded one
///         among them; and what `found.query` can.
///     OverflowError: as in `found.query`.
///     TypeError: as in `found.query`, or `mapper` is not bytes.
///     ValueError: as in `found.query`.
///
/// Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::getMappedRange;
/// documentation of fdb_transaction_get_mapped_range.
#[pyfunction]
#[pyo3(
    signature = (tx, key, other, mapper, *, limit=Arg::new(0), mode=Arg::new(ITERATOR), reverse=Arg::new(false), snapshot=None),
    text_signature = "(tx, key, other, mapper, *, limit=0, mode=-1, reverse=False, snapshot=None)"
)]
#[allow(clippy::too_many_arguments)]
pub fn mapped_query(
    tx: Tx<'_>,
    key: Arg<name::Key, Edge<'_>>,
    other: Arg<name::Other, Edge<'_>>,
    mapper: Bytes<'_, name::Mapper>,
    limit: Arg<name::Limit, i32>,
    mode: Arg<name::Mode, FDBStreamingMode>,
    reverse: Arg<name::Reverse, bool>,
    snapshot: Option<Arg<name::Snapshot, bool>>,
) -> PyResult<Query> {
    let mapper = Some(Arc::from(mapper.as_slice()));
    let ends = (key.into_inner(), other.into_inner());
    let snapshot = snapshot.map(Arg::into_inner);
    plan(&tx, ends, (*limit, *mode), *reverse, snapshot, mapper)
}

fn plan(
    tx: &Bound<'_, Transaction>,
    (key, other): (Edge<'_>, Edge<'_>),
    (limit, mode): (i32, FDBStreamingMode),
    reverse: bool,
    snapshot: Option<bool>,
    mapper: Option<Arc<[u8]>>,
) -> PyResult<Query> {
    if limit < 0 {
        return Err(PyValueError::new_err(format!(
            "limit must be a number of rows, or 0 for all, not {limit}"
        )));
    }
    if !(WANT_ALL..=SERIAL).contains(&mode) {
        return Err(PyValueError::new_err(format!(
            "mode must be one of the STREAMING_MODE_ constants, not {mode}"
        )));
    }
    let (begin, end, reverse) = match (key, other) {
        (Edge::Key(key), Edge::Key(other)) if key.as_bytes() > other.as_bytes() => {
            if reverse {
                return Err(PyValueError::new_err(
                    "key is past other: with reverse=True give the range forwards, [key, other) is read from its end",
                ));
            }
            // Given backwards, both ends belong to the range.
            let begin = KeySelector::first_greater_or_equal(other.as_bytes());
            (begin, KeySelector::first_greater_than(key.as_bytes()), true)
        }
        (key, other) => (key.into_selector(), other.into_selector(), reverse),
    };
    let snapshot = tx.get().snapshot(snapshot);
    let whole = Remainder {
        begin,
        end,
        limit,
        target_bytes: 0,
        mode,
        iteration: 1,
        snapshot,
        reverse,
        mapper,
    };
    let cursor = Cursor {
        remainder: Some(whole.clone()),
        batch: None,
        next: 0,
        uncounted: 0,
        reading: None,
    };
    Ok(Query { transaction: tx.clone().unbind(), whole, cursor: Mutex::new(cursor) })
}

impl Query {
    pub fn is_mapped(&self) -> bool {
        self.whole.mapper.is_some()
    }

    /// Takes the batch that was asked for.
    pub fn accept(&self, batch: Batch, number: i32) {
        let old = {
            let mut cursor = self.cursor.lock();
            // Closed meanwhile, or another thread has read the same: nothing is kept.
            let asked_for = |remainder: &&mut Remainder| remainder.iteration == number;
            let Some(remainder) = cursor.remainder.as_mut().filter(asked_for) else { return };
            if !remainder.advance(&batch.page()) {
                cursor.remainder = None;
            }
            cursor.next = 0;
            cursor.batch.replace(batch)
        };
        drop(old);
    }

    /// Takes the batch that a store asked for: its rows, and whether there may be more.
    pub fn accept_page<'py>(
        &self,
        py: Python<'py>,
        page: &Page<'_>,
    ) -> PyResult<(Bound<'py, PyList>, bool)> {
        let rows = page.to_list(py)?;
        let mut cursor = self.cursor.lock();
        let more = cursor.remainder.as_mut().is_some_and(|remainder| remainder.advance(page));
        if !more {
            cursor.remainder = None;
        }
        Ok((rows, more))
    }

    /// One step towards the next row.
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step> {
        let py = slf.py();
        let this = slf.get();
        loop {
            let (reading, cancelled) = {
                let mut cursor = this.cursor.lock();
                if cursor.uncounted == COUNTED_TOGETHER {
                    cursor.uncounted = 0;
                    drop(cursor);
                    if fairness::turn_due(py, COUNTED_TOGETHER * fairness::ROW) {
                        return Ok(Step::Yield(py.None()));
                    }
                    continue;
                }
                let next = cursor.next;
                if let Some(row) = cursor.batch.as_mut().and_then(|batch| batch.take(py, next)) {
                    cursor.next += 1;
                    cursor.uncounted += 1;
                    match row {
                        Taken::Made(row) => return Ok(Step::Return(row)),
                        Taken::Plain(row, wanted) => {
                            drop(cursor);
                            let row = row.into_pyobject(py)?;
                            if wanted && let Some(batch) = this.cursor.lock().batch.as_mut() {
                                batch.give_back(row.clone().unbind());
                            }
                            return Ok(Step::Return(row.into_any().unbind()));
                        }
                    }
                }
                // A read that was cancelled, with the task that waited for it, is let go: nothing was taken off what
                // remains, and whoever asks next reads the same rows.
                let cancelled =
                    cursor.reading.take_if(|reading| reading.bind(py).as_super().get().cancelled());
                (cursor.reading.as_ref().map(|reading| reading.clone_ref(py)), cancelled)
            };
            drop(cancelled);
            let reading = match reading {
                Some(reading) => reading.into_bound(py),
                None => {
                    let remainder = this.cursor.lock().remainder.clone();
                    let Some(remainder) = remainder else {
                        this.finish();
                        return Err(PyStopAsyncIteration::new_err(()));
                    };
                    let future = remainder.read(this.transaction.get());
                    let answer = Answer::Batch(slf.clone().unbind(), remainder.iteration);
                    let transaction = this.transaction.bind(py);
                    let reading = Operation::start(py, future, answer, transaction)?;
                    // Outside the lock, as whatever is let go: another thread may have asked as well.
                    let other = this.cursor.lock().reading.replace(reading.clone().unbind());
                    drop(other);
                    reading
                }
            };
            match Awaitable::step(reading.as_super()) {
                Ok(Step::Yield(waiting)) => return Ok(Step::Yield(waiting)),
                Ok(Step::Return(_)) => {
                    let read = this.cursor.lock().reading.take();
                    drop(read);
                }
                Err(error) => {
                    this.finish();
                    return Err(error);
                }
            }
        }
    }

    /// Reads all rows of a range that nobody has begun to read.
    fn collect<'py>(slf: &Bound<'py, Self>, rows: Collected) -> PyResult<Bound<'py, Operation>> {
        let py = slf.py();
        let this = slf.get();
        let untouched = {
            let cursor = this.cursor.lock();
            cursor.batch.is_none() && cursor.reading.is_none() && cursor.remainder.is_some()
        };
        if !untouched {
            return Err(PyRuntimeError::new_err("this query is being read, or was read, already"));
        }
        this.finish();
        let remainder = this.whole.clone().in_large_batches();
        let future = remainder.read(this.transaction.get());
        let transaction = this.transaction.bind(py);
        let collect = Collect { transaction: transaction.clone().unbind(), remainder, rows };
        Operation::start(py, future, Answer::All(Box::new(collect)), transaction)
    }

    /// Ends the iteration: what is under way is cancelled, what was read let go.
    fn finish(&self) -> Option<Py<Operation>> {
        let (batch, reading) = {
            let mut cursor = self.cursor.lock();
            cursor.remainder = None;
            cursor.next = 0;
            (cursor.batch.take(), cursor.reading.take())
        };
        drop(batch);
        reading
    }
}

#[pymethods]
impl Query {
    fn __await__(slf: &Bound<'_, Self>) -> PyResult<Py<Operation>> {
        Ok(Operation::done_with(slf.py(), slf.clone().into_any().unbind())?.unbind())
    }

    fn __aiter__(slf: Py<Self>) -> QueryRows {
        QueryRows { query: slf }
    }

    fn __anext__(slf: Py<Self>) -> QueryRows {
        QueryRows { query: slf }
    }

    /// End the iteration: what is under way is cancelled, and there are no more rows.
    ///
    /// Returns:
    ///     An operation that is done; awaited, None.
    fn aclose<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Operation>> {
        if let Some(reading) = slf.get().finish() {
            reading.bind(slf.py()).call_method0("cancel")?;
        }
        Operation::done_with(slf.py(), slf.py().None())
    }

    /// Read all rows of the range into a list: what `found.all` does with a query.
    fn _all<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Operation>> {
        Query::collect(slf, Collected::List(None))
    }

    /// Read all rows of the range, not a mapped one, into one piece of memory, their keys without
    /// the first `skip` bytes.
    ///
    /// For the stores, whose hot loops go through them in Rust.
    fn _packed<'py>(slf: &Bound<'py, Self>, skip: usize) -> PyResult<Bound<'py, Operation>> {
        if slf.get().is_mapped() {
            return Err(PyTypeError::new_err("the rows of a mapped query are not packed"));
        }
        Query::collect(slf, Collected::Packed(PackedRows::skipping(skip)))
    }

    /// Read the next batch: its rows, and whether there may be more.
    ///
    /// For the stores, which work on whole batches and send the first of many queries at once. One
    /// at a time: the next begins where the last one that has answered ended.
    fn _page<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Operation>> {
        let py = slf.py();
        let this = slf.get();
        let remainder = this.cursor.lock().remainder.clone();
        let Some(remainder) = remainder else {
            let nothing = (PyList::empty(py), false).into_pyobject(py)?;
            return Operation::done_with(py, nothing.into_any().unbind());
        };
        let future = remainder.read(this.transaction.get());
        let answer = Answer::Page(slf.clone().unbind());
        Operation::start(py, future, answer, this.transaction.bind(py))
    }

    fn __repr__(&self) -> &'static str {
        "<found.Query>"
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.transaction)?;
        // A lock that is held belongs to a call in progress: its references count as held from outside.
        if let Some(cursor) = self.cursor.try_lock() {
            if let Some(batch) = &cursor.batch {
                batch.traverse(&visit)?;
            }
            visit.call(&cursor.reading)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let cleared = self.cursor.try_lock().map(|mut cursor| {
            (cursor.batch.take(), cursor.reading.take(), cursor.remainder.take())
        });
        drop(cleared);
    }
}

/// The rows of a query, one after the other: what `async for` steps. Awaited, the next row, as a coroutine.
// Where nobody else holds it, its `__anext__` gives itself, and no row costs an object of its own: see
// `raw::install_iteration_slots`.
#[pyclass(frozen, module = "found._found", name = "_Rows")]
pub struct QueryRows {
    query: Py<Query>,
}

impl Steps for QueryRows {
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step> {
        Query::step(slf.get().query.bind(slf.py()))
    }
}

#[pymethods]
impl QueryRows {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(&self, py: Python<'_>) -> QueryRows {
        QueryRows { query: self.query.clone_ref(py) }
    }

    /// End the iteration of the query: see `found.Query.aclose`.
    fn aclose<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Operation>> {
        Query::aclose(self.query.bind(py))
    }

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        into_generator_protocol(QueryRows::step(slf)?)
    }

    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        into_generator_protocol(QueryRows::step(slf)?)
    }

    #[pyo3(signature = (typ, val=None, tb=None))]
    fn throw(
        slf: &Bound<'_, Self>,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Err(thrown(slf.py(), typ, val, tb)?)
    }

    fn close(&self) {}

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.query)
    }
}
