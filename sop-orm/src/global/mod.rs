//! Units of work over several databases.

use std::fmt;

use sop_core::{
    Enlisted, Gtid, InDoubt, MessageId, Outbox, Outcome, Receiver, Relayed, TransactionManager,
    TransactionManagerBuilder, Untold,
};

use crate::{
    db::Db,
    error::{Error, Result},
    session::{CommitReport, Ready, Session, Submitted},
};

/// A unit of work over several databases, and over resources of others that are registered with a
/// [`TransactionManager`]: all of it takes effect, or nothing.
///
/// One database, its *home*, decides; one that most of the work is in is a good one. In each of the
/// others the work is prepared before, so that it costs three durable commits in two databases.
/// Dropped without a commit it leaves no trace.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |_, _| {
/// use sop_orm::TransactionManager;
/// use std::time::Duration;
///
/// # let (shop, users) = (Db::builder().store::<Order>(), Db::builder().store::<User>());
/// # let (shop, users) = (shop.ephemeral().await?, users.ephemeral().await?);
/// let manager = TransactionManager::builder();
/// let manager = users.managed_by(shop.managed_by(manager)?)?.build();
/// // What an earlier life of the program has left behind; nobody else is at work.
/// assert!(manager.recover(Duration::ZERO).await.in_doubt.is_empty());
///
/// let mut global = shop.global_session(&manager)?;
/// global.home().of::<Order>().insert(NewOrder { total: 40 }).await?;
/// let s = global.enlist(&users)?;
/// # let email = "ann@x.io".to_owned();
/// s.of::<User>().insert(NewUser { email, city: "Oslo".to_owned(), age: 33 }).await?;
/// let report = global.commit().await?;
/// assert!(report.untold.is_empty());
/// assert_eq!(users.session().of::<User>().by_key().count().await?, 1);
/// # Ok(())
/// # });
/// ```
#[must_use = "a session that is dropped is rolled back"]
pub struct GlobalSession {
    enlisted: Enlisted,
    /// That of the home first.
    sessions: Vec<Session>,
}

/// What the commit of a [`GlobalSession`] did.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |_, _| {
/// # let db = Db::builder().store::<Order>().ephemeral().await?;
/// # let manager = db.managed_by(sop_orm::TransactionManager::builder())?.build();
/// let global = db.global_session(&manager)?;
/// global.home().of::<Order>().insert(NewOrder { total: 40 }).await?;
/// let report = global.commit().await?;
/// assert_eq!(report.parts[0].changes[0].inserted, 1);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalReport {
    /// By which participants know it.
    pub gtid: Gtid,
    /// What was done in each database, that of the home first, then in the order in which they were
    /// enlisted. The position is one from which on it is there.
    pub parts: Vec<CommitReport>,
    /// Who could not be told yet that it is committed; [recovery](TransactionManager::recover) tells
    /// them. It is committed, and stays so.
    pub untold: Vec<Untold>,
}

impl GlobalSession {
    /// By which participants are to know their branches.
    pub fn gtid(&self) -> &Gtid {
        self.enlisted.gtid()
    }

    /// The session of the deciding database.
    pub fn home(&self) -> &Session {
        &self.sessions[0]
    }

    /// The session of another database; begins it at the first call. What a type wants merged is not
    /// merged there: what is prepared does not change any more.
    pub fn enlist(&mut self, db: &Db) -> Result<&Session> {
        let known = self.sessions.iter().position(|session| session.db().is(db));
        let at = known.unwrap_or_else(|| {
            self.sessions.push(db.session());
            self.sessions.len() - 1
        });
        Ok(&self.sessions[at])
    }

    /// Lets a [`Participant`](sop_core::Participant) take part that the manager was given. Fails with
    /// [`Error::Engine`] if it was not.
    pub fn enlist_participant(&mut self, name: &str) -> Result<()> {
        Ok(self.enlisted.enlist_participant(name)?)
    }

