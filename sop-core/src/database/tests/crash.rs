//! Life after life on a disk that fails once, or stops for good, at a random call; each ends in a
//! power failure, after which an arbitrary part of what was not synced is there.
//!
//! After every step, failed or not, the newest state is compared with the model of what was
//! acknowledged, and the books with the trees as long as commits are accepted. After every opening
//! the state must be that model, or one with a commit whose outcome was said to be unknown.

use std::{cell::Cell, collections::BTreeMap, io::ErrorKind, sync::Arc};

use super::{Model, Random, audit, change, equals, name, nodes_of, open};
use crate::{
    Database, Error, Result,
    disk::{Fault, SimulatedDisk, Survival},
};

const LIVES: usize = 6;
const STEPS: usize = 40;
const STORES: usize = 3;
const SPACE: usize = 3_000;

/// How often what happened, over all seeds: a test that meets no failure shows nothing.
#[derive(Debug, Default)]
struct Seen {
    failed: Cell<u32>,
    unknown: Cell<u32>,
    /// Audits after a failure that went by.
    survived: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

struct Trial<'s> {
    random: Random,
    /// What was acknowledged.
    model: Model,
    /// What may be there instead after a crash.
    unknown: Vec<Model>,
    seen: &'s Seen,
}

/// What the disk does during a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Work,
    Stop,
    Fail(ErrorKind),
}

impl Trial<'_> {
    /// One thing that can be done; the model as it is if that succeeds, and whether it did.
    fn step(&mut self, db: &Database) -> (Model, Result<()>) {
        let mut after = self.model.clone();
        let store = self.random.below(STORES);
        let outcome = match self.random.below(10) {
            0 | 1 => db.checkpoint(),
            2 => db.compact(),
            3 if after.contains_key(&store) => drop_store(db, store, &mut after),
            4 if after.get(&store).is_none_or(BTreeMap::is_empty) => {
                self.load(db, store, &mut after)
            }
            _ => self.write(db, store, &mut after),
        };
        (after, outcome)
    }

    fn load(&mut self, db: &Database, store: usize, after: &mut Model) -> Result<()> {
        let count = 1 + self.random.below(300);
        let entries = self.random.entries(count, SPACE);
        let tx = db.begin()?;
        tx.bulk_load(&name(store), &nodes_of(1_024), &entries)?;
        if self.random.once_in(3) {
            return Ok(());
        }
        after.insert(store, entries);
        tx.commit().map(drop)
    }

    fn write(&mut self, db: &Database, store: usize, after: &mut Model) -> Result<()> {
        let tx = db.begin()?;
        let opened = tx.open_store(&name(store), &nodes_of(1_024))?;
        let entries = after.entry(store).or_default();
        for _ in 0..self.random.pick(&[1, 5, 200]) {
            let key = self.random.key(SPACE);
            change(&mut self.random, opened, entries, key)?;
        }
        tx.commit().map(drop)
    }

    /// Finds out which of the states that there may be is there.
    fn recognise(&mut self, db: &Database) -> Result<()> {
        let snapshot = db.snapshot()?;
        let mut candidates = std::mem::take(&mut self.unknown);
        candidates.push(self.model.clone());
        for candidate in candidates {
            if equals(&snapshot, &candidate)? {
                self.model = candidate;
                return Ok(());
            }
        }
        panic!("none of the states that may be there: {:?}", db.recovery());
    }

    fn live(&mut self, db: &Database, plan: Plan) -> Result<()> {
        let mut has_failed = false;
        for step in 0..self.random.below(STEPS) {
            match self.step(db) {
                (after, Ok(())) => self.model = after,
                (after, Err(error)) => {
                    has_failed = true;
                    count(&self.seen.failed);
                    if matches!(error, Error::CommitUnknown { .. }) {
                        count(&self.seen.unknown);
                        self.unknown.push(after);
                    }
                }
            }
            assert!(equals(&db.snapshot()?, &self.model)?, "{plan:?}, after step {step}");
            if db.stats().poisoned {
                return Ok(());
            }
            audit(db)?;
            if has_failed {
                count(&self.seen.survived);
            }
        }
        Ok(())
    }

    fn plan(&mut self, disk: &SimulatedDisk) -> Plan {
        let at = disk.faults().calls() + self.random.below(300) as u64;
        let plan = self.random.pick(&[
            Plan::Work,
            Plan::Stop,
            Plan::Fail(ErrorKind::StorageFull),
            Plan::Fail(ErrorKind::Other),
        ]);
        match plan {
            Plan::Work => {}
            Plan::Stop => disk.faults().from(at, Fault::Ended),
            Plan::Fail(kind) => disk.faults().once(at, Fault::Error(kind)),
        }
        plan
    }

    /// What is on the disk after a power failure: of what was not synced all, nothing, or a part.
    fn power_failure(&mut self, disk: &SimulatedDisk) -> SimulatedDisk {
        disk.cut_now(match self.random.below(3) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            _ => Survival::Random(self.random.below(usize::MAX) as u64),
        })
    }
}

fn drop_store(db: &Database, store: usize, after: &mut Model) -> Result<()> {
    let tx = db.begin()?;
    tx.drop_store(&name(store))?;
    after.remove(&store);
    tx.commit().map(drop)
}

fn run(seed: u64, seen: &Seen) -> Result<()> {
    let (random, model, unknown) = (Random::new(seed), Model::new(), Vec::new());
    let mut trial = Trial { random, model, unknown, seen };
    let mut disk = Arc::new(SimulatedDisk::new());
    for life in 0..LIVES {
        let plan = trial.plan(&disk);
        match open(&disk) {
            Err(error) => assert!(plan != Plan::Work, "life {life}: {error}"),
            Ok(db) => {
                trial.recognise(&db)?;
                audit(&db)?;
                trial.live(&db, plan)?;
                if trial.random.once_in(3) {
                    // An error here is the disk's; what was acknowledged is there all the same.
                    drop(db.close());
                }
            }
        }
        if trial.random.once_in(3) {
            // Only the process ends; what it has written stays with the system.
            disk.faults().clear();
        } else {
            disk = Arc::new(trial.power_failure(&disk));
        }
    }
    let db = open(&disk)?;
    trial.recognise(&db)?;
    audit(&db)
}

#[test]
fn failures_and_crashes_at_any_call_lose_nothing_that_was_acknowledged() {
    let seen = Seen::default();
    super::for_seeds(1..=60, |seed| run(seed, &seen));
    assert!(seen.failed.get() > 50, "{seen:?}");
    assert!(seen.unknown.get() > 10, "{seen:?}");
    assert!(seen.survived.get() > 50, "{seen:?}");
}
