//! What can go wrong, told in the terms of the caller's types.
//!
//! The engine's errors are wrapped, never renamed: what has no meaning of its own at this level
//! arrives as [`Error::Engine`].
//!
//! - [`contest`]: what another session was first to do.
//! - [`invalid`]: a rule that a record breaks.
//! - [`stored`]: what is stored and cannot be read as the program has it.

mod contest;
mod invalid;
mod stored;

use std::{fmt, io, sync::Arc};

pub use self::{
    contest::{Conflict, Duplicate, Stale},
    invalid::Invalid,
    stored::{CodecError, SchemaError},
};
use crate::{
    db::IndexFault,
    relation::{BrokenReference, StillReferenced},
};

/// The result of every fallible call of this crate.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// async fn cancel(s: &Session, number: u64) -> Result<()> {
///     s.of::<Order>().require(number).await?;
///     s.of::<Order>().delete(number).await?;
///     Ok(())
/// }
/// assert!(cancel(&s, 99).await.is_err());
/// # Ok(())
/// # });
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
///
/// Its `Debug` form is the message too, for that is what a program shows whose `main` returns it.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// match s.of::<Order>().require(99).await {
///     Ok(order) => println!("{}", order.total),
///     Err(Error::NotFound { store, .. }) => assert_eq!(store, "orders"),
///     Err(other) => return Err(other),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No record has this key.
    #[error("store {store:?} has no record with the key {key}")]
    NotFound {
        /// The store's name.
        store: &'static str,
        /// The key, as text for people.
        key: String,
    },
    /// A record with the same key, or the same value in a unique index, exists already.
    #[error("{0}")]
    Duplicate(Duplicate),
    /// A field that must refer to a record has the key of one that is not there. Found at the
    /// commit, of which nothing has happened: insert the record, or change the reference; the
    /// session can go on.
    #[error("{0}")]
    BrokenReference(BrokenReference),
    /// The record is not deleted because others refer to it by a field with
    /// `on_delete = restrict`. Delete or change them first; the session can go on.
    #[error("{0}")]
    StillReferenced(StillReferenced),
    /// Another session committed first and changed what this one read or wrote. Do the work again
    /// on a new session, or let [`Db::run`](crate::Db::run) do that.
    #[error("{0}")]
    Conflict(Conflict),
    /// A value broke a rule. Mend it; the session can go on.
    #[error("{0}")]
    Invalid(Invalid),
    /// A hook or a rule of a stored type panicked. The session has ended and changed nothing; the
    /// database goes on.
    #[error("{hook} of store {store:?} panicked: {message}")]
    HookPanicked {
        /// The store's name.
        store: &'static str,
        /// The method of [`Hooks`](crate::Hooks); `validate` for any rule.
        hook: &'static str,
        /// What it panicked with, if that is text; not told of a type with `sensitive` fields, as it
        /// may name their values.
        message: String,
    },
    /// The record has another version than the caller knows: somebody has changed it since.
    #[error("{0}")]
    Stale(Stale),
    /// The stored records cannot be read as the struct that is registered for them.
    #[error("{0}")]
    Schema(SchemaError),
    /// The type was not given to [`DbBuilder::store`](crate::DbBuilder::store).
    #[error(
        "{type_name} is not registered: add .store::<{type_name}>() where the database is opened"
    )]
    NotRegistered {
        /// The name of the Rust type.
        type_name: &'static str,
    },
    /// The record is being edited: another [`Edit`](crate::Edit) of it is still alive. Drop it
    /// first.
    #[error("the record {key} of store {store:?} is being edited: drop the other `Edit` first")]
    AlreadyEditing {
        /// The store's name.
        store: &'static str,
        /// The key, as text for people.
        key: String,
    },
    /// The session has ended. Begin another one.
    #[error("the session is closed: {0}")]
    SessionClosed(Ended),
    /// The index did not hold all records yet when the session began. Wait with
    /// [`Db::indexes_ready`](crate::Db::indexes_ready) and begin another session.
    #[error("index {index:?} of store {store:?} is not complete yet")]
    IndexBuilding {
        /// The store's name.
        store: &'static str,
        /// The index's name.
        index: &'static str,
    },
    /// The index cannot be completed. Mend the cause, then call
    /// [`Db::resume_indexes`](crate::Db::resume_indexes); all else goes on meanwhile.
    #[error("index {index:?} of store {store:?} cannot be completed: {fault}")]
    IndexFailed {
        /// The store's name.
        store: &'static str,
        /// The index's name.
        index: &'static str,
        /// What is in the way.
        fault: IndexFault,
    },
    /// The cursor belongs to another index, or is not one. Begin again at the first page.
    #[error("not a cursor of index {index:?} of store {store:?}: {reason}")]
    Cursor {
        /// The store's name.
        store: &'static str,
        /// The index's name.
        index: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another handle or process has the database open.
    #[error("{0}")]
    Busy(sop_core::Error),
    /// Whether the commit took effect is not known. In a folder that many processes share, ask
    /// [`Db::resolve`](crate::Db::resolve) before doing the work again; else open the database anew and
    /// look.
    #[error("{0}")]
    CommitUnknown(sop_core::Error),
    /// Stored bytes do not have the form that the catalog promises: they are damaged or were
    /// written by something else.
    #[error("a record of store {store:?} cannot be read: {source}")]
    Codec {
        /// The store's name.
        store: &'static str,
        /// What is wrong with the bytes.
        source: CodecError,
    },
    /// What was uploaded gave more or fewer bytes than was asked for. The session can go on; what
    /// came is in it.
    #[error("a source of {}, and it has given {found}", lengths(*.least, *.most))]
    SourceLength {
        /// The fewest that it had to give.
        least: u64,
        /// The most that it was allowed to give.
        most: u64,
        /// What it gave; it may have had more.
        found: u64,
    },
    /// A source that was uploaded, or a sink of a download, has failed. The session can go on; what
    /// came before is in it.
    #[error("could not {action}: {source}")]
    Stream {
        /// What was being done.
        action: &'static str,
        /// What the stream says.
        source: Arc<io::Error>,
    },
    /// The engine refused or failed.
    #[error("{0}")]
    Engine(sop_core::Error),
}

