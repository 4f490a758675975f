//! Sessions: units of work.
//!
//! A session is one transaction of the engine with an identity map in front of it. Records are
//! read through the map ([`identity`]), edited in guards ([`edit`]), written to the transaction
//! before queries and at the commit ([`write`], [`flush`]) with what the types want to happen then
//! ([`life`]) and with what that means for records that refer to each other ([`references`],
//! [`cascade`]). At the [`commit`] what others changed meanwhile is merged ([`merge`]), and all of it
//! becomes durable at once or not at all.

mod bulk;
mod cascade;
mod commit;
mod edit;
mod flush;
mod identity;
mod life;
mod merge;
mod references;
mod report;
mod savepoint;
mod scope;
mod soft_delete;
mod work;
mod write;

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use sop_core::TransactionOptions;

pub(crate) use commit::{Ready, Submitted};
pub use edit::Edit;
pub use merge::MergedRecord;
use report::AfterCommit;
pub use report::{CommitReport, StoreChanges};
use savepoint::Mark;
pub use scope::Scope;
use work::Ground;
pub(crate) use work::Work;

use crate::{
    db::{
        Db,
        registry::{OpenStore, Registry},
    },
    entity::{Entity, Record},
    error::{Ended, Error, Result},
};

/// A unit of work: sees one state of the database and its own changes, and commits these together.
///
/// Made by [`Db::session`] or handed to the closure of [`Db::run`]. Any number of tasks may use it
/// at once. Dropped without a commit, it leaves no trace.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, _| {
/// let s = db.session();
/// let number = s.of::<Order>().insert(NewOrder { total: 1 }).await?.number;
/// s.of::<Order>().edit(number).await?.total = 2;
/// assert!(!db.session().of::<Order>().exists(number).await?, "nobody else sees it yet");
/// s.commit().await?;
/// assert_eq!(db.session().of::<Order>().require(number).await?.total, 2);
/// # Ok(())
/// # });
/// ```
pub struct Session {
    db: Db,
    attempt: u32,
    span: tracing::Span,
    state: Mutex<State>,
}

/// A moment in a session to go back to. See [`Session::savepoint`]. Dropped, it keeps the changes.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let savepoint = s.savepoint()?;
/// s.of::<Order>().by_key().delete().await?;
/// savepoint.rollback()?;
/// assert_eq!(s.of::<Order>().by_key().count().await?, 3);
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a savepoint that is dropped cannot be gone back to"]
pub struct Savepoint<'s> {
    session: &'s Session,
    mark: Mark,
}

impl Savepoint<'_> {
    /// Undoes everything the session has changed since: records, index entries, edits that are not
    /// written yet. May be done again. Savepoints made since then are gone.
    ///
    /// What was read stays read: if another session changes it, the commit fails. Records that were
    /// changed since are other instances when they are read again; nothing happens to those that
    /// somebody holds. Fails with [`AlreadyEditing`](Error::AlreadyEditing) while any
    /// [`Edit`] is alive, and with [`Invalid`](Error::Invalid) if an earlier savepoint was gone
    /// back to.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// s.of::<Order>().delete(1).await?;
    /// let savepoint = s.savepoint()?;
    /// s.of::<Order>().delete(2).await?;
    /// savepoint.rollback()?;
    /// // What was done before it is still done.
    /// assert!(!s.of::<Order>().exists(1).await? && s.of::<Order>().exists(2).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn rollback(&self) -> Result<()> {
        self.session.run(|work, registry| {
            work.refuse_any_editing(registry)?;
            work.rollback_to(&self.mark)
        })
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        self.session.release(&self.mark);
    }
}

/// The work is boxed because an ended session should be small.
enum State {
    Open(Box<Work>),
    Ended(Ended),
}

impl Session {
    pub(crate) fn begin(db: &Db, options: TransactionOptions, attempt: u32) -> Self {
        let state = match Ground::new(db.engine(), options) {
            Ok(ground) => State::Open(Box::new(Work::new(ground))),
            Err(error) => State::Ended(Ended::Failed(error)),
        };
        let span = tracing::debug_span!("session", attempt);
        Self { db: db.clone(), attempt, span, state: Mutex::new(state) }
    }

