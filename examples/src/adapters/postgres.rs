//! PostgreSQL as a participant, by `PREPARE TRANSACTION`.
//!
//! Limits:
//! - The server needs `max_prepared_transactions` above 0, which is its default, and at least as
//!   high as the number of transactions that are prepared at a time.
//! - What is prepared holds its locks and keeps rows from being vacuumed until it is ended: recover often.
//! - A transaction that has used temporary tables, `LISTEN` or cursors `WITH HOLD` cannot be prepared.
//! - Each open branch has a connection of its own; one more commits, rolls back and recovers.
//! - The user who ends a branch must be the one who prepared it, or a superuser.
//! - A standby that takes over may bring back branches that were ended, if it was behind: within the
//!   time that decisions are kept they are ended again.

use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use sop_core::{Gtid, Participant, ParticipantError, Vote, async_trait};
use tokio_postgres::{Client, Config, Error, NoTls, error::SqlState};

type Result<T, E = ParticipantError> = std::result::Result<T, E>;

/// A database of a PostgreSQL server.
pub struct Postgres {
    name: String,
    config: Config,
    /// Connections with open transactions.
    branches: Mutex<BTreeMap<Gtid, Arc<Client>>>,
    /// For everything but open branches; another one if it breaks.
    control: tokio::sync::Mutex<Option<Arc<Client>>>,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Postgres {
    /// The database of this configuration. `name` must stay the same for as long as there is anything
    /// to recover. Connects when it has to.
    pub fn new(name: &str, config: Config) -> Self {
        let (branches, control) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { name: name.to_owned(), config, branches, control }
    }

    /// Begins a branch: a connection with a transaction, for the statements of the global one.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn begin(&self, gtid: &Gtid) -> Result<Arc<Client>, Error> {
        let client = self.connect().await?;
        client.batch_execute("BEGIN").await?;
        self.branches().insert(*gtid, Arc::clone(&client));
        Ok(client)
    }

    async fn connect(&self) -> Result<Arc<Client>, Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        // It ends with the client, whose calls fail if it ends before.
        tokio::spawn(connection);
        Ok(Arc::new(client))
    }

    async fn control(&self) -> Result<Arc<Client>> {
        let mut control = self.control.lock().await;
        if let Some(client) = control.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = self.connect().await.map_err(ParticipantError::unknown)?;
        *control = Some(Arc::clone(&client));
        Ok(client)
    }

    fn branches(&self) -> std::sync::MutexGuard<'_, BTreeMap<Gtid, Arc<Client>>> {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn branch(&self, gtid: &Gtid) -> Result<Arc<Client>> {
        let branch = self.branches().get(gtid).cloned();
        branch.ok_or_else(|| ParticipantError::refused(format!("no branch of {gtid} was begun")))
    }

    /// Ends a branch that is prepared, or was.
    async fn end(&self, gtid: &Gtid, how: &str) -> Result<()> {
        // Nothing in the name has to be escaped.
        match self.control().await?.batch_execute(&format!("{how} PREPARED '{gtid}'")).await {
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => Ok(()),
            outcome => outcome.map_err(told),
        }
    }
}

/// What the server said: if it said anything, it has refused.
fn told(error: Error) -> ParticipantError {
    let Some(code) = error.code().cloned() else { return ParticipantError::unknown(error) };
    let reason = error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string);
    let lost = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    if lost.contains(&code) {
        ParticipantError::conflict(reason)
    } else if code.code().starts_with("57P") {
        // The server goes down, perhaps in the middle.
        ParticipantError::unknown(reason)
    } else {
        ParticipantError::refused(reason)
    }
}

#[async_trait]
impl Participant for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    async fn prepare(&self, gtid: &Gtid) -> Result<Vote> {
        let branch = self.branch(gtid)?;
        // Also asks whether the transaction still stands: to prepare one that has failed rolls it back
        // without a word.
        let wrote = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL";
        let wrote: bool = branch.query_one(wrote, &[]).await.map_err(told)?.get(0);
        if !wrote {
            branch.batch_execute("ROLLBACK").await.map_err(told)?;
            self.branches().remove(gtid);
            return Ok(Vote::ReadOnly);
        }
        branch.batch_execute(&format!("PREPARE TRANSACTION '{gtid}'")).await.map_err(told)?;
        self.branches().remove(gtid);
        Ok(Vote::Prepared)
    }

    async fn commit(&self, gtid: &Gtid) -> Result<()> {
        self.end(gtid, "COMMIT").await
    }

    async fn rollback(&self, gtid: &Gtid) -> Result<()> {
        // Whatever it is at: the server rolls back when the connection is gone. It may have been
        // prepared before.
        drop(self.branches().remove(gtid));
        self.end(gtid, "ROLLBACK").await
    }

    async fn recover(&self) -> Result<Vec<Gtid>> {
        let prepared = "SELECT gid FROM pg_prepared_xacts \
                        WHERE database = current_database() AND gid LIKE 'sop:%'";
        let rows = self.control().await?.query(prepared, &[]).await.map_err(told)?;
        Ok(rows.iter().filter_map(|row| Gtid::from_str(row.get(0)).ok()).collect())
    }

    async fn commit_one_phase(&self, gtid: &Gtid) -> Result<()> {
        let branch = self.branch(gtid)?;
        // To commit one that has failed rolls it back without a word, so it is asked first.
        branch.batch_execute("SELECT 1").await.map_err(told)?;
        branch.batch_execute("COMMIT").await.map_err(told)?;
        self.branches().remove(gtid);
        Ok(())
    }
}
