//! One of many processes that append to the same log.
//!
//! What others have appended is applied in the order of the log, under both locks, before anything
//! is built on it; so all processes have the same states. A batch whose place was taken is merged
//! anew on what was found there: nobody who commits is asked to try again because somebody else was
//! faster, only because somebody else did what cannot be merged.
//!
//! Who has fallen behind goes on from a checkpoint ([`adopt`](super::adopt)).

use std::sync::Arc;

use super::{Assembly, LogStage, Others, Pipeline, Turns, batch::Batch};
use crate::{
    coordinate::Health,
    error::{Error, Result},
    guard::{self, Guard},
    limit::KEPT_MANIFESTS,
    log::{
        Appended, Rim,
        shared::{Fate, Followed, Kind, SharedLog, SlotHeader},
    },
    sync::atomic::Ordering,
    version::{ManifestFolder, Replay},
};

impl Pipeline {
    /// Takes in what others have committed. Nothing to do if the log is not shared.
    ///
    /// Waits for a batch that is on its way. Fails if the folder cannot be read now; readers go on
    /// with what there is.
    pub(crate) fn follow(&self) -> Result<()> {
        if self.shared.is_none() {
            return Ok(());
        }
        self.catch_up(&mut self.assembly.lock())?;
        self.request_checkpoint();
        Ok(())
    }

    /// Sees to it that what is published holds all that anybody was told before. Nothing to do if the
    /// log is not shared.
    ///
    /// Costs a look at the folder, which all share who ask at the same time. A batch on its way is
    /// waited for only if it can be in the log already.
    pub(crate) fn refresh(&self) -> Result<()> {
        let Some(Others { lookout, looks, .. }) = &self.shared else { return Ok(()) };
        looks.share(|| {
            if let Some(error) = self.refusal() {
                return Err(error);
            }
            let position = self.published.load().position();
            if !looks.is_in_doubt() && lookout.is_at_end(position)? {
                return Ok(());
            }
            self.follow()
        })
    }

    /// Brings the trees to the end of the log.
    pub(super) fn catch_up(&self, assembly: &mut Assembly) -> Result<()> {
        if self.shared.is_none() {
            return Ok(());
        }
        let mut stage = self.log.lock();
        self.take_in(assembly, &mut stage)?;
        let newest = self.manifests().newest_seen();
        if newest - stage.footing.number.min(newest) > KEPT_MANIFESTS / 2 {
            self.adopt(assembly, &mut stage)?;
        }
        Ok(())
    }

    /// The same, with the log in hand.
    pub(super) fn take_in(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        while self.replay(assembly, stage)? == Followed::Behind {
            self.begin_anew(assembly, stage)?;
        }
        self.note_identity(stage);
        Ok(())
    }

    /// Applies and publishes what can be read of the log now.
    fn replay(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<Followed> {
        if let Some(error) = self.refusal() {
            return Err(error);
        }
        let log = shared(stage);
        let dir = log.dir().to_owned();
        let mut replay = Replay::new(&assembly.newest, &self.folder, &dir);
        let followed = log.follow(&mut |header, body| apply(&mut replay, header, body));
        if replay.has_failed() && self.is_in_checkpoint(log.position().next())? {
            // What the batch has by reference can be gone then, and is of no use any more.
            return Ok(Followed::Behind);
        }
        // The log goes on behind what could not be applied, and nothing can be built without it.
        let (version, change) =
            replay.finish(log.position()).inspect_err(|error| self.poison(error))?;
        if version.position() > assembly.newest.position() {
            assembly.newest = Arc::new(version);
            self.publish(stage, Arc::clone(&assembly.newest), change);
            self.turns().met_others();
        }
        match &followed {
            Ok(_) => self.others().looks.set_in_doubt(false),
            Err(error @ Error::Corrupt { .. }) => self.poison(error),
            Err(_) => {}
        }
        followed
    }

    /// Whether the processes that share the log can coordinate.
    pub(crate) fn coordination(&self) -> Health {
        self.shared.as_ref().map_or(Health::Off, |others| others.turns.health())
    }

    pub(super) fn manifests(&self) -> &ManifestFolder {
        &self.others().manifests
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.others().turns
    }

    pub(super) fn others(&self) -> &Others {
        self.shared.as_ref().expect("invariant: the log is shared")
    }

    /// Appends a batch, merging it anew for as long as others are faster.
    pub(super) fn append_among_others(
        &self,
        assembly: &mut Assembly,
        stage: &mut LogStage,
        batch: &mut Batch,
        mut caught_up: Result<()>,
    ) {
        loop {
            if let Err(error) = caught_up {
                return batch.abandon(&error);
            }
            if !self.has_room(batch, stage) {
                return;
            }
            let (position, body_len) = (assembly.newest.position().next(), batch.body_len());
            caught_up = match stage.log.append(batch.record()) {
                Ok(Appended::At(_)) => {
                    if let Some((version, change)) = batch.finish() {
                        assembly.newest = Arc::new(version);
                        self.count(batch, body_len);
                        self.publish(stage, Arc::clone(&assembly.newest), change);
                        self.turns().announce(assembly.newest.position());
                    }
                    return;
                }
                Ok(Appended::Overtaken) => {
                    self.counters.lost_links.fetch_add(1, Ordering::Relaxed);
                    self.turns().met_others();
                    self.turns().take();
                    self.take_in(assembly, stage)
                }
                Ok(Appended::NoMember) => self.join_anew(assembly, stage),
                Ok(Appended::Open(error)) => {
                    self.others().looks.set_in_doubt(true);
                    return batch.unknown(position, &error);
                }
                Ok(Appended::Behind) => match self.begin_anew(assembly, stage) {
                    Ok(Some(Fate::Committed)) => return batch.retract(),
                    Ok(Some(Fate::Unknown)) => return batch.unknown(position, &Error::Expelled),
                    Ok(Some(Fate::NotCommitted) | None) => self.take_in(assembly, stage),
                    Err(error) => return batch.unknown(position, &error),
                },
                Err(error) => match stage.log.check() {
                    Ok(()) => Err(error),
                    Err(broken) => {
                        self.poison(&broken);
                        return batch.unknown(position, &broken);
                    }
                },
            };
            if caught_up.is_ok() && guard::stands(Guard::MergedAnew) {
                batch.rebase(Arc::clone(&assembly.newest), &self.folder);
            }
        }
    }
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
