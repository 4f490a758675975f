//! Life after life on a disk that fails once, or stops for good, at a random call; each ends in a
//! power failure, after which an arbitrary part of what was not synced is there.
//!
//! After every step, failed or not, the newest state is compared with the model of what was
//! acknowledged, and the books with the trees as long as commits are accepted. After every opening
//! the state must be that model, or one with a commit whose outcome was said to be unknown, and there
//! must be no file that it does not read.

use std::{cell::Cell, collections::BTreeMap, io::ErrorKind, sync::Arc};

use super::{
    Model, Random, assert_no_leftovers, audit, begin, change, equals, name, nodes_of, open,
};
use crate::{
    Database, Error, Result, Snapshot,
    disk::{Fault, SimulatedDisk, Survival},
};

const LIVES: usize = 6;
const STEPS: usize = 40;
const STORES: usize = 3;
const SPACE: usize = 3_000;

/// What is done to a database, and what it is compared with.
pub(super) trait Work {
    type Model: Clone + Default;

    /// Does one thing, to the database and to the model.
    fn step(random: &mut Random, db: &Database, model: &mut Self::Model) -> Result<()>;

    fn equals(snapshot: &Snapshot, model: &Self::Model) -> Result<bool>;
}

/// Stores of entries.
pub(super) struct Stores;

impl Work for Stores {
    type Model = Model;

    fn step(random: &mut Random, db: &Database, model: &mut Model) -> Result<()> {
        let store = random.below(STORES);
        match random.below(10) {
            0 | 1 => db.checkpoint(),
            2 => db.compact(),
            3 if model.contains_key(&store) => drop_store(db, store, model),
            4 if model.get(&store).is_none_or(BTreeMap::is_empty) => load(random, db, store, model),
            _ => write(random, db, store, model),
        }
    }

    fn equals(snapshot: &Snapshot, model: &Model) -> Result<bool> {
        equals(snapshot, model)
    }
}

fn load(random: &mut Random, db: &Database, store: usize, model: &mut Model) -> Result<()> {
    let count = 1 + random.below(300);
    let entries = random.entries(count, SPACE);
    let tx = db.begin()?;
    tx.bulk_load(&name(store), &nodes_of(1_024), &entries)?;
    if random.once_in(3) {
        return Ok(());
    }
    model.insert(store, entries);
    tx.commit().map(drop)
}

/// Every tenth time in vain.
fn write(random: &mut Random, db: &Database, store: usize, model: &mut Model) -> Result<()> {
    let tx = begin(db)?;
    let opened = tx.open_store(&name(store), &nodes_of(1_024))?;
    let mut entries = model.get(&store).cloned().unwrap_or_default();
    for _ in 0..random.pick(&[1, 5, 200]) {
        let key = random.key(SPACE);
        change(random, opened, &mut entries, key)?;
    }
    if random.once_in(10) {
        return Ok(());
    }
    model.insert(store, entries);
    tx.commit().map(drop)
}

fn drop_store(db: &Database, store: usize, model: &mut Model) -> Result<()> {
    let tx = db.begin()?;
    tx.drop_store(&name(store))?;
    model.remove(&store);
    tx.commit().map(drop)
}

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

struct Trial<'s, W: Work> {
    random: Random,
    /// What was acknowledged.
    model: W::Model,
    /// What may be there instead after a crash.
    unknown: Vec<W::Model>,
    seen: &'s Seen,
}

/// What the disk does during a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Work,
    Stop,
    Fail(ErrorKind),
}

impl<W: Work> Trial<'_, W> {
    /// Finds out which of the states that there may be is there.
    fn recognise(&mut self, db: &Database) -> Result<()> {
        let snapshot = db.snapshot()?;
        let mut candidates = std::mem::take(&mut self.unknown);
        candidates.push(self.model.clone());
        for candidate in candidates {
            if W::equals(&snapshot, &candidate)? {
                self.model = candidate;
                return Ok(());
            }
        }
        panic!("none of the states that may be there: {:?}", db.recovery());
    }

    fn live(&mut self, db: &Database, plan: Plan) -> Result<()> {
        let mut has_failed = false;
        for step in 0..self.random.below(STEPS) {
            let mut after = self.model.clone();
            match W::step(&mut self.random, db, &mut after) {
                Ok(()) => self.model = after,
                Err(error) => {
                    has_failed = true;
                    count(&self.seen.failed);
                    if matches!(error, Error::CommitUnknown { .. }) {
                        count(&self.seen.unknown);
                        self.unknown.push(after);
                    }
                }
            }
            assert!(W::equals(&db.snapshot()?, &self.model)?, "{plan:?}, after step {step}");
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

fn run<W: Work>(seed: u64, seen: &Seen) -> Result<()> {
    let (random, model, unknown) = (Random::new(seed), W::Model::default(), Vec::new());
    let mut trial = Trial::<W> { random, model, unknown, seen };
    let mut disk = Arc::new(SimulatedDisk::new());
    for life in 0..LIVES {
        let plan = trial.plan(&disk);
        match open(&disk) {
            Err(error) => assert!(plan != Plan::Work, "life {life}: {error}"),
            Ok(db) => {
                trial.recognise(&db)?;
                audit(&db)?;
                assert_no_leftovers(&db, &*disk)?;
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

/// Many lives, of one seed each, with so many failures at least.
pub(super) fn live_and_crash<W: Work>(seeds: u64, failures: u32) {
    let seen = Seen::default();
    super::for_seeds(1..=seeds, |seed| run::<W>(seed, &seen));
    assert!(seen.failed.get() > failures, "{seen:?}");
    assert!(seen.unknown.get() > failures / 5, "{seen:?}");
    assert!(seen.survived.get() > failures, "{seen:?}");
}

#[test]
fn failures_and_crashes_at_any_call_lose_nothing_that_was_acknowledged() {
    live_and_crash::<Stores>(60, 50);
}
