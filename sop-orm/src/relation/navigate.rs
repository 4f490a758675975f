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
/// that refers to the parent, ascending, and the index holds all records.
/// [`SopStore`](crate::SopStore) says so of every index for which it is true.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead from a `{P}` to records that refer to it",
    label = "not an index led by a reference to `{P}`",
    note = "the first column must be a field marked #[sop(belongs_to)] or \
            #[sop(belongs_to_many)], without `desc`, and the index without `when`"
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
    /// # use sop_orm::prelude::*;
    /// # #[derive(SopStore, Debug)]
    /// # struct User { #[sop(key(auto = uuid7))] id: Id<User>, name: String }
    /// # #[derive(SopStore, Debug)]
    /// # struct Article {
    /// #     #[sop(key(auto = uuid7))] id: Id<Article>,
    /// #     #[sop(belongs_to(on_delete = restrict))] author: Id<User>,
    /// #     title: String,
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let db = Db::builder().store::<User>().store::<Article>().ephemeral().await?;
    /// # let s = db.session();
    /// let users = s.of::<User>();
    /// let ann = users.insert(NewUser { name: "Ann".into() }).await?;
    /// s.of::<Article>().insert(NewArticle { author: ann.id, title: "Hello".into() }).await?;
    /// assert_eq!(users.children(article::ByAuthor, ann.id).count().await?, 1);
    /// # Ok(())
    /// # }
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
