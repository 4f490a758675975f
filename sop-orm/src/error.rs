//! What can go wrong, told in the terms of the caller's types.
//!
//! The engine's errors are wrapped, never renamed: what has no meaning of its own at this level
//! arrives as [`Error::Engine`].

use std::fmt;

use sop_core::ConflictKind;

use crate::{
    db::IndexFault,
    relation::{BrokenReference, StillReferenced},
    schema::{IndexSpec, Schema},
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

/// A value that exists already. See [`Error::Duplicate`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let new = NewUser { email: "ann@x.io".to_owned(), city: "Oslo".to_owned(), age: 33 };
/// match s.of::<User>().insert(new).await {
///     Err(Error::Duplicate(taken)) => assert_eq!(taken.index, Some("by_email")),
///     other => panic!("Ann has this address: {other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The store's name.
    pub store: &'static str,
    /// The unique index's name; `None` for the primary key.
    pub index: Option<&'static str>,
    /// Names of the fields that must be unique together.
    pub fields: Vec<&'static str>,
    /// The other record was committed while this session was running, so the session could not
    /// see it: a new session can.
    pub concurrent: bool,
}

impl Duplicate {
    /// In an index, or in the primary key.
    pub(crate) fn new(schema: &'static Schema, index: Option<&'static IndexSpec>) -> Self {
        Self {
            store: schema.store,
            index: index.map(|index| index.name),
            fields: index.map_or_else(|| schema.key_fields(), IndexSpec::fields),
            concurrent: false,
        }
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.join(", ");
        write!(f, "store {:?} already has a record with this {fields}", self.store)?;
        match self.index {
            Some(index) => write!(f, " (unique index {index:?})"),
            None => write!(f, " (primary key)"),
        }
    }
}

/// Two sessions that could not both commit. See [`Error::Conflict`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let (one, two) = (db.session(), db.session());
/// for s in [&one, &two] {
///     s.of::<Order>().edit(1).await?.total += 1;
/// }
/// one.commit().await?;
/// match two.commit().await {
///     Err(Error::Conflict(conflict)) => assert_eq!(conflict.store, "orders"),
///     other => panic!("both wrote order 1: {other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// The store's name.
    pub store: String,
    /// The index they met in; `None` if they met at a record.
    pub index: Option<String>,
    /// The name of the Rust type, if it is registered.
    pub type_name: Option<&'static str>,
    /// The encoded key they met at; empty if a column of it is marked `sensitive`, or where nobody
    /// knows whether that is so.
    pub key: Vec<u8>,
    /// What this session did there.
    pub kind: ConflictKind,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = match self.kind {
            ConflictKind::Write => "wrote",
            ConflictKind::Read => "read",
            ConflictKind::Range => "queried",
            _ => "used",
        };
        write!(f, "conflict: another session changed first what this one {did} in ")?;
        if let Some(index) = &self.index {
            write!(f, "index {index:?} of ")?;
        }
        write!(f, "store {:?}", self.store)?;
        match self.type_name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// A broken rule. See [`Error::Invalid`]. Made from a `&str` or a [`String`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// fn check(age: u8) -> Result<()> {
///     if age < 18 {
///         return Err(Error::Invalid("only grown-ups may order".into()));
///     }
///     Ok(())
/// }
/// assert_eq!(check(17).unwrap_err().to_string(), "only grown-ups may order");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalid {
    /// The store of the record, once it is known.
    pub store: Option<&'static str>,
    /// The field at fault, where it is one.
    pub field: Option<&'static str>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl<T: Into<String>> From<T> for Invalid {
    fn from(message: T) -> Self {
        Self { store: None, field: None, message: message.into() }
    }
}

impl Invalid {
    /// A rule about one field that is broken.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let refused = sop_orm::Invalid::field("age", "must be at least 18");
    /// assert_eq!(refused.to_string(), "age: must be at least 18");
    /// # Ok(())
    /// # });
    /// ```
    pub fn field(field: &'static str, message: impl Into<String>) -> Self {
        Self { store: None, field: Some(field), message: message.into() }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl std::error::Error for Invalid {}

/// `articles: title: is empty`
impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in [self.store, self.field].into_iter().flatten() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// A record that was changed since the caller read it. See [`Error::Stale`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Stale;
///
/// /// What is shown to somebody whose form is out of date.
/// fn explain(stale: &Stale) -> String {
///     format!("somebody has changed it {} times meanwhile", stale.found - stale.expected)
/// }
/// # #[derive(SopStore)]
/// # struct Page { #[sop(key)] path: String, #[sop(version)] version: u32 }
/// # let db = Db::builder().store::<Page>().ephemeral().await?;
/// # db.run(async |s| s.of::<Page>().insert(NewPage { path: "/".to_owned() }).await).await?;
/// # let s = db.session();
/// # let Err(Error::Stale(stale)) = s.of::<Page>().edit_at("/", 0).await else { panic!("fresh") };
/// assert_eq!(explain(&stale), "somebody has changed it 1 times meanwhile");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stale {
    /// The store's name.
    pub store: &'static str,
    /// The key, as text for people.
    pub key: String,
    /// The version that the caller knows.
    pub expected: u64,
    /// The version that it has.
    pub found: u64,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, key, expected, found } = self;
        write!(
            f,
            "the record {key} of store {store:?} has version {found} and not {expected}: read it \
             again"
        )
    }
}

/// Stored records and a struct that do not fit together. See [`Error::Schema`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// # mod now {
/// #     #[derive(sop_orm::SopStore)]
/// #     #[sop(store = "orders")]
/// #     pub struct Order { #[sop(key)] number: u64, total: String, tags: Vec<String> }
/// # }
/// # let opened = earlier(&[10], Db::builder().store::<now::Order>()).await;
/// // The struct says that totals are text now.
/// match opened {
///     Err(Error::Schema(error)) => assert!(error.problems[0].contains("total")),
///     other => panic!("no number is read as text: {other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaError {
    /// The store's name.
    pub store: String,
    /// One line for each thing that does not fit, with what to do about it.
    pub problems: Vec<String>,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store {:?} cannot be opened:", self.store)?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
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

/// Bytes that cannot be read, or a value that cannot be written.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::CodecError;
///
/// let cursor = "0123".parse::<Cursor>();
/// assert_eq!(cursor, Err(CodecError::UnexpectedEnd));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// There are fewer bytes than the value takes.
    #[error("the bytes end too early")]
    UnexpectedEnd,
    /// There are more bytes than the value takes.
    #[error("there are bytes left over")]
    TrailingBytes,
    /// A length is more than what is left.
    #[error("a length is larger than what is left")]
    LengthTooBig,
    /// A byte or number that stands for nothing.
    #[error("the tag {tag} stands for nothing")]
    UnknownTag {
        /// The number found.
        tag: u32,
    },
    /// Text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// NaN has no place in the order of keys.
    #[error("NaN cannot be a key: it has no place in the order")]
    NotANumber,
    /// A row of a layout that the catalog does not know.
    #[error("row layout {layout} is not in the catalog")]
    UnknownLayout {
        /// The layout's number.
        layout: u32,
    },
    /// Some other flaw.
    #[error("{reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}
