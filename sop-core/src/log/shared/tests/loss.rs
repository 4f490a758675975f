//! Power cuts, damage, and disks that lose what they said was durable.

use super::*;
use crate::Access;

fn pair() -> (SimulatedDisk, Node, Node) {
    let server = server();
    let [one, other] = open_all(&server);
    (server, one, other)
}

/// What is there when the power is back, to a process that has joined.
fn reopen_after_power_cut(server: &SimulatedDisk) -> Node {
    let clock = Arc::new(Counting(AtomicU64::new(1 << 32)));
    open(&server.cut_now(Survival::Nothing), &clock)
}

fn is_corrupt<T>(result: &Result<T>, slot: u64) -> bool {
    matches!(result, Err(Error::Corrupt { path, .. }) if *path == slot_path(slot))
}

#[test]
fn what_was_appended_survives_a_power_cut() {
    let (server, mut one, _) = pair();
    one.append(10).unwrap();
    one.append(11).unwrap();
    let mut later = reopen_after_power_cut(&server);
    later.follow().unwrap();
    assert_eq!(later.batches, [10, 11]);
}

#[test]
fn what_was_found_survives_a_power_cut_though_its_author_has_not_synced_it() {
    let (server, mut one, mut other) = pair();
    fail_syncs_of_names(&server);
    assert!(one.append(10).is_err(), "its name may be lost");
    assert!(one.append(11).is_err(), "nothing is built on it");
    server.faults().clear();
    other.follow().unwrap();
    assert_eq!(other.batches, [10]);
    let mut later = reopen_after_power_cut(&server);
    later.follow().unwrap();
    assert_eq!(later.batches, [10]);
}

#[test]
fn what_was_found_is_durable_before_anything_is_linked_behind_it() {
    let (server, mut one, mut other) = pair();
    fail_syncs_of_names(&server);
    assert!(one.append(10).is_err(), "its name may be lost");
    other.read_ahead().unwrap();
    assert!(other.append(20).is_err(), "nothing is linked behind it");
    assert!(server.open(&slot_path(4), Access::Read).is_err());
    server.faults().clear();
    let links = server.clone();
    other.disk.judge_links(move |_| {
        // From here on no folder can be synced; what was linked behind it tells that it was before.
        fail_syncs_of_names(&links);
        LinkFate::Answered
    });
    assert!(other.append(20).is_err(), "its own name may be lost");
    let mut later = reopen_after_power_cut(&server);
    later.follow().unwrap();
    assert_eq!(later.batches, [10]);
}

#[test]
fn a_slot_that_is_lost_is_not_replaced() {
    let (server, mut one, mut other) = pair();
    one.append(10).unwrap();
    one.append(11).unwrap();
    server.remove(&slot_path(3)).unwrap();
    assert!(is_corrupt(&other.append(20), 3));
    assert_eq!(other.unfinished(), 0);
}

#[test]
fn slots_that_are_gone_behind_an_older_checkpoint_are_missed_before_anything_is_appended() {
    let (server, mut one, mut other) = pair();
    (10..14).for_each(|batch| assert!(one.append(batch).is_ok()));
    // Those up to a floor, and the manifest that has it.
    (1..=4).for_each(|slot| server.remove(&slot_path(slot)).unwrap());
    other.begin_anew();
    assert!(is_corrupt(&other.follow(), 1));
    assert!(is_corrupt(&other.follow(), 1), "it stays so");
}

#[test]
fn another_history_is_noticed() {
    let (server, mut one, mut other) = pair();
    one.append(10).unwrap();
    server.remove(&slot_path(3)).unwrap();
    other.append(20).unwrap();
    other.append(21).unwrap();
    assert!(is_corrupt(&one.follow(), 4));
    assert_eq!(one.batches, [10]);
}

#[test]
fn damage_to_a_slot_is_reported_with_its_file() {
    for offset in [0, 8, 12, 40, 90, SLOT_HEADER_LEN as u64 + 3] {
        let (server, mut one, mut other) = pair();
        one.append(10).unwrap();
        let file = server.open(&slot_path(3), Access::Write).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[!byte[0]], offset).unwrap();
        let followed = other.follow();
        assert!(
            is_corrupt(&followed, 3) || matches!(followed, Err(Error::UnsupportedFormat { .. })),
            "byte {offset}: {followed:?}"
        );
        assert!(other.batches.is_empty());
    }
}

#[test]
fn a_slot_that_is_too_short_or_too_long_is_damaged() {
    let len = SLOT_HEADER_LEN as u64 + 8;
    for damaged in [0, 50, len - 1, len + 1] {
        let (server, mut one, mut other) = pair();
        one.append(10).unwrap();
        let file = server.open(&slot_path(3), Access::Write).unwrap();
        file.set_len(damaged).unwrap();
        assert!(is_corrupt(&other.follow(), 3), "{damaged} bytes");
    }
}

#[test]
fn damage_below_the_floor_matters_to_nobody() {
    let (server, mut one, mut other) = pair();
    one.append(10).unwrap();
    one.checkpoint(3);
    server.open(&slot_path(3), Access::Write).unwrap().set_len(5).unwrap();
    assert_eq!(other.follow().unwrap(), Followed::Behind);
}

#[test]
fn an_error_of_whoever_applies_stops_before_that_slot() {
    let (_, mut one, mut other) = pair();
    one.append(10).unwrap();
    one.append(11).unwrap();
    let mut applied = 0;
    let followed = other.log.follow(&mut |header, _| {
        applied += 1;
        if header.position == Position(4) { Err(Error::Closed) } else { Ok(()) }
    });
    assert!(matches!(followed, Err(Error::Closed)));
    assert_eq!(other.log.anchor().tip.position, Position(3));
    assert_eq!(applied, 2);
}

#[test]
fn a_process_that_was_copied_is_noticed() {
    let (server, mut one, mut other) = pair();
    other.log.pretend_to_be(one.log.member());
    other.append(20).unwrap();
    drop(server);
    assert!(is_corrupt(&one.follow(), 3));
}
