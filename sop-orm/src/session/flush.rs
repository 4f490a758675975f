//! From changed records to writes of rows and index entries.
//!
//! All old entries of a flush go before any new one comes, so records may swap unique values. What
//! could be refused is checked before the first write: a refused flush changes nothing.
//!
//! In an index that is still being filled, the old entry of a record may be missing, or in a unique
//! one be that of another record, with which the filling will not come to terms. Such an entry
//! stays, but counts as written: the filling may bring the record's own entry at the same time, and
//! one of the two has to lose.

use std::{collections::BTreeMap, sync::Arc};

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

impl Change<'_> {
    fn at(&self) -> (StoreId, &[u8]) {
        (self.store.rows, &self.key)
    }
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
    old_entries: BTreeMap<(StoreId, Vec<u8>), OldEntry<'a>>,
    /// Old entries that are not there or not the record's own.
    foreign: Vec<(StoreId, Vec<u8>, Option<Vec<u8>>)>,
    new_entries: Vec<NewEntry<'a>>,
}

struct RowWrite<'a> {
    store: &'a OpenStore,
    key: Vec<u8>,
    row: Option<Vec<u8>>,
}

struct OldEntry<'a> {
    index: &'a OpenIndex,
    value: Vec<u8>,
}

struct NewEntry<'a> {
    store: &'a OpenStore,
    index: &'a OpenIndex,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl NewEntry<'_> {
    fn at(&self) -> (StoreId, &[u8]) {
        (self.index.entries, &self.key)
    }

    fn duplicate(&self) -> Error {
        Error::Duplicate(Duplicate::new(self.store.schema, Some(self.index.spec)))
    }
}

