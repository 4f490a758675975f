//! The whole of a content from a source, and into a sink.

use std::{
    fmt,
    future::poll_fn,
    io::{self, ErrorKind},
    ops::RangeBounds,
    pin::Pin,
    sync::Arc,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    BlobContent,
    content::{ends, to_chunk_end},
};
use crate::{
    error::{Error, Result},
    many::rest,
};

type Report<'s> = Box<dyn FnMut(u64) + Send + 's>;

type Running<'s, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 's>>;

/// What a source gives, on its way into a blob field; made by [`BlobContent::upload`], and done when
/// it is awaited.
///
/// If it fails, what came before is in the session: go back to a
/// [`savepoint`](crate::Session::savepoint), or drop the session, of which nothing stays then.
///
/// ```
/// # use {sop_examples::films::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let media = s.of::<Film>().media(1);
/// let mut seen = 0;
/// media.upload(&b"any source"[..]).at_most(1 << 30).progress(|bytes| seen = bytes).await?;
/// assert_eq!(seen, 10);
///
/// // Content that is long comes in parts, each of which is committed and not sent again.
/// let mut source = &b"a film of some length"[..];
/// db.run(async |s| s.of::<Film>().media(2).clear().await).await?;
/// loop {
///     let s = db.session();
///     let uploaded = s.of::<Film>().media(2).upload(&mut source).append().part(8).await?;
///     s.commit().await?;
///     if uploaded.is_end {
///         break;
///     }
/// }
/// assert_eq!(db.session().of::<Film>().media(2).len().await?, 21);
/// # Ok(())
/// # });
/// ```
#[must_use = "nothing is uploaded before it is awaited"]
pub struct Upload<'s, R> {
    content: BlobContent<'s>,
    source: R,
    append: bool,
    least: u64,
    most: u64,
    part: u64,
    progress: Option<Report<'s>>,
}

/// What an [`Upload`] has brought.
///
/// ```
/// # use {sop_examples::films::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let uploaded = s.of::<Film>().media(1).upload(&b"any source"[..]).await?;
/// assert!(uploaded.is_end && uploaded.bytes == 10);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// Bytes that the source has given.
    pub bytes: u64,
    /// Whether the source had no more: it may have, if a [`part`](Upload::part) of it was asked for.
    pub is_end: bool,
}

impl<R> fmt::Debug for Upload<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("content", &self.content).finish_non_exhaustive()
    }
}

impl<'s, R> Upload<'s, R> {
    pub(super) fn new(content: BlobContent<'s>, source: R) -> Self {
        let (append, progress) = (false, None);
        Self { content, source, append, least: 0, most: u64::MAX, part: u64::MAX, progress }
    }

    /// Goes on behind what is there, which otherwise is replaced.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let script = s.of::<Film>().script(1);
    /// script.upload(&b" (They drink.)"[..]).append().await?;
    /// assert_eq!(script.len().await?, 41);
    /// # Ok(())
    /// # });
    /// ```
    pub fn append(self) -> Self {
        Self { append: true, ..self }
    }

    /// Fails with [`Error::SourceLength`] once the source has given more than so many bytes.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let endless = tokio::io::repeat(0);
    /// let refused = s.of::<Film>().media(1).upload(endless).at_most(100_000).await;
    /// assert!(matches!(refused, Err(Error::SourceLength { .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub fn at_most(self, bytes: u64) -> Self {
        Self { most: bytes, ..self }
    }

    /// Fails with [`Error::SourceLength`] unless the source gives so many bytes and ends there.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let media = s.of::<Film>().media(1);
    /// assert!(media.upload(&b"cut sho"[..]).exactly(9).await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub fn exactly(self, bytes: u64) -> Self {
        Self { least: bytes, most: bytes, ..self }
    }

    /// Takes so many bytes of the source and no more, so that an upload can be committed in parts:
    /// what is left stays in the source. See [`Upload`].
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut source = &b"any source"[..];
    /// s.of::<Film>().media(1).upload(&mut source).part(4).await?;
    /// assert_eq!(source, b"source");
    /// # Ok(())
    /// # });
    /// ```
    pub fn part(self, bytes: u64) -> Self {
        Self { part: bytes, ..self }
    }

    /// Calls `report` after each chunk, with the number of bytes that have come.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut reports = Vec::new();
    /// let source = tokio::io::AsyncReadExt::take(tokio::io::repeat(0), 3 << 20);
    /// s.of::<Film>().media(1).upload(source).progress(|bytes| reports.push(bytes >> 20)).await?;
    /// assert_eq!(reports, [1, 2, 3]);
    /// # Ok(())
    /// # });
    /// ```
    pub fn progress(self, report: impl FnMut(u64) + Send + 's) -> Self {
        Self { progress: Some(Box::new(report)), ..self }
    }
}

