//! What a transaction does to a store and to its model, and that both answer the same.

use std::ops::Bound;

use arbitrary::Unstructured;
use sop_core::{Cursor, Error, Store};
use sop_tests::Rows;

use super::{
    STEPS_MAX,
    input::{Key, Operation},
};

/// A store with its model, and a cursor with the key that it stands on, or where that was.
struct Work<'s, 'm> {
    store: &'s Store<'s>,
    rows: &'m mut Rows,
    cursor: Cursor<'s>,
    place: Option<Vec<u8>>,
}

pub(super) fn on_a_store(
    store: &Store<'_>,
    rows: &mut Rows,
    input: &mut Unstructured<'_>,
) -> Result<(), Error> {
    let mut work = Work { store, rows, cursor: store.cursor()?, place: None };
    for _ in 0..STEPS_MAX {
        match input.arbitrary() {
            Err(_) | Ok(Operation::Leave) => break,
            Ok(operation) => work.step(operation)?,
        }
    }
    assert_eq!(work.store.len()?, work.rows.len() as u64);
    Ok(())
}

impl Work<'_, '_> {
    fn step(&mut self, operation: Operation) -> Result<(), Error> {
        match operation {
            Operation::Leave => Ok(()),
            Operation::Put { key, value } => self.put(key, &value.bytes()),
            Operation::PutMany { key, count, value } => {
                let value = value.bytes();
                (0..count % 64).try_for_each(|further| self.put(key.plus(further), &value))
            }
            Operation::Remove { key } => self.remove(&key.bytes()),
            Operation::RemoveMany { key, count } => {
                (0..count % 64).try_for_each(|further| self.remove(&key.plus(further).bytes()))
            }
            Operation::Find { key } => self.find(&key.bytes()),
            Operation::Range { from, to, from_end } => self.range(from, to, from_end),
            Operation::RemoveHere => self.place.clone().map_or(Ok(()), |key| self.remove(&key)),
            Operation::First => {
                let found = self.cursor.first()?;
                self.stands(found, (Bound::Unbounded, Bound::Unbounded), false);
                Ok(())
            }
            Operation::Last => {
                let found = self.cursor.last()?;
                self.stands(found, (Bound::Unbounded, Bound::Unbounded), true);
                Ok(())
            }
            Operation::Next { times } => (0..times).try_for_each(|_| self.next()),
            Operation::Prev { times } => (0..times).try_for_each(|_| self.prev()),
            Operation::Seek { key } => {
                let key = key.bytes();
                let found = self.cursor.seek(&key)?;
                self.stands(found, (Bound::Included(key), Bound::Unbounded), false);
                Ok(())
            }
            Operation::SeekBack { key } => {
                let key = key.bytes();
                let found = self.cursor.seek_back(&key)?;
                self.stands(found, (Bound::Unbounded, Bound::Included(key)), true);
                Ok(())
            }
        }
    }

    fn put(&mut self, key: Key, value: &[u8]) -> Result<(), Error> {
        let key = key.bytes();
        self.store.upsert(&key, value)?;
        self.rows.insert(key, value.to_vec());
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), Error> {
        assert_eq!(self.store.remove(key)?, self.rows.remove(key).is_some());
        Ok(())
    }

    fn find(&self, key: &[u8]) -> Result<(), Error> {
        assert_eq!(self.store.find(key)?.as_deref(), self.rows.get(key).map(Vec::as_slice));
        Ok(())
    }

    fn range(&self, from: Key, to: Key, from_end: u8) -> Result<(), Error> {
        let (from, to) = (from.bytes(), to.bytes());
        let (from, to) = if from <= to { (from, to) } else { (to, from) };
        let range = (Bound::Included(from), Bound::Excluded(to));
        let mut expected = self.rows.range::<Vec<u8>, _>(range.clone());
        assert_eq!(self.store.count(range.clone())?, expected.clone().count() as u64);
        let mut found = self.store.range(range)?;
        for turn in 0..64 {
            let backward = from_end >> (turn % 8) & 1 == 1;
            let found = if backward { found.next_back() } else { found.next() }.transpose()?;
            let expected = if backward { expected.next_back() } else { expected.next() };
            let found = found.as_ref().map(|(key, value)| (&key[..], &value[..]));
            assert_eq!(found, expected.map(|(key, value)| (&key[..], &value[..])));
            if expected.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<(), Error> {
        let from = self.place.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let found = self.cursor.next()?;
        self.stands(found, (from, Bound::Unbounded), false);
        Ok(())
    }

    fn prev(&mut self) -> Result<(), Error> {
        let to = self.place.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let found = self.cursor.prev()?;
        self.stands(found, (Bound::Unbounded, to), true);
        Ok(())
    }

    /// Asserts that the cursor stands on the first or last entry of a range, or nowhere if there is
    /// none.
    fn stands(&mut self, found: bool, within: (Bound<Vec<u8>>, Bound<Vec<u8>>), last: bool) {
        let mut range = self.rows.range::<Vec<u8>, _>(within);
        let expected = if last { range.next_back() } else { range.next() };
        assert_eq!(found, expected.is_some());
        assert_eq!(self.cursor.key(), expected.map(|(key, _)| &key[..]));
        assert_eq!(self.cursor.value(), expected.map(|(_, value)| &value[..]));
        self.place = expected.map(|(key, _)| key.clone());
    }
}
