//! The database as users hold it: the parts wired together, and who works behind them.

mod backup;
mod builder;
mod changes;
mod duties;
mod ended;
mod folder;
mod ground;
mod identity;
mod mirror;
mod options;
mod prepared;
mod probe;
mod restore;
mod sharing;
mod stats;
#[cfg(test)]
mod tests;
mod transaction;
mod worker;

pub(crate) use ended::Ended;
pub(crate) use identity::DatabaseId;

pub use builder::Builder;
pub use duties::Work;
pub use mirror::ScrubReport;
pub use options::{Background, Mode, Options};
pub use prepared::{Prepared, PreparedInfo};
pub use stats::{CheckReport, Stats};
pub use transaction::{CommitFuture, Snapshot, Transaction};

use std::{
    future::poll_fn,
    path::{Path, PathBuf},
    sync::Arc,
    task::Poll,
};

use self::worker::Workers;
use crate::{
    checkpoint::{Checkpointer, Sparse, rewrite},
    commit::{Pipeline, Resolution},
    coordinate::Health,
    disk::Lock,
    error::{Error, Result},
    id::{CommitId, Position},
    recovery::{RecoveryReport, Site},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    transaction::{Draft, Freshness, TransactionOptions, View},
    version::{Published, Version},
};

/// An open database: a folder of files, read and written through transactions.
///
/// Cheap to clone; clones are the same database. Dropping the last one, and the last transaction,
/// stops its threads; everything acknowledged as durable is on the disk then, as it always is.
/// [`close`](Self::close) also writes a checkpoint, which makes the next opening faster.
///
/// ```
/// use sop_core::{Database, StoreOptions};
///
/// # fn main() -> sop_core::Result<()> {
/// # let folder = tempfile::tempdir().expect("a temporary folder");
/// # let path = folder.path().join("db");
/// let db = Database::open(path)?;
/// let tx = db.begin()?;
/// let people = tx.open_store("people", &StoreOptions::default())?;
/// people.add("ann", "Ann, of course")?;
/// tx.commit()?;
///
/// let now = db.snapshot()?;
/// assert_eq!(now.store("people")?.find("ann")?.as_deref(), Some(&b"Ann, of course"[..]));
/// # db.close()
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Database {
    shared: Arc<Shared>,
}

/// What all handles share. The last one to go stops the threads.
#[derive(Debug)]
struct Shared {
    core: Arc<Core>,
    workers: Option<Workers>,
}

/// What handles and threads share.
#[derive(Debug)]
struct Core {
    path: PathBuf,
    site: Site,
    /// Its files are in memory that nobody else has.
    ephemeral: bool,
    engine: Engine,
    report: RecoveryReport,
    closed: AtomicBool,
    counters: Counters,
    ended: Mutex<Vec<Ended>>,
    /// The two folders it is in, if it is in two.
    mirror: Option<mirror::Handle>,
    /// Held until the database is closed.
    lock: Mutex<Option<Box<dyn Lock>>>,
}

/// What can be done with the folder.
#[derive(Debug)]
enum Engine {
    ReadWrite {
        pipeline: Arc<Pipeline>,
        checkpointer: Mutex<Checkpointer>,
    },
    /// The newest checkpoint, and no log.
    NoCheck(Published),
}

#[derive(Debug, Default)]
struct Counters {
    checkpoints: AtomicU64,
    failed_checkpoints: AtomicU64,
}

impl Core {
    fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(Error::Closed) } else { Ok(()) }
    }

    fn pipeline(&self) -> Result<&Arc<Pipeline>> {
        self.check_open()?;
        match &self.engine {
            Engine::ReadWrite { pipeline, .. } => Ok(pipeline),
            Engine::NoCheck(_) => Err(Error::ReadOnly),
        }
    }

    fn published(&self) -> &Published {
        match &self.engine {
            Engine::ReadWrite { pipeline, .. } => pipeline.published(),
            Engine::NoCheck(published) => published,
        }
    }

    fn load(&self) -> Result<Arc<Version>> {
        self.check_open()?;
        Ok(self.published().load())
    }

    /// Writes a checkpoint, and others as long as that empties sparse segments and makes the files
    /// smaller.
    fn checkpoint(&self, sparse: Option<Sparse>) -> Result<()> {
        let Engine::ReadWrite { pipeline, checkpointer } = &self.engine else {
            return Err(Error::ReadOnly);
        };
        let mut checkpointer = checkpointer.lock();
        // Also said by a database that was closed while this waited for its turn.
        if let Some(error) = pipeline.refusal() {
            return Err(error);
        }
        let mut len_before = u64::MAX;
        loop {
            self.checkpoint_once(pipeline, &mut checkpointer)?;
            let len = pipeline.accounts().now().values().map(|segment| segment.len).sum();
            let Some(sparse) = sparse.filter(|_| len < len_before) else { return Ok(()) };
            len_before = len;
            if rewrite(&**pipeline, sparse)? == 0 {
                return Ok(());
            }
        }
    }

    fn checkpoint_once(&self, pipeline: &Pipeline, checkpointer: &mut Checkpointer) -> Result<()> {
        let result = checkpointer.run(pipeline);
        pipeline.checkpoint_ended(result.is_err());
        match &result {
            Ok(true) => {
                self.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
            }
            Ok(false) => {}
            Err(_) => {
                self.counters.failed_checkpoints.fetch_add(1, Ordering::Relaxed);
            }
        }
        result.map(drop)
    }
}

