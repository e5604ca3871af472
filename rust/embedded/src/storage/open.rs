//! Opening a redb file, and saying in one sentence why it cannot be.

use std::fs::{File, OpenOptions};
use std::io::{Error as IoError, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableError};

use super::file::{DATA, FORMAT, FileOptions, META, VERSION, panic_text};
use super::{OpenFailure, holder};
use crate::Version;
use crate::error::Error;

/// The layout this engine writes, and the only one it reads.
const THIS_FORMAT: i64 = 1;

type Result<T> = std::result::Result<T, OpenFailure>;

/// The database at `path`, and the version last applied to it.
pub fn open(path: &Path, options: &FileOptions) -> Result<(Database, Version)> {
    let (file, created) = open_file(path)?;
    let opened = open_database(path, file, options);
    match &opened {
        // What is not yet a database is in the way of the next one who tries. Unless someone else
        // has meanwhile made it one. Nothing can be done if removing it fails.
        Err(failure) if created && failure.code != Error::LOCK_FILE_FAILURE => {
            let _ = std::fs::remove_file(path);
        }
        Ok(_) if created => sync_folder(path),
        _ => {}
    }
    opened
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

fn open_database(path: &Path, file: File, options: &FileOptions) -> Result<(Database, Version)> {
    let metadata = file.metadata();
    let open = || {
        let backend = FileBackend::new(file)?;
        Builder::new().set_cache_size(options.cache_bytes).create_with_backend(backend)
    };
    let database = match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(database)) => database,
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => {
            let holder = metadata.ok().and_then(|metadata| holder::holder(&metadata));
            return Err(failure(path, Error::LOCK_FILE_FAILURE, &held_by(holder)));
        }
        Ok(Err(error)) => return Err(database_failure(path, error)),
        Err(panic) => return Err(damaged(path, &panic_text(&*panic))),
    };
    match catch_unwind(AssertUnwindSafe(|| version_in(&database))) {
        Ok(Ok(Ok(version))) => Ok((database, version)),
        Ok(Ok(Err((code, cause)))) => Err(failure(path, code, &cause)),
        Ok(Err(redb::Error::Io(error))) => Err(io_failure(path, &error)),
        Ok(Err(error)) => Err(damaged(path, &error.to_string())),
        Err(panic) => Err(damaged(path, &panic_text(&*panic))),
    }
}

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
        error => failure(path, Error::IO_ERROR, &error.to_string()),
    }
}

fn damaged(path: &Path, cause: &str) -> OpenFailure {
    failure(path, Error::FILE_CORRUPT, &format!("it is truncated or damaged: {cause}"))
}

fn io_failure(path: &Path, error: &IoError) -> OpenFailure {
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
) -> std::result::Result<std::result::Result<Version, (Error, String)>, redb::Error> {
    let other = "it is a redb database of another program".to_owned();
    let read = database.begin_read()?;
    if read.list_tables()?.next().is_none() && read.list_multimap_tables()?.next().is_none() {
        drop(read);
        let write = database.begin_write()?;
        write.open_table(DATA)?;
        {
            let mut meta = write.open_table(META)?;
            meta.insert(FORMAT, THIS_FORMAT)?;
            meta.insert(VERSION, 0)?;
        }
        write.commit()?;
        return Ok(Ok(0));
    }
    let meta = match (read.open_table(META), read.open_table(DATA)) {
        (Ok(meta), Ok(_)) => meta,
        (Err(TableError::Storage(error)), _) | (_, Err(TableError::Storage(error))) => {
            return Err(error.into());
        }
        _ => return Ok(Err((Error::FILE_CORRUPT, other))),
    };
    let number = |name| -> std::result::Result<Option<i64>, redb::Error> {
        Ok(meta.get(name)?.map(|value| value.value()))
    };
    match (number(FORMAT)?, number(VERSION)?) {
        (Some(THIS_FORMAT), Some(version)) => Ok(Ok(version)),
        (Some(THIS_FORMAT), None) | (None, _) => Ok(Err((Error::FILE_CORRUPT, other))),
        (Some(format), _) => {
            let cause = format!("its format {format} is not the {THIS_FORMAT} this engine reads");
            Ok(Err((Error::UNSUPPORTED_FORMAT_VERSION, cause)))
        }
    }
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
