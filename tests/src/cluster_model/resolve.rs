//! What became of a commit whose author could not tell: who asks later is told what is so.
//!
//! An author appends one thing after the other, each under the next of its sequences, and each to
//! one slot only. Its requests may get lost or be executed late, and then it may tell somebody that
//! the outcome is open. It goes on when it has found out itself, or stops anywhere. Others take
//! slots at any time. Somebody asks at any later time, and is answered by the table of members: by
//! the author's sequences in the log, when all slots may have been removed.

use super::{Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};

const SLOTS: usize = 5;
const REPORTS: usize = 2;

/// What is in a slot: nothing, something of others, or what the author has appended under a
/// sequence from 1 on.
type Record = u8;

const NOTHING: Record = 0;
const OTHERS: Record = 7;

/// A few slots, their author and whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct ResolveModel {
    /// Which guards there are.
    pub rules: Rules,
}

/// The log, how far its author has come, and what it has told somebody.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    log: [Record; SLOTS],
    author: Author,
    reports: [Report; REPORTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Author {
    /// The slots up to this one are applied.
    applied: u8,
    /// The sequence of what it tries to link behind them; 0 if there is none.
    pending: Record,
    /// A request that is still on its way, and to which slot; 0 if there is none.
    flight: Record,
    flight_to: u8,
    /// The highest sequence whose outcome it has told to be open.
    spent: u8,
}

/// Something whose outcome somebody was told to be open; none if the sequence is 0.
#[derive(Clone, Copy, Debug, Default)]
struct Report {
    sequence: u8,
    slot: u8,
    /// Whether somebody was told that it is not committed.
    denied: bool,
}

impl State {
    fn slot(&self, slot: u8) -> Record {
        self.log[usize::from(slot) - 1]
    }

    /// Puts something into a slot if it is free.
    fn link(&mut self, slot: u8, record: Record) -> bool {
        let place = &mut self.log[usize::from(slot) - 1];
        let is_free = *place == NOTHING;
        if is_free {
            *place = record;
        }
        is_free
    }

    /// The author's sequences in the slots up to one, ascending.
    fn sequences(&self, up_to: usize) -> impl Iterator<Item = u8> {
        self.log[..up_to].iter().copied().filter(|record| ![NOTHING, OTHERS].contains(record))
    }

    /// What the table of members says of a sequence.
    fn is_committed(&self, sequence: u8, rules: Rules) -> bool {
        let last = self.sequences(SLOTS).last().unwrap_or(0);
        let is_left_out = self.sequences(SLOTS).all(|other| other != sequence);
        sequence <= last && !(is_left_out && rules.has(Guard::GapsAreKept))
    }

    fn is_lost(&self, report: Report) -> bool {
        report.sequence > 0 && ![NOTHING, report.sequence].contains(&self.slot(report.slot))
    }
}

impl ResolveModel {
    fn author_steps(self, state: &State, steps: &mut Steps<State>) {
        let author = state.author;
        let slot = author.applied + 1;
        let event = |does| Event::at("author", 0, does, slot);
        if author.flight > 0 {
            let mut next = *state;
            next.link(author.flight_to, author.flight);
            next.author.flight = 0;
            next.author.flight_to = 0;
            let does = "has its late request link slot";
            steps.to(Event::at("author", 0, does, author.flight_to), next);
        }
        if usize::from(slot) > SLOTS {
            return;
        }
        if author.pending == NOTHING {
            let last = state.sequences(author.applied.into()).last().unwrap_or(0);
            let spent = if self.rules.has(Guard::ReportedAreSpent) { author.spent } else { 0 };
            let pending = last.max(spent) + 1;
            let author = Author { pending, ..author };
            steps.to(event("writes something for slot"), State { author, ..*state });
            if state.slot(slot) == OTHERS {
                let author = Author { applied: slot, ..state.author };
                steps.to(event("applies slot"), State { author, ..*state });
            }
            return;
        }
        let mut linked = *state;
        linked.link(slot, author.pending);
        // It gets no answer, or the request gets lost: it tries again, or reports.
        steps.to(event("gets no answer for linking slot"), linked);
        let is_own = linked.slot(slot) == author.pending;
        linked.author = Author { applied: slot, pending: NOTHING, ..author };
        let does = if is_own { "finds its own in slot" } else { "finds another's in slot" };
        steps.to(event(does), linked);
        if author.flight == 0 {
            let author = Author { flight: author.pending, flight_to: slot, ..author };
            steps.to(event("has its request delayed to link slot"), State { author, ..*state });
        }
        if let Some(free) = state.reports.iter().position(|report| report.sequence == 0)
            && state.reports.iter().all(|report| report.slot != slot)
        {
            let mut next = *state;
            next.reports[free] = Report { sequence: author.pending, slot, denied: false };
            next.author.spent = author.spent.max(author.pending);
            steps.to(event("tells that it does not know about slot"), next);
        }
    }

    /// Answers somebody who asks.
    fn answer(self, state: &State, index: usize, steps: &mut Steps<State>) {
        let report = state.reports[index];
        let is_taken = report.sequence > 0 && state.slot(report.slot) != NOTHING;
        let may_answer = is_taken || !self.rules.has(Guard::AskersTakeTheSlot);
        if report.sequence == 0 || !may_answer {
            return;
        }
        let event = |does| Event::at("somebody", index, does, report.slot);
        if !state.is_committed(report.sequence, self.rules) {
            let mut next = *state;
            next.reports[index].denied = true;
            steps.to(event("is told that nothing is committed in slot"), next);
        } else if state.slot(report.slot) != report.sequence {
            let does = "is told that it is committed in slot";
            steps.wrong(event(does), "what is lost is said to be committed");
        }
    }
}

impl Model for ResolveModel {
    type State = State;

    fn initial(&self) -> State {
        State::default()
    }

    fn next(&self, state: &State, steps: &mut Steps<State>) {
        self.author_steps(state, steps);
        // Whoever asks takes the slot as well, with nothing.
        if let Some(free) = (1..).zip(&state.log).find(|(_, record)| **record == NOTHING) {
            let mut next = *state;
            next.link(free.0, OTHERS);
            steps.to(Event::at("another", 0, "takes slot", free.0), next);
        }
        for index in 0..REPORTS {
            self.answer(state, index, steps);
        }
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        let is_there =
            |report: &Report| report.denied && state.slot(report.slot) == report.sequence;
        state
            .reports
            .iter()
            .any(is_there)
            .then_some("what is said not to be committed takes effect")
    }

    fn rests(&self, _: &State) -> bool {
        true
    }

    fn goals(&self) -> &'static [Goal<State>] {
        &[
            ("somebody is told of a loss, and the author goes on", |state| {
                let went_on = state.sequences(SLOTS).last() > Some(state.reports[0].sequence);
                state.reports[0].denied && went_on
            }),
            ("two outcomes are open, and both are losses", |state| {
                state.reports.iter().all(|report| state.is_lost(*report))
            }),
            ("what was told to be open takes effect", |state| {
                let report = state.reports[0];
                report.sequence > 0 && state.slot(report.slot) == report.sequence
            }),
            ("a request is late for a slot that is taken", |state| {
                let Author { flight, flight_to, .. } = state.author;
                flight > 0 && ![NOTHING, flight].contains(&state.slot(flight_to))
            }),
        ]
    }
}

impl Packed for State {
    fn fields(&mut self, packer: &mut Packer) {
        packer.numbers(&mut self.log, 3);
        let Author { applied, pending, flight, flight_to, spent } = &mut self.author;
        for number in [applied, pending, flight, flight_to, spent] {
            packer.number(number, 3);
        }
        for report in &mut self.reports {
            packer.number(&mut report.sequence, 3);
            packer.number(&mut report.slot, 3);
            packer.flag(&mut report.denied);
        }
    }
}
