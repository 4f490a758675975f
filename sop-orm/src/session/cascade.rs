//! What the deletion of a record does to those that refer to it.
//!
//! First everything is found that is to go, then all of it is changed at once, like any other
//! changes: with the hooks of each type, and together or not at all. A record is found once however
//! many ways lead to it, so circles of references end. Whether a reference is in the way is asked
//! at the end, when it is known what goes anyhow.
//!
//! A deletion that can be taken back leaves the row where it is, so references to it stay true: it
//! asks only whether a reference is in the way. What there is to be done about the others is done
//! when the record goes for good.
//!
//! Whatever children were found, the engine is told that no others must come to these parents
//! before the session commits.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use sop_core::guard::{self, Guard};

use super::{
    Work,
    flush::{After, Change},
    identity::Identity,
    life::Done,
};
use crate::{
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::{Error, Result},
    relation::{OnDelete, OpenRelation, StillReferenced},
};

/// What goes with a record.
struct Deletion<'a> {
    work: &'a Work,
    registry: &'a Registry,
    /// The records that are deleted, parents before the children that are found from them.
    doomed: Vec<(Identity, Arc<dyn Record>)>,
    known: HashSet<Identity>,
    /// The references that are taken out of records: numbers of relations and keys of parents.
    released: BTreeMap<Identity, Vec<(usize, Vec<u8>)>>,
}

/// The changes that delete a record with all that follows from it, children before parents. None
/// if there is no such record.
pub(super) fn deletion<'r>(
    work: &Work,
    registry: &'r Registry,
    identity: &Identity,
) -> Result<Vec<Change<'r>>> {
    let mut deletion = Deletion {
        work,
        registry,
        doomed: Vec::new(),
        known: HashSet::new(),
        released: BTreeMap::new(),
    };
    deletion.doom(identity.clone())?;
    deletion.spread()?;
    deletion.refuse_restricted()?;
    deletion.changes(registry)
}

impl Deletion<'_> {
    /// Notes a record to be deleted.
    fn doom(&mut self, identity: Identity) -> Result<()> {
        if self.known.contains(&identity) {
            return Ok(());
        }
        let store = self.registry.at(identity.0);
        self.work.refuse_editing(store, &identity)?;
        let Some(record) = self.work.stored(store, &identity.1)? else { return Ok(()) };
        self.registry.relations().refuse_unknown_children(store)?;
        self.known.insert(identity.clone());
        self.doomed.push((identity, record));
        Ok(())
    }

    /// Follows relations from what is to be deleted, until nothing new is found.
    fn spread(&mut self) -> Result<()> {
        let mut next = 0;
        while let Some((parent, _)) = self.doomed.get(next) {
            let parent = parent.clone();
            next += 1;
            for relation in self.registry.relations().to_children(self.registry.at(parent.0)) {
                if relation.spec.on_delete == OnDelete::Restrict {
                    continue;
                }
                let children: Vec<_> =
                    children(self.work, self.registry, relation, &parent)?.collect();
                children.into_iter().try_for_each(|child| self.take(relation, &parent, child?))?;
            }
        }
        Ok(())
    }

    /// A child loses its parent, and goes with it or stays without it.
    fn take(&mut self, relation: &OpenRelation, parent: &Identity, child: Identity) -> Result<()> {
        if relation.spec.on_delete == OnDelete::Cascade {
            return self.doom(child);
        }
        self.released.entry(child).or_default().push((relation.number, parent.1.clone()));
        Ok(())
    }

    /// Refuses if a record refers to what is to be deleted that is to stay.
    fn refuse_restricted(&self) -> Result<()> {
        let stays = |child: &Identity| !self.known.contains(child);
        self.doomed
            .iter()
            .try_for_each(|(parent, _)| refuse_restricted(self.work, self.registry, parent, stays))
    }

    /// What is to be done about all that was found.
    fn changes(self, registry: &Registry) -> Result<Vec<Change<'_>>> {
        let mut changes = Vec::with_capacity(self.released.len() + self.doomed.len());
        for (identity, references) in self.released {
            if self.known.contains(&identity) {
                continue;
            }
            let store = registry.at(identity.0);
            self.work.refuse_editing(store, &identity)?;
            if let Some(before) = self.work.stored(store, &identity.1)? {
                changes.push(released(store, identity.1, before, &references)?);
            }
        }
        for ((position, key), before) in self.doomed.into_iter().rev() {
            let (store, before) = (registry.at(position), Some(before));
            changes.push(Change { store, key, before, after: None });
        }
        Ok(changes)
    }
}

