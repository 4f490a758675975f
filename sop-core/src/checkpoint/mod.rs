//! Making a version durable as a whole, so that the log before it can go.
//!
//! In this order, each step durable before the next: what is only in memory goes to new segments;
//! a manifest names everything that is live at one log position; only then may anything go that
//! the manifest does not name. All of it happens beside commits, on a version that is held like
//! any reader's snapshot. Commits are stopped for a moment only, to [`settle`] the newest
//! trees on the new segments.
//!
//! Where many processes share the folder, any of them writes a checkpoint, on the newest one. Who is
//! the first to link the manifest of the next number has written it; all that the others have
//! written for that number goes. What no kept manifest names, [`collect`] removes.
//!
//! Space comes back by [`rewrite`]: what is left in sparse segments is copied into memory, so that
//! the next checkpoint writes it anew and the old segments are dropped as dead.

mod collect;
mod orphans;
mod rewrite;
mod settle;
mod store;

pub(crate) use rewrite::{Sparse, rewrite};
pub(crate) use store::{Stored, store};

use std::sync::Arc;

use self::collect::Collector;

use crate::{
    error::{Error, Result},
    guard::{self, Guard},
    id::{Position, SegmentId},
    log::{
        Bookmark,
        shared::{Member, Slots, author},
    },
    node::{Segment, SegmentFolder},
    sync::MutexGuard,
    tree::Flushed,
    version::{
        Accounts, Builder, Footing, Manifest, ManifestFolder, PinFolder, SegmentInfo, Version,
    },
};

/// What is checkpointed: a database that others go on committing to.
pub(crate) trait Ground {
    /// The newest published version.
    fn newest(&self) -> Arc<Version>;

    /// Makes everything that was acknowledged durable; gives the state that is durable now, and
    /// where the log goes on after it.
    fn sync(&self) -> Result<(Arc<Version>, Bookmark)>;

    /// The checkpoint that the next one builds on: the newest one, whoever wrote it.
    fn footing(&self) -> Result<Footing>;

    /// The trees are about to be settled on a new checkpoint.
    fn set_footing(&self, footing: Footing);

    /// Which of those who share the folder this process is, once more if it was expelled, and the
    /// files of their log; nothing if nobody shares it.
    fn membership(&self) -> Result<Option<(Member, Slots)>>;

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
    /// How many slots of a shared log are kept behind a checkpoint.
    slots_kept: u64,
    collector: Collector,
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
    pub(crate) fn new(manifests: Arc<ManifestFolder>, pins: PinFolder, slots_kept: u64) -> Self {
        Self { manifests, slots_kept, collector: Collector::new(pins) }
    }

    /// The manifests that it writes.
    pub(crate) fn manifests(&self) -> &ManifestFolder {
        &self.manifests
    }

    /// Makes the newest published version durable as a whole, unless it is already or another
    /// process was faster; whether anything was written.
    ///
    /// If it fails, nothing is lost: the log still holds everything since the last one.
    pub(crate) fn run(&mut self, ground: &impl Ground) -> Result<bool> {
        loop {
            let membership = ground.membership()?;
            let member = membership.as_ref().map(|(member, _)| *member);
            match self.attempt(ground, membership.as_ref()) {
                // Others have removed what it had written; it begins anew as somebody else.
                Err(Error::Expelled)
                    if ground.membership()?.map(|(member, _)| member) != member => {}
                outcome => return outcome,
            }
        }
    }

