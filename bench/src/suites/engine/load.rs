//! Filling an empty table in one transaction, with sorted and with random keys.

use super::{
    Round,
    tally::{Tally, expect},
};
use crate::{Result, engines::Engine};
use std::fs;

/// Fills a table of its own with ascending keys, and throws it away; twice, and the second time
/// counts. The first one brings memory into the process and the system's cache, which takes longer
/// than the load itself where a virtual machine gets its memory only when it is touched.
pub(super) fn sorted<E: Engine>(round: &Round<'_>) -> Result<()> {
    load_sorted::<E>(round, "warm-up", |load| load().map(drop))?;
    load_sorted::<E>(round, "sorted", |load| round.operations("sorted_load", load))
}

fn load_sorted<E: Engine>(
    round: &Round<'_>,
    name: &str,
    run: impl FnOnce(&mut dyn FnMut() -> Result<u64>) -> Result<()>,
) -> Result<()> {
    let folder = round.scratch(name)?;
    let engine = E::open(&folder, &round.setup)?;
    run(&mut || {
        engine.load_sorted(round.data.sorted(round.items))?;
        Ok(round.items)
    })?;
    expect(&engine, &Tally::of(0..round.items))?;
    drop(engine);
    Ok(fs::remove_dir_all(folder)?)
}

/// Fills the table with random keys.
pub(super) fn bulk(round: &Round<'_>, engine: &impl Engine) -> Result<()> {
    round.operations("bulk_load", || {
        engine.load(round.data.entries(0..round.items))?;
        Ok(round.items)
    })?;
    expect(engine, &Tally::of(0..round.items))
}
