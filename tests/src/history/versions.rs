//! The order in which elements came to each list, as far as reads tell it.
//!
//! A list's order is its longest read; all others must be beginnings of it. What does not fit to
//! that is an anomaly by itself, under any isolation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Anomaly, Fate, Observed, Operation};

/// What is known of each list.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// The elements of each list, oldest first.
    pub(super) orders: BTreeMap<u64, Vec<u64>>,
    /// All reads that are beginnings of an order, less what the reader had appended itself.
    pub(super) reads: Vec<Read>,
    /// Who appended what: by list and element.
    appends: HashMap<(u64, u64), Append>,
}

/// That a transaction saw the first elements of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) reader: usize,
    pub(super) list: u64,
    pub(super) len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Append {
    writer: usize,
    /// Whether the writer appended nothing to the list after it.
    is_last: bool,
    /// Where it is in the list, if anybody saw it.
    place: Option<usize>,
}

/// A read as it was, less what the reader had appended itself.
#[derive(Clone, Copy, Debug)]
struct Seen<'h> {
    reader: usize,
    elements: &'h [u64],
}

/// The reads of each list.
type Reads<'h> = BTreeMap<u64, Vec<Seen<'h>>>;

impl Versions {
    /// Finds the orders, and what is wrong with single reads.
    pub(super) fn of(transactions: &[Observed]) -> (Self, Vec<Anomaly>) {
        let mut versions = Self::default();
        let mut anomalies = Vec::new();
        versions.note_appends(transactions, &mut anomalies);
        let reads = foreign_reads(transactions, &mut anomalies);
        let mut finder = Finder { transactions, versions: &mut versions, anomalies };
        for (list, reads) in &reads {
            finder.order_list(*list, reads);
        }
        for (list, reads) in &reads {
            finder.judge_reads(*list, reads);
        }
        finder.place_unread(&reads);
        let anomalies = finder.anomalies;
        (versions, anomalies)
    }

    /// Who appended the element at a place of a list. `None` if nobody, or if there is none.
    pub(super) fn writer(&self, list: u64, place: usize) -> Option<usize> {
        let element = self.orders.get(&list)?.get(place)?;
        self.appends.get(&(list, *element)).map(|append| append.writer)
    }

    fn note_appends(&mut self, transactions: &[Observed], anomalies: &mut Vec<Anomaly>) {
        for (writer, transaction) in transactions.iter().enumerate() {
            let mut lists = BTreeSet::new();
            for operation in transaction.operations.iter().rev() {
                let &Operation::Append { list, element } = operation else { continue };
                let append = Append { writer, is_last: lists.insert(list), place: None };
                if self.appends.insert((list, element), append).is_some() {
                    anomalies.push(Anomaly::AppendedTwice { list, element });
                }
            }
        }
    }
}

/// All reads by list, less what the readers had appended themselves.
fn foreign_reads<'h>(transactions: &'h [Observed], anomalies: &mut Vec<Anomaly>) -> Reads<'h> {
    let mut reads = Reads::new();
    for (reader, transaction) in transactions.iter().enumerate() {
        let mut own: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for operation in &transaction.operations {
            match operation {
                Operation::Append { list, element } => own.entry(*list).or_default().push(*element),
                Operation::Read { list, elements } => {
                    let own = own.get(list).map_or(&[][..], Vec::as_slice);
                    match elements.strip_suffix(own) {
                        Some(elements) => {
                            reads.entry(*list).or_default().push(Seen { reader, elements });
                        }
                        None => anomalies.push(internal(reader, *list, elements)),
                    }
                }
            }
        }
    }
    reads
}

fn internal(reader: usize, list: u64, elements: &[u64]) -> Anomaly {
    Anomaly::Internal { reader, list, elements: elements.to_vec() }
}

fn doubled(elements: &[u64]) -> Option<u64> {
    let mut met = BTreeSet::new();
    elements.iter().copied().find(|element| !met.insert(*element))
}

struct Finder<'a> {
    transactions: &'a [Observed],
    versions: &'a mut Versions,
    anomalies: Vec<Anomaly>,
}

