//! One of many processes that append to the same log.
//!
//! What others have appended is applied in the order of the log, under both locks, before anything
//! is built on it; so all processes have the same states. A batch whose place was taken is merged
//! anew on what was found there: nobody who commits is asked to try again because somebody else was
//! faster, only because somebody else did what cannot be merged.
//!
//! Who has fallen behind goes on from a checkpoint ([`adopt`](super::adopt)).

use std::sync::Arc;

use super::{Assembly, LogStage, Others, Pipeline, TurnGuard, batch::Batch};
use crate::{
    error::{Error, Result},
    guard::{self, Guard},
    id::Position,
    limit::KEPT_MANIFESTS,
    log::{
        Appended, Rim,
        shared::{Fate, Followed, Kind, SharedLog, SlotHeader},
    },
    sync::atomic::Ordering,
    transaction::Freshness,
    version::Replay,
};

/// How taking in what is in the log has ended.
enum Replayed {
    /// All of it is taken in.
    ToTheEnd,
    /// The newest checkpoint holds what is needed next, and the log may not.
    Behind,
    /// The newest checkpoint has what the trees were to be changed on, and they may not.
    Outdated,
}

impl Pipeline {
    /// Takes in what others have committed. Nothing to do if the log is not shared.
    ///
    /// Waits for a batch that is on its way. Fails if the folder cannot be read now; readers go on
    /// with what there is.
    pub(crate) fn follow(&self) -> Result<()> {
        if self.shared.is_none() {
            return Ok(());
        }
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        let caught_up = self.catch_up(&mut assembly, &mut stage);
        self.show(&mut stage)?;
        drop((stage, assembly));
        caught_up?;
        self.request_checkpoint();
        Ok(())
    }

    /// Sees to it that what is published is as new as somebody wants it. Nothing to do if the log is
    /// not shared.
    pub(crate) fn freshen(&self, freshness: Freshness) -> Result<()> {
        let Some(others) = &self.shared else { return Ok(()) };
        let is_verified = |within| {
            let age = others.verified.lock().map(|at| self.clock.now().saturating_sub(at));
            age.is_some_and(|age| age < within)
        };
        match freshness {
            Freshness::Local => Ok(()),
            Freshness::Bounded(within) if is_verified(within) => Ok(()),
            Freshness::Bounded(_) | Freshness::Fresh => self.look(others),
        }
    }

    /// Sees to it that what is published holds all that anybody was told before.
    ///
    /// Costs a look at the folder, which all share who ask at the same time. A batch on its way is
    /// waited for only if it can be in the log already.
    fn look(&self, others: &Others) -> Result<()> {
        let Others { lookout, looks, verified, .. } = others;
        looks.share(|| {
            if let Some(error) = self.refusal() {
                return Err(error);
            }
            let (position, now) = (self.published.load().position(), self.clock.now());
            if !looks.is_in_doubt() && lookout.is_at_end(position)? {
                *verified.lock() = Some(now);
                return Ok(());
            }
            self.follow()
        })
    }

    /// Brings the trees to the end of the log, and sees to it that their checkpoint stays. What there is
    /// new is not shown yet.
    fn catch_up(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        self.read_ahead(assembly, stage)?;
        let newest = self.manifests().newest_seen();
        if newest - stage.footing.number.min(newest) > KEPT_MANIFESTS / 2 {
            self.adopt(assembly, stage)?;
        }
        self.pin(stage);
        Ok(())
    }

    /// Brings the trees, and what is published, to the end of the log.
    pub(super) fn take_in(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        let read = self.read_ahead(assembly, stage);
        self.show(stage)?;
        read
    }

    /// Brings the trees to the end of the log. What there is new is not shown yet.
    fn read_ahead(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        loop {
            let now = self.clock.now();
            match self.replay(assembly, stage)? {
                Replayed::ToTheEnd => {
                    stage.read_at = Some(now);
                    self.note_identity(stage);
                    return Ok(());
                }
                Replayed::Behind => drop(self.begin_anew(assembly, stage)?),
                Replayed::Outdated => self.adopt(assembly, stage)?,
            }
        }
    }

    /// Applies what can be read of the log now.
    fn replay(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<Replayed> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        self.show(stage)?;
        let footing = stage.footing.number;
        let log = shared(stage);
        let (dir, before) = (log.dir().to_owned(), log.anchor().clone());
        let mut replay = Replay::new(&assembly.newest, &self.folder, &dir);
        let followed = log.follow(&mut |header, body| apply(&mut replay, header, body));
        if replay.has_failed() {
            if self.is_in_checkpoint(log.position().next())? {
                // What the batch has by reference can be gone then, and is of no use any more.
                return Ok(Replayed::Behind);
            }
            if self.manifests().newest_number()? > footing {
                // What the trees read can be gone then. As if nothing had been read of the log.
                log.begin_anew(before)?;
                return Ok(Replayed::Outdated);
            }
        }
        // The log goes on behind what could not be applied, and nothing can be built without it.
        let (version, change) =
            replay.finish(log.position()).inspect_err(|error| self.poison(error))?;
        if version.position() > assembly.newest.position() {
            assembly.newest = Arc::new(version);
            stage.unshown = Some((Arc::clone(&assembly.newest), change));
            self.turns().met_others();
        }
        match &followed {
            Ok(_) => self.others().looks.set_in_doubt(false),
            Err(error @ Error::Corrupt { .. }) => self.poison(error),
            Err(_) => {}
        }
        Ok(match followed? {
            Followed::ToTheEnd => Replayed::ToTheEnd,
            Followed::Behind => Replayed::Behind,
        })
    }

