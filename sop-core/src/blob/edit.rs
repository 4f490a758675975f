//! Changing one blob.

use std::ops::Deref;

use super::{BlobOptions, BlobView, BlobWriter};
use crate::{
    error::{Error, Result},
    limit::{BLOB_CHUNK_LEN_MIN, BLOB_METADATA_LEN_MAX},
    node::LastFile,
    transaction::Store,
};

/// How many chunks are looked up at once in order to remove them.
const REMOVED_AT_ONCE: usize = 1_024;

/// A blob to be read and written in a transaction.
///
/// Derefs to [`BlobView`] for all reading, which sees the writes made so far. Transactions that write
/// different chunks merge; of two that write the same chunk, or that both append to the blob or cut
/// it, the later is refused.
#[derive(Clone, Debug)]
pub struct Blob<'t> {
    view: BlobView<'t>,
    store: Store<'t>,
    logged_len: u64,
}

impl<'t> Deref for Blob<'t> {
    type Target = BlobView<'t>;

    fn deref(&self) -> &BlobView<'t> {
        &self.view
    }
}

impl<'t> Blob<'t> {
    pub(super) fn new(view: BlobView<'t>, store: Store<'t>, options: BlobOptions) -> Self {
        Self { view, store, logged_len: options.logged_len }
    }

