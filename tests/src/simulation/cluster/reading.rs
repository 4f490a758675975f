//! What a process reads besides transactions: snapshots that it keeps, and all that is there.

use sop_core::{Durability, Isolation};

use super::{
    lists,
    process::{Open, Process, READERS_MAX},
};
use crate::{
    oracle::{Digest, End, Witness},
    simulation::{
        surroundings::happens,
        transactions::{Reader, Reading, Terms},
        world::Outcome,
    },
};

impl Process {
    /// Looks at all that is there as of now.
    pub(super) fn look(&mut self) -> Outcome {
        let followed = self.db.follow();
        self.done(followed)?;
        let snapshot = self.db.snapshot();
        let Some(snapshot) = self.done(snapshot)? else { return Ok(()) };
        let digest = Digest::of_snapshot(&snapshot);
        match self.done(digest)? {
            Some(digest) => self.around.book.look(self.number, snapshot.position(), digest),
            None => Ok(()),
        }
    }

    /// Takes a snapshot and keeps it.
    pub(super) fn hold(&mut self) -> Outcome {
        if self.readers.len() == READERS_MAX {
            return Ok(());
        }
        let session = self.session();
        let stint = self.around.book.take(session);
        let snapshot = self.db.snapshot();
        let Some(snapshot) = self.done(snapshot)? else { return Ok(()) };
        let (isolation, durability) = (Isolation::Serializable, Durability::Immediate);
        let (at, begun_after) = (snapshot.position(), self.seen);
        let terms = Terms { snapshot: at, isolation, durability, begun_after };
        let is_long = self.random.u8(..3) == 0;
        let left = if is_long { self.random.u32(20..400) } else { self.random.u32(1..20) };
        let work = Reader { witness: Witness::new(snapshot), terms, left };
        self.readers.push(Open { work, stint });
        Ok(())
    }

    pub(super) fn go_on_reading(&mut self, which: usize) -> Outcome {
        let mut reader = self.readers.swap_remove(which);
        let snapshot = reader.work.terms.snapshot;
        let witness = &mut reader.work.witness;
        let read = if happens(&mut self.random, self.around.plan.rates.lists) {
            let first = self.around.book.first_list();
            let task = lists::Task::draw(first, false, &mut self.random);
            self.around.book.trace.line(format_args!("  {task:?} at {snapshot}"));
            task.read(witness)
        } else {
            let reading = Reading::draw(&self.around.plan.work, &mut self.random);
            self.around.book.trace.line(format_args!("  {reading:?} at {snapshot}"));
            reading.perform(witness)
        };
        let read = self.done(read)?;
        reader.work.left -= 1;
        if read.is_some() && reader.work.left > 0 {
            self.readers.push(reader);
        } else {
            self.let_go(reader);
        }
        Ok(())
    }

    pub(super) fn let_go(&mut self, Open { work, stint }: Open<Reader>) {
        let (snapshot, steps) = work.witness.into_parts();
        drop(snapshot);
        self.around.book.ended(work.terms.report(steps, End::NoEffect), stint);
        self.free(stint.session);
    }
}
