//! What prepared transactions hold: nobody else may commit what clashes with it.
//!
//! Whatever a prepared transaction wrote, read, and required stays as it is until it is committed or
//! rolled back, so that it can be committed whatever happens in between. What it is going to write is
//! not read either by others who commit: they would have come before it, while in another database,
//! in which it is committed already, they may have come after it.
//!
//! All of it follows from the entries of one store, and is kept with each state that has any.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    State,
    intent::{Intent, NameChange, StoreIntent},
};
use crate::{
    error::Result,
    id::StoreId,
    tree::{KeyRange, TreeCursor},
};

/// The name of a prepared transaction.
type Holder = String;

/// Everything that is held, by whom.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    /// Names of stores are keys of the catalog.
    stores: BTreeMap<StoreId, Held>,
}

/// What is held of one store.
#[derive(Debug, Default)]
struct Held {
    written: BTreeMap<Vec<u8>, Holder>,
    read: BTreeMap<Vec<u8>, Vec<Holder>>,
    ranges: Vec<(KeyRange, Holder)>,
    /// By whoever is going to drop it.
    whole: Option<Holder>,
}

/// A key, and who holds it.
pub(crate) type Hold<'h> = (&'h [u8], &'h str);

impl Holds {
    /// What is held in a state.
    pub(super) fn of(state: &impl State) -> Result<Self> {
        let mut holds = Self::default();
        let Some(tree) = state.tree(StoreId::PREPARED) else { return Ok(holds) };
        TreeCursor::new(state.source(), *tree).visit_all(|entry, leaf, index| {
            let holder = String::from_utf8_lossy(&leaf.key(index)).into_owned();
            let value = entry.value()?;
            holds.add(&holder, &Intent::read(&holder, value.bytes())?);
            Ok(())
        })?;
        Ok(holds)
    }

    fn add(&mut self, holder: &str, intent: &Intent<'_>) {
        let catalog = self.stores.entry(StoreId::CATALOG).or_default();
        for name in intent.catalog.iter().flat_map(NameChange::names) {
            catalog.written.insert(name.clone().into_bytes(), holder.to_owned());
        }
        for name in &intent.names {
            catalog.hold_read(name.as_bytes(), holder);
        }
        for change in &intent.catalog {
            if let NameChange::Drop { store, .. } = change {
                self.stores.entry(*store).or_default().whole = Some(holder.to_owned());
            }
        }
        for store in intent.stores.iter().filter(|store| !store.store.is_provisional()) {
            self.stores.entry(store.store).or_default().add(holder, store);
        }
    }

    /// Who holds a key against one who writes it.
    pub(crate) fn of_written<'h>(
        &'h self,
        store: StoreId,
        key: &[u8],
    ) -> impl Iterator<Item = &'h str> {
        let held = self.stores.get(&store).into_iter();
        held.flat_map(move |held| {
            let ranges = held.ranges.iter().filter(|(range, _)| range.contains(key));
            let read = held.read.get(key).into_iter().flatten();
            let read = read.chain(ranges.map(|(_, holder)| holder));
            read.chain(held.written.get(key)).chain(&held.whole).collect::<Vec<_>>()
        })
        .map(String::as_str)
    }

    /// Who holds a key against one who has read it.
    pub(crate) fn of_read<'h>(
        &'h self,
        store: StoreId,
        key: &[u8],
    ) -> impl Iterator<Item = &'h str> {
        let held = self.stores.get(&store);
        let written = held.and_then(|held| held.written.get(key));
        written.into_iter().chain(held.and_then(|held| held.whole.as_ref())).map(String::as_str)
    }

    /// Who holds something of a range against one who has read it, and which key.
    pub(crate) fn of_range<'h>(
        &'h self,
        store: StoreId,
        range: &KeyRange,
    ) -> impl Iterator<Item = Hold<'h>> {
        let (from, to) = (range.start.clone(), range.end.clone());
        let is_within = move |key: &Vec<u8>| to.as_ref().is_none_or(|to| key < to);
        let held = self.stores.get(&store);
        let written = held.into_iter().flat_map(move |held| held.written.range(from.clone()..));
        let written = written.take_while(move |(key, _)| is_within(key));
        let written = written.map(|(key, holder)| (key.as_slice(), holder.as_str()));
        written.chain(held.and_then(|held| held.whole.as_deref()).map(|holder| (&b""[..], holder)))
    }

    /// Who holds anything of a store.
    pub(crate) fn of_store(&self, store: StoreId) -> BTreeSet<&str> {
        let Some(held) = self.stores.get(&store) else { return BTreeSet::new() };
        let read = held.read.values().flatten().chain(held.ranges.iter().map(|(_, one)| one));
        let all = read.chain(held.written.values()).chain(&held.whole);
        all.map(String::as_str).collect()
    }
}

impl Held {
    fn hold_read(&mut self, key: &[u8], holder: &str) {
        self.read.entry(key.to_vec()).or_default().push(holder.to_owned());
    }

    fn add(&mut self, holder: &str, intent: &StoreIntent<'_>) {
        for write in &intent.writes {
            self.written.insert(write.key.to_vec(), holder.to_owned());
        }
        intent.keys.iter().for_each(|key| self.hold_read(key, holder));
        self.ranges.extend(intent.ranges.iter().map(|range| (range.clone(), holder.to_owned())));
    }
}
