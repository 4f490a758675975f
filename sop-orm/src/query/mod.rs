//! Queries: what indexes select, walked in either direction.
//!
//! A [`Query`] is built here and in [`combine`], and run in [`run`] and [`page`]. Its [`condition`] is a span of one
//! index ([`span`]), whose entries are walked as they stand ([`walk`]), or a tree of several spans,
//! whose primary keys are brought together in their order ([`merge`]). Each entry becomes what the
//! query gives out ([`output`]) when the caller asks for it ([`rows`]).

mod combine;
mod condition;
mod cursor;
mod explain;
mod gather;
mod merge;
mod output;
mod page;
mod rows;
mod run;
mod select;
pub(crate) mod span;
#[cfg(test)]
mod tests;
mod walk;

use std::{fmt, marker::PhantomData, ops::RangeBounds};

pub use combine::Combined;
pub(crate) use condition::Condition;
use condition::Leaf;
pub use cursor::Cursor;
use explain::Asked;
pub(crate) use explain::conditions;
pub use explain::{Explain, QueryStats};
pub(crate) use gather::primary_keys;
pub use output::{Fields, Keys, Output, Records};
pub use page::Page;
pub use rows::Rows;
pub use select::{FieldRef, Select};
pub(crate) use span::Span;

use crate::{
    deleted::Deleted,
    entity::Entity,
    error::{Error, Result},
    index::{Index, Prefix},
    key::{StartsWith, starts_with},
    schema::{Column, IndexSpec},
    store::StoreHandle,
};

pub(crate) type Filter<'s, E> = Box<dyn Fn(&E) -> bool + Send + Sync + 's>;

/// A query on the index `I`, built step by step and run by the last step. Nothing is read before.
///
/// Records come in the order of the index: by its columns in the directions they were declared
/// with, then by primary key. The query sees what its session has changed.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let orders = s.of::<Order>();
/// let largest = orders.by_total().last().await?;
/// assert_eq!(largest.map(|order| order.total), Some(30));
/// assert_eq!(orders.by_total().range(10..30).count().await?, 2);
///
/// // A function may give a query away, for others to go on with.
/// fn large(s: &Session) -> Query<'_, Order, order::ByTotal> {
///     s.of::<Order>().by_total().range(20..)
/// }
/// assert_eq!(large(&s).desc().limit(1).all().await?[0].number, 3);
/// # Ok(())
/// # });
/// ```
///
/// What it gives out is `O`: whole records, or less after [`keys`](Self::keys) or
/// [`select`](Self::select).
#[must_use = "a query does nothing until it is run"]
pub struct Query<'s, E, I, O = Records> {
    store: StoreHandle<'s, E>,
    condition: Result<Condition>,
    filters: Vec<Filter<'s, E>>,
    skip: u64,
    limit: Option<u64>,
    reverse: bool,
    /// The entry to go on after.
    after: Option<Vec<u8>>,
    output: O,
    index: PhantomData<fn() -> I>,
}

impl<'s, E: Entity, I: Index<Entity = E>> Query<'s, E, I> {
    pub(crate) fn new(store: StoreHandle<'s, E>) -> Self {
        Self {
            store,
            condition: Ok(Condition::Leaf(Leaf { index: I::POSITION, ..Leaf::default() })),
            filters: Vec::new(),
            skip: 0,
            limit: None,
            reverse: false,
            after: None,
            output: Records,
            index: PhantomData,
        }
    }
}

