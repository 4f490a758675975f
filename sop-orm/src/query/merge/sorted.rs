//! Primary keys that an index has in their order.

use std::collections::VecDeque;

use super::{Found, Ground};
use crate::{
    error::Result,
    key::successor,
    query::{condition::Leaf, span::Span, walk},
};

/// Entries taken at once: few, since the other sources may leap over most of them.
const TAKEN_LEN: usize = 32;

/// The part of an index in which all columns are given, or of the primary key itself.
pub(in crate::query) struct Sorted {
    leaf: Leaf,
    /// What stands before the primary key in each entry.
    prefix: Vec<u8>,
    /// Primary keys, and whether they are those of deleted records.
    taken: VecDeque<(Vec<u8>, bool)>,
    /// The last one of a deleted record that was passed.
    passed: Option<Vec<u8>>,
    /// Whether there is nothing after what was taken.
    is_last: bool,
}

impl Sorted {
    pub(super) fn new(leaf: Leaf, prefix: Vec<u8>) -> Self {
        Self { leaf, prefix, taken: VecDeque::new(), passed: None, is_last: false }
    }

    pub(super) fn seek(&mut self, ground: &mut Ground<'_>, rest: &Span) -> Result<Found> {
        loop {
            while let Some((key, hidden)) = self.taken.front() {
                if rest.contains(key) && !hidden {
                    return Ok(Found::Key(key.clone(), None));
                }
                self.passed = self.taken.pop_front().map(|(key, _)| key);
            }
            if self.is_last {
                return Ok(Found::End);
            }
            if ground.budget == 0 {
                return Ok(Found::Pause);
            }
            let mut span = self.entries(rest);
            if let Some(passed) = &self.passed {
                span.cut_at([&self.prefix, passed.as_slice()].concat(), ground.reverse);
            }
            let how = (TAKEN_LEN, ground.reverse);
            let entries = walk::entries((ground.work, ground.store), &self.leaf, &span, how)?;
            ground.spend(entries.len());
            self.is_last = entries.is_last;
            let owned = |(key, hidden): (&[u8], bool)| (key.to_vec(), hidden);
            self.taken = entries.primary_keys().map(owned).collect();
        }
    }

    /// The entries with these primary keys.
    fn entries(&self, rest: &Span) -> Span {
        let of = |key: &[u8]| [self.prefix.as_slice(), key].concat();
        let end = rest.end.as_deref().map(of).or_else(|| successor(&self.prefix));
        let mut span = Span { start: of(&rest.start), end };
        span.intersect(self.leaf.span.clone());
        span
    }
}
