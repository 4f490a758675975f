//! A process that has loaded a store and is taken for dead before it commits: what it has written is
//! gone by then, so either it is told to do it again, or all of it can be read.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use sop_core::{
    Background, ClientDisk, Database, Disk, Error, Mode, Options, Result, SimulatedDisk,
    StoreOptions, Transaction,
};

use crate::{Outcome, contents, simulation::StepClock};

const ROOT: &str = "/db";
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the living one looks, while as much time passes as anybody has patience for, and more.
const LOOKS: u64 = 10;

/// The living one writes so many checkpoints before the other one is back.
///
/// # Errors
/// If anything is missing of what was committed.
pub fn load_and_be_away(checkpoints: u64) -> Outcome {
    let (server, clock) = (SimulatedDisk::new(), Arc::new(StepClock::default()));
    server.create_dir_all(Path::new(ROOT))?;
    let (busy, away) = (open(&server, &clock)?, open(&server, &clock)?);
    let loaded = load(&away)?;
    for _ in 0..LOOKS {
        clock.pass(5_000_000);
        while busy.work()?.is_some() {}
    }
    for number in 0..checkpoints {
        write(&busy, number)?;
        busy.checkpoint()?;
    }
    match loaded.commit() {
        Err(Error::Expelled) => _ = load(&away)?.commit()?,
        told => _ = told?,
    }
    let expected = ENTRIES + checkpoints;
    for db in [&busy, &away, &open(&server, &clock)?] {
        db.follow()?;
        let found: usize = contents(&db.snapshot()?)?.values().map(BTreeMap::len).sum();
        if found as u64 != expected {
            return Err(format!("{found} entries of {expected} are there").into());
        }
    }
    Ok(())
}

const ENTRIES: u64 = 500;

fn open(server: &SimulatedDisk, clock: &Arc<StepClock>) -> Result<Database> {
    let options = Options::default().mode(Mode::Shared).background(Background::Manual);
    let disk = Arc::new(ClientDisk::new(Arc::new(server.clone())));
    let builder = Database::builder().options(options.member_patience(PATIENCE)).disk(disk);
    builder.clock(Arc::clone(clock) as Arc<_>).open(ROOT)
}

/// A store that was written and is yet to be committed.
fn load(db: &Database) -> Result<Transaction> {
    let transaction = db.begin()?;
    let entries = (0..ENTRIES).map(|key| (format!("{key:05}"), "x".repeat(100)));
    transaction.bulk_load("loaded", &StoreOptions::default(), entries)?;
    Ok(transaction)
}

fn write(db: &Database, number: u64) -> Result<()> {
    let transaction = db.begin()?;
    let store = transaction.open_store("others", &StoreOptions::default())?;
    store.upsert(number.to_be_bytes(), "x")?;
    transaction.commit().map(drop)
}
