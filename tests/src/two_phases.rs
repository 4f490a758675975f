//! Transactions that are prepared, and committed or rolled back later, beside others that commit at
//! once: judged by replay, in which a prepared one takes effect when it is committed.
//!
//! So whatever it has read must still be there then, whoever committed in between, and also if the
//! database was opened anew meanwhile.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use fastrand::Rng;
use sop_core::{
    Background, Database, Error, Isolation, MemoryDisk, Options, StoreOptions, Transaction,
    TransactionOptions,
};

use crate::{
    Outcome, Seed,
    oracle::{End, Life, Model, Report, Step, Value, Witness, WriteKind, check},
};

const STORES: [&str; 2] = ["a", "b"];
const KEYS: u8 = 6;
const STEPS: usize = 150;
const OPEN_MAX: usize = 4;
const PREPARED_MAX: usize = 3;

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Transactions that were committed in two phases.
    pub prepared: u64,
    /// Those that clashed with one that was prepared.
    pub kept_off: u64,
    /// Commits that were judged.
    pub commits: u64,
}

struct Open {
    witness: Witness<Transaction>,
    snapshot: u64,
    isolation: Isolation,
}

struct Run {
    random: Rng,
    disk: Arc<MemoryDisk>,
    db: Database,
    open: Vec<Open>,
    /// What has been prepared, by name.
    prepared: BTreeMap<String, Report>,
    life: Life,
    order: u64,
    tally: Tally,
}

fn open(disk: &Arc<MemoryDisk>) -> Outcome<Database> {
    let options = Options::default().background(Background::Manual);
    Ok(Database::builder().options(options).disk(Arc::clone(disk) as Arc<_>).open("/db")?)
}

/// Does some work, the same for the same seed, and judges it.
///
/// # Errors
/// If the database fails, or what it did cannot be.
pub fn run(seed: Seed) -> Outcome<Tally> {
    let disk = Arc::new(MemoryDisk::default());
    let db = open(&disk)?;
    let mut run = Run {
        random: seed.stream(0),
        disk,
        db,
        open: Vec::new(),
        prepared: BTreeMap::new(),
        life: Life::default(),
        order: 0,
        tally: Tally::default(),
    };
    for _ in 0..STEPS {
        run.step()?;
    }
    for name in run.prepared.keys().cloned().collect::<Vec<_>>() {
        run.commit_prepared(&name)?;
    }
    let (model, checked) = check(&Model::default(), &run.life, None)?;
    run.tally.commits = checked.commits;
    let snapshot = run.db.snapshot()?;
    let expected = model.stores.into_iter().map(|(name, rows)| {
        let rows = rows.into_iter().map(|(key, value)| (key, value.to_vec()));
        (name, rows.collect())
    });
    let found = crate::contents(&snapshot)?;
    if found != expected.collect() {
        return Err(format!("{found:?} is there").into());
    }
    Ok(run.tally)
}

impl Run {
    fn step(&mut self) -> Outcome {
        match self.random.u8(..40) {
            0 => self.reopen(),
            1 => Ok(self.db.checkpoint()?),
            2..6 => self.end_prepared(),
            _ if self.open.len() < OPEN_MAX => self.begin(),
            _ => self.end(),
        }
    }

    fn reopen(&mut self) -> Outcome {
        self.open.clear();
        let db = std::mem::replace(&mut self.db, Database::builder().in_memory()?);
        if self.random.bool() {
            db.close()?;
        } else {
            drop(db);
        }
        self.db = open(&self.disk)?;
        let names = self.db.prepared()?.into_iter().map(|info| info.name);
        if names.ne(self.prepared.keys().cloned()) {
            return Err(format!("{:?} should be prepared", self.prepared.keys()).into());
        }
        Ok(())
    }

