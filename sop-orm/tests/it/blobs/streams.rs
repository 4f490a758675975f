//! Content from sources and into sinks, good and bad.

use std::{
    io::{self, ErrorKind, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use sop_orm::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::*;

/// A source that gives a few bytes at a time, waits in between, is interrupted, and may fail in the
/// end.
struct Fitful<'a> {
    bytes: &'a [u8],
    turn: usize,
    fails: bool,
}

impl<'a> Fitful<'a> {
    fn new(bytes: &'a [u8], fails: bool) -> Self {
        Self { bytes, turn: 0, fails }
    }
}

impl AsyncRead for Fitful<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.turn += 1;
        match self.turn % 4 {
            0 => return Poll::Ready(Err(ErrorKind::Interrupted.into())),
            1 => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            _ => {}
        }
        let len = self.bytes.len().min(buf.remaining()).min(1_000);
        let (part, rest) = self.bytes.split_at(len);
        if part.is_empty() && self.fails {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        buf.put_slice(part);
        self.bytes = rest;
        Poll::Ready(Ok(()))
    }
}

/// A sink that takes so many bytes and then no more.
struct Full(usize);

impl AsyncWrite for Full {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = buf.len().min(self.0);
        self.0 -= taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_a_source_gives_takes_the_place_of_what_was_there() -> Result<()> {
    let db = with_script(5 * CHUNK).await?;
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
        let s = db.session();
        let new = content(7, len);
        let script_of_1 = s.of::<Film>().script(1);
        let uploaded = script_of_1.upload(Fitful::new(&new, false)).await?;
        assert_eq!((uploaded.bytes, uploaded.is_end), (len as u64, true));
        s.commit().await?;
        assert_eq!(script(&db, 1).await?, new);

        let s = db.session();
        let mut sink = Vec::new();
        let bytes = s.of::<Film>().script(1).download(&mut sink).await?;
        assert!(bytes == len as u64 && sink == new);
        assert_eq!(s.of::<Film>().script(1).checksum().await?, crc32c::crc32c(&new));
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_in_parts_goes_on_where_the_last_commit_ended() -> Result<()> {
    let db = with_script(0).await?;
    let whole = content(3, 4 * CHUNK + 100);
    let mut source = &whole[..];
    let mut sessions = 0;
    loop {
        let s = db.session();
        let part = CHUNK as u64 + 1_000;
        let upload = s.of::<Film>().script(1).upload(&mut source).append().part(part);
        let is_end = upload.await?.is_end;
        if sessions == 1 {
            // This one is lost: what is there says where to go on.
            drop(s);
            source = &whole[usize::try_from(db.session().of::<Film>().script(1).len().await?)
                .expect("it is short")..];
        } else {
            s.commit().await?;
        }
        sessions += 1;
        if is_end {
            break;
        }
    }
    assert_eq!(sessions, 5);
    assert_eq!(script(&db, 1).await?, whole);
    Ok(())
}

#[tokio::test]
async fn a_source_that_is_too_long_too_short_or_fails_is_told_and_leaves_nothing() -> Result<()> {
    let db = with_script(100).await?;
    let short = content(1, 3 * CHUNK);
    let len = short.len() as u64;
    for bound in [0, 1, CHUNK as u64, len - 1] {
        let s = db.session();
        let refused = s.of::<Film>().script(1).upload(&short[..]).at_most(bound).await;
        assert!(matches!(refused, Err(Error::SourceLength { most, found, .. })
            if most == bound && found > bound));
        let endless = s.of::<Film>().script(1).upload(tokio::io::repeat(1)).at_most(bound).await;
        assert!(matches!(endless, Err(Error::SourceLength { .. })), "{endless:?}");
    }
    for bound in [len - 1, len + 1] {
        let s = db.session();
        let refused = s.of::<Film>().script(1).upload(&short[..]).exactly(bound).await;
        assert!(matches!(refused, Err(Error::SourceLength { .. })), "{refused:?}");
    }
    let s = db.session();
    let savepoint = s.savepoint()?;
    let failed = s.of::<Film>().script(1).upload(Fitful::new(&short, true)).await;
    assert!(matches!(&failed, Err(Error::Stream { source, .. })
        if source.kind() == ErrorKind::ConnectionReset));
    // The session can go on from before.
    savepoint.rollback()?;
    s.of::<Film>().script(1).append(b"the end").await?;
    s.commit().await?;
    assert_eq!(script(&db, 1).await?, [content(0, 100), b"the end".to_vec()].concat());
    s_is_exact(&db, &short).await
}

async fn s_is_exact(db: &Db, source: &[u8]) -> Result<()> {
    let s = db.session();
    let len = source.len() as u64;
    assert_eq!(s.of::<Film>().script(1).upload(source).exactly(len).at_most(len).await?.bytes, len);
    assert_eq!(s.of::<Film>().script(2).upload(&b""[..]).exactly(0).await?.bytes, 0);
    Ok(())
}

#[tokio::test]
async fn a_sink_that_takes_no_more_is_told() -> Result<()> {
    let db = with_script(3 * CHUNK).await?;
    let s = db.session();
    let failed = s.of::<Film>().script(1).download(Full(CHUNK + 10)).await;
    assert!(matches!(&failed, Err(Error::Stream { source, .. })
        if source.kind() == ErrorKind::WriteZero));
    assert_eq!(s.of::<Film>().script(1).download(Full(3 * CHUNK)).await?, 3 * CHUNK as u64);
    Ok(())
}

#[tokio::test]
async fn a_reader_goes_anywhere_and_nowhere_before_the_begin() -> Result<()> {
    let len = 2 * CHUNK + 500;
    let (db, whole) = (with_script(len).await?, content(0, len));
    let s = db.session();
    let mut reader = s.of::<Film>().script(1).reader();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let at = rng.usize(..len + 100);
        let seek = match rng.u8(..3) {
            0 => SeekFrom::Start(at as u64),
            1 => SeekFrom::End(i64::try_from(at).unwrap() - i64::try_from(len).unwrap()),
            _ => {
                let now = i64::try_from(reader.stream_position().await.unwrap()).unwrap();
                SeekFrom::Current(i64::try_from(at).unwrap() - now)
            }
        };
        assert_eq!(reader.seek(seek).await.unwrap(), at as u64);
        let mut some = vec![0; rng.usize(..6_000)];
        let mut read = 0;
        while read < some.len() {
            match reader.read(&mut some[read..]).await.unwrap() {
                0 => break,
                more => read += more,
            }
        }
        let expected = whole.get(at..len.min(at + some.len())).unwrap_or_default();
        assert!(some[..read] == *expected, "{} bytes at {at}", some.len());
    }
    let refused = reader.seek(SeekFrom::End(-1 - i64::try_from(len).unwrap())).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(reader.seek(SeekFrom::Start(u64::MAX)).await.unwrap(), u64::MAX);
    assert_eq!(reader.read(&mut [0; 10]).await.unwrap(), 0);
    assert!(reader.seek(SeekFrom::Current(1)).await.is_err(), "there is no such offset");
    Ok(())
}

#[tokio::test]
async fn a_writer_writes_over_and_beyond_whatever_comes_at_a_time() -> Result<()> {
    let mut rng = fastrand::Rng::with_seed(2);
    for _ in 0..30 {
        let (old, new) = (rng.usize(..3 * CHUNK), content(9, rng.usize(1..3 * CHUNK)));
        let at = rng.usize(..=old);
        let db = with_script(old).await?;
        let s = db.session();
        let mut writer = s.of::<Film>().script(1).writer(at as u64).await?;
        let mut rest = &new[..];
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rng.usize(1..=rest.len().min(2 * CHUNK)));
            writer.write_all(part).await.unwrap();
            if rng.u8(..4) == 0 {
                writer.flush().await.unwrap();
            }
            rest = behind;
        }
        writer.shutdown().await.unwrap();
        s.commit().await?;
        let mut expected = content(0, old);
        expected.resize(old.max(at + new.len()), 0);
        expected[at..at + new.len()].copy_from_slice(&new);
        assert!(script(&db, 1).await? == expected, "{} bytes at {at} of {old}", new.len());
    }
    Ok(())
}

#[tokio::test]
async fn what_would_leave_a_hole_or_reach_too_far_is_refused() -> Result<()> {
    let db = with_script(100).await?;
    let s = db.session();
    let script_of_1 = s.of::<Film>().script(1);
    let beyond =
        |error: Error| matches!(error, Error::Engine(sop_core::Error::BlobRange { len: 100, .. }));
    assert!(beyond(script_of_1.write_at(101, b"x").await.unwrap_err()));
    assert!(beyond(script_of_1.writer(101).await.unwrap_err()));
    assert!(beyond(script_of_1.truncate(101).await.unwrap_err()));
    let too_long =
        |error: Error| matches!(error, Error::Engine(sop_core::Error::BlobTooLong { .. }));
    assert!(too_long(script_of_1.write_at(u64::MAX, b"x").await.unwrap_err()));
    assert!(script_of_1.read(u64::MAX..).await?.is_empty());
    assert!(script_of_1.read(100..).await?.is_empty());
    assert_eq!(
        script_of_1.read((std::ops::Bound::Excluded(98), std::ops::Bound::Unbounded)).await?,
        [99]
    );
    assert_eq!(script_of_1.len().await?, 100);
    s.commit().await?;
    Ok(())
}
