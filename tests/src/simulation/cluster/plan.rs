//! What kind of cluster a run has: drawn first, so that seeds differ in kind and not only in detail.

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
    /// What transactions do.
    pub(super) work: transactions::Plan,
    pub(super) rates: Rates,
    /// How much time passes in one turn at most, in microseconds. Much of it makes members silent
    /// who are only slow.
    pub(super) turn_max: u64,
    checkpoint_dirty_bytes: u64,
    slots_kept: u64,
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
    /// Of 64 times as many turns: processes that end in the middle of what they do.
    pub(super) kill: u32,
    /// Of 64 times as many turns: power cuts of the server, with everybody on it.
    pub(super) power: u32,
    /// Of 64 times as many steps: processes that leave, so that another one joins.
    pub(super) leave: u32,
    /// Of steps: checkpoints.
    pub(super) checkpoint: u32,
    /// Of steps: looks at all that is there.
    pub(super) look: u32,
}

impl Plan {
    pub(super) fn draw(random: &mut Rng) -> Self {
        Self {
            processes: random.usize(2..=5),
            transactions: random.u64(200..400),
            open_max: pick(random, &[1, 2, 4]),
            stride_max: pick(random, &[1, 4, 20, 100]),
            work: transactions::Plan::draw(random),
            rates: Rates {
                link: sometimes(random, 300),
                fault: sometimes(random, 100),
                arrival: random.u32(1..100),
                pause: sometimes(random, 600),
                kill: sometimes(random, 300),
                power: sometimes(random, 60),
                leave: sometimes(random, 300),
                checkpoint: random.u32(1..60),
                look: random.u32(1..60),
            },
            checkpoint_dirty_bytes: pick(random, &[8 << 10, 32 << 10, 1 << 20]),
            slots_kept: pick(random, &[0, 1, 8, 64]),
            turn_max: pick(random, &[2_000, 50_000, 400_000]),
        }
    }

    pub(super) fn options(&self) -> Options {
        Options::default()
            .mode(Mode::Shared)
            .background(Background::Manual)
            .checkpoint_dirty_bytes(self.checkpoint_dirty_bytes)
            .shared_slots_kept(self.slots_kept)
    }
}