    fn begin(&mut self) -> Outcome {
        let isolation =
            if self.random.u8(..3) > 0 { Isolation::Serializable } else { Isolation::Snapshot };
        let tx = self.db.begin_with(TransactionOptions::default().isolation(isolation))?;
        let snapshot = tx.position();
        let mut witness = Witness::new(tx);
        for _ in 0..self.random.u8(1..4) {
            self.operate(&mut witness)?;
        }
        self.open.push(Open { witness, snapshot, isolation });
        Ok(())
    }

    fn operate(&mut self, witness: &mut Witness<Transaction>) -> Outcome {
        let random = &mut self.random;
        let store = STORES[random.usize(..STORES.len())];
        let (key, other) = ([random.u8(..KEYS)], [random.u8(..KEYS)]);
        let value = || Value::from(self.order.to_be_bytes().as_slice());
        match random.u8(..10) {
            0..3 => witness.find(store, &key)?,
            3 => {
                let (from, to) = (key.min(other), key.max(other));
                let range = (Bound::Included(from.to_vec()), Bound::Included(to.to_vec()));
                witness.scan(store, range, usize::MAX, 0)?;
            }
            4 if random.u8(..4) == 0 => witness.list()?,
            4 => witness.count(store, (Bound::Included(key.to_vec()), Bound::Unbounded))?,
            5 => witness.create(store, &StoreOptions::default(), random.bool())?,
            6 if random.u8(..8) == 0 => witness.drop_store(store)?,
            6 => witness.write(store, &key, WriteKind::Remove)?,
            _ => witness.write(store, &key, WriteKind::Upsert(value()))?,
        }
        Ok(())
    }

    fn end(&mut self) -> Outcome {
        let which = self.random.usize(..self.open.len());
        let Open { witness, snapshot, isolation } = self.open.swap_remove(which);
        let prepares = self.random.bool() && self.prepared.len() < PREPARED_MAX;
        let writes = witness.writes();
        let (tx, steps) = witness.into_parts();
        let report = Report { snapshot, isolation, begun_after: 0, steps, end: End::NoEffect };
        if prepares {
            let name = format!("{:04}", self.order);
            self.order += 1;
            return match tx.prepare(&name) {
                Ok(_) => {
                    self.life.others.insert(self.db.stats().position);
                    self.prepared.insert(name, report);
                    Ok(())
                }
                Err(error) => self.refused(error),
            };
        }
        let newest = self.db.stats().position;
        match tx.commit() {
            // Who only opens a store that is there has changed nothing.
            Ok(commit) if writes && commit.position > newest => {
                self.committed(report, commit.position);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => self.refused(error),
        }
    }

    fn end_prepared(&mut self) -> Outcome {
        let names: Vec<_> = self.prepared.keys().cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        let name = &names[self.random.usize(..names.len())];
        if self.random.u8(..3) > 0 {
            return self.commit_prepared(name);
        }
        self.prepared.remove(name);
        self.db.find_prepared(name)?.rollback()?;
        self.life.others.insert(self.db.stats().position);
        Ok(())
    }

    fn commit_prepared(&mut self, name: &str) -> Outcome {
        let report = self.prepared.remove(name).ok_or("it is one of them")?;
        let commit = self.db.find_prepared(name)?.commit()?;
        self.tally.prepared += 1;
        if report.steps.iter().all(Step::only_reads) {
            self.life.others.insert(commit.position);
            return Ok(());
        }
        self.committed(report, commit.position);
        Ok(())
    }

    fn committed(&mut self, report: Report, position: u64) {
        self.order += 1;
        let order = self.order;
        let end = End::Committed { position, order, index: Some(0), submitted_after: 0 };
        self.life.reports.push(Report { end, ..report });
    }

    fn refused(&mut self, error: Error) -> Outcome {
        match error {
            Error::Conflict(conflict) => {
                let holder = conflict.prepared;
                self.tally.kept_off += u64::from(holder.is_some());
                match holder.filter(|holder| !self.prepared.contains_key(holder)) {
                    Some(holder) => Err(format!("{holder} is not prepared").into()),
                    None => Ok(()),
                }
            }
            error => Err(error.into()),
        }
    }
}
