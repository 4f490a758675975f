//! Making the next version.

use std::{collections::BTreeMap, sync::Arc};

use super::{Forest, Holds, SegmentInfo, State, Version, holds_of};
use crate::{
    delta::{Action, Delta, Graft, NewSegment, StoreDelta},
    error::{Error, Result},
    id::{Generation, Position, SegmentId, StoreId},
    limit::{SEGMENT_ALIGN, SEGMENT_SPREAD_MAX},
    node::{BlockRef, Link, SegmentFolder, Segments, Source},
    sync::OnceLock,
    tree::{Editor, Tree},
};

/// What a new version does away with, to be told to whoever accounts for it.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Blocks that the version before sees and the new one does not.
    pub(super) retired: Vec<BlockRef>,
    /// Bytes of segments that nothing links to any more.
    pub(crate) dead: Vec<(SegmentId, u64)>,
    /// Segments that came with a batch.
    pub(crate) added: Vec<SegmentInfo>,
    /// Change of the bytes held in blocks.
    pub(crate) dirty: i64,
}

/// A version being made from the one before it.
///
/// After an error it must be dropped: its trees may be half changed.
#[derive(Debug)]
pub(crate) struct Builder {
    generation: Generation,
    lineage: u64,
    position: Position,
    next_store: StoreId,
    forest: Forest,
    segments: Arc<Segments>,
    holds: OnceLock<Arc<Holds>>,
    change: Change,
}

impl Builder {
    /// Begins with the same trees as `base`, to become the state at `position`.
    pub(crate) fn new(base: &Version, position: Position) -> Self {
        Self {
            generation: base.generation.next(),
            lineage: base.lineage,
            position,
            next_store: base.next_store,
            forest: base.forest.clone(),
            segments: Arc::clone(&base.segments),
            holds: base.known_holds(),
            change: Change::default(),
        }
    }

    /// Puts other trees in the place of all: those of a state that holds at least as much. Nothing
    /// is shared with them.
    pub(super) fn restart(
        &mut self,
        (position, next_store): (Position, StoreId),
        forest: Forest,
        segments: Segments,
    ) -> Result<()> {
        let trees: Vec<_> = self.forest.iter().map(|(_, tree)| *tree).collect();
        self.edit(|editor| trees.iter().try_for_each(|tree| editor.forget(tree)))?;
        (self.position, self.next_store, self.forest) = (position, next_store, forest);
        self.segments = Arc::new(segments);
        self.holds = OnceLock::new();
        self.lineage += 1;
        Ok(())
    }

    /// What is applied from now on happens at `position`.
    pub(crate) fn advance(&mut self, position: Position) {
        self.position = position;
    }

    pub(crate) fn next_store(&self) -> StoreId {
        self.next_store
    }

    /// Applies one transaction's resolved writes.
    pub(crate) fn apply(&mut self, delta: &Delta<'_>, folder: &SegmentFolder) -> Result<()> {
        delta.stores.iter().try_for_each(|store| self.apply_store(store, folder))
    }

    fn apply_store(&mut self, delta: &StoreDelta<'_>, folder: &SegmentFolder) -> Result<()> {
        let store = delta.store;
        if store == StoreId::PREPARED {
            self.holds = OnceLock::new();
        }
        match &delta.action {
            Action::Keep => {}
            Action::Create { .. } if self.forest.get(store).is_some() => {
                return Err(Error::StoreExists { name: format!("number {store}") });
            }
            Action::Create { node_size } => {
                if !store.is_own() {
                    self.next_store = self.next_store.max(StoreId(store.0 + 1));
                }
                self.forest.set(store, Tree::empty(*node_size as usize));
            }
            Action::Drop => {
                let tree = self.existing(store)?;
                self.edit(|editor| {
                    editor.retire_tree(&tree);
                    Ok(())
                })?;
                self.forest.remove(store);
            }
            Action::Graft(graft) => {
                let old = self.existing(store)?;
                self.edit(|editor| {
                    editor.retire_tree(&old);
                    Ok(())
                })?;
                let tree = self.graft(graft, folder)?;
                self.forest.set(store, tree);
            }
            Action::Place(segments) => self.place(segments, delta, folder)?,
        }
        if delta.writes.is_empty() {
            return Ok(());
        }
        let tree = self.existing(store)?;
        let tree = self.edit(|editor| editor.apply(tree, &delta.writes))?;
        self.forest.set(store, tree);
        Ok(())
    }

    fn existing(&self, store: StoreId) -> Result<Tree> {
        let missing = || Error::StoreNotFound { name: format!("number {store}") };
        self.forest.get(store).copied().ok_or_else(missing)
    }

