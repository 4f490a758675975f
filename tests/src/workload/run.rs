//! Doing a script's work on a simulated disk, and keeping account of it.

use std::{
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use sop_core::{
    Background, Commit, CommitFuture, Database, Durability, Error, Kind, Options, Result,
    SimulatedDisk, Transaction, TransactionOptions,
};

use super::{
    edit::Edit,
    left::Left,
    script::{Step, Work},
};
use crate::{Contents, assert_same, contents};

/// The database's folder.
pub(super) const FOLDER: &str = "db";

/// The store in which every transaction leaves a row, so that no two states are equal.
const DIARY: &str = "diary";

/// Work on a disk, done or under way.
#[derive(Debug)]
pub struct Run {
    disk: SimulatedDisk,
    background: Background,
    database: Option<Database>,
    /// What the database may hold: empty, and after each transaction that it may have.
    states: Vec<Contents>,
    /// The newest state that readers see.
    seen: usize,
    /// From how many calls of the disk on a state may be there after a power cut.
    possible: Vec<(u64, usize)>,
    /// From how many calls of the disk on a state, or a later one, must be there.
    promised: Vec<(u64, usize)>,
    /// The number of the next transaction.
    next: u64,
    /// Commits, and the batches that they were committed in.
    merged: (u64, u64),
    checkpoints: u64,
    /// How often a commit's fate was unknown.
    poisonings: u64,
    /// Whether no error of the disk is to be seen.
    flawless: bool,
}

impl Run {
    /// Nothing is done yet. With the background left to the script, which does nothing of it beside
    /// commits, equal scripts make equal calls; with threads, checkpoints are written beside
    /// whatever goes on. If nothing is to go wrong on the disk, or nothing that the engine may
    /// notice, the run is flawless.
    pub fn new(disk: SimulatedDisk, background: Background, flawless: bool) -> Self {
        Self {
            disk,
            background,
            database: None,
            states: vec![Contents::new()],
            seen: 0,
            possible: Vec::new(),
            promised: Vec::new(),
            next: 0,
            merged: (0, 0),
            checkpoints: 0,
            poisonings: 0,
            flawless,
        }
    }

    /// Does some work.
    ///
    /// # Panics
    /// If something fails that the disk's faults do not explain, or readers see a state that they
    /// must not.
    pub fn perform(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    /// Closes the database, if it is open.
    ///
    /// # Panics
    /// Like [`perform`](Self::perform).
    pub fn close(&mut self) {
        self.end(Database::close);
    }

    /// From now on no error of the disk is to be seen.
    pub fn demand_flawlessness(&mut self) {
        self.flawless = true;
    }

    /// The disk.
    pub fn disk(&self) -> &SimulatedDisk {
        &self.disk
    }

    /// How many transactions were merged into batches of others.
    pub fn merged(&self) -> u64 {
        self.merged.0 - self.merged.1
    }

    /// How many checkpoints were written before the last of each opening.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoints
    }

    /// How many commits ended without it being known whether they are durable.
    pub fn poisonings(&self) -> u64 {
        self.poisonings
    }

    /// What may be left if the power goes when the disk has had so many calls.
    pub fn left(&self, call: u64) -> Left<'_> {
        let newest = |notes: &[(u64, usize)], calls| {
            notes.iter().rev().find(|note| note.0 <= calls).map_or(0, |(_, state)| *state)
        };
        let first = newest(&self.promised, call);
        // What was submitted after the last call that counts has not come to the disk.
        let last = call.checked_sub(1).map_or(0, |calls| newest(&self.possible, calls));
        Left::new(&self.states, first..=last.max(first))
    }

    /// What must be left if only the process ends.
    pub fn left_by_process(&self) -> Left<'_> {
        Left::new(&self.states, self.seen..=self.states.len() - 1)
    }

    fn calls(&self) -> u64 {
        self.disk.faults().calls()
    }

    fn step(&mut self, step: &Step) {
        let Some(database) = self.open() else { return };
        let outcome = match step {
            Step::Commit(work, durability) => self.commit(&database, work, *durability),
            Step::Group(works) => self.group(&database, works),
            Step::Sync => database.sync().map(|()| self.promise(self.seen)),
            Step::Checkpoint => database.checkpoint().map(|()| self.promise(self.seen)),
            Step::Compact => database.compact().map(|()| self.promise(self.seen)),
            Step::Close | Step::Abandon => Ok(()),
        };
        if let Err(error) = outcome {
            self.explain(&error);
            self.look(&database);
        }
        drop(database);
        match step {
            Step::Close => self.close(),
            Step::Abandon => self.end(|database| {
                drop(database);
                Ok(())
            }),
            _ => {}
        }
    }

    /// The open database. If opening fails, as the disk may make it, the step is passed over.
    fn open(&mut self) -> Option<Database> {
        if self.database.is_none() {
            match open(&self.disk, self.background) {
                Ok(database) => {
                    let found = self.left_by_process().recognise(&database);
                    self.states.truncate(found + 1);
                    self.seen = found;
                    self.possible.retain(|(_, state)| *state <= found);
                    // What recovery found it has made durable.
                    self.promise(found);
                    self.database = Some(database);
                }
                Err(error) => self.explain(&error),
            }
        }
        self.database.clone()
    }

    fn end(&mut self, end: impl FnOnce(Database) -> Result<()>) {
        let Some(database) = self.database.take() else { return };
        let stats = database.stats();
        self.merged.0 += stats.commits;
        self.merged.1 += stats.batches;
        self.checkpoints += stats.checkpoints;
        match end(database) {
            // Whether closed or dropped, it has synced what there was, unless it was poisoned.
            Ok(()) if !stats.poisoned && self.flawless => self.promise(self.seen),
            Ok(()) => {}
            Err(error) => self.explain(&error),
        }
    }

    fn begin(&mut self, database: &Database, work: &Work, durability: Durability) -> Result<Begun> {
        let number = self.next;
        self.next += 1;
        let options = TransactionOptions::default().durability(durability);
        let transaction = database.begin_with(options)?;
        let note = Edit::Put { store: DIARY.to_owned(), key: number, len: 8 };
        let edits: Vec<Edit> = work.iter().cloned().chain([note]).collect();
        edits.iter().try_for_each(|edit| edit.perform(&transaction, number))?;
        Ok(Begun { transaction, edits, number })
    }

    fn promise(&mut self, state: usize) {
        self.promised.push((self.calls(), state));
    }

    fn commit(&mut self, database: &Database, work: &Work, durability: Durability) -> Result<()> {
        let Begun { transaction, edits, number } = self.begin(database, work, durability)?;
        let before = self.calls();
        let outcome = transaction.commit();
        self.committed(database, (&edits, number), before, outcome)?;
        if durability == Durability::Immediate {
            self.promise(self.seen);
        }
        Ok(())
    }

    fn group(&mut self, database: &Database, works: &[Work]) -> Result<()> {
        let begun: Result<Vec<Begun>> =
            works.iter().map(|work| self.begin(database, work, Durability::Immediate)).collect();
        let before = self.calls();
        let submit =
            |Begun { transaction, edits, number }| (edits, number, Waiting::submit(transaction));
        let waiting: Vec<_> = begun?.into_iter().map(submit).collect();
        // How commits end they are told themselves.
        while let Ok(Some(_)) = database.work() {}
        let mut result = Ok(());
        for (edits, number, waiting) in waiting {
            let outcome = self.committed(database, (&edits, number), before, waiting.wait());
            if outcome.is_ok() {
                self.promise(self.seen);
            }
            result = result.and(outcome);
        }
        result
    }

    /// Takes a transaction that was submitted when the disk had had `before` calls into account. It
    /// is there, or may be, or has left no trace.
    fn committed(
        &mut self,
        database: &Database,
        (edits, number): (&[Edit], u64),
        before: u64,
        outcome: Result<Commit>,
    ) -> Result<()> {
        if matches!(outcome, Ok(_) | Err(Error::CommitUnknown { .. })) {
            let mut after = self.states.last().cloned().unwrap_or_default();
            for edit in edits {
                edit.apply(&mut after, number);
            }
            self.states.push(after);
            self.possible.push((before, self.states.len() - 1));
        }
        match outcome {
            Ok(_) => {
                self.seen += 1;
                assert_eq!(self.seen + 1, self.states.len(), "committed after one that may be");
                Ok(())
            }
            Err(error) => {
                if matches!(error, Error::CommitUnknown { .. }) {
                    self.poisonings += 1;
                    assert_poisoned(database);
                }
                Err(error)
            }
        }
    }

    /// Readers see what was acknowledged, whatever failed.
    fn look(&self, database: &Database) {
        let found = database.snapshot().and_then(|snapshot| contents(&snapshot));
        assert_same(&found.expect("reading needs no disk"), &self.states[self.seen]);
    }

    #[track_caller]
    fn explain(&self, error: &Error) {
        assert!(!self.flawless, "nothing went wrong, but: {error:?}");
        assert!(matches!(error.kind(), Kind::Io | Kind::Full | Kind::Reopen), "{error:?}");
    }
}

