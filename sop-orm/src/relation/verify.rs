//! Looking whether every reference leads to a record.

use std::collections::BTreeMap;

use sop_core::{Snapshot, StoreView};

use super::{BrokenReference, OpenRelation};
use crate::{
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::Result,
};

/// References that a report lists; what is more is only counted.
const PROBLEMS_MAX: usize = 100;

/// Answers that are remembered, so that parents with many children are looked up less often.
const KNOWN_MAX: usize = 4096;

/// What [`Db::check_references`](crate::Db::check_references) found.
///
/// ```
/// # use {sop_examples::blog::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let report = db.check_references().await?;
/// assert!(report.is_sound(), "{:?}", report.problems);
/// assert_eq!(report.references, 2);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReferenceReport {
    /// References that were looked at: those of records that are not deleted.
    pub references: u64,
    /// References to records that are not there.
    pub broken: u64,
    /// The first hundred of them.
    pub problems: Vec<BrokenReference>,
}

impl ReferenceReport {
    /// Whether every reference leads to a record.
    pub fn is_sound(&self) -> bool {
        self.broken == 0
    }
}

/// Follows all references in one state.
pub(crate) fn references(snapshot: &Snapshot, registry: &Registry) -> Result<ReferenceReport> {
    let mut report = ReferenceReport::default();
    for store in registry.stores() {
        let relations = registry.relations().to_parents(store).iter();
        let followed = relations.map(|relation| Followed::new(snapshot, registry, *relation));
        let mut followed = followed.collect::<Result<Vec<_>>>()?;
        if followed.is_empty() {
            continue;
        }
        for row in snapshot.store_by_id(store.rows)?.iter()? {
            let (key, row) = row?;
            let record = store.read(&key, &row)?;
            for relation in &mut followed {
                relation.follow(store, &key, &*record, &mut report)?;
            }
        }
    }
    Ok(report)
}

/// One relation in one state of the database.
struct Followed<'a> {
    relation: OpenRelation,
    parent: &'a OpenStore,
    rows: StoreView<'a>,
    /// Whether the parents with these keys are there.
    known: BTreeMap<Vec<u8>, bool>,
}

impl<'a> Followed<'a> {
    fn new(snapshot: &'a Snapshot, registry: &'a Registry, relation: OpenRelation) -> Result<Self> {
        let parent = registry.at(relation.parent);
        let rows = snapshot.store_by_id(parent.rows)?;
        Ok(Self { relation, parent, rows, known: BTreeMap::new() })
    }

    fn follow(
        &mut self,
        child: &OpenStore,
        key: &[u8],
        record: &dyn Record,
        report: &mut ReferenceReport,
    ) -> Result<()> {
        let spec = self.relation.spec;
        // What has no place in the index, as NaN, cannot be the key of any record.
        for target in spec.parents_of(child.schema, record).unwrap_or_default() {
            report.references += 1;
            if self.leads_somewhere(&target)? {
                continue;
            }
            report.broken += 1;
            if report.problems.len() < PROBLEMS_MAX {
                let problem =
                    BrokenReference::new((child.schema, key), spec, (self.parent.schema, &target));
                report.problems.push(problem);
            }
        }
        Ok(())
    }

    fn leads_somewhere(&mut self, target: &[u8]) -> Result<bool> {
        if let Some(known) = self.known.get(target) {
            return Ok(*known);
        }
        if self.known.len() == KNOWN_MAX {
            self.known.clear();
        }
        let is_there = self.rows.contains(target)?;
        self.known.insert(target.to_vec(), is_there);
        Ok(is_there)
    }
}
