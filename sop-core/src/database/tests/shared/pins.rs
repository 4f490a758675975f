//! Snapshots that are held while others write one checkpoint after the other.

use std::io::ErrorKind;

use super::*;
use crate::{
    Access, Call, Fault, FaultyDisk, Snapshot,
    limit::{KEPT_MANIFESTS, PINNED_MANIFESTS},
    version::{Pin, PinFolder},
};

/// Opens the folder on a machine that knows a file no more once it is removed, and keeps nothing in
/// memory that it has read. Before it creates a file, it calls `creates` with the name.
fn open(cluster: &Cluster, creates: impl Fn(&Path) + Send + Sync + 'static) -> Node {
    let (server, clock) = (cluster.server.clone(), Arc::clone(&cluster.clock));
    let machine = FaultyDisk::new(Arc::new(server.clone()));
    machine.faults().judge(move |call, path| {
        if call == Call::Create {
            creates(path);
        }
        let is_gone = |path| server.open(path, Access::Read).is_err();
        (call == Call::Read && is_gone(path))
            .then_some(Fault::Error(ErrorKind::StaleNetworkFileHandle))
    });
    let disk = ClientDisk::new(Arc::new(machine));
    let options = Cluster::options().cache_bytes(0);
    let builder = Database::builder().options(options).disk(Arc::new(disk.clone())).clock(clock);
    Node { disk, db: builder.open(ROOT).unwrap() }
}

/// Two processes and what they share.
fn pair() -> (Cluster, Node, Node) {
    let cluster = Cluster::new();
    let (one, other) = (open(&cluster, |_| ()), open(&cluster, |_| ()));
    create_store(&one);
    (cluster, one, other)
}

/// Creates the store, whose name then stands in a segment of its own.
fn create_store(node: &Node) {
    let transaction = node.db.begin().unwrap();
    transaction.create_store(STORE, &StoreOptions::default()).unwrap();
    transaction.commit().unwrap();
    node.db.checkpoint().unwrap();
}

/// Replaces all there is, and writes a checkpoint of that.
fn renew(node: &Node, round: u64) {
    let transaction = node.db.begin().unwrap();
    let store = transaction.open_store(STORE, &StoreOptions::default()).unwrap();
    for key in 0..20 {
        store.upsert(format!("{key:02}"), format!("{round} {}", "x".repeat(500))).unwrap();
    }
    transaction.commit().unwrap();
    node.db.checkpoint().unwrap();
}

/// The same round after round, while another one takes in each.
fn renew_followed(node: &Node, other: &Node, rounds: impl IntoIterator<Item = u64>) {
    for round in rounds {
        renew(node, round);
        other.db.follow().unwrap();
    }
}

/// What everything in a snapshot says of the round that it is from.
fn round(snapshot: &Snapshot) -> Result<u64> {
    let mut rounds = Vec::new();
    for entry in snapshot.store(STORE)?.iter()? {
        let text = String::from_utf8(entry?.1.to_vec()).unwrap();
        rounds.push(text.split(' ').next().unwrap().parse().unwrap());
    }
    rounds.dedup();
    assert_eq!(rounds.len(), 1, "one state: {rounds:?}");
    Ok(rounds[0])
}

/// A snapshot whose nodes are all in segments.
fn held(node: &Node) -> Snapshot {
    node.db.checkpoint().unwrap();
    node.db.snapshot().unwrap()
}

#[test]
fn a_snapshot_that_is_held_stays_readable_however_many_checkpoints_are_written() {
    let (cluster, one, other) = pair();
    renew(&one, 0);
    let old = held(&other);
    let mut younger = None;
    for number in 1..=3 * KEPT_MANIFESTS {
        renew(&one, number);
        other.db.follow().unwrap();
        if number == KEPT_MANIFESTS {
            younger = Some(held(&other));
        }
    }
    assert_eq!(files(&cluster, "pin"), 1);
    assert_eq!(round(&old).unwrap(), 0);
    assert_eq!(round(&younger.unwrap()).unwrap(), KEPT_MANIFESTS);
    // The younger one is gone now, and the older one holds all the same.
    renew(&one, 1_000);
    other.db.follow().unwrap();
    assert_eq!(round(&old).unwrap(), 0);
}

