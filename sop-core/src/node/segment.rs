//! Segment files for reading: immutable, each node and value verified when it is first met.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{home::Home, layout, mapped::Mapped, origin::Origin, pages::Pages, pinned::Pinned};
use crate::{
    codec::sealed,
    disk::{self, Access, Disk, File},
    error::{Error, Result},
    guard::{self, Guard},
    id::{Address, SegmentId},
    limit::SEGMENT_ALIGN,
    sync::atomic::{AtomicBool, Ordering},
};

/// What a segment file begins with, padded to [`SEGMENT_ALIGN`].
pub(super) const MAGIC: [u8; 8] = *b"SOPsegm\n";
pub(super) const FORMAT: u32 = 1;

/// What is wrong with an address beyond the end.
pub(super) const OUTSIDE: &str = "a link that leads out of the file";

/// Length of the header less its padding: the envelope, the segment's number, the database.
const HEADER_LEN: usize = sealed::HEADER_LEN + 4 + 16;

/// The name of a segment's file.
pub(crate) fn file_name(id: SegmentId) -> String {
    format!("{:08x}.seg", id.0)
}

/// The number of the segment with this file name, if it is the name of one.
pub(super) fn number(name: &str) -> Option<SegmentId> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok().map(SegmentId)
}

/// The two things an address can name, verified separately: a value that happens to look like a
/// node must not pass for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Content {
    Node = 1,
    Value = 2,
}

/// A segment file that is completely written and will never change.
pub(crate) struct Segment {
    id: SegmentId,
    home: Arc<Home>,
    len: u64,
    body: Body,
    /// Whether the file goes when nobody reads it any more.
    doomed: AtomicBool,
}

/// Where a segment's bytes are found.
pub(super) enum Body {
    Mapped(Mapped),
    /// Among the pages of all segments, and else in the file.
    Copied(Arc<Pages>),
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Segment {
    /// Opens a segment file of which at least `len` bytes must be there.
    pub(super) fn open(home: &Arc<Home>, id: SegmentId, len: u64) -> Result<Arc<Self>> {
        let path = home.path(id);
        let file = home.disk.open(&path, Access::Read).map_err(|error| match error.kind() {
            ErrorKind::NotFound => corrupt(&path, 0, "the file is missing"),
            _ => disk::failed("open", &path)(error),
        })?;
        let found = file.len().map_err(disk::failed("measure", &path))?;
        if found < len.max(SEGMENT_ALIGN as u64) {
            let reason = format!("it ends here, and should have {len} bytes");
            return Err(corrupt(&path, found, &reason));
        }
        let body = if let Some(pages) = &home.pages {
            let mut header = [0; HEADER_LEN];
            file.read_exact_at(&mut header, 0).map_err(disk::failed("read", &path))?;
            check_header(home, id, &header).or_else(|error| mend_header(home, id, error))?;
            Body::Copied(Arc::clone(pages))
        } else {
            let mapping = file.map(found).map_err(disk::failed("map", &path))?;
            check_header(home, id, mapping.get(..HEADER_LEN).unwrap_or_default())?;
            Body::Mapped(Mapped::new(mapping))
        };
        let (home, doomed) = (Arc::clone(home), AtomicBool::new(false));
        Ok(Arc::new(Self { id, home, len: found, body, doomed }))
    }

    pub(crate) fn id(&self) -> SegmentId {
        self.id
    }

    pub(super) fn path(&self) -> PathBuf {
        self.home.path(self.id)
    }

    /// Opens the file for a value that is streamed.
    pub(super) fn open_streamed(&self) -> io::Result<Arc<dyn File>> {
        self.home.open_streamed(&self.path(), Access::Read)
    }

    /// Whether values that are streamed go past the system's cache.
    pub(super) fn is_direct(&self) -> bool {
        self.home.direct.get().is_some()
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.home.disk
    }

    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    /// Length of the file, in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is to be removed when the last state that reads it is dropped.
    pub(crate) fn set_doomed(&self, doomed: bool) {
        self.doomed.store(doomed, Ordering::Relaxed);
    }

    /// Tells the system whether to read ahead, if it is the system that reads.
    pub(super) fn set_read_ahead(&self, ahead: bool) {
        if let Body::Mapped(mapped) = &self.body {
            mapped.set_read_ahead(ahead);
        }
    }

    /// What an address names, if it is mapped and was verified.
    #[inline]
    pub(super) fn met(&self, address: Address, content: Content) -> Option<&[u8]> {
        match &self.body {
            Body::Mapped(mapped) => mapped.verified(address, content),
            Body::Copied(_) => None,
        }
    }

    /// What an address names, if it was not met.
    #[cold]
    pub(super) fn fetch(&self, address: Address, content: Content) -> Result<Pinned<'_>> {
        match &self.body {
            Body::Mapped(mapped) => {
                let outside = || self.corrupt(address, OUTSIDE);
                let bytes = mapped.bytes(address).ok_or_else(outside)?;
                self.verify(address, bytes, content)?;
                mapped.set_verified(address, content);
                Ok(Pinned::lent(bytes))
            }
            Body::Copied(pages) => self.page(pages, address, content).map(Pinned::kept),
        }
    }