    fn graft(&mut self, graft: &Graft, folder: &SegmentFolder) -> Result<Tree> {
        let all_live = |segment: &NewSegment| segment.len.saturating_sub(SEGMENT_ALIGN as u64);
        self.add_segments(&graft.segments, all_live, folder)?;
        Ok(Tree {
            root: Some(Link::Disk(graft.root)),
            levels: usize::from(graft.levels),
            entries: graft.entries,
            node_size: graft.node_size as usize,
            grafted: self.position.0,
        })
    }

    /// Takes in segments that hold values of a delta.
    fn place(
        &mut self,
        segments: &[NewSegment],
        delta: &StoreDelta<'_>,
        folder: &SegmentFolder,
    ) -> Result<()> {
        let mut live = BTreeMap::<_, u64>::new();
        for address in delta.placed() {
            *live.entry(address.segment).or_default() += address.footprint();
        }
        let live = |segment: &NewSegment| live.get(&segment.id).copied().unwrap_or(0);
        self.add_segments(segments, live, folder)
    }

    fn add_segments(
        &mut self,
        new: &[NewSegment],
        live: impl Fn(&NewSegment) -> u64,
        folder: &SegmentFolder,
    ) -> Result<()> {
        let mut segments: Vec<_> = self.segments.iter().cloned().collect();
        for segment in new {
            segments.push(folder.open(segment.id, segment.len)?);
            let NewSegment { id, len, values } = *segment;
            self.change.added.push(SegmentInfo { id, len, live: live(segment), values });
        }
        let numbers = segments.iter().map(|segment| segment.id().0);
        let (first, last) = (numbers.clone().min().unwrap_or(0), numbers.max().unwrap_or(0));
        if last - first > SEGMENT_SPREAD_MAX {
            // The table of segments is as long as their numbers are apart.
            let reason = format!("segments {first} and {last}, too far apart for one database");
            return Err(Error::Corrupt { path: "log".into(), offset: 0, reason });
        }
        let checkpoint = self.segments.checkpoint();
        self.segments = Arc::new(Segments::new(segments).of_checkpoint(checkpoint));
        Ok(())
    }

    /// Changes every tree in turn without changing what it holds.
    pub(crate) fn rework(
        &mut self,
        mut act: impl FnMut(&mut Editor<'_>, StoreId, Tree) -> Result<Tree>,
    ) -> Result<()> {
        let trees: Vec<_> = self.forest.iter().map(|(store, tree)| (store, *tree)).collect();
        for (store, tree) in trees {
            let tree = self.edit(|editor| act(editor, store, tree))?;
            self.forest.set(store, tree);
        }
        Ok(())
    }

    /// Replaces the segments that the version reads.
    pub(crate) fn set_segments(&mut self, segments: Segments) {
        self.segments = Arc::new(segments);
    }

    /// Notes bytes of a segment that nothing links to.
    pub(crate) fn note_dead(&mut self, segment: SegmentId, bytes: u64) {
        if bytes > 0 {
            self.change.dead.push((segment, bytes));
        }
    }

    fn edit<T>(&mut self, act: impl FnOnce(&mut Editor<'_>) -> Result<T>) -> Result<T> {
        let segments = Arc::clone(&self.segments);
        let source = Source::new(&segments);
        let mut editor = Editor::new(source, self.generation, self.position.0);
        let result = act(&mut editor)?;
        let (retired, dirty) = editor.finish();
        self.change.dirty += dirty;
        for link in retired {
            match link {
                Link::Memory(block) => self.change.retired.push(block),
                Link::Disk(address) => {
                    self.change.dead.push((address.segment, address.footprint()));
                }
            }
        }
        Ok(result)
    }

    /// Gives up what was built since the base, with the segments that came with it. No call may
    /// have failed.
    pub(crate) fn discard(self) {
        let added = self.change.added.iter().map(|info| info.id).collect::<Vec<_>>();
        for segment in self.segments.iter().filter(|segment| added.contains(&segment.id())) {
            segment.set_doomed(true);
        }
        self.retract();
    }

    /// Gives up what was built since the base; segments that came with it stay. No call may have
    /// failed.
    pub(crate) fn retract(self) {
        let (version, _) = self.finish();
        version.discard();
    }

    /// The version as it is now, and what it does away with.
    pub(crate) fn finish(self) -> (Version, Change) {
        let version = Version {
            generation: self.generation,
            lineage: self.lineage,
            position: self.position,
            next_store: self.next_store,
            forest: self.forest,
            segments: self.segments,
            holds: self.holds,
            registry: OnceLock::new(),
        };
        (version, self.change)
    }
}

impl State for Builder {
    fn source(&self) -> Source<'_> {
        Source::new(&self.segments)
    }

    fn tree(&self, store: StoreId) -> Option<&Tree> {
        self.forest.get(store)
    }

    fn holds(&self) -> Result<Option<Arc<Holds>>> {
        holds_of(self, &self.holds)
    }
}
