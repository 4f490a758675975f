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
//!   before its commit; one that merged nothing could have done all of it there, with the same
//!   answers, also what it took back.
//! - *Unique values*: no commit leaves two records with one value in a complete index.
//! - *Justice*: who was refused could not have been merged, or read what others wrote (`justice`).
//! - *Exactly once, durably*: the next life begins with all that was promised to last, and of the
//!   rest a beginning without gaps; the counter of everything adds up.

mod justice;
mod redo;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::{justice::justify, redo::redo};
use super::{
    kind::Kind,
    model::{Changes, Committed, Row, Table, UniqueValue, moved},
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
        if merges == 0 && unready == [false; 2] {
            redo(report, now)?;
        }
    }
    let mut after = now.clone();
    after.commits += 1;
    let values = [pages.values(&now.pages), counters.values(&now.counters)].concat();
    let values = values.into_iter().chain(redone.values);
    after.given.extend(values.map(|value| (value, after.commits)));
    put(&mut after.pages, pages.changes, after.commits);
    put(&mut after.counters, counters.changes, after.commits);
    if !after.marks.insert(place.mark) {
        return Err("it took effect twice".to_owned());
    }
    after.total += report.told.iter().map(|(op, answer)| op.total(answer)).sum::<i64>();
    match after.clash(|index| report.terms.ready.contains(index)) {
        Some(clash) => Err(clash),
        None => Ok((after, merges)),
    }
}

fn put<R>(table: &mut Table<R>, changes: Changes<R>, writer: u64) {
    for (number, record) in changes {
        match record {
            Some(record) => _ = table.insert(number, Row { writer, record }),
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

    /// The unique values that records get or lose.
    fn values(&self, now: &Table<R>) -> Vec<UniqueValue> {
        let changed = self.changes.iter().flat_map(|(number, after)| {
            moved(now.get(number).map(|row| &*row.record), after.as_deref())
        });
        changed.collect()
    }
}
