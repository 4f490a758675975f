//! Transactions and snapshots that are open, and commits that are under way.

use sop_core::{CommitFuture, Durability, Snapshot, Transaction};

use crate::{
    oracle::{End, Isolation, Report, Step, Witness},
    simulation::flight,
};

/// An open transaction.
#[derive(Debug)]
pub(in crate::simulation) struct Work {
    pub(in crate::simulation) witness: Witness<Transaction>,
    pub(in crate::simulation) terms: Terms,
    /// How many more things it is going to do.
    pub(in crate::simulation) left: u32,
    /// Whether it changes stores as a whole, which may turn out to change nothing.
    pub(in crate::simulation) concerns_stores: bool,
}

/// A snapshot that is held.
#[derive(Debug)]
pub(in crate::simulation) struct Reader {
    pub(in crate::simulation) witness: Witness<Snapshot>,
    pub(in crate::simulation) terms: Terms,
    pub(in crate::simulation) left: u32,
}

/// What a transaction began with.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulation) struct Terms {
    pub(in crate::simulation) snapshot: u64,
    pub(in crate::simulation) isolation: Isolation,
    pub(in crate::simulation) durability: Durability,
    pub(in crate::simulation) begun_after: u64,
}

impl Terms {
    pub(in crate::simulation) fn report(self, steps: Vec<Step>, end: End) -> Report {
        let Self { snapshot, isolation, begun_after, .. } = self;
        Report { snapshot, isolation, begun_after, steps, end }
    }
}

/// A commit that is submitted, or is about to be.
#[derive(Debug)]
pub(in crate::simulation) struct Submission {
    pub(in crate::simulation) terms: Terms,
    pub(in crate::simulation) steps: Vec<Step>,
    /// The key in the ledger that says whether it took effect, if it has one.
    pub(in crate::simulation) marker: Option<String>,
    /// Its number among all submissions.
    pub(in crate::simulation) order: u64,
    pub(in crate::simulation) submitted_after: u64,
}

impl Submission {
    pub(in crate::simulation) fn report(self, end: End) -> Report {
        self.terms.report(self.steps, end)
    }

    /// Whether it may change anything.
    pub(in crate::simulation) fn writes(&self) -> bool {
        !self.steps.iter().all(Step::only_reads)
    }
}

/// A commit that nobody waits for by blocking.
pub(in crate::simulation) type InFlight = flight::InFlight<CommitFuture, Submission>;
