//! What becomes of sessions when the life of their database ends, and what the next one must find.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use sop_orm::{IndexState, Result};

use super::{
    Crowd,
    judge::judge,
    model::{Committed, Own, View},
    near::Near,
    operation::{Found, Op, Question, TOTAL, Write},
    program::{Counter, Mark, Program},
    report::Life,
};
use crate::simulation::{
    surroundings::happens,
    world::{Outcome, State},
};

impl State<Crowd> {
    /// Opens the database with a version of the program.
    pub(super) fn attach(&mut self) -> Outcome {
        // What becomes of an opening that fails the engine's own runs show.
        self.nodes[0].disk.mishaps().disarm();
        let rate = self.cast.plan.rates.late;
        let is_late = happens(&mut self.random, rate);
        self.cast.program = if is_late { Program::Late } else { Program::Early };
        self.trace.line(format_args!("  opened by {:?}", self.cast.program));
        let engine = self.db();
        let mut opening =
            pin!(self.cast.program.builder(self.cast.plan.cells_from).attach(engine.clone()));
        let mut context = Context::from_waker(Waker::noop());
        let db = loop {
            match opening.as_mut().poll(&mut context) {
                Poll::Ready(opened) => break opened.map_err(|error| format!("{error:?}"))?,
                Poll::Pending => drop(engine.work().map_err(|error| format!("{error:?}"))?),
            }
        };
        self.cast.db = Some(db);
        self.cast.is_building = true;
        Ok(())
    }

    /// Inserts the counter that counts everything.
    pub(super) fn prepare(&mut self) -> Outcome {
        self.attach()?;
        self.cast.life.opened_at = self.position()?;
        let mut open = self.begin()?;
        let total = Counter { number: TOTAL, count: 0, label: 0 };
        self.operate(&mut open, Op::Counters(Write::Insert(total)))?;
        self.commit(open)
    }

    /// The database was closed: commits are told.
    pub(super) fn end_on_closed(&mut self) -> Outcome {
        for number in (0..self.cast.in_flight.len()).rev() {
            if self.cast.in_flight[number].is_polled && !self.poll(number)? {
                return Err("a commit is pending although the database is closed".to_owned());
            }
        }
        Ok(())
    }

    /// Everybody lets go of what they have.
    pub(super) fn give_all_up(&mut self) -> Outcome {
        for number in 0..self.cast.sessions.len() {
            if let Some(open) = self.cast.sessions[number].take() {
                self.give_up(open);
            }
        }
        while let Some(in_flight) = self.cast.in_flight.pop() {
            self.abandon(in_flight)?;
        }
        self.cast.db = None;
        Ok(())
    }

    /// Checks the life that is over, and that what is left of it is there.
    pub(super) fn judge(&mut self, opened_at: u64, failed_at: Option<u64>) -> Outcome {
        self.cast.life.is_poisoned |= failed_at.is_some();
        self.attach()?;
        self.settle_abandoned_at(opened_at)?;
        self.cast.life.lasting = self.lasting;
        let (next, checked) = judge(&self.cast.begun_with, &self.cast.life, opened_at)?;
        self.summary.commits += checked.commits;
        self.summary.merges += checked.merges;
        self.summary.conflicts += checked.conflicts;
        self.summary.readers += checked.others;
        self.compare(&next)?;
        self.cast.begun_with = next;
        self.cast.life = Life { opened_at: self.position()?, ..Life::default() };
        Ok(())
    }

    /// All records are those of the model, all indexes have their entries, all trees are sound.
    fn compare(&self, model: &Committed) -> Outcome {
        let near = Near::everywhere().map(Question::Near);
        let everything: Vec<_> =
            [Question::Counters, Question::Pages].into_iter().chain(near).collect();
        let look = async {
            let (db, session) = (self.typed(), self.typed().session());
            let mut found = Vec::new();
            for question in &everything {
                found.push(self.cast.program.ask(&session, question).await?);
            }
            let marks = session.of::<Mark>().by_key().all().await?;
            let marks: Vec<_> = marks.iter().map(|mark| mark.number).collect();
            let (trees, indexes) = (db.check().await?, db.check_indexes().await?);
            Ok((found, marks, trees, indexes))
        };
        let looked: Result<_> = pollster::block_on(look);
        let (found, marks, trees, indexes) =
            looked.map_err(|error| format!("it cannot be read: {error:?}"))?;
        let view = View { state: model, own: &Own::default() };
        let expected: Vec<_> = everything.iter().map(|all| view.answer(all)).collect();
        if found != expected {
            return Err(format!("{found:?} was found, not {expected:?}"));
        }
        if !marks.iter().eq(&model.marks) {
            return Err(format!("sessions {marks:?} took effect, not {:?}", model.marks));
        }
        let [Found::Counters(counters), ..] = &found[..] else {
            return Err("no counters".to_owned());
        };
        let total = counters.iter().find(|counter| counter.number == TOTAL);
        let total = total.map_or(0, |counter| counter.count);
        if total != model.total {
            return Err(format!("everything adds up to {}, not {total}", model.total));
        }
        if !trees.is_sound() || !indexes.is_sound() {
            return Err(format!("{:?} {:?}", trees.problems, indexes.problems));
        }
        let is_ready = |name: &str| {
            let progress = self.typed().index_progress();
            progress.iter().any(|one| one.index == name && matches!(one.state, IndexState::Ready))
        };
        model.clash(is_ready).map_or(Ok(()), Err)
    }

    /// Brings everybody to an end; whether all are there.
    pub(super) fn finish_all(&mut self) -> Outcome<bool> {
        for number in 0..self.cast.sessions.len() {
            if let Some(open) = self.cast.sessions[number].take() {
                self.commit(open)?;
            }
        }
        for number in (0..self.cast.in_flight.len()).rev() {
            self.poll(number)?;
        }
        Ok(self.cast.in_flight.is_empty())
    }
}
