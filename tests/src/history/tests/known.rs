//! One history for each anomaly, written by hand.

use super::{super::*, *};

/// The only anomaly that the checker finds.
fn the_anomaly<const N: usize>(tried: [Tried; N]) -> Anomaly {
    let mut anomalies = check(&history(tried));
    assert_eq!(anomalies.len(), 1, "{anomalies:?}");
    anomalies.remove(0)
}

/// The kind and order of the only cycle that the checker finds, and how long it is.
fn the_cycle<const N: usize>(tried: [Tried; N]) -> (CycleKind, Order, usize) {
    match the_anomaly(tried) {
        Anomaly::Cycle(cycle) => (cycle.kind, cycle.order, cycle.steps.len()),
        other => panic!("{other}"),
    }
}

fn is_allowed<const N: usize>(isolation: Isolation, tried: [Tried; N]) -> bool {
    forbidden(&history(tried.map(|tried| tried.isolation(isolation)))).is_empty()
}

fn write_skew() -> [Tried; 2] {
    [
        tried().read(1, &[]).read(2, &[]).append(1, 11),
        tried().read(1, &[]).read(2, &[]).append(2, 21),
    ]
}

#[test]
fn a_serial_history_has_no_anomalies() {
    let serial = history([
        tried().read(1, &[]).append(1, 10).lasting(0, 1),
        tried().read(1, &[10]).append(1, 11).read(1, &[10, 11]).append(2, 20).lasting(2, 3),
        tried().read(1, &[10, 11]).read(2, &[20]).lasting(4, 5),
    ]);
    assert_eq!(check(&serial), []);
    assert_eq!(check(&History::default()), []);
}

#[test]
fn writes_back_and_forth_are_a_cycle_of_writes() {
    let found = the_cycle([
        tried().append(1, 10).append(2, 20),
        tried().append(1, 11).append(2, 21),
        tried().read(1, &[10, 11]),
        tried().read(2, &[21, 20]),
    ]);
    assert_eq!(found, (CycleKind::G0, Order::Any, 2));
}

#[test]
fn information_in_a_circle_is_a_cycle_of_reads_and_writes() {
    let found =
        the_cycle([tried().append(1, 10).read(2, &[20]), tried().append(2, 20).read(1, &[10])]);
    assert_eq!(found, (CycleKind::G1c, Order::Any, 2));
}

#[test]
fn half_of_a_transaction_is_g_single() {
    let found =
        the_cycle([tried().append(1, 10).append(2, 20), tried().read(1, &[]).read(2, &[20])]);
    assert_eq!(found, (CycleKind::GSingle, Order::Any, 2));
}

#[test]
fn two_states_in_one_transaction_are_g_single() {
    let found = the_cycle([tried().append(1, 10), tried().read(1, &[]).read(1, &[10])]);
    assert_eq!(found, (CycleKind::GSingle, Order::Any, 2));
}

#[test]
fn a_lost_update_is_g_single() {
    let found = the_cycle([
        tried().read(1, &[]).append(1, 10),
        tried().read(1, &[]).append(1, 11),
        tried().read(1, &[10, 11]),
    ]);
    assert_eq!(found, (CycleKind::GSingle, Order::Any, 2));
}

#[test]
fn a_long_fork_is_g_nonadjacent() {
    let fork = [
        tried().append(1, 10),
        tried().append(2, 20),
        tried().read(1, &[10]).read(2, &[]),
        tried().read(1, &[]).read(2, &[20]),
    ];
    assert_eq!(the_cycle(fork.clone()), (CycleKind::GNonadjacent, Order::Any, 4));
    assert!(!is_allowed(Isolation::Snapshot, fork));
}

#[test]
fn write_skew_is_a_cycle_that_snapshot_isolation_allows() {
    assert_eq!(the_cycle(write_skew()), (CycleKind::G2, Order::Any, 2));
    assert!(is_allowed(Isolation::Snapshot, write_skew()));
    assert!(!is_allowed(Isolation::Serializable, write_skew()));
}

#[test]
fn a_read_only_anomaly_is_a_cycle_that_snapshot_isolation_allows() {
    let anomaly = [
        tried().read(1, &[]).read(2, &[]).append(1, 10),
        tried().read(2, &[]).append(2, 20),
        tried().read(1, &[]).read(2, &[20]),
    ];
    assert_eq!(the_cycle(anomaly.clone()), (CycleKind::G2, Order::Any, 3));
    assert!(is_allowed(Isolation::Snapshot, anomaly));
}

#[test]
fn one_transaction_on_a_snapshot_is_enough_for_write_skew() {
    let [a, b] = write_skew();
    // It may commit last and never learn of the other one.
    assert!(is_allowed_as_asked([a.clone().isolation(Isolation::Snapshot), b.clone()]));
    assert!(is_allowed_as_asked([a, b.isolation(Isolation::Snapshot)]));
}

