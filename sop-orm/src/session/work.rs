//! What a session has read and changed, and the engine's transaction it all goes into.
//!
//! Everything here works on forgotten types and encoded keys and never waits, so a session is
//! locked only while one operation runs.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use sop_core::{
    Database, Snapshot, StoreId, StoreView, Transaction, TransactionOptions, Value,
    guard::{self, Guard},
};

use super::{
    flush::{self, After, Change},
    identity::{Changed, Identity, IdentityMap},
};
use crate::{
    access::At,
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::{Duplicate, Error, Result},
    store::invalid,
};

/// What a session stands on.
pub(super) enum Ground {
    Transaction(Transaction),
    /// In a database that is open for reading only.
    Snapshot(Snapshot),
}

impl Ground {
    pub(super) fn new(engine: &Database, options: TransactionOptions) -> sop_core::Result<Self> {
        match engine.begin_with(options) {
            Err(sop_core::Error::ReadOnly) => engine.snapshot().map(Self::Snapshot),
            begun => begun.map(Self::Transaction),
        }
    }
}

/// What an edit begins with.
pub(crate) struct EditedRow {
    pub(crate) bytes: Vec<u8>,
    /// Whether an earlier edit of the session has changed the record and it is not written yet.
    pub(crate) changed: bool,
}

/// What a commit needs of the work.
pub(super) struct Parts {
    pub(super) ground: Ground,
    /// Entries added to unique indexes.
    pub(super) unique: HashSet<(StoreId, Vec<u8>)>,
    /// Records whose changes can be merged with those of others.
    pub(super) mergeable: Vec<Identity>,
}

/// The state of an open session.
pub(crate) struct Work {
    ground: Ground,
    records: IdentityMap,
    /// Entries added to unique indexes.
    unique: HashSet<(StoreId, Vec<u8>)>,
    /// Counts changes of records, so that an open query notices them.
    revision: u64,
    /// Records that were there and are changed, of stores whose records can be merged.
    mergeable: BTreeSet<Identity>,
    /// Why a flush broke off half-way.
    broken: Option<sop_core::Error>,
}

