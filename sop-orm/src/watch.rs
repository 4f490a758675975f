//! Watching records: what is committed, as it is committed.
//!
//! No event is ever queued. A watch holds the state that it has told of, and compares the newest
//! one with it; the engine skips what both share. So a slow reader costs no memory and misses
//! nothing but what was undone or overwritten before it looked. One that was away, and only knows
//! how far it had come, is told from the log which keys to look at.

use std::{collections::BTreeSet, fmt, marker::PhantomData, sync::Arc};

use sop_core::{Snapshot, StoreView};

use crate::{
    db::{Db, registry::OpenStore},
    deleted::Deleted,
    entity::{Entity, read},
    error::Result,
    key,
    query::{Condition, Output, Query, span::Span},
    schema::SENSITIVE,
};

/// Tells what is committed in the store of `E`, or of it what a query selects, whoever commits it.
///
/// Made by [`Db::watch`], [`Query::watch`], and for those who come back by [`Db::watch_from`] and
/// [`Query::watch_from`].
///
/// Goes from state to state of the database, in the order of commits; of one state it tells the
/// changed records in the order of their keys, each once. Commits that came while the reader was
/// busy are taken together: of a record that was changed several times only the outcome is told,
/// and nothing of one that came and went. So a watch has no bound to overflow and never falls
/// behind for good; what it costs is that the state it last told of is kept, which takes disk space
/// if the watch is not read for long.
///
/// A record that [`Db::migrate`] only writes in the present layout is told as updated. One that is
/// [deleted so that it can be restored](crate::SoftDelete) is told as deleted, and as inserted when it
/// is restored, unless the query is one of deleted records. A clone goes on from the same place.
///
/// ```
/// use sop_orm::{EventKind, prelude::*};
///
/// #[derive(SopStore, Debug)]
/// struct Order {
///     #[sop(key)]
///     number: u64,
///     total: i32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<Order>().ephemeral().await?;
/// let mut watch = db.watch::<Order>()?;
/// db.run(async |s| s.of::<Order>().insert(Order { number: 7, total: 10 }).await).await?;
/// let event = watch.next().await?;
/// assert_eq!((event.kind, event.key), (EventKind::Inserted, 7));
/// assert_eq!(event.record.map(|order| order.total), Some(10));
///
/// // Whoever saves the position can go on from there, in another process too.
/// let seen = watch.position();
/// db.run(async |s| s.of::<Order>().delete(7).await).await?;
/// let missed = db.watch_from::<Order>(seen)?.next().await?;
/// assert_eq!((missed.kind, missed.key), (EventKind::Deleted, 7));
/// # Ok(())
/// # }
/// ```
pub struct Watch<E> {
    db: Db,
    wanted: Wanted,
    /// The state that was told of.
    told: Snapshot,
    /// What is left to tell of that state to a reader who was away.
    missed: Option<Missed>,
    /// The state that is being compared with it, and what of the span is left.
    telling: Option<(Snapshot, Span)>,
    of: PhantomData<fn() -> E>,
}

/// Which records are watched.
#[derive(Clone, Default)]
struct Wanted {
    /// Where their keys lie.
    span: Span,
    /// What else they must fulfil.
    condition: Option<Condition>,
    /// Whether deleted records are there.
    deleted: Deleted,
}

/// The keys that were changed while nobody looked.
#[derive(Clone)]
struct Missed {
    position: u64,
    keys: BTreeSet<Vec<u8>>,
}

/// A record that was changed. Its `Debug` form shows the key unless a column of it is `sensitive`.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let mut watch = db.watch::<Order>()?;
/// db.run(async |s| Ok(s.of::<Order>().edit(1).await?.total = 11)).await?;
/// let event = watch.next().await?;
/// assert_eq!(event.key, 1);
/// assert_eq!(event.record.map(|order| order.total), Some(11));
/// # Ok(())
/// # });
/// ```
#[non_exhaustive]
pub struct Event<E: Entity> {
    /// Its key.
    pub key: E::Key,
    /// The record as it is in the state told of; `None` if it was deleted.
    pub record: Option<Arc<E>>,
    /// What became of it since the state told of before.
    pub kind: EventKind,
    /// Log position of the state. All events of one position belong to the same state.
    pub position: u64,
}

