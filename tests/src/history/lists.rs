//! Lists in a database, and what random transactions do to them.
//!
//! Lists are entries whose value is the elements. They come in groups, which are scanned by prefix;
//! once lists are long their group is left and new lists are begun, so that reads stay short and
//! phantoms appear all the time. A few groups are a store, created by whoever needs it first.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use sop_core::{Error, Result, Snapshot, Store, StoreOptions, StoreView, Transaction};

use super::{History, Operation};

/// How many lists a group has.
const GROUP_LISTS: u64 = 8;

/// How many groups are in use at a time.
const GROUPS_IN_USE: u64 = 4;

/// How many groups a store has.
const STORE_GROUPS: u64 = 4;

/// From so many elements on nothing is appended to a list.
const ELEMENTS_MAX: usize = 24;

/// The lists of a database, as one process knows them.
#[derive(Debug, Default)]
pub struct Lists {
    /// The oldest group in use.
    group: AtomicU64,
    /// The next element.
    element: AtomicU64,
}

impl Lists {
    /// For one process of several: its elements are from `element` on, which are nobody else's, and
    /// the groups before `group` have been left.
    pub fn new(group: u64, element: u64) -> Self {
        Self { group: group.into(), element: element.into() }
    }

    /// The lists that a history tells of.
    pub fn of(history: &History) -> Self {
        let operations = history.transactions.iter().flat_map(|observed| &observed.operations);
        let newest = operations.map(|operation| operation.list() / GROUP_LISTS).max().unwrap_or(0);
        Self::new((newest + 1).saturating_sub(GROUPS_IN_USE), 0)
    }

    /// The oldest group in use.
    pub fn group(&self) -> u64 {
        self.group.load(Ordering::SeqCst)
    }

    /// Reads a list or a group, or appends to a list.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn step(
        &self,
        random: &mut Rng,
        transaction: &Transaction,
        operations: &mut Vec<Operation>,
    ) -> Result<()> {
        let group = self.any_group(random);
        if random.bool() {
            let options = StoreOptions::default().node_size(1_024);
            let store = transaction.open_store(&store_name(group), &options)?;
            return self.append(&store, any_list(group, random), operations);
        }
        let store = existing(transaction.store(&store_name(group)))?;
        read(store.as_deref().copied(), group, random, operations)
    }

    /// Reads a list or a group without a transaction.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn look(
        &self,
        random: &mut Rng,
        snapshot: &Snapshot,
        operations: &mut Vec<Operation>,
    ) -> Result<()> {
        let group = self.any_group(random);
        read(existing(snapshot.store(&store_name(group)))?, group, random, operations)
    }

    /// Reads all lists that ever were.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If the database gives back what cannot be a list.
    pub fn read_all(&self, snapshot: &Snapshot) -> Result<Vec<Operation>> {
        let mut operations = Vec::new();
        for group in 0..self.group() + GROUPS_IN_USE {
            operations.extend(read_group(existing(snapshot.store(&store_name(group)))?, group)?);
        }
        Ok(operations)
    }

    fn any_group(&self, random: &mut Rng) -> u64 {
        self.group() + random.u64(..GROUPS_IN_USE)
    }

    fn append(&self, store: &Store<'_>, list: u64, operations: &mut Vec<Operation>) -> Result<()> {
        let mut elements = read_list(Some(**store), list)?;
        operations.push(Operation::Read { list, elements: elements.clone() });
        if elements.len() >= ELEMENTS_MAX {
            self.group.fetch_max(list / GROUP_LISTS + 1, Ordering::SeqCst);
            return Ok(());
        }
        let element = self.element.fetch_add(1, Ordering::SeqCst);
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
}

/// How many steps a transaction takes: mostly few.
pub fn steps(random: &mut Rng) -> usize {
    let steps_max = if random.u8(..20) == 0 { 24 } else { 5 };
    random.usize(1..=steps_max)
}

fn any_list(group: u64, random: &mut Rng) -> u64 {
    group * GROUP_LISTS + random.u64(..GROUP_LISTS)
}

/// Reads a list, or a group of them.
fn read(
    store: Option<StoreView<'_>>,
    group: u64,
    random: &mut Rng,
    operations: &mut Vec<Operation>,
) -> Result<()> {
    if random.u8(..3) == 0 {
        operations.extend(read_group(store, group)?);
    } else {
        let list = any_list(group, random);
        operations.push(Operation::Read { list, elements: read_list(store, list)? });
    }
    Ok(())
}

/// What the names of stores of lists begin with.
const STORES: &str = "lists ";

/// Whether a store of this name has lists.
pub(crate) fn has_lists(store: &str) -> bool {
    store.starts_with(STORES)
}

fn store_name(group: u64) -> String {
    format!("{STORES}{}", group / STORE_GROUPS)
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
