//! Rules of a stored type, and what it wants to happen around changes of its records.
//!
//! Types are forgotten where changes are written, so the table of a type is reached through
//! [`AnyHooks`], by records as [`Any`]. Whether the hooks of a type are called at all is decided
//! where it is registered; a type without any costs a call that does nothing.

mod rule;
mod version;

use std::{any::Any, marker::PhantomData};

pub use rule::{rule, rule_of};
pub use version::{VersionNumber, Versioned};

use crate::{
    entity::Entity,
    error::{Invalid, Result},
    session::Scope,
};

/// What happens around changes of records. Implement what is needed, and mark the struct
/// `#[sop(hooks)]`.
///
/// Hooks run when changes are written to the session's transaction: an insert, upsert or delete at
/// once; an [`Edit`](crate::Edit) with the next query, [`save`](crate::Edit::save) or the commit.
/// For everything that is written together, in the order of stores and keys (or as given to
/// `insert_many`):
///
/// 1. `before_..`, then the version is set, then rules are checked: first those of fields, then
///    those of the struct, then [`validate`](Self::validate);
/// 2. unique indexes are checked and all is written;
/// 3. `after_..`, each of which may change further records through [`Scope`], whose hooks then run
///    at once.
///
/// If any of them fails, nothing of that is written and the session can go on. A refused edit stays
/// pending: mend it with another edit, delete the record, or roll the session back. A hook that
/// panics ends the session with [`Error::HookPanicked`](crate::Error::HookPanicked); the database
/// goes on. Hooks do not run where rows are only converted, such as for a new index.
///
/// Deleting a record so that it can be restored runs the hooks of a deletion, restoring it those of an
/// update; see [`SoftDelete`](crate::SoftDelete).
///
/// What should happen outside of the database, such as sending mail, belongs behind
/// [`Scope::after_commit`]: an attempt of [`Db::run`](crate::Db::run) may be repeated.
///
/// ```
/// use sop_orm::{Hooks, Invalid, prelude::*};
///
/// #[derive(SopStore)]
/// #[sop(hooks)]
/// struct Article {
///     #[sop(key(auto = increment))]
///     number: u64,
///     title: String,
///     #[sop(default)]
///     slug: String,
/// }
///
/// impl Hooks for Article {
///     fn validate(&self) -> Result<(), Invalid> {
///         if self.title.is_empty() {
///             return Err(Invalid::field("title", "is empty"));
///         }
///         Ok(())
///     }
///
///     fn before_insert(&mut self) -> Result<(), Invalid> {
///         self.slug = self.title.to_lowercase().replace(' ', "-");
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<Article>().ephemeral().await?;
/// let s = db.session();
/// let article = s.of::<Article>().insert(NewArticle { title: "Big News".to_owned() }).await?;
/// assert_eq!(article.slug, "big-news");
/// let refused = s.of::<Article>().insert(NewArticle { title: String::new() }).await;
/// assert!(matches!(refused, Err(Error::Invalid(_))));
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is marked `#[sop(hooks)]` and has none",
    label = "expected `impl Hooks for {Self}`"
)]
pub trait Hooks: Entity {
    /// Checks the record as it is about to be written. Must judge by the record alone: it runs
    /// again on a record that was merged with the changes of another session.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn validate(&self) -> Result<(), Invalid> {
    ///     if self.title.is_empty() {
    ///         return Err(Invalid::field("title", "is empty"));
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # assert!(matches!(s.of::<Article>().insert(article("")).await, Err(Error::Invalid(_))));
    /// # Ok(())
    /// # });
    /// ```
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// Before the record is inserted; may change all fields but the key.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn before_insert(&mut self) -> Result<(), Invalid> {
    ///     self.title = self.title.trim().to_owned();
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # assert_eq!(s.of::<Article>().insert(article(" News ")).await?.title, "News");
    /// # Ok(())
    /// # });
    /// ```
    fn before_insert(&mut self) -> Result<(), Invalid> {
        Ok(())
    }

    /// Before the record takes the place of `old`; may change all fields but the key. Runs for each
    /// time that the session writes it, on a copy if somebody holds the record.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn before_update(&mut self, old: &Self) -> Result<(), Invalid> {
    ///     self.edits = old.edits + 1;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # s.of::<Article>().insert(article("News")).await?;
    /// # let mut edit = s.of::<Article>().edit(1).await?;
    /// # edit.title = "Old news".to_owned();
    /// # assert_eq!(edit.save().await?.edits, 1);
    /// # Ok(())
    /// # });
    /// ```
    fn before_update(&mut self, old: &Self) -> Result<(), Invalid> {
        let _ = old;
        Ok(())
    }

