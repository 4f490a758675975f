//! What a query gives out for each record it finds: the record, its key, or some of its fields.

use std::sync::Arc;

use super::select::Select;
use crate::{
    db::registry::OpenStore, entity::Entity, error::Result, key, layout::RowReader, session::Work,
};

/// What a query gives out. [`Records`] unless [`Query::keys`](crate::Query::keys) or
/// [`Query::select`](crate::Query::select) asks for something else.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{Output, Rows};
///
/// /// The third result, whatever is given out.
/// async fn third<O: Output<Order>>(mut rows: Rows<'_, Order, O>) -> Result<Option<O::Item>> {
///     rows.try_next().await?;
///     rows.try_next().await?;
///     rows.try_next().await
/// }
/// assert_eq!(third(s.of::<Order>().by_total().keys().stream()).await?, Some(3));
/// let total = s.of::<Order>().by_total().select(order::fields::total);
/// assert_eq!(third(total.stream()).await?, Some(30));
/// # Ok(())
/// # });
/// ```
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
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Records;
///
/// fn large(s: &Session) -> Query<'_, Order, order::ByTotal, Records> {
///     s.of::<Order>().by_total().range(20..) // `Records` is what is given out by default
/// }
/// assert_eq!(large(&s).all().await?[0].total, 20);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Records;

/// Primary keys, without a look at the rows. See [`Query::keys`](crate::Query::keys).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Keys;
///
/// fn large(s: &Session) -> Query<'_, Order, order::ByTotal, Keys> {
///     s.of::<Order>().by_total().range(20..).keys()
/// }
/// assert_eq!(large(&s).all().await?, [2, 3]);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Keys;

/// Some fields. See [`Query::select`](crate::Query::select).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{FieldRef, Fields};
///
/// fn totals(s: &Session) -> Query<'_, Order, order::ByKey, Fields<FieldRef<Order, i64>>> {
///     s.of::<Order>().by_key().select(order::fields::total)
/// }
/// assert_eq!(totals(&s).all().await?, [10, 20, 30]);
/// # Ok(())
/// # });
/// ```
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
