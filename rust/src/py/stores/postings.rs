//! Postings to ranked documents: lists of rows merged in the order of their documents, scored, the best kept.
//!
//! A list is the rows of one term, of their keys the packed docuid alone, and in the order of the docuids. A value is `pack((count, length))`, or something else, which 0.13 has left
//! and its document's counter has to be asked instead.

use std::{cmp::Ordering, collections::BinaryHeap};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyList, PyTuple},
};

use super::super::packed::PackedRows;

/// The rows of a term.
struct Postings<'a>(&'a PackedRows);

impl<'a> Postings<'a> {
    fn docuid(&self, place: usize) -> Option<&'a [u8]> {
        self.0.get(place).map(|(docuid, _)| docuid)
    }

    fn value(&self, place: usize) -> Option<&'a [u8]> {
        self.0.get(place).map(|(_, value)| value)
    }

    /// The first place from `place` on whose docuid is not less than `docuid`: far ahead in few steps.
    fn advance(&self, place: usize, docuid: &[u8]) -> usize {
        let mut step = 1;
        let mut low = place;
        while self.docuid(low + step - 1).is_some_and(|other| other < docuid) {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(self.0.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.docuid(middle).is_some_and(|other| other < docuid) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

type Lists<'py> = Vec<Bound<'py, PackedRows>>;

fn read<'a>(lists: &'a Lists<'_>) -> Vec<Postings<'a>> {
    lists.iter().map(|rows| Postings(rows.get())).collect()
}

/// What the terms weigh: None to add counts up, else BM25.
type Weights = Option<(Vec<f64>, f64, f64)>;

/// The number at the begin of packed bytes, and the rest.
fn number(packed: &[u8]) -> Option<(u64, &[u8])> {
    let (code, rest) = packed.split_first()?;
    // 0x14 is 0; from there on the code tells the number of bytes.
    let size = usize::from(code.checked_sub(0x14)?);
    if size > 8 {
        return None;
    }
    let (bytes, rest) = rest.split_at_checked(size)?;
    Some((bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), rest))
}

/// How often a document has a term, and its length; None if the value does not say.
fn posting(value: &[u8]) -> Option<(u64, u64)> {
    let (count, rest) = number(value)?;
    let (length, rest) = number(rest)?;
    (rest.is_empty() && 0 < count && count <= length).then_some((count, length))
}

/// A score in the making.
#[derive(Default)]
struct Sum {
    counts: Vec<u64>,
    length: u64,
}

impl Sum {
    /// The score of a document with these postings of the terms, in their order; None if a value does not say.
    fn score<'a>(
        &mut self,
        values: impl Iterator<Item = Option<&'a [u8]>>,
        weights: &Weights,
    ) -> Option<f64> {
        self.counts.clear();
        for value in values {
            let (count, length) = match value {
                None => (0, self.length),
                Some(value) => posting(value)?,
            };
            self.length = length;
            self.counts.push(count);
        }
        let Some((weights, base, slope)) = weights else {
            return Some(self.counts.iter().sum::<u64>() as f64);
        };
        let norm = base + slope * self.length as f64;
        let mut score = 0.0;
        for (weight, count) in weights.iter().zip(&self.counts) {
            if *count > 0 {
                let count = *count as f64;
                score += weight * count / (count + norm);
            }
        }
        Some(score)
    }
}

/// A document in the running. The greatest is the worst: it is the first to go.
#[derive(PartialEq)]
struct Ranked<'a> {
    score: f64,
    docuid: &'a [u8],
}

impl Eq for Ranked<'_> {}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.docuid.cmp(other.docuid))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best documents so far.
struct Best<'a> {
    heap: BinaryHeap<Ranked<'a>>,
    limit: usize,
}

impl<'a> Best<'a> {
    fn new(limit: usize) -> Self {
        Self { heap: BinaryHeap::new(), limit }
    }

