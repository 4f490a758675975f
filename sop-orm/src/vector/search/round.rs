//! The part of a search that is in the cells of a partition: which of them are read, round by round.

use std::ops::ControlFlow;

use super::{Ahead, CODES_AT_ONCE, ROWS_AT_ONCE, Search, Stage, Step, certain};
use crate::{
    db::registry::OpenStore,
    error::{Error, Result},
    session::Work,
    vector::cells::keys::Keys,
};

impl Search {
    /// Reads cells of the round, and chooses further ones while neighbours are to be expected there.
    pub(super) fn read_cells(
        &mut self,
        work: &Work,
        store: &OpenStore,
        mut done: usize,
    ) -> Result<()> {
        let mut left = CODES_AT_ONCE;
        loop {
            if done == self.round.len() {
                let Some(next) = self.choose(done) else { return Ok(()) };
                self.round.push(next);
            }
            let Some(cell) = self.round.get(done).copied() else { return Ok(()) };
            let codes = self.read_cell(work, store, &cell)?;
            done += 1;
            left = left.saturating_sub(codes);
            if left == 0 {
                self.stage = Stage::Cells(done);
                return Ok(());
            }
        }
    }

    /// The next cell, if another one is worth reading. Looked into after one, two, three, four cells,
    /// and then after a quarter more each time.
    fn choose(&mut self, done: usize) -> Option<Ahead> {
        if !self.choosing {
            return None;
        }
        // A further round reads one cell at least, so that rounds come to an end.
        let is_first = done == 0 && !self.first_round;
        let is_time =
            !is_first && (done <= 4 || done.is_multiple_of((done / 4).next_power_of_two()));
        if is_time && let Some(within) = self.gap_within(self.gaps.worst().map(|gap| gap.0)) {
            let allowed = self.allowed();
            if self.cells.as_mut()?.share_ahead(within) <= allowed {
                self.choosing = false;
                return None;
            }
        }
        let next = self.cells.as_mut()?.next();
        self.choosing = next.is_some();
        next
    }

    /// The share of neighbours that may be missed.
    fn allowed(&self) -> f64 {
        1.0 - f64::from(self.ask.recall)
    }

    /// The gap beyond which nothing is wanted, with that of the farthest one that is, if it is known.
    fn gap_within(&self, farthest: Option<f64>) -> Option<f64> {
        let within = self.ask.within.zip(self.cells.as_ref());
        let within = within.map(|(within, cells)| cells.gap(within));
        farthest.into_iter().chain(within).min_by(f64::total_cmp)
    }

    /// Considers the members of a cell. Returns how many there are.
    fn read_cell(&mut self, work: &Work, store: &OpenStore, cell: &Ahead) -> Result<usize> {
        let index = store.indexes.get(self.ask.index);
        let Some(cells) = index.and_then(|index| index.cells) else { return Ok(0) };
        let (state, partition) = (work.state(), self.ask.partition.clone());
        let keys = Keys(&partition);
        let view = state.store_by_id(cells)?;
        let mut cursor = view.range_cursor::<&[u8]>(keys.members(cell.cell).bounds())?;
        let mut count = 0;
        let flow = cursor.pass(|codes| {
            self.consider_all((work, store), (codes, Some(cell)), |key| {
                keys.primary_of_member(key)
            })?;
            count += codes.len();
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        debug_assert!(flow.is_continue());
        Ok(count)
    }

    /// Measures the records in cells, from the one after a key.
    pub(super) fn walk_located(
        &mut self,
        work: &Work,
        store: &OpenStore,
        after: Vec<u8>,
    ) -> Result<()> {
        let index = store.indexes.get(self.ask.index);
        let Some(cells) = index.and_then(|index| index.cells) else { return Ok(()) };
        let (state, partition) = (work.state(), self.ask.partition.clone());
        let keys = Keys(&partition);
        let mut span = keys.locations();
        if !after.is_empty() {
            span.cut_at(after, false);
        }
        let mut left = ROWS_AT_ONCE;
        let view = state.store_by_id(cells)?;
        let mut cursor = view.range_cursor::<&[u8]>(span.bounds())?;
        while cursor.next()? {
            let Some(key) = cursor.key() else { break };
            let primary = keys.primary_of_location(key);
            let primary = primary.map_err(|source| store.unreadable(source))?;
            if self.noted.has(primary) && !self.is_hidden(work, store, primary)? {
                self.consider((work, store), (primary, None), &[], None)?;
            }
            left -= 1;
            if left == 0 {
                self.stage = Stage::Located(key.to_vec());
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether what a cell has of a record counts no more.
    pub(super) fn is_hidden(&self, work: &Work, store: &OpenStore, primary: &[u8]) -> Result<bool> {
        let entries = store.entries_of(Some(self.ask.index), work.position())?;
        let key = [self.ask.partition.as_slice(), primary].concat();
        Ok(work.view(entries)?.contains(key)?)
    }

    /// Goes on in further cells, if those found so far do not rule out that there are nearer ones.
    pub(super) fn next_round(&mut self) -> Step {
        let allowed = self.allowed();
        let worst = self.nearest.worst().zip(self.cells.as_ref());
        let within = self.gap_within(worst.map(|(worst, cells)| cells.gap(worst.distance)));
        let (Some(cells), Some(_)) = (&mut self.cells, &self.question) else { return Step::Done };
        let is_enough = within.is_some_and(|within| cells.share_ahead(within) <= allowed);
        if cells.is_empty() || is_enough {
            return Step::Done;
        }
        self.round.clear();
        self.gaps.clear();
        (self.choosing, self.first_round) = (true, false);
        self.pool.restart(certain(&self.ask, &self.plan));
        self.stage = Stage::Cells(0);
        Step::Pause
    }
}
