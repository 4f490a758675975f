//! sqlite-vec: virtual tables of SQLite that compare a query with every vector in question; one
//! writer at a time.

use super::{Item, Layout, NOT_MEASURED, Scope, Vectors};
use crate::{
    Result,
    engines::{Settings, version},
};
use rusqlite::{Connection, Transaction, ffi, params};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

/// Pages that a connection keeps for itself, in KiB; all connections share the map.
const CACHE_KIB: i64 = 64 << 10;
/// Rows of one transaction of [`Vectors::build`].
const BATCH: usize = 1_000;

const WHOLE: &str = "
    CREATE VIRTUAL TABLE packages USING vec0(
        id INTEGER PRIMARY KEY, tenant TEXT, date INTEGER, embedding FLOAT[384],
        +name TEXT, +tags TEXT, +text TEXT)";
/// A partition takes at least one chunk of the disk, so those are small.
const PARTITIONED: &str = "
    CREATE VIRTUAL TABLE packages USING vec0(
        id INTEGER PRIMARY KEY, tenant TEXT PARTITION KEY, date INTEGER, embedding FLOAT[384],
        +name TEXT, +tags TEXT, +text TEXT, chunk_size=128)";
const INSERT: &str = "INSERT INTO packages (id, tenant, date, embedding, name, tags, text) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const DELETE: &str = "DELETE FROM packages WHERE id = ?1";
/// Of as many as are always asked for.
const NEAREST: &str = "SELECT id FROM packages WHERE embedding MATCH ?1 AND k = 10";

/// An open database: a connection for writing, and one for reading to each thread that reads at
/// the same time.
pub(crate) struct SqliteVec {
    path: PathBuf,
    cache: u64,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes every connection that is opened from now on know the virtual tables.
fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(enter);
}

#[expect(unsafe_code, reason = "how a library of SQLite that is linked makes itself known")]
fn enter() {
    type Entry = unsafe extern "C" fn(
        *mut ffi::sqlite3,
        *mut *mut std::os::raw::c_char,
        *const ffi::sqlite3_api_routines,
    ) -> std::os::raw::c_int;
    // SAFETY: that is the signature of the function in C; the crate declares it without one.
    let entry = unsafe {
        std::mem::transmute::<unsafe extern "C" fn(), Entry>(sqlite_vec::sqlite3_vec_init)
    };
    // SAFETY: the entry lives as long as the program.
    let outcome = unsafe { ffi::sqlite3_auto_extension(Some(entry)) };
    debug_assert_eq!(outcome, ffi::SQLITE_OK, "the list of extensions has room");
}

fn connect(path: &Path, cache: u64) -> Result<Connection> {
    register();
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-{CACHE_KIB}; \
         PRAGMA mmap_size={cache}"
    ))?;
    Ok(connection)
}

/// A vector as the library takes it.
fn blob(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn fill(transaction: &Transaction<'_>, items: &[Item<'_>]) -> Result<()> {
    let mut insert = transaction.prepare_cached(INSERT)?;
    for Item { row, vector } in items {
        let tags = row.tags.join(" ");
        let (vector, date) = (blob(vector), row.date);
        insert.execute(params![row.id, row.tenant, date, vector, row.name, tags, row.text])?;
    }
    Ok(())
}

impl Vectors for SqliteVec {
    /// The statement, the partition and the dates.
    type Prepared = (String, Scope);

    const EFFORTS: &'static [u32] = &[0];
    const IS_DURABLE: bool = true;

    fn settings() -> Settings {
        Settings {
            name: format!(
                "sqlite-vec {} on SQLite {} through rusqlite {}",
                version("sqlite-vec"),
                rusqlite::version(),
                version("rusqlite")
            ),
            options: "WAL, `mmap_size` as stated and 64 MiB `cache_size` per connection, cached \
                      statements, the Euclidean distance, which is as good for vectors of unit \
                      length and the one with instructions of its own; dates are a metadata \
                      column, names and texts auxiliary ones; the tenant is a metadata column, or \
                      the partition key in chunks of 128",
            durable: "`synchronous=FULL`: one fsync of the write-ahead log per commit, and one of \
                      the database per checkpoint",
            relaxed: NOT_MEASURED,
        }
    }

    fn effort(_: u32) -> String {
        "exact".to_owned()
    }

    fn open(folder: &Path, layout: Layout, cache: u64) -> Result<Self> {
        let path = folder.join("packages.sqlite");
        let writer = connect(&path, cache)?;
        writer.execute_batch(if layout == Layout::Whole { WHOLE } else { PARTITIONED })?;
        Ok(Self { path, cache, writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    fn build(&self, items: &[Item<'_>]) -> Result<()> {
        items.chunks(BATCH).try_for_each(|batch| self.insert(batch))
    }

    fn prepare(&self, scope: &Scope) -> Result<Self::Prepared> {
        let mut statement = NEAREST.to_owned();
        if scope.tenant.is_some() {
            statement += " AND tenant = ?2";
        }
        if scope.dates.is_some() {
            statement += " AND date >= ?3 AND date < ?4";
        }
        Ok((statement, scope.clone()))
    }

    fn search(&self, (text, scope): &Self::Prepared, query: &[f32], _: u32) -> Result<Vec<u32>> {
        let idle = lock(&self.readers).pop();
        let reader = idle.map_or_else(|| connect(&self.path, self.cache), Ok)?;
        let mut statement = reader.prepare_cached(text)?;
        statement.raw_bind_parameter(1, blob(query))?;
        if let Some(tenant) = &scope.tenant {
            statement.raw_bind_parameter(2, tenant)?;
        }
        if let Some(dates) = &scope.dates {
            statement.raw_bind_parameter(3, dates.start)?;
            statement.raw_bind_parameter(4, dates.end)?;
        }
        let ids = statement.raw_query().mapped(|row| row.get(0)).collect::<Result<_, _>>()?;
        drop(statement);
        lock(&self.readers).push(reader);
        Ok(ids)
    }

    fn insert(&self, items: &[Item<'_>]) -> Result<()> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction()?;
        fill(&transaction, items)?;
        Ok(transaction.commit()?)
    }

    fn remove(&self, ids: &[u32]) -> Result<bool> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction()?;
        let mut delete = transaction.prepare_cached(DELETE)?;
        for id in ids {
            delete.execute([id])?;
        }
        drop(delete);
        transaction.commit()?;
        Ok(true)
    }

    fn len(&self) -> Result<usize> {
        let count = "SELECT count(*) FROM packages";
        Ok(lock(&self.writer).query_row(count, [], |row| row.get(0))?)
    }
}
