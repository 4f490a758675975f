//! A database as a map of maps, and what a transaction has over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, RangeBounds},
    sync::Arc,
};

use super::{
    BlobStep,
    report::{Step, WriteKind, show},
};

/// A key.
pub type Key = Vec<u8>;

/// A value. Shared, as most models hold the same ones.
pub type Value = Arc<[u8]>;

/// The entries of a store.
pub type Rows = BTreeMap<Key, Value>;

/// From one key to another.
pub type KeyRange = (Bound<Key>, Bound<Key>);

/// What a database holds: stores by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// The stores.
    pub stores: BTreeMap<String, Rows>,
}

/// What a transaction sees: a model, and its own changes over it.
#[derive(Debug)]
pub(super) struct Overlay<'m> {
    base: &'m Model,
    /// What the transaction made of stores by their names; nothing of one that it took away.
    own: BTreeMap<String, Option<OwnStore>>,
    /// What it cannot have written to a store, in words, unless it took the store away.
    undone: BTreeMap<String, String>,
}

/// What a transaction made of a store.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnStore {
    /// The name under which the model has it, if it does.
    pub(super) base: Option<String>,
    /// The entries that it wrote, and took away.
    pub(super) writes: BTreeMap<Key, Option<Value>>,
    /// Those of them that it wrote blindly and in no other way.
    pub(super) blind: BTreeSet<Key>,
    /// Whether it filled the store, which must be empty until it commits.
    pub(super) loaded: bool,
}

impl OwnStore {
    fn checked(&self) -> impl Iterator<Item = &Key> {
        self.writes.keys().filter(|key| !self.blind.contains(*key))
    }

    pub(super) fn write(&mut self, key: &Key, kind: &WriteKind) {
        let before = self.writes.insert(key.clone(), kind.value().cloned());
        if !kind.is_blind() {
            self.blind.remove(key);
        } else if before.is_none() {
            self.blind.insert(key.clone());
        }
    }
}

/// Whether a range has no place for any key; to iterate over such a one would panic.
fn is_inverted((from, to): &KeyRange) -> bool {
    use Bound::{Excluded, Included};
    match (from, to) {
        (Included(from), Included(to)) => from > to,
        (Included(from) | Excluded(from), Included(to) | Excluded(to)) => from >= to,
        _ => false,
    }
}

fn rows_in<'r, T>(
    rows: &'r BTreeMap<Key, T>,
    range: &KeyRange,
) -> impl Iterator<Item = (&'r Key, &'r T)> {
    let rows = (!is_inverted(range)).then(|| rows.range(range.clone()));
    rows.into_iter().flatten()
}

impl<'m> Overlay<'m> {
    pub(super) fn new(base: &'m Model) -> Self {
        Self { base, own: BTreeMap::new(), undone: BTreeMap::new() }
    }

    /// What the transaction did, by the names that stores have afterwards.
    pub(super) fn into_changes(self) -> BTreeMap<String, Option<OwnStore>> {
        self.own
    }

    /// The entries of the model that the transaction changes, and not blindly, by the names of their
    /// stores there.
    pub(super) fn written(&self) -> impl Iterator<Item = (&str, &Key)> {
        let stores = self.own.values().flatten();
        let in_model = stores.filter_map(|own| Some((own.base.as_deref()?, own)));
        in_model.flat_map(|(name, own)| own.checked().map(move |key| (name, key)))
    }

    /// A store that the transaction filled and that was not empty.
    pub(super) fn overfilled(&self) -> Option<&String> {
        let is_filled =
            |name: &&String| self.base.stores.get(*name).is_some_and(|rows| !rows.is_empty());
        let loaded = self.own.values().flatten().filter(|own| own.loaded);
        loaded.filter_map(|own| own.base.as_ref()).find(is_filled)
    }