impl Error {
    /// A [`NotFound`](Self::NotFound) for the store of `E`, for code that looks records up by
    /// something else than their key.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// async fn by_email(s: &Session, email: &str) -> Result<Id<User>> {
    ///     let user = s.of::<User>().by_email(email).await?;
    ///     Ok(user.ok_or_else(|| Error::not_found::<User>(email))?.id)
    /// }
    /// let error = by_email(&s, "eve@x.io").await.unwrap_err();
    /// assert_eq!(error.to_string(), r#"store "users" has no record with the key eve@x.io"#);
    /// # Ok(())
    /// # });
    /// ```
    pub fn not_found<E: crate::Entity>(key: impl fmt::Display) -> Self {
        Self::NotFound { store: E::SCHEMA.store, key: key.to_string() }
    }

    /// The commit whose outcome this leaves open, if it can be asked for with
    /// [`Db::resolve`](crate::Db::resolve).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(Error::not_found::<Order>(99).unknown_commit(), None);
    /// # Ok(())
    /// # });
    /// ```
    pub fn unknown_commit(&self) -> Option<sop_core::CommitId> {
        match self {
            Self::CommitUnknown(error) => error.unknown_commit(),
            _ => None,
        }
    }

    /// Whether the same work on a new session may succeed.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let (one, two) = (db.session(), db.session());
    /// one.of::<Order>().delete(1).await?;
    /// two.of::<Order>().edit(1).await?.total = 11;
    /// one.commit().await?;
    /// assert!(two.commit().await.is_err_and(|error| error.is_retryable()));
    /// assert!(!Error::not_found::<Order>(99).is_retryable());
    /// # Ok(())
    /// # });
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict(_) => true,
            Self::Duplicate(duplicate) => duplicate.concurrent,
            Self::Engine(error) => error.is_retryable(),
            _ => false,
        }
    }
}

/// The message, as `Display` has it. A `main` that returns an error, and `unwrap`, print this form:
/// who runs the program should read what happened and not how the error is built.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How long a source has to be, for people.
fn lengths(least: u64, most: u64) -> String {
    if least == most {
        format!("{most} bytes was asked for")
    } else {
        format!("at most {most} bytes was asked for")
    }
}

/// How a session ended. See [`Error::SessionClosed`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Ended;
///
/// s.commit().await?;
/// let late = s.of::<Order>().get(1).await;
/// assert!(matches!(late, Err(Error::SessionClosed(Ended::Committed))));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ended {
    /// It was committed, or its commit failed.
    Committed,
    /// It was rolled back.
    RolledBack,
    /// It could not be begun, or the engine refused a write half-way.
    Failed(sop_core::Error),
    /// A hook panicked.
    Panicked {
        /// The store's name.
        store: &'static str,
        /// The method of [`Hooks`](crate::Hooks); `validate` for any rule.
        hook: &'static str,
    },
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committed => f.write_str("it was committed"),
            Self::RolledBack => f.write_str("it was rolled back"),
            Self::Failed(error) => write!(f, "{error}"),
            Self::Panicked { store, hook } => write!(f, "{hook} of store {store:?} panicked"),
        }
    }
}
