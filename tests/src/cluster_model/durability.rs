//! What is visible and what is durable: power cuts below the log.
//!
//! Two nodes link batches, each behind what it has applied, and follow each other. A name that was
//! made can be seen at once and is durable once its folder has been synced; what a batch holds is
//! durable once its file has been. A power cut takes away any of the names that are not durable.
//!
//! On an *honest* disk, which all nodes share with their machine, that must never take away what
//! somebody was told. On one that *lies*, such as a server that answers before it has written, any
//! name may go while the nodes live on. Nothing can prevent that loss; but nobody may go on as if
//! nothing had happened, or there would be two histories.

use super::{Choice, Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};

const SLOTS: usize = 3;
const NODES: usize = 2;
const CUTS_MAX: u8 = 2;
/// Batches that may be made in all; each is told from all others by its nonce, from 1 on.
const BATCHES_MAX: u8 = 6;

/// A few slots, two nodes, and a disk that loses its power.
#[derive(Clone, Copy, Debug)]
pub struct DurabilityModel {
    /// Which guards there are.
    pub rules: Rules,
    /// Whether the disk loses what it said was durable.
    pub lies: bool,
}

/// The folder, what was promised, and how far each node has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    slots: [Slot; SLOTS],
    /// The batch in each slot that somebody was told of; 0 if nobody was.
    promised: [u8; SLOTS],
    nodes: [Node; NODES],
    batches: u8,
    cuts: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The nonce of the batch; 0 if there is none.
    nonce: u8,
    /// The nonce that its author knew of the batch before.
    base: u8,
    /// Whether the name is durable.
    is_durable: bool,
    /// Whether the content is.
    is_whole: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    phase: Phase,
    /// The slots up to this one are applied; this is the nonce in the last of them.
    applied: u8,
    nonce: u8,
    /// The nonce of the batch that it has linked or found behind them, and what that builds on.
    next_nonce: u8,
    next_base: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Follows,
    /// Has linked a batch and not synced the folder yet.
    HasLinked,
    /// Has found a batch and not synced the folder yet.
    HasFound,
    /// Found something that cannot be.
    Stopped,
}

impl Choice for Phase {
    const ALL: &'static [Self] = &[Self::Follows, Self::HasLinked, Self::HasFound, Self::Stopped];
}

impl State {
    /// The slot behind those that a node has applied, if the model has one more.
    fn next_slot(&self, node: Node) -> Option<&Slot> {
        self.slots.get(usize::from(node.applied))
    }

    /// A node makes what can be seen durable, and tells somebody of the batch that it has linked or
    /// found.
    fn advance(mut self, index: usize, syncs: bool) -> Self {
        for slot in &mut self.slots {
            slot.is_durable |= syncs && slot.nonce > 0;
        }
        let node = &mut self.nodes[index];
        let promised = &mut self.promised[usize::from(node.applied)];
        if *promised == 0 {
            *promised = node.next_nonce;
        }
        let (applied, nonce) = (node.applied + 1, node.next_nonce);
        *node = Node { applied, nonce, ..Node::default() };
        self
    }
}

impl DurabilityModel {
    fn node_steps(self, state: &State, index: usize, steps: &mut Steps<State>) {
        let node = state.nodes[index];
        let number = node.applied + 1;
        let step = |node| {
            let mut next = *state;
            next.nodes[index] = node;
            next
        };
        match (node.phase, state.next_slot(node)) {
            (Phase::Stopped, _) | (Phase::Follows, None) => {}
            (Phase::Follows, Some(slot)) if slot.nonce > 0 => {
                let (next_nonce, next_base) = (slot.nonce, slot.base);
                let found = Node { phase: Phase::HasFound, next_nonce, next_base, ..node };
                steps.to(Event::at("node", index, "finds slot", number), step(found));
            }
            (Phase::Follows, Some(_)) => self.link(state, index, steps),
            (Phase::HasLinked, _) => {
                let next = state.advance(index, self.rules.has(Guard::SyncLinkedName));
                steps.to(Event::at("node", index, "acknowledges slot", number), next);
            }
            (Phase::HasFound, _) if node.next_base == node.nonce => {
                let next = state.advance(index, self.rules.has(Guard::SyncFoundName));
                steps.to(Event::at("node", index, "applies slot", number), next);
            }
            (Phase::HasFound, _) if self.rules.has(Guard::ChainOfNonces) => {
                let event = Event::at("node", index, "finds another history in slot", number);
                steps.to(event, step(Node { phase: Phase::Stopped, ..node }));
            }
            (Phase::HasFound, _) => {
                let event = Event::at("node", index, "applies slot", number);
                steps.wrong(event, "a batch was applied to a state that its author never saw");
            }
        }
    }

