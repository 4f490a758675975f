//! Completing new indexes and clearing removed ones while sessions go on.
//!
//! The work is cut into steps of one bounded transaction each, which are the same for everybody who
//! takes them: opening takes those of small stores, a thread takes the rest. The thread is started
//! when there is something to do and ends when there is no more. Who waits is woken, whatever the
//! executor.

use std::{
    collections::BTreeSet,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;
use sop_core::{Database, Durability, TransactionOptions};

use super::{
    readiness::{IndexFault, IndexProgress, IndexState},
    registry::{OpenIndex, OpenStore, Registry},
};
use crate::{
    error::{Error, Result},
    schema::{
        backfill::{self, Refused},
        open::{DROPPED, DROPPED_AT_ONCE},
    },
    vector::cells::settle,
};

/// Who fills new indexes; see [`DbBuilder::index_building`](crate::DbBuilder::index_building).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::IndexBuilding;
///
/// let builder = Db::builder().store::<Order>().index_building(IndexBuilding::ByHand);
/// # let db = earlier(&[10, 20, 30], builder).await?;
/// // In a quiet hour:
/// while db.build_indexes(1_000)? {}
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexBuilding {
    /// A thread of the database, from its opening on.
    #[default]
    Background,
    /// Nobody but the caller of [`Db::build_indexes`](crate::Db::build_indexes): for tests that
    /// want to decide what happens in which order, and for programs that wait for a quiet hour.
    ByHand,
}

/// Most records in one transaction.
const BATCH_LEN: usize = 2_048;

/// Most codes that are moved into cells in one.
const SETTLED_LEN: usize = 512;

/// Completes indexes.
pub(crate) struct Indexer {
    engine: Database,
    registry: Arc<Registry>,
    building: IndexBuilding,
    /// From how many vectors on partitions get cells.
    cells_from: u64,
    stop: AtomicBool,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    thread: Option<JoinHandle<()>>,
    running: bool,
    waiting: Vec<Waker>,
    /// Partitions of vectors that have grown, with the positions of store and index.
    crowded: BTreeSet<Crowd>,
    /// Whether it was looked for such that had grown before the database was opened.
    surveyed: bool,
}

/// A partition of an index of vectors.
type Crowd = (usize, usize, Vec<u8>);

/// How many records are taken at once: fewer after a batch that lost against sessions.
struct Pace(usize);

/// A batch to be filled: indexes of one store that are equally far.
struct Job<'r> {
    store: &'r OpenStore,
    indexes: Vec<usize>,
    until: Vec<u8>,
}

