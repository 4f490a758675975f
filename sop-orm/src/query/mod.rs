//! Queries: a span of an index, walked in either direction.

mod cursor;
mod rows;
mod span;
#[cfg(test)]
mod tests;

use std::{fmt, future::poll_fn, marker::PhantomData, ops::RangeBounds, sync::Arc};

pub use cursor::Cursor;
pub use rows::Rows;
use rows::Scan;
use span::Span;

use crate::{
    entity::Entity,
    error::Result,
    index::{Index, Prefix},
    key::{StartsWith, starts_with},
    schema::{Column, IndexSpec},
    store::StoreHandle,
};

type Filter<'s, E> = Box<dyn Fn(&E) -> bool + Send + Sync + 's>;

/// A query on the index `I`, built step by step and run by the last step. Nothing is read before.
///
/// Records come in the order of the index: by its columns in the directions they were declared
/// with, then by primary key. The query sees what its session has changed.
///
/// ```
/// # use sop_orm::prelude::*;
/// # #[derive(SopStore, Debug)]
/// # struct Order {
/// #     #[sop(key(auto = increment))] number: u64,
/// #     #[sop(index(by_total))] total: i32,
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// # let db = Db::builder().store::<Order>().ephemeral().await?;
/// let s = db.session();
/// let orders = s.of::<Order>();
/// orders.insert_many((0..100).map(|total| NewOrder { total })).await?;
///
/// let largest = orders.by_total().desc().first().await?;
/// assert_eq!(largest.map(|order| order.total), Some(99));
/// assert_eq!(orders.by_total().range(10..20).count().await?, 10);
///
/// let mut rows = orders.by_total().range(..10).filter(|order| order.total % 2 == 0).stream();
/// let mut sum = 0;
/// while let Some(order) = rows.try_next().await? {
///     sum += order.total;
/// }
/// assert_eq!(sum, 20);
///
/// let page = orders.by_total().page(30, None).await?;
/// let next = orders.by_total().page(30, page.next).await?;
/// assert_eq!(next.items.first().map(|order| order.total), Some(30));
/// # Ok(())
/// # }
/// ```
#[must_use = "a query does nothing until it is run"]
pub struct Query<'s, E, I> {
    store: StoreHandle<'s, E>,
    span: Result<Span>,
    filters: Vec<Filter<'s, E>>,
    limit: Option<u64>,
    reverse: bool,
    index: PhantomData<fn() -> I>,
}

/// Some records, and where to go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<E> {
    /// The records, in order.
    pub items: Vec<Arc<E>>,
    /// Give this to the next call; `None` if this was the last page.
    pub next: Option<Cursor>,
}

impl<'s, E: Entity, I: Index<Entity = E>> Query<'s, E, I> {
    pub(crate) fn new(store: StoreHandle<'s, E>) -> Self {
        Self {
            store,
            span: Ok(Span::default()),
            filters: Vec::new(),
            limit: None,
            reverse: false,
            index: PhantomData,
        }
    }

