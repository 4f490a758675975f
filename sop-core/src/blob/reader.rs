//! The content of a blob as a stream.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

use super::BlobView;
use crate::{error::Result, node::LastFile};

/// Reads a blob from some offset on; made by [`BlobView::reader`].
///
/// Holds one chunk in memory, whatever the length of the blob, and keeps nothing of what it has
/// read. In a transaction it sees what that writes meanwhile. Errors of the database are inside of
/// those that [`Read`] gives, as [`Error`](crate::Error).
///
/// ```
/// use std::io::{Read, Seek, SeekFrom};
/// # let db = sop_core::Database::builder().in_memory()?;
/// # let tx = db.begin()?;
/// # let films = tx.open_blobs("films", &Default::default())?;
/// # films.create("one")?.append(b"a film of some length")?;
/// let mut reader = films.open("one")?.reader();
/// reader.seek(SeekFrom::Start(2))?;
/// let mut part = [0; 4];
/// reader.read_exact(&mut part)?;
/// assert_eq!(&part, b"film");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlobReader<'t> {
    blob: BlobView<'t>,
    position: u64,
    /// The number of the chunk that is held, and what the transaction had written by then.
    held: Option<(u64, u64)>,
    chunk: Vec<u8>,
    last: LastFile,
}

impl<'t> BlobReader<'t> {
    pub(super) fn new(blob: BlobView<'t>, position: u64) -> Self {
        Self { blob, position, held: None, chunk: Vec::new(), last: LastFile::default() }
    }

    /// Where the next byte is read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Fills the front of `buf`, and says how many bytes; none only at the end, or if there is no
    /// room.
    pub(super) fn read_some(&mut self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let (number, at) = self.blob.place(self.position);
        let store = self.blob.store();
        let now = (number, store.revision());
        if self.held != Some(now) {
            self.held = None;
            let Some(found) = self.blob.chunk(number, true)? else { return self.at_end() };
            if at == 0 && buf.len() >= found.len() {
                // All of it is wanted: it need not be held.
                store.read_found(&found, &mut buf[..found.len()], &mut self.last)?;
                self.position += found.len() as u64;
                return Ok(found.len());
            }
            self.chunk.resize(found.len(), 0);
            store.read_found(&found, &mut self.chunk, &mut self.last)?;
            self.held = Some(now);
        }
        let rest = self.chunk.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return self.at_end();
        }
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.position += len as u64;
        Ok(len)
    }

    /// There is nothing here: that must be because the blob ends before.
    fn at_end(&self) -> Result<usize> {
        if self.position < self.blob.len()? {
            return Err(self.blob.damaged("a chunk is missing, or is too short"));
        }
        Ok(0)
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(io::Error::other)
    }
}

/// Beyond the end there is nothing to read, which is no error. To go before the begin is one.
impl Seek for BlobReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.blob.len().map_err(io::Error::other)?.checked_add_signed(by),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
