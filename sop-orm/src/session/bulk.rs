//! Changing all records of a query.

use std::collections::HashSet;

use super::{Edit, Work};
use crate::{
    db::registry::{OpenStore, Registry},
    deleted::Deleted,
    entity::{Entity, Record},
    error::Result,
    query::Query,
    store::invalid,
};

/// Records that are changed before the query looks for further ones, which writes what was changed.
const CHUNK_LEN: usize = 128;

impl<E: Entity, I> Query<'_, E, I> {
    /// Changes all records of the query. Returns how many there were.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let large = s.of::<Order>().by_total().range(20..);
    /// assert_eq!(large.update(|order| order.total += 100).await?, 2);
    /// assert_eq!(s.of::<Order>().require(3).await?.total, 130);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// The records are read, changed and written some at a time, each once, also where a change
    /// moves it forward in the index: for that the keys of those that were changed are kept until
    /// the end, unless records come by their primary key. If it fails, those before are changed, and
    /// the last ones wait to be written like any edit that was refused: take a
    /// [`savepoint`](crate::Session::savepoint) to go back. Rules and hooks run as for any edit.
    pub async fn update(self, mut change: impl FnMut(&mut E)) -> Result<u64> {
        let (handle, may_repeat) = (self.handle(), self.may_repeat());
        let (session, store) = (handle.session(), handle.opened()?);
        let (mut rows, mut count, mut seen) = (self.stream(), 0, HashSet::new());
        loop {
            let mut keys = Vec::new();
            while keys.len() < CHUNK_LEN
                && let Some(record) = rows.try_next().await?
            {
                keys.push(record.key_bytes().map_err(|error| invalid(&error))?);
            }
            if keys.is_empty() {
                session.run(Work::flush)?;
                return Ok(count);
            }
            for key in keys {
                if !may_repeat || seen.insert(key.clone()) {
                    change(&mut *Edit::begin(session, store, key, Deleted::Shown)?);
                    count += 1;
                }
            }
        }
    }

    /// Deletes all records of the query, some at a time. Returns how many there were. If it fails,
    /// those before are deleted.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().by_total().range(..20).delete().await?, 1);
    /// assert_eq!(s.of::<Order>().by_key().count().await?, 2);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn delete(self) -> Result<u64> {
        self.for_each(Work::delete).await
    }

    /// Does something with each record. Returns for how many it was done.
    pub(crate) async fn for_each(
        self,
        act: fn(&mut Work, &Registry, &OpenStore, Vec<u8>) -> Result<bool>,
    ) -> Result<u64> {
        let handle = self.handle();
        let (session, store) = (handle.session(), handle.opened()?);
        let (mut rows, mut count) = (self.stream(), 0);
        while let Some(record) = rows.try_next().await? {
            let key = record.key_bytes().map_err(|error| invalid(&error))?;
            count += u64::from(session.run(|work, registry| act(work, registry, store, key))?);
        }
        Ok(count)
    }
}
