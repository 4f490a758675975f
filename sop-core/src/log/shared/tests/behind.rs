//! Slots that are removed, and members that were away meanwhile.

use std::io::ErrorKind;

use super::{super::Members, *};
use crate::{Call, Fault, FaultyDisk};

/// One who works, and one who opened the folder before and was away since.
fn worker_and_sleeper() -> (Node, Node) {
    let [mut worker, sleeper] = open_all(&server());
    worker.append(10).unwrap();
    worker.append(11).unwrap();
    (worker, sleeper)
}

#[test]
fn a_link_below_the_floor_does_not_count() {
    let (worker, mut sleeper) = worker_and_sleeper();
    worker.checkpoint(4);
    assert_eq!(worker.collect(), 4);
    assert!(matches!(sleeper.append(20), Ok(Appended::Behind)));
    assert!(sleeper.disk.open(&slot_path(3), crate::Access::Read).is_ok(), "it was made");
    assert_eq!(sleeper.begin_anew(), Some(Fate::NotCommitted));
    assert_eq!(position(sleeper.append(20)), Some(5));
    assert_eq!(sleeper.batches, [10, 11, 20]);
}

#[test]
fn who_links_a_slot_and_is_away_until_it_is_removed_does_not_link_it_again() {
    let (server, clock) = (server(), Arc::default());
    let mut worker = open(&server, &clock);
    let faulty = FaultyDisk::new(Arc::new(server.clone()));
    let mut sleeper = open_at(Arc::new(faulty.clone()), Path::new(ROOT), &clock);
    worker.follow().unwrap();
    // Between the link and the look what became of it.
    let (links, worker) = (Arc::new(AtomicU64::new(0)), Mutex::new(worker));
    let linked = Arc::clone(&links);
    faulty.faults().judge(move |call, path| {
        let is_linked = server.open(&slot_path(3), crate::Access::Read).is_ok();
        if call == Call::Open && path == slot_path(3) && is_linked {
            let mut worker = worker.lock();
            worker.follow().unwrap();
            worker.checkpoint(3);
            worker.collect();
        }
        linked.fetch_add(u64::from(call == Call::Name && path == slot_path(3)), Ordering::Relaxed);
        None
    });
    assert!(matches!(sleeper.append(20), Ok(Appended::Behind)));
    assert_eq!(links.load(Ordering::Relaxed), 1);
    assert_eq!(sleeper.begin_anew(), Some(Fate::Committed));
}

#[test]
fn a_slot_that_goes_while_it_is_opened_fails_nobody() {
    let (server, clock) = (server(), Arc::default());
    let mut worker = open(&server, &clock);
    let faulty = FaultyDisk::new(Arc::new(server));
    let mut sleeper = open_at(Arc::new(faulty.clone()), Path::new(ROOT), &clock);
    worker.follow().unwrap();
    worker.append(10).unwrap();
    worker.append(11).unwrap();
    worker.checkpoint(4);
    worker.collect();
    faulty.faults().judge(|call, path| {
        let is_going = call == Call::Open && path == slot_path(4);
        is_going.then_some(Fault::Error(ErrorKind::StaleNetworkFileHandle))
    });
    assert!(matches!(sleeper.append(20), Ok(Appended::Behind)));
}

#[test]
fn a_slot_that_was_removed_and_linked_again_is_not_applied() {
    let [mut worker, mut sleeper, mut reader] = open_all(&server());
    worker.append(10).unwrap();
    worker.checkpoint(4);
    worker.collect();
    assert!(matches!(sleeper.append(20), Ok(Appended::Behind)));
    assert_eq!(reader.follow().unwrap(), Followed::Behind);
    assert_eq!(reader.begin_anew(), None);
    assert_eq!(reader.batches, [10]);
}

