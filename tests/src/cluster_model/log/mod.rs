//! The log itself: slots that are linked once, a floor, and outcomes that nobody was told.
//!
//! Two writers, who may stop at any step for as long as they like or for ever, each have one batch
//! to commit. Others commit beside them without delay. Collectors write manifests, raise the floor
//! and remove slots below it, and may do the removing much later, when others have gone on. A
//! reader follows the log and is once asked for everything that is acknowledged by then.
//!
//! The file system executes a link request, or not, and in either case may keep the answer to
//! itself; it may also execute a request long after its sender gave up waiting; it may say that a
//! link succeeded where somebody else's file was in the way; and its client may deny the existence
//! of a slot that has been there for a while, unless it is made to look anew.
//!
//! Where the true history is (`history`), no process can see; it is what the rest is judged by.

mod collector;
mod reader;
mod writer;

use super::{Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};
use reader::Reader;
use writer::{Phase, Writer};

/// Most slots that a state has room for.
const SLOTS: usize = 4;
const WRITERS: usize = 2;
const COLLECTORS: usize = 2;

/// What is in a slot: nothing, a writer's batch (1 or 2), or somebody else's.
type Content = u8;

const NOTHING: Content = 0;
const OTHERS: Content = 3;

/// The log, as far as a few slots and processes go.
#[derive(Clone, Copy, Debug)]
pub struct LogModel {
    /// Which guards there are.
    pub rules: Rules,
    /// How many slots there are, at most 4.
    pub slots: u8,
    /// How many writers there are, at most 2.
    pub writers: usize,
    /// How many collectors there are, at most 2.
    pub collectors: usize,
    /// Whether somebody reads.
    pub has_reader: bool,
}

/// The files, and how far each process has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// What each slot holds now. Slot 1 comes first.
    files: [Content; SLOTS],
    /// What each slot has held first.
    history: [Content; SLOTS],
    /// The newest manifest: the state after so many slots, and the slots that may be removed.
    checkpoint: u8,
    floor: u8,
    writers: [Writer; WRITERS],
    /// Up to which slot each collector removes; 0 if it does not.
    collectors: [u8; COLLECTORS],
    reader: Reader,
}

/// The batch of a writer.
fn batch_of(writer: usize) -> Content {
    if writer == 0 { 1 } else { 2 }
}

impl State {
    /// What is in a slot now.
    fn file(&self, slot: u8) -> Content {
        self.files[usize::from(slot) - 1]
    }

    /// What was in a slot first, and is for ever in the eyes of all who have applied it.
    fn first(&self, slot: u8) -> Content {
        self.history[usize::from(slot) - 1]
    }

    /// The newest slot that was ever taken.
    fn tail(&self) -> u8 {
        let taken = self.history.iter().take_while(|content| **content != NOTHING);
        u8::try_from(taken.count()).expect("invariant: there are few slots")
    }

    /// Links a batch into a slot if the slot is free; whether it was.
    fn link(&mut self, slot: u8, batch: Content, rules: Rules) -> bool {
        let index = usize::from(slot) - 1;
        let is_free = self.files[index] == NOTHING;
        if is_free || !rules.has(Guard::PutIfAbsent) {
            self.files[index] = batch;
        }
        if self.history[index] == NOTHING {
            self.history[index] = batch;
        }
        is_free
    }

    /// Whether a batch is in the slots up to this one.
    fn holds(&self, batch: Content, up_to: u8) -> bool {
        self.history[..usize::from(up_to)].contains(&batch)
    }

    /// The newest slot whose author was told that it is committed.
    fn acknowledged(&self) -> u8 {
        let others = (1..=self.tail()).rev().find(|slot| self.first(*slot) == OTHERS);
        let told = self.writers.iter().filter(|writer| writer.phase == Phase::Acknowledged);
        told.map(|writer| writer.applied).chain(others).max().unwrap_or(0)
    }

    /// The floors that a process may take for the present one: only the present one, if it looks
    /// at the folder anew.
    fn floors_seen(&self, rules: Rules) -> std::ops::RangeInclusive<u8> {
        if rules.has(Guard::FreshFloor) { self.floor..=self.floor } else { 0..=self.floor }
    }
}

