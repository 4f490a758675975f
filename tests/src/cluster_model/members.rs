//! Who may commit: members, silence, and taking over the work of another.
//!
//! Two members have a piece of work each. Any of them may fall silent at any time, for ever or for a
//! while. The other cannot know which, so it *expels* the silent one by a record in the log: from
//! there on that one commits no more, which it finds out no later than its next commit, because it
//! has to apply the record first. The other then knows from the log how far the silent one came,
//! does again what was not done, and removes the files that it has left.
//! Whoever finds itself expelled, and knows that its work is not done, joins anew and does it after
//! all, with new files.
//!
//! What was known of an expelled member is forgotten some slots later. Requests may be executed
//! late, as in the model of the log; nothing is removed from the log here.

use super::{Choice, Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};

const SLOTS: usize = 6;
const MEMBERS: usize = 2;
/// How many slots behind an expulsion it is forgotten.
const REMEMBERED: u8 = 1;

/// What is in a slot.
type Record = u8;

const NOTHING: Record = 0;
const OTHERS: Record = 7;
/// Bits of a record.
const RECORD_BITS: u32 = 4;

/// A member does its own work, does the other's, or expels the other.
fn own_work(member: usize) -> Record {
    [1, 2][member]
}
fn taken_over(member: usize) -> Record {
    [3, 4][member]
}
fn expulsion(by: usize) -> Record {
    [5, 6][by]
}
/// What a member does that was expelled, and joined anew.
fn done_anew(member: usize) -> Record {
    [9, 10][member]
}

/// The record if the members changed places.
fn mirror(record: Record) -> Record {
    match record {
        NOTHING | OTHERS => record,
        odd if odd % 2 == 1 => odd + 1,
        even => even - 1,
    }
}

/// A few slots and two members.
#[derive(Clone, Copy, Debug)]
pub struct MembersModel {
    /// Which guards there are.
    pub rules: Rules,
    /// How many slots there are, at most 6.
    pub slots: u8,
}

/// The log, the files beside it, and how far each member has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    log: [Record; SLOTS],
    members: [Member; MEMBERS],
    /// Whether the file is gone that the work of each member needs.
    file_is_gone: [bool; MEMBERS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Member {
    /// The slots up to this one are applied.
    applied: u8,
    /// What it tries to link into the slot behind them.
    pending: Record,
    /// A request that is still on its way, and to which slot; 0 if there is none.
    flight: Record,
    flight_to: u8,
    told: Told,
}

/// What a member has told its caller about its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Committed,
    NotCommitted,
    Unknown,
}

impl Choice for Told {
    const ALL: &'static [Self] =
        &[Self::Nothing, Self::Committed, Self::NotCommitted, Self::Unknown];
}

/// What the log up to some slot says of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Member,
    Expelled,
    Forgotten,
}

impl State {
    fn tail(&self) -> u8 {
        let taken = self.log.iter().take_while(|record| **record != NOTHING);
        u8::try_from(taken.count()).expect("invariant: there are few slots")
    }

    fn holds(&self, record: Record, up_to: u8) -> bool {
        self.log[..usize::from(up_to)].contains(&record)
    }

    /// Puts a record into a slot that has none.
    fn link(&mut self, slot: u8, record: Record) {
        let content = &mut self.log[usize::from(slot) - 1];
        if *content == NOTHING {
            *content = record;
        }
    }

    /// What a member is in the eyes of whoever has applied the slots up to this one.
    fn standing(&self, member: usize, up_to: u8) -> Standing {
        let expelled =
            self.log.iter().zip(1..).find(|(record, _)| **record == expulsion(1 - member));
        match expelled {
            Some((_, slot)) if up_to > slot + REMEMBERED => Standing::Forgotten,
            Some((_, slot)) if up_to >= slot => Standing::Expelled,
            _ => Standing::Member,
        }
    }
}

/// One member, and where its steps lead.
struct Turn<'a> {
    rules: Rules,
    state: &'a State,
    me: usize,
    steps: &'a mut Steps<State>,
}