/// Whether it takes a look at other records to mark one as deleted.
pub(super) fn restricts_mark(registry: &Registry, done: &Done<'_>) -> bool {
    done.is_mark() && registry.relations().is_parent(done.store)
}

/// Refuses if a record was marked as deleted, and others refer to it that restrict this. All changes
/// are written by now, so it does not matter in which order they came.
pub(super) fn refuse_restricted_marks(
    work: &Work,
    registry: &Registry,
    identities: &[Identity],
    done: &[Done<'_>],
) -> Result<()> {
    let done = identities.iter().zip(done);
    for (identity, done) in done.filter(|(_, done)| restricts_mark(registry, done)) {
        registry.relations().refuse_unknown_children(done.store)?;
        refuse_restricted(work, registry, identity, |_| true)?;
    }
    Ok(())
}

/// Refuses if a record refers to this one that restricts its deletion and stays.
fn refuse_restricted(
    work: &Work,
    registry: &Registry,
    parent: &Identity,
    stays: impl Fn(&Identity) -> bool,
) -> Result<()> {
    let relations = registry.relations().to_children(registry.at(parent.0));
    for relation in relations.iter().filter(|one| one.spec.on_delete == OnDelete::Restrict) {
        for child in children(work, registry, relation, parent)? {
            let child = child?;
            if stays(&child) && guard::stands(Guard::RestrictedParents) {
                return Err(still_referenced(registry, relation, parent, &child));
            }
        }
    }
    Ok(())
}

/// The children of a record that are not deleted. No others may come any more.
fn children<'a>(
    work: &'a Work,
    registry: &'a Registry,
    relation: &OpenRelation,
    parent: &Identity,
) -> Result<impl Iterator<Item = Result<Identity>> + 'a> {
    let (store, index) = (registry.at(relation.child), relation.spec.index);
    let entries = store.entries_of(index, work.position())?;
    let entries = work.transaction()?.store_by_id(entries)?;
    let span = relation.spec.children_of(&parent.1);
    entries.require_unchanged::<&[u8]>(span.bounds())?;
    let child = move |entry: sop_core::Result<(Vec<u8>, sop_core::Value<'_>)>| {
        let (key, value) = entry?;
        // Only the primary key leads to deleted records.
        if index.is_none() && store.is_deleted(&key, &value)? {
            return Ok(None);
        }
        Ok(Some((store.position, store.primary_key(index, &key, &value)?.to_vec())))
    };
    Ok(entries.range::<&[u8]>(span.bounds())?.filter_map(move |entry| child(entry).transpose()))
}

fn still_referenced(
    registry: &Registry,
    relation: &OpenRelation,
    parent: &Identity,
    child: &Identity,
) -> Error {
    let (store, by) = (registry.at(parent.0).schema, registry.at(child.0).schema);
    Error::StillReferenced(StillReferenced {
        store: store.store,
        key: relation.spec.show_parent(by, (store, &parent.1)),
        by: by.store,
        field: relation.spec.field,
        by_key: by.show_key(&child.1),
    })
}

/// A record without some references.
fn released<'r>(
    store: &'r OpenStore,
    key: Vec<u8>,
    before: Arc<dyn Record>,
    references: &[(usize, Vec<u8>)],
) -> Result<Change<'r>> {
    let record = store.altered(&key, &*before, |own| {
        for (relation, parent) in references {
            own.release(*relation, parent);
        }
    })?;
    let row = record.row_bytes(store.layouts.current);
    Ok(Change { store, key, before: Some(before), after: Some(After { record, row }) })
}
