//! `\xff\xff/status/json`: the document that tools read, with its sections as FoundationDB describes them
//! (documentation/sphinx/source/mr-status.rst). What needs a cluster is left out or empty: there are no processes, and the
//! message `embedded_database` says why.

use std::fmt::Write;
use std::time::SystemTime;

use super::super::Transaction;

/// The status of a database as JSON.
pub(super) fn json(transaction: &Transaction) -> String {
    let database = &transaction.database;
    let core = database.core();
    let latest = core.head.latest();
    let bytes = core.storage.estimated_bytes(&latest, b"", b"\xff").unwrap_or(0);
    let failure = core.storage.failure();
    let healthy = failure.is_none();
    let timestamp =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (engine, embedded) = if database.address.starts_with("memory:") {
        ("memory", "in memory, which ends with the process")
    } else {
        ("file", "in one file, which one process has open at a time")
    };
    let message = message("embedded_database", &format!("an embedded database {embedded}"));
    let failed = failure.map_or_else(String::new, |reason| {
        format!(",{}", self::message("storage_failed", &reason))
    });
    let state = if healthy { "healthy" } else { "missing_data" };
    let client = database.client_status();
    let path = quoted(&database.cluster_file);
    let version = env!("CARGO_PKG_VERSION");
    format!(
        concat!(
            r#"{{"client":{{"cluster_file":{{"path":{path},"up_to_date":true}},"#,
            r#""coordinators":{{"coordinators":[],"quorum_reachable":true}},"#,
            r#""database_status":{{"available":true,"healthy":{healthy}}},"#,
            r#""embedded":{client},"messages":[{message}{failed}],"timestamp":{timestamp}}},"#,
            r#""cluster":{{"clients":{{"count":1,"supported_versions":[]}},"#,
            r#""cluster_controller_timestamp":{timestamp},"#,
            r#""configuration":{{"coordinators_count":0,"excluded_servers":[],"#,
            r#""redundancy_mode":"single","storage_engine":"embedded-{engine}","usable_regions":1}},"#,
            r#""connection_string":{address},"#,
            r#""data":{{"state":{{"healthy":{healthy},"name":"{state}"}},"#,
            r#""total_kv_size_bytes":{bytes}}},"#,
            r#""database_available":true,"database_lock_state":{{"locked":false}},"#,
            r#""degraded_processes":0,"#,
            r#""embedded":{{"engine":"found {version}","storage":"{engine}"}},"#,
            r#""fault_tolerance":{{"max_zone_failures_without_losing_availability":0,"#,
            r#""max_zone_failures_without_losing_data":0}},"#,
            r#""full_replication":true,"generation":1,"incompatible_connections":[],"#,
            r#""layers":{{"_valid":true}},"machines":{{}},"messages":[{message}{failed}],"#,
            r#""processes":{{}},"#,
            r#""recovery_state":{{"name":"fully_recovered","description":"Recovery complete."}}}}}}"#,
        ),
        path = path,
        healthy = healthy,
        client = client,
        message = message,
        failed = failed,
        timestamp = timestamp,
        engine = engine,
        address = quoted(&database.address),
        state = state,
        bytes = bytes,
        version = version,
    )
}

fn message(name: &str, description: &str) -> String {
    format!(r#"{{"name":"{name}","description":{}}}"#, quoted(description))
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
