//! When two transactions clash, when they do not, and what the loser is told.

use sop_core::{
    ConflictKind, Database, Error, Isolation, Kind, StoreOptions, Transaction, TransactionOptions,
};
use sop_tests::{Home, Outcome, Rows, on_every_disk, rows, write};

on_every_disk!(
    different_keys_of_one_node_both_commit,
    the_second_writer_of_a_key_is_told_store_and_key_and_leaves_no_trace,
    a_writer_that_read_a_changed_key_fails,
    a_writer_that_read_a_key_commits_if_only_its_neighbours_changed,
    a_writer_that_read_a_range_fails_if_anything_entered_left_or_changed_in_it,
    a_writer_that_read_a_range_commits_if_only_its_surroundings_changed,
    a_reader_never_fails_and_never_sees_two_states,
);

/// What a transaction does before it commits.
type Work = fn(&Transaction) -> sop_core::Result<()>;

/// A database with one store "s" that holds the keys 10, 12, .. 48, each its own value.
fn even_keys(home: &Home) -> Outcome<Database> {
    let db = home.open()?;
    write(&db, |transaction| {
        let store = transaction.create_store("s", &StoreOptions::default())?;
        (10..50).step_by(2).try_for_each(|key| store.add(key.to_string(), key.to_string()))
    })?;
    Ok(db)
}

fn value(db: &Database, key: &str) -> Outcome<Option<Vec<u8>>> {
    let snapshot = db.snapshot()?;
    Ok(snapshot.store("s")?.find(key)?.map(|value| value.to_vec()))
}

/// Runs `first` after `second` has read and written, and commits both in that order.
fn race(
    db: &Database,
    second: impl FnOnce(&Transaction) -> sop_core::Result<()>,
    first: impl FnOnce(&Transaction) -> sop_core::Result<()>,
) -> Outcome<sop_core::Result<()>> {
    let transaction = db.begin()?;
    second(&transaction)?;
    write(db, first)?;
    Ok(transaction.commit().map(drop))
}

fn different_keys_of_one_node_both_commit(home: &Home) -> Outcome {
    let db = even_keys(home)?;
    race(&db, |t| t.store("s")?.update("20", "x"), |t| t.store("s")?.update("22", "y"))??;
    assert_eq!(value(&db, "20")?.as_deref(), Some(&b"x"[..]));
    assert_eq!(value(&db, "22")?.as_deref(), Some(&b"y"[..]));
    Ok(())
}

fn the_second_writer_of_a_key_is_told_store_and_key_and_leaves_no_trace(home: &Home) -> Outcome {
    let db = even_keys(home)?;
    let loser = db.begin()?;
    loser.store("s")?.upsert("20", "lost")?;
    loser.store("s")?.upsert("21", "lost as well")?;
    loser.create_store("lost", &StoreOptions::default())?;
    let winner = write(&db, |t| t.store("s")?.upsert("20", "won"))?;
    let error = loser.commit().expect_err("both wrote the key 20");
    assert!(error.is_retryable());
    let Error::Conflict(conflict) = error else { panic!("{error}") };
    assert_eq!((&*conflict.store, &*conflict.key), ("s", &b"20"[..]));
    assert_eq!(conflict.kind, ConflictKind::Write);
    assert!(conflict.winner.is_none_or(|position| position == winner.position));

    assert_eq!(value(&db, "20")?.as_deref(), Some(&b"won"[..]));
    assert_eq!(value(&db, "21")?, None);
    assert!(matches!(db.snapshot()?.store("lost"), Err(Error::StoreNotFound { .. })));
    assert_eq!(db.stats().conflicts, 1);
    write(&db, |t| t.store("s")?.upsert("20", "retried"))?;
    assert_eq!(value(&db, "20")?.as_deref(), Some(&b"retried"[..]));
    Ok(())
}

fn a_writer_that_read_a_changed_key_fails(home: &Home) -> Outcome {
    let db = even_keys(home)?;
    let changes: [(&str, Work); 3] = [
        ("20", |t| t.store("s")?.update("20", "changed")),
        ("22", |t| t.store("s")?.remove("22").map(drop)),
        ("21", |t| t.store("s")?.add("21", "entered")),
    ];
    for (key, change) in changes {
        let result = race(
            &db,
            |t| {
                t.store("s")?.find(key)?;
                t.store("s")?.upsert("other", key)
            },
            change,
        )?;
        let Err(Error::Conflict(conflict)) = result else { panic!("{key}: {result:?}") };
        assert_eq!((&*conflict.store, &*conflict.key), ("s", key.as_bytes()));
        assert_eq!(conflict.kind, ConflictKind::Read);
        assert_eq!(value(&db, "other")?, None, "the loser's write is gone");
    }
    Ok(())
}

