//! Rows that many add to one store at once, each of them another one.

use std::path::Path;

use sop_orm::prelude::*;

/// A row.
#[derive(Debug, PartialEq, Eq, SopStore)]
pub struct Part {
    /// Who added it, and which of those it is.
    #[sop(key)]
    pub number: u64,
    /// Who added it.
    #[sop(index(by_thread))]
    pub thread: u64,
    /// Something to read.
    pub text: String,
}

/// Rows of one thread have numbers below that of the next one.
const THREAD_NUMBERS: u64 = 1 << 20;

/// Opens a folder that many share, by way of a Redis server unless its address is empty.
///
/// # Errors
/// If it cannot be opened.
pub async fn open(folder: &Path, redis: &str) -> Result<Db> {
    let redis = (!redis.is_empty()).then_some(redis);
    Db::builder().store::<Part>().cluster(redis).open(folder).await
}

/// The row of a thread.
pub fn part(thread: u64, row: u64) -> Part {
    let text = format!("row {row} of thread {thread}");
    Part { number: thread * THREAD_NUMBERS + row, thread, text }
}

/// Adds a row, by one attempt.
///
/// # Errors
/// If it conflicts with anything, or the database fails.
pub async fn add(db: &Db, thread: u64, row: u64) -> Result<()> {
    let s = db.session();
    s.of::<Part>().insert(part(thread, row)).await?;
    s.commit().await.map(drop)
}

/// Asserts that so many rows of so many threads are there, and nothing else, by key and by index.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If a row is missing, doubled, or wrong.
pub async fn verify(db: &Db, threads: u64, rows: u64) -> Result<()> {
    let s = db.session();
    let expected = (0..threads).flat_map(|thread| (0..rows).map(move |row| part(thread, row)));
    let found = s.of::<Part>().by_key().all().await?;
    assert_eq!(found.len() as u64, threads * rows);
    assert!(found.iter().map(|part| &**part).eq(&expected.collect::<Vec<_>>()));
    for thread in 0..threads {
        assert_eq!(s.of::<Part>().by_thread().prefix(thread).count().await?, rows);
    }
    Ok(())
}
