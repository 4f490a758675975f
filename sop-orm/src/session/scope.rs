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
pub struct Scope<'w> {
    work: &'w mut Work,
    registry: &'w Registry,
}

impl<'w> Scope<'w> {
    pub(super) fn new(work: &'w mut Work, registry: &'w Registry) -> Self {
        Self { work, registry }
    }

    fn opened<E: Entity>(&self) -> Result<&'w OpenStore> {
        let registry = self.registry;
        registry.of::<E>().ok_or(Error::NotRegistered { type_name: E::SCHEMA.type_name })
    }

    fn key<E: Entity>(key: &impl KeyArg<E::Key>) -> Result<Vec<u8>> {
        key::encode(key).map_err(|error| invalid(&error))
    }

    /// The record with this key, if there is one.
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn get<E: Entity>(&mut self, key: impl KeyArg<E::Key>) -> Result<Option<Arc<E>>> {
        let (store, columns) = (self.opened::<E>()?, Self::key::<E>(&key)?);
        let found = self.work.find(self.registry, store, At { index: None, columns })?;
        Ok(found.and_then(typed))
    }

    /// Inserts a record. Fails with [`Error::Duplicate`] if its key, or its value in a unique
    /// index, is taken.
    pub fn insert<E: Entity, N: IntoEntity<E>>(&mut self, new: N) -> Result<Arc<E>> {
        const { assert!(!N::NUMBERED, "a hook cannot wait for a number: give the record whole") }
        let store = self.opened::<E>()?;
        let mut records: Vec<Arc<dyn Record>> = vec![Arc::new(new.into_entity(0)?)];
        self.work.insert(self.registry, store, &mut records)?;
        records.pop().and_then(typed).ok_or_else(|| Error::not_found::<E>("(inserted)"))
    }

    /// Inserts a record, or puts it in the place of the one with the same key.
    pub fn upsert<E: Entity>(&mut self, record: E) -> Result<Arc<E>> {
        let store = self.opened::<E>()?;
        let (record, _) = self.work.upsert(self.registry, store, Arc::new(record))?;
        typed(record).ok_or_else(|| Error::not_found::<E>("(upserted)"))
    }

    /// Changes the record with this key. Fails with [`Error::NotFound`] if there is none, and with
    /// [`Error::AlreadyEditing`] while an [`Edit`](crate::Edit) of it is alive.
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
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn delete<E: Entity>(&mut self, key: impl KeyArg<E::Key>) -> Result<bool> {
        let (store, key) = (self.opened::<E>()?, Self::key::<E>(&key)?);
        self.work.delete(self.registry, store, key)
    }

    /// Calls `then` once the session is committed, like
    /// [`Session::after_commit`](crate::Session::after_commit).
    pub fn after_commit(&mut self, then: impl FnOnce(&CommitReport) + Send + 'static) {
        self.work.after_commit(AfterCommit::new(then));
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
