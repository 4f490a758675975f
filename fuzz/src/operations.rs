//! Made-up operations on a database of several stores, each compared with a `BTreeMap`, on a disk
//! whose calls may fail and which may lose its power.
//!
//! [`Run`] knows the states that may be found after a crash: the newest one that is known to be
//! durable, and those of all commits after it. [`work`] is what happens inside of a transaction.

mod input;
mod work;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    sync::Arc,
};

use arbitrary::Unstructured;
use sop_core::{
    Database, Durability, Error, Fault, Isolation, Kind, Options, SimulatedDisk, StoreOptions,
    Survival, Transaction, TransactionOptions,
};
use sop_tests::{assert_sound, contents};

use input::{Episode, Step};

/// Stores by name, each with its entries.
type Model = sop_tests::Contents;

/// Steps and episodes beyond this are not taken, so that no input takes long.
const STEPS_MAX: usize = 2_000;

/// Does what the bytes say.
pub fn run(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let mut run = Run::new();
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        let Ok(episode) = input.arbitrary() else { break };
        run.episode(&episode, &mut input);
    }
    run.compare();
    run.lose_power(Survival::Nothing);
}

struct Run {
    disk: SimulatedDisk,
    /// `None` only while it is being reopened.
    db: Option<Database>,
    /// The number of the call from which on each one fails.
    fails_from: Option<u64>,
    /// What is there now.
    model: Model,
    /// What may be found after a crash, the newest last.
    possible: Vec<Model>,
}

impl Run {
    fn new() -> Self {
        let disk = SimulatedDisk::new();
        let db = open(&disk).expect("nothing fails yet");
        let (model, possible) = (Model::new(), vec![Model::new()]);
        Self { disk, db: Some(db), fails_from: None, model, possible }
    }

    fn db(&self) -> &Database {
        self.db.as_ref().expect("the database is closed only while it is being reopened")
    }

    fn episode(&mut self, episode: &Episode, input: &mut Unstructured<'_>) {
        let result = match episode {
            Episode::Transaction { relaxed, snapshot } => {
                self.transaction(*relaxed, *snapshot, input)
            }
            Episode::Checkpoint => self.db().checkpoint().map(|()| self.all_durable()),
            Episode::Sync => self.db().sync().map(|()| self.all_durable()),
            Episode::Compact => self.db().compact().map(|()| self.all_durable()),
            Episode::Compare => {
                self.compare();
                Ok(())
            }
            Episode::Reopen { close } => self.reopen(*close),
            Episode::LosePower { seed } => {
                self.lose_power(survival(*seed));
                Ok(())
            }
            Episode::FailAfter { calls, ended } => {
                let from = self.disk.faults().calls() + u64::from(*calls);
                let fault = if *ended { Fault::Ended } else { Fault::Error(ErrorKind::Other) };
                self.disk.faults().from(from, fault);
                self.fails_from = Some(from);
                Ok(())
            }
        };
        if let Err(error) = result {
            let is_planned = self.fails_from.is_some_and(|from| self.disk.faults().calls() > from);
            assert!(is_planned && matches!(error.kind(), Kind::Io | Kind::Reopen), "{error:?}");
            self.lose_power(survival(input.arbitrary().unwrap_or_default()));
        }
    }

    /// Everything committed so far survives from now on.
    fn all_durable(&mut self) {
        self.possible = vec![self.model.clone()];
    }

    fn transaction(
        &mut self,
        relaxed: bool,
        snapshot: bool,
        input: &mut Unstructured<'_>,
    ) -> Result<(), Error> {
        let durability = if relaxed { Durability::Eventual } else { Durability::Immediate };
        let isolation = if snapshot { Isolation::Snapshot } else { Isolation::Serializable };
        let options = TransactionOptions::default().durability(durability).isolation(isolation);
        let transaction = self.db().begin_with(options)?;
        let mut model = self.model.clone();
        if !take_steps(&transaction, &mut model, input)? {
            transaction.rollback();
            return Ok(());
        }
        match transaction.commit() {
            // What changes nothing is not written, and makes nothing durable.
            Ok(_) if model == self.model => {}
            Ok(_) if relaxed => self.possible.push(model.clone()),
            Ok(_) => self.possible = vec![model.clone()],
            Err(error) => {
                if matches!(error, Error::CommitUnknown { .. }) {
                    self.possible.push(model);
                }
                return Err(error);
            }
        }
        self.model = model;
        Ok(())
    }

