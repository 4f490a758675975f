//! A process of a shared folder that is away at each call of what it does, while others do all that
//! can happen meanwhile; then it goes on as if nothing had happened.
//!
//! The simulator of clusters meets such moments by chance, and those that matter most are rare. Here
//! each call is met, one after the other, by what is worst for it: so many checkpoints and commits
//! that all it knows of the folder is out of date, or a power cut right after somebody has looked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use sop_core::{
    Background, Builder, ClientDisk, Database, FaultyDisk, Mode, Options, Result, SimulatedDisk,
    StoreOptions, Survival,
};

use crate::{Outcome, contents};

/// Where the folder is.
const ROOT: &str = "/db";

const STORE: &str = "s";

/// How many slots are kept behind a checkpoint.
const SLOTS_KEPT: u64 = 24;

/// More checkpoints than are kept.
const CHECKPOINTS: u64 = 17;

/// More commits than slots are kept.
const COMMITS: u64 = SLOTS_KEPT + 10;

/// What the process is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Opening the folder.
    Open,
    /// Taking in what others have done.
    Follow,
    /// Committing a transaction that it has begun before.
    Commit,
    /// Writing a checkpoint, on one that another process has written.
    Checkpoint,
}

/// What happens while it is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// More checkpoints than are kept, then more commits than slots are kept.
    CheckpointsFirst,
    /// The other way round.
    CommitsFirst,
    /// Somebody looks at what is there, and the power goes.
    Look,
    /// Somebody looks at what is there and writes a checkpoint of it, and the power goes.
    LookAndCheckpoint,
}

/// All that can be met by all.
pub fn cases() -> Vec<(Work, Meanwhile)> {
    use Meanwhile::{CheckpointsFirst, CommitsFirst, Look, LookAndCheckpoint};
    let works = [Work::Checkpoint, Work::Commit, Work::Open, Work::Follow];
    let meets = |work| [Look, CheckpointsFirst, CommitsFirst, LookAndCheckpoint].map(|m| (work, m));
    works.into_iter().flat_map(meets).collect()
}

/// A folder, and what must be in it.
#[derive(Debug, Default)]
struct Folder {
    server: SimulatedDisk,
    keys: AtomicU64,
    acknowledged: Mutex<BTreeSet<Vec<u8>>>,
}

/// A process that has it open.
#[derive(Clone, Debug)]
struct Process {
    folder: Arc<Folder>,
    db: Database,
}

/// Whether there is such a call, counted from 0, of that work. Does it and meets it there.
///
/// # Errors
/// If anybody fails without a cause, or anything is lost.
pub fn meet(call: u64, (work, meanwhile): (Work, Meanwhile)) -> Outcome<bool> {
    let folder = Arc::new(Folder::default());
    let busy = folder.open(&folder.machine())?;
    busy.commits(3)?;
    let away = folder.machine();
    let absent = if work == Work::Open { None } else { Some(folder.open(&away)?) };
    if let Some(absent) = &absent {
        absent.commits(1)?;
    }
    busy.checkpoints(1)?;
    busy.commits(2)?;
    let committing = absent.as_ref().filter(|_| work == Work::Commit);
    let prepared = committing.map(Process::prepare).transpose()?;
    let met = Arc::new(Mutex::new(None));
    before_call(&away, call, {
        let (busy, met) = (busy.clone(), Arc::clone(&met));
        move || *met.lock() = Some(busy.do_what_is_done(meanwhile, call))
    });
    let absent = match absent {
        None => folder.open(&away)?,
        Some(absent) => {
            match (work, prepared) {
                (_, Some((key, transaction))) => {
                    transaction.commit()?;
                    folder.acknowledged.lock().insert(key);
                }
                (Work::Checkpoint, _) => absent.db.checkpoint()?,
                _ => absent.db.follow()?,
            }
            absent
        }
    };
    away.faults().clear();
    let Some(met) = met.lock().take() else { return Ok(false) };
    met?;
    let newcomer = folder.open(&folder.machine())?;
    for process in [&busy, &absent, &newcomer] {
        process.commits(1)?;
    }
    for process in [&busy, &absent, &newcomer] {
        process.assert_whole()?;
    }
    Ok(true)
}

