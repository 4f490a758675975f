//! Two writers, each with a store of its own, beside a thread that writes checkpoints and compacts.
//!
//! In the end each store is compared with what its writer knows, and the books with the trees,
//! before and after a crash of the process. While they run, old states are read twice and compared
//! with themselves, long after checkpoints replaced what they read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{Entries, Model, Random, audit, begin, change, equals, name, nodes_of, open};
use crate::{Database, Error, MemoryDisk, Result, Snapshot};

const ROUNDS: u64 = 4;
const STEPS: usize = 40;
const SPACE: usize = 3_000;

/// Changes one store over and over; gives what it holds then, if it is there.
fn write(
    db: &Database,
    store: usize,
    mut random: Random,
    mut entries: Option<Entries>,
) -> Result<Option<Entries>> {
    let (name, options) = (name(store), nodes_of(1_024));
    for _ in 0..STEPS {
        let tx = begin(db)?;
        if random.once_in(15) && entries.take().is_some() {
            tx.drop_store(&name)?;
        } else {
            let now = entries.get_or_insert_default();
            if random.once_in(15) && now.is_empty() {
                let count = random.below(500);
                *now = random.entries(count, SPACE);
                tx.bulk_load(&name, &options, &*now)?;
            } else {
                let opened = tx.open_store(&name, &options)?;
                let most = random.pick(&[3, 400]);
                for _ in 0..random.below(most) {
                    let key = random.key(SPACE);
                    change(&mut random, opened, now, key)?;
                }
            }
        }
        tx.commit()?;
    }
    Ok(entries)
}

/// All entries of one store, if it is there.
fn read(snapshot: &Snapshot, store: usize) -> Result<Option<Entries>> {
    let store = match snapshot.store(&name(store)) {
        Err(Error::StoreNotFound { .. }) => return Ok(None),
        other => other?,
    };
    let entries = store.iter()?.map(|entry| entry.map(|(key, value)| (key, value.to_vec())));
    entries.collect::<Result<_>>().map(Some)
}

fn write_checkpoints(db: &Database, done: &AtomicBool) -> Result<()> {
    let mut held = Vec::new();
    for number in 1.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        if number % 3 == 0 {
            db.compact()?;
        } else {
            db.checkpoint()?;
        }
        let snapshot = db.snapshot()?;
        held.push((read(&snapshot, 0)?, snapshot));
        if held.len() > 5 {
            let (before, snapshot) = held.remove(number * 7 % 5);
            assert!(read(&snapshot, 0)? == before, "an old state changed");
        }
    }
    Ok(())
}

/// One round of everybody at once; gives what the database holds then.
fn round(db: &Database, seed: u64, before: &mut Model) -> Result<()> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2_usize)
            .map(|store| {
                let random = Random::new(seed * 10 + store as u64);
                let entries = before.remove(&store);
                (store, scope.spawn(move || write(db, store, random, entries)))
            })
            .collect();
        let checkpoints = scope.spawn(|| write_checkpoints(db, &done));
        let written: Vec<_> =
            writers.into_iter().map(|(store, thread)| (store, thread.join())).collect();
        done.store(true, Ordering::Relaxed);
        for (store, outcome) in written {
            if let Some(entries) = outcome.unwrap()? {
                before.insert(store, entries);
            }
        }
        checkpoints.join().unwrap()
    })
}

fn run(seed: u64) -> Result<()> {
    let disk = Arc::new(MemoryDisk::default());
    let mut db = open(&disk)?;
    let mut model = Model::new();
    for number in 0..ROUNDS {
        round(&db, seed * 1_000 + number, &mut model)?;
        audit(&db)?;
        assert!(equals(&db.snapshot()?, &model)?, "after round {number}");
        if seed.is_multiple_of(2) {
            drop(db);
            db = open(&disk)?;
            audit(&db)?;
            assert!(equals(&db.snapshot()?, &model)?, "opened after round {number}");
        }
    }
    Ok(())
}

#[test]
fn writers_beside_checkpoints_lose_nothing_and_keep_the_books_right() {
    super::for_seeds(1..=6, run);
}
