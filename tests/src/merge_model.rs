//! Open transactions side by side, each commit or conflict foretold by a model.
//!
//! The model remembers for every key when it was last touched, and with which value each
//! transaction began. From that it says of every commit whether it must conflict, must not, or may
//! do either, which is so only where others changed something and changed it back.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Home, Outcome, Rows, assert_sound, rows, write};
use fastrand::Rng;
use sop_core::{
    Database, Error, Isolation, Options, Result, Store, StoreOptions, Transaction,
    TransactionOptions,
};

const OPEN_MAX: usize = 6;
const STEPS_MAX: usize = 6;
const KEYS: u16 = 400;

/// A database, the model of it, and what the model foretold.
#[derive(Debug)]
pub struct Run {
    db: Database,
    isolation: Isolation,
    committed: Rows,
    /// For each key, after how many commits it was touched.
    touched: BTreeMap<Vec<u8>, u64>,
    commits: u64,
    /// How many commits had to conflict, may have, and had not to.
    verdicts: BTreeMap<Verdict, u64>,
    next_value: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Commits,
    Either,
    Conflicts,
}

/// An open transaction and its model.
struct Open {
    transaction: Transaction,
    /// What was committed when it began, and after how many commits that was.
    began: Rows,
    began_at: u64,
    /// What it sees.
    sees: Rows,
    /// The keys whose outcome depends on what it saw there.
    depends_on: BTreeSet<Vec<u8>>,
    ranges: Vec<(Vec<u8>, Vec<u8>)>,
    /// The keys that must not go, under any isolation.
    requires: BTreeSet<Vec<u8>>,
    /// The ranges that must not change, under any isolation.
    requires_ranges: Vec<(Vec<u8>, Vec<u8>)>,
    writes: BTreeSet<Vec<u8>>,
    /// Those of them that it wrote blindly and in no other way.
    blind: BTreeSet<Vec<u8>>,
}

fn key(random: &mut Rng) -> Vec<u8> {
    // Uneven, so that some keys are in everybody's way and most are not.
    let number = random.u16(..KEYS).min(random.u16(..KEYS));
    format!("key {number:04}").into()
}

/// So many keys from one on.
fn span(low: Vec<u8>, width: u16) -> Outcome<(Vec<u8>, Vec<u8>)> {
    let text = String::from_utf8_lossy(&low).into_owned();
    let first: u16 = text.trim_start_matches("key ").parse()?;
    let high = format!("key {:04}", first + width).into_bytes();
    Ok((low, high))
}

