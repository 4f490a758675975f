//! SOP's own engine, as a program uses it without the typed layer.

use super::{Engine, Reader, Settings, Setup, Writer, load_by_puts, version};
use crate::{
    Result,
    data::{Key, Value},
};
use sop_core::{
    Database, Durability, Error, Store, StoreId, StoreOptions, StoreView, Transaction,
    TransactionOptions,
};
use std::path::{Path, PathBuf};

const STORE: &str = "entries";

/// An open database and its one store.
#[derive(Debug)]
pub(crate) struct Sop {
    database: Database,
    store: StoreId,
    durability: Durability,
}

/// The store in a snapshot.
#[derive(Debug)]
pub(crate) struct SopReader<'e>(StoreView<'e>);

/// The store in a transaction.
#[derive(Debug)]
pub(crate) struct SopWriter<'e>(Store<'e>);

impl Engine for Sop {
    type Reader<'e> = SopReader<'e>;
    type Writer<'e> = SopWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!("sop-core {}", version("sop-core")),
            options: "default options, serializable; no cache of its own, reads come from mapped \
                      files",
            durable: "`Durability::Immediate`: one append to the log and one fdatasync for all \
                      commits that wait together",
            relaxed: "`Durability::Eventual`: a crash of the process or a power cut may lose the \
                      last commits, in order, and never breaks the database",
        }
    }

    fn open(folder: &Path, _: &Setup) -> Result<Self> {
        let database = Database::open(folder)?;
        let transaction = database.begin()?;
        transaction.open_store(STORE, &StoreOptions::default())?;
        transaction.commit()?;
        let store = database.snapshot()?.store(STORE)?.id();
        Ok(Self { database, store, durability: Durability::Immediate })
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        self.durability = if durable { Durability::Immediate } else { Durability::Eventual };
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.sync()?)
    }

    fn read<T>(&self, work: impl FnOnce(&SopReader<'_>) -> Result<T>) -> Result<T> {
        let snapshot = self.database.snapshot()?;
        work(&SopReader(snapshot.store_by_id(self.store)?))
    }

    fn write(&self, mut work: impl FnMut(&mut SopWriter<'_>) -> Result<()>) -> Result<()> {
        loop {
            let transaction = self.begin()?;
            work(&mut SopWriter(transaction.store_by_id(self.store)?))?;
            match transaction.commit() {
                Ok(_) => return Ok(()),
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        load_by_puts(self, entries)
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        let transaction = self.begin()?;
        transaction.bulk_load(STORE, &StoreOptions::default(), entries)?;
        transaction.commit()?;
        Ok(())
    }

    fn compact(self, folder: &Path) -> Result<PathBuf> {
        self.database.compact()?;
        self.database.close()?;
        Ok(folder.to_owned())
    }
}

impl Sop {
    fn begin(&self) -> Result<Transaction> {
        let options = TransactionOptions::default().durability(self.durability);
        Ok(self.database.begin_with(options)?)
    }
}

impl Reader for SopReader<'_> {
    fn len(&self) -> Result<u64> {
        Ok(self.0.len()?)
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.0.find(key)?.map(|found| value(&found)).is_some())
    }

    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        mut entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let mut cursor = self.0.cursor()?;
        for position in 0..limit {
            // The first step from nowhere leads to the first entry.
            let found = match from {
                Some(key) if position == 0 => cursor.seek(key)?,
                _ => cursor.next()?,
            };
            let (true, Some(key), Some(value)) = (found, cursor.key(), cursor.value()) else {
                break;
            };
            entry(key, value);
        }
        Ok(())
    }
}

impl Writer for SopWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.0.find(key)?.map(|found| value(&found)).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.0.upsert(key, value)?)
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.0.remove(key)?;
        Ok(())
    }
}
