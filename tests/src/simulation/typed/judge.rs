//! The judge: whether what sessions were told can be true, and what is committed then.
//!
//! Every session is done again, in the order of the commits, on a [model](super::model) that is too
//! simple to be wrong. It is demanded:
//!
//! - *Snapshots*: each answer is what the state that the session began on holds, with its own
//!   changes over it.
//! - *Merging*: what a commit leaves of a record that another one changed meanwhile is what the
//!   three-way rules make of it; whatever cannot be merged was refused.
//! - *Serializable*: what a committed session read of other records still holds in the state right
//!   before its commit.
//! - *Unique values*: no commit leaves two records with one value in a complete index.
//! - *Justice*: who was refused could not have been merged, or read what others changed. Sessions
//!   that read nothing and change each of their records once are judged exactly, if those beside
//!   them do so too.
//! - *Exactly once, durably*: the next life begins with all that was promised to last, and of the
//!   rest a beginning without gaps; the counter of everything adds up.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    kind::Kind,
    model::{Changes, Committed, Own, Table, View, Written, write},
    operation::{Answer, Found, Op, Question},
    report::{End, Life, Place, Report},
};

/// How much was checked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checked {
    /// Sessions that changed something and are committed.
    pub(super) commits: u64,
    /// Records that were merged in them.
    pub(super) merges: u64,
    /// Sessions that were refused with reason.
    pub(super) conflicts: u64,
    /// Other sessions.
    pub(super) others: u64,
}

/// A state, and from which position on.
type States = Vec<(u64, Arc<Committed>)>;

/// Checks a life that began with a state, and gives the one that the next life begins with, which
/// found this position when it was opened.
pub(super) fn judge(
    begun_with: &Committed,
    life: &Life,
    next_opened_at: u64,
) -> Result<(Committed, Checked), String> {
    if next_opened_at < life.lasting {
        return Err(format!("{next_opened_at} was found, {} was to last", life.lasting));
    }
    let mut checked = Checked::default();
    let mut states: States = vec![(life.opened_at, Arc::new(begun_with.clone()))];
    for (report, place) in in_order(life, next_opened_at)? {
        let base = state_at(&states, report.terms.snapshot);
        let now = &states.last().expect("invariant: there is one from the beginning").1;
        let after = commit(report, &place, base, now);
        let (after, merges) = after.map_err(|reason| {
            format!("{place:?}: {reason}\n{}", beside(report, (place.position, place.order), life))
        })?;
        checked.commits += 1;
        checked.merges += merges as u64;
        states.push((place.position, Arc::new(after)));
    }
    for report in &life.reports {
        let reason = |reason| format!("{reason}\n{report}");
        if report.terms.begun_after > report.terms.snapshot {
            return Err(reason("it does not see what was acknowledged".to_owned()));
        }
        let base = state_at(&states, report.terms.snapshot);
        redo(report, base).map_err(reason)?;
        match report.end {
            End::Refused { told_at, .. } => {
                let justified = justify(report, told_at, &states, life);
                justified.map_err(|reason| {
                    format!("{reason}\n{}", beside(report, (told_at + 1, 0), life))
                })?;
                checked.conflicts += 1;
            }
            End::Committed(_) => {}
            _ => checked.others += 1,
        }
    }
    Ok((Committed::clone(state_at(&states, next_opened_at)), checked))
}

/// A session, and those that took effect between its beginning and a place, in words.
fn beside(report: &Report, until: (u64, u64), life: &Life) -> String {
    let is_beside = |place: Place| {
        place.position > report.terms.snapshot && (place.position, place.order) < until
    };
    let others = life.reports.iter().filter(|other| other.place().is_some_and(is_beside));
    let lines: Vec<_> = others.map(|other| format!("beside {other}")).collect();
    format!("{report}\n{}", lines.join("\n"))
}

/// All who changed something, in the order in which it took effect.
fn in_order(life: &Life, next_opened_at: u64) -> Result<Vec<(&Report, Place)>, String> {
    let committed = life.reports.iter().filter_map(|report| match report.end {
        End::Committed(place) => Some((report, place)),
        End::Unknown(place) if place.position <= next_opened_at => Some((report, place)),
        _ => None,
    });
    let mut committed: Vec<_> = committed.collect();
    committed.sort_by_key(|(_, place)| (place.position, place.order));
    for (report, place) in &committed {
        if place.position <= place.submitted_after.max(report.terms.snapshot) {
            return Err(format!("{place:?} is not behind what was acknowledged: {report}"));
        }
    }
    Ok(committed)
}

/// The newest state at a position.
fn state_at(states: &States, position: u64) -> &Committed {
    let newest = states.iter().rev().find(|(from, _)| *from <= position);
    &newest.unwrap_or(&states[0]).1
}

/// What a session did, done again.
#[derive(Debug, Default)]
struct Redone {
    own: Own,
    reads: Vec<Read>,
}

