//! Arguments at their limits are taken, and over them refused without any harm.

use sop_core::{Database, Error, Kind, Options, Result, Store, StoreOptions, Transaction, limit};
use sop_tests::{Home, Outcome, Rows, assert_sound, on_every_disk, rows, write};

on_every_disk!(
    keys_up_to_the_limit_are_kept,
    values_of_every_length_around_the_edges_are_kept,
    a_transaction_without_any_work_commits,
    ranges_of_nothing_are_empty,
);

fn options() -> StoreOptions {
    StoreOptions::default()
}

fn with_store(home: &Home, options: &StoreOptions) -> Outcome<Database> {
    let db = home.open()?;
    write(&db, |transaction| transaction.create_store("s", options).map(drop))?;
    Ok(db)
}

/// Adds entries, and expects exactly them after a checkpoint and a reopening.
fn assert_kept(home: &Home, options: &StoreOptions, entries: &Rows) -> Outcome {
    let db = with_store(home, options)?;
    for (key, value) in entries {
        write(&db, |transaction| transaction.store("s")?.add(key, value))?;
    }
    let kept = rows(db.snapshot()?.store("s")?)?;
    assert!(kept == *entries, "something is missing or different");
    db.checkpoint()?;
    assert_sound(&db);
    drop(db);
    let kept = rows(home.open()?.snapshot()?.store("s")?)?;
    assert!(kept == *entries, "something is missing or different after reopening");
    Ok(())
}

fn keys_up_to_the_limit_are_kept(home: &Home) -> Outcome {
    let lens = [0, 1, 2, 255, 256, 1_023, 1_024, limit::KEY_LEN_MAX - 1, limit::KEY_LEN_MAX];
    let of_len = |len: usize| (0..4).map(move |last| (vec![last; len], len.to_string().into()));
    let entries: Rows = lens.into_iter().flat_map(of_len).collect();
    assert_kept(home, &options().node_size(limit::NODE_SIZE_MIN), &entries)
}

fn values_of_every_length_around_the_edges_are_kept(home: &Home) -> Outcome {
    let node_size = limit::NODE_SIZE_DEFAULT;
    let edges = [0, 1, 255, 256, node_size / 4, node_size / 2, node_size, 3 * node_size, 1 << 16];
    let around = |edge: usize| edge.saturating_sub(2)..edge + 3;
    let value = |len: usize| (0..=250).cycle().take(len).collect();
    let entries =
        edges.into_iter().flat_map(around).map(|len| (len.to_be_bytes().into(), value(len)));
    assert_kept(home, &options(), &entries.collect())
}

fn a_transaction_without_any_work_commits(home: &Home) -> Outcome {
    let db = home.open()?;
    let before = db.stats();
    let transaction = db.begin()?;
    let position = transaction.position();
    let commit = transaction.commit()?;
    assert_eq!((commit.position, commit.merged), (position, false));
    assert_eq!(db.stats().log_bytes_written, before.log_bytes_written, "there is nothing to log");
    db.begin()?.rollback();
    drop(db.begin()?);
    Ok(())
}

/// A range with its ends in the wrong order, or without its only key, holds nothing.
fn ranges_of_nothing_are_empty(home: &Home) -> Outcome {
    use std::ops::Bound::{Excluded, Included};
    let db = with_store(home, &options())?;
    write(&db, |t| ["a", "b", "c"].iter().try_for_each(|key| t.store("s")?.add(key, "")))?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    store.add("d", "of the transaction itself")?;
    for range in [
        (Included("c"), Included("a")),
        (Included("b"), Excluded("b")),
        (Excluded("b"), Included("b")),
        (Excluded("b"), Excluded("b")),
        (Excluded("z"), Excluded("")),
    ] {
        assert!(store.range::<&str>(range)?.next().is_none(), "{range:?}");
        assert!(store.range::<&str>(range)?.next_back().is_none(), "{range:?}");
        assert_eq!(store.count::<&str>(range)?, 0, "{range:?}");
    }
    assert_eq!(store.prefix("")?.count(), 4);
    assert_eq!(store.prefix([0xff; 5_000])?.count(), 0);
    Ok(())
}

