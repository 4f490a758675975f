//! The identity map: one instance per record and session.
//!
//! A record that was read is held weakly, so a session costs no more memory than what the caller
//! holds; a record that was edited is held until it is written.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use crate::entity::Record;

/// A record's store, by position in the registry, and its key.
pub(super) type Identity = (usize, Vec<u8>);

/// What a session knows of a record.
#[derive(Default)]
struct Known {
    instance: Instance,
    editing: bool,
}

#[derive(Default)]
enum Instance {
    #[default]
    Unread,
    Read(Weak<dyn Record>),
    Changed(Changed),
}

/// A record that was edited but not yet written.
#[derive(Clone)]
pub(super) struct Changed {
    pub(super) record: Arc<dyn Record>,
    pub(super) row: Vec<u8>,
}

/// Records by their identity.
#[derive(Default)]
pub(super) struct IdentityMap {
    known: HashMap<Identity, Known>,
    sweep_len: usize,
}

/// The map is swept for records that nobody holds any more when it reaches this length, and then
/// whenever it has doubled.
const SWEEP_LEN_MIN: usize = 256;

impl IdentityMap {
    /// The instance of a record, if there is one.
    pub(super) fn get(&self, identity: &Identity) -> Option<Arc<dyn Record>> {
        match &self.known.get(identity)?.instance {
            Instance::Unread => None,
            Instance::Read(record) => record.upgrade(),
            Instance::Changed(changed) => Some(Arc::clone(&changed.record)),
        }
    }

    /// The unwritten change of a record.
    pub(super) fn changed(&self, identity: &Identity) -> Option<&Changed> {
        match &self.known.get(identity)?.instance {
            Instance::Changed(changed) => Some(changed),
            Instance::Unread | Instance::Read(_) => None,
        }
    }

    /// Makes `record` the instance that is read from now on; it is as written.
    pub(super) fn set_read(&mut self, identity: Identity, record: &Arc<dyn Record>) {
        self.sweep();
        self.known.entry(identity).or_default().instance = Instance::Read(Arc::downgrade(record));
    }

    /// Makes an edited record the instance that is read from now on.
    pub(super) fn set_changed(&mut self, identity: Identity, changed: Changed) {
        self.known.entry(identity).or_default().instance = Instance::Changed(changed);
    }

    pub(super) fn forget(&mut self, identity: &Identity) {
        self.known.remove(identity);
    }

    /// Whether an `Edit` of the record is alive.
    pub(super) fn is_editing(&self, identity: &Identity) -> bool {
        self.known.get(identity).is_some_and(|known| known.editing)
    }

    pub(super) fn set_editing(&mut self, identity: &Identity, editing: bool) {
        if let Some(known) = self.known.get_mut(identity) {
            known.editing = editing;
        } else if editing {
            self.known.insert(identity.clone(), Known { editing, ..Known::default() });
        }
    }

    /// Any record of which an `Edit` is alive.
    pub(super) fn any_editing(&self) -> Option<&Identity> {
        self.known.iter().find(|(_, known)| known.editing).map(|(identity, _)| identity)
    }

    /// All records with unwritten changes, in the order of their identities.
    pub(super) fn all_changed(&self) -> Vec<(Identity, Changed)> {
        let changed = self.known.iter().filter_map(|(identity, known)| match &known.instance {
            Instance::Changed(changed) => Some((identity.clone(), changed.clone())),
            Instance::Unread | Instance::Read(_) => None,
        });
        let mut changed: Vec<_> = changed.collect();
        changed.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        changed
    }

    fn sweep(&mut self) {
        if self.known.len() < self.sweep_len.max(SWEEP_LEN_MIN) {
            return;
        }
        self.known.retain(|_, known| {
            known.editing
                || match &known.instance {
                    Instance::Unread => false,
                    Instance::Read(record) => record.strong_count() > 0,
                    Instance::Changed(_) => true,
                }
        });
        self.sweep_len = self.known.len() * 2;
    }
}
