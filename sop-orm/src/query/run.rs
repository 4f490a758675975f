//! The last steps of a query, which run it.

use super::{
    Keys, Output, Query, Rows,
    condition::Condition,
    explain::{self, Explain, QueryStats, Report},
    merge::Source,
    select::FieldRef,
    walk::Walk,
};
use crate::{
    entity::Entity,
    error::{Error, Result},
    index::Index,
    key::{KeyPart, KeyReader, Order},
};

impl<'s, E: Entity, I, O: Output<E>> Query<'s, E, I, O> {
    fn walk(&self) -> Result<Walk<'s>> {
        let (store, condition) = (self.store.opened()?, self.condition.clone()?);
        let session = self.store.session();
        session.run(|work, _| condition.refuse_incomplete(store, work.position()))?;
        let mut walk = Walk::new(session, store, condition, self.reverse);
        if let Some(after) = &self.after {
            walk.set_after(after);
        }
        Ok(walk)
    }

    /// The results, to be taken one by one.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut rows = s.of::<Order>().by_total().stream();
    /// while let Some(order) = rows.try_next().await? {
    ///     println!("order {}: {}", order.number, order.total);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn stream(self) -> Rows<'s, E, O> {
        let (walk, report) = (self.walk(), Report::new(|| self.describe()));
        Rows::new(walk, self.filters, self.output, (self.skip, self.limit), report)
    }

    /// All results. They are in memory together; for many take [`stream`](Self::stream) or
    /// [`page`](Self::page).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let orders = s.of::<Order>().by_total().range(20..).all().await?;
    /// assert_eq!(orders.len(), 2);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn all(self) -> Result<Vec<O::Item>> {
        let mut rows = self.stream();
        let mut all = Vec::new();
        while let Some(item) = rows.try_next().await? {
            all.push(item);
        }
        Ok(all)
    }

    /// The first result, if there is one.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let least = s.of::<Order>().by_total().first().await?;
    /// assert_eq!(least.map(|order| order.total), Some(10));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn first(self) -> Result<Option<O::Item>> {
        self.limit(1).stream().try_next().await
    }

    /// The last result, if there is one. Costs as much as the first one, unless a `skip` or a
    /// `limit` says which one is the last; then all are walked.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let largest = s.of::<Order>().by_total().last().await?;
    /// assert_eq!(largest.map(|order| order.total), Some(30));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn last(self) -> Result<Option<O::Item>> {
        if self.skip == 0 && self.limit.is_none() {
            return self.desc().first().await;
        }
        let (mut rows, mut last) = (self.stream(), None);
        while let Some(item) = rows.try_next().await? {
            last = Some(item);
        }
        Ok(last)
    }

    /// Whether there is any result. Without a filter no record is read.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert!(s.of::<User>().by_city().prefix("Oslo").exists().await?);
    /// assert!(!s.of::<User>().by_city().prefix("Ulm").exists().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn exists(self) -> Result<bool> {
        Ok(self.keys().first().await?.is_some())
    }

    /// Number of results. On one index without a filter nothing is walked, and the cost grows with
    /// the height of the tree only; otherwise entries are walked, and records are read for a
    /// filter. A record counts once for each of its entries in an index marked `each`.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().by_total().range(15..).count().await?, 2);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn count(self) -> Result<u64> {
        if self.filters.is_empty()
            && let Some(count) = self.walk()?.count()?
        {
            if let Some(report) = Report::new(|| self.describe()) {
                report.send(QueryStats::default());
            }
            let count = count.saturating_sub(self.skip);
            return Ok(self.limit.map_or(count, |limit| limit.min(count)));
        }
        let (mut rows, mut count) = (self.keys().stream(), 0);
        while rows.try_next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// What the query will do. With several conditions it counts what each one selects, and the
    /// session depends on that as if the query had been run.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let large = s.of::<Order>().by_total().range(20..).limit(3);
    /// let explained = large.explain().await?.to_string();
    /// assert_eq!(explained, "orders by by_total, where by_total[total >= 20], limit 3");
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::unused_async, reason = "like every other operation on a session")]
    pub async fn explain(&self) -> Result<Explain> {
        let (store, condition) = (self.store.opened()?, self.condition.clone()?);
        let mut explain = self.describe();
        if !matches!(condition, Condition::Leaf(_)) {
            let source = self.store.session().run(|work, registry| {
                work.flush(registry)?;
                Source::plan(&condition, work, store)
            })?;
            let mut probes = Vec::new();
            source.probes(&mut probes);
            let probes = probes.into_iter().map(|probe| explain::conditions(probe, E::SCHEMA));
            explain.probed = probes.collect();
        }
        Ok(explain)
    }

    /// Runs the query to its end, and tells what it has done and what that has cost.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let large = s.of::<Order>().by_total().range(20..);
    /// let text = large.explain_analyze().await?.to_string();
    /// assert!(text.ends_with(": 2 entries scanned, 2 rows read, 2 returned"), "{text}");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn explain_analyze(self) -> Result<Explain> {
        let mut explain = self.explain().await?;
        let mut rows = self.stream();
        while rows.try_next().await?.is_some() {}
        explain.stats = Some(rows.stats());
        Ok(explain)
    }
}

