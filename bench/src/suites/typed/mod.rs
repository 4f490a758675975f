//! `typed`: what a program gets from a database of structs.
//!
//! A record has eight fields, a key, a unique index and an index that is not. All commits are
//! durable, all operations are transactions of their own. What is found is checked: all of it by
//! key and date while it is timed, a part of it field by field beside, and at the end whether the
//! balances are as many as the commits.

mod accounts;

use crate::{
    Result,
    engines::Settings,
    frame::{Common, Recorder, Suite, Unit, seconds},
    measure::{Stopwatch, repeat, timed},
    probe::sync,
    typed::{Peer, Typed as Database, Work},
};
use accounts::{Accounts, email};
use clap::Args;
use std::{path::Path, thread, time::Duration};

/// Records of one transaction of `insert_batch`.
const BATCH: u64 = 1_000;
/// Records that `range_rows` finds at a time.
const RANGE: u64 = 100;
/// Reads between two looks at the clock.
const READS: u64 = 16;
/// Records of which every field is checked.
const SAMPLE: u64 = 500;
/// The record that all sessions count in.
const COUNTER: u64 = 0;

/// One program keeps structs with indexes
#[derive(Clone, Debug, Args)]
pub(crate) struct Typed {
    #[command(flatten)]
    common: Common<Peer>,

    /// Records
    #[arg(long, default_value_t = 100_000,
        value_parser = clap::value_parser!(u64).range(BATCH..=10_000_000))]
    items: u64,

    /// Seconds for each workload that has no fixed amount of work
    #[arg(long, default_value = "2", value_parser = seconds)]
    seconds: Duration,

    /// Concurrent sessions that add to one counter
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=250))]
    sessions: u16,
}

impl Suite for Typed {
    const NAME: &'static str = "typed";
    type Peer = Peer;
    const OURS: Peer = Peer::Sop;

    fn common(&self) -> &Common<Peer> {
        &self.common
    }

    fn about(&self) -> String {
        format!(
            "{} records of 8 fields, one unique and one other index, inserted {BATCH} at a time, \
             ranges of {RANGE}; insertion is of fixed work, the rest {:?} each",
            self.items, self.seconds
        )
    }

    fn settings(peer: &Peer) -> Settings {
        peer.settings()
    }

    fn run(&self, peer: &Peer, folder: &Path, recorder: &Recorder) -> Result<()> {
        peer.run(&Round { suite: self, accounts: Accounts::new(self.items), folder, recorder })
    }
}

/// One round on one database.
struct Round<'a> {
    suite: &'a Typed,
    accounts: Accounts,
    folder: &'a Path,
    recorder: &'a Recorder,
}

impl Work for Round<'_> {
    fn on<T: Database>(&self) -> Result<()> {
        let db = T::open(self.folder, self.suite.common.cache_mib << 20)?;
        sync::watch()?;
        self.operations("insert_batch", || self.insert(&db))?;
        self.compare(&db)?;
        self.reads(&db)?;
        self.update(&db)?;
        self.count(&db)
    }
}

impl Round<'_> {
    fn insert(&self, db: &impl Database) -> Result<u64> {
        let items = self.suite.items;
        let mut first = 0;
        while first < items {
            let end = (first + BATCH).min(items);
            db.insert((first..end).map(|id| self.accounts.row(id)).collect())?;
            first = end;
        }
        Ok(items)
    }

    /// Compares every field of some records that are found by key, in the unique index and in a
    /// range.
    fn compare(&self, db: &impl Database) -> Result<()> {
        let mut random = self.random();
        for _ in 0..SAMPLE {
            let id = random.u64(..self.suite.items);
            let (row, mut equal) = (self.accounts.row(id), 0);
            db.get(id, |seen| equal += u64::from(seen == row.seen()))?;
            db.get_unique(&row.email, |seen| equal += u64::from(seen == row.seen()))?;
            agree(equal, 2)?;
        }
        let (mut equal, from) = (0, random.u64(..=self.suite.items - RANGE));
        db.range(from, from + RANGE, |seen| {
            equal += u64::from(seen == self.accounts.row(seen.id).seen());
        })?;
        agree(equal, RANGE)
    }

    /// Reads by key, by the unique index and by a range, and below the typed layer.
    fn reads(&self, db: &impl Database) -> Result<()> {
        let (items, time) = (self.suite.items, self.suite.seconds);
        let mut random = self.random();
        self.operations("get_key", || {
            repeat(time, READS, || {
                let (id, mut found) = (random.u64(..items), false);
                db.get(id, |seen| found = self.accounts.is(id, &seen))?;
                agree(u64::from(found), 1)
            })
        })?;
        self.operations("get_unique", || {
            repeat(time, READS, || {
                let (id, mut found) = (random.u64(..items), false);
                db.get_unique(&email(id), |seen| found = self.accounts.is(id, &seen))?;
                agree(u64::from(found), 1)
            })
        })?;
        self.operations("range_rows", || {
            let ranges = repeat(time, 1, || {
                let (from, mut next) = (random.u64(..=items - RANGE), 0);
                db.range(from, from + RANGE, |seen| {
                    next += u64::from(seen.joined == from + next);
                })?;
                agree(next, RANGE)
            })?;
            Ok(ranges * RANGE)
        })?;
        if !db.raw(COUNTER, |_| ())? {
            return Ok(());
        }
        self.operations("get_raw", || {
            repeat(time, READS, || {
                let mut length = 0;
                db.raw(random.u64(..items), |bytes| length = std::hint::black_box(bytes).len())?;
                agree(u64::from(length > 0), 1)
            })
        })
    }

    /// Adds to the balances of random records.
    fn update(&self, db: &impl Database) -> Result<()> {
        let (items, mut random) = (self.suite.items, self.random());
        let update = || db.add(random.u64(COUNTER + 1..items), 1);
        let cost = timed(|| repeat(self.suite.seconds, 1, update))?;
        let mut balances = 0;
        db.range(0, items, |seen| balances += seen.balance.unsigned_abs())?;
        agree(balances, cost.ops)?;
        self.recorder.rate("update_field", 1, Unit::Commits, &cost)
    }

    /// Lets all sessions add to the balance of one record.
    fn count(&self, db: &impl Database) -> Result<()> {
        let (sessions, time) = (self.suite.sessions, self.suite.seconds);
        let stopwatch = Stopwatch::start();
        let commits = thread::scope(|scope| -> Result<u64> {
            let counting: Vec<_> = (0..sessions)
                .map(|_| scope.spawn(|| repeat(time, 1, || db.add(COUNTER, 1))))
                .collect();
            counting
                .into_iter()
                .try_fold(0, |sum, one| Ok(sum + one.join().map_err(|_| "a session panicked")??))
        })?;
        let cost = stopwatch.stop(commits);
        let mut balance = 0;
        db.get(COUNTER, |seen| balance = seen.balance.unsigned_abs())?;
        agree(balance, commits)?;
        self.recorder.rate("counter_concurrent", usize::from(sessions), Unit::Commits, &cost)
    }

    fn operations(&self, workload: &str, work: impl FnOnce() -> Result<u64>) -> Result<()> {
        self.recorder.rate(workload, 1, Unit::Operations, &timed(work)?)
    }

    fn random(&self) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.recorder.seed())
    }
}

fn agree(found: u64, expected: u64) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found} as expected, not {expected}").into())
    }
}
