//! How new the state is that somebody begins with.

use std::time::Duration;

use super::*;
use crate::{Freshness, TransactionOptions};

const BOUND: Freshness = Freshness::Bounded(Duration::from_millis(20));

/// Two processes with a clock of the second one's own.
fn pair() -> (Cluster, Node, Node, Arc<Hand>) {
    let (cluster, [one]) = Cluster::of();
    let hand =
        Arc::new(Hand { numbers: Arc::clone(&cluster.clock), millis: AtomicU64::new(1_000) });
    let disk = ClientDisk::new(Arc::new(cluster.server.clone()));
    let builder = Database::builder().options(Cluster::options()).disk(Arc::new(disk.clone()));
    let db = builder.clock(Arc::clone(&hand) as Arc<dyn Clock>).open(ROOT).unwrap();
    (cluster, one, Node { disk, db }, hand)
}

/// A clock that is moved by hand.
#[derive(Debug)]
struct Hand {
    numbers: Arc<Counting>,
    millis: AtomicU64,
}

impl Hand {
    fn pass(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    fn random(&self) -> [u8; 16] {
        self.numbers.random()
    }
}

/// Whether somebody who begins so sees a key.
fn sees(node: &Node, freshness: Freshness, key: &str) -> bool {
    let snapshot = node.db.snapshot_with(freshness).unwrap();
    let options = TransactionOptions::default().freshness(freshness);
    let transaction = node.db.begin_with(options).unwrap();
    let in_snapshot = snapshot.store(STORE).is_ok_and(|store| store.contains(key).unwrap());
    let in_transaction = transaction.store(STORE).is_ok_and(|store| store.contains(key).unwrap());
    assert_eq!(in_snapshot, in_transaction);
    in_snapshot
}

#[test]
fn only_who_wants_the_state_as_of_now_looks_for_it() {
    let (_, one, other, _) = pair();
    one.write("a", "1").unwrap();
    assert!(!sees(&other, Freshness::Local, "a"));
    assert!(sees(&other, Freshness::Fresh, "a"));
    assert!(sees(&other, Freshness::Local, "a"), "what was shown once stays so");
    one.write("b", "1").unwrap();
    assert!(other.db.snapshot().unwrap().store(STORE).unwrap().find("b").unwrap().is_none());
    assert!(other.db.begin().unwrap().store(STORE).unwrap().find("b").unwrap().is_some());
}

#[test]
fn a_bound_is_kept_by_looking_only_when_the_last_look_is_too_long_ago() {
    let (_, one, other, hand) = pair();
    one.write("a", "1").unwrap();
    assert!(sees(&other, Freshness::Fresh, "a"));
    one.write("b", "1").unwrap();
    hand.pass(19);
    assert!(!sees(&other, BOUND, "b"), "the bound is not reached");
    hand.pass(1);
    assert!(sees(&other, BOUND, "b"));
    one.write("c", "1").unwrap();
    assert!(!sees(&other, BOUND, "c"), "it has just looked");
    assert!(sees(&other, Freshness::Bounded(Duration::ZERO), "c"));
}

#[test]
fn a_look_that_fails_counts_for_nothing() {
    let (cluster, one, other, hand) = pair();
    one.write("a", "1").unwrap();
    hand.pass(30);
    cluster.server.faults().from(0, crate::Fault::Error(std::io::ErrorKind::TimedOut));
    assert!(other.db.snapshot_with(BOUND).is_err());
    assert!(other.db.snapshot_with(Freshness::Fresh).is_err());
    assert!(other.db.snapshot_with(Freshness::Local).is_ok());
    cluster.server.faults().clear();
    assert!(sees(&other, BOUND, "a"));
}

#[test]
fn what_an_old_state_misses_is_noticed_at_the_commit() {
    let (_, one, other, _) = pair();
    one.write("a", "1").unwrap();
    assert!(sees(&other, Freshness::Fresh, "a"));
    one.write("a", "2").unwrap();
    let options = TransactionOptions::default().freshness(Freshness::Local);
    let transaction = other.db.begin_with(options).unwrap();
    let store = transaction.store(STORE).unwrap();
    let old = store.find("a").unwrap().unwrap().to_vec();
    assert_eq!(old, b"1");
    store.upsert("b", &old).unwrap();
    assert!(matches!(transaction.commit(), Err(Error::Conflict(_))));
}

#[test]
fn in_a_folder_of_one_process_all_see_the_newest_state() {
    let db = Database::builder().in_memory().unwrap();
    let node = Node { disk: ClientDisk::new(Arc::new(crate::MemoryDisk::default())), db };
    for (round, freshness) in [Freshness::Fresh, BOUND, Freshness::Local].into_iter().enumerate() {
        node.write(&round.to_string(), "1").unwrap();
        assert!(sees(&node, freshness, &round.to_string()));
    }
}
