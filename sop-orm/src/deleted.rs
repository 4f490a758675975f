//! Soft deletion: records that are marked as deleted and stay where they are.
//!
//! A record whose field marked `#[sop(soft_delete)]` is set is *deleted*: for whoever does not ask
//! for such records it is not there. No index holds it, but those that have the field as a column
//! hold nothing else; so only what goes by the primary key has to look at records. Deletion is a
//! change of the record like any other, told from other changes by what it does to the field: see
//! `session/soft_delete.rs`.

use std::{fmt, sync::Arc};

use crate::{
    access::Access,
    entity::{Entity, Record},
    error::Result,
    index::Index,
    key::KeyArg,
    query::{Output, Query},
    session::{Edit, Work},
    store::StoreHandle,
    timestamp::Timestamp,
};

/// A stored type with a field marked `#[sop(soft_delete)]`, an `Option<Timestamp>` that says when a
/// record was deleted.
///
/// `delete` sets the field, and the record is not there any more: not for `get`, `get_many`,
/// `exists`, `edit` and unique indexes, not for queries and what they count. It can be
/// [restored](StoreHandle::restore) or deleted for good ([`purge`](StoreHandle::purge)), and be
/// looked at [`with_deleted`](StoreHandle::with_deleted). Who sets the field in an edit deletes the
/// record just so.
///
/// ```
/// # use sop_orm::prelude::*;
/// #[derive(SopStore, Debug)]
/// struct Article {
///     #[sop(key)]
///     number: u32,
///     #[sop(unique(by_slug))]
///     slug: String,
///     #[sop(soft_delete, index(bin))]
///     deleted_at: Option<Timestamp>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// # let db = Db::builder().store::<Article>().ephemeral().await?;
/// let s = db.session();
/// let articles = s.of::<Article>();
/// articles.insert(NewArticle { number: 1, slug: "hello".to_owned() }).await?;
/// assert!(articles.delete(1).await?);
///
/// assert!(articles.get(1).await?.is_none() && articles.by_slug("hello").await?.is_none());
/// assert_eq!(articles.by_key().count().await?, 0);
/// assert!(articles.with_deleted().get(1).await?.is_some());
/// assert_eq!(articles.by_key().with_deleted().count().await?, 1);
///
/// assert!(articles.restore(1).await?);
/// assert!(articles.by_slug("hello").await?.is_some());
///
/// // The index of the field holds the deleted records.
/// articles.delete(1).await?;
/// assert_eq!(articles.bin().range(..Timestamp::hours_ago(24 * 30)).purge().await?, 0);
/// assert_eq!(articles.bin().purge().await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # What a deleted record still holds
///
/// Its primary key: inserting another one with the key fails with
/// [`Duplicate`](crate::Error::Duplicate); an `upsert` takes its place. Not its unique values, which
/// are free for others: if one of them is taken meanwhile, `restore` fails with `Duplicate`.
///
/// # References
///
/// A deleted record is still there to be referred to: references to it are true, also new ones.
/// While a record refers to it with `restrict`, deleting it fails with
/// [`StillReferenced`](crate::Error::StillReferenced), and so does purging it. `cascade` and
/// `set_null` wait until it is purged, and what goes in a cascade is deleted for good.
///
/// A deleted record itself refers to nothing: it keeps nothing from being deleted, and nothing
/// becomes of it. Restoring it is to refer anew: what it refers to must be there when the session
/// commits, else that fails with [`BrokenReference`](crate::Error::BrokenReference). A bin that
/// begins with the reference finds what is to be purged along with a record.
///
/// # Indexes and what it costs
///
/// Indexes leave deleted records out, so queries on them and their counts cost what they always do.
/// An index that has the field itself as a column is the bin: it holds the deleted records and no
/// others, and queries on it give these. What goes by the primary key looks at records: `exists`
/// reads the record, a query reads over the deleted ones, and its `count` walks all records instead
/// of asking the tree.
///
/// # Rules, hooks, versions, merging
///
/// - Deleting runs `before_delete` and `after_delete`, restoring `before_update` and `after_update`
///   with the deleted record as the old one, purging those of a deletion unless the record is
///   deleted already. Rules are not checked for what is deleted, but are when it is restored.
/// - A [version](crate::Versioned) counts deleting and restoring as updates.
/// - That one session deletes what another one changes is decided by `on_delete_race`, whatever
///   policies fields have.
/// - A [`Watch`](crate::Watch) tells of a deletion when a record is deleted and of an insertion when
///   it is restored, and nothing of changes in between.
#[diagnostic::on_unimplemented(
    message = "records of `{Self}` are deleted for good",
    label = "no field is marked `#[sop(soft_delete)]`"
)]
pub trait SoftDelete {}

/// The type of a field that says when a record was deleted.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say when a record was deleted",
    label = "expected `Option<Timestamp>`"
)]
pub trait DeletedAt {
    /// When; `None` if it is not deleted.
    fn get(&self) -> Option<Timestamp>;

