//! Writing a segment file: nodes and values one after another, then a sync, then never again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    segment::{FORMAT, MAGIC, Segment, file_name, header_body},
    tenure::Tenure,
};
use crate::{
    codec::sealed,
    disk::{self, Access, Disk, File},
    error::{Error, Result},
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
    disk: Arc<dyn Disk>,
    tenure: Arc<Tenure>,
    folder: PathBuf,
    path: PathBuf,
    file: Arc<dyn File>,
    identity: (SegmentId, [u8; 16]),
    buffer: Vec<u8>,
    written: u64,
    /// How much of that is on the disk.
    synced: u64,
    finished: bool,
}

impl SegmentWriter {
    /// Creates the file of segment `id` of a database in the folder of its segments.
    pub(super) fn create(
        disk: &Arc<dyn Disk>,
        tenure: &Arc<Tenure>,
        folder: &Path,
        (id, database): (SegmentId, [u8; 16]),
    ) -> Result<Self> {
        let path = folder.join(file_name(id));
        let file = tenure.hold(|| disk.open(&path, Access::Create)).ok_or(Error::Closed)?;
        let file = file.map_err(disk::failed("create", &path))?;
        let mut buffer = sealed::seal(MAGIC, FORMAT, &header_body(id, database));
        buffer.resize(SEGMENT_ALIGN, 0);
        let folder = folder.to_owned();
        let (disk, tenure, identity) = (Arc::clone(disk), Arc::clone(tenure), (id, database));
        Ok(Self {
            disk,
            tenure,
            folder,
            path,
            file,
            identity,
            buffer,
            written: 0,
            synced: 0,
            finished: false,
        })
    }

    pub(crate) fn id(&self) -> SegmentId {
        self.identity.0
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
        Ok(Address { segment: self.id(), offset, len, checksum })
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
            self.disk.sync_dir(&self.folder).map_err(disk::failed("sync", &self.folder))?;
        }
        let path = self.path.clone();
        let segment = Segment::open(&self.disk, &self.tenure, path, self.identity, self.written)?;
        self.finished = true;
        Ok(segment)
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = self.tenure.remove(&*self.disk, &self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a failed segment");
        }
    }
}
