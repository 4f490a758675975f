//! Transactions and snapshots that report what they do.

use std::{collections::BTreeSet, ops::Bound};

use sop_core::{
    BlobStoreView, Cursor, Error, Result, Snapshot, StoreOptions, StoreView, Transaction,
};

use super::{Key, KeyRange, Step, Value, WriteKind};

/// Somebody who reads, or reads and writes, and notes each step.
///
/// What cannot be done because a store is missing, or because it was loaded in bulk by the same
/// transaction, is no error: it is noted as far as it says something.
#[derive(Debug)]
pub struct Witness<S> {
    subject: S,
    steps: Vec<Step>,
    /// Stores that cannot be used any more before the commit.
    loaded: BTreeSet<String>,
}

/// What there is to be read.
pub trait Readable {
    /// Opens a store by name.
    fn open(&self, name: &str) -> Result<StoreView<'_>>;
    /// Opens a store of blobs by name.
    fn blobs(&self, name: &str) -> Result<BlobStoreView<'_>>;
    /// The names of all stores.
    fn names(&self) -> Result<Vec<String>>;
}

impl Readable for Transaction {
    fn open(&self, name: &str) -> Result<StoreView<'_>> {
        self.store(name).map(|store| *store)
    }

    fn blobs(&self, name: &str) -> Result<BlobStoreView<'_>> {
        self.blobs(name).map(|blobs| *blobs)
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(self.stores()?.into_iter().map(|info| info.name).collect())
    }
}

impl Readable for Snapshot {
    fn open(&self, name: &str) -> Result<StoreView<'_>> {
        self.store(name)
    }

    fn blobs(&self, name: &str) -> Result<BlobStoreView<'_>> {
        self.blobs(name)
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(self.stores()?.into_iter().map(|info| info.name).collect())
    }
}

/// Which way a store is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// By ascending keys.
    Forwards,
    /// By descending keys.
    Backwards,
}

impl<S> Witness<S> {
    /// Whether anything was done that may change something.
    pub fn writes(&self) -> bool {
        !self.steps.iter().all(Step::only_reads)
    }
}

impl<S: Readable> Witness<S> {
    /// Of something that nobody has read from so far.
    pub fn new(subject: S) -> Self {
        Self { subject, steps: Vec::new(), loaded: BTreeSet::new() }
    }

    /// What is read from.
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// All that was done so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What was read from, and all that was done with it.
    pub fn into_parts(self) -> (S, Vec<Step>) {
        (self.subject, self.steps)
    }

    pub(super) fn note(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The store, if it can be used.
    pub(super) fn view(&mut self, store: &str) -> Result<Option<StoreView<'_>>> {
        if self.loaded.contains(store) {
            return Ok(None);
        }
        let Self { subject, steps, .. } = self;
        let (found, view) = match subject.open(store) {
            Ok(view) => (true, Some(view)),
            Err(Error::StoreNotFound { .. }) => (false, None),
            Err(error) => return Err(error),
        };
        steps.push(Step::Open { store: store.to_owned(), found });
        Ok(view)
    }

    /// Lists all stores.
    pub fn list(&mut self) -> Result<()> {
        let stores = self.subject.names()?;
        self.steps.push(Step::List { stores });
        Ok(())
    }

    /// Reads an entry.
    pub fn find(&mut self, store: &str, key: &[u8]) -> Result<()> {
        let Some(view) = self.view(store)? else { return Ok(()) };
        let found = view.find(key)?.map(|value| Value::from(&*value));
        self.steps.push(Step::Find { store: store.to_owned(), key: key.to_vec(), found });
        Ok(())
    }

    /// Counts the entries of a range.
    pub fn count(&mut self, store: &str, range: KeyRange) -> Result<()> {
        let Some(view) = self.view(store)? else { return Ok(()) };
        let found = view.count(range.clone())?;
        self.steps.push(Step::Count { store: store.to_owned(), range, found });
        Ok(())
    }

