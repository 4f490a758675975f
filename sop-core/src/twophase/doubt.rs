//! What is not ended, and why.

use super::{Outcome, decisions::Decisions, tell};
use crate::{
    database::Database,
    error::{Error, Result},
    id::Gtid,
};

/// A part of a global transaction that is not ended yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InDoubt {
    /// The transaction.
    pub gtid: Gtid,
    /// Where the part is: the folder of a database, or the name of a participant.
    pub place: String,
    /// What it waits for.
    pub doubt: Doubt,
}

/// Why something is [in doubt](InDoubt).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// A part waits for the decision of another database, its home, or for being told of it.
    Undecided,
    /// It is decided so; the part of this place has yet to be told.
    Untold(Outcome),
    /// The deciding database is not one that the manager was given. Give it that database.
    HomeUnknown,
    /// The deciding database has been restored from a backup, or may have forgotten what was
    /// decided, as that is long ago. Find out, and [force](Database::force) it.
    Forgotten,
    /// It is decided, but the manager was not given a participant, or a database, of this name. Give it
    /// that, or [give up](Database::give_up) if it is no more.
    ParticipantUnknown,
    /// It is committed; the database has been restored from a backup since, and the part is not in
    /// there. Do its work again, if it has to be done; then [give up](Database::give_up).
    Restored,
    /// It was asked, and did not do it. It is asked again with every recovery.
    Failed {
        /// What it says.
        reason: String,
    },
    /// Somebody has [forced](Database::force) this outcome; what is decided is not known yet.
    Forced(Outcome),
    /// Somebody has [forced](Database::force) this outcome, and the opposite was decided. Mend the data; then
    /// [give up](Database::give_up).
    Contradicted(Outcome),
}

impl Database {
    /// Parts of global transactions that are not ended: those of this database that wait for a
    /// decision, those of others that have yet to be told of one made here, and outcomes that
    /// were forced. As of now; not asking anybody.
    ///
    /// What they touched is held until they end: others who clash with it get an
    /// [`Error::Conflict`]. [`TransactionManager::recover`](crate::TransactionManager::recover)
    /// ends what can be ended. Costs a look at each.
    pub fn in_doubt(&self) -> Result<Vec<InDoubt>> {
        let place = || self.path().display().to_string();
        let doubt = |gtid, doubt| InDoubt { gtid, place: place(), doubt };
        let waiting = tell::branches(self)?.into_iter().map(|(gtid, _)| (gtid, Doubt::Undecided));
        let mut all: Vec<_> = waiting.map(|(gtid, why)| doubt(gtid, why)).collect();
        let decisions = Decisions(self);
        for (gtid, forced) in decisions.forced()? {
            let why = if forced.contradicts { Doubt::Contradicted } else { Doubt::Forced };
            all.push(doubt(gtid, why(forced.outcome)));
        }
        for gtid in decisions.pending()? {
            all.extend(decisions.untold(&gtid)?);
        }
        Ok(all)
    }

    /// Ends a part of a global transaction that waits here, whatever was decided: a *heuristic
    /// decision*, in the words of X/Open. For when the deciding database is lost, or out of reach
    /// for longer than what is held can be.
    ///
    /// It is written down, and compared with what was decided as soon as a manager knows that:
    /// [`in_doubt`](Self::in_doubt) says [`Doubt::Forced`] until then, and
    /// [`Doubt::Contradicted`] from then on if it was the opposite. Fails with
    /// [`Error::PreparedNotFound`] if nothing of that transaction waits here.
    pub async fn force(&self, gtid: &Gtid, outcome: Outcome) -> Result<()> {
        let branches = tell::branches(self)?;
        let found = branches.into_iter().find(|(waiting, _)| waiting == gtid);
        let (_, name) = found.ok_or_else(|| Error::PreparedNotFound { name: gtid.to_string() })?;
        tracing::warn!(%gtid, ?outcome, "a part of a global transaction was ended by force");
        Decisions(self).force(gtid, &name, outcome).await
    }

    /// Forgets that somebody has to be told of a decision made here, or that an outcome was forced
    /// here: [`in_doubt`](Self::in_doubt) does not list it any more. For when that is of no use
    /// any more, as the other one is gone for good, or the data were mended.
    ///
    /// Fails with [`Error::PreparedNotFound`] if there is nothing to forget.
    pub async fn give_up(&self, gtid: &Gtid) -> Result<()> {
        if !Decisions(self).give_up(gtid).await? {
            return Err(Error::PreparedNotFound { name: gtid.to_string() });
        }
        tracing::warn!(%gtid, "a global transaction was given up");
        Ok(())
    }
}
