//! Plots of figures: bars where a workload was measured once, lines over the number of threads
//! where it was measured with several.
//!
//! Both are panels side by side. Values of different engines can be a thousandfold apart, so lines
//! are drawn on logarithmic scales; bars begin at zero, and a bar that is hard to see says its value.

use super::{
    distinct,
    figure::Row,
    svg::{Anchor, Drawing},
    three_digits,
};
use crate::{
    frame::{Record, Unit},
    measure::as_f64,
};

const COLUMNS: usize = 3;
const WIDTH: f64 = 320.0;
const LINE: f64 = 16.0;
const COLOURS: [&str; 8] =
    ["#c0392b", "#2471a3", "#7d8c93", "#229954", "#af7ac5", "#d68910", "#45b39d", "#5d4037"];

/// The plots of the records of one suite, with the names of their files.
pub(super) fn all(suite: &str, records: &[Record]) -> Vec<(String, Drawing)> {
    let engines = distinct(records.iter().map(|record| record.engine.as_str()));
    let rows = distinct(records.iter().map(Row::holding));
    let threads = |row: &Row<'_>| {
        rows.iter().filter(|other| Row { threads: row.threads, ..**other } == *row).count()
    };
    let (single, several): (Vec<Row<'_>>, Vec<Row<'_>>) =
        rows.iter().partition(|row| threads(row) == 1);
    let subjects = distinct(several.iter().map(|row| (row.workload, row.unit)));
    let mut plots = Vec::new();
    if !single.is_empty() {
        plots.push((format!("{suite}.svg"), bars(&engines, &single, records)));
    }
    if !subjects.is_empty() {
        plots.push((format!("{suite}-threads.svg"), lines(&engines, &subjects, records)));
    }
    plots
}

/// A sheet with so many panels of some height, and where each begins.
fn sheet(panels: usize, height: f64) -> (Drawing, impl Fn(usize) -> (f64, f64)) {
    let rows = panels.div_ceil(COLUMNS);
    let columns = panels.min(COLUMNS);
    let drawing = Drawing::new(count(columns) * WIDTH, count(rows) * height);
    (drawing, move |panel| (count(panel % COLUMNS) * WIDTH, count(panel / COLUMNS) * height))
}

