//! What a hook may do in the session that calls it.

use std::{fmt, sync::Arc};

use super::{AfterCommit, CommitReport, Work, typed};
use crate::{
    access::At,
    db::registry::{OpenStore, Registry},
    entity::{Entity, IntoEntity, Record},
    error::{Error, Result},
    key::{self, KeyArg},
    store::invalid,
};

/// The session, as an `after_..` of [`Hooks`](crate::Hooks) sees it: its records by their keys.
///
/// What is changed here is part of the session like any other change, and hooks of those records
/// run at once. Nothing here waits, so records whose keys count up cannot be inserted as their
/// `New` struct.
///
/// ```
/// use sop_orm::{Hooks, Scope, prelude::*};
///
/// #[derive(SopStore)]
/// #[sop(hooks)]
/// struct Order { #[sop(key)] number: u64, item: String }
///
/// #[derive(SopStore)]
/// struct Stock { #[sop(key)] item: String, left: i64 }
///
/// impl Hooks for Order {
///     fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
///         scope.update::<Stock>(&self.item, |stock| stock.left -= 1)
///     }
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
/// # let s = db.session();
/// s.of::<Stock>().insert(Stock { item: "lamp".to_owned(), left: 9 }).await?;
/// s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await?;
/// assert_eq!(s.of::<Stock>().require("lamp").await?.left, 8);
/// # Ok(())
/// # });
/// ```
pub struct Scope<'w> {
    work: &'w mut Work,
    registry: &'w Registry,
}

impl<'w> Scope<'w> {
    pub(super) fn new(work: &'w mut Work, registry: &'w Registry) -> Self {
        Self { work, registry }
    }

