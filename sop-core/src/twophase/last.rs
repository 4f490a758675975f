//! Where a resource that cannot prepare decides.
//!
//! When all others are prepared, the home's own part included, the home writes down that the resource
//! decides: from then on nobody else may. What the resource then commits has a marker in it, which is
//! the decision; the home copies it.

use std::sync::Arc;

use super::{
    GlobalCommit, LastResource, Outcome, Untold,
    decision::{Decision, Verdict},
    decisions::{self, Decisions},
    manager::Inner,
    participant::Failure,
    phases::{Failed, Phases, refused},
};
use crate::{
    database::Database,
    error::{Error, Result},
    id::Gtid,
};

impl Phases {
    /// Everybody is prepared.
    pub(super) async fn delegate(
        &mut self,
        home: &Database,
        last: &dyn LastResource,
    ) -> Result<GlobalCommit> {
        let name = last.name().to_owned();
        let decision = match self.hand_over(home, &name).await {
            Ok(decision) => decision,
            Err(failed) => {
                if failed.is_rolled_back {
                    self.roll_back().await;
                }
                return Err(failed.error);
            }
        };
        let (inner, gtid) = (Arc::clone(&self.run.inner), self.run.gtid);
        let committed = inner.patience.ask(last.commit(&gtid)).await;
        if committed.is_err() {
            // What it has committed cannot be undone by this, and what it has not must not be in the way
            // of its answer.
            inner.roll_back(&gtid, &name, &inner.patience.round()).await;
        }
        let (outcome, error) = match committed {
            Ok(()) => (Outcome::Committed, None),
            Err(error) if error.kind != Failure::Unknown => {
                (Outcome::RolledBack, Some(refused(&name, error)))
            }
            Err(error) => {
                let settled = inner.patience.ask(last.settle(&gtid)).await;
                let unknown = |why| Error::GlobalUnknown { gtid, reason: format!("{name}: {why}") };
                (settled.map_err(unknown)?, Some(refused(&name, error)))
            }
        };
        self.run.open.clear();
        let untold = self.conclude(home, decision, outcome).await;
        if untold.is_empty() && outcome == Outcome::Committed {
            inner.forget(last, &gtid).await;
        }
        match (outcome, error) {
            (Outcome::RolledBack, Some(error)) => Err(error),
            (Outcome::RolledBack, None) => Err(Error::GlobalRolledBack { gtid }),
            (Outcome::Committed, _) => Ok(GlobalCommit { gtid, home: None, untold }),
        }
    }

    /// Writes down that the resource decides.
    async fn hand_over(&mut self, home: &Database, name: &str) -> Result<Decision, Failed> {
        let gtid = self.run.gtid;
        let new = || {
            let verdict = Verdict::Delegated(name.to_owned());
            let decision = Decisions(home).new_decision(verdict, self.branches())?;
            let tx = home.begin()?;
            let is_first = decisions::decide(&tx, &gtid, &decision)?;
            let ended = home.take_ended();
            decisions::end(&tx, &ended)?;
            Ok((tx, decision, is_first, ended))
        };
        let (tx, decision, is_first, ended) = new().map_err(Failed::rolled_back)?;
        if !is_first {
            home.note_ended(ended);
            return Err(Failed::rolled_back(Error::GlobalRolledBack { gtid }));
        }
        // Participants are prepared, and only told what is decided. What the last resource has not
        // committed may be undone at any time.
        self.run.open.retain(|open| open == name);
        match tx.commit_async().await {
            Ok(_) => Ok(decision),
            Err(error) => {
                home.note_ended(ended);
                self.find_out(home, error).await.map(|()| decision)
            }
        }
    }

    /// Copies what the resource has decided, and tells everybody.
    async fn conclude(
        &mut self,
        home: &Database,
        decision: Decision,
        outcome: Outcome,
    ) -> Vec<Untold> {
        if let Err(error) = Decisions(home).conclude(&self.run.gtid, outcome).await {
            // Recovery asks the resource once more.
            let (place, reason) = (home.path().display().to_string(), error.to_string());
            return vec![Untold { place, reason }];
        }
        let decision = Decision { verdict: Verdict::Ended(outcome), ..decision };
        self.tell_all(home, decision).await
    }
}

impl Inner {
    /// Lets the marker of a commit go, that everybody knows of. That of an abort stays: whoever was to
    /// commit may yet try.
    pub(super) async fn forget(&self, last: &dyn LastResource, gtid: &Gtid) {
        if let Err(error) = self.patience.ask(last.forget(gtid)).await {
            tracing::debug!(%gtid, name = last.name(), %error, "a marker is left over");
        }
    }
}
