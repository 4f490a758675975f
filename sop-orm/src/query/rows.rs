//! The results of a query, one after the other.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::{
    Filter,
    explain::{QueryStats, Report},
    output::{Found, Output, Records},
    walk::{Batch, Entry, Standing, Walk},
};
use crate::{
    entity::Entity,
    error::{Error, Result},
    session,
};

/// Entries taken from the index at once. After so many a stream lets other tasks run.
const BATCH_LEN: usize = 128;

/// The results of a query, one after the other.
///
/// It is a [`Stream`], and [`try_next`](Self::try_next) needs no further crate. It finds a hundred
/// entries at a time and reads a record when it is asked for, so it takes as much memory at its end
/// as at its beginning. It lets other tasks run now and then. After an error it ends.
///
/// What the session changes while it is open is seen as follows. On one index, it goes on from the
/// entry that it gave out last, in the index as it is then: what lies ahead is as it was changed,
/// and a record whose entry was moved ahead comes again. With several conditions
/// ([`and`](crate::Query::and), [`or`](crate::Query::or)) a record comes only if it fulfils them
/// at that moment; one that came to fulfil them while the stream was open may be left out.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use futures_util::TryStreamExt;
///
/// let mut rows: Rows<'_, Order> = s.of::<Order>().by_total().stream();
/// let mut sum = 0;
/// while let Some(order) = rows.try_next().await? {
///     sum += order.total;
/// }
/// assert_eq!(sum, 60);
///
/// // As a `Stream`:
/// let totals = s.of::<Order>().by_total().stream().map_ok(|order| order.total);
/// assert_eq!(totals.try_collect::<Vec<_>>().await?, [10, 20, 30]);
/// # Ok(())
/// # });
/// ```
pub struct Rows<'s, E: Entity, O: Output<E> = Records> {
    walk: Result<Walk<'s>, Option<Error>>,
    batch: Batch,
    filters: Vec<Filter<'s, E>>,
    output: O,
    /// How many results are left out before the first one comes.
    skip: u64,
    /// How many more may come.
    left: u64,
    /// Entries to be taken next.
    len: usize,
    /// Entries taken since other tasks had their turn.
    unrested: usize,
    stats: QueryStats,
    report: Option<Report>,
}

/// What came of one entry.
enum Taken<T> {
    Item(T),
    Nothing,
    Stale,
}

impl<'s, E: Entity, O: Output<E>> Rows<'s, E, O> {
    pub(super) fn new(
        walk: Result<Walk<'s>>,
        filters: Vec<Filter<'s, E>>,
        output: O,
        (skip, limit): (u64, Option<u64>),
        report: Option<Report>,
    ) -> Self {
        Self {
            walk: walk.map_err(Some),
            batch: Batch::default(),
            filters,
            output,
            skip,
            left: limit.unwrap_or(u64::MAX),
            len: BATCH_LEN,
            unrested: 0,
            stats: QueryStats::default(),
            report,
        }
    }

