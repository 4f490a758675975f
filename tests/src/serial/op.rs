//! What a transaction does, to the database and to the model.

use std::collections::BTreeSet;

use fastrand::Rng;
use sop_core::{Error, Result, Store, StoreOptions, Transaction};

use crate::{Contents, Rows};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// So few that transactions meet.
const KEYS: u8 = 24;

/// Something that a transaction does.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Open(&'static str),
    Create(&'static str),
    Rename(&'static str, &'static str),
    Drop(&'static str),
    /// Fills an empty store with so many entries.
    Load(&'static str, u8),
    List,
    Upsert(&'static str, u8, u64),
    Add(&'static str, u8, u64),
    Remove(&'static str, u8),
    Find(&'static str, u8),
    Scan(&'static str, u8, u8),
    Len(&'static str),
}

/// What it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// There is no such store.
    NoStore,
    /// There is such a store already.
    StoreExists,
    /// There are entries already, or it was loaded in this transaction.
    NotEmpty,
    /// Whether it was there.
    Was(bool),
    Value(Option<Vec<u8>>),
    Rows(Rows),
    Names(Vec<String>),
    Count(u64),
}

/// The model of what a transaction sees.
#[derive(Debug)]
pub(super) struct Sees {
    pub(super) contents: Contents,
    /// Stores that were loaded: they can be used again once the transaction has committed.
    loaded: BTreeSet<String>,
}

impl Sees {
    pub(super) fn new(contents: Contents) -> Self {
        Self { contents, loaded: BTreeSet::new() }
    }
}

fn key(number: u8) -> Vec<u8> {
    format!("key {number:02}").into()
}

/// Some values are longer than a node.
fn value(number: u64) -> Vec<u8> {
    format!("value {number}; ").repeat(if number.is_multiple_of(16) { 200 } else { 4 }).into()
}

fn loaded_rows(count: u8) -> Rows {
    (0..count).map(|number| (key(number), b"loaded".to_vec())).collect()
}

fn options() -> StoreOptions {
    StoreOptions::default().node_size(1_024)
}

impl Op {
    pub(super) fn any(random: &mut Rng) -> Self {
        let name = NAMES[random.usize(..NAMES.len())];
        let (number, unique) = (random.u8(..KEYS), random.u64(..));
        match random.u8(..40) {
            0..3 => Self::Open(name),
            3 => Self::Create(name),
            4 => Self::Rename(name, NAMES[random.usize(..NAMES.len())]),
            5 => Self::Drop(name),
            6 | 7 => Self::Load(name, random.u8(1..KEYS)),
            8 => Self::List,
            9..14 => Self::Upsert(name, number, unique),
            14..19 => Self::Add(name, number, unique),
            19..26 => Self::Remove(name, number),
            26..32 => Self::Find(name, number),
            32..38 => Self::Scan(name, number, random.u8(..6)),
            _ => Self::Len(name),
        }
    }

    /// Whether it could change something that is as the transaction sees it: opening a store that
    /// is there does not.
    pub(super) fn is_new_to(&self, sees: &Sees) -> bool {
        !matches!(self, Self::Open(name) if sees.contents.contains_key(*name))
    }

    /// Whether it changed something, to which such an answer was given.
    pub(super) fn changes(&self, answer: &Answer) -> bool {
        match self {
            Self::List | Self::Find(..) | Self::Scan(..) | Self::Len(_) => false,
            Self::Rename(from, to) => from != to && *answer == Answer::Done,
            Self::Add(..) => *answer == Answer::Was(false),
            Self::Remove(..) => *answer == Answer::Was(true),
            Self::Open(_) | Self::Create(_) | Self::Drop(_) | Self::Load(..) | Self::Upsert(..) => {
                *answer == Answer::Done
            }
        }
    }

    /// Does it in a transaction. Errors that say how things stand are answers.
    pub(super) fn on(&self, transaction: &Transaction) -> Result<Answer> {
        match self.try_on(transaction) {
            Err(Error::StoreNotFound { .. }) => Ok(Answer::NoStore),
            Err(Error::StoreExists { .. }) => Ok(Answer::StoreExists),
            Err(Error::Invalid(_)) => Ok(Answer::NotEmpty),
            other => other,
        }
    }

    fn try_on(&self, transaction: &Transaction) -> Result<Answer> {
        let store = |name: &str| -> Result<Store<'_>> { transaction.store(name) };
        Ok(match *self {
            Self::Open(name) => {
                transaction.open_store(name, &options())?;
                Answer::Done
            }
            Self::Create(name) => {
                transaction.create_store(name, &options())?;
                Answer::Done
            }
            Self::Rename(from, to) => {
                transaction.rename_store(from, to)?;
                Answer::Done
            }
            Self::Drop(name) => {
                transaction.drop_store(name)?;
                Answer::Done
            }
            Self::Load(name, count) => {
                store(name)?;
                transaction.bulk_load(name, &options(), loaded_rows(count))?;
                Answer::Done
            }
            Self::List => {
                let stores = transaction.stores()?.into_iter();
                Answer::Names(stores.map(|info| info.name).collect())
            }
            Self::Upsert(name, number, unique) => {
                store(name)?.upsert(key(number), value(unique))?;
                Answer::Done
            }
            Self::Add(name, number, unique) => {
                Answer::Was(!store(name)?.add_if_absent(key(number), value(unique))?)
            }
            Self::Remove(name, number) => Answer::Was(store(name)?.remove(key(number))?),
            Self::Find(name, number) => {
                Answer::Value(store(name)?.find(key(number))?.map(|value| value.to_vec()))
            }
            Self::Scan(name, number, width) => {
                let entries = store(name)?.range(key(number)..=key(number + width))?;
                let row = |entry: Result<(Vec<u8>, _)>| {
                    entry.map(|(key, value): (_, sop_core::Value<'_>)| (key, value.to_vec()))
                };
                Answer::Rows(entries.map(row).collect::<Result<_>>()?)
            }
            Self::Len(name) => Answer::Count(store(name)?.len()?),
        })
    }

    /// Does it to the model.
    pub(super) fn on_model(&self, sees: &mut Sees) -> Answer {
        match *self {
            Self::Open(name) => {
                sees.contents.entry(name.to_owned()).or_default();
                Answer::Done
            }
            Self::Create(name) if sees.contents.contains_key(name) => Answer::StoreExists,
            Self::Create(name) => {
                sees.contents.insert(name.to_owned(), Rows::new());
                Answer::Done
            }
            Self::Rename(from, to) => sees.rename(from, to),
            Self::Drop(name) => {
                sees.loaded.remove(name);
                if sees.contents.remove(name).is_some() { Answer::Done } else { Answer::NoStore }
            }
            Self::List => Answer::Names(sees.contents.keys().cloned().collect()),
            Self::Load(name, count) => sees.in_store(name, |rows| {
                if !rows.is_empty() {
                    return Answer::NotEmpty;
                }
                *rows = loaded_rows(count);
                Answer::Done
            }),
            Self::Upsert(name, number, unique) => sees.in_store(name, |rows| {
                rows.insert(key(number), value(unique));
                Answer::Done
            }),
            Self::Add(name, number, unique) => sees.in_store(name, |rows| {
                let was = rows.contains_key(&key(number));
                rows.entry(key(number)).or_insert_with(|| value(unique));
                Answer::Was(was)
            }),
            Self::Remove(name, number) => {
                sees.in_store(name, |rows| Answer::Was(rows.remove(&key(number)).is_some()))
            }
            Self::Find(name, number) => {
                sees.in_store(name, |rows| Answer::Value(rows.get(&key(number)).cloned()))
            }
            Self::Scan(name, number, width) => sees.in_store(name, |rows| {
                let found = rows.range(key(number)..=key(number + width));
                Answer::Rows(found.map(|(key, value)| (key.clone(), value.clone())).collect())
            }),
            Self::Len(name) => sees.in_store(name, |rows| Answer::Count(rows.len() as u64)),
        }
        .noting_load(self, sees)
    }
}

impl Answer {
    /// A store that was loaded is of no use until the commit.
    fn noting_load(self, op: &Op, sees: &mut Sees) -> Self {
        if let (Op::Load(name, _), Self::Done) = (op, &self) {
            sees.loaded.insert((*name).to_owned());
        }
        self
    }
}

impl Sees {
    fn rename(&mut self, from: &str, to: &str) -> Answer {
        if !self.contents.contains_key(from) {
            return Answer::NoStore;
        }
        if from != to && self.contents.contains_key(to) {
            return Answer::StoreExists;
        }
        if let Some(rows) = self.contents.remove(from) {
            self.contents.insert(to.to_owned(), rows);
        }
        if self.loaded.remove(from) {
            self.loaded.insert(to.to_owned());
        }
        Answer::Done
    }

    fn in_store(&mut self, name: &str, act: impl FnOnce(&mut Rows) -> Answer) -> Answer {
        match self.contents.get_mut(name) {
            None => Answer::NoStore,
            Some(_) if self.loaded.contains(name) => Answer::NotEmpty,
            Some(rows) => act(rows),
        }
    }
}
