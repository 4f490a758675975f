//! From a draft to names and numbers as they stand now.
//!
//! A transaction creates stores under numbers of its own. Only now, in the order of commits, is it
//! known whether a store of that name exists by now; if so, and the transaction asked to open it
//! or create it, it takes that one, so that two transactions may create the same store at once.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    catalog::{self, CatalogEntry},
    draft::{CatalogChange, Draft, StoreDraft},
    merge::{Merger, merge},
};
use crate::{
    delta::{Action, Delta, NewSegment, NewValue, StoreDelta, Write},
    error::{Conflict, ConflictKind, Error, Result},
    guard::{self, Guard},
    id::{SegmentId, StoreId},
    limit::NODE_SIZE_DEFAULT,
    node::Segment,
    version::{State, Version},
};

/// A draft whose stores have the numbers that they have, or will have, in the database.
#[derive(Debug)]
pub(crate) struct Resolved<'d> {
    pub(super) draft: Cow<'d, Draft>,
    /// New stores and their node sizes.
    created: BTreeMap<StoreId, u32>,
    /// Stores of others that it takes for ones that it created.
    taken: Vec<StoreId>,
    pub(super) dropped: Vec<StoreId>,
    /// What names come to name, as the catalog has it.
    pub(super) names: Vec<(String, Option<Vec<u8>>)>,
}

/// Resolves a draft against the state it would change; new stores are numbered from `next` on. A
/// borrowed draft stays as it is.
pub(crate) fn resolve<'d>(
    mut draft: Cow<'d, Draft>,
    now: &impl State,
    next: StoreId,
) -> Result<Resolved<'d>> {
    check_names_read(&draft, now)?;
    let (numbers, out) = (BTreeMap::new(), Changes::default());
    let mut resolution = Resolution { now, next, numbers, out, may_take: !draft.is_prepared };
    for change in &draft.catalog {
        resolution.change(change)?;
        if let CatalogChange::Create { name, store, .. } = change
            && resolution.numbers.get(store).is_some_and(|real| draft.stores.get(*real).is_some())
        {
            // The store got this name meanwhile, and was used under its number as another one.
            return Err(clash(name));
        }
    }
    let Resolution { numbers, out, .. } = resolution;
    if !numbers.is_empty() {
        draft.to_mut().stores.renumber(|store| {
            let store = numbers.get(&store).copied().unwrap_or(store);
            (!out.vanished.contains(&store)).then_some(store)
        });
    }
    let encoded = |(name, entry): (_, Option<CatalogEntry>)| (name, entry.map(|it| it.encode()));
    let names = out.names.into_iter().map(encoded).collect();
    let Changes { created, taken, dropped, .. } = out;
    Ok(Resolved { draft, created, taken, dropped, names })
}

