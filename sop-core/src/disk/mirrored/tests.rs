//! Two copies on a disk, as whoever uses them sees them, and as they are.

use std::{io::ErrorKind, path::Path, sync::Arc};

use super::*;
use crate::{Call, Fault, MemoryDisk, SimulatedDisk};

const ROOTS: [&str; 2] = ["/root", "/copy"];

fn pair_on(disk: Arc<dyn Disk>) -> Arc<Pair> {
    for root in ROOTS {
        disk.create_dir_all(Path::new(root)).unwrap();
    }
    let sides = Sides::both([1; 16], 1);
    Arc::new(Pair::new(disk, ROOTS.map(PathBuf::from), sides, [None, None]))
}

fn put(disk: &dyn Disk, path: &str, bytes: &[u8]) -> Arc<dyn File> {
    let file = disk.open(Path::new(path), Access::Create).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn get(disk: &dyn Disk, path: &str) -> Vec<u8> {
    crate::disk::whole::read_file(disk, Path::new(path), 1 << 20).unwrap()
}

#[test]
fn everything_is_done_to_both_copies() {
    let below = Arc::new(MemoryDisk::default());
    let disk = MirroredDisk::new(pair_on(below.clone()));
    disk.create_dir_all(Path::new("/root/a")).unwrap();
    let file = put(&disk, "/root/a/one", b"one");
    disk.rename(Path::new("/root/a/one"), Path::new("/root/a/two")).unwrap();
    disk.link(Path::new("/root/a/two"), Path::new("/root/three")).unwrap();
    file.write_all_at(b"more", 3).unwrap();
    file.set_len(5).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("/root/a")).unwrap();
    for path in ["/root/a/two", "/copy/a/two", "/root/three", "/copy/three"] {
        assert_eq!(get(&*below, path), b"onemo", "{path}");
    }
    disk.remove(Path::new("/root/three")).unwrap();
    assert!(below.open(Path::new("/copy/three"), Access::Read).is_err());
    put(&disk, "/elsewhere", b"once");
    assert_eq!(get(&*below, "/elsewhere"), b"once");
}

#[test]
fn failures_of_both_copies_are_failures() {
    let disk = MirroredDisk::new(pair_on(Arc::new(MemoryDisk::default())));
    let missing = disk.open(Path::new("/root/none"), Access::Write).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    put(&disk, "/root/a", b"");
    let taken = disk.open(Path::new("/root/a"), Access::Create).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    assert_eq!(disk.0.whole(), [true, true]);
}

#[test]
fn a_file_that_is_open_while_its_copy_is_made_anew_goes_on_in_it() {
    let below = Arc::new(SimulatedDisk::new());
    let pair = pair_on(below.clone());
    let disk = MirroredDisk::new(Arc::clone(&pair));
    disk.create_dir_all(Path::new("/root/log")).unwrap();
    let file = put(&disk, "/root/log/a", b"abc");
    let reader = disk.open(Path::new("/root/log/a"), Access::Read).unwrap();
    for side in [0, 1] {
        below.faults().judge(move |call, path| {
            let fails = call == Call::Write && path.starts_with(ROOTS[side]);
            fails.then_some(Fault::Error(ErrorKind::Other))
        });
        file.write_all_at(b"d", 3).unwrap();
        below.faults().clear();
        assert_eq!(pair.lost(), Some(side));
        disk.rename(Path::new("/root/log/a"), Path::new("/root/log/b")).unwrap();
        assert!(rebuild(&pair, None, Trust::Nothing, &mut |_| true).unwrap());
        file.write_all_at(b"ef", 4).unwrap();
        for path in ["/root/log/b", "/copy/log/b"] {
            assert_eq!(get(&*below, path), b"abcdef", "{path}");
        }
        disk.rename(Path::new("/root/log/b"), Path::new("/root/log/a")).unwrap();
        assert_eq!(reader.len().unwrap(), 6);
    }
}

#[test]
fn the_copy_that_remains_says_so_before_anything_is_acknowledged() {
    let below = Arc::new(SimulatedDisk::new());
    let pair = pair_on(below.clone());
    let disk = MirroredDisk::new(Arc::clone(&pair));
    let file = put(&disk, "/root/a", b"abc");
    below.faults().judge(|call, path| {
        let fails = call == Call::Sync && path.starts_with("/root");
        let full = call == Call::Create && path.starts_with("/copy");
        (fails || full).then_some(Fault::Error(ErrorKind::Other))
    });
    assert!(file.sync_data().is_err(), "the other one could not say that it goes on alone");
    assert_eq!(pair.lost(), None);
    below.faults().judge(|call, path| {
        let fails = call == Call::Sync && path.starts_with("/root");
        fails.then_some(Fault::Error(ErrorKind::Other))
    });
    file.sync_data().unwrap();
    assert_eq!(pair.lost(), Some(0));
    let note = Note::read(&*below, Path::new("/copy")).unwrap();
    assert_eq!((note.standing, note.epoch), (Standing::Alone, 2));
}

#[test]
fn what_one_copy_does_not_give_is_taken_from_the_other_and_written_anew() {
    let below = Arc::new(MemoryDisk::default());
    let pair = pair_on(below.clone());
    let disk = MirroredDisk::new(Arc::clone(&pair));
    put(&disk, "/root/a", b"abcdef");
    below.open(Path::new("/root/a"), Access::Write).unwrap().set_len(2).unwrap();
    let mut buf = [0; 3];
    let file = disk.open(Path::new("/root/a"), Access::Read).unwrap();
    file.read_exact_at(&mut buf, 2).unwrap();
    assert_eq!((&buf, &get(&*below, "/root/a")[..]), (b"cde", &b"abcde"[..]));
    let is_right = |bytes: &[u8]| bytes == b"bcd";
    put(&*below, "/wrong", b"");
    below.open(Path::new("/copy/a"), Access::Write).unwrap().write_all_at(b"XYZ", 1).unwrap();
    let mended = disk.mend(Path::new("/root/a"), 1, 3, &is_right).unwrap();
    assert_eq!(mended.as_deref(), Some(&b"bcd"[..]));
    assert_eq!(get(&*below, "/copy/a"), b"abcdef");
    assert_eq!(disk.mend(Path::new("/root/a"), 1, 3, &|_| false).unwrap(), None);
    assert_eq!((pair.status().mended, pair.lost()), (2, None));
    // Also what a lost copy has.
    pair.lose(0, &ErrorKind::Other.into()).unwrap();
    below.open(Path::new("/copy/a"), Access::Write).unwrap().write_all_at(b"XYZ", 1).unwrap();
    below.open(Path::new("/root/a"), Access::Write).unwrap().write_all_at(b"f", 5).unwrap();
    let mended = disk.mend(Path::new("/root/a"), 1, 3, &is_right).unwrap();
    assert_eq!(mended.as_deref(), Some(&b"bcd"[..]));
    assert_eq!(get(&*below, "/copy/a"), b"abcdef");
}
