//! How full nodes are after the usual ways of filling a store, with about 100 entries to a node.

use sop_core::{Database, StoreOptions, StoreStats};
use sop_tests::{Home, Outcome, Rows, Seed, assert_sound, rows, write};

const ENTRIES: u32 = 30_000;
const ENTRIES_PER_TRANSACTION: usize = 500;
const VALUE: [u8; 64] = [b'v'; 64];

fn key(number: u32) -> [u8; 8] {
    // Spread over the key space, so that keys share no long prefix by being small numbers.
    (u64::from(number) << 32).to_be_bytes()
}

fn filled(home: &Home, order: impl IntoIterator<Item = u32>) -> Outcome<Database> {
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default()).map(drop))?;
    let order: Vec<u32> = order.into_iter().collect();
    for numbers in order.chunks(ENTRIES_PER_TRANSACTION) {
        write(&db, |transaction| {
            let store = transaction.store("s")?;
            numbers.iter().try_for_each(|number| store.add(key(*number), VALUE))
        })?;
    }
    Ok(db)
}

fn shuffled(stream: u64) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..ENTRIES).collect();
    Seed::new(5).stream(stream).shuffle(&mut numbers);
    numbers
}

fn stats(db: &Database) -> Outcome<StoreStats> {
    assert_sound(db);
    Ok(db.snapshot()?.store("s")?.stats()?)
}

#[track_caller]
fn assert_fill(stats: &StoreStats, at_least: f64) {
    assert!(stats.utilisation() >= at_least, "{} of {stats:?}", stats.utilisation());
    assert!(stats.utilisation() <= 1.0, "{stats:?}");
}

#[test]
fn random_inserts_fill_nodes_to_three_quarters() -> Outcome {
    let home = Home::on_disk();
    let stats = stats(&filled(&home, shuffled(1))?)?;
    assert_eq!(stats.entries, u64::from(ENTRIES));
    assert_fill(&stats, 0.75);
    Ok(())
}

#[test]
fn ascending_inserts_fill_nodes_nearly_completely() -> Outcome {
    let home = Home::on_disk();
    let stats = stats(&filled(&home, 0..ENTRIES)?)?;
    assert_eq!(stats.entries, u64::from(ENTRIES));
    assert_fill(&stats, 0.95);
    let per_leaf = stats.entries / stats.leaf_nodes;
    assert!((50..200).contains(&per_leaf), "{per_leaf} entries to a leaf are not about 100");
    Ok(())
}

#[test]
fn nodes_are_at_least_half_full_after_half_of_the_entries_are_removed() -> Outcome {
    let home = Home::on_disk();
    for order in [(0..ENTRIES).collect(), shuffled(2)] {
        let db = filled(&home, order)?;
        for numbers in shuffled(3)[..ENTRIES as usize / 2].chunks(ENTRIES_PER_TRANSACTION) {
            write(&db, |transaction| {
                let store = transaction.store("s")?;
                numbers.iter().try_for_each(|number| store.remove(key(*number)).map(drop))
            })?;
        }
        let stats = stats(&db)?;
        assert_eq!(stats.entries, u64::from(ENTRIES / 2));
        assert_fill(&stats, 0.50);
        write(&db, |transaction| transaction.drop_store("s"))?;
    }
    Ok(())
}

#[test]
fn a_bulk_load_fills_nodes_nearly_completely_and_holds_every_entry() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    let entries = || (0..ENTRIES).map(|number| (key(number), VALUE));
    write(&db, |transaction| {
        let loaded = transaction.bulk_load("s", &StoreOptions::default(), entries())?;
        assert_eq!(loaded, u64::from(ENTRIES));
        Ok(())
    })?;
    assert_fill(&stats(&db)?, 0.95);
    drop(db);
    let expected: Rows = entries().map(|(key, value)| (key.into(), value.into())).collect();
    let reopened = home.open()?;
    assert_eq!(rows(reopened.snapshot()?.store("s")?)?, expected, "after reopening");
    assert_sound(&reopened);
    Ok(())
}