    fn add(&mut self, score: f64, docuid: &'a [u8]) {
        let ranked = Ranked { score, docuid };
        if self.heap.len() < self.limit {
            self.heap.push(ranked);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && ranked < *worst
        {
            *worst = ranked;
        }
    }

    /// The least score among as many as there may be; None if there are fewer.
    fn threshold(&self) -> Option<f64> {
        self.heap.peek().filter(|_| self.heap.len() == self.limit).map(|worst| worst.score)
    }

    fn into_list<'py>(self, py: Python<'py>, weights: &Weights) -> PyResult<Bound<'py, PyList>> {
        let rows = self.heap.into_sorted_vec().into_iter().map(|ranked| {
            let docuid = PyBytes::new(py, ranked.docuid);
            // Counts are whole numbers.
            match weights {
                None => (docuid, ranked.score as u64).into_pyobject(py),
                Some(_) => (docuid, ranked.score).into_pyobject(py),
            }
        });
        PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
    }
}

/// Calls `visit` with each document that is in some list, and with its posting in each.
fn in_any<'a>(
    lists: &[Postings<'a>],
    mut visit: impl FnMut(&'a [u8], &[Option<&'a [u8]>]) -> PyResult<()>,
) -> PyResult<()> {
    let mut places = vec![0; lists.len()];
    let mut values = vec![None; lists.len()];
    let mut heads: Vec<_> = lists.iter().map(|list| list.docuid(0)).collect();
    while let Some(docuid) = heads.iter().flatten().min().copied() {
        for (number, list) in lists.iter().enumerate() {
            let (place, head, value) =
                (&mut places[number], &mut heads[number], &mut values[number]);
            if *head == Some(docuid) {
                *value = list.value(*place);
                *place += 1;
                *head = list.docuid(*place);
            } else {
                *value = None;
            }
        }
        visit(docuid, &values)?;
    }
    Ok(())
}

/// Calls `visit` with each document that is in every list, and with its posting in each.
fn in_all<'a>(
    lists: &[Postings<'a>],
    mut visit: impl FnMut(&'a [u8], &[Option<&'a [u8]>]) -> PyResult<()>,
) -> PyResult<()> {
    let mut places = vec![0; lists.len()];
    let mut values = vec![None; lists.len()];
    let Some(mut docuid) = lists.first().and_then(|list| list.docuid(0)) else { return Ok(()) };
    loop {
        let mut met = true;
        for ((list, place), value) in lists.iter().zip(&mut places).zip(&mut values) {
            *place = list.advance(*place, docuid);
            let Some(here) = list.docuid(*place) else { return Ok(()) };
            if here > docuid {
                // The others have to catch up.
                docuid = here;
                met = false;
                break;
            }
            *value = list.value(*place);
        }
        if met {
            visit(docuid, &values)?;
            let Some(first) = places.first_mut() else { return Ok(()) };
            *first += 1;
            let Some(next) = lists.first().and_then(|list| list.docuid(*first)) else {
                return Ok(());
            };
            docuid = next;
        }
    }
}

/// A document and its postings, as Python has them.
type Candidate<'py> = (Bound<'py, PyBytes>, Vec<Option<Bound<'py, PyBytes>>>);

/// A document and its postings, for Python: `(docuid, [value or None, ...])`.
fn candidate<'py>(
    py: Python<'py>,
    docuid: &[u8],
    values: &[Option<&[u8]>],
) -> PyResult<Bound<'py, PyTuple>> {
    let values = values.iter().map(|value| value.map(|value| PyBytes::new(py, value)));
    (PyBytes::new(py, docuid), PyList::new(py, values.collect::<Vec<_>>())?).into_pyobject(py)
}

