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
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// Before the record is inserted; may change all fields but the key.
    fn before_insert(&mut self) -> Result<(), Invalid> {
        Ok(())
    }

    /// Before the record takes the place of `old`; may change all fields but the key. Runs for each
    /// time that the session writes it, on a copy if somebody holds the record.
    fn before_update(&mut self, old: &Self) -> Result<(), Invalid> {
        let _ = old;
        Ok(())
    }

    /// Before the record is deleted.
    fn before_delete(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// After the record was written to the session, not yet committed.
    fn after_insert(&self, scope: &mut Scope<'_>) -> Result<()> {
        let _ = scope;
        Ok(())
    }

    /// After the record took the place of `old` in the session, not yet committed.
    fn after_update(&self, old: &Self, scope: &mut Scope<'_>) -> Result<()> {
        let _ = (old, scope);
        Ok(())
    }

    /// After the record was deleted in the session, not yet committed.
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
