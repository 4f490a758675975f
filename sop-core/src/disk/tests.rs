//! One set of expectations, held against every disk.

use std::{
    io::ErrorKind::{self, AlreadyExists, InvalidInput, IsADirectory, NotADirectory, NotFound},
    io::Result,
    path::Path,
    sync::Arc,
};

use super::*;
use crate::disk::whole::{read_file, write_new_file};

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) {
    disk.open(path, Access::Create).unwrap().write_all_at(bytes, 0).unwrap();
}

fn get(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    read_file(disk, path, 1 << 20).unwrap()
}

fn names(disk: &dyn Disk, dir: &Path) -> Vec<String> {
    let entries = disk.list(dir).unwrap();
    entries.into_iter().map(|entry| entry.name.into_string().unwrap()).collect()
}

fn what_is_written_is_read_back(disk: &dyn Disk, root: &Path) {
    let path = root.join("a");
    let file = disk.open(&path, Access::Create).unwrap();
    assert!(file.is_empty().unwrap());
    file.write_all_at(b"hello", 0).unwrap();
    file.write_all_at(b"J", 0).unwrap();
    file.write_all_at(b"y", 8).unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    assert_eq!(file.len().unwrap(), 9);

    let mut found = [1; 9];
    disk.open(&path, Access::Read).unwrap().read_exact_at(&mut found, 0).unwrap();
    assert_eq!(&found, b"Jello\0\0\0y", "what was skipped is zero");
    let mut found = [1; 3];
    disk.open(&path, Access::Write).unwrap().read_exact_at(&mut found, 2).unwrap();
    assert_eq!(&found, b"llo");
}

fn reading_beyond_the_end_fails(disk: &dyn Disk, root: &Path) {
    let file = disk.open(&root.join("a"), Access::Create).unwrap();
    file.write_all_at(b"abc", 0).unwrap();
    let mut two = [0; 2];
    assert_eq!(kind(file.read_exact_at(&mut two, 2)), Some(ErrorKind::UnexpectedEof));
    assert_eq!(kind(file.read_exact_at(&mut two, 3)), Some(ErrorKind::UnexpectedEof));
    assert_eq!(kind(file.read_exact_at(&mut two, 1)), None);
    assert_eq!(kind(file.read_exact_at(&mut [], 3)), None);
    assert!(file.read_exact_at(&mut two, u64::MAX).is_err());
}

fn offsets_that_no_file_can_have_are_refused(disk: &dyn Disk, root: &Path) {
    let file = disk.open(&root.join("a"), Access::Create).unwrap();
    assert_eq!(kind(file.write_all_at(b"x", u64::MAX)), Some(InvalidInput));
    assert_eq!(kind(file.set_len(u64::MAX)), Some(InvalidInput));
    assert!(file.is_empty().unwrap());
}

fn a_file_open_for_reading_cannot_be_written(disk: &dyn Disk, root: &Path) {
    put(disk, &root.join("a"), b"abc");
    let file = disk.open(&root.join("a"), Access::Read).unwrap();
    assert!(file.write_all_at(b"x", 0).is_err());
    assert!(file.set_len(0).is_err());
    assert_eq!(get(disk, &root.join("a")), b"abc");
}

fn set_len_cuts_and_extends_with_zeros(disk: &dyn Disk, root: &Path) {
    let path = root.join("a");
    put(disk, &path, b"abcdef");
    let file = disk.open(&path, Access::Write).unwrap();
    file.set_len(2).unwrap();
    file.set_len(4).unwrap();
    assert_eq!(get(disk, &path), b"ab\0\0");
}

fn names_are_checked_when_a_file_is_opened(disk: &dyn Disk, root: &Path) {
    put(disk, &root.join("file"), b"");
    disk.create_dir_all(&root.join("dir")).unwrap();
    let open = |name: &str, access| kind(disk.open(&root.join(name), access));
    assert_eq!(open("none", Access::Read), Some(NotFound));
    assert_eq!(open("none", Access::Write), Some(NotFound));
    assert_eq!(open("none/a", Access::Create), Some(NotFound));
    assert_eq!(open("file", Access::Create), Some(AlreadyExists));
    assert_eq!(open("dir", Access::Create), Some(AlreadyExists));
    assert_eq!(open("dir", Access::Read), Some(IsADirectory));
    assert_eq!(open("dir", Access::Write), Some(IsADirectory));
    assert_eq!(open("file/a", Access::Create), Some(NotADirectory));
    assert_eq!(open("file/a", Access::Read), Some(NotADirectory));
    assert_eq!(open("file", Access::Write), None);
}

