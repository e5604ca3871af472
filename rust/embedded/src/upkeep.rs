//! What is done to a file that nobody has open, and that FoundationDB's C API has no words for.

use std::path::PathBuf;

use crate::address::{Address, Place};
use crate::error::Error;
use crate::storage::{FileOptions, OpenFailure, Storage};

/// What a check found.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Checked {
    /// Rows that were read, and the bytes of their keys and values.
    pub rows: u64,
    pub bytes: u64,
    /// The size of the file.
    pub file_bytes: u64,
    /// It had not been closed: opening it put its bookkeeping in order.
    pub recovered: bool,
    /// What is wrong with it; empty if it is whole.
    pub problems: Vec<String>,
}

/// How often progress is told: each so many rows.
const ROWS_A_WORD: u64 = 10_000;

fn file_of(address: &str) -> Result<(PathBuf, FileOptions), OpenFailure> {
    let Address { place, options } = Address::parse(address)?;
    let failure = |code, cause: &str| OpenFailure { code, message: format!("{address}: {cause}") };
    let Place::File(path) = place else {
        return Err(failure(
            Error::INVALID_OPTION_VALUE,
            "only a database in a file can be checked or compacted",
        ));
    };
    if !path.exists() {
        return Err(failure(Error::FILE_NOT_FOUND, "there is no such file"));
    }
    let cache_bytes = options.cache_bytes.unwrap_or(FileOptions::default().cache_bytes);
    Ok((path, FileOptions { cache_bytes, ..FileOptions::default() }))
}

fn size_of(path: &std::path::Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// Reads all of a file, and verifies it: the checksum of each block, those redb keeps of its pages, the order of the keys,
/// and which pages are said to be free. `repair` first puts in order what can be: checksums of blocks that redb's own say
/// are right. `progress` is told rows and bytes so far, and ends the check with false.
///
/// Fails where the file cannot be opened for a reason other than damage.
pub fn check(
    address: &str,
    repair: bool,
    mut progress: impl FnMut(u64, u64) -> bool,
) -> Result<Checked, OpenFailure> {
    let (path, options) = file_of(address)?;
    let mut checked = Checked { file_bytes: size_of(&path), ..Checked::default() };
    if repair
        && let Err(failure) = Storage::open(&path, &FileOptions { verify: true, ..options.clone() })
    {
        return damage(checked, failure);
    }
    let storage = match Storage::open(&path, &options) {
        Ok(storage) => storage,
        Err(failure) => return damage(checked, failure),
    };
    checked.recovered = storage.is_repaired();
    match read_through(&storage, &mut checked, &mut progress) {
        Ok(true) => {}
        Ok(false) => return Ok(checked),
        Err(code) => {
            let cause = storage.failure().unwrap_or_else(|| format!("{code:?}"));
            checked.problems.push(format!("{cause}, after {} rows", checked.rows));
        }
    }
    if checked.problems.is_empty() {
        match storage.check() {
            Ok(None) => {}
            Ok(Some(problem)) => checked.problems.push(problem),
            Err(code) => {
                checked.problems.push(storage.failure().unwrap_or_else(|| format!("{code:?}")))
            }
        }
    }
    drop(storage);
    checked.file_bytes = size_of(&path);
    Ok(checked)
}

fn damage(mut checked: Checked, failure: OpenFailure) -> Result<Checked, OpenFailure> {
    if failure.code != Error::FILE_CORRUPT {
        return Err(failure);
    }
    checked.problems.push(failure.message);
    Ok(checked)
}

/// False if `progress` said so.
fn read_through(
    storage: &Storage,
    checked: &mut Checked,
    progress: &mut impl FnMut(u64, u64) -> bool,
) -> crate::Result<bool> {
    let mut former: Option<Vec<u8>> = None;
    let mut disordered = 0_u64;
    let mut goes_on = true;
    storage.snapshot()?.visit(b"", b"\xff\xff\xff", false, |key, value| {
        if former.as_deref().is_some_and(|former| former >= key) {
            disordered += 1;
        }
        let former = former.get_or_insert_default();
        former.clear();
        former.extend_from_slice(key);
        checked.rows += 1;
        checked.bytes += (key.len() + value.len()) as u64;
        if checked.rows.is_multiple_of(ROWS_A_WORD) {
            goes_on = progress(checked.rows, checked.bytes);
        }
        goes_on
    })?;
    if disordered > 0 {
        checked.problems.push(format!("{disordered} keys are not in order"));
    }
    Ok(goes_on)
}

/// Moves the data of a file to its front and cuts the rest off. The sizes of the file before and after. A kill in the middle
/// leaves a file that is whole.
pub fn compact(address: &str) -> Result<(u64, u64), OpenFailure> {
    let (path, options) = file_of(address)?;
    let before = size_of(&path);
    let storage = Storage::open(&path, &options)?;
    storage.compact().map_err(|code| {
        let cause = storage.failure().unwrap_or_else(|| format!("{}: {code:?}", path.display()));
        OpenFailure { code, message: format!("cannot compact the database {cause}") }
    })?;
    drop(storage);
    Ok((before, size_of(&path)))
}
