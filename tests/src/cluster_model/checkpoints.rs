//! Checkpoints: manifests with numbers, attempts, pins, and what may be removed when.
//!
//! Two checkpointers, who may stop anywhere, build on the newest manifest: each writes its pages
//! under a name of its own, an *attempt* at the next number, and then links a manifest of that
//! number, which names the pages of the attempt and those of the manifest before (a checkpoint
//! writes what has changed). Only one of them gets the number. Whoever got it looks who is pinned
//! and what can go, and removes that, at any later time.
//!
//! A reader chooses the newest manifest, pins it, looks once more, and reads its pages at any later
//! time. A listing of the folder is one step here: it holds few names, see the design.

use super::{Choice, Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};

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

#[derive(Clone, Copy, Debug, Default)]
struct Checkpointer {
    phase: Phase,
    /// The number that its manifest is to have, and what it will say.
    number: u8,
    manifest: Manifest,
    /// The manifest that was pinned when it looked; 0 if there was none.
    pinned: u8,
    /// What it has found to be superfluous: attempts and manifests, as bits.
    pages: u8,
    manifests: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    /// Has written its pages.
    HasWritten,
    /// Has its manifest linked.
    HasLinked,
    /// Has listed the manifests.
    HasListed,
    /// Removes what it found superfluous.
    Removes,
}

impl Choice for Phase {
    const ALL: &'static [Self] =
        &[Self::Idle, Self::HasWritten, Self::HasLinked, Self::HasListed, Self::Removes];
}

#[derive(Clone, Copy, Debug, Default)]
struct Reader {
    phase: ReaderPhase,
    number: u8,
    manifest: Manifest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ReaderPhase {
    #[default]
    Idle,
    HasChosen,
    HasPinned,
    /// Has pinned, and has seen that it was not too late.
    Reads,
}

impl Choice for ReaderPhase {
    const ALL: &'static [Self] = &[Self::Idle, Self::HasChosen, Self::HasPinned, Self::Reads];
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

/// One checkpointer, and where its steps lead.
struct Turn<'a> {
    rules: Rules,
    state: &'a State,
    me: usize,
    steps: &'a mut Steps<State>,
}

impl Turn<'_> {
    fn mine(&self) -> Checkpointer {
        self.state.checkpointers[self.me]
    }

    fn leads_to(&mut self, does: &'static str, number: u8, mut state: State, mine: Checkpointer) {
        state.checkpointers[self.me] = mine;
        self.steps.to(Event::at("checkpointer", self.me, does, number), state);
    }

    /// Writes pages for the next number.
    fn write(&mut self) {
        let newest = self.state.newest();
        let number = newest + 1;
        if usize::from(number) > NUMBERS {
            return;
        }
        let before = self.state.manifest(newest).unwrap_or_default();
        let own = attempt(number, self.me);
        for checkpoint in before.checkpoint..=SLOTS {
            let mut next = *self.state;
            next.pages |= 1 << own;
            if !self.rules.has(Guard::AttemptsHaveNames) {
                next.pages &= !(1 << mirror(own));
            }
            let manifest = Manifest { own, before: before.own, checkpoint };
            let phase = Phase::HasWritten;
            let pinned = if self.rules.has(Guard::PinsAfterManifests) { 0 } else { next.pinned() };
            let mine = Checkpointer { phase, number, manifest, pinned, ..Checkpointer::default() };
            self.leads_to("writes pages for manifest", number, next, mine);
        }
    }

    fn link(&mut self) {
        let mine = self.mine();
        if !self.rules.has(Guard::ManifestBeforeRemoval) {
            let mut next = *self.state;
            next.removed = next.removed.max(mine.manifest.checkpoint);
            self.leads_to("removes slots before it has manifest", mine.number, next, mine);
        }
        if self.state.manifest(mine.number).is_none() {
            let mut next = *self.state;
            next.manifests[usize::from(mine.number) - 1] = Some(mine.manifest);
            let linked = Checkpointer { phase: Phase::HasLinked, ..mine };
            self.leads_to("links manifest", mine.number, next, linked);
            // It gets no answer, tries again, and finds its own.
        } else if self.state.manifest(mine.number) == Some(mine.manifest) {
            let linked = Checkpointer { phase: Phase::HasLinked, ..mine };
            self.leads_to("has linked manifest", mine.number, *self.state, linked);
        } else if self.rules.has(Guard::LoserBeginsAnew) {
            let idle = Checkpointer::default();
            self.leads_to("finds another's manifest", mine.number, *self.state, idle);
        } else if usize::from(mine.number) < NUMBERS {
            let next = Checkpointer { number: mine.number + 1, ..mine };
            self.leads_to(
                "takes its pages for the one after manifest",
                mine.number,
                *self.state,
                next,
            );
        }
    }