/// What became of a record. To the watch of a query, a record that is not selected is not there.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::EventKind;
///
/// let mut watch = db.watch::<Order>()?;
/// db.run(async |s| s.of::<Order>().delete(3).await).await?;
/// let event = watch.next().await?;
/// assert_eq!(event.kind, EventKind::Deleted);
/// assert!(event.record.is_none());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was not there before.
    Inserted,
    /// It was written again, perhaps as it was, or deleted and inserted. After
    /// [`Db::watch_from`] also one that was inserted meanwhile: what was there is not known.
    Updated,
    /// It is gone. After [`Query::watch_from`] perhaps it was never there.
    Deleted,
}

impl Db {
    /// Watches the store of `E` from now on: see [`Watch`].
    ///
    /// Fails if the type is not registered or the database is closed.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut watch = db.watch::<Order>()?;
    /// db.run(async |s| s.of::<Order>().delete(2).await).await?;
    /// assert_eq!(watch.next().await?.key, 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn watch<E: Entity>(&self) -> Result<Watch<E>> {
        Watch::new(self, Wanted::default(), self.engine().snapshot()?)
    }

    /// Watches the store of `E` from a [position](Watch::position) on that was saved: first it
    /// tells what was changed since then, read from the log, then what is committed from now on.
    ///
    /// Fails with [`Error::Engine`](crate::Error::Engine) of `PositionGone` if the log does not
    /// reach back so far: read the store anew and watch from there. How much of the log is kept at least is up to
    /// [`Options::log_history_bytes`](crate::Options::log_history_bytes). Costs reading the log
    /// since the position, and memory for the changed keys.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let seen = db.watch::<Order>()?.position(); // saved somewhere
    /// db.run(async |s| s.of::<Order>().delete(2).await).await?;
    /// let mut watch = db.watch_from::<Order>(seen)?;
    /// assert_eq!(watch.next().await?.key, 2);
    /// # Ok(())
    /// # });
    /// ```
    pub fn watch_from<E: Entity>(&self, position: u64) -> Result<Watch<E>> {
        self.watch()?.resumed(position)
    }
}

impl<E: Entity, I, O: Output<E>> Query<'_, E, I, O> {
    /// Watches what the query selects, from the state on that its session sees: who runs the query
    /// first and then reads the watch has missed nothing. What the session itself has changed and
    /// not committed is not part of that state.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::EventKind;
    ///
    /// let large = || s.of::<Order>().by_total().range(100..);
    /// assert_eq!(large().count().await?, 0);
    /// let mut watch = large().watch()?;
    ///
    /// db.run(async |s| Ok(s.of::<Order>().edit(1).await?.total = 250)).await?;
    /// assert_eq!(watch.next().await?.kind, EventKind::Inserted);
    /// db.run(async |s| Ok(s.of::<Order>().edit(1).await?.total = 9)).await?;
    /// assert_eq!(watch.next().await?.kind, EventKind::Deleted);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// A query of the primary key costs what its part of the store does; any other one looks at
    /// all records of the store that were changed. Fails with
    /// [`Error::Invalid`](crate::Error::Invalid) if the query has a filter, which would have to outlive the session: look at the events instead; or a `skip`, a
    /// `limit` or a cursor, which make no sense here.
    pub fn watch(self) -> Result<Watch<E>> {
        let session = self.handle().session();
        let told = session.run(|work, _| Ok(work.state()))?;
        Watch::new(session.db(), Wanted::new(self.into_condition()?), told)
    }

    /// As [`watch`](Self::watch), from a position on that was saved; see [`Db::watch_from`]. A
    /// changed record that the query does not select is told as deleted, since it is not known
    /// whether it was selected before. Fails as these two do.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let large = || s.of::<Order>().by_total().range(20..);
    /// let seen = large().watch()?.position(); // saved somewhere
    /// db.run(async |s| s.of::<Order>().by_key().update(|order| order.total += 5).await).await?;
    /// let mut watch = large().watch_from(seen)?;
    /// let first = watch.next().await?; // order 1 is not selected, and never was
    /// assert_eq!((first.key, first.record), (1, None));
    /// assert_eq!(watch.next().await?.record.map(|order| order.total), Some(25));
    /// # Ok(())
    /// # });
    /// ```
    pub fn watch_from(self, position: u64) -> Result<Watch<E>> {
        let db = self.handle().session().db();
        let told = db.engine().snapshot()?;
        Watch::new(db, Wanted::new(self.into_condition()?), told)?.resumed(position)
    }
}