/// Something that was read, and the session's own changes at that time.
#[derive(Debug)]
struct Read {
    question: Question,
    found: Found,
    own: Own,
}

/// Does all of it again on the state that the session saw, and compares the answers.
fn redo(report: &Report, base: &Committed) -> Result<Redone, String> {
    let mut redone = Redone::default();
    for (op, told) in &report.told {
        let answer = match op {
            Op::Ask(question) => redone.ask(question, base, report),
            Op::Pages(change) => {
                let (table, ready) = (&base.pages, |name: &str| report.terms.ready.contains(name));
                let written = write(table, &redone.own.pages, change, &ready);
                let lenient = || write(table, &redone.own.pages, change, &|_: &str| true).answer;
                let answer = tolerate(&written, told, report.terms.unready[0], lenient);
                redone.take(written, base, |own, changes| own.pages.extend(changes));
                answer
            }
            Op::Counters(change) => {
                let (table, ready) =
                    (&base.counters, |name: &str| report.terms.ready.contains(name));
                let written = write(table, &redone.own.counters, change, &ready);
                let lenient = || write(table, &redone.own.counters, change, &|_: &str| true).answer;
                let answer = tolerate(&written, told, report.terms.unready[1], lenient);
                redone.take(written, base, |own, changes| own.counters.extend(changes));
                answer
            }
        };
        if answer != *told {
            return Err(format!("{op:?} gave {told:?}, not {answer:?}"));
        }
    }
    Ok(redone)
}

/// An index that does not hold all records may have the value that is asked for, or not.
fn tolerate<R>(
    written: &Written<R>,
    told: &Answer,
    unready: bool,
    lenient: impl FnOnce() -> Answer,
) -> Answer {
    if unready && *told == Answer::Duplicate { lenient() } else { written.answer.clone() }
}

impl Redone {
    fn ask(&mut self, question: &Question, base: &Committed, report: &Report) -> Answer {
        if question.index().is_some_and(|index| !report.terms.ready.contains(index)) {
            return Answer::Unready;
        }
        let found = View { state: base, own: &self.own }.answer(question);
        let (question, own) = (question.clone(), self.own.clone());
        self.reads.push(Read { question, found: found.clone(), own });
        Answer::Found(found)
    }

    fn take<R: Kind>(
        &mut self,
        written: Written<R>,
        base: &Committed,
        extend: impl FnOnce(&mut Own, Changes<R>),
    ) {
        for number in written.read {
            let question = R::question(number);
            let found = View { state: base, own: &self.own }.answer(&question);
            self.reads.push(Read { question, found, own: self.own.clone() });
        }
        extend(&mut self.own, written.changes);
    }
}

/// What a session makes of the state right before its commit, and how many records it merges.
fn commit(
    report: &Report,
    place: &Place,
    base: &Committed,
    now: &Committed,
) -> Result<(Committed, usize), String> {
    let redone = redo(report, base)?;
    let unready = report.terms.unready;
    let pages = Settled::new(&base.pages, &redone.own.pages, &now.pages, !unready[0])?;
    let counters = Settled::new(&base.counters, &redone.own.counters, &now.counters, !unready[1])?;
    let merges = pages.merged.len() + counters.merged.len();
    if place.merges.is_some_and(|told| told != merges) {
        return Err(format!("{merges} records were to be merged"));
    }
    if report.terms.is_serializable {
        for read in &redone.reads {
            read.holds(now, &pages.merged, &counters.merged)?;
        }
    }
    let mut after = now.clone();
    after.commits += 1;
    if !pages.changes.is_empty() {
        after.touched[0] = place.position;
    }
    if !counters.changes.is_empty() {
        after.touched[1] = place.position;
    }
    put(&mut after.pages, pages.changes, after.commits);
    put(&mut after.counters, counters.changes, after.commits);
    if !after.marks.insert(place.mark) {
        return Err("it took effect twice".to_owned());
    }
    let done = report.told.iter().filter(|(_, answer)| *answer == Answer::Done);
    after.total += done.map(|(op, _)| op.total()).sum::<i64>();
    match after.clash(|index| report.terms.ready.contains(index)) {
        Some(clash) => Err(clash),
        None => Ok((after, merges)),
    }
}

fn put<R>(table: &mut Table<R>, changes: Changes<R>, writer: u64) {
    for (number, record) in changes {
        match record {
            Some(record) => _ = table.insert(number, super::model::Row { writer, record }),
            None => _ = table.remove(&number),
        }
    }
}

/// The changes of a session on top of what others did meanwhile.
struct Settled<R> {
    changes: Changes<R>,
    /// The records that others had changed too.
    merged: BTreeSet<u32>,
}