/// After a write or a sync of the log failed nothing more is accepted, and the database says why.
fn assert_poisoned(database: &Database) {
    assert!(database.stats().poisoned, "a commit's fate is unknown, and others are accepted");
    let refused = database.begin().and_then(|transaction| {
        Edit::Drop { store: DIARY.to_owned() }.perform(&transaction, 0)?;
        Edit::Load { store: "refused".to_owned(), rows: 0 }.perform(&transaction, 0)?;
        transaction.commit()
    });
    assert!(matches!(refused, Err(Error::Poisoned { .. })), "{refused:?}");
}

/// Opens with a log so small that work needs new files all the time.
pub(super) fn open(disk: &SimulatedDisk, background: Background) -> Result<Database> {
    let mut options = Options::default().log_file_bytes(64 << 10).background(background);
    if background == Background::Threads {
        options = options.checkpoint_dirty_bytes(24 << 10).checkpoint_log_bytes(32 << 10);
    }
    let builder = Database::builder().options(options).disk(Arc::new(disk.clone()));
    builder.open(Path::new(FOLDER))
}

/// A transaction with its work done.
struct Begun {
    transaction: Transaction,
    edits: Vec<Edit>,
    number: u64,
}

/// A commit that was submitted.
enum Waiting {
    For(CommitFuture),
    Done(Result<Commit>),
}

impl Waiting {
    fn submit(transaction: Transaction) -> Self {
        let mut future = transaction.commit_async();
        match Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Self::Done(outcome),
            Poll::Pending => Self::For(future),
        }
    }

    fn wait(self) -> Result<Commit> {
        match self {
            Self::For(future) => pollster::block_on(future),
            Self::Done(outcome) => outcome,
        }
    }
}
