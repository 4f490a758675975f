//! Ending what others have left behind.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Doubt, InDoubt, LastResource, Outcome, TransactionManager, Untold,
    asked::Round,
    decision::{Decision, Verdict},
    decisions::{Decisions, Standing},
    manager::Inner,
    tell::{self, branch_name, failed},
};
use crate::{
    database::{Database, Ended},
    error::Result,
    guard::{self, Guard},
    id::Gtid,
    limit::DECISIONS_KEPT,
};

/// What recovery has done, and what it could not do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Transactions of which all that waited here is committed now.
    pub committed: Vec<Gtid>,
    /// Transactions of which all that waited here is rolled back now.
    pub rolled_back: Vec<Gtid>,
    /// What could not be ended, and why. Transactions that somebody may be working on are among it.
    pub in_doubt: Vec<InDoubt>,
    /// Who could not be asked, or could not do what it was to do. Asked again by the next recovery.
    pub failed: Vec<Untold>,
}

/// One recovery.
struct Pass<'m> {
    inner: &'m Inner,
    undecided_for: Duration,
    round: Round<'m>,
    recovered: Recovered,
}

/// Where a branch waits.
enum Waiting {
    /// In a database, under this name.
    Database(Database, String),
    Participant(String),
}

impl TransactionManager {
    /// Ends what was left behind by whoever was interrupted, here or in any other process: tells those
    /// who have not heard of a decision, and rolls back what nobody decided about, if nobody
    /// has done so for so long as this manager has seen it wait. Transactions that this manager works
    /// on are left alone.
    ///
    /// How long is no question of safety. Whoever is slow and comes back finds that it
    /// was rolled back: [`Error::GlobalRolledBack`](crate::Error::GlobalRolledBack). `Duration::ZERO` is right where nobody else can
    /// be at work, such as when the only program that uses the databases starts. To be called from time
    /// to time, not only then: a participant may prepare late.
    ///
    /// Never fails: what cannot be ended is told, and tried again with the next call. Costs a look at
    /// each decision of which somebody has to hear, at each branch that waits, and a question to each
    /// participant, and one more for each of its branches. One that is silent three times in a row is
    /// left to the next recovery.
    pub async fn recover(&self, undecided_for: Duration) -> Recovered {
        let inner = &*self.inner;
        let (round, recovered) = (inner.patience.round(), Recovered::default());
        let mut pass = Pass { inner, undecided_for, round, recovered };
        pass.begin().await;
        for home in inner.databases.values() {
            let told = pass.tell_pending(home).await;
            pass.recovered.failed(home, told);
        }
        pass.end_waiting().await;
        for db in inner.databases.values() {
            let compared = pass.compare_forced(db).await;
            pass.recovered.failed(db, compared);
        }
        for home in inner.databases.values() {
            let forgotten = Decisions(home).forget(inner.keep, DECISIONS_KEPT).await;
            pass.recovered.failed(home, forgotten);
        }
        pass.recovered
    }
}

impl Recovered {
    fn ended(&mut self, gtid: &Gtid, outcome: Outcome) {
        let list = match outcome {
            Outcome::Committed => &mut self.committed,
            Outcome::RolledBack => &mut self.rolled_back,
        };
        if !list.contains(gtid) {
            list.push(*gtid);
        }
    }

    fn failed(&mut self, db: &Database, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.unasked(db.path().display().to_string(), error.to_string());
        }
    }

    fn unasked(&mut self, place: String, reason: String) {
        let untold = Untold { place, reason };
        if !self.failed.contains(&untold) {
            self.failed.push(untold);
        }
    }

    fn doubt(&mut self, gtid: &Gtid, place: String, doubt: Doubt) {
        let doubt = InDoubt { gtid: *gtid, place, doubt };
        if !self.in_doubt.contains(&doubt) {
            self.in_doubt.push(doubt);
        }
    }
}

