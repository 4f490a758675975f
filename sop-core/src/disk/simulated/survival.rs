//! What a power cut leaves of the changes that were not synced.

/// What becomes of the changes that were not synced when the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Survival {
    /// All of them are lost.
    Nothing,
    /// None is lost, and all are on the disk.
    Everything,
    /// Each is lost, kept or, if it is a write, kept in part, at random. The number is the seed:
    /// an equal one has an equal outcome. How many changes survive differs from seed to seed.
    Random(u64),
}

/// Decides, change by change.
#[derive(Debug)]
pub(super) struct Fate {
    survival: Survival,
    state: u64,
    /// How many of sixteen changes survive.
    odds: u64,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Lost,
    Kept,
    /// Each sector is lost or kept for itself.
    Torn,
}

impl Fate {
    pub(super) fn new(survival: Survival) -> Self {
        let state = if let Survival::Random(seed) = survival { seed } else { 0 };
        let mut fate = Self { survival, state, odds: 0 };
        fate.odds = 1 + fate.next() % 15;
        fate
    }

    pub(super) fn survives(&mut self) -> bool {
        match self.survival {
            Survival::Nothing => false,
            Survival::Everything => true,
            Survival::Random(_) => self.next() % 16 < self.odds,
        }
    }

    pub(super) fn of_a_write(&mut self) -> Outcome {
        if matches!(self.survival, Survival::Random(_)) && self.next().is_multiple_of(3) {
            return Outcome::Torn;
        }
        if self.survives() { Outcome::Kept } else { Outcome::Lost }
    }

    /// `SplitMix64`: short, and good enough for coins.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
