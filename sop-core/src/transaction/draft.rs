//! What a transaction wrote and read so far, as data.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Isolation, catalog::StoreOptions, noted::Noted, savepoint::Journal, store_drafts::StoreDrafts,
};
use crate::{
    delta::{Graft, NewValue, Write},
    error::{Error, Result},
    id::StoreId,
    limit::{BY_REFERENCE_LEN_MIN, KEY_LEN_MAX, NUMBER_END, TRANSACTION_LEN_MAX, VALUE_LEN_MAX},
    node::Segment,
    tree::KeyRange,
    write_set::{Regard, WriteSet},
};

/// Everything a transaction did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) isolation: Isolation,
    pub(crate) stores: StoreDrafts,
    /// Changes of names, in order.
    pub(super) catalog: Vec<CatalogChange>,
    /// Names looked up in the snapshot, and what they named.
    pub(super) names: BTreeMap<String, Option<StoreId>>,
    /// Bytes of keys and values written.
    pub(crate) bytes: u64,
    /// Counts changes of what is written.
    pub(super) revision: u64,
    /// Whether it is only to be prepared: all of it is validated, and of its writes only those to the
    /// store of prepared transactions take effect.
    pub(super) is_prepared: bool,
    /// What going back to a savepoint takes.
    pub(super) journal: Option<Box<Journal>>,
    created: u32,
    next_range: u64,
}

/// What a transaction did in one store.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreDraft {
    pub(crate) writes: WriteSet,
    /// What was read in the snapshot.
    pub(super) read: Noted,
    /// What must be as it is in the snapshot, under any isolation: keys be there, ranges unchanged.
    pub(super) required: Noted,
    /// Keys of which only the newest state counts, because a merger settled them on it.
    pub(super) settled: BTreeSet<Vec<u8>>,
    /// Ranges that cursors still alive may read.
    open: BTreeMap<u64, KeyRange>,
    /// Entries in segments already, to become the whole store.
    pub(crate) loaded: Option<Loaded>,
    /// In which values stand that were placed before the commit. Doomed to be removed with this,
    /// unless the transaction commits and links to them.
    pub(super) placed: Vec<Arc<Segment>>,
}

/// A tree in segments that only its transaction knows of.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) graft: Graft,
    /// Doomed to be removed with this, unless the transaction commits.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Whether the writes hold the same entries, so that it is only a faster way.
    pub(crate) optional: bool,
}

/// A change of the names of stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CatalogChange {
    /// `exclusive`: that the store exists already is a conflict.
    Create {
        name: String,
        options: StoreOptions,
        store: StoreId,
        exclusive: bool,
    },
    Rename {
        from: String,
        to: String,
        store: StoreId,
        options: StoreOptions,
    },
    Drop {
        name: String,
        store: StoreId,
    },
}

