//! The commit pipeline: from many drafts to one append, one sync and one new version.
//!
//! There is no committing thread. A transaction that commits puts its draft into the [`queue`];
//! the first one there *leads*: it takes all waiting drafts as one [`batch`], validates and applies
//! them in order, appends the batch to the log, syncs, publishes the version, and wakes the others.
//! While it waits for its sync the next leader already builds the next batch on the version in
//! flight; so the sync is the window in which a batch gathers, and nobody waits to gather one.
//!
//! Two locks, always taken in this order, make the two stages of the pipeline: *assembly* holds the
//! newest version that was built, *log* the log and whatever follows in order from it. A version is
//! published only after its batch is as durable as the strictest of its transactions asked.
//!
//! Where others append to the same log, what they have appended is taken in first ([`follow`]),
//! and nothing is built on a batch that is not in the log yet: it may be overtaken.
//!
//! A failed write or sync is final ([`poison`](Pipeline::poison)): what was in flight is unknown,
//! everything after is refused, reads go on from the last published version.

mod adopt;
mod attendance;
mod batch;
mod follow;
mod looks;
mod membership;
mod others;
mod pins;
mod pressure;
mod queue;
mod resolve;
mod ticket;
mod turns;
mod watch;

pub(crate) use others::Others;
pub(crate) use pressure::Thresholds;
pub use resolve::Resolution;
pub(crate) use ticket::{Settler, Submission, Ticket};
pub(crate) use turns::Turns;

use std::{sync::Arc, time::Duration};

use self::{
    batch::Batch,
    queue::{Queue, Turn},
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    guard::{self, Guard},
    id::Position,
    log::{Appended, Bookmark, History, Rim},
    node::SegmentFolder,
    sync::{
        Condvar, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
        thread,
    },
    transaction::Durability,
    version::{Accounts, Builder, Change, Footing, Published, Version},
};

/// What a commit did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// The log position of the transaction; several that were merged into one batch share it. For
    /// a transaction that wrote nothing, that of its snapshot.
    pub position: u64,
    /// Which of those that share the position it is, from 0 on. They took effect in this order,
    /// which is that of their submission. 0 for a transaction that changed nothing.
    pub index: u32,
    /// Whether others committed since the snapshot, and this one was merged with them.
    pub merged: bool,
}

/// Counts of what the pipeline did since the database was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) lost_links: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
}

/// What the pipeline asks of the background.
#[derive(Debug)]
pub(crate) enum Request {
    /// A draft waits and nobody waits with it: somebody must lead.
    Lead,
    /// Something was acknowledged that must be synced by then.
    SyncBy(Duration),
    /// Enough is dirty for a checkpoint.
    Checkpoint,
    /// Others are said to have committed something.
    Follow,
}

/// Where the pipeline's requests go. Never blocks.
pub(crate) type Requests = Box<dyn Fn(Request) + Send + Sync>;

/// Commits drafts, in order.
pub(crate) struct Pipeline {
    queue: Queue,
    assembly: Mutex<Assembly>,
    log: Mutex<LogStage>,
    published: Published,
    folder: Arc<SegmentFolder>,
    clock: Arc<dyn Clock>,
    /// Why nothing more is committed.
    refusal: OnceLock<Error>,
    pub(crate) counters: Counters,
    accounts: Mutex<Accounts>,
    dirty: AtomicI64,
    log_len: AtomicU64,
    durable: AtomicU64,
    /// What the log wants in front of each record.
    header_len: usize,
    /// The other processes, if the log is shared.
    shared: Option<Others>,
    thresholds: Thresholds,
    requests: Requests,
    /// Whether the last checkpoint failed; signalled when one has ended.
    checkpoint_failed: (Mutex<bool>, Condvar),
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// The first stage: the newest version built, published or still in flight.
#[derive(Debug)]
struct Assembly {
    newest: Arc<Version>,
}

/// The second stage.
#[derive(Debug)]
struct LogStage {
    log: Box<dyn Rim>,
    /// The checkpoint that the trees were read from or settled on.
    footing: Footing,
    /// The place of a newer checkpoint, by somebody else, that the trees do not read from yet.
    relief: Option<Bookmark>,
    /// What was made of what others have appended, until that is durable.
    unshown: Option<(Arc<Version>, Change)>,
    /// When the log was read to its end; for readers only once what was read is shown.
    read_at: Option<Duration>,
}

impl LogStage {
    /// Bytes of the log that no checkpoint has made superfluous.
    fn len(&self) -> u64 {
        self.log.bytes_since(self.relief.as_ref().unwrap_or(&self.footing.log))
    }
}

/// What a pipeline is made of.
pub(crate) struct Parts {
    pub(crate) version: Version,
    pub(crate) log: Box<dyn Rim>,
    /// The checkpoint that the version was read from.
    pub(crate) footing: Footing,
    /// The other processes, if the log is shared.
    pub(crate) shared: Option<Others>,
    pub(crate) accounts: Accounts,
    pub(crate) dirty: i64,
    pub(crate) folder: Arc<SegmentFolder>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) thresholds: Thresholds,
    pub(crate) requests: Requests,
}