#[test]
fn a_process_that_writes_all_checkpoints_itself_keeps_its_own_snapshots() {
    let (cluster, one, _other) = pair();
    renew(&one, 0);
    let old = held(&one);
    for number in 1..=2 * KEPT_MANIFESTS {
        renew(&one, number);
    }
    assert_eq!(files(&cluster, "pin"), 1);
    assert_eq!(round(&old).unwrap(), 0);
}

#[test]
fn what_was_kept_for_a_snapshot_goes_when_nobody_holds_it() {
    let (cluster, one, other) = pair();
    renew(&one, 0);
    let old = held(&other);
    renew_followed(&one, &other, 1..=2 * KEPT_MANIFESTS);
    assert!(files(&cluster, "man") as u64 > 2 * KEPT_MANIFESTS);
    drop(old);
    other.db.follow().unwrap();
    assert_eq!(files(&cluster, "pin"), 0);
    renew(&one, 100);
    assert_eq!(files(&cluster, "man") as u64, KEPT_MANIFESTS);
    assert!(files(&cluster, "seg") as u64 <= 2 * KEPT_MANIFESTS);
}

#[test]
fn the_pin_moves_on_with_the_oldest_snapshot() {
    let (cluster, one, other) = pair();
    let mut snapshots = std::collections::VecDeque::new();
    for number in 0..4 * KEPT_MANIFESTS {
        renew(&one, number);
        other.db.follow().unwrap();
        snapshots.push_back((number, held(&other)));
        if snapshots.len() as u64 > KEPT_MANIFESTS + 4 {
            let (number, oldest) = snapshots.pop_front().unwrap();
            assert_eq!(round(&oldest).unwrap(), number);
        }
        assert!(files(&cluster, "pin") <= 1);
    }
    assert!(files(&cluster, "man") as u64 <= KEPT_MANIFESTS + 8);
}

#[test]
fn a_snapshot_of_a_process_that_was_stopped_is_too_old_and_never_wrong() {
    let (_cluster, one, other) = pair();
    renew(&one, 0);
    let old = held(&other);
    let writing = other.writing("00", "mine").unwrap();
    for number in 1..=KEPT_MANIFESTS + 1 {
        renew(&one, number);
    }
    assert!(matches!(round(&old), Err(Error::SnapshotTooOld)));
    assert!(matches!(writing.store(STORE).unwrap().find("07"), Err(Error::SnapshotTooOld)));
    let refused = writing.commit().unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    // A new one sees everything.
    other.write("00", &format!("{} x", KEPT_MANIFESTS + 1)).unwrap();
    assert_eq!(round(&other.db.snapshot().unwrap()).unwrap(), KEPT_MANIFESTS + 1);
    assert!(matches!(round(&old), Err(Error::SnapshotTooOld)), "it does not come back");
}

#[test]
fn a_pin_whose_process_has_stopped_holds_for_a_bounded_number_of_checkpoints() {
    let (cluster, one, other) = pair();
    renew(&one, 0);
    let old = held(&other);
    renew_followed(&one, &other, 1..=KEPT_MANIFESTS);
    for number in KEPT_MANIFESTS..PINNED_MANIFESTS - 4 {
        renew(&one, number);
    }
    assert_eq!(round(&old).unwrap(), 0, "it is pinned");
    let most = files(&cluster, "man") as u64;
    for number in 0..8 {
        renew(&one, number);
        assert!(files(&cluster, "man") as u64 <= PINNED_MANIFESTS, "{most}");
    }
    assert_eq!(files(&cluster, "pin"), 0);
    assert_eq!(files(&cluster, "man") as u64, KEPT_MANIFESTS);
    assert!(matches!(round(&old), Err(Error::SnapshotTooOld)));
}

