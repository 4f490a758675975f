//! The newest version that readers may see.

use std::sync::Arc;

use super::{Change, Registry, Version};
use crate::{id::Position, node::BlockRef, sync::ArcSwap};

/// Hands out the newest published version and takes the next one.
#[derive(Debug)]
pub(crate) struct Published {
    current: ArcSwap<Version>,
    registry: Arc<Registry>,
}

impl Published {
    /// Begins with a version that recovery made.
    pub(crate) fn new(version: Version) -> Self {
        let registry = Arc::new(Registry::default());
        let version = register(Arc::new(version), &registry, Vec::new());
        Self { current: ArcSwap::from(version), registry }
    }

    /// The newest published version. What it sees stays as long as it is held.
    pub(crate) fn load(&self) -> Arc<Version> {
        self.current.load_full()
    }

    /// Replaces the newest version by the one built on it.
    pub(crate) fn publish(&self, version: Arc<Version>, change: &mut Change) {
        let retired = std::mem::take(&mut change.retired);
        self.current.store(register(version, &self.registry, retired));
    }

    /// How many versions are alive, the newest included, and the log position of the oldest.
    pub(crate) fn census(&self) -> (usize, Option<Position>) {
        self.registry.census()
    }
}

fn register(
    version: Arc<Version>,
    registry: &Arc<Registry>,
    retired: Vec<BlockRef>,
) -> Arc<Version> {
    registry.publish(version.generation, version.position, retired);
    version.registry.get_or_init(|| Arc::clone(registry));
    version
}
