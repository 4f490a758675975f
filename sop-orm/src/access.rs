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
    deleted::Deleted,
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
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let access = s.of::<Order>().get(1); // nothing was read so far
/// assert!(access.await?.is_some());
///
/// let new = || NewUser { email: "dan@x.io".to_owned(), city: "Oslo".to_owned(), age: 33 };
/// let dan = s.of::<User>().by_email("dan@x.io").or_insert_with(new).await?.into_record();
/// assert_eq!(dan.age, 33);
/// # Ok(())
/// # });
/// ```
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
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::Written;
    ///
    /// let email = "dan@x.io";
    /// let new = || NewUser { email: email.to_owned(), city: "Oslo".to_owned(), age: 33 };
    /// let dan = s.of::<User>().by_email(email).or_insert_with(new).await?;
    /// assert!(matches!(dan, Written::Inserted(_)));
    /// let again = s.of::<User>().by_email(email).or_insert_with(new).await?;
    /// assert!(matches!(again, Written::Kept(_)));
    /// # Ok(())
    /// # });
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let email = "ann@x.io";
    /// let new = || NewUser { email: email.to_owned(), city: "Rome".to_owned(), age: 40 };
    /// let ann = s.of::<User>().by_email(email).upsert_with(new, |user| user.visits += 1).await?;
    /// assert_eq!(ann.into_record().visits, 1);
    /// # Ok(())
    /// # });
    /// ```
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
        let mut edit = Edit::begin(store.session(), store.opened()?, key, Deleted::Hidden)?;
        change(&mut edit);
        Ok(Written::Updated(edit.save().await?))
    }
}

/// What became of a record that may or may not have been there.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Written;
///
/// let new = || Order { number: 1, total: 0, tags: Vec::new() };
/// match s.of::<Order>().get(1).or_insert_with(new).await? {
///     Written::Kept(order) => assert_eq!(order.total, 10),
///     Written::Inserted(_) | Written::Updated(_) => panic!("order 1 is in the shop"),
/// }
/// # Ok(())
/// # });
/// ```
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let new = || Order { number: 1, total: 0, tags: Vec::new() };
    /// let order = s.of::<Order>().get(1).or_insert_with(new).await?.into_record();
    /// assert_eq!(order.total, 10);
    /// # Ok(())
    /// # });
    /// ```
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
