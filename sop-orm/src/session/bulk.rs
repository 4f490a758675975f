//! Changing all records of a query.

use std::collections::HashSet;

use super::{Edit, Work};
use crate::{
    entity::{Entity, Record},
    error::Result,
    query::Query,
    store::invalid,
};

impl<E: Entity, I> Query<'_, E, I> {
    /// Changes all records of the query. Returns how many there were.
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
    /// assert_eq!(orders.by_total().range(50..).update(|order| order.total += 10).await?, 50);
    /// assert_eq!(orders.by_total().range(..10).delete().await?, 10);
    /// assert_eq!(orders.by_total().desc().first().await?.map(|order| order.total), Some(109));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The records are read, changed and written some at a time, each once, also where a change
    /// moves it forward in the index: for that the keys of those that were changed are kept until
    /// the end, unless records come by their primary key. If it fails, those before are changed: take
    /// a [`savepoint`](crate::Session::savepoint) to go back. Rules and hooks run as for any edit.
    pub async fn update(self, mut change: impl FnMut(&mut E)) -> Result<u64> {
        let (handle, may_repeat) = (self.handle(), self.may_repeat());
        let (session, store) = (handle.session(), handle.opened()?);
        let (mut rows, mut count, mut seen) = (self.stream(), 0, HashSet::new());
        while let Some(record) = rows.try_next().await? {
            let key = record.key_bytes().map_err(|error| invalid(&error))?;
            if may_repeat && !seen.insert(key.clone()) {
                continue;
            }
            change(&mut *Edit::begin(session, store, key)?);
            count += 1;
        }
        session.run(Work::flush)?;
        Ok(count)
    }

    /// Deletes all records of the query, some at a time. Returns how many there were. If it fails,
    /// those before are deleted.
    pub async fn delete(self) -> Result<u64> {
        let handle = self.handle();
        let (session, store) = (handle.session(), handle.opened()?);
        let (mut rows, mut count) = (self.stream(), 0);
        while let Some(record) = rows.try_next().await? {
            let key = record.key_bytes().map_err(|error| invalid(&error))?;
            count += u64::from(session.run(|work, registry| work.delete(registry, store, key))?);
        }
        Ok(count)
    }
}
