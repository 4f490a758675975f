//! Savepoints: going back to what a transaction had written at some moment.
//!
//! A savepoint copies nothing. From the first one on, the draft keeps a journal with an entry for
//! each write, that says what stood there before; going back undoes the entries that came after it,
//! the newest first. What was read stays noted, since the caller knows it; for the same reason a
//! key whose write is undone counts as read, as the caller may have been told whether it was there.
//! Blind writes tell nothing, so that nothing is left of them.

use std::{mem, sync::Arc};

use super::draft::{CatalogChange, Draft, Loaded};
use crate::{
    delta::Write,
    error::{Error, Result},
    id::StoreId,
    write_set::{Regard, Replaced, WriteSet},
};

/// A moment in a transaction to go back to; see
/// [`Transaction::savepoint`](crate::Transaction::savepoint).
#[derive(Clone, Debug)]
pub struct Savepoint {
    number: u64,
    /// The journal that it belongs to.
    journal: Arc<()>,
}

/// What is needed to undo changes of a draft. Made with the first savepoint, and kept while there
/// is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    identity: Arc<()>,
    undo: Vec<Undo>,
    /// The savepoints that can be gone back to, oldest first.
    marks: Vec<Mark>,
    next_number: u64,
}

#[derive(Clone, Debug)]
struct Mark {
    number: u64,
    undo_len: usize,
    bytes: u64,
}

/// How to take one change back.
#[derive(Clone, Debug)]
enum Undo {
    Write { store: StoreId, replaced: Replaced },
    Load { store: StoreId },
    Name,
    Forget { store: StoreId, writes: WriteSet, loaded: Option<Loaded> },
}

impl Draft {
    /// Begins to keep what undoing needs, if it is not kept yet.
    pub(crate) fn savepoint(&mut self) -> Savepoint {
        let bytes = self.bytes;
        let journal = self.journal.get_or_insert_default();
        let number = journal.next_number;
        journal.next_number += 1;
        journal.marks.push(Mark { number, undo_len: journal.undo.len(), bytes });
        Savepoint { number, journal: Arc::clone(&journal.identity) }
    }

    /// Undoes all changes since a savepoint, which can be used again; later ones are gone.
    pub(crate) fn rollback_to(&mut self, savepoint: &Savepoint) -> Result<()> {
        let (journal, at) = self.kept(savepoint)?;
        journal.marks.truncate(at + 1);
        let (undo_len, bytes) =
            journal.marks.last().map_or((0, 0), |mark| (mark.undo_len, mark.bytes));
        for undo in journal.undo.split_off(undo_len).into_iter().rev() {
            self.undo(undo);
        }
        self.bytes = bytes;
        self.revision += 1;
        Ok(())
    }

    /// Forgets a savepoint, and keeps all changes.
    pub(crate) fn release(&mut self, savepoint: &Savepoint) -> Result<()> {
        let (journal, at) = self.kept(savepoint)?;
        journal.marks.remove(at);
        if journal.marks.is_empty() {
            self.journal = None;
        }
        Ok(())
    }

    /// Writes to a store, so that it can be undone if there is a savepoint.
    pub(super) fn insert(&mut self, store: StoreId, write: Write<'_>, regard: Regard) {
        self.revision += 1;
        if self.journal.is_none() {
            return self.store(store).writes.insert(write, regard);
        }
        let replaced = self.store(store).writes.insert_undoably(write, regard);
        self.note(Undo::Write { store, replaced });
    }

    /// Makes an empty store what is in segments already.
    pub(crate) fn load(&mut self, store: StoreId, loaded: Loaded) {
        self.store(store).loaded = Some(loaded);
        self.note(Undo::Load { store });
    }

    /// Changes the name of a store.
    pub(super) fn change_names(&mut self, change: CatalogChange) {
        self.catalog.push(change);
        self.note(Undo::Name);
    }

    /// The store is to be dropped: what was written goes with it. What was read still counts, and
    /// so does whether the written keys were there, as the transaction may have been told that of
    /// all that it did not write blindly.
    pub(super) fn forget_writes(&mut self, store: StoreId) {
        self.revision += 1;
        let own = self.store(store);
        let (loaded, writes) = (own.loaded.take(), mem::take(&mut own.writes));
        writes.checked().for_each(|write| self.read_point(store, write.key));
        self.note(Undo::Forget { store, writes, loaded });
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Write { store, replaced } => {
                if let Some(key) = self.store(store).writes.undo(&replaced) {
                    self.read_point(store, &key);
                }
            }
            Undo::Load { store } => self.store(store).loaded = None,
            Undo::Forget { store, writes, loaded } => {
                let own = self.store(store);
                (own.writes, own.loaded) = (writes, loaded);
            }
            Undo::Name => {
                // A store that never was cannot have been read.
                if let Some(CatalogChange::Create { store, .. }) = self.catalog.pop() {
                    self.stores.remove(store);
                }
            }
        }
    }

    fn note(&mut self, undo: Undo) {
        if let Some(journal) = &mut self.journal {
            journal.undo.push(undo);
        }
    }

    /// The journal, and where a savepoint stands among those that can be gone back to.
    fn kept(&mut self, savepoint: &Savepoint) -> Result<(&mut Journal, usize)> {
        let journal = self.journal.as_deref_mut();
        let kept = journal.filter(|journal| Arc::ptr_eq(&savepoint.journal, &journal.identity));
        let at = kept.and_then(|journal| {
            let mut marks = journal.marks.iter();
            let at = marks.position(|mark| mark.number == savepoint.number)?;
            Some((journal, at))
        });
        at.ok_or_else(|| {
            Error::Invalid(
                "this savepoint was released, or an earlier one was gone back to, or it is one of \
                 another transaction"
                    .into(),
            )
        })
    }
}
