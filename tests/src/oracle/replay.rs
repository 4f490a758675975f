//! Going through a life in the order of its commits.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Isolation, Key, Life, Model,
    changes::Changes,
    digest::Digest,
    model::{Overlay, OwnStore},
    report::{End, Report, Step},
};

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Transactions that changed something and are committed.
    pub commits: u64,
    /// Conflicts that had a reason.
    pub conflicts: u64,
    /// Reports that only read, or had no effect.
    pub others: u64,
    /// States that were looked at as a whole.
    pub states: u64,
}

/// Checks a life that began with the model, and gives the model that the next life, which found
/// this position when it was opened, begins with. Without a next life it is the last state.
///
/// # Errors
/// What cannot be, in words, with the report that says so.
pub fn check(
    begun_with: &Model,
    life: &Life,
    next_opened_at: Option<u64>,
) -> Result<(Model, Checked), String> {
    let committed = in_order(life, next_opened_at)?;
    let end = committed.last().map_or(life.opened_at, |writer| writer.position);
    let end = life.others.last().map_or(end, |last| end.max(*last));
    let lasting = life.lasting;
    if next_opened_at.is_some_and(|found| found < lasting || found > end) {
        return Err(format!("{next_opened_at:?} was found, not {lasting} to {end}"));
    }
    let mut replay = Replay::new(begun_with.clone(), life, next_opened_at.unwrap_or(end));
    replay.look_back(life.opened_at)?;
    let mut rest = committed.as_slice();
    let mut others = life.others.iter().peekable();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|writer| writer.position == first.position).count();
        let (batch, behind) = rest.split_at(same);
        while let Some(position) = others.next_if(|position| **position < first.position) {
            replay.look_back(*position)?;
        }
        for writer in batch {
            replay
                .commit(writer)
                .map_err(|reason| format!("{reason}\n{}", beside(&committed, writer)))?;
        }
        replay.look_back(first.position)?;
        rest = behind;
    }
    others.try_for_each(|position| replay.look_back(*position))?;
    replay.conclude(life)
}

/// A transaction that changed something and is committed.
#[derive(Clone, Copy, Debug)]
struct Writer<'l> {
    number: usize,
    report: &'l Report,
    position: u64,
    order: u64,
    index: Option<u32>,
}

/// A transaction and those that committed between its snapshot and its own commit, in words.
fn beside(committed: &[Writer<'_>], one: &Writer<'_>) -> String {
    const SHOWN_MAX: usize = 12;
    let place = |writer: &Writer<'_>| (writer.position, writer.order);
    let since =
        |other: &&Writer<'_>| other.position > one.report.snapshot && place(other) <= place(one);
    let shown = committed.iter().rev().filter(since).take(SHOWN_MAX);
    let lines = shown.map(|writer| format!("{}: {}", writer.position, writer.report));
    lines.collect::<Vec<_>>().join("\n")
}

/// All who committed, in the order in which it took effect.
fn in_order(life: &Life, next_opened_at: Option<u64>) -> Result<Vec<Writer<'_>>, String> {
    let writers = life.reports.iter().enumerate().filter(|(_, report)| report.changes_something());
    let writer = |(number, report): (usize, &'_ Report)| match report.end {
        End::Committed { position, order, index, .. } => Some((number, position, order, index)),
        End::Unknown { position, order } if Some(position) <= next_opened_at => {
            Some((number, position, order, None))
        }
        _ => None,
    };
    let mut writers: Vec<_> = writers
        .filter_map(writer)
        .map(|(number, position, order, index)| Writer {
            number,
            report: &life.reports[number],
            position,
            order,
            index,
        })
        .collect();
    writers.sort_by_key(|writer| (writer.position, writer.order));
    let (mut position, mut index) = (life.opened_at, 0);
    for pair in writers.windows(2) {
        if (pair[0].position, pair[0].order) == (pair[1].position, pair[1].order) {
            let (one, two) = (pair[0].number, pair[1].number);
            return Err(format!("reports {one} and {two} took effect at the same place"));
        }
    }
    for writer in &writers {
        if writer.position == next_batch(position, life) {
            (position, index) = (writer.position, 0);
        } else if writer.position != position || position == life.opened_at {
            let (found, number) = (writer.position, writer.number);
            return Err(format!("position {found} of report {number} follows on {position}"));
        }
        if writer.index.is_some_and(|said| said != index) {
            let number = writer.number;
            return Err(format!("report {number} is number {index} at its position: {writer:?}"));
        }
        index += 1;
    }
    Ok(writers)
}

