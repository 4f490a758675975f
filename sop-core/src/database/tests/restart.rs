//! The process dies at each call of a checkpoint in turn, and what it has written stays with the
//! system, synced or not. The next process goes on from there and commits; then the power fails.
//!
//! What the second process acknowledged must be there, with everything before, whatever part of
//! the unsynced rest got to the disk.

use std::sync::Arc;

use super::{Entries, Model, Random, audit, equals, for_seeds, name, nodes_of, open};
use crate::{
    Database, Result,
    disk::{Fault, SimulatedDisk, Survival},
};

/// Adds some entries to the one store.
fn write(db: &Database, random: &mut Random, model: &mut Model) -> Result<()> {
    let tx = db.begin()?;
    let store = tx.open_store(&name(0), &nodes_of(1_024))?;
    let entries: Entries = random.entries(300, 3_000);
    entries.iter().try_for_each(|(key, value)| store.upsert(key, value))?;
    tx.commit()?;
    model.entry(0).or_default().extend(entries);
    Ok(())
}

/// What is on the disk after a process died `calls` calls into a checkpoint, and the next one
/// committed; nothing if the checkpoint takes no more calls than that.
fn interrupted(calls: u64, model: &mut Model) -> Result<Option<SimulatedDisk>> {
    let mut random = Random::new(calls);
    let disk = Arc::new(SimulatedDisk::new());
    let db = open(&disk)?;
    write(&db, &mut random, model)?;
    db.checkpoint()?;
    write(&db, &mut random, model)?;
    disk.faults().from(disk.faults().calls() + calls, Fault::Ended);
    if db.checkpoint().is_ok() {
        return Ok(None);
    }
    drop(db);
    disk.faults().clear();
    write(&open(&disk)?, &mut random, model)?;
    Ok(Some((*disk).clone()))
}

#[test]
fn what_a_process_that_died_left_unsynced_takes_nothing_from_the_next() {
    for calls in 0.. {
        let mut model = Model::new();
        let Some(disk) = interrupted(calls, &mut model).unwrap() else {
            assert!(calls > 10, "there is a lot that can be interrupted");
            return;
        };
        for_seeds(0..=20, |seed| {
            let survival = match seed {
                0 => Survival::Nothing,
                1 => Survival::Everything,
                _ => Survival::Random(seed),
            };
            let db = open(&Arc::new(disk.cut_now(survival)));
            assert!(db.is_ok(), "stopped after {calls} calls: {:?}", db.map(drop));
            let db = db?;
            assert!(equals(&db.snapshot()?, &model)?, "stopped after {calls} calls");
            audit(&db)
        });
    }
}