impl<E: Entity, I: Index<Entity = E>, O: Output<E>> Query<'_, E, I, O> {
    /// The least value of a column, of the records that the query selects; `None` if it selects
    /// none. An [`Option`] that is `None` is below all values.
    ///
    /// The value is read from the first or last entry of the index, which is why the columns before
    /// it must be given by a [`prefix`](Self::prefix). Otherwise, or after a `skip` or a `limit`,
    /// this fails with [`Error::Invalid`].
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// // With the index `by_city(city, age desc)`:
    /// let in_rome = s.of::<User>().by_city().prefix("Rome");
    /// assert_eq!(in_rome.min(user::fields::age).await?, Some(17));
    ///
    /// let anywhere = s.of::<User>().by_city();
    /// assert!(matches!(anywhere.min(user::fields::age).await, Err(Error::Invalid(_))));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn min<T: KeyPart>(self, field: FieldRef<E, T>) -> Result<Option<T>> {
        self.extreme(field, false).await
    }

    /// The greatest value of a column; otherwise like [`min`](Self::min).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().by_total().max(order::fields::total).await?, Some(30));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn max<T: KeyPart>(self, field: FieldRef<E, T>) -> Result<Option<T>> {
        self.extreme(field, true).await
    }

    async fn extreme<T: KeyPart>(
        mut self,
        field: FieldRef<E, T>,
        greatest: bool,
    ) -> Result<Option<T>> {
        let columns = Self::columns();
        let given = match self.condition.clone()? {
            Condition::Leaf(leaf) => leaf.span.fixed_columns(columns),
            Condition::All(_) | Condition::Any(_) => 0,
        };
        let near = columns.get(..=given).unwrap_or(columns);
        let found = near.iter().position(|column| column.field == field.name() && !column.each);
        let (Some(position), 0, None) = (found, self.skip, self.limit) else {
            let message = format!(
                "`min` and `max` take the column of index {:?} after those that a prefix gives, and \
                 neither skip nor limit",
                self.order_name()
            );
            return Err(Error::Invalid(message.into()));
        };
        let (before, rest) = columns.split_at(position);
        let order = rest.first().map_or(Order::Ascending, |column| column.order);
        self.reverse = greatest != (order == Order::Descending);
        let store = self.store.opened()?;
        let mut rows: Rows<'_, E, Keys> = self.keys().stream();
        if rows.try_next().await?.is_none() {
            return Ok(None);
        }
        let mut entry = KeyReader::new(rows.after().unwrap_or_default());
        let skipped = before.iter().try_for_each(|one| entry.column(one.order, one.skip));
        let value = skipped.and_then(|()| entry.column(order, T::read_part));
        value.map(Some).map_err(|source| store.unreadable(source))
    }
}