    fn has_store(&self, name: &str) -> bool {
        self.own.get(name).map_or_else(|| self.base.stores.contains_key(name), Option::is_some)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.base.stores.keys().chain(self.own.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names.retain(|name| self.has_store(name));
        names
    }

    /// The rows of a store in the model, and the transaction's own writes to it.
    fn store(&self, name: &str) -> Result<(Option<&'m Rows>, Option<&OwnStore>), String> {
        let missing = || format!("there is no store {name:?}");
        match self.own.get(name) {
            Some(Some(own)) => {
                let base = own.base.as_ref().and_then(|base| self.base.stores.get(base));
                Ok((base, Some(own)))
            }
            Some(None) => Err(missing()),
            None => Ok((Some(self.base.stores.get(name).ok_or_else(missing)?), None)),
        }
    }

    pub(super) fn own_store(&mut self, name: &str) -> Result<&mut OwnStore, String> {
        self.store(name)?;
        let own = || Some(OwnStore { base: Some(name.to_owned()), ..OwnStore::default() });
        let own = self.own.entry(name.to_owned()).or_insert_with(own);
        own.as_mut().ok_or_else(|| format!("there is no store {name:?}"))
    }

    pub(super) fn find(&self, store: &str, key: &Key) -> Result<Option<&Value>, String> {
        let (base, own) = self.store(store)?;
        match own.and_then(|own| own.writes.get(key)) {
            Some(written) => Ok(written.as_ref()),
            None => Ok(base.and_then(|rows| rows.get(key))),
        }
    }

    pub(super) fn range(
        &self,
        store: &str,
        range: &KeyRange,
    ) -> Result<BTreeMap<&Key, &Value>, String> {
        let (base, own) = self.store(store)?;
        let mut rows: BTreeMap<_, _> =
            base.into_iter().flat_map(|rows| rows_in(rows, range)).collect();
        for (key, written) in own.into_iter().flat_map(|own| rows_in(&own.writes, range)) {
            match written {
                Some(value) => drop(rows.insert(key, value)),
                None => drop(rows.remove(key)),
            }
        }
        Ok(rows)
    }

    /// Does a step again; an error says what it should have come to.
    ///
    /// What only reads, and what a write told of its key, is passed over unless it is to be
    /// `checked`.
    pub(super) fn apply(&mut self, step: &Step, checked: bool) -> Result<(), String> {
        match step {
            _ if !checked && step.only_reads() => Ok(()),
            Step::Open { store, found } => same(&self.has_store(store), found),
            Step::List { stores } => same(&self.names(), stores),
            Step::Find { store, key, found } => same(&self.find(store, key)?, &found.as_ref()),
            Step::Range { store, range, found } => {
                let rows = self.range(store, range)?;
                let found = found.iter().map(|(key, value)| (key, value));
                if rows.iter().map(|(key, value)| (*key, *value)).eq(found) {
                    return Ok(());
                }
                Err(format!("there is {:?}", rows.into_iter().map(show_row).collect::<Vec<_>>()))
            }
            Step::Count { store, range, found } => {
                same(&(self.range(store, range)?.len() as u64), found)
            }
            Step::Write { store, key, kind, done } => {
                if checked {
                    same(&kind.applies(self.find(store, key)?.is_some()), done)?;
                }
                if *done {
                    self.own_store(store)?.write(key, kind);
                }
                Ok(())
            }
            Step::Blob(step) => self.redo_blob(step),
            Step::Create { .. } | Step::Rename { .. } | Step::Drop { .. } => self.change_name(step),
            Step::Load { store, rows } => {
                let rows = rows.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
                let own = self.own_store(store)?;
                own.writes.extend(rows);
                own.loaded = true;
                Ok(())
            }
        }
    }

    fn redo_blob(&mut self, step: &BlobStep) -> Result<(), String> {
        let outcome = same(&step.redo(self)?, &step.told);
        match outcome {
            Err(reason) if !step.only_reads() => {
                let undone = self.undone.entry(step.store.clone());
                undone.or_insert_with(|| format!("{step}: {reason}"));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Fails if the transaction cannot have written what it says.
    pub(super) fn finish(self) -> Result<Self, String> {
        match self.undone.first_key_value() {
            Some((_, reason)) => Err(reason.clone()),
            None => Ok(self),
        }
    }

    fn change_name(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Create { store, exclusive } => match (self.has_store(store), exclusive) {
                (true, true) => Err(format!("there is a store {store:?}")),
                (true, false) => Ok(()),
                (false, _) => {
                    self.own.insert(store.clone(), Some(OwnStore::default()));
                    Ok(())
                }
            },
            Step::Drop { store } => {
                self.own_store(store)?;
                self.own.insert(store.clone(), None);
                self.undone.remove(store);
                Ok(())
            }
            Step::Rename { from, to } if self.has_store(to) => {
                Err(format!("there is a store {to:?}, so that {from:?} cannot have its name"))
            }
            Step::Rename { from, to } => {
                let moved = self.own_store(from)?.clone();
                self.own.insert(from.clone(), None);
                self.own.insert(to.clone(), Some(moved));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(expected: &T, found: &T) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{expected:?} would be right")) }
}

fn show_row((key, value): (&Key, &Value)) -> String {
    format!("{}={}", show(key), show(value))
}

impl Model {
    pub(super) fn has(&self, store: &str, key: &Key) -> bool {
        self.stores.get(store).is_some_and(|rows| rows.contains_key(key))
    }

    /// Makes a transaction's changes.
    pub(super) fn change(&mut self, changes: &BTreeMap<String, Option<OwnStore>>) {
        // Stores that got another name are taken first, as somebody else may have theirs.
        let is_moved = |name: &String, own: &&OwnStore| own.base.as_ref() != Some(name);
        let moved: BTreeMap<&String, Rows> = changes
            .iter()
            .filter_map(|(name, own)| Some((name, own.as_ref().filter(|own| is_moved(name, own))?)))
            .map(|(name, own)| {
                let rows = own.base.as_ref().and_then(|base| self.stores.get(base));
                (name, rows.cloned().unwrap_or_default())
            })
            .collect();
        self.stores.retain(|name, _| !matches!(changes.get(name), Some(None)));
        self.stores.extend(moved.into_iter().map(|(name, rows)| (name.clone(), rows)));
        for (name, own) in changes.iter().filter_map(|(name, own)| Some((name, own.as_ref()?))) {
            let rows = self.stores.entry(name.clone()).or_default();
            for (key, value) in &own.writes {
                match value {
                    Some(value) => drop(rows.insert(key.clone(), value.clone())),
                    None => drop(rows.remove(key)),
                }
            }
        }
    }
}

/// Whether a range has a place for a key.
pub(super) fn covers(range: &KeyRange, key: &Key) -> bool {
    !is_inverted(range) && range.contains(key)
}
