//! What another session was first to do.

use std::fmt;

use sop_core::ConflictKind;

use crate::schema::{IndexSpec, Schema};

/// A value that exists already. See [`Error::Duplicate`](super::Error::Duplicate).
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

/// Two sessions that could not both commit. See [`Error::Conflict`](super::Error::Conflict).
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
    /// The prepared transaction that holds it, if it is one that is not decided yet: a global one by its
    /// [`Gtid`](crate::Gtid), as text.
    pub prepared: Option<String>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = match self.kind {
            ConflictKind::Write => "wrote",
            ConflictKind::Read => "read",
            ConflictKind::Range => "queried",
            _ => "used",
        };
        match &self.prepared {
            None => write!(f, "conflict: another session changed first what this one {did} in ")?,
            Some(name) => {
                write!(f, "conflict: prepared transaction {name} holds what this one {did} in ")?;
            }
        }
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

/// A record that was changed since the caller read it. See [`Error::Stale`](super::Error::Stale).
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
