//! A transaction over several databases and resources, until it is committed.

use std::sync::Arc;

use super::{LastResource, Participant, manager::Inner};
use crate::{
    commit::Commit,
    database::{Database, Transaction},
    error::{Error, Result},
    id::Gtid,
};

/// A transaction over several databases and resources of others: all of it takes effect, or nothing.
/// See [`TransactionManager`](crate::TransactionManager).
///
/// Dropped without a commit it leaves no trace in our databases; participants that have a branch of it
/// are told with the next recovery, or at once by [`rollback`](Self::rollback).
#[derive(Debug)]
#[must_use = "a transaction that is dropped is rolled back"]
pub struct GlobalTransaction {
    enlisted: Enlisted,
    home: Transaction,
    /// Those of other databases.
    others: Vec<Transaction>,
}

/// A global transaction whose parts in our databases are begun by somebody else, such as a typed layer,
/// and handed over when it is committed; a [`GlobalTransaction`] is this and they.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Enlisted {
    pub(super) run: Run,
    pub(super) participants: Vec<Arc<dyn Participant>>,
    pub(super) last: Option<Arc<dyn LastResource>>,
}

/// That a manager works on a transaction. Whoever is enlisted when it is dropped is told later that
/// nothing has come of it, where that is so.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) inner: Arc<Inner>,
    pub(super) gtid: Gtid,
    /// Names of participants and of a last resource that may have open branches.
    pub(super) open: Vec<String>,
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        state.running.remove(&self.gtid);
        let open = self.open.drain(..).map(|name| (self.gtid, name));
        state.abandoned.extend(open);
    }
}

/// What a global transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalCommit {
    /// Its name.
    pub gtid: Gtid,
    /// The commit of the home's own part, with which it was decided; none if it was decided
    /// elsewhere: by a last resource, or by the only one who had anything to do.
    pub home: Option<Commit>,
    /// Who could not be told yet that it is committed. They are told by
    /// [recovery](crate::TransactionManager::recover); it is committed, and stays so.
    pub untold: Vec<Untold>,
}

/// Somebody who could not be told of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Untold {
    /// The folder of a database, or the name of a participant.
    pub place: String,
    /// What came in between.
    pub reason: String,
}

impl Enlisted {
    pub(super) fn new(inner: Arc<Inner>, gtid: Gtid) -> Self {
        inner.state.lock().running.insert(gtid);
        let run = Run { inner, gtid, open: Vec::new() };
        Self { run, participants: Vec::new(), last: None }
    }

    /// Its name, under which participants are to keep their branches.
    pub fn gtid(&self) -> &Gtid {
        &self.run.gtid
    }

    /// Lets a [`Participant`] take part, by its name. Its branch may have been begun before or after.
    ///
    /// Fails with [`Error::Invalid`] if the manager was not given it.
    pub fn enlist_participant(&mut self, name: &str) -> Result<()> {
        let participant = self.run.inner.participants.get(name).ok_or_else(|| unknown(name))?;
        if !self.run.open.iter().any(|open| open == name) {
            self.participants.push(Arc::clone(participant));
            self.run.open.push(name.to_owned());
        }
        Ok(())
    }

    /// Lets a [`LastResource`] take part, by its name.
    ///
    /// Fails with [`Error::Invalid`] if the manager was not given it, or another one takes part:
    /// only one can be the last.
    pub fn enlist_last_resource(&mut self, name: &str) -> Result<()> {
        let resource = self.run.inner.last_resources.get(name).ok_or_else(|| unknown(name))?;
        match &self.last {
            Some(last) if last.name() == name => Ok(()),
            Some(last) => Err(Error::Invalid(format!(
                "{:?} is the last resource of this transaction already; there can be one",
                last.name()
            ))),
            None => {
                self.last = Some(Arc::clone(resource));
                self.run.open.push(name.to_owned());
                Ok(())
            }
        }
    }

    /// Tells the participants that nothing comes of it.
    pub async fn rollback(mut self) {
        self.run.inner.clone().roll_back_open(&mut self.run).await;
    }
}

impl GlobalTransaction {
    pub(super) fn new(enlisted: Enlisted, home: Transaction) -> Self {
        Self { enlisted, home, others: Vec::new() }
    }

    /// Its name, under which participants are to keep their branches.
    pub fn gtid(&self) -> &Gtid {
        self.enlisted.gtid()
    }

    /// The transaction of the deciding database.
    pub fn home(&self) -> &Transaction {
        &self.home
    }

    /// The transaction of another database that takes part; begins it at the first call.
    ///
    /// Fails with [`Error::Invalid`] if the manager was not given this database.
    pub fn enlist(&mut self, db: &Database) -> Result<&Transaction> {
        match self.position(db) {
            None => self.enlist_with(db.begin()?),
            Some(None) => Ok(&self.home),
            Some(Some(at)) => Ok(&self.others[at]),
        }
    }

    /// Takes in a transaction of another database that has begun already. Its
    /// [merger](Transaction::merging) is not asked: what is prepared does not change any more.
    ///
    /// Fails with [`Error::Invalid`] if the manager was not given this database, or one of its
    /// transactions takes part already; then that transaction is dropped.
    pub fn enlist_with(&mut self, transaction: Transaction) -> Result<&Transaction> {
        let db = transaction.database();
        self.enlisted.run.inner.check_known(&db)?;
        if self.position(&db).is_some() {
            let path = db.path().display();
            let message = format!("a transaction of {path} takes part already; use that one");
            return Err(Error::Invalid(message));
        }
        self.others.push(transaction);
        Ok(&self.others[self.others.len() - 1])
    }

    /// Which transaction is one of this database: none, that of the home, or another one.
    #[expect(clippy::option_option, reason = "the home is none of the others")]
    fn position(&self, db: &Database) -> Option<Option<usize>> {
        let id = db.identity().database;
        let is_of = |tx: &Transaction| tx.database().identity().database == id;
        if is_of(&self.home) {
            return Some(None);
        }
        self.others.iter().position(is_of).map(Some)
    }

    /// Lets a [`Participant`] take part; see [`Enlisted::enlist_participant`].
    pub fn enlist_participant(&mut self, name: &str) -> Result<()> {
        self.enlisted.enlist_participant(name)
    }

    /// Lets a [`LastResource`] take part; see [`Enlisted::enlist_last_resource`].
    pub fn enlist_last_resource(&mut self, name: &str) -> Result<()> {
        self.enlisted.enlist_last_resource(name)
    }

    /// Commits all of it; see [`Enlisted::commit`].
    pub async fn commit(self) -> Result<GlobalCommit> {
        self.enlisted.commit(self.home, self.others).await
    }

    /// Rolls everything back, and tells the participants.
    pub async fn rollback(self) {
        self.enlisted.rollback().await;
    }
}

fn unknown(name: &str) -> Error {
    Error::Invalid(format!("{name:?} is not known to the transaction manager; add it there"))
}
