//! Files used again, with what is left of their earlier life.

use super::*;

/// A log of files with one frame each, the newest of them with the number `files`.
fn files(disk: &SimulatedDisk, files: u64) -> Log {
    let mut log = create(disk, 1000);
    for _ in 0..files {
        append(&mut log, 600);
    }
    log.sync().unwrap();
    log
}

#[test]
fn released_files_are_kept_for_another_life_but_only_a_few() {
    let disk = disk_with_folder();
    let mut log = files(&disk, 5);
    let mark = log.mark();
    append(&mut log, 600);
    log.release(&mark.into()).unwrap();
    assert_eq!(numbered_names(&disk), ["0000000000000006.log"]);
    assert_eq!(names(&disk).len(), 3, "and two spares");
    append(&mut log, 600);
    append(&mut log, 600);
    assert_eq!(
        names(&disk),
        ["0000000000000006.log", "0000000000000007.log", "0000000000000008.log"]
    );
    assert_eq!(recover(&disk, 1000, mark).unwrap().1, Recovered { frames: 3, cut: None });
}

#[test]
fn spares_can_be_given_back() {
    let disk = disk_with_folder();
    let mut log = files(&disk, 5);
    log.release(&log.mark().into()).unwrap();
    log.discard_spares().unwrap();
    assert_eq!(names(&disk), ["0000000000000005.log"]);
    append(&mut log, 600);
    assert_eq!(names(&disk), ["0000000000000005.log", "0000000000000006.log"]);
}

#[test]
fn the_file_that_is_appended_to_is_never_released() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 600);
    log.release(&log.mark().into()).unwrap();
    assert_eq!(names(&disk), ["0000000000000001.log"]);
    let mark = log.mark();
    append(&mut log, 10);
    assert_eq!(recover(&disk, 1000, mark).unwrap().1.frames, 1);
}

#[test]
fn files_with_a_frame_that_is_needed_stay() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 300);
    let mark = log.mark();
    append(&mut log, 300);
    append(&mut log, 600);
    log.release(&mark.into()).unwrap();
    assert_eq!(names(&disk), ["0000000000000001.log", "0000000000000002.log"]);
    assert_eq!(recover(&disk, 1000, mark).unwrap().1.frames, 2);
}

#[test]
fn a_file_longer_than_the_others_is_not_kept() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 10_000);
    append(&mut log, 10);
    log.release(&log.mark().into()).unwrap();
    assert_eq!(names(&disk), ["0000000000000002.log"]);
}

#[test]
fn frames_of_an_earlier_life_are_never_read_again() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    // Two frames in the first file; the second one stays whole behind what is written later.
    append(&mut log, 100);
    append(&mut log, 300);
    append(&mut log, 800);
    log.sync().unwrap();
    let mark = log.mark();
    let old = read(&disk, "0000000000000001.log");
    log.release(&mark.into()).unwrap();
    let bodies = [append(&mut log, 100), append(&mut log, 20)];
    log.sync().unwrap();
    let new = read(&disk, "0000000000000003.log");
    assert!(new[320..] == old[320..], "the file is one that was used before");
    assert!(old[320..].iter().any(|byte| *byte != 0));

    let (log, recovered, frames) = recover(&disk, 1000, mark).unwrap();
    assert_eq!(frames, [(4, bodies[0].clone()), (5, bodies[1].clone())]);
    assert_eq!(recovered.cut, None, "old content behind the end is not the remains of a crash");

    // Even with the clean end gone.
    let end = log.mark().offset;
    overwrite(&disk, "0000000000000003.log", end, b"SOPf----");
    let (_, recovered, frames) = recover(&disk, 1000, mark).unwrap();
    assert_eq!(frames.len(), 2);
    let cut = recovered.cut.unwrap();
    assert_eq!((cut.file, cut.offset), (path("0000000000000003.log"), end));
    assert_eq!(recover(&disk, 1000, mark).unwrap().1, Recovered { frames: 2, cut: None });
}

#[test]
fn an_old_frame_at_the_very_place_of_the_next_is_not_taken_for_it() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 400);
    append(&mut log, 100);
    append(&mut log, 100);
    let first_life = read(&disk, "0000000000000001.log");
    append(&mut log, 300);
    log.sync().unwrap();
    log.release(&log.mark().into()).unwrap();
    let mark = log.mark();
    append(&mut log, 100);
    log.sync().unwrap();
    // As if the write had lost just the end behind the frame.
    let end = log.mark().offset;
    let old = &first_life[usize::try_from(end).unwrap()..];
    assert_eq!(&old[..4], b"SOPf", "an old frame begins there");
    let offset = end;
    overwrite(&disk, "0000000000000003.log", offset, old);
    let (_, recovered, frames) = recover(&disk, 400, mark).unwrap();
    assert_eq!(frames, [(4, body(4, 100))]);
    assert_eq!(recovered.cut.unwrap().offset, end);
}

#[test]
fn what_an_earlier_handle_left_over_is_tidied_up() {
    let disk = disk_with_folder();
    let mut log = files(&disk, 6);
    let mark = log.mark();
    append(&mut log, 600);
    drop(log);
    for name in ["spare-7.log", "spare-9.log", "notes.txt"] {
        disk.open(&path(name), Access::Create).unwrap();
    }
    let (mut log, recovered, _) = recover(&disk, 1000, mark).unwrap();
    assert_eq!(recovered, Recovered { frames: 1, cut: None });
    let kept = ["0000000000000006.log", "0000000000000007.log", "notes.txt"];
    assert_eq!(names(&disk), [&kept[..], &["spare-7.log", "spare-9.log"]].concat());
    append(&mut log, 600);
    append(&mut log, 600);
    append(&mut log, 600);
    assert_eq!(recover(&disk, 1000, mark).unwrap().1, Recovered { frames: 4, cut: None });
}

#[test]
fn a_place_at_the_end_of_a_released_file_is_still_a_place() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 600);
    log.sync().unwrap();
    let mark = log.mark();
    let second = append(&mut log, 600);
    log.release(&mark.into()).unwrap();
    assert!(!names(&disk).contains(&"0000000000000001.log".to_owned()));
    let (mut log, _, frames) = recover(&disk, 1000, mark).unwrap();
    assert_eq!(frames, [(2, second)]);
    append(&mut log, 10);
    assert_eq!(recover(&disk, 1000, mark).unwrap().1.frames, 2);
}