impl Pipeline {
    pub(crate) fn new(parts: Parts) -> Self {
        let published = Published::new(parts.version);
        let newest = published.load();
        let stage = LogStage {
            log: parts.log,
            footing: parts.footing,
            relief: None,
            unshown: None,
            read_at: None,
        };
        let log_len = AtomicU64::new(stage.len());
        let durable = AtomicU64::new(stage.log.durable().0);
        let header_len = stage.log.header_len();
        Self {
            queue: Queue::default(),
            assembly: Mutex::new(Assembly { newest }),
            log: Mutex::new(stage),
            published,
            folder: parts.folder,
            clock: parts.clock,
            refusal: OnceLock::new(),
            counters: Counters::default(),
            accounts: Mutex::new(parts.accounts),
            dirty: AtomicI64::new(parts.dirty),
            log_len,
            durable,
            header_len,
            shared: parts.shared,
            thresholds: parts.thresholds,
            requests: parts.requests,
            checkpoint_failed: (Mutex::new(false), Condvar::new()),
        }
    }

    pub(crate) fn published(&self) -> &Published {
        &self.published
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn folder(&self) -> &Arc<SegmentFolder> {
        &self.folder
    }

    pub(crate) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock()
    }

    /// Why nothing more is committed, if so.
    pub(crate) fn refusal(&self) -> Option<Error> {
        self.refusal.get().cloned()
    }

    fn poison(&self, error: &Error) {
        if !guard::stands(Guard::Poison) {
            return;
        }
        let refusal = Error::Poisoned { reason: error.to_string() };
        if self.refusal.set(refusal).is_ok() {
            tracing::error!(%error, "no more commits are accepted");
        }
    }

    /// Waits for what is in flight and refuses everything after it.
    pub(crate) fn close(&self) {
        let assembly = self.assembly.lock();
        let stage = self.log.lock();
        // A database that was poisoned before stays so.
        let refusal = self.refusal.get_or_init(|| Error::Closed);
        for ticket in self.queue.close() {
            ticket.done(Err(refusal.clone()));
        }
        drop(stage);
        drop(assembly);
    }

    /// Commits a draft and waits for the outcome, leading the pipeline if nobody does.
    pub(crate) fn commit(&self, submission: Submission) -> Result<Commit> {
        let ticket = Ticket::for_thread();
        match self.queue.push(submission, &ticket) {
            Turn::Lead => self.lead(),
            Turn::Wait => {}
            Turn::Closed => return Err(self.refusal().unwrap_or(Error::Closed)),
        }
        loop {
            match ticket.wait() {
                Some(outcome) => return outcome,
                None => self.lead(),
            }
        }
    }

    /// Submits a draft for somebody who will not wait by blocking.
    pub(crate) fn submit(&self, submission: Submission, ticket: &Arc<Ticket>) {
        match self.queue.push_unattended(submission, ticket) {
            Turn::Lead => (self.requests)(Request::Lead),
            Turn::Wait => {}
            Turn::Closed => ticket.done(Err(self.refusal().unwrap_or(Error::Closed))),
        }
    }

    /// Takes one batch through the pipeline if the background was asked to and nobody else did it
    /// meanwhile; whether it did.
    pub(crate) fn lead_if_asked(&self) -> bool {
        let is_asked = self.queue.take_turn();
        if is_asked {
            self.lead();
        }
        is_asked
    }

    /// Takes one batch through the pipeline. Only for whoever has the turn to lead.
    fn lead(&self) {
        let fuse = Fuse { pipeline: self, unwinding: thread::panicking() };
        let turn = TurnGuard { pipeline: self };
        self.throttle();
        let (batch, position) = match &self.shared {
            Some(_) => self.lead_among_others(turn),
            None => self.lead_alone(turn),
        };
        self.counters.conflicts.fetch_add(batch.conflicts() as u64, Ordering::Relaxed);
        batch.tell(position);
        drop(fuse);
        self.request_checkpoint();
    }

