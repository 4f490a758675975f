//! How the life of a database ends, and what the next one must find.

use sop_core::Survival;

use super::{
    Summary,
    node::Node,
    session::Activity,
    world::{Outcome, State},
};
use crate::{
    contents,
    oracle::{Life, Model, check},
};

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The database is closed.
    Close,
    /// All handles are dropped.
    Drop,
    /// The process ends in the middle of what it does.
    Kill,
    /// The power goes.
    PowerCut,
}

impl State {
    /// Ends the life of the database somehow, and begins the next one.
    pub(super) fn end_life(&mut self) -> Outcome {
        let ending = match self.random.u8(..8) {
            0 => Ending::Close,
            1 => Ending::Drop,
            2 | 3 => Ending::Kill,
            _ => Ending::PowerCut,
        };
        self.end_life_by(ending)
    }

    fn end_life_by(&mut self, ending: Ending) -> Outcome {
        self.trace.line(format_args!("  {ending:?}"));
        self.life.lasting = self.acknowledged;
        self.summary.checkpoints += self.db().stats().checkpoints;
        match ending {
            Ending::Close => self.close()?,
            Ending::Drop => self.let_all_go()?,
            Ending::Kill => self.cut_off(Survival::Everything)?,
            Ending::PowerCut => {
                self.summary.power_cuts += 1;
                self.life.lasting = self.durable;
                let seed = self.random.u64(..);
                self.cut_off(match seed % 8 {
                    0 => Survival::Nothing,
                    _ => Survival::Random(seed),
                })?;
            }
        }
        self.reopen()
    }

    fn close(&mut self) -> Outcome {
        let closed = self.db().clone().close();
        self.trace.line(format_args!("  {closed:?}"));
        closed.or_else(|error| self.explained(&error))?;
        for number in (0..self.in_flight.len()).rev() {
            if self.in_flight[number].is_polled {
                self.poll(number)?;
            }
        }
        if self.in_flight.iter().any(|in_flight| in_flight.is_polled) {
            return Err("a commit is pending although the database is closed".into());
        }
        // Snapshots stay readable.
        for number in 0..self.sessions.len() {
            let session = &mut self.sessions[number];
            match std::mem::replace(&mut session.activity, Activity::Idle) {
                Activity::Reading(mut reader) => {
                    self.read(&mut reader)?;
                    self.let_go(*reader);
                }
                other => self.sessions[number].activity = other,
            }
        }
        self.let_all_go()
    }

    /// Everybody lets go of what they have.
    fn let_all_go(&mut self) -> Outcome {
        for number in 0..self.sessions.len() {
            let session = &mut self.sessions[number];
            match std::mem::replace(&mut session.activity, Activity::Idle) {
                Activity::Idle => {}
                Activity::Reading(reader) => self.let_go(*reader),
                Activity::Writing(writer) => self.give_up(*writer),
            }
        }
        while let Some(in_flight) = self.in_flight.pop() {
            self.abandon(in_flight)?;
        }
        Ok(())
    }

    /// What the disk has now is what the next life finds. Those who used it have not noticed yet
    /// when they let go.
    fn cut_off(&mut self, survival: Survival) -> Outcome {
        let disk = self.nodes[0].disk.after(survival);
        disk.mishaps().disarm();
        self.let_all_go()?;
        self.nodes[0].disk = disk;
        Ok(())
    }

    fn reopen(&mut self) -> Outcome {
        let Node { db, disk, clock } = self.nodes.remove(0);
        let stats = db.stats();
        let failed_at = stats.poisoned.then_some(stats.position + 1);
        drop(db);
        let node = Node::open(disk, clock, &self.plan);
        let node = node.map_err(|error| format!("it cannot be opened again: {error:?}"))?;
        self.trace.line(format_args!("  {:?}", node.db.recovery()));
        self.summary.faults += node.disk.mishaps().take_hits();
        self.nodes.push(node);
        let opened_at = self.position()?;
        self.settle_abandoned_at(opened_at, failed_at)?;
        let model = self.judge(opened_at)?;
        self.begun_with = model;
        self.life = Life { opened_at, ..Life::default() };
        (self.acknowledged, self.durable) = (opened_at, opened_at);
        self.reopens_in = None;
        self.summary.lives += 1;
        Ok(())
    }

    /// Checks the life that is over, and that what is left of it is there.
    fn judge(&mut self, opened_at: u64) -> Outcome<Model> {
        let (model, checked) = check(&self.begun_with, &self.life, Some(opened_at))?;
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
        if report.is_sound() { Ok(model) } else { Err(format!("{:?}", report.problems)) }
    }

    /// Brings everybody to an end; whether all are there.
    pub(super) fn wind_up(&mut self) -> Outcome<bool> {
        self.nodes[0].disk.mishaps().disarm();
        if self.reopens_in.is_some() {
            self.end_life()?;
        }
        for number in 0..self.sessions.len() {
            let session = &mut self.sessions[number];
            match std::mem::replace(&mut session.activity, Activity::Idle) {
                Activity::Idle => {}
                Activity::Reading(reader) => self.let_go(*reader),
                Activity::Writing(writer) => self.commit(*writer)?,
            }
        }
        for number in (0..self.in_flight.len()).rev() {
            self.poll(number)?;
        }
        Ok(self.in_flight.is_empty())
    }

    /// Ends the last life.
    pub(super) fn conclude(&mut self) -> Outcome<Summary> {
        self.end_life_by(Ending::Close)?;
        let node = self.nodes.remove(0);
        node.db.close().map_err(|error| format!("it cannot be closed: {error:?}"))?;
        node.disk.trace_content().map_err(|error| format!("{error:?}"))?;
        Ok(Summary { digest: self.trace.digest(), ..self.summary })
    }
}