impl Database {
    /// Opens the database in a folder, or creates it there if the folder is missing or empty.
    ///
    /// Fails with [`Error::InUse`] if another handle or process has it open, with
    /// [`Error::NotADatabase`] if the folder holds something else, and with [`Error::Corrupt`] if
    /// its files are damaged other than by a crash, which is always recovered from. Costs reading
    /// the log since the last checkpoint.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Builder::new().open(path)
    }

    /// Opens a database with options, or on another disk.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Begins a transaction: serializable, and durable when its commit returns.
    ///
    /// Costs a few pointers; it neither waits for others nor keeps them waiting. In a folder that many
    /// processes share it sees the state as of now; see [`Freshness`].
    pub fn begin(&self) -> Result<Transaction> {
        self.begin_with(TransactionOptions::default())
    }

    /// Begins a transaction with options.
    pub fn begin_with(&self, options: TransactionOptions) -> Result<Transaction> {
        self.shared.core.pipeline()?.freshen(options.freshness)?;
        let version = self.shared.core.load()?;
        let view = View::with_draft(version, Draft::new(options.isolation));
        Ok(Transaction::new(Arc::clone(&self.shared), view, options.durability))
    }

    /// The newest committed state, for reading. Never blocks, never fails at the end, and stays as
    /// it is for as long as it is held; what it sees takes memory and disk space meanwhile.
    ///
    /// In a folder that many processes share it is the newest state that this process knows,
    /// [`Freshness::Local`], as whoever only reads seldom needs more and should go on while the
    /// folder does not answer. There a state that is held while very many checkpoints are written
    /// ends with [`Error::SnapshotTooOld`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.snapshot_with(Freshness::Local)
    }

    /// A committed state that is so new, for reading.
    ///
    /// ```
    /// # use sop_core::{Database, Error, Freshness};
    /// # use std::time::Duration;
    /// # let db = Database::builder().in_memory()?;
    /// let recent = db.snapshot_with(Freshness::Bounded(Duration::from_millis(50)))?;
    /// assert_eq!(recent.stores()?.len(), 0);
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// Fails if it has to look at a folder that cannot be read now.
    pub fn snapshot_with(&self, freshness: Freshness) -> Result<Snapshot> {
        let core = &self.shared.core;
        if let Engine::ReadWrite { pipeline, .. } = &core.engine {
            core.check_open()?;
            pipeline.freshen(freshness)?;
        }
        Ok(Snapshot::new(View::snapshot(core.load()?)))
    }

    /// Waits until something is committed after a log position, such as that of a
    /// [`Snapshot`]: by anybody, and visible to new snapshots. On any executor.
    ///
    /// Fails with [`Error::Closed`] once the database is closed.
    pub async fn changed_after(&self, position: u64) -> Result<()> {
        let core = &self.shared.core;
        poll_fn(|context| {
            let newer = core.published().poll_newer(Position(position), context);
            // Asked second: a database closed in between wakes whoever waits by then.
            core.check_open().map_or_else(|closed| Poll::Ready(Err(closed)), |()| newer.map(Ok))
        })
        .await
    }

    /// Takes in what other processes have committed by now to a folder that is opened with
    /// [`Mode::Shared`], so that new snapshots show it; [`begin`](Self::begin) does so by itself,
    /// unless its [`Freshness`] says otherwise.
    /// Nothing to do in any other folder.
    ///
    /// Costs a look at the folder, and reading what is new. Fails if the folder cannot be read now,
    /// and with [`Error::Corrupt`] if something in it is damaged.
    pub fn follow(&self) -> Result<()> {
        self.shared.core.pipeline()?.follow()
    }

    /// What became of a commit of a folder that many processes share, whose outcome was left open by
    /// [`Error::CommitUnknown`]: whoever was to commit it, be it this process or one that is not
    /// there any more.
    ///
    /// The answer is exact, and stays what it is: after [`Resolution::NotCommitted`] the same work can
    /// be done again without its being done twice. For that a batch of nothing is appended where the
    /// commit may still be about to take effect.
    ///
    /// ```
    /// use sop_core::{Database, Error, Resolution, Result, Transaction};
    ///
    /// /// Whether the work was done, be it that the file system failed in between.
    /// fn commit(db: &Database, transaction: Transaction) -> Result<bool> {
    ///     let error = match transaction.commit() {
    ///         Ok(_) => return Ok(true),
    ///         Err(error) => error,
    ///     };
    ///     let Some(commit) = error.unknown_commit() else { return Err(error) };
    ///     Ok(matches!(db.resolve(&commit)?, Resolution::Committed { .. }))
    /// }
    /// # let db = Database::builder().in_memory()?;
    /// # assert!(commit(&db, db.begin()?)?);
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// Fails if the folder cannot be read or written now, and then can be tried again. Fails with
    /// [`Error::Invalid`] for a commit of another database, and in a folder of one process: that is
    /// reopened to see, as [`Error::CommitUnknown`] says.
    pub fn resolve(&self, commit: &CommitId) -> Result<Resolution> {
        self.shared.core.pipeline()?.resolve(commit)
    }

    /// Whether the coordination works that the database was opened with, see
    /// [`Builder::coordination`]; [`Health::Off`] if there is none.
    pub fn coordination(&self) -> Result<Health> {
        Ok(self.shared.core.pipeline()?.coordination())
    }

    /// Makes everything committed so far durable, also what was committed with a lesser
    /// [`Durability`](crate::Durability).
    pub fn sync(&self) -> Result<()> {
        self.shared.core.pipeline()?.sync().map(drop)
    }

    /// Writes a checkpoint now, beside whatever goes on, and waits for it.
    ///
    /// Never needed: the database does so by itself. It shortens the next opening.
    pub fn checkpoint(&self) -> Result<()> {
        self.shared.core.check_open()?;
        self.shared.core.checkpoint(None)
    }

    /// Rewrites what is sparse until the files hold little more than what is live, and removes log
    /// files that were kept for later use.
    ///
    /// Never needed: the database gives back most of the space by itself. Costs reading and
    /// writing the live part of the files that it rewrites.
    pub fn compact(&self) -> Result<()> {
        self.shared.core.check_open()?;
        self.shared.core.checkpoint(Some(Sparse::THOROUGH))?;
        self.shared.core.pipeline()?.discard_spares()
    }

    /// What was found when the database was opened.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.shared.core.report
    }

    /// The database's folder.
    pub fn path(&self) -> &Path {
        &self.shared.core.path
    }

    /// Writes a last checkpoint and lets go of the folder. Other handles and transactions are of no
    /// more use: their calls fail with [`Error::Closed`]. Snapshots stay readable.
    ///
    /// If the last checkpoint fails, the database is closed all the same; nothing is lost.
    pub fn close(self) -> Result<()> {
        self.shared.core.close(self.shared.workers.as_ref())
    }
}

