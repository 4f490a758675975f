//! Cursors that live as long as their transaction, and where a model says they stand.

use std::{
    borrow::Cow,
    ops::{Bound, ControlFlow},
};

use crate::Outcome;
use fastrand::Rng;
use sop_core::{Cursor, Error};

use super::{Entries, input};

/// A cursor and its place in the model.
pub(super) struct ModelCursor<'t> {
    cursor: Cursor<'t>,
    place: Place,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// On no entry: at first, and after running past an end.
    Nowhere,
    /// On this entry.
    At(Vec<u8>),
    /// Where this entry was, which has been changed or removed since.
    Near(Vec<u8>),
}

impl<'t> ModelCursor<'t> {
    pub(super) fn new(cursor: Cursor<'t>) -> Self {
        Self { cursor, place: Place::Nowhere }
    }

    /// The key of the entry that the cursor stands on.
    pub(super) fn key(&self) -> Option<&[u8]> {
        match &self.place {
            Place::At(key) => Some(key),
            Place::Nowhere | Place::Near(_) => None,
        }
    }

    /// Is told before an entry is set or removed.
    pub(super) fn entry_changes(&mut self, key: &[u8]) {
        if self.key() == Some(key) {
            self.place = Place::Near(key.to_vec());
        }
    }

    /// A random move. What happened since to the entry that it stands on must not have moved it.
    pub(super) fn step(&mut self, entries: &Entries, random: &mut Rng) -> Outcome {
        let place = match &self.place {
            Place::Nowhere => None,
            Place::At(key) | Place::Near(key) => Some(key.clone()),
        };
        assert_eq!(self.cursor.key(), place.as_deref());
        if random.u8(..17) == 16 {
            return self.pass(entries, place.as_deref(), random.usize(1..100));
        }
        let (stands, expected) = match (random.u8(..16), place) {
            (0, _) => (self.cursor.first()?, entries.first_key_value()),
            (1, _) => (self.cursor.last()?, entries.last_key_value()),
            (2, _) => {
                let key = input::key(random);
                let at_or_after = (Bound::Included(&*key), Bound::Unbounded);
                (self.cursor.seek(&key)?, entries.range::<[u8], _>(at_or_after).next())
            }
            (3, _) => {
                let key = input::key(random);
                let at_or_before = (Bound::Unbounded, Bound::Included(&*key));
                (self.cursor.seek_back(&key)?, entries.range::<[u8], _>(at_or_before).next_back())
            }
            (4..11, None) => (self.cursor.next()?, entries.first_key_value()),
            (_, None) => (self.cursor.prev()?, entries.last_key_value()),
            (4..11, Some(key)) => {
                let after = (Bound::Excluded(&*key), Bound::Unbounded);
                (self.cursor.next()?, entries.range::<[u8], _>(after).next())
            }
            (_, Some(key)) => {
                let before = (Bound::Unbounded, Bound::Excluded(&*key));
                (self.cursor.prev()?, entries.range::<[u8], _>(before).next_back())
            }
        };
        assert_eq!(stands, expected.is_some());
        assert_eq!(self.cursor.key(), expected.map(|(key, _)| &**key));
        assert_eq!(self.cursor.value(), expected.map(|(_, value)| &**value));
        self.place = expected.map_or(Place::Nowhere, |(key, _)| Place::At(key.to_vec()));
        Ok(())
    }

    /// Passes entries until so many were.
    fn pass(&mut self, entries: &Entries, place: Option<&[u8]>, count: usize) -> Outcome {
        let after = place.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = entries.range::<[u8], _>((after, Bound::Unbounded));
        let mut passed = Vec::new();
        let flow = self.cursor.pass(|some| {
            let keys = (0..some.len()).filter_map(|at| some.key(at)).map(Cow::into_owned);
            passed.extend(keys.zip(some.values().map(<[u8]>::to_vec)));
            let is_enough = passed.len() >= count;
            Ok::<_, Error>(if is_enough {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        let expected = behind.map(|(key, value)| (key.to_vec(), value.to_vec()));
        assert_eq!(passed, expected.take(passed.len().max(count)).collect::<Vec<_>>());
        assert_eq!(flow.is_break(), passed.len() >= count);
        let last = passed.pop().filter(|_| flow.is_break()).map(|(key, _)| key);
        assert_eq!(self.cursor.key(), last.as_deref());
        self.place = last.map_or(Place::Nowhere, Place::At);
        Ok(())
    }
}
