//! Going on from a checkpoint, whoever wrote it.
//!
//! A process that was away for so long that the log does not reach back to it begins anew at the
//! newest checkpoint. And one that only follows would keep all nodes in memory that it has made; it
//! adopts what others have written of them.

use std::{path::Path, sync::Arc};

use super::{
    Assembly, LogStage, Pipeline,
    follow::{apply, shared},
};
use crate::{
    error::Result,
    id::Position,
    log::{
        Rim,
        shared::{Fate, Followed},
    },
    sync::atomic::Ordering,
    version::{Accounts, Manifest, Replay},
};

impl Pipeline {
    /// Goes on from the newest checkpoint, which holds more than the trees do. Says what became of
    /// a batch that was in doubt, if there was one.
    pub(super) fn begin_anew(
        &self,
        assembly: &mut Assembly,
        stage: &mut LogStage,
    ) -> Result<Option<Fate>> {
        self.show(stage)?;
        let manifests = self.manifests();
        let (manifest, replay) = self.restart(assembly, manifests.path())?;
        let anchor = manifest.anchor(manifests.path())?.clone();
        let fate = shared(stage).begin_anew(anchor).inspect_err(|error| self.poison(error))?;
        self.restarted(assembly, stage, (&manifest, replay))?;
        Ok(fate)
    }

    /// Whether another process has written a checkpoint after which this one needs none, nor to read
    /// that: little of the log is behind it, and there is room in memory.
    pub(crate) fn is_relieved(&self) -> Result<bool> {
        if self.shared.is_none() || self.manifests().newest_number()? <= self.footing().number {
            return Ok(false);
        }
        let newest = self.manifests().newest_now()?;
        let mut stage = self.log.lock();
        if newest.number > stage.footing.number {
            stage.relief = Some(newest.log);
            self.log_len.store(stage.len(), Ordering::Relaxed);
        }
        drop(stage);
        Ok(!self.wants_checkpoint())
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
        self.pin(&mut stage);
        Ok(is_newer)
    }

    /// Reads the newest checkpoint, and applies once more what is behind it.
    pub(super) fn adopt(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        self.show(stage)?;
        let manifests = self.manifests();
        let log = shared(stage);
        let (dir, before) = (log.dir().to_owned(), log.anchor().clone());
        let (manifest, mut replay) = self.restart(assembly, &dir)?;
        let anchor = manifest.anchor(manifests.path())?.clone();
        log.begin_anew(anchor)?;
        let followed = log.follow(&mut |header, body| apply(&mut replay, header, body));
        let followed = followed.and_then(|followed| log.make_durable().map(|()| followed));
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
    pub(super) fn is_in_checkpoint(&self, position: Position) -> Result<bool> {
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
        (stage.footing, stage.relief) = (manifest.footing(), None);
        *self.accounts.lock() = Accounts::new(manifest.segments.iter().copied());
        assembly.newest = Arc::new(version);
        self.publish(stage, Arc::clone(&assembly.newest), change);
        Ok(())
    }
}
