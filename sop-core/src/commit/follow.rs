//! One of many processes that append to the same log.
//!
//! What others have appended is applied in the order of the log, under both locks, before anything
//! is built on it; so all processes have the same states. A batch whose place was taken is merged
//! anew on what was found there: nobody who commits is asked to try again because somebody else was
//! faster, only because somebody else did what cannot be merged.
//!
//! A process that was away for so long that the log does not reach back to it begins anew at the
//! newest checkpoint, whoever wrote it.

use std::{ops::Range, path::Path, sync::Arc};

use super::{Assembly, LogStage, Others, Pipeline, Turns, batch::Batch};
use crate::{
    coordinate::Health,
    error::{Error, Result},
    guard::{self, Guard},
    id::Position,
    limit::KEPT_MANIFESTS,
    log::{
        Appended, Rim,
        shared::{Fate, Followed, Kind, Member, SharedLog, SlotHeader, Slots},
    },
    sync::atomic::Ordering,
    version::{Accounts, Manifest, ManifestFolder, Replay},
};

/// How many numbers of segments are taken at a time.
const LEASE_LEN: u32 = 256;

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
    fn take_in(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        while self.replay(assembly, stage)? == Followed::Behind {
            self.begin_anew(assembly, stage)?;
        }
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

    /// Goes on from the newest checkpoint, which holds more than the trees do. Says what became of
    /// a batch that was in doubt, if there was one.
    fn begin_anew(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<Option<Fate>> {
        let manifests = self.manifests();
        let (manifest, replay) = self.restart(assembly, manifests.path())?;
        let anchor = manifest.anchor(manifests.path())?.clone();
        let fate = shared(stage).begin_anew(anchor).inspect_err(|error| self.poison(error))?;
        self.restarted(assembly, stage, (&manifest, replay))?;
        Ok(fate)
    }

    /// Lets the trees read what the newest checkpoint holds, if somebody else wrote it: what this
    /// process has in memory of the same is given back, and the next checkpoint can build on it.
    /// Whether there was such a one.
    pub(crate) fn adopt_newest(&self) -> Result<bool> {
        if self.shared.is_none() {
            return Ok(false);
        }
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        self.take_in(&mut assembly, &mut stage)?;
        let is_newer = self.manifests().newest_number()? > stage.footing.number;
        if is_newer {
            self.adopt(&mut assembly, &mut stage)?;
        }
        Ok(is_newer)
    }

    /// Reads the newest checkpoint, and applies once more what is behind it.
    fn adopt(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        let manifests = self.manifests();
        let log = shared(stage);
        let (dir, before) = (log.dir().to_owned(), log.anchor().clone());
        let (manifest, mut replay) = self.restart(assembly, &dir)?;
        let anchor = manifest.anchor(manifests.path())?.clone();
        log.begin_anew(anchor)?;
        let followed = log.follow(&mut |header, body| apply(&mut replay, header, body));
        if !matches!(followed, Ok(Followed::ToTheEnd)) || log.position() < before.tip.position {
            // As if nothing had happened: the log is where the trees are.
            let is_outdated = replay.has_failed() && manifests.newest_number()? > manifest.number;
            replay.retract();
            log.begin_anew(before)?;
            return if is_outdated { Ok(()) } else { followed.map(drop) };
        }
        self.restarted(assembly, stage, (&manifest, replay))
    }

    /// Whether the newest checkpoint holds what is at a position.
    fn is_in_checkpoint(&self, position: Position) -> Result<bool> {
        Ok(self.manifests().newest_now()?.position() >= position)
    }

    /// The newest checkpoint, and a replay that goes on from it with batches from a folder.
    fn restart<'a>(&'a self, assembly: &Assembly, dir: &'a Path) -> Result<(Manifest, Replay<'a>)> {
        self.manifests().open_newest(|manifest| {
            let mut replay = Replay::new(&assembly.newest, &self.folder, dir);
            replay.restart(&manifest)?;
            Ok((manifest, replay))
        })
    }

    /// Publishes what was made of a checkpoint.
    fn restarted(
        &self,
        assembly: &mut Assembly,
        stage: &mut LogStage,
        (manifest, replay): (&Manifest, Replay<'_>),
    ) -> Result<()> {
        let position = stage.log.position();
        let (version, change) = replay.finish(position).inspect_err(|error| self.poison(error))?;
        stage.footing = manifest.footing();
        *self.accounts.lock() = Accounts::new(manifest.segments.iter().copied());
        assembly.newest = Arc::new(version);
        self.publish(stage, Arc::clone(&assembly.newest), change);
        Ok(())
    }

    /// Appends what is no batch, as often as it takes until it is in the log. Others go on meanwhile.
    fn announce(&self, append: &mut dyn FnMut(&mut SharedLog) -> Result<Appended>) -> Result<()> {
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        loop {
            self.take_in(&mut assembly, &mut stage)?;
            let appended = append(shared(&mut stage));
            if let Err(broken) = stage.log.check() {
                self.poison(&broken);
            }
            match appended? {
                // The trees are as they were, at another position.
                Appended::At(_) => return self.take_in(&mut assembly, &mut stage),
                Appended::Overtaken => {}
                Appended::NoMember => return Err(Error::Expelled),
                Appended::Open(error) => return Err(error),
                Appended::Behind => {
                    if self.begin_anew(&mut assembly, &mut stage)? == Some(Fate::Committed) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the processes that share the log can coordinate.
    pub(crate) fn coordination(&self) -> Health {
        self.shared.as_ref().map_or(Health::Off, |others| others.turns.health())
    }

    /// The member that this process is, and who all members are; nothing if the log is not shared.
    pub(crate) fn membership(&self) -> Option<(Member, Slots)> {
        let mut stage = self.log.lock();
        stage.log.shared().map(|log| (log.member(), log.slots().clone()))
    }

    fn manifests(&self) -> &ManifestFolder {
        &self.others().manifests
    }

    fn turns(&self) -> &Turns {
        &self.others().turns
    }

    fn others(&self) -> &Others {
        self.shared.as_ref().expect("invariant: the log is shared")
    }

    /// Becomes a member of those who append; before that, nothing can be committed.
    pub(crate) fn join(&self) -> Result<()> {
        self.announce(&mut |log| log.join())
    }

    /// Is a member no more: nothing can be committed from then on.
    pub(crate) fn leave(&self) -> Result<()> {
        if self.shared.is_none() {
            return Ok(());
        }
        self.announce(&mut |log| log.leave())
    }

    /// Numbers of segments that nobody else will use.
    pub(crate) fn lease(&self) -> Result<Range<u32>> {
        let mut first = 0;
        if !guard::stands(Guard::LeasedNumbers) {
            first = shared(&mut self.log.lock()).anchor().next_segment.0;
            return Ok(first..first + LEASE_LEN);
        }
        self.announce(&mut |log| {
            first = log.anchor().next_segment.0;
            log.lease(LEASE_LEN)
        })?;
        Ok(first..first + LEASE_LEN)
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
                Ok(Appended::NoMember) => Err(Error::Expelled),
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
fn apply(replay: &mut Replay<'_>, header: &SlotHeader, body: &[u8]) -> Result<()> {
    match header.kind {
        Kind::Batch => replay.batch(header.position, body),
        Kind::Join | Kind::Leave | Kind::Expel | Kind::Lease => Ok(()),
    }
}

fn shared(stage: &mut LogStage) -> &mut SharedLog {
    stage.log.shared().expect("invariant: the log is shared")
}