/// The position behind another one that transactions have.
fn next_batch(position: u64, life: &Life) -> u64 {
    let mut next = position + 1;
    while life.others.contains(&next) {
        next += 1;
    }
    next
}

/// Those who were in batches that failed, in order, by the batch's position.
fn lost(life: &Life, next_opened_at: u64) -> BTreeMap<u64, BTreeMap<u64, &Report>> {
    let mut lost: BTreeMap<u64, BTreeMap<u64, &Report>> = BTreeMap::new();
    for report in &life.reports {
        let (position, order) = match report.end {
            End::Unknown { position, order } if position > next_opened_at => (position, order),
            End::Lost { position, order } => (position, order),
            _ => continue,
        };
        lost.entry(position).or_default().insert(order, report);
    }
    lost
}

impl Report {
    fn changes_something(&self) -> bool {
        !self.steps.iter().all(Step::only_reads)
    }

    /// Does all of it again over a model.
    fn redo<'m>(&self, model: &'m Model, checked: bool) -> Result<Overlay<'m>, String> {
        let mut overlay = Overlay::new(model);
        for (number, step) in self.steps.iter().enumerate() {
            let wrong = |reason| format!("step {number}, {step}: {reason}");
            overlay.apply(step, checked).map_err(wrong)?;
        }
        overlay.finish()
    }
}

struct Replay<'l> {
    model: Model,
    changes: Changes,
    /// What was to be changed in batches that failed.
    failed: Changes,
    /// Those who were in such a batch, in order, by its position.
    lost: BTreeMap<u64, BTreeMap<u64, &'l Report>>,
    /// Whose snapshot is at which position.
    readers: BTreeMap<u64, Vec<(usize, &'l Report)>>,
    /// The digests of states that nobody has compared so far.
    digests: BTreeMap<u64, u64>,
    /// Entries that a report wrote and that were there before, by the report's number.
    were_there: BTreeMap<usize, BTreeSet<(String, Key)>>,
    next_opened_at: u64,
    next: Option<Model>,
    checked: Checked,
}

impl<'l> Replay<'l> {
    fn new(model: Model, life: &'l Life, next_opened_at: u64) -> Self {
        let mut readers: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for (number, report) in life.reports.iter().enumerate() {
            readers.entry(report.snapshot).or_default().push((number, report));
        }
        Self {
            model,
            changes: Changes::default(),
            failed: Changes::default(),
            lost: lost(life, next_opened_at),
            readers,
            digests: life.digests.clone(),
            were_there: BTreeMap::new(),
            next_opened_at,
            next: None,
            checked: Checked::default(),
        }
    }

    /// Checks all that was read in the state that the model is in now.
    fn look_back(&mut self, position: u64) -> Result<(), String> {
        self.note_lost(position + 1);
        if position == self.next_opened_at {
            self.next = Some(self.model.clone());
        }
        if let Some(digest) = self.digests.remove(&position) {
            if digest != Digest::of_model(&self.model) {
                return Err(format!("whoever looked at all of {position} saw something else"));
            }
            self.checked.states += 1;
        }
        for (number, report) in self.readers.remove(&position).unwrap_or_default() {
            let wrong = |reason| format!("report {number} on its snapshot {position}: {reason}");
            if report.begun_after > position {
                let seen = report.begun_after;
                return Err(wrong(format!("it begun when {seen} was acknowledged")));
            }
            let overlay = report.redo(&self.model, true).map_err(wrong)?;
            if matches!(report.end, End::Committed { .. } | End::Unknown { .. }) {
                let there = overlay.written().filter(|(store, key)| self.model.has(store, key));
                let there = there.map(|(store, key)| (store.to_owned(), key.clone()));
                self.were_there.insert(number, there.collect());
            }
        }
        Ok(())
    }

