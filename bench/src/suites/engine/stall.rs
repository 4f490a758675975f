//! How long commits take at worst while the engine writes checkpoints, compacts, or cleans up.

use super::{Round, write::replace};
use crate::{
    Result,
    engines::Engine,
    frame::Unit,
    measure::{Stopwatch, repeat_each},
    probe::sync,
};
use std::fs;

/// Entries of one transaction: enough to make work for the background soon.
const BATCH: u64 = 100;
const WORKLOAD: &str = "sustained_write";

/// Replaces values in durable transactions, one after the other.
pub(super) fn sustained<E: Engine>(round: &Round<'_>) -> Result<()> {
    let folder = round.scratch("stall")?;
    let engine = E::open(&folder, &round.setup)?;
    sync::watch()?;
    engine.load(round.data.entries(0..round.items))?;
    let mut random = round.random();
    let stopwatch = Stopwatch::start();
    let latencies = repeat_each(round.stall, || replace(round, &engine, &mut random, BATCH))?;
    let cost = stopwatch.stop(latencies.count());
    round.recorder.rate(WORKLOAD, 1, Unit::Commits, &cost)?;
    let name = |quantile: &str| format!("{WORKLOAD}_{quantile}");
    round.recorder.latencies(name, 1, &cost, &latencies)?;
    drop(engine);
    Ok(fs::remove_dir_all(folder)?)
}
