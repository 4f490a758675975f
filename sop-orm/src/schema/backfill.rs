//! Filling new indexes from the records that exist already.
//!
//! Records are taken in the order of their keys, some thousand in each transaction, which also
//! notes in the catalog how far it came. What is interrupted goes on from there at the next
//! opening. An index answers only when it is complete.

use std::ops::Bound;

use sop_core::{Database, Transaction};

use super::catalog;
use crate::{
    db::registry::OpenStore,
    entity::Record,
    error::{Duplicate, Error, Result},
};

/// Records handled in one transaction.
const BATCH_LEN: usize = 2_048;

/// Fills all indexes of the store that are not complete.
pub(crate) async fn complete(engine: &Database, store: &mut OpenStore) -> Result<()> {
    for index in 0..store.indexes.len() {
        while !store.indexes.get(index).is_none_or(|index| index.complete) {
            let transaction = engine.begin()?;
            let complete = fill_some(&transaction, store, index)?;
            transaction.commit_async().await?;
            if let Some(index) = store.indexes.get_mut(index) {
                tracing::debug!(index = index.spec.name, complete, "filled a part of a new index");
                index.complete = complete;
            }
        }
    }
    Ok(())
}

/// Writes the entries of the next batch of records. Returns whether these were the last ones.
fn fill_some(transaction: &Transaction, store: &OpenStore, index: usize) -> Result<bool> {
    let mut entry = catalog::read(transaction, store)?;
    let Some(record) = entry.indexes.get_mut(index) else { return Ok(true) };
    let start = record.filled_to.take().unwrap_or_default();
    let rows = transaction.store_by_id(store.rows)?;
    let (mut last, mut renewed) = (None, Vec::new());
    for row in rows.range::<Vec<u8>>((Bound::Excluded(start), Bound::Unbounded))?.take(BATCH_LEN) {
        let (key, row) = row?;
        let record = store.read(&key, &row)?;
        write_entries(transaction, store, index, &key, record.as_ref())?;
        if let Some(row) = store.renewed(&row, record.as_ref())? {
            renewed.push((key.clone(), row));
        }
        last = Some(key);
    }
    // The row says from now on what its entries were made of.
    for (key, row) in renewed {
        rows.upsert(key, row)?;
    }
    record.filled_to = last;
    let complete = record.filled_to.is_none();
    catalog::write(transaction, store, &entry)?;
    Ok(complete)
}

fn write_entries(
    transaction: &Transaction,
    store: &OpenStore,
    position: usize,
    key: &[u8],
    record: &dyn Record,
) -> Result<()> {
    let Some(index) = store.indexes.get(position) else { return Ok(()) };
    let entries = record.index_entries(position).map_err(|source| store.unreadable(source))?;
    let target = transaction.store_by_id(index.entries)?;
    for entry in entries.into_sorted() {
        let (key, value) = index.encode(entry, key);
        if !target.add_if_absent(key, value)? {
            return Err(Error::Duplicate(Duplicate::new(store.schema, Some(index.spec))));
        }
    }
    Ok(())
}
