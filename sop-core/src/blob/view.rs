//! Reading one blob.

use super::{BlobReader, header::Header, key::BlobKey};
use crate::{
    error::{Error, Result},
    limit::BLOB_CHUNKS_MAX,
    transaction::{Found, StoreView},
};

/// A blob to be read: in a snapshot, or in a transaction together with its own writes.
///
/// What a transaction reads counts as read chunk by chunk. After the transaction has deleted the blob
/// this fails with [`Error::KeyNotFound`].
#[derive(Clone, Debug)]
pub struct BlobView<'t> {
    store: StoreView<'t>,
    key: BlobKey,
    chunk_len: u32,
}

impl<'t> BlobView<'t> {
    /// The blob of this key, if there is one.
    pub(super) fn find(store: StoreView<'t>, key: BlobKey) -> Result<Option<Self>> {
        let Some(bytes) = store.find(key.header())? else { return Ok(None) };
        match Header::decode(&bytes) {
            Ok(Header { chunk_len }) => Ok(Some(Self { store, key, chunk_len })),
            Err(reason) => Err(damaged(store, &key, reason)),
        }
    }

    pub(super) fn store(&self) -> StoreView<'t> {
        self.store
    }

    pub(super) fn key(&self) -> &BlobKey {
        &self.key
    }

    /// Its name.
    pub fn name(&self) -> Vec<u8> {
        self.key.name().unwrap_or_default()
    }

    /// Length of its chunks, in bytes. Only the last one may be shorter.
    pub fn chunk_len(&self) -> usize {
        self.chunk_len as usize
    }

    /// Its length in bytes. Reads the keys of a leaf or two; in a transaction the end of the blob
    /// counts as read.
    ///
    /// An upload that was committed in parts goes on here.
    pub fn len(&self) -> Result<u64> {
        let mut last = self.store.keys(self.key.chunks_from(0))?;
        if !last.last()? {
            return self.check_there().map(|()| 0);
        }
        let number = last.key().and_then(|key| self.key.chunk_number(key));
        let number = number.ok_or_else(|| self.damaged("a key that is no chunk's"))?;
        let found = self.chunk(u64::from(number), true)?;
        let found = found.ok_or_else(|| self.damaged("a chunk that is not there"))?;
        Ok(u64::from(number) * u64::from(self.chunk_len) + found.len() as u64)
    }

    /// Whether it has no content.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// What was given to [`Blob::set_metadata`](super::Blob::set_metadata); no bytes before that.
    pub fn metadata(&self) -> Result<Vec<u8>> {
        match self.store.find(self.key.metadata())? {
            Some(metadata) => Ok(metadata.to_vec()),
            None => self.check_there().map(|()| Vec::new()),
        }
    }

    /// CRC-32C of the whole content.
    ///
    /// It is combined from those of the chunks, which are known without reading them: this costs a
    /// search for each chunk. It is the same that anybody computes over the same bytes. It tells
    /// damage, and most changes; it is no proof against somebody who forges content to fit it.
    pub fn checksum(&self) -> Result<u32> {
        let (mut checksum, mut next, mut is_last) = (0, 0, false);
        let mut keys = self.store.keys(self.key.chunks_from(0))?;
        while keys.next()? {
            let number = keys.key().and_then(|key| self.key.chunk_number(key));
            if number.map(u64::from) != Some(next) || is_last {
                return Err(self.damaged("a chunk is missing, or is too short"));
            }
            let found = self.chunk(next, true)?;
            let found = found.ok_or_else(|| self.damaged("a chunk that is not there"))?;
            checksum = crc32c::crc32c_combine(checksum, found.checksum(), found.len());
            is_last = found.len() < self.chunk_len();
            next += 1;
        }
        self.check_there()?;
        Ok(checksum)
    }

    /// Fills `buf` from `offset` on, and says how many bytes there were: fewer than it has room for
    /// only if the blob ends there, none from its end on.
    ///
    /// Reads whole chunks; whoever reads one piece after another takes a [`reader`](Self::reader).
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut reader = self.reader_at(offset);
        let mut done = 0;
        while done < buf.len() {
            match reader.read_some(&mut buf[done..])? {
                0 => break,
                some => done += some,
            }
        }
        Ok(done)
    }

    /// The content as a stream, from its begin on.
    pub fn reader(&self) -> BlobReader<'t> {
        self.reader_at(0)
    }

    /// The content as a stream, from `offset` on, which may be behind the end.
    pub fn reader_at(&self, offset: u64) -> BlobReader<'t> {
        BlobReader::new(self.clone(), offset)
    }

    /// In which chunk an offset is, and where in it.
    pub(super) fn place(&self, offset: u64) -> (u64, usize) {
        let len = u64::from(self.chunk_len);
        let at = usize::try_from(offset % len).expect("chunks are short");
        (offset / len, at)
    }

    /// Most bytes that it can have.
    pub(super) fn len_max(&self) -> u64 {
        BLOB_CHUNKS_MAX * u64::from(self.chunk_len)
    }

    /// A chunk, which counts as read if it is `noted`.
    pub(super) fn chunk(&self, number: u64, noted: bool) -> Result<Option<Found<'t>>> {
        let Ok(number) = u32::try_from(number) else { return Ok(None) };
        let found = self.store.locate(&self.key.chunk(number), noted)?;
        match &found {
            // Compared before anybody takes memory for it.
            Some(chunk) if chunk.len() == 0 || chunk.len() > self.chunk_len() => {
                Err(self.damaged("a chunk of an impossible length"))
            }
            _ => Ok(found),
        }
    }

    /// Fails if the transaction itself has deleted it.
    pub(super) fn check_there(&self) -> Result<()> {
        if self.store.contains(self.key.header())? {
            return Ok(());
        }
        Err(Error::KeyNotFound { store: self.store.name(), key: self.name() })
    }

    pub(super) fn damaged(&self, reason: &str) -> Error {
        damaged(self.store, &self.key, reason)
    }
}

fn damaged(store: StoreView<'_>, key: &BlobKey, reason: &str) -> Error {
    let name = key.name().unwrap_or_default();
    let reason = format!("{reason}, of the blob {:?}", String::from_utf8_lossy(&name));
    Error::Corrupt { path: format!("store {}", store.name()).into(), offset: 0, reason }
}
