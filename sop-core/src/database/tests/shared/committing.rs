//! Commits of several processes: merged, refused, and seen by all.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::{CommitFuture, Merge, Merger, Store, StoreId};

fn poll(commit: &mut Pin<Box<CommitFuture>>) -> Poll<Result<Commit>> {
    commit.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_all_nodes_write_to_keys_of_their_own_all_have() {
    let (_, nodes) = Cluster::of::<3>();
    for round in 0..20 {
        let transactions: Vec<_> = nodes
            .iter()
            .zip(["a", "b", "c"])
            .map(|(node, name)| node.writing(&format!("{name}{round:02}"), "x").unwrap())
            .collect();
        // All were begun before any was committed.
        for transaction in transactions {
            transaction.commit().unwrap();
        }
    }
    let entries = nodes[0].entries().unwrap();
    assert_eq!(entries.len(), 60);
    for node in &nodes {
        assert_eq!(node.entries().unwrap(), entries);
        node.db.check().unwrap();
    }
}

#[test]
fn who_writes_a_key_that_another_node_wrote_meanwhile_is_refused() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let (mine, yours) = (one.writing("a", "1").unwrap(), other.writing("a", "2").unwrap());
    yours.commit().unwrap();
    assert!(matches!(mine.commit(), Err(Error::Conflict(_))));
    assert_eq!(one.entries().unwrap(), [("a".into(), "2".into())]);
    assert_eq!(other.entries().unwrap(), one.entries().unwrap());
}

#[test]
fn a_batch_that_is_overtaken_is_merged_anew() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let transaction = one.writing("b", "1").unwrap();
    // Somebody else takes the slot right before the link.
    let (late, times) = (Arc::new(other), AtomicU64::new(0));
    let rival = Arc::clone(&late);
    one.disk.judge_links(move |_| {
        if times.fetch_add(1, Ordering::Relaxed) < 3 {
            rival.write(&format!("c{}", times.load(Ordering::Relaxed)), "2").unwrap();
        }
        LinkFate::Answered
    });
    let commit = transaction.commit().unwrap();
    assert!(commit.merged, "others came in between");
    let stats = one.db.stats();
    assert_eq!((stats.lost_links, stats.waiting_commits), (3, stats.commits));
    assert_eq!(one.keys(), ["a", "b", "c1", "c2", "c3"]);
    assert_eq!(late.keys(), one.keys());
}

#[test]
fn a_batch_that_is_overtaken_takes_along_who_came_meanwhile() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let (first, second) = (one.writing("b", "1").unwrap(), one.writing("c", "1").unwrap());
    let late: Arc<Mutex<Option<Pin<Box<CommitFuture>>>>> = Arc::default();
    let (submitted, second) = (Arc::clone(&late), Mutex::new(Some(second)));
    before_link(&one, ".slot", move || {
        other.write("d", "2").unwrap();
        let mut commit = Box::pin(second.lock().take().unwrap().commit_async());
        assert!(poll(&mut commit).is_pending(), "somebody else leads");
        *submitted.lock() = Some(commit);
    });
    let commit = first.commit().unwrap();
    let mut late = late.lock().take().unwrap();
    let Poll::Ready(Ok(taken_along)) = poll(&mut late) else { panic!("it is not at its end") };
    assert_eq!((taken_along.position, taken_along.index), (commit.position, 1));
    assert_eq!(one.keys(), ["a", "b", "c", "d"]);
}

#[test]
fn who_begins_before_a_batch_can_be_in_the_log_does_not_wait_for_it() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let transaction = one.writing("b", "1").unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let (db, position) = (one.db.clone(), Arc::clone(&seen));
    one.disk.judge_links(move |_| {
        // The batch is about to be linked, and all that it needs is locked.
        let begun = db.begin().unwrap();
        position.store(begun.position(), Ordering::Relaxed);
        LinkFate::Answered
    });
    let commit = transaction.commit().unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), commit.position - 1);
    assert_eq!(other.keys(), ["a", "b"]);
}

#[test]
fn what_was_merged_before_a_batch_is_overtaken_leaves_no_trace() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let (mine, yours) = (one.writing("a", "1").unwrap(), one.writing("b", "1").unwrap());
    let rival = Arc::new(other);
    let (late, times) = (Arc::clone(&rival), AtomicU64::new(0));
    one.disk.judge_links(move |_| {
        if times.fetch_add(1, Ordering::Relaxed) == 0 {
            rival.write("a", "2").unwrap();
        }
        LinkFate::Answered
    });
    assert!(matches!(mine.commit(), Err(Error::Conflict(_))), "it was merged, then overtaken");
    yours.commit().unwrap();
    let expected = [("a".to_owned(), "2".to_owned()), ("b".to_owned(), "1".to_owned())];
    assert_eq!(one.entries().unwrap(), expected);
    assert_eq!(late.entries().unwrap(), expected);
}

