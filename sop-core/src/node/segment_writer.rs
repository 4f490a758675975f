//! Writing a segment file: nodes and values one after another, then a sync, then never again.

use std::{io::ErrorKind, mem, path::PathBuf, sync::Arc};

use super::{
    home::Home,
    origin::{Origin, Purpose},
    segment::{FORMAT, MAGIC, Segment, header_body, origin},
};
use crate::{
    codec::sealed,
    disk::{self, File, whole},
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
///
/// In a folder that many processes share it gets its name only when it is complete, so that there
/// is no segment that does not say whose it is.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    home: Arc<Home>,
    id: SegmentId,
    /// Where it comes from, if many processes share the folder.
    origin: Option<Origin>,
    /// Where it is being written.
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
    pub(super) fn create(home: &Arc<Home>, id: SegmentId, streamed: bool) -> Result<Self> {
        Self::create_at(home, id, home.path(id), None, streamed)
    }

    /// The same in a folder that many processes share, by way of another file.
    pub(super) fn create_among_others(
        home: &Arc<Home>,
        id: SegmentId,
        path: PathBuf,
        origin: Origin,
        streamed: bool,
    ) -> Result<Self> {
        Self::create_at(home, id, path, Some(origin), streamed)
    }

    fn create_at(
        home: &Arc<Home>,
        id: SegmentId,
        path: PathBuf,
        origin: Option<Origin>,
        streamed: bool,
    ) -> Result<Self> {
        let file = home.create(&path, streamed)?;
        let mut buffer = sealed::seal(MAGIC, FORMAT, &header_body(id, home.database));
        buffer.extend(origin.iter().flat_map(Origin::encode));
        buffer.resize(SEGMENT_ALIGN, 0);
        let (home, written, synced, finished) = (Arc::clone(home), 0, 0, false);
        Ok(Self { home, id, origin, path, file, buffer, written, synced, finished })
    }

    pub(super) fn id(&self) -> SegmentId {
        self.id
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
        let whole = bytes.len() - bytes.len() % SEGMENT_ALIGN;
        if whole >= BUFFER_LEN {
            // What is as long as the buffer gains nothing by going through it.
            self.flush()?;
            self.write(&bytes[..whole])?;
            self.buffer.extend_from_slice(&bytes[whole..]);
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.buffer.resize(self.buffer.len().next_multiple_of(SEGMENT_ALIGN), 0);
        if self.buffer.len() >= BUFFER_LEN {
            self.flush()?;
        }
        Ok(Address { segment: self.id, offset, len, checksum })
    }

    /// Fills `buf`, which is as long as the address says, with a value that was added.
    pub(super) fn read_value(&self, address: Address, buf: &mut [u8]) -> Result<()> {
        let in_file = usize::try_from(self.written.saturating_sub(address.start()));
        let (front, back) = buf.split_at_mut(in_file.map_or(buf.len(), |len| len.min(buf.len())));
        let read = self.file.read_exact_at(front, address.start());
        read.map_err(disk::failed("read", &self.path))?;
        let at =
            usize::try_from(address.start().saturating_sub(self.written)).unwrap_or(usize::MAX);
        let rest = self.buffer.get(at..).and_then(|rest| rest.get(..back.len()));
        back.copy_from_slice(rest.expect("invariant: what is not in the file is in the buffer"));
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let buffer = mem::take(&mut self.buffer);
        let outcome = self.write(&buffer);
        self.buffer = buffer;
        outcome.inspect(|()| self.buffer.clear())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(bytes, self.written);
        written.map_err(disk::failed("write", &self.path))?;
        self.written += bytes.len() as u64;
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
    ///
    /// In a folder that many processes share others may remove it as soon as nobody can come to name
    /// it: then it fails with `SnapshotTooOld` if another manifest has its number, and with `Expelled`
    /// if this process was taken for dead.
    pub(crate) fn finish(mut self) -> Result<Arc<Segment>> {
        self.flush()?;
        self.sync()?;
        if let Some(origin) = self.origin {
            self.link(origin)?;
        }
        if guard::stands(Guard::SegmentNameSync) {
            let Home { disk, folder, .. } = &*self.home;
            disk.sync_dir(folder).map_err(disk::failed("sync", folder))?;
        }
        let opened = Segment::open(&self.home, self.id, self.written);
        let segment = opened.map_err(|error| self.loss(error))?;
        self.finished = true;
        Ok(segment)
    }
}

impl SegmentWriter {
    /// What it means that the file could not be opened: others may have removed it by now.
    fn loss(&self, error: Error) -> Error {
        let Some(origin) = self.origin else { return error };
        let path = self.home.path(self.id);
        match self.home.disk.open(&path, disk::Access::Read) {
            Err(absent) if absent.kind() == ErrorKind::NotFound => match origin.purpose {
                Purpose::Batch => Error::Expelled,
                Purpose::Manifest(_) => Error::SnapshotTooOld,
            },
            // It cannot be told now.
            Err(other) => disk::failed("open", &path)(other),
            Ok(_) => error,
        }
    }

    /// Gives the file its name, which nobody else gives to anything.
    fn link(&self, own: Origin) -> Result<()> {
        let (home, path) = (&*self.home, self.home.path(self.id));
        let link = || whole::link(&*home.disk, &self.path, &path, || origin(home, self.id));
        match home.tenure.hold(link).ok_or(Error::Closed)?? {
            Some(found) if found == own => Ok(()),
            _ => {
                let reason = "another process has written it".to_owned();
                Err(Error::Corrupt { path, offset: 0, reason })
            }
        }
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if !self.finished || self.origin.is_some() {
            self.home.remove(&self.path);
        }
    }
}
