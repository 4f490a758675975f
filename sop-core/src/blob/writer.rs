//! A stream into a blob.

use std::io::{self, Write};

use super::Blob;
use crate::{error::Result, node::LastFile};

/// Writes to a blob from some offset on, over what is there and beyond its end; made by
/// [`Blob::writer`].
///
/// Holds one chunk in memory: what is written becomes part of the blob when its chunk is full, and
/// with [`flush`](Write::flush) and [`finish`](Self::finish). What is held when it is dropped is
/// not written. Errors of the database are inside of those that [`Write`] gives, as
/// [`Error`](crate::Error).
///
/// ```
/// use std::io::Write;
/// # let db = sop_core::Database::builder().in_memory()?;
/// # let tx = db.begin()?;
/// # let films = tx.open_blobs("films", &Default::default())?;
/// let film = films.create("one")?;
/// let mut writer = film.writer(0)?;
/// std::io::copy(&mut &b"from any source"[..], &mut writer)?;
/// assert_eq!(writer.finish()?, 15);
/// assert_eq!(film.len()?, 15);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlobWriter<'t> {
    blob: Blob<'t>,
    /// The chunk that is being written.
    number: u64,
    /// Its content, up to where the next byte goes.
    front: Vec<u8>,
    /// Whether some of that is not part of the blob yet.
    is_dirty: bool,
    last: LastFile,
}

impl<'t> BlobWriter<'t> {
    /// The blob must reach up to the offset. That it does counts as read, as nothing may be written.
    pub(super) fn new(blob: Blob<'t>, offset: u64) -> Result<Self> {
        let (number, at) = blob.place(offset);
        let (front, last) = (Vec::new(), LastFile::default());
        let mut writer = Self { blob, number, front, is_dirty: false, last };
        let reaches = match at {
            0 => writer.blob.reaches(number, true)?,
            _ => writer.load_front(at)?,
        };
        if reaches { Ok(writer) } else { Err(writer.blob.beyond(offset)?) }
    }

    /// Whether the chunk has so many bytes, which it goes on behind then.
    fn load_front(&mut self, len: usize) -> Result<bool> {
        let Some(found) = self.blob.chunk(self.number, true)? else { return Ok(false) };
        if found.len() < len {
            return Ok(false);
        }
        self.front.resize(found.len(), 0);
        self.blob.store().read_found(&found, &mut self.front, &mut self.last)?;
        self.front.truncate(len);
        Ok(true)
    }

    /// Where the next byte goes.
    pub fn position(&self) -> u64 {
        self.number * self.blob.chunk_len() as u64 + self.front.len() as u64
    }

    /// Writes all of these bytes.
    ///
    /// After an error some of them may be written: go back to a savepoint, or give the transaction
    /// up. If a disk is full, or fails, that transaction cannot be committed any more.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.blob.check_reach(self.position(), bytes.len())?;
        let chunk_len = self.blob.chunk_len();
        while !bytes.is_empty() {
            if self.front.is_empty() && bytes.len() >= chunk_len {
                let (chunk, rest) = bytes.split_at(chunk_len);
                self.blob.write_chunk(self.number, chunk)?;
                (self.number, bytes) = (self.number + 1, rest);
                continue;
            }
            let room = (chunk_len - self.front.len()).min(bytes.len());
            let (part, rest) = bytes.split_at(room);
            self.front.extend_from_slice(part);
            (self.is_dirty, bytes) = (true, rest);
            if self.front.len() == chunk_len {
                self.write_front()?;
                self.number += 1;
                self.front.clear();
            }
        }
        Ok(())
    }

    /// Makes what is held part of the blob. What the chunk has behind it stays.
    fn put_rest(&mut self) -> Result<()> {
        if !self.is_dirty {
            return Ok(());
        }
        let len = self.front.len();
        let found = self.blob.chunk(self.number, false)?.filter(|found| found.len() > len);
        if let Some(found) = found {
            let mut whole = vec![0; found.len()];
            self.blob.store().read_found(&found, &mut whole, &mut self.last)?;
            self.front.extend_from_slice(&whole[len..]);
        }
        let outcome = self.write_front();
        self.front.truncate(len);
        outcome
    }

    fn write_front(&mut self) -> Result<()> {
        let front = std::mem::take(&mut self.front);
        let outcome = self.blob.write_chunk(self.number, &front);
        self.front = front;
        self.is_dirty = outcome.is_err();
        outcome
    }

    /// Makes all of it part of the blob; gives the offset behind the last byte written.
    pub fn finish(mut self) -> Result<u64> {
        self.put_rest()?;
        Ok(self.position())
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.put_rest().map_err(io::Error::other)
    }
}