impl<E: Entity, I: Index<Entity = E>, O: Output<E>> Query<'_, E, I, O> {
    fn columns() -> &'static [Column] {
        let spec: Option<&IndexSpec> =
            I::POSITION.and_then(|position| E::SCHEMA.indexes.get(position));
        spec.map_or(E::SCHEMA.key, |spec| spec.columns)
    }

    fn within(mut self, other: Result<(Span, Asked)>) -> Self {
        self.condition = self.condition.and_then(|mut condition| {
            let (span, asked) = other?;
            if let Condition::Leaf(leaf) = &mut condition {
                leaf.span.intersect(span);
                leaf.asked.push(asked);
            }
            Ok(condition)
        });
        self
    }

    /// Only records whose leading columns have these values: one value, or a tuple of several.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let users = s.of::<User>(); // with the index `by_city(city, age desc)`
    /// assert_eq!(users.by_city().prefix("Rome").count().await?, 2);
    /// assert_eq!(users.by_city().prefix(("Rome", 17)).count().await?, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn prefix<P>(self, prefix: P) -> Self
    where
        I: Prefix<P>,
    {
        self.within(span::of_prefix::<I, P>(prefix))
    }

    /// Only records whose entries begin with these bytes.
    pub(crate) fn with_encoded_prefix(self, prefix: Result<Vec<u8>>) -> Self {
        self.within(prefix.map(|prefix| (Span::prefix(prefix.clone()), Asked::Prefix(prefix))))
    }

    /// Only records in a range of leading columns: of the first column, as in `range(1..5)`, or of
    /// a later one, as in `range((author, from)..)`. The columns before the last one given must
    /// have just these values, on both ends of the range; if they differ there, the query fails
    /// with [`Error::Invalid`](crate::Error::Invalid). The range is one of values, also where the column is sorted `desc`.
    /// One that ends before it begins is empty. An [`Option`] that is `None` is below all values.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().by_total().range(20..).count().await?, 2);
    /// let users = s.of::<User>(); // with the index `by_city(city, age desc)`
    /// assert_eq!(users.by_city().range(("Rome", 18)..).count().await?, 1, "grown up in Rome");
    /// assert_eq!(users.by_city().range("P"..).count().await?, 2, "cities behind O");
    /// # Ok(())
    /// # });
    /// ```
    pub fn range<P>(self, range: impl RangeBounds<P>) -> Self
    where
        I: Prefix<P>,
    {
        self.within(span::of_range::<I, P>(Self::columns(), &range))
    }

    /// Only records whose first column is text that begins with `text`. For a later column give
    /// [`starts_with`](crate::starts_with) as the last part of a [`prefix`](Self::prefix).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<User>().by_city().starts_with("Ro").count().await?, 2);
    /// assert!(!s.of::<User>().by_city().starts_with("ro").exists().await?, "case matters");
    /// # Ok(())
    /// # });
    /// ```
    pub fn starts_with<'t>(self, text: &'t str) -> Self
    where
        I: Prefix<(StartsWith<'t>,)>,
    {
        self.prefix((starts_with(text),))
    }
}

impl<'s, E: Entity, I, O: Output<E>> Query<'s, E, I, O> {
    /// In the reverse order; twice is the order of the index again. Costs the same as forwards.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let largest = s.of::<Order>().by_total().desc().limit(2).all().await?;
    /// assert_eq!(largest[0].total, 30);
    /// assert_eq!(largest[1].total, 20);
    /// # Ok(())
    /// # });
    /// ```
    pub fn desc(mut self) -> Self {
        self.reverse = !self.reverse;
        self
    }

    /// Leaves out the first `results`. They are walked over: without a filter no record is read for
    /// it, but the cost grows with their number. To go through many results in portions take
    /// [`page`](Self::page). Several skips add up.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let third = s.of::<Order>().by_total().skip(2).first().await?;
    /// assert_eq!(third.map(|order| order.total), Some(30));
    /// # Ok(())
    /// # });
    /// ```
    pub fn skip(mut self, results: u64) -> Self {
        self.skip = self.skip.saturating_add(results);
        self
    }

