//! The identity map: one instance per record and session.
//!
//! A record that was read is held weakly, so a session costs no more memory than what the caller
//! holds; a record that was edited is held until it is written.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Weak},
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use crate::entity::Record;

/// A record's store, by position in the registry, and its key.
pub(super) type Identity = (usize, Vec<u8>);

/// A key, without memory of its own if it is short: that of a number, a UUID, or two numbers.
pub(super) type KeyBytes = SmallVec<[u8; 24]>;

/// A record that was edited but not yet written.
#[derive(Clone)]
pub(super) struct Changed {
    pub(super) record: Arc<dyn Record>,
    pub(super) row: Vec<u8>,
}

/// What a session knows of records.
#[derive(Default)]
pub(super) struct IdentityMap {
    read: HashMap<(usize, KeyBytes), Weak<dyn Record>, RandomState>,
    changed: BTreeMap<Identity, Changed>,
    editing: BTreeSet<Identity>,
    /// The length at which the records that were read are swept.
    sweep_len: usize,
}

/// Records that nobody holds any more are swept out at this length, and then whenever what was
/// left has doubled.
const SWEEP_LEN_MIN: usize = 256;

impl IdentityMap {
    /// The instance of a record, if there is one.
    pub(super) fn get(&self, store: usize, key: &[u8]) -> Option<Arc<dyn Record>> {
        if !self.changed.is_empty()
            && let Some(changed) = self.changed.get(&(store, key.to_vec()))
        {
            return Some(Arc::clone(&changed.record));
        }
        self.read.get(&(store, KeyBytes::from_slice(key)))?.upgrade()
    }

    /// The unwritten change of a record.
    pub(super) fn changed(&self, identity: &Identity) -> Option<&Changed> {
        self.changed.get(identity)
    }

    /// All unwritten changes, in the order of stores and keys.
    pub(super) fn all_changed(&self) -> impl Iterator<Item = (&Identity, &Changed)> {
        self.changed.iter()
    }

    /// Makes `record` the instance that is read from now on; it is as written.
    pub(super) fn set_read(&mut self, store: usize, key: &[u8], record: &Arc<dyn Record>) {
        if self.read.len() >= self.sweep_len.max(SWEEP_LEN_MIN) {
            self.read.retain(|_, record| record.strong_count() > 0);
            self.sweep_len = self.read.len() * 2;
        }
        if !self.changed.is_empty() {
            self.changed.remove(&(store, key.to_vec()));
        }
        self.read.insert((store, KeyBytes::from_slice(key)), Arc::downgrade(record));
    }

    /// Makes an edited record the instance that is read from now on.
    pub(super) fn set_changed(&mut self, identity: Identity, changed: Changed) {
        self.changed.insert(identity, changed);
    }

    /// Forgets the unwritten change of a record, and hands it out.
    pub(super) fn take_changed(&mut self, identity: &Identity) -> Option<Changed> {
        self.changed.remove(identity)
    }

    /// Forgets all unwritten changes, and hands them out.
    pub(super) fn take_all_changed(&mut self) -> BTreeMap<Identity, Changed> {
        std::mem::take(&mut self.changed)
    }

    /// Takes unwritten changes back.
    pub(super) fn put_all_changed(&mut self, changed: BTreeMap<Identity, Changed>) {
        self.changed = changed;
    }

    /// Knows nothing of a record any more.
    pub(super) fn forget(&mut self, identity: &Identity) {
        self.read.remove(&(identity.0, KeyBytes::from_slice(&identity.1)));
        self.changed.remove(identity);
    }

    /// Whether an `Edit` of the record is alive.
    pub(super) fn is_editing(&self, identity: &Identity) -> bool {
        self.editing.contains(identity)
    }

    pub(super) fn begin_editing(&mut self, identity: Identity) {
        self.editing.insert(identity);
    }

    pub(super) fn end_editing(&mut self, identity: &Identity) {
        self.editing.remove(identity);
    }

    /// Any record of which an `Edit` is alive.
    pub(super) fn any_editing(&self) -> Option<&Identity> {
        self.editing.first()
    }
}
