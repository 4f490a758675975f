//! Good histories, with one thing changed in each.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::{super::*, *};

const LISTS: u64 = 5;

/// What is done to the reads of a history.
type Spoil = fn(&mut Vec<u64>, &mut Rng) -> bool;

/// A history that ran one after another, and at its end a transaction that read all lists.
fn serial(transactions: u64, random: &mut Rng) -> History {
    let mut lists: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut all: Vec<Tried> = Vec::new();
    for number in 0..transactions {
        let mut one =
            tried().lasting(10 * number, 10 * number + 5).process(usize::from(number % 2 == 1));
        // Every list belongs to its time, so that reads stay short.
        let epoch = number / 50 * LISTS;
        for step in 0..random.u64(1..5) {
            let list = epoch + random.u64(..LISTS);
            let elements = lists.entry(list).or_default();
            if random.bool() {
                let element = 10 * number + step;
                elements.push(element);
                one = one.append(list, element);
            } else {
                one = one.read(list, elements);
            }
        }
        all.push(one);
    }
    let end = 10 * transactions;
    let read_all = |one: Tried, (list, elements): (&u64, &Vec<u64>)| one.read(*list, elements);
    all.push(lists.iter().fold(tried().lasting(end, end + 5), read_all));
    history(all)
}

/// Spoils many histories in one read each, and counts those of which the checker finds nothing.
fn assert_found(spoil: Spoil) {
    let mut random = Rng::with_seed(23);
    let mut spoilt = 0;
    while spoilt < 300 {
        let mut history = serial(60, &mut random);
        assert_eq!(check(&history), []);
        let transaction = random.usize(..history.transactions.len());
        let operations = &mut history.transactions[transaction].operations;
        let place = random.usize(..operations.len());
        let Operation::Read { elements, .. } = &mut operations[place] else { continue };
        if spoil(elements, &mut random) {
            spoilt += 1;
            assert_ne!(check(&history), [], "{:?}", history.transactions[transaction]);
        }
    }
}

#[test]
fn a_read_that_misses_the_last_elements_is_found() {
    assert_found(|elements, random| {
        let len = elements.len();
        elements.truncate(random.usize(..=len));
        elements.len() < len
    });
}

#[test]
fn a_read_that_misses_an_element_in_the_middle_is_found() {
    assert_found(|elements, random| {
        let is_long = elements.len() > 1;
        is_long.then(|| elements.remove(random.usize(..elements.len() - 1))).is_some()
    });
}

#[test]
fn a_read_with_two_elements_swapped_is_found() {
    assert_found(|elements, random| {
        let is_long = elements.len() > 1;
        if is_long {
            let place = random.usize(1..elements.len());
            elements.swap(place - 1, place);
        }
        is_long
    });
}

#[test]
fn a_read_with_an_element_twice_is_found() {
    assert_found(|elements, random| {
        if let Some(element) = random.choice(elements.clone()) {
            elements.insert(random.usize(..=elements.len()), element);
        }
        !elements.is_empty()
    });
}

#[test]
fn a_read_with_an_element_too_many_is_found() {
    assert_found(|elements, random| {
        elements.insert(random.usize(..=elements.len()), 1_000_000);
        true
    });
}

#[test]
fn reads_of_two_transactions_that_are_swapped_are_found() {
    let mut random = Rng::with_seed(29);
    let mut spoilt = 0;
    while spoilt < 300 {
        let mut history = serial(60, &mut random);
        let (a, b) = (random.usize(..60), random.usize(..60));
        let [Some((list, at_a, seen_a)), Some((other, at_b, seen_b))] =
            [first_read(&history, a), first_read(&history, b)]
        else {
            continue;
        };
        if list != other || seen_a == seen_b {
            continue;
        }
        spoilt += 1;
        let read = |elements| Operation::Read { list, elements };
        history.transactions[a].operations[at_a] = read(seen_b);
        history.transactions[b].operations[at_b] = read(seen_a);
        assert_ne!(check(&history), [], "reads of {a} and {b}");
    }
}

fn first_read(history: &History, transaction: usize) -> Option<(u64, usize, Vec<u64>)> {
    let mut operations = history.transactions[transaction].operations.iter().enumerate();
    operations.find_map(|(place, operation)| match operation {
        Operation::Read { list, elements } => Some((*list, place, elements.clone())),
        Operation::Append { .. } => None,
    })
}

#[test]
fn a_commit_that_vanishes_from_all_reads_is_found() {
    let mut random = Rng::with_seed(31);
    for _ in 0..300 {
        let mut history = serial(60, &mut random);
        let appends = history.transactions.iter().flat_map(|t| &t.operations);
        let appends = appends.filter_map(|operation| match operation {
            Operation::Append { element, .. } => Some(*element),
            Operation::Read { .. } => None,
        });
        let appends: Vec<u64> = appends.collect();
        let gone = appends[random.usize(..appends.len())];
        for operation in history.transactions.iter_mut().flat_map(|t| &mut t.operations) {
            if let Operation::Read { elements, .. } = operation {
                elements.retain(|element| *element != gone);
            }
        }
        assert_ne!(check(&history), [], "without {gone}");
    }
}

#[test]
fn a_hundred_thousand_transactions_are_judged_and_one_bad_read_among_them_is_found() {
    let mut random = Rng::with_seed(37);
    let mut history = serial(100_000, &mut random);
    // As if sixteen ran at a time.
    for transaction in &mut history.transactions {
        transaction.begin = transaction.begin.saturating_sub(80);
        transaction.end += 80;
    }
    assert_eq!(check(&history), []);
    let stale = history.transactions.iter_mut().skip(50_000).flat_map(|t| &mut t.operations);
    let stale = stale.filter_map(|operation| match operation {
        Operation::Read { elements, .. } if elements.len() > 9 => Some(elements),
        _ => None,
    });
    stale.take(1).for_each(|elements| elements.truncate(1));
    let found = check(&history);
    assert_eq!(found.first().and_then(Anomaly::cycle), Some(CycleKind::GSingle));
}
