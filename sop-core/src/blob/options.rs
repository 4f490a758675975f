//! Choices for those who write blobs.

use super::header::Header;
use crate::{
    error::Result,
    limit::{BLOB_CHUNK_LEN_DEFAULT, BY_REFERENCE_LEN_MIN},
};

/// How blobs are written. What is stored can be read whatever these say.
///
/// ```
/// use sop_core::BlobOptions;
/// let options = BlobOptions::default().chunk_len(256 << 10).logged_len(0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobOptions {
    /// Length of the chunks of blobs that are created, in bytes; 1 MiB by default. From
    /// [`BLOB_CHUNK_LEN_MIN`](crate::limit::BLOB_CHUNK_LEN_MIN) to
    /// [`BLOB_CHUNK_LEN_MAX`](crate::limit::BLOB_CHUNK_LEN_MAX).
    ///
    /// Who changes one byte writes its chunk anew, who reads one byte reads its chunk, and of two
    /// transactions that write the same chunk one is refused. Shorter chunks are more entries.
    pub chunk_len: usize,
    /// A transaction that has written so many bytes writes further chunks to files of its own, at
    /// once; 4 MiB by default. What it wrote before is in memory until it commits, and goes through
    /// the log. With 0 all chunks go to files, which costs a small transaction a sync more.
    pub logged_len: u64,
}

impl Default for BlobOptions {
    fn default() -> Self {
        Self { chunk_len: BLOB_CHUNK_LEN_DEFAULT, logged_len: BY_REFERENCE_LEN_MIN }
    }
}

impl BlobOptions {
    /// Sets the length of chunks, in bytes.
    #[must_use]
    pub fn chunk_len(self, chunk_len: usize) -> Self {
        Self { chunk_len, ..self }
    }

    /// Sets how many bytes of a transaction go through the log.
    #[must_use]
    pub fn logged_len(self, logged_len: u64) -> Self {
        Self { logged_len, ..self }
    }

    /// Refuses what is out of its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        Header::new(self.chunk_len).map(drop)
    }
}