fn folders_are_created_with_those_above(disk: &dyn Disk, root: &Path) {
    let deep = root.join("a/b/c");
    disk.create_dir_all(&deep).unwrap();
    disk.create_dir_all(&deep).unwrap();
    put(disk, &deep.join("file"), b"x");
    assert_eq!(names(disk, root), ["a"]);
    assert_eq!(kind(disk.create_dir_all(&deep.join("file"))), Some(AlreadyExists));
    assert_eq!(kind(disk.create_dir_all(&deep.join("file/d"))), Some(NotADirectory));
}

fn a_folder_lists_what_is_directly_in_it(disk: &dyn Disk, root: &Path) {
    disk.create_dir_all(&root.join("dir/below")).unwrap();
    put(disk, &root.join("dir/b"), b"12");
    put(disk, &root.join("dir/a-"), b"123");
    put(disk, &root.join("dir/below/x"), b"");
    put(disk, &root.join("dir2"), b"");
    let found = disk.list(&root.join("dir")).unwrap();
    let entry = |name: &str, is_dir, len| Entry { name: name.into(), is_dir, len };
    assert_eq!(found, [entry("a-", false, 3), entry("b", false, 2), entry("below", true, 0)]);
    assert_eq!(kind(disk.list(&root.join("none"))), Some(NotFound));
    assert_eq!(kind(disk.list(&root.join("dir2"))), Some(NotADirectory));
}

fn rename_replaces(disk: &dyn Disk, root: &Path) {
    let [a, b] = ["a", "b"].map(|name| root.join(name));
    put(disk, &a, b"new");
    put(disk, &b, b"old");
    let old = disk.open(&b, Access::Read).unwrap();
    disk.rename(&a, &b).unwrap();
    assert_eq!(names(disk, root), ["b"]);
    assert_eq!(get(disk, &b), b"new");
    let mut found = [0; 3];
    old.read_exact_at(&mut found, 0).unwrap();
    assert_eq!(&found, b"old", "who had it open keeps it");

    assert_eq!(kind(disk.rename(&a, &b)), Some(NotFound));
    assert_eq!(kind(disk.rename(&b, &root.join("none/b"))), Some(NotFound));
    disk.create_dir_all(&root.join("dir")).unwrap();
    assert_eq!(kind(disk.rename(&b, &root.join("dir"))), Some(IsADirectory));
    assert_eq!(get(disk, &b), b"new");
}

fn link_gives_a_second_name_and_never_replaces(disk: &dyn Disk, root: &Path) {
    let [a, b, c] = ["a", "b", "c"].map(|name| root.join(name));
    put(disk, &a, b"content");
    put(disk, &c, b"other");
    disk.link(&a, &b).unwrap();
    assert_eq!(kind(disk.link(&a, &c)), Some(AlreadyExists));
    assert_eq!(get(disk, &c), b"other");
    assert_eq!(kind(disk.link(&root.join("none"), &root.join("d"))), Some(NotFound));

    disk.rename(&a, &b).unwrap();
    assert_eq!(names(disk, root), ["a", "b", "c"], "two names of one file stay as they are");
    disk.remove(&a).unwrap();
    disk.open(&b, Access::Write).unwrap().write_all_at(b"C", 0).unwrap();
    assert_eq!(get(disk, &b), b"Content");
}

fn a_removed_file_lives_on_for_those_who_have_it(disk: &dyn Disk, root: &Path) {
    let path = root.join("a");
    put(disk, &path, b"abc");
    let file = disk.open(&path, Access::Read).unwrap();
    let map = file.map(3).unwrap();
    disk.remove(&path).unwrap();
    assert_eq!(kind(disk.remove(&path)), Some(NotFound));
    assert_eq!(kind(disk.open(&path, Access::Read)), Some(NotFound));
    let mut found = [0; 3];
    file.read_exact_at(&mut found, 0).unwrap();
    assert_eq!(&found, b"abc");
    drop(file);
    assert_eq!(&map[..], b"abc");
}

