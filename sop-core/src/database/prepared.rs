//! Transactions in two phases, by hand.

use std::sync::Arc;

use super::{Database, Shared, transaction::Submitted};
use crate::{
    commit::{Commit, Submission},
    error::{Error, Result},
    id::{Gtid, StoreId},
    limit::{PREPARED_MAX, PREPARED_NAME_LEN_MAX},
    node::{Link, Stored},
    transaction::{Draft, Durability, View},
    tree::TreeCursor,
    version::{State, Version},
};

/// A transaction that is durable, but has not taken effect: it can be committed whatever happens, and
/// rolled back. Made by [`Transaction::prepare`](crate::Transaction::prepare).
///
/// Dropping the handle changes nothing: [`Database::prepared`] lists it, and
/// [`Database::find_prepared`] gives a handle again, also after the database was opened anew, and in
/// any process that shares the folder.
///
/// Until it ends it holds what it wrote, read, and required. Who commits a change of that, or rests on
/// what it is going to write, gets an [`Error::Conflict`] whose
/// [`prepared`](crate::Conflict::prepared) names it. Readers see the state before it and never wait.
///
/// ```
/// # use sop_core::{Database, Error, StoreOptions};
/// # let db = Database::builder().in_memory()?;
/// let tx = db.begin()?;
/// tx.open_store("accounts", &StoreOptions::default())?.add("ann", "90")?;
/// let prepared = tx.prepare("payment 17")?;
/// assert!(db.snapshot()?.store("accounts").is_err());
/// assert_eq!(db.prepared()?[0].name, "payment 17");
///
/// prepared.commit()?;
/// assert_eq!(db.snapshot()?.store("accounts")?.len()?, 1);
/// assert!(db.prepared()?.is_empty());
/// # Ok::<_, Error>(())
/// ```
#[derive(Debug)]
#[must_use = "what is prepared keeps others from committing until it is committed or rolled back"]
pub struct Prepared {
    shared: Arc<Shared>,
    name: String,
}

/// A transaction that is prepared; see [`Database::prepared`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreparedInfo {
    /// Its name.
    pub name: String,
    /// The log position at which it was prepared.
    pub position: u64,
    /// Bytes of what it is going to do and rests on.
    pub len: u64,
}