    /// Lets a [`LastResource`](sop_core::LastResource) take part that the manager was given. Fails with
    /// [`Error::Engine`] if it was not, or another one takes part.
    pub fn enlist_last_resource(&mut self, name: &str) -> Result<()> {
        Ok(self.enlisted.enlist_last_resource(name)?)
    }

    /// Commits all of it. Fails as [`Session::commit`] does, in any of the databases, and as
    /// [`Enlisted::commit`] does; then nothing has taken effect, unless that is
    /// [`GlobalUnknown`](sop_core::Error::GlobalUnknown).
    pub async fn commit(self) -> Result<GlobalReport> {
        let Self { enlisted, sessions } = self;
        let (parts, transactions) = match submit(&sessions) {
            Ok(submitted) => submitted,
            Err(error) => {
                enlisted.rollback().await;
                return Err(error);
            }
        };
        let mut transactions = transactions.into_iter();
        let Some(home) = transactions.next() else {
            return Err(Error::Engine(sop_core::Error::ReadOnly));
        };
        match enlisted.commit(home, transactions.collect()).await {
            Err(error) => Err(refused(&sessions, &parts, error)),
            Ok(commit) => {
                let mut home = commit.home;
                let reports = sessions.iter().zip(parts).map(|(session, submitted)| {
                    let elsewhere = || (session.db().stats().position, false);
                    let own = home.take().map(|commit| (commit.position, commit.merged));
                    let (position, merged) = own.unwrap_or_else(elsewhere);
                    session.committed(submitted, position, merged)
                });
                let parts = reports.collect();
                Ok(GlobalReport { gtid: commit.gtid, parts, untold: commit.untold })
            }
        }
    }

    /// Rolls everything back, and tells the participants.
    pub async fn rollback(self) {
        self.enlisted.rollback().await;
    }
}

/// Ends all sessions, and gives what there is of them.
fn submit(sessions: &[Session]) -> Result<(Vec<Submitted>, Vec<sop_core::Transaction>)> {
    let mut all = (Vec::new(), Vec::new());
    for session in sessions {
        match session.submit()? {
            Ready::ReadOnly(_) => return Err(Error::Engine(sop_core::Error::ReadOnly)),
            Ready::Transaction(transaction, submitted) => {
                all.0.push(submitted);
                all.1.push(*transaction);
            }
        }
    }
    Ok(all)
}

/// A refusal in the terms of the session whose database has it.
fn refused(sessions: &[Session], parts: &[Submitted], error: sop_core::Error) -> Error {
    let mut all = sessions.iter().zip(parts);
    let sop_core::Error::Conflict(conflict) = error else {
        // What was to be merged, was to be merged at the home.
        return sessions[0].refused(&parts[0], error);
    };
    // Databases may have stores of the same name.
    let beaten = all.find_map(|(session, submitted)| session.beaten(&conflict, submitted));
    beaten.unwrap_or_else(|| {
        let knows = |session: &&Session| session.registry().named(&conflict.store).is_some();
        match sessions.iter().find(knows) {
            Some(session) => Error::Conflict(session.registry().conflict(conflict)),
            None => sop_core::Error::Conflict(conflict).into(),
        }
    })
}

impl fmt::Debug for GlobalSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalSession").field("gtid", self.gtid()).finish_non_exhaustive()
    }
}

impl Db {
    /// Gives the database to a transaction manager that is being put together. Fails with
    /// [`Error::Engine`] if it was given to it before.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::TransactionManager;
    ///
    /// let builder = db.managed_by(TransactionManager::builder())?;
    /// assert!(db.managed_by(builder).is_err(), "once is enough");
    /// # Ok(())
    /// # });
    /// ```
    pub fn managed_by(
        &self,
        builder: TransactionManagerBuilder,
    ) -> Result<TransactionManagerBuilder> {
        Ok(builder.database(self.engine())?)
    }

