//! What a session can do, drawn as data before it is done, so that a trace says it and a model can
//! do it too.

use std::ops::Range;

use fastrand::Rng;
use sop_orm::{Entity, Error, Result, Session, StoreHandle};

use super::{
    attempt::{Attempt, Attempted},
    kind::{CounterChange, Kind},
    near::Near,
    plan::Plan,
    program::{Counter, Page, Program, early},
};
use crate::simulation::surroundings::happens;

/// Something that a session does.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Pages(Write<Page>),
    Counters(Write<Counter>),
    Ask(Question),
    Attempt(Attempt),
}

/// Changes of one store.
#[derive(Clone, Debug)]
pub(super) enum Write<R: Kind> {
    Insert(R),
    Upsert(R),
    Edit(u32, Vec<R::Change>),
    Delete(u32),
    /// Gives two records each other's unique value.
    Swap(u32, u32),
}

/// Something that a session looks for.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Page(u32),
    Pages,
    ByCode(u32),
    BySlug(u8, u8),
    ByTag(u8),
    ByHeat { heat: Range<i64>, limit: usize, backwards: bool },
    ByState(u8),
    ByHits(Range<i64>),
    Near(Near),
    Counter(u32),
    Counters,
    ByLabel(u16),
    ByCount(Range<i64>),
}

/// What a session was told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Done,
    NotFound,
    Duplicate,
    /// The index does not hold all records yet.
    Unready,
    Found(Found),
    Attempted(Attempted),
}

/// Records, in the order of the index that was asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    Pages(Vec<Page>),
    Counters(Vec<Counter>),
}

/// The counter that is always there and only counted up.
pub(super) const TOTAL: u32 = 0;

impl Op {
    pub(super) fn draw(plan: &Plan, program: Program, random: &mut Rng) -> Self {
        if happens(random, plan.rates.attempt) {
            return Self::Attempt(Attempt::draw(plan, program, random));
        }
        if happens(random, plan.rates.question) {
            return Self::Ask(Question::draw(plan, program, random));
        }
        if happens(random, plan.rates.total) {
            let count = CounterChange::Count(random.i64(-3..10));
            return Self::Counters(Write::Edit(TOTAL, vec![count]));
        }
        if random.u8(..3) < plan.pages {
            Self::Pages(Write::draw(plan, random))
        } else {
            Self::Counters(Write::draw(plan, random))
        }
    }

    /// How much it added to the counter of everything.
    pub(super) fn total(&self, answer: &Answer) -> i64 {
        let added = |change: &CounterChange| match change {
            CounterChange::Count(count) => *count,
            CounterChange::Label(_) => 0,
        };
        match (self, answer) {
            (Self::Counters(Write::Edit(TOTAL, changes)), Answer::Done) => {
                changes.iter().map(added).sum()
            }
            (Self::Attempt(attempt), Answer::Attempted(attempted)) if attempted.is_kept => {
                let parts = attempt.ops.iter().zip(&attempted.answers);
                parts.map(|(op, answer)| op.total(answer)).sum()
            }
            _ => 0,
        }
    }

    /// Whether it is meant to change something.
    pub(super) fn writes(&self) -> bool {
        match self {
            Self::Pages(_) | Self::Counters(_) => true,
            Self::Ask(_) => false,
            Self::Attempt(attempt) => attempt.ops.iter().any(Self::writes),
        }
    }

    /// The records that it changes, by the places of their stores.
    pub(super) fn records(&self) -> Vec<(usize, u32)> {
        fn of<R: Kind>(write: &Write<R>) -> Vec<(usize, u32)> {
            write.numbers().into_iter().map(|number| (R::STORE, number)).collect()
        }
        match self {
            Self::Pages(write) => of(write),
            Self::Counters(write) => of(write),
            Self::Ask(_) => Vec::new(),
            Self::Attempt(attempt) => attempt.ops.iter().flat_map(Self::records).collect(),
        }
    }

    pub(super) async fn perform(&self, program: Program, session: &Session) -> Result<Answer> {
        let done = match (self, program) {
            (Self::Attempt(attempt), _) => attempt.perform(program, session).await,
            (Self::Ask(question), _) => program.ask(session, question).await.map(Answer::Found),
            (Self::Pages(write), Program::Early) => {
                write.perform(*session.of::<early::Page>()).await
            }
            (Self::Pages(write), Program::Late) => write.perform(*session.of::<Page>()).await,
            (Self::Counters(write), Program::Early) => {
                write.perform(*session.of::<early::Counter>()).await
            }
            (Self::Counters(write), Program::Late) => write.perform(*session.of::<Counter>()).await,
        };
        match done {
            Err(Error::NotFound { .. }) => Ok(Answer::NotFound),
            Err(Error::Duplicate(_)) => Ok(Answer::Duplicate),
            Err(Error::IndexBuilding { .. } | Error::IndexFailed { .. }) => Ok(Answer::Unready),
            other => other,
        }
    }
}