#[test]
fn the_longest_value_is_kept_and_a_longer_one_is_refused() -> Outcome {
    let home = Home::on_disk();
    let db = with_store(&home, &options())?;
    let mut value = vec![b'v'; limit::VALUE_LEN_MAX];
    value[0] = b'f';
    value[limit::VALUE_LEN_MAX - 1] = b'l';
    write(&db, |transaction| transaction.store("s")?.add("longest", &value))?;
    value.push(b'!');
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    for result in [
        store.add("longer", &value),
        store.upsert("longest", &value),
        store.update("longest", &value),
        store.add_if_absent("longer", &value).map(drop),
    ] {
        let Err(Error::ValueTooLong { len, limit }) = result else { panic!("{result:?}") };
        assert_eq!((len, limit), (value.len(), limit::VALUE_LEN_MAX));
    }
    store.add("after", "the refusals")?;
    transaction.commit()?;
    db.close()?;
    value.pop();
    let snapshot = home.open()?.snapshot()?;
    let store = snapshot.store("s")?;
    assert_eq!(store.len()?, 2);
    assert!(store.find("longest")?.is_some_and(|found| *found == *value), "its bytes differ");
    Ok(())
}

/// What a transaction writes is counted as it is written, long before anything is logged.
#[test]
fn a_transaction_over_the_limit_is_refused_at_the_write_that_goes_over_it() -> Outcome {
    let home = Home::in_memory();
    let db = with_store(&home, &options())?;
    let value = vec![0; limit::VALUE_LEN_MAX];
    let fitting = limit::TRANSACTION_LEN_MAX / limit::VALUE_LEN_MAX as u64;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    for n in 0..fitting - 1 {
        store.add(n.to_be_bytes(), &value)?;
    }
    let mut refused = store.add(fitting.to_be_bytes(), &value);
    if refused.is_ok() {
        refused = store.add("one too many", &value);
    }
    let Err(Error::TransactionTooLarge { bytes, limit }) = refused else { panic!("{refused:?}") };
    assert!(bytes > limit && limit == limit::TRANSACTION_LEN_MAX, "{bytes}");
    assert_eq!(store.find("one too many")?.as_deref(), None);
    transaction.rollback();
    assert!(db.snapshot()?.store("s")?.is_empty()?);
    Ok(())
}

