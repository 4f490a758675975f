//! Mergers: what they settle, and what they cannot.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::{Isolation, Merge, Merger, StoreId, TransactionOptions};

/// A merger that is a function.
struct By<F>(F);

impl<F: FnMut(&mut Merge<'_>) -> Result<()> + Send + Sync> Merger for By<F> {
    fn merge(&mut self, merge: &mut Merge<'_>) -> Result<()> {
        (self.0)(merge)
    }
}

/// Adds up what both sides added to a number of one digit.
fn add(store: StoreId, key: &'static [u8]) -> impl Merger {
    By(move |merge: &mut Merge<'_>| {
        let digit = |value: Option<&[u8]>| value.map_or(0, |bytes| bytes[0] - b'0');
        let theirs = digit(merge.newest(store, key)?.as_deref());
        let base = digit(merge.base(store, key)?.as_deref());
        let ours = digit(merge.written(store, key).flatten());
        let sum = theirs + ours - base;
        merge.settle(store, key, Some(&[b'0' + sum]))
    })
}

/// A database with a store that has these entries.
fn filled(entries: &[(&str, &str)]) -> (Database, StoreId) {
    let db = Database::builder().in_memory().unwrap();
    let tx = db.begin().unwrap();
    let store = tx.create_store("s", &StoreOptions::default()).unwrap();
    for (key, value) in entries {
        store.add(key, value).unwrap();
    }
    tx.commit().unwrap();
    let id = db.snapshot().unwrap().store("s").unwrap().id();
    (db, id)
}

fn write(tx: &Transaction, key: &str, value: &str) {
    tx.store("s").unwrap().upsert(key, value).unwrap();
}

fn value(db: &Database, key: &str) -> Option<String> {
    let snapshot = db.snapshot().unwrap();
    let value = snapshot.store("s").unwrap().find(key).unwrap()?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn what_is_settled_stands_on_the_newest_state() {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        let (db, store) = filled(&[("k", "1")]);
        let options = TransactionOptions::default().isolation(isolation);
        let (one, two) = (db.begin_with(options).unwrap(), db.begin_with(options).unwrap());
        for tx in [&one, &two] {
            assert!(tx.store("s").unwrap().contains("k").unwrap());
            write(tx, "k", "3");
        }
        one.commit().unwrap();
        assert!(two.merging(add(store, b"k")).commit().unwrap().merged);
        assert_eq!(value(&db, "k").as_deref(), Some("5"));
    }
}

#[test]
fn all_that_wait_for_the_same_commit_are_merged() {
    let (db, store) = filled(&[("k", "0")]);
    let all: Vec<_> = (0..9).map(|_| db.begin().unwrap()).collect();
    for tx in &all {
        write(tx, "k", "1");
    }
    for tx in all {
        tx.merging(add(store, b"k")).commit().unwrap();
    }
    assert_eq!(value(&db, "k").as_deref(), Some("9"));
}

#[test]
fn what_is_not_settled_is_still_a_conflict() {
    type Work = fn(&Transaction);
    let (db, store) = filled(&[("k", "1"), ("other", "1"), ("read", "1")]);
    let others: [Work; 2] =
        [|tx| write(tx, "other", "2"), |tx| drop(tx.store("s").unwrap().find("read").unwrap())];
    for other in others {
        let (one, two) = (db.begin().unwrap(), db.begin().unwrap());
        for key in ["k", "other", "read"] {
            write(&one, key, "2");
        }
        write(&two, "k", "2");
        other(&two);
        one.commit().unwrap();
        let error = two.merging(add(store, b"k")).commit().unwrap_err();
        assert!(matches!(&error, Error::Conflict(_)), "{error}");
        assert_eq!(value(&db, "k").as_deref(), Some("2"), "nothing of it remains");
    }
}

#[test]
fn a_required_key_that_is_settled_must_still_be_there() {
    let (db, store) = filled(&[("k", "1")]);
    let settle = || {
        By(move |merge: &mut Merge<'_>| {
            let is_there = merge.newest(store, b"k")?.is_some();
            merge.settle(store, b"k", is_there.then_some(b"settled"))
        })
    };
    let requires = || {
        let tx = db.begin().unwrap();
        assert!(tx.store("s").unwrap().require("k").unwrap());
        write(&tx, "k", "own");
        tx
    };
    let (one, two) = (requires(), requires());
    let edits = db.begin().unwrap();
    write(&edits, "k", "2");
    edits.commit().unwrap();
    one.merging(settle()).commit().unwrap();
    let removes = db.begin().unwrap();
    removes.store("s").unwrap().remove("k").unwrap();
    removes.commit().unwrap();
    let error = two.merging(settle()).commit().unwrap_err();
    assert!(matches!(&error, Error::Conflict(_)), "{error}");
    assert_eq!(value(&db, "k"), None);
}