    /// Reads a range: so many entries from its front, then so many from its back.
    pub fn scan(&mut self, store: &str, range: KeyRange, front: usize, back: usize) -> Result<()> {
        let Some(view) = self.view(store)? else { return Ok(()) };
        let mut entries = view.range(range.clone())?;
        let owned = |(key, value): (Key, sop_core::Value<'_>)| (key, Value::from(&*value));
        let ascending: Vec<_> =
            entries.by_ref().take(front).map(|entry| entry.map(owned)).collect::<Result<_>>()?;
        let is_all = ascending.len() < front;
        let wanted = if is_all { 0 } else { back };
        let mut descending: Vec<_> =
            entries.rev().take(wanted).map(|entry| entry.map(owned)).collect::<Result<_>>()?;
        descending.reverse();
        if is_all || descending.len() < wanted {
            let found = [ascending, descending].concat();
            self.steps.push(Step::Range { store: store.to_owned(), range, found });
            return Ok(());
        }
        let last = ascending.last().map(|(key, _)| Bound::Included(key.clone()));
        let first = descending.first().map(|(key, _)| Bound::Included(key.clone()));
        let walked = [
            last.map(|last| ((range.0, last), ascending)),
            first.map(|first| ((first, range.1), descending)),
        ];
        let step = |(range, found)| Step::Range { store: store.to_owned(), range, found };
        self.steps.extend(walked.into_iter().flatten().map(step));
        Ok(())
    }

    /// Puts a cursor at a key, and moves it on so many times.
    pub fn walk(
        &mut self,
        store: &str,
        key: &[u8],
        direction: Direction,
        moves: usize,
    ) -> Result<()> {
        let Some(view) = self.view(store)? else { return Ok(()) };
        let mut cursor = view.cursor()?;
        let entry = |cursor: &Cursor<'_>| Some((cursor.key()?.to_vec(), cursor.value()?.into()));
        let mut found: Vec<(Key, Value)> = Vec::new();
        let mut is_on = match direction {
            Direction::Forwards => cursor.seek(key)?,
            Direction::Backwards => cursor.seek_back(key)?,
        };
        found.extend(entry(&cursor));
        for _ in 0..moves {
            if !is_on {
                break;
            }
            is_on = match direction {
                Direction::Forwards => cursor.next()?,
                Direction::Backwards => cursor.prev()?,
            };
            found.extend(entry(&cursor));
        }
        let reached = entry(&cursor).map_or(Bound::Unbounded, |(key, _)| Bound::Included(key));
        drop(cursor);
        let start = Bound::Included(key.to_vec());
        let range = match direction {
            Direction::Forwards => (start, reached),
            Direction::Backwards => {
                found.reverse();
                (reached, start)
            }
        };
        self.steps.push(Step::Range { store: store.to_owned(), range, found });
        Ok(())
    }
}

impl Witness<Transaction> {
    /// Writes an entry, or tries to.
    pub fn write(&mut self, store: &str, key: &[u8], kind: WriteKind) -> Result<()> {
        if self.view(store)?.is_none() {
            return Ok(());
        }
        let open = self.subject.store(store)?;
        let done = match &kind {
            WriteKind::Add(value) => open.add_if_absent(key, value)?,
            WriteKind::Upsert(value) => open.upsert(key, value).map(|()| true)?,
            WriteKind::Remove => open.remove(key)?,
            WriteKind::BlindUpsert(value) => open.blind_upsert(key, value).map(|()| true)?,
            WriteKind::BlindRemove => open.blind_remove(key).map(|()| true)?,
            WriteKind::Update(value) => match open.update(key, value) {
                Ok(()) => true,
                Err(Error::KeyNotFound { .. }) => false,
                Err(error) => return Err(error),
            },
        };
        self.steps.push(Step::Write { store: store.to_owned(), key: key.to_vec(), kind, done });
        Ok(())
    }

    /// Creates a store; unless `exclusive` is set, opens it if there is one.
    pub fn create(&mut self, store: &str, options: &StoreOptions, exclusive: bool) -> Result<()> {
        let created = if exclusive {
            self.subject.create_store(store, options)
        } else {
            self.subject.open_store(store, options)
        };
        let store = store.to_owned();
        self.steps.push(match created {
            Ok(_) => Step::Create { store, exclusive },
            // With a new name a store keeps the options it was created with.
            Err(Error::StoreExists { .. } | Error::StoreOptions { .. }) => {
                Step::Open { store, found: true }
            }
            Err(error) => return Err(error),
        });
        Ok(())
    }

    /// Gives a store another name, if there is the one and not the other.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        if self.loaded.contains(from) || from == to {
            return Ok(());
        }
        let (one, other) = (from.to_owned(), to.to_owned());
        match self.subject.rename_store(from, to) {
            Ok(()) => self.steps.push(Step::Rename { from: one, to: other }),
            Err(Error::StoreNotFound { .. }) => {
                self.steps.push(Step::Open { store: one, found: false });
            }
            Err(Error::StoreExists { .. }) => {
                self.steps.push(Step::Open { store: one, found: true });
                self.steps.push(Step::Open { store: other, found: true });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Drops a store, if there is one.
    pub fn drop_store(&mut self, store: &str) -> Result<()> {
        let name = store.to_owned();
        self.steps.push(match self.subject.drop_store(store) {
            Ok(()) => Step::Drop { store: name },
            Err(Error::StoreNotFound { .. }) => Step::Open { store: name, found: false },
            Err(error) => return Err(error),
        });
        self.loaded.remove(store);
        Ok(())
    }

    /// Fills a store in bulk, if there is none or it is empty.
    pub fn load(
        &mut self,
        store: &str,
        options: &StoreOptions,
        rows: Vec<(Key, Value)>,
    ) -> Result<()> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        if let Some(view) = self.view(store)? {
            let found = view.len()?;
            self.steps.push(Step::Count { store: store.to_owned(), range: all.clone(), found });
            if found > 0 {
                return Ok(());
            }
        } else if self.loaded.contains(store) {
            return Ok(());
        }
        let entries = rows.iter().map(|(key, value)| (key, value));
        let store = store.to_owned();
        match self.subject.bulk_load(&store, options, entries) {
            Ok(_) => {}
            // It has other options, or is empty for this transaction alone.
            Err(Error::StoreOptions { .. } | Error::Invalid(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.steps.push(Step::Create { store: store.clone(), exclusive: false });
        self.steps.push(Step::Count { store: store.clone(), range: all, found: 0 });
        if !rows.is_empty() {
            self.loaded.insert(store.clone());
            self.steps.push(Step::Load { store, rows });
        }
        Ok(())
    }
}
