//! References that came with changes: when the session commits, each must lead to a record.
//!
//! A parent that is there is required at once, so that the engine sees to it that nobody else
//! removes it. One that is missing may still come, so that records which refer to each other can be
//! inserted in any order; it is looked for again at the commit. A parent that the session itself
//! deletes takes care of its children then ([`cascade`](super::cascade)), so what was found once
//! needs no second look.

use sop_core::guard::{self, Guard};

use super::{Work, flush::Change, identity::Identity};
use crate::{
    db::registry::Registry,
    entity::Record,
    error::{Error, Result},
    relation::{BrokenReference, OpenRelation},
    store::invalid,
};

/// A reference that a record did not have before.
#[derive(Debug)]
pub(super) struct Claim {
    /// The record that it leads to.
    parent: Identity,
    relation: OpenRelation,
    /// The key of the record that has it.
    child: Vec<u8>,
}

/// The references that come with some changes, in the order of what they lead to.
pub(super) fn claims(registry: &Registry, changes: &[Change<'_>]) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for Change { store, key, before, after } in changes {
        let Some(after) = after else { continue };
        for relation in registry.relations().to_parents(store) {
            let parents = |record: &dyn Record| {
                relation.spec.parents_of(store.schema, record).map_err(|error| invalid(&error))
            };
            let known = before.as_deref().map(parents).transpose()?.unwrap_or_default();
            let new = parents(&*after.record)?.into_iter().filter(|parent| !known.contains(parent));
            claims.extend(new.map(|parent| Claim {
                parent: (relation.parent, parent),
                relation: *relation,
                child: key.clone(),
            }));
        }
    }
    claims.sort_by(|one, other| one.parent.cmp(&other.parent));
    Ok(claims)
}

impl Work {
    /// Requires that the parents are there when the session commits.
    pub(super) fn require(&mut self, registry: &Registry, claims: Vec<Claim>) -> Result<()> {
        if !guard::stands(Guard::RequiredParents) {
            return Ok(());
        }
        let met = self.met(registry, claims.iter()).inspect_err(|error| {
            // What was written already might be committed without its parents.
            if let Error::Engine(error) = error {
                self.broken = Some(error.clone());
            }
        })?;
        let missing = claims.into_iter().zip(met).filter(|(_, is_met)| !is_met);
        self.awaited.extend(missing.map(|(claim, _)| claim));
        Ok(())
    }

    /// Requires those parents that were missing, before the session is submitted. If they are
    /// missing still, the session can go on and bring them.
    pub(super) fn require_awaited(&self, registry: &Registry) -> Result<()> {
        let mut awaited: Vec<&Claim> = self.awaited.iter().collect();
        awaited.sort_by(|one, other| one.parent.cmp(&other.parent));
        let met = self.met(registry, awaited.iter().copied())?;
        for (claim, _) in awaited.into_iter().zip(met).filter(|(_, is_met)| !is_met) {
            if let Some(broken) = self.broken_reference(registry, claim)? {
                return Err(Error::BrokenReference(broken));
            }
        }
        Ok(())
    }

    /// Requires parents, and says of each claim whether its parent is there. Those of one parent
    /// should come together.
    fn met<'c>(
        &self,
        registry: &Registry,
        claims: impl Iterator<Item = &'c Claim>,
    ) -> Result<Vec<bool>> {
        let mut last: Option<(&Identity, bool)> = None;
        let mut met = Vec::new();
        for Claim { parent, .. } in claims {
            let is_there = match last {
                Some((known, is_there)) if known == parent => is_there,
                _ => {
                    let rows = registry.at(parent.0).rows;
                    self.transaction()?.store_by_id(rows)?.require(&parent.1)?
                }
            };
            last = Some((parent, is_there));
            met.push(is_there);
        }
        Ok(met)
    }

    /// What is wrong with a claim to a record that is missing, if it still stands.
    fn broken_reference(
        &self,
        registry: &Registry,
        claim: &Claim,
    ) -> Result<Option<BrokenReference>> {
        let (store, spec) = (registry.at(claim.relation.child), claim.relation.spec);
        let Some(record) = self.stored(store, &claim.child)? else { return Ok(None) };
        let parents = spec.parents_of(store.schema, &*record).map_err(|error| invalid(&error))?;
        let (target, key) = (registry.at(claim.parent.0).schema, &claim.parent.1);
        let child = (store.schema, claim.child.as_slice());
        Ok(parents.contains(key).then(|| BrokenReference::new(child, spec, (target, key))))
    }
}
