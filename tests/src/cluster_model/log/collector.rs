//! Whoever writes a checkpoint raises the floor, and removes what is below it, at any later time.

use super::{LogModel, NOTHING, State};
use crate::cluster_model::{Event, Guard, Steps};

const WHO: &str = "collector";

impl LogModel {
    pub(super) fn collector_steps(&self, state: &State, index: usize, steps: &mut Steps<State>) {
        let removes_to = state.collectors[index];
        if removes_to == 0 {
            self.publish(state, index, steps);
            return;
        }
        for slot in 1..=removes_to {
            if state.file(slot) != NOTHING {
                let mut next = *state;
                next.files[usize::from(slot) - 1] = NOTHING;
                steps.to(Event::at(WHO, index, "removes slot", slot), next);
            }
        }
        let mut next = *state;
        next.collectors[index] = 0;
        steps.to(Event::new(WHO, index, "is done"), next);
    }

    /// Publishes a manifest of the state after any number of slots, with any floor below that.
    fn publish(&self, state: &State, index: usize, steps: &mut Steps<State>) {
        for checkpoint in state.checkpoint..=state.tail() {
            let is_bounded = self.rules.has(Guard::FloorWithinCheckpoint);
            let highest = if is_bounded { checkpoint } else { state.tail() };
            for floor in state.floor..=highest {
                if (checkpoint, floor) == (state.checkpoint, state.floor) {
                    continue;
                }
                let mut next = *state;
                next.collectors[index] = floor;
                if self.rules.has(Guard::FloorBeforeRemoval) {
                    (next.checkpoint, next.floor) = (checkpoint, floor);
                }
                let event = Event::at(WHO, index, "checkpoints, for the floor", floor);
                steps.to(event, next);
            }
        }
    }
}
