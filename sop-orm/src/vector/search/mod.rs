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
mod gap;
mod nearest;
mod plan;
mod pool;
mod round;
mod tail;

use std::{collections::HashSet, mem, ops::ControlFlow};

use cells::{Ahead, Cells};
use gap::Gap;
pub(super) use nearest::Found;
use nearest::Nearest;
pub use plan::NearPlan;
use plan::Plan;
use pool::{Candidate, Pool, Reach};

use sop_core::Passed;

use super::{
    Estimate, Question,
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
    /// Whether candidates are given out before they count.
    pub(super) judged: bool,
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
    nearest: Nearest<Found>,
    stage: Stage,
    cells: Option<Cells>,
    /// The cells of this round, of which more are chosen if it is the first time that it is gone
    /// through.
    round: Vec<Ahead>,
    choosing: bool,
    /// Whether what is in no cell is of this round.
    first_round: bool,
    /// The gaps of the `k` that seem nearest.
    gaps: Nearest<Gap>,
    /// Room for what is said of codes.
    estimates: Vec<Estimate>,
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

/// Primary keys.
enum Noted {
    All,
    Listed(Vec<Vec<u8>>),
    Set(HashSet<Vec<u8>>),
}

/// Candidates that are kept at a time.
fn room(ask: &Ask) -> usize {
    ask.k.saturating_mul(4).saturating_add(64)
}

/// How many candidates are to be had nearer than any other before that one is none, if a candidate
/// is found once it was measured: `k`, and some for those that turn out to be stale.
fn certain(ask: &Ask, plan: &Plan) -> Option<usize> {
    let is_certain = plan.asked.is_empty() && !ask.judged && ask.after.is_none();
    is_certain.then(|| ask.k.saturating_add(ask.k / 4).saturating_add(2))
}

/// A code that was read is shorter or longer than codes are.
fn other_len(store: &OpenStore) -> Error {
    store.unreadable(CodecError::UnexpectedEnd)
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
        let pool = Pool::new(room(&ask), certain(&ask, &plan));
        let mut search = Self {
            gauge: Gauge::new(spec, &ask.query),
            question,
            pool,
            noted,
            nearest: Nearest::new(ask.k),
            stage: Stage::Measure,
            cells: None,
            round: Vec::new(),
            choosing: true,
            first_round: true,
            gaps: Nearest::new(ask.k),
            estimates: Vec::new(),
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

    /// Goes on for a while.
    pub(super) fn step(&mut self, work: &mut Work, store: &OpenStore) -> Result<Step> {
        if self.ask.k == 0 {
            return Ok(Step::Done);
        }
        match mem::replace(&mut self.stage, Stage::Measure) {
            Stage::Codes(after) => self.walk(work, store, after)?,
            Stage::Cells(done) => self.read_cells(work, store, done)?,
            Stage::Located(after) => self.walk_located(work, store, after)?,
            Stage::LookUp(done) => self.look_up(work, store, done)?,
            Stage::Measure => return self.measure(work, store),
        }
        if let Stage::Measure = self.stage {
            self.pool.close();
            return self.measure(work, store);
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
        self.watch_cells(work, store)?;
        let entries = store.entries_of(Some(self.plan.index), work.position())?;
        let columns = store.indexes.get(self.plan.index).map_or(&[][..], |one| one.spec.columns);
        let mut cursor = work.view(entries)?.range_cursor::<&[u8]>(span.bounds())?;
        let flow = cursor.pass(|codes| {
            self.consider_all((work, store), (codes, None), |key| {
                schema::split(columns, key).map(|(_, primary)| primary)
            })?;
            left = left.saturating_sub(codes.len());
            let flow = if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
            Ok::<_, Error>(flow)
        })?;
        if flow.is_break() {
            self.stage = Stage::Codes(cursor.key().unwrap_or_default().to_vec());
        }
        Ok(())
    }

    /// Lets the session depend on which records are in cells. A code that another session writes
    /// may have been moved into a cell by the time of the commit: then what is in no cell looks as
    /// it did, and only the cells tell of it.
    fn watch_cells(&self, work: &Work, store: &OpenStore) -> Result<()> {
        let cells = store.indexes.get(self.plan.index).and_then(|index| index.cells);
        if let Some(cells) = cells {
            let locations = Keys(&self.ask.partition).locations();
            work.view(cells)?.count::<&[u8]>(locations.bounds())?;
        }
        Ok(())
    }

    /// Looks up the codes of noted records, from a position in their list.
    fn look_up(&mut self, work: &Work, store: &OpenStore, done: usize) -> Result<()> {
        let Noted::Listed(keys) = mem::replace(&mut self.noted, Noted::All) else {
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
                    if let Some(code) = self.settled_code(work, store, key)? {
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

    /// The code that a cell has of a record, on whose being there or not the session depends.
    fn settled_code(
        &self,
        work: &Work,
        store: &OpenStore,
        primary: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let cells = store.indexes.get(self.ask.index).and_then(|index| index.cells);
        let Some(cells) = cells else { return Ok(None) };
        keys::settled(work.view(cells)?, Keys(&self.ask.partition), primary)
    }

    /// What comes when all that is in no cell was walked.
    fn stage_behind_codes(&self) -> Stage {
        match (&self.cells, &self.question) {
            (None, _) => Stage::Measure,
            (Some(_), Some(_)) => Stage::Cells(0),
            (Some(_), None) => Stage::Located(Vec::new()),
        }
    }

    /// Considers codes that lie behind each other, which may be of the members of a cell. `primary`
    /// finds the primary key in a key.
    fn consider_all(
        &mut self,
        at: (&Work, &OpenStore),
        (codes, cell): (Passed<'_>, Option<&Ahead>),
        primary: impl Fn(&[u8]) -> Result<&[u8], CodecError>,
    ) -> Result<()> {
        let all: Vec<&[u8]> = codes.values().collect();
        let mut estimates = mem::take(&mut self.estimates);
        estimates.clear();
        if let (Some(question), Noted::All) = (&self.question, &self.noted) {
            question.estimate_each(&all, &mut estimates).ok_or_else(|| other_len(at.1))?;
        }
        for (number, code) in all.into_iter().enumerate() {
            // One without bytes hides what a cell has.
            if code.is_empty() {
                continue;
            }
            let reach = estimates.get(number).map(|estimate| self.reach(*estimate, cell));
            // To put the key together takes as long as the estimate, and few are wanted.
            if reach.as_ref().is_some_and(|reach| !self.pool.wants(*reach.start())) {
                continue;
            }
            let key = codes.key(number).unwrap_or_default();
            let primary = primary(&key).map_err(|source| at.1.unreadable(source))?;
            self.consider(at, (primary, cell), code, reach)?;
        }
        self.estimates = estimates;
        Ok(())
    }

    /// From where to where the vector of a code, which may be of a member of a cell, may be.
    #[inline]
    fn reach(&mut self, estimate: Estimate, cell: Option<&Ahead>) -> Reach {
        if let Some(cells) = &mut self.cells {
            if let (Some(cell), true) = (cell, self.choosing) {
                cells.observe(cell, estimate.distance);
            }
            let gap = cells.gap(estimate.distance);
            self.gaps.insert(Gap(gap));
        }
        let off = self.ask.deviations.unwrap_or_default() * estimate.error;
        estimate.distance - off..=estimate.distance + off
    }

    /// Takes a record, which may be a member of a cell, for a candidate, if it is one of those that
    /// are wanted.
    fn consider(
        &mut self,
        (work, store): (&Work, &OpenStore),
        (key, cell): (&[u8], Option<&Ahead>),
        code: &[u8],
        reach: Option<Reach>,
    ) -> Result<()> {
        if !self.noted.has(key) {
            return Ok(());
        }
        let reach = match (reach, &self.question) {
            (Some(reach), _) => reach,
            (None, Some(question)) => {
                let estimate = question.estimate(code).ok_or_else(|| other_len(store))?;
                self.reach(estimate, cell)
            }
            (None, None) => {
                self.rows += 1;
                let distance = self.gauge.distance(work, store, key)?;
                let Some(distance) = distance else { return Ok(()) };
                distance..=distance
            }
        };
        self.pool.offer(reach, key, cell.is_some());
        Ok(())
    }

    /// Whether nothing at this distance or beyond is wanted.
    fn is_beyond(&self, bound: f32) -> bool {
        self.nearest.worst().is_some_and(|worst| bound > worst.distance)
            || self.ask.within.is_some_and(|within| bound > within)
    }

    /// Measures candidates until there can be none that is nearer.
    fn measure(&mut self, work: &mut Work, store: &OpenStore) -> Result<Step> {
        for _ in 0..ROWS_AT_ONCE {
            let Some(Candidate { bound, key, settled }) = self.pool.pop() else {
                if self.pool.rest().is_none_or(|rest| self.is_beyond(rest)) {
                    return Ok(self.next_round());
                }
                self.pool.reopen();
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
            if self.ask.judged {
                return Ok(Step::Judge(found));
            }
            self.nearest.insert(found);
        }
        Ok(Step::Pause)
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
