//! Going back inside of a transaction.

use sop_core::{Database, Error, Kind, StoreOptions, Transaction};
use sop_tests::{Outcome, rows, write};

/// A database with one store "s" in which "a" is 1 and "b" is 2.
fn database() -> Outcome<Database> {
    let db = Database::builder().in_memory()?;
    write(&db, |transaction| {
        let store = transaction.create_store("s", &StoreOptions::default())?;
        store.add("a", "1")?;
        store.add("b", "2")
    })?;
    Ok(db)
}

fn value(transaction: &Transaction, key: &str) -> Outcome<Option<String>> {
    let value = transaction.store("s")?.find(key)?;
    Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
}

#[test]
fn what_was_written_since_a_savepoint_is_undone_and_the_rest_commits() -> Outcome {
    let db = database()?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    store.upsert("a", "mine")?;
    store.upsert("c", "3")?;
    let savepoint = transaction.savepoint();
    for round in 0..3 {
        store.upsert("a", "no")?;
        store.remove("b")?;
        store.remove("c")?;
        store.upsert("d", format!("longer than before {round}"))?;
        transaction.rollback_to(&savepoint)?;
        assert_eq!(value(&transaction, "a")?.as_deref(), Some("mine"));
        assert_eq!(value(&transaction, "b")?.as_deref(), Some("2"));
        assert_eq!(value(&transaction, "d")?, None);
        assert_eq!(store.len()?, 3);
    }
    store.upsert("e", "5")?;
    transaction.release(&savepoint)?;
    transaction.commit()?;
    let expected = [("a", "mine"), ("b", "2"), ("c", "3"), ("e", "5")];
    let expected = expected.map(|(key, value)| (key.into(), value.into()));
    assert_eq!(rows(db.snapshot()?.store("s")?)?, expected.into_iter().collect());
    Ok(())
}

#[test]
fn savepoints_nest_and_an_earlier_one_ends_those_after_it() -> Outcome {
    let db = database()?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    let first = transaction.savepoint();
    store.upsert("a", "first")?;
    let second = transaction.savepoint();
    store.upsert("a", "second")?;
    transaction.rollback_to(&second)?;
    assert_eq!(value(&transaction, "a")?.as_deref(), Some("first"));
    transaction.rollback_to(&first)?;
    assert_eq!(value(&transaction, "a")?.as_deref(), Some("1"));
    assert!(matches!(transaction.rollback_to(&second), Err(Error::Invalid(_))));
    let other = db.begin()?;
    assert!(matches!(other.rollback_to(&first), Err(Error::Invalid(_))));
    let third = transaction.savepoint();
    store.upsert("a", "third")?;
    transaction.release(&first)?;
    transaction.rollback_to(&third)?;
    assert_eq!(value(&transaction, "a")?.as_deref(), Some("1"));
    assert!(matches!(transaction.release(&first), Err(Error::Invalid(_))));
    assert!(!transaction.commit()?.merged);
    Ok(())
}

#[test]
fn created_renamed_and_dropped_stores_come_back_as_they_were() -> Outcome {
    let db = database()?;
    let transaction = db.begin()?;
    transaction.store("s")?.upsert("a", "mine")?;
    let savepoint = transaction.savepoint();
    let made = transaction.create_store("t", &StoreOptions::default())?;
    made.add("x", "1")?;
    assert_eq!(made.len()?, 1);
    transaction.rename_store("s", "u")?;
    transaction.drop_store("u")?;
    let filled = [("k", "v")];
    transaction.bulk_load("v", &StoreOptions::default(), filled)?;
    transaction.rollback_to(&savepoint)?;
    assert_eq!(made.add("y", "2").unwrap_err().kind(), Kind::Mismatch);
    assert_eq!(value(&transaction, "a")?.as_deref(), Some("mine"));
    transaction.commit()?;
    let names: Vec<String> = db.snapshot()?.stores()?.into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["s"]);
    assert_eq!(rows(db.snapshot()?.store("s")?)?.len(), 2);
    Ok(())
}

#[test]
fn what_an_undone_write_was_told_still_counts_as_read() -> Outcome {
    let db = database()?;
    let told: [fn(&Transaction) -> sop_core::Result<bool>; 2] =
        [|t| t.store("s")?.remove("b"), |t| t.store("s")?.add_if_absent("z", "1")];
    for (tell, key) in told.into_iter().zip(["b", "z"]) {
        let transaction = db.begin()?;
        let savepoint = transaction.savepoint();
        assert!(tell(&transaction)?);
        transaction.rollback_to(&savepoint)?;
        transaction.store("s")?.upsert("told", "yes")?;
        write(&db, |other| other.store("s")?.upsert(key, "changed"))?;
        assert_eq!(transaction.commit().unwrap_err().kind(), Kind::Conflict, "{key}");
    }
    Ok(())
}
