//! What a query gives out for each record it finds: the record, its key, or some of its fields.

use std::sync::Arc;

use super::select::Select;
use crate::{
    db::registry::OpenStore, entity::Entity, error::Result, key, layout::RowReader, session::Work,
};

/// What a query gives out. [`Records`] unless [`Query::keys`](crate::Query::keys) or
/// [`Query::select`](crate::Query::select) asks for something else.
pub trait Output<E: Entity>: Send + Unpin {
    /// Given out for each record.
    type Item: Send;

    /// Whether records are read whole.
    #[doc(hidden)]
    const WHOLE: bool;

    /// Whether rows are looked at.
    #[doc(hidden)]
    fn reads_rows(&self) -> bool {
        true
    }

    /// Makes the item; `None` if the record has gone meanwhile.
    #[doc(hidden)]
    fn item(&self, found: Found<'_, E>) -> Result<Option<Self::Item>>;
}

/// A record that a query has found.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "nobody but the library holds one")]
pub struct Found<'a, E> {
    pub(super) work: &'a Work,
    pub(super) store: &'a OpenStore,
    pub(super) key: &'a [u8],
    pub(super) record: Option<Arc<E>>,
}

/// Whole records, each one the same [`Arc`] that [`get`](crate::StoreHandle::get) returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records;

/// Primary keys, without a look at the rows. See [`Query::keys`](crate::Query::keys).
#[derive(Clone, Copy, Debug)]
pub struct Keys;

/// Some fields. See [`Query::select`](crate::Query::select).
#[derive(Clone, Copy, Debug)]
pub struct Fields<S>(pub(super) S);

impl<E: Entity> Output<E> for Records {
    type Item = Arc<E>;

    const WHOLE: bool = true;

    fn item(&self, found: Found<'_, E>) -> Result<Option<Arc<E>>> {
        Ok(found.record)
    }
}

impl<E: Entity> Output<E> for Keys {
    type Item = E::Key;

    const WHOLE: bool = false;

    fn reads_rows(&self) -> bool {
        false
    }

    fn item(&self, found: Found<'_, E>) -> Result<Option<E::Key>> {
        let key = key::decode(found.key).map_err(|source| found.store.unreadable(source))?;
        Ok(Some(key))
    }
}

impl<E: Entity, S: Select<E>> Output<E> for Fields<S> {
    type Item = S::Values;

    const WHOLE: bool = false;

    fn reads_rows(&self) -> bool {
        self.0.reads_row()
    }

    fn item(&self, found: Found<'_, E>) -> Result<Option<S::Values>> {
        let Found { work, store, key, .. } = found;
        let unreadable = |source| store.unreadable(source);
        if !self.0.reads_row() {
            return self.0.values(key, None).map(Some).map_err(unreadable);
        }
        let Some(row) = work.row(store, key)? else { return Ok(None) };
        let row = RowReader::new(&store.layouts, &row).map_err(unreadable)?;
        self.0.values(key, Some(&row)).map(Some).map_err(unreadable)
    }
}
