//! One measured value, and the line of JSON it travels and is kept as.

use crate::{
    Result,
    measure::{Cost, Latencies, as_f64},
};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
    path::Path,
};

/// One value of one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The suite.
    pub(crate) suite: String,
    /// What was measured.
    pub(crate) workload: String,
    /// The engine that did the work.
    pub(crate) engine: String,
    /// Threads that did it side by side.
    pub(crate) threads: usize,
    /// The round, from 1.
    pub(crate) round: u32,
    /// The value, in `unit`.
    pub(crate) value: f64,
    /// What the value counts.
    pub(crate) unit: Unit,
    /// Microseconds of processor time per operation, over all threads of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_us: Option<f64>,
    /// What part (0 to 1) of the machine's processors other programs used meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) others: Option<f64>,
}

/// The records of some lines of JSON.
pub(crate) fn parse(lines: &str) -> Result<Vec<Record>> {
    lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Entries read or written per second.
    #[serde(rename = "ops/s")]
    Operations,
    /// Transactions per second.
    #[serde(rename = "commits/s")]
    Commits,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
}

impl Unit {
    /// Whether more is better; otherwise less is.
    pub(crate) fn is_rate(self) -> bool {
        matches!(self, Self::Operations | Self::Commits)
    }

    /// Its name in tables and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operations => "ops/s",
            Self::Commits => "commits/s",
            Self::Microseconds => "us",
            Self::Bytes => "bytes",
        }
    }
}

/// Writes the records of one engine in one round to the standard output, each as soon as it is
/// known: if the engine fails later, what it did before is not lost.
#[derive(Debug)]
pub(crate) struct Recorder {
    suite: &'static str,
    engine: String,
    round: u32,
}

impl Recorder {
    /// For the records of one round.
    pub(crate) fn new(suite: &'static str, engine: String, round: u32) -> Self {
        Self { suite, engine, round }
    }

    /// Seed of this round's random choices, the same for every engine.
    pub(crate) fn seed(&self) -> u64 {
        u64::from(self.round)
    }

    /// Records the rate of some work.
    pub(crate) fn rate(
        &self,
        workload: &str,
        threads: usize,
        unit: Unit,
        cost: &Cost,
    ) -> Result<()> {
        let (cpu_us, others) = (Some(cost.cpu_us()), cost.others);
        let record = self.record(workload, threads, unit, cost.rate());
        self.write(&Record { cpu_us, others, ..record })
    }

    /// Records the rate of concurrent commits, and the median and 99th percentile of the time
    /// that each of them took.
    pub(crate) fn commits(
        &self,
        workload: &str,
        threads: usize,
        cost: &Cost,
        latencies: &Latencies,
    ) -> Result<()> {
        self.rate(workload, threads, Unit::Commits, cost)?;
        for (name, part) in [("p50", 0.50), ("p99", 0.99)] {
            let (workload, value) = (format!("{workload}_{name}"), latencies.quantile_us(part));
            let record = self.record(&workload, threads, Unit::Microseconds, value);
            self.write(&Record { others: cost.others, ..record })?;
        }
        Ok(())
    }

    /// Records the space that a folder or file takes on the disk.
    pub(crate) fn size(&self, workload: &str, path: &Path) -> Result<()> {
        let bytes = as_f64(allocated(path)?);
        self.write(&self.record(workload, 1, Unit::Bytes, bytes))
    }

    fn record(&self, workload: &str, threads: usize, unit: Unit, value: f64) -> Record {
        let (suite, workload) = (self.suite.to_owned(), workload.to_owned());
        let (engine, round) = (self.engine.clone(), self.round);
        Record { suite, workload, engine, threads, round, value, unit, cpu_us: None, others: None }
    }

    #[expect(clippy::unused_self, reason = "records are written by the recorder that made them")]
    fn write(&self, record: &Record) -> Result<()> {
        Ok(writeln!(io::stdout().lock(), "{}", serde_json::to_string(record)?)?)
    }
}

/// Bytes that are allocated for a file or a folder: a sparse file takes less than its length.
pub(crate) fn allocated(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    const BLOCK: u64 = 512;
    let metadata = path.symlink_metadata()?;
    let mut bytes = metadata.blocks() * BLOCK;
    if metadata.is_dir() {
        for entry in path.read_dir()? {
            bytes += allocated(&entry?.path())?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_line_of_json() {
        let recorder = Recorder::new("engine", "lmdb".to_owned(), 2);
        let record = recorder.record("bulk_load", 1, Unit::Operations, 397_000.0);
        let line = serde_json::to_string(&record).unwrap();
        let expected = r#"{"suite":"engine","workload":"bulk_load","engine":"lmdb","threads":1,"round":2,"value":397000.0,"unit":"ops/s"}"#;
        assert_eq!(line, expected);
        assert_eq!(parse(&format!("{line}\n")).unwrap(), [record]);
        assert!(parse("{}").is_err());
    }

    #[test]
    fn a_unit_has_one_name() {
        for unit in [Unit::Operations, Unit::Commits, Unit::Microseconds, Unit::Bytes] {
            assert_eq!(serde_json::to_string(&unit).unwrap(), format!("{:?}", unit.name()));
        }
    }

    #[test]
    fn the_size_of_a_folder_is_that_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let empty = allocated(folder.path()).unwrap();
        std::fs::write(folder.path().join("inner/file"), vec![1; 100_000]).unwrap();
        assert!(allocated(folder.path()).unwrap() >= empty + 100_000);
    }
}
