//! Records that another session changed first, merged at the commit.
//!
//! The engine calls this in the commit's turn, with the three states of every key. A record that
//! can be merged is: its row is settled on the newest state, and its index entries are made anew,
//! from those that the committed record has to those of the merged one. What cannot be merged is left as
//! it is, and is then the conflict that it would have been.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;
use sop_core::{
    Merge, Merger,
    guard::{self, Guard},
};

use super::{
    flush::{self, entries_of},
    identity::Identity,
    life,
};
use crate::{
    db::registry::{OpenIndex, OpenStore, Registry},
    entity::Record,
    error::{Duplicate, Error, Result},
    layout::{self, RowReader, RowWriter},
    merge::{self, DeleteRace, Three},
    store::invalid,
    vector::cells::keys::Keys,
};

/// A record that two sessions had changed, and what came of it. See
/// [`CommitReport::merges`](super::CommitReport::merges).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// // Visits are marked `merge = add`.
/// let ann = s.of::<User>().by_email("ann@x.io").await?.expect("Ann is in the shop").id;
/// let (one, two) = (db.session(), db.session());
/// for s in [&one, &two] {
///     s.of::<User>().edit(ann).await?.visits += 1;
/// }
/// one.commit().await?;
/// let merged = &two.commit().await?.merges[0];
/// assert_eq!((merged.store, merged.fields.as_slice()), ("users", &["visits"][..]));
/// assert_eq!(db.session().of::<User>().require(ann).await?.visits, 2);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergedRecord {
    /// The store's name.
    pub store: &'static str,
    /// The primary key, as text for people.
    pub key: String,
    /// The fields that this session had changed, in the order of declaration; empty if the record
    /// was deleted.
    pub fields: Vec<&'static str>,
}

/// What a merger did, for the session that waits for its commit.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) merges: Vec<MergedRecord>,
    pub(super) error: Option<Error>,
}

/// Merges the records that one session changed.
pub(super) struct RecordMerger {
    registry: Arc<Registry>,
    records: Vec<Identity>,
    outcome: Arc<Mutex<Outcome>>,
}

impl RecordMerger {
    /// For these records, and where it will tell what it did.
    pub(super) fn new(
        registry: &Arc<Registry>,
        records: Vec<Identity>,
    ) -> (Self, Arc<Mutex<Outcome>>) {
        let outcome = Arc::new(Mutex::new(Outcome::default()));
        let told = Arc::clone(&outcome);
        (Self { registry: Arc::clone(registry), records, outcome }, told)
    }
}

impl Merger for RecordMerger {
    fn merge(&mut self, merge: &mut Merge<'_>) -> sop_core::Result<()> {
        // What was merged before did not get into the log.
        *self.outcome.lock() = Outcome::default();
        for (position, key) in &self.records {
            let store = self.registry.at(*position);
            if !merge.is_changed(store.rows, key)? {
                continue;
            }
            match (Clash { registry: &self.registry, store, key, merge }).settle() {
                Ok(Some(fields)) => self.note(store, key, fields),
                Ok(None) => {}
                Err(Error::Engine(error)) => return Err(error),
                Err(error) => {
                    let message = error.to_string();
                    self.outcome.lock().error = Some(error);
                    return Err(sop_core::Error::Invalid(message));
                }
            }
        }
        Ok(())
    }
}

impl RecordMerger {
    fn note(&self, store: &OpenStore, key: &[u8], fields: Vec<&'static str>) {
        let (store, key) = (store.schema.store, store.schema.show_key(key));
        tracing::debug!(target: "sop::merge", store, key, ?fields, "merged a record");
        self.outcome.lock().merges.push(MergedRecord { store, key, fields });
    }
}

/// One record that both sides changed.
struct Clash<'a, 'm> {
    registry: &'a Registry,
    store: &'a OpenStore,
    key: &'a [u8],
    merge: &'a mut Merge<'m>,
}

/// A record and its row in the present layout.
struct Side {
    record: Arc<dyn Record>,
    row: Vec<u8>,
}

impl Side {
    /// Whether one of two records made from this one was deleted thereby.
    fn is_deletion(&self, ours: &Self, theirs: &Self) -> bool {
        let is_deleted = |side: &Self| side.record.is_deleted();
        !is_deleted(self) && (is_deleted(ours) || is_deleted(theirs))
    }
}

