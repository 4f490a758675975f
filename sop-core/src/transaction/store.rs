//! What users hold to read and write one store.

use std::ops::{Deref, RangeBounds};

use super::{
    Cursor, Range, Value,
    draft::{Draft, check_entry},
    own::Own,
    view::View,
};
use crate::{
    delta::{NewValue, Write},
    error::{Error, Result},
    guard::{self, Guard},
    id::StoreId,
    tree::{self, KeyRange, StoreStats, Tree},
    write_set::Regard,
};

/// Reading of one store: in a snapshot, or in a transaction together with its own writes.
///
/// A small handle to copy about. Keys are any bytes up to [`crate::limit::KEY_LEN_MAX`], ordered as
/// bytes; the empty key is a key.
#[derive(Clone, Copy, Debug)]
pub struct StoreView<'t> {
    view: &'t View,
    store: StoreId,
    /// The store in the snapshot.
    tree: Tree,
}

impl<'t> StoreView<'t> {
    pub(super) fn new(view: &'t View, store: StoreId, tree: Tree) -> Self {
        Self { view, store, tree }
    }

    pub(super) fn view(&self) -> &'t View {
        self.view
    }

    pub(super) fn tree(&self) -> Tree {
        self.tree
    }

    /// The store's number, which stays the same when it is renamed.
    ///
    /// For a store that this transaction created the number is good in this transaction only.
    pub fn id(&self) -> StoreId {
        self.store
    }

    /// The value under a key. Costs one descent of the tree; the value is not copied.
    ///
    /// Fails if the key is too long or what is stored is damaged.
    pub fn find(&self, key: impl AsRef<[u8]>) -> Result<Option<Value<'t>>> {
        let key = key.as_ref();
        check_entry(key, None)?;
        let own = |draft: &mut Draft| {
            draft.check_usable(self.store)?;
            let own = draft.written(self.store, key).map(|write| write.value.map(Own::of));
            if own.is_none() {
                draft.read_point(self.store, key);
            }
            Ok(own)
        };
        match self.view.drafted(own).transpose()?.flatten() {
            Some(own) => own.map(|own| own.read(self)).transpose(),
            None => Ok(self.view.find(&self.tree, key)?.map(Value::snapshot)),
        }
    }

    /// Whether a key is there. Costs one descent of the tree, however long the value is.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref();
        check_entry(key, None)?;
        self.is_there(key, true)
    }

    /// The entry with the least key.
    pub fn first(&self) -> Result<Option<(Vec<u8>, Value<'t>)>> {
        self.iter()?.next().transpose()
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Result<Option<(Vec<u8>, Value<'t>)>> {
        self.iter()?.next_back().transpose()
    }

    /// The entries of a range of keys, from both ends. An inverted range is empty.
    ///
    /// ```
    /// # let db = sop_core::Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # let store = tx.create_store("s", &Default::default())?;
    /// store.add("a", "1")?;
    /// store.add("b", "2")?;
    /// store.add("c", "3")?;
    /// let keys: Result<Vec<_>, _> = store.range("a".."c")?.map(|entry| Ok(entry?.0)).collect();
    /// assert_eq!(keys?, [b"a", b"b"]);
    /// # Ok::<_, sop_core::Error>(())
    /// ```
    pub fn range<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>) -> Result<Range<'t>> {
        Range::new(*self, KeyRange::new(&range))
    }

    /// The entries whose keys begin with `prefix`.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Result<Range<'t>> {
        Range::new(*self, KeyRange::prefix(prefix.as_ref()))
    }

    /// All entries.
    #[expect(clippy::iter_not_returning_iterator, reason = "reading may fail at once")]
    pub fn iter(&self) -> Result<Range<'t>> {
        Range::new(*self, KeyRange::ALL)
    }

    /// A position to move about in the store, without copying what it passes.
    pub fn cursor(&self) -> Result<Cursor<'t>> {
        Cursor::new(*self, KeyRange::ALL)
    }

    /// A position to move about in a range of keys, like [`Self::cursor`]: what lies outside is
    /// not there for it. An inverted range is empty.
    ///
    /// ```
    /// # let db = sop_core::Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # let store = tx.create_store("s", &Default::default())?;
    /// store.add("a", "1")?;
    /// store.add("b", "2")?;
    /// store.add("c", "3")?;
    /// let mut cursor = store.range_cursor("a".."c")?;
    /// assert!(cursor.last()?);
    /// assert_eq!(cursor.key(), Some(&b"b"[..]));
    /// # Ok::<_, sop_core::Error>(())
    /// ```
    pub fn range_cursor<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>) -> Result<Cursor<'t>> {
        Cursor::new(*self, KeyRange::new(&range))
    }

    /// A cursor over the keys of a range, which does not read values.
    pub(crate) fn keys<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>) -> Result<Cursor<'t>> {
        Cursor::of_keys(*self, KeyRange::new(&range))
    }

    /// Number of entries: known without looking, but for what this transaction wrote to the store.
    pub fn len(&self) -> Result<u64> {
        self.count_range(&KeyRange::ALL)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Number of entries in a range of keys. Costs two descents of the tree however many there
    /// are, and one for each of the transaction's own writes in the range.
    pub fn count<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>) -> Result<u64> {
        self.count_range(&KeyRange::new(&range))
    }

    /// Number of entries whose keys begin with `prefix`; costs as much as [`Self::count`].
    pub fn count_prefix(&self, prefix: impl AsRef<[u8]>) -> Result<u64> {
        self.count_range(&KeyRange::prefix(prefix.as_ref()))
    }

    fn count_range(&self, range: &KeyRange) -> Result<u64> {
        if range.is_empty() {
            return Ok(0);
        }
        let own = |draft: &mut Draft| {
            draft.check_usable(self.store)?;
            draft.read_range(self.store, range.clone());
            let writes = draft.stores.get(self.store).map(|store| &store.writes);
            let written = writes
                .into_iter()
                .flat_map(|writes| writes.range(&range.start, range.end.as_deref()));
            let written = written.map(|write| (write.key.to_vec(), write.value.is_some()));
            Ok(written.collect::<Vec<_>>())
        };
        let mut count = self.tree.count(self.view.source(), range)?;
        for (key, is_some) in self.view.drafted(own).transpose()?.unwrap_or_default() {
            let was_some = self.view.has(&self.tree, &key)?;
            count = count + u64::from(is_some) - u64::from(was_some);
        }
        Ok(count)
    }

    /// The first key of a range that was written or removed between an earlier state of the same
    /// store and the one that this was opened in. Both are taken as they were committed: what a
    /// transaction itself wrote does not count, nor does this count as read.
    ///
    /// What both states share is skipped, so this costs what was changed around that key.
    pub fn first_change<K: AsRef<[u8]>>(
        &self,
        since: &StoreView<'_>,
        range: impl RangeBounds<K>,
    ) -> Result<Option<Vec<u8>>> {
        let range = KeyRange::new(&range);
        let was = (since.view.source(), &since.tree);
        let now = (self.view.source(), &self.tree);
        if self.tree.grafted <= since.view.version().position().0 {
            return tree::first_change(was, now, &range);
        }
        // Replaced as a whole: entries of the two cannot be compared.
        let nothing = Tree::empty(self.tree.node_size);
        let gone = tree::first_change(was, (now.0, &nothing), &range)?;
        let new = tree::first_change((was.0, &nothing), now, &range)?;
        Ok(gone.into_iter().chain(new).min())
    }

    /// Whether there are entries in the snapshot, whatever this transaction did to them.
    pub(crate) fn was_filled(&self) -> bool {
        self.tree.entries > 0
    }

    /// What the store takes in the snapshot, and how well its nodes are filled. Reads all of it;
    /// does not count as a read of the transaction.
    pub fn stats(&self) -> Result<StoreStats> {
        tree::stats(self.view.source(), &self.tree)
    }

    /// Whether the key is there. What is written next need not be noted as read.
    fn is_there(&self, key: &[u8], noted: bool) -> Result<bool> {
        let own = |draft: &mut Draft| {
            draft.check_usable(self.store)?;
            let own = draft.written(self.store, key).map(|write| write.value.is_some());
            if own.is_none() && noted {
                draft.read_point(self.store, key);
            }
            Ok(own)
        };
        match self.view.drafted(own).transpose()?.flatten() {
            Some(own) => Ok(own),
            None => self.view.has(&self.tree, key),
        }
    }
}

