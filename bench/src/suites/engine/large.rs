//! Values of a mebibyte.

use super::Round;
use crate::{
    Result,
    data::{self, LARGE_LEN},
    engines::{Engine, Reader as _, Setup, Writer as _},
    frame::Unit,
    measure::{repeat, timed},
    probe::sync,
};
use std::fs;

/// Entries in the table.
const ITEMS: u64 = 64;

/// Replaces large values in durable transactions of one each, and reads them.
pub(super) fn values<E: Engine>(round: &Round<'_>) -> Result<()> {
    let folder = round.scratch("large")?;
    let engine = E::open(&folder, &Setup { large_values: true, ..round.setup })?;
    sync::watch()?;
    let mut value = vec![0; LARGE_LEN];
    let mut put = |index: u64, version: u64| {
        round.data.fill(&mut value, index, version);
        engine.write(|writer| writer.put(&round.data.key(index), &value))
    };
    (0..ITEMS).try_for_each(|index| put(index, 0))?;
    let mut random = round.random();
    let cost = timed(|| repeat(round.time, 1, || put(random.u64(..ITEMS), random.u64(1..))))?;
    round.recorder.rate("large_write", 1, Unit::Commits, &cost)?;
    round.operations("large_read", || {
        repeat(round.time, 1, || {
            engine.read(|reader| {
                let (index, mut tag) = (random.u64(..ITEMS), None);
                let key = round.data.key(index);
                reader.get(&key, |value| tag = data::read_of(value, LARGE_LEN))?;
                if tag == Some(index) { Ok(()) } else { Err(format!("read {tag:?}").into()) }
            })
        })
    })?;
    drop(engine);
    Ok(fs::remove_dir_all(folder)?)
}
