//! Content as a stream to be read.

use std::{
    fmt,
    io::{self, ErrorKind, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use super::BlobContent;

/// Reads the content of a blob field; made by [`BlobContent::reader`].
///
/// Holds one chunk in memory. What the session writes to that chunk meanwhile is not seen before the
/// reader is sought in. Errors of the database are inside of those that it gives, as
/// [`Error`](crate::Error).
///
/// ```
/// # use {sop_examples::films::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use std::io::SeekFrom;
/// use tokio::io::{AsyncReadExt, AsyncSeekExt};
///
/// let mut reader = s.of::<Film>().script(1).reader();
/// reader.seek(SeekFrom::End(-4)).await.unwrap();
/// let mut rest = String::new();
/// reader.read_to_string(&mut rest).await.unwrap();
/// assert_eq!(rest, "kid.");
/// # Ok(())
/// # });
/// ```
pub struct BlobReader<'s> {
    content: BlobContent<'s>,
    /// Where the next byte is.
    position: u64,
    /// What was read, up to the end of a chunk.
    piece: Vec<u8>,
    /// How much of that was given away.
    taken: usize,
}

impl fmt::Debug for BlobReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader").field("position", &self.position).finish_non_exhaustive()
    }
}

impl<'s> BlobReader<'s> {
    pub(super) fn new(content: BlobContent<'s>) -> Self {
        Self { content, position: 0, piece: Vec::new(), taken: 0 }
    }
}

impl AsyncRead for BlobReader<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.taken == this.piece.len() {
            this.taken = 0;
            let read = this.content.read_piece(this.position, u64::MAX, &mut this.piece);
            if let Err(error) = read {
                this.piece.clear();
                return Poll::Ready(Err(io::Error::other(error)));
            }
        }
        let left = &this.piece[this.taken..];
        let part = &left[..left.len().min(buf.remaining())];
        buf.put_slice(part);
        this.taken += part.len();
        this.position += part.len() as u64;
        Poll::Ready(Ok(()))
    }
}

/// Beyond the end there is nothing to read, which is no error. To go before the begin is one.
impl AsyncSeek for BlobReader<'_> {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => {
                self.content.len_now().map_err(io::Error::other)?.checked_add_signed(by)
            }
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        self.piece.clear();
        self.taken = 0;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position))
    }
}