    fn commit(&mut self, writer: &Writer<'l>) -> Result<(), String> {
        let Writer { number, report, position, .. } = *writer;
        let wrong = |reason| format!("report {number} at its commit {position}: {reason}");
        let after = report.snapshot.max(match report.end {
            End::Committed { submitted_after, .. } => submitted_after,
            _ => 0,
        });
        if after >= position {
            return Err(wrong(format!("it comes after {after}")));
        }
        let is_serializable = report.isolation == Isolation::Serializable;
        let overlay = report.redo(&self.model, is_serializable).map_err(wrong)?;
        if let Some(store) = overlay.overfilled() {
            return Err(wrong(format!("it filled {store:?}, which was not empty")));
        }
        for (store, key) in overlay.written() {
            self.first_committer_wins(writer, store, key).map_err(wrong)?;
        }
        let changes = overlay.into_changes();
        self.apply(position, &changes);
        Ok(())
    }

    fn apply(&mut self, position: u64, changes: &BTreeMap<String, Option<OwnStore>>) {
        self.changes.note(position, &self.model, changes);
        self.model.change(changes);
        self.checked.commits += 1;
    }

    /// An entry that somebody wrote must not have been changed since the snapshot, unless it was
    /// absent then and is absent again.
    fn first_committer_wins(
        &self,
        writer: &Writer<'l>,
        store: &str,
        key: &Key,
    ) -> Result<(), String> {
        let changed = self.changes.last(store, key);
        let was_there = self
            .were_there
            .get(&writer.number)
            .is_some_and(|there| there.contains(&(store.to_owned(), key.clone())));
        let is_there = self.model.has(store, key);
        if changed > Some(writer.report.snapshot) && (is_there || was_there) {
            let key = String::from_utf8_lossy(key);
            return Err(format!("{key:?} of {store:?} was changed at {changed:?}"));
        }
        Ok(())
    }

    /// Whoever came later in a batch that failed was refused for those before it, as if they had
    /// taken effect.
    fn note_lost(&mut self, position: u64) {
        let Some(lost) = self.lost.remove(&position) else { return };
        let mut model = self.model.clone();
        for (_, report) in lost {
            let Ok(changes) = report.redo(&model, false).map(Overlay::into_changes) else {
                continue;
            };
            self.failed.note(position, &model, &changes);
            model.change(&changes);
        }
    }

    fn conclude(mut self, life: &Life) -> Result<(Model, Checked), String> {
        for position in self.lost.keys().copied().collect::<Vec<_>>() {
            self.note_lost(position);
        }
        if let Some((position, readers)) = self.readers.first_key_value() {
            let numbers: Vec<_> = readers.iter().map(|(number, _)| number).collect();
            return Err(format!("reports {numbers:?} saw {position}, which never was"));
        }
        if let Some(position) = self.digests.keys().next() {
            return Err(format!("somebody looked at all of {position}, which never was"));
        }
        for (number, report) in life.reports.iter().enumerate() {
            match &report.end {
                End::Refused { conflict, told_at } => {
                    let explain = |changes: &Changes| changes.explain(report, conflict, *told_at);
                    if !explain(&self.changes) && !explain(&self.failed) {
                        let (kind, winner) = (conflict.kind, conflict.winner);
                        let changed = self.changes.of(&conflict.store, &conflict.key);
                        return Err(format!(
                            "report {number}, told at {told_at}, had no {conflict} ({kind:?}, \
                             {winner:?}; changed at {changed:?}); {report}"
                        ));
                    }
                    self.checked.conflicts += 1;
                }
                End::Committed { .. } if report.changes_something() => {}
                _ => self.checked.others += 1,
            }
        }
        let next = self.next.ok_or_else(|| format!("{} never was", self.next_opened_at))?;
        Ok((next, self.checked))
    }
}
