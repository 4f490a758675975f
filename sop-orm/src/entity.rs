//! What a stored type tells the library about itself.
//!
//! [`SopStore`](crate::SopStore) writes the implementation: tables and short functions, so that
//! everything of any length is compiled once, in the library.

use std::{any::Any, sync::Arc};

use crate::{
    error::{CodecError, Invalid, Result},
    hooks::AnyHooks,
    index::IndexEntries,
    key::{self, Key, KeyWriter},
    layout::{Layouts, RowReader, RowWriter},
    schema::Schema,
    store::StoreHandle,
    timestamp::Timestamp,
};

/// A struct that has a store of its own. Derive it with [`SopStore`](crate::SopStore).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Entity;
///
/// /// Brings a store up to date, of whatever type it is.
/// async fn upgrade<E: Entity>(db: &Db) -> Result<u64> {
///     Ok(db.migrate::<E>().await?.upgraded)
/// }
/// assert_eq!(upgrade::<User>(&db).await? + upgrade::<Order>(&db).await?, 0);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stored type",
    label = "has no store",
    note = "add #[derive(SopStore)] to `{Self}`"
)]
pub trait Entity: Sized + Send + Sync + 'static {
    /// The type of the primary key; a tuple if it has several columns.
    type Key: Key;

    /// The fields that a new record must be given.
    type New: IntoEntity<Self>;

    /// The typed handle that [`Session::of`](crate::Session::of) returns.
    type Store<'s>: From<StoreHandle<'s, Self>>;

    /// Names, columns and indexes.
    #[doc(hidden)]
    const SCHEMA: &'static Schema;

    /// What is to happen around changes; see [`Hooks`](crate::Hooks).
    #[doc(hidden)]
    const HOOKS: Option<&'static dyn AnyHooks> = None;

    /// Checks all rules of the record: those of its fields, those of the struct, and
    /// [`Hooks::validate`](crate::Hooks::validate). Sessions do so before they write it; call it to
    /// know earlier.
    ///
    /// ```
    /// use sop_orm::{Entity, prelude::*};
    ///
    /// #[derive(SopStore)]
    /// struct Article {
    ///     #[sop(key)]
    ///     number: u64,
    ///     #[sop(validate = not_empty)]
    ///     title: String,
    /// }
    ///
    /// fn not_empty(text: &String) -> Result<(), &'static str> {
    ///     if text.is_empty() { Err("is empty") } else { Ok(()) }
    /// }
    ///
    /// let refused = Article { number: 1, title: String::new() }.validate().unwrap_err();
    /// assert_eq!(refused.to_string(), "title: is empty");
    /// ```
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// How often the record was updated and inserted, if a field counts that.
    #[doc(hidden)]
    fn version(&self) -> Option<u64> {
        None
    }

    /// Sets the field that counts updates. Returns whether the number fits into it.
    #[doc(hidden)]
    fn set_version(&mut self, version: u64) -> bool {
        let _ = version;
        true
    }

    /// When the record was deleted, if a field says so and it was; see
    /// [`SoftDelete`](crate::SoftDelete).
    fn deleted_at(&self) -> Option<Timestamp> {
        None
    }

    /// Sets the field that says when the record was deleted.
    fn set_deleted_at(&mut self, at: Option<Timestamp>) {
        let _ = at;
    }

    /// Appends the primary key.
    #[doc(hidden)]
    fn write_key(&self, out: &mut KeyWriter) -> Result<(), CodecError>;

    /// Appends all fields but those of the key.
    #[doc(hidden)]
    fn write_fields(&self, row: &mut RowWriter);

    /// Puts a record together.
    #[doc(hidden)]
    fn read(key: Self::Key, row: &RowReader<'_>) -> Result<Self, CodecError>;

    /// Puts a record together from a row that was written for an earlier version of the type. A
    /// type without one has no such rows.
    #[doc(hidden)]
    fn read_older(version: u32, key: &[u8], row: &RowReader<'_>) -> Result<Self, CodecError> {
        let _ = (key, row);
        Err(unknown_version(version))
    }

    /// Takes a reference to a deleted record out of the field of one of the relations.
    #[doc(hidden)]
    fn release(&mut self, relation: usize, target: &[u8]) {
        let _ = (relation, target);
    }

    /// Appends the entries that the record has in one of its indexes.
    #[doc(hidden)]
    fn write_index(&self, index: usize, out: &mut IndexEntries) -> Result<(), CodecError>;
}

