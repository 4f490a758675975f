//! Reads of data that is not in memory.
//!
//! Always: of a database that was opened anew after its files had been dropped from the system's
//! cache. With a control group: of twice as much data as the group may have in memory. The engine's
//! own cache is then an eighth of the data, what is left is for the system's.

use super::{Round, read};
use crate::{
    Result,
    data::{Data, KEY_LEN, VALUE_LEN},
    engines::{Engine, Setup},
    probe::cold::{MemoryGroup, evict},
};
use std::fs;

const ENTRY: u64 = (KEY_LEN + VALUE_LEN) as u64;

/// Both kinds of reads, as far as the machine lets us.
pub(super) fn reads<E: Engine>(round: &Round<'_>) -> Result<()> {
    on_items::<E>(round, "_cold", round.items, None)?;
    match &round.group {
        Some(group) => on_items::<E>(round, "_limited", 2 * group.limit / ENTRY, Some(group)),
        None => round.recorder.skip("reads in limited memory", "--memory-group is not given"),
    }
}

fn on_items<E: Engine>(
    round: &Round<'_>,
    suffix: &str,
    items: u64,
    group: Option<&MemoryGroup>,
) -> Result<()> {
    let folder = round.scratch(suffix)?;
    let engine = E::open(&folder, &round.setup)?;
    engine.load(round.data.entries(0..items))?;
    // Closes it, with everything where it stays.
    engine.compact(&folder)?;
    evict(&folder)?;
    group.map_or(Ok(()), MemoryGroup::join)?;
    let cache = (items * ENTRY / 8).max(1 << 20);
    let setup = Setup { cache, scarce_memory: group.is_some(), ..round.setup };
    let engine = E::open(&folder, &setup)?;
    let data = Data::new(round.recorder.seed());
    read::random(&Round { data, items, group: None, ..*round }, &engine, suffix)?;
    drop(engine);
    Ok(fs::remove_dir_all(folder)?)
}