/// Reading and writing of one store in a transaction.
///
/// Derefs to [`StoreView`] for all reading, which sees the writes made so far.
#[derive(Clone, Copy, Debug)]
pub struct Store<'t> {
    store: StoreView<'t>,
}

impl<'t> Deref for Store<'t> {
    type Target = StoreView<'t>;

    fn deref(&self) -> &StoreView<'t> {
        &self.store
    }
}

impl<'t> Store<'t> {
    pub(crate) fn new(store: StoreView<'t>) -> Self {
        Self { store }
    }

    /// Adds an entry; [`Error::KeyExists`] if the key is there already.
    pub fn add(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let key = key.as_ref();
        if self.add_if_absent(key, value)? {
            return Ok(());
        }
        let store = self.view.name_of(self.id());
        Err(Error::KeyExists { store, key: key.to_vec() })
    }

    /// Adds an entry unless the key is there already; whether it did.
    pub fn add_if_absent(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        let (key, value) = (key.as_ref(), value.as_ref());
        check_entry(key, Some(value))?;
        if self.is_there(key, false)? && guard::stands(Guard::AddNoDuplicate) {
            self.read(key);
            return Ok(false);
        }
        self.write(key, Some(value))?;
        Ok(true)
    }

    /// Replaces the value of a key; [`Error::KeyNotFound`] if the key is not there.
    pub fn update(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        check_entry(key, Some(value))?;
        if self.is_there(key, false)? {
            return self.write(key, Some(value));
        }
        self.read(key);
        let store = self.view.name_of(self.id());
        Err(Error::KeyNotFound { store, key: key.to_vec() })
    }

