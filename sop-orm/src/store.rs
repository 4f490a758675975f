//! The typed store: what can be done with the records of one type.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    access::{Access, At},
    blob::BlobContent,
    db::registry::{OpenStore, Registry},
    deleted::Deleted,
    entity::{Entity, IntoEntity, Record},
    error::{CodecError, Error, Result, Stale},
    hooks::{VersionNumber, Versioned},
    index::Index,
    key::{self, KeyArg, KeyWriter},
    many,
    query::Query,
    session::{self, Edit, Session, Work},
    vector::Near,
};

/// The store of `E` as one session sees it.
///
/// The handle that [`Session::of`] returns adds a method for each index and has all of these too.
/// It is `Copy` and its methods take it by value, so it can be used in several futures at once.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let orders = s.of::<Order>();
/// let order = orders.insert(NewOrder { total: 40 }).await?;
/// assert_eq!(orders.by_total().range(40..).first().await?, Some(order));
/// # Ok(())
/// # });
/// ```
pub struct StoreHandle<'s, E> {
    session: &'s Session,
    store: Option<&'s OpenStore>,
    deleted: Deleted,
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
        let store = session.registry().of::<E>();
        Self { session, store, deleted: Deleted::Hidden, of: PhantomData }
    }

    /// The session this handle belongs to.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// /// What is asked of a store may need another one.
    /// async fn is_known(users: UserStore<'_>, number: u64) -> Result<bool> {
    ///     Ok(users.session().of::<Order>().exists(number).await?)
    /// }
    /// assert!(is_known(s.of::<User>(), 1).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn session(self) -> &'s Session {
        self.session
    }

    pub(crate) fn opened(self) -> Result<&'s OpenStore> {
        self.store.ok_or(Error::NotRegistered { type_name: E::SCHEMA.type_name })
    }

    /// For which deleted records are there.
    pub(crate) fn showing_deleted(self) -> Self {
        Self { deleted: Deleted::Shown, ..self }
    }

    /// Whether deleted records are there.
    pub(crate) fn deleted(self) -> Deleted {
        self.deleted
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub(crate) fn at_key<T>(
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
        Ok(found.filter(|record| !self.deleted.hides(&**record)).and_then(session::typed))
    }

    /// The record with this key, if there is one. The same key gives the same [`Arc`] for as long
    /// as the session lives and somebody holds it.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use std::sync::Arc;
    ///
    /// let order = s.of::<Order>().get(1).await?;
    /// assert_eq!(order.as_ref().map(|order| order.total), Some(10));
    /// assert_eq!(s.of::<Order>().get(99).await?, None);
    ///
    /// let again = s.of::<Order>().get(1).await?;
    /// assert!(order.zip(again).is_some_and(|(one, other)| Arc::ptr_eq(&one, &other)));
    /// # Ok(())
    /// # });
    /// ```
    pub fn get(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Option<Arc<E>>> {
        self.at_key(key, Self::get_now)
    }

    /// The record with this key. Fails with [`Error::NotFound`] if there is none.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Order>().require(2).await?.total, 20);
    /// assert!(matches!(s.of::<Order>().require(99).await, Err(Error::NotFound { .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub fn require(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Arc<E>> {
        self.at_key(key, |store, at| {
            let key = at.columns.clone();
            store.get_now(at)?.ok_or_else(|| Error::not_found::<E>(E::SCHEMA.show_key(&key)))
        })
    }

    /// The records with these keys, in the order of the keys given, with `None` where there is
    /// none. The records are looked up in the order of the store, which is faster than one by one
    /// as they come, and each once, however often its key is given.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let found = s.of::<Order>().get_many([3, 99, 1]).await?;
    /// assert_eq!(found[0].as_ref().map(|order| order.total), Some(30));
    /// assert_eq!(found[1], None);
    /// # Ok(())
    /// # });
    /// ```
    pub fn get_many<K: KeyArg<E::Key>>(
        self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Future<Output = Result<Vec<Option<Arc<E>>>>> + Send + 's {
        let keys: Result<Vec<_>, _> = keys.into_iter().map(|key| key::encode(&key)).collect();
        async move { many::get(self, keys.map_err(|error| invalid(&error))?).await }
    }

    /// Whether there is a record with this key. Does not read the record, unless it may be there
    /// and [deleted](crate::SoftDelete).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert!(s.of::<Order>().exists(1).await?);
    /// assert!(!s.of::<Order>().exists(99).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn exists(self, key: impl KeyArg<E::Key>) -> Access<'s, E, bool> {
        self.at_key(key, |store, at| {
            let opened = store.opened()?;
            if opened.schema.soft_delete.is_some() {
                return store.get_now(at).map(|found| found.is_some());
            }
            store.session.run(|work, _| work.contains(opened, &at.columns))
        })
    }

    /// Inserts a record, given whole or as its `New` struct, and returns it.
    ///
    /// Fails with [`Error::Duplicate`] if its key, or its value in a unique index, is taken.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let new = NewUser { email: "dan@x.io".to_owned(), city: "Oslo".to_owned(), age: 33 };
    /// let dan = s.of::<User>().insert(new.clone()).await?;
    /// assert_eq!(dan.visits, 0, "what `NewUser` does not have has its default");
    /// assert!(matches!(s.of::<User>().insert(new).await, Err(Error::Duplicate(_))));
    /// # Ok(())
    /// # });
    /// ```
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let new = (1..=1_000).map(|total| NewOrder { total });
    /// let orders = s.of::<Order>().insert_many(new).await?;
    /// assert_eq!(orders.len(), 1_000);
    /// # Ok(())
    /// # });
    /// ```
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let new = NewUser { email: "ann@x.io".to_owned(), city: "Oslo".to_owned(), age: 33 };
    /// assert_eq!(s.of::<User>().insert_or_ignore(new).await?, None, "Ann has this address");
    /// # Ok(())
    /// # });
    /// ```
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let order = |total| Order { number: 7, total, tags: Vec::new() };
    /// s.of::<Order>().upsert(order(70)).await?;
    /// s.of::<Order>().upsert(order(77)).await?;
    /// assert_eq!(s.of::<Order>().require(7).await?.total, 77);
    /// # Ok(())
    /// # });
    /// ```
    pub fn upsert(self, record: E) -> impl Future<Output = Result<Arc<E>>> + Send + 's {
        let record = Arc::new(record);
        async move {
            let store = self.opened()?;
            let upsert =
                |work: &mut Work, registry: &Registry| work.upsert(registry, store, record);
            Ok(own_type(self.session.run(upsert)?.0))
        }
    }

    /// Deletes the record with this key, with what its relations say about those that refer to it.
    /// Returns whether there was one. A record of a type with [`SoftDelete`](crate::SoftDelete) can
    /// be restored.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert!(s.of::<Order>().delete(1).await?);
    /// assert!(!s.of::<Order>().delete(1).await?, "it is gone already");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Fails with [`Error::StillReferenced`] if one of them is in the way. Costs a search for each
    /// relation in which it is a parent, and all that is found to be changed is held in memory.
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
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// s.of::<Order>().edit(1).await?.total = 11;
    /// assert_eq!(s.of::<Order>().require(1).await?.total, 11);
    ///
    /// let edit = s.of::<Order>().edit(1).await?;
    /// assert!(matches!(s.of::<Order>().edit(1).await, Err(Error::AlreadyEditing { .. })));
    /// drop(edit);
    /// # Ok(())
    /// # });
    /// ```
    pub fn edit(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Edit<'s, E>> {
        self.at_key(key, |store, at| {
            Edit::begin(store.session, store.opened()?, at.columns, store.deleted)
        })
    }

    /// Begins to edit the record with this key if it has this version still, see
    /// [`Versioned`](crate::Versioned): for a caller that read it in another session, such as a
    /// form that was shown to a person.
    ///
    /// Fails with [`Error::Stale`] if it has another one, else like [`edit`](Self::edit). A record
    /// that this session has changed may have its next version already.
    ///
    /// ```
    /// # use sop_orm::prelude::*;
    /// # #[derive(SopStore)]
    /// # struct Page {
    /// #     #[sop(key)] path: String,
    /// #     text: String,
    /// #     #[sop(version)] version: u32,
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Page>().ephemeral().await?;
    /// # let new = || NewPage { path: "/".to_owned(), text: "Hello".to_owned() };
    /// # db.run(async |s| s.of::<Page>().insert(new()).await).await?;
    /// // Two people look at version 1 of a page. The first one changes it.
    /// let change = async |text: &str| {
    ///     db.run(async |s| Ok(s.of::<Page>().edit_at("/", 1).await?.text = text.to_owned())).await
    /// };
    /// change("Hello, world").await?;
    /// assert!(matches!(change("Goodbye").await, Err(Error::Stale(_))));
    /// # Ok(())
    /// # });
    /// ```
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
            let edit = Edit::begin(self.session, self.opened()?, key.clone(), self.deleted)?;
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
    ///
    /// ```
    /// # use sop_orm::prelude::*;
    /// # #[derive(SopStore)]
    /// # struct Page {
    /// #     #[sop(key)] path: String,
    /// #     text: String,
    /// #     #[sop(version)] version: u32,
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Page>().ephemeral().await?;
    /// # let new = || NewPage { path: "/".to_owned(), text: "Hello".to_owned() };
    /// # db.run(async |s| s.of::<Page>().insert(new()).await).await?;
    /// let s = db.session();
    /// assert!(matches!(s.of::<Page>().delete_at("/", 7).await, Err(Error::Stale(_))));
    /// assert!(s.of::<Page>().delete_at("/", 1).await?);
    /// # Ok(())
    /// # });
    /// ```
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
                let found = work.get(store, &key)?.filter(|found| !found.is_deleted());
                let Some(record) = found.and_then(session::typed::<E>) else { return Ok(false) };
                match stale(&*record, &key, version) {
                    None => work.delete(registry, store, key),
                    Some(stale) => Err(stale),
                }
            })
        }
    }

    /// A query on an index, which is named by its type in the module of the struct. The methods
    /// named after indexes say it shorter; this one also walks unique indexes in their order.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// // `by_email("..")` finds one user; this walks them in the order of their addresses.
    /// let first = s.of::<User>().query(user::ByEmail).first().await?;
    /// assert_eq!(first.map(|user| user.email.clone()).as_deref(), Some("ann@x.io"));
    /// assert_eq!(s.of::<User>().query(user::ByEmail).starts_with("b").count().await?, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn query<I: Index<Entity = E>>(self, _index: I) -> Query<'s, E, I> {
        Query::new(self)
    }

    /// The record at the columns of a unique index that `write` appends.
    #[doc(hidden)]
    pub fn near(
        self,
        index: usize,
        query: Vec<f32>,
        write: impl FnOnce(&mut KeyWriter) -> Result<(), CodecError>,
    ) -> Near<'s, E> {
        let mut partition = KeyWriter::default();
        let written = write(&mut partition).map_err(|error| invalid(&error));
        Near::new(self, index, query, written.map(|()| partition.into_bytes()))
    }

    #[doc(hidden)]
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn blob(self, blob: usize, key: impl KeyArg<E::Key>) -> BlobContent<'s> {
        let key = key::encode(&key).map_err(|error| invalid(&error));
        BlobContent::new(self.session, self.opened(), blob, key, self.deleted)
    }

    #[doc(hidden)]
    pub fn near_record(self, index: usize, record: &E) -> Near<'s, E> {
        Near::of_record(self, index, record)
    }

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