impl Work {
    pub(super) fn new(ground: Ground) -> Self {
        Self {
            ground,
            records: IdentityMap::default(),
            unique: HashSet::new(),
            revision: 0,
            mergeable: BTreeSet::new(),
            broken: None,
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

    /// The position of the state that the session sees.
    pub(crate) fn position(&self) -> u64 {
        match &self.ground {
            Ground::Transaction(transaction) => transaction.position(),
            Ground::Snapshot(snapshot) => snapshot.position(),
        }
    }

    pub(super) fn into_parts(self) -> Parts {
        let mergeable = self.mergeable.into_iter().collect();
        Parts { ground: self.ground, unique: self.unique, mergeable }
    }

    /// The stored row of a record, without edits that are not written yet.
    pub(crate) fn row(&self, store: &OpenStore, key: &[u8]) -> Result<Option<Value<'_>>> {
        Ok(self.view(store.rows)?.find(key)?)
    }

    /// The record as it is stored. Adds to `row`, which is to replace its row, what that one has
    /// and the struct does not know.
    fn replaced(
        &self,
        store: &OpenStore,
        key: &[u8],
        row: &mut Vec<u8>,
    ) -> Result<Option<Arc<dyn Record>>> {
        let Some(before) = self.row(store, key)? else { return Ok(None) };
        if store.layouts.carry_any() {
            *row = store.carried(&before, std::mem::take(row))?;
        }
        store.read(key, &before).map(Some)
    }

    fn stored(&self, store: &OpenStore, key: &[u8]) -> Result<Option<Arc<dyn Record>>> {
        self.row(store, key)?.map(|row| store.read(key, &row)).transpose()
    }

    /// The instance of the record, read if need be.
    pub(crate) fn get(
        &mut self,
        store: &OpenStore,
        key: Vec<u8>,
    ) -> Result<Option<Arc<dyn Record>>> {
        let identity = (store.position, key);
        if let Some(known) = self.records.get(&identity) {
            return Ok(Some(known));
        }
        let read = self.stored(store, &identity.1)?;
        if let Some(record) = &read {
            self.records.set_read(identity, record);
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
            return self.get(store, at.columns);
        };
        index.refuse_incomplete(store, self.position())?;
        self.flush(registry)?;
        let key = self.view(index.entries)?.find(at.columns)?;
        let key = key.map(|key| key.to_vec());
        key.map_or(Ok(None), |key| self.get(store, key))
    }

    pub(crate) fn contains(&self, store: &OpenStore, key: &[u8]) -> Result<bool> {
        Ok(self.view(store.rows)?.contains(key)?)
    }

    /// Inserts new records, all or none.
    pub(crate) fn insert(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        records: &[Arc<dyn Record>],
    ) -> Result<()> {
        self.flush(registry)?;
        let mut changes = Vec::with_capacity(records.len());
        for record in records {
            let change = change(store, record)?;
            if self.contains(store, &change.key)? && guard::stands(Guard::UniqueKeys) {
                return Err(Error::Duplicate(Duplicate::new(store.schema, None)));
            }
            changes.push(change);
        }
        self.apply(changes)
    }

    /// Inserts a record, or puts it in the place of the one with the same key.
    pub(crate) fn upsert(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        record: &Arc<dyn Record>,
    ) -> Result<()> {
        let mut change = change(store, record)?;
        self.flush_others(registry, store, &(store.position, change.key.clone()))?;
        if let Some(after) = &mut change.after {
            change.before = self.replaced(store, &change.key, &mut after.row)?;
        }
        self.apply(vec![change])
    }

    /// Deletes a record. Returns whether it was there.
    pub(crate) fn delete(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        key: Vec<u8>,
    ) -> Result<bool> {
        let identity = (store.position, key);
        self.flush_others(registry, store, &identity)?;
        let Some(before) = self.stored(store, &identity.1)? else { return Ok(false) };
        self.records.forget(&identity);
        self.apply(vec![Change { store, key: identity.1, before: Some(before), after: None }])?;
        Ok(true)
    }

    /// Writes all edits but that of one record, which is about to be replaced or deleted: what was
    /// edited about it does not matter any more, not even if it could not be written.
    fn flush_others(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        identity: &Identity,
    ) -> Result<()> {
        self.refuse_editing(store, identity)?;
        let unwritten = self.records.take_changed(identity);
        let flushed = self.flush(registry);
        if let (Err(_), Some(changed)) = (&flushed, unwritten) {
            self.records.set_changed(identity.clone(), changed);
        }
        flushed
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

    fn refuse_editing(&self, store: &OpenStore, identity: &Identity) -> Result<()> {
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

    /// Writes all edits to the transaction, so that queries see them.
    pub(crate) fn flush(&mut self, registry: &Registry) -> Result<()> {
        let mut changes = Vec::new();
        for ((position, key), changed) in self.records.all_changed() {
            let (store, Changed { record, mut row }) = (registry.at(*position), changed.clone());
            if record.key_bytes().ok().as_ref() != Some(key) {
                let message = format!(
                    "the key of a record of store {:?} was edited: delete it and insert another",
                    store.schema.store
                );
                return Err(Error::Invalid(message.into()));
            }
            let before = self.replaced(store, key, &mut row)?;
            changes.push(Change {
                store,
                key: key.clone(),
                before,
                after: Some(After { record, row }),
            });
        }
        self.apply(changes)
    }

    fn apply(&mut self, changes: Vec<Change<'_>>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let written: Vec<_> = changes
            .iter()
            .filter_map(|change| {
                let record = Arc::clone(&change.after.as_ref()?.record);
                Some(((change.store.position, change.key.clone()), record))
            })
            .collect();
        // A merger goes by the entries that records must have; in an index that is being filled
        // they may be missing or another record's.
        let position = self.position();
        let mergeable = changes
            .iter()
            .filter(|change| change.before.is_some() && change.store.merges_at(position))
            .map(|change| (change.store.position, change.key.clone()));
        let mergeable: Vec<_> = mergeable.collect();
        let mut writes = flush::plan(changes)?;
        let transaction = self.transaction()?;
        writes.check(transaction)?;
        if let Err(error) = writes.write(transaction) {
            self.broken = Some(error.clone());
            return Err(error.into());
        }
        self.revision += 1;
        self.unique.extend(writes.into_unique());
        self.mergeable.extend(mergeable);
        for (identity, record) in written {
            self.records.set_read(identity, &record);
        }
        Ok(())
    }
}

fn change<'a>(store: &'a OpenStore, record: &Arc<dyn Record>) -> Result<Change<'a>> {
    let key = record.key_bytes().map_err(|error| invalid(&error))?;
    let row = record.row_bytes(store.layouts.current);
    let after = Some(After { record: Arc::clone(record), row });
    Ok(Change { store, key, before: None, after })
}

fn already_editing(store: &OpenStore, key: &[u8]) -> Error {
    Error::AlreadyEditing { store: store.schema.store, key: store.schema.show_key(key) }
}
