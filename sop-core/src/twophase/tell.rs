//! Telling one branch what was decided.

use super::{
    Doubt, Outcome, Participant, ParticipantError, asked::Round, decision::Branch,
    decisions::Decisions, manager::Inner,
};
use crate::{
    codec::hexadecimal,
    database::{Database, DatabaseId},
    error::{Error, Result},
    id::Gtid,
    transaction::Freshness,
};

/// Under what name a database prepares its branch. A database that was restored prepares under names
/// of its own, so that a branch from before is known by its name.
pub(super) fn branch_name(gtid: &Gtid, id: &DatabaseId) -> String {
    struct Life<'i>(&'i [u8]);
    impl std::fmt::Display for Life<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            hexadecimal::show(self.0, f)
        }
    }
    match id.incarnation {
        [0, 0, 0, 0, ..] => gtid.to_string(),
        _ => format!("{gtid}.{}", Life(&id.incarnation[..4])),
    }
}

/// The transaction whose branch has this name, if it is one.
fn gtid_of(name: &str) -> Option<Gtid> {
    name.split('.').next()?.parse().ok()
}

/// The branches that wait in a database, and their names. As of now.
pub(super) fn branches(db: &Database) -> Result<Vec<(Gtid, String)>> {
    let prepared = db.snapshot_with(Freshness::Fresh)?.prepared()?.into_iter();
    Ok(prepared.filter_map(|info| Some((gtid_of(&info.name)?, info.name))).collect())
}

/// Ends the branch of a database. What keeps it from being ended, if anything.
pub(super) async fn database(
    db: &Database,
    (gtid, name): (&Gtid, &str),
    outcome: Outcome,
) -> Result<(), Doubt> {
    let ended = match (db.find_branch(name), outcome) {
        (Ok(branch), Outcome::Committed) => branch.commit_async().await.map(drop),
        (Ok(branch), Outcome::RolledBack) => branch.rollback_async().await,
        (Err(error), _) => Err(error),
    };
    match ended {
        Ok(()) => Ok(()),
        Err(Error::PreparedNotFound { .. }) => {
            let forced = Decisions(db).compare(gtid, outcome).await.map_err(failed)?;
            let is_of_this_life = name == branch_name(gtid, &db.identity());
            match forced {
                Some(forced) if forced.contradicts => {
                    tracing::error!(%gtid, ?outcome, "the opposite was forced on a branch");
                    Err(Doubt::Contradicted(forced.outcome))
                }
                None if outcome == Outcome::Committed && !is_of_this_life => Err(Doubt::Restored),
                _ => Ok(()),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

pub(super) fn failed(error: impl std::fmt::Display) -> Doubt {
    Doubt::Failed { reason: error.to_string() }
}

pub(super) async fn participant(
    participant: &dyn Participant,
    gtid: &Gtid,
    outcome: Outcome,
    round: &Round<'_>,
) -> Result<(), ParticipantError> {
    let told = async {
        match outcome {
            Outcome::Committed => participant.commit(gtid).await,
            Outcome::RolledBack => participant.rollback(gtid).await,
        }
    };
    round.ask(participant.name(), told).await
}

impl Inner {
    /// Tells a branch. What keeps it from being ended, if anything.
    pub(super) async fn tell(
        &self,
        branch: &Branch,
        gtid: &Gtid,
        outcome: Outcome,
        round: &Round<'_>,
    ) -> Result<(), Doubt> {
        match branch {
            Branch::Database { id, .. } => {
                let db = self.databases.get(&id.database).ok_or(Doubt::ParticipantUnknown)?;
                database(db, (gtid, &branch_name(gtid, id)), outcome).await
            }
            Branch::Participant(name) => {
                let one = self.participants.get(name).ok_or(Doubt::ParticipantUnknown)?;
                participant(&**one, gtid, outcome, round).await.map_err(failed)
            }
        }
    }
}
