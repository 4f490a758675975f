//! Searching, with types forgotten and keys as bytes.
//!
//! A search goes in rounds. Each gathers the candidates that seem nearest by their codes ([`pool`]),
//! from where the [`plan`] says, and then measures them in the order of how near they may be at
//! best, until none that is left can be nearer than the ones found ([`nearest`]). If the candidates
//! run out before, there is another, larger round: so `k` records are found whenever `k` are there,
//! whatever a filter refuses.
//!
//! Where a partition has [`cells`], a round gathers from what is in no cell yet and from some cells,
//! the next one from further cells.

mod cells;
mod nearest;
mod plan;
mod pool;

use std::{
    collections::{BinaryHeap, HashSet},
    ops::ControlFlow,
};

use cells::{Ahead, Cells};
pub(super) use nearest::Found;
use nearest::Nearest;
pub use plan::NearPlan;
use plan::Plan;
use pool::{Candidate, Pool};

use sop_core::Snapshot;

use super::{
    Question,
    cells::keys::{self, Keys},
    gauge::Gauge,
};
use crate::{
    db::registry::OpenStore,
    entity::Record,
    error::{CodecError, Error, Result},
    query::{self, Condition},
    schema,
    session::Work,
};

/// Codes looked at before other tasks have their turn.
const CODES_AT_ONCE: usize = 1 << 14;

/// Rows read before other tasks have their turn.
const ROWS_AT_ONCE: usize = 1 << 9;

/// What is searched for.
#[derive(Clone)]
pub(super) struct Ask {
    /// The position of the index of vectors.
    pub(super) index: usize,
    pub(super) partition: Vec<u8>,
    pub(super) query: Vec<f32>,
    pub(super) k: usize,
    pub(super) within: Option<f32>,
    /// Only what comes after this one.
    pub(super) after: Option<Found>,
    /// How many standard deviations an estimate may be wrong; `None` to measure everything.
    pub(super) deviations: Option<f32>,
    /// The share of true neighbours that is to be found.
    pub(super) recall: f32,
    /// A record that is not to be found.
    pub(super) without: Option<Vec<u8>>,
    pub(super) condition: Option<Condition>,
}

/// What a step of a search has come to.
pub(super) enum Step {
    /// There is more to do; others may have their turn.
    Pause,
    /// Somebody else has to say whether this one is wanted.
    Judge(Found),
    Done,
}

/// A search under way.
pub(super) struct Search {
    ask: Ask,
    plan: Plan,
    gauge: Gauge,
    question: Option<Question>,
    pool: Pool,
    /// The primary keys that fulfil the condition, if they are noted.
    noted: Noted,
    nearest: Nearest,
    stage: Stage,
    cells: Option<Cells>,
    /// The cells of this round, of which more are chosen if it is the first time that it is gone
    /// through.
    round: Vec<Ahead>,
    choosing: bool,
    /// Whether what is in no cell is of this round.
    first_round: bool,
    /// The gaps of the `k` that seem nearest.
    gaps: BinaryHeap<Gap>,
    /// Rows that were read.
    pub(super) rows: u64,
}

enum Stage {
    /// Codes are walked; the key of the last one.
    Codes(Vec<u8>),
    /// Cells of the round are read; how many were.
    Cells(usize),
    /// All records in cells are measured; the key of the last location.
    Located(Vec<u8>),
    /// Codes of noted records are looked up; how many were.
    LookUp(usize),
    Measure,
}

/// A gap, by size.
#[derive(Clone, Copy, Debug)]
struct Gap(f64);

