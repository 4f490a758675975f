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
    BlobOptions, StoreId, Transaction,
    guard::{self, Guard},
    limit,
};

use crate::{
    db::registry::{OpenIndex, OpenStore},
    entity::Record,
    error::{CodecError, Duplicate, Error, Result},
    schema,
    vector::cells::keys::Keys,
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
    /// The position of the index.
    position: usize,
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
    Ok(index.encode_all(entries, key))
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
            self.add_new((change.store, position), index, new);
            return Ok(());
        };
        let mut new = match after {
            Some(after) => entries_of(after, &change.key, position, index)?,
            None => BTreeMap::new(),
        };
        // What has no place in the index, as NaN, never got an entry that could be left over.
        let old = list_entries(before, &change.key, position, index).into_iter().flatten();
        for (key, value) in old {
            match new.get(&key) {
                // As it is, so it stays.
                Some(same) if *same == value => drop(new.remove(&key)),
                None if guard::stands(Guard::OldEntries) => {
                    self.old_entries.insert((index.entries, key), OldEntry { index, value });
                }
                // Written over.
                Some(_) | None => {}
            }
        }
        self.add_new((change.store, position), index, new);
        Ok(())
    }

    fn add_new(
        &mut self,
        (store, position): (&'a OpenStore, usize),
        index: &'a OpenIndex,
        entries: impl IntoIterator<Item = Entry>,
    ) {
        let entries = entries.into_iter().filter(|_| guard::stands(Guard::NewEntries));
        let entry = |(key, value)| NewEntry { store, position, index, key, value };
        self.new_entries.extend(entries.map(entry));
    }

    /// Sets aside the old entries in unfinished indexes that are not the record's own.
    fn set_foreign_aside(&mut self, transaction: &Transaction) -> Result<()> {
        let position = transaction.position();
        // Who fills an index of vectors has read the record, and loses.
        let sure = |old: &OldEntry<'_>| {
            old.index.readiness.is_ready_at(position) || old.index.cells.is_some()
        };
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
        for ((store, key), old) in &self.old_entries {
            match old.index.cells {
                Some(cells) => hide(transaction, old.index, cells, key)?,
                None => drop(transaction.store_by_id(*store)?.remove(key)?),
            }
        }
        for entry in &self.new_entries {
            let entries = transaction.store_by_id(entry.index.entries)?;
            if entry.index.cells.is_some() {
                // The row says whether another session has changed the record; the code may be
                // on its way into a cell meanwhile.
                entries.blind_upsert(&entry.key, &entry.value)?;
            } else {
                entries.upsert(&entry.key, &entry.value)?;
            }
        }
        for write in &self.rows {
            let rows = transaction.store_by_id(write.store.rows)?;
            if let Some(row) = &write.row {
                rows.upsert(&write.key, row)?;
            } else {
                rows.remove(&write.key)?;
                remove_content(transaction, write)?;
            }
        }
        Ok(())
    }

    /// The partitions that get codes, each with the positions of its store and index.
    pub(super) fn partitions(&self) -> impl Iterator<Item = (usize, usize, Vec<u8>)> {
        let coded = self.new_entries.iter().filter(|entry| entry.index.cells.is_some());
        coded.map(|entry| {
            (entry.store.position, entry.position, partition(entry.index, &entry.key).to_vec())
        })
    }

    /// Keys of the new entries in unique indexes, by which a commit may find itself beaten.
    pub(super) fn into_unique(self) -> impl Iterator<Item = (StoreId, Vec<u8>)> {
        let unique = self.new_entries.into_iter().filter(|entry| entry.index.spec.unique);
        unique.map(|entry| (entry.index.entries, entry.key))
    }
}

/// What is beside a record goes with it. That there is nothing must still be so at the commit.
fn remove_content(transaction: &Transaction, write: &RowWrite<'_>) -> Result<(), sop_core::Error> {
    // Longer ones never had any.
    if write.key.len() <= limit::BLOB_NAME_LEN_MAX {
        for contents in &write.store.contents {
            transaction.blobs_by_id(*contents, &BlobOptions::default())?.delete(&write.key)?;
        }
    }
    Ok(())
}

/// The partition that the key of an entry begins with.
pub(super) fn partition<'k>(index: &OpenIndex, key: &'k [u8]) -> &'k [u8] {
    let split = schema::split(index.spec.columns, key);
    split.expect("invariant: the keys of entries are made of columns").0
}

/// Takes back the code of a record that may have got into a cell.
fn hide(
    transaction: &Transaction,
    index: &OpenIndex,
    cells: StoreId,
    key: &[u8],
) -> Result<(), sop_core::Error> {
    let entries = transaction.store_by_id(index.entries)?;
    let head = Keys(partition(index, key)).head();
    if transaction.base().store_by_id(cells)?.contains(&head)? {
        return entries.blind_upsert(key, []);
    }
    // That there are none yet must still be so when this is committed.
    transaction.store_by_id(cells)?.require_unchanged(head.as_slice()..=head.as_slice())?;
    entries.blind_remove(key)
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
