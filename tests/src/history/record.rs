//! Makes histories of a database: random transactions on many threads, and what they saw.
//!
//! Lists are entries whose value is the elements. They come in groups, which are scanned by prefix;
//! once lists are long their group is left and new lists are begun, so that reads stay short and
//! phantoms appear all the time. A few groups are a store, created by whoever needs it first.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use fastrand::Rng;
use sop_core::{
    Database, Durability, Error, Isolation, Kind, Result, Store, StoreOptions, StoreView,
    Transaction, TransactionOptions,
};

use super::{Fate, History, Observed, Operation};
use crate::{Outcome, Seed, together};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Where the random choices come from.
    pub seed: Seed,
    /// How many threads run transactions.
    pub threads: usize,
    /// How many transactions each thread tries.
    pub transactions: u64,
    /// Each transaction has one of these.
    pub isolations: Vec<Isolation>,
    /// Each transaction has one of these.
    pub durabilities: Vec<Durability>,
}

/// How many lists a group has.
const GROUP_LISTS: u64 = 8;

/// How many groups are in use at a time.
const GROUPS_IN_USE: u64 = 4;

/// How many groups a store has.
const STORE_GROUPS: u64 = 4;

/// From so many elements on nothing is appended to a list.
const ELEMENTS_MAX: usize = 24;

/// Runs the transactions of a workload, then one that reads all lists, and tells what all of them
/// saw. The database must be empty.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If the database gives back what cannot be a list.
pub fn record(db: &Database, workload: &Workload) -> Outcome<History> {
    let recorder = Recorder::default();
    let mut transactions = recorder.run(db, workload)?;
    transactions.push(recorder.read_all(db)?);
    Ok(History { transactions })
}

/// Records one history, of one database, which may be reopened in between.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The moment now, and the next element.
    now: AtomicU64,
    /// How many processes there were.
    processes: AtomicU64,
    /// The oldest group in use.
    group: AtomicU64,
}

/// A thread that runs transactions.
struct Process<'a> {
    recorder: &'a Recorder,
    db: &'a Database,
    workload: &'a Workload,
    random: Rng,
    number: usize,
}

impl Recorder {
    /// Runs the transactions of a workload. A thread stops early when the database stops to accept
    /// commits, or cannot read.
    ///
    /// # Errors
    /// If the database fails in a way that a failing disk does not explain.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn run(&self, db: &Database, workload: &Workload) -> Outcome<Vec<Observed>> {
        let first = self.processes.fetch_add(workload.threads as u64, Ordering::SeqCst);
        let observed = together(workload.threads, |thread| {
            let number = first + thread as u64;
            let random = workload.seed.stream(number);
            let number = usize::try_from(number)?;
            let mut process = Process { recorder: self, db, workload, random, number };
            Ok(process.run()?)
        })?;
        Ok(observed.concat())
    }

    /// Reads all lists, as a transaction of its own.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn read_all(&self, db: &Database) -> Outcome<Observed> {
        let process = usize::try_from(self.processes.fetch_add(1, Ordering::SeqCst))?;
        let begin = self.tick();
        let snapshot = db.snapshot()?;
        let mut operations = Vec::new();
        for group in 0..self.group.load(Ordering::SeqCst) + GROUPS_IN_USE {
            operations.extend(read_group(existing(snapshot.store(&store_name(group)))?, group)?);
        }
        let (isolation, fate) = (Isolation::Serializable, Fate::Committed);
        let end = self.tick();
        Ok(Observed { process, begin, end, isolation, is_fresh: true, fate, operations })
    }

    fn tick(&self) -> u64 {
        self.now.fetch_add(1, Ordering::SeqCst)
    }
}

