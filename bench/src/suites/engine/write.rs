//! Replacing values: one or a thousand in a transaction, durably or not.

use super::Round;
use crate::{
    Result,
    engines::{Engine, Writer as _},
    frame::Unit,
    measure::{repeat, timed},
};

/// Entries of one transaction of the workload `batch_1000`.
const BATCH: u64 = 1_000;

/// The commits of one session.
pub(super) fn commits(round: &Round<'_>, engine: &mut impl Engine) -> Result<()> {
    let mut random = round.random();
    let cost = timed(|| repeat(round.time, 1, || replace(round, engine, &mut random, 1)))?;
    round.recorder.rate("commit_1", 1, Unit::Commits, &cost)?;
    round.operations("batch_1000", || {
        Ok(repeat(round.time, 1, || replace(round, engine, &mut random, BATCH))? * BATCH)
    })?;
    engine.set_durable(false)?;
    let cost = timed(|| {
        let commits = repeat(round.time, 1, || replace(round, engine, &mut random, 1))?;
        engine.sync()?;
        Ok(commits)
    })?;
    round.recorder.rate("commit_1_nosync", 1, Unit::Commits, &cost)?;
    engine.set_durable(true)
}

/// Replaces the values of random entries in one transaction.
pub(super) fn replace(
    round: &Round<'_>,
    engine: &impl Engine,
    random: &mut fastrand::Rng,
    count: u64,
) -> Result<()> {
    engine.write(|writer| {
        (0..count).try_for_each(|_| {
            let index = random.u64(..round.items);
            writer.put(&round.data.key(index), &round.data.value(index, random.u64(1..)))
        })
    })
}
