//! Describing a database before it is opened.

use std::{path::Path, sync::Arc};

use sop_core::{Builder, Database, Options};

use super::{
    Db, IndexBuilding,
    indexer::Indexer,
    registry::{Registration, Registry},
};
use crate::{entity::Entity, error::Result, relation, schema::open};

/// The stored types and the options of a database that is about to be opened.
#[derive(Debug)]
#[must_use = "a database is opened by `open` or `ephemeral`"]
pub struct DbBuilder {
    types: Vec<Registration>,
    options: Options,
    fill_at_once: u64,
    index_building: IndexBuilding,
}

impl Default for DbBuilder {
    fn default() -> Self {
        Self {
            types: Vec::new(),
            options: Options::default(),
            fill_at_once: 10_000,
            index_building: IndexBuilding::default(),
        }
    }
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

    /// Up to how many records a new index is filled with before the opening ends; 10,000 unless
    /// this says otherwise. Indexes of larger stores are filled in the background, and 0 leaves
    /// all of them to it.
    pub fn fill_at_once(mut self, records: u64) -> Self {
        self.fill_at_once = records;
        self
    }

    /// Who fills new indexes. With [`IndexBuilding::ByHand`] the opening fills none, and no thread
    /// is started.
    pub fn index_building(mut self, building: IndexBuilding) -> Self {
        self.index_building = building;
        self
    }

    /// Opens the database in a folder, and creates it if it is missing.
    ///
    /// Replays what the last process left in the log, and brings the stored types up to date:
    /// changes of fields are noted, removed indexes dropped, new and changed ones filled from the
    /// records that exist. With many records that goes on in the background, and until it is done
    /// queries on the index fail with [`Error::IndexBuilding`](crate::Error::IndexBuilding):
    /// [`Db::indexes_ready`] waits for it, [`Db::index_progress`] tells how far it is.
    ///
    /// Fails with [`Error::Schema`](crate::Error::Schema) if stored records cannot be read as the
    /// type given for them, and with [`Error::Busy`](crate::Error::Busy) if another handle or
    /// process has the folder open. That records are not unique in a new unique index is no reason
    /// to fail: the index stays unfinished and says why.
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
        relation::refuse_unregistered(&self.types)?;
        let stores = open::open(&engine, &self.types).await?;
        let relations = open::relations(&engine, &self.types)?;
        let registry = Arc::new(Registry::new(&self.types, stores, relations));
        let indexer = Indexer::new(engine.clone(), Arc::clone(&registry), self.index_building);
        if self.index_building == IndexBuilding::Background && is_writable(&engine)? {
            indexer.fill_small(self.fill_at_once);
            indexer.start()?;
        }
        Ok(Db::new(engine, registry, indexer))
    }
}

fn is_writable(engine: &Database) -> Result<bool> {
    match engine.begin() {
        Ok(_) => Ok(true),
        Err(sop_core::Error::ReadOnly) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