    fn spec() -> Option<&'static IndexSpec> {
        I::POSITION.and_then(|position| E::SCHEMA.indexes.get(position))
    }

    fn columns() -> &'static [Column] {
        Self::spec().map_or(E::SCHEMA.key, |spec| spec.columns)
    }

    fn within(mut self, other: Result<Span>) -> Self {
        self.span = self.span.and_then(|mut span| {
            span.intersect(other?);
            Ok(span)
        });
        self
    }

    /// Only records whose leading columns have these values: one value, or a tuple of several.
    pub fn prefix<P>(self, prefix: P) -> Self
    where
        I: Prefix<P>,
    {
        self.within(span::of_prefix::<I, P>(prefix))
    }

    /// Only records in a range of leading columns: of the first column, as in `range(1..5)`, or of
    /// a later one, as in `range((author, from)..)`. The columns before the last one given must
    /// have just these values, on both ends of the range. The range is one of values, also where
    /// the column is sorted `desc`. An [`Option`] that is `None` is below all values.
    pub fn range<P>(self, range: impl RangeBounds<P>) -> Self
    where
        I: Prefix<P>,
    {
        self.within(span::of_range::<I, P>(Self::columns(), &range))
    }

    /// Only records whose first column is text that begins with `text`. For a later column give
    /// [`starts_with`](crate::starts_with) as the last part of a [`prefix`](Self::prefix).
    pub fn starts_with<'t>(self, text: &'t str) -> Self
    where
        I: Prefix<(StartsWith<'t>,)>,
    {
        self.prefix((starts_with(text),))
    }

    /// In the reverse order of the index.
    pub fn desc(mut self) -> Self {
        self.reverse = !self.reverse;
        self
    }

    /// Not more than `records` records. Of several limits the least counts.
    pub fn limit(mut self, records: u64) -> Self {
        self.limit = Some(self.limit.map_or(records, |limit| limit.min(records)));
        self
    }

    /// Only records for which `keep` is true.
    ///
    /// This is a scan, not a search: every record that the index selects is read and looked at.
    /// What an index can select, let it select.
    pub fn filter(mut self, keep: impl Fn(&E) -> bool + Send + Sync + 's) -> Self {
        self.filters.push(Box::new(keep));
        self
    }

    fn scan(&self) -> Result<Scan<'s>> {
        let store = self.store.opened()?;
        let index = I::POSITION.and_then(|position| store.indexes.get(position));
        let (session, span) = (self.store.session(), self.span.clone()?);
        if let Some(index) = index {
            session.run(|work, _| index.refuse_incomplete(store, work.position()))?;
        }
        Ok(Scan { session, store, index, span, reverse: self.reverse })
    }

    /// The records, to be taken one by one.
    pub fn stream(self) -> Rows<'s, E> {
        Rows::new(self.scan(), self.filters, self.limit)
    }

    /// All records. They are in memory together; for many take [`stream`](Self::stream) or
    /// [`page`](Self::page).
    pub async fn all(self) -> Result<Vec<Arc<E>>> {
        let mut rows = self.stream();
        let mut all = Vec::new();
        while let Some(record) = rows.try_next().await? {
            all.push(record);
        }
        Ok(all)
    }

    /// The first record, if there is one.
    pub async fn first(self) -> Result<Option<Arc<E>>> {
        self.limit(1).stream().try_next().await
    }

    /// Whether there is any record.
    pub async fn exists(self) -> Result<bool> {
        Ok(self.first().await?.is_some())
    }

    /// Number of records. Without a filter none is read, and the cost grows with the height of the
    /// tree only. A record counts once for each of its entries in an index marked `each`.
    pub async fn count(self) -> Result<u64> {
        if self.filters.is_empty() {
            let count = self.scan()?.count()?;
            return Ok(self.limit.map_or(count, |limit| limit.min(count)));
        }
        let (mut rows, mut count) = (self.stream(), 0);
        while rows.try_next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Up to `size` records after the given cursor, or from the beginning, and the cursor to go on
    /// with. Costs the same for every page, however far in. A [`limit`](Self::limit) applies to
    /// each page.
    ///
    /// Fails with [`Error::Cursor`](crate::Error::Cursor) if the cursor is not one of this index.
    pub async fn page(mut self, size: usize, after: Option<Cursor>) -> Result<Page<E>> {
        if let Some(cursor) = after {
            let entry = cursor.into_entry(E::SCHEMA, Self::spec())?;
            let reverse = self.reverse;
            self.span = self.span.map(|mut span| {
                span.cut_at(entry, reverse);
                span
            });
        }
        let size = self.limit.map_or(size as u64, |limit| limit.min(size as u64));
        // One more tells whether there is another page.
        self.limit = Some(size.saturating_add(1));
        let mut rows = self.stream();
        let (mut items, mut last, mut next) = (Vec::new(), None, None);
        while let Some(found) = poll_fn(|context| rows.poll_entry(context)).await {
            let (entry, record) = found?;
            if items.len() as u64 == size {
                next = last.map(|entry| Cursor::new(E::SCHEMA, Self::spec(), entry));
                break;
            }
            items.push(record);
            last = Some(entry);
        }
        Ok(Page { items, next })
    }
}

impl<E: Entity, I> fmt::Debug for Query<'_, E, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, limit, reverse, .. } = self;
        f.debug_struct("Query")
            .field("store", &self.store)
            .field("span", span)
            .field("limit", limit)
            .field("reverse", reverse)
            .finish_non_exhaustive()
    }
}
