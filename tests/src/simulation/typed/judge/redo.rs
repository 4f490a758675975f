//! Sessions done again on a state of the model, and what is to be known of them then.

use std::collections::BTreeSet;

use super::super::{
    attempt::{Attempt, Attempted},
    kind::Kind,
    model::{Committed, Own, UniqueValue, View, write},
    operation::{Answer, Found, Op, Question, Write},
    report::{Report, Terms},
};

/// What a session did, done again.
#[derive(Debug, Default)]
pub(super) struct Redone {
    pub(super) own: Own,
    pub(super) reads: Vec<Read>,
    /// The records that it looked at in order to change them, by the places of their stores.
    pub(super) records: BTreeSet<(usize, u32)>,
    /// The values that it gave away, took, or wanted to, also in what it took back.
    pub(super) values: BTreeSet<UniqueValue>,
}

/// Something that was read, and the session's own changes at that time.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) question: Question,
    pub(super) found: Found,
    pub(super) own: Own,
}

/// Does all of it again on a state, and compares the answers.
pub(super) fn redo(report: &Report, base: &Committed) -> Result<Redone, String> {
    let mut again = Again { base, terms: &report.terms, redone: Redone::default() };
    for (op, told) in &report.told {
        let answer = again.perform(op, Some(told));
        if answer != *told {
            return Err(format!("{op:?} gave {told:?}, not {answer:?}"));
        }
    }
    Ok(again.redone)
}

/// A session that is done again.
struct Again<'a> {
    base: &'a Committed,
    terms: &'a Terms,
    redone: Redone,
}

impl Again<'_> {
    /// Does one thing. What came of it the first time matters where an index does not hold all
    /// records: that may have the value that is asked for, or not.
    fn perform(&mut self, op: &Op, told: Option<&Answer>) -> Answer {
        self.redone.records.extend(op.records());
        match op {
            Op::Ask(question) => self.ask(question),
            Op::Pages(change) => self.write(change, told),
            Op::Counters(change) => self.write(change, told),
            Op::Attempt(attempt) => self.attempt(attempt, told),
        }
    }

    fn ask(&mut self, question: &Question) -> Answer {
        if question.index().is_some_and(|index| !self.terms.ready.contains(index)) {
            return Answer::Unready;
        }
        Answer::Found(self.read(question.clone()))
    }

    fn read(&mut self, question: Question) -> Found {
        let own = self.redone.own.clone();
        let found = View { state: self.base, own: &own }.answer(&question);
        self.redone.reads.push(Read { question, found: found.clone(), own });
        found
    }

    fn write<R: Kind>(&mut self, change: &Write<R>, told: Option<&Answer>) -> Answer {
        let (table, own) = (R::table(self.base), R::changes(&self.redone.own));
        let written = write(table, own, change, &|name: &str| self.terms.ready.contains(name));
        let may_know_more = self.terms.unready[R::STORE] && told == Some(&Answer::Duplicate);
        let answer = if may_know_more {
            write(table, own, change, &|_: &str| true).answer
        } else {
            written.answer
        };
        for number in written.read {
            self.read(R::question(number));
        }
        self.redone.values.extend(written.values);
        R::changes_mut(&mut self.redone.own).extend(written.changes);
        answer
    }

    fn attempt(&mut self, attempt: &Attempt, told: Option<&Answer>) -> Answer {
        let told = match told {
            Some(Answer::Attempted(told)) => told.answers.as_slice(),
            _ => &[],
        };
        let before = self.redone.own.clone();
        let mut attempted = Attempted { answers: Vec::new(), is_kept: attempt.keeps };
        for (at, op) in attempt.ops.iter().enumerate() {
            if !attempted.takes(self.perform(op, told.get(at))) {
                break;
            }
        }
        if !attempted.is_kept {
            self.redone.own = before;
        }
        Answer::Attempted(attempted)
    }
}

impl Read {
    /// Whether it would be answered alike now, but for records that were merged.
    pub(super) fn holds(
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