fn is_allowed_as_asked<const N: usize>(tried: [Tried; N]) -> bool {
    forbidden(&history(tried)).is_empty()
}

#[test]
fn a_cycle_needs_a_snapshot_between_two_overwrites() {
    // The reader saw the second write but not the first, which did not see the second.
    let reader = tried().read(1, &[]).read(2, &[20]);
    let first = tried().read(2, &[]).append(1, 10);
    let second = tried().append(2, 20);
    let loose = |tried: &Tried| tried.clone().isolation(Isolation::Snapshot);
    assert!(is_allowed_as_asked([reader.clone(), loose(&first), second.clone()]));
    assert!(!is_allowed_as_asked([loose(&reader), first, loose(&second)]));
}

#[test]
fn write_skew_of_transactions_that_did_not_overlap_is_forbidden_on_snapshots() {
    let [a, b] = write_skew();
    let apart = [a.lasting(0, 1), b.lasting(2, 3)];
    assert!(!is_allowed(Isolation::Snapshot, apart));
}

#[test]
fn a_read_that_misses_what_ended_before_is_g_single_in_real_time() {
    let late = tried().read(1, &[]).lasting(2, 3);
    let found = the_cycle([
        tried().append(1, 10).lasting(0, 1),
        late.clone(),
        tried().read(1, &[10]).lasting(4, 5),
    ]);
    assert_eq!(found, (CycleKind::GSingle, Order::RealTime, 2));
    let found = the_cycle([
        tried().append(1, 10).lasting(0, 1).process(7),
        late.process(7),
        tried().read(1, &[10]).lasting(4, 5),
    ]);
    assert_eq!(found, (CycleKind::GSingle, Order::Process, 2));
}

#[test]
fn a_stale_read_may_miss_what_ended_before_unless_its_process_had_seen_it() {
    let stale = tried().read(1, &[]).lasting(4, 5).stale().process(7);
    let write = tried().append(1, 10).lasting(0, 1);
    let last = tried().read(1, &[10]).lasting(6, 7);
    assert!(check(&history([write.clone(), stale.clone(), last.clone()])).is_empty());
    let seen = tried().read(1, &[10]).lasting(2, 3).process(7);
    let found = the_cycle([write, seen, stale, last]);
    assert_eq!(found, (CycleKind::GSingle, Order::Process, 3));
}

#[test]
fn real_time_counts_by_way_of_a_stale_read_as_well() {
    let found = the_cycle([
        tried().append(1, 10).lasting(0, 1),
        tried().read(2, &[]).lasting(2, 3).stale(),
        tried().read(1, &[]).lasting(4, 5),
        tried().read(1, &[10]).lasting(6, 7),
    ]);
    assert_eq!(found, (CycleKind::GSingle, Order::RealTime, 2));
}

#[test]
fn real_time_counts_by_way_of_others() {
    // Only its neighbours in time are connected with a transaction.
    let found = the_cycle([
        tried().append(1, 10).lasting(0, 10),
        tried().read(2, &[]).lasting(11, 12),
        tried().read(2, &[]).lasting(13, 14),
        tried().read(1, &[]).lasting(15, 16),
        tried().read(1, &[10]).lasting(17, 18),
    ]);
    assert_eq!(found, (CycleKind::GSingle, Order::RealTime, 4));
}

#[test]
fn writes_in_another_order_than_they_ran_are_a_cycle_in_real_time() {
    let found = the_cycle([
        tried().append(1, 11).lasting(0, 1),
        tried().append(1, 10).lasting(2, 3),
        tried().read(1, &[10, 11]).lasting(4, 5),
    ]);
    assert_eq!(found, (CycleKind::G0, Order::RealTime, 2));
}

#[test]
fn a_read_of_what_is_still_to_come_is_a_cycle_in_real_time() {
    let found =
        the_cycle([tried().read(1, &[10]).lasting(0, 1), tried().append(1, 10).lasting(2, 3)]);
    assert_eq!(found, (CycleKind::G1c, Order::RealTime, 2));
}

#[test]
fn a_read_of_what_was_rolled_back_is_found() {
    let found = the_anomaly([tried().append(1, 10).fate(Fate::Aborted), tried().read(1, &[10])]);
    assert_eq!(found, Anomaly::AbortedRead { reader: 1, writer: 0, list: 1, element: 10 });
}

#[test]
fn a_read_in_the_middle_of_a_transaction_is_found() {
    let found = check(&history([
        tried().append(1, 10).append(1, 11),
        tried().read(1, &[10]),
        tried().read(1, &[10, 11]),
    ]));
    let intermediate = Anomaly::IntermediateRead { reader: 1, writer: 0, list: 1, element: 10 };
    assert!(found.contains(&intermediate), "{found:?}");
}

#[test]
fn a_read_of_what_nobody_wrote_is_found() {
    let found = the_anomaly([tried().read(1, &[9])]);
    assert_eq!(found, Anomaly::Unwritten { reader: 0, list: 1, element: 9 });
}

