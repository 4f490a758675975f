//! How the life of a database ends, and what the next one must find.

use sop_core::Survival;

use super::{
    Summary, mirror,
    node::Node,
    world::{Cast, Outcome, State},
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

impl<C: Cast> State<C> {
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
        self.lasting = self.acknowledged;
        self.summary.checkpoints += self.db().stats().checkpoints;
        match ending {
            Ending::Close => self.close()?,
            Ending::Drop => C::let_all_go(self)?,
            Ending::Kill => self.cut_off(Survival::Everything)?,
            Ending::PowerCut => {
                self.summary.power_cuts += 1;
                self.lasting = self.durable;
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
        C::closed(self)?;
        C::let_all_go(self)
    }

    /// What the disk has now is what the next life finds. Those who used it have not noticed yet
    /// when they let go.
    fn cut_off(&mut self, survival: Survival) -> Outcome {
        let disk = self.nodes[0].disk.after(survival);
        disk.mishaps().disarm();
        C::let_all_go(self)?;
        self.nodes[0].disk = disk;
        Ok(())
    }

    fn reopen(&mut self) -> Outcome {
        let Node { db, mut disk, clock } = self.nodes.remove(0);
        let stats = db.stats();
        let failed_at = stats.poisoned.then_some(stats.position + 1);
        let is_whole = db.mirror().is_some_and(|status| status.is_whole());
        if is_whole {
            disk.mishaps().disarm();
        }
        drop(db);
        // Harm to both folders is no fault of the database's.
        if is_whole && !disk.harmed && self.random.bool() {
            self.summary.harmed += 1;
            disk.harmed = true;
            let harm = mirror::harm(disk.content(), &mut self.random);
            let harm = harm.map_err(|error| format!("no harm can be done: {error:?}"))?;
            self.trace.line(format_args!("  {harm}"));
        }
        let node = Node::open(disk, clock, self.surroundings.options());
        let mut node = node.map_err(|error| format!("it cannot be opened again: {error:?}"))?;
        if node.disk.harmed && self.random.bool() {
            node.disk.mishaps().disarm();
            mirror::mend(&node.db)?;
            node.disk.harmed = false;
        }
        self.trace.line(format_args!("  {:?}", node.db.recovery()));
        self.summary.faults += node.disk.mishaps().take_hits();
        self.nodes.push(node);
        let opened_at = self.position()?;
        C::judge(self, opened_at, failed_at)?;
        (self.acknowledged, self.durable) = (opened_at, opened_at);
        self.reopens_in = None;
        self.summary.lives += 1;
        Ok(())
    }

    /// Brings everybody to an end; whether all are there.
    pub(super) fn wind_up(&mut self) -> Outcome<bool> {
        self.nodes[0].disk.mishaps().disarm();
        if self.reopens_in.is_some() {
            self.end_life()?;
        }
        C::finish(self)
    }

    /// Ends the last life.
    pub(super) fn conclude(&mut self) -> Outcome<Summary> {
        self.end_life_by(Ending::Close)?;
        let node = self.nodes.remove(0);
        if node.disk.mirrored {
            mirror::mend(&node.db)?;
        }
        node.db.close().map_err(|error| format!("it cannot be closed: {error:?}"))?;
        if node.disk.mirrored {
            mirror::check(&node.disk)?;
        }
        node.disk.trace_content().map_err(|error| format!("{error:?}"))?;
        Ok(Summary { digest: self.trace.digest(), ..self.summary })
    }
}
