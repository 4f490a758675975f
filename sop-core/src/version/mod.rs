//! States of all trees, and the one function that makes the next state of the one before.
//!
//! A [`Version`] is immutable: a log position, the trees as they were at it, and the segments they
//! read. Committing, recovering and catching up all make the next version with a [`Builder`],
//! which applies deltas; nothing else changes what a tree holds. [`Published`] hands out the newest
//! version; the [`registry`] knows which versions are alive and frees what only the dead ones saw.

mod accounts;
mod builder;
mod floor;
mod forest;
mod holds;
mod intent;
pub(crate) mod manifest;
mod manifest_folder;
mod pins;
mod published;
mod registry;
mod replay;

use std::sync::Arc;

pub(crate) use accounts::Accounts;
pub(crate) use builder::{Builder, Change};
pub(crate) use floor::ManifestFloor;
pub(crate) use forest::Forest;
pub(crate) use holds::Holds;
pub(crate) use intent::{Intent, NameChange, StoreIntent};
pub(crate) use manifest::{Footing, Manifest, SegmentInfo};
pub(crate) use manifest_folder::{ManifestFolder, manifest_name, oldest_kept};
pub(crate) use pins::{Pin, PinFolder};
pub(crate) use published::Published;
use registry::Registry;
pub(crate) use replay::Replay;

use crate::{
    error::Result,
    id::{Generation, Position, StoreId},
    node::{BlockRef, Link, NodeView, Pinned, Segments, Source},
    sync::OnceLock,
    tree::Tree,
};

/// An immutable state of all trees.
#[derive(Debug)]
pub(crate) struct Version {
    generation: Generation,
    /// Equal in states whose trees may share nodes.
    lineage: u64,
    position: Position,
    /// The least number that no store has had.
    next_store: StoreId,
    forest: Forest,
    segments: Arc<Segments>,
    /// What prepared transactions hold, once somebody has asked.
    holds: OnceLock<Arc<Holds>>,
    /// Where it is known as alive, from its publication on.
    registry: OnceLock<Arc<Registry>>,
}

impl Version {
    /// A state read from a checkpoint: nothing of it is in memory only.
    pub(crate) fn restored(
        position: Position,
        next_store: StoreId,
        forest: Forest,
        segments: Segments,
    ) -> Self {
        let segments = Arc::new(segments);
        let (generation, holds, registry) = (Generation(0), OnceLock::new(), OnceLock::new());
        Self { generation, lineage: 0, position, next_store, forest, segments, holds, registry }
    }

    /// Equal in states whose trees may share nodes, because they were all built on one checkpoint or
    /// on states before it. Another one if the trees were read anew from somebody else's.
    pub(crate) fn lineage(&self) -> u64 {
        self.lineage
    }

    /// The log position it is the state at.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    pub(crate) fn next_store(&self) -> StoreId {
        self.next_store
    }

    pub(crate) fn forest(&self) -> &Forest {
        &self.forest
    }

    pub(crate) fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    #[inline]
    pub(crate) fn source(&self) -> Source<'_> {
        Source::new(&self.segments)
    }

    /// A store's tree, if the store exists in this state.
    #[inline]
    pub(crate) fn tree(&self, store: StoreId) -> Option<&Tree> {
        self.forest.get(store)
    }

    /// What is known of what prepared transactions hold, for a version that is built on this one.
    fn known_holds(&self) -> OnceLock<Arc<Holds>> {
        let known = OnceLock::new();
        if let Some(holds) = self.holds.get() {
            known.get_or_init(|| Arc::clone(holds));
        }
        known
    }

    /// Frees what was made for a version that was never published and that nothing was built on.
    pub(crate) fn discard(self) {
        debug_assert!(self.registry.get().is_none(), "published versions free themselves");
        self.free_blocks(self.generation.before());
    }

    /// Frees the blocks of all trees that were made after a generation, or all of them.
    ///
    /// A node is never older than what is below it, so nothing younger hides below an older one.
    fn free_blocks(&self, after: Option<Generation>) {
        let free = |block: &BlockRef| after.is_none_or(|after| block.get().born() > after);
        for (_, tree) in self.forest.iter() {
            if let Some((root, level)) = tree.top() {
                free_node(root, level, &free);
            }
        }
    }
}

fn free_node(link: Link, level: usize, free: &impl Fn(&BlockRef) -> bool) {
    let Link::Memory(block) = link else { return };
    if !free(&block) {
        return;
    }
    let block = block.free();
    let node = NodeView::new(block.bytes());
    for link in node.links() {
        match link {
            _ if level > 0 => free_node(link, level - 1, free),
            Link::Memory(value) if free(&value) => drop(value.free()),
            _ => {}
        }
    }
}

impl Drop for Version {
    fn drop(&mut self) {
        match self.registry.get() {
            // Never published. A later version may have been built on it, so what it made is left
            // alone unless somebody who knows better discards it.
            None => {}
            Some(registry) => {
                if let Some(newest) = registry.release(self.generation) {
                    self.free_blocks(newest.older);
                }
            }
        }
    }
}

/// What a version's trees read, for those who compare two versions.
pub(crate) trait State {
    fn source(&self) -> Source<'_>;

    fn tree(&self, store: StoreId) -> Option<&Tree>;

    /// The value of a key.
    fn value(&self, store: StoreId, key: &[u8]) -> Result<Option<Pinned<'_>>> {
        match self.tree(store) {
            Some(tree) => tree.value(self.source(), key),
            None => Ok(None),
        }
    }

    /// What prepared transactions hold, if there are any.
    fn holds(&self) -> Result<Option<Arc<Holds>>>;

    /// The log position of the last writer of a key, if the key is there.
    fn writer(&self, store: StoreId, key: &[u8]) -> Result<Option<u64>> {
        match self.tree(store) {
            Some(tree) => tree.writer(self.source(), key),
            None => Ok(None),
        }
    }
}

impl State for Version {
    fn source(&self) -> Source<'_> {
        self.source()
    }

    fn tree(&self, store: StoreId) -> Option<&Tree> {
        self.tree(store)
    }

    fn holds(&self) -> Result<Option<Arc<Holds>>> {
        holds_of(self, &self.holds)
    }
}

/// What is held in a state, which need not be found out twice.
fn holds_of(state: &impl State, known: &OnceLock<Arc<Holds>>) -> Result<Option<Arc<Holds>>> {
    if state.tree(StoreId::PREPARED).is_none_or(|tree| tree.entries == 0) {
        return Ok(None);
    }
    if known.get().is_none() {
        let holds = Arc::new(Holds::of(state)?);
        known.get_or_init(|| holds);
    }
    Ok(known.get().cloned())
}