    /// Takes a batch through a pipeline of two stages; and what is published then.
    fn lead_alone(&self, turn: TurnGuard<'_>) -> (Batch, Position) {
        let mut assembly = self.assembly.lock();
        let mut batch = Batch::new(Arc::clone(&assembly.newest), self.header_len, false);
        self.gather(&mut batch);
        // Waits for the sync in flight. Who came meanwhile is taken along.
        let mut stage = self.log.lock();
        self.gather(&mut batch);
        let built = self.build(&mut batch, &mut stage);
        if let Some((version, _)) = &built {
            assembly.newest = Arc::clone(version);
        }
        drop((assembly, turn));
        if let Some((version, change)) = built {
            self.append(&mut stage, &mut batch, version, change);
        }
        (batch, self.published.load().position())
    }

    /// Merges into a batch what waits to be committed.
    fn gather(&self, batch: &mut Batch) {
        while !batch.is_full() {
            let Some((submission, ticket)) = self.queue.pop() else { return };
            match self.refusal() {
                Some(error) => batch.refuse(ticket, error),
                None => batch.add(submission, ticket, &self.folder),
            }
        }
    }

    /// Ends the assembly of a batch: a version to publish, if there is one and room for its record.
    fn build(&self, batch: &mut Batch, stage: &mut LogStage) -> Option<(Arc<Version>, Change)> {
        let (version, change) = self.has_room(batch, stage).then(|| batch.finish()).flatten()?;
        Some((Arc::new(version), change))
    }

    /// Whether there is anything to append, and room for it. If not, the batch is at its end.
    fn has_room(&self, batch: &mut Batch, stage: &mut LogStage) -> bool {
        // If a tree could not be read, what was built is half changed; what it was built on is not.
        if let Some(error) = self.refusal().or(batch.broken()) {
            batch.abandon(&error);
            return false;
        }
        if batch.is_empty() {
            return false;
        }
        if guard::stands(Guard::LogReserve)
            && let Err(error) = stage.log.reserve(batch.body_len())
        {
            batch.abandon(&error);
            return false;
        }
        true
    }

    fn append(
        &self,
        stage: &mut LogStage,
        batch: &mut Batch,
        version: Arc<Version>,
        change: Change,
    ) {
        let durability = batch.durability();
        let body_len = batch.body_len();
        let result = stage.log.append(batch.record()).and_then(|appended| {
            assert!(
                matches!(appended, Appended::At(position) if position == version.position()),
                "the log and the trees are in step"
            );
            match durability {
                Durability::Immediate => stage.log.sync(),
                Durability::Interval(_) | Durability::Eventual => Ok(()),
            }
        });
        if let Err(error) = result {
            self.poison(&error);
            batch.unknown(version.position(), None, &error);
            if guard::stands(Guard::PublishDurable) {
                return;
            }
        }
        self.count(batch, body_len);
        self.publish(stage, version, change);
    }

    /// Counts a batch that is in the log, and asks for the sync that was promised.
    fn count(&self, batch: &Batch, body_len: usize) {
        self.counters.batches.fetch_add(1, Ordering::Relaxed);
        self.counters.commits.fetch_add(batch.accepted() as u64, Ordering::Relaxed);
        let waiting = batch.accepted() + self.queue.len();
        self.counters.waiting.fetch_add(waiting as u64, Ordering::Relaxed);
        self.counters.log_bytes.fetch_add(body_len as u64, Ordering::Relaxed);
        match batch.durability() {
            Durability::Immediate => {
                self.counters.syncs.fetch_add(1, Ordering::Relaxed);
            }
            Durability::Interval(within) => {
                if let Some(moment) = self.clock.now().checked_add(within) {
                    (self.requests)(Request::SyncBy(moment));
                }
            }
            Durability::Eventual => {}
        }
    }

    /// Lets readers see what others have appended, as far as it was taken in, once that is durable.
    fn show(&self, stage: &mut LogStage) -> Result<()> {
        if let Some(log) = stage.log.shared() {
            log.make_durable()?;
            self.show_durable(stage);
        }
        Ok(())
    }

    /// The same, for who knows that it is durable.
    fn show_durable(&self, stage: &mut LogStage) {
        if let Some((version, change)) = stage.unshown.take() {
            self.publish(stage, version, change);
        }
        if let (Some(others), Some(now)) = (&self.shared, stage.read_at.take()) {
            *others.verified.lock() = Some(now);
        }
    }

