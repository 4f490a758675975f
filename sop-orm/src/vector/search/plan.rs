//! Which records a search looks at, and how it finds them; decided by counting.

use std::fmt;

use sop_core::Snapshot;

use crate::{
    db::registry::OpenStore,
    error::Result,
    query::{Condition, Span},
    schema::VectorSpec,
    session::Work,
    vector::cells::keys::Keys,
};

/// What looking at something costs, in nanoseconds on a usual machine. Only their ratios matter.
mod cost {
    /// An entry of the index of vectors, with its code, one after the other.
    pub(super) const CODE: u64 = 25;
    /// An entry of another index, to note its primary key.
    pub(super) const NOTED: u64 = 150;
    /// Whether a primary key was noted.
    pub(super) const ASKED: u64 = 30;
    /// The code of one record, looked up.
    pub(super) const LOOKED_UP: u64 = 800;
    /// A record, read and asked whether it fulfils a condition.
    pub(super) const RECORD: u64 = 2_500;
}

/// The most primary keys that are noted.
const NOTED_MAX: u64 = 1 << 20;

/// How the candidates of a search are found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NearPlan {
    /// By the codes of all vectors of the partition.
    Codes {
        /// How many there are.
        codes: u64,
    },
    /// By the codes of those that a condition selects, which stand side by side in an index made
    /// for that.
    Selected {
        /// The index.
        index: &'static str,
        /// How many codes there are.
        codes: u64,
    },
    /// By the codes of the partition, of which those are passed over that other indexes do not
    /// select.
    Noted {
        /// How many codes there are.
        codes: u64,
        /// How many records the condition selects, in all partitions.
        selected: u64,
    },
    /// By looking up the codes of all records that a condition selects.
    LookedUp {
        /// How many records the condition selects, in all partitions.
        selected: u64,
    },
    /// By the vectors of all records of the partition.
    Exact {
        /// How many there are.
        records: u64,
    },
}

impl fmt::Display for NearPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codes { codes } => write!(f, "{codes} codes"),
            Self::Selected { index, codes } => write!(f, "{codes} codes of {index}"),
            Self::Noted { codes, selected } => write!(f, "{codes} codes, {selected} selected"),
            Self::LookedUp { selected } => write!(f, "codes of {selected} selected"),
            Self::Exact { records } => write!(f, "{records} vectors"),
        }
    }
}

/// Where candidates come from, and what is still to be asked.
pub(super) struct Plan {
    pub(super) shown: NearPlan,
    /// The index of vectors that is walked, by position, and the part of it.
    pub(super) index: usize,
    pub(super) span: Span,
    /// What a record must fulfil; its primary keys are noted first.
    pub(super) noted: Option<Condition>,
    /// Whether the noted ones are looked up, and nothing is walked.
    pub(super) looked_up: bool,
    /// What candidates are asked for when they are measured.
    pub(super) asked: Vec<Condition>,
}

