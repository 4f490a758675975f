//! Results a page at a time.

use std::{marker::PhantomData, sync::Arc};

use super::{Cursor, Output, Query};
use crate::{entity::Entity, error::Result};

/// Some results of a query on `E`, and where to go on.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let page: Page<Order> = s.of::<Order>().by_total().page(2, None).await?;
/// assert_eq!((page.items.len(), page.next.is_some()), (2, true));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<E, T = Arc<E>> {
    /// The results, in order.
    pub items: Vec<T>,
    /// Give this to the next call; `None` if this was the last page.
    pub next: Option<Cursor>,
    of: PhantomData<fn() -> E>,
}

impl<E: Entity, I, O: Output<E>> Query<'_, E, I, O> {
    /// Up to `size` results after the given cursor, or from the beginning, and the cursor to go on
    /// with. Costs the same for every page of an index, however far in. A page begins after the
    /// last entry of the one before, whatever was added or has gone since.
    ///
    /// A [`limit`](Self::limit) applies to each page, a [`skip`](Self::skip) to a first page only.
    ///
    /// Fails with [`Error::Cursor`](crate::Error::Cursor) if the cursor is not one of this index,
    /// or for a combined query of the same indexes.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let first = s.of::<Order>().by_total().page(2, None).await?;
    /// let second = s.of::<Order>().by_total().page(2, first.next).await?;
    /// assert_eq!(second.items[0].total, 30);
    /// assert!(second.next.is_none(), "there is no third page");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn page(mut self, size: u64, after: Option<Cursor>) -> Result<Page<E, O::Item>> {
        let mark = self.condition.clone().map(|condition| Cursor::mark(E::SCHEMA, &condition))?;
        let size = self.limit.map_or(size, |limit| limit.min(size));
        // One more tells whether there is another page.
        self.limit = Some(size.saturating_add(1));
        if let Some(cursor) = after {
            self.skip = 0;
            self.after = Some(cursor.into_entry(E::SCHEMA, self.order_name(), mark)?);
        }
        let mut rows = self.stream();
        let (mut items, mut last) = (Vec::new(), None);
        while let Some(item) = rows.try_next().await? {
            if items.len() as u64 == size {
                let next = last.map(|entry| Cursor::new(mark, entry));
                return Ok(Page { items, next, of: PhantomData });
            }
            items.push(item);
            last = rows.after().map(<[u8]>::to_vec);
        }
        Ok(Page { items, next: None, of: PhantomData })
    }
}
