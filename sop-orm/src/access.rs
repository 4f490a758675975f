//! One access to one record, as a future with a name.
//!
//! An `async fn` would do, but its future would hold on to the arguments; this one has encoded them
//! already, so it borrows only the session and a wrong argument is complained about once.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    entity::{Entity, IntoEntity, Record},
    error::{CodecError, Result},
    session::Edit,
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

/// Going on from a search by key or by the columns of a unique index.
///
/// If another session adds what was not found, one of the two cannot commit, and
/// [`Db::run`](crate::Db::run) does its work again.
impl<E: Entity> Access<'_, E, Option<Arc<E>>> {
    /// The record, or the one that `make` gives, inserted. That must have the key or columns that
    /// were searched for, to be found the next time.
    ///
    /// ```
    /// # use sop_orm::{Written, prelude::*};
    /// # #[derive(SopStore, Debug, PartialEq)]
    /// # struct User {
    /// #     #[sop(key(auto = uuid7))] id: Id<User>,
    /// #     #[sop(unique(by_email))] email: String,
    /// #     #[sop(default)] visits: u32,
    /// # }
    /// # async fn example(s: &Session) -> Result<()> {
    /// let email = "ann@x.io";
    /// let new = || NewUser { email: email.to_owned() };
    /// let ann = s.of::<User>().by_email(email).or_insert_with(new).await?;
    /// println!("{}", if matches!(ann, Written::Inserted(_)) { "welcome" } else { "hello" });
    /// let ann = s.of::<User>().by_email(email).upsert_with(new, |user| user.visits += 1).await?;
    /// assert_eq!(ann.into_record().visits, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn or_insert_with<N: IntoEntity<E>>(
        self,
        make: impl FnOnce() -> N,
    ) -> Result<Written<E>> {
        let store = self.store;
        match self.await? {
            Some(found) => Ok(Written::Kept(found)),
            None => Ok(Written::Inserted(store.insert(make()).await?)),
        }
    }

    /// The record as `change` leaves it, or the one that `make` gives, inserted.
    pub async fn upsert_with<N: IntoEntity<E>>(
        self,
        make: impl FnOnce() -> N,
        change: impl FnOnce(&mut E),
    ) -> Result<Written<E>> {
        let store = self.store;
        let Some(found) = self.await? else {
            return Ok(Written::Inserted(store.insert(make()).await?));
        };
        let key = found.key_bytes().map_err(|error| invalid(&error))?;
        let mut edit = Edit::begin(store.session(), store.opened()?, key)?;
        change(&mut edit);
        Ok(Written::Updated(edit.save().await?))
    }
}

/// What became of a record that may or may not have been there.
#[derive(Debug, PartialEq, Eq)]
pub enum Written<E> {
    /// There was none: this one was inserted.
    Inserted(Arc<E>),
    /// There was one, and it was changed to this.
    Updated(Arc<E>),
    /// There was this one already.
    Kept(Arc<E>),
}

impl<E> Written<E> {
    /// The record as it is now.
    pub fn into_record(self) -> Arc<E> {
        match self {
            Self::Inserted(record) | Self::Updated(record) | Self::Kept(record) => record,
        }
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