impl<R: Kind> Settled<R> {
    fn new(
        base: &Table<R>,
        own: &Changes<R>,
        now: &Table<R>,
        merges: bool,
    ) -> Result<Self, String> {
        let (mut changes, mut merged) = (BTreeMap::new(), BTreeSet::new());
        for (number, ours) in own {
            let (base, theirs) = (base.get(number), now.get(number));
            if base.is_none() && ours.is_none() {
                continue;
            }
            if base.map(|row| row.writer) == theirs.map(|row| row.writer) {
                changes.insert(*number, ours.clone());
                continue;
            }
            let after = match (base, ours, theirs) {
                _ if !merges => None,
                (Some(base), Some(ours), Some(theirs)) => {
                    let merged = R::merged(&base.record, ours, &theirs.record);
                    merged.map(|merged| Some(Arc::new(merged)))
                }
                (Some(_), ..) if R::DELETE_WINS => Some(None),
                _ => None,
            };
            let sides = || format!("{base:?}, {ours:?} and {theirs:?} cannot be merged");
            changes.insert(*number, after.ok_or_else(sides)?);
            merged.insert(*number);
        }
        Ok(Self { changes, merged })
    }
}

impl Read {
    /// Whether it would be answered alike now, but for records that were merged.
    fn holds(
        &self,
        now: &Committed,
        pages: &BTreeSet<u32>,
        counters: &BTreeSet<u32>,
    ) -> Result<(), String> {
        let is_merged = !pages.is_empty() || !counters.is_empty();
        if self.question.is_limited() && is_merged {
            return Ok(());
        }
        let found = View { state: now, own: &self.own }.answer(&self.question);
        let [told, found] = [&self.found, &found].map(|found| match found {
            Found::Pages(found) => Found::Pages(
                found.iter().filter(|one| !pages.contains(&one.number)).cloned().collect(),
            ),
            Found::Counters(found) => Found::Counters(
                found.iter().filter(|one| !counters.contains(&one.number)).cloned().collect(),
            ),
        });
        if told == found {
            return Ok(());
        }
        Err(format!("{:?} gave {told:?} and now gives {found:?}", self.question))
    }
}

/// There must have been a reason to refuse a session.
fn justify(report: &Report, told_at: u64, states: &States, life: &Life) -> Result<(), String> {
    let snapshot = report.terms.snapshot;
    let since = |position: u64| position > snapshot && position <= told_at;
    // What was lost, and what filled indexes, is not known in detail.
    let is_built = report.terms.unready.contains(&true) && life.built.iter().any(|at| since(*at));
    if life.is_poisoned || is_built {
        return Ok(());
    }
    let base = state_at(states, snapshot);
    let touched = state_at(states, told_at).touched;
    let mut stores = report.told.iter().map(|(op, _)| op.store());
    let redone = redo(report, base)?;
    let is_simple = redone.reads.is_empty() && report.changes_each_record_once();
    if !is_simple && stores.any(|store| since(touched[store])) {
        return Ok(());
    }
    // Who gives a value away and takes it back leaves another entry that looks the same.
    let came_back = |other: &Report| {
        let place = other.place().filter(|place| since(place.position));
        place.is_some() && !other.changes_each_record_once()
    };
    if life.reports.iter().any(came_back) {
        return Ok(());
    }
    let own = redone.own;
    let mut met = states.iter().filter(|(position, _)| since(*position));
    let place =
        Place { position: told_at, order: 0, mark: u64::MAX, merges: None, submitted_after: 0 };
    if met.any(|(_, now)| moved(base, &own, now) || commit(report, &place, base, now).is_err()) {
        return Ok(());
    }
    Err(format!("it could have been committed until {told_at}"))
}

/// Whether a unique value that a session gave or took away has another owner now. What the session
/// saw of the entry does not hold then, though the merged record may be none of its concern.
fn moved(base: &Committed, own: &Own, now: &Committed) -> bool {
    fn of<R: Kind>(base: &Table<R>, own: &Changes<R>, now: &Table<R>) -> bool {
        let values = |record: Option<&R>| record.map(R::unique).unwrap_or_default();
        own.iter().any(|(number, ours)| {
            let ours = values(ours.as_deref());
            let before = values(base.get(number).map(|row| &*row.record));
            let given = ours.iter().filter(|value| !before.contains(value));
            let taken = before.iter().filter(|value| !ours.contains(value));
            given.chain(taken).any(|value| owner(base, *value) != owner(now, *value))
        })
    }
    of(&base.pages, &own.pages, &now.pages) || of(&base.counters, &own.counters, &now.counters)
}

/// Who has a value in a unique index.
fn owner<R: Kind>(table: &Table<R>, value: (&'static str, u32)) -> Option<u32> {
    let owner = table.iter().find(|(_, row)| row.record.unique().contains(&value));
    owner.map(|(number, _)| *number)
}

impl Report {
    /// Whether it did not come back to any record.
    fn changes_each_record_once(&self) -> bool {
        let mut records = BTreeSet::new();
        self.told.iter().flat_map(|(op, _)| op.records()).all(|record| records.insert(record))
    }
}