    /// Gives a key a value, whether it is there or not. Nothing is looked up before the commit.
    ///
    /// Still it is for the state that the transaction sees: that another transaction writes the key
    /// meanwhile is a conflict. [`blind_upsert`](Self::blind_upsert) is without.
    pub fn upsert(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        check_entry(key, Some(value))?;
        self.write(key, Some(value))
    }

    /// Removes a key; whether it was there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref();
        check_entry(key, None)?;
        if self.is_there(key, false)? {
            self.write(key, None)?;
            return Ok(true);
        }
        self.read(key);
        Ok(false)
    }

    /// Gives a key a value, whatever it holds when the transaction commits. The cheapest write:
    /// nothing is looked up, and of two transactions that write the key the later commit wins.
    ///
    /// For what follows from something else than the key, such as an entry of an index. By itself it
    /// never conflicts with another's write of the key, under any isolation; the two are as if one
    /// had come after the other. To others it is a write like any: who has read the key, or wrote it
    /// by another function, and commits later conflicts.
    ///
    /// What the transaction has read stays read: [`find`](StoreView::find) before it, and ranges
    /// before and after, conflict as ever. `find` after it tells what was written here, and
    /// depends on nobody. Under [`Isolation::Snapshot`](crate::Isolation::Snapshot) reads are not
    /// checked, so that whoever computes the value from the one before should
    /// [`upsert`](Self::upsert).
    ///
    /// Any other write of the same key in this transaction, before or after, makes the key one
    /// that is checked, and so does one that is refused, as a read. A savepoint that is gone back to takes a blind write back without a trace.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions};
    /// # let db = Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # tx.create_store("seen", &StoreOptions::default())?;
    /// # tx.commit()?;
    /// let (one, two) = (db.begin()?, db.begin()?);
    /// for (tx, day) in [(&one, "monday"), (&two, "tuesday")] {
    ///     tx.store("seen")?.blind_upsert("ann", day)?;
    /// }
    /// two.commit()?;
    /// one.commit()?; // The later commit, whoever began first.
    /// assert_eq!(db.snapshot()?.store("seen")?.find("ann")?.as_deref(), Some(&b"monday"[..]));
    /// # Ok::<_, Error>(())
    /// ```
    pub fn blind_upsert(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (key, value) = (key.as_ref(), value.as_ref());
        check_entry(key, Some(value))?;
        self.write_as(Write { key, value: Some(NewValue::Bytes(value)) }, Regard::Blind)
    }

    /// Removes a key, whatever it holds when the transaction commits, if it is there then. Whether it
    /// was is not told, so that nothing is read; all else is as with
    /// [`blind_upsert`](Self::blind_upsert).
    ///
    /// To remove what is not there changes no entry, so that nobody conflicts who read the key or a
    /// range around it. It is a commit like any, with a position of its own, and
    /// [`changed_keys`](crate::Database::changed_keys) names the key.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions};
    /// # let db = Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # tx.create_store("seen", &StoreOptions::default())?.add("ann", "monday")?;
    /// # tx.commit()?;
    /// let (one, two) = (db.begin()?, db.begin()?);
    /// one.store("seen")?.blind_remove("ann")?;
    /// two.store("seen")?.blind_remove("ann")?;
    /// one.commit()?;
    /// two.commit()?; // There was nothing left to remove.
    /// assert!(db.snapshot()?.store("seen")?.is_empty()?);
    /// # Ok::<_, Error>(())
    /// ```
    pub fn blind_remove(&self, key: impl AsRef<[u8]>) -> Result<()> {
        let key = key.as_ref();
        check_entry(key, None)?;
        self.write_as(Write { key, value: None }, Regard::Blind)
    }

    /// Whether the key is there. If it is, it must be there at commit too, under any isolation:
    /// that another transaction removes it meanwhile is a conflict, that it gives it another value
    /// is none. Costs as much as [`contains`](StoreView::contains). Where a transaction requires very many
    /// keys of a store, the range that they span is required to be unchanged instead.
    ///
    /// For what refers to the key. The one that removes the key must do its part: look for what
    /// refers to it, and [`require_unchanged`](Self::require_unchanged) what it looked through.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions, TransactionOptions, Isolation};
    /// # let db = Database::builder().in_memory()?;
    /// # let tx = db.begin()?;
    /// # let (users, orders) = ("users", "orders");
    /// # tx.create_store(users, &StoreOptions::default())?.add("ann", "1 order")?;
    /// # tx.create_store(orders, &StoreOptions::default())?;
    /// # tx.commit()?;
    /// let order = db.begin()?;
    /// assert!(order.store(users)?.require("ann")?);
    /// order.store(orders)?.add("order 2", "of ann")?;
    ///
    /// let count = db.begin()?;
    /// count.store(users)?.upsert("ann", "2 orders")?;
    /// count.commit()?;
    /// order.commit()?; // She is still there.
    /// # Ok::<_, Error>(())
    /// ```
    pub fn require(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref();
        check_entry(key, None)?;
        let was_there = self.view.has(&self.tree, key)?;
        let required = |draft: &mut Draft| {
            draft.check_usable(self.id())?;
            let own = draft.written(self.id(), key).map(|own| own.value.is_some());
            if was_there {
                draft.store(self.id()).required.key(key);
            } else if own.is_none() {
                draft.read_point(self.id(), key);
            }
            Ok(own.unwrap_or(was_there))
        };
        self.view.drafted(required).unwrap_or(Err(Error::ReadOnly))
    }

    /// Makes any change that another transaction commits to a range of keys a conflict, under any
    /// isolation. Under [`Isolation::Serializable`](crate::Isolation::Serializable) reading the
    /// range does as much.
    pub fn require_unchanged<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>) -> Result<()> {
        let range = KeyRange::new(&range);
        let required = |draft: &mut Draft| {
            draft.check_usable(self.id())?;
            draft.store(self.id()).required.range(range);
            Ok(())
        };
        self.view.drafted(required).unwrap_or(Err(Error::ReadOnly))
    }

    /// The same as [`upsert`](Self::upsert) for a long value, which is written to a segment now.
    /// Only where values may be placed.
    pub(crate) fn upsert_placed(&self, key: &[u8], value: &[u8]) -> Result<()> {
        check_entry(key, Some(value))?;
        if value.is_empty() {
            return self.write(key, Some(value));
        }
        let usable = self.view.drafted(|draft| draft.check_usable(self.id()));
        usable.unwrap_or(Err(Error::ReadOnly))?;
        let value = Some(NewValue::Placed(self.view.place(self.id(), value)?));
        self.write_as(Write { key, value }, Regard::Checked)
    }

    fn write(&self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let value = value.map(NewValue::Bytes);
        self.write_as(Write { key, value }, Regard::Checked)
    }

    fn write_as(&self, write: Write<'_>, regard: Regard) -> Result<()> {
        self.view
            .drafted(|draft| draft.write(self.id(), write, regard))
            .unwrap_or(Err(Error::ReadOnly))
    }

    /// Notes that what the snapshot has under a key decided something.
    fn read(&self, key: &[u8]) {
        self.view.drafted(|draft| draft.read_point(self.id(), key));
    }
}