impl Draft {
    pub(crate) fn new(isolation: Isolation) -> Self {
        Self { isolation, ..Self::default() }
    }

    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.catalog.is_empty()
            && self.stores.iter().all(|(_, own)| own.writes.is_empty() && own.loaded.is_none())
    }

    /// Whether it changes nothing, and rests on nothing.
    pub(crate) fn is_idle(&self) -> bool {
        let rests = |own: &StoreDraft| !own.is_idle(self.isolation);
        self.catalog.is_empty()
            && self.names.is_empty()
            && !self.stores.iter().any(|(_, own)| rests(own))
    }

    /// Lets the segments of loaded trees and placed values go with the draft again: what had taken
    /// them over is no more.
    pub(crate) fn doom_segments(&self) {
        for (_, own) in self.stores.iter() {
            let loaded = own.loaded.iter().flat_map(|loaded| &loaded.segments);
            loaded.chain(&own.placed).for_each(|segment| segment.set_doomed(true));
        }
    }

    /// A number for a store that this transaction creates, good until it commits.
    pub(super) fn provisional_id(&mut self) -> StoreId {
        let id = StoreId(PROVISIONAL | self.created);
        self.created += 1;
        id
    }

    pub(super) fn store(&mut self, store: StoreId) -> &mut StoreDraft {
        self.stores.get_or_default(store)
    }

    /// What the transaction itself did to a key, if anything.
    pub(super) fn written(&self, store: StoreId, key: &[u8]) -> Option<Write<'_>> {
        self.stores.get(store)?.writes.get(key)
    }

    pub(super) fn write(
        &mut self,
        store: StoreId,
        Write { key, value }: Write<'_>,
        regard: Regard,
    ) -> Result<()> {
        let bytes = self.bytes + (key.len() + value.map_or(0, NewValue::draft_len)) as u64;
        if bytes > TRANSACTION_LEN_MAX {
            return Err(Error::TransactionTooLarge { bytes, limit: TRANSACTION_LEN_MAX });
        }
        self.bytes = bytes;
        self.check_usable(store)?;
        self.insert(store, Write { key, value }, regard);
        Ok(())
    }

    /// Refuses a store that the transaction itself dropped, or loaded in bulk, or whose creation
    /// was undone.
    pub(super) fn check_usable(&self, store: StoreId) -> Result<()> {
        let never_was = store.is_provisional() && !self.created(store);
        if never_was || self.dropped(store) {
            return Err(Error::StoreNotFound { name: format!("number {store}") });
        }
        match self.stores.get(store).and_then(|own| own.loaded.as_ref()) {
            None => Ok(()),
            Some(_) => Err(Error::Invalid(
                "a store loaded in bulk can be used once its transaction has committed".into(),
            )),
        }
    }

    /// Notes that a key was read in the snapshot.
    pub(super) fn read_point(&mut self, store: StoreId, key: &[u8]) {
        if self.isolation == Isolation::Serializable {
            self.store(store).read.key(key);
        }
    }

    /// Notes that a range was read in the snapshot.
    pub(super) fn read_range(&mut self, store: StoreId, range: KeyRange) {
        if self.isolation == Isolation::Serializable {
            self.store(store).read.range(range);
        }
    }

    /// Notes a range that a cursor may read until [`Self::close_range`].
    pub(super) fn open_range(&mut self, store: StoreId, range: KeyRange) -> Option<u64> {
        if self.isolation != Isolation::Serializable {
            return None;
        }
        self.next_range += 1;
        let number = self.next_range;
        self.store(store).open.insert(number, range);
        Some(number)
    }

    /// The cursor is gone; what it did read was noted.
    pub(super) fn close_range(&mut self, store: StoreId, number: u64) {
        self.store(store).open.remove(&number);
    }
}

/// Set in the numbers of stores that exist in one transaction only.
const PROVISIONAL: u32 = NUMBER_END;

impl StoreDraft {
    /// Whether it writes so much that an empty store is better given files of its own.
    pub(super) fn is_large(&self) -> bool {
        let is_large = self.loaded.is_none() && self.writes.bytes() >= BY_REFERENCE_LEN_MIN;
        is_large && !self.has_placed()
    }

    /// Whether values stand in segments already.
    pub(super) fn has_placed(&self) -> bool {
        let is_placed = |write: Write<'_>| matches!(write.value, Some(NewValue::Placed(_)));
        self.writes.iter().any(is_placed)
    }

    /// Whether nothing was done that a newer state could contradict.
    pub(super) fn is_idle(&self, isolation: Isolation) -> bool {
        let read = !(self.read.is_empty() && self.open.is_empty());
        let wrote = !self.writes.is_empty() || self.loaded.is_some();
        !wrote && self.required.is_empty() && (!read || isolation == Isolation::Snapshot)
    }

    /// All ranges that count as read.
    pub(super) fn ranges_read(&self) -> impl Iterator<Item = &KeyRange> {
        self.read.ranges.iter().chain(self.open.values())
    }
}

/// Refuses keys and values that are over the limits.
pub(crate) fn check_entry(key: &[u8], value: Option<&[u8]>) -> Result<()> {
    if key.len() > KEY_LEN_MAX {
        return Err(Error::KeyTooLong { len: key.len(), limit: KEY_LEN_MAX });
    }
    match value {
        Some(value) if value.len() > VALUE_LEN_MAX => {
            Err(Error::ValueTooLong { len: value.len(), limit: VALUE_LEN_MAX })
        }
        _ => Ok(()),
    }
}
