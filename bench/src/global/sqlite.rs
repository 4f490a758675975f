//! SQLite's attached databases, through rusqlite: a commit over several files is atomic if none of
//! them has a write-ahead log, by a journal above their journals.

use super::Several;
use crate::{
    Result,
    engines::{Settings, version},
};
use rusqlite::{Connection, params};
use std::path::Path;

/// One connection to all of them.
pub(crate) struct Sqlite {
    connection: Connection,
    count: usize,
}

impl Several for Sqlite {
    fn settings() -> Settings {
        Settings {
            name: format!(
                "SQLite {} through rusqlite {}",
                rusqlite::version(),
                version("rusqlite")
            ),
            options: "attached databases, rollback journals",
            durable: "`synchronous=FULL`: journals and databases are synced, and the journal of them all",
            relaxed: "not used",
        }
    }

    fn open(folder: &Path, count: usize) -> Result<Self> {
        let connection = Connection::open_in_memory()?;
        for number in 0..count {
            let path = folder.join(format!("{number}.sqlite"));
            let path = path.to_str().ok_or("a path that is no text")?;
            connection.execute(&format!("ATTACH ?1 AS d{number}"), params![path])?;
            connection.execute_batch(&format!(
                "PRAGMA d{number}.journal_mode=DELETE; PRAGMA d{number}.synchronous=FULL; \
                 CREATE TABLE d{number}.entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
            ))?;
        }
        Ok(Self { connection, count })
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let tx = self.connection.transaction()?;
        for number in 0..self.count {
            let insert = format!("INSERT OR REPLACE INTO d{number}.entries VALUES (?1, ?2)");
            tx.prepare_cached(&insert)?.execute(params![key, value])?;
        }
        Ok(tx.commit()?)
    }

    fn entries(&mut self) -> Result<Vec<u64>> {
        let count = |number| {
            let query = format!("SELECT count(*) FROM d{number}.entries");
            Ok(self.connection.query_row(&query, [], |row| row.get(0))?)
        };
        (0..self.count).map(count).collect()
    }
}
