//! The model: records in maps, and the answers that follow from them alone.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use super::{
    kind::Kind,
    operation::{Answer, Found, Question, Write},
    program::{Counter, Page},
};

/// A record that is committed, and the number of the commit that wrote it.
#[derive(Clone, Debug)]
pub(super) struct Row<R> {
    pub(super) writer: u64,
    pub(super) record: Arc<R>,
}

/// Committed records by number.
pub(super) type Table<R> = BTreeMap<u32, Row<R>>;

/// What a session made of records; none if it deleted them.
pub(super) type Changes<R> = BTreeMap<u32, Option<Arc<R>>>;

/// A value of which no two records may have the same, with the name of its index.
pub(super) type UniqueValue = (&'static str, u32);

/// What is committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Committed {
    pub(super) pages: Table<Page>,
    pub(super) counters: Table<Counter>,
    pub(super) marks: BTreeSet<u64>,
    /// What everybody together has added to the counter of everything.
    pub(super) total: i64,
    /// How many commits there were.
    pub(super) commits: u64,
    /// The last commit that gave a unique value to a record, took it away, or wanted to.
    pub(super) given: BTreeMap<UniqueValue, u64>,
}

/// The changes of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) pages: Changes<Page>,
    pub(super) counters: Changes<Counter>,
}

impl Own {
    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.counters.is_empty()
    }
}

/// What a session sees: a state and its own changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) state: &'a Committed,
    pub(super) own: &'a Own,
}

/// What came of a change in the model.
pub(super) struct Written<R> {
    pub(super) answer: Answer,
    pub(super) changes: Changes<R>,
    /// Records that it found as they are, or missing.
    pub(super) read: Vec<u32>,
    /// The unique values that it moved, or would have.
    pub(super) values: Vec<UniqueValue>,
}

/// The unique values that only one of two states of a record has.
pub(super) fn moved<R: Kind>(before: Option<&R>, after: Option<&R>) -> Vec<UniqueValue> {
    let [before, after] = [before, after].map(|side| side.map(R::unique).unwrap_or_default());
    let lost = before.iter().filter(|value| !after.contains(value));
    lost.chain(after.iter().filter(|value| !before.contains(value))).copied().collect()
}

/// All records of one type that a session sees.
fn all<'a, R>(table: &'a Table<R>, own: &'a Changes<R>) -> BTreeMap<u32, &'a R> {
    let rows = table.iter().filter(|(number, _)| !own.contains_key(number));
    let rows = rows.map(|(number, row)| (*number, &*row.record));
    let own = own.iter().filter_map(|(number, record)| Some((*number, &**record.as_ref()?)));
    rows.chain(own).collect()
}

impl View<'_> {
    /// Answers from all records.
    pub(super) fn answer(self, question: &Question) -> Found {
        let pages = || all(&self.state.pages, &self.own.pages).into_values();
        let counters = || all(&self.state.counters, &self.own.counters).into_values();
        match question {
            Question::Page(number) => chosen(pages(), |page| page.number == *number),
            Question::Pages => chosen(pages(), |_| true),
            Question::ByCode(code) => chosen(pages(), |page| page.code == *code),
            Question::BySlug(tenant, slug) => {
                chosen(pages(), |page| page.live && (page.tenant, page.slug) == (*tenant, *slug))
            }
            Question::ByTag(tag) => chosen(pages(), |page| page.tags.contains(tag)),
            Question::ByHeat { heat, limit, backwards } => {
                let key = |page: &Page| (Reverse(page.heat()), page.state, page.number);
                let mut found = sorted(pages(), |page| within(heat, page.heat()), key);
                if *backwards {
                    found.reverse();
                }
                found.truncate(*limit);
                Found::Pages(found)
            }
            Question::ByState(state) => {
                let key = |page: &Page| (Reverse(page.title), page.number);
                Found::Pages(sorted(pages(), |page| page.live && page.state == *state, key))
            }
            Question::ByHits(hits) => {
                let key = |page: &Page| (page.hits, page.number);
                Found::Pages(sorted(pages(), |page| within(hits, page.hits), key))
            }
            Question::Near(near) => Found::Pages(near.answer(pages())),
            Question::Counter(number) => {
                chosen_counters(counters(), |counter| counter.number == *number)
            }
            Question::Counters => chosen_counters(counters(), |_| true),
            Question::ByLabel(label) => {
                chosen_counters(counters(), |counter| counter.label == *label)
            }
            Question::ByCount(count) => {
                let key = |counter: &Counter| (Reverse(counter.count), counter.number);
                Found::Counters(sorted(counters(), |one| within(count, one.count), key))
            }
        }
    }
}

