//! A cursor over a transaction that goes on writing, compared with an ordered map at each move.

use std::{
    collections::VecDeque,
    ops::Bound::{Excluded, Unbounded},
};

use super::{Entries, Random, put};
use crate::{Result, Store};

/// Moves about and writes in between; then counts a range and reads it from both ends.
pub(super) fn wander(
    random: &mut Random,
    store: Store<'_>,
    entries: &mut Entries,
    space: usize,
) -> Result<()> {
    let mut cursor = store.cursor()?;
    let mut at: Option<Vec<u8>> = None;
    for _ in 0..random.below(40) {
        let key = random.key(space);
        let (found, expected) = match random.below(10) {
            0 => (cursor.first()?, entries.keys().next()),
            1 => (cursor.last()?, entries.keys().next_back()),
            2 => (cursor.seek(&key)?, entries.range(key..).next().map(|entry| entry.0)),
            3 => (cursor.seek_back(&key)?, entries.range(..=key).next_back().map(|entry| entry.0)),
            4 | 5 => (cursor.next()?, after(entries, at.as_ref())),
            6 => (cursor.prev()?, before(entries, at.as_ref())),
            7 => {
                // Every other time from under the cursor.
                let key = at.clone().filter(|_| random.once_in(2)).unwrap_or(key);
                assert_eq!(store.remove(&key)?, entries.remove(&key).is_some());
                continue;
            }
            _ => {
                let value = random.value();
                put(random, store, &key, &value)?;
                entries.insert(key, value);
                continue;
            }
        };
        assert_eq!(found, expected.is_some());
        assert_eq!(cursor.key(), expected.map(Vec::as_slice));
        assert_eq!(cursor.value(), expected.map(|key| entries[key].as_slice()));
        at = expected.cloned();
    }
    let (a, b) = (random.key(space), random.key(space));
    both_ends(random, store, entries, if a <= b { (a, b) } else { (b, a) })
}

fn after<'a>(entries: &'a Entries, at: Option<&Vec<u8>>) -> Option<&'a Vec<u8>> {
    let start = at.map_or(Unbounded, Excluded);
    entries.range::<Vec<u8>, _>((start, Unbounded)).next().map(|entry| entry.0)
}

fn before<'a>(entries: &'a Entries, at: Option<&Vec<u8>>) -> Option<&'a Vec<u8>> {
    let end = at.map_or(Unbounded, Excluded);
    entries.range::<Vec<u8>, _>((Unbounded, end)).next_back().map(|entry| entry.0)
}

fn both_ends(
    random: &mut Random,
    store: Store<'_>,
    entries: &Entries,
    (start, end): (Vec<u8>, Vec<u8>),
) -> Result<()> {
    let mut expected: VecDeque<_> = entries.range(start.clone()..end.clone()).collect();
    assert_eq!(store.count::<&Vec<u8>>(&start..&end)?, expected.len() as u64);
    let mut range = store.range::<&Vec<u8>>(&start..&end)?;
    loop {
        let (found, expected) = if random.once_in(2) {
            (range.next(), expected.pop_front())
        } else {
            (range.next_back(), expected.pop_back())
        };
        let found = found.transpose()?;
        let found = found.as_ref().map(|(key, value)| (key.as_slice(), &**value));
        assert_eq!(found, expected.map(|(key, value)| (key.as_slice(), value.as_slice())));
        if expected.is_none() {
            return Ok(());
        }
    }
}
