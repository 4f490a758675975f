//! What a transaction does to a store and to its model, and that both answer the same.

use std::{ops::Bound, sync::Arc};

use crate::Outcome;
use fastrand::Rng;
use sop_core::{Error, Result, Store, Value};

use super::{Entries, cursors::ModelCursor, input};

const CURSORS: usize = 3;

/// Most entries that one step reads from a range.
const SCAN_LEN_MAX: usize = 24;

/// A store in a transaction, with its model and its cursors.
pub(super) struct Steps<'t, 'm> {
    store: Store<'t>,
    entries: &'m mut Entries,
    cursors: Vec<ModelCursor<'t>>,
    node_size: usize,
    /// Removals among a hundred steps.
    removals: u8,
}

/// An entry as the engine returns it.
type Found<'t> = Result<Option<(Vec<u8>, Value<'t>)>>;

/// An entry of the model.
type Expected<'m> = Option<(&'m Arc<[u8]>, &'m Arc<[u8]>)>;

fn assert_entry(found: Found<'_>, expected: Expected<'_>) -> Outcome {
    let found = found?;
    let found = found.as_ref().map(|(key, value)| (&**key, &**value));
    assert_eq!(found, expected.map(|(key, value)| (&**key, &**value)));
    Ok(())
}

impl<'t, 'm> Steps<'t, 'm> {
    pub(super) fn new(
        store: Store<'t>,
        entries: &'m mut Entries,
        node_size: usize,
        removals: u8,
    ) -> Result<Self> {
        let cursors = (0..CURSORS).map(|_| store.cursor().map(ModelCursor::new));
        Ok(Self { store, entries, cursors: cursors.collect::<Result<_>>()?, node_size, removals })
    }

    pub(super) fn step(&mut self, random: &mut Rng) -> Outcome {
        let kind = random.u8(..100);
        if kind < self.removals {
            return match random.u8(..3) {
                0 => self.blind_remove(&input::key(random)),
                _ => self.remove(&input::key(random)),
            };
        }
        match kind % 20 {
            0..4 => self.upsert(random),
            4 | 5 => self.add(random),
            6 => self.add_if_absent(random),
            7 => self.update(random),
            8 | 9 => self.find(&input::key(random)),
            10 => self.ends(),
            11 => self.count(random),
            12 | 13 => self.scan(random),
            14 => self.scan_prefix(random),
            15 => self.remove_under_cursor(random),
            _ => {
                let cursor = &mut self.cursors[random.usize(..CURSORS)];
                cursor.step(self.entries, random)
            }
        }
    }

    fn value(&self, random: &mut Rng) -> Arc<[u8]> {
        input::value(random, self.node_size)
    }

    fn upsert(&mut self, random: &mut Rng) -> Outcome {
        let (key, value) = (input::key(random), self.value(random));
        if random.bool() {
            self.store.upsert(&key, &value)?;
        } else {
            self.store.blind_upsert(&key, &value)?;
        }
        self.set(key, value);
        Ok(())
    }

    fn add(&mut self, random: &mut Rng) -> Outcome {
        let (key, value) = (input::key(random), self.value(random));
        match self.store.add(&key, &value) {
            Ok(()) => assert!(self.set(key, value), "it added what was there"),
            Err(Error::KeyExists { .. }) => assert!(self.entries.contains_key(&*key)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn add_if_absent(&mut self, random: &mut Rng) -> Outcome {
        let (key, value) = (input::key(random), self.value(random));
        let is_added = self.store.add_if_absent(&key, &value)?;
        assert_eq!(is_added, !self.entries.contains_key(&*key));
        if is_added {
            self.set(key, value);
        }
        Ok(())
    }

    fn update(&mut self, random: &mut Rng) -> Outcome {
        let (key, value) = (input::key(random), self.value(random));
        match self.store.update(&key, &value) {
            Ok(()) => assert!(!self.set(key, value), "it updated what was not there"),
            Err(Error::KeyNotFound { .. }) => assert!(!self.entries.contains_key(&*key)),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Changes the model, and says whether the key is new.
    fn set(&mut self, key: Vec<u8>, value: Arc<[u8]>) -> bool {
        self.cursors.iter_mut().for_each(|cursor| cursor.entry_changes(&key));
        self.entries.insert(key.into(), value).is_none()
    }

    fn remove(&mut self, key: &[u8]) -> Outcome {
        let was_there = self.store.remove(key)?;
        self.cursors.iter_mut().for_each(|cursor| cursor.entry_changes(key));
        assert_eq!(was_there, self.entries.remove(key).is_some());
        Ok(())
    }

    fn blind_remove(&mut self, key: &[u8]) -> Outcome {
        self.store.blind_remove(key)?;
        self.cursors.iter_mut().for_each(|cursor| cursor.entry_changes(key));
        self.entries.remove(key);
        Ok(())
    }

    fn remove_under_cursor(&mut self, random: &mut Rng) -> Outcome {
        let under = self.cursors[random.usize(..CURSORS)].key().map(<[u8]>::to_vec);
        under.map_or(Ok(()), |key| self.remove(&key))
    }

    fn find(&self, key: &[u8]) -> Outcome {
        let expected = self.entries.get(key).map(|value| &**value);
        assert_eq!(self.store.find(key)?.as_deref(), expected);
        assert_eq!(self.store.contains(key)?, expected.is_some());
        Ok(())
    }

    fn ends(&self) -> Outcome {
        assert_entry(self.store.first(), self.entries.first_key_value())?;
        assert_entry(self.store.last(), self.entries.last_key_value())?;
        assert_eq!(self.store.len()?, self.entries.len() as u64);
        assert_eq!(self.store.is_empty()?, self.entries.is_empty());
        Ok(())
    }

    fn count(&self, random: &mut Rng) -> Outcome {
        let bounds = input::bounds(random);
        let expected = self.entries.range::<[u8], _>(by_slice(&bounds)).count();
        assert_eq!(self.store.count(bounds)?, expected as u64);
        Ok(())
    }

    /// Takes entries from both ends of a range in any order, to the end or not.
    fn scan(&self, random: &mut Rng) -> Outcome {
        let bounds = input::bounds(random);
        let mut expected = self.entries.range::<[u8], _>(by_slice(&bounds));
        let mut found = self.store.range(bounds.clone())?;
        let backward_of_four = random.u8(..5);
        for _ in 0..random.usize(..SCAN_LEN_MAX) {
            if random.u8(..4) < backward_of_four {
                assert_entry(found.next_back().transpose(), expected.next_back())?;
            } else {
                assert_entry(found.next().transpose(), expected.next())?;
            }
        }
        Ok(())
    }

    fn scan_prefix(&self, random: &mut Rng) -> Outcome {
        let prefix = input::prefix(random);
        let from_prefix = (Bound::Included(&*prefix), Bound::Unbounded);
        let mut expected = self.entries.range::<[u8], _>(from_prefix);
        let mut found = self.store.prefix(&prefix)?;
        for _ in 0..SCAN_LEN_MAX {
            let expected = expected.next().filter(|(key, _)| key.starts_with(&prefix));
            assert_entry(found.next().transpose(), expected)?;
            if expected.is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn by_slice<'b>(
    bounds: &'b (Bound<Vec<u8>>, Bound<Vec<u8>>),
) -> (Bound<&'b [u8]>, Bound<&'b [u8]>) {
    let slice = |bound: &'b Bound<Vec<u8>>| bound.as_ref().map(Vec::as_slice);
    (slice(&bounds.0), slice(&bounds.1))
}
