//! Changes in the order in which they were made, and how safe each is.

use std::collections::VecDeque;

/// How safe a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Safety {
    /// The next sync makes it safe.
    Unsynced,
    /// The sync that was to make it safe failed, and no later one will.
    Forsaken,
    /// It is there after any power cut.
    Safe,
}

/// The changes of one thing since the last state of which all is safe.
#[derive(Clone, Debug)]
pub(super) struct Ledger<C> {
    changes: VecDeque<(C, Safety)>,
}

impl<C> Default for Ledger<C> {
    fn default() -> Self {
        Self { changes: VecDeque::new() }
    }
}

impl<C> Ledger<C> {
    pub(super) fn add(&mut self, change: C) {
        self.changes.push_back((change, Safety::Unsynced));
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &(C, Safety)> {
        self.changes.iter()
    }

    /// Newest first.
    pub(super) fn newest_first(&mut self) -> impl Iterator<Item = &mut (C, Safety)> {
        self.changes.iter_mut().rev()
    }

    /// A sync of these changes succeeded, or failed.
    pub(super) fn synced(&mut self, succeeded: bool, which: impl Fn(&C) -> bool) {
        let after = if succeeded { Safety::Safe } else { Safety::Forsaken };
        for (change, safety) in &mut self.changes {
            if *safety == Safety::Unsynced && which(change) {
                *safety = after;
            }
        }
    }

    /// Takes the oldest change if it is safe: it can become part of the state before.
    pub(super) fn settle(&mut self) -> Option<C> {
        let is_safe = self.changes.front().is_some_and(|(_, safety)| *safety == Safety::Safe);
        if is_safe { self.changes.pop_front().map(|(change, _)| change) } else { None }
    }
}
