//! Who is known, and what runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use super::{
    Enlisted, GlobalTransaction, LastResource, Outcome, Participant,
    asked::Patience,
    decision::{Decision, Verdict},
    decisions::{Decisions, Standing},
};
use crate::{
    database::{Database, Transaction},
    error::{Error, Result},
    id::Gtid,
    sync::Mutex,
};

/// Commits transactions over several databases, and over resources of others, as a whole; and ends
/// what was left behind where that was interrupted. What X/Open calls a transaction manager. It keeps
/// nothing by itself: what has to last is in the databases.
///
/// It is given everything that takes part, when a program starts; then it
/// [recovers](Self::recover), and from then on does so from time to time. Any number of managers,
/// in as many processes as share the databases, may do so at once. A program that shows a database
/// to nobody but this manager's transactions gives it that one only.
///
/// ```
/// use sop_core::{Database, StoreOptions, TransactionManager};
///
/// # fn main() -> sop_core::Result<()> {
/// # pollster::block_on(async {
/// let (shop, bank) = (Database::builder().in_memory()?, Database::builder().in_memory()?);
/// let manager = TransactionManager::builder().database(&shop)?.database(&bank)?.build();
///
/// let mut global = manager.begin(&shop)?;
/// global.home().open_store("orders", &StoreOptions::default())?.add("17", "a bicycle")?;
/// let payment = global.enlist(&bank)?;
/// payment.open_store("payments", &StoreOptions::default())?.add("order 17", "420")?;
/// global.commit().await?;
///
/// assert_eq!(shop.snapshot()?.store("orders")?.len()?, 1);
/// assert_eq!(bank.snapshot()?.store("payments")?.len()?, 1);
/// # Ok(())
/// # })
/// # }
/// ```
///
/// # What holds
///
/// Transactions are atomic over everything that takes part. Those that write, or read in several
/// databases, are serializable over all of them, as long as each part is: what they read and wrote is
/// held from when it is prepared until it ends. Snapshots, and transactions that only read and in one
/// database, see one of its states; but the databases are told of a commit one after the other, so that
/// one may show what the other does not yet.
#[derive(Clone)]
pub struct TransactionManager {
    pub(super) inner: Arc<Inner>,
}

/// A [`TransactionManager`] that is being put together.
#[derive(Debug)]
#[must_use = "nothing is managed before it is built"]
pub struct TransactionManagerBuilder {
    inner: Inner,
}

pub(super) struct Inner {
    /// By their identities.
    pub(super) databases: BTreeMap<[u8; 16], Database>,
    pub(super) participants: BTreeMap<String, Arc<dyn Participant>>,
    pub(super) last_resources: BTreeMap<String, Arc<dyn LastResource>>,
    pub(super) patience: Patience,
    pub(super) keep: Duration,
    pub(super) state: Mutex<State>,
}

/// What it knows for as long as the process lives.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Transactions that it is working on.
    pub(super) running: BTreeSet<Gtid>,
    /// Participants and last resources that may have a branch of a transaction that was dropped.
    pub(super) abandoned: Vec<(Gtid, String)>,
    /// When undecided transactions that were seen in this recovery were first seen; and those of the
    /// one before.
    pub(super) seen: BTreeMap<Gtid, Duration>,
    pub(super) seen_before: BTreeMap<Gtid, Duration>,
}

impl TransactionManagerBuilder {
    /// A database that decides or takes part. It is known by its identity, not by its path.
    ///
    /// Fails with [`Error::Invalid`] if it was given before, or another copy of it.
    pub fn database(mut self, db: &Database) -> Result<Self> {
        let id = db.identity().database;
        if self.inner.databases.insert(id, db.clone()).is_some() {
            return Err(taken(db.path().display()));
        }
        Ok(self)
    }

    /// A resource that takes part. Fails with [`Error::Invalid`] if the name is taken.
    pub fn participant(mut self, participant: Arc<dyn Participant>) -> Result<Self> {
        let name = self.check_name(participant.name())?;
        self.inner.participants.insert(name, participant);
        Ok(self)
    }

    /// A resource that takes part and cannot prepare. Fails with [`Error::Invalid`] if the name is
    /// taken.
    pub fn last_resource(mut self, resource: Arc<dyn LastResource>) -> Result<Self> {
        let name = self.check_name(resource.name())?;
        self.inner.last_resources.insert(name, resource);
        Ok(self)
    }

