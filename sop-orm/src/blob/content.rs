//! The content of one field of one record.

use std::{
    fmt,
    ops::{Bound, RangeBounds},
};

use sop_core::BlobView;

use super::{BlobReader, BlobWriter, Download, Upload, transfer::copied};
use crate::{
    db::registry::{OpenBlob, OpenStore},
    deleted::Deleted,
    error::{Error, Result},
    many::rest,
    session::{Session, Work},
};

/// The content of a record's blob field, as one session sees it. Made by the method of the field's
/// name.
///
/// A small handle: nothing happens before one of its methods is awaited. Those do the disk's work on
/// the task, as all reading here does, a chunk at a time; between chunks other tasks have their
/// turn. In memory there is one chunk, however long the content is.
///
/// What is written goes through the log if it is up to 4 MiB in a session, and to files of its own
/// from there on, at once; the commit makes these durable.
///
/// ```
/// # use {sop_examples::films::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::BlobContent;
///
/// /// Changes one word of a script.
/// async fn rewrite(script: BlobContent<'_>, at: u64, word: &str) -> Result<()> {
///     script.write_at(at, word.as_bytes()).await
/// }
/// let script = s.of::<Film>().script(1);
/// assert_eq!(script.read(..).await?, b"Here's looking at you, kid.");
/// rewrite(script.clone(), 23, "pal").await?;
/// assert_eq!(script.read(15..).await?, b"at you, pal.");
/// # Ok(())
/// # });
/// ```
#[derive(Clone)]
pub struct BlobContent<'s> {
    session: &'s Session,
    /// The record, or why there can be none.
    record: Result<Place<'s>>,
    deleted: Deleted,
}

/// A field of a record.
#[derive(Clone)]
struct Place<'s> {
    store: &'s OpenStore,
    blob: &'s OpenBlob,
    key: Vec<u8>,
}

impl fmt::Debug for BlobContent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.record.as_ref().ok().map(|place| place.blob.spec.field);
        f.debug_struct("BlobContent").field("field", &field).finish_non_exhaustive()
    }
}

#[expect(clippy::unused_async, reason = "like every other operation on a session")]
impl<'s> BlobContent<'s> {
    pub(crate) fn new(
        session: &'s Session,
        store: Result<&'s OpenStore>,
        blob: usize,
        key: Result<Vec<u8>>,
        deleted: Deleted,
    ) -> Self {
        let record = store.and_then(|store| {
            let blob = store.blobs.get(blob);
            let blob = blob.expect("invariant: generated code names blobs that are there");
            Ok(Place { store, blob, key: key? })
        });
        Self { session, record, deleted }
    }

