//! Checkpoints: manifests with numbers, attempts, pins, and what may be removed when.
//!
//! Two checkpointers, who may stop anywhere, build on the newest manifest: each writes its pages
//! under a name of its own, an *attempt* at the next number, and then links a manifest of that
//! number, which names the pages of the attempt and those of the manifest before (a checkpoint
//! writes what has changed). Only one of them gets the number. Whoever got it looks who is pinned
//! and what can go, and removes that, at any later time.
//!
//! A reader chooses the newest manifest, pins it, looks once more, and reads its pages at any later
//! time. A listing is one step, as the folder holds few names; what if it were not is a guard, too.

mod checkpointer;
mod reader;

use super::{Choice, Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};
use checkpointer::{Checkpointer, Phase};
use reader::{Reader, ReaderPhase};

/// The highest number that a manifest has. Number 1 is the first, of an empty database.
const NUMBERS: usize = 4;
const CHECKPOINTERS: usize = 2;
const SLOTS: u8 = 1;

/// An attempt at a number from 2 on: 1 and 2 at number 2, 3 and 4 at number 3, and so on.
type Attempt = u8;

const NO_ATTEMPT: Attempt = 0;
const LAST_ATTEMPT: Attempt = 6;

fn attempt(number: u8, who: usize) -> Attempt {
    2 * number - 3 + u8::from(who == 1)
}

fn number_of(attempt: Attempt) -> u8 {
    attempt.div_ceil(2) + 1
}

/// The attempt if the checkpointers changed places.
fn mirror(attempt: Attempt) -> Attempt {
    match attempt {
        NO_ATTEMPT => NO_ATTEMPT,
        odd if odd % 2 == 1 => odd + 1,
        even => even - 1,
    }
}

/// A set of attempts, as bits, if the checkpointers changed places.
fn mirror_bits(attempts: u8) -> u8 {
    (attempts & 0b010_1010) << 1 | (attempts & 0b101_0100) >> 1
}

/// Manifests, pages and a log that all is made of.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointsModel {
    /// Which guards there are.
    pub rules: Rules,
}

/// The folder, and how far everybody has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    manifests: [Option<Manifest>; NUMBERS],
    /// Which attempts have pages, as bits.
    pages: u8,
    /// Up to which slot the log is removed. All slots are committed from the begin.
    removed: u8,
    checkpointers: [Checkpointer; CHECKPOINTERS],
    reader: Reader,
}

/// What a manifest says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Manifest {
    /// The attempts whose pages it names: its own, and the one before.
    own: Attempt,
    before: Attempt,
    /// The slots up to this one are in it.
    checkpoint: u8,
}

impl Manifest {
    fn pages(self) -> u8 {
        (1 << self.own | 1 << self.before) & !(1 << NO_ATTEMPT)
    }

    fn fields(&mut self, packer: &mut Packer) {
        packer.number(&mut self.own, 3);
        packer.number(&mut self.before, 3);
        packer.number(&mut self.checkpoint, 2);
    }

    fn mirrored(self) -> Self {
        Self { own: mirror(self.own), before: mirror(self.before), ..self }
    }
}

impl State {
    /// The number of the newest manifest.
    fn newest(&self) -> u8 {
        let newest = self.manifests.iter().rposition(Option::is_some);
        u8::try_from(newest.expect("invariant: there is a manifest") + 1).expect("few manifests")
    }

    fn manifest(&self, number: u8) -> Option<Manifest> {
        self.manifests[usize::from(number) - 1]
    }

    /// The manifest that the reader's pin names; 0 if there is no pin.
    fn pinned(&self) -> u8 {
        match self.reader.phase {
            ReaderPhase::HasPinned | ReaderPhase::Reads => self.reader.number,
            ReaderPhase::Idle | ReaderPhase::HasChosen => 0,
        }
    }
}

impl Model for CheckpointsModel {
    type State = State;

    fn initial(&self) -> State {
        let mut state = State::default();
        state.manifests[0] = Some(Manifest::default());
        state
    }

    fn next(&self, state: &State, steps: &mut Steps<State>) {
        for me in 0..CHECKPOINTERS {
            self.checkpointer_steps(state, me, steps);
        }
        self.reader_steps(state, steps);
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        let newest = state.manifest(state.newest()).unwrap_or_default();
        if newest.checkpoint < state.removed {
            return Some("a slot is gone that the newest manifest does not hold");
        }
        (newest.pages() & !state.pages != 0)
            .then_some("the newest manifest names pages that are gone")
    }

    fn rests(&self, _: &State) -> bool {
        true
    }

    fn canonical(&self, state: State) -> State {
        let mut mirrored = state;
        for manifest in mirrored.manifests.iter_mut().flatten() {
            *manifest = manifest.mirrored();
        }
        mirrored.pages = mirror_bits(state.pages);
        mirrored.checkpointers.swap(0, 1);
        for checkpointer in &mut mirrored.checkpointers {
            checkpointer.manifest = checkpointer.manifest.mirrored();
            checkpointer.pages = mirror_bits(checkpointer.pages);
        }
        mirrored.reader.manifest = mirrored.reader.manifest.mirrored();
        if mirrored.pack() < state.pack() { mirrored } else { state }
    }

    fn goals(&self) -> &'static [Goal<State>] {
        &[
            ("a removed manifest is linked again, and its author believes in it", |state| {
                let is_late = |mine: &Checkpointer| {
                    mine.phase == Phase::HasLinked && mine.number < state.newest()
                };
                state.manifests[1].is_some() && state.checkpointers.iter().any(is_late)
            }),
            ("an attempt of the loser is removed", |state| {
                state.manifests[1].is_some_and(|first| state.pages & 1 << mirror(first.own) == 0)
            }),
            ("a pinned manifest is kept though others are newer", |state| {
                state.reader.phase == ReaderPhase::Reads && state.newest() > state.reader.number + 1
            }),
            ("the log is removed", |state| state.removed == SLOTS),
        ]
    }
}

impl Packed for State {
    fn fields(&mut self, packer: &mut Packer) {
        packer.number(&mut self.removed, 2);
        for manifest in &mut self.manifests {
            let mut is_there = manifest.is_some();
            packer.flag(&mut is_there);
            let mut content = manifest.unwrap_or_default();
            content.fields(packer);
            *manifest = is_there.then_some(content);
        }
        packer.number(&mut self.pages, 7);
        for checkpointer in &mut self.checkpointers {
            checkpointer.fields(packer);
        }
        self.reader.fields(packer);
    }
}
