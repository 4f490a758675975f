//! Changing records: what is inserted, edited and deleted goes into the engine's transaction, with
//! its index entries, together or not at all.

use std::{collections::BTreeMap, sync::Arc};

use sop_core::guard::{self, Guard};

use super::{
    Work, cascade,
    flush::{self, After, Change, Writes},
    identity::{Changed, Identity},
    life::{self, Done},
    references,
};
use crate::{
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::{Duplicate, Error, Result},
    store::invalid,
};

/// Hooks may change records whose hooks change records; so deep and no deeper.
const HOOKS_DEPTH_MAX: u32 = 16;

impl Work {
    /// Inserts new records, all or none; they may be completed on the way.
    pub(crate) fn insert(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        records: &mut [Arc<dyn Record>],
    ) -> Result<()> {
        self.flush(registry)?;
        let mut changes = Vec::with_capacity(records.len());
        for record in &*records {
            let change = change(store, record)?;
            if self.contains(store, &change.key)? && guard::stands(Guard::UniqueKeys) {
                return Err(Error::Duplicate(Duplicate::new(store.schema, None)));
            }
            changes.push(change);
        }
        let written = self.apply(registry, changes)?;
        for (record, written) in records.iter_mut().zip(written) {
            if let Some(written) = written {
                *record = written;
            }
        }
        Ok(())
    }

    /// Inserts a record, or puts it in the place of the one with the same key. Returns it as it was
    /// written, and whether there was one.
    pub(crate) fn upsert(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        record: Arc<dyn Record>,
    ) -> Result<(Arc<dyn Record>, bool)> {
        let mut change = change(store, &record)?;
        let identity = (store.position, change.key.clone());
        let replaced = self.replacing(registry, store, &identity, |work| {
            change.before = work.stored(store, &change.key)?;
            let was_there = change.before.is_some();
            let written = work.apply(registry, vec![change])?;
            Ok((written, was_there))
        });
        let (written, was_there) = replaced?;
        Ok((written.into_iter().next().flatten().unwrap_or(record), was_there))
    }

    /// Deletes a record for good, with what that does to those that refer to it. Returns whether it
    /// was there.
    pub(crate) fn purge(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        key: Vec<u8>,
    ) -> Result<bool> {
        let identity = (store.position, key);
        self.replacing(registry, store, &identity, |work| {
            let changes = cascade::deletion(work, registry, &identity)?;
            if changes.is_empty() {
                return Ok(false);
            }
            work.apply(registry, changes)?;
            work.records.forget(&identity);
            Ok(true)
        })
    }

    /// Changes a record in place. Returns whether it was there.
    pub(crate) fn update(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        key: &[u8],
        edit: &mut dyn FnMut(&mut dyn Record),
    ) -> Result<bool> {
        self.refuse_editing(store, &(store.position, key.to_vec()))?;
        self.flush(registry)?;
        let before = self.stored(store, key)?.filter(|before| !before.is_deleted());
        let Some(before) = before else { return Ok(false) };
        let record = store.altered(key, &*before, edit)?;
        let change = Change { before: Some(before), ..change(store, &record)? };
        if change.key != key {
            return Err(key_edited(store));
        }
        self.apply(registry, vec![change])?;
        Ok(true)
    }

    /// Writes all edits but that of one record, which is about to be replaced or deleted: what was
    /// edited about it does not matter any more, not even if it could not be written. It matters
    /// again if that fails.
    fn replacing<T>(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        identity: &Identity,
        replace: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.refuse_editing(store, identity)?;
        let unwritten = self.records.take_changed(identity);
        let replaced = self.flush(registry).and_then(|()| replace(self));
        if let (Err(_), Some(changed)) = (&replaced, unwritten) {
            self.records.set_changed(identity.clone(), changed);
        }
        replaced
    }

    /// Writes all edits to the transaction, so that queries see them. If that fails they stay as
    /// they are.
    pub(crate) fn flush(&mut self, registry: &Registry) -> Result<()> {
        if self.records.all_changed().next().is_none() {
            return Ok(());
        }
        let changes = self.edits(registry)?;
        // Hooks must find nothing to be written again.
        let edited = self.records.take_all_changed();
        let flushed = self.apply(registry, changes);
        if flushed.is_err() {
            self.records.put_all_changed(edited);
        }
        flushed.map(drop)
    }