    /// Merges a batch anew if this process is no member any more, as another one that it becomes then:
    /// what it has written by reference may be gone.
    fn merge_as_member(
        &self,
        assembly: &mut Assembly,
        stage: &mut LogStage,
        batch: &mut Batch,
    ) -> Result<()> {
        if batch.broken().is_some() {
            self.take_in(assembly, stage)?;
        }
        if !shared(stage).is_member() && guard::stands(Guard::ExpelledStop) {
            self.join_anew(assembly, stage)?;
            batch.rebase(Arc::clone(&assembly.newest), &self.folder);
        }
        Ok(())
    }

    /// Takes a batch to the end of the log; and what is published then.
    pub(super) fn lead_among_others(&self, turn: TurnGuard<'_>) -> (Batch, Position) {
        // What is there by the time that one more is before this process it can take in at leisure.
        self.turns().take(|| drop(self.follow()));
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        let caught_up = self.catch_up(&mut assembly, &mut stage);
        let mut batch = Batch::new(Arc::clone(&assembly.newest), self.header_len, true);
        self.gather(&mut batch);
        self.append_among_others(&mut assembly, &mut stage, &mut batch, caught_up);
        if let Err(error) = self.show(&mut stage) {
            batch.withdraw(&error);
        }
        self.turns().end();
        drop((assembly, turn));
        (batch, self.published.load().position())
    }

    /// Appends a batch, merging it anew for as long as others are faster.
    fn append_among_others(
        &self,
        assembly: &mut Assembly,
        stage: &mut LogStage,
        batch: &mut Batch,
        mut caught_up: Result<()>,
    ) {
        loop {
            if caught_up.is_ok() {
                caught_up = self.merge_as_member(assembly, stage, batch);
            }
            if let Err(error) = caught_up {
                return batch.abandon(&error);
            }
            if !self.has_room(batch, stage) {
                return;
            }
            let body_len = batch.body_len();
            caught_up = match stage.log.append(batch.record()) {
                Ok(Appended::At(_)) => {
                    // What it was built on has become durable before it was linked.
                    self.show_durable(stage);
                    if let Some((version, change)) = batch.finish() {
                        assembly.newest = Arc::new(version);
                        self.count(batch, body_len);
                        self.publish(stage, Arc::clone(&assembly.newest), change);
                    }
                    return;
                }
                Ok(Appended::Overtaken) => {
                    self.counters.lost_links.fetch_add(1, Ordering::Relaxed);
                    self.turns().met_others();
                    self.turns().take(|| ());
                    self.read_ahead(assembly, stage)
                }
                Ok(Appended::NoMember) => self.join_anew(assembly, stage),
                Ok(Appended::Open(error)) => {
                    self.others().looks.set_in_doubt(true);
                    return leave_open(stage, batch, &error);
                }
                Ok(Appended::Behind) => match self.begin_anew(assembly, stage) {
                    Ok(Some(Fate::Committed)) => return batch.retract(),
                    Ok(Some(Fate::Unknown)) => return leave_open(stage, batch, &forgotten()),
                    Ok(Some(Fate::NotCommitted) | None) => self.take_in(assembly, stage),
                    Err(error) => return leave_open(stage, batch, &error),
                },
                Err(error) => match stage.log.check() {
                    Ok(()) => Err(error),
                    Err(broken) => {
                        self.poison(&broken);
                        return leave_open(stage, batch, &broken);
                    }
                },
            };
            if caught_up.is_ok() && guard::stands(Guard::MergedAnew) {
                batch.rebase(Arc::clone(&assembly.newest), &self.folder);
                // Who came meanwhile is taken along.
                self.gather(batch);
            }
        }
    }
}

/// Why nobody can tell what became of a batch: its author was away until it was remembered no more.
fn forgotten() -> Error {
    Error::Invalid("this process was away for so long that nobody remembers".into())
}

/// Only batches change the trees.
pub(super) fn apply(replay: &mut Replay<'_>, header: &SlotHeader, body: &[u8]) -> Result<()> {
    match header.kind {
        Kind::Batch => replay.batch(header.position, body),
        Kind::Join | Kind::Leave | Kind::Expel | Kind::Lease => Ok(()),
    }
}

pub(super) fn shared(stage: &mut LogStage) -> &mut SharedLog {
    stage.log.shared().expect("invariant: the log is shared")
}

/// Tells everybody in a batch that it is not known what becomes of it, and how to ask for it.
fn leave_open(stage: &mut LogStage, batch: &mut Batch, error: &Error) {
    let commit = shared(stage).report();
    batch.unknown(Position(commit.position()), Some(commit), error);
}
