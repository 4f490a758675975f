//! Tables of figures: a row for each workload, a column for each engine.

use super::{
    OURS, distinct,
    figure::{Figure, Row, lead},
    three_digits,
};
use crate::{Result, frame::Record};
use std::fmt::Write as _;

/// How to read the tables.
pub(super) const LEGEND: &str = "\
Median of the quiet rounds, those in which other programs used at most 5 % of the processors;
+-: (greatest - smallest) / median. 2/3: two of three rounds were quiet; !: none was, so the median
is that of all rounds and is not compared. -: not measured. Last column: how many times better SOP is
than the best of the others, which is named; above 1 it is ahead.";

/// Cells in rows, the first of which is the head.
#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub(super) title: &'static str,
    rows: Vec<Vec<String>>,
}

/// One way to show a figure in a table of its own; nothing if the figure lacks it.
type Cell = fn(&Figure) -> Option<String>;

const DETAILS: [(&str, Cell); 5] = [
    ("Processor time of one operation, us", |figure| figure.cpu_us.map(three_digits)),
    ("Syncs of one operation", |figure| {
        figure.syncs.filter(|syncs| *syncs > 0.0).map(three_digits)
    }),
    ("Bytes that one operation handed to calls that write", |figure| some_bytes(figure.written)),
    ("Bytes that one operation made dirty, in units of the system's cache", |figure| {
        some_bytes(figure.dirtied)
    }),
    ("Recall", |figure| figure.recall.map(|recall| format!("{recall:.3}"))),
];

/// All tables of the records of one suite: the figures, and then what they cost.
pub(super) fn all(records: &[Record]) -> Vec<Table> {
    let engines = distinct(records.iter().map(|record| record.engine.as_str()));
    let rows = distinct(records.iter().map(Row::holding));
    let figures: Vec<(Row<'_>, Vec<Option<Figure>>)> = rows
        .into_iter()
        .map(|row| (row, engines.iter().map(|engine| row.figure(engine, records)).collect()))
        .collect();
    let details = DETAILS.iter().map(|(title, cell)| detail(title, *cell, &engines, &figures));
    let main = main(&engines, &figures);
    [main].into_iter().chain(details.filter(|table| table.rows.len() > 1)).collect()
}

fn main(engines: &[&str], figures: &[(Row<'_>, Vec<Option<Figure>>)]) -> Table {
    let ours = engines.iter().position(|engine| *engine == OURS);
    let mut rows = vec![head(&["workload", "threads", "unit"], engines)];
    rows[0].push(format!("{OURS} : best peer"));
    for (row, figures) in figures {
        let mut cells = vec![row.workload.to_owned(), row.threads.to_string()];
        cells.push(row.unit.name().to_owned());
        cells.extend(figures.iter().map(|figure| figure.as_ref().map_or_else(dash, show)));
        let compared: Vec<Option<Figure>> = engines
            .iter()
            .zip(figures)
            .map(|(engine, figure)| figure.filter(|_| !is_variant(engine)))
            .collect();
        let lead = ours.and_then(|ours| lead(ours, &compared, row.unit));
        cells.push(lead.map_or_else(dash, |(lead, peer)| format!("{lead:.2} {}", engines[peer])));
        rows.push(cells);
    }
    Table { title: "Figures", rows }
}

/// Whether it is SOP with other options, which is no peer.
fn is_variant(engine: &str) -> bool {
    engine.strip_prefix(OURS).is_some_and(|rest| rest.starts_with('-'))
}

fn detail(
    title: &'static str,
    cell: Cell,
    engines: &[&str],
    figures: &[(Row<'_>, Vec<Option<Figure>>)],
) -> Table {
    let mut rows = vec![head(&["workload", "threads"], engines)];
    for (row, figures) in figures {
        let cells: Vec<Option<String>> =
            figures.iter().map(|figure| figure.as_ref().and_then(cell)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(dash));
            let title = [row.workload.to_owned(), row.threads.to_string()];
            rows.push(title.into_iter().chain(cells).collect());
        }
    }
    Table { title, rows }
}

fn head(columns: &[&str], engines: &[&str]) -> Vec<String> {
    columns.iter().chain(engines).map(|&title| title.to_owned()).collect()
}

fn show(figure: &Figure) -> String {
    let quiet = match figure.quiet {
        0 => " !".to_owned(),
        quiet if quiet == figure.rounds => String::new(),
        quiet => format!(" {quiet}/{}", figure.rounds),
    };
    format!("{} +-{:.0}%{quiet}", three_digits(figure.value), figure.spread * 100.0)
}

/// Less than a byte is what happens beside: the harness's own records, or a background thread.
fn some_bytes(bytes: Option<f64>) -> Option<String> {
    bytes.filter(|bytes| *bytes >= 1.0).map(three_digits)
}

fn dash() -> String {
    "-".to_owned()
}

impl Table {
    /// As text: the first column to the left, the others to the right.
    pub(super) fn text(&self) -> Result<String> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().map(|row| row[column].len()).max();
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
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

    /// As Markdown.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut rows = self.rows.iter();
        let mut text = rows.next().map_or_else(String::new, |head| {
            format!("{}|---|{}\n", line(head), "---:|".repeat(head.len() - 1))
        });
        text.extend(rows.map(|row| line(row)));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Unit;

    fn record(engine: &str, value: f64, unit: Unit, syncs: Option<f64>) -> Record {
        let (engine, workload) = (engine.to_owned(), "work".to_owned());
        Record { engine, workload, threads: 1, round: 1, value, unit, syncs, ..Record::default() }
    }

    fn records() -> [Record; 3] {
        [
            record("sop", 3_000.0, Unit::Commits, Some(0.5)),
            record("b", 1_500.0, Unit::Commits, None),
            record("sop", 4_000.0, Unit::Bytes, None),
        ]
    }

    #[test]
    fn figures_have_a_row_per_workload_and_a_column_per_engine() {
        let expected = "\
workload  threads       unit        sop          b  sop : best peer
work            1  commits/s  3.00k +-0%  1.50k +-0%           2.00 b
work            1      bytes  4.00k +-0%           -                -
";
        let text = all(&records())[0].text().unwrap();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text), words(expected));
        let ends: Vec<usize> = text.lines().map(str::len).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "columns are aligned:\n{text}");
    }

    #[test]
    fn a_variant_of_ours_is_not_one_of_the_others() {
        let variant = record("sop-cells", 9_000.0, Unit::Commits, None);
        let records = [records().to_vec(), vec![variant]].concat();
        let text = all(&records)[0].text().unwrap();
        assert!(text.contains("9.00k +-0%") && text.contains("2.00 b"), "{text}");
    }

    #[test]
    fn costs_have_tables_of_their_own_if_there_are_any() {
        let tables = all(&records());
        let titles: Vec<&str> = tables.iter().map(|table| table.title).collect();
        assert_eq!(titles, ["Figures", "Syncs of one operation"]);
        let expected = "\
| workload | threads | sop | b |
|---|---:|---:|---:|
| work | 1 | 0.50 | - |
";
        assert_eq!(tables[1].markdown(), expected);
    }

    #[test]
    fn a_figure_says_how_many_of_its_rounds_were_quiet() {
        let figure = |quiet| Figure { value: 1.0, quiet, rounds: 3, ..Figure::default() };
        assert_eq!(show(&figure(3)), "1.00 +-0%");
        assert_eq!(show(&figure(2)), "1.00 +-0% 2/3");
        assert_eq!(show(&figure(0)), "1.00 +-0% !");
    }
}
