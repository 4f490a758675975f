//! After the manifest: reading from the new segments, and forgetting dead ones.

use std::{collections::BTreeMap, sync::Arc};

use super::{Ground, live_bytes};
use crate::{
    disk,
    error::Result,
    id::SegmentId,
    node::{Link, Segment},
    tree::Flushed,
};

/// Lets the newest trees read what was flushed from the segments, and drops dead segments.
pub(super) fn settle(
    ground: &impl Ground,
    segments: &[Arc<Segment>],
    flushed: &Flushed,
    dead: &[SegmentId],
) -> Result<()> {
    for (block, address) in flushed {
        block.get().written(*address);
    }
    let written = live_bytes(flushed);
    ground.rework(&mut |builder, base| {
        let (gone, kept): (Vec<_>, Vec<_>) =
            base.segments().iter().cloned().partition(|segment| dead.contains(&segment.id()));
        builder.set_segments(kept.into_iter().chain(segments.iter().cloned()).collect());
        let mut linked: BTreeMap<SegmentId, u64> = BTreeMap::new();
        let mut settled = |link: Link| {
            if let Some(address) = link.address() {
                *linked.entry(address.segment).or_default() += address.footprint();
            }
        };
        builder.rework(|editor, _, tree| editor.settle(tree, &mut settled))?;
        // What later commits replaced while it was being written is dead on arrival.
        for (id, bytes) in &written {
            let linked = linked.get(id).copied().unwrap_or(0);
            builder.note_dead(*id, bytes.saturating_sub(linked));
        }
        // The files go when the last version that reads them does.
        for segment in gone {
            segment.set_doomed(true);
        }
        Ok(())
    })?;
    ground.newest().segments().fit_into(disk::memory_limit());
    Ok(())
}