impl Clash<'_, '_> {
    /// Merges the record if that is possible; gives the fields that this session had changed.
    fn settle(&mut self) -> Result<Option<Vec<&'static str>>> {
        let (rows, key) = (self.store.rows, self.key);
        let base = self.merge.base(rows, key)?.map(|row| self.side(&row)).transpose()?;
        let theirs = self.merge.newest(rows, key)?.map(|row| self.side(&row)).transpose()?;
        let ours = match self.merge.written(rows, key) {
            Some(row) => row.map(|row| self.side(row)).transpose()?,
            None => return Ok(None),
        };
        match (base, ours, theirs) {
            (Some(base), Some(ours), Some(theirs)) if !base.is_deletion(&ours, &theirs) => {
                self.both_changed(&base, &ours, &theirs)
            }
            (Some(base), ours, theirs) => self.delete_race(&base, ours.as_ref(), theirs.as_ref()),
            _ => Ok(None),
        }
    }

    /// One side, or both, deleted the record: for good, or so that it can be restored.
    fn delete_race(
        &mut self,
        base: &Side,
        ours: Option<&Side>,
        theirs: Option<&Side>,
    ) -> Result<Option<Vec<&'static str>>> {
        if self.store.schema.on_delete_race != DeleteRace::DeleteWins {
            return Ok(None);
        }
        let merged = match (ours, theirs) {
            (Some(_), Some(theirs)) if theirs.record.is_deleted() => Some(self.side(&theirs.row)?),
            (Some(ours), Some(theirs)) => Some(self.counted(self.side(&ours.row)?, theirs)),
            _ => None,
        };
        self.replace_entries(base, ours, theirs, merged.as_ref())?;
        self.settle_row(merged.map(|merged| merged.row))?;
        Ok(Some(Vec::new()))
    }

    /// A merged record with the version after the committed one, if it counts them.
    fn counted(&self, mut merged: Side, theirs: &Side) -> Side {
        if let (Some(version), Some(own)) =
            (theirs.record.version(), Arc::get_mut(&mut merged.record))
        {
            own.set_version(version.saturating_add(1));
            merged.row = own.row_bytes(self.store.layouts.current);
        }
        merged
    }

    /// Puts the merged row in the place of the committed one, with what that has and the struct
    /// does not know.
    fn settle_row(&mut self, row: Option<Vec<u8>>) -> Result<()> {
        let (rows, key) = (self.store.rows, self.key);
        let carries = self.store.layouts.carry_any();
        let row = match (row, self.merge.newest(rows, key)?) {
            (Some(row), Some(newest)) if carries => Some(self.store.carried(&newest, row)?),
            (row, _) => row,
        };
        Ok(self.merge.settle(rows, key, row.as_deref())?)
    }

    fn both_changed(
        &mut self,
        base: &Side,
        ours: &Side,
        theirs: &Side,
    ) -> Result<Option<Vec<&'static str>>> {
        let Some((row, fields)) = self.merged_row(base, ours, theirs)? else { return Ok(None) };
        let merged = self.counted(self.side(&row)?, theirs);
        // What breaks a rule once it is merged is a conflict, so that the work is done again.
        match life::judge(self.store, &*merged.record) {
            Err(Error::Invalid(_)) if !merged.record.is_deleted() => return Ok(None),
            judged => judged?,
        }
        if self.leads_nowhere(ours, theirs, &merged)? {
            return Ok(None);
        }
        self.replace_entries(base, Some(ours), Some(theirs), Some(&merged))?;
        self.settle_row(Some(merged.row))?;
        Ok(Some(fields))
    }

    /// Whether the merged record refers to one that is not there. What either side refers to was
    /// looked for when it was written, and is required to be there; what only a policy of the
    /// program can make of them was not.
    fn leads_nowhere(&self, ours: &Side, theirs: &Side, merged: &Side) -> Result<bool> {
        for relation in self.registry.relations().to_parents(self.store) {
            let parents = |side: &Side| {
                let parents = relation.spec.parents_of(self.store.schema, &*side.record);
                parents.map_err(|error| invalid(&error))
            };
            let (ours, theirs, rows) =
                (parents(ours)?, parents(theirs)?, self.registry.at(relation.parent).rows);
            for parent in parents(merged)? {
                let known = ours.contains(&parent) || theirs.contains(&parent);
                let is_there = || match self.merge.written(rows, &parent) {
                    Some(written) => Ok(written.is_some()),
                    None => self.merge.newest(rows, &parent).map(|row| row.is_some()),
                };
                if !known && guard::stands(Guard::MergedParents) && !is_there()? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The merged row and the fields that we changed; none if a field cannot be merged.
    fn merged_row(
        &self,
        base: &Side,
        ours: &Side,
        theirs: &Side,
    ) -> Result<Option<(Vec<u8>, Vec<&'static str>)>> {
        let unreadable = |error| self.store.unreadable(error);
        let layouts = &self.store.layouts;
        let reader = |side| RowReader::new(layouts, side).map_err(unreadable);
        let (base, ours, theirs) = (reader(&base.row)?, reader(&ours.row)?, reader(&theirs.row)?);
        let (mut row, mut changed) = (RowWriter::default(), Vec::new());
        for (position, field) in self.store.schema.fields.iter().enumerate() {
            let sides = [&base, &ours, &theirs].map(|side| side.stored(position));
            let [base, ours, theirs] = sides.map(|stored| stored.map_err(unreadable));
            // Rows in the present layout have all fields.
            let (Some(base), Some(ours), Some(theirs)) = (base?, ours?, theirs?) else {
                return Ok(None);
            };
            if ours != base {
                changed.push(field.name);
            }
            let three = Three { base: &base, ours: &ours, theirs: &theirs };
            match merge::field(field.merge, three).map_err(unreadable)? {
                Some(merged) => row.encoded(&merged),
                None if guard::stands(Guard::MergedFields) => return Ok(None),
                None => row.encoded(&ours),
            }
        }
        Ok(Some((row.finish(layouts.current), changed)))
    }

    /// Takes back what the session did to index entries on account of the record, and does what
    /// leads from the committed record to the merged one.
    fn replace_entries(
        &mut self,
        base: &Side,
        ours: Option<&Side>,
        theirs: Option<&Side>,
        merged: Option<&Side>,
    ) -> Result<()> {
        let indexes = self.store.indexes.iter().enumerate();
        for (position, index) in indexes.filter(|_| guard::stands(Guard::MergedEntries)) {
            let entries = |side: Option<&Side>| match side {
                Some(side) => entries_of(&side.record, self.key, position, index),
                None => Ok(BTreeMap::new()),
            };
            let (base, ours) = (entries(Some(base))?, entries(ours)?);
            let (theirs, merged) = (entries(theirs)?, entries(merged)?);
            let all = base.keys().chain(ours.keys()).chain(theirs.keys()).chain(merged.keys());
            for entry in all.collect::<BTreeSet<_>>() {
                match (theirs.get(entry), merged.get(entry)) {
                    (None, Some(value)) => {
                        self.refuse_taken(index, entry)?;
                        self.merge.settle(index.entries, entry, Some(value))?;
                    }
                    _ if self.is_taken_over(index, entry) => {}
                    (Some(_), None) => {
                        let hidden = self.hides(index, entry)?.then_some(&[][..]);
                        self.merge.settle(index.entries, entry, hidden)?;
                    }
                    (Some(their), Some(value)) if their != value => {
                        self.merge.settle(index.entries, entry, Some(value))?;
                    }
                    (None, None) if self.belongs_to_another(index, entry)? => {
                        self.leave_to_another(index, entry)?;
                    }
                    // As the committed record has it, so the merged one does.
                    (Some(_), Some(_)) | (None, None) => self.merge.withdraw(index.entries, entry),
                }
            }
        }
        Ok(())
    }

    /// Whether an entry that goes must leave something behind, which hides what a cell has.
    fn hides(&self, index: &OpenIndex, entry: &[u8]) -> Result<bool> {
        let Some(cells) = index.cells else { return Ok(false) };
        let head = Keys(flush::partition(index, entry)).head();
        Ok(self.merge.newest(cells, &head)?.is_some())
    }

    /// Whether another record of the session gets this entry of a unique index.
    fn is_taken_over(&self, index: &OpenIndex, entry: &[u8]) -> bool {
        let written = self.merge.written(index.entries, entry).flatten();
        index.spec.unique && written.is_some_and(|owner| owner != self.key)
    }

    /// Whether another record has this entry of a unique index.
    fn belongs_to_another(&self, index: &OpenIndex, entry: &[u8]) -> Result<bool> {
        let owner = self.merge.newest(index.entries, entry)?;
        let is_anothers = owner.is_some_and(|owner| owner != self.key);
        Ok(index.spec.unique && is_anothers && guard::stands(Guard::MergedOwners))
    }

    /// An entry that this record no longer has: if the session took it over from another record of
    /// its own, it is nobody's now; if others gave it away, what the session saw of it is checked.
    fn leave_to_another(&mut self, index: &OpenIndex, entry: &[u8]) -> Result<()> {
        let (store, key) = (index.entries, self.key);
        let was_taken_over = self.merge.written(store, entry).flatten() == Some(key);
        if was_taken_over && !self.merge.is_changed(store, entry)? {
            self.merge.settle(store, entry, None)?;
        }
        Ok(())
    }

    fn refuse_taken(&self, index: &OpenIndex, entry: &[u8]) -> Result<()> {
        let store = index.entries;
        // Where the session wrote, it has seen that the entry is free or becomes free with it.
        let was_free =
            self.merge.written(store, entry).is_some() && !self.merge.is_changed(store, entry)?;
        let owner = if was_free { None } else { self.merge.newest(store, entry)? };
        let is_free = owner.is_none_or(|owner| owner == self.key);
        if !index.spec.unique
            || is_free && !self.is_taken_over(index, entry)
            || !guard::stands(Guard::MergedUnique)
        {
            return Ok(());
        }
        let duplicate = Duplicate::new(self.store.schema, Some(index.spec));
        Err(Error::Duplicate(Duplicate { concurrent: true, ..duplicate }))
    }

    fn side(&self, row: &[u8]) -> Result<Side> {
        let record = self.store.read(self.key, row)?;
        let layouts = &self.store.layouts;
        let is_current = layout::layout_of(row) == Ok(layouts.current);
        let row = if is_current { row.to_vec() } else { record.row_bytes(layouts.current) };
        Ok(Side { record, row })
    }
}