/// Lets something happen before a call of a disk, counted from now on.
fn before_call(disk: &FaultyDisk, call: u64, happening: impl FnOnce() + Send + 'static) {
    let (calls, happening) = (AtomicU64::new(0), Mutex::new(Some(happening)));
    disk.faults().judge(move |_, _| {
        if calls.fetch_add(1, Ordering::Relaxed) == call
            && let Some(happening) = happening.lock().take()
        {
            happening();
        }
        None
    });
}

impl Folder {
    fn machine(&self) -> FaultyDisk {
        FaultyDisk::new(Arc::new(ClientDisk::new(Arc::new(self.server.clone()))))
    }

    fn open(self: &Arc<Self>, machine: &FaultyDisk) -> Result<Process> {
        let db = builder().disk(Arc::new(machine.clone())).open(ROOT)?;
        Ok(Process { folder: Arc::clone(self), db })
    }
}

fn builder() -> Builder {
    let options = Options::default().mode(Mode::Shared).background(Background::Manual);
    Database::builder().options(options.shared_slots_kept(SLOTS_KEPT))
}

impl Process {
    /// A transaction that adds an entry nobody else adds, ready to be committed.
    fn prepare(&self) -> Result<(Vec<u8>, sop_core::Transaction)> {
        let key = format!("{:06}", self.folder.keys.fetch_add(1, Ordering::Relaxed)).into_bytes();
        let transaction = self.db.begin()?;
        transaction.open_store(STORE, &StoreOptions::default())?.upsert(&key, "x")?;
        Ok((key, transaction))
    }

    fn commits(&self, count: u64) -> Result<()> {
        for _ in 0..count {
            let (key, transaction) = self.prepare()?;
            transaction.commit()?;
            self.folder.acknowledged.lock().insert(key);
        }
        Ok(())
    }

    fn checkpoints(&self, count: u64) -> Result<()> {
        for _ in 0..count {
            self.commits(1)?;
            self.db.checkpoint()?;
        }
        Ok(())
    }

    fn do_what_is_done(&self, meanwhile: Meanwhile, seed: u64) -> Outcome {
        match meanwhile {
            Meanwhile::CheckpointsFirst => {
                self.checkpoints(CHECKPOINTS)?;
                Ok(self.commits(COMMITS)?)
            }
            Meanwhile::CommitsFirst => {
                self.commits(COMMITS)?;
                Ok(self.checkpoints(CHECKPOINTS)?)
            }
            Meanwhile::Look => self.look_and_lose_power(seed),
            Meanwhile::LookAndCheckpoint => {
                self.db.follow()?;
                self.db.checkpoint()?;
                self.look_and_lose_power(seed)
            }
        }
    }

    /// The keys that a transaction sees that begins now.
    fn look(&self) -> Outcome<BTreeSet<Vec<u8>>> {
        let transaction = self.db.begin()?;
        let keys = transaction.store(STORE)?.iter()?.map(|entry| entry.map(|(key, _)| key));
        let keys = keys.collect::<Result<_>>()?;
        transaction.commit()?;
        Ok(keys)
    }

    /// What somebody has seen is there, whatever a power cut takes away.
    fn look_and_lose_power(&self, seed: u64) -> Outcome {
        let seen = self.look()?;
        let acknowledged = self.folder.acknowledged.lock().clone();
        for survival in [Survival::Nothing, Survival::Random(seed)] {
            let server = self.folder.server.cut_now(survival);
            let left = Arc::new(Folder { server, ..Folder::default() });
            let found = left.open(&left.machine())?.look()?;
            if let Some(key) = seen.union(&acknowledged).find(|key| !found.contains(*key)) {
                let (key, is_seen) = (String::from_utf8_lossy(key), seen.contains(key));
                return Err(format!("{survival:?}: {key} is lost; it was seen: {is_seen}").into());
            }
        }
        Ok(())
    }

    /// It has what it must, and is sound.
    fn assert_whole(&self) -> Outcome {
        self.db.follow()?;
        let found = contents(&self.db.snapshot()?)?;
        let found: BTreeSet<Vec<u8>> = found.into_values().flat_map(BTreeMap::into_keys).collect();
        let expected = self.folder.acknowledged.lock();
        if found != *expected {
            let lost: Vec<_> =
                expected.difference(&found).map(|key| String::from_utf8_lossy(key)).collect();
            return Err(format!("{lost:?} are lost, of {}", expected.len()).into());
        }
        let report = self.db.check()?;
        if report.is_sound() { Ok(()) } else { Err(format!("{:?}", report.problems).into()) }
    }
}
