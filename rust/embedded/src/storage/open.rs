//! Opening a redb file, and saying in one sentence why it cannot be.

use std::cell::Cell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error as IoError, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableError};

use super::backend::{Backend, End};
use super::blocks::{Blocks, NotOurs, Unreadable};
use super::disk::{Disk, LockedFile};
use super::file::{DATA, FileOptions, META, VERSION, panic_text};
use super::heads::FORMAT;
use super::{OpenFailure, holder};
use crate::Version;
use crate::error::Error;

type Result<T> = std::result::Result<T, OpenFailure>;

/// A redb database in the blocks of a file.
pub struct Opened {
    pub database: Database,
    /// The version last applied.
    pub version: Version,
    pub end: End,
    /// It was not closed, and redb has walked all of it.
    pub repaired: bool,
}

/// Opens the file at `path`, and hands it to `open`, which makes a database of it or fails.
pub fn open_path<T>(path: &Path, open: impl FnOnce(Arc<dyn Disk>) -> Result<T>) -> Result<T> {
    let (file, created) = open_file(path)?;
    let opened = open(Arc::new(lock(path, file)?));
    match &opened {
        // What is not yet a database is in the way of the next one who tries. Nothing can be done if removing it fails.
        Err(_) if created => {
            let _ = std::fs::remove_file(path);
        }
        Ok(_) if created => sync_folder(path),
        _ => {}
    }
    opened
}

fn lock(path: &Path, file: File) -> Result<LockedFile> {
    let metadata = file.metadata();
    LockedFile::new(file).map_err(|error| {
        let reason = match error {
            TryLockError::WouldBlock => {
                held_by(metadata.ok().and_then(|metadata| holder::holder(&metadata)))
            }
            TryLockError::Error(error) => format!("it cannot be locked: {error}"),
        };
        failure(path, Error::LOCK_FILE_FAILURE, &reason)
    })
}

/// What lies in the file, which is called `path` in what goes wrong.
pub fn load(path: &Path, disk: Arc<dyn Disk>, options: &FileOptions) -> Result<Arc<Blocks>> {
    Blocks::load(disk, options.verify).map(Arc::new).map_err(|error| not_ours(path, error))
}

pub fn not_ours(path: &Path, error: NotOurs) -> OpenFailure {
    match error {
        NotOurs::Io(error) => io_failure(path, &error),
        NotOurs::Format(format) => {
            let cause = format!("its format {format} is not the {FORMAT} this engine reads");
            failure(path, Error::UNSUPPORTED_FORMAT_VERSION, &cause)
        }
        NotOurs::Truncated => damaged(path, "it ends too early"),
        NotOurs::Other => failure(
            path,
            Error::FILE_CORRUPT,
            "it is no database of this engine, or its head is damaged",
        ),
    }
}

fn failure(path: &Path, code: Error, cause: &str) -> OpenFailure {
    OpenFailure { code, message: format!("cannot open the database {}: {cause}", path.display()) }
}

/// The file, and whether it was not there before.
fn open_file(path: &Path) -> Result<(File, bool)> {
    if path.is_dir() {
        return Err(failure(path, Error::IO_ERROR, "it is a folder"));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            let cause = format!("its folder cannot be created: {}", cause_of(&error));
            failure(path, Error::FILE_NOT_WRITABLE, &cause)
        })?;
    }
    let mut writable = OpenOptions::new();
    writable.read(true).write(true);
    match writable.clone().create_new(true).open(path) {
        Ok(file) => return Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            let cause = format!("it cannot be created: {}", cause_of(&error));
            return Err(failure(path, code_of(&error, Error::FILE_NOT_WRITABLE), &cause));
        }
    }
    match writable.open(path) {
        Ok(file) => Ok((file, false)),
        Err(error) => Err(match File::open(path) {
            Ok(_) => {
                let cause = format!("it is read-only: {}", cause_of(&error));
                failure(path, code_of(&error, Error::FILE_NOT_WRITABLE), &cause)
            }
            Err(error) => {
                let cause = format!("it cannot be read: {}", cause_of(&error));
                failure(path, code_of(&error, Error::FILE_NOT_READABLE), &cause)
            }
        }),
    }
}

