//! What a person and what a program gets to see of the figures. All printing is done here.

use crate::{
    Result, machine,
    record::{Record, Unit},
};
use std::{
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

/// A value counts only if other programs used at most this part of the processors meanwhile.
const QUIET: f64 = 0.05;

const LEGEND: &str = "\
median of the quiet rounds: those in which other programs used at most 5 % of the processors
n: quiet rounds; ! there was none: of all rounds, not compared
x: times the best of the others, above 1 is ahead; +-: (greatest - smallest) / median
cpu: us of processor time per operation";

/// Says what is about to be measured, and where.
pub(crate) fn header(suite: &str, about: &str, folder: &Path) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{suite}: {about}\n{}", machine::describe(folder)?)?)
}

/// Says with what settings each engine runs.
pub(crate) fn settings(engines: &[String], settings: &[String]) -> Result<()> {
    let mut out = io::stdout().lock();
    for (engine, settings) in engines.iter().zip(settings) {
        writeln!(out, "  {engine}: {settings}")?;
    }
    Ok(writeln!(out)?)
}

/// Says what is going on, beside the output.
pub(crate) fn progress(step: &str) -> Result<()> {
    Ok(writeln!(io::stderr().lock(), "{step} (load {})", machine::load())?)
}

/// Says what went wrong, beside the output, and with what code to end.
pub(crate) fn failure(error: &dyn Error) -> ExitCode {
    match writeln!(io::stderr().lock(), "error: {error}") {
        Ok(()) => ExitCode::FAILURE,
        // Nobody reads the standard error; another code is all that is left to say so.
        Err(_) => ExitCode::from(2),
    }
}

/// Prints the table of all records, the engines in the order in which they were first measured.
pub(crate) fn table(records: &[Record]) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{LEGEND}\n\n{}", render(records)?)?)
}

fn render(records: &[Record]) -> Result<String> {
    let engines = distinct(records.iter().map(|record| record.engine.as_str()));
    let mut title = ["workload", "threads", "unit"].map(str::to_owned).to_vec();
    for engine in &engines {
        title.extend([engine, "x", "n", "+-%", "cpu"].map(str::to_owned));
    }
    let mut rows = vec![title];
    for row in distinct(records.iter().map(Row::holding)) {
        let figures: Vec<Option<Figure>> =
            engines.iter().map(|engine| Figure::of(&row.records(engine, records))).collect();
        let mut cells =
            vec![row.workload.to_owned(), row.threads.to_string(), row.unit.name().to_owned()];
        for index in 0..figures.len() {
            cells.extend(cells_of(index, &figures, row.unit));
        }
        rows.push(cells);
    }
    align(&rows)
}

/// Each item once, in the order in which they first come.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut all = Vec::new();
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all
}

/// What the records of one row of the table have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row<'a> {
    workload: &'a str,
    threads: usize,
    unit: Unit,
}

impl<'a> Row<'a> {
    fn holding(record: &'a Record) -> Self {
        Self { workload: &record.workload, threads: record.threads, unit: record.unit }
    }

    fn records<'r>(&self, engine: &str, records: &'r [Record]) -> Vec<&'r Record> {
        let ours = |record: &&Record| record.engine == engine && Row::holding(record) == *self;
        records.iter().filter(ours).collect()
    }
}

/// What all rounds of one engine say together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figure {
    value: f64,
    /// (greatest - smallest) / median.
    spread: f64,
    cpu_us: Option<f64>,
    /// How many of the rounds were quiet.
    quiet: usize,
}

