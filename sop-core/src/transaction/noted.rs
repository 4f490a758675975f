//! Keys and ranges of one store that a commit depends on, in bounded memory.

use std::mem;

use crate::{limit::POINT_READS_MAX, tree::KeyRange};

/// What was noted in one store.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) ranges: Vec<KeyRange>,
}

impl Noted {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.ranges.is_empty()
    }

    pub(super) fn key(&mut self, key: &[u8]) {
        self.keys.push(key.to_vec());
        if self.keys.len() > POINT_READS_MAX {
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
        self.keys.sort_unstable();
        self.keys.dedup();
        if self.keys.len() <= POINT_READS_MAX / 2 {
            return;
        }
        let keys = mem::take(&mut self.keys);
        if let (Some(first), Some(last)) = (keys.first(), keys.last()) {
            self.range(KeyRange::new::<&Vec<u8>>(&(first..=last)));
        }
    }
}
