//! What a key-value engine has to offer to be measured, and the engines that do.
//!
//! An adapter is one file: it maps a few operations to the fastest way its engine has for each
//! that keeps the same promise. The calls are resolved at compile time, so an adapter costs
//! nothing that its engine would not cost a program that used it directly.

mod lmdb;
mod redb;
mod sop;

use crate::{
    Result,
    data::{Key, Value},
};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// An open database of one engine: one ordered table of byte keys and byte values.
pub(crate) trait Engine: Sized + Sync {
    /// Reads of one transaction or snapshot.
    type Reader<'e>: Reader;
    /// Writes of one transaction.
    type Writer<'e>: Writer;

    /// Its version, the settings it runs with, and what its commits sync.
    fn settings() -> String;

    /// Creates a database in an empty folder. Its commits are durable at first.
    fn create(folder: &Path) -> Result<Self>;

    /// Whether later commits are on the disk when they return, or at the next [`Engine::sync`].
    fn set_durable(&mut self, durable: bool) -> Result<()>;

    /// Makes all commits durable.
    fn sync(&self) -> Result<()>;

    /// Reads one state of the database.
    fn read<T>(&self, work: impl FnOnce(&Self::Reader<'_>) -> Result<T>) -> Result<T>;

    /// Writes in one transaction and commits it. Where an engine reports a conflict with another
    /// transaction, the work is done again on the new state, until it is committed.
    fn write(&self, work: impl FnMut(&mut Self::Writer<'_>) -> Result<()>) -> Result<()>;

    /// Fills the empty database with ascending keys in one transaction.
    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()>;

    /// Makes the database as small as the engine can, closes it, and returns where it lies.
    fn compact(self, folder: &Path) -> Result<PathBuf>;
}

/// Reads of one state of a database.
pub(crate) trait Reader {
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
    /// Shows the value of a key, and tells whether there is one.
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool>;

    /// Inserts an entry or replaces its value.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Removes an entry, and tells whether there was one.
    fn remove(&mut self, key: &[u8]) -> Result<bool>;
}

/// An engine of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// SOP's own engine.
    Sop,
    /// redb: copy-on-write B+trees in one file.
    Redb,
    /// LMDB, through heed: a memory-mapped copy-on-write B+tree.
    Lmdb,
}

/// Work that is the same for every engine.
pub(crate) trait Work {
    /// Does it on engines of type `E`.
    fn on<E: Engine>(&self) -> Result<()>;
}

impl Peer {
    /// Does some work on this engine.
    pub(crate) fn run(self, work: &impl Work) -> Result<()> {
        match self {
            Self::Sop => work.on::<sop::Sop>(),
            Self::Redb => work.on::<redb::Redb>(),
            Self::Lmdb => work.on::<lmdb::Lmdb>(),
        }
    }

    /// The settings of this engine, see [`Engine::settings`].
    pub(crate) fn settings(self) -> String {
        match self {
            Self::Sop => sop::Sop::settings(),
            Self::Redb => redb::Redb::settings(),
            Self::Lmdb => lmdb::Lmdb::settings(),
        }
    }
}

/// The version of a package that this program was built with.
fn version(package: &str) -> &'static str {
    let name = format!("name = \"{package}\"");
    let mut lines = include_str!("../../../Cargo.lock").lines();
    lines
        .find(|line| *line == name)
        .and_then(|_| lines.next()?.strip_prefix("version = \"")?.strip_suffix('"'))
        .unwrap_or("of unknown version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{self, Data};

    struct Promises;

    impl Work for Promises {
        fn on<E: Engine>(&self) -> Result<()> {
            reads_see_committed_writes::<E>()?;
            scans_are_in_order_and_end_at_the_limit::<E>()?;
            sorted_entries_are_loaded::<E>()?;
            concurrent_increments_all_count::<E>()?;
            compaction_leaves_a_smaller_database::<E>()
        }
    }

    #[test]
    fn every_engine_keeps_its_promises() {
        for peer in Peer::value_variants() {
            peer.run(&Promises).unwrap();
        }
    }

    #[test]
    fn settings_name_the_version_that_is_linked() {
        assert!(Peer::Redb.settings().contains(version("redb")));
        assert!(version("redb").starts_with("4."));
        assert_eq!(version("no such package"), "of unknown version");
    }

    fn filled<E: Engine>(folder: &Path, data: &Data, count: u64) -> Result<E> {
        let engine = E::create(folder)?;
        engine.write(|writer| {
            data.entries(0..count).try_for_each(|(key, value)| writer.put(&key, &value))
        })?;
        Ok(engine)
    }

    fn reads_see_committed_writes<E: Engine>() -> Result<()> {
        let (folder, data) = (tempfile::tempdir()?, Data::new(1));
        let mut engine = filled::<E>(folder.path(), &data, 100)?;
        engine.set_durable(false)?;
        engine.write(|writer| {
            assert!(writer.remove(&data.key(3))?);
            assert!(!writer.remove(&data.key(3))?);
            assert!(!writer.get(&data.key(3), |_| ())?);
            writer.put(&data.key(4), &data.value(4, 1))?;
            assert!(writer.get(&data.key(4), |value| assert_eq!(value, data.value(4, 1)))?);
            Ok(())
        })?;
        engine.sync()?;
        engine.set_durable(true)?;
        engine.read(|reader| {
            assert!(!reader.get(&data.key(3), |_| ())?);
            assert!(reader.get(&data.key(4), |value| assert_eq!(value, data.value(4, 1)))?);
            assert!(reader.get(&data.key(5), |value| assert_eq!(value, data.value(5, 0)))?);
            Ok(())
        })
    }

    fn scans_are_in_order_and_end_at_the_limit<E: Engine>() -> Result<()> {
        let (folder, data) = (tempfile::tempdir()?, Data::new(1));
        let engine = filled::<E>(folder.path(), &data, 1_000)?;
        let mut expected: Vec<(Key, Value)> = data.entries(0..1_000).collect();
        expected.sort_unstable();
        engine.read(|reader| {
            let mut seen = Vec::new();
            reader
                .scan(None, usize::MAX, |key, value| seen.push((key.to_vec(), value.to_vec())))?;
            assert!(
                seen.iter()
                    .map(|(k, v)| (&k[..], &v[..]))
                    .eq(expected.iter().map(|(k, v)| (&k[..], &v[..])))
            );
            let mut seen = Vec::new();
            reader.scan(Some(&expected[500].0), 10, |key, _| seen.push(key.to_vec()))?;
            assert!(seen.iter().eq(expected[500..510].iter().map(|(key, _)| &key[..])));
            Ok(())
        })
    }

    fn sorted_entries_are_loaded<E: Engine>() -> Result<()> {
        let (folder, data) = (tempfile::tempdir()?, Data::new(1));
        let engine = E::create(folder.path())?;
        engine.load_sorted(data.sorted(1_000))?;
        let mut index = 0;
        engine.read(|reader| {
            reader.scan(None, usize::MAX, |_, value| {
                assert_eq!(data::read(value), Some(index));
                index += 1;
            })
        })?;
        assert_eq!(index, 1_000);
        Ok(())
    }

    fn concurrent_increments_all_count<E: Engine>() -> Result<()> {
        const THREADS: u8 = 4;
        const INCREMENTS: u8 = 25;
        let folder = tempfile::tempdir()?;
        let engine = E::create(folder.path())?;
        engine.write(|writer| writer.put(b"counter", &[0]))?;
        let increment = |writer: &mut E::Writer<'_>| {
            let mut count = 0;
            writer.get(b"counter", |value| count = value[0])?;
            writer.put(b"counter", &[count + 1])
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..INCREMENTS).for_each(|_| engine.write(increment).unwrap()));
            }
        });
        let mut count = 0;
        engine.read(|reader| reader.get(b"counter", |value| count = value[0]))?;
        assert_eq!(count, THREADS * INCREMENTS);
        Ok(())
    }

    fn compaction_leaves_a_smaller_database<E: Engine>() -> Result<()> {
        let (folder, data) = (tempfile::tempdir()?, Data::new(1));
        let engine = filled::<E>(folder.path(), &data, 50_000)?;
        engine.write(|writer| {
            (0..45_000).try_for_each(|index| {
                assert!(writer.remove(&data.key(index))?);
                Ok(())
            })
        })?;
        let before = crate::record::allocated(folder.path())?;
        let path = engine.compact(folder.path())?;
        let after = crate::record::allocated(&path)?;
        assert!(after < before / 2, "{after} bytes of {before} are left");
        Ok(())
    }
}
