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
    leader: Leader,
    closed: bool,
}

/// Who has the turn to lead.
#[derive(Debug, Default, PartialEq, Eq)]
enum Leader {
    /// Nobody, and nobody needs it.
    #[default]
    Nobody,
    /// The background was asked and has not come yet; whoever waits in a thread is faster.
    Asked,
    Somebody,
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
    /// Adds the draft of somebody who waits in a thread, and so can lead.
    pub(super) fn push(&self, submission: Submission, ticket: &Arc<Ticket>) -> Turn {
        let mut state = self.state.lock();
        if state.closed {
            return Turn::Closed;
        }
        state.waiting.push_back((submission, Arc::clone(ticket)));
        if state.leader == Leader::Somebody {
            return Turn::Wait;
        }
        state.leader = Leader::Somebody;
        Turn::Lead
    }

    /// Adds the draft of somebody who does not wait in a thread.
    pub(super) fn push_unattended(&self, submission: Submission, ticket: &Arc<Ticket>) -> Turn {
        let mut state = self.state.lock();
        if state.closed {
            return Turn::Closed;
        }
        state.waiting.push_back((submission, Arc::clone(ticket)));
        if state.leader != Leader::Nobody {
            return Turn::Wait;
        }
        state.leader = Leader::Asked;
        Turn::Lead
    }

    /// Takes the turn if the background was asked to; whether it is still to be had.
    pub(super) fn take_turn(&self) -> bool {
        let mut state = self.state.lock();
        let is_free = state.leader == Leader::Asked;
        if is_free {
            state.leader = Leader::Somebody;
        }
        is_free
    }

    pub(super) fn pop(&self) -> Option<(Submission, Arc<Ticket>)> {
        self.state.lock().waiting.pop_front()
    }

    /// How many drafts wait.
    pub(super) fn len(&self) -> usize {
        self.state.lock().waiting.len()
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
        state.leader = if state.waiting.iter().any(|(_, ticket)| ticket.promote()) {
            Leader::Somebody
        } else if state.waiting.is_empty() {
            Leader::Nobody
        } else {
            Leader::Asked
        };
        if state.leader == Leader::Asked { Turn::Lead } else { Turn::Wait }
    }
}