impl Wanted {
    fn new(condition: Condition) -> Self {
        if let Some((span, deleted)) = condition.of_keys() {
            return Self { span, condition: None, deleted };
        }
        // The condition says itself which records it selects.
        Self { span: Span::default(), condition: Some(condition), deleted: Deleted::Shown }
    }

    fn holds<E: Entity>(&self, store: &OpenStore, key: &[u8], record: &E) -> Result<bool> {
        match &self.condition {
            None => Ok(!self.deleted.hides(record)),
            Some(condition) => condition.holds(store, key, record),
        }
    }

    /// The record with this key, if it is there and wanted.
    fn find<E: Entity>(
        &self,
        store: &OpenStore,
        state: &Snapshot,
        key: &[u8],
    ) -> Result<Option<Arc<E>>> {
        let Some(row) = rows(store, state)?.find(key)? else { return Ok(None) };
        let record = read::<E>(&store.layouts, key, &row);
        let record = record.map_err(|source| store.unreadable(source))?;
        Ok(self.holds(store, key, &record)?.then(|| Arc::new(record)))
    }

    /// Whether there is a record that is wanted. Not read if its key suffices.
    fn contains<E: Entity>(&self, store: &OpenStore, state: &Snapshot, key: &[u8]) -> Result<bool> {
        let may_hide = self.deleted == Deleted::Hidden && store.schema.soft_delete.is_some();
        if self.condition.is_none() && !may_hide {
            return Ok(rows(store, state)?.contains(key)?);
        }
        Ok(self.find::<E>(store, state, key)?.is_some())
    }
}

fn rows<'s>(store: &OpenStore, state: &'s Snapshot) -> Result<StoreView<'s>> {
    Ok(state.store_by_id(store.rows)?)
}

impl<E: Entity> Watch<E> {
    fn new(db: &Db, wanted: Wanted, told: Snapshot) -> Result<Self> {
        let watch =
            Self { db: db.clone(), wanted, told, missed: None, telling: None, of: PhantomData };
        watch.store().map(drop)?;
        Ok(watch)
    }

    /// Tells first what was changed since a position.
    fn resumed(mut self, position: u64) -> Result<Self> {
        let changed = self.db.engine().changed_keys(self.store()?.rows, position, &self.told);
        let mut keys = changed?;
        keys.retain(|key| self.wanted.span.contains(key));
        self.missed = Some(Missed { position, keys });
        Ok(self)
    }

    fn store(&self) -> Result<&OpenStore> {
        self.db.registry().opened::<E>()
    }

    /// Log position of the state up to which everything was told: what
    /// [`Db::watch_from`] goes on from. If sessions commit with less than
    /// [`Durability::Immediate`](crate::Durability::Immediate), it may be lost in a crash: a
    /// session with that durability that commits makes all before it durable.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut watch = db.watch::<Order>()?;
    /// let began = watch.position();
    /// db.run(async |s| s.of::<Order>().delete(3).await).await?;
    /// while watch.next_ready()?.is_some() {}
    /// assert!(watch.position() > began);
    /// # Ok(())
    /// # });
    /// ```
    pub fn position(&self) -> u64 {
        self.missed.as_ref().map_or_else(|| self.told.position(), |missed| missed.position)
    }

