//! Which of two copies has everything: plain data, and what has to be noted when that changes.

use super::note::{Note, Standing};

/// The two copies of a mirrored folder, by number: 0 and 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pair: [u8; 16],
    epoch: u64,
    /// Why a copy has not everything; never both.
    lost: [Option<String>; 2],
}

/// What it means that a copy has failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is the last one: what was to be done has failed.
    OfTheLast,
    /// It was known that it has not everything.
    Known,
    /// The other one goes on alone, once it says so itself by this note.
    Noted(Note),
}

impl Sides {
    /// Both have everything.
    pub(crate) fn both(pair: [u8; 16], epoch: u64) -> Self {
        Self { pair, epoch, lost: [None, None] }
    }

    /// One has not everything, for this reason. The other one says so.
    pub(crate) fn without(pair: [u8; 16], epoch: u64, side: usize, why: String) -> Self {
        let mut sides = Self::both(pair, epoch);
        sides.lost[side] = Some(why);
        sides
    }

    /// Which have everything; at least one has.
    pub(super) fn whole(&self) -> [bool; 2] {
        [self.lost[0].is_none(), self.lost[1].is_none()]
    }

    /// The one that is read.
    pub(super) fn leader(&self) -> usize {
        usize::from(self.lost[0].is_some())
    }

    /// The one that has not everything, and why.
    pub(crate) fn lost(&self) -> Option<(usize, &str)> {
        let of = |side: usize| self.lost[side].as_deref().map(|why| (side, why));
        of(0).or_else(|| of(1))
    }

    pub(super) fn failure_of(&self, side: usize) -> Failure {
        match (&self.lost[side], &self.lost[1 - side]) {
            (Some(_), _) => Failure::Known,
            (None, Some(_)) => Failure::OfTheLast,
            (None, None) => Failure::Noted(self.note(self.epoch + 1, Standing::Alone)),
        }
    }

    /// The other one has said that it goes on alone.
    pub(super) fn lose(&mut self, side: usize, why: String) {
        self.epoch += 1;
        self.lost[side] = Some(why);
    }

    /// What a copy says of itself while it is made.
    pub(super) fn unfinished(&self) -> Note {
        self.note(self.epoch, Standing::Unfinished)
    }

    /// What both say of themselves once both have everything again.
    pub(super) fn reunited(&self) -> Note {
        self.note(self.epoch + 1, Standing::Both)
    }

    /// What one says that goes on alone although it had just said that both have everything.
    pub(super) fn parted(&self) -> Note {
        self.note(self.epoch + 2, Standing::Alone)
    }

    /// Both have said what they say when they are [reunited](Self::reunited).
    pub(super) fn reunite(&mut self) {
        self.epoch += 1;
        self.lost = [None, None];
    }

    /// One has said that it is [parted](Self::parted) from the other.
    pub(super) fn part(&mut self) {
        self.epoch += 2;
    }

    fn note(&self, epoch: u64, standing: Standing) -> Note {
        Note { pair: self.pair, epoch, standing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: [u8; 16] = [5; 16];

    #[test]
    fn the_first_failure_is_noted_by_the_other_copy_and_the_second_is_the_last() {
        for side in [0, 1] {
            let mut sides = Sides::both(PAIR, 7);
            assert_eq!(sides.leader(), 0);
            let note = Note { pair: PAIR, epoch: 8, standing: Standing::Alone };
            assert_eq!(sides.failure_of(side), Failure::Noted(note));
            sides.lose(side, "full".to_owned());
            assert_eq!(sides.lost(), Some((side, "full")));
            assert_eq!(sides.leader(), 1 - side);
            assert_eq!(sides.failure_of(side), Failure::Known);
            assert_eq!(sides.failure_of(1 - side), Failure::OfTheLast);
        }
    }

    #[test]
    fn epochs_grow_with_every_change() {
        let mut sides = Sides::without(PAIR, 3, 1, "gone".to_owned());
        assert_eq!(sides.unfinished().epoch, 3);
        assert_eq!((sides.reunited().epoch, sides.parted().epoch), (4, 5));
        sides.reunite();
        assert_eq!((sides.lost(), sides.whole()), (None, [true; 2]));
        assert_eq!(sides, Sides::both(PAIR, 4));
        sides.lose(0, "again".to_owned());
        sides.part();
        assert_eq!(sides.unfinished().epoch, 7);
    }
}
