//! Settling clashes instead of refusing them.
//!
//! A transaction whose author knows what its writes mean, say that a counter was counted up, can
//! bring a [`Merger`]. If validation finds that others got ahead, the merger is shown three values
//! of each key, that of the snapshot, the newest one and the transaction's own, and writes anew what
//! it can settle. What it settled stands on the newest state; all else is validated as ever. Only the
//! outcome goes into the log, so replay never runs anybody's code.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::{
    Value,
    draft::{Draft, check_entry},
};
use crate::{
    delta::{NewValue, Write},
    error::{Error, Result},
    id::StoreId,
    version::{State, Version},
    write_set::Regard,
};

/// Settles what a transaction wrote with what others committed meanwhile.
///
/// Given to [`Transaction::merging`](crate::Transaction::merging). Works on keys and values as they
/// are stored; the typed layer puts fields of records on top.
///
/// ```
/// use sop_core::{Database, Merge, Merger, Result, StoreId, StoreOptions};
///
/// /// A store of counters: what two transactions added adds up.
/// struct Counters(StoreId);
///
/// fn number(value: Option<&[u8]>) -> u64 {
///     value.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
/// }
///
/// impl Merger for Counters {
///     fn merge(&mut self, merge: &mut Merge<'_>) -> Result<()> {
///         let ours = number(merge.written(self.0, b"hits").flatten());
///         let base = number(merge.base(self.0, b"hits")?.as_deref());
///         let theirs = number(merge.newest(self.0, b"hits")?.as_deref());
///         let sum = theirs + (ours - base);
///         merge.settle(self.0, b"hits", Some(&sum.to_le_bytes()))
///     }
/// }
///
/// # fn main() -> Result<()> {
/// # let db = Database::builder().in_memory()?;
/// let tx = db.begin()?;
/// let store = tx.create_store("counters", &StoreOptions::default())?.id();
/// tx.commit()?;
/// let store = db.snapshot()?.store("counters")?.id();
///
/// let (one, two) = (db.begin()?, db.begin()?);
/// for tx in [&one, &two] {
///     tx.store_by_id(store)?.upsert("hits", 1_u64.to_le_bytes())?;
/// }
/// one.commit()?;
/// two.merging(Counters(store)).commit()?;
/// assert_eq!(number(db.snapshot()?.store_by_id(store)?.find("hits")?.as_deref()), 2);
/// # Ok(())
/// # }
/// ```
pub trait Merger: Send + Sync {
    /// Settles what it can.
    ///
    /// Called while the commit takes its turn, and only if the transaction would be refused
    /// otherwise: once, or in a shared folder once again whenever another process was faster, with
    /// nothing settled yet. Others wait meanwhile: it must be quick, must not wait for anything, and
    /// must not use the database. After an error or a panic the transaction is refused, the panic
    /// as [`Error::Invalid`], and nothing of it remains.
    fn merge(&mut self, merge: &mut Merge<'_>) -> Result<()>;
}

/// The three sides of a clash, and the means to settle it; see [`Merger`].
pub struct Merge<'a> {
    base: &'a Version,
    newest: &'a dyn State,
    draft: &'a mut Draft,
}

impl fmt::Debug for Merge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge").field("base", &self.base.position()).finish_non_exhaustive()
    }
}

impl Merge<'_> {
    /// The value in the snapshot of the transaction.
    pub fn base(&self, store: StoreId, key: &[u8]) -> Result<Option<Value<'_>>> {
        Ok(self.base.value(store, key)?.map(Value::snapshot))
    }

    /// The value in the newest state, which the transaction is going to change.
    pub fn newest(&self, store: StoreId, key: &[u8]) -> Result<Option<Value<'_>>> {
        Ok(self.newest.value(store, key)?.map(Value::snapshot))
    }

    /// What the transaction is going to write: nothing, a removal, or a value. Chunks of blobs are
    /// not shown.
    pub fn written(&self, store: StoreId, key: &[u8]) -> Option<Option<&[u8]>> {
        match self.draft.written(store, key)?.value {
            None => Some(None),
            Some(NewValue::Bytes(value)) => Some(Some(value)),
            Some(NewValue::Placed(_)) => None,
        }
    }

    /// Whether somebody else has written or removed the key since the snapshot.
    pub fn is_changed(&self, store: StoreId, key: &[u8]) -> Result<bool> {
        Ok(self.base.writer(store, key)? != self.newest.writer(store, key)?)
    }

    /// Writes a value, or removes it, on top of the newest state. What the transaction has read and
    /// written of the key before does not count any more.
    ///
    /// Fails if the key or the value is too long, or the transaction gets too large.
    pub fn settle(&mut self, store: StoreId, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        check_entry(key, value)?;
        let value = value.map(NewValue::Bytes);
        self.draft.write(store, Write { key, value }, Regard::Checked)?;
        self.draft.store(store).settled.insert(key.to_vec());
        Ok(())
    }

    /// Takes back what the transaction has written: the key stays as it is in the newest state.
    pub fn withdraw(&mut self, store: StoreId, key: &[u8]) {
        let own = self.draft.store(store);
        own.writes.remove(key);
        own.settled.insert(key.to_vec());
    }
}

/// Lets the merger work on a draft that does not hold on the newest state.
pub(super) fn merge(
    merger: &mut dyn Merger,
    draft: &mut Draft,
    base: &Version,
    newest: &dyn State,
) -> Result<()> {
    let mut merge = Merge { base, newest, draft };
    // Somebody else's code must not take the pipeline down. What it may have left half done is the
    // draft, which is dropped.
    catch_unwind(AssertUnwindSafe(|| merger.merge(&mut merge)))
        .unwrap_or_else(|_| Err(Error::Invalid("a merger panicked".into())))
}
