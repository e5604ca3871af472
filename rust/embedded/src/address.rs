//! Database strings: where a database is, given in the place of a cluster file.
//!
//! - `memory:` is a new database in memory, `memory:NAME` the one of that name, for the life of the process.
//! - `embedded:PATH` is a file. The path is taken as it stands up to the first `?`.
//! - `?` introduces options, `name=value` joined by `&`: `latency=SEED` for all, `faults=SEED` for memory, `cache=BYTES`
//!   (with k, m or g) and `sync=on|off` for files.
//!
//! Where a program wants the path of a cluster file, the file may hold such a string: on its first line that is neither
//! empty nor a comment.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::storage::OpenFailure;

/// A database string, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    pub place: Place,
    pub options: AddressOptions,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A name opened twice is one database; None is a new one each time.
    Memory(Option<String>),
    File(PathBuf),
}

/// What the options of a database string say; None where it does not.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct AddressOptions {
    pub cache_bytes: Option<usize>,
    pub sync: Option<bool>,
    pub latency: Option<u64>,
    pub faults: Option<u64>,
}

const MEMORY: &str = "memory:";
const FILE: &str = "embedded:";

/// Whether a string is the address of an embedded database, rather than the path of a cluster file.
#[must_use]
pub fn is_address(address: &str) -> bool {
    address.starts_with(MEMORY) || address.starts_with(FILE)
}

impl Address {
    pub fn parse(address: &str) -> Result<Address, OpenFailure> {
        let (place, options) = match address.split_once('?') {
            Some((place, options)) => (place, Some(options)),
            None => (address, None),
        };
        let place = if let Some(name) = place.strip_prefix(MEMORY) {
            Place::Memory((!name.is_empty()).then(|| name.to_owned()))
        } else if let Some(path) = place.strip_prefix(FILE) {
            if path.is_empty() {
                return Err(refusal(format!("{address}: the path of the file is missing")));
            }
            Place::File(PathBuf::from(path))
        } else {
            return Err(OpenFailure {
                code: Error::CONNECTION_STRING_INVALID,
                message: format!(
                    "{address}: the embedded engine opens memory:, memory:NAME or embedded:PATH"
                ),
            });
        };
        let mut parsed = Address { place, options: AddressOptions::default() };
        for option in options.unwrap_or_default().split('&').filter(|option| !option.is_empty()) {
            parsed.set(option).map_err(|reason| refusal(format!("{address}: {reason}")))?;
        }
        if parsed.options.latency.is_some() && parsed.options.faults.is_some() {
            let reason = "option faults makes answers late too: leave latency out";
            return Err(refusal(format!("{address}: {reason}")));
        }
        Ok(parsed)
    }

    fn set(&mut self, option: &str) -> Result<(), String> {
        let (name, value) =
            option.split_once('=').ok_or_else(|| format!("option {option} has no value"))?;
        let bad = || format!("option {name} does not take {value}");
        let is_file = matches!(self.place, Place::File(_));
        match name {
            "latency" => self.options.latency = Some(value.parse().map_err(|_| bad())?),
            "faults" if is_file => return Err("option faults is for databases in memory".into()),
            "faults" => self.options.faults = Some(value.parse().map_err(|_| bad())?),
            "cache" if is_file => {
                self.options.cache_bytes = Some(parse_bytes(value).ok_or_else(bad)?);
            }
            "sync" if is_file => {
                self.options.sync = Some(match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(bad()),
                });
            }
            "cache" | "sync" => return Err(format!("option {name} is for files")),
            _ => return Err(format!("unknown option {name}")),
        }
        Ok(())
    }
}

/// No cluster file is longer (MAX_CLUSTER_FILE_BYTES in fdbclient/CoordinationInterface.h).
const CLUSTER_FILE_BYTES: u64 = 60_000;

/// Where a database is that was named by a cluster file: the file's path, and the address in it. An address in the place
/// of the path is both. No name at all is looked up as FoundationDB does (ClusterConnectionFile::lookupClusterFileName).
pub fn in_cluster_file(named: &str) -> Result<(String, String), OpenFailure> {
    if !named.is_empty() {
        return resolve(named);
    }
    if let Some(named) = std::env::var_os("FDB_CLUSTER_FILE") {
        return resolve(&named.to_string_lossy());
    }
    let here = "fdb.cluster";
    resolve(if Path::new(here).exists() { here } else { DEFAULT_CLUSTER_FILE })
}

const DEFAULT_CLUSTER_FILE: &str = if cfg!(target_os = "windows") {
    "C:/ProgramData/foundationdb/fdb.cluster"
} else if cfg!(target_os = "macos") {
    "/usr/local/etc/foundationdb/fdb.cluster"
} else {
    "/etc/foundationdb/fdb.cluster"
};

