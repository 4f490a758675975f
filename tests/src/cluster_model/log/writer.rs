//! A writer has one batch to commit, and may stop anywhere.

use super::{Content, LogModel, NOTHING, State, batch_of};
use crate::cluster_model::{Choice, Event, Guard, Packer, Rules, Steps};

const WHO: &str = "writer";

/// How far a writer has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Writer {
    pub(super) phase: Phase,
    /// The slots up to this one are applied. Once its batch is acknowledged, the slot of that.
    pub(super) applied: u8,
    /// What it read in the slot behind them.
    pub(super) seen: Content,
    /// The slot that a link request is still on its way to; 0 if there is none.
    pub(super) flight: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Looks for the next slot.
    #[default]
    CatchesUp,
    /// Has read the next slot, and not the floor behind it.
    HasRead,
    /// Found no next slot, and has not read the floor behind that.
    FoundNothing,
    /// Has validated and written its batch, and links it into the next slot.
    Links,
    /// Was answered, and reads the slot back.
    ReadsBack,
    /// Found its own batch in the slot, and reads the floor.
    ReadsFloor,
    /// Was not answered.
    Unresolved,
    /// Begins anew at the newest manifest.
    Reloads,
    /// Ended: told its caller that the batch is committed,
    Acknowledged,
    /// that it conflicts, or
    Refused,
    /// that it cannot say.
    Unknown,
}

impl Choice for Phase {
    const ALL: &'static [Self] = &[
        Self::CatchesUp,
        Self::HasRead,
        Self::FoundNothing,
        Self::Links,
        Self::ReadsBack,
        Self::ReadsFloor,
        Self::Unresolved,
        Self::Reloads,
        Self::Acknowledged,
        Self::Refused,
        Self::Unknown,
    ];
}

impl Writer {
    pub(super) fn fields(&mut self, packer: &mut Packer) {
        packer.choice(&mut self.phase);
        packer.number(&mut self.applied, 3);
        packer.number(&mut self.seen, 2);
        packer.number(&mut self.flight, 3);
    }

    /// One that never was.
    pub(super) fn ended() -> Self {
        Self { phase: Phase::Unknown, ..Self::default() }
    }

    /// Whether its caller was told something.
    pub(super) fn has_ended(self) -> bool {
        matches!(self.phase, Phase::Acknowledged | Phase::Refused | Phase::Unknown)
    }

    /// Whether nothing needs to happen any more: all is said, or the model has no more slots.
    pub(super) fn rests(self, slots: u8) -> bool {
        self.has_ended() || self.applied == slots
    }

    /// One that has told its caller something. What it knew matters no more.
    fn told(self, phase: Phase) -> Self {
        Self { applied: 0, ..self.in_phase(phase) }
    }

    /// The slot behind those that are applied.
    fn slot(self) -> u8 {
        self.applied + 1
    }

    fn in_phase(self, phase: Phase) -> Self {
        Self { phase, seen: NOTHING, ..self }
    }
}

/// One writer, and where its steps lead.
struct Turn<'a> {
    model: &'a LogModel,
    state: &'a State,
    index: usize,
    steps: &'a mut Steps<State>,
}

impl Turn<'_> {
    fn writer(&self) -> Writer {
        self.state.writers[self.index]
    }

    fn rules(&self) -> Rules {
        self.model.rules
    }

    fn batch(&self) -> Content {
        batch_of(self.index)
    }

    /// The writer changes, and nothing else.
    fn becomes(&mut self, does: &'static str, writer: Writer) {
        self.leads_to(does, *self.state, writer);
    }

    fn leads_to(&mut self, does: &'static str, mut state: State, writer: Writer) {
        let slot = self.writer().slot();
        state.writers[self.index] = writer;
        self.steps.to(Event::at(WHO, self.index, does, slot), state);
    }
}

impl LogModel {
    pub(super) fn writer_steps(&self, state: &State, index: usize, steps: &mut Steps<State>) {
        let mut turn = Turn { model: self, state, index, steps };
        turn.request_arrives();
        let writer = turn.writer();
        match writer.phase {
            Phase::CatchesUp => turn.catch_up(),
            Phase::HasRead => turn.judge_slot(),
            Phase::FoundNothing => turn.judge_absence(),
            Phase::Links => turn.link(),
            Phase::ReadsBack => turn.read_back(),
            Phase::ReadsFloor => turn.judge_own(),
            Phase::Unresolved if self.rules.has(Guard::ReportUnknown) => {
                turn.becomes("tries again to link slot", writer.in_phase(Phase::Links));
                turn.becomes("reports as unknown slot", writer.told(Phase::Unknown));
            }
            Phase::Unresolved => {
                turn.becomes("reports as a conflict slot", writer.told(Phase::Refused));
            }
            Phase::Reloads => turn.reload(),
            Phase::Acknowledged | Phase::Refused | Phase::Unknown => {}
        }
    }
}

