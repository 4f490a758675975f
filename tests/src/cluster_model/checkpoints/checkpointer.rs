//! Whoever writes a checkpoint races for a number, and then removes what nobody needs.

use super::{
    Attempt, CheckpointsModel, Choice, Event, Guard, LAST_ATTEMPT, Manifest, NUMBERS, Packer,
    Rules, SLOTS, State, Steps, attempt, mirror, number_of,
};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checkpointer {
    pub(super) phase: Phase,
    /// The number that its manifest is to have, and what it will say.
    pub(super) number: u8,
    pub(super) manifest: Manifest,
    /// The newest manifest when it began to list them; 0 if it does not.
    pub(super) listing: u8,
    /// The manifest that was pinned when it looked; 0 if there was none.
    pub(super) pinned: u8,
    /// What it has found to be superfluous: attempts and manifests, as bits.
    pub(super) pages: u8,
    pub(super) manifests: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
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

impl Checkpointer {
    pub(super) fn fields(&mut self, packer: &mut Packer) {
        packer.choice(&mut self.phase);
        packer.number(&mut self.number, 3);
        self.manifest.fields(packer);
        packer.number(&mut self.listing, 3);
        packer.number(&mut self.pinned, 3);
        packer.number(&mut self.pages, 7);
        packer.number(&mut self.manifests, 4);
    }
}

/// One checkpointer, and where its steps lead.
struct Turn<'a> {
    rules: Rules,
    state: &'a State,
    me: usize,
    steps: &'a mut Steps<State>,
}

impl CheckpointsModel {
    pub(super) fn checkpointer_steps(self, state: &State, me: usize, steps: &mut Steps<State>) {
        let mut turn = Turn { rules: self.rules, state, me, steps };
        match turn.mine().phase {
            Phase::Idle => turn.write(),
            Phase::HasWritten => turn.link(),
            Phase::HasLinked => turn.list(),
            Phase::HasListed => turn.look_around(),
            Phase::Removes => turn.remove(),
        }
    }
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
        if self.rules.has(Guard::ListingsAreShort) {
            self.find(newest);
        } else if mine.listing == 0 {
            let lists = Checkpointer { listing: newest, ..mine };
            self.leads_to(
                "begins to list, when the newest is manifest",
                newest,
                *self.state,
                lists,
            );
        } else {
            // What is there all the time is found; what comes or goes meanwhile may be.
            let stays = self.state.manifest(mine.listing).is_some();
            let least = if stays { mine.listing } else { 1 };
            for found in (least..=newest).filter(|found| self.state.manifest(*found).is_some()) {
                self.find(found);
            }
        }
    }

    /// What it has found is for it the newest manifest.
    fn find(&mut self, newest: u8) {
        let mine = Checkpointer { listing: 0, ..self.mine() };
        if newest > mine.number && self.rules.has(Guard::LateManifestsAreDropped) {
            // It was linked where one had been removed, or others were faster to go on.
            self.leads_to("finds a newer manifest", newest, *self.state, Checkpointer::default());
        } else {
            let listed = Checkpointer { phase: Phase::HasListed, ..mine };
            self.leads_to("finds no newer manifest than", mine.number, *self.state, listed);
        }
    }

    /// Finds out what nobody needs.
    fn look_around(&mut self) {
        let mine = self.mine();
        let state = self.state;
        let newest = mine.number;
        let pinned =
            if self.rules.has(Guard::PinsAfterManifests) { state.pinned() } else { mine.pinned };
        let is_kept = |number: u8| number >= newest || (pinned > 0 && number >= pinned);
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
