//! What transactions do: to the database, and to a model of it.
//!
//! Each edit makes sense in any state, so that a script can go on after some of it failed.

use std::ops::Bound;

use sop_core::{Result, StoreOptions, Transaction};

use crate::{Contents, Rows};

/// The store that remembers how far others were filled.
const PROGRESS: &str = "progress";

/// A change that a transaction makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Writes a value of this length. Creates the store if need be.
    Put {
        /// The store.
        store: String,
        /// The key.
        key: u64,
        /// The value's length in bytes.
        len: usize,
    },
    /// Removes a key, if it is there.
    Remove {
        /// The store.
        store: String,
        /// The key.
        key: u64,
    },
    /// Bulk loads so many rows, if the store is new or empty.
    Load {
        /// The store.
        store: String,
        /// The number of rows.
        rows: u64,
    },
    /// Drops the store, if it is there.
    Drop {
        /// The store.
        store: String,
    },
    /// Fills one store from the next rows of another, as an index is filled from records: in the
    /// order of the keys, with a note of how far it came.
    Fill {
        /// The store that is read.
        from: String,
        /// The store that is written.
        to: String,
        /// The number of rows.
        rows: usize,
    },
}

/// Nodes small enough that trees of few rows have several levels, except in one store.
fn options(store: &str) -> StoreOptions {
    let options = StoreOptions::default();
    if store == "large" { options } else { options.node_size(1 << 10) }
}

/// A value that says which transaction wrote it.
fn value(transaction: u64, len: usize) -> Vec<u8> {
    transaction.to_be_bytes().into_iter().cycle().take(len).collect()
}

fn loaded(transaction: u64, rows: u64) -> impl Iterator<Item = ([u8; 8], Vec<u8>)> {
    (0..rows).map(move |row| (row.to_be_bytes(), value(transaction, 40)))
}

/// The key of an index entry: the record's backwards, so that entries are in another order.
fn index_key(key: &[u8]) -> Vec<u8> {
    key.iter().rev().copied().collect()
}

impl Edit {
    /// Makes the change in a transaction, which has this number.
    ///
    /// # Errors
    /// If the database fails.
    pub fn perform(&self, transaction: &Transaction, number: u64) -> Result<()> {
        match self {
            Self::Put { store, key, len } => {
                let store = transaction.open_store(store, &options(store))?;
                store.upsert(key.to_be_bytes(), value(number, *len))
            }
            Self::Remove { store, key } if exists(transaction, store)? => {
                transaction.store(store)?.remove(key.to_be_bytes()).map(drop)
            }
            Self::Load { store, rows } => {
                if exists(transaction, store)? && !transaction.store(store)?.is_empty()? {
                    return Ok(());
                }
                let rows = loaded(number, *rows);
                transaction.bulk_load(store, &options(store), rows).map(drop)
            }
            Self::Drop { store } if exists(transaction, store)? => transaction.drop_store(store),
            Self::Fill { from, to, rows } if exists(transaction, from)? => {
                fill(transaction, from, to, *rows)
            }
            Self::Remove { .. } | Self::Drop { .. } | Self::Fill { .. } => Ok(()),
        }
    }

    /// Makes the change in a model.
    pub fn apply(&self, contents: &mut Contents, number: u64) {
        match self {
            Self::Put { store, key, len } => {
                let store = contents.entry(store.clone()).or_default();
                store.insert(key.to_be_bytes().into(), value(number, *len));
            }
            Self::Remove { store, key } => {
                if let Some(store) = contents.get_mut(store) {
                    store.remove(&key.to_be_bytes()[..]);
                }
            }
            Self::Load { store, rows } => {
                let store = contents.entry(store.clone()).or_default();
                if store.is_empty() {
                    store.extend(loaded(number, *rows).map(|(key, value)| (key.into(), value)));
                }
            }
            Self::Drop { store } => drop(contents.remove(store)),
            Self::Fill { from, to, rows } => {
                if let Some(source) = contents.get(from).cloned() {
                    fill_model(contents, &source, to, *rows);
                }
            }
        }
    }
}

fn exists(transaction: &Transaction, name: &str) -> Result<bool> {
    Ok(transaction.stores()?.iter().any(|store| store.name == name))
}

fn fill(transaction: &Transaction, from: &str, to: &str, rows: usize) -> Result<()> {
    let progress = transaction.open_store(PROGRESS, &options(PROGRESS))?;
    let filled = progress.find(to)?.map(|value| value.to_vec()).unwrap_or_default();
    let source = transaction.store(from)?;
    let target = transaction.open_store(to, &options(to))?;
    let mut last = Vec::new();
    let rest = (Bound::Excluded(filled), Bound::Unbounded);
    for row in source.range::<Vec<u8>>(rest)?.take(rows) {
        let (key, _) = row?;
        target.upsert(index_key(&key), [])?;
        last = key;
    }
    progress.upsert(to, last)
}

fn fill_model(contents: &mut Contents, source: &Rows, to: &str, rows: usize) {
    let progress = contents.entry(PROGRESS.to_owned()).or_default();
    let filled = progress.get(to.as_bytes()).cloned().unwrap_or_default();
    let rest = (Bound::Excluded(filled), Bound::Unbounded);
    let keys: Vec<_> = source.range(rest).take(rows).map(|(key, _)| key.clone()).collect();
    progress.insert(to.into(), keys.last().cloned().unwrap_or_default());
    let target = contents.entry(to.to_owned()).or_default();
    target.extend(keys.iter().map(|key| (index_key(key), Vec::new())));
}
