//! Which states are alive, and the blocks that some of them still see though the newest does not.
//!
//! The list of each state holds the blocks that it sees and its successor does not. When a state
//! is dropped, a block of its list that was made after the next older live state is seen by nobody
//! any more and is freed; the others move to that older state's list. So a state that is held for
//! long keeps what it sees and nothing else, and dropping it costs what it alone kept. (The
//! deadlists of ZFS snapshots work so on disk.) The newest state is only dropped when the database
//! is; it then frees what no older one sees.

use std::collections::BTreeMap;

use crate::{
    guard::{self, Guard},
    id::{Generation, Position},
    node::BlockRef,
    sync::Mutex,
};

#[derive(Debug, Default)]
pub(crate) struct Registry {
    live: Mutex<BTreeMap<Generation, Live>>,
}

#[derive(Debug)]
struct Live {
    position: Position,
    /// The number of the checkpoint that its segments are of.
    checkpoint: u64,
    /// Seen by this state, not by the next.
    retired: Vec<BlockRef>,
}

/// The newest state is gone, and the next older one that is alive, if any, is this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    pub(super) older: Option<Generation>,
}

impl Registry {
    /// A new newest state, and the blocks that the one before sees and it does not.
    pub(super) fn publish(
        &self,
        generation: Generation,
        (position, checkpoint): (Position, u64),
        retired: Vec<BlockRef>,
    ) {
        let mut live = self.live.lock();
        match live.last_entry() {
            Some(mut before) => before.get_mut().retired.extend(retired),
            // Nobody can see them: recovery replaces states that were never handed out.
            None => retired.into_iter().for_each(|block| drop(block.free())),
        }
        live.insert(generation, Live { position, checkpoint, retired: Vec::new() });
    }

    /// A state that nobody holds any more. If it was the newest, it has no successor to tell what
    /// is still seen: then the caller frees what it sees and the next older live state does not.
    pub(super) fn release(&self, generation: Generation) -> Option<Newest> {
        let mut live = self.live.lock();
        let gone = live.remove(&generation)?;
        let is_newest = live.range(generation..).next().is_none();
        let older = live.range_mut(..generation).next_back();
        if is_newest {
            // What it retired is among what it sees.
            return Some(Newest { older: older.map(|(older, _)| *older) });
        }
        let free = match older {
            None => gone.retired,
            Some((older, state)) => {
                let is_seen = |block: &BlockRef| {
                    block.get().born() <= *older && guard::stands(Guard::SnapshotPin)
                };
                let (seen, free): (Vec<_>, Vec<_>) = gone.retired.into_iter().partition(is_seen);
                state.retired.extend(seen);
                free
            }
        };
        drop(live);
        free.into_iter().for_each(BlockRef::give_back);
        None
    }

    /// The oldest checkpoint from a number on that a live state reads the segments of. Later states
    /// are of later checkpoints.
    pub(super) fn oldest_checkpoint(&self, from: u64) -> Option<u64> {
        let live = self.live.lock();
        live.values().map(|state| state.checkpoint).find(|checkpoint| *checkpoint >= from)
    }

    /// How many states are alive, the newest included, and the log position of the oldest.
    pub(super) fn census(&self) -> (usize, Option<Position>) {
        let live = self.live.lock();
        (live.len(), live.values().next().map(|state| state.position))
    }
}
