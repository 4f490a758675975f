//! From changed records to writes of rows and index entries.
//!
//! All old entries of a flush go before any new one comes, so records may swap unique values. What
//! could be refused is checked before the first write: a refused flush changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use sop_core::{
    StoreId, Transaction,
    guard::{self, Guard},
    limit,
};

use crate::{
    db::registry::{OpenIndex, OpenStore},
    entity::Record,
    error::{CodecError, Duplicate, Error, Result},
};

/// One record before and after.
pub(super) struct Change<'a> {
    pub(super) store: &'a OpenStore,
    pub(super) key: Vec<u8>,
    pub(super) before: Option<Arc<dyn Record>>,
    pub(super) after: Option<After>,
}

/// A record and its row.
pub(super) struct After {
    pub(super) record: Arc<dyn Record>,
    pub(super) row: Vec<u8>,
}

/// What a flush writes to the engine, in the order of stores and keys.
#[derive(Default)]
pub(super) struct Writes<'a> {
    rows: Vec<RowWrite<'a>>,
    old_entries: BTreeSet<(StoreId, Vec<u8>)>,
    new_entries: BTreeMap<(StoreId, Vec<u8>), NewEntry<'a>>,
}

struct RowWrite<'a> {
    store: &'a OpenStore,
    key: Vec<u8>,
    row: Option<Vec<u8>>,
}

struct NewEntry<'a> {
    store: &'a OpenStore,
    index: &'a OpenIndex,
    value: Vec<u8>,
}

impl NewEntry<'_> {
    fn duplicate(&self) -> Error {
        Error::Duplicate(Duplicate::new(self.store.schema, Some(self.index.spec)))
    }
}

/// Works out the writes for some changes; pure.
pub(super) fn plan(changes: Vec<Change<'_>>) -> Result<Writes<'_>> {
    let mut writes = Writes::default();
    let mut rows = HashSet::new();
    for change in changes {
        if !rows.insert((change.store.rows, change.key.clone())) {
            return Err(Error::Duplicate(Duplicate::new(change.store.schema, None)));
        }
        for (position, index) in change.store.indexes.iter().enumerate() {
            let entries = |record: Option<&Arc<dyn Record>>| match record {
                Some(record) => entries_of(record, &change.key, position, index),
                None => Ok(BTreeMap::new()),
            };
            let before = entries(change.before.as_ref())?;
            let mut after = entries(change.after.as_ref().map(|after| &after.record))?;
            for (key, _) in before {
                if after.remove(&key).is_none() && guard::stands(Guard::OldEntries) {
                    writes.old_entries.insert((index.entries, key));
                }
            }
            for (key, value) in after.into_iter().filter(|_| guard::stands(Guard::NewEntries)) {
                let entry = NewEntry { store: change.store, index, value };
                if let Some(twice) = writes.new_entries.insert((index.entries, key), entry) {
                    return Err(twice.duplicate());
                }
            }
        }
        let row = change.after.map(|after| after.row);
        writes.rows.push(RowWrite { store: change.store, key: change.key, row });
    }
    Ok(writes)
}

/// The engine's entries of a record in one index.
pub(super) fn entries_of(
    record: &Arc<dyn Record>,
    key: &[u8],
    position: usize,
    index: &OpenIndex,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let entries = record.index_entries(position).map_err(|error| unordered(&error, index))?;
    Ok(entries.into_sorted().into_iter().map(|entry| index.encode(entry, key)).collect())
}

fn unordered(error: &CodecError, index: &OpenIndex) -> Error {
    Error::Invalid(format!("index {:?}: {error}", index.spec.name).into())
}

impl Writes<'_> {
    /// Everything that would be refused, found before anything is written.
    pub(super) fn check(&self, transaction: &Transaction) -> Result<()> {
        for write in &self.rows {
            within(write.key.len(), write.row.as_ref().map_or(0, Vec::len))?;
        }
        for ((store, key), entry) in &self.new_entries {
            within(key.len(), entry.value.len())?;
            let replaced = || self.old_entries.contains(&(*store, key.clone()));
            if entry.index.spec.unique
                && !replaced()
                && transaction.store_by_id(*store)?.contains(key)?
                && guard::stands(Guard::UniqueEntries)
            {
                return Err(entry.duplicate());
            }
        }
        Ok(())
    }

    /// Writes everything. An error in the middle leaves the transaction of no use.
    pub(super) fn write(&self, transaction: &Transaction) -> Result<(), sop_core::Error> {
        for (store, key) in &self.old_entries {
            transaction.store_by_id(*store)?.remove(key)?;
        }
        for ((store, key), entry) in &self.new_entries {
            transaction.store_by_id(*store)?.upsert(key, &entry.value)?;
        }
        for write in &self.rows {
            let rows = transaction.store_by_id(write.store.rows)?;
            match &write.row {
                Some(row) => rows.upsert(&write.key, row)?,
                None => drop(rows.remove(&write.key)?),
            }
        }
        Ok(())
    }

    /// Keys of the new entries in unique indexes, by which a commit may find itself beaten.
    pub(super) fn into_unique(self) -> impl Iterator<Item = (StoreId, Vec<u8>)> {
        let unique = |(at, entry): (_, NewEntry<'_>)| entry.index.spec.unique.then_some(at);
        self.new_entries.into_iter().filter_map(unique)
    }
}

fn within(key_len: usize, value_len: usize) -> Result<(), sop_core::Error> {
    if key_len > limit::KEY_LEN_MAX {
        let limit = limit::KEY_LEN_MAX;
        return Err(sop_core::Error::KeyTooLong { len: key_len, limit });
    }
    if value_len > limit::VALUE_LEN_MAX {
        let limit = limit::VALUE_LEN_MAX;
        return Err(sop_core::Error::ValueTooLong { len: value_len, limit });
    }
    Ok(())
}
