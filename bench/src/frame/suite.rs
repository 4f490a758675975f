//! What a suite is to the frame, and the arguments that all suites share.

use super::Recorder;
use crate::{Result, engines::Settings};
use clap::{Args, ValueEnum};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A set of workloads that every peer does alike.
pub(crate) trait Suite {
    /// Its name on the command line and in records.
    const NAME: &'static str;
    /// Whom it can measure, SOP included.
    type Peer: ValueEnum + PartialEq + Send + Sync + 'static;
    /// Which of them is SOP; it is always measured.
    const OURS: Self::Peer;

    /// The arguments that every suite has.
    fn common(&self) -> &Common<Self::Peer>;

    /// What it does, in one line above the table.
    fn about(&self) -> String;

    /// With what settings a peer runs.
    fn settings(peer: &Self::Peer) -> Settings;

    /// Measures one peer in one round, with an empty folder to work in.
    fn run(&self, peer: &Self::Peer, folder: &Path, recorder: &Recorder) -> Result<()>;
}

/// The arguments that every suite has.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common<P: ValueEnum + Send + Sync + 'static> {
    /// Whom to measure beside SOP [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) peers: Vec<P>,

    /// How often; the rounds of all peers take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// A file to add every value of every round to, one JSON object a line; the conditions go to a
    /// file beside it
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,

    /// A folder on the disk to measure [default: the system's folder for temporary files]
    #[arg(long, visible_alias = "dir")]
    pub(crate) folder: Option<PathBuf>,

    /// MiB that each engine may cache, beside what the system caches
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) cache_mib: u64,

    /// Measures one peer in this process, for the frame
    #[arg(long, hide = true, value_enum, requires = "round")]
    pub(crate) child: Option<P>,

    /// The round that a child is in
    #[arg(long, hide = true, requires = "child")]
    pub(crate) round: Option<u32>,
}

/// A duration on the command line: seconds, more than zero, at most an hour.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3_600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected seconds, more than 0 and at most 3600".to_owned()),
    }
}
