//! The phases of a commit: prepare, decide, tell.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;

use super::{
    Doubt, Enlisted, GlobalCommit, Outcome, Participant, ParticipantError, Untold, Vote,
    asked::Round,
    decision::{Branch, Decision, Verdict},
    decisions::{self, Decisions, Standing},
    global::Run,
    manager::Inner,
    participant::Failure,
    tell::{self, branch_name},
};
use crate::{
    commit::Commit,
    database::{Database, DatabaseId, Ended, Transaction},
    error::{Error, Result},
    guard::{self, Guard},
    id::Gtid,
};

/// What is prepared, or may be.
#[derive(Debug)]
pub(super) struct Phases {
    pub(super) run: Run,
    databases: Vec<(DatabaseId, Database)>,
    participants: Vec<Arc<dyn Participant>>,
}

/// Why it is not committed, and whether it is known that it is not.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) is_rolled_back: bool,
}

impl Failed {
    pub(super) fn rolled_back(error: Error) -> Self {
        Self { error, is_rolled_back: true }
    }
}

impl Enlisted {
    /// Commits it, with the transaction of the home and those of other databases, and waits until
    /// everybody has been told, or could not be.
    ///
    /// First every other database and every participant prepares; databases in the order of their
    /// identities, and none waits for another transaction that is prepared: it conflicts at once. Then
    /// the decision is added to the home's log, with what the home itself does; that is the moment of the
    /// commit. If only one has anything to do, it commits at once, in one phase. Databases that
    /// were only read prepare too; participants may say that they need not be told.
    /// [Mergers](Transaction::merging) of other databases are not asked: what is prepared does not change
    /// any more.
    ///
    /// Costs one commit of the home, and two of each other database, one after the other.
    ///
    /// [`Error::Conflict`] and [`Error::Participant`]: nothing has taken effect, and nothing will.
    /// [`Error::GlobalRolledBack`]: this took so long that somebody else took it for abandoned.
    /// [`Error::GlobalUnknown`]: the home has failed when it was to decide. [`Error::Invalid`]: the
    /// transactions are not those of different databases that the manager was given, the home's first.
    /// If the returned future is dropped, it may be committed or not, the same everywhere; see
    /// [`TransactionManager::outcome`](crate::TransactionManager::outcome).
    pub async fn commit(
        self,
        home: Transaction,
        mut others: Vec<Transaction>,
    ) -> Result<GlobalCommit> {
        self.run.check(&home, &others)?;
        let Self { mut run, participants, last } = self;
        others.retain(|tx| !tx.is_idle());
        others.sort_by_key(|tx| tx.database().identity());
        let gtid = run.gtid;
        let (home, commit) = match (others.len(), participants.len(), &last) {
            (0, 0, None) => (true, home),
            (1, 0, None) if home.is_idle() => (false, others.remove(0)),
            (0, 1, None) if home.is_idle() => {
                let participant = &*participants[0];
                return run
                    .one_phase(participant.name(), participant.commit_one_phase(&gtid))
                    .await;
            }
            (0, 0, Some(last)) if home.is_idle() => {
                return run.one_phase(last.name(), last.commit(&gtid)).await;
            }
            _ => {
                let mut phases = Phases { run, databases: Vec::new(), participants: Vec::new() };
                return match last {
                    None => phases.commit(home, others, participants).await,
                    Some(last) => {
                        let db = home.database();
                        if !home.is_idle() {
                            others.push(home);
                            others.sort_by_key(|tx| tx.database().identity());
                        }
                        phases.prepare_all(others, participants).await?;
                        phases.delegate(&db, &*last).await
                    }
                };
            }
        };
        let commit = commit.commit_async().await?;
        run.open.clear();
        Ok(GlobalCommit { gtid, home: home.then_some(commit), untold: Vec::new() })
    }
}

impl Run {
    /// Refuses transactions that are not the parts of this one.
    fn check(&self, home: &Transaction, others: &[Transaction]) -> Result<()> {
        let mut ids = BTreeSet::from([self.gtid.home]);
        for tx in others {
            let db = tx.database();
            self.inner.check_known(&db)?;
            if !ids.insert(db.identity().database) {
                let message = format!("{} takes part with two transactions", db.path().display());
                return Err(Error::Invalid(message));
            }
        }
        if home.database().identity().database != self.gtid.home {
            let path = home.database().path().display().to_string();
            return Err(Error::Invalid(format!("{path} is not the home of {}", self.gtid)));
        }
        Ok(())
    }