impl<R: Kind> Write<R> {
    fn draw(plan: &Plan, random: &mut Rng) -> Self {
        let record = R::any(plan, random);
        let number = record.number();
        if !happens(random, plan.rates.upheaval) {
            let changes = (0..random.usize(1..3)).map(|_| R::any_change(plan, random));
            return Self::Edit(number, changes.collect());
        }
        let any = random.u8(..8);
        if any < plan.deletions {
            return Self::Delete(number);
        }
        if any < plan.deletions + plan.exchanges {
            let other = R::any(plan, random).number();
            return if number == other { Self::Upsert(record) } else { Self::Swap(number, other) };
        }
        if random.u8(..4) == 0 { Self::Upsert(record) } else { Self::Insert(record) }
    }

    /// The numbers of the records that it is about.
    pub(super) fn numbers(&self) -> Vec<u32> {
        match self {
            Self::Insert(record) | Self::Upsert(record) => vec![record.number()],
            Self::Edit(number, _) | Self::Delete(number) => vec![*number],
            Self::Swap(one, other) => vec![*one, *other],
        }
    }

    async fn perform<E>(&self, store: StoreHandle<'_, E>) -> Result<Answer>
    where
        E: Entity<Key = u32> + Clone + From<R>,
        R: From<E>,
    {
        match self {
            Self::Insert(record) => drop(store.insert(E::from(record.clone())).await?),
            Self::Upsert(record) => drop(store.upsert(E::from(record.clone())).await?),
            Self::Edit(number, changes) => {
                let mut edit = store.edit(*number).await?;
                let mut record = R::from(E::clone(&edit));
                for change in changes {
                    record.change(change);
                }
                *edit = record.into();
                edit.save().await?;
            }
            Self::Delete(number) => {
                if !store.delete(*number).await? {
                    return Ok(Answer::NotFound);
                }
            }
            Self::Swap(one, other) => {
                let mut one = store.edit(*one).await?;
                let mut other = store.edit(*other).await?;
                let mut records = (R::from(E::clone(&one)), R::from(E::clone(&other)));
                R::swap(&mut records.0, &mut records.1);
                (*one, *other) = (records.0.into(), records.1.into());
                drop(one);
                other.save().await?;
            }
        }
        Ok(Answer::Done)
    }
}

impl Question {
    fn draw(plan: &Plan, program: Program, random: &mut Rng) -> Self {
        let number = plan.any_number(random);
        let range = |random: &mut Rng| {
            let from = random.i64(-20..60);
            from..from + random.i64(0..40)
        };
        let common = 16;
        let kinds = if program == Program::Late { common + 5 } else { common };
        match random.u8(..kinds) {
            0 | 1 => Self::Page(number),
            2 => Self::Pages,
            3 => Self::ByCode(random.u32(..plan.codes)),
            4 | 5 => Self::BySlug(random.u8(..3), random.u8(..8)),
            6 | 7 => Self::ByTag(random.u8(..plan.tags)),
            8 | 9 => {
                let heat = range(random);
                let heat = heat.start / 8..heat.end / 8;
                let limit = if random.bool() { usize::MAX } else { random.usize(..4) };
                Self::ByHeat { heat, limit, backwards: random.bool() }
            }
            10 | 11 => Self::Counter(number),
            12 => Self::Counters,
            13..16 => Self::Near(Near::draw(plan, random)),
            16 => Self::ByState(random.u8(..4)),
            17 => Self::ByHits(range(random)),
            18 | 19 => Self::ByLabel(plan.any_label(random)),
            _ => Self::ByCount(range(random)),
        }
    }

    /// The index that it asks.
    pub(super) fn index(&self) -> Option<&'static str> {
        match self {
            Self::Page(_) | Self::Pages | Self::Counter(_) | Self::Counters => None,
            Self::ByCode(_) => Some("by_code"),
            Self::BySlug(..) => Some("by_slug"),
            Self::ByTag(_) => Some("by_tag"),
            Self::ByHeat { .. } => Some("by_heat"),
            Self::ByState(_) => Some("by_state"),
            Self::ByHits(_) => Some("by_hits"),
            Self::Near(_) => Some("near_place"),
            Self::ByLabel(_) => Some("by_label"),
            Self::ByCount(_) => Some("by_count"),
        }
    }

    /// The same question for all records.
    pub(super) fn without_limit(mut self) -> Self {
        match &mut self {
            Self::ByHeat { limit, .. } => *limit = usize::MAX,
            Self::Near(near) => *near = near.of_all(),
            _ => {}
        }
        self
    }

    /// Whether records that it does not give out decide which others it does.
    pub(super) fn is_limited(&self) -> bool {
        match self {
            Self::ByHeat { limit, .. } => *limit < usize::MAX,
            Self::Near(near) => near.is_limited(),
            _ => false,
        }
    }
}
