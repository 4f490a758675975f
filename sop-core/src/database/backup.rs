//! Taking a backup of an open database, beside whatever goes on.

use std::{path::Path, sync::Arc};

use super::{Core, Database, Engine};
use crate::{
    backup::{
        BackupFolder, BackupProgress, BackupReport, Description, Held, Increment, Owner, Stretch,
        newest,
    },
    checkpoint::Checkpointer,
    commit::Pipeline,
    disk::whole,
    error::{Error, Result},
    id::Position,
    transaction::Freshness,
    version::{Manifest, Version},
};

/// How often a backup is begun again because other processes have removed what it was about to take.
const ATTEMPTS_MAX: usize = 8;

impl Database {
    /// Copies the database to a folder of its own, beside whatever goes on; into an earlier backup of
    /// the same database only what is new. Everything is durable when this returns.
    ///
    /// What was committed before the call is in it. The folder is no database:
    /// [`Builder::restore`](crate::Builder::restore) makes one of it.
    ///
    /// ```
    /// use sop_core::{Database, StoreOptions};
    ///
    /// # fn main() -> sop_core::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a temporary folder");
    /// # let [path, backup, restored] = ["db", "backup", "new"].map(|name| folder.path().join(name));
    /// let db = Database::open(&path)?;
    /// let write = |key: &str| {
    ///     let tx = db.begin()?;
    ///     tx.open_store("people", &StoreOptions::default())?.upsert(key, "here")?;
    ///     tx.commit()
    /// };
    /// let ann = write("ann")?.position;
    /// db.backup(&backup)?;
    /// write("bob")?;
    /// let report = db.backup(&backup)?;
    /// assert!(report.continues);
    ///
    /// // As of any position that the backup holds; without one, the newest.
    /// Database::builder().restore(&backup, &restored, Some(ann))?;
    /// let old = Database::open(&restored)?;
    /// assert!(!old.snapshot()?.store("people")?.contains("bob")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Files of nodes and values are linked where the file system can do so, and copied else; linked
    /// ones are read once. A backup on the same disk is no help when the disk fails.
    ///
    /// Positions since the backup before can be restored as far as the log still reaches, for which
    /// there is [`Options::log_history_bytes`](crate::Options::log_history_bytes), or
    /// [`Options::shared_slots_kept`](crate::Options::shared_slots_kept) in a folder that many
    /// processes share. [`BackupReport::continues`] tells whether there is a gap.
    ///
    /// Checkpoints wait while the log since the last one is copied. A call that fails or is
    /// interrupted leaves the backup that was there as it was, and can be repeated.
    ///
    /// Fails with [`Error::Invalid`] if one of the two folders lies in the other, or if the database is
    /// [in memory](crate::Builder::in_memory), with
    /// [`Error::NotABackup`] if the folder holds something else or the backup of another database,
    /// with [`Error::InUse`] if another backup into it is under way, with [`Error::DiskFull`], and
    /// with [`Error::ReadOnly`] if the database is open for reading only.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<BackupReport> {
        self.backup_with(path, &mut |_| {})
    }

    /// The same, and says after each file how far it is.
    pub fn backup_with(
        &self,
        path: impl AsRef<Path>,
        progress: &mut dyn FnMut(BackupProgress),
    ) -> Result<BackupReport> {
        let (core, path) = (&*self.shared.core, path.as_ref());
        let pipeline = core.pipeline()?;
        if core.ephemeral {
            let message = "a backup of a database in memory would go with it".to_owned();
            return Err(Error::Invalid(message));
        }
        pipeline.freshen(Freshness::Fresh)?;
        pipeline.sync()?;
        let disk = &core.site.disk;
        whole::check_apart(&**disk, path, &core.site.root)?;
        let folder = BackupFolder::new(Arc::clone(disk), path);
        // Nothing is created in a folder that is something else.
        core.base(&folder)?;
        let _lock = folder.lock()?;
        let (held, begun) = core.base(&folder)?;
        folder.check_names(&held, begun || held.points.is_empty())?;
        folder.begin(held.owner, &held, begun)?;
        let taken = core.take(pipeline, &folder, &held, progress);
        if taken.is_err() {
            // What was written is of no use, unless that it is complete was the last thing that could
            // be written. If it stays, the next one removes it.
            drop(core.base(&folder).and_then(|(held, _)| folder.sweep(&held)));
        }
        taken
    }
}