    /// The only one that has anything to do decides by itself.
    async fn one_phase(
        mut self,
        name: &str,
        commit: impl Future<Output = Result<(), ParticipantError>>,
    ) -> Result<GlobalCommit> {
        let (inner, gtid) = (Arc::clone(&self.inner), self.gtid);
        match inner.patience.ask(commit).await {
            Ok(()) => {
                self.open.clear();
                Ok(GlobalCommit { gtid, home: None, untold: Vec::new() })
            }
            Err(error) => Err(match error.kind {
                Failure::Unknown => Error::GlobalUnknown { gtid, reason: error.reason },
                _ => refused(name, error),
            }),
        }
    }
}

pub(super) fn refused(name: &str, error: ParticipantError) -> Error {
    let (name, is_conflict) = (name.to_owned(), error.kind == Failure::Conflict);
    Error::Participant { name, reason: error.reason, is_conflict }
}

impl Phases {
    async fn commit(
        &mut self,
        home: Transaction,
        others: Vec<Transaction>,
        participants: Vec<Arc<dyn Participant>>,
    ) -> Result<GlobalCommit> {
        self.prepare_all(others, participants).await?;
        let gtid = self.run.gtid;
        if self.databases.is_empty() && self.participants.is_empty() {
            // Everybody else has only read.
            let home = Some(home.commit_async().await?);
            return Ok(GlobalCommit { gtid, home, untold: Vec::new() });
        }
        let db = home.database();
        match self.decide(home).await {
            Ok((home, decision)) => {
                let untold = self.tell_all(&db, decision).await;
                Ok(GlobalCommit { gtid, home, untold })
            }
            Err(failed) => {
                if failed.is_rolled_back {
                    self.roll_back().await;
                }
                Err(failed.error)
            }
        }
    }

    /// The first phase. If it fails, everybody is rolled back.
    pub(super) async fn prepare_all(
        &mut self,
        others: Vec<Transaction>,
        participants: Vec<Arc<dyn Participant>>,
    ) -> Result<()> {
        let prepared = match self.prepare_databases(others).await {
            Ok(()) => self.prepare_participants(participants).await,
            Err(error) => Err(error),
        };
        if prepared.is_err() {
            self.roll_back().await;
        }
        prepared
    }

    async fn prepare_databases(&mut self, others: Vec<Transaction>) -> Result<()> {
        for tx in others {
            let db = tx.database();
            let id = db.identity();
            let prepared = tx.prepare_branch(&branch_name(&self.run.gtid, &id)).await;
            if !matches!(prepared, Err(Error::Conflict(_))) {
                self.databases.push((id, db));
            }
            prepared.map(drop)?;
        }
        Ok(())
    }

    async fn prepare_participants(
        &mut self,
        participants: Vec<Arc<dyn Participant>>,
    ) -> Result<()> {
        let inner = Arc::clone(&self.run.inner);
        for participant in participants {
            let prepare = participant.prepare(&self.run.gtid);
            match inner.patience.ask(prepare).await {
                Ok(Vote::Prepared) => self.participants.push(participant),
                Ok(Vote::ReadOnly) => self.run.open.retain(|open| open != participant.name()),
                Err(error) => return Err(refused(participant.name(), error)),
            }
        }
        Ok(())
    }

    pub(super) fn branches(&self) -> Vec<Branch> {
        let databases = self
            .databases
            .iter()
            .map(|(id, db)| Branch::Database { id: *id, path: db.path().display().to_string() });
        let participants = self.participants.iter();
        let participants = participants.map(|one| Branch::Participant(one.name().to_owned()));
        databases.chain(participants).collect()
    }

    /// The decision, which the home's own part rides with.
    async fn decide(&mut self, home: Transaction) -> Result<(Option<Commit>, Decision), Failed> {
        let (db, gtid) = (home.database(), self.run.gtid);
        let verdict = Verdict::Ended(Outcome::Committed);
        let decision = Decisions(&db).new_decision(verdict, self.branches());
        let decision = decision.map_err(Failed::rolled_back)?;
        if !decisions::decide(&home, &gtid, &decision).map_err(Failed::rolled_back)? {
            return Err(Failed::rolled_back(Error::GlobalRolledBack { gtid }));
        }
        let ended = db.take_ended();
        decisions::end(&home, &ended).map_err(Failed::rolled_back)?;
        // From now on nobody is told anything but what is decided.
        self.run.open.clear();
        match home.immediate().commit_async().await {
            Ok(commit) => Ok((Some(commit), decision)),
            Err(error) => {
                db.note_ended(ended);
                self.find_out(&db, error).await.map(|()| (None, decision))
            }
        }
    }