    pub(super) fn verify(&self, address: Address, bytes: &[u8], content: Content) -> Result<()> {
        if crc32c::crc32c(bytes) != address.checksum && guard::stands(Guard::SegmentChecksum) {
            return Err(self.corrupt(address, "a wrong checksum"));
        }
        match content {
            Content::Node => layout::verify(bytes).map_err(|reason| self.corrupt(address, reason)),
            Content::Value => Ok(()),
        }
    }

    /// What an address names, if the disk has it elsewhere as it should be; else `error`, which says
    /// what is wrong with it here.
    #[cold]
    pub(super) fn mend(&self, address: Address, content: Content, error: Error) -> Result<Vec<u8>> {
        let is_right = |bytes: &[u8]| self.verify(address, bytes, content).is_ok();
        let part = (address.start(), address.len as usize);
        mended(&self.home, &self.path(), part, &is_right, error)
    }

    /// Compares the header with what the disk has of it elsewhere, and puts right what is wrong.
    pub(crate) fn scrub_header(&self) -> Result<()> {
        let error = corrupt(&self.path(), 0, "its header is bad, wherever it is kept");
        mend_header(&self.home, self.id, error)
    }

    /// Whether the files of a checkpoint may be gone, because newer ones are in its place.
    pub(super) fn has_been_let_go(&self, checkpoint: u64) -> bool {
        self.home.keeper.get().is_some_and(|keeper| !keeper(checkpoint))
    }

    #[cold]
    pub(super) fn corrupt(&self, address: Address, reason: &str) -> Error {
        corrupt(&self.path(), address.start(), reason)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Body::Copied(pages) = &self.body {
            pages.close(self.id);
        }
        if self.doomed.load(Ordering::Relaxed) {
            self.home.remove(&self.path());
        }
    }
}

/// Where a segment says that it comes from; nothing if it is one of a folder of one process.
pub(super) fn origin(home: &Home, id: SegmentId) -> Result<Option<Origin>> {
    let path = home.path(id);
    let file = home.disk.open(&path, Access::Read).map_err(disk::failed("open", &path))?;
    let mut bytes = [0; HEADER_LEN + Origin::LEN];
    file.read_exact_at(&mut bytes, 0).map_err(disk::failed("read", &path))?;
    let (header, origin) = bytes.split_at(HEADER_LEN);
    check_header(home, id, header)?;
    Ok(Origin::decode(origin))
}

/// A part of a file as it should be, or `error` if the disk has it nowhere.
fn mended(
    home: &Home,
    path: &Path,
    (offset, len): (u64, usize),
    is_right: &dyn Fn(&[u8]) -> bool,
    error: Error,
) -> Result<Vec<u8>> {
    let found = home.disk.mend(path, offset, len, is_right);
    found.map_err(disk::failed("mend", path))?.ok_or(error)
}

fn mend_header(home: &Home, id: SegmentId, error: Error) -> Result<()> {
    let is_right = |bytes: &[u8]| check_header(home, id, bytes).is_ok();
    mended(home, &home.path(id), (0, HEADER_LEN), &is_right, error).map(drop)
}

fn check_header(home: &Home, id: SegmentId, header: &[u8]) -> Result<()> {
    let path = home.path(id);
    let (format, body) = sealed::unseal(MAGIC, header)
        .map_err(|error| corrupt(&path, 0, &format!("its header is bad: {error}")))?;
    if format != FORMAT {
        return Err(Error::UnsupportedFormat { path, found: format, supported: FORMAT });
    }
    if body != header_body(id, home.database) {
        let reason = "it belongs elsewhere, or to another database than FORMAT says";
        return Err(corrupt(&path, 0, reason));
    }
    Ok(())
}

fn corrupt(path: &Path, offset: u64, reason: &str) -> Error {
    Error::Corrupt { path: path.to_owned(), offset, reason: reason.to_owned() }
}

pub(super) fn header_body(id: SegmentId, database: [u8; 16]) -> Vec<u8> {
    [&id.0.to_le_bytes()[..], &database].concat()
}
