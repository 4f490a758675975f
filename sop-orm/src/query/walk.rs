//! The entries that a query goes through, some at a time, in either direction.
//!
//! The session may change records while a query is open. A query on one index then looks anew from
//! the entry that it gave out last. One with several conditions cannot afford that; it asks each
//! record that it found before the change whether it still fulfils them.

use std::{collections::VecDeque, sync::Arc};

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

/// An entry of an index and the primary key it leads to.
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    pub(super) primary_key: Vec<u8>,
    /// Whether it is that of a deleted record, which is not to be seen.
    pub(super) hidden: bool,
    /// The record, if it was read already.
    pub(super) record: Option<Arc<dyn Record>>,
}

/// The first entries of an index in a span, in the given direction; fewer than `len` only if there
/// are no more.
pub(super) fn entries(
    (work, store): (&Work, &OpenStore),
    leaf: &Leaf,
    span: &Span,
    (len, reverse): (usize, bool),
) -> Result<Vec<Entry>> {
    if span.is_empty() {
        return Ok(Vec::new());
    }
    let source = work.view(leaf.entries(store))?;
    let range = source.range::<&[u8]>(span.bounds())?;
    let may_hide = leaf.may_hide(store);
    let mut entries = Vec::with_capacity(len.min(ENTRIES_LEN));
    let push = |found: sop_core::Result<(Vec<u8>, sop_core::Value<'_>)>| -> Result<()> {
        let (key, value) = found?;
        let primary_key = leaf.primary_key(store, &key, &value)?;
        let hidden = may_hide && store.is_deleted(&key, &value)?;
        entries.push(Entry { key, primary_key, hidden, record: None });
        Ok(())
    };
    if reverse {
        range.rev().take(len).try_for_each(push)?;
    } else {
        range.take(len).try_for_each(push)?;
    }
    Ok(entries)
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

/// Some entries.
pub(super) struct Batch {
    pub(super) entries: VecDeque<Entry>,
    /// Whether there are no more after them.
    pub(super) is_last: bool,
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
    pub(super) fn set_after(&mut self, key: Vec<u8>) {
        self.after = Some(key);
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
            let entries = entries((work, self.store), leaf, &span, (len, self.reverse))?;
            stats.entries_scanned += entries.len() as u64;
            Ok(Batch { is_last: entries.len() < len, entries: entries.into() })
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
        let mut batch = Batch { entries: VecDeque::new(), is_last: false };
        while batch.entries.len() < len {
            match source.seek(&mut ground, &rest)? {
                Found::Key(key, record) => {
                    rest.cut_at(key.clone(), reverse);
                    let (primary_key, hidden) = (key.clone(), false);
                    batch.entries.push_back(Entry { key, primary_key, hidden, record });
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
    pub(super) fn look(&self, work: &mut Work, entry: &mut Entry) -> Result<Standing> {
        if work.revision() == self.revision {
            return Ok(if entry.hidden { Standing::Gone } else { Standing::Good });
        }
        if let Condition::Leaf(_) = self.condition {
            return Ok(Standing::Stale);
        }
        work.flush(self.session.registry())?;
        entry.record = work.get(self.store, entry.primary_key.clone())?;
        let holds = match &entry.record {
            Some(record) => self.condition.holds(self.store, &entry.primary_key, &**record)?,
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
