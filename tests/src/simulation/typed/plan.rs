//! What kind of work the sessions of a run do: drawn first, so that seeds differ in kind and not
//! only in detail.

use fastrand::Rng;
use sop_orm::{Durability, Isolation, TransactionOptions};

use crate::simulation::surroundings::{happens, pick, sometimes};

/// The knobs of the work.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) sessions: usize,
    /// How many different keys there are in a store.
    numbers: u32,
    /// How many different values there are of which no two records may have one.
    pub(super) codes: u32,
    labels: u16,
    pub(super) tags: u8,
    /// Of three changes: those of pages.
    pub(super) pages: u8,
    /// Of eight upheavals: those that delete, and those that exchange.
    pub(super) deletions: u8,
    pub(super) exchanges: u8,
    /// From how many vectors on a partition gets cells.
    pub(super) cells_from: u64,
    /// How many things a session does at most.
    pub(super) operations_max: u32,
    pub(super) rates: Rates,
}

/// How often something is done, in parts of 1024.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    /// Of sessions: those that only need to be isolated from others' writes to what they write.
    snapshot_isolation: u32,
    /// Of sessions: those acknowledged before they are durable.
    lazy: u32,
    /// Of commits: those that nobody waits for at once.
    pub(super) unattended: u32,
    /// Of sessions: those that are given up.
    pub(super) rollback: u32,
    /// Of operations: parts that may be taken back.
    pub(super) attempt: u32,
    /// Of operations: questions.
    pub(super) question: u32,
    /// Of changes: those that are no edits.
    pub(super) upheaval: u32,
    /// Of changes: those of the counter that counts everything.
    pub(super) total: u32,
    /// Of steps: pieces of new indexes.
    pub(super) build: u32,
    /// Of openings: those by the late version of the program.
    pub(super) late: u32,
}

impl Plan {
    pub(super) fn draw(random: &mut Rng) -> Self {
        let numbers = pick(random, &[3, 6, 12, 30, 100]);
        Self {
            sessions: pick(random, &[2, 3, 4, 8, 12]),
            numbers,
            codes: numbers * pick(random, &[2, 8]),
            labels: pick(random, &[8, 40, 2_000]),
            tags: pick(random, &[3, 8]),
            pages: pick(random, &[1, 2]),
            deletions: pick(random, &[1, 1, 2]),
            exchanges: pick(random, &[1, 3, 5]),
            cells_from: pick(random, &[u64::MAX, u64::MAX, 2, 4, 12]),
            operations_max: pick(random, &[1, 2, 4, 8]),
            rates: Rates {
                snapshot_isolation: sometimes(random, 1_024),
                lazy: sometimes(random, 1_024),
                unattended: sometimes(random, 1_024),
                rollback: random.u32(..100),
                attempt: pick(random, &[0, 60, 250]),
                question: pick(random, &[0, 100, 400]),
                upheaval: pick(random, &[60, 200, 500]),
                total: random.u32(..200),
                build: random.u32(10..200),
                late: pick(random, &[0, 500, 800, 1_024]),
            },
        }
    }

    /// Whether codes of vectors may be moved.
    pub(super) fn has_cells(&self) -> bool {
        self.cells_from < u64::MAX
    }

    pub(super) fn any_number(&self, random: &mut Rng) -> u32 {
        // Uneven, so that some records are in everybody's way and most are not.
        random.u32(..self.numbers).min(random.u32(..self.numbers))
    }

    /// A label that is not the one of the counter of everything.
    pub(super) fn any_label(&self, random: &mut Rng) -> u16 {
        random.u16(1..=self.labels)
    }

    /// A session's isolation and durability.
    pub(super) fn session(&self, random: &mut Rng) -> TransactionOptions {
        let is_lazy = happens(random, self.rates.lazy);
        let is_loose = happens(random, self.rates.snapshot_isolation);
        TransactionOptions::default()
            .isolation(if is_loose { Isolation::Snapshot } else { Isolation::Serializable })
            .durability(if is_lazy { Durability::Eventual } else { Durability::Immediate })
    }
}
