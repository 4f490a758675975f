//! Commits that are under way while others take their steps.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// A commit that nobody waits for by blocking, and what it was submitted with.
pub(super) struct InFlight<F, S> {
    future: F,
    pub(super) submission: S,
    pub(super) is_polled: bool,
}

impl<F: Future + Unpin, S> InFlight<F, S> {
    pub(super) fn new(future: F, submission: S) -> Self {
        Self { future, submission, is_polled: false }
    }

    pub(super) fn poll(&mut self) -> Poll<F::Output> {
        self.is_polled = true;
        Pin::new(&mut self.future).poll(&mut Context::from_waker(Waker::noop()))
    }
}

impl<F, S: fmt::Debug> fmt::Debug for InFlight<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submission, is_polled, .. } = self;
        f.debug_struct("InFlight")
            .field("submission", submission)
            .field("is_polled", is_polled)
            .finish_non_exhaustive()
    }
}
