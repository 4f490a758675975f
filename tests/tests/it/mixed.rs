//! A long run of adds, reads, updates and removals, each in a transaction of its own.

use sop_core::StoreOptions;
use sop_tests::{Home, Outcome, Rows, assert_sound, on_every_disk, rows, write};

on_every_disk!(a_mix_of_adds_look_backs_updates_and_removals_leaves_exactly_the_expected_rows);

const ROWS: u32 = 5_000;
const LOOK_BACK: u32 = 99;
const ROWS_PER_TRANSACTION: u32 = 50;

fn key(row: u32) -> String {
    format!("row {row:05}")
}

fn a_mix_of_adds_look_backs_updates_and_removals_leaves_exactly_the_expected_rows(
    home: &Home,
) -> Outcome {
    let db = home.open()?;
    write(&db, |t| t.create_store("rows", &StoreOptions::default()).map(drop))?;
    for first in (0..ROWS).step_by(ROWS_PER_TRANSACTION as usize) {
        write(&db, |transaction| {
            let store = transaction.store("rows")?;
            for row in first..first + ROWS_PER_TRANSACTION {
                store.add(key(row), format!("value {row}"))?;
                if let Some(earlier) = row.checked_sub(LOOK_BACK) {
                    let found = store.find(key(earlier))?;
                    assert_eq!(found.as_deref(), Some(format!("value {earlier}").as_bytes()));
                }
            }
            Ok(())
        })?;
    }
    let mut expected = Rows::new();
    for row in 0..ROWS {
        write(&db, |transaction| {
            let store = transaction.store("rows")?;
            let old = format!("value {row}");
            match row % 3 {
                0 => assert_eq!(store.find(key(row))?.as_deref(), Some(old.as_bytes())),
                1 => assert!(store.remove(key(row))?),
                _ => store.update(key(row), format!("new {row}"))?,
            }
            Ok(())
        })?;
        match row % 3 {
            0 => drop(expected.insert(key(row).into(), format!("value {row}").into())),
            1 => {}
            _ => drop(expected.insert(key(row).into(), format!("new {row}").into())),
        }
    }
    assert_eq!(rows(db.snapshot()?.store("rows")?)?, expected);
    assert_sound(&db);
    drop(db);
    let reopened = home.open()?;
    assert_eq!(rows(reopened.snapshot()?.store("rows")?)?, expected, "after reopening");
    Ok(())
}
