//! Walking the entries of an index, some at a time, and reading the records they point at.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use super::{Filter, Span};
use crate::{
    db::registry::{OpenIndex, OpenStore},
    entity::Entity,
    error::Result,
    schema,
    session::{self, Session, Work},
};

/// Entries taken from the index at once. After each batch a stream lets other tasks run.
const BATCH_LEN: usize = 128;

/// An entry of an index and the primary key it leads to.
struct Entry {
    key: Vec<u8>,
    primary_key: Vec<u8>,
}

/// The entries of an index in a span, in either direction.
pub(super) struct Scan<'s> {
    pub(super) session: &'s Session,
    pub(super) store: &'s OpenStore,
    /// `None` walks the primary key.
    pub(super) index: Option<&'s OpenIndex>,
    pub(super) span: Span,
    pub(super) reverse: bool,
}

impl Scan<'_> {
    /// The next entries; less than asked for if there are no more. Pending edits are written
    /// first, so that they are seen.
    fn take_batch(&mut self, len: usize) -> Result<VecDeque<Entry>> {
        let batch: VecDeque<Entry> = self.session.run(|work, registry| {
            work.flush(registry)?;
            self.read(work, len)
        })?;
        if let Some(last) = batch.back() {
            self.span.cut_at(last.key.clone(), self.reverse);
        }
        Ok(batch)
    }

    fn read(&self, work: &Work, len: usize) -> Result<VecDeque<Entry>> {
        if self.span.is_empty() {
            return Ok(VecDeque::new());
        }
        let source = self.index.map_or(self.store.rows, |index| index.entries);
        let source = work.view(source)?;
        let range = source.range::<&[u8]>(self.span.bounds())?;
        let entry = |found: sop_core::Result<(Vec<u8>, sop_core::Value<'_>)>| {
            let (key, value) = found?;
            let primary_key = self.primary_key(&key, &value)?;
            Ok(Entry { key, primary_key })
        };
        if self.reverse {
            range.rev().take(len).map(entry).collect()
        } else {
            range.take(len).map(entry).collect()
        }
    }

    fn primary_key(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>> {
        let Some(index) = self.index else { return Ok(key.to_vec()) };
        if index.spec.unique {
            return Ok(value.to_vec());
        }
        let (_, primary_key) = schema::split(index.spec.columns, key)
            .map_err(|source| self.store.unreadable(source))?;
        Ok(primary_key.to_vec())
    }

    /// Number of entries, counted by the engine without walking them.
    pub(super) fn count(&self) -> Result<u64> {
        self.session.run(|work, registry| {
            work.flush(registry)?;
            if self.span.is_empty() {
                return Ok(0);
            }
            let source = self.index.map_or(self.store.rows, |index| index.entries);
            Ok(work.view(source)?.count::<&[u8]>(self.span.bounds())?)
        })
    }
}

/// A record and the key of the entry that led to it.
pub(super) type Found<E> = (Vec<u8>, Arc<E>);

/// The records of a query, one after the other.
///
/// It is a [`Stream`], and [`try_next`](Self::try_next) needs no further crate. What the session
/// changes while it is being read is seen if it lies ahead: a record whose index column is moved
/// forward comes again.
pub struct Rows<'s, E: Entity> {
    source: Result<Scan<'s>, Option<crate::Error>>,
    batch: VecDeque<Entry>,
    filters: Vec<Filter<'s, E>>,
    /// How many more records may come.
    left: u64,
    /// Whether other tasks may have run since the last batch.
    rested: bool,
}

impl<'s, E: Entity> Rows<'s, E> {
    pub(super) fn new(
        source: Result<Scan<'s>>,
        filters: Vec<Filter<'s, E>>,
        limit: Option<u64>,
    ) -> Self {
        let (batch, left) = (VecDeque::new(), limit.unwrap_or(u64::MAX));
        Self { source: source.map_err(Some), batch, filters, left, rested: true }
    }

    /// The next record; `None` at the end.
    pub async fn try_next(&mut self) -> Result<Option<Arc<E>>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await.transpose()
    }

    /// The next record and the entry that led to it. `Pending` is returned once per batch.
    pub(super) fn poll_entry(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Found<E>>>> {
        let scan = match &mut self.source {
            Ok(scan) => scan,
            Err(error) => return Poll::Ready(error.take().map(Err)),
        };
        if self.left == 0 {
            return Poll::Ready(None);
        }
        loop {
            while let Some(entry) = self.batch.pop_front() {
                match read(scan, entry.primary_key) {
                    Ok(Some(record)) if self.filters.iter().all(|filter| filter(&record)) => {
                        self.left -= 1;
                        return Poll::Ready(Some(Ok((entry.key, record))));
                    }
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
            }
            if !std::mem::replace(&mut self.rested, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let wanted = usize::try_from(self.left).unwrap_or(BATCH_LEN);
            let wanted = if self.filters.is_empty() { wanted.min(BATCH_LEN) } else { BATCH_LEN };
            match scan.take_batch(wanted) {
                Ok(batch) if batch.is_empty() => return Poll::Ready(None),
                Ok(batch) => (self.batch, self.rested) = (batch, false),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// The record, unless the session has deleted it since its entry was read.
fn read<E: Entity>(scan: &Scan<'_>, primary_key: Vec<u8>) -> Result<Option<Arc<E>>> {
    let record = scan.session.run(|work, _| work.get(scan.store, primary_key))?;
    Ok(record.and_then(session::typed))
}

impl<E: Entity> Stream for Rows<'_, E> {
    type Item = Result<Arc<E>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_entry(context).map(|entry| entry.map(|entry| entry.map(|(_, record)| record)))
    }
}

impl<E: Entity> fmt::Debug for Rows<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("store", &E::SCHEMA.store).finish_non_exhaustive()
    }
}
