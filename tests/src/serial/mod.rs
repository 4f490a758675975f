//! Whatever committed could have run one after another, in the order of the commits.
//!
//! Transactions that are open side by side do everything that can be done to a few stores: create,
//! open, rename, drop and load them, write to them and read them in all ways. Each answer is
//! compared at once with a model of what the transaction sees. When the transaction has committed,
//! all of it is done again to the model of what is committed, and must be answered the same: else
//! something that it read or relied on had changed, and it should have been a conflict.
//!
//! Under snapshot isolation only what changes something must be answered the same.
//!
//! Commits go out in groups without waiting, so that some become one batch; and the database is
//! reopened again and again, so that what the log says is applied too.

mod op;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use fastrand::Rng;
use sop_core::{
    Commit, CommitFuture, Database, Error, Isolation, Result, Transaction, TransactionOptions,
};

use crate::{Contents, Home, Outcome, assert_same, assert_sound, contents};
use op::{Answer, Op, Sees};

/// How many transactions are open at a time.
const OPEN_MAX: usize = 6;

/// How many commits go out at a time.
const GROUP_MAX: usize = 4;

/// Most steps of a transaction.
const STEPS_MAX: usize = 8;

/// A database and the model of what is committed.
#[derive(Debug)]
pub struct Serial {
    home: Home,
    db: Database,
    committed: Contents,
    random: Rng,
    tally: Tally,
}

/// What became of the transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many committed.
    pub committed: u64,
    /// How many of these after others that they had not seen.
    pub merged: u64,
    /// How many lost.
    pub conflicts: u64,
}

/// An open transaction, what it sees, and what it was told.
struct Open {
    transaction: Transaction,
    isolation: Isolation,
    sees: Sees,
    told: Vec<Told>,
}

/// A step and its answer.
#[derive(Debug)]
struct Told {
    op: Op,
    answer: Answer,
    /// Whether it changed something.
    changed: bool,
}

/// A commit under way.
struct Committing {
    future: CommitFuture,
    isolation: Isolation,
    told: Vec<Told>,
}

impl Serial {
    /// Creates the database.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(home: Home, random: Rng) -> Outcome<Self> {
        let db = home.open()?;
        Ok(Self { home, db, committed: Contents::new(), random, tally: Tally::default() })
    }

    /// Begins and ends so many transactions, and says what became of them.
    ///
    /// # Errors
    /// If the database fails, or a commit with anything but a conflict.
    ///
    /// # Panics
    /// If an answer is wrong, or two transactions committed that could not have run one after the
    /// other.
    pub fn transactions(mut self, transactions: usize) -> Outcome<Tally> {
        let mut open: Vec<Open> = Vec::new();
        for number in 0..transactions {
            if open.len() == OPEN_MAX {
                let ending = self.random.usize(1..=GROUP_MAX);
                self.end(&mut open, ending)?;
            }
            open.push(self.begin()?);
            for _ in 0..self.random.usize(..STEPS_MAX) {
                let any = self.random.usize(..open.len());
                open[any].step(&mut self.random)?;
            }
            if number % 50 == 0 {
                // What is open cannot outlive the database.
                self.end(&mut open, OPEN_MAX)?;
                self = self.reopen()?;
            }
        }
        self.end(&mut open, OPEN_MAX)?;
        Ok(self.reopen()?.tally)
    }

    fn begin(&mut self) -> Result<Open> {
        let isolation = [Isolation::Serializable, Isolation::Snapshot][self.random.usize(..2)];
        let options = TransactionOptions::default().isolation(isolation);
        let transaction = self.db.begin_with(options)?;
        let sees = Sees::new(self.committed.clone());
        Ok(Open { transaction, isolation, sees, told: Vec::new() })
    }

    /// Commits some of the open transactions as a group.
    fn end(&mut self, open: &mut Vec<Open>, count: usize) -> Outcome {
        let mut group = Vec::new();
        for _ in 0..count.min(open.len()) {
            let Open { transaction, isolation, told, .. } =
                open.swap_remove(self.random.usize(..open.len()));
            if self.random.u8(..10) == 0 {
                transaction.rollback();
            } else {
                let future = transaction.commit_async();
                group.push(Committing { future, isolation, told });
            }
        }
        // All are submitted before the outcome of any is waited for.
        let mut polled = Vec::new();
        for mut committing in group {
            let poll = pin!(&mut committing.future).poll(&mut Context::from_waker(Waker::noop()));
            polled.push((committing, poll));
        }
        for (Committing { future, isolation, told }, poll) in polled {
            let outcome = match poll {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => pollster::block_on(future),
            };
            self.judge(outcome, isolation, &told)?;
        }
        Ok(())
    }

    fn judge(&mut self, outcome: Result<Commit>, isolation: Isolation, told: &[Told]) -> Outcome {
        let commit = match outcome {
            Err(Error::Conflict(_)) => {
                self.tally.conflicts += 1;
                return Ok(());
            }
            other => other?,
        };
        self.tally.committed += 1;
        self.tally.merged += u64::from(commit.merged);
        // Who changed nothing stands where its snapshot does, and its answers were judged there.
        if !told.iter().any(|told| told.changed) {
            return Ok(());
        }
        let mut now = Sees::new(std::mem::take(&mut self.committed));
        for Told { op, answer, changed } in told {
            if isolation == Isolation::Serializable || *changed {
                let found = op.on_model(&mut now);
                assert!(found == *answer, "{op:?} gave {answer:?} and would now give {found:?}");
            }
        }
        self.committed = now.contents;
        Ok(())
    }

    fn reopen(mut self) -> Outcome<Self> {
        assert_same(&contents(&self.db.snapshot()?)?, &self.committed);
        if self.random.bool() {
            self.db.checkpoint()?;
        }
        let Self { home, db, committed, random, tally } = self;
        drop(db);
        let db = home.open()?;
        assert_same(&contents(&db.snapshot()?)?, &committed);
        assert_sound(&db);
        Ok(Self { home, db, committed, random, tally })
    }
}

impl Open {
    /// Of what a transaction wrote into a store that it then drops, nothing is left to be checked
    /// under snapshot isolation, so such a transaction drops none.
    fn any_op(&self, random: &mut Rng) -> Op {
        match Op::any(random) {
            Op::Drop(_) if self.isolation == Isolation::Snapshot => Op::List,
            op => op,
        }
    }

    fn step(&mut self, random: &mut Rng) -> Outcome {
        let op = self.any_op(random);
        let is_new = op.is_new_to(&self.sees);
        let expected = op.on_model(&mut self.sees);
        let answer = op.on(&self.transaction)?;
        assert_eq!(answer, expected, "{op:?}");
        let changed = is_new && op.changes(&answer);
        self.told.push(Told { op, answer, changed });
        Ok(())
    }
}
