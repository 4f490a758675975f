//! What a session is at, and commits that are under way.

use sop_core::{CommitFuture, Durability, Snapshot, Transaction};

use crate::{
    oracle::{End, Isolation, Report, Step, Witness},
    simulation::flight,
};

/// Somebody who uses a node, for one thing after another.
#[derive(Debug)]
pub(super) struct Session {
    /// The number of the node it belongs to.
    pub(super) node: usize,
    pub(super) activity: Activity,
}

/// What a session is at.
#[derive(Debug)]
pub(super) enum Activity {
    Idle,
    Writing(Box<Work>),
    Reading(Box<Reader>),
}

/// An open transaction.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) witness: Witness<Transaction>,
    pub(super) terms: Terms,
    /// How many more things it is going to do.
    pub(super) left: u32,
    /// Whether it changes stores as a whole, which may turn out to change nothing.
    pub(super) concerns_stores: bool,
}

/// A snapshot that is held.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) witness: Witness<Snapshot>,
    pub(super) terms: Terms,
    pub(super) left: u32,
}

/// What a transaction began with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) snapshot: u64,
    pub(super) isolation: Isolation,
    pub(super) durability: Durability,
    pub(super) begun_after: u64,
}

impl Terms {
    pub(super) fn report(self, steps: Vec<Step>, end: End) -> Report {
        let Self { snapshot, isolation, begun_after, .. } = self;
        Report { snapshot, isolation, begun_after, steps, end }
    }
}

/// A commit that is submitted, or is about to be.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) terms: Terms,
    pub(super) steps: Vec<Step>,
    /// The key in the ledger that says whether it took effect, if it has one.
    pub(super) marker: Option<String>,
    /// Its number among all submissions.
    pub(super) order: u64,
    pub(super) submitted_after: u64,
}

impl Submission {
    pub(super) fn report(self, end: End) -> Report {
        self.terms.report(self.steps, end)
    }

    /// Whether it may change anything.
    pub(super) fn writes(&self) -> bool {
        !self.steps.iter().all(Step::only_reads)
    }
}

/// A commit that nobody waits for by blocking.
pub(super) type InFlight = flight::InFlight<CommitFuture, Submission>;
