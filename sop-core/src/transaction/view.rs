//! A snapshot, with a draft over it or without.

use std::sync::Arc;

use super::{
    draft::{Draft, Loaded},
    placing::Placing,
};
use crate::{
    error::{Error, Result},
    id::{Address, StoreId},
    node::{LastFile, Pinned, SegmentFolder, Source},
    sync::{Mutex, OnceLock},
    tree::Tree,
    version::Version,
};

/// What a transaction or a snapshot reads, and what a transaction writes into.
#[derive(Debug)]
pub(crate) struct View {
    version: Arc<Version>,
    draft: Option<Mutex<Draft>>,
    /// Where values are placed, if any may be. Its lock is taken after that of the draft.
    placing: OnceLock<Placing>,
}

impl View {
    /// For reading only.
    pub(crate) fn snapshot(version: Arc<Version>) -> Self {
        Self { version, draft: None, placing: OnceLock::new() }
    }

    /// For reading and writing.
    pub(crate) fn with_draft(version: Arc<Version>, draft: Draft) -> Self {
        Self { version, draft: Some(Mutex::new(draft)), placing: OnceLock::new() }
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
    pub(super) fn find(&self, tree: &Tree, key: &[u8]) -> Result<Option<Pinned<'_>>> {
        tree.value(self.source(), key)
    }

    /// Whether a key is there in the snapshot. A value outside of its leaf is not read.
    pub(super) fn has(&self, tree: &Tree, key: &[u8]) -> Result<bool> {
        Ok(tree.writer(self.source(), key)?.is_some())
    }

    /// Works on the draft, if there is one.
    #[inline]
    pub(crate) fn drafted<T>(&self, work: impl FnOnce(&mut Draft) -> T) -> Option<T> {
        self.draft.as_ref().map(|draft| work(&mut draft.lock()))
    }

    /// From now on values may be placed in segments of this folder.
    pub(crate) fn allow_placing(&self, folder: &Arc<SegmentFolder>) {
        self.placing.get_or_init(|| Placing::new(Arc::clone(folder)));
    }

    /// Writes a value to a segment; its address is to go into the draft.
    pub(super) fn place(&self, store: StoreId, value: &[u8]) -> Result<Address> {
        self.placing.get().ok_or(Error::ReadOnly)?.place(store, value)
    }

    /// Fills `buf` with a value that the transaction has placed.
    pub(super) fn read_placed(
        &self,
        placed: (StoreId, Address),
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        self.placing.get().ok_or(Error::ReadOnly)?.read(placed, buf, last)
    }

    /// A value that the transaction has placed, as a whole.
    pub(super) fn find_placed(&self, store: StoreId, address: Address) -> Result<Vec<u8>> {
        let mut value = vec![0; address.len as usize];
        self.read_placed((store, address), &mut value, &mut LastFile::default())?;
        Ok(value)
    }

    /// Makes placed values durable that the draft links to. No more can be placed or read back.
    pub(crate) fn finish_placing(&self) -> Result<()> {
        let Some(placing) = self.placing.get() else { return Ok(()) };
        self.drafted(|draft| placing.finish(draft)).unwrap_or(Ok(()))
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