    /// Not more than so many results, counted after a [`skip`](Self::skip) wherever that is given.
    /// Of several limits the least counts.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().by_total().limit(2).all().await?.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn limit(mut self, results: u64) -> Self {
        self.limit = Some(self.limit.map_or(results, |limit| limit.min(results)));
        self
    }

    /// Only records for which `keep` is true.
    ///
    /// This is a scan, not a search: every record that the index selects is read and looked at.
    /// What an index can select, let it select.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// // The index gives the users in Rome; of each it is read whether they came before.
    /// let new = s.of::<User>().by_city().prefix("Rome").filter(|user| user.visits == 0);
    /// assert_eq!(new.count().await?, 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn filter(mut self, keep: impl Fn(&E) -> bool + Send + Sync + 's) -> Self {
        self.filters.push(Box::new(keep));
        self
    }

    /// The store whose records these are.
    pub(crate) fn handle(&self) -> StoreHandle<'s, E> {
        self.store
    }

    /// With deleted records, where they are known at all.
    pub(crate) fn showing_deleted(mut self) -> Self {
        if let Ok(Condition::Leaf(leaf)) = &mut self.condition {
            leaf.deleted = Deleted::Shown;
        }
        self
    }

    /// What selects records, if nothing but conditions on indexes does.
    pub(crate) fn into_condition(self) -> Result<Condition> {
        if !self.filters.is_empty() {
            let message = "a filter cannot be watched: look at the events instead";
            return Err(Error::Invalid(message.into()));
        }
        if self.skip > 0 || self.limit.is_some() || self.after.is_some() {
            let message = "a watch tells all changes: leave `skip`, `limit` and cursors out";
            return Err(Error::Invalid(message.into()));
        }
        self.condition
    }

    /// What selects records: conditions on indexes, and filters.
    pub(crate) fn into_selection(self) -> Result<(Condition, Vec<Filter<'s, E>>)> {
        if self.skip > 0 || self.limit.is_some() || self.after.is_some() {
            let message = "the order of a search is that of distances: leave `skip`, `limit` and \
                           cursors out, and take `k` and `after` of the search";
            return Err(Error::Invalid(message.into()));
        }
        Ok((self.condition?, self.filters))
    }

    /// Whether a record comes again when it is changed meanwhile so that its entry moves ahead.
    pub(crate) fn may_repeat(&self) -> bool {
        matches!(self.condition, Ok(Condition::Leaf(Leaf { index: Some(_), .. })))
    }

    /// Gives out primary keys. Rows are not touched, unless a filter needs the records.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().by_total().range(20..).keys().all().await?, [2, 3]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn keys(self) -> Query<'s, E, I, Keys> {
        self.giving(Keys)
    }

    /// Gives out some fields: the value of one, or a tuple. The others are not decoded, and the row
    /// is not touched for fields of the primary key alone. A filter reads whole records.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let large = s.of::<Order>().by_total().range(20..);
    /// let rows = large.select((order::fields::number, order::fields::total)).all().await?;
    /// assert_eq!(rows, [(2, 20), (3, 30)]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn select<S: Select<E>>(self, fields: S) -> Query<'s, E, I, Fields<S>> {
        self.giving(Fields(fields))
    }

    fn giving<P>(self, output: P) -> Query<'s, E, I, P> {
        let Self { store, condition, filters, skip, limit, reverse, after, index, .. } = self;
        Query { store, condition, filters, skip, limit, reverse, after, output, index }
    }

    /// The index whose order the results have.
    fn order_name(&self) -> &'static str {
        match &self.condition {
            Ok(Condition::Leaf(leaf)) => explain::index_name(leaf.index, E::SCHEMA),
            _ => explain::index_name(None, E::SCHEMA),
        }
    }

    /// What is known without running it.
    fn describe(&self) -> Explain {
        let conditions = match &self.condition {
            Ok(condition) => conditions(condition, E::SCHEMA),
            Err(error) => error.to_string(),
        };
        Explain {
            store: E::SCHEMA.store,
            order: self.order_name(),
            reverse: self.reverse,
            conditions,
            probed: Vec::new(),
            filters: self.filters.len(),
            skip: self.skip,
            limit: self.limit,
            stats: None,
        }
    }
}

impl<E: Entity, I, O: Output<E>> fmt::Debug for Query<'_, E, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.describe()).finish()
    }
}