    /// What was decided after all, if the home said that it has failed.
    pub(super) async fn find_out(&self, db: &Database, error: Error) -> Result<(), Failed> {
        let gtid = self.run.gtid;
        let standing = match &error {
            Error::Conflict(_) => Decisions(db).find(&gtid),
            _ => Decisions(db).abort(&gtid).await,
        };
        let is_conflict = matches!(error, Error::Conflict(_));
        match standing {
            Ok(Standing::Decided(Decision { verdict, .. })) => match verdict {
                Verdict::Ended(Outcome::RolledBack) if is_conflict => {
                    Err(Failed::rolled_back(Error::GlobalRolledBack { gtid }))
                }
                Verdict::Ended(Outcome::RolledBack) => Err(Failed::rolled_back(error)),
                Verdict::Ended(Outcome::Committed) | Verdict::Delegated(_) => Ok(()),
            },
            _ if is_conflict => Err(Failed::rolled_back(error)),
            _ => {
                let error = Error::GlobalUnknown { gtid, reason: error.to_string() };
                Err(Failed { error, is_rolled_back: false })
            }
        }
    }

    /// The second phase.
    pub(super) async fn tell_all(&self, home: &Database, decision: Decision) -> Vec<Untold> {
        let Run { inner, gtid, .. } = &self.run;
        let round = inner.patience.round();
        let (untold, is_ended) = inner.tell_branches(gtid, &decision, &round).await;
        if is_ended {
            home.note_ended([Ended { gtid: *gtid, is_kept: decision.is_kept() }]);
        }
        let untold = untold.into_iter().map(|(place, doubt)| match doubt {
            Doubt::Failed { reason } => Untold { place, reason },
            other => Untold { place, reason: format!("{other:?}") },
        });
        untold.collect()
    }

    /// Lets everybody forget it. Who cannot be told finds out by recovery.
    pub(super) async fn roll_back(&mut self) {
        let Self { run, databases, participants } = self;
        let inner = Arc::clone(&run.inner);
        for (id, db) in databases.drain(..) {
            let branch = branch_name(&run.gtid, &id);
            let told = tell::database(&db, (&run.gtid, &branch), Outcome::RolledBack).await;
            if let Err(doubt) = told {
                tracing::debug!(gtid = %run.gtid, ?doubt, "a branch is left to be rolled back");
            }
        }
        for participant in participants.drain(..) {
            let name = participant.name();
            if !run.open.iter().any(|open| open == name) {
                run.open.push(name.to_owned());
            }
        }
        inner.roll_back_open(run).await;
    }
}

impl Inner {
    /// Tells all branches at once; which of them could not be, and whether there is nobody left to tell.
    pub(super) async fn tell_branches(
        &self,
        gtid: &Gtid,
        decision: &Decision,
        round: &Round<'_>,
    ) -> (Vec<(String, Doubt)>, bool) {
        let Verdict::Ended(outcome) = decision.verdict else { return (Vec::new(), false) };
        let told = decision.branches.iter().map(async |branch| {
            let told = self.tell(branch, gtid, outcome, round).await;
            told.err().map(|doubt| (branch.place(), doubt))
        });
        let untold: Vec<_> = join_all(told).await.into_iter().flatten().collect();
        let is_final = |(_, doubt): &(_, Doubt)| matches!(doubt, Doubt::Contradicted(_));
        let is_ended = untold.iter().all(is_final) || !guard::stands(Guard::ToldBeforeEnd);
        (untold, is_ended)
    }

    /// Tells participants that may have an open branch that nothing comes of it. Those that could
    /// not be told stay open.
    pub(super) async fn roll_back_open(&self, run: &mut Run) {
        let (round, mut left) = (self.patience.round(), Vec::new());
        for name in std::mem::take(&mut run.open) {
            if !self.roll_back(&run.gtid, &name, &round).await {
                left.push(name);
            }
        }
        run.open = left;
    }

    /// Tells a participant or a last resource that nothing comes of a branch; whether it could be told.
    pub(super) async fn roll_back(&self, gtid: &Gtid, name: &str, round: &Round<'_>) -> bool {
        let told = match (self.participants.get(name), self.last_resources.get(name)) {
            (Some(participant), _) => {
                tell::participant(&**participant, gtid, Outcome::RolledBack, round).await
            }
            (_, Some(last)) => round.ask(name, last.rollback(gtid)).await,
            _ => Ok(()),
        };
        if let Err(error) = &told {
            tracing::debug!(%gtid, name, %error, "a branch is left to be rolled back");
        }
        told.is_ok()
    }
}