/// A store of counters: what two transactions added adds up.
struct Counters(StoreId);

fn number(value: Option<&[u8]>) -> u64 {
    value.map_or(0, |bytes| std::str::from_utf8(bytes).unwrap().parse().unwrap())
}

impl Merger for Counters {
    fn merge(&mut self, merge: &mut Merge<'_>) -> Result<()> {
        let ours = number(merge.written(self.0, b"hits").flatten());
        let base = number(merge.base(self.0, b"hits")?.as_deref());
        let theirs = number(merge.newest(self.0, b"hits")?.as_deref());
        merge.settle(self.0, b"hits", Some((theirs + ours - base).to_string().as_bytes()))
    }
}

#[test]
fn counts_of_all_nodes_add_up_however_often_they_are_overtaken() {
    let (_, [one, other]) = Cluster::of();
    one.write("hits", "10").unwrap();
    other.db.follow().unwrap();
    let store = one.db.snapshot().unwrap().store(STORE).unwrap().id();
    let mine = one.writing("hits", "11").unwrap().merging(Counters(store));
    other.write("hits", "20").unwrap();
    let rival = Arc::new(other);
    let (late, times) = (Arc::clone(&rival), AtomicU64::new(0));
    one.disk.judge_links(move |_| {
        if times.fetch_add(1, Ordering::Relaxed) == 0 {
            rival.write("hits", "30").unwrap();
        }
        LinkFate::Answered
    });
    mine.commit().unwrap();
    assert_eq!(late.entries().unwrap(), [("hits".into(), "31".into())]);
}

fn blindly(node: &Node, write: impl Fn(Store<'_>) -> Result<()>) -> Transaction {
    let transaction = node.db.begin().unwrap();
    write(transaction.store(STORE).unwrap()).unwrap();
    transaction
}

#[test]
fn nodes_that_write_a_key_blindly_all_commit_and_the_latest_wins() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    one.write("b", "0").unwrap();
    other.db.follow().unwrap();
    let mine = blindly(&one, |store| store.blind_upsert("a", "1"));
    let yours = blindly(&other, |store| store.blind_upsert("a", "2"));
    let removes = [&one, &other].map(|node| blindly(node, |store| store.blind_remove("b")));
    yours.commit().unwrap();
    mine.commit().unwrap();
    for transaction in removes {
        transaction.commit().unwrap();
    }
    for node in [&one, &other, &cluster.open().unwrap()] {
        assert_eq!(node.entries().unwrap(), [("a".into(), "1".into())]);
        node.db.check().unwrap();
    }
}

#[test]
fn what_is_written_blindly_stands_on_whatever_overtook_it() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    other.db.follow().unwrap();
    let upserts = blindly(&one, |store| store.blind_upsert("a", "mine"));
    // When it is first merged there is nothing to remove.
    let removes = blindly(&one, |store| store.blind_remove("c"));
    let (late, times) = (Arc::new(other), AtomicU64::new(0));
    let rival = Arc::clone(&late);
    one.disk.judge_links(move |_| {
        if times.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
            rival.write("a", "rival").unwrap();
            rival.write("c", "rival").unwrap();
        }
        LinkFate::Answered
    });
    removes.commit().unwrap();
    assert_eq!(one.entries().unwrap(), [("a".into(), "rival".into())]);
    upserts.commit().unwrap();
    let expected = [("a".to_owned(), "mine".to_owned()), ("c".to_owned(), "rival".to_owned())];
    assert_eq!(one.entries().unwrap(), expected);
    assert_eq!(late.entries().unwrap(), expected);
    assert_eq!(one.db.stats().lost_links, 2);
}

#[test]
fn a_store_is_created_once_whoever_does_it_first() {
    let (_, nodes) = Cluster::of::<2>();
    let transactions = ["a", "b"].map(|key| nodes[usize::from(key == "b")].writing(key, "x"));
    for transaction in transactions {
        transaction.unwrap().commit().unwrap();
    }
    for node in &nodes {
        assert_eq!(node.keys(), ["a", "b"]);
        assert_eq!(node.db.snapshot().unwrap().stores().unwrap().len(), 1);
    }
}

#[test]
fn trees_that_are_written_by_reference_are_read_by_all() {
    let (cluster, [one, other]) = Cluster::of();
    let entries = || (0..3_000).map(|key| (format!("{key:05}"), "x".repeat(100)));
    for (node, name) in [(&one, "big"), (&other, "bigger")] {
        let transaction = node.db.begin().unwrap();
        transaction.bulk_load(name, &StoreOptions::default(), entries()).unwrap();
        transaction.commit().unwrap();
    }
    for node in [&one, &other, &cluster.open().unwrap()] {
        node.db.follow().unwrap();
        let snapshot = node.db.snapshot().unwrap();
        for name in ["big", "bigger"] {
            assert_eq!(snapshot.store(name).unwrap().len().unwrap(), 3_000);
        }
        node.db.check().unwrap();
    }
}