#[test]
fn pins_end_with_their_member() {
    let (cluster, one, other) = pair();
    renew(&one, 0);
    let _old = held(&other);
    renew_followed(&one, &other, 1..=KEPT_MANIFESTS);
    assert_eq!(files(&cluster, "pin"), 1);
    let (member, _) = other.db.shared.core.pipeline().unwrap().take_part().unwrap().unwrap();
    drop(other);
    assert_eq!(files(&cluster, "pin"), 0, "it takes its pins along");
    // One that was left behind is removed by whoever writes a checkpoint.
    let pins = PinFolder::new(Arc::new(cluster.server.clone()), Path::new(ROOT));
    pins.set(Pin { member, number: 1 }).unwrap();
    renew(&one, 100);
    assert_eq!(files(&cluster, "pin"), 0);
    assert_eq!(files(&cluster, "man") as u64, KEPT_MANIFESTS);
}

#[test]
fn the_pin_of_a_process_that_died_goes_when_it_is_expelled() {
    let (cluster, one, other) = pair();
    renew(&one, 0);
    let old = held(&other);
    renew_followed(&one, &other, 1..=KEPT_MANIFESTS);
    let _dead = std::mem::ManuallyDrop::new(other);
    cluster.pass(20, &[&one]);
    assert_eq!(files(&cluster, "pin"), 1);
    renew(&one, 100);
    assert_eq!(files(&cluster, "pin"), 0);
    assert_eq!(files(&cluster, "man") as u64, KEPT_MANIFESTS);
    assert!(matches!(round(&old), Err(Error::SnapshotTooOld)));
}

#[test]
fn who_pins_while_others_write_checkpoints_is_in_time_or_knows_that_it_is_not() {
    for late in 0..3 * KEPT_MANIFESTS / 2 {
        let cluster = Cluster::new();
        let one = Arc::new(open(&cluster, |_| ()));
        create_store(&one);
        // So many more come between the moment when it wants to pin and its pin.
        let (rival, pins) = (Arc::clone(&one), AtomicU64::new(0));
        let other = open(&cluster, move |path| {
            let is_pin = path.extension().is_some_and(|extension| extension == "pin");
            if is_pin && pins.fetch_add(1, Ordering::Relaxed) == 0 {
                (0..late).for_each(|number| renew(&rival, number));
            }
        });
        renew(&one, 0);
        let old = held(&other);
        for number in 0..KEPT_MANIFESTS / 2 + 2 {
            renew(&one, number);
        }
        other.db.follow().unwrap();
        let is_pinned = files(&cluster, "pin") > 0;
        (0..KEPT_MANIFESTS).for_each(|number| renew(&one, number));
        match round(&old) {
            Ok(0) => assert!(is_pinned, "{late} came in between"),
            Err(Error::SnapshotTooOld) => assert!(!is_pinned, "{late} came in between"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_was_away_for_many_checkpoints_goes_on_where_the_log_does_not_say_what_is_gone() {
    let (_cluster, one, other) = pair();
    let fill = one.db.begin().unwrap();
    let store = fill.open_store(STORE, &StoreOptions::default()).unwrap();
    for key in 0..400 {
        store.upsert(format!("{key:03}"), "x".repeat(100)).unwrap();
    }
    fill.commit().unwrap();
    one.db.checkpoint().unwrap();
    other.db.checkpoint().unwrap();
    // Both have the first node in memory now, and the last one in a segment.
    one.write("000", "y").unwrap();
    other.db.follow().unwrap();
    for number in 0..=KEPT_MANIFESTS {
        one.write("000", &number.to_string()).unwrap();
        one.db.compact().unwrap();
        one.db.checkpoint().unwrap();
    }
    one.write("399", "z").unwrap();
    assert_eq!(other.keys().len(), 400);
    other.write("398", "z").unwrap();
    assert_eq!(one.entries().unwrap(), other.entries().unwrap());
}
