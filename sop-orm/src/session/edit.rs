//! A record while it is being changed.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::Session;
use crate::{
    db::registry::OpenStore,
    deleted::Deleted,
    entity::{self, Entity, Record},
    error::{Error, Result},
    layout,
};

/// A record being edited, as a guard: change it like the struct it is, and drop it.
///
/// When the guard is dropped, the session compares what the record would be stored as with what it
/// was; only then is it written, with the next query or the commit. Errors, such as a value that
/// must be unique and is not, come up there, or at once with [`save`](Self::save).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// // The guard of one statement:
/// s.of::<Order>().edit(1).await?.total += 5;
///
/// // The guard of a block:
/// {
///     let mut order = s.of::<Order>().edit(1).await?;
///     order.total *= 2;
///     order.tags.push("large".to_owned());
/// }
/// assert_eq!(s.of::<Order>().require(1).await?.total, 30);
/// # Ok(())
/// # });
/// ```
///
/// While the guard lives, readers of the same session get the record as it was before, a second
/// edit of it fails with [`Error::AlreadyEditing`], and so does a commit.
pub struct Edit<'s, E: Entity> {
    session: &'s Session,
    store: &'s OpenStore,
    key: Vec<u8>,
    /// The row that the record was read from, in the present layout; `None` if an earlier edit has
    /// changed it already, so that there is something to write in any case.
    base: Option<Vec<u8>>,
    /// `None` before the record was read and after the end.
    value: Option<E>,
    ended: bool,
}

impl<'s, E: Entity> Edit<'s, E> {
    pub(crate) fn begin(
        session: &'s Session,
        store: &'s OpenStore,
        key: Vec<u8>,
        deleted: Deleted,
    ) -> Result<Self> {
        let row = session.run(|work, _| work.begin_edit(store, &key))?;
        let missing = |key: &[u8]| Error::not_found::<E>(E::SCHEMA.show_key(key));
        let row = row.ok_or_else(|| missing(&key))?;
        // From here on the guard's end frees the record again, whatever happens.
        let mut edit = Self { session, store, key, base: None, value: None, ended: false };
        let value = entity::read::<E>(&store.layouts, &edit.key, &row.bytes);
        let value = value.map_err(|source| store.unreadable(source))?;
        if deleted.hides(&value) {
            return Err(missing(&edit.key));
        }
        edit.base = if row.changed {
            None
        } else if layout::layout_of(&row.bytes) == Ok(store.layouts.current) {
            Some(row.bytes)
        } else {
            Some(value.row_bytes(store.layouts.current))
        };
        edit.value = Some(value);
        Ok(edit)
    }

    /// Ends the edit and writes it to the session's transaction now, so that errors come up here.
    /// Returns the record as it is from now on.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let bob = s.of::<User>().by_email("bob@x.io").await?.expect("Bob is in the shop");
    /// let mut edit = s.of::<User>().edit(bob.id).await?;
    /// edit.email = "ann@x.io".to_owned();
    /// assert!(matches!(edit.save().await, Err(Error::Duplicate(_))), "Ann has this address");
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "like every other operation on records")]
    pub async fn save(mut self) -> Result<Arc<E>> {
        self.end(true);
        let (store, key) = (self.store, std::mem::take(&mut self.key));
        let saved = self.session.run(|work, registry| {
            work.flush(registry)?;
            work.get(store, &key)
        })?;
        saved.and_then(super::typed).ok_or_else(|| Error::not_found::<E>(E::SCHEMA.show_key(&key)))
    }

    /// Ends the edit and forgets what was changed.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut edit = s.of::<Order>().edit(1).await?;
    /// edit.total = 0;
    /// edit.discard();
    /// assert_eq!(s.of::<Order>().require(1).await?.total, 10);
    /// # Ok(())
    /// # });
    /// ```
    pub fn discard(mut self) {
        self.end(false);
    }

    fn end(&mut self, keep: bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let changed = self.value.take().filter(|_| keep).and_then(|value| {
            let row = value.row_bytes(self.store.layouts.current);
            let changed = self.base.as_ref() != Some(&row) || self.key_changed(&value);
            changed.then(|| (Arc::new(value) as Arc<dyn Record>, row))
        });
        self.session.end_edit(self.store, self.key.clone(), changed);
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

const ALIVE: &str = "invariant: a guard that callers see has a value";

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
