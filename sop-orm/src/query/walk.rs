//! The entries that a query goes through, some at a time, in either direction.
//!
//! The session may change records while a query is open. A query on one index then looks anew from
//! the entry that it gave out last. One with several conditions cannot afford that; it asks each
//! record that it found before the change whether it still fulfils them.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use super::{
    condition::{Condition, Leaf},
    explain::QueryStats,
    merge::{Found, Ground, Source},
    span::Span,
};
use crate::{
    db::registry::OpenStore,
    entity::Record,
    error::Result,
    session::{Session, Work},
};

/// Entries looked at before other tasks have their turn, where each may lead nowhere.
const MERGED_LEN: usize = 2048;

/// Entries that are given room before it is known how many there are.
const ENTRIES_LEN: usize = 32;

/// Bytes of keys that each of them is given room for.
const KEY_LEN: usize = 32;

/// An entry of an index and the primary key it leads to, as places in the keys of its batch.
pub(super) struct Entry {
    key: Range<usize>,
    primary_key: Range<usize>,
    /// Whether it is that of a deleted record, which is not to be seen.
    pub(super) hidden: bool,
    /// The record, if it was read already.
    pub(super) record: Option<Arc<dyn Record>>,
}

/// Some entries, their keys in one piece of memory.
#[derive(Default)]
pub(super) struct Batch {
    keys: Vec<u8>,
    entries: VecDeque<Entry>,
    /// Whether there are no more after them.
    pub(super) is_last: bool,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn reserve(&mut self, entries: usize) {
        self.entries.reserve(entries);
        self.keys.reserve(entries * KEY_LEN);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the first entry out; its keys stay.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    pub(super) fn key(&self, entry: &Entry) -> &[u8] {
        &self.keys[entry.key.clone()]
    }

    pub(super) fn primary_key(&self, entry: &Entry) -> &[u8] {
        &self.keys[entry.primary_key.clone()]
    }

    /// The primary keys, and whether they are those of deleted records.
    pub(super) fn primary_keys(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.entries.iter().map(|entry| (self.primary_key(entry), entry.hidden))
    }

    pub(super) fn last_key(&self) -> Option<&[u8]> {
        self.entries.back().map(|entry| self.key(entry))
    }

    /// Appends an entry whose primary key is the end of its key, or stands apart.
    fn push(&mut self, key: &[u8], primary_key: &[u8], apart: bool, hidden: bool) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        let end = self.keys.len();
        if apart {
            self.keys.extend_from_slice(primary_key);
        }
        let primary_key = self.keys.len() - primary_key.len()..self.keys.len();
        self.entries.push_back(Entry { key: start..end, primary_key, hidden, record: None });
    }

    /// Appends a record that several conditions have found.
    fn push_record(&mut self, key: &[u8], record: Option<Arc<dyn Record>>) {
        self.push(key, key, false, false);
        if let Some(last) = self.entries.back_mut() {
            last.record = record;
        }
    }
}

/// The first entries of an index in a span, in the given direction; fewer than `len` only if there
/// are no more.
pub(super) fn entries(
    (work, store): (&Work, &OpenStore),
    leaf: &Leaf,
    span: &Span,
    (len, reverse): (usize, bool),
) -> Result<Batch> {
    let mut batch = Batch::default();
    if !span.is_empty() {
        let mut cursor = work.view(leaf.entries(store))?.range_cursor::<&[u8]>(span.bounds())?;
        let (may_hide, is_unique) = (leaf.may_hide(store), leaf.is_unique(store));
        batch.reserve(len.min(ENTRIES_LEN));
        while batch.len() < len && if reverse { cursor.prev()? } else { cursor.next()? } {
            let (Some(key), Some(value)) = (cursor.key(), cursor.value()) else { break };
            let primary_key = store.primary_key(leaf.index, key, value)?;
            let hidden = may_hide && store.is_deleted(key, value)?;
            batch.push(key, primary_key, is_unique, hidden);
        }
    }
    batch.is_last = batch.len() < len;
    Ok(batch)
}

