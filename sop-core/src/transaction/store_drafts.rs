//! What a transaction did, store by store: a map for few keys.

use super::draft::StoreDraft;
use crate::id::StoreId;

/// The stores of a draft, in the order of their numbers.
///
/// Most transactions touch one store or a few. Those of a sorted vector cost one allocation
/// together, and finding one of them a comparison or two.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreDrafts(Vec<(StoreId, StoreDraft)>);

impl StoreDrafts {
    fn position(&self, store: StoreId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&store, |(id, _)| *id)
    }

    pub(crate) fn get(&self, store: StoreId) -> Option<&StoreDraft> {
        self.position(store).ok().map(|at| &self.0[at].1)
    }

    /// What was done in a store; nothing so far, if it is new.
    pub(super) fn get_or_default(&mut self, store: StoreId) -> &mut StoreDraft {
        let at = self.position(store).unwrap_or_else(|at| {
            if self.0.is_empty() {
                // One is so often all that a vector's usual first room would be wasted.
                self.0.reserve_exact(1);
            }
            self.0.insert(at, (store, StoreDraft::default()));
            at
        });
        &mut self.0[at].1
    }

    pub(super) fn remove(&mut self, store: StoreId) {
        if let Ok(at) = self.position(store) {
            self.0.remove(at);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (StoreId, &StoreDraft)> {
        self.0.iter().map(|(store, own)| (*store, own))
    }

    /// Gives stores other numbers, or leaves them out; two must not get the same one.
    pub(super) fn renumber(&mut self, number: impl Fn(StoreId) -> Option<StoreId>) {
        self.0.retain_mut(|(store, _)| match number(*store) {
            Some(new) => {
                *store = new;
                true
            }
            None => false,
        });
        self.0.sort_unstable_by_key(|(store, _)| *store);
    }
}
