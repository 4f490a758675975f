//! Writing the trees of a state to segments, as far as they are not there yet.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::Result,
    id::{SegmentId, StoreId},
    node::{Segment, SegmentFolder, SegmentSink},
    tree::{self, Flushed, Tree},
    version::{SegmentInfo, Version},
};

/// Trees that segments hold, and what was written for that.
pub(crate) struct Stored {
    pub(crate) trees: Vec<(StoreId, Tree)>,
    pub(crate) flushed: Flushed,
    /// Durable, and doomed until somebody says otherwise; each with whether values stand in it.
    pub(crate) segments: Vec<(Arc<Segment>, bool)>,
}

/// Writes what is in memory only to new segments, for the manifest of a number.
pub(crate) fn store(folder: &Arc<SegmentFolder>, version: &Version, number: u64) -> Result<Stored> {
    let mut sink = SegmentSink::for_manifest(Arc::clone(folder), number);
    let mut flushed = Flushed::new();
    let mut trees = Vec::with_capacity(version.forest().len());
    for (store, tree) in version.forest().iter() {
        let tree = tree::flush(version.source(), tree, &mut sink, &mut flushed)?;
        trees.push((store, tree));
    }
    Ok(Stored { trees, flushed, segments: sink.finish()? })
}

impl Stored {
    /// What a manifest says of the new segments.
    pub(crate) fn table(&self) -> impl Iterator<Item = (SegmentId, SegmentInfo)> {
        let live = live_bytes(&self.flushed);
        self.segments.iter().map(move |(segment, values)| {
            let (id, len, values) = (segment.id(), segment.len(), *values);
            let live = live.get(&id).copied().unwrap_or(0);
            (id, SegmentInfo { id, len, live, values })
        })
    }
}

/// Bytes that were written to each segment.
pub(super) fn live_bytes(flushed: &Flushed) -> BTreeMap<SegmentId, u64> {
    let mut live = BTreeMap::new();
    for (_, address) in flushed {
        *live.entry(address.segment).or_default() += address.footprint();
    }
    live
}
