//! What a power cut leaves, and what faults do.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Result},
    path::Path,
    sync::Arc,
};

use super::*;
use crate::disk::{Access, Disk, File, MemoryDisk, whole::read_file};

fn get(disk: &SimulatedDisk, path: &str) -> Option<Vec<u8>> {
    read_file(disk, Path::new(path), 1 << 20).ok()
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A disk with the durable file `/d/a`, 1024 times the letter a.
fn disk() -> (SimulatedDisk, Arc<dyn File>) {
    let disk = SimulatedDisk::new();
    disk.create_dir_all(Path::new("/d")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let file = disk.open(Path::new("/d/a"), Access::Create).unwrap();
    file.write_all_at(&[b'a'; 1024], 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    (disk, file)
}

/// What of a file many power cuts leave.
fn outcomes(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..500).map(|seed| get(&disk.cut_now(Survival::Random(seed)), path)).collect()
}

#[test]
fn what_is_synced_survives_and_the_rest_may() {
    let (disk, file) = disk();
    file.write_all_at(&[b'b'; 1024], 512).unwrap();
    assert_eq!(get(&disk.cut_now(Survival::Nothing), "/d/a"), Some(vec![b'a'; 1024]));
    let all = [[b'a'; 512], [b'b'; 512], [b'b'; 512]].concat();
    assert_eq!(get(&disk.cut_now(Survival::Everything), "/d/a"), Some(all));
}

#[test]
fn a_write_survives_in_any_of_its_sectors() {
    let (disk, file) = disk();
    file.write_all_at(&[b'b'; 1000], 500).unwrap();
    let sectors = |a: u8, b: u8, c: u8, len| {
        Some([vec![b'a'; 500], vec![a; 12], vec![b; 512], vec![c; len]].concat())
    };
    let expected = [b'a', b'b'].into_iter().flat_map(|a| {
        let ends = [(0, 0), (0, 476), (b'b', 476)];
        let rest = move |b| ends.map(|(c, len)| sectors(a, b, c, len));
        rest(b'a').into_iter().chain(rest(b'b'))
    });
    assert_eq!(outcomes(&disk, "/d/a"), expected.collect());
}

#[test]
fn of_two_writes_either_may_survive_alone() {
    let (disk, file) = disk();
    file.write_all_at(b"x", 0).unwrap();
    file.write_all_at(b"y", 600).unwrap();
    let found = outcomes(&disk, "/d/a").into_iter().flatten().map(|bytes| (bytes[0], bytes[600]));
    let expected = [(b'a', b'a'), (b'x', b'a'), (b'a', b'y'), (b'x', b'y')];
    assert_eq!(found.collect::<BTreeSet<_>>(), expected.into());
}

#[test]
fn names_survive_when_their_folder_is_synced_and_renames_as_a_whole() {
    let (disk, _) = disk();
    disk.rename(Path::new("/d/a"), Path::new("/d/b")).unwrap();
    for seed in 0..50 {
        let left = disk.cut_now(Survival::Random(seed));
        assert!(get(&left, "/d/a").is_some() != get(&left, "/d/b").is_some());
    }
    let lost = disk.cut_now(Survival::Nothing);
    assert!(get(&lost, "/d/a").is_some());
    disk.sync_dir(Path::new("/d")).unwrap();
    let kept = disk.cut_now(Survival::Nothing);
    assert!(get(&kept, "/d/a").is_none() && get(&kept, "/d/b").is_some());
}

/// A name that is free only because of a rename cannot be taken without the rename.
#[test]
fn no_outcome_loses_a_file_that_was_only_renamed() {
    let (disk, _) = disk();
    disk.rename(Path::new("/d/a"), Path::new("/d/b")).unwrap();
    disk.open(Path::new("/d/a"), Access::Create).unwrap();
    for seed in 0..100 {
        let left = disk.cut_now(Survival::Random(seed));
        let content = [get(&left, "/d/a"), get(&left, "/d/b")];
        assert!(content.contains(&Some(vec![b'a'; 1024])), "{seed}");
    }
}

#[test]
fn a_folder_that_is_lost_takes_along_what_is_in_it() {
    let disk = SimulatedDisk::new();
    disk.create_dir_all(Path::new("/d/e")).unwrap();
    disk.open(Path::new("/d/e/a"), Access::Create).unwrap();
    disk.sync_dir(Path::new("/d/e")).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    let lost = disk.cut_now(Survival::Nothing);
    assert_eq!(lost.list(Path::new("/")).unwrap(), []);
    disk.sync_dir(Path::new("/")).unwrap();
    assert!(get(&disk.cut_now(Survival::Nothing), "/d/e/a").is_some());
}

#[test]
fn a_sync_after_a_failed_one_does_not_save_what_the_failed_one_lost() {
    let (disk, file) = disk();
    file.write_all_at(b"b", 0).unwrap();
    disk.faults().once(disk.faults().calls(), Fault::Error(ErrorKind::Other));
    assert!(file.sync_data().is_err());
    file.write_all_at(b"c", 1).unwrap();
    file.sync_data().unwrap();
    assert_eq!(&get(&disk, "/d/a").unwrap()[..3], b"bca", "still readable");
    let lost = get(&disk.cut_now(Survival::Nothing), "/d/a").unwrap();
    assert_eq!(&lost[..3], b"aca", "but not on the disk");
}

#[test]
fn a_sync_after_the_end_of_a_process_saves_what_it_left() {
    let (disk, file) = disk();
    file.write_all_at(b"b", 0).unwrap();
    disk.faults().from(0, Fault::Ended);
    assert!(file.sync_data().is_err());
    disk.faults().clear();
    file.sync_data().unwrap();
    assert_eq!(get(&disk.cut_now(Survival::Nothing), "/d/a").unwrap()[0], b'b');
}

#[test]
fn every_moment_of_the_past_can_be_looked_at_in_any_order() {
    let (disk, file) = disk();
    let begin = disk.faults().calls();
    for byte in 0..10 {
        file.write_all_at(&[byte], 0).unwrap();
    }
    for byte in [3, 9, 0, 5, 5] {
        let left = disk.cut(begin + 1 + u64::from(byte), Survival::Everything);
        assert_eq!(get(&left, "/d/a").unwrap()[0], byte);
    }
    assert_eq!(get(&disk.cut(begin, Survival::Everything), "/d/a").unwrap()[0], b'a');
    assert_eq!(get(&disk.cut(0, Survival::Everything), "/d/a"), None);
    let changes: Vec<u64> = (begin..begin + 10).collect();
    assert!(disk.changes().ends_with(&changes));
}

#[test]
fn a_file_with_two_names_is_one_file_after_a_power_cut() {
    let (disk, _) = disk();
    disk.link(Path::new("/d/a"), Path::new("/d/b")).unwrap();
    let left = disk.cut_now(Survival::Everything);
    let file = left.open(Path::new("/d/b"), Access::Write).unwrap();
    file.write_all_at(b"b", 0).unwrap();
    assert_eq!(get(&left, "/d/a").unwrap()[0], b'b');
    file.sync_all().unwrap();
    assert_eq!(get(&left.cut_now(Survival::Nothing), "/d/a").unwrap()[0], b'b');
}

#[test]
fn a_lying_disk_loses_what_it_said_it_synced() {
    let disk = SimulatedDisk::lying();
    let file = disk.open(Path::new("/a"), Access::Create).unwrap();
    file.write_all_at(b"a", 0).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(get(&disk.cut_now(Survival::Nothing), "/a"), Some(Vec::new()));
}

#[test]
fn reads_and_writes_can_be_short_or_interrupted_and_go_on() {
    for (fault, calls) in [(Fault::Short, 4), (Fault::Interrupted, 2)] {
        let (disk, file) = disk();
        disk.faults().from(0, fault);
        let begin = disk.faults().calls();
        file.write_all_at(b"12345678", 0).unwrap();
        assert_eq!(disk.faults().calls() - begin, calls, "{fault:?}");
        let mut found = [0; 8];
        file.read_exact_at(&mut found, 0).unwrap();
        assert_eq!(&found, b"12345678");
        assert_eq!(disk.faults().calls() - begin, 2 * calls, "{fault:?}");
    }
}

#[test]
fn only_calls_that_take_space_fail_on_a_full_disk() {
    let (disk, file) = disk();
    disk.faults().from(0, Fault::Full);
    assert_eq!(kind(disk.open(Path::new("/d/b"), Access::Create)), Some(ErrorKind::StorageFull));
    assert_eq!(kind(file.write_all_at(b"b", 1024)), Some(ErrorKind::StorageFull));
    file.write_all_at(b"b", 0).unwrap();
    file.set_len(10).unwrap();
    disk.faults().clear();
    file.write_all_at(b"b", 1024).unwrap();
}

#[test]
fn what_fits_into_the_room_is_written_and_room_comes_back() {
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    disk.faults().set_room(Some(10));
    let file = disk.open(Path::new("a"), Access::Create).unwrap();
    file.write_all_at(&[1; 8], 0).unwrap();
    assert_eq!(kind(file.write_all_at(&[2; 8], 4)), Some(ErrorKind::StorageFull));
    assert_eq!(file.len().unwrap(), 10);
    file.write_all_at(&[3; 10], 0).unwrap();
    assert_eq!(kind(file.set_len(11)), Some(ErrorKind::StorageFull));
    assert_eq!(disk.faults().room(), Some(0));
    file.set_len(4).unwrap();
    assert_eq!(disk.faults().room(), Some(6));
    disk.remove(Path::new("a")).unwrap();
    assert_eq!(disk.faults().room(), Some(10));
}

#[test]
fn a_write_beyond_the_room_takes_nothing_if_none_of_it_fits() {
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    disk.faults().set_room(Some(10));
    let file = disk.open(Path::new("a"), Access::Create).unwrap();
    assert_eq!(kind(file.write_all_at(&[1], 20)), Some(ErrorKind::StorageFull));
    assert_eq!((file.len().unwrap(), disk.faults().room()), (0, Some(10)));
}

#[test]
fn the_judge_is_asked_about_every_call_that_does_not_go_wrong_otherwise() {
    let (disk, file) = disk();
    disk.faults().judge(|call, path| {
        let fails = call == Call::Sync && path != Path::new("/");
        fails.then_some(Fault::Error(ErrorKind::PermissionDenied))
    });
    disk.faults().once(disk.faults().calls(), Fault::Error(ErrorKind::TimedOut));
    assert_eq!(kind(file.sync_data()), Some(ErrorKind::TimedOut));
    assert_eq!(kind(file.sync_all()), Some(ErrorKind::PermissionDenied));
    assert_eq!(kind(disk.sync_dir(Path::new("/d"))), Some(ErrorKind::PermissionDenied));
    disk.sync_dir(Path::new("/")).unwrap();
}
