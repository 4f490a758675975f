//! Disks that fail or fill up.

use std::io::ErrorKind;

use super::*;
use crate::id::Position;

#[test]
fn a_full_disk_refuses_the_reservation_and_nothing_else() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    let mut bodies = vec![append(&mut log, 100_000)];
    disk.faults().from(0, Fault::Full);
    // First the file cannot grow, then, from the third round on, the next one cannot be begun.
    for room in [200_000, 300_000, 2 << 20, 3 << 20] {
        let error = log.reserve(room).unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        let error = append_body(&mut log, &vec![0; room]).unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        bodies.push(append(&mut log, 100));
        log.sync().unwrap();
    }
    assert_eq!(names(&disk), ["0000000000000001.log"]);
    disk.faults().clear();
    bodies.push(append(&mut log, 2 << 20));
    let (_, recovered, frames) = recover(&disk, 1 << 20, Mark::START).unwrap();
    assert_eq!(frames, numbered(&bodies));
    assert_eq!(recovered.cut, None);
}

#[test]
fn a_failed_write_is_final() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 10);
    fail(&disk, 0, Fault::Error(ErrorKind::Other));
    let error = append_body(&mut log, b"x").unwrap_err().to_string();
    assert!(error.contains("write"), "{error}");
    assert_eq!(log.position(), Position(1));
    assert_eq!(log.reserve(0).unwrap_err().to_string(), error);
    assert_eq!(append_body(&mut log, b"x").unwrap_err().to_string(), error);
    assert_eq!(log.sync().unwrap_err().to_string(), error);
}

#[test]
fn a_failed_sync_is_final_and_proves_nothing() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 10);
    fail(&disk, 0, Fault::Error(ErrorKind::Other));
    let error = log.sync().unwrap_err().to_string();
    assert!(error.contains("sync"), "{error}");
    assert_eq!(log.durable(), Position::ZERO);
    assert_eq!(log.sync().unwrap_err().to_string(), error);
    assert_eq!(append_body(&mut log, b"x").unwrap_err().to_string(), error);
}

/// The system tells a failure to write once, to whoever asks first.
#[test]
fn a_sync_beside_one_that_failed_proves_nothing() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 10);
    let beside = log.unsynced().unwrap().unwrap();
    fail(&disk, 0, Fault::Error(ErrorKind::Other));
    let failed = beside.sync();
    // Before the log is told of it, somebody else syncs what came later.
    append(&mut log, 10);
    let error = log.sync().unwrap_err().to_string();
    assert!(error.contains("sync"), "{error}");
    assert_eq!(log.durable(), Position::ZERO);
    assert_eq!(log.synced(&beside, failed).unwrap_err().to_string(), error);
    assert_eq!(log.durable(), Position::ZERO);
}

/// After a failed sync the system shows bytes that are not on the disk and that no later sync
/// writes. Recovery must not count on them.
#[test]
fn what_is_recovered_after_a_failed_sync_is_really_on_the_disk() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let mut bodies = vec![append(&mut log, 10)];
    log.sync().unwrap();
    bodies.extend([append(&mut log, 200), append(&mut log, 300), append(&mut log, 800)]);
    // The full file's sync fails, then the one of the newest file would have come.
    fail(&disk, 0, Fault::Error(ErrorKind::Other));
    log.sync().unwrap_err();
    drop(log);
    let (mut log, recovered, frames) = recover(&disk, 1000, Mark::START).unwrap();
    assert_eq!((&frames, recovered.cut), (&numbered(&bodies), None));
    bodies.push(append(&mut log, 10));
    log.sync().unwrap();

    let after = disk.cut_now(Survival::Nothing);
    assert_eq!(recover(&after, 1000, Mark::START).unwrap().2, numbered(&bodies));
}

/// Every call that a reservation of the next file makes fails once: creating or reusing a file,
/// writing and syncing it, naming it, syncing the name.
#[test]
fn a_reservation_that_fails_anywhere_loses_nothing() {
    let (usable, broken) = (true, false);
    for (kind, recycle, expected) in [
        (ErrorKind::Other, false, &[usable, usable, usable, usable, broken, broken][..]),
        (ErrorKind::Other, true, &[usable, usable, usable, broken, broken]),
        (ErrorKind::StorageFull, false, &[usable, usable, usable, usable, usable, broken]),
        (ErrorKind::StorageFull, true, &[usable, usable, usable, usable, broken]),
    ] {
        for (call, &expected) in expected.iter().enumerate() {
            let label = format!("{kind}, {recycle}, call {call}");
            let disk = disk_with_folder();
            let mut log = create(&disk, 1000);
            let mut bodies = vec![append(&mut log, 800), append(&mut log, 600)];
            log.sync().unwrap();
            let from = if recycle { log.mark() } else { Mark::START };
            log.release(&from.into()).unwrap();
            fail(&disk, call as u64, Fault::Error(kind));
            let error = log.reserve(600).unwrap_err();
            let usable = log.reserve(100).is_ok();
            assert_eq!(usable, expected, "{label}: {error}");
            if usable {
                bodies.push(append(&mut log, 100));
                log.sync().unwrap();
            }
            drop(log);
            bodies.drain(..usize::try_from(from.position.0).unwrap());
            for disk in [disk.cut_now(Survival::Nothing), copy(&disk), disk] {
                check_works(&disk, from, &bodies, &label);
            }
        }
    }
}

/// Recovers, expects just these bodies, and goes on.
fn check_works(disk: &SimulatedDisk, from: Mark, bodies: &[Vec<u8>], label: &str) {
    let (mut log, recovered, frames) = recover(disk, 1000, from).unwrap();
    let found: Vec<_> = frames.into_iter().map(|(_, body)| body).collect();
    assert_eq!((&found[..], recovered.cut), (bodies, None), "{label}");
    append(&mut log, 700);
    let again = recover(disk, 1000, from).unwrap().1;
    assert_eq!(again, Recovered { frames: bodies.len() as u64 + 1, cut: None }, "{label}");
}

#[test]
fn what_could_not_be_released_is_released_later() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    for _ in 0..4 {
        append(&mut log, 800);
    }
    log.sync().unwrap();
    let mark = log.mark();
    fail(&disk, 1, Fault::Error(ErrorKind::Other));
    let error = log.release(&mark.into()).unwrap_err();
    assert!(matches!(error, Error::Io { action: "rename", .. }), "{error}");
    append(&mut log, 10);
    log.sync().unwrap();
    log.release(&mark.into()).unwrap();
    assert_eq!(numbered_names(&disk), ["0000000000000004.log"]);
    assert_eq!(names(&disk).len(), 3, "and two spares");
    assert_eq!(recover(&disk, 1000, mark).unwrap().1.frames, 1);
}
