//! Queries on several indexes, made of queries on one.

use std::marker::PhantomData;

use super::{Condition, Query, Records};
use crate::{entity::Entity, error::Error};

/// In the place of an index: several of them, joined by [`and`](Query::and) and
/// [`or`](Query::or). Records come by primary key, each once.
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
    /// # use sop_orm::prelude::*;
    /// # #[derive(SopStore, Debug)]
    /// # struct User {
    /// #     #[sop(key(auto = increment))] number: u64,
    /// #     #[sop(index(by_city))] city: String,
    /// #     #[sop(index(by_age))] age: u8,
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let db = Db::builder().store::<User>().ephemeral().await?;
    /// let s = db.session();
    /// let users = s.of::<User>();
    /// for (city, age) in [("Rome", 17), ("Rome", 40), ("Oslo", 40)] {
    ///     users.insert(NewUser { city: city.to_owned(), age }).await?;
    /// }
    /// let adults = users.by_city().prefix("Rome").and(users.by_age().range(18..));
    /// assert_eq!(adults.count().await?, 1);
    /// let either = users.by_city().prefix("Rome").or(users.by_age().range(18..));
    /// assert_eq!(either.count().await?, 3);
    /// # Ok(())
    /// # }
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
