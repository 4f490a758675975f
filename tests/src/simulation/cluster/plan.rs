//! What kind of cluster a run has: drawn first, so that seeds differ in kind and not only in detail.

use std::time::Duration;

use fastrand::Rng;
use sop_core::{Background, Mode, Options};

use crate::simulation::{
    surroundings::{pick, sometimes},
    transactions,
};

/// The knobs of a run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// How many processes there are at most times.
    pub(super) processes: usize,
    /// How many transactions are begun before everybody comes to an end.
    pub(super) transactions: u64,
    /// How many transactions a process has open at most.
    pub(super) open_max: usize,
    /// How many calls of the disk a process makes in one turn, at most.
    pub(super) stride_max: u32,
    /// Whether there is a Redis.
    pub(super) has_redis: bool,
    /// What transactions do.
    pub(super) work: transactions::Plan,
    pub(super) rates: Rates,
    /// How many microseconds pass in one turn, at most.
    pub(super) pace: u64,
    checkpoint_dirty_bytes: u64,
    slots_kept: u64,
    member_patience: Duration,
}

/// How often something happens, in parts of 1024.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// Of requests to link: those that go wrong.
    pub(super) link: u32,
    /// Of 64 times as many calls of a disk: those that fail.
    pub(super) fault: u32,
    /// Of turns: late requests arrive.
    pub(super) arrival: u32,
    /// Of 64 times as many turns: whoever has it does not get another one for long.
    pub(super) pause: u32,
    /// Of calls that name a file: those after which the process is away.
    pub(super) stall: u32,
    /// Of 64 times as many turns: processes that end in the middle of what they do.
    pub(super) kill: u32,
    /// Of 64 times as many turns, or as many if somebody is stalled: power cuts of the server, with
    /// everybody on it.
    pub(super) power: u32,
    /// Of 64 times as many steps: processes that leave, so that another one joins.
    pub(super) leave: u32,
    /// Of 64 times as many turns: changes of how well Redis is.
    pub(super) redis: u32,
    /// Of what is read and written: lists, for the checker of histories.
    pub(super) lists: u32,
    /// Of steps: what is left to the background.
    pub(super) work: u32,
    /// Of steps: checkpoints.
    pub(super) checkpoint: u32,
    /// Of steps: looks at all that is there.
    pub(super) look: u32,
    /// Of commits: those that are only prepared. In half of the runs none.
    pub(super) prepare: u32,
    /// Of steps, in those runs: prepared transactions are committed or rolled back, by whoever it is.
    pub(super) end_prepared: u32,
}

impl Plan {
    pub(super) fn draw(random: &mut Rng) -> Self {
        let mut plan = Self {
            processes: random.usize(2..=5),
            transactions: random.u64(250..351),
            open_max: pick(random, &[1, 2, 4]),
            stride_max: pick(random, &[1, 4, 20, 100]),
            has_redis: random.bool(),
            work: transactions::Plan::draw(random),
            rates: Rates {
                link: sometimes(random, 300),
                fault: sometimes(random, 100),
                arrival: random.u32(1..100),
                pause: sometimes(random, 600),
                stall: sometimes(random, 60),
                kill: sometimes(random, 300),
                power: sometimes(random, 60),
                leave: sometimes(random, 300),
                redis: random.u32(100..2_000),
                lists: random.u32(100..700),
                work: sometimes(random, 100),
                checkpoint: random.u32(1..60),
                look: random.u32(1..60),
                prepare: 0,
                end_prepared: 0,
            },
            pace: pick(random, &[2_000, 2_000, 20_000, 500_000]),
            checkpoint_dirty_bytes: pick(random, &[8 << 10, 32 << 10, 1 << 20]),
            slots_kept: pick(random, &[0, 1, 8, 64]),
            member_patience: Duration::from_secs(pick(random, &[20, 20, 60])),
        };
        // From numbers of its own, so that runs without it stay what they are.
        let mut apart = Rng::with_seed(random.clone().u64(..));
        if apart.bool() {
            plan.rates.prepare = apart.u32(20..150);
            plan.rates.end_prepared = apart.u32(10..100);
        }
        plan
    }

    pub(super) fn options(&self) -> Options {
        Options::default()
            .mode(Mode::Shared)
            .background(Background::Manual)
            .checkpoint_dirty_bytes(self.checkpoint_dirty_bytes)
            .shared_slots_kept(self.slots_kept)
            .member_patience(self.member_patience)
    }
}
