//! One measured value, and the line of JSON it travels and is kept as.

use crate::Result;
use serde::{Deserialize, Serialize};

/// One value of one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Syncs per operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) syncs: Option<f64>,
    /// Bytes handed to calls that write per operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) written: Option<f64>,
    /// Bytes made dirty in the system's cache per operation, in its units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dirtied: Option<f64>,
    /// What part (0 to 1) of the best answers were found, where answers may be approximate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recall: Option<f64>,
    /// What was set so that they were found, as users write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) setting: Option<String>,
    /// What part (0 to 1) of the machine's processors other programs used meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) others: Option<f64>,
}

/// The records of some lines of JSON.
pub(crate) fn parse(lines: &str) -> Result<Vec<Record>> {
    lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// What a value counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Entries read or written, or questions answered, per second.
    #[default]
    #[serde(rename = "ops/s")]
    Operations,
    /// Transactions per second.
    #[serde(rename = "commits/s")]
    Commits,
    /// MiB that were moved, per second.
    #[serde(rename = "MiB/s")]
    Mebibytes,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Bytes.
    #[serde(rename = "bytes")]
    Bytes,
    /// Files that were put under names which had to be free, per second.
    #[serde(rename = "slots/s")]
    Slots,
    /// Transactions that one such file carried.
    #[serde(rename = "commits/slot")]
    PerSlot,
    /// A part of what could be had, of which more is better.
    #[serde(rename = "share")]
    Share,
    /// How often something happened that is better avoided, for each time that it did not.
    #[serde(rename = "times")]
    Times,
    /// What something has gained, or lost if less than zero. Two of them have no ratio.
    #[serde(rename = "change")]
    Change,
}

impl Unit {
    /// Whether more is better; otherwise less is.
    pub(crate) fn more_is_better(self) -> bool {
        !matches!(self, Self::Microseconds | Self::Bytes | Self::Times)
    }

    /// Its name in tables and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operations => "ops/s",
            Self::Commits => "commits/s",
            Self::Mebibytes => "MiB/s",
            Self::Microseconds => "us",
            Self::Bytes => "bytes",
            Self::Slots => "slots/s",
            Self::PerSlot => "commits/slot",
            Self::Share => "share",
            Self::Times => "times",
            Self::Change => "change",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_line_of_json() {
        let record = Record {
            suite: "engine".to_owned(),
            workload: "bulk_load".to_owned(),
            engine: "lmdb".to_owned(),
            threads: 1,
            round: 2,
            value: 397_000.0,
            ..Record::default()
        };
        let line = serde_json::to_string(&record).unwrap();
        let expected = r#"{"suite":"engine","workload":"bulk_load","engine":"lmdb","threads":1,"round":2,"value":397000.0,"unit":"ops/s"}"#;
        assert_eq!(line, expected);
        assert_eq!(parse(&format!("{line}\n")).unwrap(), [record]);
        assert!(parse("{}").is_err());
    }

    #[test]
    fn a_unit_has_one_name() {
        use Unit::{
            Bytes, Change, Commits, Mebibytes, Microseconds, Operations, PerSlot, Share, Slots,
            Times,
        };
        for unit in [
            Operations,
            Commits,
            Mebibytes,
            Microseconds,
            Bytes,
            Slots,
            PerSlot,
            Share,
            Times,
            Change,
        ] {
            assert_eq!(serde_json::to_string(&unit).unwrap(), format!("{:?}", unit.name()));
        }
    }
}
