//! Power cuts, damage, and disks that lose what they said was durable.

use super::*;
use crate::Access;

fn pair() -> (SimulatedDisk, Arc<Counting>, Node, Node) {
    let (server, clock) = (server(), Arc::default());
    let (one, other) = (open(&server, &clock), open(&server, &clock));
    (server, clock, one, other)
}

fn is_corrupt<T>(result: &Result<T>, slot: u64) -> bool {
    matches!(result, Err(Error::Corrupt { path, .. }) if *path == slot_path(slot))
}

#[test]
fn what_was_appended_survives_a_power_cut() {
    let (server, clock, mut one, _) = pair();
    one.append(10).unwrap();
    one.append(11).unwrap();
    let mut later = open(&server.cut_now(Survival::Nothing), &clock);
    later.follow().unwrap();
    assert_eq!(later.state.batches, [10, 11]);
}

#[test]
fn what_was_found_survives_a_power_cut_though_its_author_has_not_synced_it() {
    let (server, clock, mut one, mut other) = pair();
    let failure = crate::Fault::Error(std::io::ErrorKind::Other);
    server.faults().judge(move |call, path| {
        (call == crate::Call::Sync && path == Path::new(ROOT).join(LOG)).then_some(failure)
    });
    assert!(one.append(10).is_err(), "its name may be lost");
    assert!(one.append(11).is_err(), "nothing is built on it");
    server.faults().clear();
    other.follow().unwrap();
    assert_eq!(other.state.batches, [10]);
    let mut later = open(&server.cut_now(Survival::Nothing), &clock);
    later.follow().unwrap();
    assert_eq!(later.state.batches, [10]);
}

#[test]
fn a_slot_that_is_lost_is_not_replaced() {
    let (server, _, mut one, mut other) = pair();
    one.append(10).unwrap();
    one.append(11).unwrap();
    server.remove(&slot_path(1)).unwrap();
    assert!(is_corrupt(&other.append(20), 1));
    assert_eq!(other.unfinished(), 0);
}

#[test]
fn another_history_is_noticed() {
    let (server, _, mut one, mut other) = pair();
    one.append(10).unwrap();
    server.remove(&slot_path(1)).unwrap();
    other.append(20).unwrap();
    other.append(21).unwrap();
    assert!(is_corrupt(&one.follow(), 2));
    assert_eq!(one.state.batches, [10]);
}

#[test]
fn damage_to_a_slot_is_reported_with_its_file() {
    for offset in [0, 8, 12, 40, 90, SLOT_HEADER_LEN as u64 + 3] {
        let (server, _, mut one, mut other) = pair();
        one.append(10).unwrap();
        let file = server.open(&slot_path(1), Access::Write).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[!byte[0]], offset).unwrap();
        let followed = other.follow();
        assert!(
            is_corrupt(&followed, 1) || matches!(followed, Err(Error::UnsupportedFormat { .. })),
            "byte {offset}: {followed:?}"
        );
        assert!(other.state.batches.is_empty());
    }
}

#[test]
fn a_slot_that_is_too_short_or_too_long_is_damaged() {
    let len = SLOT_HEADER_LEN as u64 + 8;
    for damaged in [0, 50, len - 1, len + 1] {
        let (server, _, mut one, mut other) = pair();
        one.append(10).unwrap();
        let file = server.open(&slot_path(1), Access::Write).unwrap();
        file.set_len(damaged).unwrap();
        assert!(is_corrupt(&other.follow(), 1), "{damaged} bytes");
    }
}

#[test]
fn damage_below_the_floor_matters_to_nobody() {
    let (server, _, mut one, mut other) = pair();
    one.append(10).unwrap();
    one.checkpoint(1);
    server.open(&slot_path(1), Access::Write).unwrap().set_len(5).unwrap();
    assert_eq!(other.follow().unwrap(), Followed::Behind);
}

#[test]
fn an_error_of_whoever_applies_stops_before_that_slot() {
    let (_, _, mut one, mut other) = pair();
    one.append(10).unwrap();
    one.append(11).unwrap();
    let mut applied = 0;
    let followed = other.log.follow(&mut |header, _| {
        applied += 1;
        if header.position == Position(2) { Err(Error::Closed) } else { Ok(()) }
    });
    assert!(matches!(followed, Err(Error::Closed)));
    assert_eq!(other.log.tip().position, Position(1));
    assert_eq!(applied, 2);
}

#[test]
fn a_process_that_was_copied_is_noticed() {
    let (server, clock, mut one, _) = pair();
    let mut copy = open(&server, &clock);
    copy.log.member = one.member;
    copy.append(20).unwrap();
    assert!(is_corrupt(&one.follow(), 1));
}