impl Figure {
    fn of(records: &[&Record]) -> Option<Self> {
        let is_quiet = |record: &&&Record| record.others.is_none_or(|others| others <= QUIET);
        let chosen: Vec<&Record> = records.iter().filter(is_quiet).copied().collect();
        let quiet = chosen.len();
        let records = if chosen.is_empty() { records } else { &chosen };
        let values = sorted(records.iter().map(|record| record.value));
        let cpu = sorted(records.iter().filter_map(|record| record.cpu_us));
        let value = median(&values)?;
        let spread = (values.last()? - values.first()?) / value;
        Some(Self { value, spread, cpu_us: median(&cpu), quiet })
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

/// How many times better than the best of the others an engine is. A figure without any quiet
/// round is compared with none: it may tell which engine ran beside a compiler.
fn lead(index: usize, figures: &[Option<Figure>], unit: Unit) -> Option<f64> {
    let goodness = |index: usize| {
        let figure = figures[index].filter(|figure| figure.quiet > 0)?;
        Some(if unit.is_rate() { figure.value } else { 1.0 / figure.value })
    };
    let others = (0..figures.len()).filter(|other| *other != index);
    let best = others.filter_map(goodness).reduce(f64::max)?;
    Some(goodness(index)? / best)
}

fn cells_of(index: usize, figures: &[Option<Figure>], unit: Unit) -> [String; 5] {
    let dash = || "-".to_owned();
    let Some(figure) = figures[index] else { return [const { String::new() }; 5] };
    [
        three_digits(figure.value),
        lead(index, figures, unit).map_or_else(dash, |lead| format!("{lead:.2}")),
        if figure.quiet == 0 { "!".to_owned() } else { figure.quiet.to_string() },
        format!("{:.0}", figure.spread * 100.0),
        figure.cpu_us.map_or_else(dash, three_digits),
    ]
}

/// A number with three digits and the suffix of its thousand.
fn three_digits(value: f64) -> String {
    let (mut value, mut suffixes) = (value, ["", "k", "M", "G", "T"].into_iter());
    let mut suffix = suffixes.next();
    while value >= 999.5 {
        let Some(next) = suffixes.next() else { break };
        (value, suffix) = (value / 1_000.0, Some(next));
    }
    let decimals = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}{}", suffix.unwrap_or_default())
}

/// Pads every column: the first to the left, the others to the right.
fn align(rows: &[Vec<String>]) -> Result<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                0 => write!(text, "{cell:width$}")?,
                _ => write!(text, "  {cell:>width$}")?,
            }
        }
        text.truncate(text.trim_end().len());
        writeln!(text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(engine: &str, round: u32, value: f64, unit: Unit) -> Record {
        Record {
            suite: "suite".to_owned(),
            workload: "work".to_owned(),
            engine: engine.to_owned(),
            threads: 1,
            round,
            value,
            unit,
            cpu_us: Some(value / 100.0),
            others: None,
        }
    }

    #[test]
    fn a_figure_is_the_median_and_its_spread() {
        let rounds = [300.0, 100.0, 200.0].map(|value| record("a", 1, value, Unit::Operations));
        let figure = Figure::of(&rounds.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(figure, Figure { value: 200.0, spread: 1.0, cpu_us: Some(2.0), quiet: 3 });
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(Figure::of(&[]), None);
    }

    #[test]
    fn rounds_beside_busy_programs_count_only_if_there_are_no_others() {
        let round = |value, others| {
            let record = record("a", 1, value, Unit::Operations);
            Record { others: Some(others), ..record }
        };
        let (quiet, busy, busier) = (round(1.0, 0.01), round(2.0, 0.4), round(4.0, 0.6));
        let figure = Figure::of(&[&busy, &quiet, &busier]).unwrap();
        assert_eq!((figure.value, figure.quiet), (1.0, 1));
        let figure = Figure::of(&[&busy, &busier]).unwrap();
        assert_eq!((figure.value, figure.quiet), (3.0, 0));
    }

    #[test]
    fn the_lead_is_over_the_best_of_the_others() {
        let figure = |value| Some(Figure { value, spread: 0.0, cpu_us: None, quiet: 1 });
        let figures = [figure(300.0), figure(200.0), None, figure(100.0)];
        assert_eq!(lead(0, &figures, Unit::Operations), Some(1.5));
        assert_eq!(lead(1, &figures, Unit::Operations), Some(200.0 / 300.0));
        assert_eq!(lead(2, &figures, Unit::Operations), None);
        assert_eq!(lead(3, &figures, Unit::Bytes), Some(2.0));
        assert_eq!(lead(0, &figures[..1], Unit::Bytes), None);
        let busy = figures[0].map(|figure| Figure { quiet: 0, ..figure });
        assert_eq!(lead(0, &[busy, figures[1]], Unit::Operations), None);
        assert_eq!(lead(1, &[busy, figures[1]], Unit::Operations), None);
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.1234, 9.996, 99.96, 999.6, 12_345.0, 1_409_999.0, 5e15].map(three_digits);
        assert_eq!(shown, ["0.12", "10.0", "100", "1.00k", "12.3k", "1.41M", "5000T"]);
    }

    #[test]
    fn the_table_has_a_row_per_workload_and_a_group_of_columns_per_engine() {
        let records = [
            record("a", 1, 3_000.0, Unit::Commits),
            record("b", 1, 1_500.0, Unit::Commits),
            record("a", 1, 4_000.0, Unit::Bytes),
        ];
        let expected = "\
workload  threads       unit      a     x  n  +-%   cpu      b     x  n  +-%   cpu
work            1  commits/s  3.00k  2.00  1    0  30.0  1.50k  0.50  1    0  15.0
work            1      bytes  4.00k     -  1    0  40.0
";
        assert_eq!(render(&records).unwrap(), expected);
    }
}
