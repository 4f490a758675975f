//! Transactions and snapshots as users hold them.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    Database, Shared,
    prepared::{self, Prepared, PreparedInfo},
};
use crate::{
    blob::{BlobOptions, BlobStore, BlobStoreView},
    commit::{Commit, Settler, Submission, Ticket},
    delta::NewValue,
    error::{Error, Result},
    id::StoreId,
    limit::BY_REFERENCE_LEN_MIN,
    node::SegmentSink,
    transaction::{
        Draft, Durability, Loaded, Merger, Savepoint, Store, StoreInfo, StoreOptions, StoreView,
        View, check_entry,
    },
    tree::Loader,
};

/// A unit of work: everything it writes takes effect at once, or nothing does.
///
/// Reads see one state of the database, that of its beginning, and its own writes on top. Nothing
/// is locked: others go on, and whether they got into its way is found out at commit. All methods
/// take `&self` and may be called from several threads. Dropped without a commit it leaves no
/// trace.
///
/// ```
/// # use sop_core::{Database, Error, StoreOptions};
/// # let db = Database::builder().in_memory()?;
/// let (one, two) = (db.begin()?, db.begin()?);
/// one.open_store("s", &StoreOptions::default())?.add("a", "1")?;
/// two.open_store("s", &StoreOptions::default())?.add("b", "2")?;
/// one.commit()?;
/// assert!(two.commit()?.merged); // they wrote different keys
/// # Ok::<_, Error>(())
/// ```
#[derive(Debug)]
pub struct Transaction {
    shared: Arc<Shared>,
    view: View,
    durability: Durability,
    merger: Option<Settler>,
}

impl Transaction {
    pub(super) fn new(shared: Arc<Shared>, view: View, durability: Durability) -> Self {
        Self { shared, view, durability, merger: None }
    }

