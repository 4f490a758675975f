//! Comparing the entries of indexes, and the content of blob fields, with the records that they
//! belong to.
//!
//! Each record is asked for its entries, which must be there; then each entry is led back to its
//! record, which must have it. Nothing but the record at hand is in memory.

use sop_core::{Snapshot, StoreView};

use super::{catalog, split};
use crate::{
    db::registry::{OpenIndex, OpenStore, Registry},
    error::{CodecError, Result},
    vector::cells::keys::{self, Keys},
};

/// Problems that a report lists; what is more is only counted.
const PROBLEMS_MAX: usize = 100;

/// What [`Db::check_indexes`](crate::Db::check_indexes) found.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let report = db.check_indexes().await?;
/// // Three users in two indexes each, three orders in two.
/// assert_eq!(report.records, 12);
/// // No order has a tag, so none has an entry by tag.
/// assert_eq!((report.entries, report.missing, report.superfluous), (9, 0, 0));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexReport {
    /// Records that were looked at, once for each index.
    pub records: u64,
    /// Entries that were looked at, and contents of blob fields.
    pub entries: u64,
    /// Entries that should be there and are not.
    pub missing: u64,
    /// Entries that are there and should not be.
    pub superfluous: u64,
    /// The first hundred of them.
    pub problems: Vec<IndexProblem>,
}

/// An entry that is missing, or one too many.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::IndexProblem;
///
/// for problem in db.check_indexes().await?.problems {
///     match problem {
///         IndexProblem::Missing { index, key, .. } => println!("{key} is not in {index}"),
///         IndexProblem::Superfluous { index, key, .. } => println!("{key} is wrong in {index}"),
///         _ => {}
///     }
/// }
/// # assert!(db.check_indexes().await?.is_sound());
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexProblem {
    /// A record has no entry, or has that of another one in its place.
    Missing {
        /// The store's name.
        store: &'static str,
        /// The index's name.
        index: &'static str,
        /// The record's key, as text for people.
        key: String,
    },
    /// An entry leads to a record that does not have it, or to none; or content is that of no record.
    Superfluous {
        /// The store's name.
        store: &'static str,
        /// The index's name, or that of the blob field.
        index: &'static str,
        /// The key that it leads to, as text for people.
        key: String,
    },
}

impl IndexReport {
    /// Whether nothing is missing and nothing left over.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert!(db.check_indexes().await?.is_sound());
    /// # Ok(())
    /// # });
    /// ```
    pub fn is_sound(&self) -> bool {
        self.missing == 0 && self.superfluous == 0
    }

    fn add(&mut self, problem: IndexProblem) {
        match &problem {
            IndexProblem::Missing { .. } => self.missing += 1,
            IndexProblem::Superfluous { .. } => self.superfluous += 1,
        }
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// One index in one state of the database.
struct Checked<'a> {
    store: &'a OpenStore,
    index: &'a OpenIndex,
    position: usize,
    rows: StoreView<'a>,
    entries: StoreView<'a>,
    /// Where the codes of large partitions are.
    cells: Option<StoreView<'a>>,
}

/// Compares all indexes in one state.
pub(crate) fn indexes(snapshot: &Snapshot, registry: &Registry) -> Result<IndexReport> {
    let mut report = IndexReport::default();
    for store in registry.stores() {
        let known = catalog::read(snapshot.store(catalog::STORE)?, store)?;
        let rows = snapshot.store_by_id(store.rows)?;
        contents(snapshot, store, rows, &mut report)?;
        for (position, (index, record)) in store.indexes.iter().zip(&known.indexes).enumerate() {
            let entries = snapshot.store_by_id(index.entries)?;
            let cells = index.cells.map(|cells| snapshot.store_by_id(cells)).transpose()?;
            let checked = Checked { store, index, position, rows, entries, cells };
            let filled = record.filling.as_ref().map(|filling| filling.to.as_slice());
            checked.records(filled, &mut report)?;
            checked.entries(&mut report)?;
            if let Some(cells) = checked.cells {
                checked.members(cells, &mut report)?;
            }
        }
    }
    Ok(report)
}

/// Looks for the records of all content of blob fields.
fn contents(
    snapshot: &Snapshot,
    store: &OpenStore,
    rows: StoreView<'_>,
    report: &mut IndexReport,
) -> Result<()> {
    for blob in &store.blobs {
        for key in snapshot.blobs_by_id(blob.contents)?.names()? {
            let key = key?;
            report.entries += 1;
            if !rows.contains(&key)? {
                let (key, index) = (store.schema.show_key(&key), blob.spec.field);
                let store = store.schema.store;
                report.add(IndexProblem::Superfluous { store, index, key });
            }
        }
    }
    Ok(())
}

impl Checked<'_> {
    /// Looks for the entries of all records, or of those up to a key.
    fn records(&self, filled: Option<&[u8]>, report: &mut IndexReport) -> Result<()> {
        for row in self.rows.iter()? {
            let (key, row) = row?;
            if filled.is_some_and(|filled| *key > *filled) {
                break;
            }
            report.records += 1;
            for (at, value) in self.demanded(&key, &row)? {
                if self.found(&at)?.is_none_or(|found| found != value) {
                    let (store, index) = (self.store.schema.store, self.index.spec.name);
                    let key = self.store.schema.show_key(&key);
                    report.add(IndexProblem::Missing { store, index, key });
                }
            }
        }
        Ok(())
    }