/// Works out the writes for some changes; pure.
pub(super) fn plan(changes: Vec<Change<'_>>) -> Result<Writes<'_>> {
    refuse_repeated(&changes)?;
    let mut writes = Writes::default();
    for change in changes {
        for (position, index) in change.store.indexes.iter().enumerate() {
            writes.plan_entries(&change, position, index)?;
        }
        let row = change.after.map(|after| after.row);
        writes.rows.push(RowWrite { store: change.store, key: change.key, row });
    }
    writes.new_entries.sort_unstable_by(|one, other| one.at().cmp(&other.at()));
    match writes.new_entries.windows(2).find(|pair| pair[0].at() == pair[1].at()) {
        Some(twice) => Err(twice[0].duplicate()),
        None => Ok(writes),
    }
}

/// Refuses changes two of which are of the same record.
fn refuse_repeated(changes: &[Change<'_>]) -> Result<()> {
    let mut sorted: Vec<&Change<'_>> = changes.iter().collect();
    // Costs nothing where they are in order, which is usual.
    sorted.sort_by_key(|change| change.at());
    match sorted.windows(2).find(|pair| pair[0].at() == pair[1].at()) {
        Some(twice) => Err(Error::Duplicate(Duplicate::new(twice[0].store.schema, None))),
        None => Ok(()),
    }
}

type Entry = (Vec<u8>, Vec<u8>);

/// The engine's entries of a record in one index, by key.
pub(super) fn entries_of(
    record: &Arc<dyn Record>,
    key: &[u8],
    position: usize,
    index: &OpenIndex,
) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    Ok(list_entries(record, key, position, index)?.collect())
}

/// The engine's entries of a record in one index, each once.
fn list_entries(
    record: &Arc<dyn Record>,
    key: &[u8],
    position: usize,
    index: &OpenIndex,
) -> Result<impl Iterator<Item = Entry>> {
    let entries = record.index_entries(position).map_err(|error| unordered(&error, index))?;
    Ok(entries.into_sorted().into_iter().map(move |entry| index.encode(entry, key)))
}

fn unordered(error: &CodecError, index: &OpenIndex) -> Error {
    Error::Invalid(format!("index {:?}: {error}", index.spec.name).into())
}

impl<'a> Writes<'a> {
    /// Adds what a change means for the entries of its record in one index.
    fn plan_entries(
        &mut self,
        change: &Change<'a>,
        position: usize,
        index: &'a OpenIndex,
    ) -> Result<()> {
        let after = change.after.as_ref().map(|after| &after.record);
        let Some(before) = &change.before else {
            let Some(after) = after else { return Ok(()) };
            let new = list_entries(after, &change.key, position, index)?;
            self.add_new(change.store, index, new);
            return Ok(());
        };
        let mut new = match after {
            Some(after) => entries_of(after, &change.key, position, index)?,
            None => BTreeMap::new(),
        };
        // What has no place in the index, as NaN, never got an entry that could be left over.
        let old = list_entries(before, &change.key, position, index).into_iter().flatten();
        for (key, value) in old {
            if new.remove(&key).is_none() && guard::stands(Guard::OldEntries) {
                self.old_entries.insert((index.entries, key), OldEntry { index, value });
            }
        }
        self.add_new(change.store, index, new);
        Ok(())
    }

    fn add_new(
        &mut self,
        store: &'a OpenStore,
        index: &'a OpenIndex,
        entries: impl IntoIterator<Item = Entry>,
    ) {
        let entries = entries.into_iter().filter(|_| guard::stands(Guard::NewEntries));
        self.new_entries.extend(entries.map(|(key, value)| NewEntry { store, index, key, value }));
    }

    /// Sets aside the old entries in unfinished indexes that are not the record's own.
    fn set_foreign_aside(&mut self, transaction: &Transaction) -> Result<()> {
        let position = transaction.position();
        let sure = |old: &OldEntry<'_>| old.index.readiness.is_ready_at(position);
        if self.old_entries.values().all(sure) {
            return Ok(());
        }
        for ((store, key), old) in std::mem::take(&mut self.old_entries) {
            if sure(&old) {
                self.old_entries.insert((store, key), old);
                continue;
            }
            let found = transaction.store_by_id(store)?.find(&key)?.map(|found| found.to_vec());
            if found.as_ref() == Some(&old.value) || !guard::stands(Guard::ForeignEntries) {
                self.old_entries.insert((store, key), old);
            } else {
                self.foreign.push((store, key, found));
            }
        }
        Ok(())
    }

    /// Everything that would be refused, found before anything is written.
    pub(super) fn check(&mut self, transaction: &Transaction) -> Result<()> {
        self.set_foreign_aside(transaction)?;
        for write in &self.rows {
            within(write.key.len(), write.row.as_ref().map_or(0, Vec::len))?;
        }
        for entry in &self.new_entries {
            let (store, key) = entry.at();
            within(key.len(), entry.value.len())?;
            let replaced = || self.old_entries.contains_key(&(store, key.to_vec()));
            if entry.index.spec.unique
                && (self.old_entries.is_empty() || !replaced())
                && transaction.store_by_id(store)?.contains(key)?
                && guard::stands(Guard::UniqueEntries)
            {
                return Err(entry.duplicate());
            }
        }
        Ok(())
    }

    /// Writes everything. An error in the middle leaves the transaction of no use.
    pub(super) fn write(&self, transaction: &Transaction) -> Result<(), sop_core::Error> {
        for (store, key, found) in &self.foreign {
            let entries = transaction.store_by_id(*store)?;
            entries.upsert(key, found.as_deref().unwrap_or_default())?;
            if found.is_none() {
                entries.remove(key)?;
            }
        }
        for (store, key) in self.old_entries.keys() {
            transaction.store_by_id(*store)?.remove(key)?;
        }
        for entry in &self.new_entries {
            transaction.store_by_id(entry.index.entries)?.upsert(&entry.key, &entry.value)?;
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
        let unique = self.new_entries.into_iter().filter(|entry| entry.index.spec.unique);
        unique.map(|entry| (entry.index.entries, entry.key))
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
