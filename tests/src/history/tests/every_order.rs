//! The checker beside a search through every order in which small histories can have happened.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::{super::*, *};
use crate::effort;

const LISTS: u64 = 2;

type Lists = BTreeMap<u64, Vec<u64>>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Progress {
    Waits,
    Started,
    Done,
}

/// A search for an order that explains all reads.
struct Orders<'h> {
    transactions: &'h [Observed],
    /// Whether those that ask for no more may commit to a later state than they read.
    is_loose: bool,
}

/// How far an order has come.
#[derive(Clone)]
struct Place {
    progress: Vec<Progress>,
    lists: Lists,
    /// What each transaction that has started must find unchanged.
    snapshots: BTreeMap<usize, Lists>,
}

impl Orders<'_> {
    fn any_explains(&self) -> bool {
        let progress = vec![Progress::Waits; self.transactions.len()];
        self.goes_on(&Place { progress, lists: Lists::new(), snapshots: BTreeMap::new() })
    }

    fn goes_on(&self, place: &Place) -> bool {
        if place.progress.iter().all(|progress| *progress == Progress::Done) {
            return true;
        }
        (0..self.transactions.len()).any(|number| match place.progress[number] {
            Progress::Waits => self.starts(place, number),
            Progress::Started => self.commits(place, number),
            Progress::Done => false,
        })
    }

    fn starts(&self, place: &Place, number: usize) -> bool {
        let transaction = &self.transactions[number];
        let comes_before = |other: &Observed| {
            let is_to_be_seen = transaction.is_fresh || other.process == transaction.process;
            is_to_be_seen && other.end < transaction.begin && other.fate != Fate::Unknown
        };
        let mut others = self.transactions.iter().zip(&place.progress);
        if others.any(|(other, progress)| comes_before(other) && *progress != Progress::Done) {
            return false;
        }
        if !fits(&transaction.operations, &place.lists) {
            return false;
        }
        let with = |progress| {
            let mut next = place.clone();
            next.progress[number] = progress;
            next.snapshots.insert(number, place.lists.clone());
            next
        };
        let is_without_effect =
            transaction.fate != Fate::Committed && self.goes_on(&with(Progress::Done));
        if is_without_effect || transaction.fate == Fate::Aborted {
            return is_without_effect;
        }
        if self.is_loose && transaction.isolation == Isolation::Snapshot {
            return self.goes_on(&with(Progress::Started));
        }
        self.commits(&with(Progress::Started), number)
    }

    fn commits(&self, place: &Place, number: usize) -> bool {
        let mut next = place.clone();
        next.progress[number] = Progress::Done;
        for operation in &self.transactions[number].operations {
            let Operation::Append { list, element } = operation else { continue };
            if place.lists.get(list) != place.snapshots[&number].get(list) {
                return false;
            }
            next.lists.entry(*list).or_default().push(*element);
        }
        self.goes_on(&next)
    }
}

/// Whether reads see a state, and what the transaction itself appended.
fn fits(operations: &[Operation], lists: &Lists) -> bool {
    let mut lists = lists.clone();
    operations.iter().all(|operation| match operation {
        Operation::Append { list, element } => {
            lists.entry(*list).or_default().push(*element);
            true
        }
        Operation::Read { list, elements } => {
            elements.as_slice() == lists.get(list).map_or(&[][..], Vec::as_slice)
        }
    })
}

