//! Disks that are full, fail or are damaged, and uploads that come to nothing.

use std::{
    io::{ErrorKind, Write},
    path::Path,
};

use super::*;
use crate::{Access, Call, Fault, FaultyDisk};

fn files(disk: &dyn Disk) -> usize {
    disk.list(Path::new("/db/seg")).unwrap().len()
}

#[test]
fn an_upload_that_is_dropped_removes_its_files() {
    let (db, disk) = with_blob("film", &content(0, 5 * CHUNK));
    let before = files(&*disk);
    let tx = db.begin().unwrap();
    let film = blobs(&tx).unwrap().open("film").unwrap();
    film.append(&content(1, 5 * CHUNK)).unwrap();
    assert_eq!(files(&*disk), before + 1);
    tx.rollback();
    assert_no_leftovers(&db, &*disk).unwrap();
    assert_eq!(files(&*disk), before);
}

#[test]
fn an_upload_in_the_middle_of_which_the_process_ends_leaves_nothing_after_the_next_opening() {
    let (db, disk) = with_blob("film", &content(0, 5 * CHUNK));
    let tx = db.begin().unwrap();
    let film = blobs(&tx).unwrap().open("film").unwrap();
    film.append(&content(1, 5 * CHUNK)).unwrap();
    // What there is in this moment.
    let image = Arc::new(MemoryDisk::default());
    for folder in ["/db", "/db/log", "/db/man", "/db/seg", "/db/tmp"] {
        image.create_dir_all(Path::new(folder)).unwrap();
        for entry in disk.list(Path::new(folder)).unwrap().iter().filter(|entry| !entry.is_dir) {
            let path = Path::new(folder).join(&entry.name);
            let mut bytes = vec![0; usize::try_from(entry.len).unwrap()];
            disk.open(&path, Access::Read).unwrap().read_exact_at(&mut bytes, 0).unwrap();
            image.open(&path, Access::Create).unwrap().write_all_at(&bytes, 0).unwrap();
        }
    }
    let after = open(&image).unwrap();
    assert_no_leftovers(&after, &*image).unwrap();
    let snapshot = after.snapshot().unwrap();
    let film = snapshot.blobs(STORE).unwrap().find("film").unwrap().unwrap();
    assert!(read(&film).unwrap() == content(0, 5 * CHUNK));
}

#[test]
fn an_upload_goes_on_where_it_was_committed_last() {
    let whole = content(7, 10 * CHUNK + 77);
    let disk = Arc::new(MemoryDisk::default());
    for part in [0, 100, CHUNK, 3 * CHUNK + 5, 10 * CHUNK, whole.len()] {
        let db = open(&disk).unwrap();
        let tx = db.begin().unwrap();
        let store = blobs(&tx).unwrap();
        let film = store.open("film").or_else(|_| store.create("film")).unwrap();
        let at = film.len().unwrap();
        let mut writer = film.writer(at).unwrap();
        writer.write_all(&whole[usize::try_from(at).unwrap()..part]).unwrap();
        writer.finish().unwrap();
        tx.commit().unwrap();
    }
    let db = open(&disk).unwrap();
    let snapshot = db.snapshot().unwrap();
    let film = snapshot.blobs(STORE).unwrap().find("film").unwrap().unwrap();
    assert!(read(&film).unwrap() == whole);
    assert_eq!(film.checksum().unwrap(), crc32c::crc32c(&whole));
    audit(&db).unwrap();
}

/// Once a write or a sync has failed, what was written before may be lost.
#[test]
fn a_transaction_whose_upload_has_met_a_failure_cannot_commit() {
    for call in [Call::Write, Call::Sync] {
        let memory = Arc::new(MemoryDisk::default());
        let disk = Arc::new(FaultyDisk::new(Arc::clone(&memory) as Arc<dyn Disk>));
        let db = open(&disk).unwrap();
        let tx = db.begin().unwrap();
        let film = blobs(&tx).unwrap().create("film").unwrap();
        film.append(&content(1, CHUNK)).unwrap();
        disk.faults()
            .judge(move |at, _| (at == call).then_some(Fault::Error(ErrorKind::StorageFull)));
        // So much that some of it is written and synced.
        let upload = film.append(&content(2, 6 << 20));
        assert!(matches!(upload, Err(Error::DiskFull { .. })), "{upload:?}");
        disk.faults().judge(|_, _| None);
        assert!(matches!(film.append(&content(3, CHUNK)), Err(Error::DiskFull { .. })));
        assert!(matches!(tx.commit(), Err(Error::DiskFull { .. })));
        assert_no_leftovers(&db, &*memory).unwrap();
        let tx = db.begin().unwrap();
        blobs(&tx).unwrap().create("film").unwrap().append(&content(4, 2 * CHUNK)).unwrap();
        tx.commit().unwrap();
        audit(&db).unwrap();
    }
}

#[test]
fn a_damaged_chunk_is_found_when_it_is_read_and_the_others_can_be_read() {
    let (db, disk) = with_blob("film", &content(0, 3 * CHUNK));
    db.close().unwrap();
    let db = open(&disk).unwrap();
    let entries = disk.list(Path::new("/db/seg")).unwrap();
    let longest = entries.into_iter().max_by_key(|entry| entry.len).unwrap();
    let path = Path::new("/db/seg").join(longest.name);
    let file = disk.open(&path, Access::Write).unwrap();
    file.write_all_at(b"else", 256 + CHUNK as u64 + 100).unwrap();
    let snapshot = db.snapshot().unwrap();
    let film = snapshot.blobs(STORE).unwrap().find("film").unwrap().unwrap();
    let mut chunk = vec![0; CHUNK];
    for number in [0, 2] {
        assert_eq!(film.read_at((number * CHUNK) as u64, &mut chunk).unwrap(), CHUNK);
        assert!(chunk == content(0, 3 * CHUNK)[number * CHUNK..][..CHUNK]);
    }
    for offset in [CHUNK as u64, CHUNK as u64 + 1] {
        let told = film.read_at(offset, &mut chunk);
        assert!(matches!(&told, Err(Error::Corrupt { path: at, .. }) if *at == path), "{told:?}");
    }
}

/// Chunks that are replaced stay for as long as somebody reads an older state.
#[test]
fn what_is_replaced_goes_with_the_last_who_reads_it() {
    let (db, disk) = with_blob("film", &content(0, 4 * CHUNK));
    db.checkpoint().unwrap();
    let old = db.snapshot().unwrap();
    let tx = db.begin().unwrap();
    blobs(&tx).unwrap().open("film").unwrap().write_at(0, &content(1, 4 * CHUNK)).unwrap();
    tx.commit().unwrap();
    db.checkpoint().unwrap();
    db.compact().unwrap();
    let film = old.blobs(STORE).unwrap().find("film").unwrap().unwrap();
    assert!(read(&film).unwrap() == content(0, 4 * CHUNK));
    let held = files(&*disk);
    drop(film);
    drop(old);
    assert!(files(&*disk) < held);
    assert_no_leftovers(&db, &*disk).unwrap();
}
