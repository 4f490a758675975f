//! Random transactions over several databases on real threads, and what they saw.
//!
//! The lists of [`history`](crate::history) are spread over the databases. Some transactions are of
//! one database, some of all; some of these are dropped while they commit; and now and then somebody
//! ends whatever waits, as if nobody were at work on it. All who write, or read in several databases, have
//! to be serializable together: some order of them explains what they saw. It need not be the order in
//! which things really happened, as one database may be told of a commit a moment after another.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use fastrand::Rng;
use sop_core::{
    Database, Error, Freshness, Isolation, Kind, Result, Transaction, TransactionManager,
};

use crate::{
    Outcome, Seed,
    history::{Anomaly, Fate, History, Lists, Observed, Operation, Order, check, steps},
    together,
};

/// Numbers of lists and elements of one database are below this.
const NUMBERS: u64 = 1 << 40;

/// What happened.
#[derive(Debug, Default)]
pub struct Tally {
    /// Transactions over several databases that were committed.
    pub global: AtomicU64,
    /// Those that were dropped while they were committed.
    pub dropped: AtomicU64,
    /// Those that somebody else has rolled back.
    pub rolled_back: AtomicU64,
    /// Transactions of any kind that met a prepared one.
    pub kept_off: AtomicU64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Where the random choices come from.
    pub seed: Seed,
    /// How many threads run transactions.
    pub threads: usize,
    /// How many transactions each thread tries.
    pub transactions: u64,
}

struct Setting<'s> {
    members: Vec<Member<'s>>,
    lists: Vec<Lists>,
    now: AtomicU64,
    tally: &'s Tally,
}

/// Who has all databases open, as one process has.
struct Member<'s> {
    dbs: &'s [Database],
    manager: TransactionManager,
    /// One that knows of no transaction that anybody is at work on.
    other: TransactionManager,
}

/// A thread that runs transactions.
struct Thread<'s> {
    setting: &'s Setting<'s>,
    member: &'s Member<'s>,
    number: usize,
    random: Rng,
}

/// A transaction at work, in the databases that it touched.
type Seen = Vec<(usize, Vec<Operation>)>;

fn manager(dbs: &[Database]) -> Result<TransactionManager> {
    let mut builder = TransactionManager::builder();
    for db in dbs {
        builder = builder.database(db)?;
    }
    Ok(builder.build())
}

/// Runs the transactions of a workload, ends what they have left behind, and tells what all of them
/// saw. The databases must be empty. Each member has all of them, in folders that they share if
/// there are several; threads are members' in turns.
///
/// # Errors
/// If a database fails.
pub fn record(members: &[Vec<Database>], workload: Workload, tally: &Tally) -> Outcome<History> {
    let members =
        members.iter().map(|dbs| Ok(Member { dbs, manager: manager(dbs)?, other: manager(dbs)? }));
    let members = members.collect::<Result<Vec<_>>>()?;
    let dbs = members[0].dbs;
    let lists = (0_u64..).zip(dbs).map(|(number, _)| Lists::new(0, number * NUMBERS)).collect();
    let setting = Setting { members, lists, now: AtomicU64::new(0), tally };
    let observed = together(workload.threads, |number| {
        let random = workload.seed.stream(number as u64);
        let member = &setting.members[number % setting.members.len()];
        let mut thread = Thread { setting: &setting, member, number, random };
        Ok((0..workload.transactions).map(|_| thread.transaction()).collect::<Result<Vec<_>>>()?)
    })?;
    let observed = observed.concat();
    // What was on its way when it was dropped is over before the last of these.
    for member in setting.members.iter().chain(&setting.members) {
        member.dbs.iter().try_for_each(Database::sync)?;
        pollster::block_on(member.other.recover(Duration::ZERO));
    }
    let mut last = Vec::new();
    for (at, db) in dbs.iter().enumerate() {
        if !db.in_doubt()?.is_empty() {
            return Err(format!("{:?} is left over", db.in_doubt()?).into());
        }
        let begin = setting.tick();
        let now = db.snapshot_with(Freshness::Fresh)?;
        let operations = numbered(at, setting.lists[at].read_all(&now)?);
        last.push(setting.observed(workload.threads, (begin, Fate::Committed), operations));
    }
    let elements: BTreeSet<u64> = last.iter().flat_map(elements).collect();
    let settled = observed.into_iter().filter_map(|observed| settle(observed, &elements));
    Ok(History { transactions: settled.chain(last).collect() })
}

/// All elements that a transaction has seen.
fn elements(observed: &Observed) -> impl Iterator<Item = u64> {
    observed.operations.iter().flat_map(|operation| match operation {
        Operation::Read { elements, .. } => elements.clone(),
        Operation::Append { .. } => Vec::new(),
    })
}

