//! Emptying sparse segments, so that their space comes back.

use super::Ground;
use crate::{
    error::Result,
    id::{SegmentId, StoreId},
    limit::{
        REWRITE_BYTES_MAX, REWRITE_KEYS_MAX, SEGMENT_ALIGN, SEGMENT_LEN_TARGET, SEGMENT_SPREAD_MAX,
    },
    tree,
    version::SegmentInfo,
};

/// Which segments are worth rewriting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sparse {
    /// Those with less than this part of their bytes live, in percent.
    pub(crate) live_percent: u64,
    /// Small ones, if there are more than this.
    pub(crate) small_files: usize,
}

impl Sparse {
    /// For the background: what gives back more space than it costs to write.
    pub(crate) const ROUTINE: Self = Self { live_percent: 50, small_files: 16 };
    /// For a user who asks for it.
    pub(crate) const THOROUGH: Self = Self { live_percent: 85, small_files: 1 };

    /// The sparsest segments, and those of very old numbers, up to a bound of bytes to copy.
    fn pick(self, segments: impl Iterator<Item = SegmentInfo> + Clone) -> Vec<SegmentInfo> {
        let newest = segments.clone().map(|segment| segment.id.0).max().unwrap_or(0);
        let is_sparse = |segment: &SegmentInfo| {
            if newest - segment.id.0 > SEGMENT_SPREAD_MAX / 2 {
                return true;
            }
            let room = segment.len.saturating_sub(SEGMENT_ALIGN as u64);
            segment.live * 100 < room * self.live_percent
        };
        let (mut picked, full): (Vec<_>, Vec<_>) = segments.partition(is_sparse);
        let small: Vec<_> =
            full.into_iter().filter(|segment| segment.len < SEGMENT_LEN_TARGET / 16).collect();
        if small.len() > self.small_files {
            picked.extend(small);
        }
        picked.sort_by_key(|segment| segment.live);
        let mut bytes = 0;
        picked.retain(|segment| {
            bytes += segment.live;
            bytes <= REWRITE_BYTES_MAX || bytes == segment.live
        });
        picked
    }
}

/// Copies what is left in the sparsest segments into memory, in steps that hardly stop commits.
/// The next checkpoint then drops them. Gives the number of segments emptied.
pub(crate) fn rewrite(ground: &impl Ground, sparse: Sparse) -> Result<usize> {
    let segments = ground.accounts().now();
    let picked = sparse.pick(segments.values().copied());
    if picked.is_empty() {
        return Ok(0);
    }
    let ids: Vec<SegmentId> = picked.iter().map(|segment| segment.id).collect();
    let values = picked.iter().any(|segment| segment.values);
    let version = ground.newest();
    for (store, tree) in version.forest().iter() {
        let keys = tree::nodes_in(version.source(), tree, &ids, values)?;
        for keys in keys.chunks(REWRITE_KEYS_MAX) {
            touch(ground, store, keys, &ids)?;
        }
    }
    Ok(picked.len())
}

fn touch(
    ground: &impl Ground,
    store: StoreId,
    keys: &[Vec<u8>],
    segments: &[SegmentId],
) -> Result<()> {
    ground.rework(&mut |builder, _| {
        builder.rework(
            |editor, at, tree| {
                if at == store { editor.touch(tree, keys, segments) } else { Ok(tree) }
            },
        )
    })
}
