//! Requests that make no sense, and entries that nobody should have written.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use super::*;
use crate::limit::{BLOB_CHUNK_LEN_MAX, BLOB_METADATA_LEN_MAX, BLOB_NAME_LEN_MAX};

#[test]
fn nothing_is_written_behind_the_end() {
    let (db, _) = with_blob("film", &content(0, CHUNK + 10));
    let tx = db.begin().unwrap();
    let film = blobs(&tx).unwrap().open("film").unwrap();
    let len = film.len().unwrap();
    for beyond in [len + 1, 2 * CHUNK as u64, 2 * CHUNK as u64 + 1, 1 << 40] {
        let is_range = |error: Error| matches!(error, Error::BlobRange { offset, len: told } if (offset, told) == (beyond, len));
        assert!(is_range(film.write_at(beyond, b"x").unwrap_err()), "{beyond}");
        assert!(is_range(film.writer(beyond).unwrap_err()), "{beyond}");
        assert!(is_range(film.truncate(beyond).unwrap_err()), "{beyond}");
    }
    let limit = film.chunk_len() as u64 * (1 << 32);
    for (offset, bytes) in [(u64::MAX, &b"x"[..]), (limit, b"x"), (limit - 1, b"xy")] {
        let error = film.write_at(offset, bytes).unwrap_err();
        assert!(matches!(error, Error::BlobTooLong { limit: told } if told == limit), "{error}");
    }
    assert!(matches!(film.writer(u64::MAX), Err(Error::BlobRange { .. })));
    film.truncate(len).unwrap();
    film.write_at(len, b"").unwrap();
    assert_eq!(film.len().unwrap(), len);
}

