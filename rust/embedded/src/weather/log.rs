//! The event log: what was answered, in the order it was.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use parking_lot::Mutex;

/// The last events are kept, so many.
const KEPT: usize = 20_000;

/// A key is shown up to here.
const SHOWN: usize = 32;

/// Which operation: of which try of which transaction of the handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub transaction: u64,
    pub attempt: u64,
    pub operation: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub time: Duration,
    pub place: Place,
    pub what: &'static str,
    /// The begin of the key it is about; empty for none.
    pub key: Box<[u8]>,
    /// An error code, 0 for none.
    pub code: i32,
    /// What the program cannot know of it.
    pub note: &'static str,
}

/// The begin of a key, for an event.
pub fn shown(key: &[u8]) -> Box<[u8]> {
    key[..key.len().min(SHOWN)].into()
}

impl Event {
    /// One line, with the key as a Python program would write it.
    #[must_use]
    pub fn text(&self) -> String {
        let Place { transaction, attempt, operation } = self.place;
        let mut text = format!(
            "{:.6} transaction {transaction} attempt {attempt} operation {operation}: {}",
            self.time.as_secs_f64(),
            self.what
        );
        if !self.key.is_empty() {
            text.push_str(" b\"");
            for &byte in &self.key {
                // Writing to a string does not fail.
                let _ = match byte {
                    b'"' | b'\\' => write!(text, "\\{}", char::from(byte)),
                    0x20..=0x7e => write!(text, "{}", char::from(byte)),
                    _ => write!(text, "\\x{byte:02x}"),
                };
            }
            text.push('"');
        }
        if self.code != 0 {
            let _ = write!(text, " -> {}", self.code);
        }
        if !self.note.is_empty() {
            let _ = write!(text, " ({})", self.note);
        }
        text
    }
}

/// The last events of a handle, each with its number.
#[derive(Default)]
pub struct Log(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    forgotten: u64,
}

impl Log {
    pub fn push(&self, event: Event) {
        let mut kept = self.0.lock();
        if kept.events.len() == KEPT {
            kept.events.pop_front();
            kept.forgotten += 1;
        }
        kept.events.push_back(event);
    }

    /// The lines, with the number of each.
    #[must_use]
    pub fn lines(&self) -> Vec<(u64, String)> {
        let kept = self.0.lock();
        (kept.forgotten..).zip(kept.events.iter().map(Event::text)).collect()
    }
}
