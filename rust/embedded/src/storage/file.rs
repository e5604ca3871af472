//! A database in a redb file.

use std::path::Path;

use super::OpenFailure;
use crate::error::Error;

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Memory for pages of the file.
    pub cache_bytes: usize,
    /// Whether an apply returns only once its data is on the disk.
    pub sync: bool,
}

impl Default for FileOptions {
    fn default() -> FileOptions {
        FileOptions { cache_bytes: 32 << 20, sync: true }
    }
}

pub struct File {}

impl File {
    pub fn open(path: &Path, _options: &FileOptions) -> Result<File, OpenFailure> {
        Err(OpenFailure { code: Error(1510), message: format!("{}: cannot open", path.display()) })
    }
}
