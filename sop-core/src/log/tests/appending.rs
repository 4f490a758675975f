//! Appending, reserving, frames of every size.

use proptest::prelude::*;

use super::*;
use crate::{id::Position, log::file::HEADER_LEN};

#[test]
fn what_is_appended_is_recovered_in_order() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    assert_eq!((log.position(), log.mark()), (Position::ZERO, Mark::START));
    let bodies = vec![append(&mut log, 0), append(&mut log, 1), append(&mut log, 5000)];
    assert_eq!((log.position(), log.durable()), (Position(3), Position::ZERO));
    log.sync().unwrap();
    assert_eq!(log.durable(), Position(3));

    let (log, recovered, frames) = recover(&disk, 1 << 20, Mark::START).unwrap();
    assert_eq!(frames, numbered(&bodies));
    assert_eq!(recovered.cut, None);
    assert_eq!(log.mark().position, Position(3));
}

#[test]
fn a_frame_can_be_built_in_place() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    let mut buffer = vec![0xff; FRAME_HEADER_LEN];
    buffer.extend_from_slice(b"in place");
    assert!(matches!(log.append(&mut buffer), Ok(Appended::At(Position(1)))));
    let (.., frames) = recover(&disk, 1 << 20, Mark::START).unwrap();
    assert_eq!(frames, [(1, b"in place".to_vec())]);
}

#[test]
fn recovery_begins_where_it_is_told_to() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    append(&mut log, 10);
    let mark = log.mark();
    let second = append(&mut log, 20);
    // Whatever lies before the place does not matter.
    overwrite(&disk, "0000000000000001.log", HEADER_LEN + 20, b"damage");
    let (log, _, frames) = recover(&disk, 1 << 20, mark).unwrap();
    assert_eq!(frames, [(2, second)]);
    let (_, recovered, frames) = recover(&disk, 1 << 20, log.mark()).unwrap();
    assert_eq!((recovered.frames, recovered.cut, frames), (0, None, vec![]));
}

#[test]
fn an_error_of_the_caller_ends_recovery() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    append(&mut log, 10);
    let options = LogOptions { file_bytes: 1 << 20, ..LogOptions::default() };
    let arc: Arc<dyn Disk> = Arc::new(disk.clone());
    let refuse = &mut |_: Position, _: &[u8]| Err(Error::Closed);
    let outcome = Log::recover(arc, DIR.into(), DATABASE, options, Mark::START, refuse);
    assert!(matches!(outcome, Err(Error::Closed)));
    assert_eq!(recover(&disk, 1 << 20, Mark::START).unwrap().1.frames, 1);
}

#[test]
fn an_append_after_its_reservation_is_one_write_and_a_second_sync_is_none() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1 << 20);
    let mut done = disk.faults().calls();
    let mut calls = |disk: &SimulatedDisk| {
        let before = std::mem::replace(&mut done, disk.faults().calls());
        done - before
    };
    log.reserve(200_000).unwrap();
    assert!(calls(&disk) > 0, "zeros are written ahead");
    for len in [200_000, 100, 100] {
        append(&mut log, len);
        assert_eq!(calls(&disk), 1);
        log.reserve(100).unwrap();
        assert_eq!(calls(&disk), 0);
    }
    log.sync().unwrap();
    assert_eq!(calls(&disk), 1);
    log.sync().unwrap();
    assert_eq!(calls(&disk), 0);
}

#[test]
fn files_are_written_ahead_with_zeros() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 16 << 20);
    let len = |disk: &SimulatedDisk| disk.list(Path::new(DIR)).unwrap()[0].len;
    assert_eq!(len(&disk), 128 << 10);
    append(&mut log, 200_000);
    assert_eq!(len(&disk), 1 << 20);
    log.reserve(1 << 20).unwrap();
    assert_eq!(len(&disk), 2 << 20);
}

#[test]
fn a_frame_may_end_exactly_at_the_end_of_its_file() {
    let disk = disk_with_folder();
    let file_bytes = HEADER_LEN + frame_len(100) + frame_len(37) + frame::END_LEN;
    let mut log = create(&disk, file_bytes);
    let mut bodies = vec![append(&mut log, 100), append(&mut log, 37)];
    assert_eq!(names(&disk), ["0000000000000001.log"]);
    assert_eq!(read(&disk, "0000000000000001.log").len() as u64, file_bytes);
    let at_end = log.mark();
    let (.., frames) = recover(&disk, file_bytes, Mark::START).unwrap();
    assert_eq!(frames, numbered(&bodies));

    let (mut log, _, frames) = recover(&disk, file_bytes, at_end).unwrap();
    assert_eq!(frames, []);
    bodies.push(append(&mut log, 0));
    assert_eq!(names(&disk), ["0000000000000001.log", "0000000000000002.log"]);
    let (.., frames) = recover(&disk, file_bytes, at_end).unwrap();
    assert_eq!(frames, [(3, bodies[2].clone())]);
    let (.., frames) = recover(&disk, file_bytes, Mark::START).unwrap();
    assert_eq!(frames, numbered(&bodies));
}

#[test]
fn a_frame_that_does_not_fit_begins_the_next_file_and_a_long_one_has_its_own() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let bodies: Vec<_> =
        [500, 500, 3_000_000, 10].into_iter().map(|len| append(&mut log, len)).collect();
    log.sync().unwrap();
    let lens: Vec<_> =
        disk.list(Path::new(DIR)).unwrap().into_iter().map(|entry| entry.len).collect();
    let long = HEADER_LEN + frame::room(3_000_000).unwrap();
    assert_eq!(lens, [1000, 1000, long, 1000]);
    let (_, recovered, frames) = recover(&disk, 1000, Mark::START).unwrap();
    assert_eq!(frames, numbered(&bodies));
    assert_eq!(recovered.cut, None);
}

