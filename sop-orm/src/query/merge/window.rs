//! Primary keys that an index has in another order, some at a time.
//!
//! All entries are walked, and the first keys that fit into memory are kept in order. When these
//! are used up, the entries are walked again for the next ones, so that no more memory is taken
//! however many entries there are.

use std::collections::BTreeSet;

use super::{Found, Ground};
use crate::{
    error::Result,
    query::{condition::Leaf, span::Span, walk},
};

/// Memory for the keys of one window, in bytes.
const WINDOW_BYTES: usize = 4 << 20;

/// What a kept key takes beside its own bytes, about.
const OVERHEAD_BYTES: usize = 48;

/// Entries taken at once.
const TAKEN_LEN: usize = 256;

/// The first keys of a part of an index.
pub(in crate::query) struct Window {
    leaf: Leaf,
    kept: BTreeSet<Vec<u8>>,
    kept_bytes: usize,
    /// The span whose keys are all kept.
    covered: Span,
    /// Whether there are keys after the span.
    is_cut: bool,
    state: State,
}

enum State {
    /// Nothing was walked yet.
    New,
    /// These entries are still to be walked.
    Walking(Span),
    Full,
}

impl Window {
    pub(super) fn new(leaf: Leaf) -> Self {
        let (kept, covered) = (BTreeSet::new(), Span::default());
        Self { leaf, kept, kept_bytes: 0, covered, is_cut: false, state: State::New }
    }

    pub(super) fn seek(&mut self, ground: &mut Ground<'_>, rest: &Span) -> Result<Found> {
        loop {
            match &self.state {
                State::New => self.begin(rest.clone()),
                State::Walking(_) if ground.budget == 0 => return Ok(Found::Pause),
                State::Walking(entries) => {
                    let entries = entries.clone();
                    self.walk(ground, entries)?;
                }
                State::Full => match self.first(rest, ground.reverse) {
                    Some(key) => return Ok(Found::Key(key, None)),
                    None if self.is_cut => {
                        let mut beyond = rest.clone();
                        if let Some(last) = self.last(ground.reverse) {
                            beyond.cut_at(last, ground.reverse);
                        }
                        self.begin(beyond);
                    }
                    None => return Ok(Found::End),
                },
            }
        }
    }

    fn begin(&mut self, covered: Span) {
        self.kept.clear();
        (self.kept_bytes, self.is_cut, self.covered) = (0, false, covered);
        self.state = State::Walking(self.leaf.span.clone());
    }

    fn walk(&mut self, ground: &mut Ground<'_>, mut entries: Span) -> Result<()> {
        let (at, how) = ((&*ground.work, ground.store), (TAKEN_LEN, false));
        let taken = walk::entries(at, &self.leaf, &entries, how)?;
        ground.spend(taken.len());
        if let Some(last) = taken.last_key() {
            entries.cut_at(last.to_vec(), false);
        }
        for (primary_key, _) in taken.primary_keys() {
            self.keep(primary_key, ground.reverse);
        }
        self.state = if taken.is_last { State::Full } else { State::Walking(entries) };
        Ok(())
    }

    /// Keeps a key, and lets the last ones go if memory is full.
    fn keep(&mut self, key: &[u8], reverse: bool) {
        if !self.covered.contains(key) || self.kept.contains(key) {
            return;
        }
        self.kept_bytes += key.len() + OVERHEAD_BYTES;
        self.kept.insert(key.to_vec());
        // One key is kept in any case, or there would be no way on.
        while self.kept_bytes > WINDOW_BYTES && self.kept.len() > 1 {
            let gone = if reverse { self.kept.pop_first() } else { self.kept.pop_last() };
            self.kept_bytes -= gone.map_or(0, |key| key.len() + OVERHEAD_BYTES);
            self.is_cut = true;
            if let Some(last) = self.last(reverse) {
                self.covered.cut_before(last, !reverse);
            }
        }
    }

    fn last(&self, reverse: bool) -> Option<Vec<u8>> {
        if reverse { self.kept.first() } else { self.kept.last() }.cloned()
    }

    fn first(&self, rest: &Span, reverse: bool) -> Option<Vec<u8>> {
        if rest.is_empty() {
            return None;
        }
        let mut span = self.kept.range::<[u8], _>(rest.bounds());
        if reverse { span.next_back() } else { span.next() }.cloned()
    }
}