/// Goes through the entries of a query.
pub(super) struct Walk<'s> {
    pub(super) session: &'s Session,
    pub(super) store: &'s OpenStore,
    pub(super) reverse: bool,
    condition: Condition,
    /// Finds what fulfils several conditions; made when the first entries are asked for.
    source: Option<Source>,
    /// Key of the entry that was given out last.
    after: Option<Vec<u8>>,
    /// The session's revision when the entries were found.
    revision: u64,
}

/// Whether an entry is still good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// The record does not fulfil the conditions any more, or has gone, or is deleted.
    Gone,
    /// This entry and all that were found with it must be found anew.
    Stale,
}

impl<'s> Walk<'s> {
    pub(super) fn new(
        session: &'s Session,
        store: &'s OpenStore,
        condition: Condition,
        reverse: bool,
    ) -> Self {
        Self { session, store, reverse, condition, source: None, after: None, revision: 0 }
    }

    /// Goes on after an entry.
    pub(super) fn set_after(&mut self, key: &[u8]) {
        let after = self.after.get_or_insert_default();
        after.clear();
        after.extend_from_slice(key);
    }

    /// Key of the entry to go on after.
    pub(super) fn after(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// The next entries, about `len`. Pending edits are written first, so that they are seen.
    pub(super) fn take(&mut self, len: usize, stats: &mut QueryStats) -> Result<Batch> {
        self.session.run(|work, registry| {
            work.flush(registry)?;
            let mut span = match &self.condition {
                Condition::Leaf(leaf) => leaf.span.clone(),
                Condition::All(_) | Condition::Any(_) => Span::default(),
            };
            if let Some(after) = &self.after {
                span.cut_at(after.clone(), self.reverse);
            }
            let Condition::Leaf(leaf) = &self.condition else {
                return self.merge(work, span, len, stats);
            };
            self.revision = work.revision();
            let batch = entries((work, self.store), leaf, &span, (len, self.reverse))?;
            stats.entries_scanned += batch.len() as u64;
            Ok(batch)
        })
    }

    fn merge(
        &mut self,
        work: &mut Work,
        mut rest: Span,
        len: usize,
        stats: &mut QueryStats,
    ) -> Result<Batch> {
        let source = match &mut self.source {
            Some(source) => source,
            new => {
                self.revision = work.revision();
                new.insert(Source::plan(&self.condition, work, self.store)?)
            }
        };
        let (store, reverse, budget) = (self.store, self.reverse, MERGED_LEN);
        let mut ground = Ground { work, store, reverse, budget, entries: 0, rows: 0 };
        let mut batch = Batch::default();
        while batch.len() < len {
            match source.seek(&mut ground, &rest)? {
                Found::Key(key, record) => {
                    batch.push_record(&key, record);
                    rest.cut_at(key, reverse);
                }
                Found::End => {
                    batch.is_last = true;
                    break;
                }
                Found::Pause => break,
            }
        }
        stats.entries_scanned += ground.entries;
        stats.rows_read += ground.rows;
        Ok(batch)
    }

    /// Looks whether the session has changed anything since the entry was found.
    pub(super) fn look(
        &self,
        work: &mut Work,
        primary_key: &[u8],
        entry: &mut Entry,
    ) -> Result<Standing> {
        if work.revision() == self.revision {
            return Ok(if entry.hidden { Standing::Gone } else { Standing::Good });
        }
        if let Condition::Leaf(_) = self.condition {
            return Ok(Standing::Stale);
        }
        work.flush(self.session.registry())?;
        entry.record = work.get(self.store, primary_key)?;
        let holds = match &entry.record {
            Some(record) => self.condition.holds(self.store, primary_key, &**record)?,
            None => false,
        };
        Ok(if holds { Standing::Good } else { Standing::Gone })
    }

    /// Number of entries, counted by the engine; `None` if it must be found by walking them.
    pub(super) fn count(&self) -> Result<Option<u64>> {
        let Condition::Leaf(leaf) = &self.condition else { return Ok(None) };
        if leaf.may_hide(self.store) {
            return Ok(None);
        }
        self.session.run(|work, registry| {
            work.flush(registry)?;
            leaf.count(work, self.store).map(Some)
        })
    }
}
