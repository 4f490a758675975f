//! Nodes and values of segments in memory of our own, where a file must not be mapped.
//!
//! What was read by position and verified is kept here, bounded in bytes, as *pages*: runs of bytes
//! of any length that nobody changes. Whoever reads a page holds it, so it may leave the cache at
//! any time; its memory is given back when the last one has let go of it.
//!
//! What leaves is decided by the cache of the crate `quick_cache`: CLOCK-Pro's hot and cold pages
//! and ghosts (Jiang, Chen and Zhang, USENIX ATC 2005), with the short counters of S3-FIFO (Yang
//! et al., "FIFO queues are all you need for cache eviction", SOSP 2023). A page that is met once
//! makes place for others before one that is met again and again, so a scan of a store that is
//! larger than the cache does not empty it.

use std::{fmt, hash::Hash, io, sync::Arc};

use foldhash::fast::FixedState;
use quick_cache::{
    OptionsBuilder, UnitWeighter, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use super::segment::Content;
use crate::{
    disk::File,
    id::{Address, SegmentId},
    limit::NODE_SIZE_DEFAULT,
};

/// What a page takes besides its bytes, about.
const OVERHEAD: u64 = 96;

/// The cache is in so many parts, each with a lock of its own, unless that makes them too small.
const PARTS: usize = 64;

/// Files that are held open. A database of terabytes has more segments than a process may have
/// files open.
const FILES_MAX: usize = 128;

/// A page is kept if so many of its size fit into each part of the cache.
const PAGES_MIN: u64 = 4;

/// The whole address is the name, with length and checksum: what was verified under one name is
/// not given to whoever comes with another, and no name ever stands for other bytes.
type Name = (Address, Content);

/// Pages of all segments of a database, and the files that they come from.
pub(super) struct Pages {
    kept: Cache<Name, Arc<[u8]>, Bytes, FixedState>,
    files: Cache<SegmentId, Arc<dyn File>, UnitWeighter, FixedState>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (weight, capacity) = (self.kept.weight(), self.kept.capacity());
        write!(f, "Pages({weight} of {capacity} bytes)")
    }
}

/// What a page takes, in bytes.
#[derive(Clone, Copy)]
struct Bytes;

impl Weighter<Name, Arc<[u8]>> for Bytes {
    fn weight(&self, _name: &Name, page: &Arc<[u8]>) -> u64 {
        page.len() as u64 + OVERHEAD
    }
}

impl Pages {
    /// A cache of at most so many bytes, what readers hold not counted.
    pub(super) fn new(bytes: u64) -> Self {
        let pages = usize::try_from(bytes / NODE_SIZE_DEFAULT as u64).unwrap_or(usize::MAX);
        // The parts are rounded up, together by less than one byte for each.
        let capacity = bytes.saturating_sub(PARTS as u64);
        let kept = cache(PARTS, pages, capacity, Bytes);
        Self { kept, files: cache(1, FILES_MAX, FILES_MAX as u64, UnitWeighter) }
    }

    /// What was kept under a name; it is verified.
    pub(super) fn get(&self, address: Address, content: Content) -> Option<Arc<[u8]>> {
        self.kept.get(&(address, content))
    }

    /// Keeps what was verified, unless it is so large that too much would have to go.
    pub(super) fn keep(&self, address: Address, content: Content, page: &Arc<[u8]>) {
        let name = (address, content);
        if Bytes.weight(&name, page) <= self.kept.shard_capacity() / PAGES_MIN {
            self.kept.insert(name, Arc::clone(page));
        }
    }

    /// Fills `buf` from a segment's file, which `open` opens if it is not held open.
    ///
    /// A handle that the server of a network file system knows no more is replaced by a new one
    /// first: after a restart of the server the file may well be there.
    pub(super) fn read(
        &self,
        segment: SegmentId,
        open: impl Fn() -> io::Result<Arc<dyn File>>,
        buf: &mut [u8],
        offset: u64,
    ) -> io::Result<()> {
        if let Some(file) = self.files.get(&segment) {
            match file.read_exact_at(buf, offset) {
                Err(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => {}
                outcome => return outcome,
            }
        }
        let file = open()?;
        self.files.insert(segment, Arc::clone(&file));
        file.read_exact_at(buf, offset)
    }

    /// Closes the file of a segment that nobody reads any more, so that its space can be given back.
    pub(super) fn close(&self, segment: SegmentId) {
        self.files.remove(&segment);
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn weight(&self) -> u64 {
        self.kept.weight()
    }

    #[cfg(test)]
    pub(super) fn holds_open(&self, segment: SegmentId) -> bool {
        self.files.contains_key(&segment)
    }
}

/// A cache of about so many items. What it does depends on what is asked of it alone: the hashes are
/// the same in every run.
fn cache<K: Eq + Hash, V: Clone, W: Weighter<K, V> + Clone>(
    parts: usize,
    items: usize,
    weight: u64,
    weighter: W,
) -> Cache<K, V, W, FixedState> {
    let options = OptionsBuilder::new()
        .shards(parts)
        .estimated_items_capacity(items)
        .weight_capacity(weight)
        .build()
        .expect("invariant: all that has no default is given");
    Cache::with_options(options, weighter, FixedState::default(), DefaultLifecycle::default())
}
