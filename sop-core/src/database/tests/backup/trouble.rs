//! Backups and restorings that a failing disk or a power cut ends at any call.

use std::io::ErrorKind;

use super::*;
use crate::disk::{Fault, SimulatedDisk, Survival};

/// A database with some work in it.
fn with_work(random: &mut Random, disk: &Arc<SimulatedDisk>) -> Result<(Database, Model)> {
    let (db, mut model) = (on(disk).open(SOURCE)?, Model::new());
    work(random, &db, &mut model, 12)?;
    Ok((db, model))
}

/// What the disk does from some call on.
fn plan(random: &mut Random, disk: &SimulatedDisk, calls: u64) {
    let at = disk.faults().calls() + calls;
    match random.below(3) {
        0 => disk.faults().from(at, Fault::Ended),
        1 => disk.faults().once(at, Fault::Error(ErrorKind::StorageFull)),
        _ => disk.faults().once(at, Fault::Error(ErrorKind::Other)),
    }
}

fn after_a_power_cut(random: &mut Random, disk: &SimulatedDisk) -> Arc<SimulatedDisk> {
    Arc::new(disk.cut_now(match random.below(3) {
        0 => Survival::Nothing,
        1 => Survival::Everything,
        _ => Survival::Random(random.below(usize::MAX) as u64),
    }))
}

/// A first backup, and a second one that breaks off at a call; `false` once it does not any more.
fn back_up_until(call: u64) -> Result<bool> {
    let random = &mut Random::new(call + 1);
    let mut disk = Arc::new(SimulatedDisk::new());
    let (mut db, mut model) = with_work(random, &disk)?;
    let first = (random.once_in(2)).then(|| db.backup(BACKUP)).transpose()?;
    let first = first.map(|report| (report.position, model.clone()));
    work(random, &db, &mut model, 6)?;
    let position = db.snapshot()?.position();
    plan(random, &disk, call);
    let outcome = db.backup(BACKUP);
    if random.once_in(2) || outcome.as_ref().is_err_and(|_| db.stats().poisoned) {
        drop(db);
        disk = after_a_power_cut(random, &disk);
        db = on(&disk).open(SOURCE)?;
    }
    disk.faults().clear();
    // What was there before is there still, and what was told to be there is.
    let second = (position, model.clone());
    let possible = match &outcome {
        Ok(_) => vec![second.clone()],
        Err(_) => first.iter().cloned().chain([second.clone()]).collect(),
    };
    match restore(&disk, None) {
        Ok(report) => {
            let found = possible.iter().find(|(position, _)| *position == report.position);
            let (position, model) = found.expect("a backup that somebody made");
            assert_restored(&disk, *position, model)?;
            clear(&*disk, TARGET);
        }
        Err(error) => {
            assert!(first.is_none() && outcome.is_err(), "{error}");
            assert!(matches!(error, Error::NotABackup { .. }), "{error}");
        }
    }
    // The database has noticed nothing, and the next one is as ever.
    assert!(equals(&db.snapshot()?, &model)?);
    audit(&db)?;
    db.backup(BACKUP)?;
    on(&disk).check_backup(BACKUP)?;
    restore(&disk, None)?;
    assert_restored(&disk, position, &model)?;
    Ok(outcome.is_err())
}

#[test]
fn a_backup_that_breaks_off_at_any_call_leaves_the_one_before_and_can_be_repeated() {
    let mut call = 0;
    let mut in_vain = 0;
    while in_vain < 20 {
        in_vain = if back_up_until(call).unwrap() { 0 } else { in_vain + 1 };
        call += 1;
    }
    assert!(call > 60, "{call}");
}

/// Whether what a restoring has left is a database. If not, it is not taken for the begin of one.
fn is_whole(disk: &Arc<SimulatedDisk>) -> bool {
    let left = files(&**disk, TARGET);
    if left.keys().any(|path| path.ends_with("/FORMAT")) {
        return true;
    }
    if left.keys().any(|path| !path.ends_with("/LOCK")) {
        let refused = on(disk).open(TARGET);
        assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?} with {left:?}");
    }
    false
}

/// A restoring that breaks off at a call; `false` once it does not any more.
fn restore_until(call: u64) -> Result<bool> {
    let random = &mut Random::new(call + 1);
    let mut disk = Arc::new(SimulatedDisk::new());
    let (db, model) = with_work(random, &disk)?;
    let position = db.backup(BACKUP)?.position;
    db.close()?;
    let before = files(&*disk, BACKUP);
    plan(random, &disk, call);
    let outcome = restore(&disk, None);
    let cut = random.once_in(2);
    if cut {
        disk = after_a_power_cut(random, &disk);
    }
    disk.faults().clear();
    assert_eq!(files(&*disk, BACKUP), before);
    if outcome.is_err() && !is_whole(&disk) {
        restore(&disk, None)?;
    }
    assert_restored(&disk, position, &model)?;
    Ok(outcome.is_err())
}

#[test]
fn a_restoring_that_breaks_off_at_any_call_is_no_database_and_can_be_repeated() {
    let (mut call, mut in_vain) = (0, 0);
    while in_vain < 20 {
        in_vain = if restore_until(call).unwrap() { 0 } else { in_vain + 1 };
        call += 1;
    }
    assert!(call > 60, "{call}");
}

#[test]
fn a_disk_that_is_full_leaves_the_backup_that_was_there_and_no_database() {
    let (random, disk) = (&mut Random::new(8), Arc::new(SimulatedDisk::new()));
    let (db, mut model) = with_work(random, &disk).unwrap();
    let position = db.backup(BACKUP).unwrap().position;
    let expected = model.clone();
    work(random, &db, &mut model, 20).unwrap();
    db.checkpoint().unwrap();
    disk.faults().set_room(Some(0));
    assert!(matches!(db.backup(BACKUP), Err(Error::DiskFull { .. })));
    assert!(matches!(restore(&disk, None), Err(Error::DiskFull { .. })));
    disk.faults().set_room(None);
    let left = files(&*disk, TARGET);
    assert!(left.keys().all(|path| path.ends_with("/LOCK")), "{left:?}");
    restore(&disk, None).unwrap();
    assert_restored(&disk, position, &expected).unwrap();
    db.backup(BACKUP).unwrap();
}

#[test]
fn where_there_are_no_links_files_are_copied() {
    let (random, disk) = (&mut Random::new(9), Arc::new(SimulatedDisk::new()));
    let (db, model) = with_work(random, &disk).unwrap();
    db.checkpoint().unwrap();
    let linked = db.backup("/linked").unwrap();
    assert!(linked.linked_files > 0 && linked.copied_files == 0);
    disk.faults().judge(|call, path| {
        let is_meant = path.parent().is_some_and(|folder| folder.ends_with("seg"));
        let crosses = Fault::Error(ErrorKind::CrossesDevices);
        (call == crate::Call::Name && is_meant).then_some(crosses)
    });
    let copied = db.backup(BACKUP).unwrap();
    assert_eq!((copied.linked_files, copied.copied_files), (0, linked.linked_files));
    assert_eq!(restore(&disk, None).unwrap().linked_files, 0);
    disk.faults().clear();
    assert_restored(&disk, copied.position, &model).unwrap();
}
