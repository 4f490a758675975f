//! What sessions commit, and whether it is there at the end.

use super::{account::End, member::Assignment};
use crate::{Result, data::Data};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sop_core::{Database, Error, Mode, Options, Store, StoreId, StoreOptions};
use std::sync::Arc;

const STORE: &str = "entries";
const COUNTER: &[u8] = b"counter";

/// Keys that each session writes in turns.
const KEYS_OF_ONE: u64 = 1_000;

/// Which keys the sessions write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(super) enum Keys {
    /// Each session its own.
    Disjoint,
    /// All of them one, of which each transaction reads what it replaces.
    Hot,
}

impl Keys {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Disjoint => "disjoint",
            Self::Hot => "hot",
        }
    }
}

/// One that commits, one transaction after the other.
#[derive(Debug)]
pub(super) struct Session<'a> {
    database: &'a Database,
    store: StoreId,
    keys: Keys,
    /// Its number among all sessions of all processes.
    number: u64,
    commits: u64,
    data: Arc<Data>,
    value: Vec<u8>,
}

impl<'a> Session<'a> {
    /// All sessions of a process; the store is made if nobody else has.
    pub(super) fn all(database: &'a Database, assignment: &Assignment) -> Result<Vec<Self>> {
        let transaction = database.begin()?;
        let store = transaction.open_store(STORE, &StoreOptions::default())?;
        if assignment.number == 0 {
            store.upsert(COUNTER, &vec![0; assignment.bytes as usize])?;
        }
        transaction.commit()?;
        let store = database.snapshot()?.store(STORE)?.id();
        let (first, data) = (assignment.number * assignment.sessions, Arc::new(Data::new(0)));
        let session = |number: u16| Self {
            database,
            store,
            keys: assignment.keys,
            number: number.into(),
            commits: 0,
            data: Arc::clone(&data),
            value: vec![0; assignment.bytes as usize],
        };
        Ok((first..first + assignment.sessions).map(session).collect())
    }

    /// Commits once, however often that has to be tried.
    pub(super) fn commit(&mut self) -> Result<()> {
        loop {
            let transaction = self.database.begin()?;
            self.write(&transaction.store_by_id(self.store)?)?;
            match transaction.commit() {
                Ok(_) => break,
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.commits += 1;
        Ok(())
    }

    /// How often it has committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits
    }

    fn write(&mut self, store: &Store<'_>) -> Result<()> {
        match self.keys {
            Keys::Disjoint => {
                let next = self.commits + 1;
                self.data.fill(&mut self.value, next, self.number);
                store.upsert(key(self.number, next), &self.value)?;
            }
            Keys::Hot => {
                let count = count(store.find(COUNTER)?.as_deref());
                self.data.fill(&mut self.value, count + 1, self.number);
                store.upsert(COUNTER, &self.value)?;
            }
        }
        Ok(())
    }
}

/// Where a session writes in its commit of a number, from 1.
fn key(session: u64, commit: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&session.to_be_bytes());
    key[8..].copy_from_slice(&(commit % KEYS_OF_ONE).to_be_bytes());
    key
}

/// The number that a value begins with; none if there is no value.
fn count(value: Option<&[u8]>) -> u64 {
    value.and_then(|value| value.first_chunk()).map_or(u64::MAX, |count| u64::from_le_bytes(*count))
}

/// Looks whether everything is there that the processes have committed, and no more.
pub(super) fn check(assignment: &Assignment, ends: &[End]) -> Result<()> {
    let options = Options::default().mode(Mode::Shared).create(false);
    let database = Database::builder().options(options).open(&assignment.folder)?;
    let snapshot = database.snapshot()?;
    let store = snapshot.store(STORE)?;
    let found = |key: &[u8]| -> Result<u64> { Ok(count(store.find(key)?.as_deref())) };
    let commits = || ends.iter().flatten().copied();
    match assignment.keys {
        Keys::Disjoint => {
            for (session, commits) in (0..).zip(commits()) {
                agree(found(&key(session, commits))?, commits)?;
            }
            let entries: u64 = commits().map(|commits| commits.min(KEYS_OF_ONE)).sum();
            agree(store.len()?, entries + 1)?;
        }
        Keys::Hot => agree(found(COUNTER)?, commits().sum())?,
    }
    Ok(database.close()?)
}

fn agree(found: u64, expected: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{found} are in the folder, where {expected} were committed").into())
}
