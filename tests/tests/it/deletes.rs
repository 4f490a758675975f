//! Removals merge with whatever happens around them.

use sop_core::{Database, Kind, StoreOptions};
use sop_tests::{Home, Outcome, Rows, assert_sound, on_every_disk, rows, write};

on_every_disk!(
    a_removal_merges_with_inserts_that_split_its_leaf,
    a_removal_merges_with_removals_that_join_its_leaf,
    removals_of_neighbours_by_two_transactions_both_hold,
    a_key_removed_and_added_again_in_one_transaction_has_its_new_value,
    a_key_added_and_removed_in_one_transaction_was_never_there,
    a_store_can_be_emptied_and_filled_again,
);

fn key(number: u32) -> String {
    format!("key {number:05}")
}

/// A store of small nodes with the keys of these numbers, each of a leaf's tenth.
fn filled(home: &Home, numbers: impl IntoIterator<Item = u32>) -> Outcome<(Database, Rows)> {
    let db = home.open()?;
    let filled: Rows = numbers.into_iter().map(|n| (key(n).into_bytes(), vec![b'.'; 80])).collect();
    write(&db, |transaction| {
        let store = transaction.create_store("s", &StoreOptions::default().node_size(1_024))?;
        filled.iter().try_for_each(|(key, value)| store.add(key, value))
    })?;
    Ok((db, filled))
}

#[track_caller]
fn assert_rows(db: &Database, expected: &Rows) {
    let found = db.snapshot().and_then(|snapshot| rows(snapshot.store("s")?));
    assert_eq!(found.as_ref().map_err(ToString::to_string), Ok(expected));
    assert_sound(db);
}

fn a_removal_merges_with_inserts_that_split_its_leaf(home: &Home) -> Outcome {
    let (db, mut expected) = filled(home, (0..1_000).step_by(100))?;
    let remover = db.begin()?;
    assert!(remover.store("s")?.remove(key(500))?);
    write(&db, |transaction| {
        let store = transaction.store("s")?;
        (450..550).filter(|n| *n != 500).try_for_each(|n| store.add(key(n), "near"))
    })?;
    assert!(remover.commit()?.merged);
    expected.remove(key(500).as_bytes());
    let near = (450..550).filter(|n| *n != 500).map(|n| (key(n).into(), b"near".to_vec()));
    expected.extend(near);
    assert_rows(&db, &expected);
    Ok(())
}

fn a_removal_merges_with_removals_that_join_its_leaf(home: &Home) -> Outcome {
    let (db, mut expected) = filled(home, 0..1_000)?;
    let remover = db.begin()?;
    assert!(remover.store("s")?.remove(key(500))?);
    let others = || (100..900).filter(|n| *n != 500 && n % 50 != 1);
    write(&db, |transaction| {
        let store = transaction.store("s")?;
        others().try_for_each(|n| store.remove(key(n)).map(drop))
    })?;
    assert!(remover.commit()?.merged);
    expected.remove(key(500).as_bytes());
    others().for_each(|n| drop(expected.remove(key(n).as_bytes())));
    assert_rows(&db, &expected);
    Ok(())
}

fn removals_of_neighbours_by_two_transactions_both_hold(home: &Home) -> Outcome {
    let (db, mut expected) = filled(home, 0..200)?;
    let (even, odd) = (db.begin()?, db.begin()?);
    for number in 50..150 {
        let remover = if number % 2 == 0 { &even } else { &odd };
        assert!(remover.store("s")?.remove(key(number))?);
        expected.remove(key(number).as_bytes());
    }
    even.commit()?;
    odd.commit()?;
    assert_rows(&db, &expected);
    Ok(())
}

/// Both where the transaction is alone, and where it is merged with another one.
fn a_key_removed_and_added_again_in_one_transaction_has_its_new_value(home: &Home) -> Outcome {
    let (db, mut expected) = filled(home, 0..100)?;
    for with_rival in [false, true] {
        let transaction = db.begin()?;
        let store = transaction.store("s")?;
        assert!(store.remove(key(50))?);
        assert!(!store.remove(key(50))?, "it is gone already");
        let value = format!("again, rival {with_rival}");
        store.add(key(50), &value)?;
        if with_rival {
            write(&db, |t| t.store("s")?.update(key(51), "rival"))?;
            expected.insert(key(51).into(), b"rival".to_vec());
        }
        assert_eq!(transaction.commit()?.merged, with_rival);
        expected.insert(key(50).into(), value.into());
        assert_rows(&db, &expected);
    }
    Ok(())
}

fn a_key_added_and_removed_in_one_transaction_was_never_there(home: &Home) -> Outcome {
    let (db, expected) = filled(home, 0..100)?;
    write(&db, |transaction| {
        let store = transaction.store("s")?;
        store.add("key 00050 and a half", "for a moment")?;
        assert!(store.remove("key 00050 and a half")?);
        assert_eq!(store.len()?, 100);
        Ok(())
    })?;
    assert_rows(&db, &expected);
    Ok(())
}

fn a_store_can_be_emptied_and_filled_again(home: &Home) -> Outcome {
    let (db, expected) = filled(home, 0..500)?;
    write(&db, |transaction| {
        let store = transaction.store("s")?;
        (0..500).try_for_each(|n| store.remove(key(n)).map(drop))
    })?;
    assert_rows(&db, &Rows::new());
    write(&db, |transaction| {
        let store = transaction.store("s")?;
        expected.iter().try_for_each(|(key, value)| store.add(key, value))
    })?;
    assert_rows(&db, &expected);
    Ok(())
}

#[test]
fn of_two_removals_of_one_key_the_second_conflicts() -> Outcome {
    let home = Home::in_memory();
    let (db, mut expected) = filled(&home, 0..10)?;
    let (first, second) = (db.begin()?, db.begin()?);
    assert!(first.store("s")?.remove(key(5))?);
    assert!(second.store("s")?.remove(key(5))?);
    first.commit()?;
    let error = second.commit().expect_err("the key it removed is gone");
    assert_eq!(error.kind(), Kind::Conflict);
    expected.remove(key(5).as_bytes());
    assert_rows(&db, &expected);
    Ok(())
}