    fn place(&self) -> Result<&Place<'s>> {
        self.record.as_ref().map_err(Clone::clone)
    }

    /// Whether both are the same content in the same session.
    fn is_same(&self, other: &BlobContent<'_>) -> bool {
        let (Ok(one), Ok(two)) = (&self.record, &other.record) else { return false };
        std::ptr::eq::<Session>(self.session, other.session)
            && one.blob.contents == two.blob.contents
            && one.key == two.key
    }

    /// Its length in bytes; 0 if nothing was ever written.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Film>().script(1).len().await?, 27);
    /// assert!(matches!(s.of::<Film>().script(99).len().await, Err(Error::NotFound { .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub async fn len(&self) -> Result<u64> {
        self.len_now()
    }

    pub(super) fn len_now(&self) -> Result<u64> {
        self.look(|blob| blob.map_or(Ok(0), BlobView::len))
    }

    /// Whether there is none.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert!(s.of::<Film>().media(1).is_empty().await?);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn is_empty(&self) -> Result<bool> {
        self.look(|blob| blob.map_or(Ok(true), BlobView::is_empty))
    }

    /// CRC-32C of all of it, as others compute it over the same bytes. Costs a search for each chunk:
    /// none is read. It tells damage and most changes; it is no proof against forgery.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// s.of::<Film>().media(1).write_at(0, b"123456789").await?;
    /// assert_eq!(s.of::<Film>().media(1).checksum().await?, 0xe306_9283);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn checksum(&self) -> Result<u32> {
        self.look(|blob| blob.map_or(Ok(0), BlobView::checksum))
    }

    /// What was given to [`set_metadata`](Self::set_metadata); no bytes before that.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// s.of::<Film>().media(1).set_metadata(b"video/mp4").await?;
    /// assert_eq!(s.of::<Film>().media(1).metadata().await?, b"video/mp4");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn metadata(&self) -> Result<Vec<u8>> {
        self.look(|blob| blob.map_or(Ok(Vec::new()), BlobView::metadata))
    }

    /// Keeps up to 64 KiB of any meaning with the content, in place of those before; no bytes to keep
    /// nothing. Merges with changes of the content by other sessions.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let media = s.of::<Film>().media(1);
    /// assert!(media.set_metadata(&vec![0; 100_000]).await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn set_metadata(&self, metadata: &[u8]) -> Result<()> {
        self.change(|blob| blob.set_metadata(metadata))
    }

    /// Fills `buf` from `offset` on, and says how many bytes there were: fewer than it has room for
    /// only if the content ends there, none from its end on.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut buf = [0; 10];
    /// assert_eq!(s.of::<Film>().script(1).read_at(23, &mut buf).await?, 4);
    /// assert_eq!(&buf[..4], b"kid.");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        self.look(|blob| blob.map_or(Ok(0), |blob| blob.read_at(offset, buf)))
    }

    /// The bytes of a range, as far as it has content. They are in memory as a whole: what may be
    /// long is better taken by a [`reader`](Self::reader), or [downloaded](Self::download).
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(s.of::<Film>().script(1).read(..6).await?, b"Here's");
    /// assert_eq!(s.of::<Film>().script(1).read(23..1_000).await?, b"kid.");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn read(&self, range: impl RangeBounds<u64>) -> Result<Vec<u8>> {
        let (from, to) = ends(range);
        let (mut all, mut piece) = (Vec::new(), Vec::new());
        let mut offset = from;
        while offset < to {
            self.read_piece(offset, to - offset, &mut piece)?;
            if piece.is_empty() {
                break;
            }
            all.extend_from_slice(&piece);
            offset += piece.len() as u64;
            rest().await;
        }
        Ok(all)
    }

    /// Writes bytes over those from `offset` on, and beyond the end. Only the chunks that they are in
    /// are written anew.
    ///
    /// Fails with [`BlobRange`](sop_core::Error::BlobRange) of the engine if the content ends before
    /// the offset: there are no holes.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let script = s.of::<Film>().script(1);
    /// script.write_at(23, b"pal, and you.").await?;
    /// assert_eq!(script.read(18..).await?, b"you, pal, and you.");
    /// assert!(script.write_at(1_000, b"The end").await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    pub async fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.write(offset, bytes)
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.change(|blob| blob.write_at(offset, bytes))
    }

    /// Writes bytes behind the last one. Of two sessions that append, one fails with
    /// [`Conflict`](crate::Error::Conflict).
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let script = s.of::<Film>().script(1);
    /// script.append(b" (They drink.)").await?;
    /// assert_eq!(script.len().await?, 41);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn append(&self, bytes: &[u8]) -> Result<()> {
        self.change(|blob| blob.append(bytes))
    }

    /// Cuts off what is behind the first `len` bytes. Fails with
    /// [`BlobRange`](sop_core::Error::BlobRange) of the engine if there are not so many.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let script = s.of::<Film>().script(1);
    /// script.truncate(6).await?;
    /// assert_eq!(script.read(..).await?, b"Here's");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn truncate(&self, len: u64) -> Result<()> {
        self.change(|blob| blob.truncate(len))
    }

    /// Removes the content and its metadata; whether there was any. The record stays.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert!(s.of::<Film>().script(1).clear().await?);
    /// assert_eq!(s.of::<Film>().script(1).len().await?, 0);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn clear(&self) -> Result<bool> {
        let Place { blob, key, .. } = self.place()?;
        self.session.run(|work, _| {
            self.require_record(work)?;
            Ok(work.transaction()?.blobs_by_id(blob.contents, &blob.spec.options())?.delete(key)?)
        })
    }

    /// Puts the content and the metadata of another field or record in the place of these; how many
    /// bytes of content. They are read and written chunk by chunk.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let films = s.of::<Film>();
    /// assert_eq!(films.media(2).copy_from(&films.script(1)).await?, 27);
    /// assert_eq!(films.media(2).read(..4).await?, b"Here");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn copy_from(&self, other: &BlobContent<'_>) -> Result<u64> {
        if self.is_same(other) {
            return self.len().await;
        }
        let metadata = other.metadata().await?;
        self.clear().await?;
        if !metadata.is_empty() {
            self.set_metadata(&metadata).await?;
        }
        copied(other, self).await
    }

    /// A stream of the content, from its begin on, that can be sought in.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use tokio::io::AsyncReadExt;
    ///
    /// let mut word = [0; 6];
    /// s.of::<Film>().script(1).reader().read_exact(&mut word).await.unwrap();
    /// assert_eq!(&word, b"Here's");
    /// # Ok(())
    /// # });
    /// ```
    pub fn reader(&self) -> BlobReader<'s> {
        BlobReader::new(self.clone())
    }

    /// A stream that writes from `offset` on, over what is there and beyond the end.
    ///
    /// Fails with [`BlobRange`](sop_core::Error::BlobRange) of the engine if the content ends before
    /// the offset.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use tokio::io::AsyncWriteExt;
    ///
    /// let script = s.of::<Film>().script(1);
    /// let mut writer = script.writer(27).await?;
    /// writer.write_all(b" (They drink.)").await.unwrap();
    /// writer.shutdown().await.unwrap();
    /// assert_eq!(script.len().await?, 41);
    /// # Ok(())
    /// # });
    /// ```
    pub async fn writer(&self, offset: u64) -> Result<BlobWriter<'s>> {
        let chunk_len = self.change(|blob| blob.writer(offset).map(|_| blob.chunk_len()))?;
        Ok(BlobWriter::new(self.clone(), offset, chunk_len))
    }

    /// Puts what a source gives in the place of the content, when it is awaited. See [`Upload`] for
    /// what can be asked of it, such as progress, bounds and going on.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let media = s.of::<Film>().media(1);
    /// let uploaded = media.upload(&b"any source"[..]).await?;
    /// assert_eq!(uploaded.bytes, 10);
    /// # Ok(())
    /// # });
    /// ```
    pub fn upload<R>(&self, source: R) -> Upload<'s, R> {
        Upload::new(self.clone(), source)
    }

    /// Hands all content to a sink, when it is awaited. See [`Download`] for what can be asked of it.
    ///
    /// ```
    /// # use {sop_examples::films::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// let mut sink = Vec::new();
    /// assert_eq!(s.of::<Film>().script(1).download(&mut sink).await?, 27);
    /// assert!(sink.ends_with(b"kid."));
    /// # Ok(())
    /// # });
    /// ```
    pub fn download<W>(&self, sink: W) -> Download<'s, W> {
        Download::new(self.clone(), sink)
    }

    /// Puts the bytes from `offset` on in the place of those in `piece`: at most so many, and none
    /// beyond the end of the chunk. None at all are the end.
    pub(super) fn read_piece(&self, offset: u64, most: u64, piece: &mut Vec<u8>) -> Result<()> {
        piece.clear();
        self.look(|blob| {
            let Some(blob) = blob else { return Ok(()) };
            let wanted = to_chunk_end(offset, blob.chunk_len()).min(most);
            piece.resize(usize::try_from(wanted).unwrap_or(blob.chunk_len()), 0);
            let len = blob.read_at(offset, piece)?;
            piece.truncate(len);
            Ok(())
        })
    }

    /// Length of its chunks, also of those to come.
    pub(super) fn chunk_len(&self) -> Result<usize> {
        let fresh = self.place()?.blob.spec.options().chunk_len;
        self.look(|blob| Ok(blob.map_or(fresh, BlobView::chunk_len)))
    }

    /// Looks at the content, of which there may be none.
    fn look<T>(
        &self,
        look: impl FnOnce(Option<&BlobView<'_>>) -> sop_core::Result<T>,
    ) -> Result<T> {
        let Place { blob, key, .. } = self.place()?;
        self.session.run(|work, _| {
            self.require_record(work)?;
            let found = work.blobs(blob.contents)?.find(key)?;
            Ok(look(found.as_ref())?)
        })
    }

    /// Changes the content, which is created if there is none.
    fn change<T>(
        &self,
        change: impl FnOnce(&sop_core::Blob<'_>) -> sop_core::Result<T>,
    ) -> Result<T> {
        let Place { blob, key, .. } = self.place()?;
        self.session.run(|work, _| {
            self.require_record(work)?;
            let blobs = work.transaction()?.blobs_by_id(blob.contents, &blob.spec.options())?;
            let blob = if blobs.contains(key)? { blobs.open(key)? } else { blobs.create(key)? };
            Ok(change(&blob)?)
        })
    }

    /// The record must be there, now and when the session commits; what is in it does not matter.
    fn require_record(&self, work: &mut Work) -> Result<()> {
        let Place { store, key, .. } = self.place()?;
        let mut is_there = work.require_row(store, key)?;
        if is_there && store.schema.soft_delete.is_some() {
            let record = work.get(store, key)?;
            is_there = record.is_some_and(|record| !self.deleted.hides(&*record));
        }
        if is_there {
            return Ok(());
        }
        let schema = store.schema;
        Err(Error::NotFound { store: schema.store, key: schema.show_key(key) })
    }
}

/// How many bytes there are up to the end of the chunk that an offset is in.
pub(super) fn to_chunk_end(offset: u64, chunk_len: usize) -> u64 {
    let chunk_len = chunk_len as u64;
    chunk_len - offset % chunk_len
}

/// Where a range begins, and where it has ended.
pub(super) fn ends(range: impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}