fn check_names_read(draft: &Draft, now: &impl State) -> Result<()> {
    for (name, read) in &draft.names {
        let found = catalog::look_up(now, name)?.map(|entry| entry.store);
        if found != *read && guard::stands(Guard::CheckNames) {
            return Err(clash(name));
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Changes {
    created: BTreeMap<StoreId, u32>,
    /// There already, where it would have been created.
    taken: Vec<StoreId>,
    dropped: Vec<StoreId>,
    /// Created and dropped again: it never was.
    vanished: Vec<StoreId>,
    names: BTreeMap<String, Option<CatalogEntry>>,
}

struct Resolution<'a, S> {
    now: &'a S,
    next: StoreId,
    /// Numbers in the database, by numbers in the draft.
    numbers: BTreeMap<StoreId, StoreId>,
    out: Changes,
    /// Whether stores that others have created meanwhile are taken for its own. What is only
    /// prepared holds nothing of them.
    may_take: bool,
}

impl<S: State> Resolution<'_, S> {
    fn change(&mut self, change: &CatalogChange) -> Result<()> {
        match change {
            CatalogChange::Create { name, options, store, exclusive } => {
                let entry = match self.look_up(name)? {
                    None => {
                        let new = self.next;
                        self.next = StoreId(new.0 + 1);
                        let size = u32::try_from(options.node_size).expect("checked when opened");
                        self.out.created.insert(new, size);
                        CatalogEntry { store: new, options: options.clone() }
                    }
                    Some(entry)
                        if (!exclusive || !guard::stands(Guard::CheckCreation))
                            && self.may_take
                            && entry.options == *options =>
                    {
                        self.numbers.insert(*store, entry.store);
                        self.out.taken.push(entry.store);
                        return Ok(());
                    }
                    Some(_) => return Err(clash(name)),
                };
                self.numbers.insert(*store, entry.store);
                self.out.names.insert(name.clone(), Some(entry));
            }
            CatalogChange::Rename { from, to, store, .. } => {
                let entry = self.expect(from, *store)?;
                if self.look_up(to)?.is_some() {
                    return Err(clash(to));
                }
                self.out.names.insert(from.clone(), None);
                self.out.names.insert(to.clone(), Some(entry));
            }
            CatalogChange::Drop { name, store } => {
                let entry = self.expect(name, *store)?;
                self.out.names.insert(name.clone(), None);
                match self.out.created.remove(&entry.store) {
                    Some(_) => self.out.vanished.push(entry.store),
                    None => self.out.dropped.push(entry.store),
                }
            }
        }
        Ok(())
    }

    fn look_up(&self, name: &str) -> Result<Option<CatalogEntry>> {
        match self.out.names.get(name) {
            Some(entry) => Ok(entry.clone()),
            None => catalog::look_up(self.now, name),
        }
    }

    /// The entry of a name that must still name the store it named when it was looked up.
    fn expect(&self, name: &str, store: StoreId) -> Result<CatalogEntry> {
        let store = self.numbers.get(&store).copied().unwrap_or(store);
        match self.look_up(name)? {
            Some(entry) if entry.store == store => Ok(entry),
            _ => Err(clash(name)),
        }
    }
}

fn clash(name: &str) -> Error {
    let key = name.as_bytes();
    Error::Conflict(Conflict::new(name.to_owned(), key, ConflictKind::Store, None))
}

impl Resolved<'_> {
    /// Lets a merger settle what does not hold on the newest state.
    pub(crate) fn merge(
        &mut self,
        merger: &mut dyn Merger,
        base: &Version,
        newest: &dyn State,
    ) -> Result<()> {
        merge(merger, self.draft.to_mut(), base, newest)
    }

    /// Whether a store comes into being with this transaction.
    pub(super) fn creates(&self, store: StoreId) -> bool {
        self.created.contains_key(&store)
    }

    /// Whether a store that others created is taken for one that the transaction would have.
    pub(super) fn takes(&self, store: StoreId) -> bool {
        self.taken.contains(&store)
    }

    /// What the transaction does, in the order in which it takes effect.
    ///
    /// Segments that become part of the database stay from now on.
    ///
    /// Fails with `Expelled` if it has written segments below `own_from`: those may be gone.
    pub(crate) fn delta(&self, now: &impl State, own_from: SegmentId) -> Result<Delta<'_>> {
        // What was kept for one store must not stay because another one fails.
        let stores = self.stores(now, own_from).inspect_err(|_| self.forgo())?;
        Ok(Delta { stores })
    }

    /// The transaction has not taken effect: its segments go with it.
    pub(crate) fn forgo(&self) {
        self.draft.doom_segments();
    }

    fn stores(&self, now: &impl State, own_from: SegmentId) -> Result<Vec<StoreDelta<'_>>> {
        if self.draft.is_prepared {
            return Ok(self.own(StoreId::PREPARED, now).into_iter().collect());
        }
        let mut stores = Vec::new();
        if !self.names.is_empty() {
            let names = self.names.iter();
            let writes = names
                .map(|(name, entry)| {
                    let value = entry.as_deref().map(NewValue::Bytes);
                    Write { key: name.as_bytes(), value }
                })
                .collect();
            stores.push(StoreDelta { store: StoreId::CATALOG, action: Action::Keep, writes });
        }
        for (store, node_size) in &self.created {
            let action = Action::Create { node_size: *node_size };
            stores.push(StoreDelta { store: *store, action, writes: Vec::new() });
        }
        for (store, own) in self.draft.stores.iter() {
            if store.is_own() {
                stores.extend(self.own(store, now));
            } else if !self.dropped.contains(&store) {
                let is_empty = now.tree(store).is_none_or(|tree| tree.entries == 0);
                stores.extend(own.delta(store, is_empty, own_from)?);
            }
        }
        for store in &self.dropped {
            stores.push(StoreDelta { store: *store, action: Action::Drop, writes: Vec::new() });
        }
        Ok(stores)
    }
}

impl Resolved<'_> {
    /// What it does to a store of the database's own, which comes into being with its first entry.
    fn own(&self, store: StoreId, now: &impl State) -> Option<StoreDelta<'_>> {
        let own = self.draft.stores.get(store).filter(|own| !own.writes.is_empty())?;
        let node_size = u32::try_from(NODE_SIZE_DEFAULT).expect("nodes are small");
        let is_there = now.tree(store).is_some();
        let action = if is_there { Action::Keep } else { Action::Create { node_size } };
        Some(StoreDelta { store, action, writes: own.writes.iter().collect() })
    }
}

impl StoreDraft {
    /// What it does to a store that is empty by now or is not; nothing if it writes nothing.
    fn delta(
        &self,
        store: StoreId,
        is_empty: bool,
        own_from: SegmentId,
    ) -> Result<Option<StoreDelta<'_>>> {
        if let Some(loaded) = &self.loaded
            && (is_empty || !loaded.optional)
        {
            match keep(loaded.segments.iter(), own_from) {
                Ok(_) => {
                    let action = Action::Graft(loaded.graft.clone());
                    return Ok(Some(StoreDelta { store, action, writes: Vec::new() }));
                }
                // The writes are still there.
                Err(Error::Expelled) if loaded.optional => {}
                Err(error) => return Err(error),
            }
        }
        let mut delta = StoreDelta { store, action: Action::Keep, writes: Vec::new() };
        delta.writes.extend(self.writes.iter());
        if delta.writes.is_empty() {
            return Ok(None);
        }
        let linked: BTreeSet<_> = if self.placed.is_empty() {
            BTreeSet::new()
        } else {
            delta.placed().map(|address| address.segment).collect()
        };
        if !linked.is_empty() {
            let placed = self.placed.iter().filter(|segment| linked.contains(&segment.id()));
            delta.action = Action::Place(keep(placed, own_from)?);
        }
        Ok(Some(delta))
    }
}

/// Segments become part of the database: they stay, whatever becomes of the draft.
///
/// Fails with `Expelled` if one of them may be gone.
fn keep<'s>(
    segments: impl Iterator<Item = &'s Arc<Segment>> + Clone,
    own_from: SegmentId,
) -> Result<Vec<NewSegment>> {
    let is_old = |segment: &Arc<Segment>| segment.id() < own_from;
    if segments.clone().any(is_old) && guard::stands(Guard::FilesOfOneLife) {
        return Err(Error::Expelled);
    }
    let kept = segments.map(|segment| {
        segment.set_doomed(false);
        NewSegment { id: segment.id(), len: segment.len(), values: true }
    });
    Ok(kept.collect())
}