fn resolve(named: &str) -> Result<(String, String), OpenFailure> {
    if is_address(named) {
        return Ok((named.to_owned(), named.to_owned()));
    }
    let failure = |code, cause: &str| OpenFailure { code, message: format!("{named}: {cause}") };
    let mut text = Vec::new();
    let read = std::fs::File::open(OsStr::new(named))
        .and_then(|file| file.take(CLUSTER_FILE_BYTES + 1).read_to_end(&mut text));
    match read {
        Ok(length) if length as u64 > CLUSTER_FILE_BYTES => {
            return Err(failure(Error::FILE_TOO_LARGE, "this is too long for a cluster file"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let cause = "there is no such cluster file; the embedded engine opens memory:, memory:NAME or embedded:PATH";
            return Err(failure(Error::NO_CLUSTER_FILE_FOUND, cause));
        }
        Err(error) => return Err(failure(Error::FILE_NOT_READABLE, &error.to_string())),
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines.next() {
        Some(address) if is_address(address) => Ok((named.to_owned(), address.to_owned())),
        Some(cluster) if cluster.contains('@') => Err(failure(
            Error::UNSUPPORTED_OPERATION,
            "it names a cluster, to which FoundationDB's own client library connects and the embedded engine does not",
        )),
        Some(_) => Err(failure(Error::CONNECTION_STRING_INVALID, "this is no cluster file")),
        None => Err(failure(Error::CONNECTION_STRING_INVALID, "the cluster file is empty")),
    }
}

fn refusal(message: String) -> OpenFailure {
    OpenFailure { code: Error::INVALID_OPTION_VALUE, message }
}

/// `65536`, `64k`, `64m`, `1g`.
fn parse_bytes(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        Address::parse(address).unwrap_err().message
    }

    #[test]
    fn an_address_names_memory_or_a_file() {
        assert_eq!(Address::parse("memory:").unwrap().place, Place::Memory(None));
        assert_eq!(Address::parse("memory:a").unwrap().place, Place::Memory(Some("a".into())));
        assert_eq!(
            Address::parse("embedded:/a/b.db").unwrap().place,
            Place::File("/a/b.db".into())
        );
        assert!(
            is_address("memory:") && is_address("embedded:x") && !is_address("/etc/fdb.cluster")
        );
    }

    #[test]
    fn options_follow_a_question_mark() {
        let options = Address::parse("embedded:x?cache=64m&sync=off&latency=7").unwrap().options;
        assert_eq!(options.cache_bytes, Some(64 << 20));
        assert_eq!(options.sync, Some(false));
        assert_eq!(options.latency, Some(7));
    }

    #[test]
    fn an_unknown_option_is_named() {
        assert!(refused("memory:?fats=1").contains("unknown option fats"));
        assert!(refused("embedded:x?faults=1").contains("faults is for databases in memory"));
        assert!(refused("memory:?faults=-1").contains("option faults does not take -1"));
        assert!(refused("memory:?faults=1&latency=1").contains("leave latency out"));
        assert!(refused("memory:?cache=1m").contains("option cache is for files"));
        assert!(refused("embedded:x?sync=maybe").contains("option sync does not take maybe"));
        assert!(refused("embedded:x?cache=9999999999999g").contains("option cache does not take"));
        assert!(refused("embedded:").contains("path of the file is missing"));
    }

    #[test]
    fn a_cluster_file_is_not_an_address() {
        let failure = Address::parse("/etc/foundationdb/fdb.cluster").unwrap_err();
        assert_eq!(failure.code, Error::CONNECTION_STRING_INVALID);
    }

    #[test]
    fn a_cluster_file_may_hold_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fdb.cluster").display().to_string();
        let resolved = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            resolve(&path).map(|(_, address)| address).map_err(|failure| {
                assert!(failure.message.contains(&path), "{}", failure.message);
                failure.code
            })
        };
        assert_eq!(resolved(b"memory:a").unwrap(), "memory:a");
        assert_eq!(
            resolved(b"# comment\r\n\r\n  embedded:/a b#c?cache=1m \r\nignored").unwrap(),
            "embedded:/a b#c?cache=1m"
        );
        assert_eq!(resolved(b""), Err(Error::CONNECTION_STRING_INVALID));
        assert_eq!(resolved(b"# nothing\n"), Err(Error::CONNECTION_STRING_INVALID));
        assert_eq!(resolved(b"\xff\x00 binary"), Err(Error::CONNECTION_STRING_INVALID));
        assert_eq!(resolved(b"test:test@127.0.0.1:4500"), Err(Error::UNSUPPORTED_OPERATION));
        assert_eq!(resolved(&vec![b'#'; 70_000]), Err(Error::FILE_TOO_LARGE));
        let missing = resolve(&format!("{path}.not")).unwrap_err();
        assert_eq!(missing.code, Error::NO_CLUSTER_FILE_FOUND);
        let folder = folder.path().display().to_string();
        assert_eq!(resolve(&folder).unwrap_err().code, Error::FILE_NOT_READABLE);
        assert_eq!(resolve("memory:a").unwrap(), ("memory:a".into(), "memory:a".into()));
    }
}