    /// How long a participant has time for an answer; 30 seconds, unless this is called. After
    /// that it has failed, as far as anybody knows.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.inner.patience = Patience::new(patience);
        self
    }

    /// For how long what was decided with participants that are not our databases is kept after
    /// everybody was told; seven days, unless this is called, and at least
    /// [`DECISIONS_KEPT`](crate::limit::DECISIONS_KEPT) positions of the deciding database's log. A server that
    /// falls back to an old state may bring back a branch that was ended; so long it can be ended again.
    pub fn keep_decisions(mut self, keep: Duration) -> Self {
        self.inner.keep = keep;
        self
    }

    /// The manager.
    pub fn build(self) -> TransactionManager {
        TransactionManager { inner: Arc::new(self.inner) }
    }

    fn check_name(&self, name: &str) -> Result<String> {
        const LEN_MAX: usize = 255;
        if name.is_empty() || name.len() > LEN_MAX {
            let len = name.len();
            let message = format!("a participant's name of {len} bytes; it has 1 to {LEN_MAX}");
            return Err(Error::Invalid(message));
        }
        if self.inner.participants.contains_key(name)
            || self.inner.last_resources.contains_key(name)
        {
            return Err(taken(name));
        }
        Ok(name.to_owned())
    }
}

fn taken(name: impl fmt::Display) -> Error {
    Error::Invalid(format!("{name} is known to the transaction manager already; add it once"))
}

impl TransactionManager {
    /// Begins to put one together, which knows nobody yet.
    pub fn builder() -> TransactionManagerBuilder {
        let inner = Inner {
            databases: BTreeMap::new(),
            participants: BTreeMap::new(),
            last_resources: BTreeMap::new(),
            patience: Patience::default(),
            keep: Duration::from_secs(7 * 24 * 60 * 60),
            state: Mutex::default(),
        };
        TransactionManagerBuilder { inner }
    }

    /// Begins a transaction about which this database decides, its *home*. A database that does most
    /// of the work is a good one, as it need not prepare.
    ///
    /// Fails with [`Error::Invalid`] if the manager was not given this database.
    pub fn begin(&self, home: &Database) -> Result<GlobalTransaction> {
        self.begin_with(home.begin()?)
    }

    /// The same with a transaction of that database that has begun already. Whatever its
    /// [`Durability`](crate::Durability), what is decided is durable at once.
    pub fn begin_with(&self, home: Transaction) -> Result<GlobalTransaction> {
        Ok(GlobalTransaction::new(self.enlist(&home.database())?, home))
    }

    /// Begins a transaction about which this database decides, for somebody who begins the parts of
    /// it that are in databases by other means, and hands them over to [`Enlisted::commit`].
    pub fn enlist(&self, home: &Database) -> Result<Enlisted> {
        self.inner.check_known(home)?;
        let (id, random) = (home.identity(), home.clock()?.random());
        let gtid = Gtid {
            position: home.snapshot()?.position(),
            random: std::array::from_fn(|at| random[at]),
            home: id.database,
            incarnation: std::array::from_fn(|at| id.incarnation[at]),
        };
        Ok(Enlisted::new(Arc::clone(&self.inner), gtid))
    }

    /// What became of a transaction, as far as its home knows: `None` if nothing is decided, or not
    /// known any more. A transaction of databases only is not known any more when everybody was told.
    ///
    /// Fails with [`Error::Invalid`] if the manager was not given its home.
    pub fn outcome(&self, gtid: &Gtid) -> Result<Option<Outcome>> {
        let unknown = || Error::Invalid(format!("the home of {gtid} is not known here; add it"));
        let home = self.inner.databases.get(&gtid.home).ok_or_else(unknown)?;
        Ok(match Decisions(home).find(gtid)? {
            Standing::Decided(Decision { verdict: Verdict::Ended(outcome), .. }) => Some(outcome),
            _ => None,
        })
    }
}

impl Inner {
    /// Refuses a database that it was not given: nobody would recover it.
    pub(super) fn check_known(&self, db: &Database) -> Result<()> {
        if self.databases.contains_key(&db.identity().database) {
            return Ok(());
        }
        let path = db.path().display();
        Err(Error::Invalid(format!("{path} is not known to the transaction manager; add it there")))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionManager")
            .field("databases", &self.databases.values().map(Database::path).collect::<Vec<_>>())
            .field("participants", &self.participants.keys())
            .field("last_resources", &self.last_resources.keys())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TransactionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
