//! Watching a store: what is committed, as it is committed.
//!
//! No event is ever queued. A watch holds the state that it has told of, and compares the newest
//! one with it; the engine skips what both share. So a slow reader costs no memory and misses
//! nothing but what was undone or overwritten before it looked.

use std::{fmt, marker::PhantomData, sync::Arc};

use sop_core::{Snapshot, StoreId, StoreView};

use super::Db;
use crate::{
    entity::{Entity, read},
    error::{Error, Result},
    index::{Index, Prefix},
    key::{self, KeyArg},
    query::span::{self, Span},
    store::invalid,
};

/// Tells what is committed in the store of `E`, whoever commits it.
///
/// Goes from state to state of the database, in the order of commits; of one state it tells the
/// changed records in the order of their keys, each once. Commits that came while the reader was
/// busy are taken together: of a record that was changed several times only the outcome is told,
/// and nothing of one that came and went. So a watch has no bound to overflow and never falls
/// behind for good; what it costs is that the state it last told of is kept, which takes disk space
/// if the watch is not read for long.
///
/// A record that [`Db::migrate`] only writes in the present layout is told as updated.
///
/// A clone goes on from the same place. Watches end with the process: after a restart, read the
/// store and watch from there.
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
/// # Ok(())
/// # }
/// ```
pub struct Watch<E> {
    db: Db,
    rows: StoreId,
    span: Span,
    /// The state that was told of.
    told: Snapshot,
    /// The state that is being compared with it, and what of the span is left.
    telling: Option<(Snapshot, Span)>,
    of: PhantomData<fn() -> E>,
}

/// A record that was changed.
#[derive(Debug)]
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

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was not there before.
    Inserted,
    /// It was written again, perhaps as it was, or deleted and inserted.
    Updated,
    /// It is gone.
    Deleted,
}

impl<E: Entity> Watch<E> {
    pub(super) fn new(db: &Db) -> Result<Self> {
        let store = db.registry().of::<E>();
        let store = store.ok_or(Error::NotRegistered { type_name: E::SCHEMA.type_name })?;
        let told = db.engine().snapshot()?;
        let (rows, span) = (store.rows, Span::default());
        Ok(Self { db: db.clone(), rows, span, told, telling: None, of: PhantomData })
    }

    /// Only the record with this key.
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn key(mut self, key: impl KeyArg<E::Key>) -> Result<Self> {
        let start = key::encode(&key).map_err(|error| invalid(&error))?;
        // No other key comes before this one with a zero behind it.
        let end = Some([start.as_slice(), &[0]].concat());
        self.span.intersect(Span { start, end });
        Ok(self)
    }

    /// Only records whose key begins with these columns; `by_key` is the `ByKey` of the module
    /// named after the struct.
    pub fn prefix<I: Index<Entity = E> + Prefix<P>, P>(
        mut self,
        by_key: I,
        prefix: P,
    ) -> Result<Self> {
        const { assert!(I::POSITION.is_none(), "a watch selects by the primary key: `ByKey`") }
        let _ = by_key;
        self.span.intersect(span::beginning::<I, P>(prefix)?);
        Ok(self)
    }

    /// Log position of the state up to which everything was told.
    pub fn position(&self) -> u64 {
        self.told.position()
    }

    /// The next change; waits for it, on any executor. Dropped while it waits, it loses nothing.
    ///
    /// Fails if the database is closed or what is stored is damaged.
    pub async fn next(&mut self) -> Result<Event<E>> {
        loop {
            if let Some(event) = self.next_ready()? {
                return Ok(event);
            }
            self.db.engine().changed_after(self.told.position()).await?;
        }
    }

    /// The next change, if there is one by now.
    pub fn next_ready(&mut self) -> Result<Option<Event<E>>> {
        if self.telling.is_none() {
            let newest = self.db.engine().snapshot()?;
            if newest.position() == self.told.position() {
                return Ok(None);
            }
            self.telling = Some((newest, self.span.clone()));
        }
        while let Some((now, left)) = &mut self.telling {
            let (was, is) = (self.told.store_by_id(self.rows)?, now.store_by_id(self.rows)?);
            let changed =
                if left.is_empty() { None } else { is.first_change::<&[u8]>(&was, left.bounds())? };
            let Some(key) = changed else { break };
            left.cut_at(key.clone(), false);
            if let Some(event) = event(&self.db, &was, &is, &key, now.position())? {
                return Ok(Some(event));
            }
        }
        if let Some((now, _)) = self.telling.take() {
            self.told = now;
        }
        Ok(None)
    }
}

fn event<E: Entity>(
    db: &Db,
    was: &StoreView<'_>,
    is: &StoreView<'_>,
    key: &[u8],
    position: u64,
) -> Result<Option<Event<E>>> {
    let store = db.registry().of::<E>();
    let store = store.ok_or(Error::NotRegistered { type_name: E::SCHEMA.type_name })?;
    let row = is.find(key)?;
    let kind = match (was.contains(key)?, &row) {
        (false, None) => return Ok(None),
        (false, Some(_)) => EventKind::Inserted,
        (true, Some(_)) => EventKind::Updated,
        (true, None) => EventKind::Deleted,
    };
    let record = row.map(|row| read::<E>(&store.layouts, key, &row).map(Arc::new)).transpose();
    let record = record.map_err(|source| store.unreadable(source))?;
    let key = key::decode::<E::Key>(key).map_err(|source| store.unreadable(source))?;
    Ok(Some(Event { key, record, kind, position }))
}

impl<E> Clone for Watch<E> {
    fn clone(&self) -> Self {
        let Self { db, rows, span, told, telling, of } = self;
        let (db, span, told) = (db.clone(), span.clone(), told.clone());
        Self { db, rows: *rows, span, told, telling: telling.clone(), of: *of }
    }
}

impl<E: Entity> fmt::Debug for Watch<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("store", &E::SCHEMA.store)
            .field("position", &self.told.position())
            .finish_non_exhaustive()
    }
}
