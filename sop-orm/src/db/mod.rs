//! The open database: the engine, the typed stores, and what makes sessions.

mod builder;
mod indexer;
mod migrate;
pub(crate) mod readiness;
pub(crate) mod registry;
pub(crate) mod sequence;

use std::{fmt, future::poll_fn, path::Path, sync::Arc};

use sop_core::{CheckReport, Database, RecoveryReport, Stats, TransactionOptions};

pub use builder::DbBuilder;
pub use indexer::IndexBuilding;
use indexer::Indexer;
pub use migrate::{Migration, Progress};
pub use readiness::{IndexFault, IndexProgress, IndexState};
use registry::Registry;

use crate::{
    error::Result,
    retry::{Retry, RunOptions, Timer},
    schema::verify::{self, IndexReport},
    session::{CommitReport, Session},
};

/// An open database. Cheap to clone; all clones are the same database.
///
/// ```
/// # use sop_orm::prelude::*;
/// # #[derive(SopStore)]
/// # struct User { #[sop(key(auto = uuid7))] id: Id<User>, name: String }
/// # async fn example() -> Result<()> {
/// let db = Db::builder().store::<User>().open("data/").await?;
/// let id = db
///     .run(async move |s| Ok(s.of::<User>().insert(NewUser { name: "Ann".into() }).await?.id))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Database,
    registry: Arc<Registry>,
    indexer: Arc<Indexer>,
    timer: Timer,
    #[cfg(feature = "testing")]
    planned: crate::testing::Planned,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.indexer.stop();
    }
}

impl Db {
    /// Begins to describe a database: its stored types, then where it is.
    pub fn builder() -> DbBuilder {
        DbBuilder::default()
    }

    fn new(engine: Database, registry: Arc<Registry>, indexer: Arc<Indexer>) -> Self {
        Self {
            inner: Arc::new(Inner {
                engine,
                registry,
                indexer,
                timer: Timer::default(),
                #[cfg(feature = "testing")]
                planned: crate::testing::Planned::default(),
            }),
        }
    }

    /// A session on the present state: serializable, durable when its commit returns. If the
    /// database is closed, the session's first operation says so.
    pub fn session(&self) -> Session {
        self.session_with(TransactionOptions::default())
    }

    /// A session with another isolation or durability.
    pub fn session_with(&self, options: TransactionOptions) -> Session {
        Session::begin(self, options, 1)
    }

    /// Runs `body` in a session and commits. If another session was faster, in the middle or at
    /// the commit, does so again with a new session, after a short random pause; so `body` should
    /// do nothing that must not be done twice, or do it after `run`.
    ///
    /// An error that no retry can mend, or the last one when [`RetryPolicy`](crate::RetryPolicy) gives up, is
    /// returned; nothing has changed then. [`Error::CommitUnknown`](crate::Error::CommitUnknown)
    /// is never retried. If `body` panics, or the returned future is dropped before the commit was
    /// submitted, the session is rolled back.
    ///
    /// The closure is `async move |s| ..`: with owned captures the future can be spawned. A body
    /// that borrows and must be spawned goes into [`tx!`](crate::tx).
    pub async fn run<T>(&self, body: impl AsyncFnMut(&Session) -> Result<T>) -> Result<T> {
        self.run_with(RunOptions::default(), body).await
    }

    /// [`run`](Self::run) with other bounds, isolation or durability: give a [`RetryPolicy`], a
    /// [`TransactionOptions`], or [`RunOptions`] of both.
    ///
    /// [`RetryPolicy`]: crate::RetryPolicy
    pub async fn run_with<T>(
        &self,
        options: impl Into<RunOptions>,
        body: impl AsyncFnMut(&Session) -> Result<T>,
    ) -> Result<T> {
        Ok(self.run_reported(options, body).await?.0)
    }

    /// [`run_with`](Self::run_with), and what its commit did.
    pub async fn run_reported<T>(
        &self,
        options: impl Into<RunOptions>,
        mut body: impl AsyncFnMut(&Session) -> Result<T>,
    ) -> Result<(T, CommitReport)> {
        let mut retry = Retry::new(self, options);
        loop {
            let session = retry.session();
            let outcome = body(&session).await;
            if let Some(result) = retry.finish(session, outcome).await {
                return result;
            }
        }
    }