    fn opened<E: Entity>(&self) -> Result<&'w OpenStore> {
        self.registry.opened::<E>()
    }

    fn key<E: Entity>(key: &impl KeyArg<E::Key>) -> Result<Vec<u8>> {
        key::encode(key).map_err(|error| invalid(&error))
    }

    /// The record with this key, if there is one.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Scope, prelude::*};
    /// # #[derive(SopStore)]
    /// # #[sop(hooks)]
    /// # struct Order { #[sop(key)] number: u64, item: String }
    /// # #[derive(SopStore)]
    /// # struct Stock { #[sop(key)] item: String, left: i64 }
    /// # impl Hooks for Order {
    /// fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     match scope.get::<Stock>(&self.item)? {
    ///         Some(stock) if stock.left > 0 => Ok(()),
    ///         _ => Err(Error::Invalid("there is none left".into())),
    ///     }
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
    /// # let s = db.session();
    /// # let refused = s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await;
    /// # assert!(matches!(refused, Err(Error::Invalid(_))));
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn get<E: Entity>(&mut self, key: impl KeyArg<E::Key>) -> Result<Option<Arc<E>>> {
        let (store, columns) = (self.opened::<E>()?, Self::key::<E>(&key)?);
        let found = self.work.find(self.registry, store, At { index: None, columns })?;
        Ok(found.filter(|record| !record.is_deleted()).and_then(typed))
    }

    /// Inserts a record. Fails with [`Error::Duplicate`] if its key, or its value in a unique
    /// index, is taken.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Scope, prelude::*};
    /// # #[derive(SopStore)]
    /// # #[sop(hooks)]
    /// # struct Order { #[sop(key)] number: u64, item: String }
    /// # #[derive(SopStore)]
    /// # struct Stock { #[sop(key)] item: String, left: i64 }
    /// # impl Hooks for Order {
    /// fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     scope.insert::<Stock, _>(Stock { item: self.item.clone(), left: 0 })?;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
    /// # let s = db.session();
    /// # s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await?;
    /// # assert!(s.of::<Stock>().exists("lamp").await?);
    /// # let again = s.of::<Order>().insert(Order { number: 2, item: "lamp".to_owned() }).await;
    /// # assert!(matches!(again, Err(Error::Duplicate(_))));
    /// # Ok(())
    /// # });
    /// ```
    pub fn insert<E: Entity, N: IntoEntity<E>>(&mut self, new: N) -> Result<Arc<E>> {
        const { assert!(!N::NUMBERED, "a hook cannot wait for a number: give the record whole") }
        let store = self.opened::<E>()?;
        let mut records: Vec<Arc<dyn Record>> = vec![Arc::new(new.into_entity(0)?)];
        self.work.insert(self.registry, store, &mut records)?;
        records.pop().and_then(typed).ok_or_else(|| Error::not_found::<E>("(inserted)"))
    }

    /// Inserts a record, or puts it in the place of the one with the same key.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Scope, prelude::*};
    /// # #[derive(SopStore)]
    /// # #[sop(hooks)]
    /// # struct Order { #[sop(key)] number: u64, item: String }
    /// # #[derive(SopStore)]
    /// # struct Stock { #[sop(key)] item: String, left: i64 }
    /// # impl Hooks for Order {
    /// fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     scope.upsert(Stock { item: self.item.clone(), left: 0 })?;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
    /// # let s = db.session();
    /// # s.of::<Stock>().insert(Stock { item: "lamp".to_owned(), left: 9 }).await?;
    /// # s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await?;
    /// # assert_eq!(s.of::<Stock>().require("lamp").await?.left, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub fn upsert<E: Entity>(&mut self, record: E) -> Result<Arc<E>> {
        let store = self.opened::<E>()?;
        let (record, _) = self.work.upsert(self.registry, store, Arc::new(record))?;
        typed(record).ok_or_else(|| Error::not_found::<E>("(upserted)"))
    }

    /// Changes the record with this key. Fails with [`Error::NotFound`] if there is none, and with
    /// [`Error::AlreadyEditing`] while an [`Edit`](crate::Edit) of it is alive.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Scope, prelude::*};
    /// # #[derive(SopStore)]
    /// # #[sop(hooks)]
    /// # struct Order { #[sop(key)] number: u64, item: String }
    /// # #[derive(SopStore)]
    /// # struct Stock { #[sop(key)] item: String, left: i64 }
    /// # impl Hooks for Order {
    /// fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     scope.update::<Stock>(&self.item, |stock| stock.left += 1)
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
    /// # let s = db.session();
    /// # s.of::<Stock>().insert(Stock { item: "lamp".to_owned(), left: 9 }).await?;
    /// # s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await?;
    /// # s.of::<Order>().delete(1).await?;
    /// # assert_eq!(s.of::<Stock>().require("lamp").await?.left, 10);
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn update<E: Entity>(
        &mut self,
        key: impl KeyArg<E::Key>,
        change: impl FnOnce(&mut E),
    ) -> Result<()> {
        let (store, key) = (self.opened::<E>()?, Self::key::<E>(&key)?);
        let mut change = Some(change);
        let mut change_any = |record: &mut dyn Record| {
            let record: &mut dyn std::any::Any = record;
            if let (Some(record), Some(change)) = (record.downcast_mut(), change.take()) {
                change(record);
            }
        };
        if self.work.update(self.registry, store, &key, &mut change_any)? {
            return Ok(());
        }
        Err(Error::not_found::<E>(E::SCHEMA.show_key(&key)))
    }

    /// Deletes the record with this key. Returns whether there was one.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Scope, prelude::*};
    /// # #[derive(SopStore)]
    /// # #[sop(hooks)]
    /// # struct Order { #[sop(key)] number: u64, item: String }
    /// # #[derive(SopStore)]
    /// # struct Stock { #[sop(key)] item: String, left: i64 }
    /// # impl Hooks for Order {
    /// fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     scope.delete::<Stock>(&self.item)?;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
    /// # let s = db.session();
    /// # s.of::<Stock>().insert(Stock { item: "lamp".to_owned(), left: 9 }).await?;
    /// # s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await?;
    /// # s.of::<Order>().delete(1).await?;
    /// # assert!(!s.of::<Stock>().exists("lamp").await?);
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn delete<E: Entity>(&mut self, key: impl KeyArg<E::Key>) -> Result<bool> {
        let (store, key) = (self.opened::<E>()?, Self::key::<E>(&key)?);
        self.work.delete(self.registry, store, key)
    }

    /// Calls `then` once the session is committed, like
    /// [`Session::after_commit`](crate::Session::after_commit).
    ///
    /// ```
    /// # use sop_orm::{Hooks, Scope, prelude::*};
    /// # #[derive(SopStore)]
    /// # #[sop(hooks)]
    /// # struct Order { #[sop(key)] number: u64, item: String }
    /// # #[derive(SopStore)]
    /// # struct Stock { #[sop(key)] item: String, left: i64 }
    /// # impl Hooks for Order {
    /// fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     let number = self.number;
    ///     scope.after_commit(move |_| println!("order {number} is in"));
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Order>().store::<Stock>().ephemeral().await?;
    /// # let s = db.session();
    /// # s.of::<Order>().insert(Order { number: 1, item: "lamp".to_owned() }).await?;
    /// # s.commit().await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn after_commit(&mut self, then: impl FnOnce(&CommitReport) + Send + 'static) {
        self.work.after_commit(AfterCommit::new(then));
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