    /// The next result; `None` at the end.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut rows = s.of::<Order>().by_total().keys().stream();
    /// assert_eq!(rows.try_next().await?, Some(1));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn try_next(&mut self) -> Result<Option<O::Item>> {
        poll_fn(|context| self.poll_item(context)).await.transpose()
    }

    /// What the query has cost so far.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut rows = s.of::<Order>().by_total().stream();
    /// rows.try_next().await?;
    /// assert_eq!(rows.stats().returned, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn stats(&self) -> QueryStats {
        self.stats
    }

    /// Key of the entry that was given out last.
    pub(super) fn after(&self) -> Option<&[u8]> {
        self.walk.as_ref().ok()?.after()
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<O::Item>>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            let taken = match self.batch.pop() {
                Some(entry) => self.take(entry),
                None if self.batch.is_last => return Poll::Ready(None),
                None if self.unrested >= BATCH_LEN => {
                    self.unrested = 0;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => self.fetch().map(|()| Taken::Nothing),
            };
            match taken {
                Ok(Taken::Item(item)) => {
                    self.left -= 1;
                    self.stats.returned += 1;
                    return Poll::Ready(Some(Ok(item)));
                }
                Ok(Taken::Nothing) => {}
                Ok(Taken::Stale) => {
                    self.batch.clear();
                    // Whoever changes records one by one makes every entry stale that was taken
                    // beyond the next one.
                    self.len = 1;
                }
                Err(error) => {
                    self.left = 0;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn fetch(&mut self) -> Result<()> {
        let walk = self.walk.as_mut().map_err(taken)?;
        let wanted = self.left.saturating_add(self.skip);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let len = if self.filters.is_empty() { wanted.min(self.len) } else { self.len };
        let before = self.stats.entries_scanned;
        let batch = walk.take(len, &mut self.stats)?;
        let scanned = self.stats.entries_scanned - before;
        self.unrested += usize::try_from(scanned).unwrap_or(usize::MAX).max(1);
        self.len = (self.len * 2).min(BATCH_LEN);
        self.batch = batch;
        Ok(())
    }

    fn take(&mut self, mut entry: Entry) -> Result<Taken<O::Item>> {
        let walk = self.walk.as_mut().map_err(taken)?;
        let (store, reads_rows) = (walk.store, self.output.reads_rows());
        let is_filtered = !self.filters.is_empty();
        let is_skipped = !is_filtered && self.skip > 0;
        let whole = (O::WHOLE || is_filtered) && !is_skipped;
        let (stats, output, batch) = (&mut self.stats, &self.output, &self.batch);
        let (entry_key, key) = (batch.key(&entry), batch.primary_key(&entry));
        let mut record: Option<Arc<E>> = None;
        // Filters may use the session, so they run when it is not locked.
        let (standing, item) = walk.session.run(|work, _| {
            let standing = walk.look(work, key, &mut entry)?;
            if standing != Standing::Good || is_skipped {
                return Ok((standing, None));
            }
            if whole {
                let read = if entry.record.is_some() {
                    entry.record.take()
                } else {
                    stats.rows_read += 1;
                    work.get(store, key)?
                };
                record = read.and_then(session::typed);
            }
            if is_filtered {
                return Ok((standing, None));
            }
            stats.rows_read += u64::from(reads_rows && !O::WHOLE);
            let item = output.item(Found { work, store, key, record: record.take() })?;
            Ok((standing, item))
        })?;
        match standing {
            Standing::Good => walk.set_after(entry_key),
            Standing::Gone => {
                // Passed for good: to find it again from the place before would never end.
                walk.set_after(entry_key);
                return Ok(Taken::Nothing);
            }
            Standing::Stale => return Ok(Taken::Stale),
        }
        if is_skipped {
            self.skip -= 1;
            return Ok(Taken::Nothing);
        }
        if !is_filtered {
            return Ok(item.map_or(Taken::Nothing, Taken::Item));
        }
        let Some(record) = record else { return Ok(Taken::Nothing) };
        if !self.filters.iter().all(|filter| filter(&record)) {
            return Ok(Taken::Nothing);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(Taken::Nothing);
        }
        let item = walk
            .session
            .run(|work, _| output.item(Found { work, store, key, record: Some(record) }))?;
        Ok(item.map_or(Taken::Nothing, Taken::Item))
    }
}

/// Why there is nothing to walk; told once.
fn taken(error: &mut Option<Error>) -> Error {
    error.take().unwrap_or_else(|| Error::Invalid("the query has failed already".into()))
}

impl<E: Entity, O: Output<E>> Stream for Rows<'_, E, O> {
    type Item = Result<O::Item>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(context)
    }
}

impl<E: Entity, O: Output<E>> Drop for Rows<'_, E, O> {
    fn drop(&mut self) {
        if let Some(report) = self.report.take() {
            report.send(self.stats);
        }
    }
}

impl<E: Entity, O: Output<E>> fmt::Debug for Rows<'_, E, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("store", &E::SCHEMA.store)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
