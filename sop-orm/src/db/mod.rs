//! The open database: the engine, the typed stores, and what makes sessions.

mod apart;
mod backup;
mod builder;
mod cluster;
mod indexer;
mod migrate;
mod mirror;
pub(crate) mod readiness;
pub(crate) mod registry;
pub(crate) mod sequence;

use std::{fmt, future::poll_fn, path::Path, sync::Arc};

use sop_core::{
    CheckReport, CommitId, Database, RecoveryReport, Resolution, Stats, Timer, TransactionOptions,
};

pub use backup::{Backup, Restore};
pub use builder::DbBuilder;
pub use indexer::IndexBuilding;
use indexer::Indexer;
pub use migrate::{Migration, Progress};
pub use readiness::{IndexFault, IndexProgress, IndexState};
use registry::Registry;

use crate::{
    error::Result,
    relation::{self, ReferenceReport},
    retry::{Retry, RunOptions},
    schema::verify::{self, IndexReport},
    session::{CommitReport, Session},
};

/// An open database. Cheap to clone; all clones are the same database.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |_, _| {
/// # let folder = folder();
/// let db = Db::builder().store::<Order>().open(folder.path()).await?;
/// let order = db.run(async |s| s.of::<Order>().insert(NewOrder { total: 40 }).await).await?;
/// db.close().await?;
///
/// let db = Db::builder().store::<Order>().open(folder.path()).await?;
/// assert_eq!(db.session().of::<Order>().require(order.number).await?.total, 40);
/// # Ok(())
/// # });
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let db = Db::builder().store::<User>().store::<Order>().ephemeral().await?;
    /// assert_eq!(db.session().of::<User>().by_key().count().await?, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub fn builder() -> DbBuilder {
        DbBuilder::default()
    }

    /// Who works on indexes in the background.
    pub(crate) fn indexer(&self) -> &Arc<Indexer> {
        &self.inner.indexer
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let s = db.session();
    /// db.run(async |other| other.of::<Order>().delete(1).await).await?;
    /// assert!(s.of::<Order>().exists(1).await?, "it sees the state that it began with");
    /// assert!(!db.session().of::<Order>().exists(1).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn session(&self) -> Session {
        self.session_with(TransactionOptions::default())
    }

    /// A session with another isolation, durability or freshness. What a weaker one may lose or miss is
    /// said at [`Durability`](crate::Durability), [`Isolation`](crate::Isolation) and
    /// [`Freshness`](crate::Freshness).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::{Durability, Freshness, TransactionOptions};
    ///
    /// // The commit does not wait for the disk: a crash of the machine may lose it.
    /// let s = db.session_with(TransactionOptions::default().durability(Durability::Eventual));
    /// s.of::<Order>().insert(NewOrder { total: 40 }).await?;
    /// s.commit().await?;
    ///
    /// // In a folder that many processes share: what this one knows, without asking the others.
    /// let s = db.session_with(TransactionOptions::default().freshness(Freshness::Local));
    /// assert_eq!(s.of::<Order>().by_key().count().await?, 4);
    /// # Ok(())
    /// # });
    /// ```
    pub fn session_with(&self, options: TransactionOptions) -> Session {
        Session::begin(self, options, 1)
    }

    /// What became of a commit in a folder that many processes share, whose outcome was left open by
    /// [`Error::CommitUnknown`](crate::Error::CommitUnknown): that of a session in this process, or in
    /// one that is not there any more. The answer is exact: after
    /// [`Resolution::NotCommitted`](crate::Resolution::NotCommitted) the work can be done again.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::Resolution;
    ///
    /// /// Adds an order, once, whatever the file system does.
    /// async fn order(db: &Db, total: i64) -> Result<()> {
    ///     loop {
    ///         let done = db.run(async |s| s.of::<Order>().insert(NewOrder { total }).await).await;
    ///         let Err(error) = done else { return Ok(()) };
    ///         let Some(commit) = error.unknown_commit() else { return Err(error) };
    ///         // It can also be kept, as text or bytes, and asked for by another process.
    ///         match db.resolve(&commit).await? {
    ///             Resolution::Committed { .. } => return Ok(()),
    ///             Resolution::NotCommitted => {}
    ///             _ => return Err(error),
    ///         }
    ///     }
    /// }
    /// # order(&db, 40).await?;
    /// # assert_eq!(db.session().of::<Order>().by_key().count().await?, 4);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Reads what is new in the folder, and appends to it if nobody has since. Fails if it cannot, and
    /// can be tried again then.
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn resolve(&self, commit: &CommitId) -> Result<Resolution> {
        Ok(self.engine().resolve(commit)?)
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
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let total = db
    ///     .run(async |s| {
    ///         let mut order = s.of::<Order>().edit(1).await?;
    ///         order.total += 5;
    ///         Ok(order.total)
    ///     })
    ///     .await?;
    /// assert_eq!(total, 15);
    ///
    /// // An error undoes all that was done before it.
    /// let refused = db.run(async |s| {
    ///     s.of::<Order>().delete(1).await?;
    ///     s.of::<Order>().require(99).await
    /// });
    /// assert!(matches!(refused.await, Err(Error::NotFound { .. })));
    /// assert!(db.session().of::<Order>().exists(1).await?);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// The closure is `async move |s| ..`: with owned captures the future can be spawned. A body
    /// that borrows and must be spawned goes into [`tx!`](crate::tx).
    pub async fn run<T>(&self, body: impl AsyncFnMut(&Session) -> Result<T>) -> Result<T> {
        self.run_with(RunOptions::default(), body).await
    }

    /// [`run`](Self::run) with other bounds, isolation or durability: give a [`RetryPolicy`], a
    /// [`TransactionOptions`], or [`RunOptions`] of both.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # sop_orm::testing::conflict_at(&db, 1);
    /// // Somebody else is faster this once.
    /// let once = RetryPolicy::default().attempts(1);
    /// let beaten = db.run_with(once, async |s| s.of::<Order>().delete(1).await).await;
    /// assert!(matches!(beaten, Err(Error::Conflict(_))));
    /// # Ok(())
    /// # });
    /// ```
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let policy = RetryPolicy::default();
    /// let (order, report) = db
    ///     .run_reported(policy, async |s| s.of::<Order>().insert(NewOrder { total: 40 }).await)
    ///     .await?;
    /// assert_eq!(order.number, 4);
    /// assert_eq!(report.changes[0].to_string(), "orders: 1 inserted, 0 updated, 0 deleted");
    /// # Ok(())
    /// # });
    /// ```
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # let folder = folder();
    /// let db = Db::builder().store::<Order>().open(folder.path()).await?;
    /// assert_eq!(db.path(), folder.path());
    /// # Ok(())
    /// # });
    /// ```
    pub fn path(&self) -> &Path {
        self.engine().path()
    }

    /// What was found when the database was opened: whether it was created, and what of the log
    /// was replayed or cut off.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # let folder = folder();
    /// let open = || Db::builder().store::<Order>().open(folder.path());
    /// assert!(open().await?.recovery().created);
    /// assert!(!open().await?.recovery().created);
    /// # Ok(())
    /// # });
    /// ```
    pub fn recovery(&self) -> &RecoveryReport {
        self.engine().recovery()
    }

    /// Numbers about the database since its opening: commits, conflicts, bytes. Costs little.
    ///
    /// They are those of the engine, so the catalog and each index count as stores, and filling a
    /// new index counts as commits.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let before = db.stats().commits;
    /// db.run(async |s| s.of::<Order>().delete(1).await).await?;
    /// assert_eq!(db.stats().commits, before + 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn stats(&self) -> Stats {
        self.engine().stats()
    }

    /// Reads the newest committed state, all of it, and checks what must hold in every tree: order,
    /// counts, checksums. Sessions go on beside it. What it finds wrong is in the report; it fails
    /// only if the database is closed.
    ///
    /// Does not compare the entries of indexes with the records they were made from: that is
    /// [`check_indexes`](Self::check_indexes).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let report = db.check().await?;
    /// assert!(report.is_sound(), "{:?}", report.problems);
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn check(&self) -> Result<CheckReport> {
        Ok(self.engine().check()?)
    }

    /// Compares the entries of all indexes with the records that they are made from, and looks for
    /// the records of all content of blob fields, in the newest committed state. Sessions go on
    /// beside it. Costs a look at every record and every entry.
    ///
    /// What is missing or left over is in the report. In an index that is still being filled,
    /// entries are demanded only as far as the filling has come.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let report = db.check_indexes().await?;
    /// assert!(report.is_sound(), "{:?}", report.problems);
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn check_indexes(&self) -> Result<IndexReport> {
        verify::indexes(&self.engine().snapshot()?, self.registry())
    }

    /// Follows all references of `belongs_to` fields, in the newest committed state, and reports
    /// those that lead to no record. Sessions go on beside it. Costs a look at every record that
    /// has such fields, and at its parents.
    ///
    /// Sessions keep references true, so there is nothing to find unless records were stored before
    /// their field was marked `belongs_to`, or by a program in which it was not. Such references
    /// stay as they are until the field is changed: run this once after adding the mark.
    ///
    /// ```
    /// # use {sop_examples::blog::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let report = db.check_references().await?;
    /// assert!(report.is_sound(), "{:?}", report.problems);
    /// assert_eq!(report.references, 2);
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn check_references(&self) -> Result<ReferenceReport> {
        relation::verify::references(&self.engine().snapshot()?, self.registry())
    }

    /// How far each index is, in the order of stores and indexes. Costs little.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::IndexState;
    ///
    /// for index in db.index_progress() {
    ///     println!("{}: {} of {}", index.index, index.done, index.total);
    ///     assert!(matches!(index.state, IndexState::Ready));
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn index_progress(&self) -> Vec<IndexProgress> {
        self.inner.indexer.progress()
    }

    /// Waits until all indexes hold all records; sessions that begin afterwards can use them. Ends
    /// at once if they do so already, which is so unless an index was added to a store with more
    /// records than [`DbBuilder::fill_at_once`] says.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let builder = Db::builder().store::<Order>().fill_at_once(0);
    /// # let db = earlier(&[10, 20, 30], builder).await?;
    /// // A program that knew of no indexes has written orders of 10, 20 and 30.
    /// db.indexes_ready().await?;
    /// assert_eq!(db.session().of::<Order>().by_total().range(20..).count().await?, 2);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Fails with [`Error::IndexFailed`](crate::Error::IndexFailed) as soon as one of them cannot
    /// be completed, and with [`Error::IndexBuilding`](crate::Error::IndexBuilding) if nobody is
    /// at work on it, since the database is closed or open for reading only.
    pub async fn indexes_ready(&self) -> Result<()> {
        poll_fn(|context| self.inner.indexer.poll_ready(context.waker())).await
    }

    /// Tries again to complete the indexes that have failed, from where they are. Does nothing if
    /// none has. Fails if no thread can be had for the work.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # mod now {
    /// #     #[derive(sop_orm::SopStore)]
    /// #     #[sop(store = "orders", unique(by_total(total)))]
    /// #     pub struct Order { #[sop(key)] number: u64, total: i64, tags: Vec<String> }
    /// # }
    /// # let db = earlier(&[10, 20, 20], Db::builder().store::<now::Order>()).await?;
    /// // Totals are to be unique from now on, but two orders have the same.
    /// assert!(matches!(db.indexes_ready().await, Err(Error::IndexFailed { .. })));
    /// db.run(async |s| s.of::<now::Order>().delete(3).await).await?;
    /// db.resume_indexes()?;
    /// db.indexes_ready().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn resume_indexes(&self) -> Result<()> {
        self.inner.indexer.resume()
    }

    /// Does one piece of the work that is left: goes through that many records at most for a new
    /// index, or removes that many entries of a dropped one. Returns whether there is more to do.
    ///
    /// Meant for a database that is open with [`IndexBuilding::ByHand`]. A session that changes
    /// one of the records meanwhile makes the piece be done again at the next call.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::IndexBuilding;
    ///
    /// # let builder = Db::builder().store::<Order>();
    /// let builder = builder.index_building(IndexBuilding::ByHand);
    /// # let db = earlier(&[10, 20, 30], builder).await?;
    /// let building = db.session().of::<Order>().by_total().count().await;
    /// assert!(matches!(building, Err(Error::IndexBuilding { .. })));
    /// while db.build_indexes(1_000)? {}
    /// assert_eq!(db.session().of::<Order>().by_total().count().await?, 3);
    /// # Ok(())
    /// # });
    /// ```
    pub fn build_indexes(&self, records: usize) -> Result<bool> {
        self.inner.indexer.step_by_hand(records)
    }

    /// Writes a checkpoint now and waits for it. Sessions go on beside it. Never needed: the
    /// database does so by itself; it shortens the next opening.
    ///
    /// Fails if the disk does, or if the database is closed or open for reading only; nothing is
    /// lost then.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// db.run(async |s| s.of::<Order>().delete(1).await).await?;
    /// db.checkpoint().await?;
    /// assert!(db.stats().checkpoints > 0);
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn checkpoint(&self) -> Result<()> {
        Ok(self.engine().checkpoint()?)
    }

    /// Writes everything to its final place and closes the database, for all clones. Sessions that
    /// are still open fail from now on. A database that is only dropped loses nothing either; it
    /// opens a little slower.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let clone = db.clone();
    /// db.close().await?;
    /// let closed = clone.session().of::<Order>().get(1).await;
    /// assert!(matches!(closed, Err(Error::SessionClosed(_))));
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "the disk is waited for here, on any executor")]
    pub async fn close(self) -> Result<()> {
        self.inner.indexer.stop();
        Ok(self.inner.engine.clone().close()?)
    }

    pub(crate) fn engine(&self) -> &Database {
        &self.inner.engine
    }

    /// Whether it is the same open database.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
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
