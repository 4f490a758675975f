//! From a parent to its children, as a query.

use super::reference;
use crate::{
    entity::Entity,
    index::Index,
    key::{self, KeyArg},
    query::Query,
    store::{StoreHandle, invalid},
};

/// An index of children that leads from their parent, a `P`, to them: the first column is the field
/// that refers to the parent, ascending, and the index holds all records that are not deleted.
/// [`SopStore`](crate::SopStore) says so of every index for which it is true.
///
/// ```
/// # use {sop_examples::blog::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{ChildIndex, Session};
///
/// /// How many records refer to a user, whatever they are.
/// async fn references<I: ChildIndex<User>>(s: &Session, index: I, user: &str) -> Result<u64> {
///     s.of::<User>().children(index, user).count().await
/// }
///
/// assert_eq!(references(&s, article::ByAuthor, "Ann").await?, 2);
/// assert_eq!(references(&s, article::ByAuthor, "Bob").await?, 0);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead from a `{P}` to records that refer to it",
    label = "not an index led by a reference to `{P}`",
    note = "the first column must be a field marked #[sop(belongs_to)] or \
            #[sop(belongs_to_many)], without `desc`, and the index without `when` or the field \
            marked #[sop(soft_delete)]"
)]
pub trait ChildIndex<P>: Index {
    /// Whether the field is an `Option` of the parent's key.
    const OPTIONAL: bool;
}

impl<'s, P: Entity> StoreHandle<'s, P> {
    /// The records that refer to the one with this key, as a query on an index that is led by the
    /// field that refers to it. A struct marked `has_many` has a shorter way, a method of the name
    /// given there.
    ///
    /// ```
    /// # use {sop_examples::blog::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let articles = s.of::<User>().children(article::ByAuthor, "Ann");
    /// assert_eq!(articles.count().await?, 2);
    ///
    /// // `User` is marked `has_many(articles = article::ByAuthor)`.
    /// let newest = s.of::<User>().articles("Ann").desc().first().await?;
    /// assert_eq!(newest.map(|article| article.title.clone()).as_deref(), Some("Logs"));
    /// # Ok(())
    /// # });
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
    pub fn children<I: ChildIndex<P>>(
        self,
        index: I,
        key: impl KeyArg<P::Key>,
    ) -> Query<'s, I::Entity, I> {
        let prefix = key::encode(&key).map(|key| reference(I::OPTIONAL, &key));
        let children = StoreHandle::<I::Entity>::new(self.session()).query(index);
        children.with_encoded_prefix(prefix.map_err(|error| invalid(&error)))
    }
}
