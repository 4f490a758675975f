//! Writing a segment file: nodes and values one after another, then a sync, then never again.

use std::{path::PathBuf, sync::Arc};

use super::{
    home::Home,
    segment::{FORMAT, MAGIC, Segment, header_body},
};
use crate::{
    codec::sealed,
    disk::{self, File},
    error::Result,
    guard::{self, Guard},
    id::{Address, SegmentId},
    limit::SEGMENT_ALIGN,
};

/// Bytes gathered before they are written.
const BUFFER_LEN: usize = 1 << 20;

/// Bytes written before they are synced. The disk takes one thing after another: a commit that
/// syncs its log meanwhile waits behind no more than this.
const SYNC_LEN: u64 = 4 << 20;

/// A segment file being written. Dropped before [`Self::finish`], it removes the file.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    home: Arc<Home>,
    id: SegmentId,
    path: PathBuf,
    file: Arc<dyn File>,
    buffer: Vec<u8>,
    written: u64,
    /// How much of that is on the disk.
    synced: u64,
    finished: bool,
}

impl SegmentWriter {
    /// Creates the file of a segment whose number no other has had.
    pub(super) fn create(home: &Arc<Home>, id: SegmentId) -> Result<Self> {
        let path = home.path(id);
        let file = home.create(&path)?;
        let mut buffer = sealed::seal(MAGIC, FORMAT, &header_body(id, home.database));
        buffer.resize(SEGMENT_ALIGN, 0);
        let (home, written, synced, finished) = (Arc::clone(home), 0, 0, false);
        Ok(Self { home, id, path, file, buffer, written, synced, finished })
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Adds a node's image or a value, and says where it will be found.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<Address> {
        let offset = u32::try_from(self.len() / SEGMENT_ALIGN as u64)
            .expect("a segment is closed long before its offsets run out");
        let len = u32::try_from(bytes.len()).expect("values are shorter than 4 GiB");
        let checksum = crc32c::crc32c(bytes);
        self.buffer.extend_from_slice(bytes);
        self.buffer.resize(self.buffer.len().next_multiple_of(SEGMENT_ALIGN), 0);
        if self.buffer.len() >= BUFFER_LEN {
            self.flush()?;
        }
        Ok(Address { segment: self.id, offset, len, checksum })
    }

    fn flush(&mut self) -> Result<()> {
        self.file
            .write_all_at(&self.buffer, self.written)
            .map_err(disk::failed("write", &self.path))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if self.written - self.synced >= SYNC_LEN {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        if guard::stands(Guard::SegmentSync) {
            self.file.sync_data().map_err(disk::failed("sync", &self.path))?;
        }
        self.synced = self.written;
        Ok(())
    }

    /// Makes everything durable, the file's name included, and opens it for reading.
    pub(crate) fn finish(mut self) -> Result<Arc<Segment>> {
        self.flush()?;
        self.sync()?;
        if guard::stands(Guard::SegmentNameSync) {
            let Home { disk, folder, .. } = &*self.home;
            disk.sync_dir(folder).map_err(disk::failed("sync", folder))?;
        }
        let segment = Segment::open(&self.home, self.id, self.written)?;
        self.finished = true;
        Ok(segment)
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if !self.finished {
            self.home.remove(&self.path);
        }
    }
}