    /// The store of `E`. Cheap: call it wherever it reads well.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<User>().by_city().prefix("Rome").count().await?, 2);
    /// assert_eq!(s.of::<Order>().require(3).await?.total, 30);
    /// # Ok(())
    /// # });
    /// ```
    pub fn of<E: Entity>(&self) -> E::Store<'_> {
        E::Store::from(crate::store::StoreHandle::new(self))
    }

    /// Which attempt of [`Db::run`] this is: 1 for the first.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # sop_orm::testing::conflict_at(&db, 1);
    /// // Somebody else is faster this once.
    /// let attempt = db
    ///     .run(async |s| {
    ///         s.of::<Order>().delete(1).await?;
    ///         Ok(s.attempt())
    ///     })
    ///     .await?;
    /// assert_eq!(attempt, 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Calls `then` once this session is committed, on the task that awaits the commit; never if it
    /// is not committed, or if nobody awaits the end of that. Panics there are logged: the commit
    /// stands.
    ///
    /// For what must not happen when the work is repeated, such as sending mail.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use std::sync::mpsc;
    ///
    /// let (mail, sent) = mpsc::channel();
    /// db.run(async |s| {
    ///     s.of::<Order>().delete(1).await?;
    ///     let mail = mail.clone();
    ///     s.after_commit(move |_| drop(mail.send("order 1 is cancelled")))
    /// })
    /// .await?;
    /// assert_eq!(sent.try_iter().count(), 1, "however often the work was repeated");
    /// # Ok(())
    /// # });
    /// ```
    pub fn after_commit(&self, then: impl FnOnce(&CommitReport) + Send + 'static) -> Result<()> {
        self.run(|work, _| {
            work.after_commit(AfterCommit::new(then));
            Ok(())
        })
    }

    /// A moment to go back to with [`Savepoint::rollback`]. Edits so far are written first, which
    /// can fail like any flush. Costs little, and as long as the savepoint lives every change costs
    /// some more memory.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let savepoint = s.savepoint()?;
    /// s.of::<Order>().delete(1).await?;
    /// savepoint.rollback()?;
    /// assert!(s.of::<Order>().exists(1).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn savepoint(&self) -> Result<Savepoint<'_>> {
        let mark = self.run(Work::savepoint)?;
        Ok(Savepoint { session: self, mark })
    }

    /// Drops all changes. The session has ended then; if it had ended already, nothing happens.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// s.of::<Order>().delete(1).await?;
    /// s.rollback();
    /// assert!(matches!(s.of::<Order>().get(1).await, Err(Error::SessionClosed(_))));
    /// assert!(db.session().of::<Order>().exists(1).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn rollback(&self) {
        let mut state = self.state.lock();
        if matches!(&*state, State::Open(_)) {
            *state = State::Ended(Ended::RolledBack);
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        self.db.registry()
    }

    /// The span of what happens in this session.
    pub(crate) fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Runs one operation on the session's work. The engine answers from memory and mapped files,
    /// so this does not wait.
    pub(crate) fn run<R>(
        &self,
        operation: impl FnOnce(&mut Work, &Registry) -> Result<R>,
    ) -> Result<R> {
        let mut state = self.state.lock();
        let result = operation(open(&mut state)?, self.registry());
        end_if_broken(&mut state, result.as_ref().err());
        result
    }

    fn release(&self, mark: &Mark) {
        if let State::Open(work) = &mut *self.state.lock() {
            work.release(mark);
        }
    }

    fn end_edit(
        &self,
        store: &OpenStore,
        key: Vec<u8>,
        changed: Option<(Arc<dyn Record>, Vec<u8>)>,
    ) {
        if let State::Open(work) = &mut *self.state.lock() {
            work.end_edit(store, key, changed);
        }
    }
}

fn open(state: &mut State) -> Result<&mut Work> {
    match state {
        State::Open(work) => Ok(work),
        State::Ended(ended) => Err(Error::SessionClosed(ended.clone())),
    }
}

/// What broke off half-way can neither go on nor be taken back.
fn end_if_broken(state: &mut State, error: Option<&Error>) {
    let State::Open(work) = state else { return };
    if let Some(Error::HookPanicked { store, hook, .. }) = error {
        *state = State::Ended(Ended::Panicked { store, hook });
    } else if let Some(error) = work.broken() {
        *state = State::Ended(Ended::Failed(error.clone()));
    }
}

/// A record as the type that it is.
pub(crate) fn typed<E: Entity>(record: Arc<dyn Record>) -> Option<Arc<E>> {
    let any: Arc<dyn std::any::Any + Send + Sync> = record;
    any.downcast().ok()
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