#[test]
fn the_first_frame_of_a_log_may_be_long() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let bodies = vec![append(&mut log, 5000), append(&mut log, 5)];
    assert_eq!(names(&disk).len(), 2, "an empty file is not left behind");
    assert_eq!(recover(&disk, 1000, Mark::START).unwrap().2, numbered(&bodies));
}

#[test]
fn a_reservation_need_not_be_used() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let mut bodies = vec![append(&mut log, 500)];
    log.reserve(600).unwrap();
    bodies.push(append(&mut log, 10));
    log.reserve(950).unwrap();
    log.reserve(9000).unwrap();
    drop(log);
    let (mut log, recovered, frames) = recover(&disk, 1000, Mark::START).unwrap();
    assert_eq!((frames, recovered.cut), (numbered(&bodies), None));
    bodies.push(append(&mut log, 20));
    assert_eq!(recover(&disk, 1000, Mark::START).unwrap().2, numbered(&bodies));
}

#[test]
fn a_body_longer_than_a_frame_can_say_is_refused() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let error = log.reserve(1 << 32).unwrap_err();
    assert!(matches!(error, Error::TransactionTooLarge { .. }), "{error}");
    append(&mut log, 1);
}

#[test]
fn bytes_are_counted_from_a_place_on() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    append(&mut log, 100);
    let mark = log.mark();
    assert_eq!(log.bytes_since(&Mark::START.into()), frame_len(100));
    assert_eq!(log.bytes_since(&mark.into()), 0);
    append(&mut log, 200);
    append(&mut log, 900);
    append(&mut log, 300);
    let behind = frame_len(200) + frame_len(900) + frame_len(300);
    assert_eq!(log.bytes_since(&mark.into()), behind);
    let (log, ..) = recover(&disk, 1000, Mark::START).unwrap();
    assert_eq!(log.bytes_since(&mark.into()), behind);
    assert_eq!(log.bytes_since(&log.mark().into()), 0);
}

#[test]
fn a_log_is_created_only_where_there_is_none() {
    let disk = disk_with_folder();
    create(&disk, 1000);
    let mut log = create(&disk, 1000);
    assert_eq!(names(&disk), ["0000000000000001.log"], "an empty log is what a crash may leave");
    append(&mut log, 10);
    let create = || {
        let options = LogOptions::default();
        Log::create(Arc::new(disk.clone()), DIR.into(), DATABASE, options).unwrap_err()
    };
    assert!(matches!(create(), Error::NotADatabase { .. }));
    append(&mut log, 900);
    log.release(&log.mark().into()).unwrap();
    assert!(matches!(create(), Error::NotADatabase { .. }));
    assert_eq!(recover(&disk, 1000, log.mark()).unwrap().1.frames, 0);
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Sync,
    Reserve(usize),
    /// Remember the newest place as the one to recover from.
    Save,
    /// Release what is before the remembered place.
    Release,
    /// Let the handle go, and recover from the remembered place.
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..300).prop_map(Step::Append),
        1 => (300_usize..3000).prop_map(Step::Append),
        2 => Just(Step::Sync),
        1 => (0_usize..2000).prop_map(Step::Reserve),
        2 => Just(Step::Save),
        2 => Just(Step::Release),
        2 => Just(Step::Reopen),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_all_frames_from_the_saved_place_on_are_recovered(
        steps in prop::collection::vec(step(), 1..60),
        file_bytes in prop::sample::select(vec![HEADER_LEN + 1, 300, 1000, 4096]),
    ) {
        let disk = disk_with_folder();
        let mut log = create(&disk, file_bytes);
        let mut saved = Mark::START;
        let mut behind = Vec::new();
        for step in steps {
            match step {
                Step::Append(len) => {
                    let body = append(&mut log, len);
                    behind.push((log.position().0, body));
                }
                Step::Sync => log.sync().unwrap(),
                Step::Reserve(len) => log.reserve(len).unwrap(),
                Step::Save => {
                    log.sync().unwrap();
                    saved = log.mark();
                    behind.clear();
                }
                Step::Release => log.release(&saved.into()).unwrap(),
                Step::Reopen => {
                    drop(log);
                    let (recovered_log, recovered, frames) = recover(&disk, file_bytes, saved).unwrap();
                    prop_assert_eq!(&frames, &behind);
                    prop_assert_eq!(recovered.cut, None);
                    log = recovered_log;
                }
            }
        }
        prop_assert_eq!(recover(&disk, file_bytes, saved).unwrap().2, behind);
    }
}

#[test]
fn what_is_synced_beside_the_log_is_durable_and_nothing_that_came_later() {
    let disk = disk_with_folder();
    let mut log = create(&disk, 1000);
    let early = [append(&mut log, 10), append(&mut log, 900)];
    let unsynced = log.unsynced().unwrap().unwrap();
    append(&mut log, 900);
    append(&mut log, 10);
    log.synced(&unsynced, unsynced.sync()).unwrap();
    assert_eq!(log.durable(), Position(2));
    let cut = disk.cut_now(Survival::Nothing);
    assert_eq!(recover(&cut, 1000, Mark::START).unwrap().2, numbered(&early));

    // What was noted before somebody else synced more takes nothing back.
    log.sync().unwrap();
    log.synced(&unsynced, unsynced.sync()).unwrap();
    assert_eq!(log.durable(), Position(4));
    assert!(log.unsynced().unwrap().is_none());
    let cut = disk.cut_now(Survival::Nothing);
    assert_eq!(recover(&cut, 1000, Mark::START).unwrap().2.len(), 4);
}
