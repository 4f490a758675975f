//! Which types of fields can refer to what, and how a reference is taken out of a field.

use std::{
    collections::{BTreeSet, HashSet},
    hash::BuildHasher,
};

use crate::{
    entity::Entity,
    id::Id,
    key::{self, KeyPart},
};

/// A field whose type says what it refers to: an [`Id`], or an [`Option`] of one.
///
/// ```
/// # use sop_orm::prelude::*;
/// #[derive(SopStore)]
/// struct User {
///     #[sop(key(auto = uuid7))]
///     id: Id<User>,
/// }
///
/// #[derive(SopStore)]
/// struct Article {
///     #[sop(key)]
///     number: u64,
///     #[sop(belongs_to)]
///     author: Id<User>,
///     #[sop(belongs_to(on_delete = set_null))]
///     editor: Option<Id<User>>,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<User>().store::<Article>().ephemeral().await?;
/// # let s = db.session();
/// # let author = s.of::<User>().insert(NewUser {}).await?.id;
/// # s.of::<Article>().insert(NewArticle { number: 1, author, editor: None }).await?;
/// # s.commit().await?;
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it refers to",
    label = "not an `Id` of a stored type",
    note = "name the stored type: #[sop(belongs_to(User, on_delete = restrict))]"
)]
pub trait Reference {
    /// The stored type.
    type Target: Entity;
}

impl<T: Entity> Reference for Id<T> {
    type Target = T;
}

impl<R: Reference> Reference for Option<R> {
    type Target = R::Target;
}

/// A value that is a key of a `P`, or an [`Option`] of one. The kind tells the two apart.
///
/// ```
/// # use sop_orm::prelude::*;
/// #[derive(SopStore)]
/// struct Group {
///     #[sop(key)]
///     name: String,
/// }
///
/// #[derive(SopStore)]
/// struct Member {
///     #[sop(key)]
///     number: u64,
///     #[sop(belongs_to(Group, on_delete = cascade))]
///     group: String,
///     #[sop(belongs_to(Group, on_delete = set_null))]
///     visits: Option<String>,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Group>().store::<Member>().ephemeral().await?;
/// # let s = db.session();
/// # let name = || "choir".to_owned();
/// # s.of::<Group>().insert(Group { name: name() }).await?;
/// # s.of::<Member>().insert(Member { number: 1, group: name(), visits: None }).await?;
/// # s.of::<Group>().delete("choir").await?;
/// # assert!(!s.of::<Member>().exists(1).await?);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot refer to records of `{P}`",
    label = "expected the key of `{P}`, or an `Option` of it"
)]
pub trait RefersTo<P, Kind> {
    /// Whether it may refer to nothing.
    const OPTIONAL: bool;
}

/// The kind of values that always refer to a record.
#[derive(Debug)]
pub enum Always {}

/// The kind of values that may refer to none.
#[derive(Debug)]
pub enum Sometimes {}

impl<P: Entity<Key = K>, K: KeyPart> RefersTo<P, Always> for K {
    const OPTIONAL: bool = false;
}

impl<P: Entity<Key = K>, K: KeyPart> RefersTo<P, Sometimes> for Option<K> {
    const OPTIONAL: bool = true;
}

/// A field that can become `None`.
#[diagnostic::on_unimplemented(
    message = "`on_delete = set_null` needs a field that can be `None`",
    label = "`{Self}` is not an `Option`",
    note = "make it an `Option`, or use `restrict` or `cascade`"
)]
pub trait Nullable {
    /// Makes it `None`.
    fn set_null(&mut self);
}

impl<T> Nullable for Option<T> {
    fn set_null(&mut self) {
        *self = None;
    }
}

/// Makes a field `None`.
pub fn clear(field: &mut impl Nullable) {
    field.set_null();
}

/// A list or a set that items can be taken from.
#[diagnostic::on_unimplemented(
    message = "`on_delete = remove` needs a field that keys can be removed from",
    label = "`{Self}` is not a `Vec`, `BTreeSet` or `HashSet`"
)]
pub trait Discard<T> {
    /// Leaves the items for which `keep` is true.
    fn keep(&mut self, keep: impl FnMut(&T) -> bool);
}

impl<T> Discard<T> for Vec<T> {
    fn keep(&mut self, keep: impl FnMut(&T) -> bool) {
        self.retain(keep);
    }
}

impl<T: Ord> Discard<T> for BTreeSet<T> {
    fn keep(&mut self, keep: impl FnMut(&T) -> bool) {
        self.retain(keep);
    }
}

impl<T: Eq + std::hash::Hash, S: BuildHasher> Discard<T> for HashSet<T, S> {
    fn keep(&mut self, keep: impl FnMut(&T) -> bool) {
        self.retain(keep);
    }
}

/// Removes a key, given as its bytes, from a field.
pub fn discard<T: KeyPart>(field: &mut impl Discard<T>, target: &[u8]) {
    field.keep(|item| key::encode::<T>(&item).ok().as_deref() != Some(target));
}
