//! Which cells of a partition are read, and when there are enough of them.
//!
//! How near the members of a cell are to a query is foretold from its centre and its spread: what
//! they differ from the centre by points anywhere, so distances are spread around that of the centre
//! like a normal distribution, by as much as the codes that were read so far have shown. From that
//! follows which share of the neighbours the cells that are left are expected to have; when it is so
//! small that the share that was asked for is found without them, reading ends. So the effort follows
//! from the query: little where its neighbours lie together, and much where they are anywhere.
//!
//! Points are not anywhere, they lie together, and among the few nearest ones of all more are from
//! far cells than a normal distribution foretells. So its share is counted as the root of it, which is
//! about what twice the variance would say.

use std::{cmp::Ordering, collections::BinaryHeap, mem};

use sop_core::Snapshot;

use super::tail;
use crate::{
    db::registry::{OpenIndex, OpenStore},
    error::{CodecError, Result},
    schema::VectorSpec,
    vector::{
        Element, Metric,
        cells::{
            keys::{self, Cell, Keys},
            settle::direction,
        },
        kernel,
    },
};

/// As if so many codes had been read that were spread as foretold, before any were.
const FORETOLD: f64 = 64.0;

/// A cell that was not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    pub(super) cell: Cell,
    count: f64,
    /// Where the gaps of its members lie,
    mean: f64,
    /// and one part of their deviation, as far as the spread of the cell tells.
    per_deviation: f64,
    /// How many deviations nearer those are that count; at first, where its own are.
    off: f64,
}

/// The cells of a partition, from those that are likely to have neighbours on.
#[derive(Debug)]
pub(super) struct Cells {
    metric: Metric,
    ahead: BinaryHeap<Ahead>,
    /// Those that were read.
    behind: Vec<Ahead>,
    /// Sum of squared deviations, in foretold ones, and how many codes they are of.
    observed: f64,
    codes: f64,
}

impl Cells {
    /// The cells of a partition in a state; none if it has no cells.
    pub(super) fn of(
        (state, store): (&Snapshot, &OpenStore),
        index: &OpenIndex,
        spec: &VectorSpec,
        keys: Keys<'_>,
        query: &[f32],
    ) -> Result<Option<Self>> {
        let Some(cells) = index.cells else { return Ok(None) };
        let view = state.store_by_id(cells)?;
        if !view.contains(keys.head())? {
            return Ok(None);
        }
        let unreadable = |source| store.unreadable(source);
        let query = direction(spec.metric, query.to_vec());
        let norm2 = query.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        let mut counts = view.range_cursor::<&[u8]>(keys.counts().bounds())?;
        let mut centres = view.range_cursor::<&[u8]>(keys.centres().bounds())?;
        let mut ahead = Vec::new();
        while counts.next()? && centres.next()? {
            let (Some(key), Some(count)) = (counts.key(), counts.value()) else { break };
            let (Some(_), Some(centre)) = (centres.key(), centres.value()) else { break };
            let cell = keys.cell_of(key).map_err(unreadable)?;
            let count = keys::number(count).map_err(unreadable)?;
            if count > 0 {
                let foretold = foretell(spec.metric, (&query, norm2), cell, centre);
                let foretold = foretold.ok_or(CodecError::UnexpectedEnd).map_err(unreadable)?;
                ahead.push(Ahead { count: f64::from(count), ..foretold });
            }
        }
        Ok(Some(Self {
            metric: spec.metric,
            ahead: ahead.into(),
            behind: Vec::new(),
            observed: FORETOLD,
            codes: FORETOLD,
        }))
    }

    /// What is compared: the distance, or its square where that is what adds up.
    pub(super) fn gap(&self, distance: f32) -> f64 {
        let distance = f64::from(distance);
        if self.metric == Metric::Euclidean { distance * distance } else { distance }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ahead.is_empty()
    }

    /// The next cell to read.
    pub(super) fn next(&mut self) -> Option<Ahead> {
        let next = self.ahead.pop()?;
        self.behind.push(next);
        Some(next)
    }

