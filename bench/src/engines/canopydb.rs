//! Canopydb: copy-on-write B+trees in memory and in one file, with a write-ahead log.

use super::{Engine, Reader, Settings, Setup, Writer, version};
use crate::{
    Result,
    data::{Key, Value},
};
use canopydb::{Database, DbOptions, EnvOptions, Error, Tree, WriteTransaction};
use std::{
    ops::Bound,
    path::{Path, PathBuf},
};

const TREE: &[u8] = b"entries";

/// An open database; its one tree is opened by each transaction.
pub(crate) struct Canopy {
    database: Database,
    durable: bool,
}

/// The tree in a read transaction.
pub(crate) struct CanopyReader<'e>(Tree<'e>);

/// The tree in a write transaction.
pub(crate) struct CanopyWriter<'e>(Tree<'e>);

impl Engine for Canopy {
    type Reader<'e> = CanopyReader<'e>;
    type Writer<'e> = CanopyWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!("Canopydb {}", version("canopydb")),
            options: "page cache as stated, concurrent write transactions (exclusive ones for \
                      loads), no checksums of pages and LZ4 above 12 KiB as by default",
            durable: "`commit_with(true)`: one write and one fdatasync of the log",
            relaxed: "`commit_with(false)`: survives a crash of the process; a power cut may lose \
                      the last commits",
        }
    }

    fn open(folder: &Path, setup: &Setup) -> Result<Self> {
        let mut environment = EnvOptions::new(folder);
        environment.page_cache_size = usize::try_from(setup.cache)?;
        let database = Database::with_options(environment, DbOptions::default())?;
        let canopy = Self { database, durable: true };
        canopy.commit_exclusive(|_| Ok(()))?;
        Ok(canopy)
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        self.durable = durable;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.sync()?)
    }

    fn read<T>(&self, work: impl FnOnce(&CanopyReader<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.database.begin_read()?;
        let tree = transaction.get_tree(TREE)?.ok_or("the tree is missing")?;
        work(&CanopyReader(tree))
    }

    fn write(&self, mut work: impl FnMut(&mut CanopyWriter<'_>) -> Result<()>) -> Result<()> {
        loop {
            let transaction = self.database.begin_write_concurrent()?;
            fill(&transaction, &mut work)?;
            match transaction.commit_with(self.durable) {
                Ok(_) => return Ok(()),
                Err(Error::WriteConflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        self.commit_exclusive(|writer| {
            for (key, value) in entries {
                writer.put(&key, &value)?;
            }
            Ok(())
        })
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        self.load(entries)
    }

    fn compact(self, folder: &Path) -> Result<PathBuf> {
        self.database.compact()?;
        Ok(folder.to_owned())
    }
}

impl Canopy {
    fn commit_exclusive(
        &self,
        work: impl FnOnce(&mut CanopyWriter<'_>) -> Result<()>,
    ) -> Result<()> {
        let transaction = self.database.begin_write()?;
        fill(&transaction, work)?;
        transaction.commit_with(self.durable)?;
        Ok(())
    }
}

/// Lets the tree of a transaction be written; the tree has to be put back before the commit.
fn fill(
    transaction: &WriteTransaction,
    work: impl FnOnce(&mut CanopyWriter<'_>) -> Result<()>,
) -> Result<()> {
    work(&mut CanopyWriter(transaction.get_or_create_tree(TREE)?))
}

impl Reader for CanopyReader<'_> {
    fn len(&self) -> Result<u64> {
        Ok(self.0.len())
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.0.get(key)?.map(|found| value(&found)).is_some())
    }

    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        mut entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        for found in self.0.range::<&[u8]>((from, Bound::Unbounded))?.take(limit) {
            let (key, value) = found?;
            entry(&key, &value);
        }
        Ok(())
    }
}

impl Writer for CanopyWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.0.get(key)?.map(|found| value(&found)).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.0.insert(key, value)?)
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.0.delete(key)?;
        Ok(())
    }
}
