//! Several databases that are written to at once.

mod sop;
mod sqlite;

pub(crate) use sop::Sop;
pub(crate) use sqlite::Sqlite;

use crate::{Result, engines::Settings};
use std::path::Path;

/// So many databases of one kind.
pub(crate) trait Several: Sized {
    fn settings() -> Settings;

    fn open(folder: &Path, count: usize) -> Result<Self>;

    /// Gives the key the value in each of them, durably.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;

    /// How many entries each of them has.
    fn entries(&mut self) -> Result<Vec<u64>>;
}
