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
};

/// A struct that has a store of its own. Derive it with [`SopStore`](crate::SopStore).
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
    const SCHEMA: &'static Schema;

    /// What is to happen around changes; see [`Hooks`](crate::Hooks).
    #[doc(hidden)]
    const HOOKS: Option<&'static dyn AnyHooks> = None;

    /// Checks all rules of the record: those of its fields, those of the struct, and
    /// [`Hooks::validate`](crate::Hooks::validate).
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// How often the record was updated and inserted, if a field counts that.
    fn version(&self) -> Option<u64> {
        None
    }

    /// Sets the field that counts updates. Returns whether the number fits into it.
    fn set_version(&mut self, version: u64) -> bool {
        let _ = version;
        true
    }

    /// Appends the primary key.
    fn write_key(&self, out: &mut KeyWriter) -> Result<(), CodecError>;

    /// Appends all fields but those of the key.
    fn write_fields(&self, row: &mut RowWriter);

    /// Puts a record together.
    fn read(key: Self::Key, row: &RowReader<'_>) -> Result<Self, CodecError>;

    /// Puts a record together from a row that was written for an earlier version of the type. A
    /// type without one has no such rows.
    fn read_older(version: u32, key: &[u8], row: &RowReader<'_>) -> Result<Self, CodecError> {
        let _ = (key, row);
        Err(unknown_version(version))
    }

    /// Appends the entries that the record has in one of its indexes.
    fn write_index(&self, index: usize, out: &mut IndexEntries) -> Result<(), CodecError>;
}

/// A value that a record can be inserted from: the record itself, or its `New..` struct, whose
/// missing fields are filled in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be inserted into the store of `{E}`",
    label = "expected `{E}` or its `New` struct"
)]
pub trait IntoEntity<E>: Send {
    /// Whether [`into_entity`](Self::into_entity) takes a number from the store's sequence.
    const NUMBERED: bool = false;

    /// Completes the record. `number` is used only where [`NUMBERED`](Self::NUMBERED) says so.
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
        self.write_index(index, &mut entries)?;
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
