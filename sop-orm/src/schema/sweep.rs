//! Bringing all rows of a store to the present layout, beside other sessions.
//!
//! The rows are walked in a snapshot, which nobody notices; those that are of another layout are
//! then written anew in a transaction, some at a time, together with how far it came. A row that
//! somebody else writes meanwhile is of the present layout already, so what is behind the sweep
//! stays done. At its end the catalog forgets the layouts that no row has any more.

use std::ops::Bound;

use sop_core::{Snapshot, Transaction};

use super::catalog::{self, Sweep};
use crate::{db::registry::OpenStore, error::Result, layout};

/// Rows that are looked at in one step, and the bytes after which a step ends early.
const STEP_ROWS: u64 = 4_096;
const STEP_BYTES: usize = 1 << 20;

/// Rows that are written in one step at most: those are the ones that sessions may meet at.
const STEP_WRITES: usize = 512;

/// What one step has to do.
pub(crate) struct Step {
    keys: Vec<Vec<u8>>,
    /// How far the sweep has come after it, but for the rows that are written.
    after: Sweep,
    pub(crate) last: bool,
}

/// How far the sweep of a store has come.
pub(crate) fn position(snapshot: &Snapshot, store: &OpenStore) -> Result<Sweep> {
    Ok(catalog::read(snapshot.store(catalog::STORE)?, store)?.sweep.unwrap_or_default())
}

/// Looks for the next rows that are of another layout.
pub(crate) fn look(snapshot: &Snapshot, store: &OpenStore) -> Result<Step> {
    let mut step = Step { keys: Vec::new(), after: position(snapshot, store)?, last: true };
    let rows = snapshot.store_by_id(store.rows)?;
    let start = step.after.after.clone();
    let (mut seen, mut bytes) = (0, 0);
    for row in rows.range::<Vec<u8>>((Bound::Excluded(start), Bound::Unbounded))? {
        if seen == STEP_ROWS || bytes > STEP_BYTES || step.keys.len() == STEP_WRITES {
            step.last = false;
            break;
        }
        let (key, row) = row?;
        let layout = layout::layout_of(&row).map_err(|source| store.unreadable(source))?;
        if !store.layouts.is_settled(layout) {
            step.keys.push(key.clone());
        }
        (seen, bytes) = (seen + 1, bytes + key.len() + row.len());
        step.after.after = key;
    }
    step.after.done += seen;
    Ok(step)
}

/// Writes the rows of a step anew and notes how far the sweep came.
pub(crate) fn write(transaction: &Transaction, store: &OpenStore, step: &Step) -> Result<Sweep> {
    let rows = transaction.store_by_id(store.rows)?;
    let mut sweep = step.after.clone();
    for key in &step.keys {
        let Some(row) = rows.find(key)?.map(|row| row.to_vec()) else { continue };
        let record = store.read(key, &row)?;
        if let Some(row) = store.renewed(&row, record.as_ref())? {
            rows.upsert(key, row)?;
            sweep.upgraded += 1;
        }
    }
    let mut entry = catalog::read(*transaction.store(catalog::STORE)?, store)?;
    entry.sweep = (!step.last).then(|| sweep.clone());
    if step.last && !store.layouts.carry_any() {
        entry.layouts.retain(|layout| layout.number == store.layouts.current);
    }
    catalog::write(transaction, store, &entry)?;
    Ok(sweep)
}