impl Waiting {
    fn place(&self) -> String {
        match self {
            Self::Database(db, _) => db.path().display().to_string(),
            Self::Participant(name) => name.clone(),
        }
    }
}

impl<'m> Pass<'m> {
    fn is_running(&self, gtid: &Gtid) -> bool {
        self.inner.state.lock().running.contains(gtid)
    }

    /// Rolls back branches of transactions that were dropped.
    async fn begin(&self) {
        let abandoned = {
            let mut state = self.inner.state.lock();
            state.seen_before = std::mem::take(&mut state.seen);
            std::mem::take(&mut state.abandoned)
        };
        for (gtid, name) in abandoned {
            if !self.inner.roll_back(&gtid, &name, &self.round).await {
                self.inner.state.lock().abandoned.push((gtid, name));
            }
        }
    }

    /// Tells of the decisions of one home.
    async fn tell_pending(&mut self, home: &Database) -> Result<()> {
        Decisions(home).end().await?;
        let pending = Decisions(home).pending()?;
        for gtid in pending {
            if self.is_running(&gtid) {
                continue;
            }
            // Ended by somebody else in between, if not.
            let Standing::Decided(decision) = Decisions(home).find(&gtid)? else { continue };
            let (decision, last) = match self.settled(home, &gtid, decision).await? {
                Ok(settled) => settled,
                Err((place, doubt)) => {
                    self.recovered.doubt(&gtid, place, doubt);
                    continue;
                }
            };
            let (untold, is_ended) = self.inner.tell_branches(&gtid, &decision, &self.round).await;
            for (place, doubt) in untold {
                self.recovered.doubt(&gtid, place, doubt);
            }
            if let (true, Verdict::Ended(outcome)) = (is_ended, &decision.verdict) {
                self.recovered.ended(&gtid, *outcome);
                if let (Some(last), Outcome::Committed) = (last, outcome) {
                    self.inner.forget(&**last, &gtid).await;
                }
                home.note_ended([Ended { gtid, is_kept: decision.is_kept() }]);
            }
        }
        Decisions(home).end().await
    }

    /// The decision, from the last resource if that has it; then also that one.
    async fn settled(
        &self,
        home: &Database,
        gtid: &Gtid,
        decision: Decision,
    ) -> Result<Result<(Decision, Option<&'m Arc<dyn LastResource>>), (String, Doubt)>> {
        let Verdict::Delegated(name) = &decision.verdict else { return Ok(Ok((decision, None))) };
        let Some(last) = self.inner.last_resources.get(name) else {
            return Ok(Err((name.clone(), Doubt::ParticipantUnknown)));
        };
        match self.round.ask(name, last.settle(gtid)).await {
            Err(error) => Ok(Err((name.clone(), failed(error)))),
            Ok(outcome) => {
                Decisions(home).conclude(gtid, outcome).await?;
                let decision = Decision { verdict: Verdict::Ended(outcome), ..decision };
                Ok(Ok((decision, Some(last))))
            }
        }
    }

    /// Ends branches that wait.
    async fn end_waiting(&mut self) {
        let waiting = self.waiting().await;
        for (gtid, branches) in waiting {
            if self.is_running(&gtid) {
                continue;
            }
            match self.verdict(&gtid, &branches).await {
                Ok(outcome) => self.end_all(&gtid, outcome, branches).await,
                Err(doubt) => {
                    for branch in branches {
                        self.recovered.doubt(&gtid, branch.place(), doubt.clone());
                    }
                }
            }
        }
    }

