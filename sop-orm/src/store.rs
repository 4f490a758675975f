//! The typed store: what can be done with the records of one type.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    access::{Access, At},
    db::registry::{OpenStore, Registry},
    entity::{Entity, IntoEntity, Record},
    error::{CodecError, Error, Result, Stale},
    hooks::{VersionNumber, Versioned},
    index::Index,
    key::{self, KeyArg, KeyWriter},
    many,
    query::Query,
    session::{self, Edit, Session, Work},
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

    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    fn at_key<T>(
        self,
        key: impl KeyArg<E::Key>,
        run: fn(Self, At) -> Result<T>,
    ) -> Access<'s, E, T> {
        let at = key::encode(&key).map(|columns| At { index: None, columns });
        Access::new(self, at, run)
    }

    fn get_now(self, at: At) -> Result<Option<Arc<E>>> {
        let store = self.opened()?;
        let found = self.session.run(|work, registry| work.find(registry, store, at))?;
        Ok(found.and_then(session::typed))
    }

    /// The record with this key, if there is one. The same key gives the same [`Arc`] for as long
    /// as the session lives and somebody holds it.
    pub fn get(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Option<Arc<E>>> {
        self.at_key(key, Self::get_now)
    }

    /// The record with this key. Fails with [`Error::NotFound`] if there is none.
    pub fn require(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Arc<E>> {
        self.at_key(key, |store, at| {
            let key = at.columns.clone();
            store.get_now(at)?.ok_or_else(|| Error::not_found::<E>(E::SCHEMA.show_key(&key)))
        })
    }

    /// The records with these keys, in the order of the keys given, with `None` where there is
    /// none. The records are looked up in the order of the store, which is faster than one by one
    /// as they come, and each once, however often its key is given.
    pub fn get_many<K: KeyArg<E::Key>>(
        self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Future<Output = Result<Vec<Option<Arc<E>>>>> + Send + 's {
        let keys: Result<Vec<_>, _> = keys.into_iter().map(|key| key::encode(&key)).collect();
        async move { many::get(self, keys.map_err(|error| invalid(&error))?).await }
    }

    /// Whether there is a record with this key. Does not read the record.
    pub fn exists(self, key: impl KeyArg<E::Key>) -> Access<'s, E, bool> {
        self.at_key(key, |store, at| {
            let opened = store.opened()?;
            store.session.run(|work, _| work.contains(opened, &at.columns))
        })
    }

    /// Inserts a record, given whole or as its `New` struct, and returns it.
    ///
    /// Fails with [`Error::Duplicate`] if its key, or its value in a unique index, is taken.
    pub async fn insert<N: IntoEntity<E>>(self, new: N) -> Result<Arc<E>> {
        let number = self.numbers_for::<N>(1).await?;
        let mut written: [Arc<dyn Record>; 1] = [Arc::new(new.into_entity(number)?)];
        self.insert_all(&mut written)?;
        let [record] = written;
        Ok(own_type(record))
    }

    /// Inserts many records, all or none, and returns them in the order given. Faster than one by
    /// one, because the trees are written in the order of their keys; a store and its indexes that
    /// were empty become files of their own if the session writes megabytes to them, so that
    /// nothing is written twice.
    ///
    /// Fails like [`insert`](Self::insert), also if two of the given records collide.
    pub async fn insert_many<N: IntoEntity<E>>(
        self,
        new: impl IntoIterator<Item = N>,
    ) -> Result<Vec<Arc<E>>> {
        let new: Vec<N> = new.into_iter().collect();
        let first = self.numbers_for::<N>(new.len() as u64).await?;
        let records = new.into_iter().zip(first..).map(|(new, number)| new.into_entity(number));
        let forgotten = records.map(|record| Ok(Arc::new(record?) as Arc<dyn Record>));
        let mut records = forgotten.collect::<Result<Vec<_>>>()?;
        self.insert_all(&mut records)?;
        Ok(records.into_iter().map(own_type).collect())
    }

    /// Inserts a record unless its key, or its value in a unique index, is taken. `None` if it is.
    pub async fn insert_or_ignore<N: IntoEntity<E>>(self, new: N) -> Result<Option<Arc<E>>> {
        match self.insert(new).await {
            Ok(record) => Ok(Some(record)),
            Err(Error::Duplicate(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first of the numbers that some new records need for their keys; 0 if they need none.
    async fn numbers_for<N: IntoEntity<E>>(self, count: u64) -> Result<u64> {
        let store = self.opened()?;
        if N::NUMBERED {
            store.sequence.take(self.session.db().engine(), count).await
        } else {
            Ok(0)
        }
    }

    fn insert_all(self, records: &mut [Arc<dyn Record>]) -> Result<()> {
        let store = self.opened()?;
        self.session.run(|work, registry| work.insert(registry, store, records))
    }

    /// Inserts a record, or puts it in the place of the one with the same key. Returns it.
    ///
    /// Fails with [`Error::Duplicate`] if its value in a unique index is taken by another record.
    pub fn upsert(self, record: E) -> impl Future<Output = Result<Arc<E>>> + Send + 's {
        let record = Arc::new(record);
        async move {
            let store = self.opened()?;
            let upsert =
                |work: &mut Work, registry: &Registry| work.upsert(registry, store, record);
            Ok(own_type(self.session.run(upsert)?.0))
        }
    }

    /// Deletes the record with this key. Returns whether there was one.
    pub fn delete(self, key: impl KeyArg<E::Key>) -> Access<'s, E, bool> {
        self.at_key(key, |store, at| {
            let opened = store.opened()?;
            store.session.run(|work, registry| work.delete(registry, opened, at.columns))
        })
    }

    /// Begins to edit the record with this key: change it through the guard and drop that.
    ///
    /// Fails with [`Error::NotFound`] if there is none, with [`Error::AlreadyEditing`] while
    /// another edit of it is alive.
    pub fn edit(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Edit<'s, E>> {
        self.at_key(key, |store, at| Edit::begin(store.session, store.opened()?, at.columns))
    }

    /// Begins to edit the record with this key if it has this version still, see
    /// [`Versioned`](crate::Versioned): for a caller that read it in another session, such as a
    /// form that was shown to a person.
    ///
    /// Fails with [`Error::Stale`] if it has another one, else like [`edit`](Self::edit). A record
    /// that this session has changed may have its next version already.
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn edit_at(
        self,
        key: impl KeyArg<E::Key>,
        version: E::Version,
    ) -> impl Future<Output = Result<Edit<'s, E>>> + Send + 's
    where
        E: Versioned,
    {
        let key = key::encode(&key);
        async move {
            let key = key.map_err(|error| invalid(&error))?;
            let edit = Edit::begin(self.session, self.opened()?, key.clone())?;
            match stale::<E>(&edit, &key, version) {
                None => Ok(edit),
                Some(stale) => {
                    edit.discard();
                    Err(stale)
                }
            }
        }
    }

    /// Deletes the record with this key if it has this version still; see
    /// [`edit_at`](Self::edit_at). Returns whether there was one.
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn delete_at(
        self,
        key: impl KeyArg<E::Key>,
        version: E::Version,
    ) -> impl Future<Output = Result<bool>> + Send + 's
    where
        E: Versioned,
    {
        let key = key::encode(&key);
        async move {
            let key = key.map_err(|error| invalid(&error))?;
            let store = self.opened()?;
            self.session.run(|work, registry| {
                let Some(record) = work.get(store, key.clone())?.and_then(session::typed::<E>)
                else {
                    return Ok(false);
                };
                match stale(&*record, &key, version) {
                    None => work.delete(registry, store, key),
                    Some(stale) => Err(stale),
                }
            })
        }
    }

    /// A query on an index, which is named by its type in the module of the struct. The methods
    /// named after indexes say it shorter; this one also walks unique indexes in their order.
    pub fn query<I: Index<Entity = E>>(self, _index: I) -> Query<'s, E, I> {
        Query::new(self)
    }

    /// The record at the columns of a unique index that `write` appends.
    #[doc(hidden)]
    pub fn find_unique(
        self,
        index: usize,
        write: impl FnOnce(&mut KeyWriter) -> Result<(), CodecError>,
    ) -> Access<'s, E, Option<Arc<E>>> {
        let mut columns = KeyWriter::default();
        let at =
            write(&mut columns).map(|()| At { index: Some(index), columns: columns.into_bytes() });
        Access::new(self, at, Self::get_now)
    }
}

fn stale<E: Entity + Versioned>(record: &E, key: &[u8], version: E::Version) -> Option<Error> {
    let (expected, found) = (version.get(), record.version().unwrap_or(0));
    let key = || E::SCHEMA.show_key(key);
    (expected != found)
        .then(|| Error::Stale(Stale { store: E::SCHEMA.store, key: key(), expected, found }))
}

fn own_type<E: Entity>(record: Arc<dyn Record>) -> Arc<E> {
    session::typed(record).expect("invariant: what was written is a record of its store")
}

/// A value that cannot be a column.
pub(crate) fn invalid(error: &CodecError) -> Error {
    Error::Invalid(error.to_string().into())
}