impl Finder<'_> {
    /// Takes the longest read that can be one for the order, and notes those that fit to it.
    fn order_list(&mut self, list: u64, reads: &[Seen<'_>]) {
        let mut by_length = reads.to_vec();
        by_length.sort_by_key(|read| read.elements.len());
        let longest = loop {
            let Some(longest) = by_length.pop() else { return };
            let Some(element) = doubled(longest.elements) else { break longest };
            self.anomalies.push(Anomaly::Doubled { reader: longest.reader, list, element });
        };
        for (place, element) in longest.elements.iter().enumerate() {
            if let Some(append) = self.versions.appends.get_mut(&(list, *element)) {
                append.place = Some(place);
            }
        }
        self.versions.orders.insert(list, longest.elements.to_vec());
        self.judge_elements(list, longest, longest.elements, reads);
        let mut is_compatible = true;
        for read in reads {
            if longest.elements.starts_with(read.elements) {
                let len = read.elements.len();
                self.versions.reads.push(Read { reader: read.reader, list, len });
            } else if is_compatible && read.elements.len() <= longest.elements.len() {
                is_compatible = false;
                self.explain_other(list, *read, longest, reads);
            }
        }
    }

    /// Says why a read is no beginning of the longest.
    fn explain_other(&mut self, list: u64, read: Seen<'_>, longest: Seen<'_>, reads: &[Seen<'_>]) {
        let strange = |element: &u64| !longest.elements.contains(element);
        let strange: Vec<_> = read.elements.iter().copied().filter(strange).collect();
        self.judge_elements(list, read, &strange, reads);
        self.anomalies.push(match doubled(read.elements) {
            Some(element) => Anomaly::Doubled { reader: read.reader, list, element },
            None => Anomaly::IncompatibleOrder {
                list,
                longest: (longest.reader, longest.elements.to_vec()),
                other: (read.reader, read.elements.to_vec()),
            },
        });
    }

    /// Finds those elements of a read that nobody should have seen.
    fn judge_elements(&mut self, list: u64, read: Seen<'_>, elements: &[u64], reads: &[Seen<'_>]) {
        for element in elements.iter().copied() {
            let Some(append) = self.versions.appends.get(&(list, element)) else {
                self.anomalies.push(Anomaly::Unwritten { reader: read.reader, list, element });
                continue;
            };
            let writer = append.writer;
            if self.transactions[writer].fate == Fate::Aborted {
                let saw = |r: &&Seen<'_>| r.reader != writer && r.elements.contains(&element);
                let reader = reads.iter().find(saw).map_or(read.reader, |read| read.reader);
                self.anomalies.push(Anomaly::AbortedRead { reader, writer, list, element });
            }
        }
    }

    /// Finds reads that end in the middle of a transaction, or hold what is still to be appended.
    fn judge_reads(&mut self, list: u64, reads: &[Seen<'_>]) {
        for read in reads {
            let Some(element) = read.elements.last() else { continue };
            let Some(last) = self.versions.appends.get(&(list, *element)) else { continue };
            let (reader, writer, element) = (read.reader, last.writer, *element);
            if writer != reader && !last.is_last {
                self.anomalies.push(Anomaly::IntermediateRead { reader, writer, list, element });
            }
            if self.saw_itself(list, read) {
                self.anomalies.push(internal(reader, list, read.elements));
            }
        }
    }

    fn saw_itself(&self, list: u64, read: &Seen<'_>) -> bool {
        self.transactions[read.reader].operations.iter().any(|operation| match operation {
            Operation::Append { list: to, element } if *to == list => {
                let place = self.versions.appends[&(list, *element)].place;
                place.is_some_and(|place| read.elements.get(place) == Some(element))
            }
            _ => false,
        })
    }

    /// Finds committed appends that nobody saw: lost, or put behind all others if it is certain.
    fn place_unread(&mut self, reads: &Reads<'_>) {
        let mut unread: BTreeMap<u64, Vec<(usize, u64)>> = BTreeMap::new();
        let transactions = self.transactions;
        for (writer, transaction) in transactions.iter().enumerate() {
            let Some(end) = self.took_effect_before(writer, reads) else { continue };
            for operation in &transaction.operations {
                let &Operation::Append { list, element } = operation else { continue };
                if self.versions.appends[&(list, element)].place.is_some() {
                    continue;
                }
                let begin = |read: &&Seen<'_>| transactions[read.reader].begin;
                let is_fresh = |read: &&Seen<'_>| transactions[read.reader].is_fresh;
                let reads = reads.get(&list);
                let latest = reads.and_then(|r| r.iter().filter(is_fresh).max_by_key(begin));
                match latest.filter(|read| transactions[read.reader].begin > end) {
                    Some(Seen { reader, .. }) => {
                        let reader = *reader;
                        self.anomalies.push(Anomaly::Lost { writer, list, element, reader });
                    }
                    None => unread.entry(list).or_default().push((writer, element)),
                }
            }
        }
        for (list, unread) in unread {
            if unread.iter().all(|(writer, _)| *writer == unread[0].0) {
                let elements = unread.into_iter().map(|(_, element)| element);
                self.versions.orders.entry(list).or_default().extend(elements);
            }
        }
    }

    /// A moment by which a transaction had taken effect, the last of all if that is unknown.
    /// `None` if it perhaps never did.
    fn took_effect_before(&self, writer: usize, reads: &Reads<'_>) -> Option<u64> {
        let transaction = &self.transactions[writer];
        match transaction.fate {
            Fate::Committed => return Some(transaction.end),
            Fate::Aborted => return None,
            Fate::Unknown => {}
        }
        let appends = transaction.operations.iter().filter_map(|operation| match operation {
            Operation::Append { list, element } => Some((*list, *element)),
            Operation::Read { .. } => None,
        });
        let seen = appends.filter_map(|(list, element)| {
            let seen = reads.get(&list)?.iter().filter(|read| read.elements.contains(&element));
            let readers = seen.map(|read| &self.transactions[read.reader]);
            readers
                .map(|reader| if reader.fate == Fate::Unknown { u64::MAX } else { reader.end })
                .min()
        });
        seen.min()
    }
}
