//! Content that goes past the system's cache, on a real disk.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use super::*;

/// Whether the file system of a folder has files that go past the cache.
fn can_be_direct(folder: &Path) -> bool {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true).custom_flags(libc::O_DIRECT);
    options.open(folder.join("probe")).is_ok()
}

/// How many segments this process has open past the cache, in a folder.
fn open_past_the_cache(folder: &Path) -> usize {
    let is_direct = |number: &str| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let flags = i32::from_str_radix(flags.trim(), 8).ok()?;
        Some(flags & libc::O_DIRECT != 0)
    };
    let is_segment = |path: &Path| {
        path.starts_with(folder) && path.extension().is_some_and(|name| name == "seg")
    };
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter(|entry| fs::read_link(entry.path()).is_ok_and(|path| is_segment(&path)))
        .filter(|entry| is_direct(entry.file_name().to_str().unwrap()) == Some(true))
        .count()
}

#[test]
fn content_goes_past_the_cache_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let is_possible = can_be_direct(&folder);
    let path = folder.join("db");
    for unmapped in [false, true] {
        let name = format!("{unmapped}");
        let options = |direct| Options::default().direct_blobs(direct).unmapped(unmapped);
        let open = |direct| Database::builder().options(options(direct)).open(&path).unwrap();
        let mut expected = content(1, 9_000_001);
        let db = open(true);
        let tx = db.begin().unwrap();
        let blob = tx.open_blobs(STORE, &BlobOptions::default()).unwrap();
        let blob = blob.create(&name).unwrap();
        let mut writer = blob.writer(0).unwrap();
        expected.chunks(77_777).for_each(|piece| writer.write_all(piece).unwrap());
        writer.finish().unwrap();
        assert_eq!(open_past_the_cache(&folder) > 0, is_possible, "while it is written");
        tx.commit().unwrap();
        let tx = db.begin().unwrap();
        let change = content(2, 2_500_000);
        let blob = tx.open_blobs(STORE, &BlobOptions::default()).unwrap().open(&name).unwrap();
        blob.write_at(1_234_567, &change).unwrap();
        expected[1_234_567..][..change.len()].copy_from_slice(&change);
        tx.commit().unwrap();
        db.close().unwrap();
        for direct in [true, false] {
            let db = open(direct);
            let snapshot = db.snapshot().unwrap();
            let store = snapshot.blobs(STORE).unwrap();
            let blob = store.find(&name).unwrap().unwrap();
            let mut reader = blob.reader();
            let mut found = vec![0; expected.len() - 1];
            reader.read_exact(&mut found).unwrap();
            assert_eq!(open_past_the_cache(&folder) > 0, is_possible && direct, "while it is read");
            reader.read_to_end(&mut found).unwrap();
            assert!(found == expected, "{unmapped} {direct}");
        }
    }
}