impl Prepared {
    pub(super) fn new(shared: Arc<Shared>, name: String) -> Self {
        Self { shared, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets it take effect: durably, and all of it at once.
    ///
    /// Never conflicts with what others do. Fails with [`Error::PreparedNotFound`] if somebody else
    /// has ended it. After any other error it is still prepared, or, after
    /// [`Error::CommitUnknown`], may have taken effect; then [`Database::find_prepared`] tells once the database
    /// was opened anew.
    pub fn commit(&self) -> Result<Commit> {
        self.end(|bytes| Draft::of_intent(&self.name, bytes))
    }

    /// Undoes it, durably. Fails as [`commit`](Self::commit) does.
    pub fn rollback(&self) -> Result<()> {
        self.end(|_| Draft::ending(&self.name)).map(drop)
    }

    /// The same as [`commit`](Self::commit) without blocking the thread; on any executor.
    pub async fn commit_async(&self) -> Result<Commit> {
        self.end_async(|bytes| Draft::of_intent(&self.name, bytes)).await
    }

    /// The same as [`rollback`](Self::rollback) without blocking the thread; on any executor.
    pub async fn rollback_async(&self) -> Result<()> {
        self.end_async(|_| Draft::ending(&self.name)).await.map(drop)
    }

    /// Ends it as somebody forces it to, and notes that: a key and a value among the decisions.
    pub(crate) async fn force(&self, commits: bool, note: (&[u8], &[u8])) -> Result<()> {
        let draft = |bytes: &[u8]| {
            let draft = if commits {
                Draft::of_intent(&self.name, bytes)?
            } else {
                Draft::ending(&self.name)?
            };
            draft.noting(StoreId::DECISIONS, note)
        };
        self.end_async(draft).await.map(drop)
    }

    fn end(&self, draft: impl Fn(&[u8]) -> Result<Draft>) -> Result<Commit> {
        let mut attempted = None;
        loop {
            let (submission, prepared_at) = self.ending(&draft)?;
            match self.shared.core.pipeline()?.commit(submission) {
                // Somebody else ends it too; the next look tells.
                Err(Error::Conflict(_)) if attempted != prepared_at => attempted = prepared_at,
                outcome => return outcome,
            }
        }
    }

    async fn end_async(&self, draft: impl Fn(&[u8]) -> Result<Draft>) -> Result<Commit> {
        let mut attempted = None;
        loop {
            let (submission, prepared_at) = self.ending(&draft)?;
            match Submitted::new(Arc::clone(&self.shared), submission).await {
                // As above.
                Err(Error::Conflict(_)) if attempted != prepared_at => attempted = prepared_at,
                outcome => return outcome,
            }
        }
    }

    /// What ends it, on the state as of now; and when it was prepared.
    fn ending(&self, draft: impl Fn(&[u8]) -> Result<Draft>) -> Result<(Submission, Option<u64>)> {
        self.shared.core.pipeline()?.follow()?;
        let base = self.shared.core.load()?;
        let key = self.name.as_bytes();
        let prepared_at = base.writer(StoreId::PREPARED, key)?;
        let bytes = base.value(StoreId::PREPARED, key)?;
        let missing = || Error::PreparedNotFound { name: self.name.clone() };
        let draft = draft(bytes.ok_or_else(missing)?.bytes())?;
        let durability = Durability::Immediate;
        let submission = Submission { draft, base: Arc::clone(&base), durability, merger: None };
        Ok((submission, prepared_at))
    }
}

impl Database {
    /// All transactions that are prepared, by name.
    ///
    /// In a folder that many processes share, as far as this process knows; see
    /// [`follow`](Self::follow).
    pub fn prepared(&self) -> Result<Vec<PreparedInfo>> {
        list(&*self.shared.core.load()?)
    }

    /// The prepared transaction of this name; [`Error::PreparedNotFound`] if there is none.
    ///
    /// In a folder that many processes share, of any of them, as of now.
    ///
    /// Fails with [`Error::Invalid`] for a branch of a global transaction: what becomes of that is
    /// decided for all its branches together; see [`TransactionManager`](crate::TransactionManager).
    pub fn find_prepared(&self, name: &str) -> Result<Prepared> {
        refuse_reserved(name)?;
        self.find_branch(name)
    }

    /// The same for any name.
    pub(crate) fn find_branch(&self, name: &str) -> Result<Prepared> {
        self.shared.core.pipeline()?.follow()?;
        let version = self.shared.core.load()?;
        if version.writer(StoreId::PREPARED, name.as_bytes())?.is_none() {
            return Err(Error::PreparedNotFound { name: name.to_owned() });
        }
        Ok(Prepared::new(Arc::clone(&self.shared), name.to_owned()))
    }
}

/// What is prepared in a state.
pub(super) fn list(version: &Version) -> Result<Vec<PreparedInfo>> {
    let Some(tree) = version.tree(StoreId::PREPARED) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    TreeCursor::new(version.source(), *tree).visit_all(|entry, leaf, index| {
        let name = String::from_utf8_lossy(&leaf.key(index)).into_owned();
        // What is long stands in a segment, and need not be read for that.
        let len = match leaf.stored(index) {
            Stored::Outside(Link::Disk(address)) => u64::from(address.len),
            _ => entry.value()?.bytes().len() as u64,
        };
        all.push(PreparedInfo { name, position: leaf.version(index), len });
        Ok(())
    })?;
    Ok(all)
}

/// Refuses a name that only branches of global transactions have.
pub(super) fn refuse_reserved(name: &str) -> Result<()> {
    if name.starts_with(Gtid::PREFIX) {
        return Err(Error::Invalid(format!(
            "the prepared transaction {name:?} is, by its name, a branch of a global transaction, \
             which is ended by a `TransactionManager`"
        )));
    }
    Ok(())
}

/// Refuses a name that cannot be given to another prepared transaction.
pub(super) fn check_name(view: &View, name: &str) -> Result<()> {
    let version: &Version = view.version();
    if name.is_empty() || name.len() > PREPARED_NAME_LEN_MAX {
        return Err(Error::Invalid(format!(
            "a prepared transaction's name of {} bytes; it has 1 to {PREPARED_NAME_LEN_MAX}",
            name.len()
        )));
    }
    if version.writer(StoreId::PREPARED, name.as_bytes())?.is_some() {
        return Err(Error::PreparedExists { name: name.to_owned() });
    }
    match version.tree(StoreId::PREPARED) {
        Some(tree) if tree.entries >= PREPARED_MAX => {
            Err(Error::TooManyPrepared { limit: PREPARED_MAX })
        }
        _ => Ok(()),
    }
}
