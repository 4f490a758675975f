//! The entries every engine is given: made from a seed and an index, so that nothing is stored.
//!
//! Keeping a million entries in memory would put the harness's own cache misses into every figure.
//! Here entry `i` is computed when it is needed, in a few nanoseconds, and each value carries the
//! index it was made for, so that every answer of an engine can be checked while it is timed.

use std::ops::Range;

/// Length of every key in bytes.
pub(crate) const KEY_LEN: usize = 24;
/// Length of every value in bytes.
pub(crate) const VALUE_LEN: usize = 150;
/// Length of every large value in bytes.
pub(crate) const LARGE_LEN: usize = 1 << 20;

const TAG_LEN: usize = size_of::<u64>();
/// Small enough to stay in the processor's cache, too long for a compressor's window to see twice.
const POOL_LEN: usize = 1 << 20;

/// A key.
pub(crate) type Key = [u8; KEY_LEN];
/// A value.
pub(crate) type Value = [u8; VALUE_LEN];

/// A supply of entries; equal seeds supply equal entries.
#[derive(Debug)]
pub(crate) struct Data {
    seed: u64,
    pool: Vec<u8>,
}

impl Data {
    /// The supply of one seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pool = vec![0; POOL_LEN];
        random.fill(&mut pool);
        Self { seed: random.u64(..), pool }
    }

    /// The random key of entry `index`.
    pub(crate) fn key(&self, index: u64) -> Key {
        let mut key = [0; KEY_LEN];
        self.random(index).fill(&mut key);
        key
    }

    /// The value of entry `index`; another `version` is another value of the same entry.
    pub(crate) fn value(&self, index: u64, version: u64) -> Value {
        let mut random = self.random(index ^ version.rotate_right(16));
        let start = random.usize(..POOL_LEN - VALUE_LEN);
        let mut value = [0; VALUE_LEN];
        value.copy_from_slice(&self.pool[start..start + VALUE_LEN]);
        value[..TAG_LEN].copy_from_slice(&index.to_le_bytes());
        value
    }

    /// Makes a value of any length from 8 on, as [`Self::value`] makes short ones.
    pub(crate) fn fill(&self, value: &mut [u8], index: u64, version: u64) {
        let start = self.random(index ^ version.rotate_right(16)).usize(..POOL_LEN);
        let pool = self.pool[start..].iter().chain(self.pool.iter().cycle());
        value.iter_mut().zip(pool).for_each(|(byte, random)| *byte = *random);
        value[..TAG_LEN].copy_from_slice(&index.to_le_bytes());
    }

    /// The random entries of `range`, in the order of their indices.
    pub(crate) fn entries(&self, range: Range<u64>) -> impl Iterator<Item = (Key, Value)> {
        range.map(|index| (self.key(index), self.value(index, 0)))
    }

    /// `count` entries in ascending order of their keys, which are spread like random ones.
    pub(crate) fn sorted(&self, count: u64) -> impl Iterator<Item = (Key, Value)> {
        let stride = u64::MAX / count.max(1);
        (0..count).map(move |index| {
            let mut key = self.key(index);
            key[..TAG_LEN].copy_from_slice(&(index * stride).to_be_bytes());
            (key, self.value(index, 0))
        })
    }

    fn random(&self, index: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed ^ index)
    }
}

/// Reads a whole value, as a user would, and returns the index of the entry it was made for.
///
/// A value of another length than [`VALUE_LEN`] has no index.
pub(crate) fn read(value: &[u8]) -> Option<u64> {
    read_of(value, VALUE_LEN)
}

/// Reads a whole value like [`read`], and expects another length.
pub(crate) fn read_of(value: &[u8], length: usize) -> Option<u64> {
    let folded = value.chunks(TAG_LEN).fold(0_u64, |sum, chunk| {
        let mut word = [0; TAG_LEN];
        word[..chunk.len()].copy_from_slice(chunk);
        sum ^ u64::from_le_bytes(word)
    });
    std::hint::black_box(folded);
    let tag = value.first_chunk::<TAG_LEN>()?;
    (value.len() == length).then(|| u64::from_le_bytes(*tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn equal_seeds_supply_equal_entries() {
        let (one, same, other) = (Data::new(1), Data::new(1), Data::new(2));
        assert!(one.entries(0..100).eq(same.entries(0..100)));
        assert!(one.entries(0..100).zip(other.entries(0..100)).all(|(a, b)| a.0 != b.0));
    }

    #[test]
    fn keys_are_distinct() {
        let data = Data::new(7);
        let keys: BTreeSet<Key> = data.entries(0..50_000).map(|(key, _)| key).collect();
        assert_eq!(keys.len(), 50_000);
    }

    #[test]
    fn sorted_keys_ascend() {
        let keys: Vec<Key> = Data::new(7).sorted(10_000).map(|(key, _)| key).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_value_tells_its_entry_in_every_version() {
        let data = Data::new(7);
        assert_ne!(data.value(41, 0), data.value(41, 1));
        assert_eq!(read(&data.value(41, 0)), Some(41));
        assert_eq!(read(&data.value(41, 1)), Some(41));
        assert_eq!(read(&data.value(41, 1)[1..]), None);
    }
    #[test]
    fn a_large_value_tells_its_entry_and_is_random_to_its_end() {
        let (data, mut value, mut other) = (Data::new(7), vec![0; LARGE_LEN], vec![0; LARGE_LEN]);
        data.fill(&mut value, 41, 1);
        data.fill(&mut other, 41, 2);
        assert_eq!(read_of(&value, LARGE_LEN), Some(41));
        assert_eq!(read(&value), None);
        assert_ne!(value[LARGE_LEN - 64..], other[LARGE_LEN - 64..]);
    }
}