/// A few transactions that may have seen too little, or what they should not, or are all right.
fn random_history(random: &mut Rng) -> History {
    let mut lists: BTreeMap<u64, Vec<u64>> = (0..LISTS).map(|list| (list, Vec::new())).collect();
    let mut all = Vec::new();
    for number in 0..random.u64(2..=5) {
        let fate = *random
            .choice(&[
                Fate::Committed,
                Fate::Committed,
                Fate::Committed,
                Fate::Aborted,
                Fate::Unknown,
            ])
            .unwrap_or(&Fate::Committed);
        let isolation = if random.bool() { Isolation::Snapshot } else { Isolation::Serializable };
        let begin = (100 + 20 * number).saturating_sub(random.u64(..60));
        let one = tried().fate(fate).isolation(isolation);
        let one = one.lasting(begin, 101 + 20 * number + random.u64(..60));
        let one = if random.u8(..4) == 0 { one.stale() } else { one };
        let (one, after) = random_transaction(one, number, &lists, random);
        let takes_effect = match fate {
            Fate::Committed => true,
            Fate::Aborted => false,
            Fate::Unknown => random.bool(),
        };
        if takes_effect {
            lists = after;
        }
        all.push(one);
    }
    if random.u8(..3) == 0 {
        spoil(&mut all, random);
    }
    let read_all = |one: Tried, (list, elements): (&u64, &Vec<u64>)| one.read(*list, elements);
    all.push(lists.iter().fold(tried().lasting(400, 401), read_all));
    history(all)
}

/// Also gives the lists after it.
fn random_transaction(
    mut one: Tried,
    number: u64,
    lists: &Lists,
    random: &mut Rng,
) -> (Tried, Lists) {
    let mut after = lists.clone();
    let mut seen = lists.clone();
    // Everybody reads a state, perhaps an old one, perhaps torn.
    for elements in seen.values_mut() {
        let misses = random.usize(..3).saturating_sub(1);
        elements.truncate(elements.len().saturating_sub(misses));
    }
    for step in 0..random.u64(1..=4) {
        let list = random.u64(..LISTS);
        if random.bool() {
            let element = 10 * (number + 1) + step;
            one = one.append(list, element);
            after.entry(list).or_default().push(element);
            seen.entry(list).or_default().push(element);
        } else {
            one = one.read(list, &seen[&list]);
        }
    }
    (one, after)
}

/// Changes a read.
fn spoil(all: &mut [Tried], random: &mut Rng) {
    let reads = all.iter_mut().flat_map(|one| &mut one.0.operations);
    let reads = reads.filter_map(|operation| match operation {
        Operation::Read { elements, .. } => Some(elements),
        Operation::Append { .. } => None,
    });
    let Some(elements) = random.choice(reads.collect::<Vec<_>>()) else { return };
    match random.u8(..4) {
        0 => drop(elements.pop()),
        1 => elements.reverse(),
        2 => elements.insert(random.usize(..=elements.len()), random.u64(10..50)),
        _ => elements.extend(elements.first().copied()),
    }
}

#[test]
fn the_checker_finds_something_exactly_if_no_order_explains_a_history() {
    let mut random = Rng::with_seed(43);
    let mut verdicts = BTreeMap::new();
    for _ in 0..20_000 * effort() {
        let history = random_history(&mut random);
        let transactions = &history.transactions[..];
        let (strict, promised) = (check(&history), forbidden(&history));
        let explains = |is_loose| Orders { transactions, is_loose }.any_explains();
        assert_eq!(strict.is_empty(), explains(false), "{strict:?} in {history:#?}");
        assert_eq!(promised.is_empty(), explains(true), "{promised:?} in {history:#?}");
        *verdicts.entry((strict.is_empty(), promised.is_empty())).or_insert(0) += 1;
    }
    // Good ones, bad ones, and those that only a snapshot explains.
    for verdict in [(true, true), (false, false), (false, true)] {
        assert!(verdicts.get(&verdict).is_some_and(|count| *count > 100), "{verdicts:?}");
    }
}

#[test]
fn the_checker_blames_nobody_if_the_end_is_not_known() {
    let mut random = Rng::with_seed(47);
    let mut blamed = 0;
    for _ in 0..20_000 * effort() {
        let mut history = random_history(&mut random);
        history.transactions.pop();
        let transactions = &history.transactions[..];
        let found = forbidden(&history);
        if !found.is_empty() {
            blamed += 1;
            let is_explained = Orders { transactions, is_loose: true }.any_explains();
            assert!(!is_explained, "{found:?} in {history:#?}");
        }
    }
    assert!(blamed > 300, "{blamed}");
}
