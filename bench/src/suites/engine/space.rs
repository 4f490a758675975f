//! Removing entries, and what a database takes on the disk before and after it is compacted.

use super::{
    Round,
    tally::{Tally, expect},
};
use crate::{
    Result,
    engines::{Engine, Writer as _},
};
use std::path::Path;

/// Removes every second entry in one transaction.
pub(super) fn remove(round: &Round<'_>, engine: &impl Engine) -> Result<()> {
    let odd = || (0..round.items).skip(1).step_by(2);
    round.operations("remove", || {
        engine.write(|writer| odd().try_for_each(|index| writer.remove(&round.data.key(index))))?;
        Ok(round.items / 2)
    })?;
    expect(engine, &Tally::of((0..round.items).step_by(2)))
}

/// Measures the size, compacts the database, which closes it, and measures again.
pub(super) fn compact<E: Engine>(round: &Round<'_>, engine: E, folder: &Path) -> Result<()> {
    round.recorder.size("size_before", folder)?;
    let compacted = engine.compact(folder)?;
    round.recorder.size("size_after", &compacted)
}