#[test]
fn a_merger_may_write_other_keys_and_take_writes_back() {
    let (db, store) = filled(&[("k", "1"), ("old entry", "")]);
    let (one, two) = (db.begin().unwrap(), db.begin().unwrap());
    write(&one, "k", "2");
    write(&two, "k", "3");
    write(&two, "new entry", "");
    two.store("s").unwrap().remove("old entry").unwrap();
    one.commit().unwrap();
    let merger = By(move |merge: &mut Merge<'_>| {
        assert!(merge.is_changed(store, b"k")? && !merge.is_changed(store, b"old entry")?);
        assert_eq!(merge.written(store, b"old entry"), Some(None));
        merge.withdraw(store, b"old entry");
        merge.withdraw(store, b"new entry");
        assert_eq!(merge.written(store, b"new entry"), None);
        merge.settle(store, b"merged entry", Some(b""))?;
        merge.settle(store, b"k", Some(b"4"))
    });
    two.merging(merger).commit().unwrap();
    let snapshot = db.snapshot().unwrap();
    let entries = snapshot.store("s").unwrap().range::<&str>(..).unwrap();
    let keys: Vec<_> = entries.map(|entry| entry.unwrap().0).collect();
    assert_eq!(keys, [&b"k"[..], b"merged entry", b"old entry"]);
}

#[test]
fn a_transaction_that_takes_everything_back_changes_nothing() {
    let (db, store) = filled(&[("k", "1")]);
    let (one, two) = (db.begin().unwrap(), db.begin().unwrap());
    write(&one, "k", "2");
    write(&two, "k", "3");
    let position = one.commit().unwrap().position;
    let withdraw = By(move |merge: &mut Merge<'_>| {
        merge.withdraw(store, b"k");
        Ok(())
    });
    assert_eq!(two.merging(withdraw).commit().unwrap().position, position);
    assert_eq!(value(&db, "k").as_deref(), Some("2"));
}

#[test]
fn a_merger_is_asked_once_and_only_if_there_is_a_clash() {
    let (db, _) = filled(&[("k", "1")]);
    let asked = Arc::new(AtomicU32::new(0));
    let counting = || {
        let asked = Arc::clone(&asked);
        By(move |_: &mut Merge<'_>| {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    };
    let (one, two) = (db.begin().unwrap(), db.begin().unwrap());
    write(&one, "a", "1");
    write(&two, "b", "1");
    one.merging(counting()).commit().unwrap();
    two.merging(counting()).commit().unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let (one, two) = (db.begin().unwrap(), db.begin().unwrap());
    write(&one, "a", "2");
    write(&two, "a", "3");
    one.commit().unwrap();
    assert!(matches!(two.merging(counting()).commit(), Err(Error::Conflict(_))));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_merger_that_fails_or_panics_takes_only_its_transaction_down() {
    let (db, store) = filled(&[("k", "1")]);
    let fails = By(move |merge: &mut Merge<'_>| {
        merge.settle(store, b"k", Some(b"9"))?;
        Err(Error::Invalid("no".into()))
    });
    let too_long = By(move |merge: &mut Merge<'_>| merge.settle(store, &[0; 5_000], None));
    let panics = By(move |merge: &mut Merge<'_>| {
        merge.settle(store, b"k", Some(b"9"))?;
        panic!("a merger that panics");
    });
    let mergers: [Box<dyn FnOnce(Transaction) -> Transaction>; 3] = [
        Box::new(|tx| tx.merging(fails)),
        Box::new(|tx| tx.merging(too_long)),
        Box::new(|tx| tx.merging(panics)),
    ];
    for (number, merging) in (2..).zip(mergers) {
        let (one, two) = (db.begin().unwrap(), db.begin().unwrap());
        write(&one, "k", &number.to_string());
        write(&two, "k", "x");
        one.commit().unwrap();
        let error = merging(two).commit().unwrap_err();
        assert!(!matches!(error, Error::Conflict(_)), "{error}");
        assert_eq!(value(&db, "k"), Some(number.to_string()));
    }
    let tx = db.begin().unwrap();
    write(&tx, "k", "end");
    tx.commit().unwrap();
    assert_eq!(value(&db, "k").as_deref(), Some("end"));
}