/// What a backup takes that is of one moment, and what keeps it there.
struct Moment {
    /// As long as it lives, its segments stay.
    version: Arc<Version>,
    point: Manifest,
}

impl Core {
    /// The backup that is added to, with nothing in it if there is none yet; and whether another one
    /// was begun.
    fn base(&self, folder: &BackupFolder) -> Result<(Description, bool)> {
        let owner = Owner { database: self.site.database, incarnation: self.site.incarnation };
        let (found, base) = match folder.look()? {
            Held::Nothing => (owner, (Description::empty(owner), false)),
            Held::Begun(found) => (found, (Description::empty(owner), true)),
            Held::Complete(held, begun) => (held.owner, (*held, begun)),
        };
        if found == owner {
            return Ok(base);
        }
        let reason = if found.database == owner.database {
            "it is of the same database before or after it was restored; name another folder"
        } else {
            "it is of another database; name another folder"
        };
        Err(folder.not_usable(reason))
    }

    fn take(
        &self,
        pipeline: &Pipeline,
        folder: &BackupFolder,
        held: &Description,
        progress: &mut dyn FnMut(BackupProgress),
    ) -> Result<BackupReport> {
        let mut attempts = 0..ATTEMPTS_MAX;
        loop {
            let source = self.site.root.join("seg");
            let increment = Increment::new(folder, source, held.clone(), progress);
            match self.attempt(pipeline, held, increment) {
                // Others have removed what it was about to take: a newer state is to be had.
                Err(Error::SnapshotTooOld) if attempts.next().is_some() => {
                    folder.sweep(held)?;
                    pipeline.freshen(Freshness::Fresh)?;
                    self.checkpoint(None)?;
                }
                other => return other,
            }
        }
    }

    fn attempt(
        &self,
        pipeline: &Pipeline,
        held: &Description,
        mut increment: Increment<'_>,
    ) -> Result<BackupReport> {
        let before = (!held.points.is_empty()).then(|| Position(newest(held)));
        let moment = self.take_moment(pipeline, before, &mut increment)?;
        increment.add_point(moment.point);
        increment.tell();
        while increment.take_next()? {
            increment.tell();
            // In a folder that others write to, this also keeps what the version reads.
            pipeline.follow()?;
        }
        let report = increment.finish(before)?;
        drop(moment.version);
        Ok(report)
    }

    /// Copies the log, and finds the checkpoint from which it leads on. No checkpoint is written by
    /// this process meanwhile.
    fn take_moment(
        &self,
        pipeline: &Pipeline,
        before: Option<Position>,
        increment: &mut Increment<'_>,
    ) -> Result<Moment> {
        let Engine::ReadWrite { checkpointer, .. } = &self.engine else {
            return Err(Error::ReadOnly);
        };
        let checkpointer = checkpointer.lock();
        let (version, place) = pipeline.sync()?;
        let point = point_of(&checkpointer, &version)?;
        let (point_at, upto) = (point.position(), place.position());
        if before.is_some_and(|before| before > upto) {
            let message = "the backup reaches further than the database, which was put back by \
                           other means; begin another backup";
            return Err(Error::Invalid(message.to_owned()));
        }
        // All since the last backup, if the log reaches back so far; else what the checkpoint needs.
        for after in before.into_iter().chain([point_at]) {
            if let Some(history) = pipeline.history(after)? {
                let all_there =
                    increment.take_log(&history, Stretch { after, upto, point: point_at })?;
                return if all_there {
                    Ok(Moment { version, point })
                } else {
                    Err(Error::SnapshotTooOld)
                };
            }
        }
        Err(Error::SnapshotTooOld)
    }
}

/// The checkpoint whose segments a state reads: they stay as long as that lives.
fn point_of(checkpointer: &Checkpointer, version: &Version) -> Result<Manifest> {
    let (manifests, number) = (checkpointer.manifests(), version.segments().checkpoint());
    manifests.read(number).map_err(|error| {
        // Others remove manifests that are too old for anybody.
        if manifests.may_have(number) { error } else { Error::SnapshotTooOld }
    })
}