impl Process<'_> {
    fn run(&mut self) -> Result<Vec<Observed>> {
        let mut history = Vec::new();
        for _ in 0..self.workload.transactions {
            let begin = self.recorder.tick();
            let isolation = self.choose(&self.workload.isolations.clone());
            let mut operations = Vec::new();
            let result = match self.random.u8(..10) {
                0 => self.look(&mut operations).map(|()| true),
                _ => self.transaction(isolation, &mut operations),
            };
            let fate = match &result {
                Ok(true) => Fate::Committed,
                Err(Error::CommitUnknown { .. }) => Fate::Unknown,
                Ok(false) | Err(_) => Fate::Aborted,
            };
            let (process, end) = (self.number, self.recorder.tick());
            let is_fresh = true;
            history.push(Observed { process, begin, end, isolation, is_fresh, fate, operations });
            match result.as_ref().map_err(Error::kind) {
                Err(Kind::Io | Kind::Reopen) => break,
                Ok(_) | Err(Kind::Conflict) => self.maintain()?,
                Err(_) => return result.map(|_| history),
            }
        }
        Ok(history)
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(..from.len())]
    }

    /// Now and then does what usually goes on in the background.
    fn maintain(&mut self) -> Result<()> {
        let result = match self.random.u16(..2_000) {
            0..4 => self.db.checkpoint(),
            4 => self.db.compact(),
            5..15 => self.db.sync(),
            _ => Ok(()),
        };
        let is_explained = |error: &Error| matches!(error.kind(), Kind::Io | Kind::Reopen);
        if result.as_ref().is_err_and(is_explained) { Ok(()) } else { result }
    }

    /// Reads without a transaction.
    fn look(&mut self, operations: &mut Vec<Operation>) -> Result<()> {
        let snapshot = self.db.snapshot()?;
        for _ in 0..self.steps() {
            let group = self.group();
            let store = existing(snapshot.store(&store_name(group)))?;
            self.read(store, group, operations)?;
        }
        Ok(())
    }

    /// Whether it committed.
    fn transaction(
        &mut self,
        isolation: Isolation,
        operations: &mut Vec<Operation>,
    ) -> Result<bool> {
        let durability = self.choose(&self.workload.durabilities.clone());
        let options = TransactionOptions::default().isolation(isolation).durability(durability);
        let transaction = self.db.begin_with(options)?;
        for _ in 0..self.steps() {
            self.step(&transaction, operations)?;
            thread::yield_now();
        }
        match self.random.u8(..20) {
            0 => {
                transaction.rollback();
                Ok(false)
            }
            1..6 => pollster::block_on(transaction.commit_async()).map(|_| true),
            _ => transaction.commit().map(|_| true),
        }
    }

    fn steps(&mut self) -> usize {
        let steps_max = if self.random.u8(..20) == 0 { 24 } else { 5 };
        self.random.usize(1..=steps_max)
    }

    fn group(&mut self) -> u64 {
        self.recorder.group.load(Ordering::SeqCst) + self.random.u64(..GROUPS_IN_USE)
    }

    fn step(&mut self, transaction: &Transaction, operations: &mut Vec<Operation>) -> Result<()> {
        let group = self.group();
        if self.random.bool() {
            let options = StoreOptions::default().node_size(1_024);
            let store = transaction.open_store(&store_name(group), &options)?;
            return self.append(&store, group, operations);
        }
        let store = existing(transaction.store(&store_name(group)))?;
        self.read(store.as_deref().copied(), group, operations)
    }

    fn append(
        &mut self,
        store: &Store<'_>,
        group: u64,
        operations: &mut Vec<Operation>,
    ) -> Result<()> {
        let list = self.list(group);
        let mut elements = read_list(Some(**store), list)?;
        operations.push(Operation::Read { list, elements: elements.clone() });
        if elements.len() >= ELEMENTS_MAX {
            self.recorder.group.fetch_max(group + 1, Ordering::SeqCst);
            return Ok(());
        }
        let element = self.recorder.tick();
        elements.push(element);
        let bytes: Vec<u8> = elements.iter().flat_map(|element| element.to_be_bytes()).collect();
        if elements.len() == 1 {
            store.add(key(list), bytes)
        } else {
            store.update(key(list), bytes)
        }?;
        operations.push(Operation::Append { list, element });
        Ok(())
    }

    fn list(&mut self, group: u64) -> u64 {
        group * GROUP_LISTS + self.random.u64(..GROUP_LISTS)
    }

    /// Reads a list, or a group of them.
    fn read(
        &mut self,
        store: Option<StoreView<'_>>,
        group: u64,
        operations: &mut Vec<Operation>,
    ) -> Result<()> {
        if self.random.u8(..3) == 0 {
            operations.extend(read_group(store, group)?);
        } else {
            let list = self.list(group);
            operations.push(Operation::Read { list, elements: read_list(store, list)? });
        }
        Ok(())
    }
}

fn store_name(group: u64) -> String {
    format!("lists {}", group / STORE_GROUPS)
}

fn existing<T>(store: Result<T>) -> Result<Option<T>> {
    match store {
        Err(Error::StoreNotFound { .. }) => Ok(None),
        store => store.map(Some),
    }
}

/// The group, and then the list.
fn key(list: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&(list / GROUP_LISTS).to_be_bytes());
    key[8..].copy_from_slice(&list.to_be_bytes());
    key
}

fn read_list(store: Option<StoreView<'_>>, list: u64) -> Result<Vec<u64>> {
    let Some(store) = store else { return Ok(Vec::new()) };
    Ok(store.find(key(list))?.map_or_else(Vec::new, |bytes| numbers(&bytes)))
}

/// All lists of a group by one scan; those that are not there are empty.
fn read_group(store: Option<StoreView<'_>>, group: u64) -> Result<Vec<Operation>> {
    let first = group * GROUP_LISTS;
    let empty = |list| Operation::Read { list, elements: Vec::new() };
    let mut reads: Vec<_> = (first..first + GROUP_LISTS).map(empty).collect();
    let Some(store) = store else { return Ok(reads) };
    for entry in store.prefix(group.to_be_bytes())? {
        let (key, bytes) = entry?;
        let list = numbers(&key)[1];
        let place = reads.iter().position(|read| *read == empty(list));
        let place = place.expect("invariant: a group has only its own lists, and each once");
        reads[place] = Operation::Read { list, elements: numbers(&bytes) };
    }
    Ok(reads)
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    let (numbers, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "the value is torn");
    numbers.iter().map(|number| u64::from_be_bytes(*number)).collect()
}
