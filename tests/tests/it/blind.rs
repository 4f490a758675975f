//! Blind writes: what never clashes with them, what still does, and what they leave.

use sop_core::{
    Database, Error, Isolation, Kind, Merge, Merger, Options, Store, StoreId, StoreOptions,
    Transaction, TransactionOptions,
};
use sop_tests::{Home, Outcome, assert_sound, on_every_disk, rows, write};

on_every_disk!(what_is_blindly_removed_and_was_not_there_leaves_everything_as_it_was);

const BOTH: [Isolation; 2] = [Isolation::Serializable, Isolation::Snapshot];

/// What a transaction does to the store.
type Work = fn(Store<'_>) -> sop_core::Result<()>;

const BLIND: [Work; 2] = [|s| s.blind_upsert("a", "blind"), |s| s.blind_remove("a")];

const CHECKED: [Work; 4] = [
    |s| s.upsert("a", "checked"),
    |s| s.add_if_absent("a", "checked").map(drop),
    |s| s.remove("a").map(drop),
    // Removed and added again, so that both are written, be it there or not.
    |s| s.upsert("a", "gone").and_then(|()| s.remove("a").map(drop)),
];

/// A database with one store "s" that has "b", and "a" if asked for.
fn database(with_a: bool) -> Outcome<Database> {
    let db = Database::builder().in_memory()?;
    write(&db, |transaction| {
        let store = transaction.create_store("s", &StoreOptions::default())?;
        store.add("b", "1")?;
        if with_a { store.add("a", "1") } else { Ok(()) }
    })?;
    Ok(db)
}

fn begin(db: &Database, isolation: Isolation) -> Outcome<Transaction> {
    Ok(db.begin_with(TransactionOptions::default().isolation(isolation))?)
}

fn value(db: &Database, key: &str) -> Outcome<Option<String>> {
    let value = db.snapshot()?.store("s")?.find(key)?.map(|value| value.to_vec());
    Ok(value.map(String::from_utf8).transpose()?)
}

/// Whether a transaction commits that did `work` before another one committed `other`.
fn commits(db: &Database, isolation: Isolation, work: Work, other: Work) -> Outcome<bool> {
    let transaction = begin(db, isolation)?;
    work(transaction.store("s")?)?;
    write(db, |first| other(first.store("s")?))?;
    match transaction.commit() {
        Ok(_) => Ok(true),
        Err(Error::Conflict(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn of_two_blind_writes_of_a_key_both_commit_and_the_later_one_wins() -> Outcome {
    for (isolation, with_a) in [(BOTH[0], true), (BOTH[0], false), (BOTH[1], true)] {
        for (first, second) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let db = database(with_a)?;
            assert!(commits(&db, isolation, BLIND[second], BLIND[first])?);
            let expected = (second == 0).then(|| "blind".to_owned());
            assert_eq!(value(&db, "a")?, expected);
            assert_eq!(db.snapshot()?.store("s")?.len()?, 1 + u64::from(second == 0));
            assert_sound(&db);
        }
    }
    Ok(())
}

#[test]
fn a_blind_write_follows_on_a_checked_one_but_not_the_other_way_round() -> Outcome {
    for isolation in BOTH {
        for blind in BLIND {
            let db = database(true)?;
            assert!(commits(&db, isolation, blind, |s| s.upsert("a", "2"))?);
            let db = database(true)?;
            assert!(!commits(&db, isolation, |s| s.upsert("a", "2"), blind)?);
        }
    }
    Ok(())
}

#[test]
fn a_key_that_is_written_blindly_and_in_another_way_is_checked() -> Outcome {
    // For what the blind write left, whatever that is.
    let afterwards: Work = |s| {
        let is_there = s.contains("a")?;
        if is_there { s.update("a", "checked") } else { s.add("a", "checked") }
    };
    for (isolation, blind) in BOTH.into_iter().flat_map(|isolation| BLIND.map(|b| (isolation, b))) {
        for (checked, with_a) in CHECKED.into_iter().zip([true, false, true, false]) {
            for [first, second] in [[checked, blind], [blind, afterwards]] {
                let db = database(with_a)?;
                let transaction = begin(&db, isolation)?;
                first(transaction.store("s")?)?;
                second(transaction.store("s")?)?;
                write(&db, |other| other.store("s")?.upsert("a", "other"))?;
                assert_eq!(transaction.commit().unwrap_err().kind(), Kind::Conflict);
            }
        }
    }
    Ok(())
}

#[test]
fn what_was_read_is_checked_though_its_key_is_written_blindly() -> Outcome {
    let reads: [Work; 7] = [
        |s| s.find("a").map(drop).and_then(|()| s.blind_upsert("a", "mine")),
        |s| s.contains("a").map(drop).and_then(|()| s.blind_remove("a")),
        |s| s.first().map(drop).and_then(|()| s.blind_upsert("a", "mine")),
        |s| {
            s.blind_upsert("a", "mine")
                .and_then(|()| s.range("a".."b")?.try_for_each(|e| e.map(drop)))
        },
        |s| s.blind_remove("a").and_then(|()| s.count("a".."b").map(drop)),
        |s| s.blind_upsert("a", "mine").and_then(|()| s.require_unchanged("a".."b")),
        |s| s.remove("a").map(drop).and_then(|()| s.blind_upsert("a", "mine")),
    ];
    let changes: [Work; 3] = [|s| s.upsert("a", "2"), BLIND[0], BLIND[1]];
    for (read, change) in reads.into_iter().flat_map(|read| changes.map(|change| (read, change))) {
        let db = database(true)?;
        assert!(!commits(&db, Isolation::Serializable, read, change)?);
    }
    Ok(())
}

#[test]
fn to_look_for_ones_own_blind_write_reads_nothing() -> Outcome {
    let db = database(true)?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    store.blind_upsert("a", "mine")?;
    assert_eq!(store.find("a")?.as_deref(), Some(&b"mine"[..]));
    assert!(store.require("a")?);
    store.blind_remove("a")?;
    assert_eq!(store.find("a")?, None);
    assert_eq!(store.len()?, 1, "this does read");
    drop(transaction);
    let look: Work = |s| {
        s.blind_upsert("a", "mine")?;
        assert!(s.contains("a")?);
        s.blind_remove("a")?;
        assert!(!s.contains("a")?);
        Ok(())
    };
    assert!(commits(&db, Isolation::Serializable, look, |s| s.upsert("a", "2"))?);
    assert_eq!(value(&db, "a")?, None);
    Ok(())
}

#[test]
fn who_read_what_somebody_blindly_changed_is_told() -> Outcome {
    let reads: [Work; 3] = [
        |s| s.find("a").map(drop).and_then(|()| s.upsert("z", "1")),
        |s| s.prefix("a")?.try_for_each(|entry| entry.map(drop)).and_then(|()| s.upsert("z", "1")),
        |s| s.len().map(drop).and_then(|()| s.blind_upsert("z", "1")),
    ];
    for read in reads {
        for (change, with_a) in [(BLIND[0], true), (BLIND[0], false), (BLIND[1], true)] {
            assert!(!commits(&database(with_a)?, Isolation::Serializable, read, change)?);
        }
        let nothing = BLIND[1];
        assert!(commits(&database(false)?, Isolation::Serializable, read, nothing)?);
    }
    Ok(())
}

#[test]
fn a_required_key_that_is_blindly_removed_is_missed() -> Outcome {
    let require: Work = |s| s.require("a").map(drop).and_then(|()| s.upsert("z", "1"));
    assert!(commits(&database(true)?, Isolation::Snapshot, require, BLIND[0])?);
    assert!(!commits(&database(true)?, Isolation::Snapshot, require, BLIND[1])?);
    Ok(())
}

#[test]
fn a_blind_write_that_is_undone_leaves_no_trace() -> Outcome {
    let undone: Work = |s| s.blind_upsert("a", "no").and_then(|()| s.blind_remove("b"));
    let db = database(true)?;
    let transaction = db.begin()?;
    let savepoint = transaction.savepoint();
    undone(transaction.store("s")?)?;
    transaction.rollback_to(&savepoint)?;
    transaction.store("s")?.upsert("z", "1")?;
    write(&db, |other| other.store("s")?.upsert("a", "2"))?;
    transaction.commit()?;
    assert_eq!(value(&db, "a")?.as_deref(), Some("2"));
    assert_eq!(value(&db, "b")?.as_deref(), Some("1"));
    Ok(())
}

#[test]
fn going_back_brings_back_how_a_key_was_written() -> Outcome {
    // What is written first, what after the savepoint and undone, and whether it is checked.
    let [upsert, blind]: [Work; 2] = [|s| s.upsert("a", "checked"), BLIND[0]];
    let cases = [(upsert, blind, true), (blind, blind, false), (blind, upsert, false)];
    for (before, undone, is_checked) in cases {
        let db = database(true)?;
        let transaction = begin(&db, Isolation::Snapshot)?;
        before(transaction.store("s")?)?;
        let savepoint = transaction.savepoint();
        undone(transaction.store("s")?)?;
        transaction.rollback_to(&savepoint)?;
        write(&db, |other| other.store("s")?.upsert("a", "2"))?;
        assert_eq!(transaction.commit().is_err(), is_checked);
    }
    Ok(())
}

#[test]
fn who_writes_blindly_in_a_store_that_was_dropped_is_refused() -> Outcome {
    for blind in BLIND {
        let db = database(true)?;
        let transaction = db.begin()?;
        blind(transaction.store("s")?)?;
        write(&db, |other| {
            other.drop_store("s")?;
            other.create_store("s", &StoreOptions::default()).map(drop)
        })?;
        assert_eq!(transaction.commit().unwrap_err().kind(), Kind::Conflict);
        assert!(db.snapshot()?.store("s")?.is_empty()?);
    }
    Ok(())
}

#[test]
fn who_drops_a_store_has_read_nothing_by_what_it_wrote_there_blindly() -> Outcome {
    let db = database(true)?;
    let transaction = db.begin()?;
    BLIND.iter().try_for_each(|blind| blind(transaction.store("s")?))?;
    transaction.drop_store("s")?;
    write(&db, |other| other.store("s")?.upsert("a", "2"))?;
    transaction.commit()?;
    assert!(db.snapshot()?.stores()?.is_empty());
    Ok(())
}

#[test]
fn two_that_create_a_store_and_write_a_key_blindly_both_commit() -> Outcome {
    let db = database(false)?;
    let created = |value: &str| -> Outcome<Transaction> {
        let transaction = db.begin()?;
        transaction.open_store("new", &StoreOptions::default())?.blind_upsert("k", value)?;
        transaction.open_store("new", &StoreOptions::default())?.blind_remove("gone")?;
        Ok(transaction)
    };
    let (one, two) = (created("one")?, created("two")?);
    one.commit()?;
    two.commit()?;
    let found = rows(db.snapshot()?.store("new")?)?;
    assert_eq!(found, [(b"k".to_vec(), b"two".to_vec())].into());
    assert_sound(&db);
    Ok(())
}

/// Both write so much to the empty store that it goes to files of its own before the commit.
#[test]
fn two_that_blindly_fill_a_store_both_commit() -> Outcome {
    const ENTRIES: u64 = 700;
    let db = Database::builder().in_memory()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default()).map(drop))?;
    let fill = |first: u64, byte: u8| -> Outcome<Transaction> {
        let transaction = db.begin()?;
        let store = transaction.store("s")?;
        for key in first..first + ENTRIES {
            store.blind_upsert(key.to_be_bytes(), vec![byte; 8 << 10])?;
        }
        // Of no effect, or taken back by the other one.
        store.blind_remove(0_u64.to_be_bytes())?;
        Ok(transaction)
    };
    let transactions = [fill(0, 1)?, fill(ENTRIES / 2, 2)?, fill(1, 3)?];
    write(&db, |t| t.store("s")?.blind_remove("nothing"))?;
    for transaction in transactions {
        transaction.commit()?;
    }
    let snapshot = db.snapshot()?;
    let found = rows(snapshot.store("s")?)?;
    assert_eq!(found.len() as u64, ENTRIES / 2 + ENTRIES - 1);
    assert_eq!(snapshot.store("s")?.len()?, found.len() as u64);
    let last = found.last_key_value().map(|(_, value)| value[0]);
    assert_eq!((found.values().next().map(|value| value[0]), last), (Some(3), Some(2)));
    assert_sound(&db);
    Ok(())
}

#[test]
fn a_blind_write_goes_into_a_store_that_was_loaded_meanwhile() -> Outcome {
    let db = Database::builder().in_memory()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default()).map(drop))?;
    let (blind, loads) = (db.begin()?, db.begin()?);
    BLIND[0](blind.store("s")?)?;
    loads.bulk_load("s", &StoreOptions::default(), [("a", "loaded"), ("b", "loaded")])?;
    loads.commit()?;
    blind.commit()?;
    assert_eq!(value(&db, "a")?.as_deref(), Some("blind"));
    assert_eq!(value(&db, "b")?.as_deref(), Some("loaded"));
    Ok(())
}

