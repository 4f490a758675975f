//! One access to one record, as a future with a name.
//!
//! An `async fn` would do, but its future would hold on to the arguments; this one has encoded them
//! already, so it borrows only the session and a wrong argument is complained about once.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    error::{CodecError, Result},
    store::{StoreHandle, invalid},
};

/// What a record is found by.
pub(crate) struct At {
    /// The position of a unique index; `None` for the primary key.
    pub(crate) index: Option<usize>,
    /// The columns of the index, or the key.
    pub(crate) columns: Vec<u8>,
}

/// One access to one record: await it. Nothing happens before.
#[must_use = "an access does nothing until it is awaited"]
pub struct Access<'s, E, T> {
    store: StoreHandle<'s, E>,
    at: Option<Result<At, CodecError>>,
    run: fn(StoreHandle<'s, E>, At) -> Result<T>,
}

impl<'s, E, T> Access<'s, E, T> {
    pub(crate) fn new(
        store: StoreHandle<'s, E>,
        at: Result<At, CodecError>,
        run: fn(StoreHandle<'s, E>, At) -> Result<T>,
    ) -> Self {
        Self { store, at: Some(at), run }
    }
}

impl<E, T> Future for Access<'_, E, T> {
    type Output = Result<T>;

    /// Answers at once: the engine reads from memory and mapped files. This is the place that
    /// would wait if that ever changed.
    ///
    /// # Panics
    ///
    /// If it is polled again after it has answered.
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let at = self.at.take().expect("invariant: a future is not polled after it has answered");
        Poll::Ready(at.map_err(|error| invalid(&error)).and_then(|at| (self.run)(self.store, at)))
    }
}

impl<E, T> fmt::Debug for Access<'_, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("store", &self.store).finish_non_exhaustive()
    }
}
