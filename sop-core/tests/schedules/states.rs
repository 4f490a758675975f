//! Who holds an old state, while others publish, free and write checkpoints.

use sop_core::{Database, Options, Snapshot};

use super::{
    explore::explore,
    setting::{Contents, STORE, Setting, beside, contents, joined, put},
};

/// Writes both keys at once, so that they are always equal.
fn put_both(db: &Database, value: u8) {
    let tx = db.begin().expect("an open database");
    let store = tx.store(STORE).expect("the store");
    for key in ["a", "b"] {
        // Long enough that the two and their neighbours do not fit into one node.
        store.upsert(key, vec![value; 400]).expect("a key and a value");
    }
    tx.commit().expect("a commit");
}

fn both(snapshot: &Snapshot) -> Contents {
    let held = contents(snapshot);
    assert_eq!(held["a"], held["b"], "two states in one");
    held
}

fn newest(db: &Database) -> Snapshot {
    db.snapshot().expect("an open database")
}

/// A database whose tree has inner nodes.
fn with_tree(options: Options) -> Setting {
    let setting = Setting::with(options, &["a", "b"]);
    let tx = setting.db.begin().expect("an open database");
    let store = tx.store(STORE).expect("the store");
    for key in ["a1", "a2", "a3", "b1", "b2", "c1", "c2", "c3", "c4"] {
        store.add(key, vec![0; 300]).expect("a new key");
    }
    tx.commit().expect("a commit");
    setting
}

#[test]
fn a_held_state_stays_while_others_are_published_and_dropped() {
    explore(6_000, || {
        let setting = with_tree(Options::default());
        let readers = [(); 2].map(|()| {
            beside(&setting.db, |db| {
                for _ in 0..2 {
                    let (first, second) = (newest(db), newest(db));
                    let (one, two) = (both(&first), both(&second));
                    drop(first);
                    assert_eq!(both(&second), two);
                    assert!(one["a"] <= two["a"], "back in time");
                }
            })
        });
        let writer = beside(&setting.db, |db| (1..=3).for_each(|value| put_both(db, value)));
        readers.into_iter().for_each(joined);
        joined(writer);
        assert_eq!(setting.db.stats().snapshots, 1);
        assert_eq!(setting.reopened()["a"], 3);
    });
}

#[test]
fn a_state_that_is_dropped_elsewhere_frees_only_what_it_alone_saw() {
    explore(6_000, || {
        let setting = with_tree(Options::default());
        let old = newest(&setting.db);
        let before = both(&old);
        put_both(&setting.db, 1);
        let middle = newest(&setting.db);
        // What this replaces is older than the oldest state, which still sees it when the middle
        // one goes.
        put(&setting.db, "c4", 1).expect("a commit");
        let droppers = [(old.clone(), false), (middle, true)].map(|(held, changed)| {
            beside(&setting.db, move |_| {
                assert_eq!(both(&held)["a"], u8::from(changed));
                drop(held);
            })
        });
        let writer = beside(&setting.db, |db| {
            put_both(db, 2);
            assert_eq!(both(&newest(db))["a"], 2);
        });
        assert_eq!(both(&old), before);
        droppers.into_iter().for_each(joined);
        assert_eq!(both(&old), before);
        drop(old);
        joined(writer);
        assert_eq!(setting.db.stats().snapshots, 1);
    });
}

/// Segments are read by way of a cache of a few nodes.
fn unmapped() -> Options {
    Options::default().unmapped(true).cache_bytes(6 << 10)
}

#[test]
fn a_checkpoint_beside_commits_and_readers_changes_nothing_they_see() {
    explore(6_000, || checkpoint_beside_commits_and_readers(Options::default()));
}

#[test]
fn a_checkpoint_changes_nothing_for_those_who_read_unmapped_segments() {
    explore(6_000, || checkpoint_beside_commits_and_readers(unmapped()));
}

fn checkpoint_beside_commits_and_readers(options: Options) {
    let setting = with_tree(options);
    let checkpoints = beside(&setting.db, |db| {
        db.checkpoint().expect("a checkpoint");
        db.checkpoint().expect("another one");
    });
    let reader = beside(&setting.db, |db| {
        for _ in 0..2 {
            let held = newest(db);
            let before = both(&held);
            assert_eq!(both(&held), before);
        }
    });
    let writer = beside(&setting.db, |db| (1..=2).for_each(|value| put_both(db, value)));
    joined(reader);
    joined(writer);
    joined(checkpoints);
    let held = both(&newest(&setting.db));
    assert_eq!(setting.db.check().expect("a whole database").problems, Vec::<String>::new());
    assert_eq!(setting.reopened(), held);
}

#[test]
fn dead_segments_go_when_their_last_reader_does_and_no_other_ones() {
    explore(6_000, || compaction_beside_readers(Options::default()));
}

#[test]
fn unmapped_segments_go_when_their_last_reader_does_and_no_other_ones() {
    explore(6_000, || compaction_beside_readers(unmapped()));
}

fn compaction_beside_readers(options: Options) {
    let setting = with_tree(options);
    setting.db.checkpoint().expect("a checkpoint");
    let held = newest(&setting.db);
    let before = both(&held);
    let compacting = beside(&setting.db, |db| {
        put_both(db, 1);
        db.compact().expect("a compaction");
    });
    let reading = beside(&setting.db, move |_| {
        assert_eq!(both(&held), before);
    });
    let late = beside(&setting.db, |db| drop(both(&newest(db))));
    joined(compacting);
    joined(reading);
    joined(late);
    setting.db.checkpoint().expect("a checkpoint");
    let named = setting.db.stats().segment_files;
    assert_eq!(setting.segment_files(), named, "files that nobody reads, or too few");
    assert_eq!(setting.reopened()["a"], 1);
}

#[test]
fn writers_that_are_slowed_down_by_checkpoints_go_on() {
    explore(4_000, || {
        let options = Options::default().checkpoint_dirty_bytes(1).checkpoint_log_bytes(1);
        let setting = with_tree(options);
        let threads = ["x", "y"].map(|key| {
            beside(&setting.db, move |db| {
                for value in 1..=2 {
                    put(db, key, value).expect("a commit");
                }
            })
        });
        threads.into_iter().for_each(joined);
        let held = setting.reopened();
        assert_eq!((held["x"], held["y"]), (2, 2));
    });
}