impl Turn<'_> {
    /// A request that was given up is executed after all.
    fn request_arrives(&mut self) {
        let writer = self.writer();
        if writer.flight > 0 {
            let mut next = *self.state;
            next.link(writer.flight, self.batch(), self.rules());
            next.writers[self.index].flight = 0;
            let event = Event::at(WHO, self.index, "has its late request link slot", writer.flight);
            self.steps.to(event, next);
        }
    }

    fn catch_up(&mut self) {
        let writer = self.writer();
        let slot = writer.slot();
        if slot > self.model.slots {
            return;
        }
        let seen = self.state.file(slot);
        if seen != NOTHING {
            self.becomes("reads slot", Writer { phase: Phase::HasRead, seen, ..writer });
        }
        // Nothing that is safe may depend on whether the answer is fresh.
        self.becomes("is told that there is no slot", writer.in_phase(Phase::FoundNothing));
    }

    fn judge_slot(&mut self) {
        let writer = self.writer();
        let slot = writer.slot();
        for floor in self.state.floors_seen(self.rules()) {
            if floor >= slot && self.rules().has(Guard::FloorAfterReading) {
                self.becomes("finds below the floor slot", writer.in_phase(Phase::Reloads));
            } else if writer.seen != self.state.first(slot) {
                let event = Event::at(WHO, self.index, "applies slot", slot);
                self.steps.wrong(event, "a writer applied what is not in the log");
            } else if writer.seen == self.batch() && self.rules().has(Guard::RecogniseOwn) {
                let own = Writer { applied: slot, ..writer.in_phase(Phase::Acknowledged) };
                self.becomes("finds its own batch in slot", own);
            } else {
                let applied = Writer { applied: slot, ..writer.in_phase(Phase::CatchesUp) };
                self.becomes("applies slot", applied);
                self.becomes("reports a conflict with slot", writer.told(Phase::Refused));
            }
        }
    }

    fn judge_absence(&mut self) {
        let writer = self.writer();
        for floor in self.state.floors_seen(self.rules()) {
            if floor > writer.applied && self.rules().has(Guard::FloorAfterAbsence) {
                self.becomes("finds below the floor slot", writer.in_phase(Phase::Reloads));
            } else {
                self.becomes("writes its batch for slot", writer.in_phase(Phase::Links));
            }
        }
    }

    fn link(&mut self) {
        let writer = self.writer();
        let slot = writer.slot();
        let mut linked = *self.state;
        let is_first = linked.link(slot, self.batch(), self.rules());
        let answered = if self.rules().has(Guard::ReadBack) {
            writer.in_phase(Phase::ReadsBack)
        } else {
            writer.in_phase(Phase::ReadsFloor)
        };
        let unresolved = writer.in_phase(Phase::Unresolved);
        if is_first || !self.rules().has(Guard::PutIfAbsent) {
            self.leads_to("links slot", linked, answered);
            self.leads_to("gets no answer for having linked slot", linked, unresolved);
        } else {
            // The answer says so, or, on some systems, that the link was made.
            self.becomes("is in vain linking slot", answered);
        }
        self.becomes("loses its request to link slot", unresolved);
        if writer.flight == 0 {
            let late = Writer { flight: slot, ..unresolved };
            self.becomes("has its request delayed to link slot", late);
        }
    }

    fn read_back(&mut self) {
        let writer = self.writer();
        let seen = self.state.file(writer.slot());
        if seen == self.batch() && self.rules().has(Guard::RecogniseOwn) {
            self.becomes("reads its own nonce in slot", writer.in_phase(Phase::ReadsFloor));
        } else if seen != NOTHING {
            let lost = Writer { phase: Phase::HasRead, seen, ..writer };
            self.becomes("reads another nonce in slot", lost);
        }
        self.becomes("is told that there is no slot", writer.in_phase(Phase::Unresolved));
    }

    fn judge_own(&mut self) {
        let writer = self.writer();
        for floor in self.state.floors_seen(self.rules()) {
            if floor >= writer.slot() && self.rules().has(Guard::FloorAfterLink) {
                self.becomes("finds below the floor its slot", writer.in_phase(Phase::Reloads));
            } else {
                let done = writer.in_phase(Phase::Acknowledged);
                self.becomes("acknowledges slot", Writer { applied: writer.slot(), ..done });
            }
        }
    }

    fn reload(&mut self) {
        let writer = self.writer();
        let checkpoint = self.state.checkpoint;
        let own = (1..=checkpoint).find(|slot| self.state.first(*slot) == self.batch());
        let reloaded = match own.filter(|_| self.rules().has(Guard::MembersInManifest)) {
            Some(slot) => Writer { applied: slot, ..writer.in_phase(Phase::Acknowledged) },
            None => Writer { applied: checkpoint, ..writer.in_phase(Phase::CatchesUp) },
        };
        self.becomes("loads the newest checkpoint instead of slot", reloaded);
    }
}