    fn compare(&self) {
        // What failed does not keep from reading, except that a file may not be there to be read.
        assert_sound(self.db());
        let snapshot = self.db().snapshot().expect("it is open");
        assert!(contents(&snapshot).expect("what is mapped can be read") == self.model);
    }

    fn reopen(&mut self, close: bool) -> Result<(), Error> {
        let db = self.db.take().expect("it is open until now");
        let closed = if close {
            db.close()
        } else {
            drop(db);
            Ok(())
        };
        if close && closed.is_ok() {
            self.all_durable();
        }
        let opened = closed.and_then(|()| open(&self.disk));
        self.db = Some(opened?);
        self.all_durable();
        self.compare();
        Ok(())
    }

    /// Goes on with what a loss of power left, which must be one of the states that are possible.
    fn lose_power(&mut self, survival: Survival) {
        self.disk = self.disk.cut_now(survival);
        // The old one goes on without having noticed, on a disk that nobody will look at again.
        drop(self.db.take());
        self.fails_from = None;
        let db = open(&self.disk).expect("a crash is always recovered from");
        assert_sound(&db);
        let found = contents(&db.snapshot().expect("it is open")).expect("all can be read");
        assert!(self.possible.contains(&found), "commits are lost, or there by half");
        self.model = found;
        self.all_durable();
        self.db = Some(db);
    }
}

/// Takes the steps of one transaction; says whether it is to be committed.
fn take_steps(
    transaction: &Transaction,
    model: &mut Model,
    input: &mut Unstructured<'_>,
) -> Result<bool, Error> {
    // What is loaded in bulk can be used once its transaction has committed.
    let mut loaded = BTreeSet::new();
    for _ in 0..STEPS_MAX {
        let Ok(step) = input.arbitrary() else { break };
        match step {
            Step::DropStore(store) | Step::Load { store, .. } | Step::Work(store)
                if loaded.contains(store.name()) => {}
            Step::Commit => return Ok(true),
            Step::Abort => return Ok(false),
            Step::DropStore(store) => {
                let dropped = transaction.drop_store(store.name());
                assert_eq!(dropped.is_ok(), model.remove(store.name()).is_some());
            }
            Step::Load { store, rows, len } => {
                if model.get(store.name()).is_none_or(BTreeMap::is_empty) {
                    let rows: Vec<_> = input::rows(rows, len).collect();
                    let entries = rows.iter().map(|(key, value)| (key, value));
                    transaction.bulk_load(store.name(), &store.options(), entries)?;
                    model.insert(store.name().to_owned(), rows.into_iter().collect());
                    loaded.insert(store.name());
                }
            }
            Step::Work(store) => {
                let rows = model.entry(store.name().to_owned()).or_default();
                let store = transaction.open_store(store.name(), &store.options())?;
                work::on_a_store(&store, rows, input)?;
            }
        }
    }
    Ok(true)
}

fn survival(seed: u8) -> Survival {
    match seed {
        0 => Survival::Nothing,
        1 => Survival::Everything,
        seed => Survival::Random(seed.into()),
    }
}

/// No checkpoint is written unless it is asked for, so that equal inputs do equal things.
fn open(disk: &SimulatedDisk) -> Result<Database, Error> {
    let options = Options::default().log_file_bytes(64 << 10);
    Database::builder().disk(Arc::new(disk.clone())).options(options).open("db")
}

/// One of the stores.
#[derive(arbitrary::Arbitrary, Clone, Copy, Debug)]
pub enum StoreName {
    /// With the smallest nodes.
    Small,
    /// With the usual nodes.
    Usual,
    /// With nodes of a size between.
    Other,
}

impl StoreName {
    fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Usual => "usual",
            Self::Other => "other",
        }
    }

    fn options(self) -> StoreOptions {
        let options = StoreOptions::default();
        match self {
            Self::Small => options.node_size(1 << 10),
            Self::Usual => options,
            Self::Other => options.node_size(1_500),
        }
    }
}