    fn edits<'r>(&self, registry: &'r Registry) -> Result<Vec<Change<'r>>> {
        let mut changes = Vec::new();
        for ((position, key), changed) in self.records.all_changed() {
            let (store, Changed { record, row }) = (registry.at(*position), changed.clone());
            if record.key_bytes().ok().as_ref() != Some(key) {
                return Err(key_edited(store));
            }
            let (key, before) = (key.clone(), self.stored(store, key)?);
            changes.push(Change { store, key, before, after: Some(After { record, row }) });
        }
        Ok(changes)
    }

    /// Writes changes with all that hooks do about them. Returns the records as they were written.
    fn apply(
        &mut self,
        registry: &Registry,
        mut changes: Vec<Change<'_>>,
    ) -> Result<Vec<Option<Arc<dyn Record>>>> {
        let mut versions = BTreeMap::new();
        for change in &mut changes {
            let version = self.next_version(change);
            if let Some(version) = version {
                versions.insert((change.store.position, change.key.clone()), version);
            }
            life::before(change, version)?;
            self.carry(change)?;
        }
        let identities: Vec<Identity> =
            changes.iter().map(|change| (change.store.position, change.key.clone())).collect();
        let done: Vec<Done<'_>> = changes
            .iter()
            .map(|change| Done {
                store: change.store,
                before: change.before.clone(),
                after: change.after.as_ref().map(|after| Arc::clone(&after.record)),
            })
            .collect();
        let claims = references::claims(registry, &changes)?;
        let mut writes = flush::plan(changes)?;
        writes.check(self.transaction()?)?;
        let may_refuse =
            |done: &Done<'_>| done.store.hooks.is_some() || cascade::restricts_mark(registry, done);
        if done.iter().any(may_refuse) {
            self.write_judged(registry, writes, &identities, &done)?;
        } else {
            self.write(writes, &identities, &done)?;
        }
        self.require(registry, claims)?;
        self.versions.extend(versions);
        Ok(done.into_iter().map(|done| done.after).collect())
    }

    /// Adds to the row to be written what the one in its place has and the struct does not know.
    fn carry(&self, change: &mut Change<'_>) -> Result<()> {
        let Change { store, key, before: Some(_), after: Some(after) } = change else {
            return Ok(());
        };
        if store.layouts.carry_any()
            && let Some(before) = self.row(store, key)?
        {
            after.row = store.carried(&before, std::mem::take(&mut after.row))?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        writes: Writes<'_>,
        identities: &[Identity],
        done: &[Done<'_>],
    ) -> Result<()> {
        if let Err(error) = writes.write(self.transaction()?) {
            self.broken = Some(error.clone());
            return Err(error.into());
        }
        self.revision += 1;
        self.partitions.extend(writes.partitions());
        self.unique.extend(writes.into_unique());
        // A merger goes by the entries that records must have; in an index that is being filled
        // they may be missing or another record's.
        let position = self.position();
        for (identity, done) in identities.iter().zip(done) {
            self.tally.count(identity.0, done.kind());
            self.since.note(identity);
            if done.before.is_some() && done.store.merges_at(position) {
                self.mergeable.insert(identity.clone());
            }
            match &done.after {
                Some(record) => self.records.set_read(identity.0, &identity.1, record),
                None => self.records.forget(identity),
            }
        }
        Ok(())
    }

    /// Writes, and takes everything back if a reference or a hook refuses what was written.
    fn write_judged(
        &mut self,
        registry: &Registry,
        writes: Writes<'_>,
        identities: &[Identity],
        done: &[Done<'_>],
    ) -> Result<()> {
        if self.depth == HOOKS_DEPTH_MAX {
            let message = format!("hooks change records whose hooks do so, {HOOKS_DEPTH_MAX} deep");
            return Err(Error::Invalid(message.into()));
        }
        let savepoint = self.savepoint(registry)?;
        self.depth += 1;
        let written = self
            .write(writes, identities, done)
            .and_then(|()| cascade::refuse_restricted_marks(self, registry, identities, done))
            .and_then(|()| done.iter().try_for_each(|done| life::after(self, registry, done)));
        self.depth -= 1;
        let undone = if written.is_err() { self.rollback_to(&savepoint) } else { Ok(()) };
        self.release(&savepoint);
        undone.and(written)
    }

    /// The version that the change gives the record, if it counts them.
    fn next_version(&self, change: &Change<'_>) -> Option<u64> {
        change.after.as_ref()?.record.version()?;
        let identity = (change.store.position, change.key.clone());
        let given = self.versions.get(&identity).copied();
        let stored = change.before.as_ref().and_then(|before| before.version());
        Some(match (stored, given) {
            (None, _) => 1,
            (Some(_), Some(given)) => given,
            (Some(stored), None) => stored.saturating_add(1),
        })
    }
}

fn change<'a>(store: &'a OpenStore, record: &Arc<dyn Record>) -> Result<Change<'a>> {
    let key = record.key_bytes().map_err(|error| invalid(&error))?;
    let row = record.row_bytes(store.layouts.current);
    let after = Some(After { record: Arc::clone(record), row });
    Ok(Change { store, key, before: None, after })
}

fn key_edited(store: &OpenStore) -> Error {
    let message = format!(
        "the key of a record of store {:?} was edited: delete it and insert another",
        store.schema.store
    );
    Error::Invalid(message.into())
}
