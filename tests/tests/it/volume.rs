//! Many rows come, and when they go their space comes back.

use std::{fs, path::Path};

use sop_core::StoreOptions;
use sop_tests::{Home, Outcome, assert_sound, write};

const ROWS: u32 = 91_000;
const ROWS_PER_TRANSACTION: u32 = 200;

/// A last name and a first name, as a composite key has them.
fn key(row: u32) -> String {
    // The multiplier is odd, so that neighbours in time are far apart in the order of the keys.
    let shuffled = row.wrapping_mul(2_654_435_761);
    format!("last name {:04}\0first name {row:06}", shuffled % 1_000)
}

fn value(row: u32) -> String {
    format!("person {row}, ").repeat(8)
}

/// Bytes of the files that hold nodes and values.
fn segment_bytes(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder.join("seg"))? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

#[test]
fn rows_by_the_ten_thousand_come_and_go_and_give_their_space_back() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    write(&db, |t| t.create_store("persons", &StoreOptions::default()).map(drop))?;
    let transactions = || (0..ROWS).step_by(ROWS_PER_TRANSACTION as usize);
    for first in transactions() {
        write(&db, |transaction| {
            let store = transaction.store("persons")?;
            (first..first + ROWS_PER_TRANSACTION)
                .try_for_each(|row| store.add(key(row), value(row)))
        })?;
    }
    db.checkpoint()?;
    let snapshot = db.snapshot()?;
    let store = snapshot.store("persons")?;
    assert_eq!(store.len()?, u64::from(ROWS));
    for row in 0..ROWS {
        assert_eq!(store.find(key(row))?.as_deref(), Some(value(row).as_bytes()));
    }
    drop(snapshot);
    assert_sound(&db);
    let full = segment_bytes(home.path())?;
    for first in transactions() {
        write(&db, |transaction| {
            let store = transaction.store("persons")?;
            for row in first..first + ROWS_PER_TRANSACTION {
                assert!(store.remove(key(row))?);
            }
            Ok(())
        })?;
    }
    db.checkpoint()?;
    db.compact()?;
    assert!(db.snapshot()?.store("persons")?.is_empty()?);
    assert_sound(&db);
    let empty = segment_bytes(home.path())?;
    assert!(empty * 100 < full, "{empty} bytes are left of {full}");
    Ok(())
}
