//! What cannot be prepared.

use super::*;
use crate::limit::{PREPARED_LEN_MAX, PREPARED_MAX, PREPARED_NAME_LEN_MAX};

#[test]
fn names_are_text_of_some_bytes() {
    let db = ten();
    for name in ["", &"n".repeat(PREPARED_NAME_LEN_MAX + 1)] {
        let refused = db.begin().unwrap().prepare(name);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    let longest = "\u{e4}".repeat(PREPARED_NAME_LEN_MAX / 2);
    db.begin().unwrap().prepare(&longest).unwrap().commit().unwrap();
}

#[test]
fn what_was_loaded_in_bulk_is_not_prepared() {
    let db = ten();
    let tx = db.begin().unwrap();
    tx.bulk_load("loaded", &StoreOptions::default(), [("a", "1")]).unwrap();
    assert!(matches!(tx.prepare("load"), Err(Error::Invalid(_))));
    assert!(db.prepared().unwrap().is_empty());
    assert_eq!(db.snapshot().unwrap().stores().unwrap().len(), 2);
}

#[test]
fn what_does_not_fit_into_a_value_is_not_prepared() {
    let db = ten();
    let tx = db.begin().unwrap();
    let part = vec![7; PREPARED_LEN_MAX / 4];
    (0..4).for_each(|key| tx.store("s").unwrap().upsert([key], &part).unwrap());
    let refused = tx.prepare("large");
    assert!(matches!(refused, Err(Error::TransactionTooLarge { .. })), "{refused:?}");
    assert!(db.prepared().unwrap().is_empty());
}

#[test]
fn only_so_many_are_prepared() {
    let db = ten();
    let prepare = |number: u64| {
        let tx = db.begin().unwrap();
        tx.store("s").unwrap().upsert(format!("key {number}"), "new").unwrap();
        tx.prepare(&format!("{number}"))
    };
    for number in 0..PREPARED_MAX {
        drop(prepare(number).unwrap());
    }
    let refused = prepare(PREPARED_MAX);
    assert!(matches!(refused, Err(Error::TooManyPrepared { limit: PREPARED_MAX })), "{refused:?}");
    db.find_prepared("17").unwrap().rollback().unwrap();
    drop(prepare(PREPARED_MAX).unwrap());
    audit(&db).unwrap();
}

#[test]
fn a_store_of_the_databases_own_cannot_be_opened() {
    let db = ten();
    db.begin().unwrap().prepare("any").unwrap().rollback().unwrap();
    let own = crate::StoreId::PREPARED;
    assert!(db.snapshot().unwrap().store_by_id(own).is_err());
    assert!(db.begin().unwrap().store_by_id(own).is_err());
    assert_eq!(db.snapshot().unwrap().stores().unwrap().len(), 2);
}
