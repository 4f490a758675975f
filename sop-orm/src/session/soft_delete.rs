//! Deleting records as their types have it, and taking that back.
//!
//! To mark a record as deleted is to edit it: the mark goes into the edits that are not written yet,
//! on top of an earlier one, and all of them are written. What the flush makes of it follows from
//! the record before and after.

use super::{Work, identity::Changed};
use crate::{
    db::registry::{OpenStore, Registry},
    error::Result,
    timestamp::Timestamp,
};

impl Work {
    /// Deletes a record, for good or by marking it. Returns whether it was there.
    pub(crate) fn delete(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        key: Vec<u8>,
    ) -> Result<bool> {
        if store.schema.soft_delete.is_some() {
            self.mark(registry, store, key, Some(Timestamp::now()))
        } else {
            self.purge(registry, store, key)
        }
    }

    /// Takes the deletion of a record back. Returns whether it was deleted.
    pub(crate) fn restore(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        key: Vec<u8>,
    ) -> Result<bool> {
        self.mark(registry, store, key, None)
    }

    /// Marks a record that is not marked so already. Returns whether there was one.
    fn mark(
        &mut self,
        registry: &Registry,
        store: &OpenStore,
        key: Vec<u8>,
        at: Option<Timestamp>,
    ) -> Result<bool> {
        let identity = (store.position, key);
        self.refuse_editing(store, &identity)?;
        let Some(known) = self.get(store, &identity.1)? else { return Ok(false) };
        if known.is_deleted() == at.is_some() {
            return Ok(false);
        }
        let record = store.altered(&identity.1, &*known, |own| own.set_deleted_at(at))?;
        let row = record.row_bytes(store.layouts.current);
        let edited = self.records.take_changed(&identity);
        self.records.set_changed(identity.clone(), Changed { record, row });
        let flushed = self.flush(registry);
        if flushed.is_err() {
            self.records.take_changed(&identity);
            if let Some(edited) = edited {
                self.records.set_changed(identity, edited);
            }
        }
        flushed.map(|()| true)
    }
}
