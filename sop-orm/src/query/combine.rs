//! Queries on several indexes, made of queries on one.

use std::marker::PhantomData;

use super::{Condition, Query, Records};
use crate::{entity::Entity, error::Error};

/// In the place of an index: several of them, joined by [`and`](Query::and) and
/// [`or`](Query::or). Records come by primary key, each once.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// fn large_or_first(s: &Session) -> Query<'_, Order, Combined> {
///     let orders = s.of::<Order>();
///     orders.by_total().range(30..).or(orders.by_key().prefix(1))
/// }
/// assert_eq!(large_or_first(&s).keys().all().await?, [1, 3]);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Combined;

impl<'s, E: Entity, I> Query<'s, E, I> {
    /// Only records that the other query selects too.
    ///
    /// The result is a query on all indexes that are part of it. Its records come by primary key,
    /// each once, also where an index has several entries for it. `filter`s of both sides hold.
    /// What has to do with the order of results (`desc`, `skip`, `limit`) comes after the last
    /// `and` or `or`; before, it makes the query fail with [`Error::Invalid`].
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let orders = s.of::<Order>();
    /// orders.edit(1).await?.tags.push("gift".to_owned());
    /// orders.edit(3).await?.tags.push("gift".to_owned());
    ///
    /// let large_gifts = orders.by_tag().prefix("gift").and(orders.by_total().range(20..));
    /// assert_eq!(large_gifts.keys().all().await?, [3]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Keys are taken from the sides in turn, each leaping to the next key of the other, if every
    /// column of their indexes is given by a `prefix`, or it is the primary key. Of other sides the
    /// keys are gathered first, at most 4 MiB at a time; a side with far more entries than the
    /// smallest one is not walked at all, but the records that are left are read and looked at.
    /// [`explain`](Self::explain) tells.
    ///
    /// A session depends on all that the conditions of such a query select: whoever changes any of
    /// that before it commits is a conflict.
    pub fn and<J>(self, other: Query<'s, E, J>) -> Query<'s, E, Combined> {
        self.combine(other, Condition::and, None)
    }

    /// Also the records that the other query selects.
    ///
    /// All that [`and`](Self::and) says about order, steps and cost holds here too. In addition,
    /// `filter` comes after `or`, for one side's filter does not hold for the other.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let orders = s.of::<Order>();
    /// orders.edit(1).await?.tags.push("gift".to_owned());
    ///
    /// let gift_or_large = orders.by_tag().prefix("gift").or(orders.by_total().range(30..));
    /// assert_eq!(gift_or_large.keys().all().await?, [1, 3]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn or<J>(self, other: Query<'s, E, J>) -> Query<'s, E, Combined> {
        let filtered = !self.filters.is_empty() || !other.filters.is_empty();
        let wrong = filtered.then_some("put `filter` after the last `or`");
        self.combine(other, Condition::or, wrong)
    }

    fn combine<J>(
        mut self,
        other: Query<'s, E, J>,
        join: fn(Condition, Condition) -> Condition,
        wrong: Option<&str>,
    ) -> Query<'s, E, Combined> {
        let wrong = wrong.or_else(|| self.unfit()).or_else(|| other.unfit()).or_else(|| {
            let same = std::ptr::eq(self.store.session(), other.store.session());
            (!same).then_some("both sides of `and` and `or` must be of the same session")
        });
        let condition = match wrong {
            Some(message) => Err(Error::Invalid(message.into())),
            None => self.condition.and_then(|one| Ok(join(one, other.condition?))),
        };
        self.filters.extend(other.filters);
        let Self { store, filters, .. } = self;
        let (skip, limit, reverse, after) = (0, None, false, None);
        let (output, index) = (Records, PhantomData);
        Query { store, condition, filters, skip, limit, reverse, after, output, index }
    }

    /// Why the query cannot be a side of `and` and `or`.
    fn unfit(&self) -> Option<&'static str> {
        (self.reverse || self.skip > 0 || self.limit.is_some())
            .then_some("put `desc`, `skip` and `limit` after the last `and` or `or`")
    }
}
