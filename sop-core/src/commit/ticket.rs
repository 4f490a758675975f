//! Where somebody waits for the outcome of a commit: in a thread, or as a future.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::Commit;
use crate::{
    error::Result,
    sync::{Condvar, Mutex},
    transaction::{Draft, Durability, Merger},
    version::Version,
};

/// A transaction that wants to commit.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) draft: Draft,
    /// What it was made on.
    pub(crate) base: Arc<Version>,
    pub(crate) durability: Durability,
    /// Settles what others got ahead with.
    pub(crate) merger: Option<Settler>,
}

/// Somebody's [`Merger`], which need not be printable.
pub(crate) struct Settler(pub(crate) Box<dyn Merger>);

impl fmt::Debug for Settler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settler")
    }
}

/// Waits for one outcome.
#[derive(Debug)]
pub(crate) struct Ticket {
    state: Mutex<State>,
    /// For a waiting thread; a future is woken by its waker.
    changed: Option<Condvar>,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    /// It is this one's turn to lead the pipeline.
    Leading,
    Done(Result<Commit>),
    Taken,
}

impl Ticket {
    pub(super) fn for_thread() -> Arc<Self> {
        let state = Mutex::new(State::Waiting(None));
        Arc::new(Self { state, changed: Some(Condvar::new()) })
    }

    pub(crate) fn for_future() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Waiting(None)), changed: None })
    }

    /// Blocks until there is an outcome, or none but the turn to lead.
    pub(super) fn wait(&self) -> Option<Result<Commit>> {
        let mut state = self.state.lock();
        loop {
            match std::mem::replace(&mut *state, State::Waiting(None)) {
                State::Done(outcome) => {
                    *state = State::Taken;
                    return Some(outcome);
                }
                State::Leading => return None,
                other => *state = other,
            }
            if let Some(changed) = &self.changed {
                changed.wait(&mut state);
            }
        }
    }

    /// The outcome, once it is there.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Result<Commit>> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(outcome) => Poll::Ready(outcome),
            State::Taken => panic!("a commit was polled after it was done"),
            State::Waiting(_) | State::Leading => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// Gives a waiting thread the turn to lead; whether there is one.
    pub(super) fn promote(&self) -> bool {
        let Some(changed) = &self.changed else { return false };
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting(_)) {
            return false;
        }
        *state = State::Leading;
        changed.notify_one();
        true
    }

    pub(crate) fn done(&self, outcome: Result<Commit>) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Done(outcome));
        match (before, &self.changed) {
            // A waker is somebody else's code; its panic must not reach those who lead.
            (State::Waiting(Some(waker)), _) => {
                let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                woken.unwrap_or_else(|_| tracing::error!("a waker panicked"));
            }
            (_, Some(changed)) => {
                changed.notify_one();
            }
            _ => {}
        }
    }
}