    /// All branches that wait anywhere.
    async fn waiting(&mut self) -> BTreeMap<Gtid, Vec<Waiting>> {
        let mut waiting: BTreeMap<Gtid, Vec<Waiting>> = BTreeMap::new();
        for db in self.inner.databases.values() {
            match tell::branches(db) {
                Ok(branches) => {
                    for (gtid, name) in branches {
                        let branch = Waiting::Database(db.clone(), name);
                        waiting.entry(gtid).or_default().push(branch);
                    }
                }
                Err(error) => self.recovered.failed(db, Err(error)),
            }
        }
        for (name, participant) in &self.inner.participants {
            match self.round.ask(name, participant.recover()).await {
                Ok(branches) => {
                    for gtid in branches {
                        let branch = Waiting::Participant(name.clone());
                        waiting.entry(gtid).or_default().push(branch);
                    }
                }
                Err(error) => self.recovered.unasked(name.clone(), error.to_string()),
            }
        }
        waiting
    }

    /// What is decided, or is now.
    async fn verdict(&self, gtid: &Gtid, branches: &[Waiting]) -> Result<Outcome, Doubt> {
        let home = self.inner.databases.get(&gtid.home).ok_or(Doubt::HomeUnknown)?;
        let outcome_of = |standing| match standing {
            Standing::Decided(Decision { verdict: Verdict::Ended(outcome), .. }) => Ok(outcome),
            // The last resource is asked for whoever has to be told.
            Standing::Decided(_) => Err(Doubt::Undecided),
            Standing::Open | Standing::Late => Err(Doubt::Forgotten),
        };
        let standing = Decisions(home).find(gtid).map_err(failed)?;
        if matches!(standing, Standing::Decided(_)) {
            return outcome_of(standing);
        }
        let is_of_this_life = |branch: &Waiting| match branch {
            Waiting::Database(db, name) => *name == branch_name(gtid, &db.identity()),
            Waiting::Participant(_) => true,
        };
        if home.identity().incarnation[..4] != gtid.incarnation
            || !branches.iter().all(is_of_this_life)
        {
            return Err(Doubt::Forgotten);
        }
        if standing == Standing::Open && !self.has_waited(home, gtid).map_err(failed)? {
            return Err(Doubt::Undecided);
        }
        if !guard::stands(Guard::AbortIsDecided) {
            return Ok(Outcome::RolledBack);
        }
        outcome_of(Decisions(home).abort(gtid).await.map_err(failed)?)
    }

    /// Whether somebody has had so long to decide.
    fn has_waited(&self, home: &Database, gtid: &Gtid) -> Result<bool> {
        let now = home.clock()?.now();
        let mut state = self.inner.state.lock();
        let first = state.seen_before.get(gtid).copied().unwrap_or(now);
        state.seen.insert(*gtid, first);
        Ok(now.saturating_sub(first) >= self.undecided_for)
    }

    async fn end_all(&mut self, gtid: &Gtid, outcome: Outcome, branches: Vec<Waiting>) {
        for branch in branches {
            let told = match &branch {
                Waiting::Database(db, name) => tell::database(db, (gtid, name), outcome).await,
                Waiting::Participant(name) => match self.inner.participants.get(name) {
                    Some(one) => {
                        tell::participant(&**one, gtid, outcome, &self.round).await.map_err(failed)
                    }
                    None => Err(Doubt::ParticipantUnknown),
                },
            };
            match told {
                Ok(()) => self.recovered.ended(gtid, outcome),
                Err(doubt) => self.recovered.doubt(gtid, branch.place(), doubt),
            }
        }
    }

    /// Compares what was forced on branches here with what was decided.
    async fn compare_forced(&mut self, db: &Database) -> Result<()> {
        for (gtid, forced) in Decisions(db).forced()? {
            let place = db.path().display().to_string();
            let compared = match self.verdict(&gtid, &[]).await {
                _ if forced.contradicts => Some(forced),
                Ok(decided) => Decisions(db).compare(&gtid, decided).await?,
                Err(_) => {
                    self.recovered.doubt(&gtid, place, Doubt::Forced(forced.outcome));
                    continue;
                }
            };
            if compared.is_some_and(|compared| compared.contradicts) {
                self.recovered.doubt(&gtid, place, Doubt::Contradicted(forced.outcome));
            }
        }
        Ok(())
    }
}