fn a_writer_that_read_a_key_commits_if_only_its_neighbours_changed(home: &Home) -> Outcome {
    let db = even_keys(home)?;
    for (read, neighbours) in [("20", ["18", "22"]), ("25", ["24", "26"])] {
        let touch_neighbours = |t: &Transaction| {
            t.store("s")?.remove(neighbours[0])?;
            t.store("s")?.upsert(neighbours[1], "changed")
        };
        let read_and_write = |t: &Transaction| {
            t.store("s")?.contains(read)?;
            t.store("s")?.upsert("other", read)
        };
        race(&db, read_and_write, touch_neighbours)??;
        assert_eq!(value(&db, "other")?.as_deref(), Some(read.as_bytes()));
    }
    Ok(())
}

/// Changes at the edges of the range 20..=30 and inside of it.
const INSIDE: [Work; 6] = [
    |t| t.store("s")?.add("25", "entered"),
    |t| t.store("s")?.remove("26").map(drop),
    |t| t.store("s")?.update("28", "changed"),
    |t| t.store("s")?.update("20", "changed"),
    |t| t.store("s")?.update("30", "changed"),
    |t| t.store("s")?.remove("30").map(drop),
];

/// Changes right outside of the range 20..=30.
const OUTSIDE: [Work; 4] = [
    |t| t.store("s")?.add("19", "entered"),
    |t| t.store("s")?.add("300", "entered, since it is longer than 30"),
    |t| t.store("s")?.remove("18").map(drop),
    |t| t.store("s")?.update("32", "changed"),
];

/// Ways to read the range 20..=30, all of it.
const READS: [Work; 4] = [
    |t| t.store("s")?.range("20"..="30")?.try_for_each(|entry| entry.map(drop)),
    |t| t.store("s")?.range("20"..="30")?.rev().try_for_each(|entry| entry.map(drop)),
    |t| t.store("s")?.count("20"..="30").map(drop),
    |t| {
        let mut range = t.store("s")?.range("20"..="30")?;
        while let (Some(low), Some(high)) = (range.next(), range.next_back()) {
            low.and(high)?;
        }
        Ok(())
    },
];

fn a_writer_that_read_a_range_fails_if_anything_entered_left_or_changed_in_it(
    home: &Home,
) -> Outcome {
    let db = even_keys(home)?;
    for read in &READS {
        for change in &INSIDE {
            let before = rows(db.snapshot()?.store("s")?)?;
            let read_and_write = |t: &Transaction| read(t).and(t.store("s")?.upsert("other", ""));
            let result = race(&db, read_and_write, change)?;
            let Err(Error::Conflict(conflict)) = result else { panic!("no conflict: {result:?}") };
            assert_eq!(conflict.store, "s");
            restore(&db, &before)?;
        }
    }
    Ok(())
}

fn a_writer_that_read_a_range_commits_if_only_its_surroundings_changed(home: &Home) -> Outcome {
    let db = even_keys(home)?;
    for read in &READS {
        for change in &OUTSIDE {
            let before = rows(db.snapshot()?.store("s")?)?;
            let read_and_write = |t: &Transaction| read(t).and(t.store("s")?.upsert("other", ""));
            race(&db, read_and_write, change)??;
            restore(&db, &before)?;
        }
    }
    Ok(())
}

/// Brings the store back to these rows.
fn restore(db: &Database, wanted: &Rows) -> Outcome {
    let found = rows(db.snapshot()?.store("s")?)?;
    write(db, |transaction| {
        let store = transaction.store("s")?;
        for key in found.keys().filter(|key| !wanted.contains_key(*key)) {
            store.remove(key)?;
        }
        wanted.iter().try_for_each(|(key, value)| store.upsert(key, value))
    })?;
    Ok(())
}

fn a_reader_never_fails_and_never_sees_two_states(home: &Home) -> Outcome {
    let db = even_keys(home)?;
    let reader = db.begin()?;
    let before = rows(*reader.store("s")?)?;
    write(&db, |t| t.store("s")?.update("20", "changed"))?;
    write(&db, |t| t.store("s")?.remove("22").map(drop))?;
    db.checkpoint()?;
    write(&db, |t| t.store("s")?.add("23", "entered"))?;
    write(&db, |t| t.drop_store("s"))?;
    assert_eq!(rows(*reader.store("s")?)?, before);
    let position = reader.position();
    assert_eq!(reader.commit()?.position, position, "it is placed where it read");
    Ok(())
}

