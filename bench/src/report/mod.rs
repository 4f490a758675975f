//! What a person gets to see of the figures: figures from records, tables and plots from figures.
//!
//! All printing is done here.

mod chart;
mod document;
mod figure;
mod svg;
mod table;

pub(crate) use document::write as document;

use crate::{Result, frame, frame::Record};
use std::{
    error::Error,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// How SOP is called in records.
const OURS: &str = "sop";

/// Says something to who started the program.
pub(crate) fn say(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Says what is going on, beside the output.
pub(crate) fn progress(step: &str) -> Result<()> {
    Ok(writeln!(io::stderr().lock(), "{step} (load {})", frame::load())?)
}

/// Says what went wrong, beside the output, and with what code to end.
pub(crate) fn failure(error: &dyn Error) -> ExitCode {
    match writeln!(io::stderr().lock(), "error: {error}") {
        Ok(()) => ExitCode::FAILURE,
        // Nobody reads the standard error; another code is all that is left to say so.
        Err(_) => ExitCode::from(2),
    }
}

/// Prints the tables of all records of one suite, the engines in the order in which they were
/// first measured.
pub(crate) fn table(records: &[Record]) -> Result<()> {
    let mut text = format!("{}\n\n", table::LEGEND);
    for table in table::all(records) {
        writeln!(text, "{}\n\n{}", table.title, table.text()?)?;
    }
    say(&text)
}

/// Where the conditions of the records in a file are kept.
pub(crate) fn conditions_of(records: &Path) -> PathBuf {
    let mut path = records.as_os_str().to_owned();
    path.push(".conditions.md");
    path.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.1234, 9.996, 99.96, 999.6, 12_345.0, 1_409_999.0, 5e15].map(three_digits);
        assert_eq!(shown, ["0.12", "10.0", "100", "1.00k", "12.3k", "1.41M", "5000T"]);
    }

    #[test]
    fn conditions_lie_beside_their_records() {
        assert_eq!(conditions_of(Path::new("a/run.json")), Path::new("a/run.json.conditions.md"));
    }
}
