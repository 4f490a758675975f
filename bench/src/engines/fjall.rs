//! fjall: log-structured merge trees, optimistic transactions.

use super::{Engine, Reader, Settings, Setup, Writer, version};
use crate::{
    Result,
    data::{Key, Value},
};
use fjall::{
    Keyspace, KeyspaceCreateOptions, KvSeparationOptions, OptimisticTxDatabase,
    OptimisticTxKeyspace, OptimisticWriteTx, PersistMode, Readable as _, Snapshot,
};
use std::{
    ops::Bound,
    path::{Path, PathBuf},
};

const KEYSPACE: &str = "entries";

/// An open database and its one keyspace.
pub(crate) struct Fjall {
    database: OptimisticTxDatabase,
    entries: OptimisticTxKeyspace,
    mode: PersistMode,
}

/// The keyspace in a snapshot.
pub(crate) struct FjallReader<'e> {
    snapshot: Snapshot,
    entries: &'e Keyspace,
}

/// The keyspace in a transaction.
pub(crate) struct FjallWriter<'e> {
    transaction: OptimisticWriteTx,
    entries: &'e Keyspace,
}

impl Engine for Fjall {
    type Reader<'e> = FjallReader<'e>;
    type Writer<'e> = FjallWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!("fjall {}", version("fjall")),
            options: "`OptimisticTxDatabase`, block cache as stated, LZ4 as by default; values \
                      apart from keys if they are large",
            durable: "`PersistMode::SyncData` of each transaction: one write and one fdatasync of \
                      the journal, one commit after the other",
            relaxed: "`PersistMode::Buffer`: survives a crash of the process; a power cut may \
                      lose the last commits",
        }
    }

    fn open(folder: &Path, setup: &Setup) -> Result<Self> {
        let database = OptimisticTxDatabase::builder(folder).cache_size(setup.cache).open()?;
        let separation = setup.large_values.then(KvSeparationOptions::default);
        let options = || KeyspaceCreateOptions::default().with_kv_separation(separation);
        let entries = database.keyspace(KEYSPACE, options)?;
        Ok(Self { database, entries, mode: PersistMode::SyncData })
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        self.mode = if durable { PersistMode::SyncData } else { PersistMode::Buffer };
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.persist(PersistMode::SyncData)?)
    }

    fn read<T>(&self, work: impl FnOnce(&FjallReader<'_>) -> Result<T>) -> Result<T> {
        let snapshot = self.database.read_tx();
        work(&FjallReader { snapshot, entries: self.entries.inner() })
    }

    fn write(&self, mut work: impl FnMut(&mut FjallWriter<'_>) -> Result<()>) -> Result<()> {
        loop {
            let transaction = self.database.write_tx()?.durability(Some(self.mode));
            let mut writer = FjallWriter { transaction, entries: self.entries.inner() };
            work(&mut writer)?;
            // The inner error is a conflict.
            if writer.transaction.commit()?.is_ok() {
                return Ok(());
            }
        }
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        let mut batch = self.database.inner().batch().durability(Some(self.mode));
        for (key, value) in entries {
            batch.insert(self.entries.inner(), key, value);
        }
        Ok(batch.commit()?)
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        let mut ingestion = self.entries.inner().start_ingestion()?;
        for (key, value) in entries {
            ingestion.write(key, value)?;
        }
        Ok(ingestion.finish()?)
    }

    /// The journal stays: it is replaced only when it is full.
    fn compact(self, folder: &Path) -> Result<PathBuf> {
        let entries = self.entries.inner();
        entries.rotate_memtable_and_wait()?;
        entries.major_compact()?;
        Ok(folder.to_owned())
    }
}

impl Reader for FjallReader<'_> {
    fn len(&self) -> Result<u64> {
        Ok(u64::try_from(self.snapshot.len(self.entries)?)?)
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.snapshot.get(self.entries, key)?.map(|found| value(&found)).is_some())
    }

    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        mut entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let range = (from, Bound::Unbounded);
        for found in self.snapshot.range::<&[u8], _>(self.entries, range).take(limit) {
            let (key, value) = found.into_inner()?;
            entry(&key, &value);
        }
        Ok(())
    }
}

impl Writer for FjallWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.transaction.get(self.entries, key)?.map(|found| value(&found)).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.transaction.insert(self.entries, key, value);
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.transaction.remove(self.entries, key);
        Ok(())
    }
}