/// What of a transaction has to be explained.
///
/// Of one that was dropped it can be seen by now whether it has committed. What one has read that did not
/// commit is of one moment in each database, but not in all of them. And who has only read, and in one
/// database, was not validated: it may have seen one global transaction and not yet another one that
/// comes before that in some other database.
fn settle(observed: Observed, elements: &BTreeSet<u64>) -> Option<Observed> {
    let appends = |operation: &Operation| matches!(operation, Operation::Append { .. });
    let stands = |operation: &Operation| match operation {
        Operation::Append { element, .. } => elements.contains(element),
        Operation::Read { .. } => false,
    };
    let mut operations = observed.operations.iter();
    let is_committed = match observed.fate {
        Fate::Unknown => operations.any(stands),
        fate => fate == Fate::Committed,
    };
    let mut observed = observed;
    if !is_committed {
        observed.fate = Fate::Aborted;
        observed.operations.retain(appends);
        return Some(observed);
    }
    let databases = observed.operations.iter().map(|operation| operation.list() / NUMBERS);
    let databases: BTreeSet<u64> = databases.collect();
    let is_validated = databases.len() > 1 || observed.operations.iter().any(appends);
    is_validated.then_some(Observed { fate: Fate::Committed, ..observed })
}

/// What no order of the transactions explains.
pub fn inexplicable(history: &History) -> Vec<Anomaly> {
    let is_inexplicable = |anomaly: &Anomaly| match anomaly {
        Anomaly::Cycle(cycle) => cycle.order == Order::Any,
        _ => true,
    };
    check(history).into_iter().filter(is_inexplicable).collect()
}

impl Setting<'_> {
    fn tick(&self) -> u64 {
        self.now.fetch_add(1, Ordering::SeqCst)
    }

    fn observed(
        &self,
        process: usize,
        (begin, fate): (u64, Fate),
        operations: Vec<Operation>,
    ) -> Observed {
        let (isolation, end) = (Isolation::Serializable, self.tick());
        Observed { process, begin, end, isolation, is_fresh: true, fate, operations }
    }

    fn note(&self, error: &Error) {
        let count = match error {
            Error::GlobalRolledBack { .. } => &self.tally.rolled_back,
            Error::Conflict(conflict) if conflict.prepared.is_some() => &self.tally.kept_off,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Thread<'_> {
    fn transaction(&mut self) -> Result<Observed> {
        if self.random.u8(..40) == 0 {
            pollster::block_on(self.member.other.recover(Duration::ZERO));
        }
        let (begin, mut seen) = (self.setting.tick(), Seen::new());
        let outcome = match self.random.u8(..10) {
            0..4 => self.local(&mut seen),
            _ => self.global(&mut seen),
        };
        let fate = match outcome {
            Ok(fate) => fate,
            Err(error) if error.kind() == Kind::Conflict => {
                self.setting.note(&error);
                Fate::Aborted
            }
            Err(error) => return Err(error),
        };
        let operations = seen.into_iter().map(|(at, operations)| numbered(at, operations));
        let operations = operations.collect::<Vec<_>>().concat();
        Ok(self.setting.observed(self.number, (begin, fate), operations))
    }

    fn step(&mut self, at: usize, tx: &Transaction, seen: &mut Seen) -> Result<()> {
        let known = seen.iter().position(|(known, _)| *known == at);
        let place = known.unwrap_or_else(|| {
            seen.push((at, Vec::new()));
            seen.len() - 1
        });
        self.setting.lists[at].step(&mut self.random, tx, &mut seen[place].1)
    }

    /// One of the databases.
    fn any(&mut self) -> usize {
        self.random.usize(..self.member.dbs.len())
    }

    fn local(&mut self, seen: &mut Seen) -> Result<Fate> {
        let (member, at) = (self.member, self.any());
        let tx = member.dbs[at].begin()?;
        for _ in 0..steps(&mut self.random) {
            self.step(at, &tx, seen)?;
        }
        tx.commit().map(|_| Fate::Committed)
    }

    fn global(&mut self, seen: &mut Seen) -> Result<Fate> {
        let member = self.member;
        let mut global = member.manager.begin(&member.dbs[self.any()])?;
        for _ in 0..steps(&mut self.random) {
            let at = self.any();
            self.step(at, global.enlist(&member.dbs[at])?, seen)?;
        }
        if self.random.u8(..12) == 0 {
            let mut commit = pin!(global.commit());
            for _ in 0..self.random.u8(..4) {
                let polled = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                if let Poll::Ready(outcome) = polled {
                    return outcome.map(|_| Fate::Committed);
                }
                // Lets the database's thread do its part, or not.
                std::thread::yield_now();
            }
            self.setting.tally.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(Fate::Unknown);
        }
        pollster::block_on(global.commit())?;
        self.setting.tally.global.fetch_add(1, Ordering::Relaxed);
        Ok(Fate::Committed)
    }
}

/// The same with numbers of lists that no other database has.
fn numbered(at: usize, operations: Vec<Operation>) -> Vec<Operation> {
    let base = at as u64 * NUMBERS;
    let numbered = operations.into_iter().map(|operation| match operation {
        Operation::Append { list, element } => Operation::Append { list: list + base, element },
        Operation::Read { list, elements } => Operation::Read { list: list + base, elements },
    });
    numbered.collect()
}