    /// Notes how far a member of a cell seems to be.
    #[inline]
    pub(super) fn observe(&mut self, cell: &Ahead, distance: f32) {
        let off = (self.gap(distance) - cell.mean) * cell.per_deviation;
        if off.is_finite() {
            self.observed += off * off;
            self.codes += 1.0;
        }
    }

    /// The share of all codes nearer than this that the cells that are left are expected to have.
    /// From here on they come in the order of how likely each of their members is that near.
    pub(super) fn share_ahead(&mut self, within: f64) -> f64 {
        let per_wider = (self.codes / self.observed).sqrt();
        let share = |cells: &mut [Ahead]| -> f64 {
            cells.iter_mut().map(|cell| cell.foresee(within, per_wider)).sum()
        };
        let mut cells = mem::take(&mut self.ahead).into_vec();
        let (ahead, behind) = (share(&mut cells), share(&mut self.behind));
        self.ahead = cells.into();
        if ahead > 0.0 { ahead / (ahead + behind) } else { 0.0 }
    }
}

impl Ahead {
    /// How many of its members are expected to be nearer than this.
    fn foresee(&mut self, within: f64, per_wider: f64) -> f64 {
        self.off = (self.mean - within) * self.per_deviation * per_wider;
        self.count * tail::root_above(self.off)
    }
}

/// The greatest is the one that is read first.
impl Ord for Ahead {
    fn cmp(&self, other: &Self) -> Ordering {
        other.off.total_cmp(&self.off).then_with(|| other.cell.cmp(&self.cell))
    }
}

impl PartialOrd for Ahead {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ahead {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ahead {}

/// Where the members of a cell are, seen from a query of a squared norm.
fn foretell(
    metric: Metric,
    (query, norm2): (&[f32], f64),
    cell: Cell,
    centre: &[u8],
) -> Option<Ahead> {
    let (spread, centre) = keys::centre_bytes(centre)?;
    let spread = f64::from(spread);
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let each = spread / (query.len() as f64).sqrt();
    let (mean, deviation) = if metric == Metric::Euclidean {
        let squared = f64::from(kernel::squared_distance(Element::F32, query, centre)?);
        (squared + spread * spread, 2.0 * each * squared.sqrt())
    } else {
        let dot = f64::from(kernel::products(Element::F32, query, centre)?.dot);
        let mean = if metric == Metric::Cosine { 1.0 - dot } else { -dot };
        (mean, each * norm2.sqrt())
    };
    // So that nothing is divided by zero; what has no spread is where its centre is.
    let deviation = deviation.max(1e-9 * mean.abs()).max(f64::MIN_POSITIVE);
    Some(Ahead { cell, count: 0.0, mean, per_deviation: deviation.recip(), off: mean })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(means: &[f64]) -> Cells {
        let ahead = means.iter().zip(0..).map(|(mean, cell)| Ahead {
            cell,
            count: 100.0,
            mean: *mean,
            per_deviation: 10.0,
            off: *mean,
        });
        let (metric, observed, codes) = (Metric::Dot, FORETOLD, FORETOLD);
        Cells { metric, ahead: ahead.collect(), behind: Vec::new(), observed, codes }
    }

    #[test]
    fn what_is_far_is_expected_to_have_little_that_is_near() {
        let mut cells = cells(&[1.0, 0.5, 2.0]);
        assert!((cells.share_ahead(0.5) - 1.0).abs() < 1e-9, "nothing was read");
        assert_eq!(cells.next().map(|ahead| ahead.cell), Some(1));
        assert!(cells.share_ahead(0.5) < 1e-3);
        assert!((cells.share_ahead(f64::INFINITY) - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((cells.next(), cells.next()).1.map(|ahead| ahead.cell), Some(2));
        assert!(cells.share_ahead(f64::INFINITY).abs() < 1e-9, "nothing is left");
    }

    #[test]
    fn codes_that_are_spread_wider_than_foretold_make_others_likelier() {
        let mut cells = cells(&[1.0, 0.6]);
        cells.next();
        let before = cells.share_ahead(0.5);
        let far = Ahead { cell: 9, count: 1.0, mean: 0.0, per_deviation: 10.0, off: 0.0 };
        (0..1_000).for_each(|_| cells.observe(&far, 0.3));
        assert!(cells.share_ahead(0.5) > 10.0 * before);
    }
}
