//! A record while it is being changed.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::Session;
use crate::{
    db::registry::OpenStore,
    entity::{Entity, Record},
    error::{Error, Result},
};

/// A record being edited, as a guard: change it like the struct it is, and drop it.
///
/// When the guard is dropped, the session compares what the record would be stored as with what it
/// was; only then is it written, with the next query or the commit. Errors, such as a value that
/// must be unique and is not, come up there, or at once with [`save`](Self::save).
///
/// While the guard lives, readers of the same session get the record as it was before, a second
/// edit of it fails with [`Error::AlreadyEditing`], and so does a commit.
pub struct Edit<'s, E: Entity> {
    session: &'s Session,
    store: &'s OpenStore,
    key: Vec<u8>,
    /// The row that the record was read from, in the present layout.
    base: Vec<u8>,
    /// `None` once the guard is used up.
    value: Option<E>,
}

impl<'s, E: Entity> Edit<'s, E> {
    pub(crate) fn new(
        session: &'s Session,
        store: &'s OpenStore,
        key: Vec<u8>,
        base: Vec<u8>,
        value: E,
    ) -> Self {
        Self { session, store, key, base, value: Some(value) }
    }

    /// Ends the edit and writes it to the session's transaction now, so that errors come up here.
    /// Returns the record as it is from now on.
    pub async fn save(mut self) -> Result<Arc<E>> {
        let (session, store, key) = (self.session, self.store, self.key.clone());
        self.end(true);
        drop(self);
        session.run(|work, registry| work.flush(registry)).await?;
        let found = session.run(|work, _| work.get(store, key.clone())).await?;
        let missing = || Error::NotFound { store: store.schema.store, key: crate::key::show(&key) };
        found.and_then(super::typed).ok_or_else(missing)
    }

    /// Ends the edit and forgets what was changed.
    pub fn discard(mut self) {
        self.end(false);
    }

    fn end(&mut self, keep: bool) {
        let Some(value) = self.value.take() else { return };
        let row = value.row_bytes(self.store.layouts.current);
        let changed = (keep && (row != self.base || self.key_changed(&value)))
            .then(|| (Arc::new(value) as Arc<dyn Record>, row));
        self.session.end_edit(self.store, std::mem::take(&mut self.key), changed);
    }

    fn key_changed(&self, value: &E) -> bool {
        value.key_bytes().ok().as_ref() != Some(&self.key)
    }
}

impl<E: Entity> Drop for Edit<'_, E> {
    fn drop(&mut self) {
        self.end(true);
    }
}

const ALIVE: &str = "invariant: only functions that consume the guard take its value";

impl<E: Entity> Deref for Edit<'_, E> {
    type Target = E;

    fn deref(&self) -> &E {
        self.value.as_ref().expect(ALIVE)
    }
}

impl<E: Entity> DerefMut for Edit<'_, E> {
    fn deref_mut(&mut self) -> &mut E {
        self.value.as_mut().expect(ALIVE)
    }
}

impl<E: Entity + fmt::Debug> fmt::Debug for Edit<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Edit").field(&self.value).finish()
    }
}