    /// The next change; waits for it, on any executor. Dropped while it waits, it loses nothing.
    ///
    /// Fails if the database is closed or what is stored is damaged.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut watch = db.watch::<Order>()?;
    /// let change = db.run(async |s| s.of::<Order>().delete(1).await);
    /// let (event, changed) = futures_util::future::join(watch.next(), change).await;
    /// assert_eq!((event?.key, changed?), (1, true));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn next(&mut self) -> Result<Event<E>> {
        loop {
            if let Some(event) = self.next_ready()? {
                return Ok(event);
            }
            self.db.engine().changed_after(self.told.position()).await?;
        }
    }

    /// The next change, if there is one by now.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut watch = db.watch::<Order>()?;
    /// assert!(watch.next_ready()?.is_none());
    /// db.run(async |s| s.of::<Order>().delete(1).await).await?;
    /// assert_eq!(watch.next_ready()?.map(|event| event.key), Some(1));
    /// # Ok(())
    /// # });
    /// ```
    pub fn next_ready(&mut self) -> Result<Option<Event<E>>> {
        let Some(key) = self.missed.as_mut().and_then(|missed| missed.keys.pop_first()) else {
            self.missed = None;
            return self.next_changed();
        };
        let record = self.wanted.find(self.store()?, &self.told, &key)?;
        let kind = if record.is_some() { EventKind::Updated } else { EventKind::Deleted };
        self.event(&key, record, kind, self.told.position()).map(Some)
    }

    /// The next difference between the state that was told of and the newest one.
    fn next_changed(&mut self) -> Result<Option<Event<E>>> {
        loop {
            let Some((now, left)) = self.telling.take() else {
                let newest = self.db.engine().snapshot()?;
                if newest.position() == self.told.position() {
                    return Ok(None);
                }
                self.telling = Some((newest, self.wanted.span.clone()));
                continue;
            };
            let Some(key) = self.first_change(&now, &left)? else {
                self.told = now;
                continue;
            };
            let event = self.difference(&key, &now)?;
            let mut rest = left;
            rest.cut_at(key, false);
            self.telling = Some((now, rest));
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// The first key of a span under which two states differ.
    fn first_change(&self, now: &Snapshot, span: &Span) -> Result<Option<Vec<u8>>> {
        if span.is_empty() {
            return Ok(None);
        }
        let store = self.store()?;
        let (was, is) = (rows(store, &self.told)?, rows(store, now)?);
        Ok(is.first_change::<&[u8]>(&was, span.bounds())?)
    }

    fn difference(&self, key: &[u8], now: &Snapshot) -> Result<Option<Event<E>>> {
        let store = self.store()?;
        let record = self.wanted.find(store, now, key)?;
        let was_there = self.wanted.contains::<E>(store, &self.told, key)?;
        let kind = match (was_there, &record) {
            (false, None) => return Ok(None),
            (false, Some(_)) => EventKind::Inserted,
            (true, Some(_)) => EventKind::Updated,
            (true, None) => EventKind::Deleted,
        };
        self.event(key, record, kind, now.position()).map(Some)
    }

    fn event(
        &self,
        key: &[u8],
        record: Option<Arc<E>>,
        kind: EventKind,
        position: u64,
    ) -> Result<Event<E>> {
        let store = self.store()?;
        let key = key::decode::<E::Key>(key).map_err(|source| store.unreadable(source))?;
        Ok(Event { key, record, kind, position })
    }
}

impl<E: Entity<Key: fmt::Debug> + fmt::Debug> fmt::Debug for Event<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: &dyn fmt::Debug =
            if E::SCHEMA.may_show(&[]) { &self.key } else { &format_args!("{SENSITIVE}") };
        f.debug_struct("Event")
            .field("key", key)
            .field("record", &self.record)
            .field("kind", &self.kind)
            .field("position", &self.position)
            .finish()
    }
}

impl<E> Clone for Watch<E> {
    fn clone(&self) -> Self {
        let Self { db, wanted, told, missed, telling, of } = self;
        let (db, wanted, told) = (db.clone(), wanted.clone(), told.clone());
        Self { db, wanted, told, missed: missed.clone(), telling: telling.clone(), of: *of }
    }
}

impl<E: Entity> fmt::Debug for Watch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("store", &E::SCHEMA.store)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