#[test]
fn a_removal_that_found_nothing_is_a_read_of_absence() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let remove_nothing = |t: &Transaction| {
        assert!(!t.store("s")?.remove("21")?);
        t.store("s")?.upsert("other", "")
    };
    let result = race(&db, remove_nothing, |t| t.store("s")?.add("21", "entered"))?;
    assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Conflict));
    Ok(())
}

#[test]
fn a_refused_call_is_a_read_of_what_refused_it() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let refusals: [(Work, Work); 3] = [
        (|t| t.store("s")?.add("20", "").or(Ok(())), |t| t.store("s")?.remove("20").map(drop)),
        (|t| t.store("s")?.update("21", "").or(Ok(())), |t| t.store("s")?.add("21", "")),
        (
            |t| t.store("s")?.add_if_absent("22", "").map(drop),
            |t| t.store("s")?.remove("22").map(drop),
        ),
    ];
    for (refused, change) in refusals {
        let and_write = |t: &Transaction| refused(t).and(t.store("s")?.upsert("other", ""));
        let result = race(&db, and_write, change)?;
        assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Conflict));
    }
    Ok(())
}

#[test]
fn counting_the_rows_is_a_read_of_all_of_them() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let count = |t: &Transaction| {
        assert_eq!(t.store("s")?.len()?, 20);
        t.open_store("sizes", &StoreOptions::default())?.upsert("s", "20")
    };
    let result = race(&db, count, |t| t.store("s")?.add("21", ""))?;
    assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Conflict));
    Ok(())
}

#[test]
fn reading_the_first_entry_clashes_with_a_new_first_entry_only() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let read_first = |t: &Transaction| {
        t.store("s")?.first()?;
        t.open_store("log", &StoreOptions::default())?.upsert("seen", "")
    };
    race(&db, read_first, |t| t.store("s")?.add("11", "after the first"))??;
    let result = race(&db, read_first, |t| t.store("s")?.add("09", "before the first"))?;
    assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Conflict));
    let read_last = |t: &Transaction| {
        t.store("s")?.last()?;
        t.open_store("log", &StoreOptions::default())?.upsert("seen", "")
    };
    race(&db, read_last, |t| t.store("s")?.add("47", "before the last"))??;
    let result = race(&db, read_last, |t| t.store("s")?.add("49", "after the last"))?;
    assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Conflict));
    Ok(())
}

#[test]
fn walking_a_cursor_clashes_with_what_enters_its_path_and_nothing_else() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let walk = |t: &Transaction| {
        let mut cursor = t.store("s")?.cursor()?;
        assert!(cursor.seek("20")? && cursor.next()? && cursor.next()?);
        assert_eq!(cursor.key(), Some(&b"24"[..]));
        t.open_store("log", &StoreOptions::default())?.upsert("seen", "")
    };
    race(&db, walk, |t| t.store("s")?.add("25", "past its end"))??;
    race(&db, walk, |t| t.store("s")?.add("19", "before its start"))??;
    let result = race(&db, walk, |t| t.store("s")?.add("21", "in between"))?;
    assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Conflict));
    Ok(())
}

#[test]
fn a_read_of_ones_own_write_is_no_read_of_the_database() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let options = TransactionOptions::default().isolation(Isolation::Serializable);
    let transaction = db.begin_with(options)?;
    let store = transaction.store("s")?;
    store.upsert("90", "mine")?;
    assert_eq!(store.find("90")?.as_deref(), Some(&b"mine"[..]));
    write(&db, |t| t.store("s")?.upsert("91", "theirs"))?;
    transaction.commit()?;
    assert_eq!(value(&db, "90")?.as_deref(), Some(&b"mine"[..]));
    Ok(())
}

#[test]
fn a_retry_on_a_fresh_snapshot_succeeds() -> Outcome {
    let home = Home::in_memory();
    let db = even_keys(&home)?;
    let mut attempts = 0;
    sop_tests::retry(&db, TransactionOptions::default(), |transaction| {
        attempts += 1;
        let store = transaction.store("s")?;
        store.upsert("20", format!("attempt {attempts}"))?;
        if attempts == 1 {
            write(&db, |rival| rival.store("s")?.upsert("20", "rival"))?;
        }
        Ok(())
    })?;
    assert_eq!(value(&db, "20")?.as_deref(), Some(&b"attempt 2"[..]));
    Ok(())
}
