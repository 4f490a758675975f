//! Which positions can be had from a backup. Pure.

use std::ops::RangeInclusive;

use super::{Description, description::Run};
use crate::{id::Position, version::Manifest};

/// How far runs lead on from a position without a gap.
fn reach(start: Position, runs: &[Run]) -> Position {
    runs.iter().fold(start, |end, run| if run.after <= end { end.max(run.upto) } else { end })
}

/// The positions that can be had, ascending, no two ranges adjoining.
pub(crate) fn ranges(description: &Description) -> Vec<RangeInclusive<u64>> {
    let of = |point: &Manifest| {
        let start = point.position();
        (start.0, reach(start, &description.runs).0)
    };
    let mut all: Vec<_> = description.points.iter().map(of).collect();
    all.sort_unstable();
    let mut merged: Vec<RangeInclusive<u64>> = Vec::new();
    for (start, end) in all {
        match merged.last_mut() {
            Some(last) if start <= last.end().saturating_add(1) => {
                *last = *last.start()..=end.max(*last.end());
            }
            _ => merged.push(start..=end),
        }
    }
    merged
}

/// The newest position that can be had.
pub(crate) fn newest(description: &Description) -> u64 {
    ranges(description).last().map_or(0, |range| *range.end())
}

/// The point from which the least has to be done to get to a position; `None` if none leads there.
pub(crate) fn choose(description: &Description, position: Position) -> Option<&Manifest> {
    let leads_there = |point: &&Manifest| {
        let start = point.position();
        start <= position && position <= reach(start, &description.runs)
    };
    description.points.iter().filter(leads_there).max_by_key(|point| point.position())
}

#[cfg(test)]
mod tests {
    use super::{
        super::description::{Content, Owner},
        *,
    };
    use crate::{log::Mark, recovery::first_manifest};

    fn description(points: &[u64], runs: &[(u64, u64)]) -> Description {
        let owner = Owner { database: [1; 16], incarnation: [2; 16] };
        let content = Content { len: 0, crc: 0 };
        let run = |&(after, upto)| Run { after: Position(after), upto: Position(upto), content };
        let point = |(number, &position): (usize, &u64)| {
            let log = Mark { position: Position(position), ..Mark::START };
            Manifest { number: number as u64 + 1, ..first_manifest(log.into()) }
        };
        Description {
            runs: runs.iter().map(run).collect(),
            points: points.iter().enumerate().map(point).collect(),
            ..Description::empty(owner)
        }
    }

    #[test]
    fn a_point_reaches_as_far_as_runs_lead_on_from_it() {
        let gap = description(&[5, 20], &[(5, 9), (8, 12), (14, 18), (20, 22)]);
        assert_eq!(ranges(&gap), [5..=12, 20..=22]);
        assert_eq!(newest(&gap), 22);
        let at = |position| choose(&gap, Position(position)).map(|point| point.position().0);
        assert_eq!([4, 13, 14, 18, 19, 23].map(at), [None; 6]);
        assert_eq!([5, 12, 20, 22].map(at), [Some(5), Some(5), Some(20), Some(20)]);
    }

    #[test]
    fn the_nearest_point_before_is_chosen() {
        let whole = description(&[5, 8], &[(5, 9), (9, 12)]);
        assert_eq!(ranges(&whole), [5..=12]);
        let at = |position| choose(&whole, Position(position)).map(|point| point.position().0);
        assert_eq!([7, 8, 12].map(at), [Some(5), Some(8), Some(8)]);
    }
}
