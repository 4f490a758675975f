//! Keys and ranges of one store that a commit depends on, in bounded memory.

use std::{iter, mem};

use crate::{limit::POINT_READS_MAX, tree::KeyRange};

/// What was noted in one store.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    pub(super) keys: Keys,
    pub(super) ranges: Vec<KeyRange>,
}

/// Keys in one piece of memory: each read notes one, and should not have to ask for more.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    /// Each key behind its length.
    bytes: Vec<u8>,
    len: usize,
}

/// What notes are given room for when the first one comes.
const KEYS_BYTES: usize = 64;

impl Keys {
    fn push(&mut self, key: &[u8]) {
        if self.len == 0 {
            self.bytes.reserve(KEYS_BYTES);
        }
        self.bytes.extend(key.len().to_le_bytes());
        self.bytes.extend(key);
        self.len += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk()?;
            let (key, behind) = behind.split_at(usize::from_le_bytes(*len));
            rest = behind;
            Some(key)
        })
    }
}

impl<'k> FromIterator<&'k [u8]> for Keys {
    fn from_iter<K: IntoIterator<Item = &'k [u8]>>(keys: K) -> Self {
        let mut all = Self::default();
        keys.into_iter().for_each(|key| all.push(key));
        all
    }
}

impl Noted {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.len == 0 && self.ranges.is_empty()
    }

    pub(super) fn key(&mut self, key: &[u8]) {
        self.keys.push(key);
        if self.keys.len > POINT_READS_MAX {
            self.compress_keys();
        }
    }

    pub(super) fn range(&mut self, range: KeyRange) {
        if range.is_empty() {
            return;
        }
        self.ranges.push(range);
        if self.ranges.len() > POINT_READS_MAX {
            let ranges = mem::take(&mut self.ranges);
            self.ranges.extend(ranges.into_iter().reduce(KeyRange::hull));
        }
    }

    /// Takes many keys for the range they span: more may conflict, but memory stays bounded.
    fn compress_keys(&mut self) {
        let all = mem::take(&mut self.keys);
        let mut keys: Vec<&[u8]> = all.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        match keys[..] {
            [first, .., last] if keys.len() > POINT_READS_MAX / 2 => {
                self.range(KeyRange::new::<&[u8]>(&(first..=last)));
            }
            _ => self.keys = keys.into_iter().collect(),
        }
    }
}
