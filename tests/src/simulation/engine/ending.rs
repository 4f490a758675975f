//! What becomes of sessions when the life of their database ends, and what the next one must find.

use super::{Transactions, session::Activity};
use crate::{
    contents,
    oracle::{Life, check},
    simulation::world::{Outcome, State},
};

impl State<Transactions> {
    /// The database was closed: commits are told, snapshots stay readable.
    pub(super) fn end_on_closed(&mut self) -> Outcome {
        for number in (0..self.cast.in_flight.len()).rev() {
            if self.cast.in_flight[number].is_polled {
                self.poll(number)?;
            }
        }
        if self.cast.in_flight.iter().any(|in_flight| in_flight.is_polled) {
            return Err("a commit is pending although the database is closed".into());
        }
        for number in 0..self.cast.sessions.len() {
            let session = &mut self.cast.sessions[number];
            match std::mem::replace(&mut session.activity, Activity::Idle) {
                Activity::Reading(mut reader) => {
                    self.read(&mut reader)?;
                    self.let_go(*reader);
                }
                other => self.cast.sessions[number].activity = other,
            }
        }
        Ok(())
    }

    /// Everybody lets go of what they have.
    pub(super) fn give_all_up(&mut self) -> Outcome {
        for number in 0..self.cast.sessions.len() {
            let session = &mut self.cast.sessions[number];
            match std::mem::replace(&mut session.activity, Activity::Idle) {
                Activity::Idle => {}
                Activity::Reading(reader) => self.let_go(*reader),
                Activity::Writing(writer) => self.give_up(*writer),
            }
        }
        while let Some(in_flight) = self.cast.in_flight.pop() {
            self.abandon(in_flight)?;
        }
        Ok(())
    }

    /// Checks the life that is over, and that what is left of it is there.
    pub(super) fn judge(&mut self, opened_at: u64) -> Outcome {
        self.cast.life.lasting = self.lasting;
        self.find_prepared()?;
        let (model, checked) = check(&self.cast.begun_with, &self.cast.life, Some(opened_at))?;
        self.summary.commits += checked.commits;
        self.summary.conflicts += checked.conflicts;
        self.summary.readers += checked.others;
        let found = self.db().snapshot().and_then(|snapshot| contents(&snapshot));
        let found = found.map_err(|error| format!("it cannot be read: {error:?}"))?;
        let expected = model.stores.iter().map(|(name, rows)| {
            (name.clone(), rows.iter().map(|(key, value)| (key.clone(), value.to_vec())).collect())
        });
        if found != expected.collect() {
            return Err(format!("{found:?} was found, not {model:?}"));
        }
        let report = self.db().check().map_err(|error| format!("{error:?}"))?;
        if !report.is_sound() {
            return Err(format!("{:?}", report.problems));
        }
        self.cast.begun_with = model;
        self.cast.life = Life { opened_at, ..Life::default() };
        self.carry_prepared(opened_at);
        Ok(())
    }

    /// Brings everybody to an end; whether all are there.
    pub(super) fn finish_all(&mut self) -> Outcome<bool> {
        for number in 0..self.cast.sessions.len() {
            let session = &mut self.cast.sessions[number];
            match std::mem::replace(&mut session.activity, Activity::Idle) {
                Activity::Idle => {}
                Activity::Reading(reader) => self.let_go(*reader),
                Activity::Writing(writer) => self.commit(*writer)?,
            }
        }
        for _ in 0..self.cast.prepared.len() {
            self.end_prepared(true)?;
        }
        for number in (0..self.cast.in_flight.len()).rev() {
            self.poll(number)?;
        }
        Ok(self.cast.in_flight.is_empty() && self.cast.prepared.len() == 0)
    }
}