/// A range that ends before it begins is empty.
fn within(range: &Range<i64>, value: i64) -> bool {
    range.contains(&value)
}

fn chosen<'a>(pages: impl Iterator<Item = &'a Page>, keep: impl Fn(&Page) -> bool) -> Found {
    Found::Pages(sorted(pages, keep, |page| page.number))
}

fn chosen_counters<'a>(
    counters: impl Iterator<Item = &'a Counter>,
    keep: impl Fn(&Counter) -> bool,
) -> Found {
    Found::Counters(sorted(counters, keep, |counter| counter.number))
}

fn sorted<'a, R: Clone + 'a, K: Ord>(
    records: impl Iterator<Item = &'a R>,
    keep: impl Fn(&R) -> bool,
    key: impl Fn(&R) -> K,
) -> Vec<R> {
    let mut found: Vec<R> = records.filter(|record| keep(record)).cloned().collect();
    found.sort_by_key(key);
    found
}

/// Does a change on records, of which no two have the same value in an index that is enforced.
pub(super) fn write<R: Kind>(
    table: &Table<R>,
    own: &Changes<R>,
    write: &Write<R>,
    is_enforced: &impl Fn(&str) -> bool,
) -> Written<R> {
    let records = all(table, own);
    let numbers = write.numbers();
    let before: Vec<Option<&R>> =
        numbers.iter().map(|number| records.get(number).copied()).collect();
    let must_be_there = !matches!(write, Write::Insert(_) | Write::Upsert(_));
    if must_be_there && let Some(missing) = before.iter().position(Option::is_none) {
        // It looks for one after the other.
        let read = numbers[..=missing].to_vec();
        return Written::nothing(Answer::NotFound, read, Vec::new());
    }
    let is_there_already = matches!(write, Write::Insert(_)) && before[0].is_some();
    let after = after(write, &before);
    let values = before.iter().zip(&after).flat_map(|(one, other)| moved(*one, other.as_ref()));
    let values = values.collect();
    let others = || records.iter().filter(|(number, _)| !numbers.contains(number));
    let clashes = |after: &R| {
        let values: Vec<_> =
            after.unique().into_iter().filter(|(name, _)| is_enforced(name)).collect();
        others().any(|(_, other)| other.unique().iter().any(|value| values.contains(value)))
    };
    if is_there_already || after.iter().flatten().any(clashes) {
        return Written::nothing(Answer::Duplicate, Vec::new(), values);
    }
    let mut written = Written::nothing(Answer::Done, Vec::new(), values);
    for ((number, before), after) in numbers.into_iter().zip(before).zip(after) {
        // What is edited without a change was only read.
        if matches!(write, Write::Edit(..) | Write::Swap(..)) && before == after.as_ref() {
            written.read.push(number);
        } else {
            written.changes.insert(number, after.map(Arc::new));
        }
    }
    written
}

impl<R> Written<R> {
    fn nothing(answer: Answer, read: Vec<u32>, values: Vec<UniqueValue>) -> Self {
        Self { answer, changes: Changes::new(), read, values }
    }
}

/// What a change makes of the records that it is about.
fn after<R: Kind>(write: &Write<R>, before: &[Option<&R>]) -> Vec<Option<R>> {
    match (write, before) {
        (Write::Insert(record) | Write::Upsert(record), _) => vec![Some(record.clone())],
        (Write::Edit(_, changes), [Some(before)]) => {
            let mut record = R::clone(before);
            for change in changes {
                record.change(change);
            }
            vec![Some(record)]
        }
        (Write::Swap(..), [Some(one), Some(other)]) => {
            let (mut one, mut other) = (R::clone(one), R::clone(other));
            R::swap(&mut one, &mut other);
            vec![Some(one), Some(other)]
        }
        _ => vec![None; before.len()],
    }
}

impl Committed {
    /// Two records that have the same value in a unique index, in words.
    pub(super) fn clash(&self, is_enforced: impl Fn(&str) -> bool) -> Option<String> {
        fn of<R: Kind>(table: &Table<R>, is_enforced: impl Fn(&str) -> bool) -> Option<String> {
            let mut seen = BTreeMap::new();
            table.values().find_map(|row| {
                let values = row.record.unique().into_iter().filter(|(name, _)| is_enforced(name));
                let number = row.record.number();
                let mut clashing =
                    values.filter_map(|value| Some((seen.insert(value, number)?, value)));
                clashing.next().map(|(other, (index, value))| {
                    format!("{other} and {number} both have {value} in {index}")
                })
            })
        }
        of(&self.pages, &is_enforced).or_else(|| of(&self.counters, &is_enforced))
    }
}