impl Plan {
    /// Decides. `index` is the position of the index without further columns.
    pub(super) fn new(
        (work, store): (&Work, &OpenStore),
        index: usize,
        partition: &[u8],
        condition: Option<&Condition>,
        (k, exact): (usize, bool),
    ) -> Result<Self> {
        let span = Span::prefix(partition.to_vec());
        // Counted in the state, so that the session does not depend on what it only weighs.
        let state = work.state();
        let at = (&state, work.position(), store);
        let codes = count(at, index, &span)? + settled(at, index, partition)?;
        let whole = |shown| Self {
            shown,
            index,
            span: span.clone(),
            noted: None,
            looked_up: false,
            asked: Vec::new(),
        };
        let Some(condition) = condition else {
            return Ok(whole(if exact {
                NearPlan::Exact { records: codes }
            } else {
                NearPlan::Codes { codes }
            }));
        };
        let parts = condition.conjuncts();
        let mut best = None;
        for part in 0..parts.len() {
            let selected = Self::selected(at, index, partition, (parts, part))?;
            best = cheaper(best, selected);
        }
        let selected = condition.estimate_in(&state, store)?;
        if selected <= NOTED_MAX {
            let noted = selected.saturating_mul(cost::NOTED);
            let noted_plan = |shown, looked_up| Self {
                noted: Some(condition.clone()),
                looked_up,
                ..whole(shown)
            };
            let price = noted + selected.saturating_mul(cost::LOOKED_UP);
            let plan = noted_plan(NearPlan::LookedUp { selected }, true);
            best = cheaper(best, Some((price, plan)));
            let price = noted + codes.saturating_mul(cost::CODE + cost::ASKED);
            let plan = noted_plan(NearPlan::Noted { codes, selected }, false);
            best = cheaper(best, Some((price, plan)));
        }
        // As many records are read as it takes to find enough that fulfil the condition.
        let of_each = codes.checked_div(selected.max(1)).unwrap_or(0).max(1);
        let read = of_each.saturating_mul(4 * k as u64).min(codes);
        let price = codes.saturating_mul(cost::CODE) + read.saturating_mul(cost::RECORD);
        let plan = Self { asked: parts.to_vec(), ..whole(NearPlan::Codes { codes }) };
        best = cheaper(best, Some((price, plan)));
        let (_, mut plan) = best.expect("invariant: reading records is always possible");
        if exact {
            let mut codes = count(at, plan.index, &plan.span)?;
            if plan.index == index {
                codes += settled(at, index, partition)?;
            }
            plan.shown = NearPlan::Exact { records: codes };
        }
        Ok(plan)
    }

    /// The plan that walks the codes which one of several conditions selects, if there is an index
    /// for it.
    fn selected(
        at: At<'_>,
        index: usize,
        partition: &[u8],
        (parts, part): (&[Condition], usize),
    ) -> Result<Option<(u64, Self)>> {
        let (_, moment, store) = at;
        let Some((filter, selected)) = parts.get(part).and_then(Condition::of_index) else {
            return Ok(None);
        };
        let field = |at: usize| store.indexes.get(at)?.spec.vector.map(|vector| vector.field);
        let serves = |spec: &VectorSpec, position| {
            spec.filter == Some(filter) && field(position) == field(index)
        };
        let position = store.indexes.iter().enumerate().find(|(position, index)| {
            index.spec.vector.as_ref().is_some_and(|spec| serves(spec, *position))
        });
        let Some((position, mirror)) = position else { return Ok(None) };
        if !mirror.readiness.is_ready_at(moment) {
            return Ok(None);
        }
        let mut span = Span::prefix(partition.to_vec());
        span.intersect(selected.behind(partition));
        let codes = count(at, position, &span)?;
        let mut asked = parts.to_vec();
        asked.remove(part);
        let read = if asked.is_empty() { 0 } else { codes.min(1_000) };
        let price = codes.saturating_mul(cost::CODE) + read.saturating_mul(cost::RECORD);
        let shown = NearPlan::Selected { index: mirror.spec.name, codes };
        let plan = Self { shown, index: position, span, noted: None, looked_up: false, asked };
        Ok(Some((price, plan)))
    }
}

/// The plan with the lower price; of equal ones the first.
fn cheaper(one: Option<(u64, Plan)>, other: Option<(u64, Plan)>) -> Option<(u64, Plan)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 < one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// The state in which something is counted, its position, and the store.
type At<'a> = (&'a Snapshot, u64, &'a OpenStore);

fn count((state, moment, store): At<'_>, index: usize, span: &Span) -> Result<u64> {
    if span.is_empty() {
        return Ok(0);
    }
    let entries = store.entries_of(Some(index), moment)?;
    Ok(state.store_by_id(entries)?.count::<&[u8]>(span.bounds())?)
}

/// How many codes of a partition are in cells.
fn settled((state, _, store): At<'_>, index: usize, partition: &[u8]) -> Result<u64> {
    let Some(cells) = store.indexes.get(index).and_then(|index| index.cells) else { return Ok(0) };
    let span = Keys(partition).locations();
    Ok(state.store_by_id(cells)?.count::<&[u8]>(span.bounds())?)
}
