//! Migration: all records of a type in the present layout, with progress, beside other sessions.

use std::{fmt, marker::PhantomData, pin::Pin};

use super::{Db, registry::OpenStore};
use crate::{
    entity::Entity,
    error::Result,
    retry::{Retry, RetryPolicy},
    schema::sweep::{self, Step},
};

/// How far a [`Migration`] has come.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let progress = db.migrate::<Order>().await?;
/// assert_eq!((progress.done, progress.upgraded, progress.total), (3, 0, 3));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Records that were looked at, those of an interrupted migration included.
    pub done: u64,
    /// Records that were in another layout and have been written anew.
    pub upgraded: u64,
    /// Records that there were when the step began.
    pub total: u64,
}

/// A migration of the records of `E`, made by [`Db::migrate`]: await it, or take it step by step.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// // At once, or step by step, with whatever is to happen in between.
/// db.migrate::<Order>().await?;
///
/// let mut migration = db.migrate::<User>();
/// while let Some(progress) = migration.step().await? {
///     println!("{} of {} users", progress.done, progress.total);
/// }
/// # Ok(())
/// # });
/// ```
#[must_use = "a migration does nothing until it is awaited or stepped"]
pub struct Migration<'d, E> {
    db: &'d Db,
    ended: bool,
    of: PhantomData<fn() -> E>,
}

impl Db {
    /// Writes all records of `E` anew that are stored in the layout of an earlier struct, some at a
    /// time, each time in a transaction of its own beside other sessions.
    ///
    /// Never needed: records of earlier layouts are read by plan or through `From`, and written
    /// anew when they change. What it brings: afterwards reading converts nothing, the code that
    /// reads earlier versions (`from = ..`, `renamed_from`, defaults) is of no use any more and
    /// can go, and a dropped field's values are gone.
    ///
    /// Await it to do all, or call [`Migration::step`]. It may be dropped at any time, and the
    /// process may end: the next one goes on where it was, unless the struct has changed since.
    /// Costs a pass over all records, and writes those of other layouts.
    ///
    /// ```
    /// # use sop_orm::prelude::*;
    /// # #[derive(SopStore)]
    /// # struct User { #[sop(key(auto = uuid7))] id: Id<User>, name: String }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let db = Db::builder().store::<User>().ephemeral().await?;
    /// let mut migration = db.migrate::<User>();
    /// while let Some(progress) = migration.step().await? {
    ///     println!("{} of {}", progress.done, progress.total);
    /// }
    /// assert_eq!(db.migrate::<User>().await?.upgraded, 0, "nothing is left");
    /// # Ok(())
    /// # }
    /// ```
    pub fn migrate<E: Entity>(&self) -> Migration<'_, E> {
        Migration { db: self, ended: false, of: PhantomData }
    }
}

impl<E: Entity> Migration<'_, E> {
    /// Handles the next few thousand records; `None` when all are done.
    ///
    /// Fails like a commit, and with [`Error::Codec`](crate::Error::Codec) at a record that cannot
    /// be read. What other steps have done stays done.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut migration = db.migrate::<Order>();
    /// assert_eq!(migration.step().await?.map(|progress| progress.done), Some(3));
    /// assert!(migration.step().await?.is_none());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn step(&mut self) -> Result<Option<Progress>> {
        if self.ended {
            return Ok(None);
        }
        let (progress, last) = self.advance().await?;
        self.ended = last;
        Ok(Some(progress))
    }

    async fn advance(&self) -> Result<(Progress, bool)> {
        let mut retry = Retry::new(self.db, RetryPolicy::default());
        loop {
            let session = retry.session();
            let (step, total) = self.look()?;
            let outcome = session.run(|work, _| {
                let sweep = sweep::write(work.transaction()?, self.store()?, &step)?;
                Ok(Progress { done: sweep.done, upgraded: sweep.upgraded, total })
            });
            if let Some(result) = retry.finish(session, outcome).await {
                return result.map(|(progress, _)| (progress, step.last));
            }
        }
    }

    fn look(&self) -> Result<(Step, u64)> {
        let (snapshot, store) = (self.db.engine().snapshot()?, self.store()?);
        let total = snapshot.store_by_id(store.rows)?.len()?;
        Ok((sweep::look(&snapshot, store)?, total))
    }

    fn store(&self) -> Result<&OpenStore> {
        self.db.registry().opened::<E>()
    }
}

impl<'d, E: Entity> IntoFuture for Migration<'d, E> {
    type Output = Result<Progress>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'd>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut reached = Progress::default();
            while let Some(progress) = self.step().await? {
                reached = progress;
            }
            Ok(reached)
        })
    }
}

impl<E: Entity> fmt::Debug for Migration<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = E::SCHEMA.store;
        f.debug_struct("Migration").field("store", &store).field("ended", &self.ended).finish()
    }
}
