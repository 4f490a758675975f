//! SQLite's incremental blobs, through rusqlite.
//!
//! A row holds at most 1,000,000,000 bytes, so long content is in several.

use super::{Contents, STEP, fill};
use crate::{
    Result,
    engines::{Settings, version},
};
use rusqlite::{Connection, MAIN_DB, OptionalExtension as _, blob::ZeroBlob, params};
use std::{
    io::{Read, Write},
    path::Path,
};

/// Bytes in a row, but for the last one of a content.
const ROW_LEN: u64 = 256 << 20;

const TABLE: &str = "contents";
const CREATE: &str = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS \
                      contents (name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, \
                      UNIQUE (name, part))";
const INSERT: &str = "INSERT INTO contents (name, part, bytes) VALUES (?1, ?2, ?3)";
const FIND: &str = "SELECT rowid FROM contents WHERE name = ?1 AND part = ?2";

/// An open database and its one table.
pub(crate) struct Sqlite(Connection);

impl Contents for Sqlite {
    fn settings() -> Settings {
        Settings {
            name: format!(
                "SQLite {} through rusqlite {}",
                rusqlite::version(),
                version("rusqlite")
            ),
            options: "WAL, incremental blobs of up to 256 MiB in a row, 1 MiB at a time",
            durable: "`synchronous=FULL`: one fsync of the write-ahead log per commit, and one of \
                      the database per checkpoint",
            relaxed: "not used",
        }
    }

    fn open(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("contents.sqlite"))?;
        connection.execute_batch(CREATE)?;
        Ok(Self(connection))
    }

    fn upload(&mut self, name: &str, len: u64, source: &mut dyn Read) -> Result<()> {
        let tx = self.0.transaction()?;
        let mut buf = vec![0; STEP];
        for part in 0..len.div_ceil(ROW_LEN) {
            let row_len = (len - part * ROW_LEN).min(ROW_LEN);
            tx.execute(INSERT, params![name, part, ZeroBlob(i32::try_from(row_len)?)])?;
            let row = tx.last_insert_rowid();
            let mut blob = tx.blob_open(MAIN_DB, TABLE, "bytes", row, false)?;
            let mut left = row_len;
            while left > 0 {
                let wanted = usize::try_from(left)?.min(STEP);
                let found = fill(source, &mut buf[..wanted])?;
                if found < wanted {
                    return Err("the source ends too early".into());
                }
                blob.write_all(&buf[..found])?;
                left -= found as u64;
            }
            blob.close()?;
        }
        Ok(tx.commit()?)
    }

    fn download(&mut self, name: &str, sink: &mut dyn Write) -> Result<()> {
        let (mut part, mut buf) = (0, vec![0; STEP]);
        while let Some(row) = row(&self.0, name, part)? {
            let mut blob = self.0.blob_open(MAIN_DB, TABLE, "bytes", row, true)?;
            loop {
                let len = fill(&mut blob, &mut buf)?;
                if len == 0 {
                    break;
                }
                sink.write_all(&buf[..len])?;
            }
            part += 1;
        }
        Ok(())
    }

    fn overwrite(&mut self, name: &str, offsets: &[u64], bytes: &[u8]) -> Result<()> {
        let tx = self.0.transaction()?;
        for (row, at) in places(&tx, name, offsets)? {
            let mut blob = tx.blob_open(MAIN_DB, TABLE, "bytes", row, false)?;
            blob.write_all_at(bytes, at)?;
            blob.close()?;
        }
        Ok(tx.commit()?)
    }

    fn read_at(&mut self, name: &str, offset: u64, buf: &mut [u8]) -> Result<()> {
        let (row, at) = places(&self.0, name, &[offset])?[0];
        let blob = self.0.blob_open(MAIN_DB, TABLE, "bytes", row, true)?;
        Ok(blob.read_at_exact(buf, at)?)
    }
}

/// The rows of offsets, and where in them these are. A row has whole ranges, as its length is a
/// multiple of theirs.
fn places(connection: &Connection, name: &str, offsets: &[u64]) -> Result<Vec<(i64, usize)>> {
    let place = |offset: &u64| -> Result<(i64, usize)> {
        let row = row(connection, name, offset / ROW_LEN)?.ok_or("no such row")?;
        Ok((row, usize::try_from(offset % ROW_LEN)?))
    };
    offsets.iter().map(place).collect()
}

fn row(connection: &Connection, name: &str, part: u64) -> Result<Option<i64>> {
    let mut find = connection.prepare_cached(FIND)?;
    Ok(find.query_row(params![name, part], |row| row.get(0)).optional()?)
}
