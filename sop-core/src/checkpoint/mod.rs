//! Making a version durable as a whole, so that the log before it can go.
//!
//! In this order, each step durable before the next: what is only in memory goes to new segments;
//! a manifest names everything that is live at one log position; only then may anything go that
//! the manifest does not name. All of it happens beside commits, on a version that is held like
//! any reader's snapshot. Commits are stopped for a moment only, to [`settle`] the newest
//! trees on the new segments.
//!
//! Space comes back by [`rewrite`]: what is left in sparse segments is copied into memory, so that
//! the next checkpoint writes it anew and the old segments are dropped as dead.

mod rewrite;
mod settle;

pub(crate) use rewrite::{Sparse, rewrite};

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::Result,
    guard::{self, Guard},
    id::{Position, SegmentId},
    log::Bookmark,
    node::{Segment, SegmentFolder, SegmentSink},
    sync::MutexGuard,
    tree::{self, Flushed},
    version::{Accounts, Builder, Manifest, ManifestFolder, SegmentInfo, Version},
};

/// What is checkpointed: a database that others go on committing to.
pub(crate) trait Ground {
    /// The newest published version.
    fn newest(&self) -> Arc<Version>;

    /// Makes everything that was acknowledged durable; gives the state that is durable now, and
    /// where the log goes on after it.
    fn sync(&self) -> Result<(Arc<Version>, Bookmark)>;

    /// Changes how the trees are stored, not what they hold, while no commit is in flight.
    fn rework(&self, work: &mut dyn FnMut(&mut Builder, &Version) -> Result<()>) -> Result<()>;

    /// A checkpoint holds everything before a place: that part of the log may go.
    fn release_log(&self, upto: &Bookmark) -> Result<()>;

    /// How much of each segment is linked to.
    fn accounts(&self) -> MutexGuard<'_, Accounts>;

    /// Where segments are.
    fn folder(&self) -> &Arc<SegmentFolder>;
}

/// Writes one checkpoint after another.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    manifests: Arc<ManifestFolder>,
    /// The newest manifest's number, and the position that it holds everything up to.
    newest: (u64, Position),
}

/// What a checkpoint brings into being before it is durable.
struct Written {
    manifest: Manifest,
    segments: Vec<Arc<Segment>>,
    flushed: Flushed,
    /// Segments that nothing links to any more.
    dead: Vec<SegmentId>,
}

impl Checkpointer {
    pub(crate) fn new(manifests: Arc<ManifestFolder>, newest: &Manifest) -> Self {
        Self { manifests, newest: (newest.number, newest.position()) }
    }

    /// Makes the newest published version durable as a whole, unless it is already; whether
    /// anything was written.
    ///
    /// If it fails, nothing is lost: the log still holds everything since the last one.
    pub(crate) fn run(&mut self, ground: &impl Ground) -> Result<bool> {
        let (version, place) = ground.sync()?;
        let position = place.position();
        let Some(written) = self.write(ground, &version, place.clone())? else { return Ok(false) };
        if !guard::stands(Guard::ManifestFirst) {
            ground.release_log(&place)?;
        }
        if let Err(error) = self.manifests.save(&written.manifest) {
            if self.manifests.may_have(written.manifest.number)
                && guard::stands(Guard::NamedSegments)
            {
                // It took its name, so the next opening may read it: what it names must be there.
                written.segments.iter().for_each(|segment| segment.set_doomed(false));
            }
            return Err(error);
        }
        self.newest = (written.manifest.number, position);
        // From here on the manifest is the truth, whatever fails.
        let Written { manifest, segments, flushed, dead } = written;
        for segment in &segments {
            segment.set_doomed(false);
        }
        let live = manifest.segments.iter().map(|segment| (segment.id, *segment)).collect();
        ground.accounts().settle(position, live);
        settle::settle(ground, &segments, &flushed, &dead)?;
        ground.release_log(&place)?;
        self.manifests.remove_all_but(manifest.number)?;
        tracing::debug!(
            number = manifest.number,
            position = position.0,
            nodes = flushed.len(),
            "checkpoint"
        );
        Ok(true)
    }

    /// Writes what is in memory only; nothing if the last checkpoint holds everything.
    fn write(
        &self,
        ground: &impl Ground,
        version: &Arc<Version>,
        place: Bookmark,
    ) -> Result<Option<Written>> {
        let mut sink = SegmentSink::new(Arc::clone(ground.folder()));
        let mut flushed = Flushed::new();
        let mut trees = Vec::with_capacity(version.forest().len());
        for (store, tree) in version.forest().iter() {
            let tree = tree::flush(version.source(), tree, &mut sink, &mut flushed)?;
            trees.push((store, tree));
        }
        if flushed.is_empty() && place.position() == self.newest.1 {
            return Ok(None);
        }
        let segments = sink.finish()?;
        let mut table = ground.accounts().at(place.position());
        let live = live_bytes(&flushed);
        for (segment, values) in &segments {
            let (id, len, values) = (segment.id(), segment.len(), *values);
            let live = live.get(&id).copied().unwrap_or(0);
            table.insert(id, SegmentInfo { id, len, live, values });
        }
        let (live, dead): (Vec<_>, Vec<_>) =
            table.into_values().partition(|segment| segment.live > 0);
        let manifest = Manifest {
            number: self.newest.0 + 1,
            log: place,
            floor: Position::ZERO,
            next_store: version.next_store(),
            next_segment: ground.folder().next_id(),
            trees,
            segments: live,
        };
        let segments = segments.into_iter().map(|(segment, _)| segment).collect();
        let dead = dead.into_iter().map(|segment| segment.id).collect();
        Ok(Some(Written { manifest, segments, flushed, dead }))
    }
}

/// Bytes that were written to each segment.
fn live_bytes(flushed: &Flushed) -> BTreeMap<SegmentId, u64> {
    let mut live = BTreeMap::new();
    for (_, address) in flushed {
        *live.entry(address.segment).or_default() += address.footprint();
    }
    live
}