    /// Begins a unit of work over several databases, about which this one decides; see
    /// [`GlobalSession`]. Fails with [`Error::Engine`] if the manager was not given this database.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # let manager = db.managed_by(sop_orm::TransactionManager::builder())?.build();
    /// let global = db.global_session(&manager)?;
    /// global.home().of::<Order>().delete(1).await?;
    /// global.rollback().await;
    /// assert!(db.session().of::<Order>().exists(1).await?);
    /// # Ok(())
    /// # });
    /// ```
    pub fn global_session(&self, manager: &TransactionManager) -> Result<GlobalSession> {
        let enlisted = manager.enlist(self.engine())?;
        Ok(GlobalSession { enlisted, sessions: vec![self.session()] })
    }

    /// Parts of global sessions that are not ended: those here that wait for a decision, those of
    /// others that have yet to be told of one made here, and outcomes that were
    /// [forced](Self::force). What they touched is held: sessions that clash with it get an
    /// [`Error::Conflict`] that [names](crate::Conflict::prepared) the one who holds it.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// for doubt in db.in_doubt()? {
    ///     println!("{} at {}: {:?}", doubt.gtid, doubt.place, doubt.doubt);
    /// }
    /// # Ok(())
    /// # });
    /// ```
    pub fn in_doubt(&self) -> Result<Vec<InDoubt>> {
        Ok(self.engine().in_doubt()?)
    }

    /// Ends a part of a global session that waits here, whatever was decided; see
    /// [`Doubt::Forced`](sop_core::Doubt::Forced). Fails with [`Error::Engine`] if nothing of it waits here.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # let manager = db.managed_by(sop_orm::TransactionManager::builder())?.build();
    /// # let gtid = *db.global_session(&manager)?.gtid();
    /// use sop_orm::Outcome;
    ///
    /// let forced = db.force(&gtid, Outcome::RolledBack).await;
    /// assert!(forced.is_err(), "nothing waits");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn force(&self, gtid: &Gtid, outcome: Outcome) -> Result<()> {
        Ok(self.engine().force(gtid, outcome).await?)
    }

    /// Forgets that somebody has to be told of a decision made here, or that an outcome was forced
    /// here, because that is of no use any more. Fails with [`Error::Engine`] if there is nothing to
    /// forget.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// # let manager = db.managed_by(sop_orm::TransactionManager::builder())?.build();
    /// # let gtid = *db.global_session(&manager)?.gtid();
    /// assert!(db.give_up(&gtid).await.is_err(), "there is nothing to forget");
    /// # Ok(())
    /// # });
    /// ```
    pub async fn give_up(&self, gtid: &Gtid) -> Result<()> {
        Ok(self.engine().give_up(gtid).await?)
    }

    /// Delivers the messages that wait in an outbox; see [`Session::send`].
    pub async fn relay(&self, outbox: &Outbox, receiver: &dyn Receiver) -> Result<Relayed> {
        Ok(outbox.relay(self.engine(), receiver).await?)
    }
}

impl Session {
    /// Adds a message to what the session does: if it commits, the message is delivered at least once,
    /// and else never. For what cannot be taken back.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::{Message, Outbox, ParticipantError, Receiver, async_trait};
    ///
    /// #[derive(Debug)]
    /// struct Printer;
    ///
    /// #[async_trait]
    /// impl Receiver for Printer {
    ///     async fn deliver(&self, message: &Message) -> Result<(), ParticipantError> {
    ///         println!("{} {}", message.id, String::from_utf8_lossy(&message.payload));
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let outbox = Outbox::new("printer")?;
    /// s.of::<Order>().delete(1).await?;
    /// s.send(&outbox, "order 1 is cancelled")?;
    /// s.commit().await?;
    /// assert_eq!(db.relay(&outbox, &Printer).await?.delivered, 1);
    /// # Ok(())
    /// # });
    /// ```
    pub fn send(&self, outbox: &Outbox, payload: impl AsRef<[u8]>) -> Result<MessageId> {
        self.run(|work, _| work.send(outbox, payload.as_ref()))
    }
}