impl Turn<'_> {
    fn member(&self) -> Member {
        self.state.members[self.me]
    }

    fn other(&self) -> usize {
        1 - self.me
    }

    fn becomes(&mut self, does: &'static str, member: Member) {
        let mut state = *self.state;
        state.members[self.me] = member;
        self.leads_to(does, state);
    }

    fn leads_to(&mut self, does: &'static str, state: State) {
        let slot = self.member().applied + 1;
        self.steps.to(Event::at("member", self.me, does, slot), state);
    }

    /// Whether it takes itself for a member.
    fn is_member(&self) -> bool {
        match self.state.standing(self.me, self.member().applied) {
            Standing::Member => true,
            Standing::Expelled => !self.rules.has(Guard::ExpelledStop),
            Standing::Forgotten => !self.rules.has(Guard::UnknownAreExpelled),
        }
    }

    /// It has applied all there is.
    fn at_the_end(&mut self) {
        if self.member().pending != NOTHING {
            self.link();
        } else if self.is_member() {
            self.begin();
            self.sweep();
        } else if self.member().told == Told::Nothing {
            self.give_up();
        }
    }

    /// A request that was given up is executed after all.
    fn request_arrives(&mut self) {
        let member = self.member();
        if member.flight != NOTHING {
            let mut next = *self.state;
            next.link(member.flight_to, member.flight);
            next.members[self.me] = Member { flight: NOTHING, flight_to: 0, ..member };
            self.leads_to("has a late request executed, when it has yet to apply slot", next);
        }
    }

    fn apply(&mut self) {
        let member = self.member();
        let applied = member.applied + 1;
        let own = own_work(self.me);
        let record = self.state.log[usize::from(member.applied)];
        let is_own = record == own || record == done_anew(self.me);
        let told = if is_own { Told::Committed } else { member.told };
        self.becomes("applies slot", Member { applied, pending: NOTHING, told, ..member });
    }

    /// It was away for so long that the log is gone by now, and begins anew at a checkpoint.
    fn reload(&mut self, checkpoint: u8) {
        let member = self.member();
        let mut reloaded = Member { applied: checkpoint, pending: NOTHING, ..member };
        if self.state.standing(self.me, checkpoint) != Standing::Forgotten
            && self.state.holds(own_work(self.me), checkpoint)
        {
            reloaded.told = Told::Committed;
        }
        self.becomes("loads a checkpoint instead of slot", reloaded);
    }

    /// It finds that it is no member any more.
    fn give_up(&mut self) {
        let member = self.member();
        let is_known = self.state.standing(self.me, member.applied) == Standing::Expelled
            || !self.rules.has(Guard::ForgottenIsUnknown);
        if is_known && !self.state.holds(taken_over(self.other()), member.applied) {
            let pending = done_anew(self.me);
            self.becomes("joins anew, and wants its work in slot", Member { pending, ..member });
        }
        let told = if is_known { Told::NotCommitted } else { Told::Unknown };
        self.becomes("finds itself expelled before slot", Member { told, ..member });
    }

    /// Decides what to commit next.
    fn begin(&mut self) {
        let member = self.member();
        let other_is_member = self.state.standing(self.other(), member.applied) == Standing::Member;
        let try_to = |pending| Member { pending, ..member };
        if member.told == Told::Nothing {
            self.becomes("wants its work in slot", try_to(own_work(self.me)));
        }
        if other_is_member {
            self.becomes("wants to expel the other in slot", try_to(expulsion(self.me)));
        }
        let is_done = self.state.holds(own_work(self.other()), member.applied)
            || self.state.holds(done_anew(self.other()), member.applied)
            || self.state.holds(taken_over(self.me), member.applied);
        if !is_done && (!other_is_member || !self.rules.has(Guard::ExpelBeforeTakeover)) {
            self.becomes("wants the other's work in slot", try_to(taken_over(self.me)));
        }
    }

    /// Removes the file of a member that is gone, unless the database refers to it.
    fn sweep(&mut self) {
        let (other, applied) = (self.other(), self.member().applied);
        let is_members = self.state.standing(other, applied) == Standing::Member
            && self.rules.has(Guard::FilesOfMembers);
        let is_used =
            self.state.holds(own_work(other), applied) && self.rules.has(Guard::FilesInUse);
        if !(is_members || is_used || self.state.file_is_gone[other]) {
            let mut next = *self.state;
            next.file_is_gone[other] = true;
            self.leads_to("removes the other's file, when it has yet to apply slot", next);
        }
    }

    fn link(&mut self) {
        let member = self.member();
        let mut linked = *self.state;
        linked.link(member.applied + 1, member.pending);
        // Whether it is answered or not, it looks at the slot, which is taken now.
        self.leads_to("links slot", linked);
        if member.flight == NOTHING {
            let (flight, flight_to) = (member.pending, member.applied + 1);
            self.becomes(
                "has its request delayed to link slot",
                Member { flight, flight_to, ..member },
            );
        }
    }
}

