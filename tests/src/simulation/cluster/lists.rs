//! Lists that all append to and read, for the checker of histories, which knows nothing of the log.
//!
//! A list is an entry of a store that nobody drops. Its elements are numbers that nobody else
//! appends, so that each read tells whom it comes after. Long lists are left, and new ones begun.

use std::ops::{Bound, RangeBounds};

use fastrand::Rng;
use sop_core::{Result, Transaction};

use super::book::Book;
use crate::{
    history::Operation,
    oracle::{Readable, Step, Value, Witness, WriteKind},
};

/// The store.
pub(super) const STORE: &str = "lists";

/// How many lists are in use at a time.
const IN_USE: u64 = 5;

/// From so many elements on nothing is appended to a list.
const ELEMENTS_MAX: usize = 12;

/// Something that is done with lists.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    Append { list: u64 },
    Read { list: u64 },
    ReadAllFrom { list: u64 },
}

impl Task {
    /// For somebody who may append, or not. Lists from `first` on are in use.
    pub(super) fn draw(first: u64, may_append: bool, random: &mut Rng) -> Self {
        let list = first + random.u64(..IN_USE);
        match random.u8(..8) {
            0..4 if may_append => Self::Append { list },
            0..6 => Self::Read { list },
            _ => Self::ReadAllFrom { list: first },
        }
    }

    /// Reads; what is appended is left to [`append`].
    pub(super) fn read(self, witness: &mut Witness<impl Readable>) -> Result<()> {
        match self {
            Self::Append { list } | Self::Read { list } => witness.find(STORE, &key(list)),
            Self::ReadAllFrom { list } => {
                witness.scan(STORE, (Bound::Included(key(list)), Bound::Unbounded), usize::MAX, 0)
            }
        }
    }
}

/// Puts an element behind the last one of a list, or finds that the list is long enough.
pub(super) fn append(list: u64, witness: &mut Witness<Transaction>, book: &Book) -> Result<()> {
    Task::Read { list }.read(witness)?;
    let Some(Step::Find { found, .. }) = witness.steps().last() else { return Ok(()) };
    let is_there = found.is_some();
    let mut text = found.as_ref().map_or_else(Vec::new, |value| value.to_vec());
    if elements(&text).len() >= ELEMENTS_MAX {
        book.leave_list(list);
        return Ok(());
    }
    text.extend_from_slice(format!("{} ", book.number()).as_bytes());
    let value = Value::from(text);
    let kind = if is_there { WriteKind::Update(value) } else { WriteKind::Add(value) };
    witness.write(STORE, &key(list), kind)
}

fn key(list: u64) -> Vec<u8> {
    format!("{list:05}").into_bytes()
}

fn elements(value: &[u8]) -> Vec<u64> {
    let text = str::from_utf8(value).unwrap_or_default();
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// What steps did to lists, of which nobody has used one above `last`.
pub(super) fn operations(steps: &[Step], last: u64) -> Vec<Operation> {
    let lists = |key: &[u8]| elements(key).first().copied();
    let mut operations = Vec::new();
    for step in steps {
        match step {
            Step::Find { store, key, found } if store == STORE => {
                let elements = found.as_ref().map_or_else(Vec::new, |value| elements(value));
                operations.extend(lists(key).map(|list| Operation::Read { list, elements }));
            }
            Step::Range { store, range, found } if store == STORE => {
                let covered = (0..=last).filter(|list| range.contains(&key(*list)));
                operations.extend(covered.map(|list| {
                    let found = found.iter().find(|(found, _)| *found == key(list));
                    let elements = found.map_or_else(Vec::new, |(_, value)| elements(value));
                    Operation::Read { list, elements }
                }));
            }
            Step::Write { store, key, kind, done: true } if store == STORE => {
                let appended = kind.value().and_then(|value| elements(value).last().copied());
                operations.extend(
                    lists(key)
                        .zip(appended)
                        .map(|(list, element)| Operation::Append { list, element }),
                );
            }
            _ => {}
        }
    }
    operations
}

/// The last list that can be in use if those from `first` on are.
pub(super) fn last(first: u64) -> u64 {
    first + IN_USE - 1
}