fn a_mapping_shows_the_bytes_it_was_asked_for(disk: &dyn Disk, root: &Path) {
    let file = disk.open(&root.join("a"), Access::Create).unwrap();
    file.write_all_at(&[7; 10_000], 0).unwrap();
    let map = file.map(9_999).unwrap();
    let other = map.clone();
    drop(map);
    assert_eq!(other.as_ref(), [7; 9_999]);
    assert!(file.map(0).unwrap().is_empty());
    assert_eq!(kind(file.map(10_001)), Some(ErrorKind::UnexpectedEof));
    assert!(file.map(u64::MAX).is_err());
}

fn folders_that_exist_can_be_synced(disk: &dyn Disk, root: &Path) {
    put(disk, &root.join("a"), b"");
    disk.sync_dir(root).unwrap();
    assert_eq!(kind(disk.sync_dir(&root.join("none"))), Some(NotFound));
}

fn a_folder_and_a_file_are_synced_at_once_and_fail_each_for_itself(disk: &dyn Disk, root: &Path) {
    put(disk, &root.join("a"), b"content");
    let file = disk.open(&root.join("a"), Access::Write).unwrap();
    let kinds = |dir: &Path| disk.sync_both(dir, &*file).map(kind);
    assert_eq!(kinds(root), [None, None]);
    assert_eq!(kinds(&root.join("none")), [Some(NotFound), None]);
}

fn an_exclusive_lock_excludes_everybody_until_it_is_dropped(disk: &dyn Disk, root: &Path) {
    let path = root.join("LOCK");
    let lock = |kind| disk.lock(&path, kind).unwrap();
    let held = lock(LockKind::Exclusive).expect("nobody else has it");
    assert!(lock(LockKind::Exclusive).is_none());
    assert!(lock(LockKind::Shared).is_none());
    drop(held);
    assert!(lock(LockKind::Exclusive).is_some());
    assert_eq!(names(disk, root), ["LOCK"], "the file is created, and stays");
}

fn shared_locks_exclude_exclusive_ones_only(disk: &dyn Disk, root: &Path) {
    let path = root.join("LOCK");
    let lock = |kind| disk.lock(&path, kind).unwrap();
    let (first, second) = (lock(LockKind::Shared), lock(LockKind::Shared));
    assert!(first.is_some() && second.is_some());
    assert!(lock(LockKind::Exclusive).is_none());
    drop(first);
    assert!(lock(LockKind::Exclusive).is_none());
    drop(second);
    assert!(lock(LockKind::Exclusive).is_some());
    assert_eq!(kind(disk.lock(&root.join("none/LOCK"), LockKind::Shared)), Some(NotFound));
}

fn a_file_written_whole_replaces_the_old_one(disk: &dyn Disk, root: &Path) {
    let [tmp, target] = ["tmp", "target"].map(|name| root.join(name));
    write_new_file(disk, &tmp, &target, b"one").unwrap();
    write_new_file(disk, &tmp, &target, b"two").unwrap();
    assert_eq!(get(disk, &target), b"two");
    assert_eq!(names(disk, root), ["target"]);
}

fn a_file_not_written_whole_leaves_nothing_behind(disk: &dyn Disk, root: &Path) {
    let [tmp, dir] = ["tmp", "dir"].map(|name| root.join(name));
    disk.create_dir_all(&dir).unwrap();
    let error = write_new_file(disk, &tmp, &dir, b"one").unwrap_err();
    assert!(matches!(error, Error::Io { action: "rename", .. }), "{error}");
    assert_eq!(names(disk, root), ["dir"]);
}

fn a_file_longer_than_expected_is_damaged(disk: &dyn Disk, root: &Path) {
    let path = root.join("a");
    put(disk, &path, b"abcd");
    assert_eq!(read_file(disk, &path, 4).unwrap(), b"abcd");
    let error = read_file(disk, &path, 3).unwrap_err();
    assert!(matches!(error, Error::Corrupt { offset: 3, .. }), "{error}");
    let error = read_file(disk, &root.join("none"), 3).unwrap_err();
    assert!(matches!(error, Error::Io { action: "open", .. }), "{error}");
}

fn in_memory(disk: &dyn Disk, expectation: fn(&dyn Disk, &Path)) {
    let root = Path::new("/root");
    disk.create_dir_all(root).unwrap();
    expectation(disk, root);
}