type Write = fn(Store<'_>, &[u8]) -> Result<()>;

/// Everything that takes a key to write.
const WRITES: [Write; 5] = [
    |store, key| store.add(key, ""),
    |store, key| store.add_if_absent(key, "").map(drop),
    |store, key| store.upsert(key, ""),
    |store, key| store.update(key, ""),
    |store, key| store.remove(key).map(drop),
];

#[test]
fn a_key_over_the_limit_is_refused_and_the_transaction_goes_on() -> Outcome {
    let home = Home::in_memory();
    let db = with_store(&home, &options())?;
    let transaction = db.begin()?;
    let store = transaction.store("s")?;
    store.add("before", "")?;
    for len in [limit::KEY_LEN_MAX + 1, 1 << 16, 1 << 24] {
        let key = vec![b'k'; len];
        for refused in WRITES {
            let result = refused(store, &key);
            assert!(
                matches!(result, Err(Error::KeyTooLong { len: l, limit: limit::KEY_LEN_MAX }) if l == len),
                "{len}: {result:?}"
            );
        }
    }
    store.add("after", "")?;
    transaction.commit()?;
    let kept = rows(db.snapshot()?.store("s")?)?;
    assert!(kept.keys().eq([&b"after"[..], b"before"]), "{kept:?}");
    Ok(())
}

/// A range may end anywhere, but a key that nothing can have is a mistake of the caller's.
#[test]
fn a_key_over_the_limit_is_refused_where_one_is_meant_and_taken_as_the_end_of_a_range() -> Outcome {
    let home = Home::in_memory();
    let db = with_store(&home, &options())?;
    write(&db, |transaction| transaction.store("s")?.add("l", ""))?;
    let key = vec![b'k'; limit::KEY_LEN_MAX + 1];
    let snapshot = db.snapshot()?;
    let store = snapshot.store("s")?;
    assert!(matches!(store.find(&key), Err(Error::KeyTooLong { .. })));
    assert!(matches!(store.contains(&key), Err(Error::KeyTooLong { .. })));
    assert_eq!(store.range(key.clone()..)?.count(), 1);
    assert_eq!(store.count(..key.clone())?, 0);
    let mut cursor = store.cursor()?;
    assert!(cursor.seek(&key)? && cursor.key() == Some(b"l"));
    assert!(!cursor.seek_back(&key)?);
    Ok(())
}

#[test]
fn a_bulk_load_that_is_not_in_ascending_order_is_refused_and_leaves_nothing() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    for keys in [["a", "c", "b"], ["a", "b", "b"]] {
        let transaction = db.begin()?;
        let result = transaction.bulk_load("s", &options(), keys.map(|key| (key, "")));
        assert_eq!(result.map_err(|error| error.kind()), Err(Kind::Invalid), "{keys:?}");
        drop(transaction);
        assert!(db.snapshot()?.stores()?.is_empty());
    }
    let long = vec![b'k'; limit::KEY_LEN_MAX + 1];
    let refused = db.begin()?.bulk_load("s", &options(), [(long, "")]);
    assert!(matches!(refused, Err(Error::KeyTooLong { .. })), "{refused:?}");
    let loaded = write(&db, |t| t.bulk_load("s", &options(), [("a", "1")]).map(drop));
    loaded?;
    let again = write(&db, |t| t.bulk_load("s", &options(), [("b", "2")]).map(drop));
    assert_eq!(again.map_err(|error| error.kind()), Err(Kind::Invalid), "it is not empty");
    assert_eq!(db.snapshot()?.store("s")?.len()?, 1);
    assert_sound(&db);
    Ok(())
}

#[test]
fn a_bulk_load_of_nothing_makes_an_empty_store() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    let nothing: [(&str, &str); 0] = [];
    write(&db, |transaction| {
        assert_eq!(transaction.bulk_load("s", &options(), nothing)?, 0);
        Ok(())
    })?;
    drop(db);
    assert!(home.open()?.snapshot()?.store("s")?.is_empty()?);
    Ok(())
}

#[test]
fn options_without_sense_are_refused_or_work() -> Outcome {
    let extremes = [0, 1, u64::MAX];
    let fields: [fn(&mut Options, u64); 3] = [
        |options, value| options.checkpoint_dirty_bytes = value,
        |options, value| options.checkpoint_log_bytes = value,
        |options, value| options.log_file_bytes = value,
    ];
    for (set, value) in fields.iter().flat_map(|set| extremes.map(|value| (set, value))) {
        let home = Home::on_disk();
        let mut options = Options::default();
        set(&mut options, value);
        match home.open_with(options.clone()) {
            Ok(db) => {
                (0..20_u32).try_for_each(|n| add(&db, n))?;
                drop(db);
                assert_eq!(home.open()?.snapshot()?.store("s")?.len()?, 20, "{options:?}");
            }
            Err(error) => assert_eq!(error.kind(), Kind::Invalid, "{options:?}: {error}"),
        }
    }
    Ok(())
}

fn add(db: &Database, n: u32) -> Result<()> {
    let add = |t: &Transaction| t.open_store("s", &options())?.add(n.to_be_bytes(), "v");
    write(db, add).map(drop)
}