impl Model for LogModel {
    type State = State;

    fn initial(&self) -> State {
        let mut state = State::default();
        for absent in &mut state.writers[self.writers..] {
            *absent = Writer::ended();
        }
        if !self.has_reader {
            state.reader = Reader::ended();
        }
        state
    }

    fn next(&self, state: &State, steps: &mut Steps<State>) {
        let free = state.tail() + 1;
        if free <= self.slots {
            let mut next = *state;
            next.link(free, OTHERS, self.rules);
            steps.to(Event::at("somebody", 0, "commits slot", free), next);
        }
        for index in 0..self.writers {
            self.writer_steps(state, index, steps);
        }
        for index in 0..self.collectors {
            self.collector_steps(state, index, steps);
        }
        self.reader_steps(state, steps);
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        let is_gone = |slot| state.file(slot) != state.first(slot);
        if (state.checkpoint + 1..=state.tail()).any(is_gone) {
            return Some("a slot is gone that is in no checkpoint");
        }
        for (index, writer) in state.writers.iter().enumerate() {
            let batch = batch_of(index);
            let is_first_in = |slot| slot > 0 && state.first(slot) == batch;
            if writer.phase == Phase::Acknowledged && !is_first_in(writer.applied) {
                return Some("a commit was acknowledged and is not in the log");
            }
            if writer.phase == Phase::Refused && state.holds(batch, self.slots) {
                return Some("a commit was reported as a conflict and is in the log");
            }
            if state
                .history
                .iter()
                .skip_while(|first| **first != batch)
                .skip(1)
                .any(|again| *again == batch)
            {
                return Some("a transaction was committed twice");
            }
        }
        None
    }

    fn rests(&self, state: &State) -> bool {
        let ended = |writer: &Writer| writer.rests(self.slots);
        state.writers.iter().all(ended) && state.collectors == [0; COLLECTORS]
    }

    fn canonical(&self, mut state: State) -> State {
        state.collectors[..self.collectors].sort_unstable();
        if self.writers < WRITERS {
            return state;
        }
        let mut mirrored = state;
        mirrored.writers.swap(0, 1);
        for content in mirrored.files.iter_mut().chain(&mut mirrored.history) {
            *content = mirror(*content);
        }
        for writer in &mut mirrored.writers {
            writer.seen = mirror(writer.seen);
        }
        mirrored.reader.seen = mirror(mirrored.reader.seen);
        if mirrored.pack() < state.pack() { mirrored } else { state }
    }

    fn goals(&self) -> &'static [Goal<State>] {
        &[
            ("nobody who writes is left without a commit", |state| {
                let is_absent = |writer: &Writer| writer.phase == Phase::Unknown;
                let commits = |writer: &Writer| writer.phase == Phase::Acknowledged;
                state.writers.iter().any(commits)
                    && state.writers.iter().all(|writer| commits(writer) || is_absent(writer))
            }),
            ("a removed slot is linked again", |state| {
                let pairs = state.files.iter().zip(&state.history);
                pairs.into_iter().any(|(file, first)| *file != NOTHING && file != first)
            }),
            ("a commit is recognised when its slot is gone", |state| {
                state.writers.iter().any(|writer| {
                    writer.phase == Phase::Acknowledged && state.file(writer.applied) == NOTHING
                })
            }),
            ("a request is on its way when its writer was told how it ended", |state| {
                state.writers.iter().any(|writer| writer.has_ended() && writer.flight > 0)
            }),
            ("two slots are below the floor and one is above", |state| {
                state.floor >= 2 && state.tail() > state.floor
            }),
        ]
    }
}

/// The content if the writers changed places.
fn mirror(content: Content) -> Content {
    match content {
        1 => 2,
        2 => 1,
        other => other,
    }
}

impl Packed for State {
    fn fields(&mut self, packer: &mut Packer) {
        packer.numbers(&mut self.files, 2);
        packer.numbers(&mut self.history, 2);
        packer.number(&mut self.checkpoint, 3);
        packer.number(&mut self.floor, 3);
        for writer in &mut self.writers {
            writer.fields(packer);
        }
        packer.numbers(&mut self.collectors, 3);
        self.reader.fields(packer);
    }
}