/// Settles "k" and lets go of "a".
struct Settles(StoreId);

impl Merger for Settles {
    fn merge(&mut self, merge: &mut Merge<'_>) -> sop_core::Result<()> {
        assert_eq!(merge.written(self.0, b"a"), Some(Some(&b"blind"[..])));
        assert!(merge.is_changed(self.0, b"a")?);
        merge.settle(self.0, b"k", Some(b"settled"))
    }
}

#[test]
fn a_merger_need_not_settle_what_is_written_blindly() -> Outcome {
    let db = database(true)?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    let id = store.id();
    store.upsert("k", "mine")?;
    BLIND[0](store)?;
    write(&db, |other| {
        other.store("s")?.upsert("k", "2")?;
        other.store("s")?.upsert("a", "2")
    })?;
    transaction.merging(Settles(id)).commit()?;
    assert_eq!(value(&db, "k")?.as_deref(), Some("settled"));
    assert_eq!(value(&db, "a")?.as_deref(), Some("blind"));
    Ok(())
}

/// Also in the log that is replayed, and in the files of a checkpoint.
fn what_is_blindly_removed_and_was_not_there_leaves_everything_as_it_was(home: &Home) -> Outcome {
    let db = home.open_with(Options::default())?;
    let key = |number: u32| format!("key {number:05}");
    write(&db, |t| {
        let small = StoreOptions::default().node_size(1_024);
        t.create_store("empty", &small)?;
        let store = t.create_store("s", &small)?;
        (0..2_000).step_by(2).try_for_each(|number| store.add(key(number), "x".repeat(300)))
    })?;
    let expected = rows(db.snapshot()?.store("s")?)?;
    let as_it_was = |db: &Database| -> Outcome {
        let snapshot = db.snapshot()?;
        assert_eq!(rows(snapshot.store("s")?)?, expected);
        assert_eq!(snapshot.store("s")?.len()?, 1_000);
        assert!(snapshot.store("empty")?.is_empty()?);
        assert_sound(db);
        Ok(())
    };
    for first in [1, 1_001] {
        write(&db, |t| {
            let (store, empty) = (t.store("s")?, t.store("empty")?);
            (first..first + 1_000).step_by(2).try_for_each(|number| {
                empty.blind_remove(key(number))?;
                store.blind_remove(key(number))
            })
        })?;
        as_it_was(&db)?;
        db.checkpoint()?;
        as_it_was(&db)?;
    }
    write(&db, |t| t.store("s")?.blind_remove("after the checkpoint"))?;
    let position = db.snapshot()?.position();
    drop(db);
    let db = home.open()?;
    assert_eq!(db.snapshot()?.position(), position);
    as_it_was(&db)
}