    /// Writes bytes over those from `offset` on, and beyond the end. Only the chunks that they are in
    /// are written anew.
    ///
    /// Fails with [`Error::BlobRange`] if the blob does not reach up to the offset. After another
    /// error some of the bytes may be written: go back to a savepoint, or give the transaction up.
    ///
    /// ```
    /// # let db = sop_core::Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// let films = tx.open_blobs("films", &Default::default())?;
    /// let film = films.create("one")?;
    /// film.append(b"some content")?;
    /// film.write_at(5, b"other content")?;
    /// let mut content = [0; 18];
    /// assert_eq!(film.read_at(0, &mut content)?, 18);
    /// assert_eq!(&content, b"some other content");
    /// # Ok::<_, sop_core::Error>(())
    /// ```
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.check_reach(offset, bytes.len())?;
        let mut writer = self.writer(offset)?;
        writer.put(bytes)?;
        writer.finish().map(drop)
    }

    /// Writes bytes behind the last one. Whoever appends many pieces takes a
    /// [`writer`](Self::writer).
    pub fn append(&self, bytes: &[u8]) -> Result<()> {
        self.write_at(self.len()?, bytes)
    }

    /// A stream that writes from `offset` on; an upload that was committed in parts goes on at
    /// [`len`](BlobView::len).
    ///
    /// Fails with [`Error::BlobRange`] if the blob does not reach up to the offset.
    pub fn writer(&self, offset: u64) -> Result<BlobWriter<'t>> {
        self.require_header()?;
        BlobWriter::new(self.clone(), offset)
    }

    /// Cuts off what is behind the first `len` bytes. Costs a write for each chunk that goes.
    ///
    /// Fails with [`Error::BlobRange`] if there are not so many.
    pub fn truncate(&self, len: u64) -> Result<()> {
        self.require_header()?;
        let before = self.len()?;
        if len > before {
            return Err(Error::BlobRange { offset: len, len: before });
        }
        let (number, at) = self.place(len);
        let Ok(number) = u32::try_from(number) else { return Ok(()) };
        self.store.require_unchanged(self.key().chunks_from(number))?;
        if at == 0 {
            return self.remove_from(self.key().chunk(number));
        }
        let found = self.chunk(u64::from(number), false)?;
        let found = found.ok_or_else(|| self.damaged("a chunk that is not there"))?;
        if at < found.len() {
            let mut chunk = vec![0; found.len()];
            self.store.read_found(&found, &mut chunk, &mut LastFile::default())?;
            self.put(number, &chunk[..at])?;
        }
        match number.checked_add(1) {
            Some(next) => self.remove_from(self.key().chunk(next)),
            None => Ok(()),
        }
    }

    /// Keeps bytes of any meaning with the blob, in place of those before; none to keep nothing.
    ///
    /// Fails if there are more than [`BLOB_METADATA_LEN_MAX`].
    pub fn set_metadata(&self, metadata: &[u8]) -> Result<()> {
        self.require_header()?;
        let (len, limit) = (metadata.len(), BLOB_METADATA_LEN_MAX);
        match len {
            0 => self.store.remove(self.key().metadata()).map(drop),
            _ if len > limit => Err(Error::ValueTooLong { len, limit }),
            _ => self.store.upsert(self.key().metadata(), metadata),
        }
    }

    /// Removes everything.
    pub(super) fn delete(&self) -> Result<()> {
        self.store.require_unchanged(self.key().all())?;
        self.remove_from(self.key().header())
    }

    /// The blob must be the same one when the transaction commits.
    fn require_header(&self) -> Result<()> {
        self.check_there()?;
        self.store.require_unchanged(self.key().only_header())
    }

    /// Refuses what would end behind the last place that a blob can have.
    pub(super) fn check_reach(&self, offset: u64, len: usize) -> Result<()> {
        let limit = self.len_max();
        match offset.checked_add(len as u64) {
            Some(end) if end <= limit => Ok(()),
            _ => Err(Error::BlobTooLong { limit }),
        }
    }

    /// Whether a chunk can be written: it is there, or right behind a whole one. What tells that
    /// counts as read if it is `noted`.
    pub(super) fn reaches(&self, number: u64, noted: bool) -> Result<bool> {
        Ok(self.chunk(number, noted)?.is_some() || self.follows(number, noted)?)
    }

    /// Whether a chunk would be right behind a whole one.
    fn follows(&self, number: u64, noted: bool) -> Result<bool> {
        let Some(before) = number.checked_sub(1) else { return Ok(true) };
        let before = self.chunk(before, noted)?;
        Ok(before.is_some_and(|before| before.len() == self.chunk_len()))
    }

    /// Gives a chunk new content.
    ///
    /// Whatever was there when its writer was made, the transaction may have cut it off since.
    pub(super) fn write_chunk(&self, number: u64, chunk: &[u8]) -> Result<()> {
        let too_long = |_| Error::BlobTooLong { limit: self.len_max() };
        let place = u32::try_from(number).map_err(too_long)?;
        if self.chunk(number, false)?.is_none() {
            self.check_there()?;
            if !self.follows(number, false)? {
                return Err(self.beyond(number * self.chunk_len() as u64)?);
            }
            self.require_before(place)?;
        }
        self.put(place, chunk)
    }

    /// A chunk that is new rests on the one before: that must not be cut off meanwhile.
    fn require_before(&self, number: u32) -> Result<()> {
        match number.checked_sub(1) {
            // What the transaction writes itself is checked anyway.
            Some(before) if !self.store.has_written(&self.key().chunk(before)) => {
                self.store.require_unchanged(self.key().only_chunk(before))
            }
            _ => Ok(()),
        }
    }

    /// What is said to whoever would write behind the end. That it is there counts as read.
    pub(super) fn beyond(&self, offset: u64) -> Result<Error> {
        Ok(Error::BlobRange { offset, len: self.len()? })
    }

    fn put(&self, number: u32, chunk: &[u8]) -> Result<()> {
        let key = self.key().chunk(number);
        let written = self.store.written_bytes() + chunk.len() as u64;
        if written > self.logged_len && chunk.len() >= BLOB_CHUNK_LEN_MIN {
            self.store.upsert_placed(&key, chunk)
        } else {
            self.store.upsert(&key, chunk)
        }
    }

    /// Removes all entries of the blob from a key on.
    fn remove_from(&self, key: Vec<u8>) -> Result<()> {
        let mut range = key..self.key().behind();
        loop {
            let mut keys = Vec::new();
            let mut cursor = self.store.keys(range.clone())?;
            while keys.len() < REMOVED_AT_ONCE && cursor.next()? {
                keys.extend(cursor.key().map(<[u8]>::to_vec));
            }
            drop(cursor);
            for key in &keys {
                self.store.remove(key)?;
            }
            match keys.pop() {
                Some(last) if keys.len() + 1 == REMOVED_AT_ONCE => range.start = last,
                _ => return Ok(()),
            }
        }
    }
}
