//! Describing a database before it is opened.

use std::path::Path;

use sop_core::{Builder, Database, Options};

use super::{
    Db,
    registry::{Registration, Registry},
};
use crate::{entity::Entity, error::Result, schema::open};

/// The stored types and the options of a database that is about to be opened.
#[derive(Debug, Default)]
#[must_use = "a database is opened by `open` or `ephemeral`"]
pub struct DbBuilder {
    types: Vec<Registration>,
    options: Options,
}

impl DbBuilder {
    /// Adds a stored type. Twice is the same as once.
    pub fn store<E: Entity>(mut self) -> Self {
        let registration = Registration::of::<E>();
        if !self.types.iter().any(|known| known.type_id == registration.type_id) {
            self.types.push(registration);
        }
        self
    }

    /// Options of the engine, such as how much is kept in memory between checkpoints.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Opens the database in a folder, and creates it if it is missing.
    ///
    /// Replays what the last process left in the log, and brings the stored types up to date:
    /// changes of fields are noted, removed indexes dropped, new and changed ones filled from the
    /// records that exist, which takes a pass over them. This runs on the calling task.
    ///
    /// Fails with [`Error::Schema`](crate::Error::Schema) if stored records cannot be read as the
    /// type given for them, with [`Error::Busy`](crate::Error::Busy) if another handle or process
    /// has the folder open, and with [`Error::Duplicate`](crate::Error::Duplicate) if the records
    /// are not unique in a new unique index.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<Db> {
        let engine = self.engine().open(path)?;
        self.assemble(engine).await
    }

    /// Makes a database in memory, without files. It is gone when the last clone is dropped.
    pub async fn ephemeral(self) -> Result<Db> {
        let engine = self.engine().in_memory()?;
        self.assemble(engine).await
    }

    /// Puts the stored types on a database of the engine that is open already, for what its own
    /// builder can do: another disk, another clock.
    pub async fn attach(self, engine: Database) -> Result<Db> {
        self.assemble(engine).await
    }

    /// The engine's builder, for whoever adds something to it before [`attach`](Self::attach).
    pub(crate) fn engine(&self) -> Builder {
        Database::builder().options(self.options.clone())
    }

    async fn assemble(self, engine: Database) -> Result<Db> {
        let stores = open::open(&engine, &self.types).await?;
        let registry = Registry::new(&self.types, stores);
        Ok(Db::new(engine, registry))
    }
}
