//! Frames that no recovery needs any more, read again.

use super::*;

/// Room for two files of the tests.
const KEPT: LogOptions = LogOptions { file_bytes: 1000, spares: 2, history_bytes: 2000 };

fn create(disk: &SimulatedDisk) -> Log {
    Log::create(Arc::new(disk.clone()), DIR.into(), DATABASE, KEPT).unwrap()
}

fn reopen(disk: &SimulatedDisk, options: LogOptions, from: Mark) -> Log {
    let disk = Arc::new(disk.clone());
    Log::recover(disk, DIR.into(), DATABASE, options, from, &mut |_, _| Ok(())).unwrap().0
}

/// What is read behind a position, or `None` if not all of it is there.
fn behind(log: &Log, after: u64) -> Option<Frames> {
    let mut frames = Vec::new();
    let history = log.history(Position(after)).unwrap()?;
    let all = history.read(log.position(), &mut |position, body| {
        if position.0 > after {
            frames.push((position.0, body.to_vec()));
        }
        Ok(())
    });
    all.unwrap().then_some(frames)
}

/// A log of six files with two frames each, released up to its end, and the frames.
fn released(disk: &SimulatedDisk) -> (Log, Frames) {
    let mut log = create(disk);
    let frames: Vec<_> = (0..12).map(|_| append(&mut log, 350)).collect();
    log.sync().unwrap();
    log.release(&log.mark().into()).unwrap();
    (log, numbered(&frames))
}

#[test]
fn as_much_as_the_options_say_can_be_read_again() {
    let disk = disk_with_folder();
    let (log, frames) = released(&disk);
    // Two files are kept beside the one that is written to.
    assert_eq!(behind(&log, 6).unwrap(), frames[6..]);
    assert_eq!(behind(&log, 7).unwrap(), frames[7..]);
    assert_eq!(behind(&log, 12).unwrap(), []);
    assert_eq!(behind(&log, 5), None);
    assert_eq!(behind(&log, 0), None);
}

#[test]
fn what_is_kept_survives_the_next_opening() {
    let disk = disk_with_folder();
    let (log, frames) = released(&disk);
    let mark = log.mark();
    drop(log);
    let log = reopen(&disk, KEPT, mark);
    assert_eq!(behind(&log, 6).unwrap(), frames[6..]);
    assert_eq!(behind(&log, 5), None);
    drop(log);
    // Options may differ from opening to opening.
    let log = reopen(&disk, LogOptions { history_bytes: 0, ..KEPT }, mark);
    assert_eq!(behind(&log, 6), None);
    assert_eq!(behind(&log, 10).unwrap(), frames[10..]);
    assert_eq!(numbered_names(&disk).len(), 1);
}

#[test]
fn files_before_one_that_is_missing_or_damaged_are_not_kept() {
    let disk = disk_with_folder();
    let (log, frames) = released(&disk);
    let mark = log.mark();
    drop(log);
    let oldest = numbered_names(&disk).remove(0);
    overwrite(&disk, &oldest, 20, &[0xff; 4]);
    let log = reopen(&disk, KEPT, mark);
    assert_eq!(behind(&log, 6), None);
    assert_eq!(behind(&log, 8).unwrap(), frames[8..]);
    assert!(!numbered_names(&disk).contains(&oldest));
}

#[test]
fn a_file_that_is_used_again_while_it_is_read_is_noticed() {
    let disk = disk_with_folder();
    let (mut log, _) = released(&disk);
    let (history, upto) = (log.history(Position(6)).unwrap().unwrap(), log.position());
    for _ in 0..12 {
        append(&mut log, 350);
    }
    log.sync().unwrap();
    log.release(&log.mark().into()).unwrap();
    for _ in 0..8 {
        append(&mut log, 350);
    }
    assert!(!history.read(upto, &mut |_, _| Ok(())).unwrap());
}

#[test]
fn frames_behind_the_wanted_ones_are_left_out() {
    let disk = disk_with_folder();
    let mut log = create(&disk);
    append(&mut log, 10);
    let (history, upto) = (log.history(Position(0)).unwrap().unwrap(), log.position());
    append(&mut log, 10);
    let mut positions = Vec::new();
    let all = history.read(upto, &mut |position, _| {
        positions.push(position.0);
        Ok(())
    });
    assert!(all.unwrap());
    assert_eq!(positions, [1]);
}