impl Indexer {
    pub(crate) fn new(
        engine: Database,
        registry: Arc<Registry>,
        (building, cells_from): (IndexBuilding, u64),
    ) -> Arc<Self> {
        let (stop, shared) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { engine, registry, building, cells_from, stop, shared })
    }

    /// Fills, right here, the indexes that have at most so many records to go through.
    pub(crate) fn fill_small(&self, records: u64) {
        let mut pace = Pace(BATCH_LEN);
        let small = |index: &OpenIndex| {
            let progress = index.readiness.progress();
            let done = progress.filling.map_or(0, |filling| filling.records);
            progress.total - done.min(progress.total) <= records
        };
        while let Some(job) = self.next_job(small) {
            self.fill(&job, &mut pace);
        }
    }

    /// Starts the thread if there is something to do.
    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        let mut shared = self.shared.lock();
        let is_asked = |shared: &Shared| -> Result<bool> {
            let is_building = self.next_job(|_| true).is_some() || self.next_dropped()?.is_some();
            Ok(is_building || self.has_crowds(shared))
        };
        if shared.running || self.building == IndexBuilding::ByHand || !is_asked(&shared)? {
            return Ok(());
        }
        let this = Arc::clone(self);
        let started = thread::Builder::new().name("sop-index".to_owned());
        let started = started.spawn(move || this.serve());
        let started = started.map_err(|error| {
            Error::Invalid(format!("no thread can be had to fill indexes: {error}").into())
        })?;
        shared.running = true;
        // The one before has ended, or is about to.
        shared.thread = Some(started);
        Ok(())
    }

    /// Ends the thread, after the batch that it is at, and waits for that.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.shared.lock().thread.take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that fills indexes panicked, which is a fault in it");
        }
    }

    fn serve(&self) {
        let mut pace = Pace(BATCH_LEN);
        loop {
            while !self.stop.load(Ordering::Relaxed) {
                match self.step(&mut pace) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, "work on indexes is left until the next opening");
                        break;
                    }
                }
            }
            let mut shared = self.shared.lock();
            // What was resumed since the last step must not be left lying.
            let idle = || self.next_job(|_| true).is_none() && shared.crowded.is_empty();
            if self.stop.load(Ordering::Relaxed) || idle() {
                shared.running = false;
                drop(shared);
                return self.wake();
            }
        }
    }

    fn has_work(&self) -> Result<bool> {
        let is_asked = self.next_job(|_| true).is_some() || self.next_dropped()?.is_some();
        Ok(is_asked || self.has_crowds(&self.shared.lock()))
    }

    /// Does one bounded piece of work; whether there was one.
    fn step(&self, pace: &mut Pace) -> Result<bool> {
        if let Some(job) = self.next_job(|_| true) {
            self.fill(&job, pace);
            return Ok(true);
        }
        if self.clear_some(pace.0)? {
            return Ok(true);
        }
        self.settle_some(pace)
    }

    fn has_crowds(&self, shared: &Shared) -> bool {
        let has_cells = |(_, index): (&OpenStore, &OpenIndex)| index.cells.is_some();
        !shared.crowded.is_empty() || (!shared.surveyed && self.registry.indexes().any(has_cells))
    }

    /// Notes partitions that sessions have written to, if there is something to do in them.
    pub(crate) fn crowd(self: &Arc<Self>, written: BTreeSet<Crowd>) {
        if written.is_empty() {
            return;
        }
        let crowded = written.into_iter().filter(|crowd| self.is_crowded(crowd).unwrap_or(false));
        let crowded: Vec<Crowd> = crowded.collect();
        if crowded.is_empty() {
            return;
        }
        self.shared.lock().crowded.extend(crowded);
        if let Err(error) = self.start() {
            tracing::warn!(%error, "large partitions of vectors stay without cells");
        }
    }

    fn is_crowded(&self, (store, index, partition): &Crowd) -> Result<bool> {
        let Some(index) = self.registry.at(*store).indexes.get(*index) else { return Ok(false) };
        settle::is_crowded(&self.engine.snapshot()?, index, partition, self.cells_from)
    }

    /// Does some of what is to be done in a partition that has grown.
    fn settle_some(&self, pace: &mut Pace) -> Result<bool> {
        let Some(crowd) = self.next_crowd()? else { return Ok(false) };
        let (store, index, partition) = &crowd;
        let store = self.registry.at(*store);
        let Some(index) = store.indexes.get(*index) else { return Ok(true) };
        let len = pace.0.min(SETTLED_LEN);
        let settled =
            settle::settle(&self.engine, (store, index), partition, (self.cells_from, len));
        match settled {
            Ok(true) => *pace = Pace((pace.0 * 2).min(BATCH_LEN)),
            Ok(false) => return Ok(true),
            Err(error) if error.is_retryable() => *pace = Pace((pace.0 / 2).max(1)),
            Err(error) => return Err(error),
        }
        self.shared.lock().crowded.insert(crowd);
        Ok(true)
    }

    /// The next partition that has grown. At first all are looked at.
    fn next_crowd(&self) -> Result<Option<Crowd>> {
        if !std::mem::replace(&mut self.shared.lock().surveyed, true) {
            let found = self.survey()?;
            self.shared.lock().crowded.extend(found);
        }
        Ok(self.shared.lock().crowded.pop_first())
    }

    /// All partitions in which there is something to do.
    fn survey(&self) -> Result<Vec<Crowd>> {
        let mut found = Vec::new();
        let state = self.engine.snapshot()?;
        for store in self.registry.stores() {
            for (at, index) in store.indexes.iter().enumerate() {
                if index.cells.is_none() || index.readiness.is_building() {
                    continue;
                }
                let partitions = settle::partitions(&state, store, index)?.into_iter();
                found.extend(partitions.map(|partition| (store.position, at, partition)));
            }
        }
        found.retain(|crowd| self.is_crowded(crowd).unwrap_or(false));
        Ok(found)
    }

    /// As [`step`](Self::step), for callers of their own.
    pub(crate) fn step_by_hand(&self, records: usize) -> Result<bool> {
        self.step(&mut Pace(records.clamp(1, BATCH_LEN)))?;
        self.has_work()
    }

    /// The indexes of the first store with unfinished ones that are the least far.
    fn next_job(&self, wanted: impl Fn(&OpenIndex) -> bool) -> Option<Job<'_>> {
        self.registry.stores().iter().find_map(|store| {
            let building = store.indexes.iter().enumerate().filter_map(|(at, index)| {
                let is_wanted = index.readiness.is_building() && wanted(index);
                is_wanted.then(|| (at, index.readiness.progress()))
            });
            let building: Vec<_> = building.collect();
            let least = building.iter().filter_map(|(_, progress)| progress.filling.as_ref());
            let least = least.min_by(|one, other| one.to.cmp(&other.to)).cloned();
            let (_, first) = building.iter().find(|(_, progress)| progress.filling == least)?;
            let until = first.until.clone();
            let indexes = building.iter().filter(|(_, progress)| progress.filling == least);
            Some(Job { store, indexes: indexes.map(|(at, _)| *at).collect(), until })
        })
    }

    /// Fills the next batch. What goes wrong with an index is kept there.
    fn fill(&self, job: &Job<'_>, pace: &mut Pace) {
        // A panic leaves nothing behind but a transaction that is dropped.
        let done = catch_unwind(AssertUnwindSafe(|| self.fill_batch(job, pace.0)));
        match done {
            Ok(Ok(())) => pace.0 = (pace.0 * 2).min(BATCH_LEN),
            Ok(Err(Refused::Failed(error))) if error.is_retryable() => {
                tracing::debug!(len = pace.0, %error, "a batch for new indexes is done again");
                pace.0 = (pace.0 / 2).max(1);
            }
            Ok(Err(Refused::Fault(index, fault))) => self.fail(job, &[index], &fault),
            Ok(Err(Refused::Failed(error))) => {
                self.fail(job, &job.indexes, &IndexFault::Other(Box::new(error)));
            }
            Err(_) => self.fail(job, &job.indexes, &IndexFault::Panicked),
        }
    }

    fn fill_batch(&self, job: &Job<'_>, len: usize) -> Result<(), Refused> {
        // A crash may take the last batches away, with the note that they were written.
        let options = TransactionOptions::default().durability(Durability::Eventual);
        let transaction = self.engine.begin_with(options)?;
        let filling = backfill::fill(&transaction, job.store, &job.indexes, &job.until, len)?;
        let commit = transaction.commit()?;
        if filling.is_none() {
            self.engine.sync()?;
        }
        for index in job.indexes.iter().filter_map(|at| job.store.indexes.get(*at)) {
            index.readiness.filled(filling.clone(), commit.position);
        }
        if filling.is_none() {
            self.wake();
        }
        Ok(())
    }

    fn fail(&self, job: &Job<'_>, indexes: &[usize], fault: &IndexFault) {
        for index in indexes.iter().filter_map(|at| job.store.indexes.get(*at)) {
            let (store, name) = (job.store.schema.store, index.spec.name);
            tracing::warn!(store, index = name, %fault, "an index cannot be completed");
            index.readiness.fail(fault.clone());
        }
        self.wake();
    }

    fn wake(&self) {
        let waiting = std::mem::take(&mut self.shared.lock().waiting);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The name of a removed index's store.
    fn next_dropped(&self) -> Result<Option<String>> {
        let stores = self.engine.snapshot()?.stores()?;
        Ok(stores.into_iter().map(|store| store.name).find(|name| name.starts_with(DROPPED)))
    }

    /// Removes some entries of a removed index, and the store with the last ones.
    fn clear_some(&self, len: usize) -> Result<bool> {
        let Some(name) = self.next_dropped()? else { return Ok(false) };
        let options = TransactionOptions::default().durability(Durability::Eventual);
        let transaction = self.engine.begin_with(options)?;
        let store = transaction.store(&name)?;
        if store.len()? <= DROPPED_AT_ONCE {
            transaction.drop_store(&name)?;
        } else {
            let some = store.iter()?.take(len);
            let keys: Vec<_> =
                some.map(|entry| entry.map(|(key, _)| key)).collect::<Result<_, _>>()?;
            keys.iter().try_for_each(|key| store.remove(key).map(drop))?;
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Lets what failed be tried again.
    pub(crate) fn resume(self: &Arc<Self>) -> Result<()> {
        for (_, index) in self.registry.indexes() {
            index.readiness.resume();
        }
        self.start()
    }

    pub(crate) fn progress(&self) -> Vec<IndexProgress> {
        let of = |(store, index): (&OpenStore, &OpenIndex)| {
            let progress = index.readiness.progress();
            let total = progress.total;
            let done = progress.filling.map_or(total, |filling| filling.records);
            let (store, name) = (store.schema.store, index.spec.name);
            IndexProgress { store, index: name, state: index.readiness.state(), done, total }
        };
        self.registry.indexes().map(of).collect()
    }

    /// Whether all indexes are ready, or else one of them has failed.
    pub(crate) fn poll_ready(&self, waker: &Waker) -> Poll<Result<()>> {
        if self.building == IndexBuilding::ByHand
            && let Some(job) = self.next_job(|_| true)
        {
            self.fill(&job, &mut Pace(BATCH_LEN));
            waker.wake_by_ref();
        }
        let mut shared = self.shared.lock();
        let mut unfinished = None;
        for (store, index) in self.registry.indexes() {
            let (store, name) = (store.schema.store, index.spec.name);
            match index.readiness.state() {
                IndexState::Ready => {}
                IndexState::Building => unfinished = unfinished.or(Some((store, name))),
                IndexState::Failed(fault) => {
                    return Poll::Ready(Err(Error::IndexFailed { store, index: name, fault }));
                }
            }
        }
        let Some((store, index)) = unfinished else { return Poll::Ready(Ok(())) };
        if !shared.running && self.building == IndexBuilding::Background {
            // Nobody is at work: the database is closed, or open for reading only.
            return Poll::Ready(Err(Error::IndexBuilding { store, index }));
        }
        if !shared.waiting.iter().any(|known| known.will_wake(waker)) {
            shared.waiting.push(waker.clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Indexer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexer").field("building", &self.building).finish_non_exhaustive()
    }
}
