//! What a query selects by indexes: a span of one, or several joined by `and` and `or`. Types are
//! forgotten here, keys are bytes.

use std::collections::BTreeSet;

use sop_core::{Snapshot, StoreId, StoreView};

use super::{explain::Asked, span::Span};
use crate::{
    db::registry::{OpenIndex, OpenStore},
    deleted::Deleted,
    entity::Record,
    error::Result,
    schema,
    session::Work,
    store::invalid,
};

/// A tree of conditions.
#[derive(Clone)]
pub(crate) enum Condition {
    Leaf(Leaf),
    /// All of these must hold.
    All(Vec<Condition>),
    /// At least one of these must hold.
    Any(Vec<Condition>),
}

/// The records that have an entry in a span of one index.
#[derive(Clone, Default)]
pub(crate) struct Leaf {
    /// Position in the schema; `None` for the primary key.
    pub(super) index: Option<usize>,
    pub(super) span: Span,
    /// Whether deleted records are selected, by the primary key.
    pub(super) deleted: Deleted,
    /// What the span was made of, to be shown.
    pub(super) asked: Vec<Asked>,
}

impl Condition {
    pub(crate) fn and(self, other: Self) -> Self {
        let mut all = if let Self::All(all) = self { all } else { vec![self] };
        if let Self::All(others) = other {
            all.extend(others);
        } else {
            all.push(other);
        }
        Self::All(all)
    }

    pub(super) fn or(self, other: Self) -> Self {
        let mut any = if let Self::Any(any) = self { any } else { vec![self] };
        if let Self::Any(others) = other {
            any.extend(others);
        } else {
            any.push(other);
        }
        Self::Any(any)
    }

    /// The conditions that must all hold: those that are joined by `and`, or this one.
    pub(crate) fn conjuncts(&self) -> &[Self] {
        match self {
            Self::All(parts) => parts,
            one => std::slice::from_ref(one),
        }
    }

    /// The index and the part of it, if this is about one secondary index alone.
    pub(crate) fn of_index(&self) -> Option<(usize, &Span)> {
        match self {
            Self::Leaf(Leaf { index: Some(index), span, .. }) => Some((*index, span)),
            _ => None,
        }
    }

    /// Refuses to answer from an index that does not hold all records in the state at `position`.
    pub(crate) fn refuse_incomplete(&self, store: &OpenStore, position: u64) -> Result<()> {
        match self {
            Self::Leaf(leaf) => {
                leaf.opened(store).map_or(Ok(()), |index| index.refuse_incomplete(store, position))
            }
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.refuse_incomplete(store, position))
            }
        }
    }

    /// Not fewer than the records that fulfil this, found without walking any entries.
    pub(super) fn estimate(&self, work: &Work, store: &OpenStore) -> Result<u64> {
        self.estimate_by(&|leaf| leaf.count(work, store))
    }

    /// The same in a state, by which nothing depends on what was counted.
    pub(crate) fn estimate_in(&self, state: &Snapshot, store: &OpenStore) -> Result<u64> {
        self.estimate_by(&|leaf| leaf.count_in(state.store_by_id(leaf.entries(store))?))
    }

    fn estimate_by(&self, count: &dyn Fn(&Leaf) -> Result<u64>) -> Result<u64> {
        let mut parts = match self {
            Self::Leaf(leaf) => return count(leaf),
            Self::All(parts) | Self::Any(parts) => parts.iter().map(|part| part.estimate_by(count)),
        };
        if matches!(self, Self::All(_)) {
            parts.try_fold(u64::MAX, |least, count| Ok(least.min(count?)))
        } else {
            parts.try_fold(0, |sum: u64, count| Ok(sum.saturating_add(count?)))
        }
    }

    /// Where the primary keys lie, if this is about nothing else, and whether those of deleted
    /// records are among them.
    pub(crate) fn of_keys(&self) -> Option<(Span, Deleted)> {
        match self {
            Self::Leaf(Leaf { index: None, span, deleted, .. }) => Some((span.clone(), *deleted)),
            _ => None,
        }
    }

    /// Whether a record fulfils this; found from the record, without a look at any index.
    pub(crate) fn holds(&self, store: &OpenStore, key: &[u8], record: &dyn Record) -> Result<bool> {
        match self {
            Self::Leaf(leaf) => leaf.holds(store, key, record),
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(store, key, record)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(store, key, record)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// The indexes that are asked, with `None` for the primary key.
    pub(super) fn indexes(&self, into: &mut BTreeSet<Option<usize>>) {
        match self {
            Self::Leaf(leaf) => drop(into.insert(leaf.index)),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.indexes(into);
                }
            }
        }
    }
}

impl Leaf {
    pub(super) fn opened<'s>(&self, store: &'s OpenStore) -> Option<&'s OpenIndex> {
        self.index.and_then(|position| store.indexes.get(position))
    }

    /// Whether there are entries of deleted records that are not selected. Indexes have none.
    pub(super) fn may_hide(&self, store: &OpenStore) -> bool {
        let goes_by_records = self.index.is_none() && store.schema.soft_delete.is_some();
        goes_by_records && self.deleted == Deleted::Hidden
    }

    /// The engine's store with the entries.
    pub(super) fn entries(&self, store: &OpenStore) -> StoreId {
        self.opened(store).map_or(store.rows, |index| index.entries)
    }

    /// What all entries begin with, if nothing but primary keys follows it, so that the entries
    /// are in the order of primary keys.
    pub(super) fn before_primary_keys(&self, store: &OpenStore) -> Option<Vec<u8>> {
        let Some(index) = self.opened(store) else { return Some(Vec::new()) };
        let columns = index.spec.columns;
        if index.spec.unique || self.span.fixed_columns(columns) < columns.len() {
            return None;
        }
        schema::split(columns, &self.span.start).ok().map(|(columns, _)| columns.to_vec())
    }

    /// Whether entries have the primary key as their value, not at the end of their keys.
    pub(super) fn is_unique(&self, store: &OpenStore) -> bool {
        self.opened(store).is_some_and(|index| index.spec.unique)
    }

    /// Number of entries, counted by the engine without walking them.
    pub(super) fn count(&self, work: &Work, store: &OpenStore) -> Result<u64> {
        self.count_in(work.view(self.entries(store))?)
    }

    fn count_in(&self, entries: StoreView<'_>) -> Result<u64> {
        if self.span.is_empty() {
            return Ok(0);
        }
        Ok(entries.count::<&[u8]>(self.span.bounds())?)
    }

    fn holds(&self, store: &OpenStore, key: &[u8], record: &dyn Record) -> Result<bool> {
        let (Some(position), Some(index)) = (self.index, self.opened(store)) else {
            return Ok(self.span.contains(key) && !self.deleted.hides(record));
        };
        let entries = record.index_entries(position).map_err(|error| invalid(&error))?;
        Ok(index.encode_all(entries, key).any(|(entry, _)| self.span.contains(&entry)))
    }
}
