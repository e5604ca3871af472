//! What the C API has no words for: it carries codes, these are the sentences behind them.

use std::cell::RefCell;

use crate::error::{Error, Result};
use crate::storage::OpenFailure;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the sentence of an opening that failed, for the thread that tried.
pub(crate) fn remember<T>(outcome: std::result::Result<T, OpenFailure>) -> Result<T> {
    outcome.map_err(|OpenFailure { code, message }| -> Error {
        LAST.set(Some(message));
        code
    })
}

/// Why the last database this thread tried to open did not: names the file and the cause. Asked for once.
#[must_use]
pub fn last_failure() -> Option<String> {
    LAST.take()
}