impl MembersModel {
    fn member_steps(self, state: &State, me: usize, steps: &mut Steps<State>) {
        let mut turn = Turn { rules: self.rules, state, me, steps };
        let (member, tail) = (turn.member(), state.tail());
        turn.request_arrives();
        for checkpoint in member.applied + 2..=tail {
            turn.reload(checkpoint);
        }
        if member.applied < tail {
            turn.apply();
        } else if member.applied < self.slots {
            turn.at_the_end();
        }
    }
}

impl Model for MembersModel {
    type State = State;

    fn initial(&self) -> State {
        State::default()
    }

    fn next(&self, state: &State, steps: &mut Steps<State>) {
        let free = state.tail() + 1;
        if free <= self.slots {
            let mut next = *state;
            next.link(free, OTHERS);
            steps.to(Event::at("somebody", 0, "commits slot", free), next);
        }
        for me in 0..MEMBERS {
            self.member_steps(state, me, steps);
        }
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        for (me, member) in state.members.iter().enumerate() {
            let own = state.holds(own_work(me), self.slots);
            let anew = state.holds(done_anew(me), self.slots);
            let taken_over = state.holds(taken_over(1 - me), self.slots);
            if [own, anew, taken_over].iter().filter(|done| **done).count() > 1 {
                return Some("work was done twice");
            }
            if anew && state.file_is_gone[me] && !self.rules.has(Guard::FilesOfOneLife) {
                return Some("a file is gone that a commit refers to");
            }
            if own && member.told == Told::NotCommitted {
                return Some("a commit was reported as failed and is in the log");
            }
            if own && state.file_is_gone[me] {
                return Some("a file is gone that a commit refers to");
            }
        }
        let mut log = state.log.iter().zip(0..);
        let is_late = |(record, applied): (&Record, u8)| {
            let by = usize::from(record % 2 == 0);
            (1..OTHERS).contains(record) && state.standing(by, applied) != Standing::Member
        };
        log.any(is_late).then_some("somebody who was expelled goes on committing")
    }

    fn rests(&self, _: &State) -> bool {
        true
    }

    fn canonical(&self, state: State) -> State {
        let mut mirrored = state;
        mirrored.log = mirrored.log.map(mirror);
        mirrored.members.swap(0, 1);
        mirrored.file_is_gone.swap(0, 1);
        for member in &mut mirrored.members {
            member.pending = mirror(member.pending);
            member.flight = mirror(member.flight);
        }
        if mirrored.pack() < state.pack() { mirrored } else { state }
    }

    fn goals(&self) -> &'static [Goal<State>] {
        &[
            ("work is taken over", |state| state.log.contains(&taken_over(0))),
            ("an expelled member's work had been done before", |state| {
                let place = |record| state.log.iter().position(|other| *other == record);
                place(own_work(0)).is_some() && place(own_work(0)) < place(expulsion(1))
            }),
            ("an expelled member joins anew and does its work", |state| {
                state.log.contains(&done_anew(0))
            }),
            ("the file of an expelled member is removed", |state| state.file_is_gone[0]),
            ("a member learns that its work was not done", |state| {
                state.members[0].told == Told::NotCommitted
            }),
            ("a member cannot know whether its work was done", |state| {
                state.members[0].told == Told::Unknown
            }),
            ("a request of an expelled member is on its way", |state| {
                state.members[0].flight != NOTHING && state.log.contains(&expulsion(1))
            }),
        ]
    }
}

impl Packed for State {
    fn fields(&mut self, packer: &mut Packer) {
        packer.numbers(&mut self.log, RECORD_BITS);
        for member in &mut self.members {
            packer.number(&mut member.applied, 3);
            packer.number(&mut member.pending, RECORD_BITS);
            packer.number(&mut member.flight, RECORD_BITS);
            packer.number(&mut member.flight_to, 3);
            packer.choice(&mut member.told);
        }
        for is_gone in &mut self.file_is_gone {
            packer.flag(is_gone);
        }
    }
}