    /// The database's folder. That of a database in memory exists nowhere.
    pub fn path(&self) -> &Path {
        self.engine().path()
    }

    /// What was found when the database was opened: whether it was created, and what of the log
    /// was replayed or cut off.
    pub fn recovery(&self) -> &RecoveryReport {
        self.engine().recovery()
    }

    /// Numbers about the database since its opening: commits, conflicts, bytes. Costs little.
    ///
    /// They are those of the engine, so the catalog and each index count as stores, and filling a
    /// new index counts as commits.
    pub fn stats(&self) -> Stats {
        self.engine().stats()
    }

    /// Reads the newest committed state, all of it, and checks what must hold in every tree: order,
    /// counts, checksums. Sessions go on beside it. What it finds wrong is in the report; it fails
    /// only if the database is closed.
    ///
    /// Does not compare the entries of indexes with the records they were made from: that is
    /// [`check_indexes`](Self::check_indexes).
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn check(&self) -> Result<CheckReport> {
        Ok(self.engine().check()?)
    }

    /// Compares the entries of all indexes with the records that they are made from, in the newest
    /// committed state. Sessions go on beside it. Costs a look at every record and every entry.
    ///
    /// What is missing or left over is in the report. In an index that is still being filled,
    /// entries are demanded only as far as the filling has come.
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn check_indexes(&self) -> Result<IndexReport> {
        verify::indexes(&self.engine().snapshot()?, self.registry())
    }

    /// How far each index is, in the order of stores and indexes. Costs little.
    pub fn index_progress(&self) -> Vec<IndexProgress> {
        self.inner.indexer.progress()
    }

    /// Waits until all indexes hold all records; sessions that begin afterwards can use them. Ends
    /// at once if they do so already, which is so unless an index was added to a store with more
    /// records than [`DbBuilder::fill_at_once`] says.
    ///
    /// ```
    /// # use sop_orm::prelude::*;
    /// # #[derive(SopStore)]
    /// # struct User { #[sop(key)] number: u32, #[sop(index(by_name))] name: String }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// let db = Db::builder().store::<User>().ephemeral().await?;
    /// db.indexes_ready().await?;
    /// let anns = db.session().of::<User>().by_name().prefix("Ann").count().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Fails with [`Error::IndexFailed`](crate::Error::IndexFailed) as soon as one of them cannot
    /// be completed, and with [`Error::IndexBuilding`](crate::Error::IndexBuilding) if nobody is
    /// at work on it, since the database is closed or open for reading only.
    pub async fn indexes_ready(&self) -> Result<()> {
        poll_fn(|context| self.inner.indexer.poll_ready(context.waker())).await
    }

    /// Tries again to complete the indexes that have failed, from where they are.
    pub fn resume_indexes(&self) -> Result<()> {
        self.inner.indexer.resume()
    }

    /// Does one piece of the work that is left: goes through that many records at most for a new
    /// index, or removes that many entries of a dropped one. Returns whether there is more to do.
    ///
    /// Meant for a database that is open with [`IndexBuilding::ByHand`]. A session that changes
    /// one of the records meanwhile makes the piece be done again at the next call.
    pub fn build_indexes(&self, records: usize) -> Result<bool> {
        self.inner.indexer.step_by_hand(records)
    }

    /// Writes a checkpoint now and waits for it. Sessions go on beside it. Never needed: the
    /// database does so by itself; it shortens the next opening.
    ///
    /// Fails if the disk does, or if the database is closed or open for reading only; nothing is
    /// lost then.
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn checkpoint(&self) -> Result<()> {
        Ok(self.engine().checkpoint()?)
    }

    /// Writes everything to its final place and closes the database, for all clones. Sessions that
    /// are still open fail from now on. A database that is only dropped loses nothing either; it
    /// opens a little slower.
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn close(self) -> Result<()> {
        self.inner.indexer.stop();
        Ok(self.inner.engine.clone().close()?)
    }

    pub(crate) fn engine(&self) -> &Database {
        &self.inner.engine
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.inner.registry
    }

    /// The commits that a test lets fail.
    #[cfg(feature = "testing")]
    pub(crate) fn planned(&self) -> &crate::testing::Planned {
        &self.inner.planned
    }

    pub(crate) fn timer(&self) -> &Timer {
        &self.inner.timer
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("path", &self.inner.engine.path()).finish_non_exhaustive()
    }
}