#[test]
fn an_append_that_took_effect_twice_is_found() {
    let found = the_anomaly([tried().append(1, 10), tried().read(1, &[10, 10])]);
    assert_eq!(found, Anomaly::Doubled { reader: 1, list: 1, element: 10 });
}

#[test]
fn a_commit_that_is_gone_is_found() {
    let found = the_anomaly([
        tried().append(1, 10).lasting(0, 1),
        tried().append(1, 11).lasting(2, 3),
        tried().read(1, &[11]).lasting(4, 5),
    ]);
    assert_eq!(found, Anomaly::Lost { writer: 0, list: 1, element: 10, reader: 2 });
}

#[test]
fn reads_that_agree_in_no_order_are_found() {
    let found = the_anomaly([
        tried().append(1, 10),
        tried().append(1, 11),
        tried().read(1, &[10, 11]),
        tried().read(1, &[11]),
    ]);
    assert!(matches!(found, Anomaly::IncompatibleOrder { list: 1, .. }), "{found}");
}

#[test]
fn a_transaction_that_does_not_see_its_own_appends_is_found() {
    let missing = the_anomaly([tried().append(1, 10).read(1, &[])]);
    assert!(matches!(missing, Anomaly::Internal { reader: 0, .. }), "{missing}");
    let early = the_anomaly([tried().read(1, &[10]).append(1, 10), tried().read(1, &[10])]);
    assert!(matches!(early, Anomaly::Internal { reader: 0, .. }), "{early}");
    let overtaken =
        check(&history([tried().append(1, 11), tried().append(1, 10).read(1, &[10, 11])]));
    let is_internal = |anomaly: &Anomaly| matches!(anomaly, Anomaly::Internal { reader: 1, .. });
    assert!(overtaken.iter().any(is_internal), "{overtaken:?}");
}

#[test]
fn an_element_that_two_appended_is_found() {
    let found = the_anomaly([tried().append(1, 10), tried().append(1, 10)]);
    assert_eq!(found, Anomaly::AppendedTwice { list: 1, element: 10 });
}

#[test]
fn an_unknown_outcome_may_be_either_but_not_both() {
    let unknown = || tried().append(1, 10).append(2, 20).fate(Fate::Unknown).lasting(0, 1);
    let after = |one: &[u64], two: &[u64]| tried().read(1, one).read(2, two).lasting(2, 3);
    assert_eq!(check(&history([unknown(), after(&[10], &[20])])), []);
    assert_eq!(check(&history([unknown(), after(&[], &[])])), []);
    let half = [unknown(), after(&[10], &[])];
    assert_eq!(the_cycle(half), (CycleKind::GSingle, Order::Any, 2));
    // It may also take effect later, but then it stays.
    let later = after(&[10], &[20]).lasting(4, 5);
    assert_eq!(check(&history([unknown(), after(&[], &[]), later.clone()])), []);
    let gone = [unknown(), later, after(&[], &[]).lasting(6, 7)];
    assert_eq!(the_cycle(gone), (CycleKind::GSingle, Order::RealTime, 3));
}

#[test]
fn a_transaction_that_aborts_must_not_see_half_of_another() {
    let found = the_cycle([
        tried().append(1, 10).append(2, 20),
        tried().read(1, &[]).read(2, &[20]).fate(Fate::Aborted),
    ]);
    assert_eq!(found, (CycleKind::GSingle, Order::Any, 2));
}

#[test]
fn a_cycle_is_explained_in_words() {
    let found =
        the_anomaly([tried().append(1, 10).append(2, 20), tried().read(1, &[]).read(2, &[20])]);
    let mut lines: Vec<_> = found.to_string().lines().map(str::to_owned).collect();
    lines.sort();
    let expected = [
        "  0 appended 20 to list 2, which 1 read last",
        "  1 read list 1 as [], before 0 appended 10",
        "G-single, a cycle of 2:",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_smallest_cycle_is_named_and_worse_kinds_are_not_hidden_by_it() {
    let mut all = vec![
        // A circle of three, and beside it one of two.
        tried().append(1, 10).read(3, &[30]),
        tried().append(2, 20).read(1, &[10]),
        tried().append(3, 30).read(2, &[20]),
        tried().append(4, 40).read(5, &[50]),
        tried().append(5, 50).read(4, &[40]),
    ];
    all.extend(write_skew().map(|Tried(mut observed)| {
        for operation in &mut observed.operations {
            match operation {
                Operation::Append { list, .. } | Operation::Read { list, .. } => *list += 10,
            }
        }
        Tried(observed)
    }));
    let found = check(&history(all));
    let kinds: Vec<_> = found.iter().filter_map(Anomaly::cycle).collect();
    assert_eq!(kinds, [CycleKind::G1c, CycleKind::G2]);
    assert!(matches!(&found[0], Anomaly::Cycle(cycle) if cycle.steps.len() == 2), "{}", found[0]);
}
