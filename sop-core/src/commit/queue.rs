//! Drafts that wait for a leader, and whose turn it is to lead.

use std::{collections::VecDeque, sync::Arc};

use super::ticket::{Submission, Ticket};
use crate::sync::Mutex;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Submission, Arc<Ticket>)>,
    /// Whether somebody has the turn to lead.
    led: bool,
    closed: bool,
}

/// Whether the caller must see to it that somebody leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Lead,
    Wait,
    /// Nobody will; the draft was not taken.
    Closed,
}

impl Queue {
    pub(super) fn push(&self, submission: Submission, ticket: &Arc<Ticket>) -> Turn {
        let mut state = self.state.lock();
        if state.closed {
            return Turn::Closed;
        }
        state.waiting.push_back((submission, Arc::clone(ticket)));
        if state.led {
            return Turn::Wait;
        }
        state.led = true;
        Turn::Lead
    }

    pub(super) fn pop(&self) -> Option<(Submission, Arc<Ticket>)> {
        self.state.lock().waiting.pop_front()
    }

    /// Takes no more drafts; gives the tickets of those that still wait.
    pub(super) fn close(&self) -> Vec<Arc<Ticket>> {
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.drain(..).map(|(_, ticket)| ticket).collect()
    }

    /// Gives the turn to the first who waits in a thread of its own; if nobody waits so, somebody
    /// else must lead; if nobody waits at all, the next one to come will.
    pub(super) fn pass_turn(&self) -> Turn {
        let mut state = self.state.lock();
        let promoted = state.waiting.iter().any(|(_, ticket)| ticket.promote());
        state.led = !state.waiting.is_empty();
        if state.led && !promoted { Turn::Lead } else { Turn::Wait }
    }
}