/// A file just created is only sure to be there after a crash once its folder is on the disk. Not
/// every file system lets a folder be synced, and then there is no more to do.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// Opens the database in the blocks, which are new or were closed, or left by a crash.
pub fn open(path: &Path, blocks: &Arc<Blocks>, options: &FileOptions) -> Result<Opened> {
    let end = End::default();
    let backend = Backend { blocks: Arc::clone(blocks), end: end.clone() };
    let repaired = Rc::new(Cell::new(false));
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes).set_check_integrity_on_open(options.verify);
    let (noted, shown, is_synced) = (Rc::clone(&repaired), Arc::clone(blocks), blocks.is_synced());
    builder.set_repair_callback(move |session| {
        noted.set(true);
        if session.progress() > LAST_COMMIT_VERIFIED {
            // Where it fails they stay suspect.
            let _ = shown.accept();
        } else if is_synced && session.progress() > 0.0 {
            // The commit before the last is all there is left of the file: right after a crash that tore the last apart,
            // but the last was whole once.
            session.abort();
        }
    });
    let database = match catch_unwind(AssertUnwindSafe(|| builder.create_with_backend(backend))) {
        Ok(Ok(database)) => database,
        Ok(Err(error)) => return Err(database_failure(path, error)),
        Err(panic) => return Err(damaged(path, &panic_text(&*panic))),
    };
    let version = match catch_unwind(AssertUnwindSafe(|| version_in(&database))) {
        Ok(Ok(Ok(version))) => version,
        Ok(Ok(Err(cause))) => return Err(failure(path, Error::FILE_CORRUPT, &cause)),
        Ok(Err(redb::Error::Io(error))) => return Err(io_failure(path, &error)),
        Ok(Err(error)) => return Err(damaged(path, &error.to_string())),
        Err(panic) => return Err(damaged(path, &panic_text(&*panic))),
    };
    let repaired = repaired.get();
    match blocks.opened() {
        None => Ok(Opened { database, version, end, repaired }),
        Some(block) => {
            // Nothing is to be written to it, closing included.
            end.end();
            Err(damaged(path, &Unreadable::Damaged(block).to_string()))
        }
    }
}

/// How far redb says its repair is once the last commit, or the one before, has been verified.
const LAST_COMMIT_VERIFIED: f64 = 0.5;

fn held_by(holder: Option<u32>) -> String {
    match holder {
        Some(pid) if pid == std::process::id() => "this process has it open already".to_owned(),
        Some(pid) => format!("process {pid}{} has it open", holder::name_of(pid)),
        None => "another process has it open".to_owned(),
    }
}

fn database_failure(path: &Path, error: DatabaseError) -> OpenFailure {
    match error {
        DatabaseError::UpgradeRequired(version) => {
            let cause = format!("its file format, version {version} of redb's, is not supported");
            failure(path, Error::UNSUPPORTED_FORMAT_VERSION, &cause)
        }
        DatabaseError::Storage(StorageError::Io(error)) => io_failure(path, &error),
        DatabaseError::Storage(StorageError::Corrupted(cause)) => damaged(path, &cause),
        DatabaseError::RepairAborted => damaged(path, "its last commit cannot be read"),
        error => failure(path, Error::IO_ERROR, &error.to_string()),
    }
}

fn damaged(path: &Path, cause: &str) -> OpenFailure {
    failure(path, Error::FILE_CORRUPT, &format!("it is truncated or damaged: {cause}"))
}

fn io_failure(path: &Path, error: &IoError) -> OpenFailure {
    if let Some(unreadable) = error.get_ref().and_then(|inner| inner.downcast_ref::<Unreadable>()) {
        return damaged(path, &unreadable.to_string());
    }
    match error.kind() {
        ErrorKind::InvalidData => {
            failure(path, Error::FILE_CORRUPT, &format!("it is not a database: {error}"))
        }
        ErrorKind::UnexpectedEof => damaged(path, "it ends too early"),
        _ => failure(path, code_of(error, Error::IO_ERROR), &cause_of(error)),
    }
}

/// The code of an i/o error that says what it is about; else `otherwise`.
fn code_of(error: &IoError, otherwise: Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::IO_ERROR,
        _ => otherwise,
    }
}

fn cause_of(error: &IoError) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}

/// The version last applied; in a new database, makes the tables. Or why this is not one of ours.
fn version_in(
    database: &Database,
) -> std::result::Result<std::result::Result<Version, String>, redb::Error> {
    let read = database.begin_read()?;
    if read.list_tables()?.next().is_none() && read.list_multimap_tables()?.next().is_none() {
        drop(read);
        let write = database.begin_write()?;
        write.open_table(DATA)?;
        write.open_table(META)?.insert(VERSION, 0)?;
        write.commit()?;
        return Ok(Ok(0));
    }
    let meta = match (read.open_table(META), read.open_table(DATA)) {
        (Ok(meta), Ok(_)) => meta,
        (Err(TableError::Storage(error)), _) | (_, Err(TableError::Storage(error))) => {
            return Err(error.into());
        }
        _ => return Ok(Err("its tables are not those of this engine".to_owned())),
    };
    let version = meta.get(VERSION)?.map(|version| version.value());
    Ok(version.ok_or_else(|| "its version is missing".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_one_are_called_so() {
        let path = Path::new("/somewhere/data");
        for (kind, cause) in [
            (ErrorKind::StorageFull, "the disk is full"),
            (ErrorKind::QuotaExceeded, "the disk quota is used up"),
            (ErrorKind::ReadOnlyFilesystem, "the file system is read-only"),
        ] {
            let failure = io_failure(path, &IoError::from(kind));
            assert_eq!(failure.code, Error(1510));
            assert_eq!(
                failure.message,
                format!("cannot open the database /somewhere/data: {cause}")
            );
        }
    }
}
