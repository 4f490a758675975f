//! Filling new indexes from the records that exist already: one batch, in one transaction.
//!
//! From the moment that an index is in the catalog all sessions maintain it, so only records that
//! were there before need the help of a backfill. It takes them in the order of their keys, and
//! notes how far it came in the transaction that writes the entries: what is interrupted goes on
//! from there. The batch reads serializably, so a session that changes a record of the batch
//! meanwhile makes it lose, and it is done again.

use std::{
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
};

use sop_core::Transaction;

use super::catalog::{self, Filling};
use crate::{
    db::{readiness::IndexFault, registry::OpenStore},
    entity::Record,
    error::{Error, Result},
};

/// Why a batch was not written.
pub(crate) enum Refused {
    /// One of the indexes, by position, cannot take the records as they are.
    Fault(usize, IndexFault),
    /// The engine or the catalog failed.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes the entries of the next `len` records in some indexes, which are filled equally far.
/// Records above `until` were written by sessions that know the indexes. Returns how far they are
/// once this is committed; `None` if they are complete.
pub(crate) fn fill(
    transaction: &Transaction,
    store: &OpenStore,
    indexes: &[usize],
    until: &[u8],
    len: usize,
) -> Result<Option<Filling>, Refused> {
    let mut entry = catalog::read(*transaction.store(catalog::STORE)?, store)?;
    let mut records = entry.indexes.iter().zip(0..).filter(|(_, at)| indexes.contains(at));
    let filling = records.next().and_then(|(record, _)| record.filling.clone());
    let Some(mut filling) = filling else { return Ok(None) };
    let rows = transaction.store_by_id(store.rows)?;
    // If none is left, the bounds must still not be the wrong way round.
    let until = until.max(&filling.to).to_vec();
    let bounds = (Bound::Excluded(filling.to.clone()), Bound::Included(until.clone()));
    let (mut passed, mut renewed) = (0, Vec::new());
    for row in rows.range::<Vec<u8>>(bounds)?.take(len) {
        let (key, row) = row?;
        let record = store.read(&key, &row);
        for &index in indexes {
            let record = record.as_ref().map_err(|error| unreadable(index, store, &key, error))?;
            write_entries(transaction, store, index, &key, &**record)?;
        }
        if let Ok(record) = &record
            && let Some(row) = store.renewed(&row, &**record)?
        {
            renewed.push((key.clone(), row));
        }
        filling.to = key;
        passed += 1;
    }
    // The row says from now on what its entries were made of.
    for (key, row) in renewed {
        rows.upsert(key, row)?;
    }
    filling.records += passed as u64;
    let filling = (passed == len && filling.to < until).then_some(filling);
    for (record, at) in entry.indexes.iter_mut().zip(0..) {
        if indexes.contains(&at) {
            record.filling.clone_from(&filling);
        }
    }
    catalog::write(transaction, store, &entry)?;
    Ok(filling)
}

fn unreadable(index: usize, store: &OpenStore, key: &[u8], error: &impl ToString) -> Refused {
    let (key, reason) = (store.schema.show_key(key), error.to_string());
    Refused::Fault(index, IndexFault::Record { key, reason })
}

fn write_entries(
    transaction: &Transaction,
    store: &OpenStore,
    position: usize,
    key: &[u8],
    record: &dyn Record,
) -> Result<(), Refused> {
    let Some(index) = store.indexes.get(position) else { return Ok(()) };
    // A panic in a function of the program leaves nothing behind but values of its own.
    let entries = catch_unwind(AssertUnwindSafe(|| record.index_entries(position)));
    let entries = entries.map_err(|_| Refused::Fault(position, IndexFault::Panicked))?;
    let entries = entries.map_err(|error| unreadable(position, store, key, &error))?;
    let target = transaction.store_by_id(index.entries)?;
    for (at, value) in index.encode_all(entries, key) {
        if !index.spec.unique {
            target.upsert(&at, &value)?;
            continue;
        }
        if target.add_if_absent(&at, &value)? {
            continue;
        }
        let other = target.find(&at)?;
        if let Some(other) = other.filter(|other| other[..] != value[..]) {
            return Err(Refused::Fault(
                position,
                IndexFault::Duplicate {
                    key: store.schema.show_key(key),
                    other: store.schema.show_key(&other),
                    fields: index.spec.fields(),
                },
            ));
        }
    }
    Ok(())
}
