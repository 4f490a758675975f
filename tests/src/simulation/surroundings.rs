//! What happens around the sessions of a run: drawn before it, so that seeds differ in kind and not
//! only in detail.

use fastrand::Rng;
use sop_core::{Background, Options};

/// How long a run is, and what happens beside its sessions.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// How many steps it takes.
    pub(super) steps: u64,
    pub(super) rates: Rates,
    checkpoint_dirty_bytes: u64,
    checkpoint_log_bytes: u64,
}

/// How often something is done, in parts of 1024.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    /// Of steps: the background's work.
    pub(super) work: u32,
    /// Of steps: checkpoints and the like that nobody waited for.
    pub(super) maintenance: u32,
    /// Of 64 times as many steps: ends of the database's life.
    pub(super) ending: u32,
    /// Of 64 times as many steps: calls of the disk that will fail.
    pub(super) fault: u32,
    /// How many steps others take at most at a call of the disk inside a checkpoint.
    pub(super) interleaved_max: u32,
}

impl Surroundings {
    pub(super) fn draw(random: &mut Rng) -> Self {
        Self {
            steps: random.u64(1_000..2_200),
            rates: Rates {
                work: random.u32(10..200),
                maintenance: sometimes(random, 20),
                ending: sometimes(random, 350),
                fault: sometimes(random, 350),
                interleaved_max: pick(random, &[0, 4, 30]),
            },
            checkpoint_dirty_bytes: pick(random, &[8 << 10, 32 << 10, 128 << 10, 1 << 20]),
            checkpoint_log_bytes: pick(random, &[32 << 10, 128 << 10, 1 << 20]),
        }
    }

    pub(super) fn options(&self) -> Options {
        Options::default()
            .background(Background::Manual)
            .checkpoint_dirty_bytes(self.checkpoint_dirty_bytes)
            .checkpoint_log_bytes(self.checkpoint_log_bytes)
            .log_file_bytes(64 << 10)
    }
}

/// One of several.
pub(super) fn pick<T: Copy>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(..from.len())]
}

/// Mostly never, but in some runs often.
pub(super) fn sometimes(random: &mut Rng, often: u32) -> u32 {
    if random.bool() { 0 } else { random.u32(1..=often) }
}

/// Whether something of a rate happens.
pub(super) fn happens(random: &mut Rng, rate: u32) -> bool {
    random.u32(..1_024) < rate
}

/// Whether something rare of a rate happens.
pub(super) fn happens_rarely(random: &mut Rng, rate: u32) -> bool {
    random.u32(..1_024 * 64) < rate
}