impl Run {
    /// Creates the database.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(home: &Home, isolation: Isolation) -> Outcome<Self> {
        let mut options = Options::default();
        options.checkpoint_dirty_bytes = 256 << 10;
        let db = home.open_with(options)?;
        let small = StoreOptions::default().node_size(1_024);
        write(&db, |transaction| transaction.create_store("s", &small).map(drop))?;
        Ok(Self {
            db,
            isolation,
            committed: Rows::new(),
            touched: BTreeMap::new(),
            commits: 0,
            verdicts: BTreeMap::new(),
            next_value: 0,
        })
    }

    /// Begins and ends so many transactions, some thousand of them for all kinds of conflict.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If a commit ends otherwise than foretold, or something else is read.
    pub fn transactions(mut self, mut random: Rng, transactions: usize) -> Outcome {
        let mut open = Vec::new();
        for number in 0..transactions {
            if open.len() == OPEN_MAX {
                let ended = open.swap_remove(random.usize(..OPEN_MAX));
                self.end(ended, &mut random)?;
            }
            open.push(self.begin()?);
            for _ in 0..random.usize(..STEPS_MAX) {
                let any = random.usize(..open.len());
                self.step(&mut open[any], &mut random)?;
            }
            if number % 500 == 0 {
                self.compare()?;
            }
        }
        open.into_iter().try_for_each(|open| self.end(open, &mut random))?;
        self.compare()?;
        let counted = |verdict| self.verdicts.get(&verdict).copied().unwrap_or_default();
        let enough = transactions as u64 / 40;
        assert!(counted(Verdict::Commits) > enough, "too wild");
        assert!(counted(Verdict::Conflicts) > enough, "too tame");
        Ok(())
    }

    fn begin(&self) -> Result<Open> {
        let options = TransactionOptions::default().isolation(self.isolation);
        Ok(Open {
            transaction: self.db.begin_with(options)?,
            began: self.committed.clone(),
            began_at: self.commits,
            sees: self.committed.clone(),
            depends_on: BTreeSet::new(),
            ranges: Vec::new(),
            requires: BTreeSet::new(),
            requires_ranges: Vec::new(),
            writes: BTreeSet::new(),
            blind: BTreeSet::new(),
        })
    }

    fn step(&mut self, open: &mut Open, random: &mut Rng) -> Outcome {
        self.next_value += 1;
        let value = format!("value {}", self.next_value).repeat(random.usize(1..6)).into_bytes();
        let key = key(random);
        let store = open.transaction.store("s")?;
        match random.u8(..12) {
            0 => {
                let is_added = store.add_if_absent(&key, &value)?;
                assert_eq!(is_added, !open.sees.contains_key(&key));
                open.checks(&key);
                if is_added {
                    open.writes(key, Some(value));
                }
            }
            1 | 2 => {
                let was_there = store.remove(&key)?;
                assert_eq!(was_there, open.sees.contains_key(&key));
                open.checks(&key);
                if was_there {
                    open.writes(key, None);
                }
            }
            3 => {
                assert_eq!(store.find(&key)?.as_deref(), open.sees.get(&key).map(Vec::as_slice));
                open.reads(&key);
            }
            4 => open.scan(key, random.u16(..20))?,
            5 => {
                assert_eq!(store.require(&key)?, open.sees.contains_key(&key));
                if open.began.contains_key(&key) {
                    open.requires.insert(key);
                } else {
                    open.reads(&key);
                }
            }
            6 => {
                let (low, high) = span(key, random.u16(..3))?;
                store.require_unchanged(low.as_slice()..=high.as_slice())?;
                open.requires_ranges.push((low, high));
            }
            7 => {
                store.blind_upsert(&key, &value)?;
                open.writes_blindly(key, Some(value));
            }
            8 => {
                store.blind_remove(&key)?;
                open.writes_blindly(key, None);
            }
            _ => {
                store.upsert(&key, &value)?;
                open.writes(key, Some(value));
            }
        }
        Ok(())
    }

    fn end(&mut self, open: Open, random: &mut Rng) -> Outcome {
        if random.u8(..10) == 0 {
            open.transaction.rollback();
            return Ok(());
        }
        let verdict = self.foretell(&open);
        *self.verdicts.entry(verdict).or_default() += 1;
        match open.transaction.commit() {
            Ok(_) => {
                assert_ne!(verdict, Verdict::Conflicts, "a conflict was missed");
                self.commits += 1;
                for key in open.writes {
                    let before = match open.sees.get(&key) {
                        Some(value) => self.committed.insert(key.clone(), value.clone()),
                        None => self.committed.remove(&key),
                    };
                    // Who blindly removes what is not there is in nobody's way.
                    if before.is_some() || open.sees.contains_key(&key) {
                        self.touched.insert(key, self.commits);
                    }
                }
            }
            Err(Error::Conflict(conflict)) => {
                assert_ne!(verdict, Verdict::Commits, "there is no reason for {conflict}");
                let is_touched = self.touched.get(&conflict.key) > Some(&open.began_at);
                assert!(is_touched, "{conflict}, which it did not");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn foretell(&self, open: &Open) -> Verdict {
        if open.writes.is_empty() {
            return Verdict::Commits;
        }
        let judge = |key: &Vec<u8>| {
            if self.touched.get(key) <= Some(&open.began_at) {
                Verdict::Commits
            } else if self.committed.get(key) == open.began.get(key) {
                Verdict::Either
            } else {
                Verdict::Conflicts
            }
        };
        let written = open.writes.difference(&open.blind).map(judge).max();
        let read = open.depends_on.iter().map(judge).max();
        let within = |ranges: &[(Vec<u8>, Vec<u8>)]| {
            let inside =
                |key: &&Vec<u8>| ranges.iter().any(|(low, high)| (low..=high).contains(key));
            self.touched.keys().filter(inside).map(judge).max()
        };
        let gone = open.requires.iter().any(|key| !self.committed.contains_key(key));
        let required = gone.then_some(Verdict::Conflicts).max(within(&open.requires_ranges));
        let read = read.max(within(&open.ranges));
        let read = if self.isolation == Isolation::Serializable { read } else { None };
        written.max(required).max(read).unwrap_or(Verdict::Commits)
    }

    fn compare(&self) -> Outcome {
        assert_eq!(rows(self.db.snapshot()?.store("s")?)?, self.committed);
        assert_sound(&self.db);
        Ok(())
    }
}

impl Open {
    fn reads(&mut self, key: &[u8]) {
        if !self.writes.contains(key) {
            self.depends_on.insert(key.to_vec());
        }
    }

    /// Looks whether a key is there in order to write it, or not.
    fn checks(&mut self, key: &[u8]) {
        if !self.writes.contains(key) || self.blind.contains(key) {
            self.depends_on.insert(key.to_vec());
        }
    }

    fn writes(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.blind.remove(&key);
        self.changes(key, value);
    }

    fn writes_blindly(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if !self.writes.contains(&key) {
            self.blind.insert(key.clone());
        }
        self.changes(key, value);
    }

    fn changes(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        match value {
            Some(value) => drop(self.sees.insert(key.clone(), value)),
            None => drop(self.sees.remove(&key)),
        }
        self.writes.insert(key);
    }

    /// Reads all of a range.
    fn scan(&mut self, low: Vec<u8>, width: u16) -> Outcome {
        let (low, high) = span(low, width)?;
        let store: Store<'_> = self.transaction.store("s")?;
        let found: Result<Rows> = store
            .range(low.as_slice()..=high.as_slice())?
            .map(|entry| entry.map(|(key, value)| (key, value.to_vec())))
            .collect();
        let seen = self.sees.range(low.clone()..=high.clone());
        assert_eq!(found?, seen.map(|(key, value)| (key.clone(), value.clone())).collect());
        self.ranges.push((low, high));
        Ok(())
    }
}
