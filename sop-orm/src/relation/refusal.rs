//! What sessions refuse because records refer to each other.

use std::fmt;

use super::Relation;
use crate::schema::Schema;

/// A reference that leads nowhere. See
/// [`Error::BrokenReference`](crate::Error::BrokenReference).
///
/// ```
/// # use {sop_examples::blog::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// s.of::<Article>().insert(article("Cleo", "Leaves")).await?;
/// match s.commit().await {
///     Err(Error::BrokenReference(broken)) => {
///         assert_eq!((broken.store, broken.field, broken.target), ("articles", "author", "users"));
///     }
///     other => panic!("there is no Cleo: {other:?}"),
/// }
/// s.of::<User>().insert(User { name: "Cleo".to_owned() }).await?;
/// s.commit().await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenReference {
    /// The store of the record that refers.
    pub store: &'static str,
    /// The field that refers.
    pub field: &'static str,
    /// The key of the record that refers, as text for people.
    pub key: String,
    /// The store in which there should be a record.
    pub target: &'static str,
    /// The key that it should have, as text for people.
    pub target_key: String,
}

impl BrokenReference {
    /// Of a child with a key, to a parent with a key.
    pub(crate) fn new(
        child: (&'static Schema, &[u8]),
        relation: &Relation,
        parent: (&'static Schema, &[u8]),
    ) -> Self {
        Self {
            store: child.0.store,
            field: relation.field,
            key: child.0.show_key(child.1),
            target: parent.0.store,
            target_key: relation.show_parent(child.0, parent),
        }
    }
}

impl fmt::Display for BrokenReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, field, key, target, target_key } = self;
        write!(
            f,
            "the record {key} of store {store:?} refers to {target_key} by `{field}`, and store \
             {target:?} has no such record: insert it in the same session, or change the reference"
        )
    }
}

/// A record that cannot be deleted. See
/// [`Error::StillReferenced`](crate::Error::StillReferenced).
///
/// ```
/// # use {sop_examples::blog::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// match s.of::<User>().delete("Ann").await {
///     Err(Error::StillReferenced(referenced)) => {
///         assert_eq!((referenced.store, referenced.by), ("users", "articles"));
///     }
///     other => panic!("Ann has written articles: {other:?}"),
/// }
/// s.of::<User>().articles("Ann").delete().await?;
/// assert!(s.of::<User>().delete("Ann").await?);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillReferenced {
    /// The record's store.
    pub store: &'static str,
    /// The record's key, as text for people.
    pub key: String,
    /// The store of a record that refers to it.
    pub by: &'static str,
    /// The field that refers.
    pub field: &'static str,
    /// The key of that record, one of maybe many, as text for people.
    pub by_key: String,
}

impl fmt::Display for StillReferenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, key, by, field, by_key } = self;
        write!(
            f,
            "the record {key} of store {store:?} cannot be deleted: the record {by_key} of store \
             {by:?} refers to it by `{field}`; delete or change that first"
        )
    }
}
