//! What was changed since some moment, told from the log.

use std::collections::BTreeSet;

use super::{Database, Snapshot};
use crate::{
    codec::{Malformed, Reader},
    delta::{Action, Delta},
    error::{Error, Result},
    id::{Position, StoreId},
};

impl Database {
    /// The keys of a store that were written or removed after a log position, up to that of a
    /// snapshot: for whoever saved the position, such as that of an earlier
    /// [`Snapshot`](Snapshot::position), and wants to know what has happened since. What stands
    /// under them is for the snapshot to say.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions};
    /// # let db = Database::builder().in_memory()?;
    /// let write = |key| {
    ///     let transaction = db.begin()?;
    ///     transaction.open_store("s", &StoreOptions::default())?.upsert(key, "1")?;
    ///     transaction.commit()
    /// };
    /// let seen = write("a")?.position;
    /// write("b")?;
    /// let now = db.snapshot()?;
    /// let changed = db.changed_keys(now.store("s")?.id(), seen, &now)?;
    /// assert_eq!(changed.into_iter().collect::<Vec<_>>(), [b"b"]);
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// A key may be among them that was removed and had not been there.
    ///
    /// Reads the log between the two, and holds the keys in memory; all keys of the store if it was
    /// filled meanwhile by one large transaction, whose keys are not in the log. Fails with
    /// [`Error::PositionGone`] if the log does not reach back so far, which
    /// [`Options::log_history_bytes`](crate::Options::log_history_bytes) is about, or
    /// [`Options::shared_slots_kept`](crate::Options::shared_slots_kept), and with
    /// [`Error::ReadOnly`] if the database is open for reading only.
    ///
    /// A position that was never durable may be another state's after a crash: with less than
    /// [`Durability::Immediate`](crate::Durability::Immediate) save it after [`sync`](Self::sync).
    pub fn changed_keys(
        &self,
        store: StoreId,
        after: u64,
        upto: &Snapshot,
    ) -> Result<BTreeSet<Vec<u8>>> {
        let (newest, gone) = (upto.position(), Error::PositionGone { position: after });
        if after > newest {
            let message = format!("position {after} is behind the newest one, {newest}");
            return Err(Error::Invalid(message));
        }
        let pipeline = self.shared.core.pipeline()?;
        let Some(history) = pipeline.history(Position(after))? else { return Err(gone) };
        let mut changed = Changed { store, keys: BTreeSet::new(), filled: false };
        let all_there = history.read(Position(newest), &mut |position, body| {
            if position <= Position(after) {
                return Ok(());
            }
            changed.collect(body).map_err(|Malformed(reason)| {
                let reason = format!("batch {position} holds {reason}");
                Error::Corrupt { path: self.path().join("log"), offset: 0, reason }
            })
        })?;
        if !all_there {
            return Err(gone);
        }
        if changed.filled {
            // It was empty before. What is gone again was removed by name.
            for entry in upto.store_by_id(store)?.iter()? {
                changed.keys.insert(entry?.0);
            }
        }
        Ok(changed.keys)
    }
}

/// What batches do to one store.
struct Changed {
    store: StoreId,
    keys: BTreeSet<Vec<u8>>,
    /// Whether a tree was put in the place of its empty one.
    filled: bool,
}

impl Changed {
    fn collect(&mut self, body: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(body);
        while !reader.is_empty() {
            let delta = Delta::decode(&mut reader)?;
            for change in delta.stores.iter().filter(|change| change.store == self.store) {
                self.filled |= matches!(change.action, Action::Graft(_));
                self.keys.extend(change.writes.iter().map(|write| write.key.to_vec()));
            }
        }
        Ok(())
    }
}
