//! A stream into content.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use super::{BlobContent, content::to_chunk_end};
use crate::error::Result;

/// Writes to the content of a blob field, from some offset on; made by [`BlobContent::writer`].
///
/// Holds one chunk in memory: what is written becomes part of the content when its chunk is full, and
/// when the stream is flushed or shut down. What it holds when it is dropped is lost. Errors of the
/// database are inside of those that it gives, as [`Error`](crate::Error).
///
/// ```
/// # use {sop_examples::films::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use tokio::io::AsyncWriteExt;
///
/// let media = s.of::<Film>().media(1);
/// let mut writer = media.writer(0).await?;
/// tokio::io::copy(&mut &b"any source"[..], &mut writer).await.unwrap();
/// writer.shutdown().await.unwrap();
/// assert_eq!(media.len().await?, 10);
/// # Ok(())
/// # });
/// ```
pub struct BlobWriter<'s> {
    content: BlobContent<'s>,
    /// Where the first of the bytes that are held belongs.
    position: u64,
    held: Vec<u8>,
    chunk_len: usize,
}

impl fmt::Debug for BlobWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("position", &self.position).finish_non_exhaustive()
    }
}

impl<'s> BlobWriter<'s> {
    pub(super) fn new(content: BlobContent<'s>, position: u64, chunk_len: usize) -> Self {
        Self { content, position, held: Vec::new(), chunk_len }
    }

    /// Takes some of the bytes, up to the end of a chunk.
    fn put(&mut self, bytes: &[u8]) -> Result<usize> {
        let offset = self.position.saturating_add(self.held.len() as u64);
        let room = usize::try_from(to_chunk_end(offset, self.chunk_len)).unwrap_or(self.chunk_len);
        let part = &bytes[..bytes.len().min(room)];
        if self.held.is_empty() && part.len() == self.chunk_len {
            self.content.write(self.position, part)?;
            self.position += part.len() as u64;
            return Ok(part.len());
        }
        self.held.extend_from_slice(part);
        if part.len() == room
            && let Err(error) = self.put_held()
        {
            // The caller will think that none of them was taken.
            self.held.truncate(self.held.len() - part.len());
            return Err(error);
        }
        Ok(part.len())
    }

    /// Makes what is held part of the content.
    fn put_held(&mut self) -> Result<()> {
        if !self.held.is_empty() {
            self.content.write(self.position, &self.held)?;
            self.position += self.held.len() as u64;
            self.held.clear();
        }
        Ok(())
    }
}

impl AsyncWrite for BlobWriter<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.put(buf).map_err(io::Error::other))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.put_held().map_err(io::Error::other))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