    /// Marks it as deleted or as not deleted.
    fn set(&mut self, at: Option<Timestamp>);
}

impl DeletedAt for Option<Timestamp> {
    fn get(&self) -> Option<Timestamp> {
        *self
    }

    fn set(&mut self, at: Option<Timestamp>) {
        *self = at;
    }
}

/// Whether deleted records are there for who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Deleted {
    #[default]
    Hidden,
    Shown,
}

impl Deleted {
    pub(crate) fn hides(self, record: &dyn Record) -> bool {
        self == Self::Hidden && record.is_deleted()
    }
}

/// The store of `E` with the records that are deleted. Made by [`StoreHandle::with_deleted`].
///
/// For queries there is [`Query::with_deleted`].
pub struct WithDeleted<'s, E>(StoreHandle<'s, E>);

impl<'s, E: Entity + SoftDelete> WithDeleted<'s, E> {
    /// The record with this key, deleted or not.
    pub fn get(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Option<Arc<E>>> {
        self.0.get(key)
    }

    /// The record with this key, deleted or not. Fails with
    /// [`NotFound`](crate::Error::NotFound) if there is none.
    pub fn require(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Arc<E>> {
        self.0.require(key)
    }

    /// The records with these keys, deleted or not; see [`StoreHandle::get_many`].
    pub fn get_many<K: KeyArg<E::Key>>(
        self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Future<Output = Result<Vec<Option<Arc<E>>>>> + Send + 's {
        self.0.get_many(keys)
    }

    /// Whether there is a record with this key, deleted or not.
    pub fn exists(self, key: impl KeyArg<E::Key>) -> Access<'s, E, bool> {
        self.0.exists(key)
    }

    /// Begins to edit the record with this key, deleted or not; see [`StoreHandle::edit`].
    pub fn edit(self, key: impl KeyArg<E::Key>) -> Access<'s, E, Edit<'s, E>> {
        self.0.edit(key)
    }
}

impl<E> Clone for WithDeleted<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for WithDeleted<'_, E> {}

impl<E> fmt::Debug for WithDeleted<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithDeleted").field(&self.0).finish()
    }
}

impl<'s, E: Entity> StoreHandle<'s, E> {
    /// The store with the records that are deleted; see [`SoftDelete`].
    pub fn with_deleted(self) -> WithDeleted<'s, E>
    where
        E: SoftDelete,
    {
        WithDeleted(self.showing_deleted())
    }

    /// Takes a deletion back. Returns whether there was a deleted record with this key.
    ///
    /// Fails with [`Duplicate`](crate::Error::Duplicate) if another record has taken its value in a
    /// unique index, and with [`Invalid`](crate::Error::Invalid) if it breaks a rule. What it refers
    /// to must be there at the commit.
    pub fn restore(self, key: impl KeyArg<E::Key>) -> Access<'s, E, bool>
    where
        E: SoftDelete,
    {
        self.at_key(key, |store, at| {
            let opened = store.opened()?;
            store.session().run(|work, registry| work.restore(registry, opened, at.columns))
        })
    }

    /// Deletes the record with this key for good, deleted or not, with what its relations say about
    /// those that refer to it. Returns whether there was one. Fails and costs as
    /// [`delete`](Self::delete) does where records are deleted for good.
    pub fn purge(self, key: impl KeyArg<E::Key>) -> Access<'s, E, bool>
    where
        E: SoftDelete,
    {
        self.at_key(key, |store, at| {
            let opened = store.opened()?;
            store.session().run(|work, registry| work.purge(registry, opened, at.columns))
        })
    }
}

impl<E: Entity, I: Index<Entity = E>, O: Output<E>> Query<'_, E, I, O> {
    /// Also the records that are deleted; only of a query by the primary key, `by_key()`, since the
    /// others ask indexes, which do not hold them.
    ///
    /// As a side of [`and`](Query::and) and [`or`](Query::or) it has them for its side.
    pub fn with_deleted(self) -> Self
    where
        E: SoftDelete,
    {
        const {
            assert!(
                I::POSITION.is_none(),
                "`with_deleted` goes with `by_key()`: indexes do not hold deleted records, but one \
                 that has the field as a column holds nothing else"
            );
        }
        self.showing_deleted()
    }
}

impl<E: Entity, I> Query<'_, E, I> {
    /// Restores all deleted records of the query, which is one on an index of deleted records or
    /// one [`with_deleted`](Query::with_deleted). Returns how many there were. If it fails, those
    /// before are restored.
    pub async fn restore(self) -> Result<u64>
    where
        E: SoftDelete,
    {
        self.for_each(Work::restore).await
    }

    /// Deletes all records of the query for good. Returns how many there were. If it fails, those
    /// before are deleted.
    pub async fn purge(self) -> Result<u64>
    where
        E: SoftDelete,
    {
        self.for_each(Work::purge).await
    }
}
