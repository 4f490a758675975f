//! The work, as data: equal for an equal seed.

use std::time::Duration;

use fastrand::Rng;
use sop_core::Durability;

use super::edit::Edit;
use crate::Seed;

/// What one transaction does.
pub type Work = Vec<Edit>;

/// Something that is done with an open database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// One transaction, and how durable it is to be.
    Commit(Work, Durability),
    /// Transactions that are all submitted before any is waited for.
    Group(Vec<Work>),
    /// Makes everything durable.
    Sync,
    /// Writes a checkpoint.
    Checkpoint,
    /// Rewrites segments.
    Compact,
    /// Closes the database, and opens it again.
    Close,
    /// Drops the database, and opens it again.
    Abandon,
}

/// Steps, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// All of them.
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy)]
enum Kind {
    Small,
    Large,
    Eventual,
    Interval,
    Group,
    Load,
    Drop,
    Fill,
    Sync,
    Checkpoint,
    Compact,
    Close,
    Abandon,
}

/// Everything happens, and before and after everything else if this is repeated a few times.
const ROUND: [Kind; 27] = [
    Kind::Small,
    Kind::Group,
    Kind::Load,
    Kind::Eventual,
    Kind::Eventual,
    Kind::Large,
    Kind::Checkpoint,
    Kind::Fill,
    Kind::Fill,
    Kind::Group,
    Kind::Eventual,
    Kind::Sync,
    Kind::Small,
    Kind::Drop,
    Kind::Close,
    Kind::Interval,
    Kind::Group,
    Kind::Checkpoint,
    Kind::Small,
    Kind::Fill,
    Kind::Large,
    Kind::Compact,
    Kind::Interval,
    Kind::Small,
    Kind::Eventual,
    Kind::Abandon,
    Kind::Fill,
];

/// Stores whose rows come and go.
const STORES: [&str; 3] = ["small", "middle", "large"];

/// How many keys each of them can have.
const KEYS: u64 = 60;

/// How many transactions a group has at most.
const GROUP_MAX: u64 = 4;

impl Script {
    /// As long as this many rounds, in each of which everything happens that can.
    pub fn new(rounds: u64, seed: Seed) -> Self {
        let mut random = seed.stream(0);
        let steps = (0..rounds)
            .flat_map(|round| ROUND.map(|kind| (round, kind)))
            .map(|(round, kind)| step(kind, round, &mut random));
        Self { steps: steps.collect() }
    }
}

fn step(kind: Kind, round: u64, random: &mut Rng) -> Step {
    let bulk = |round: u64| format!("bulk {}", round % 4);
    match kind {
        Kind::Small => Step::Commit(changes(random, 0), Durability::Immediate),
        Kind::Large => Step::Commit(large(random), Durability::Immediate),
        Kind::Eventual => Step::Commit(changes(random, 0), Durability::Eventual),
        Kind::Interval => {
            // No clock comes that far during a test: what makes it durable is the next sync.
            let hour = Duration::from_secs(3_600);
            Step::Commit(changes(random, 0), Durability::Interval(hour))
        }
        Kind::Group => {
            let members = random.u64(2..=GROUP_MAX);
            Step::Group((1..=members).map(|member| changes(random, member)).collect())
        }
        Kind::Load => {
            let rows = random.u64(1..100);
            Step::Commit(vec![Edit::Load { store: bulk(round), rows }], Durability::Immediate)
        }
        Kind::Drop => {
            // An index that was dropped is filled again from the first row.
            let dropped = [bulk(round + 2), "index".to_owned(), "progress".to_owned()];
            let drop = |store| Edit::Drop { store };
            let count = if round.is_multiple_of(2) { 1 } else { 3 };
            Step::Commit(dropped.into_iter().take(count).map(drop).collect(), Durability::Immediate)
        }
        Kind::Fill => {
            let (from, to) = ("small".to_owned(), "index".to_owned());
            let rows = random.usize(5..15);
            Step::Commit(vec![Edit::Fill { from, to, rows }], Durability::Immediate)
        }
        Kind::Sync => Step::Sync,
        Kind::Checkpoint => Step::Checkpoint,
        Kind::Compact => Step::Compact,
        Kind::Close => Step::Close,
        Kind::Abandon => Step::Abandon,
    }
}

/// A few puts and removals. Different members of a group have different keys.
fn changes(random: &mut Rng, member: u64) -> Work {
    (0..random.usize(1..6))
        .map(|_| {
            let store = STORES[random.usize(..STORES.len())].to_owned();
            let key = random.u64(..KEYS / (GROUP_MAX + 1)) * (GROUP_MAX + 1) + member;
            // A removal that finds no store would be in the way of those who create it.
            match random.u8(..4) {
                0 if member == 0 => Edit::Remove { store, key },
                _ => Edit::Put { store, key, len: random.usize(..200) },
            }
        })
        .collect()
}

/// Values that have places of their own, and more of them than a log file has room for.
fn large(random: &mut Rng) -> Work {
    let put = |_| {
        let (key, len) = (random.u64(..8), random.usize(3_000..20_000));
        Edit::Put { store: "large".to_owned(), key, len }
    };
    (0..3).map(put).collect()
}