    fn link(self, state: &State, index: usize, steps: &mut Steps<State>) {
        let node = state.nodes[index];
        let number = node.applied + 1;
        let behind = state.slots.get(usize::from(number));
        let is_hole = behind.is_some_and(|slot| slot.nonce > 0);
        let mut next = *state;
        if is_hole && self.rules.has(Guard::HolesAreFatal) {
            next.nodes[index].phase = Phase::Stopped;
            steps.to(Event::at("node", index, "finds a hole, slot", number), next);
            return;
        }
        if state.batches == BATCHES_MAX {
            return;
        }
        let event = Event::at("node", index, "links slot", number);
        if is_hole {
            steps.wrong(event, "a lost batch was replaced by another one");
            return;
        }
        next.batches += 1;
        let (phase, next_nonce) = (Phase::HasLinked, next.batches);
        next.nodes[index] = Node { phase, next_nonce, next_base: node.nonce, ..node };
        next.slots[usize::from(node.applied)] = Slot {
            nonce: next.batches,
            base: node.nonce,
            is_durable: false,
            is_whole: self.rules.has(Guard::SyncBatch),
        };
        steps.to(event, next);
    }

    /// Any of the names that may go does or does not.
    fn cut_power(self, state: &State, steps: &mut Steps<State>) {
        for lost in 0..1_u8 << SLOTS {
            let mut next = *state;
            next.cuts += 1;
            let (mut is_possible, mut is_torn) = (true, false);
            for (index, slot) in next.slots.iter_mut().enumerate() {
                if lost & 1 << index == 0 {
                    slot.is_durable |= slot.nonce > 0;
                    is_torn |= slot.nonce > 0 && !slot.is_whole;
                } else {
                    is_possible &= slot.nonce > 0 && (self.lies || !slot.is_durable);
                    *slot = Slot::default();
                }
            }
            if !is_possible {
                continue;
            }
            let event = Event::at("the power", 0, "goes and leaves without slots, as bits,", lost);
            if is_torn {
                steps.wrong(event, "the power took the content of a batch and left its name");
                continue;
            }
            if self.lies {
                steps.to(event, next);
            }
            next.nodes = [Node::default(); NODES];
            steps.to(event, next);
        }
    }
}

impl Model for DurabilityModel {
    type State = State;

    fn initial(&self) -> State {
        State::default()
    }

    fn next(&self, state: &State, steps: &mut Steps<State>) {
        for index in 0..NODES {
            self.node_steps(state, index, steps);
        }
        if state.cuts < CUTS_MAX {
            self.cut_power(state, steps);
        }
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        if self.lies {
            return None;
        }
        let pairs = state.promised.iter().zip(&state.slots);
        if pairs.into_iter().any(|(promised, slot)| *promised > 0 && *promised != slot.nonce) {
            return Some("the power took what somebody was told of");
        }
        let is_stopped = |node: &Node| node.phase == Phase::Stopped;
        state.nodes.iter().any(is_stopped).then_some("a crash is taken for damage")
    }

    fn rests(&self, _: &State) -> bool {
        true
    }

    fn canonical(&self, mut state: State) -> State {
        state.nodes.sort_unstable_by_key(|node| {
            (node.applied, node.nonce, node.phase as u8, node.next_nonce, node.next_base)
        });
        state
    }

    fn goals(&self) -> &'static [Goal<State>] {
        &[
            ("a batch is taken by a power cut", |state| {
                state.cuts > 0 && state.batches > 0 && state.slots[0].nonce == 0
            }),
            ("the slot of a lost batch is used again", |state| state.slots[0].nonce > 1),
            ("everything is promised", |state| !state.promised.contains(&0)),
        ]
    }
}

impl Packed for State {
    fn fields(&mut self, packer: &mut Packer) {
        for slot in &mut self.slots {
            packer.number(&mut slot.nonce, 3);
            packer.number(&mut slot.base, 3);
            packer.flag(&mut slot.is_durable);
            packer.flag(&mut slot.is_whole);
        }
        packer.numbers(&mut self.promised, 3);
        for node in &mut self.nodes {
            packer.choice(&mut node.phase);
            packer.number(&mut node.applied, 3);
            packer.number(&mut node.nonce, 3);
            packer.number(&mut node.next_nonce, 3);
            packer.number(&mut node.next_base, 3);
        }
        packer.number(&mut self.batches, 3);
        packer.number(&mut self.cuts, 2);
    }
}