    /// Before the record is deleted.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn before_delete(&self) -> Result<(), Invalid> {
    ///     if self.edits > 0 { Err("it was edited, so it stays".into()) } else { Ok(()) }
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # s.of::<Article>().insert(Article { edits: 1, ..article("News") }).await?;
    /// # assert!(matches!(s.of::<Article>().delete(1).await, Err(Error::Invalid(_))));
    /// # Ok(())
    /// # });
    /// ```
    fn before_delete(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// After the record was written to the session, not yet committed.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     scope.upsert(Trace { number: self.number, text: format!("{} came", self.title) })?;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # s.of::<Article>().insert(article("News")).await?;
    /// # assert_eq!(s.of::<Trace>().require(1).await?.text, "News came");
    /// # Ok(())
    /// # });
    /// ```
    fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
        let _ = scope;
        Ok(())
    }

    /// After the record took the place of `old` in the session, not yet committed.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn after_update(&self, old: &Self, scope: &mut Scope<'_>) -> Result<()> {
    ///     let text = format!("{} became {}", old.title, self.title);
    ///     scope.upsert(Trace { number: self.number, text })?;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # s.of::<Article>().insert(article("News")).await?;
    /// # s.of::<Article>().upsert(article("History")).await?;
    /// # assert_eq!(s.of::<Trace>().require(1).await?.text, "News became History");
    /// # Ok(())
    /// # });
    /// ```
    fn after_update(&self, old: &Self, scope: &mut Scope<'_>) -> Result<()> {
        let _ = (old, scope);
        Ok(())
    }

    /// After the record was deleted in the session, not yet committed.
    ///
    /// ```
    /// # use sop_orm::{Hooks, Invalid, Scope, prelude::*};
    /// # #[derive(SopStore, Clone)]
    /// # #[sop(hooks)]
    /// # struct Article { #[sop(key)] number: u64, title: String, edits: u32 }
    /// # #[derive(SopStore)]
    /// # struct Trace { #[sop(key(auto = increment))] number: u64, text: String }
    /// # impl Hooks for Article {
    /// fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
    ///     scope.upsert(Trace { number: self.number, text: format!("{} went", self.title) })?;
    ///     Ok(())
    /// }
    /// # }
    /// # sop_examples::shop::example(async |_, _| {
    /// # let db = Db::builder().store::<Article>().store::<Trace>().ephemeral().await?;
    /// # let s = db.session();
    /// # let article = |title: &str| Article { number: 1, title: title.to_owned(), edits: 0 };
    /// # s.of::<Article>().insert(article("News")).await?;
    /// # s.of::<Article>().delete(1).await?;
    /// # assert_eq!(s.of::<Trace>().require(1).await?.text, "News went");
    /// # Ok(())
    /// # });
    /// ```
    fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
        let _ = scope;
        Ok(())
    }
}

/// The [`Hooks`] of a type that is forgotten. A record without one before is inserted, one without
/// one after is deleted.
pub trait AnyHooks: Send + Sync + 'static {
    /// Calls the `before_..` that fits.
    fn before(&self, old: Option<&dyn Any>, new: Option<&mut dyn Any>) -> Result<(), Invalid>;

    /// Calls the `after_..` that fits.
    fn after(
        &self,
        old: Option<&dyn Any>,
        new: Option<&dyn Any>,
        scope: &mut Scope<'_>,
    ) -> Result<()>;
}

/// The hooks of `E`, for its table.
pub const fn hooks<E: Hooks>() -> Option<&'static dyn AnyHooks> {
    Some(&Of::<E>(PhantomData))
}

struct Of<E>(PhantomData<fn() -> E>);

impl<E: Hooks> AnyHooks for Of<E> {
    fn before(&self, old: Option<&dyn Any>, new: Option<&mut dyn Any>) -> Result<(), Invalid> {
        let old = old.and_then(<dyn Any>::downcast_ref::<E>);
        match (old, new.and_then(<dyn Any>::downcast_mut::<E>)) {
            (None, Some(new)) => new.before_insert(),
            (Some(old), Some(new)) => new.before_update(old),
            (Some(old), None) => old.before_delete(),
            (None, None) => Ok(()),
        }
    }

    fn after(
        &self,
        old: Option<&dyn Any>,
        new: Option<&dyn Any>,
        scope: &mut Scope<'_>,
    ) -> Result<()> {
        let old = old.and_then(<dyn Any>::downcast_ref::<E>);
        match (old, new.and_then(<dyn Any>::downcast_ref::<E>)) {
            (None, Some(new)) => new.after_insert(scope),
            (Some(old), Some(new)) => new.after_update(old, scope),
            (Some(old), None) => old.after_delete(scope),
            (None, None) => Ok(()),
        }
    }
}