#[test]
fn reading_behind_the_end_finds_nothing_and_seeking_before_the_begin_fails() {
    let (db, _) = with_blob("film", &content(0, 2 * CHUNK));
    let snapshot = db.snapshot().unwrap();
    let film = snapshot.blobs(STORE).unwrap().find("film").unwrap().unwrap();
    for beyond in [2 * CHUNK as u64, 2 * CHUNK as u64 + 1, 1 << 50, u64::MAX] {
        assert_eq!(film.read_at(beyond, &mut [0; 10]).unwrap(), 0, "{beyond}");
    }
    let mut reader = film.reader_at(5);
    let invalid = [
        SeekFrom::Current(-6),
        SeekFrom::End(-2 * i64::try_from(CHUNK).unwrap() - 1),
        SeekFrom::Current(i64::MIN),
    ];
    for to in invalid {
        assert_eq!(reader.seek(to).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(reader.position(), 5, "it stays where it was");
    }
    assert_eq!(reader.seek(SeekFrom::Start(u64::MAX)).unwrap(), u64::MAX);
    assert_eq!(reader.seek(SeekFrom::Current(1)).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
    assert_eq!(film.read_at(0, &mut []).unwrap(), 0);
}

#[test]
fn names_metadata_and_chunks_are_held_to_their_bounds() {
    let (db, _) = with_blob("film", b"");
    let tx = db.begin().unwrap();
    let store = blobs(&tx).unwrap();
    let name = vec![0; BLOB_NAME_LEN_MAX];
    store.create(&name).unwrap().append(&content(1, 2 * CHUNK)).unwrap();
    assert_eq!(store.open(&name).unwrap().len().unwrap(), 2 * CHUNK as u64);
    let name = vec![0; BLOB_NAME_LEN_MAX + 1];
    assert!(matches!(store.create(&name), Err(Error::KeyTooLong { .. })));
    assert!(matches!(store.find(&name), Err(Error::KeyTooLong { .. })));

    let film = store.open("film").unwrap();
    film.set_metadata(&vec![1; BLOB_METADATA_LEN_MAX]).unwrap();
    let too_long = film.set_metadata(&vec![1; BLOB_METADATA_LEN_MAX + 1]);
    assert!(matches!(too_long, Err(Error::ValueTooLong { .. })));
    for chunk_len in [0, 1, CHUNK - 1, BLOB_CHUNK_LEN_MAX + 1, usize::MAX] {
        let opened = tx.open_blobs("other", &options().chunk_len(chunk_len));
        assert!(matches!(opened, Err(Error::Invalid(_))), "{chunk_len}");
    }
}

#[test]
fn a_blob_is_there_once_or_not_at_all() {
    let (db, _) = with_blob("film", b"");
    let tx = db.begin().unwrap();
    let store = blobs(&tx).unwrap();
    assert!(matches!(store.create("film"), Err(Error::KeyExists { key, .. }) if key == b"film"));
    assert!(matches!(store.open("none"), Err(Error::KeyNotFound { key, .. }) if key == b"none"));
    assert!(matches!(store.copy("none", "new"), Err(Error::KeyNotFound { .. })));
    assert!(matches!(store.copy("film", "film"), Err(Error::KeyExists { .. })));
    assert!(!store.delete("none").unwrap() && !store.contains("none").unwrap());
    assert!(matches!(db.snapshot().unwrap().blobs("none"), Err(Error::StoreNotFound { .. })));
}

#[test]
fn a_handle_of_a_blob_that_its_transaction_has_deleted_says_so() {
    let (db, _) = with_blob("film", &content(0, 2 * CHUNK));
    let tx = db.begin().unwrap();
    let store = blobs(&tx).unwrap();
    let film = store.open("film").unwrap();
    let mut reader = film.reader();
    reader.read_exact(&mut [0; 10]).unwrap();
    let mut writer = film.writer(CHUNK as u64).unwrap();
    assert!(store.delete("film").unwrap());
    let uses: [&dyn Fn() -> Result<()>; 7] = [
        &|| film.len().map(drop),
        &|| film.metadata().map(drop),
        &|| film.checksum().map(drop),
        &|| film.read_at(0, &mut [0; 10]).map(drop),
        &|| film.append(b"x"),
        &|| film.truncate(0),
        &|| film.set_metadata(b"x"),
    ];
    for (at, use_it) in uses.iter().enumerate() {
        assert!(matches!(use_it(), Err(Error::KeyNotFound { .. })), "{at}");
    }
    let told = reader.read(&mut [0; 10]).unwrap_err().downcast::<Error>().unwrap();
    assert!(matches!(told, Error::KeyNotFound { .. }), "{told}");
    let told = writer.write_all(&content(1, CHUNK)).unwrap_err().downcast::<Error>().unwrap();
    assert!(matches!(told, Error::KeyNotFound { .. }), "{told}");
    tx.commit().unwrap();
    assert!(db.snapshot().unwrap().store(STORE).unwrap().is_empty().unwrap());
}

#[test]
fn a_writer_does_not_go_on_behind_what_its_transaction_has_cut_off() {
    let (db, _) = with_blob("film", &content(0, 3 * CHUNK));
    let tx = db.begin().unwrap();
    let film = blobs(&tx).unwrap().open("film").unwrap();
    for offset in [2 * CHUNK as u64, 2 * CHUNK as u64 + 5, 3 * CHUNK as u64] {
        let savepoint = tx.savepoint();
        let mut writer = film.writer(offset).unwrap();
        film.truncate(CHUNK as u64 + 1).unwrap();
        let told = writer.write_all(&content(1, CHUNK)).unwrap_err().downcast::<Error>().unwrap();
        assert!(matches!(told, Error::BlobRange { len, .. } if len == CHUNK as u64 + 1), "{told}");
        assert_eq!(read(&film).unwrap(), content(0, CHUNK + 1));
        tx.rollback_to(&savepoint).unwrap();
    }
}

/// Entries of a store that are not what a blob consists of.
type Which<'a> = &'a dyn Fn(&[u8]) -> bool;

#[test]
fn entries_that_nobody_should_have_written_are_named_as_damage() {
    let header = |key: &[u8]| key.ends_with(&[0]);
    let chunk = |number: u8| move |key: &[u8]| key.ends_with(&[2, 0, 0, 0, number]);
    let is_damage = |outcome: Result<()>| matches!(outcome, Err(Error::Corrupt { .. }));
    let cases: [(Which<'_>, Option<usize>); 6] = [
        (&header, Some(0)),
        (&header, Some(4)),
        (&chunk(1), None),
        (&chunk(1), Some(CHUNK - 1)),
        (&chunk(1), Some(CHUNK + 1)),
        (&chunk(2), Some(0)),
    ];
    for (at, (which, len)) in cases.iter().enumerate() {
        let (db, _) = with_blob("film", &content(0, 2 * CHUNK + 10));
        let tx = db.begin().unwrap();
        let store = tx.store(STORE).unwrap();
        let keys: Vec<_> = store.iter().unwrap().map(|entry| entry.unwrap().0).collect();
        let key = keys.iter().find(|key| which(key)).unwrap();
        match len {
            Some(len) => store.update(key, vec![7; *len]).unwrap(),
            None => assert!(store.remove(key).unwrap()),
        }
        tx.commit().unwrap();
        let snapshot = db.snapshot().unwrap();
        let store = snapshot.blobs(STORE).unwrap();
        let all = || {
            let film = store.find("film")?.unwrap();
            film.checksum()?;
            read(&film).map(drop)
        };
        assert!(is_damage(all()), "case {at}");
        if let Ok(Some(film)) = store.find("film") {
            assert!(is_damage(film.checksum().map(drop)), "case {at}");
            let read = film.read_at(0, &mut vec![0; 3 * CHUNK]);
            assert!(is_damage(read.map(drop)), "case {at}");
        }
    }
}

#[test]
fn a_key_that_is_no_blobs_ends_a_list_of_names() {
    let (db, _) = with_blob("film", b"");
    let tx = db.begin().unwrap();
    tx.store(STORE).unwrap().add("zzz", "no blob").unwrap();
    tx.commit().unwrap();
    let snapshot = db.snapshot().unwrap();
    let mut names = snapshot.blobs(STORE).unwrap().names().unwrap();
    assert_eq!(names.next().unwrap().unwrap(), b"film");
    assert!(matches!(names.next(), Some(Err(Error::Corrupt { .. }))));
    assert!(names.next().is_none());
}

#[test]
fn a_source_that_fails_leaves_what_it_gave_to_be_taken_back() {
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(ErrorKind::ConnectionReset)?;
            buf.fill(7);
            Ok(buf.len())
        }
    }

    let (db, disk) = with_blob("film", b"as it was");
    let tx = db.begin().unwrap();
    let film = blobs(&tx).unwrap().open("film").unwrap();
    let savepoint = tx.savepoint();
    let mut writer = film.writer(0).unwrap();
    let error = io::copy(&mut Failing(9), &mut writer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    drop(writer);
    assert!(film.len().unwrap() > 9, "whole chunks were written");
    tx.rollback_to(&savepoint).unwrap();
    film.append(b", and more").unwrap();
    tx.commit().unwrap();
    let snapshot = db.snapshot().unwrap();
    let film = snapshot.blobs(STORE).unwrap().find("film").unwrap().unwrap();
    assert_eq!(read(&film).unwrap(), b"as it was, and more");
    assert_no_leftovers(&db, &*disk).unwrap();
}
