//! Turns what was measured into records, and writes each of them as soon as it is known.

use super::record::{Record, Unit};
use crate::{
    Result,
    measure::{Cost, Latencies, as_f64},
};
use std::{
    io::{self, Write as _},
    path::Path,
};

/// The parts of all operations whose time is recorded, with their names.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)];

/// How good answers are, and what they were asked for with.
#[cfg(feature = "vectors")]
#[derive(Clone, Debug)]
pub(crate) struct Quality {
    /// What part (0 to 1) of the best answers were found.
    pub(crate) recall: f64,
    /// What was set so that they were found.
    pub(crate) setting: String,
}

/// Writes the records of one engine in one round to the standard output: if the engine fails
/// later, what it did before is not lost.
#[derive(Debug)]
pub(crate) struct Recorder {
    suite: &'static str,
    engine: String,
    round: u32,
}

impl Recorder {
    /// For the records of one round.
    pub(super) fn new(suite: &'static str, engine: String, round: u32) -> Self {
        Self { suite, engine, round }
    }

    /// The engine's name.
    #[cfg(feature = "vectors")]
    pub(crate) fn engine(&self) -> &str {
        &self.engine
    }

    /// The round, from 1.
    #[cfg(feature = "vectors")]
    pub(crate) fn round(&self) -> u32 {
        self.round
    }

    /// Seed of this round's random choices, the same for every engine.
    pub(crate) fn seed(&self) -> u64 {
        u64::from(self.round)
    }

    /// Records the rate of some work, and what one operation costs.
    pub(crate) fn rate(
        &self,
        workload: &str,
        threads: usize,
        unit: Unit,
        cost: &Cost,
    ) -> Result<()> {
        let record = self.record(workload, threads, unit, cost.rate());
        write(&Record {
            cpu_us: Some(cost.cpu_us()),
            syncs: Some(cost.each(cost.syncs)),
            written: cost.written.map(|written| cost.each(written.passed)),
            dirtied: cost.written.map(|written| cost.each(written.dirtied)),
            others: cost.others,
            ..record
        })
    }

    /// Records how long operations took: within what time half of them were done, 99 %, 99.9 %,
    /// and all. `name` makes the workload's name from that of the quantile.
    pub(crate) fn latencies(
        &self,
        name: impl Fn(&str) -> String,
        threads: usize,
        cost: &Cost,
        latencies: &Latencies,
    ) -> Result<()> {
        QUANTILES.iter().try_for_each(|(quantile, part)| {
            let value = latencies.quantile_us(*part);
            let record = self.record(&name(quantile), threads, Unit::Microseconds, value);
            write(&Record { others: cost.others, ..record })
        })
    }

    /// Records the space that a folder or file takes on the disk.
    pub(crate) fn size(&self, workload: &str, path: &Path) -> Result<()> {
        self.bytes(workload, allocated(path)?)
    }

    /// Records a number of bytes.
    pub(crate) fn bytes(&self, workload: &str, bytes: u64) -> Result<()> {
        write(&self.record(workload, 1, Unit::Bytes, as_f64(bytes)))
    }

    /// Records a value and its unit, and what part of the processors others used meanwhile.
    pub(crate) fn value(
        &self,
        workload: &str,
        threads: usize,
        (unit, value): (Unit, f64),
        others: Option<f64>,
    ) -> Result<()> {
        write(&Record { others, ..self.record(workload, threads, unit, value) })
    }

    /// Records a value of approximate answers, and what an operation costs where that is known.
    #[cfg(feature = "vectors")]
    pub(crate) fn quality(
        &self,
        workload: &str,
        threads: usize,
        (unit, value): (Unit, f64),
        cost: Option<&Cost>,
        quality: Quality,
    ) -> Result<()> {
        write(&Record {
            cpu_us: cost.map(Cost::cpu_us),
            others: cost.and_then(|cost| cost.others),
            recall: Some(quality.recall),
            setting: Some(quality.setting),
            ..self.record(workload, threads, unit, value)
        })
    }

    /// Says beside the records why some of them are missing.
    pub(crate) fn skip(&self, workloads: &str, why: &str) -> Result<()> {
        let (engine, round) = (&self.engine, self.round);
        let mut error = io::stderr().lock();
        Ok(writeln!(error, "  {engine}, round {round}: no {workloads}: {why}")?)
    }

    fn record(&self, workload: &str, threads: usize, unit: Unit, value: f64) -> Record {
        let (suite, workload) = (self.suite.to_owned(), workload.to_owned());
        let (engine, round) = (self.engine.clone(), self.round);
        Record { suite, workload, engine, threads, round, value, unit, ..Record::default() }
    }
}

fn write(record: &Record) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{}", serde_json::to_string(record)?)?)
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
    fn the_size_of_a_folder_is_that_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let empty = allocated(folder.path()).unwrap();
        std::fs::write(folder.path().join("inner/file"), vec![1; 100_000]).unwrap();
        assert!(allocated(folder.path()).unwrap() >= empty + 100_000);
    }
}