    /// The same, as long as the process is the same member.
    fn attempt(
        &mut self,
        ground: &impl Ground,
        membership: Option<&(Member, Slots)>,
    ) -> Result<bool> {
        let base = ground.footing()?;
        let (version, place) = ground.sync()?;
        let position = place.position();
        let written = match self.write(ground, &base, &version, place.clone()) {
            Ok(Some(written)) => written,
            // Another one has the number, and has removed what this one has written for it.
            Err(Error::SnapshotTooOld) if membership.is_some() => return Ok(false),
            Ok(None) => return Ok(false),
            Err(error) => return Err(error),
        };
        if !guard::stands(Guard::ManifestFirst) {
            ground.release_log(&place)?;
        }
        let member = membership.map(|(member, _)| *member);
        if !guard::stands(Guard::FloorBeforeRemoval)
            && let Some((_, slots)) = membership
        {
            slots.remove_up_to(written.manifest.floor)?;
        }
        if !self.save(&written, member)? && guard::stands(Guard::LoserBeginsAnew) {
            // The segments go with this, which nobody has seen.
            return Ok(false);
        }
        // From here on the manifest is the truth, whatever fails.
        for segment in &written.segments {
            segment.set_doomed(false);
        }
        let number = written.manifest.number;
        if member.is_some()
            && self.manifests.newest_number()? != number
            && guard::stands(Guard::LateManifests)
        {
            // It came so late that its number was free again. It is in nobody's way.
            return Ok(false);
        }
        ground.set_footing(written.manifest.footing());
        settle::settle(ground, &written, version.lineage())?;
        ground.release_log(&place)?;
        match membership {
            Some((_, slots)) => {
                let newest = written.manifest.footing();
                self.collector.run(ground, &self.manifests, (slots, &newest))?;
            }
            None => _ = self.manifests.remove_all_but(number)?,
        }
        let Written { manifest, flushed, .. } = written;
        tracing::debug!(
            number = manifest.number,
            position = position.0,
            nodes = flushed.len(),
            "checkpoint"
        );
        Ok(true)
    }

    /// Makes the manifest durable; whether it has its number. Another member may have taken that.
    fn save(&self, written: &Written, member: Option<Member>) -> Result<bool> {
        let number = written.manifest.number;
        let saved = match member {
            Some(member) => self.manifests.publish(&written.manifest, &author(member)),
            None => self.manifests.save(&written.manifest).map(|()| true),
        };
        saved.inspect_err(|_| {
            let may_be_there = member.is_some() || self.manifests.may_have(number);
            if may_be_there && guard::stands(Guard::NamedSegments) {
                // It took its name, so the next opening may read it: what it names must be there.
                written.segments.iter().for_each(|segment| segment.set_doomed(false));
            }
        })
    }

    /// Writes what is in memory only; nothing if the last checkpoint holds everything.
    fn write(
        &self,
        ground: &impl Ground,
        base: &Footing,
        version: &Arc<Version>,
        place: Bookmark,
    ) -> Result<Option<Written>> {
        let number = base.number + 1;
        let stored = store(ground.folder(), version, number)?;
        if stored.flushed.is_empty() && place.position() == base.log.position() {
            return Ok(None);
        }
        let is_shared = matches!(place, Bookmark::Slots(_));
        let mut table = ground.accounts().at(place.position());
        table.extend(stored.table());
        let Stored { trees, flushed, segments } = stored;
        // What came and went since, others may still read for a while: it is named once.
        let is_named = |segment: &SegmentInfo| {
            segment.live > 0 || is_shared && !ground.accounts().has_recorded(segment.id)
        };
        let (live, dead): (Vec<_>, Vec<_>) = table.into_values().partition(is_named);
        let (next_segment, floor) = match &place {
            Bookmark::Frames(_) => (ground.folder().next_id(), Position::ZERO),
            Bookmark::Slots(anchor) => {
                let floor = Position(anchor.tip.position.0.saturating_sub(self.slots_kept));
                (anchor.next_segment, floor.max(base.floor))
            }
        };
        let manifest = Manifest {
            number,
            log: place,
            floor,
            next_store: version.next_store(),
            next_segment,
            trees,
            segments: live,
        };
        let segments = segments.into_iter().map(|(segment, _)| segment).collect();
        let dead = dead.into_iter().map(|segment| segment.id).collect();
        Ok(Some(Written { manifest, segments, flushed, dead }))
    }
}
