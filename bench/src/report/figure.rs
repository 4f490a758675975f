//! Statistics: what all rounds of one engine say together, and how engines compare.

use crate::frame::{Record, Unit};

/// A value counts only if other programs used at most this part of the processors meanwhile.
const QUIET: f64 = 0.05;

/// What the records of one row of a table have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) workload: &'a str,
    pub(super) threads: usize,
    pub(super) unit: Unit,
}

impl<'a> Row<'a> {
    /// The row that a record belongs to.
    pub(super) fn holding(record: &'a Record) -> Self {
        Self { workload: &record.workload, threads: record.threads, unit: record.unit }
    }

    /// What the records of an engine in this row say, if there are any.
    pub(super) fn figure(&self, engine: &str, records: &[Record]) -> Option<Figure> {
        let ours = |record: &&Record| record.engine == engine && Row::holding(record) == *self;
        Figure::of(&records.iter().filter(ours).collect::<Vec<_>>())
    }
}

/// What all rounds of one engine say together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// The median.
    pub(super) value: f64,
    /// (greatest - smallest) / median.
    pub(super) spread: f64,
    /// Medians of what one operation cost.
    pub(super) cpu_us: Option<f64>,
    pub(super) syncs: Option<f64>,
    pub(super) written: Option<f64>,
    pub(super) dirtied: Option<f64>,
    pub(super) recall: Option<f64>,
    /// How many of the rounds were quiet, and how many there were.
    pub(super) quiet: usize,
    pub(super) rounds: usize,
}

impl Figure {
    fn of(records: &[&Record]) -> Option<Self> {
        let is_quiet = |record: &&&Record| record.others.is_none_or(|others| others <= QUIET);
        let chosen: Vec<&Record> = records.iter().filter(is_quiet).copied().collect();
        let (quiet, rounds) = (chosen.len(), records.len());
        let records = if chosen.is_empty() { records } else { &chosen };
        let values = sorted(records.iter().map(|record| record.value));
        let value = median(&values)?;
        let span = values.last()? - values.first()?;
        let middle = |field: fn(&Record) -> Option<f64>| {
            median(&sorted(records.iter().filter_map(|record| field(record))))
        };
        Some(Self {
            value,
            spread: if span > 0.0 { span / value } else { 0.0 },
            cpu_us: middle(|record| record.cpu_us),
            syncs: middle(|record| record.syncs),
            written: middle(|record| record.written),
            dirtied: middle(|record| record.dirtied),
            recall: middle(|record| record.recall),
            quiet,
            rounds,
        })
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// How many times better one figure is than the best of the others, and which that is. A figure
/// without any quiet round is compared with none: it may tell which engine ran beside a compiler.
pub(super) fn lead(index: usize, figures: &[Option<Figure>], unit: Unit) -> Option<(f64, usize)> {
    if unit == Unit::Change {
        return None;
    }
    let goodness = |index: usize| {
        let figure = figures[index].filter(|figure| figure.quiet > 0 && figure.value > 0.0)?;
        Some(if unit.more_is_better() { figure.value } else { 1.0 / figure.value })
    };
    let others = (0..figures.len()).filter(|other| *other != index);
    let (best, peer) = others
        .filter_map(|other| Some((goodness(other)?, other)))
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    Some((goodness(index)? / best, peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: f64, others: Option<f64>) -> Record {
        Record { value, others, cpu_us: Some(value / 100.0), ..Record::default() }
    }

    #[test]
    fn a_figure_is_the_median_and_its_spread() {
        let rounds = [300.0, 100.0, 200.0].map(|value| record(value, None));
        let figure = Figure::of(&rounds.iter().collect::<Vec<_>>()).unwrap();
        let (quiet, rounds) = (3, 3);
        let expected =
            Figure { value: 200.0, spread: 1.0, cpu_us: Some(2.0), quiet, rounds, ..figure };
        assert_eq!(figure, expected);
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(Figure::of(&[]), None);
    }

    #[test]
    fn rounds_beside_busy_programs_count_only_if_there_are_no_others() {
        let [quiet, busy, busier] = [(1.0, 0.01), (2.0, 0.4), (4.0, 0.6)]
            .map(|(value, others)| record(value, Some(others)));
        let figure = Figure::of(&[&busy, &quiet, &busier]).unwrap();
        assert_eq!((figure.value, figure.quiet, figure.rounds), (1.0, 1, 3));
        let figure = Figure::of(&[&busy, &busier]).unwrap();
        assert_eq!((figure.value, figure.quiet, figure.rounds), (3.0, 0, 2));
    }

    #[test]
    fn the_lead_is_over_the_best_of_the_others() {
        let figure = |value| Some(Figure { value, quiet: 1, ..Figure::default() });
        let figures = [figure(300.0), figure(200.0), None, figure(100.0)];
        assert_eq!(lead(0, &figures, Unit::Operations), Some((1.5, 1)));
        assert_eq!(lead(1, &figures, Unit::Operations), Some((200.0 / 300.0, 0)));
        assert_eq!(lead(2, &figures, Unit::Operations), None);
        assert_eq!(lead(3, &figures, Unit::Bytes), Some((2.0, 1)));
        assert_eq!(lead(0, &figures[..1], Unit::Bytes), None);
        let busy = figures[0].map(|figure| Figure { quiet: 0, ..figure });
        assert_eq!(lead(0, &[busy, figures[1]], Unit::Operations), None);
        assert_eq!(lead(1, &[busy, figures[1]], Unit::Operations), None);
    }
}
