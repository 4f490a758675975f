//! A reader follows the log, and is once asked for all that is acknowledged by then.

use super::{Content, LogModel, NOTHING, State};
use crate::cluster_model::{Choice, Event, Guard, Packer, Steps};

const WHO: &str = "reader";

/// How far the reader has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reader {
    phase: Phase,
    /// The slots up to this one are applied.
    pub(super) applied: u8,
    /// What it read in the slot behind them.
    pub(super) seen: Content,
    /// Whether it was asked already, and up to where it has to come.
    is_asked: bool,
    must_see: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Looks for the next slot.
    #[default]
    Looks,
    /// Has read the next slot, and not the floor behind it.
    HasRead,
    /// Found no next slot, and has not read the floor behind that.
    FoundNothing,
    /// Begins anew at the newest manifest.
    Reloads,
    /// Has answered.
    Answered,
}

impl Choice for Phase {
    const ALL: &'static [Self] =
        &[Self::Looks, Self::HasRead, Self::FoundNothing, Self::Reloads, Self::Answered];
}

impl Reader {
    /// One that has answered. What it knew matters no more.
    pub(super) fn ended() -> Self {
        Self { phase: Phase::Answered, ..Self::default() }
    }

    pub(super) fn fields(&mut self, packer: &mut Packer) {
        packer.choice(&mut self.phase);
        packer.number(&mut self.applied, 3);
        packer.number(&mut self.seen, 2);
        packer.flag(&mut self.is_asked);
        packer.number(&mut self.must_see, 3);
    }
}

impl LogModel {
    pub(super) fn reader_steps(&self, state: &State, steps: &mut Steps<State>) {
        let reader = state.reader;
        let step = |reader| State { reader, ..*state };
        match reader.phase {
            Phase::Looks => {
                if !reader.is_asked {
                    let must_see = state.acknowledged();
                    let asked = Reader { is_asked: true, must_see, ..reader };
                    steps.to(Event::new(WHO, 0, "is asked for everything"), step(asked));
                }
                self.look(state, steps);
            }
            Phase::HasRead => self.judge_slot(state, steps),
            Phase::FoundNothing => self.judge_absence(state, steps),
            Phase::Reloads => {
                let reloaded = Reader { phase: Phase::Looks, applied: state.checkpoint, ..reader };
                steps.to(
                    Event::at(WHO, 0, "loads the checkpoint at", state.checkpoint),
                    step(reloaded),
                );
            }
            Phase::Answered => {}
        }
    }

    fn look(&self, state: &State, steps: &mut Steps<State>) {
        let reader = state.reader;
        let slot = reader.applied + 1;
        let content = if slot <= self.slots { state.file(slot) } else { NOTHING };
        if content != NOTHING {
            let read = Reader { phase: Phase::HasRead, seen: content, ..reader };
            steps.to(Event::at(WHO, 0, "reads slot", slot), State { reader: read, ..*state });
        }
        if content == NOTHING || !self.rules.has(Guard::FreshLookup) {
            let nothing = Reader { phase: Phase::FoundNothing, ..reader };
            let event = Event::at(WHO, 0, "is told that there is no slot", slot);
            steps.to(event, State { reader: nothing, ..*state });
        }
    }

    fn judge_slot(&self, state: &State, steps: &mut Steps<State>) {
        let reader = Reader { seen: NOTHING, ..state.reader };
        let slot = reader.applied + 1;
        for floor in state.floors_seen(self.rules) {
            if floor >= slot && self.rules.has(Guard::FloorAfterReading) {
                let reader = Reader { phase: Phase::Reloads, ..reader };
                let event = Event::at(WHO, 0, "discards what it read, as the floor is", floor);
                steps.to(event, State { reader, ..*state });
                continue;
            }
            let event = Event::at(WHO, 0, "applies slot", slot);
            if state.reader.seen == state.first(slot) {
                let reader = Reader { phase: Phase::Looks, applied: slot, ..reader };
                steps.to(event, State { reader, ..*state });
            } else {
                steps.wrong(event, "a reader applied what is not in the log");
            }
        }
    }

    fn judge_absence(&self, state: &State, steps: &mut Steps<State>) {
        let reader = state.reader;
        for floor in state.floors_seen(self.rules) {
            if floor > reader.applied && self.rules.has(Guard::FloorAfterAbsence) {
                let reader = Reader { phase: Phase::Reloads, ..reader };
                let event = Event::at(WHO, 0, "has to begin anew, as the floor is", floor);
                steps.to(event, State { reader, ..*state });
                continue;
            }
            if !reader.is_asked {
                let reader = Reader { phase: Phase::Looks, ..reader };
                steps.to(Event::new(WHO, 0, "waits for more"), State { reader, ..*state });
                continue;
            }
            let event = Event::at(WHO, 0, "answers with the state after slot", reader.applied);
            if reader.applied < reader.must_see {
                steps.wrong(event, "a fresh read missed an acknowledged commit");
            } else {
                steps.to(event, State { reader: Reader::ended(), ..*state });
            }
        }
    }
}