    /// Opens a store by name; [`Error::StoreNotFound`] if there is none.
    ///
    /// That the name stood for this store counts as read.
    pub fn store(&self, name: &str) -> Result<Store<'_>> {
        self.view.store(name).map(Store::new)
    }

    /// Opens a store by its number, which outlives its name; [`Error::StoreNotFound`] if it was
    /// dropped. Faster than by name.
    pub fn store_by_id(&self, id: StoreId) -> Result<Store<'_>> {
        self.view.store_by_id(id).map(Store::new)
    }

    /// Opens a store by name, or creates it; [`Error::StoreOptions`] if it exists with others.
    ///
    /// Two transactions may create the same store at once: both commit, to one store.
    pub fn open_store(&self, name: &str, options: &StoreOptions) -> Result<Store<'_>> {
        self.view.open_store(name, options)
    }

    /// Creates a store; [`Error::StoreExists`] if there is one of this name.
    ///
    /// Names are any text of 1 to [`crate::limit::STORE_NAME_LEN_MAX`] bytes; they are never part
    /// of a path.
    pub fn create_store(&self, name: &str, options: &StoreOptions) -> Result<Store<'_>> {
        self.view.create_store(name, options)
    }

    /// Opens a store of blobs by name, or creates it.
    ///
    /// It is an ordinary store; fails with [`Error::StoreOptions`] if it exists with options of its
    /// own, and if the options are out of their bounds.
    pub fn open_blobs(&self, name: &str, options: &BlobOptions) -> Result<BlobStore<'_>> {
        options.check()?;
        self.allow_placing()?;
        Ok(BlobStore::new(self.open_store(name, &StoreOptions::default())?, *options))
    }

    /// Opens a store of blobs by name, with options as they are by default;
    /// [`Error::StoreNotFound`] if there is none.
    pub fn blobs(&self, name: &str) -> Result<BlobStore<'_>> {
        self.allow_placing()?;
        Ok(BlobStore::new(self.store(name)?, BlobOptions::default()))
    }

    /// Opens a store of blobs by its number; [`Error::StoreNotFound`] if it was dropped. Fails if the
    /// options are out of their bounds.
    pub fn blobs_by_id(&self, id: StoreId, options: &BlobOptions) -> Result<BlobStore<'_>> {
        options.check()?;
        self.allow_placing()?;
        Ok(BlobStore::new(self.store_by_id(id)?, *options))
    }

    /// Gives a store another name; [`Error::StoreExists`] if it is taken.
    pub fn rename_store(&self, from: &str, to: &str) -> Result<()> {
        self.view.rename_store(from, to)
    }

    /// Drops a store and all that is in it. At commit this costs reading the whole store once.
    ///
    /// A concurrent transaction that used the store conflicts.
    pub fn drop_store(&self, name: &str) -> Result<()> {
        self.view.drop_store(name)
    }

    /// All stores, by name.
    pub fn stores(&self) -> Result<Vec<StoreInfo>> {
        self.view.stores()
    }

    /// Fills an empty or new store with entries in strictly ascending order of their keys; gives
    /// their number.
    ///
    /// The fastest way to load much: nodes are written full and once, to files of their own, in
    /// bounded memory however many entries there are, and the log only names the files. Until this
    /// transaction has committed the store can be neither read nor written in it. Fails if the
    /// store has entries, also if only this transaction removed them, or the keys are out of order; if others write to the store meanwhile, the
    /// commit conflicts.
    pub fn bulk_load<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        name: &str,
        options: &StoreOptions,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<u64> {
        let store = self.open_store(name, options)?;
        if !store.is_empty()? || store.was_filled() {
            let message = format!(
                "store {name:?} has entries, or had some when the transaction began; only empty \
                 stores are bulk loaded"
            );
            return Err(Error::Invalid(message));
        }
        let mut loader = self.loader(options.node_size)?;
        for (key, value) in entries {
            let (key, value) = (key.as_ref(), value.as_ref());
            check_entry(key, Some(value))?;
            loader.add(key, value)?;
        }
        let count = loader.entries();
        if let Some((graft, segments)) = loader.finish()? {
            self.view.set_loaded(store.id(), Loaded { graft, segments, optional: false });
        }
        Ok(count)
    }

    /// From now on values may be placed in this transaction.
    pub(super) fn allow_placing(&self) -> Result<()> {
        self.view.allow_placing(self.shared.core.pipeline()?.folder());
        Ok(())
    }

    fn loader(&self, node_size: usize) -> Result<Loader> {
        let folder = Arc::clone(self.shared.core.pipeline()?.folder());
        let position = self.view.version().position().0;
        Ok(Loader::new(SegmentSink::new(folder), node_size, position))
    }

    /// A moment to go back to. Costs a few bytes, and as long as there is one, every write costs an
    /// entry of some 60 bytes in a journal, and room of its own where it would have taken that of
    /// an earlier value.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions};
    /// # let db = Database::builder().in_memory()?;
    /// let transaction = db.begin()?;
    /// let store = transaction.open_store("s", &StoreOptions::default())?;
    /// store.add("a", "1")?;
    /// let savepoint = transaction.savepoint();
    /// store.add("b", "2")?;
    /// transaction.rollback_to(&savepoint)?;
    /// assert_eq!(store.len()?, 1);
    /// # Ok::<_, Error>(())
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "a transaction always has a draft")]
    pub fn savepoint(&self) -> Savepoint {
        self.view.drafted(Draft::savepoint).expect("invariant: a transaction has a draft")
    }

    /// Undoes everything written since a savepoint, names of stores included. The savepoint can be
    /// used again; those made after it are gone. Costs a search for each write undone.
    ///
    /// What was read since then still counts as read. Fails if the savepoint is gone, or is one of
    /// another transaction.
    pub fn rollback_to(&self, savepoint: &Savepoint) -> Result<()> {
        self.view.drafted(|draft| draft.rollback_to(savepoint)).unwrap_or(Ok(()))
    }

    /// Forgets a savepoint, and keeps what was written. Without savepoints no journal is kept. Fails if the savepoint is gone, or is one of another transaction.
    pub fn release(&self, savepoint: &Savepoint) -> Result<()> {
        self.view.drafted(|draft| draft.release(savepoint)).unwrap_or(Ok(()))
    }

    /// A store of the database's own.
    pub(crate) fn own_store(&self, store: StoreId) -> Store<'_> {
        Store::new(self.view.own_store(store))
    }

    /// Whether there is anything that a newer state could contradict, or that it would change.
    pub(crate) fn is_idle(&self) -> bool {
        self.view.drafted(|draft| draft.is_idle()).unwrap_or(true)
    }

    /// The same, durable when its commit returns.
    pub(crate) fn immediate(self) -> Self {
        Self { durability: Durability::Immediate, ..self }
    }

    /// The database that it is of.
    pub(crate) fn database(&self) -> Database {
        Database { shared: Arc::clone(&self.shared) }
    }

    /// The state it reads, without its own writes.
    pub fn base(&self) -> Snapshot {
        Snapshot::new(View::snapshot(Arc::clone(self.view.version())))
    }

    /// The log position of the state it reads.
    pub fn position(&self) -> u64 {
        self.view.version().position().0
    }

    /// Lets a merger settle at commit what others have changed since the snapshot, where the
    /// transaction would be refused otherwise.
    ///
    /// Only in stores that the snapshot has.
    #[must_use]
    pub fn merging(self, merger: impl Merger + 'static) -> Self {
        Self { merger: Some(Settler(Box::new(merger))), ..self }
    }

    /// Commits, and waits until the commit is as durable as the transaction's options ask.
    ///
    /// [`Error::Conflict`] if another transaction committed first that cannot be merged with this
    /// one; then this one has left no trace, and the same work may succeed in a new transaction.
    /// [`Error::CommitUnknown`] if the disk failed. Concurrent commits share one sync.
    pub fn commit(self) -> Result<Commit> {
        match self.submission()? {
            Step::Done(commit) => Ok(commit),
            Step::Submit(shared, submission) => shared.core.pipeline()?.commit(submission),
        }
    }

    /// The first of two phases: makes durable what the transaction does, under a name, so that it can
    /// be committed later whatever happens, by this process or another one, or be rolled back.
    ///
    /// Validates it as [`commit`](Self::commit) does, but merges nothing: a
    /// [merger](Self::merging) is not asked. A transaction that wrote nothing can be prepared too;
    /// what it read is held then. What is prepared is kept in one value: it has at most
    /// [`PREPARED_LEN_MAX`](crate::limit::PREPARED_LEN_MAX) bytes, contents of blobs included, and
    /// cannot load in bulk. Costs a commit; ending it costs another one.
    ///
    /// Fails with [`Error::PreparedExists`] if the name is taken, and with
    /// [`Error::TooManyPrepared`].
    pub fn prepare(self, name: &str) -> Result<Prepared> {
        prepared::refuse_reserved(name)?;
        let (shared, submission) = self.prepared(name)?;
        shared.core.pipeline()?.commit(submission)?;
        Ok(Prepared::new(shared, name.to_owned()))
    }

    /// The same as [`prepare`](Self::prepare) without blocking the thread; on any executor. If it is
    /// dropped after it was first polled, the transaction may be prepared all the same.
    pub async fn prepare_async(self, name: &str) -> Result<Prepared> {
        prepared::refuse_reserved(name)?;
        self.prepare_branch(name).await
    }

    /// The same under a name that is reserved for branches of global transactions.
    pub(crate) async fn prepare_branch(self, name: &str) -> Result<Prepared> {
        let (shared, submission) = self.prepared(name)?;
        Submitted::new(Arc::clone(&shared), submission).await?;
        Ok(Prepared::new(shared, name.to_owned()))
    }

    fn prepared(self, name: &str) -> Result<(Arc<Shared>, Submission)> {
        self.shared.core.pipeline()?;
        prepared::check_name(&self.view, name)?;
        self.view.prepare(name)?;
        let Self { shared, view, .. } = self;
        let (base, draft) = view.into_parts();
        let draft = draft.ok_or(Error::ReadOnly)?;
        let durability = Durability::Immediate;
        Ok((shared, Submission { draft, base, durability, merger: None }))
    }

    /// Commits without blocking the thread; a future for any executor.
    ///
    /// Nothing happens before it is first polled. If it is dropped after that, the commit goes on.
    pub fn commit_async(self) -> CommitFuture {
        CommitFuture { state: State::Idle(Box::new(self)) }
    }

    /// Drops the transaction and everything it wrote.
    pub fn rollback(self) {
        drop(self);
    }

    fn submission(self) -> Result<Step> {
        self.shared.core.pipeline()?;
        if self.view.drafted(|draft| !draft.is_empty()) == Some(true) {
            self.write_by_reference()?;
            self.finish_placing()?;
        }
        let Self { shared, view, durability, merger } = self;
        let (base, draft) = view.into_parts();
        match draft {
            Some(draft) if !draft.is_empty() => {
                Ok(Step::Submit(shared, Submission { draft, base, durability, merger }))
            }
            _ => Ok(Step::Done(Commit { position: base.position().0, index: 0, merged: false })),
        }
    }

    /// Writes what goes into empty stores to segments, if it is much, so that it need not be
    /// written twice.
    fn write_by_reference(&self) -> Result<()> {
        if self.view.drafted(|draft| draft.bytes).unwrap_or(0) < BY_REFERENCE_LEN_MIN {
            return Ok(());
        }
        for (store, node_size) in self.view.large_new_stores() {
            let mut loader = self.loader(node_size)?;
            self.view
                .drafted(|draft: &mut Draft| {
                    let own = draft.stores.get(store);
                    let writes = own.into_iter().flat_map(|own| own.writes.iter());
                    let mut entries = writes.filter_map(|write| match write.value? {
                        NewValue::Bytes(value) => Some((write.key, value)),
                        NewValue::Placed(_) => None,
                    });
                    entries.try_for_each(|(key, value)| loader.add(key, value))
                })
                .transpose()?;
            match loader.finish() {
                Ok(None) => {}
                Ok(Some((graft, segments))) => {
                    self.view.set_loaded(store, Loaded { graft, segments, optional: true });
                }
                // The writes are still there.
                Err(Error::Expelled) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Transaction {
    /// Makes durable what it has placed.
    fn finish_placing(&self) -> Result<()> {
        let finished = self.view.finish_placing();
        if let Err(Error::Expelled) = finished {
            // By joining anew now, so that the next attempt need not find it out once more.
            self.shared.core.pipeline()?.take_part()?;
        }
        finished
    }
}

enum Step {
    Done(Commit),
    Submit(Arc<Shared>, Submission),
}

/// A commit under way; see [`Transaction::commit_async`].
#[derive(Debug)]
#[must_use = "nothing is committed before the future is awaited"]
pub struct CommitFuture {
    state: State,
}

#[derive(Debug)]
enum State {
    Idle(Box<Transaction>),
    Submitted(Submitted),
    Done,
}

impl Future for CommitFuture {
    type Output = Result<Commit>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut submitted = match std::mem::replace(&mut self.state, State::Done) {
            State::Idle(transaction) => match transaction.submission()? {
                Step::Done(commit) => return Poll::Ready(Ok(commit)),
                Step::Submit(shared, submission) => Submitted::new(shared, submission),
            },
            State::Submitted(submitted) => submitted,
            State::Done => panic!("a commit was polled after it was done"),
        };
        let outcome = Pin::new(&mut submitted).poll(context);
        if outcome.is_pending() {
            self.state = State::Submitted(submitted);
        }
        outcome
    }
}

/// What is submitted when it is first polled, and goes on whatever becomes of this then.
#[derive(Debug)]
pub(super) struct Submitted {
    submission: Option<Submission>,
    ticket: Arc<Ticket>,
    /// Holds on to the database, so that its threads go on.
    shared: Arc<Shared>,
}

impl Submitted {
    pub(super) fn new(shared: Arc<Shared>, submission: Submission) -> Self {
        Self { submission: Some(submission), ticket: Ticket::for_future(), shared }
    }
}

impl Future for Submitted {
    type Output = Result<Commit>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The waker goes in first: the outcome may be there before it is submitted.
        let outcome = self.ticket.poll(context);
        if let Some(submission) = self.submission.take() {
            self.shared.core.pipeline()?.submit(submission, &self.ticket);
        }
        outcome
    }
}

/// One state of the database, for reading. Cheap to clone; stays as it is while it is held.
#[derive(Clone, Debug)]
pub struct Snapshot {
    view: Arc<View>,
}

impl Snapshot {
    pub(super) fn new(view: View) -> Self {
        Self { view: Arc::new(view) }
    }

    /// Opens a store by name; [`Error::StoreNotFound`] if there is none.
    pub fn store(&self, name: &str) -> Result<StoreView<'_>> {
        self.view.store(name)
    }

    /// Opens a store of blobs by name; [`Error::StoreNotFound`] if there is none.
    pub fn blobs(&self, name: &str) -> Result<BlobStoreView<'_>> {
        self.store(name).map(BlobStoreView::new)
    }

    /// Opens a store of blobs by its number; [`Error::StoreNotFound`] if it was dropped.
    pub fn blobs_by_id(&self, id: StoreId) -> Result<BlobStoreView<'_>> {
        self.store_by_id(id).map(BlobStoreView::new)
    }

    /// Opens a store by its number; [`Error::StoreNotFound`] if it was dropped.
    pub fn store_by_id(&self, id: StoreId) -> Result<StoreView<'_>> {
        self.view.store_by_id(id)
    }

    /// All stores, by name.
    pub fn stores(&self) -> Result<Vec<StoreInfo>> {
        self.view.stores()
    }

    /// A store of the database's own.
    pub(crate) fn own_store(&self, store: StoreId) -> StoreView<'_> {
        self.view.own_store(store)
    }

    /// All transactions that are prepared in this state, by name.
    pub fn prepared(&self) -> Result<Vec<PreparedInfo>> {
        prepared::list(self.view.version())
    }

    /// The log position of this state.
    pub fn position(&self) -> u64 {
        self.view.version().position().0
    }
}