    /// Lists the manifests, and only then the pins: whoever pins looks at the manifests last.
    fn list(&mut self) {
        let mine = self.mine();
        let newest = self.state.newest();
        if newest > mine.number && self.rules.has(Guard::LateManifestsAreDropped) {
            // It was linked where one had been removed, or others were faster to go on.
            self.leads_to("finds a newer manifest", newest, *self.state, Checkpointer::default());
            return;
        }
        let listed = Checkpointer { phase: Phase::HasListed, ..mine };
        self.leads_to("finds no newer manifest than", mine.number, *self.state, listed);
    }

    /// Finds out what nobody needs.
    fn look_around(&mut self) {
        let mine = self.mine();
        let state = self.state;
        let newest = mine.number;
        let pinned =
            if self.rules.has(Guard::PinsAfterManifests) { state.pinned() } else { mine.pinned };
        let is_kept = |number: u8| number >= newest || number == pinned;
        let (mut needed, mut manifests) = (0, 0);
        for (manifest, number) in state.manifests.iter().zip(1..) {
            match manifest {
                Some(manifest) if is_kept(number) => needed |= manifest.pages(),
                Some(_) => manifests |= 1 << (number - 1),
                None => {}
            }
        }
        let may_go = |attempt: &Attempt| {
            number_of(*attempt) <= newest || !self.rules.has(Guard::NextAttemptsStay)
        };
        let old = (1..=LAST_ATTEMPT).filter(may_go).fold(0, |bits, attempt| bits | 1 << attempt);
        let pages = state.pages & old & !needed;
        let removes = Checkpointer { phase: Phase::Removes, pinned: 0, pages, manifests, ..mine };
        self.leads_to("looks for what is older than manifest", newest, *state, removes);
    }

    fn remove(&mut self) {
        let mine = self.mine();
        if self.state.removed < mine.manifest.checkpoint {
            let next = State { removed: mine.manifest.checkpoint, ..*self.state };
            self.leads_to("removes slots up to", mine.manifest.checkpoint, next, mine);
        }
        for number in (1..).take(NUMBERS).filter(|number| mine.manifests & 1 << (number - 1) != 0) {
            let mut next = *self.state;
            next.manifests[usize::from(number) - 1] = None;
            let manifests = mine.manifests & !(1 << (number - 1));
            self.leads_to("removes manifest", number, next, Checkpointer { manifests, ..mine });
        }
        for attempt in (1..=LAST_ATTEMPT).filter(|attempt| mine.pages & 1 << attempt != 0) {
            let next = State { pages: self.state.pages & !(1 << attempt), ..*self.state };
            let pages = mine.pages & !(1 << attempt);
            let number = number_of(attempt);
            self.leads_to(
                "removes pages for manifest",
                number,
                next,
                Checkpointer { pages, ..mine },
            );
        }
        self.leads_to("is done with manifest", mine.number, *self.state, Checkpointer::default());
    }
}

impl CheckpointsModel {
    fn reader_steps(self, state: &State, steps: &mut Steps<State>) {
        let reader = state.reader;
        let number = reader.number;
        let mut becomes = |does, number, reader| {
            steps.to(Event::at("reader", 0, does, number), State { reader, ..*state });
        };
        match reader.phase {
            ReaderPhase::Idle => {
                let number = state.newest();
                let manifest = state.manifest(number).unwrap_or_default();
                let phase = ReaderPhase::HasChosen;
                becomes("chooses manifest", number, Reader { phase, number, manifest });
            }
            ReaderPhase::HasChosen => {
                let phase = ReaderPhase::HasPinned;
                becomes("pins manifest", number, Reader { phase, ..reader });
            }
            ReaderPhase::HasPinned
                if state.newest() > number && self.rules.has(Guard::PinThenLook) =>
            {
                becomes("is too late for manifest", number, Reader::default());
            }
            ReaderPhase::HasPinned => {
                let phase = ReaderPhase::Reads;
                becomes(
                    "sees that in time is its pin of manifest",
                    number,
                    Reader { phase, ..reader },
                );
            }
            ReaderPhase::Reads => {
                becomes("lets go of manifest", number, Reader::default());
                let missing = reader.manifest.pages() & !state.pages;
                if missing != 0 {
                    let event = Event::at("reader", 0, "reads the pages of manifest", number);
                    steps.wrong(event, "a pin did not hold what it was on");
                }
            }
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
            let mut turn = Turn { rules: self.rules, state, me, steps };
            match turn.mine().phase {
                Phase::Idle => turn.write(),
                Phase::HasWritten => turn.link(),
                Phase::HasLinked => turn.list(),
                Phase::HasListed => turn.look_around(),
                Phase::Removes => turn.remove(),
            }
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
            packer.choice(&mut checkpointer.phase);
            packer.number(&mut checkpointer.number, 3);
            checkpointer.manifest.fields(packer);
            packer.number(&mut checkpointer.pinned, 3);
            packer.number(&mut checkpointer.pages, 7);
            packer.number(&mut checkpointer.manifests, 4);
        }
        packer.choice(&mut self.reader.phase);
        packer.number(&mut self.reader.number, 3);
        self.reader.manifest.fields(packer);
    }
}
