//! Mutations on redb's table.

use std::borrow::Cow;
use std::ops::Bound;

use redb::{AccessGuard, CursorError, Error, ReadableTable, Table};

use crate::keys::is_key_after;
use crate::mutation::{Mutation, atomic};

/// A run that was shorter was not worth its search, and as many mutations go one by one before the next.
const SHORT_RUN: usize = 8;
const ONE_BY_ONE: usize = 32;

/// Applies the mutations in order.
pub fn apply_all(table: &mut Table<'_, &[u8], &[u8]>, mutations: &[Mutation]) -> Result<(), Error> {
    let mut rest = mutations;
    let mut one_by_one = 0;
    while let Some((first, others)) = rest.split_first() {
        if one_by_one == 0 {
            let inserted = insert_run(table, rest)?;
            rest = rest.get(inserted..).unwrap_or_default();
            if inserted < SHORT_RUN {
                one_by_one = ONE_BY_ONE;
            }
        } else {
            apply(table, first)?;
            rest = others;
            one_by_one -= 1;
        }
    }
    Ok(())
}

/// Inserts as many of the first mutations as are new rows, in order, between two neighbours in the table, and says how
/// many. So rows are loaded in half the time, and fill their pages, which rows inserted one by one fill by half.
fn insert_run(table: &mut Table<'_, &[u8], &[u8]>, mutations: &[Mutation]) -> Result<usize, Error> {
    let Some(Mutation::Set { key, .. }) = mutations.first() else { return Ok(0) };
    let mut gap = table.upper_bound_mut(Bound::Excluded(&**key))?;
    let mut inserted = 0;
    for mutation in mutations {
        let Mutation::Set { key, value } = mutation else { break };
        match gap.insert_before(&**key, &**value) {
            Ok(()) => inserted += 1,
            Err(CursorError::UnorderedKey) => break,
            Err(error) => return Err(error.into()),
        }
    }
    gap.close()?;
    Ok(inserted)
}

fn apply(table: &mut Table<'_, &[u8], &[u8]>, mutation: &Mutation) -> Result<(), Error> {
    match mutation {
        Mutation::Set { key, value } => {
            table.insert(&**key, &**value)?;
        }
        Mutation::Clear { begin, end } if is_key_after(begin, end) => {
            table.remove(&**begin)?;
        }
        Mutation::Clear { begin, end } if begin < end => {
            table.retain_in(&**begin..&**end, |_, _| false)?;
        }
        Mutation::Atomic { op, key, operand } => {
            let value = {
                let existing = table.get(&**key)?;
                let existing = existing.as_ref().map(AccessGuard::value);
                atomic(*op, existing, operand).map(Cow::into_owned)
            };
            match value {
                Some(value) => drop(table.insert(&**key, &*value)?),
                None => drop(table.remove(&**key)?),
            }
        }
        Mutation::Clear { .. }
        | Mutation::VersionstampedKey { .. }
        | Mutation::VersionstampedValue { .. } => {}
    }
    Ok(())
}