/// A value that a record can be inserted from: the record itself, or its `New..` struct, whose
/// missing fields are filled in.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::IntoEntity;
///
/// /// Takes a user whole, or as a `NewUser`.
/// async fn register<N: IntoEntity<User>>(db: &Db, new: N) -> Result<Id<User>> {
///     let s = db.session();
///     let id = s.of::<User>().insert(new).await?.id;
///     s.commit().await?;
///     Ok(id)
/// }
/// let dan = NewUser { email: "dan@x.io".to_owned(), city: "Oslo".to_owned(), age: 33 };
/// let id = register(&db, dan).await?;
/// assert_eq!(db.session().of::<User>().require(id).await?.age, 33);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be inserted into the store of `{E}`",
    label = "expected `{E}` or its `New` struct"
)]
pub trait IntoEntity<E>: Send {
    /// Whether [`into_entity`](Self::into_entity) takes a number from the store's sequence.
    #[doc(hidden)]
    const NUMBERED: bool = false;

    /// Completes the record. `number` is used only where [`NUMBERED`](Self::NUMBERED) says so.
    #[doc(hidden)]
    fn into_entity(self, number: u64) -> Result<E>;
}

impl<E: Entity> IntoEntity<E> for E {
    fn into_entity(self, _: u64) -> Result<E> {
        Ok(self)
    }
}

/// A record whose type is forgotten, as sessions hold it.
pub(crate) trait Record: Any + Send + Sync {
    fn key_bytes(&self) -> Result<Vec<u8>, CodecError>;
    fn row_bytes(&self, layout: u32) -> Vec<u8>;
    fn index_entries(&self, index: usize) -> Result<IndexEntries, CodecError>;
    fn validate(&self) -> Result<(), Invalid>;
    fn version(&self) -> Option<u64>;
    fn set_version(&mut self, version: u64) -> bool;
    fn is_deleted(&self) -> bool;
    fn set_deleted_at(&mut self, at: Option<Timestamp>);
    fn release(&mut self, relation: usize, target: &[u8]);
}

impl<E: Entity> Record for E {
    fn key_bytes(&self) -> Result<Vec<u8>, CodecError> {
        let mut out = KeyWriter::default();
        self.write_key(&mut out)?;
        Ok(out.into_bytes())
    }

    fn row_bytes(&self, layout: u32) -> Vec<u8> {
        let mut row = RowWriter::with_fields(E::SCHEMA.fields.len());
        self.write_fields(&mut row);
        row.finish(layout)
    }

    fn index_entries(&self, index: usize) -> Result<IndexEntries, CodecError> {
        let mut entries = IndexEntries::default();
        if !E::SCHEMA.leaves_out(index, self.is_deleted()) {
            self.write_index(index, &mut entries)?;
        }
        Ok(entries)
    }

    fn validate(&self) -> Result<(), Invalid> {
        Entity::validate(self)
    }

    fn version(&self) -> Option<u64> {
        Entity::version(self)
    }

    fn set_version(&mut self, version: u64) -> bool {
        Entity::set_version(self, version)
    }

    fn is_deleted(&self) -> bool {
        self.deleted_at().is_some()
    }

    fn set_deleted_at(&mut self, at: Option<Timestamp>) {
        Entity::set_deleted_at(self, at);
    }

    fn release(&mut self, relation: usize, target: &[u8]) {
        Entity::release(self, relation, target);
    }
}

/// Reads a record of type `E`.
pub(crate) fn read<E: Entity>(layouts: &Layouts, key: &[u8], row: &[u8]) -> Result<E, CodecError> {
    let row = RowReader::new(layouts, row)?;
    match row.version() {
        Some(version) if version != E::SCHEMA.version => converted(version, key, &row),
        _ => E::read(key::decode(key)?, &row),
    }
}

/// Reads a record of an earlier version. It stays where it is, so its key must stay what it is.
#[cold]
fn converted<E: Entity>(version: u32, key: &[u8], row: &RowReader<'_>) -> Result<E, CodecError> {
    let record = E::read_older(version, key, row)?;
    if record.key_bytes()? == key {
        return Ok(record);
    }
    let type_name = E::SCHEMA.type_name;
    let reason = format!("the conversion of {type_name} from version {version} changes the key");
    Err(CodecError::Malformed { reason })
}

/// Reads a row of an earlier version of `E` as an `O`, or as what `O` comes from.
pub fn read_older<E: Entity + From<O>, O: Entity>(
    version: u32,
    key: &[u8],
    row: &RowReader<'_>,
) -> Result<E, CodecError> {
    let older = if version == O::SCHEMA.version {
        O::read(key::decode(key)?, row)?
    } else {
        O::read_older(version, key, row)?
    };
    Ok(E::from(older))
}

fn unknown_version(version: u32) -> CodecError {
    CodecError::Malformed { reason: format!("a row of version {version}, which nothing reads") }
}

/// Reads a record of a type that is forgotten.
pub(crate) type ReadRecord = fn(&Layouts, &[u8], &[u8]) -> Result<Arc<dyn Record>, CodecError>;

/// The [`ReadRecord`] of `E`.
pub(crate) fn read_record<E: Entity>(
    layouts: &Layouts,
    key: &[u8],
    row: &[u8],
) -> Result<Arc<dyn Record>, CodecError> {
    Ok(Arc::new(read::<E>(layouts, key, row)?))
}