macro_rules! on_every_disk {
    ($($expectation:ident),* $(,)?) => {
        mod on_the_memory_disk {
            $(#[test] fn $expectation() {
                super::in_memory(&super::MemoryDisk::default(), super::$expectation);
            })*
        }
        mod on_the_simulated_disk {
            $(#[test] fn $expectation() {
                super::in_memory(&super::SimulatedDisk::new(), super::$expectation);
            })*
        }
        mod on_a_disk_that_interrupts_and_does_half_of_everything {
            $(#[test] fn $expectation() {
                for fault in [super::Fault::Interrupted, super::Fault::Short] {
                    let disk = super::SimulatedDisk::new();
                    disk.faults().from(0, fault);
                    super::in_memory(&disk, super::$expectation);
                }
            })*
        }
        mod on_the_system_disk {
            $(#[test] fn $expectation() {
                let root = tempfile::tempdir().unwrap();
                super::$expectation(&super::OsDisk, root.path());
            })*
        }
    };
}

on_every_disk! {
    what_is_written_is_read_back,
    reading_beyond_the_end_fails,
    offsets_that_no_file_can_have_are_refused,
    a_file_open_for_reading_cannot_be_written,
    set_len_cuts_and_extends_with_zeros,
    names_are_checked_when_a_file_is_opened,
    folders_are_created_with_those_above,
    a_folder_lists_what_is_directly_in_it,
    rename_replaces,
    link_gives_a_second_name_and_never_replaces,
    a_removed_file_lives_on_for_those_who_have_it,
    a_mapping_shows_the_bytes_it_was_asked_for,
    folders_that_exist_can_be_synced,
    a_folder_and_a_file_are_synced_at_once_and_fail_each_for_itself,
    an_exclusive_lock_excludes_everybody_until_it_is_dropped,
    shared_locks_exclude_exclusive_ones_only,
    a_file_written_whole_replaces_the_old_one,
    a_file_not_written_whole_leaves_nothing_behind,
    a_file_longer_than_expected_is_damaged,
}

#[test]
fn the_system_disk_keeps_others_out() {
    use std::os::unix::fs::PermissionsExt;

    let root = tempfile::tempdir().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = root.path().join("a/b");
    OsDisk.create_dir_all(&dir).unwrap();
    assert_eq!((mode(&dir), mode(dir.parent().unwrap())), (0o700, 0o700));
    put(&OsDisk, &dir.join("file"), b"");
    assert_eq!(mode(&dir.join("file")), 0o600);
    let _held = OsDisk.lock(&dir.join("LOCK"), LockKind::Exclusive).unwrap();
    assert_eq!(mode(&dir.join("LOCK")), 0o600);
}

#[test]
fn clones_of_a_memory_disk_share_files_and_locks() {
    let disk = MemoryDisk::default();
    let other = disk.clone();
    put(&disk, Path::new("/a"), b"abc");
    assert_eq!(get(&other, Path::new("/a")), b"abc");
    let held = disk.lock(Path::new("/LOCK"), LockKind::Exclusive).unwrap();
    assert!(other.lock(Path::new("/LOCK"), LockKind::Exclusive).unwrap().is_none());
    drop(held);
    assert!(other.lock(Path::new("/LOCK"), LockKind::Exclusive).unwrap().is_some());
}

#[test]
fn relative_paths_lead_from_the_current_folder() {
    let disk = MemoryDisk::default();
    put(&disk, Path::new("a"), b"abc");
    disk.sync_dir(Path::new("")).unwrap();
    assert_eq!(names(&disk, Path::new("")), ["a"]);
    OsDisk.sync_dir(Path::new("")).unwrap();
    assert!(!OsDisk.list(Path::new("")).unwrap().is_empty());
}

#[test]
fn running_out_of_space_is_told_from_other_failures() {
    let path = Path::new("/a");
    for (kind, full) in [
        (ErrorKind::StorageFull, true),
        (ErrorKind::QuotaExceeded, true),
        (ErrorKind::PermissionDenied, false),
    ] {
        let error = failed("write", path)(kind.into());
        assert_eq!(matches!(error, Error::DiskFull { .. }), full, "{error}");
    }
    let full = io::Error::from_raw_os_error(28);
    assert!(matches!(failed("write", path)(full), Error::DiskFull { .. }), "ENOSPC");
}

#[test]
fn a_disk_can_be_shared_as_a_trait_object() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let file = disk.open(Path::new("/a"), Access::Create).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4_u8 {
            let file = &file;
            scope.spawn(move || file.write_all_at(&[writer], u64::from(writer)).unwrap());
        }
    });
    assert_eq!(get(&*disk, Path::new("/a")), [0, 1, 2, 3]);
}
