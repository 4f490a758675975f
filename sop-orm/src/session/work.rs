//! What a session has read and changed, and the engine's transaction it all goes into.
//!
//! Everything here works on forgotten types and encoded keys and never waits, so a session is
//! locked only while one operation runs.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use sop_core::{
    BlobOptions, BlobStoreView, Database, MessageId, Outbox, Snapshot, StoreId, StoreView,
    Transaction, TransactionOptions, Value,
};

use super::{
    identity::{Changed, Identity, IdentityMap, KeyBytes},
    references::Claim,
    report::{AfterCommit, Tally},
    savepoint::Since,
};
use crate::{
    access::At,
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::{Error, Result},
};

/// What a session stands on.
pub(super) enum Ground {
    Transaction(Box<Transaction>),
    /// In a database that is open for reading only.
    Snapshot(Snapshot),
}

impl Ground {
    pub(super) fn new(engine: &Database, options: TransactionOptions) -> sop_core::Result<Self> {
        match engine.begin_with(options) {
            Err(sop_core::Error::ReadOnly) => engine.snapshot().map(Self::Snapshot),
            begun => Ok(Self::Transaction(Box::new(begun?))),
        }
    }
}

/// What an edit begins with.
pub(crate) struct EditedRow {
    pub(crate) bytes: Vec<u8>,
    /// Whether an earlier edit of the session has changed the record and it is not written yet.
    pub(crate) changed: bool,
}

/// The state of an open session.
pub(crate) struct Work {
    pub(super) ground: Ground,
    pub(super) records: IdentityMap,
    /// Entries added to unique indexes.
    pub(super) unique: HashSet<(StoreId, Vec<u8>)>,
    /// Partitions that got codes of vectors, with the positions of the store and the index.
    pub(super) partitions: BTreeSet<(usize, usize, Vec<u8>)>,
    /// Counts changes of records, so that an open query notices them.
    pub(super) revision: u64,
    /// Records that were there and are changed, of stores whose records can be merged.
    pub(super) mergeable: BTreeSet<Identity>,
    /// Why a flush broke off half-way.
    pub(super) broken: Option<sop_core::Error>,
    /// Versions given to records by this session: a commit counts as one update.
    pub(super) versions: HashMap<Identity, u64>,
    pub(super) tally: Tally,
    pub(super) after_commit: Vec<AfterCommit>,
    pub(super) since: Since,
    /// References to records that were not there when they came.
    pub(super) awaited: Vec<Claim>,
    /// How many hooks are being called by hooks.
    pub(super) depth: u32,
}

impl Work {
    pub(super) fn new(ground: Ground) -> Self {
        Self {
            ground,
            records: IdentityMap::default(),
            unique: HashSet::new(),
            partitions: BTreeSet::new(),
            revision: 0,
            mergeable: BTreeSet::new(),
            broken: None,
            versions: HashMap::new(),
            tally: Tally::default(),
            after_commit: Vec::new(),
            since: Since::default(),
            awaited: Vec::new(),
            depth: 0,
        }
    }

    pub(super) fn broken(&self) -> Option<&sop_core::Error> {
        self.broken.as_ref()
    }