fn bars(engines: &[&str], rows: &[Row<'_>], records: &[Record]) -> Drawing {
    let (left, right) = (70.0, 60.0);
    let (mut drawing, origin) = sheet(rows.len(), (count(engines.len()) + 3.0) * LINE);
    for (panel, row) in rows.iter().enumerate() {
        let (x, y) = origin(panel);
        let better = if row.unit.more_is_better() { "more" } else { "less" };
        let title = format!("{}, {} ({better} is better)", row.workload, row.unit.name());
        drawing.text((x + 8.0, y + LINE), Anchor::Start, &title);
        let values: Vec<Option<f64>> = engines
            .iter()
            .map(|engine| row.figure(engine, records).map(|figure| figure.value))
            .collect();
        let greatest = values.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (index, (engine, value)) in engines.iter().zip(&values).enumerate() {
            let base = y + (count(index) + 2.0) * LINE;
            drawing.text((x + left - 6.0, base + 11.0), Anchor::End, engine);
            let Some(value) = value else { continue };
            let width = (WIDTH - left - right) * value / greatest;
            drawing.bar((x + left, base + 2.0), (width, LINE - 4.0), colour(index));
            let end = (x + left + width + 4.0, base + 11.0);
            drawing.text(end, Anchor::Start, &three_digits(*value));
        }
    }
    drawing
}

fn lines(engines: &[&str], subjects: &[(&str, Unit)], records: &[Record]) -> Drawing {
    let height = 260.0;
    let (mut drawing, origin) = sheet(subjects.len(), height);
    for (panel, (workload, unit)) in subjects.iter().enumerate() {
        let (x, y) = origin(panel);
        drawing.text((x + 8.0, y + LINE), Anchor::Start, &format!("{workload}, {}", unit.name()));
        let curves: Vec<Vec<(f64, f64)>> =
            engines.iter().map(|engine| curve(engine, workload, *unit, records)).collect();
        let frame = Frame::around(&curves, (x + 50.0, y + 28.0), (WIDTH - 130.0, height - 60.0));
        frame.axes(&mut drawing);
        for (index, (engine, curve)) in engines.iter().zip(&curves).enumerate() {
            let points: Vec<(f64, f64)> = curve.iter().map(|point| frame.place(*point)).collect();
            drawing.line(&points, colour(index));
            let key = (x + WIDTH - 72.0, y + 36.0 + count(index) * LINE);
            drawing.bar(key, (8.0, 8.0), colour(index));
            drawing.text((key.0 + 12.0, key.1 + 8.0), Anchor::Start, engine);
        }
    }
    drawing
}

/// The values of an engine in a workload over the number of threads.
fn curve(engine: &str, workload: &str, unit: Unit, records: &[Record]) -> Vec<(f64, f64)> {
    let rows = distinct(records.iter().map(Row::holding));
    let ours = rows.iter().filter(|row| row.workload == workload && row.unit == unit);
    ours.filter_map(|row| Some((count(row.threads), row.figure(engine, records)?.value))).collect()
}

/// A rectangle of a drawing with logarithmic scales.
struct Frame {
    from: (f64, f64),
    size: (f64, f64),
    /// Least and greatest of what is shown.
    x: (f64, f64),
    y: (f64, f64),
    ticks: Vec<f64>,
}

impl Frame {
    fn around(curves: &[Vec<(f64, f64)>], from: (f64, f64), size: (f64, f64)) -> Self {
        let points = || curves.iter().flatten().copied();
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| {
                (least.min(value), most.max(value))
            })
        };
        let mut ticks: Vec<f64> = distinct(points().map(|point| point.0));
        ticks.sort_by(f64::total_cmp);
        // A little room above and below.
        let (least, most) = span(&mut points().map(|point| point.1));
        let y = (least.max(f64::MIN_POSITIVE) / 1.2, most * 1.2);
        Self { from, size, x: span(&mut points().map(|point| point.0)), y, ticks }
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let part = |value: f64, (least, most): (f64, f64)| {
            let whole = (most / least).ln();
            if whole > 0.0 { (value.max(least) / least).ln() / whole } else { 0.5 }
        };
        let (across, up) = (part(x, self.x), part(y, self.y));
        (self.from.0 + across * self.size.0, self.from.1 + (1.0 - up) * self.size.1)
    }

    fn axes(&self, drawing: &mut Drawing) {
        let bottom = self.from.1 + self.size.1;
        for tick in &self.ticks {
            let (x, _) = self.place((*tick, self.y.0));
            drawing.text((x, bottom + 14.0), Anchor::Middle, &format!("{tick}"));
        }
        let mut tick = 10_f64.powf(self.y.0.log10().floor());
        while tick <= self.y.1 {
            for step in [1.0, 2.0, 5.0].map(|step| step * tick) {
                if (self.y.0..=self.y.1).contains(&step) {
                    let (_, y) = self.place((self.x.0, step));
                    drawing.rule((self.from.0, y), (self.from.0 + self.size.0, y));
                    let label = (self.from.0 - 6.0, y + 4.0);
                    drawing.text(label, Anchor::End, &three_digits(step));
                }
            }
            tick *= 10.0;
        }
    }
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

fn count(number: usize) -> f64 {
    as_f64(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(workload: &str, threads: usize, value: f64) -> Record {
        let (engine, workload) = ("sop".to_owned(), workload.to_owned());
        Record { workload, engine, threads, value, ..Record::default() }
    }

    #[test]
    fn a_workload_with_several_numbers_of_threads_becomes_lines_and_others_bars() {
        let records = [record("scan", 1, 9.0), record("read", 1, 10.0), record("read", 4, 30.0)];
        let plots = all("engine", &records);
        let names: Vec<&str> = plots.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["engine.svg", "engine-threads.svg"]);
        let svg: Vec<String> = plots.iter().map(|(_, plot)| plot.to_string()).collect();
        assert!(svg[0].contains("scan") && !svg[0].contains("read"));
        assert_eq!(svg[1].matches("<circle").count(), 2);
        assert!(all("engine", &[]).is_empty());
    }

    #[test]
    fn equal_ratios_have_equal_distances() {
        let curve = vec![(1.0, 10.0), (2.0, 100.0), (4.0, 1_000.0)];
        let frame = Frame::around(std::slice::from_ref(&curve), (0.0, 0.0), (100.0, 100.0));
        let [a, b, c] = [0, 1, 2].map(|index| frame.place(curve[index]));
        assert!((b.0 - a.0 - (c.0 - b.0)).abs() < 1e-9);
        assert!((b.1 - a.1 - (c.1 - b.1)).abs() < 1e-9);
        assert!(a.1 > b.1, "more is higher");
    }
}
