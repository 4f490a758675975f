//! SQLite as a last resource: the database that decides, by a row of its own.
//!
//! Limits:
//! - One of them can take part in a transaction, as it cannot prepare.
//! - A branch is the only writer of its database from its beginning to its end; others wait for it for five
//!   seconds, then are refused.
//! - Calls block the thread for as long as SQLite takes, syncs included: use a runtime with several.
//! - A row of `sop_2pc` is left for each transaction that was rolled back in doubt, and must stay.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Error, ErrorCode, params};
use sop_core::{Gtid, LastResource, Outcome, ParticipantError, async_trait};

type Result<T, E = ParticipantError> = std::result::Result<T, E>;

/// A database of SQLite.
pub struct Sqlite {
    name: String,
    path: PathBuf,
    branches: Mutex<BTreeMap<Gtid, Branch>>,
}

/// A connection with an open transaction.
pub type Branch = Arc<Mutex<Connection>>;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const OPEN: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                    CREATE TABLE IF NOT EXISTS sop_2pc (gtid TEXT PRIMARY KEY, \
                    committed INTEGER NOT NULL) WITHOUT ROWID";

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("name", &self.name).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sqlite {
    /// The database in this file. `name` must stay the same for as long as there is anything to
    /// recover.
    pub fn new(name: &str, path: impl Into<PathBuf>) -> Self {
        Self { name: name.to_owned(), path: path.into(), branches: Mutex::default() }
    }

    /// Begins a branch: a connection with a transaction, for the statements of the global one.
    ///
    /// # Errors
    /// If the file cannot be opened, or somebody else writes to it for five seconds.
    pub fn begin(&self, gtid: &Gtid) -> Result<Branch, Error> {
        let connection = self.open()?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let branch = Arc::new(Mutex::new(connection));
        lock(&self.branches).insert(*gtid, Arc::clone(&branch));
        Ok(branch)
    }

    fn open(&self) -> Result<Connection, Error> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch(OPEN)?;
        Ok(connection)
    }

    /// Adds the marker of an abort unless there is one; whether that which stands is one of a commit.
    fn settle_now(&self, gtid: &Gtid) -> Result<bool, Error> {
        let mut connection = self.open()?;
        let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute("INSERT OR IGNORE INTO sop_2pc VALUES (?1, FALSE)", params![gtid.to_string()])?;
        let select = "SELECT committed FROM sop_2pc WHERE gtid = ?1";
        let committed = tx.query_row(select, params![gtid.to_string()], |row| row.get(0))?;
        tx.commit()?;
        Ok(committed)
    }
}

#[async_trait]
impl LastResource for Sqlite {
    fn name(&self) -> &str {
        &self.name
    }

    async fn commit(&self, gtid: &Gtid) -> Result<()> {
        let none = || ParticipantError::refused(format!("no branch of {gtid} was begun"));
        let branch = lock(&self.branches).remove(gtid).ok_or_else(none)?;
        let connection = lock(&branch);
        let mark = "INSERT INTO sop_2pc VALUES (?1, TRUE)";
        if let Err(error) = connection.execute(mark, params![gtid.to_string()]) {
            // Somebody has marked it as rolled back; or the transaction has failed before.
            drop(connection.execute_batch("ROLLBACK"));
            return Err(ParticipantError::refused(error));
        }
        match connection.execute_batch("COMMIT") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                drop(connection.execute_batch("ROLLBACK"));
                Err(ParticipantError::conflict(error))
            }
            outcome => outcome.map_err(ParticipantError::unknown),
        }
    }

    async fn rollback(&self, gtid: &Gtid) -> Result<()> {
        let Some(branch) = lock(&self.branches).remove(gtid) else { return Ok(()) };
        // If that fails, there was no transaction any more.
        drop(lock(&branch).execute_batch("ROLLBACK"));
        Ok(())
    }

    async fn settle(&self, gtid: &Gtid) -> Result<Outcome> {
        let committed = self.settle_now(gtid).map_err(ParticipantError::unknown)?;
        Ok(if committed { Outcome::Committed } else { Outcome::RolledBack })
    }

    async fn forget(&self, gtid: &Gtid) -> Result<()> {
        let forget = "DELETE FROM sop_2pc WHERE gtid = ?1 AND committed";
        let connection = self.open().map_err(ParticipantError::unknown)?;
        let forgotten = connection.execute(forget, params![gtid.to_string()]);
        forgotten.map(drop).map_err(ParticipantError::unknown)
    }
}
