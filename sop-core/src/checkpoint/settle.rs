//! After the manifest: reading from the new segments, and forgetting dead ones.

use std::collections::BTreeMap;

use super::{Ground, Written, store::live_bytes};
use crate::{
    disk,
    error::Result,
    id::SegmentId,
    node::{Link, Segments},
    version::{Builder, Version},
};

/// Lets the newest trees read what was flushed from the segments, and drops dead segments.
pub(super) fn settle(ground: &impl Ground, written: &Written, lineage: u64) -> Result<()> {
    for (block, address) in &written.flushed {
        block.get().written(*address);
    }
    ground.rework(&mut |builder, base| {
        // Trees that were read from a newer checkpoint meanwhile have their own segments.
        if base.lineage() == lineage {
            settle_trees(ground, written, builder, base)
        } else {
            Ok(())
        }
    })?;
    ground.newest().segments().fit_into(disk::memory_limit());
    Ok(())
}

fn settle_trees(
    ground: &impl Ground,
    Written { manifest, segments, flushed, dead }: &Written,
    builder: &mut Builder,
    base: &Version,
) -> Result<()> {
    let live = manifest.segments.iter().map(|segment| (segment.id, *segment)).collect();
    ground.accounts().settle(manifest.position(), live);
    let (gone, kept): (Vec<_>, Vec<_>) =
        base.segments().iter().cloned().partition(|segment| dead.contains(&segment.id()));
    let read = Segments::new(kept.into_iter().chain(segments.iter().cloned()).collect());
    builder.set_segments(read.of_checkpoint(manifest.number));
    let mut linked: BTreeMap<SegmentId, u64> = BTreeMap::new();
    let mut settled = |link: Link| {
        if let Some(address) = link.address() {
            *linked.entry(address.segment).or_default() += address.footprint();
        }
    };
    builder.rework(|editor, _, tree| editor.settle(tree, &mut settled))?;
    // What later commits replaced while it was being written is dead on arrival.
    for (id, bytes) in &live_bytes(flushed) {
        let linked = linked.get(id).copied().unwrap_or(0);
        builder.note_dead(*id, bytes.saturating_sub(linked));
    }
    if manifest.is_shared() {
        // Others read them for a while; see `collect`.
        return Ok(());
    }
    // The files go when the last version that reads them does.
    for segment in gone {
        segment.set_doomed(true);
    }
    Ok(())
}
