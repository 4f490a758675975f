//! Filling an empty table in one transaction, with sorted and with random keys.

use super::{
    Round,
    tally::{Tally, expect},
};
use crate::{Result, engines::Engine};
use std::fs;

/// Fills a table of its own with ascending keys, and throws it away.
pub(super) fn sorted<E: Engine>(round: &Round<'_>) -> Result<()> {
    let folder = round.scratch("sorted")?;
    let engine = E::open(&folder, &round.setup)?;
    round.operations("sorted_load", || {
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
