//! The typed store: what can be done with the records of one type.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    db::registry::OpenStore,
    entity::{self, Entity, IntoEntity, Record},
    error::{CodecError, Error, Result},
    index::Index,
    key::{self, KeyArg, KeyWriter},
    query::Query,
    row,
    session::{self, Edit, Session},
};

/// The store of `E` as one session sees it.
///
/// The handle that [`Session::of`] returns adds a method for each index and has all of these too.
/// It is `Copy` and its methods take it by value, so it can be used in several futures at once.
pub struct StoreHandle<'s, E> {
    session: &'s Session,
    store: Option<&'s OpenStore>,
    of: PhantomData<fn() -> E>,
}

impl<E> Clone for StoreHandle<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for StoreHandle<'_, E> {}

impl<E> fmt::Debug for StoreHandle<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.store.map(|store| store.schema.store);
        f.debug_struct("StoreHandle").field("store", &name).finish_non_exhaustive()
    }
}

impl<'s, E: Entity> StoreHandle<'s, E> {
    pub(crate) fn new(session: &'s Session) -> Self {
        Self { session, store: session.registry().of::<E>(), of: PhantomData }
    }

    /// The session this handle belongs to.
    pub fn session(self) -> &'s Session {
        self.session
    }

    pub(crate) fn opened(self) -> Result<&'s OpenStore> {
        self.store.ok_or(Error::NotRegistered { type_name: E::SCHEMA.type_name })
    }

    /// The record with this key, if there is one. The same key gives the same [`Arc`] for as long
    /// as the session lives and somebody holds it.
    pub async fn get(self, key: impl KeyArg<E::Key>) -> Result<Option<Arc<E>>> {
        let (store, key) = (self.opened()?, encoded(&key)?);
        self.session.run(|work, _| Ok(work.get(store, key)?.and_then(session::typed))).await
    }

    /// The record with this key. Fails with [`Error::NotFound`] if there is none.
    pub async fn require(self, key: impl KeyArg<E::Key>) -> Result<Arc<E>> {
        let (store, key) = (self.opened()?, encoded(&key)?);
        let found = self.session.run(|work, _| work.get(store, key.clone())).await?;
        found.and_then(session::typed).ok_or_else(|| not_found::<E>(&key))
    }

    /// Whether there is a record with this key. Does not read the record.
    pub async fn exists(self, key: impl KeyArg<E::Key>) -> Result<bool> {
        let (store, key) = (self.opened()?, encoded(&key)?);
        self.session.run(|work, _| work.contains(store, &key)).await
    }

    /// Inserts a record, given whole or as its `New` struct, and returns it.
    ///
    /// Fails with [`Error::Duplicate`] if its key, or its value in a unique index, is taken.
    pub async fn insert(self, new: impl IntoEntity<E>) -> Result<Arc<E>> {
        let inserted = self.insert_many([new]).await?;
        Ok(inserted.into_iter().next().expect("invariant: one record in, one record out"))
    }

    /// Inserts many records, all or none, and returns them in the order given. Faster than one by
    /// one, because the trees are written in the order of their keys.
    ///
    /// Fails like [`insert`](Self::insert), also if two of the given records collide.
    pub async fn insert_many<N: IntoEntity<E>>(
        self,
        new: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Arc<E>>> {
        let store = self.opened()?;
        let new: Vec<N> = new.into_iter().collect();
        let first = if N::NUMBERED && !new.is_empty() {
            store.sequence.take(self.session.db().engine(), new.len() as u64).await?
        } else {
            0
        };
        let records = new.into_iter().zip(first..).map(|(new, number)| new.into_entity(number));
        let records: Vec<Arc<E>> =
            records.map(|record| record.map(Arc::new)).collect::<Result<_>>()?;
        let forgotten: Vec<Arc<dyn Record>> =
            records.iter().map(|record| Arc::clone(record) as Arc<dyn Record>).collect();
        self.session.run(|work, registry| work.insert(registry, store, &forgotten)).await?;
        Ok(records)
    }

    /// Inserts a record, or puts it in the place of the one with the same key. Returns it.
    ///
    /// Fails with [`Error::Duplicate`] if its value in a unique index is taken by another record.
    pub async fn upsert(self, record: E) -> Result<Arc<E>> {
        let (store, record) = (self.opened()?, Arc::new(record));
        let forgotten = Arc::clone(&record) as Arc<dyn Record>;
        self.session.run(|work, registry| work.upsert(registry, store, &forgotten)).await?;
        Ok(record)
    }

    /// Deletes the record with this key. Returns whether there was one.
    pub async fn delete(self, key: impl KeyArg<E::Key>) -> Result<bool> {
        let (store, key) = (self.opened()?, encoded(&key)?);
        self.session.run(|work, registry| work.delete(registry, store, key)).await
    }

    /// Begins to edit the record with this key: change it through the guard and drop that.
    ///
    /// Fails with [`Error::NotFound`] if there is none, with [`Error::AlreadyEditing`] while
    /// another edit of it is alive.
    pub async fn edit(self, key: impl KeyArg<E::Key>) -> Result<Edit<'s, E>> {
        let (store, key) = (self.opened()?, encoded(&key)?);
        let row = self.session.run(|work, _| work.begin_edit(store, &key)).await?;
        let row = row.ok_or_else(|| not_found::<E>(&key))?;
        let value = entity::read::<E>(&store.layouts, &key, &row)
            .map_err(|source| store.unreadable(source))?;
        let base = if row::is_current(&store.layouts, &row) {
            row
        } else {
            value.row_bytes(store.layouts.current)
        };
        Ok(Edit::new(self.session, store, key, base, value))
    }

    /// A query on an index, which is named by its type in the module of the struct. The methods
    /// named after indexes say it shorter; this one also walks unique indexes in their order.
    pub fn query<I: Index<Entity = E>>(self, _index: I) -> Query<'s, E, I> {
        Query::new(self)
    }

    /// The record at these columns of a unique index.
    #[doc(hidden)]
    pub async fn find_unique(
        self,
        index: usize,
        columns: Result<KeyWriter, CodecError>,
    ) -> Result<Option<Arc<E>>> {
        let store = self.opened()?;
        let columns = columns.map_err(invalid)?.into_bytes();
        self.session
            .run(|work, registry| {
                work.flush(registry)?;
                let found = work.find_unique(store, index, &columns)?;
                Ok(found.and_then(session::typed))
            })
            .await
    }
}

fn encoded<K: key::Key>(key: &impl KeyArg<K>) -> Result<Vec<u8>> {
    key::encode(key).map_err(invalid)
}

pub(crate) fn invalid(error: CodecError) -> Error {
    Error::Invalid(error.to_string().into())
}

fn not_found<E: Entity>(key: &[u8]) -> Error {
    Error::not_found::<E>(key::show(key))
}
