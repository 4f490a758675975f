//! A snapshot that is held for long: it stays right, disturbs nobody, and gives its space back.

use sop_core::{Database, Options, StoreOptions};
use sop_tests::{
    Home, Outcome, Rows, assert_compact, assert_nothing_held, assert_sound, on_every_disk, rows,
    together, write,
};

on_every_disk!(
    a_snapshot_stays_the_same_under_heavy_writing,
    space_is_given_back_once_the_last_snapshot_is_dropped,
    every_snapshot_sees_its_own_moment,
);

const ROWS: u32 = 2_000;

fn key(row: u32) -> [u8; 4] {
    row.to_be_bytes()
}

/// A database that makes a checkpoint after every few dozen of our transactions.
fn with_frequent_checkpoints(home: &Home) -> Outcome<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 256 << 10;
    options.checkpoint_log_bytes = 1 << 20;
    options.log_file_bytes = 256 << 10;
    let db = home.open_with(options)?;
    write(&db, |t| t.create_store("s", &StoreOptions::default().node_size(2_048)).map(drop))?;
    rewrite_all(&db, 0)?;
    Ok(db)
}

/// Replaces the value of every row, a hundred to a transaction.
fn rewrite_all(db: &Database, round: u32) -> Outcome {
    for first in (0..ROWS).step_by(100) {
        write(db, |transaction| {
            let store = transaction.store("s")?;
            (first..first + 100).try_for_each(|row| store.upsert(key(row), value(row, round)))
        })?;
    }
    Ok(())
}

fn value(row: u32, round: u32) -> Vec<u8> {
    format!("row {row} in round {round}; ").repeat(8).into_bytes()
}

fn all(round: u32) -> Rows {
    (0..ROWS).map(|row| (key(row).into(), value(row, round))).collect()
}

fn a_snapshot_stays_the_same_under_heavy_writing(home: &Home) -> Outcome {
    let db = with_frequent_checkpoints(home)?;
    let snapshot = db.snapshot()?;
    let transaction = db.begin()?;
    together(2, |number| {
        if number == 0 {
            return (1..=20).try_for_each(|round| rewrite_all(&db, round));
        }
        for _ in 0..20 {
            assert_eq!(rows(snapshot.store("s")?)?, all(0));
        }
        Ok(())
    })?;
    assert_eq!(rows(snapshot.store("s")?)?, all(0));
    assert_eq!(rows(*transaction.store("s")?)?, all(0));
    assert_eq!(rows(db.snapshot()?.store("s")?)?, all(20));
    assert!(db.stats().checkpoints > 1, "the writing must have caused checkpoints");
    assert_eq!(db.stats().oldest_snapshot_position, Some(snapshot.position()));
    transaction.commit()?;
    assert_sound(&db);
    Ok(())
}

fn space_is_given_back_once_the_last_snapshot_is_dropped(home: &Home) -> Outcome {
    let db = with_frequent_checkpoints(home)?;
    db.checkpoint()?;
    let snapshot = db.snapshot()?;
    let other = snapshot.clone();
    for round in 1..=20 {
        rewrite_all(&db, round)?;
    }
    assert_eq!(db.stats().oldest_snapshot_position, Some(snapshot.position()));
    drop(snapshot);
    assert_eq!(rows(other.store("s")?)?, all(0), "its clone still holds it");
    drop(other);
    db.checkpoint()?;
    db.compact()?;
    assert_nothing_held(&db);
    assert!(db.stats().live_bytes > 0);
    assert_compact(&db);
    assert_eq!(rows(db.snapshot()?.store("s")?)?, all(20));
    assert_sound(&db);
    Ok(())
}

fn every_snapshot_sees_its_own_moment(home: &Home) -> Outcome {
    let db = with_frequent_checkpoints(home)?;
    let mut snapshots = vec![db.snapshot()?];
    for round in 1..=8 {
        rewrite_all(&db, round)?;
        snapshots.push(db.snapshot()?);
    }
    // Dropped in neither order of their making, so that space is freed from the middle too.
    for round in [4, 0, 8, 2, 6, 1, 3, 5, 7] {
        db.compact()?;
        assert_eq!(rows(snapshots[round].store("s")?)?, all(u32::try_from(round)?));
        snapshots[round] = db.snapshot()?;
    }
    assert!(snapshots.iter().all(|snapshot| snapshot.position() == db.stats().position));
    assert_sound(&db);
    Ok(())
}

/// Compacting has an end, also where next to nothing is live.
#[test]
fn compacting_a_database_of_one_row_ends() -> Outcome {
    let db = Home::in_memory().open()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default().node_size(1_024))?.add("k", ""))?;
    db.compact()?;
    assert_eq!(db.snapshot()?.store("s")?.len()?, 1);
    assert_sound(&db);
    Ok(())
}
