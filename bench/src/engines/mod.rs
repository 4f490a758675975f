//! What a key-value engine has to offer to be measured, and the engines that do.
//!
//! An adapter is one file: it maps a few operations to the fastest way its engine has for each
//! that keeps the same promise. The calls are resolved at compile time, so an adapter costs
//! nothing that its engine would not cost a program that used it directly.

mod canopydb;
mod fjall;
mod lmdb;
mod peer;
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod sop;
mod sqlite;
#[cfg(test)]
mod tests;

pub(crate) use peer::Peer;

use crate::{
    Result,
    data::{Key, Value},
};
use std::path::{Path, PathBuf};

/// How a database is opened: what is the same for all engines, as far as they let one choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Bytes of the engine's own cache, where it has one beside the system's.
    pub(crate) cache: u64,
    /// Whether values are about a mebibyte, not some hundred bytes.
    pub(crate) large_values: bool,
    /// Whether there will be more data than memory.
    pub(crate) scarce_memory: bool,
}

/// What an engine runs with, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The engine and its version.
    pub(crate) name: String,
    /// Sizes and options that are not the default.
    pub(crate) options: &'static str,
    /// What a durable commit writes and syncs.
    pub(crate) durable: &'static str,
    /// What a commit without sync does, and what may be lost then.
    pub(crate) relaxed: &'static str,
}

/// An open database of one engine: one ordered table of byte keys and byte values.
pub(crate) trait Engine: Sized + Sync {
    /// Reads of one transaction or snapshot.
    type Reader<'e>: Reader;
    /// Writes of one transaction.
    type Writer<'e>: Writer;

    /// What it runs with.
    fn settings() -> Settings;

    /// Opens the database in a folder, or creates it if the folder is empty. Its commits are
    /// durable at first.
    fn open(folder: &Path, setup: &Setup) -> Result<Self>;

    /// Whether later commits are on the disk when they return, or at the next [`Engine::sync`].
    fn set_durable(&mut self, durable: bool) -> Result<()>;

    /// Makes all commits durable.
    fn sync(&self) -> Result<()>;

    /// Reads one state of the database.
    fn read<T>(&self, work: impl FnOnce(&Self::Reader<'_>) -> Result<T>) -> Result<T>;

    /// Writes in one transaction and commits it. Where an engine reports a conflict with another
    /// transaction, the work is done again on the new state, until it is committed.
    fn write(&self, work: impl FnMut(&mut Self::Writer<'_>) -> Result<()>) -> Result<()>;

    /// Adds many entries in any order in one transaction, while nobody else writes.
    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()>;

    /// Fills the empty database with ascending keys at once: all of them are there or none.
    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()>;

    /// Makes the database as small as the engine can, closes it, and returns where it lies.
    fn compact(self, folder: &Path) -> Result<PathBuf>;
}

/// Reads of one state of a database.
pub(crate) trait Reader {
    /// Number of entries.
    fn len(&self) -> Result<u64>;

    /// Shows the value of a key, and tells whether there is one.
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool>;

    /// Shows up to `limit` entries in ascending order, from the first one at or after a key, or
    /// from the first of all.
    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()>;
}

/// Writes of one transaction, which sees them at once.
pub(crate) trait Writer {
    /// Shows the value of a key, and tells whether there is one. That the value is still the same
    /// is part of what the commit checks.
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool>;

    /// Inserts an entry or replaces its value.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Removes an entry if it is there; whether it was is not asked, which log-structured engines
    /// would have to look up.
    fn remove(&mut self, key: &[u8]) -> Result<()>;
}

/// Work that is the same for every engine.
pub(crate) trait Work {
    /// Does it on engines of type `E`.
    fn on<E: Engine>(&self) -> Result<()>;
}

/// Loads entries by single writes in one transaction, for engines without a better way.
fn load_by_puts<E: Engine>(engine: &E, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
    let mut entries = Some(entries);
    engine.write(|writer| {
        let entries = entries.take().ok_or("loading met a conflict, though nobody else writes")?;
        for (key, value) in entries {
            writer.put(&key, &value)?;
        }
        Ok(())
    })
}

/// The version of a package that this program was built with; the newest, if there are several.
pub(crate) fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"\n");
    let packages = include_str!("../../../Cargo.lock").split("[[package]]\n");
    // Those of one name are in the order of their versions.
    packages
        .filter_map(|fields| fields.strip_prefix(name.as_str()))
        .last()
        .and_then(|fields| fields.lines().next()?.strip_prefix("version = \"")?.strip_suffix('"'))
        .unwrap_or("of unknown version")
}
