//! The result of a range read.

/// Rows of a range, in the order they were read, in one piece of memory.
#[derive(Default, Debug)]
pub struct Rows {
    bytes: Vec<u8>,
    /// Where in `bytes` the key and the value of each row end; each begins where the last ended.
    ends: Vec<(usize, usize)>,
    /// The limit was reached: there may be more, though there need not be.
    pub more: bool,
}

/// The size of KeyValueRef.
pub(crate) const SERVER_ROW_BYTES: usize = 24;

/// What is left of a range read's limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    rows: usize,
    bytes: usize,
    /// What a row counts for beside its key and value.
    row_bytes: usize,
}

impl Limits {
    /// Of a client's range read (GetRangeLimits in NativeAPI.actor.cpp). 0 is no limit.
    pub fn new(rows: usize, bytes: usize) -> Limits {
        let or_none = |limit| if limit == 0 { usize::MAX } else { limit };
        Limits { rows: or_none(rows), bytes: or_none(bytes), row_bytes: 8 }
    }

    /// Of a storage server's, which counts the size of its own structures (readRange in
    /// storageserver.actor.cpp).
    pub fn of_server(rows: usize, bytes: usize) -> Limits {
        Limits { row_bytes: SERVER_ROW_BYTES, ..Limits::new(rows, bytes) }
    }

    /// Takes a row off the limits; whether that reaches one of them.
    pub fn reached_by(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.rows -= 1;
        if self.bytes != usize::MAX {
            self.bytes = self.bytes.saturating_sub(self.row_bytes + key.len() + value.len());
        }
        self.rows == 0 || self.bytes == 0
    }
}

impl Rows {
    /// Room for a few rows: most reads are short, and what is longer grows by doubling.
    pub(crate) fn with_room(limits: Limits) -> Rows {
        let rows = limits.rows.min(32);
        let bytes = limits.bytes.min(rows * 64);
        Rows { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(rows), more: false }
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key_end, self.bytes.len()));
    }

    /// Leaves the first `count` rows, and says that there were more.
    pub(crate) fn cut(&mut self, count: usize) {
        if count < self.ends.len() {
            self.ends.truncate(count);
            self.more = true;
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key and the value of row `index`.
    pub fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let (key_end, value_end) = *self.ends.get(index)?;
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before].1);
        Some((&self.bytes[begin..key_end], &self.bytes[key_end..value_end]))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let mut begin = 0;
        self.ends.iter().map(move |&(key_end, value_end)| {
            let row = (&self.bytes[begin..key_end], &self.bytes[key_end..value_end]);
            begin = value_end;
            row
        })
    }
}
