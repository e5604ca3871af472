//! What can be wrong with a cluster file. FoundationDB's client says so only once the database is used, and not of which file.

use std::{
    fs::File,
    io::{ErrorKind, Read as _},
};

use super::error::Code;

const FILE_NOT_READABLE: Code = Code(1513);
const NO_CLUSTER_FILE: Code = Code(1515);
const CONNECTION_STRING_INVALID: Code = Code(2104);

/// As much as FoundationDB's client reads (MAX_CLUSTER_FILE_BYTES).
const MAX_BYTES: u64 = 60_000;

/// Whether a client has something to read there; else the error it would answer, and what is wrong.
pub fn check(path: &str) -> Result<(), (Code, String)> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err((NO_CLUSTER_FILE, format!("there is no cluster file {path}")));
        }
        Err(error) => {
            return Err((
                FILE_NOT_READABLE,
                format!("cluster file {path} cannot be read: {error}"),
            ));
        }
    }
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    let Some(first) = lines.first() else {
        return Err((CONNECTION_STRING_INVALID, format!("cluster file {path} is empty")));
    };
    // What else a connection string needs, its client knows. Our own takes the address of an embedded database, too.
    if lines.iter().any(|line| line.contains('@')) || found_embedded::is_address(first) {
        return Ok(());
    }
    let detail = format!("cluster file {path} holds no connection string, as name:id@host:port is");
    Err((CONNECTION_STRING_INVALID, detail))
}
