//! SQLite, through rusqlite: B-trees and a write-ahead log, under SQL; one writer at a time.
//!
//! A connection serves one thread. There is one for writing, behind a mutex, for SQLite lets
//! writers that wait for each other sleep and try again; readers borrow theirs from a pool.

use super::{Engine, Reader, Settings, Setup, Writer, load_by_puts, version};
use crate::{
    Result,
    data::{Key, Value},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Pages that a connection keeps for itself, in KiB; all connections share the map.
const CACHE_KIB: i64 = 64 << 10;

const GET: &str = "SELECT value FROM entries WHERE key = ?1";
const SCAN: &str = "SELECT key, value FROM entries WHERE key >= ?1 ORDER BY key LIMIT ?2";
const PUT: &str = "INSERT OR REPLACE INTO entries (key, value) VALUES (?1, ?2)";
const REMOVE: &str = "DELETE FROM entries WHERE key = ?1";
const COUNT: &str = "SELECT count(*) FROM entries";

/// An open database and its one table.
pub(crate) struct Sqlite {
    path: PathBuf,
    map: u64,
    writer: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
}

/// The table in a read transaction.
pub(crate) struct SqliteReader<'e>(Transaction<'e>);

/// The table in a write transaction.
pub(crate) struct SqliteWriter<'e>(Transaction<'e>);

impl Engine for Sqlite {
    type Reader<'e> = SqliteReader<'e>;
    type Writer<'e> = SqliteWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!(
                "SQLite {} through rusqlite {}",
                rusqlite::version(),
                version("rusqlite")
            ),
            options: "WAL, `mmap_size` as stated and 64 MiB `cache_size` per connection (an eighth \
                      where the cache is small), `WITHOUT ROWID` unless values are large, one \
                      connection for writing behind a mutex, cached statements",
            durable: "`synchronous=FULL`: one fsync of the write-ahead log per commit, and one of \
                      the database per checkpoint",
            relaxed: "`synchronous=NORMAL`: synced at checkpoints only; survives a crash of the \
                      process; a power cut may lose the last commits",
        }
    }

    fn open(folder: &Path, setup: &Setup) -> Result<Self> {
        let path = folder.join("entries.sqlite");
        let (map, writer) = (setup.cache, connect(&path, setup.cache)?);
        let rowid = if setup.large_values { "" } else { " WITHOUT ROWID" };
        writer.execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS \
             entries (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL){rowid}"
        ))?;
        Ok(Self { path, map, writer: Mutex::new(writer), idle: Mutex::default() })
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        let mode = if durable { "FULL" } else { "NORMAL" };
        Ok(lock(&self.writer).pragma_update(None, "synchronous", mode)?)
    }

    fn sync(&self) -> Result<()> {
        checkpoint(&lock(&self.writer))
    }

    fn read<T>(&self, work: impl FnOnce(&SqliteReader<'_>) -> Result<T>) -> Result<T> {
        let idle = lock(&self.idle).pop();
        let connection = idle.map_or_else(|| connect(&self.path, self.map), Ok)?;
        let reader = SqliteReader(connection.unchecked_transaction()?);
        let outcome = work(&reader)?;
        drop(reader);
        lock(&self.idle).push(connection);
        Ok(outcome)
    }

    fn write(&self, mut work: impl FnMut(&mut SqliteWriter<'_>) -> Result<()>) -> Result<()> {
        let mut connection = lock(&self.writer);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut writer = SqliteWriter(transaction);
        work(&mut writer)?;
        Ok(writer.0.commit()?)
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        load_by_puts(self, entries)
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        load_by_puts(self, entries)
    }

    fn compact(self, folder: &Path) -> Result<PathBuf> {
        lock(&self.idle).clear();
        let writer = lock(&self.writer);
        writer.execute_batch("VACUUM")?;
        checkpoint(&writer)?;
        Ok(folder.to_owned())
    }
}

fn connect(path: &Path, map: u64) -> Result<Connection> {
    let connection = Connection::open(path)?;
    let map = i64::try_from(map)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB.min((map >> 10) / 8))?;
    // The pragma answers with the size in force.
    connection.pragma_update_and_check(None, "mmap_size", map, |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// Moves the write-ahead log into the database, syncs both, and empties the log.
fn checkpoint(connection: &Connection) -> Result<()> {
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err("SQLite could not finish a checkpoint".into()) } else { Ok(()) }
}

/// A poisoned connection is as good as any: its transaction was rolled back when it was dropped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn get(connection: &Connection, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
    let mut statement = connection.prepare_cached(GET)?;
    let found = statement.query_row([key], |row| {
        value(row.get_ref(0)?.as_blob()?);
        Ok(())
    });
    Ok(found.optional()?.is_some())
}

impl Reader for SqliteReader<'_> {
    fn len(&self) -> Result<u64> {
        let count: i64 = self.0.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        get(&self.0, key, value)
    }

    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        mut entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        // A limit below zero is none.
        let limit = i64::try_from(limit).unwrap_or(-1);
        let mut statement = self.0.prepare_cached(SCAN)?;
        let mut rows = statement.query(params![from.unwrap_or_default(), limit])?;
        while let Some(row) = rows.next()? {
            entry(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        }
        Ok(())
    }
}

impl Writer for SqliteWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        get(&self.0, key, value)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.0.prepare_cached(PUT)?.execute([key, value])?;
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.0.prepare_cached(REMOVE)?.execute([key])?;
        Ok(())
    }
}
