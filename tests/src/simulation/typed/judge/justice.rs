//! Whether there was a reason to refuse a session.
//!
//! There is one if, on any state that it may have met at its commit, it could not have been committed
//! by the rules of the model; if a record that it read, or looked at and left as it was, has been
//! written since; or if a unique value that it was concerned with has. What was written counts, and not
//! what became of it: a value that is given away and taken back is another entry.

use super::{
    super::{
        kind::Kind,
        model::{Committed, Own, View},
        operation::{Found, Question},
        program::{Counter, Page},
        report::{Life, Place, Report},
    },
    States, commit,
    redo::{Read, Redone, redo},
    state_at,
};

/// There must have been a reason to refuse a session.
pub(super) fn justify(
    report: &Report,
    told_at: u64,
    states: &States,
    life: &Life,
) -> Result<(), String> {
    let snapshot = report.terms.snapshot;
    let since = |position: u64| position > snapshot && position <= told_at;
    // What was lost, and what filled indexes, is not known in detail.
    let is_built = report.terms.unready.contains(&true) && life.built.iter().any(|at| since(*at));
    if life.is_poisoned || is_built {
        return Ok(());
    }
    let base = state_at(states, snapshot);
    let redone = redo(report, base)?;
    let place =
        Place { position: told_at, order: 0, mark: u64::MAX, merges: None, submitted_after: 0 };
    // Codes that are moved are in the way of who has searched them, and of who takes them away.
    if life.moved.iter().any(|at| since(*at)) && redone.depends_on_codes() {
        return Ok(());
    }
    let mut met = states.iter().filter(|(position, _)| since(*position));
    let is_just = met
        .any(|(_, now)| redone.is_stale(base, now) || commit(report, &place, base, now).is_err());
    if is_just { Ok(()) } else { Err(format!("it could have been committed until {told_at}")) }
}

impl Redone {
    /// Whether the places of codes can be why it was refused.
    fn depends_on_codes(&self) -> bool {
        let has_searched = self.reads.iter().any(|read| matches!(read.question, Question::Near(_)));
        has_searched || self.records.iter().any(|(store, _)| *store == Page::STORE)
    }

    /// Whether anything that it depends on was written between two states.
    fn is_stale(&self, base: &Committed, now: &Committed) -> bool {
        let given = |state: &Committed, value| state.given.get(value).copied();
        // A record that was inserted and deleted again is as it was.
        let is_changed = |(store, number): &(usize, u32)| match *store {
            Page::STORE => is_changed::<Page>(*number, &self.own, base),
            _ => is_changed::<Counter>(*number, &self.own, base),
        };
        let left = self.records.iter().filter(|record| !is_changed(record));
        self.values.iter().any(|value| given(base, value) != given(now, value))
            || left.clone().any(|record| writer(*record, base) != writer(*record, now))
            || self.reads.iter().any(|read| {
                let is_merged = read.question.record().is_some_and(|record| is_changed(&record));
                !is_merged && read.rows(base) != read.rows(now)
            })
    }
}

/// Whether a record is another one than in a state, or may be.
fn is_changed<R: Kind>(number: u32, own: &Own, base: &Committed) -> bool {
    let after = R::changes(own).get(&number);
    after.is_some_and(|after| after.is_some() || R::table(base).contains_key(&number))
}

/// The commit that wrote a record.
fn writer((store, number): (usize, u32), state: &Committed) -> Option<u64> {
    match store {
        Page::STORE => state.pages.get(&number).map(|row| row.writer),
        _ => state.counters.get(&number).map(|row| row.writer),
    }
}

impl Read {
    /// The records that answer it in a state, with the commits that wrote them. Of a range also those
    /// that the session itself has changed by then: others' changes of these are in the range too.
    fn rows(&self, state: &Committed) -> Vec<(u32, Option<u64>)> {
        fn of<R: Kind>(found: &[R], state: &Committed) -> Vec<(u32, Option<u64>)> {
            let row = |number| (number, writer((R::STORE, number), state));
            found.iter().map(|record| row(record.number())).collect()
        }
        let rows = |question: &Question, own| match (View { state, own }).answer(question) {
            Found::Pages(found) => of::<Page>(&found, state),
            Found::Counters(found) => of::<Counter>(&found, state),
        };
        let seen: Vec<_> =
            self.question.reach().iter().flat_map(|question| rows(question, &self.own)).collect();
        let below = rows(&self.question.clone().without_limit(), &Own::default());
        if self.own.is_empty() || self.question.record().is_some() {
            seen
        } else {
            [seen, below].concat()
        }
    }
}

impl Question {
    /// The questions whose answers it may depend on, beside its own.
    fn reach(&self) -> Vec<Self> {
        match self {
            // The partition, and what is selected in all of them.
            Self::Near(near) => {
                let selected = near.tag.map(Self::ByTag);
                [Self::Near(near.of_all())].into_iter().chain(selected).collect()
            }
            _ => vec![self.clone()],
        }
    }

    /// The record that it asks for by its key.
    fn record(&self) -> Option<(usize, u32)> {
        match self {
            Self::Page(number) => Some((Page::STORE, *number)),
            Self::Counter(number) => Some((Counter::STORE, *number)),
            _ => None,
        }
    }
}