    /// Looks for the records of all entries.
    fn entries(&self, report: &mut IndexReport) -> Result<()> {
        for entry in self.entries.iter()? {
            let (at, value) = entry?;
            if self.cells.is_some() && value.is_empty() {
                continue;
            }
            self.entry(at, value.to_vec(), report)?;
        }
        Ok(())
    }

    /// Looks for the record of an entry.
    fn entry(&self, at: Vec<u8>, value: Vec<u8>, report: &mut IndexReport) -> Result<()> {
        report.entries += 1;
        let key = self.primary_key(&at, &value).unwrap_or_default();
        let row = if key.is_empty() { None } else { self.rows.find(&key)? };
        let demanded = row.map(|row| self.demanded(&key, &row)).transpose()?;
        if demanded.is_none_or(|demanded| !demanded.contains(&(at, value))) {
            self.superfluous(&key, report);
        }
        Ok(())
    }

    fn superfluous(&self, key: &[u8], report: &mut IndexReport) {
        let (store, index) = (self.store.schema.store, self.index.spec.name);
        let key = self.store.schema.show_key(key);
        report.add(IndexProblem::Superfluous { store, index, key });
    }

    /// Looks for the records of all members of cells that nothing hides, and for cells of members.
    fn members(&self, cells: StoreView<'_>, report: &mut IndexReport) -> Result<()> {
        let unreadable = |source| self.store.unreadable(source);
        let (mut places, mut members) = (0_u64, 0_u64);
        for entry in cells.iter()? {
            let (key, _) = entry?;
            let (partition, behind) = split(self.index.spec.columns, &key).map_err(unreadable)?;
            members += u64::from(keys::is_member(behind));
            if !keys::is_location(behind) {
                continue;
            }
            places += 1;
            let primary = Keys(partition).primary_of_location(&key).map_err(unreadable)?;
            let at = [partition, primary].concat();
            if self.entries.contains(&at)? {
                continue;
            }
            match keys::settled(cells, Keys(partition), primary) {
                Ok(Some(code)) => self.entry(at, code, report)?,
                _ => self.superfluous(primary, report),
            }
        }
        // A member that no place leads to would be found by searches for ever.
        (places..members).for_each(|_| self.superfluous(&[], report));
        Ok(())
    }

    /// What the index has under a key, or a cell in its place.
    fn found(&self, at: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.entries.find(at)?;
        let Some(cells) = self.cells else { return Ok(found.map(|value| value.to_vec())) };
        if let Some(code) = found {
            return Ok((!code.is_empty()).then(|| code.to_vec()));
        }
        let split = split(self.index.spec.columns, at);
        let (partition, primary) = split.map_err(|source| self.store.unreadable(source))?;
        keys::settled(cells, Keys(partition), primary)
    }

    /// The entries that a record must have. One that has no place in the index has none.
    fn demanded(&self, key: &[u8], row: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let record = self.store.read(key, row)?;
        let entries = record.index_entries(self.position).unwrap_or_default();
        Ok(self.index.encode_all(entries, key).collect())
    }

    /// The key of the record that an entry leads to.
    fn primary_key(&self, at: &[u8], value: &[u8]) -> Result<Vec<u8>, CodecError> {
        if self.index.spec.unique {
            return Ok(value.to_vec());
        }
        split(self.index.spec.columns, at).map(|(_, key)| key.to_vec())
    }
}
