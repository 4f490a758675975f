//! LMDB, through heed: a memory-mapped copy-on-write B+tree, one writer at a time.
//!
//! `MDB_WRITEMAP` stays off. With it, commits without sync are several times faster, but durable
//! ones at a million entries several times slower, because each of them syncs the whole map.

use super::{Engine, Reader, Settings, Setup, Writer, load_by_puts, version};
use crate::{
    Result,
    data::{Key, Value},
};
use heed::{
    CommitOrAbort, CompactionOption, Database, Env, EnvFlags, EnvOpenOptions, FlagSetMode,
    PutFlags, RoTxn, RwTxn, WithTls, types::Bytes,
};
use std::{
    ops::Bound,
    path::{Path, PathBuf},
};

/// Address space, not memory or disk; nothing is taken before it is written.
const MAP: usize = 64 << 30;
const READERS: u32 = 256;

type Table = Database<'static, Bytes, Bytes>;

/// An open LMDB environment and its one table.
#[derive(Debug)]
pub(crate) struct Lmdb {
    environment: Env,
    table: Table,
}

/// A read transaction.
pub(crate) struct LmdbReader<'e> {
    transaction: RoTxn<'e, WithTls>,
    table: Table,
}

/// A write transaction.
pub(crate) struct LmdbWriter<'e> {
    transaction: RwTxn<'e>,
    table: Table,
}

impl Engine for Lmdb {
    type Reader<'e> = LmdbReader<'e>;
    type Writer<'e> = LmdbWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!("LMDB {} through heed {}", lmdb_version(), version("heed")),
            options: "64 GiB map, no `MDB_WRITEMAP`, `MDB_NORDAHEAD` in limited memory; no cache of its own, reads come from the map",
            durable: "the default flags: per commit one fdatasync of the data and one write of \
                      the meta page through `O_DSYNC`",
            relaxed: "`MDB_NOSYNC`: survives a crash of the process; a power cut may break the \
                      database",
        }
    }

    fn open(folder: &Path, setup: &Setup) -> Result<Self> {
        let environment = open(folder, setup)?;
        let table = environment
            .create_databases_and_commit(environment.write_txn()?, |opener, transaction| {
                opener
                    .create_database::<Bytes, Bytes>(transaction, None)
                    .map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit();
        Ok(Self { environment, table })
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        let mode = if durable { FlagSetMode::Disable } else { FlagSetMode::Enable };
        #[expect(unsafe_code, reason = "heed leaves it to the caller that no other thread calls")]
        // SAFETY: `&mut self` is the only handle of the environment, so nobody else uses it now;
        // a database that a power cut breaks is thrown away with the benchmark's folder.
        Ok(unsafe { self.environment.set_flags(EnvFlags::NO_SYNC, mode) }?)
    }

    fn sync(&self) -> Result<()> {
        Ok(self.environment.force_sync()?)
    }

    fn read<T>(&self, work: impl FnOnce(&LmdbReader<'_>) -> Result<T>) -> Result<T> {
        work(&LmdbReader { transaction: self.environment.read_txn()?, table: self.table })
    }

    fn write(&self, mut work: impl FnMut(&mut LmdbWriter<'_>) -> Result<()>) -> Result<()> {
        let transaction = self.environment.write_txn()?;
        let mut writer = LmdbWriter { transaction, table: self.table };
        work(&mut writer)?;
        Ok(writer.transaction.commit()?)
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        load_by_puts(self, entries)
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        let mut transaction = self.environment.write_txn()?;
        for (key, value) in entries {
            self.table.put_with_flags(&mut transaction, PutFlags::APPEND, &key, &value)?;
        }
        Ok(transaction.commit()?)
    }

    fn compact(self, folder: &Path) -> Result<PathBuf> {
        let copy = folder.join("compacted.mdb");
        self.environment.copy_to_path(&copy, CompactionOption::Enabled)?.sync_all()?;
        Ok(copy)
    }
}

fn open(folder: &Path, setup: &Setup) -> Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP).max_readers(READERS);
    let flags = if setup.scarce_memory { EnvFlags::NO_READ_AHEAD } else { EnvFlags::empty() };
    #[expect(unsafe_code, reason = "some flags are unsound")]
    // SAFETY: this one is about speed only.
    unsafe {
        options.flags(flags)
    };
    #[expect(unsafe_code, reason = "heed cannot know who else writes to the file")]
    // SAFETY: the folder is private to this process, which opens it once and alone.
    Ok(unsafe { options.open(folder) }?)
}

fn lmdb_version() -> String {
    let version = heed::lmdb_version();
    format!("{}.{}.{}", version.major, version.minor, version.patch)
}

impl Reader for LmdbReader<'_> {
    fn len(&self) -> Result<u64> {
        Ok(self.table.len(&self.transaction)?)
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.table.get(&self.transaction, key)?.map(value).is_some())
    }

    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        mut entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let from = from.map_or(Bound::Unbounded, Bound::Included);
        let range = (from, Bound::Unbounded);
        for found in self.table.range(&self.transaction, &range)?.take(limit) {
            let (key, value) = found?;
            entry(key, value);
        }
        Ok(())
    }
}

impl Writer for LmdbWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.table.get(&self.transaction, key)?.map(value).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.table.put(&mut self.transaction, key, value)?)
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.table.delete(&mut self.transaction, key)?;
        Ok(())
    }
}
