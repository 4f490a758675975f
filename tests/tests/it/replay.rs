//! Random transactions from many threads, with checkpoints beside them, judged by the replay
//! oracle.

use std::{
    ops::Bound,
    sync::atomic::{AtomicU64, Ordering},
};

use fastrand::Rng;
use sop_core::{Database, Error, Options, Result, StoreOptions, TransactionOptions};
use sop_tests::{
    Home, Outcome, Seed, effort, on_every_disk,
    oracle::{
        Checked, Direction, End, Isolation, Life, Model, Report, Value, Witness, WriteKind, check,
    },
    tally, together,
};

on_every_disk!(
    what_threads_saw_and_were_told_can_be_done_again_one_after_another,
    what_threads_saw_under_snapshot_isolation_can_be_done_again,
);

const THREADS: usize = 4;
const TRANSACTIONS_PER_THREAD: u64 = 400;
const KEYS: u32 = 60;
const STORES: [&str; 2] = ["small nodes", "large nodes"];

fn what_threads_saw_and_were_told_can_be_done_again_one_after_another(home: &Home) -> Outcome {
    judge_threads(home, Isolation::Serializable, 71)
}

fn what_threads_saw_under_snapshot_isolation_can_be_done_again(home: &Home) -> Outcome {
    judge_threads(home, Isolation::Snapshot, 72)
}

fn judge_threads(home: &Home, isolation: Isolation, seed: u64) -> Outcome {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 64 << 10;
    let run = Run { db: home.open_with(options)?, isolation, acknowledged: AtomicU64::new(0) };
    let seed = Seed::new(seed);
    let mut life = Life { reports: vec![run.setup()?], ..Life::default() };
    let reports = together(THREADS, |thread| run.transactions(seed.stream(thread as u64)))?;
    life.reports.extend(reports.into_iter().flatten());
    life.reports.push(run.look()?);
    let (_, Checked { commits, conflicts, .. }) = check(&Model::default(), &life, None)?;
    assert!(commits > TRANSACTIONS_PER_THREAD, "{commits} commits are too few");
    tally(commits, "commits of threads judged by replay");
    tally(conflicts, "conflicts of threads found just");
    Ok(())
}

struct Run {
    db: Database,
    isolation: Isolation,
    /// The highest position that was acknowledged to anybody.
    acknowledged: AtomicU64,
}

impl Run {
    fn setup(&self) -> Outcome<Report> {
        self.transaction(|witness| {
            witness.create(STORES[0], &StoreOptions::default().node_size(1_024), true)?;
            witness.create(STORES[1], &StoreOptions::default(), true)
        })
    }

    fn transactions(&self, mut random: Rng) -> Outcome<Vec<Report>> {
        let number = TRANSACTIONS_PER_THREAD * effort();
        let transaction = |_| {
            let steps = random.u8(1..6);
            self.transaction(|witness| (0..steps).try_for_each(|_| step(witness, &mut random)))
        };
        (0..number).map(transaction).collect()
    }

    fn transaction(
        &self,
        work: impl FnOnce(&mut Witness<sop_core::Transaction>) -> Result<()>,
    ) -> Outcome<Report> {
        let begun_after = self.acknowledged.load(Ordering::SeqCst);
        let options = TransactionOptions::default().isolation(self.isolation);
        let mut witness = Witness::new(self.db.begin_with(options)?);
        work(&mut witness)?;
        let (transaction, steps) = witness.into_parts();
        let snapshot = transaction.position();
        let submitted_after = self.acknowledged.load(Ordering::SeqCst);
        let end = match transaction.commit() {
            Ok(commit) => {
                self.acknowledged.fetch_max(commit.position, Ordering::SeqCst);
                let (position, index) = (commit.position, Some(commit.index));
                let order = u64::from(commit.index);
                End::Committed { position, order, index, submitted_after }
            }
            Err(Error::Conflict(conflict)) => {
                End::Refused { conflict, told_at: self.db.snapshot()?.position() }
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Report { snapshot, isolation: self.isolation, begun_after, steps, end })
    }

    /// Reads everything at the end.
    fn look(&self) -> Outcome<Report> {
        let begun_after = self.acknowledged.load(Ordering::SeqCst);
        let mut witness = Witness::new(self.db.snapshot()?);
        witness.list()?;
        for store in STORES {
            witness.scan(store, (Bound::Unbounded, Bound::Unbounded), usize::MAX, 0)?;
        }
        let (snapshot, steps) = witness.into_parts();
        let (snapshot, isolation) = (snapshot.position(), self.isolation);
        Ok(Report { snapshot, isolation, begun_after, steps, end: End::NoEffect })
    }
}

fn step(witness: &mut Witness<sop_core::Transaction>, random: &mut Rng) -> Result<()> {
    let store = STORES[random.usize(..STORES.len())];
    let key = random.u32(..KEYS).to_be_bytes();
    let value = Value::from(random.u64(..).to_be_bytes());
    match random.u8(..10) {
        0 => witness.find(store, &key),
        1 => witness.walk(store, &key, Direction::Forwards, random.usize(..6)),
        2 => witness.walk(store, &key, Direction::Backwards, random.usize(..6)),
        3 => witness.count(store, (Bound::Included(key.to_vec()), Bound::Unbounded)),
        4 => witness.write(store, &key, WriteKind::Add(value)),
        5 => witness.write(store, &key, WriteKind::Update(value)),
        6 => witness.write(store, &key, WriteKind::Remove),
        7 => witness.write(store, &key, WriteKind::BlindUpsert(value)),
        8 => witness.write(store, &key, WriteKind::BlindRemove),
        _ => witness.write(store, &key, WriteKind::Upsert(value)),
    }
}