    /// Lets readers see a version that the log holds.
    fn publish(&self, stage: &LogStage, version: Arc<Version>, mut change: Change) {
        self.log_len.store(stage.len(), Ordering::Relaxed);
        self.durable.store(stage.log.durable().0, Ordering::Relaxed);
        self.account(version.position(), &mut change);
        self.published.publish(version, &mut change);
    }

    fn account(&self, position: Position, change: &mut Change) {
        self.dirty.fetch_add(change.dirty, Ordering::Relaxed);
        if !change.dead.is_empty() || !change.added.is_empty() {
            self.accounts.lock().note(position, change);
        }
    }

    /// Changes how the trees are stored, not what they hold, while nothing is in flight.
    pub(crate) fn rework(
        &self,
        work: &mut dyn FnMut(&mut Builder, &Version) -> Result<()>,
    ) -> Result<()> {
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        self.show(&mut stage)?;
        let base = Arc::clone(&assembly.newest);
        let mut builder = Builder::new(&base, base.position());
        // After an error what was built is half changed and left alone; the base is as it was.
        work(&mut builder, &base)?;
        let (version, mut change) = builder.finish();
        let version = Arc::new(version);
        assembly.newest = Arc::clone(&version);
        self.account(version.position(), &mut change);
        self.published.publish(version, &mut change);
        drop(stage);
        Ok(())
    }

    /// Makes everything that was acknowledged durable; gives a state that is durable then, and
    /// where the log goes on after it. Others go on committing meanwhile.
    pub(crate) fn sync(&self) -> Result<(Arc<Version>, Bookmark)> {
        let mut stage = self.log.lock();
        self.show(&mut stage)?;
        let state = (self.published.load(), stage.log.bookmark());
        if stage.log.durable() == stage.log.position() {
            return Ok(state);
        }
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        let unsynced = stage.log.unsynced()?;
        drop(stage);
        if let Some(unsynced) = unsynced {
            self.counters.syncs.fetch_add(1, Ordering::Relaxed);
            let outcome = unsynced.sync();
            let mut stage = self.log.lock();
            stage.log.synced(&unsynced, outcome).inspect_err(|error| self.poison(error))?;
            self.durable.store(stage.log.durable().0, Ordering::Relaxed);
        }
        Ok(state)
    }

    /// A checkpoint holds everything before a place: that part of the log may go.
    pub(crate) fn release_log(&self, upto: &Bookmark) -> Result<()> {
        self.log.lock().log.release(upto)
    }

    /// The checkpoint that the trees were read from or settled on.
    pub(crate) fn footing(&self) -> Footing {
        self.log.lock().footing.clone()
    }

    /// The trees are about to be settled on a checkpoint that was written, unless they were read from
    /// a newer one meanwhile.
    pub(crate) fn set_footing(&self, footing: Footing) {
        let mut stage = self.log.lock();
        if footing.number > stage.footing.number {
            (stage.footing, stage.relief) = (footing, None);
            self.log_len.store(stage.len(), Ordering::Relaxed);
        }
    }

    /// The log behind a position, to be read again; `None` if it does not reach back so far.
    pub(crate) fn history(&self, after: Position) -> Result<Option<History>> {
        self.log.lock().log.history(after)
    }

    /// Gives back the space of log files that are kept for later use.
    pub(crate) fn discard_spares(&self) -> Result<()> {
        self.log.lock().log.discard_spares()
    }

    /// The log position up to which everything is durable.
    pub(crate) fn durable(&self) -> Position {
        Position(self.durable.load(Ordering::Relaxed))
    }
}

/// Passes the turn on when a batch is assembled, also if its assembly panics.
struct TurnGuard<'a> {
    pipeline: &'a Pipeline,
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        if self.pipeline.queue.pass_turn() == Turn::Lead {
            (self.pipeline.requests)(Request::Lead);
        }
    }
}

/// Poisons the pipeline if a batch panics on its way: what is in flight is in no known state then.
struct Fuse<'a> {
    pipeline: &'a Pipeline,
    /// Whether the thread was unwinding before, from a panic that is none of ours.
    unwinding: bool,
}

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        if thread::panicking() && !self.unwinding {
            let message = "the commit pipeline panicked, which is a fault in the engine";
            self.pipeline.poison(&Error::Invalid(message.into()));
        }
    }
}