#[test]
fn slots_that_are_gone_are_not_the_end_of_the_log() {
    let (worker, mut sleeper) = worker_and_sleeper();
    worker.checkpoint(4);
    worker.collect();
    assert_eq!(sleeper.follow().unwrap(), Followed::Behind);
    sleeper.begin_anew();
    assert_eq!(sleeper.follow().unwrap(), Followed::ToTheEnd);
    assert_eq!(sleeper.batches, worker.batches);
}

#[test]
fn a_floor_below_is_in_nobodys_way() {
    let (worker, mut sleeper) = worker_and_sleeper();
    worker.checkpoint(3);
    sleeper.begin_anew();
    worker.collect();
    assert_eq!(sleeper.follow().unwrap(), Followed::ToTheEnd);
    assert_eq!(sleeper.batches, worker.batches);
}

/// A batch that is linked, of which its author knows nothing: no request is answered, nor can the
/// slot be read.
fn commit_unknowingly(server: &SimulatedDisk, node: &mut Node, batch: u64) {
    node.links(vec![LinkFate::Unanswered; 3]);
    let is_slot = |path: &Path| path.extension().is_some_and(|extension| extension == "slot");
    let failure = Fault::Error(ErrorKind::TimedOut);
    server
        .faults()
        .judge(move |call, path| (call == Call::Read && is_slot(path)).then_some(failure));
    assert!(matches!(node.append(batch), Ok(Appended::Open(_))));
    server.faults().clear();
}

#[test]
fn a_checkpoint_knows_whose_batch_was_committed() {
    let server = server();
    let [mut worker, mut sleeper] = open_all(&server);
    commit_unknowingly(&server, &mut sleeper, 20);
    worker.follow().unwrap();
    worker.checkpoint(3);
    worker.collect();
    // The same link once more makes the slot again, which proves nothing any more.
    assert!(matches!(sleeper.settle(20), Ok(Appended::Behind)));
    assert_eq!(sleeper.begin_anew(), Some(Fate::Committed));
    assert_eq!(sleeper.batches, [20]);
    assert_eq!(position(sleeper.append(21)), Some(4));
}

#[test]
fn another_batch_in_a_slot_that_was_ours_does_not_deny_ours() {
    let server = server();
    let [mut worker, mut sleeper, mut ghost] = open_all(&server);
    commit_unknowingly(&server, &mut sleeper, 20);
    worker.follow().unwrap();
    worker.checkpoint(4);
    worker.collect();
    assert!(matches!(ghost.append(30), Ok(Appended::Behind)));
    assert!(matches!(sleeper.settle(20), Ok(Appended::Behind)), "not overtaken");
    assert_eq!(sleeper.begin_anew(), Some(Fate::Committed));
}

#[test]
fn a_member_that_nobody_remembers_is_told_so() {
    let server = server();
    let [mut worker, mut sleeper] = open_all(&server);
    commit_unknowingly(&server, &mut sleeper, 20);
    worker.follow().unwrap();
    let (mut anchor, batches) = (worker.log.anchor().clone(), worker.batches.clone());
    anchor.members = Members::default();
    let forgetful = Checkpoint { floor: Position(3), anchor, batches };
    worker.manifests.save(&forgetful).unwrap();
    assert!(matches!(sleeper.settle(20), Ok(Appended::Behind)));
    assert_eq!(sleeper.begin_anew(), Some(Fate::Unknown));
    assert!(matches!(sleeper.append(21), Ok(Appended::NoMember)));
}

#[test]
fn a_checkpoint_from_before_a_slot_says_nothing_about_it() {
    let server = server();
    let [worker, mut sleeper] = open_all(&server);
    let before = worker.log.anchor().clone();
    commit_unknowingly(&server, &mut sleeper, 20);
    let begun = sleeper.log.begin_anew(before);
    assert!(matches!(begun, Err(Error::Corrupt { path, .. }) if path == slot_path(3)));
    assert!(sleeper.log.is_pending(), "and nothing is forgotten");
    assert_eq!(position(sleeper.settle(20)), Some(3));
}