impl PartialEq for Gap {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Gap {}

impl PartialOrd for Gap {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Gap {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Primary keys.
enum Noted {
    All,
    Listed(Vec<Vec<u8>>),
    Set(HashSet<Vec<u8>>),
}

fn go_on_while(condition: bool) -> ControlFlow<()> {
    if condition { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

impl Noted {
    fn has(&self, key: &[u8]) -> bool {
        match self {
            Self::All | Self::Listed(_) => true,
            Self::Set(set) => set.contains(key),
        }
    }
}

impl Search {
    /// Plans a search and does what has to be done first.
    pub(super) fn begin(ask: Ask, work: &mut Work, store: &OpenStore) -> Result<Self> {
        let index = store.indexes.get(ask.index);
        let index = index.expect("invariant: generated code names indexes that are there");
        let spec = index.spec.vector.as_ref();
        let spec = spec.expect("invariant: a search is in an index of vectors");
        let exact = ask.deviations.is_none();
        let (at, condition) = ((&*work, store), ask.condition.as_ref());
        let plan = Plan::new(at, ask.index, &ask.partition, condition, (ask.k, exact))?;
        let noted = match &plan.noted {
            None => Noted::All,
            Some(condition) => {
                let keys = query::primary_keys(condition, work, store)?;
                if plan.looked_up {
                    Noted::Listed(keys)
                } else {
                    Noted::Set(keys.into_iter().collect())
                }
            }
        };
        let question = match (&index.coder, exact) {
            (Some(coder), false) => Question::new(coder, spec.metric, &ask.query),
            _ => None,
        };
        let room = ask.k.saturating_mul(4).saturating_add(64);
        let mut search = Self {
            gauge: Gauge::new(spec, &ask.query),
            question,
            pool: Pool::new(room),
            noted,
            nearest: Nearest::new(ask.k),
            stage: Stage::Measure,
            cells: None,
            round: Vec::new(),
            choosing: true,
            first_round: true,
            gaps: BinaryHeap::new(),
            rows: 0,
            plan,
            ask,
        };
        if search.plan.index == search.ask.index && !search.plan.looked_up {
            let keys = Keys(&search.ask.partition);
            let at = (&work.state(), store);
            search.cells = Cells::of(at, index, spec, keys, &search.ask.query)?;
        }
        search.stage = search.first_stage();
        Ok(search)
    }

    /// What was decided.
    pub(super) fn plan(&self) -> &NearPlan {
        &self.plan.shown
    }

    fn first_stage(&self) -> Stage {
        if self.plan.looked_up { Stage::LookUp(0) } else { Stage::Codes(Vec::new()) }
    }

    /// Goes on for a while. If `judged` is said, candidates are given out before they count.
    pub(super) fn step(
        &mut self,
        work: &mut Work,
        store: &OpenStore,
        judged: bool,
    ) -> Result<Step> {
        if self.ask.k == 0 {
            return Ok(Step::Done);
        }
        match std::mem::replace(&mut self.stage, Stage::Measure) {
            Stage::Codes(after) => self.walk(work, store, after)?,
            Stage::Cells(done) => self.read_cells(work, store, done)?,
            Stage::Located(after) => self.walk_located(work, store, after)?,
            Stage::LookUp(done) => self.look_up(work, store, done)?,
            Stage::Measure => return self.measure(work, store, judged),
        }
        if let Stage::Measure = self.stage {
            self.pool.close();
            return self.measure(work, store, judged);
        }
        Ok(Step::Pause)
    }

    /// Counts a candidate that was given out.
    pub(super) fn accept(&mut self, found: Found) {
        self.nearest.insert(found);
    }

    /// What was found, the nearest first.
    pub(super) fn into_found(self) -> Vec<Found> {
        self.nearest.into_sorted()
    }

    /// Walks codes, from the one after a key.
    fn walk(&mut self, work: &Work, store: &OpenStore, after: Vec<u8>) -> Result<()> {
        let mut left = if self.question.is_some() { CODES_AT_ONCE } else { ROWS_AT_ONCE };
        let mut span = self.plan.span.clone();
        if !after.is_empty() {
            span.cut_at(after, false);
        }
        self.stage = self.stage_behind_codes();
        if span.is_empty() {
            return Ok(());
        }
        let entries = store.entries_of(Some(self.plan.index), work.position())?;
        let columns = store.indexes.get(self.plan.index).map_or(&[][..], |one| one.spec.columns);
        let mut cursor = work.view(entries)?.range_cursor::<&[u8]>(span.bounds())?;
        let flow = cursor.pass(|entry| {
            let code = entry.value();
            // One without bytes hides what a cell has.
            if !code.is_empty() {
                // To put the key together takes as long as the estimate, and few are wanted.
                let bound = self.bound_ahead(store, code, None)?;
                if bound.is_none_or(|bound| self.pool.wants(bound)) {
                    let key = entry.key();
                    let (_, primary) =
                        schema::split(columns, &key).map_err(|source| store.unreadable(source))?;
                    self.consider((work, store), (primary, None), code, bound)?;
                }
            }
            left -= 1;
            Ok::<_, Error>(go_on_while(left > 0))
        })?;
        if flow.is_break() {
            self.stage = Stage::Codes(cursor.key().unwrap_or_default().to_vec());
        }
        Ok(())
    }

    /// Looks up the codes of noted records, from a position in their list.
    fn look_up(&mut self, work: &Work, store: &OpenStore, done: usize) -> Result<()> {
        let Noted::Listed(keys) = std::mem::replace(&mut self.noted, Noted::All) else {
            return Ok(());
        };
        let entries = store.entries_of(Some(self.ask.index), work.position())?;
        let view = work.view(entries)?;
        let some = keys.iter().skip(done).take(ROWS_AT_ONCE);
        let mut at = self.ask.partition.clone();
        for key in some {
            at.truncate(self.ask.partition.len());
            at.extend_from_slice(key);
            match view.find(&at)? {
                Some(code) if code.is_empty() => {}
                Some(code) => self.consider((work, store), (key, None), &code, None)?,
                None => {
                    if let Some(code) = self.settled_code(&work.state(), store, key)? {
                        self.consider((work, store), (key, None), &code, None)?;
                    }
                }
            }
        }
        if done + ROWS_AT_ONCE < keys.len() {
            self.stage = Stage::LookUp(done + ROWS_AT_ONCE);
        }
        self.noted = Noted::Listed(keys);
        Ok(())
    }

    /// The code that a cell has of a record.
    fn settled_code(
        &self,
        state: &Snapshot,
        store: &OpenStore,
        primary: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let cells = store.indexes.get(self.ask.index).and_then(|index| index.cells);
        let Some(cells) = cells else { return Ok(None) };
        keys::settled(state.store_by_id(cells)?, Keys(&self.ask.partition), primary)
    }

    /// What comes when all that is in no cell was walked.
    fn stage_behind_codes(&self) -> Stage {
        match (&self.cells, &self.question) {
            (None, _) => Stage::Measure,
            (Some(_), Some(_)) => Stage::Cells(0),
            (Some(_), None) => Stage::Located(Vec::new()),
        }
    }

    /// Reads cells of the round, and chooses further ones while neighbours are to be expected there.
    fn read_cells(&mut self, work: &Work, store: &OpenStore, mut done: usize) -> Result<()> {
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
        if is_time && let Some(within) = self.gap_within() {
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

    /// The gap beyond which nothing is wanted, as far as codes tell.
    fn gap_within(&self) -> Option<f64> {
        let farthest = (self.gaps.len() == self.ask.k).then(|| self.gaps.peek()).flatten();
        let within = self.ask.within.zip(self.cells.as_ref());
        let within = within.map(|(within, cells)| cells.gap(within));
        farthest.map(|gap| gap.0).into_iter().chain(within).min_by(f64::total_cmp)
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
        let flow = cursor.pass(|entry| {
            let code = entry.value();
            let bound = self.bound_ahead(store, code, Some(cell))?;
            if bound.is_none_or(|bound| self.pool.wants(bound)) {
                let key = entry.key();
                let primary = keys.primary_of_member(&key);
                let primary = primary.map_err(|source| store.unreadable(source))?;
                self.consider((work, store), (primary, Some(cell)), code, bound)?;
            }
            count += 1;
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        debug_assert!(flow.is_continue());
        Ok(count)
    }

    /// Measures the records in cells, from the one after a key.
    fn walk_located(&mut self, work: &Work, store: &OpenStore, after: Vec<u8>) -> Result<()> {
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
    fn is_hidden(&self, work: &Work, store: &OpenStore, primary: &[u8]) -> Result<bool> {
        let entries = store.entries_of(Some(self.ask.index), work.position())?;
        let key = [self.ask.partition.as_slice(), primary].concat();
        Ok(work.view(entries)?.contains(key)?)
    }

    /// How near the vector of a code may be, where that can be told before its key is known.
    #[inline]
    fn bound_ahead(
        &mut self,
        store: &OpenStore,
        code: &[u8],
        cell: Option<&Ahead>,
    ) -> Result<Option<f32>> {
        let is_known = self.question.is_some() && matches!(self.noted, Noted::All);
        if is_known { self.bound(store, code, cell).map(Some) } else { Ok(None) }
    }

    /// How near the vector of a code, which may be of a member of a cell, may be at best.
    #[inline]
    fn bound(&mut self, store: &OpenStore, code: &[u8], cell: Option<&Ahead>) -> Result<f32> {
        let estimate = self.question.as_ref().and_then(|question| question.estimate(code));
        let estimate = estimate.ok_or(CodecError::UnexpectedEnd);
        let estimate = estimate.map_err(|source| store.unreadable(source))?;
        if let Some(cells) = &mut self.cells {
            if let (Some(cell), true) = (cell, self.choosing) {
                cells.observe(cell, estimate.distance);
            }
            let gap = cells.gap(estimate.distance);
            self.note_gap(gap);
        }
        Ok(estimate.distance - self.ask.deviations.unwrap_or_default() * estimate.error)
    }

    /// Takes a record, which may be a member of a cell, for a candidate, if it is one of those that
    /// are wanted.
    fn consider(
        &mut self,
        (work, store): (&Work, &OpenStore),
        (key, cell): (&[u8], Option<&Ahead>),
        code: &[u8],
        bound: Option<f32>,
    ) -> Result<()> {
        if !self.noted.has(key) {
            return Ok(());
        }
        let bound = match bound {
            Some(bound) => bound,
            None if self.question.is_some() => self.bound(store, code, cell)?,
            None => {
                self.rows += 1;
                let distance = self.gauge.distance(work, store, key)?;
                let Some(distance) = distance else { return Ok(()) };
                distance
            }
        };
        self.pool.offer(bound, key, cell.is_some());
        Ok(())
    }

    #[inline]
    fn note_gap(&mut self, gap: f64) {
        if self.gaps.len() < self.ask.k {
            self.gaps.push(Gap(gap));
        } else if self.gaps.peek().is_some_and(|farthest| gap < farthest.0) {
            self.gaps.pop();
            self.gaps.push(Gap(gap));
        }
    }

    /// Whether nothing at this distance or beyond is wanted.
    fn is_beyond(&self, bound: f32) -> bool {
        self.nearest.worst().is_some_and(|worst| bound > worst)
            || self.ask.within.is_some_and(|within| bound > within)
    }

    /// Measures candidates until there can be none that is nearer.
    fn measure(&mut self, work: &mut Work, store: &OpenStore, judged: bool) -> Result<Step> {
        for _ in 0..ROWS_AT_ONCE {
            let Some(Candidate { bound, key, settled }) = self.pool.pop() else {
                if !self.pool.reopen() {
                    return Ok(self.next_round());
                }
                // What found no room is of the same round.
                self.choosing = false;
                self.gaps.clear();
                self.stage = if self.first_round { self.first_stage() } else { Stage::Cells(0) };
                return Ok(Step::Pause);
            };
            if self.is_beyond(bound) {
                return Ok(self.next_round());
            }
            if settled && self.is_hidden(work, store, &key)? {
                continue;
            }
            let Some(found) = self.measured(work, store, key)? else { continue };
            if judged {
                return Ok(Step::Judge(found));
            }
            self.nearest.insert(found);
        }
        Ok(Step::Pause)
    }

    /// Goes on in further cells, if those found so far do not rule out that there are nearer ones.
    fn next_round(&mut self) -> Step {
        let allowed = self.allowed();
        let (Some(cells), Some(_)) = (&mut self.cells, &self.question) else { return Step::Done };
        let worst = self.nearest.worst().map(|worst| cells.gap(worst));
        let within = self.ask.within.map(|within| cells.gap(within));
        let within = worst.into_iter().chain(within).min_by(f64::total_cmp);
        let is_enough = within.is_some_and(|within| cells.share_ahead(within) <= allowed);
        if cells.is_empty() || is_enough {
            return Step::Done;
        }
        self.round.clear();
        self.gaps.clear();
        (self.choosing, self.first_round) = (true, false);
        self.pool.restart();
        self.stage = Stage::Cells(0);
        Step::Pause
    }

    /// The exact distance of a candidate, if it is wanted.
    fn measured(
        &mut self,
        work: &mut Work,
        store: &OpenStore,
        key: Vec<u8>,
    ) -> Result<Option<Found>> {
        if self.ask.without.as_ref() == Some(&key) {
            return Ok(None);
        }
        self.rows += 1;
        let Some(distance) = self.gauge.distance(work, store, &key)? else { return Ok(None) };
        let found = Found { distance, key };
        let passed = self.ask.after.as_ref().is_some_and(|after| found <= *after);
        if passed || self.is_beyond(distance) {
            return Ok(None);
        }
        if !self.plan.asked.is_empty() {
            let Some(record) = work.get(store, &found.key)? else { return Ok(None) };
            if !self.fulfils(store, &found.key, &*record)? {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    fn fulfils(&self, store: &OpenStore, key: &[u8], record: &dyn Record) -> Result<bool> {
        for condition in &self.plan.asked {
            if !condition.holds(store, key, record)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
