//! Transactions that touch different keys all commit, however close their keys lie.

use std::sync::Barrier;

use sop_core::StoreOptions;
use sop_tests::write;
use sop_tests::{
    Home, Outcome, Rows, assert_same, assert_sound, contents, on_every_disk, retry, rows, together,
};

on_every_disk!(
    adds_of_40_transactions_merge,
    adds_of_8_large_transactions_merge,
    adds_of_100_small_transactions_merge,
    adds_merge_in_small_nodes,
    adds_of_large_values_merge,
    adds_of_transactions_too_large_for_the_log_merge,
    interleaved_adds_into_one_leaf_merge,
    a_merged_commit_says_so,
    alternating_commits_and_rollbacks_leave_exactly_the_committed_stores,
);

/// A number of transactions, each begun before any of them commits.
struct Load {
    transactions: usize,
    rows: usize,
    node_size: usize,
    value_len: usize,
}

impl Default for Load {
    fn default() -> Self {
        Self { transactions: 40, rows: 100, node_size: 8 << 10, value_len: 40 }
    }
}

impl Load {
    fn key(transaction: usize, row: usize) -> Vec<u8> {
        format!("t{transaction:03}/r{row:04}").into_bytes()
    }

    fn value(&self, transaction: usize, row: usize) -> Vec<u8> {
        Self::key(transaction, row).into_iter().cycle().take(self.value_len).collect()
    }

    fn entries(&self, transaction: usize) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        let entry = move |row| (Self::key(transaction, row), self.value(transaction, row));
        (0..self.rows).map(entry)
    }

    /// Every transaction creates the same store, adds its own rows, and commits.
    fn commits_everything(&self, home: &Home) -> Outcome {
        let db = home.open()?;
        let options = StoreOptions::default().node_size(self.node_size);
        let all_begun = Barrier::new(self.transactions);
        together(self.transactions, |number| {
            let transaction = db.begin()?;
            let store = transaction.open_store("rows", &options)?;
            for (key, value) in self.entries(number) {
                store.add(key, value)?;
            }
            all_begun.wait();
            Ok(transaction.commit()?)
        })?;
        assert_eq!(db.stats().conflicts, 0);
        assert_sound(&db);

        let expected: Rows = (0..self.transactions).flat_map(|t| self.entries(t)).collect();
        let expected = [("rows".to_owned(), expected)].into();
        assert_same(&contents(&db.snapshot()?)?, &expected);
        drop(db);
        let reopened = home.open()?;
        assert_same(&contents(&reopened.snapshot()?)?, &expected);
        Ok(())
    }
}

fn adds_of_40_transactions_merge(home: &Home) -> Outcome {
    Load::default().commits_everything(home)
}

fn adds_of_8_large_transactions_merge(home: &Home) -> Outcome {
    Load { transactions: 8, ..Load::default() }.commits_everything(home)
}

fn adds_of_100_small_transactions_merge(home: &Home) -> Outcome {
    Load { transactions: 100, rows: 10, ..Load::default() }.commits_everything(home)
}

fn adds_merge_in_small_nodes(home: &Home) -> Outcome {
    Load { transactions: 60, rows: 20, node_size: 1 << 10, ..Load::default() }
        .commits_everything(home)
}

fn adds_of_large_values_merge(home: &Home) -> Outcome {
    Load { transactions: 20, rows: 20, value_len: 20_000, ..Load::default() }
        .commits_everything(home)
}

/// Such transactions write their nodes to files of their own, and the log only names them.
fn adds_of_transactions_too_large_for_the_log_merge(home: &Home) -> Outcome {
    Load { transactions: 4, rows: 60, value_len: 100_000, ..Load::default() }
        .commits_everything(home)
}

/// Neighbouring keys belong to different transactions, so that every leaf is everybody's.
fn interleaved_adds_into_one_leaf_merge(home: &Home) -> Outcome {
    const TRANSACTIONS: usize = 16;
    let db = home.open()?;
    let all_begun = Barrier::new(TRANSACTIONS);
    together(TRANSACTIONS, |number| {
        let transaction = db.begin()?;
        let store = transaction.open_store("rows", &StoreOptions::default())?;
        for key in (number..1_600).step_by(TRANSACTIONS) {
            store.add(format!("{key:04}"), format!("from {number}"))?;
        }
        all_begun.wait();
        Ok(transaction.commit()?)
    })?;
    let expected: Rows = (0..1_600_usize)
        .map(|key| (format!("{key:04}").into(), format!("from {}", key % TRANSACTIONS).into()))
        .collect();
    assert_eq!(rows(db.snapshot()?.store("rows")?)?, expected);
    assert_sound(&db);
    Ok(())
}

fn a_merged_commit_says_so(home: &Home) -> Outcome {
    let db = home.open()?;
    let options = StoreOptions::default();
    write(&db, |t| t.open_store("rows", &options).map(drop))?;
    let (early, late) = (db.begin()?, db.begin()?);
    early.store("rows")?.add("a", "1")?;
    late.store("rows")?.add("b", "2")?;
    let first = early.commit()?;
    let second = late.commit()?;
    assert!(!first.merged, "nobody committed in between");
    assert!(second.merged, "the other one committed in between");
    assert!(first.position < second.position);
    Ok(())
}

/// Twenty workers, each with a store of its own; every other one rolls back.
fn alternating_commits_and_rollbacks_leave_exactly_the_committed_stores(home: &Home) -> Outcome {
    const WORKERS: usize = 20;
    let db = home.open()?;
    let all_begun = Barrier::new(WORKERS);
    together(WORKERS, |number| {
        let transaction = db.begin()?;
        let name = format!("store {number:02}");
        let store = transaction.create_store(&name, &StoreOptions::default())?;
        for key in 0..50 {
            store.add(format!("{key:02}"), &name)?;
        }
        all_begun.wait();
        if number % 2 == 0 {
            transaction.commit()?;
        } else {
            transaction.rollback();
        }
        Ok(())
    })?;
    let entries = |name: &str| (0..50).map(|k| (format!("{k:02}").into(), name.into())).collect();
    let names = (0..WORKERS).step_by(2).map(|number| format!("store {number:02}"));
    let expected = names.map(|name| (name.clone(), entries(&name))).collect();
    assert_same(&contents(&db.snapshot()?)?, &expected);
    assert_sound(&db);
    Ok(())
}

/// Counters are the opposite of disjoint: everybody wants the same key, and nobody may be lost.
#[test]
fn increments_of_one_counter_are_all_counted() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    write(&db, |t| t.create_store("counters", &StoreOptions::default())?.add("n", "0"))?;
    together(8, |_| {
        for _ in 0..100 {
            retry(&db, sop_core::TransactionOptions::default(), |transaction| {
                let store = transaction.store("counters")?;
                let count = store.find("n")?.map_or(0, |value| number(&value));
                store.update("n", (count + 1).to_string())
            })?;
        }
        Ok(())
    })?;
    let snapshot = db.snapshot()?;
    let count = snapshot.store("counters")?.find("n")?.map(|value| number(&value));
    assert_eq!(count, Some(800));
    Ok(())
}

fn number(text: &[u8]) -> u64 {
    String::from_utf8_lossy(text).parse().expect("the tests write numbers")
}
