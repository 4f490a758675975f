//! Primary keys that fulfil several conditions, in their order.
//!
//! Every condition becomes a [`Source`], which finds the first of its primary keys in a span of
//! them. A source is *sorted* if its index has the keys in this order already: the primary key
//! itself, or an index of which every column is given. Sorted sources leap over what the others
//! rule out. The entries of other ones are gathered in a [`Window`] of bounded memory. Where that
//! would be too much work, an intersection reads the records that its other parts leave over and
//! asks these.

mod sorted;
mod window;

use std::sync::Arc;

use sorted::Sorted;
use window::Window;

use super::{condition::Condition, span::Span};
use crate::{db::registry::OpenStore, entity::Record, error::Result, session::Work};

/// An unsorted part of an intersection is gathered if it has at most this many entries,
const GATHERED_MAX: u64 = 1 << 16;
/// and at most so many times those of the smallest part.
const GATHERED_FACTOR: u64 = 4;

/// A primary key, and the record if it was read.
type Candidate = (Vec<u8>, Option<Arc<dyn Record>>);

/// What sources read from, and for how long they may.
pub(super) struct Ground<'a> {
    pub(super) work: &'a mut Work,
    pub(super) store: &'a OpenStore,
    pub(super) reverse: bool,
    /// How many more entries may be looked at before other tasks have their turn.
    pub(super) budget: usize,
    /// Entries looked at.
    pub(super) entries: u64,
    /// Records read.
    pub(super) rows: u64,
}

impl Ground<'_> {
    fn spend(&mut self, entries: usize) {
        self.budget = self.budget.saturating_sub(entries);
        self.entries += entries as u64;
    }
}

/// What a source answers.
pub(super) enum Found {
    /// The first key in the span, with the record if it was read.
    Key(Vec<u8>, Option<Arc<dyn Record>>),
    /// There is none.
    End,
    /// The budget is used up: ask again.
    Pause,
}

/// The primary keys that fulfil a condition.
pub(super) enum Source {
    Sorted(Sorted),
    Window(Window),
    Union(Vec<Source>),
    Intersection(Intersection),
}

/// The primary keys that all sources have, of records that fulfil the rest of the conditions.
pub(super) struct Intersection {
    sources: Vec<Source>,
    probes: Vec<Condition>,
    /// What is known to hold no key was cut off.
    rest: Span,
}

impl Source {
    /// Decides how to find the keys; for this it counts.
    pub(super) fn plan(condition: &Condition, work: &Work, store: &OpenStore) -> Result<Self> {
        Ok(match condition {
            Condition::Leaf(leaf) => match leaf.before_primary_keys(store) {
                Some(prefix) => Self::Sorted(Sorted::new(leaf.clone(), prefix)),
                None => Self::Window(Window::new(leaf.clone())),
            },
            Condition::Any(parts) => {
                let sources = parts.iter().map(|part| Self::plan(part, work, store));
                Self::Union(sources.collect::<Result<_>>()?)
            }
            Condition::All(parts) => Self::Intersection(Intersection::plan(parts, work, store)?),
        })
    }

    /// The first key in a span, by which nothing may come back that was cut off in an earlier call.
    pub(super) fn seek(&mut self, ground: &mut Ground<'_>, rest: &Span) -> Result<Found> {
        match self {
            Self::Sorted(sorted) => sorted.seek(ground, rest),
            Self::Window(window) => window.seek(ground, rest),
            Self::Union(sources) => union(sources, ground, rest),
            Self::Intersection(intersection) => intersection.seek(ground, rest),
        }
    }

    /// Whether the source can leap.
    fn is_sorted(&self) -> bool {
        match self {
            Self::Sorted(_) => true,
            Self::Window(_) => false,
            Self::Union(sources) => sources.iter().all(Self::is_sorted),
            Self::Intersection(intersection) => intersection.sources.iter().all(Self::is_sorted),
        }
    }

    /// The conditions for which records are read.
    pub(super) fn probes<'a>(&'a self, into: &mut Vec<&'a Condition>) {
        match self {
            Self::Sorted(_) | Self::Window(_) => {}
            Self::Union(sources) => {
                for source in sources {
                    source.probes(into);
                }
            }
            Self::Intersection(Intersection { sources, probes, .. }) => {
                into.extend(probes);
                for source in sources {
                    source.probes(into);
                }
            }
        }
    }
}

fn union(sources: &mut [Source], ground: &mut Ground<'_>, rest: &Span) -> Result<Found> {
    let mut first: Option<Candidate> = None;
    for source in sources {
        match source.seek(ground, rest)? {
            Found::Key(key, record) => {
                let before = |known: &(Vec<u8>, _)| (key < known.0) != ground.reverse;
                if first.as_ref().is_none_or(before) {
                    first = Some((key, record));
                }
            }
            Found::End => {}
            Found::Pause => return Ok(Found::Pause),
        }
    }
    Ok(first.map_or(Found::End, |(key, record)| Found::Key(key, record)))
}

impl Intersection {
    fn plan(parts: &[Condition], work: &Work, store: &OpenStore) -> Result<Self> {
        let mut parts = parts
            .iter()
            .map(|part| Ok((part.estimate(work, store)?, part)))
            .collect::<Result<Vec<_>>>()?;
        parts.sort_by_key(|(estimate, _)| *estimate);
        let least = parts.first().map_or(0, |(estimate, _)| *estimate);
        let most = least.saturating_mul(GATHERED_FACTOR).min(GATHERED_MAX);
        let (mut sources, mut probes) = (Vec::new(), Vec::new());
        for (estimate, part) in parts {
            let source = Source::plan(part, work, store)?;
            if sources.is_empty() || source.is_sorted() || estimate <= most {
                sources.push(source);
            } else {
                probes.push(part.clone());
            }
        }
        Ok(Self { sources, probes, rest: Span::default() })
    }

    fn seek(&mut self, ground: &mut Ground<'_>, rest: &Span) -> Result<Found> {
        self.rest.intersect(rest.clone());
        loop {
            let (key, record) = match self.agree(ground)? {
                Found::Key(key, record) => (key, record),
                other => return Ok(other),
            };
            if self.probes.is_empty() {
                return Ok(Found::Key(key, record));
            }
            if ground.budget == 0 {
                return Ok(Found::Pause);
            }
            let record = if record.is_some() {
                record
            } else {
                ground.rows += 1;
                ground.budget -= 1;
                ground.work.get(ground.store, &key)?
            };
            if let Some(record) = record
                && self.is_held(ground, &key, &*record)?
            {
                return Ok(Found::Key(key, Some(record)));
            }
            self.rest.cut_at(key, ground.reverse);
        }
    }

    fn is_held(&self, ground: &Ground<'_>, key: &[u8], record: &dyn Record) -> Result<bool> {
        for probe in &self.probes {
            if !probe.holds(ground.store, key, record)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first key that all sources have. Each leads the others on to its own next key.
    fn agree(&mut self, ground: &mut Ground<'_>) -> Result<Found> {
        'leap: loop {
            let mut agreed: Option<Candidate> = None;
            for source in &mut self.sources {
                let (key, record) = match source.seek(ground, &self.rest)? {
                    Found::Key(key, record) => (key, record),
                    other => return Ok(other),
                };
                self.rest.cut_before(key.clone(), ground.reverse);
                match &mut agreed {
                    Some((known, _)) if *known != key => continue 'leap,
                    Some((_, known)) => *known = known.take().or(record),
                    None => agreed = Some((key, record)),
                }
            }
            return Ok(agreed.map_or(Found::End, |(key, record)| Found::Key(key, record)));
        }
    }
}
