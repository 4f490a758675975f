//! redb: copy-on-write B+trees in one file, one writer at a time.

use super::{Engine, Reader, Settings, Setup, Writer, load_by_puts, version};
use crate::{
    Result,
    data::{Key, Value},
};
use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, Table, TableDefinition, WriteTransaction,
};
use std::{
    ops::Bound,
    path::{Path, PathBuf},
};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");

/// An open redb database.
#[derive(Debug)]
pub(crate) struct Redb {
    database: Database,
    durability: Durability,
}

/// A table in a read transaction.
#[derive(Debug)]
pub(crate) struct RedbReader(ReadOnlyTable<&'static [u8], &'static [u8]>);

/// A table in a write transaction.
#[derive(Debug)]
pub(crate) struct RedbWriter<'e>(Table<'e, &'static [u8], &'static [u8]>);

impl Engine for Redb {
    type Reader<'e> = RedbReader;
    type Writer<'e> = RedbWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!("redb {}", version("redb")),
            options: "cache as stated",
            durable: "`Durability::Immediate`: one fdatasync per commit; after a crash the \
                      checksums of the whole tree decide whether the last one counts",
            relaxed: "`Durability::None`: lost at a crash of the process too, until the next \
                      durable commit",
        }
    }

    fn open(folder: &Path, setup: &Setup) -> Result<Self> {
        let database = Database::builder()
            .set_cache_size(usize::try_from(setup.cache)?)
            .create(folder.join("entries.redb"))?;
        let redb = Self { database, durability: Durability::Immediate };
        redb.transaction(|transaction| {
            transaction.open_table(TABLE)?;
            Ok(())
        })?;
        Ok(redb)
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        self.durability = if durable { Durability::Immediate } else { Durability::None };
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Ok(transaction.commit()?)
    }

    fn read<T>(&self, work: impl FnOnce(&RedbReader) -> Result<T>) -> Result<T> {
        work(&RedbReader(self.database.begin_read()?.open_table(TABLE)?))
    }

    fn write(&self, mut work: impl FnMut(&mut RedbWriter<'_>) -> Result<()>) -> Result<()> {
        self.transaction(|transaction| work(&mut RedbWriter(transaction.open_table(TABLE)?)))
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        load_by_puts(self, entries)
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        self.transaction(|transaction| {
            let mut table = transaction.open_table(TABLE)?;
            let mut cursor = table.upper_bound_mut(Bound::<&[u8]>::Unbounded)?;
            for (key, value) in entries {
                cursor.insert_before(&key[..], &value[..])?;
            }
            Ok(cursor.close()?)
        })
    }

    fn compact(mut self, folder: &Path) -> Result<PathBuf> {
        self.database.compact()?;
        self.database.close()?;
        Ok(folder.to_owned())
    }
}

impl Redb {
    fn transaction(&self, work: impl FnOnce(&WriteTransaction) -> Result<()>) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(self.durability)?;
        work(&transaction)?;
        Ok(transaction.commit()?)
    }
}

impl Reader for RedbReader {
    fn len(&self) -> Result<u64> {
        Ok(self.0.len()?)
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        let found = self.0.get(key)?;
        Ok(found.map(|found| value(found.value())).is_some())
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
            entry(key.value(), value.value());
        }
        Ok(())
    }
}

impl Writer for RedbWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        let found = self.0.get(key)?;
        Ok(found.map(|found| value(found.value())).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.insert(key, value)?;
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.0.remove(key)?;
        Ok(())
    }
}
