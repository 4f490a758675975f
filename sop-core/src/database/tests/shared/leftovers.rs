//! What those leave who die, lose a race, or are taken for dead; and what must stay all the same.

use std::{collections::BTreeSet, ffi::OsString};

use super::*;
use crate::limit::KEPT_MANIFESTS;

/// Looks after which somebody who shows nothing is expelled, with the usual patience.
const PATIENCE: u64 = 14;

/// A transaction that has loaded a store, with what it has loaded in a file already.
fn loading(node: &Node, name: &str) -> Result<Transaction> {
    let transaction = node.db.begin()?;
    let entries = (0..500).map(|key| (format!("{key:05}"), "x".repeat(100)));
    transaction.bulk_load(name, &StoreOptions::default(), entries)?;
    Ok(transaction)
}

fn entries_of(node: &Node, name: &str) -> u64 {
    node.db.follow().unwrap();
    let snapshot = node.db.snapshot().unwrap();
    snapshot.store(name).and_then(|store| store.len()).unwrap_or(0)
}

fn segments(cluster: &Cluster) -> BTreeSet<OsString> {
    let entries = cluster.server.list(&Path::new(ROOT).join("seg")).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// Writes a checkpoint of something new.
fn checkpoint(node: &Node) {
    node.write("beat", &node.db.stats().position.to_string()).unwrap();
    node.db.checkpoint().unwrap();
}

#[test]
fn what_is_loaded_and_not_committed_stays_for_as_long_as_its_author_lives() {
    let (cluster, [one, other]) = Cluster::of();
    let load = loading(&other, "big").unwrap();
    for _ in 0..2 * KEPT_MANIFESTS {
        cluster.pass(2, &[&one, &other]);
        checkpoint(&one);
    }
    load.commit().unwrap();
    assert_eq!(entries_of(&one, "big"), 500);
    checkpoint(&one);
    one.db.check().unwrap();
}

#[test]
fn what_somebody_loaded_who_died_goes_with_the_next_checkpoint() {
    let (cluster, [one, other]) = Cluster::of();
    checkpoint(&one);
    let before = files(&cluster, "seg");
    let _abandoned = loading(&other, "big").unwrap();
    assert_eq!(files(&cluster, "seg"), before + 1);
    cluster.pass(PATIENCE, &[&one]);
    checkpoint(&one);
    assert_eq!(files(&cluster, "seg"), before + 1, "the checkpoint has one of its own");
}

#[test]
fn what_was_loaded_before_it_was_taken_for_dead_has_to_be_loaded_again() {
    let (cluster, [one, other]) = Cluster::of();
    let load = loading(&other, "big").unwrap();
    cluster.pass(PATIENCE, &[&one]);
    checkpoint(&one);
    let told = load.commit();
    assert!(matches!(&told, Err(error @ Error::Expelled) if error.is_retryable()), "{told:?}");
    loading(&other, "big").unwrap().commit().unwrap();
    assert_eq!(entries_of(&one, "big"), 500);
    checkpoint(&other);
    one.db.check().unwrap();
    assert_eq!(files(&cluster, "tmp"), 1, "what the living one shows itself by");
}

#[test]
fn what_was_only_meant_to_be_faster_is_committed_as_it_was_written() {
    let (cluster, [one, other]) = Cluster::of();
    let other = Arc::new(other);
    let transaction = other.db.begin().unwrap();
    let store = transaction.create_store("big", &StoreOptions::default()).unwrap();
    for key in 0..60 {
        store.upsert(format!("{key:05}"), "x".repeat(100_000)).unwrap();
    }
    // When all of it is in a file, and the log is about to be appended to.
    let (living, clock) = (Arc::new(one), Arc::clone(&cluster.clock));
    let (rival, slots) = (Arc::clone(&living), AtomicU64::new(0));
    other.disk.judge_links(move |path| {
        let is_slot = path.to_string_lossy().ends_with(".slot");
        // The first one takes numbers for the file.
        if is_slot && slots.fetch_add(1, Ordering::Relaxed) == 1 {
            for _ in 0..PATIENCE {
                clock.seconds.fetch_add(5, Ordering::Relaxed);
                while rival.db.work().unwrap().is_some() {}
            }
            checkpoint(&rival);
        }
        LinkFate::Answered
    });
    transaction.commit().unwrap();
    assert_eq!(entries_of(&living, "big"), 60);
    checkpoint(&living);
    living.db.check().unwrap();
}

#[test]
fn a_checkpoint_in_the_middle_of_which_it_is_taken_for_dead_is_begun_anew() {
    for suffix in [".seg", ".man"] {
        let (cluster, [one, other]) = Cluster::of();
        for number in 0..50 {
            other.write(&number.to_string(), &"x".repeat(300)).unwrap();
        }
        let (living, clock) = (Arc::new(one), Arc::clone(&cluster.clock));
        let rival = Arc::clone(&living);
        before_link(&other, suffix, move || {
            for _ in 0..PATIENCE {
                clock.seconds.fetch_add(5, Ordering::Relaxed);
                while rival.db.work().unwrap().is_some() {}
            }
        });
        other.db.checkpoint().unwrap();
        assert_eq!(files(&cluster, "man"), 2, "{suffix}");
        living.db.follow().unwrap();
        checkpoint(&living);
        assert_eq!(living.entries().unwrap(), other.entries().unwrap());
        living.db.check().unwrap();
        assert_eq!(files(&cluster, "tmp"), 1, "what the living one shows itself by");
    }
}

#[test]
fn what_somebody_wrote_for_a_manifest_who_died_goes_once_the_number_is_taken() {
    let (cluster, [one, other]) = Cluster::of();
    for number in 0..50 {
        one.write(&number.to_string(), &"x".repeat(300)).unwrap();
    }
    // It dies between the segments and the manifest.
    let faults = cluster.server.faults().clone();
    before_link(&other, ".man", move || faults.from(faults.calls(), crate::Fault::Ended));
    assert!(other.db.checkpoint().is_err());
    let after = cluster.cut(Survival::Everything);
    let one = after.open().unwrap();
    assert_eq!(files(&after, "seg"), 1);
    checkpoint(&one);
    assert_eq!(files(&after, "seg"), 1, "the number is taken, by another segment");
    after.pass(PATIENCE, &[&one]);
    assert_eq!(files(&after, "tmp"), 1, "what the living one shows itself by");
    assert_eq!(one.keys().len(), 51);
}

#[test]
fn a_store_that_came_and_went_between_two_checkpoints_leaves_nothing() {
    let (cluster, [one, other]) = Cluster::of();
    checkpoint(&one);
    let before = segments(&cluster);
    loading(&one, "big").unwrap().commit().unwrap();
    let came = &segments(&cluster) - &before;
    assert_eq!(came.len(), 1);
    let drop_it = one.db.begin().unwrap();
    drop_it.drop_store("big").unwrap();
    drop_it.commit().unwrap();
    checkpoint(&one);
    for _ in 1..KEPT_MANIFESTS {
        checkpoint(&one);
        assert!(segments(&cluster).is_superset(&came), "others may read it for a while");
    }
    checkpoint(&one);
    assert!(segments(&cluster).is_disjoint(&came));
    other.db.follow().unwrap();
    other.db.check().unwrap();
}
