//! The newest version that readers may see.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{Change, Registry, Version};
use crate::{
    id::Position,
    node::BlockRef,
    sync::{ArcSwap, Mutex},
};

/// Hands out the newest published version and takes the next one.
#[derive(Debug)]
pub(crate) struct Published {
    current: ArcSwap<Version>,
    registry: Arc<Registry>,
    /// Whoever waits for the next version.
    waiting: Mutex<Vec<Waker>>,
}

impl Published {
    /// Begins with a version that recovery made.
    pub(crate) fn new(version: Version) -> Self {
        let registry = Arc::new(Registry::default());
        let version = register(Arc::new(version), &registry, Vec::new());
        Self { current: ArcSwap::from(version), registry, waiting: Mutex::new(Vec::new()) }
    }

    /// The newest published version. What it sees stays as long as it is held.
    pub(crate) fn load(&self) -> Arc<Version> {
        self.current.load_full()
    }

    /// Replaces the newest version by the one built on it.
    pub(crate) fn publish(&self, version: Arc<Version>, change: &mut Change) {
        let retired = mem::take(&mut change.retired);
        self.current.store(register(version, &self.registry, retired));
        self.wake();
    }

    /// Wakes all that wait: a version was published, or none will be any more.
    pub(crate) fn wake(&self) {
        let waiting = mem::take(&mut *self.waiting.lock());
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready once there is a version that came after a position.
    pub(crate) fn poll_newer(&self, position: Position, context: &Context<'_>) -> Poll<()> {
        // The waker goes in first, or a version published in between would wake nobody.
        {
            let mut waiting = self.waiting.lock();
            if !waiting.iter().any(|known| known.will_wake(context.waker())) {
                waiting.push(context.waker().clone());
            }
        }
        if self.load().position() > position { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The oldest checkpoint from a number on that a live version reads the segments of.
    pub(crate) fn oldest_checkpoint(&self, from: u64) -> Option<u64> {
        self.registry.oldest_checkpoint(from)
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
    let place = (version.position, version.segments.checkpoint());
    registry.publish(version.generation, place, retired);
    version.registry.get_or_init(|| Arc::clone(registry));
    version
}
