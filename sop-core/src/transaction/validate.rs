//! Whether a draft still holds against a newer state than the one it was made on.
//!
//! Every entry carries the log position of its last writer, so a key was written since the
//! snapshot if its entry is newer, or is gone and was there. Ranges are compared node by node,
//! skipping what both states share. A store in which nothing at all changed is not looked at.
//!
//! Blind writes are not checked: they rest on nothing, and so have their place behind whatever was
//! committed before. Nor need it be noted that the transaction read them, as it read its own.

use super::{Isolation, catalog, draft::StoreDraft, held, resolve::Resolved};
use crate::{
    error::{Conflict, ConflictKind, Error, Result},
    guard::{self, Guard},
    id::StoreId,
    tree::{KeyRange, Tree, first_change},
    version::{State, Version},
};

/// Checks a draft made on `base` against the state `now`.
///
/// An [`Error::Conflict`] names the first thing found changed; other errors mean that what is
/// stored could not be read.
pub(crate) fn validate(resolved: &Resolved<'_>, base: &Version, now: &impl State) -> Result<()> {
    for (store, own) in resolved.draft.stores.iter() {
        if resolved.creates(store) || own.is_idle(resolved.draft.isolation) {
            continue;
        }
        let check = Check { base, now, store };
        if resolved.takes(store) && base.tree(store).is_some() {
            // It had another name: what the transaction found empty was not this one.
            return Err(check.clash(b"", ConflictKind::Store, None));
        }
        check.store(own, resolved.draft.isolation)?;
    }
    held::check(resolved, now)
}

struct Check<'a, S> {
    base: &'a Version,
    now: &'a S,
    store: StoreId,
}

impl<S: State> Check<'_, S> {
    fn store(&self, own: &StoreDraft, isolation: Isolation) -> Result<()> {
        let Some(now) = self.now.tree(self.store) else {
            // The database's own come into being with the first entry.
            let clash = || self.clash(b"", ConflictKind::Store, None);
            return if self.store.is_own() { Ok(()) } else { Err(clash()) };
        };
        let was = self.base.tree(self.store);
        if was.is_some_and(|was| was == now) {
            return Ok(());
        }
        let blind_load = own.loaded.as_ref().is_some_and(|loaded| !loaded.optional);
        if blind_load && now.entries > 0 && guard::stands(Guard::CheckLoads) {
            return Err(self.clash(b"", ConflictKind::Range, None));
        }
        if guard::stands(Guard::CheckWrites) {
            let checked = own.writes.checked();
            let mut writes = checked.filter(|write| !own.settled.contains(write.key));
            writes.try_for_each(|write| self.key(write.key, ConflictKind::Write))?;
        }
        // A merger may have settled a key that is required: it still has to be there.
        if guard::stands(Guard::RequiredKeys) {
            own.required.keys.iter().try_for_each(|key| self.required(key))?;
        }
        if guard::stands(Guard::RequiredRanges) {
            own.required.ranges.iter().try_for_each(|range| self.range(range, was, now))?;
        }
        if isolation == Isolation::Snapshot {
            return Ok(());
        }
        if guard::stands(Guard::CheckReads) {
            let mut keys = own.read.keys.iter().filter(|key| !own.settled.contains(*key));
            keys.try_for_each(|key| self.key(key, ConflictKind::Read))?;
        }
        if guard::stands(Guard::CheckRanges) {
            own.ranges_read().try_for_each(|range| self.range(range, was, now))?;
        }
        Ok(())
    }

    /// Refuses if the key has gone; another value is none of the transaction's business.
    fn required(&self, key: &[u8]) -> Result<()> {
        match self.now.writer(self.store, key)? {
            Some(_) => Ok(()),
            None => Err(self.clash(key, ConflictKind::Read, None)),
        }
    }

    fn range(&self, range: &KeyRange, was: Option<&Tree>, now: &Tree) -> Result<()> {
        let Some(key) = self.change_in(range, was, now)? else { return Ok(()) };
        let winner = self.now.writer(self.store, &key)?;
        Err(self.clash(&key, ConflictKind::Range, winner))
    }

    /// Whether the store was replaced as a whole since: then versions in it tell nothing, and what
    /// was there before is gone, so that just the keys count as unchanged that neither state has.
    fn is_replaced(&self) -> bool {
        self.grafted() > self.base.position().0 && guard::stands(Guard::CheckGrafts)
    }

    /// The position at which the store was last replaced as a whole.
    fn grafted(&self) -> u64 {
        self.now.tree(self.store).map_or(0, |tree| tree.grafted)
    }

    fn change_in(
        &self,
        range: &KeyRange,
        was: Option<&Tree>,
        now: &Tree,
    ) -> Result<Option<Vec<u8>>> {
        let empty = Tree::empty(now.node_size);
        let (was, now) = ((self.base.source(), was.unwrap_or(&empty)), (self.now.source(), now));
        if !self.is_replaced() {
            return first_change(was, now, range);
        }
        let nothing = (self.now.source(), &empty);
        Ok(first_change(was, nothing, range)?.or(first_change(nothing, now, range)?))
    }

    fn key(&self, key: &[u8], kind: ConflictKind) -> Result<()> {
        let writer = self.now.writer(self.store, key)?;
        let changed = match writer {
            Some(writer) if self.is_replaced() || writer > self.base.position().0 => {
                guard::stands(Guard::CheckAbsence) || self.base.writer(self.store, key)?.is_some()
            }
            Some(_) => false,
            None => {
                guard::stands(Guard::CheckPresence) && self.base.writer(self.store, key)?.is_some()
            }
        };
        if changed { Err(self.clash(key, kind, writer)) } else { Ok(()) }
    }

    fn clash(&self, key: &[u8], kind: ConflictKind, winner: Option<u64>) -> Error {
        let name = catalog::name_of(self.now, self.store)
            .or_else(|| catalog::name_of(self.base, self.store))
            .unwrap_or_else(|| format!("number {}", self.store));
        // Entries that came with a whole tree have the version of its making, not of its commit.
        let winner = winner.map(|winner| winner.max(self.grafted()));
        Error::Conflict(Conflict::new(name, key, kind, winner))
    }
}