impl Core {
    fn close(&self, workers: Option<&Workers>) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Err(Error::Closed);
        }
        if let Some(workers) = workers {
            workers.stop(self);
        }
        self.published().wake();
        let result = match &self.engine {
            Engine::ReadWrite { pipeline, checkpointer } => {
                let mut checkpointer = checkpointer.lock();
                let result = match pipeline.refusal() {
                    None => self.checkpoint_once(pipeline, &mut checkpointer),
                    Some(error) => Err(error),
                };
                leave(pipeline);
                pipeline.close();
                pipeline.folder().close();
                result
            }
            Engine::NoCheck(_) => Ok(()),
        };
        *self.lock.lock() = None;
        result
    }
}

/// Tells the others that this process is gone. If that fails, they will notice.
fn leave(pipeline: &Pipeline) {
    if let Err(error) = pipeline.leave() {
        tracing::debug!(%error, "left without a word");
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(workers) = &self.workers {
            workers.stop(&self.core);
        }
        let Engine::ReadWrite { pipeline, .. } = &self.core.engine else { return };
        if self.core.closed.load(Ordering::Acquire) {
            return;
        }
        if pipeline.refusal().is_none()
            && let Err(error) = pipeline.sync()
        {
            tracing::error!(%error, "the last commits of a dropped database may be lost");
        }
        leave(pipeline);
        pipeline.folder().close();
    }
}
