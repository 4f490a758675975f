//! What indexes are made of: entries that may repeat, and entries that may not.

use std::sync::Barrier;

use sop_core::{Error, StoreOptions};
use sop_tests::{Home, Outcome, contents, on_every_disk, rows, together, write};

on_every_disk!(
    entries_of_a_repeating_index_merge,
    of_two_transactions_that_add_one_key_one_wins_and_nothing_of_the_other_stays,
);

/// An index that may repeat keeps the primary key in its entries, so equal columns never clash.
fn entries_of_a_repeating_index_merge(home: &Home) -> Outcome {
    let db = home.open()?;
    let sets: [&[u32]; 3] = [&[50, 51, 52], &[550, 551, 552], &[550, 551]];
    let all_begun = Barrier::new(sets.len());
    together(sets.len(), |number| {
        let transaction = db.begin()?;
        let index = transaction.open_store("by column", &StoreOptions::default())?;
        for column in sets[number] {
            index.add(format!("{column:04}/{number}"), "")?;
        }
        all_begun.wait();
        Ok(transaction.commit()?)
    })?;
    let found = rows(db.snapshot()?.store("by column")?)?;
    let expected = ["0050/0", "0051/0", "0052/0", "0550/1", "0550/2", "0551/1", "0551/2", "0552/1"];
    assert!(found.keys().eq(expected.iter().map(|key| key.as_bytes())), "{found:?}");
    Ok(())
}

/// A unique index has the column alone as its key.
fn of_two_transactions_that_add_one_key_one_wins_and_nothing_of_the_other_stays(
    home: &Home,
) -> Outcome {
    let db = home.open()?;
    let options = StoreOptions::default();
    write(&db, |t| {
        t.create_store("unique", &options)?;
        t.create_store("rows", &options).map(drop)
    })?;
    let all_begun = Barrier::new(2);
    let results = together(2, |number| {
        let transaction = db.begin()?;
        let keys: [u32; 3] = [[550, 551, 552], [549, 550, 548]][number];
        for key in keys {
            transaction.store("unique")?.add(key.to_string(), number.to_string())?;
        }
        transaction.store("rows")?.add(format!("row of {number}"), "")?;
        all_begun.wait();
        Ok((keys, number, transaction.commit()))
    })?;
    let (won, lost): (Vec<_>, Vec<_>) = results.iter().partition(|(_, _, result)| result.is_ok());
    let ([(keys, winner, _)], [(.., Err(Error::Conflict(conflict)))]) = (&won[..], &lost[..])
    else {
        panic!("exactly one of them must lose by a conflict: {results:?}");
    };
    assert_eq!((conflict.store.as_str(), &*conflict.key), ("unique", &b"550"[..]));

    let added = keys.iter().map(|key| (key.to_string().into(), winner.to_string().into()));
    let row = (format!("row of {winner}").into_bytes(), Vec::new());
    let expected =
        [("unique".to_owned(), added.collect()), ("rows".to_owned(), [row].into())].into();
    assert_eq!(contents(&db.snapshot()?)?, expected);
    Ok(())
}

#[test]
fn adding_a_key_twice_in_one_transaction_is_refused_and_harms_nothing() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |transaction| {
        let store = transaction.create_store("s", &StoreOptions::default())?;
        store.add("k", "first")?;
        let error = store.add("k", "second").expect_err("the key is there already");
        assert!(matches!(&error, Error::KeyExists { store, key } if store == "s" && key == b"k"));
        assert!(!store.add_if_absent("k", "third")?);
        Ok(())
    })?;
    assert_eq!(rows(db.snapshot()?.store("s")?)?, [(b"k".to_vec(), b"first".to_vec())].into());
    Ok(())
}

#[test]
fn adding_a_key_that_is_committed_already_is_refused_at_once() -> Outcome {
    let home = Home::in_memory();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default())?.add("k", "first"))?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    assert!(matches!(store.add("k", "second"), Err(Error::KeyExists { .. })));
    assert!(!store.add_if_absent("k", "second")?);
    assert!(store.add_if_absent("l", "other")?);
    transaction.commit()?;
    assert_eq!(rows(db.snapshot()?.store("s")?)?[&b"k"[..]], b"first");
    Ok(())
}
