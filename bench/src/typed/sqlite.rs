//! rusqlite: prepared statements on SQLite, and structs filled by hand; one writer at a time.

use super::{ALWAYS_DURABLE, Row, Seen, Typed};
use crate::{
    Result,
    engines::{Settings, version},
};
use rusqlite::{Connection, Row as Columns, params};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Pages that a connection keeps for itself, in KiB; all connections share the map.
const CACHE_KIB: i64 = 64 << 10;

const CREATE: &str = "
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL,
        joined INTEGER NOT NULL, active INTEGER NOT NULL, score REAL NOT NULL, note TEXT,
        balance INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX by_email ON accounts (email);
    CREATE INDEX by_joined ON accounts (joined);";
const INSERT: &str = "INSERT INTO accounts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const GET: &str = "SELECT * FROM accounts WHERE id = ?1";
const GET_UNIQUE: &str = "SELECT * FROM accounts WHERE email = ?1";
const RANGE: &str = "SELECT * FROM accounts WHERE joined >= ?1 AND joined < ?2 ORDER BY joined";
const ADD: &str = "UPDATE accounts SET balance = balance + ?2 WHERE id = ?1";

/// An open database: a connection for writing, and one for reading.
pub(crate) struct Sqlite {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, cache: u64) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-{CACHE_KIB}; \
         PRAGMA mmap_size={cache}"
    ))?;
    Ok(connection)
}

fn account(columns: &Columns<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: columns.get(0)?,
        email: columns.get(1)?,
        name: columns.get(2)?,
        joined: columns.get(3)?,
        active: columns.get(4)?,
        score: columns.get(5)?,
        note: columns.get(6)?,
        balance: columns.get(7)?,
    })
}

impl Typed for Sqlite {
    fn settings() -> Settings {
        Settings {
            name: format!(
                "SQLite {} through rusqlite {}",
                rusqlite::version(),
                version("rusqlite")
            ),
            options: "WAL, `mmap_size` as stated and 64 MiB `cache_size` per connection, cached \
                      statements, one connection for writing and one for reading, each behind a \
                      mutex",
            durable: "`synchronous=FULL`: one fsync of the write-ahead log per commit, and one of \
                      the database per checkpoint",
            relaxed: ALWAYS_DURABLE,
        }
    }

    fn open(folder: &Path, cache: u64) -> Result<Self> {
        let path = folder.join("accounts.sqlite");
        let writer = connect(&path, cache)?;
        writer.execute_batch(CREATE)?;
        Ok(Self { writer: Mutex::new(writer), reader: Mutex::new(connect(&path, cache)?) })
    }

    fn insert(&self, rows: Vec<Row>) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction()?;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for row in rows {
            let Row { id, email, name, joined, active, score, note, balance } = row;
            insert.execute(params![id, email, name, joined, active, score, note, balance])?;
        }
        drop(insert);
        Ok(transaction.commit()?)
    }

    fn get(&self, id: u64, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        look(lock(&self.reader).prepare_cached(GET)?.query_row([id], account)?.seen());
        Ok(())
    }

    fn get_unique(&self, email: &str, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        look(lock(&self.reader).prepare_cached(GET_UNIQUE)?.query_row([email], account)?.seen());
        Ok(())
    }

    fn range(&self, from: u64, to: u64, mut look: impl FnMut(Seen<'_>)) -> Result<()> {
        let reader = lock(&self.reader);
        let mut range = reader.prepare_cached(RANGE)?;
        let accounts = range.query_map([from, to], account)?.collect::<Result<Vec<Row>, _>>()?;
        for account in &accounts {
            look(account.seen());
        }
        Ok(())
    }

    fn add(&self, id: u64, by: i64) -> Result<()> {
        let changed = lock(&self.writer).prepare_cached(ADD)?.execute(params![id, by])?;
        if changed == 1 { Ok(()) } else { Err("no such account".into()) }
    }
}