/// The documents of some lists, those in all of them with `every` and else those in any, with their
/// postings: a list of tuples, the packed docuid and a list of a value or None for each list.
///
/// `lists` are the rows of the terms, as `Query._packed` reads them: of their keys the docuid alone.
#[pyfunction]
#[pyo3(signature = (lists, every))]
pub fn _merge_postings<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    every: bool,
) -> PyResult<Bound<'py, PyList>> {
    let lists = read(&lists);
    let merged = PyList::empty(py);
    let visit =
        |docuid: &[u8], values: &[Option<&[u8]>]| merged.append(candidate(py, docuid, values)?);
    if every {
        in_all(&lists, visit)?
    } else {
        in_any(&lists, visit)?
    }
    Ok(merged)
}

/// The best `limit` documents of some lists, those in all of them with `every` and else those in
/// any: a list of tuples, the packed docuid and the score, best first, ties in the order of the
/// docuids. None if a posting does not say how often its document has the term.
///
/// `lists` are as for `_merge_postings`. `weights` is None to score by the sum of the counts, else
/// what each term weighs in the order of the lists, and the base and the slope by which a
/// document's length dampens its counts.
#[pyfunction]
#[pyo3(signature = (lists, every, weights, limit))]
pub fn _rank_postings<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    every: bool,
    weights: Weights,
    limit: usize,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let lists = read(&lists);
    let (mut sum, mut best, mut unsaid) = (Sum::default(), Best::new(limit), false);
    let visit = |docuid, values: &[Option<&[u8]>]| {
        match sum.score(values.iter().copied(), &weights) {
            Some(score) => best.add(score, docuid),
            None => unsaid = true,
        }
        Ok(())
    };
    if every {
        in_all(&lists, visit)?
    } else {
        in_any(&lists, visit)?
    }
    if unsaid { Ok(None) } else { best.into_list(py, &weights).map(Some) }
}

/// The best `limit` of `candidates`, which are as `_merge_postings` gives them: as `_rank_postings`
/// does, None included.
#[pyfunction]
#[pyo3(signature = (candidates, weights, limit))]
pub fn _rank_candidates<'py>(
    py: Python<'py>,
    candidates: Vec<Candidate<'py>>,
    weights: Weights,
    limit: usize,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let (mut sum, mut best) = (Sum::default(), Best::new(limit));
    for (docuid, values) in &candidates {
        let values = values.iter().map(|value| value.as_ref().map(|value| value.as_bytes()));
        let Some(score) = sum.score(values, &weights) else { return Ok(None) };
        best.add(score, docuid.as_bytes());
    }
    best.into_list(py, &weights).map(Some)
}

/// The documents in any of some lists that can be among the best `limit`, if a document can have
/// `most` more than what these lists give it, and one in none of them no more than that: as
/// `_merge_postings` gives them.
///
/// None if one that is in none of them can be among the best too, or if a posting does not say how
/// often its document has the term.
#[pyfunction]
#[pyo3(signature = (lists, weights, limit, most))]
pub fn _leading_postings<'py>(
    py: Python<'py>,
    lists: Lists<'py>,
    weights: Weights,
    limit: usize,
    most: f64,
) -> PyResult<Option<Bound<'py, PyList>>> {
    let lists = read(&lists);
    let (mut sum, mut best, mut unsaid) = (Sum::default(), Best::new(limit), false);
    let mut scores = Vec::new();
    in_any(&lists, |docuid, values| {
        match sum.score(values.iter().copied(), &weights) {
            Some(score) => {
                best.add(score, docuid);
                scores.push(score);
            }
            None => unsaid = true,
        }
        Ok(())
    })?;
    let threshold = best.threshold().filter(|threshold| *threshold > most && !unsaid);
    let Some(threshold) = threshold else { return Ok(None) };
    let leading = PyList::empty(py);
    let mut scores = scores.into_iter();
    in_any(&lists, |docuid, values| {
        if scores.next().is_some_and(|score| score + most >= threshold) {
            leading.append(candidate(py, docuid, values)?)?;
        }
        Ok(())
    })?;
    Ok(Some(leading))
}
