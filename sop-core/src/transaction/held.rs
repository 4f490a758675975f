//! Whether a transaction clashes with what prepared ones hold.

use super::{catalog, resolve::Resolved};
use crate::{
    delta::Write,
    error::{Conflict, ConflictKind, Error, Result},
    guard::{self, Guard},
    id::StoreId,
    version::{Holds, State},
};

/// Refuses a draft that changes, or rests on, what a prepared transaction holds, unless it is the one
/// that ends that transaction.
pub(super) fn check(resolved: &Resolved<'_>, now: &impl State) -> Result<()> {
    match now.holds()? {
        Some(holds) if guard::stands(Guard::HeldByPrepared) => {
            Check { resolved, holds: &holds, now }.run()
        }
        _ => Ok(()),
    }
}

struct Check<'a, S> {
    resolved: &'a Resolved<'a>,
    holds: &'a Holds,
    now: &'a S,
}

impl<S: State> Check<'_, S> {
    fn run(&self) -> Result<()> {
        let draft = &self.resolved.draft;
        let changed = self.resolved.names.iter().map(|(name, _)| (name, true));
        for (name, changes) in changed.chain(draft.names.keys().map(|name| (name, false))) {
            let (store, key) = (StoreId::CATALOG, name.as_bytes());
            let holder = if changes {
                self.standing(self.holds.of_written(store, key))
            } else {
                self.standing(self.holds.of_read(store, key))
            };
            if let Some(holder) = holder {
                let conflict = Conflict::held(name.clone(), key, ConflictKind::Store, holder);
                return Err(Error::Conflict(conflict));
            }
        }
        for store in &self.resolved.dropped {
            self.refuse_any(*store)?;
        }
        draft.stores.iter().try_for_each(|(store, _)| self.store(store))
    }

    fn store(&self, store: StoreId) -> Result<()> {
        let draft = &self.resolved.draft;
        let Some(own) = draft.stores.get(store) else { return Ok(()) };
        if own.loaded.is_some() {
            self.refuse_any(store)?;
        }
        for Write { key, .. } in own.writes.iter() {
            self.refuse(store, key, ConflictKind::Write, self.holds.of_written(store, key))?;
        }
        // Reads that do not count are not noted.
        for key in own.read.keys.iter().chain(own.required.keys.iter()) {
            self.refuse(store, key, ConflictKind::Read, self.holds.of_read(store, key))?;
        }
        for range in own.ranges_read().chain(&own.required.ranges) {
            for (key, holder) in self.holds.of_range(store, range) {
                self.refuse(store, key, ConflictKind::Range, [holder].into_iter())?;
            }
        }
        Ok(())
    }

    fn refuse_any(&self, store: StoreId) -> Result<()> {
        let holders = self.holds.of_store(store);
        self.refuse(store, b"", ConflictKind::Store, holders.into_iter())
    }

    fn refuse<'h>(
        &self,
        store: StoreId,
        key: &[u8],
        kind: ConflictKind,
        mut holders: impl Iterator<Item = &'h str>,
    ) -> Result<()> {
        let Some(holder) = self.standing(&mut holders) else { return Ok(()) };
        let name = catalog::name_of(self.now, store).unwrap_or_else(|| format!("number {store}"));
        Err(Error::Conflict(Conflict::held(name, key, kind, holder)))
    }

    /// The first of those that the transaction does not end.
    fn standing<'h>(&self, mut holders: impl Iterator<Item = &'h str>) -> Option<&'h str> {
        let ended = self.resolved.draft.stores.get(StoreId::PREPARED);
        let is_ended = |holder: &str| {
            let write = ended.and_then(|own| own.writes.get(holder.as_bytes()));
            write.is_some_and(|write| write.value.is_none())
        };
        holders.find(|holder| !is_ended(holder))
    }
}
