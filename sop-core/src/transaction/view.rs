//! A snapshot, with a draft over it or without.

use std::sync::Arc;

use super::draft::{Draft, Loaded};
use crate::{error::Result, id::StoreId, node::Source, sync::Mutex, tree::Tree, version::Version};

/// What a transaction or a snapshot reads, and what a transaction writes into.
#[derive(Debug)]
pub(crate) struct View {
    version: Arc<Version>,
    draft: Option<Mutex<Draft>>,
}

impl View {
    /// For reading only.
    pub(crate) fn snapshot(version: Arc<Version>) -> Self {
        Self { version, draft: None }
    }

    /// For reading and writing.
    pub(crate) fn with_draft(version: Arc<Version>, draft: Draft) -> Self {
        Self { version, draft: Some(Mutex::new(draft)) }
    }

    pub(crate) fn version(&self) -> &Arc<Version> {
        &self.version
    }

    pub(crate) fn into_parts(self) -> (Arc<Version>, Option<Draft>) {
        (self.version, self.draft.map(Mutex::into_inner))
    }

    pub(super) fn source(&self) -> Source<'_> {
        self.version.source()
    }

    /// A store's tree in the snapshot; an empty one for a store that the transaction creates.
    pub(super) fn tree(&self, store: StoreId) -> Option<Tree> {
        self.version.tree(store).copied()
    }

    /// A value in the snapshot.
    pub(super) fn find(&self, tree: &Tree, key: &[u8]) -> Result<Option<&[u8]>> {
        tree.value(self.source(), key)
    }

    /// Works on the draft, if there is one.
    pub(crate) fn drafted<T>(&self, work: impl FnOnce(&mut Draft) -> T) -> Option<T> {
        self.draft.as_ref().map(|draft| work(&mut draft.lock()))
    }

    /// Notes a tree that will be a whole store.
    pub(crate) fn set_loaded(&self, store: StoreId, loaded: Loaded) {
        self.drafted(|draft| draft.load(store, loaded));
    }

    /// Stores that are empty in the snapshot and get much, with their node sizes.
    pub(crate) fn large_new_stores(&self) -> Vec<(StoreId, usize)> {
        let large = |draft: &mut Draft| {
            let stores = draft.stores.iter().filter(|(_, own)| own.is_large());
            stores.map(|(store, _)| store).collect::<Vec<_>>()
        };
        let stores = self.drafted(large).unwrap_or_default().into_iter();
        let empty = stores.filter_map(|store| {
            let view = self.store_by_id(store).ok()?;
            let tree = view.tree();
            (tree.entries == 0).then_some((store, tree.node_size))
        });
        empty.collect()
    }
}