    /// Another number whenever the session has changed a record.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// A store of the engine, to be read.
    pub(crate) fn view(&self, store: StoreId) -> Result<StoreView<'_>> {
        Ok(match &self.ground {
            Ground::Transaction(transaction) => *transaction.store_by_id(store)?,
            Ground::Snapshot(snapshot) => snapshot.store_by_id(store)?,
        })
    }

    /// A store of blobs of the engine, to be read.
    pub(crate) fn blobs(&self, store: StoreId) -> Result<BlobStoreView<'_>> {
        Ok(match &self.ground {
            Ground::Transaction(transaction) => {
                *transaction.blobs_by_id(store, &BlobOptions::default())?
            }
            Ground::Snapshot(snapshot) => snapshot.blobs_by_id(store)?,
        })
    }

    /// Whether there is a record with a key, which then has to be there at the commit too; what is in
    /// it does not matter.
    pub(crate) fn require_row(&self, store: &OpenStore, key: &[u8]) -> Result<bool> {
        match &self.ground {
            Ground::Transaction(transaction) => {
                Ok(transaction.store_by_id(store.rows)?.require(key)?)
            }
            Ground::Snapshot(_) => self.contains(store, key),
        }
    }

    /// Adds a message to an outbox.
    pub(crate) fn send(&self, outbox: &Outbox, payload: &[u8]) -> Result<MessageId> {
        match &self.ground {
            Ground::Transaction(transaction) => Ok(outbox.send(transaction, payload)?),
            Ground::Snapshot(_) => Err(sop_core::Error::ReadOnly.into()),
        }
    }

    /// The state that the session sees, without its own changes.
    pub(crate) fn state(&self) -> Snapshot {
        match &self.ground {
            Ground::Transaction(transaction) => transaction.base(),
            Ground::Snapshot(snapshot) => snapshot.clone(),
        }
    }

    /// The position of the state that the session sees.
    pub(crate) fn position(&self) -> u64 {
        match &self.ground {
            Ground::Transaction(transaction) => transaction.position(),
            Ground::Snapshot(snapshot) => snapshot.position(),
        }
    }

    /// Does something once the session is committed.
    pub(super) fn after_commit(&mut self, then: AfterCommit) {
        self.after_commit.push(then);
    }

    /// The stored row of a record, without edits that are not written yet.
    pub(crate) fn row(&self, store: &OpenStore, key: &[u8]) -> Result<Option<Value<'_>>> {
        Ok(self.view(store.rows)?.find(key)?)
    }

    pub(super) fn stored(&self, store: &OpenStore, key: &[u8]) -> Result<Option<Arc<dyn Record>>> {
        self.row(store, key)?.map(|row| store.read(key, &row)).transpose()
    }

    /// The instance of the record, read if need be.
    pub(crate) fn get(&mut self, store: &OpenStore, key: &[u8]) -> Result<Option<Arc<dyn Record>>> {
        if let Some(known) = self.records.get(store.position, key) {
            return Ok(Some(known));
        }
        let read = self.stored(store, key)?;
        if let Some(record) = &read {
            self.records.set_read(store.position, key, record);
        }
        Ok(read)
    }

    /// The record with a key, or at the columns of a unique index.
    pub(crate) fn find(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        at: At,
    ) -> Result<Option<Arc<dyn Record>>> {
        let Some(index) = at.index.and_then(|index| store.indexes.get(index)) else {
            return self.get(store, &at.columns);
        };
        index.refuse_incomplete(store, self.position())?;
        self.flush(registry)?;
        let key = self.view(index.entries)?.find(at.columns)?;
        let key = key.map(|key| KeyBytes::from_slice(&key));
        key.map_or(Ok(None), |key| self.get(store, &key))
    }

    pub(crate) fn contains(&self, store: &OpenStore, key: &[u8]) -> Result<bool> {
        Ok(self.view(store.rows)?.contains(key)?)
    }

    /// The row that an edit begins with, if the record exists.
    pub(crate) fn begin_edit(
        &mut self,
        store: &OpenStore,
        key: &[u8],
    ) -> Result<Option<EditedRow>> {
        let identity = (store.position, key.to_vec());
        self.refuse_editing(store, &identity)?;
        let row = match self.records.changed(&identity) {
            Some(changed) => Some(EditedRow { bytes: changed.row.clone(), changed: true }),
            None => {
                self.row(store, key)?.map(|row| EditedRow { bytes: row.to_vec(), changed: false })
            }
        };
        if row.is_some() {
            self.records.begin_editing(identity);
        }
        Ok(row)
    }

    /// Ends an edit and keeps what it changed, if anything.
    pub(crate) fn end_edit(
        &mut self,
        store: &OpenStore,
        key: Vec<u8>,
        changed: Option<(Arc<dyn Record>, Vec<u8>)>,
    ) {
        let identity = (store.position, key);
        self.records.end_editing(&identity);
        if let Some((record, row)) = changed {
            self.revision += 1;
            self.records.set_changed(identity, Changed { record, row });
        }
    }

    /// The transaction, for what writes to it beside the records.
    pub(crate) fn transaction(&self) -> Result<&Transaction> {
        match &self.ground {
            Ground::Transaction(transaction) => Ok(transaction),
            Ground::Snapshot(_) => Err(sop_core::Error::ReadOnly.into()),
        }
    }

    pub(super) fn refuse_editing(&self, store: &OpenStore, identity: &Identity) -> Result<()> {
        if self.records.is_editing(identity) {
            return Err(already_editing(store, &identity.1));
        }
        Ok(())
    }

    /// Refuses if any `Edit` is alive: what it changed would be lost.
    pub(super) fn refuse_any_editing(&self, registry: &Registry) -> Result<()> {
        match self.records.any_editing() {
            Some((store, key)) => Err(already_editing(registry.at(*store), key)),
            None => Ok(()),
        }
    }
}

pub(super) fn already_editing(store: &OpenStore, key: &[u8]) -> Error {
    Error::AlreadyEditing { store: store.schema.store, key: store.schema.show_key(key) }
}