impl<'s, R: AsyncRead + Unpin + Send + 's> Upload<'s, R> {
    async fn run(mut self) -> Result<Uploaded> {
        let mut offset = if self.append { self.content.len().await? } else { 0 };
        let mut buf = vec![0; self.content.chunk_len()?];
        let (mut bytes, mut is_end) = (0, false);
        // What is there already must not be asked for again to find out that it has no end.
        while bytes < self.part && !is_end {
            let wanted = to_chunk_end(offset, buf.len()).min(self.part - bytes);
            let wanted = usize::try_from(wanted).unwrap_or(buf.len());
            let len = fill(&mut self.source, &mut buf[..wanted]).await?;
            is_end = len < wanted;
            if len == 0 {
                break;
            }
            bytes += len as u64;
            self.check(bytes, bytes > self.most)?;
            self.content.write(offset, &buf[..len])?;
            offset += len as u64;
            if let Some(report) = &mut self.progress {
                report(bytes);
            }
            rest().await;
        }
        self.check(bytes, is_end && bytes < self.least)?;
        if !self.append {
            self.content.truncate(offset).await?;
        }
        Ok(Uploaded { bytes, is_end })
    }

    fn check(&self, found: u64, is_wrong: bool) -> Result<()> {
        let (least, most) = (self.least, self.most);
        if is_wrong { Err(Error::SourceLength { least, most, found }) } else { Ok(()) }
    }
}

impl<'s, R: AsyncRead + Unpin + Send + 's> IntoFuture for Upload<'s, R> {
    type Output = Result<Uploaded>;
    type IntoFuture = Running<'s, Uploaded>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Content on its way into a sink; made by [`BlobContent::download`], and done when it is awaited,
/// with the number of bytes. The sink is flushed, and not shut down.
///
/// ```
/// # use {sop_examples::films::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// // What a browser asks for as `Range: bytes=7-13`.
/// let mut body = Vec::new();
/// s.of::<Film>().script(1).download(&mut body).range(7..=13).await?;
/// assert_eq!(body, b"looking");
/// # Ok(())
/// # });
/// ```
#[must_use = "nothing is downloaded before it is awaited"]
pub struct Download<'s, W> {
    content: BlobContent<'s>,
    sink: W,
    from: u64,
    to: u64,
    progress: Option<Report<'s>>,
}

impl<W> fmt::Debug for Download<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("content", &self.content).finish_non_exhaustive()
    }
}

impl<'s, W> Download<'s, W> {
    pub(super) fn new(content: BlobContent<'s>, sink: W) -> Self {
        Self { content, sink, from: 0, to: u64::MAX, progress: None }
    }

    /// Only the bytes of a range, as far as it has content.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut end = Vec::new();
    /// assert_eq!(s.of::<Film>().script(1).download(&mut end).range(23..).await?, 4);
    /// # Ok(())
    /// # });
    /// ```
    pub fn range(self, range: impl RangeBounds<u64>) -> Self {
        let (from, to) = ends(range);
        Self { from, to, ..self }
    }

    /// Calls `report` after each chunk, with the number of bytes that have gone.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut seen = 0;
    /// s.of::<Film>().script(1).download(tokio::io::sink()).progress(|bytes| seen = bytes).await?;
    /// assert_eq!(seen, 27);
    /// # Ok(())
    /// # });
    /// ```
    pub fn progress(self, report: impl FnMut(u64) + Send + 's) -> Self {
        Self { progress: Some(Box::new(report)), ..self }
    }
}

impl<'s, W: AsyncWrite + Unpin + Send + 's> Download<'s, W> {
    async fn run(mut self) -> Result<u64> {
        let (mut offset, mut piece) = (self.from, Vec::new());
        // One that is empty says whether the record is there, too.
        loop {
            self.content.read_piece(offset, self.to.saturating_sub(offset), &mut piece)?;
            if piece.is_empty() {
                break;
            }
            write_all(&mut self.sink, &piece).await?;
            offset += piece.len() as u64;
            if let Some(report) = &mut self.progress {
                report(offset - self.from);
            }
            rest().await;
        }
        let flushed = poll_fn(|context| Pin::new(&mut self.sink).poll_flush(context)).await;
        flushed.map_err(failed("flush a sink"))?;
        Ok(offset - self.from)
    }
}

impl<'s, W: AsyncWrite + Unpin + Send + 's> IntoFuture for Download<'s, W> {
    type Output = Result<u64>;
    type IntoFuture = Running<'s, u64>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Appends the content of one to that of another, of which there is none; how many bytes.
pub(super) async fn copied(from: &BlobContent<'_>, to: &BlobContent<'_>) -> Result<u64> {
    let (mut offset, mut piece) = (0, Vec::new());
    loop {
        from.read_piece(offset, u64::MAX, &mut piece)?;
        if piece.is_empty() {
            return Ok(offset);
        }
        to.write(offset, &piece)?;
        offset += piece.len() as u64;
        rest().await;
    }
}

/// Fills all of `buf`, but for what the source does not have.
async fn fill(source: &mut (impl AsyncRead + Unpin), buf: &mut [u8]) -> Result<usize> {
    let mut buf = ReadBuf::new(buf);
    while buf.remaining() > 0 {
        let before = buf.filled().len();
        let read = poll_fn(|context| Pin::new(&mut *source).poll_read(context, &mut buf)).await;
        match read {
            Ok(()) if buf.filled().len() == before => break,
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(failed("read a source")(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(buf.filled().len())
}

async fn write_all(sink: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|context| Pin::new(&mut *sink).poll_write(context, bytes)).await;
        match written {
            Ok(0) => return Err(failed("write to a sink")(ErrorKind::WriteZero.into())),
            Ok(len) => bytes = bytes.get(len..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("write to a sink")(error)),
        }
    }
    Ok(())
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Stream { action, source: Arc::new(source) }
}
