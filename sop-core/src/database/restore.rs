//! Making a database of a backup.

use std::{
    io::ErrorKind::{NotADirectory, NotFound},
    ops::RangeInclusive,
    path::Path,
    sync::Arc,
};

use super::{
    Builder,
    folder::{self, FORMAT_FILE, Identity, Usage},
};
use crate::{
    backup::{
        BackupFolder, BackupProgress, Description, Held, Life, RestoreReport, lay, newest, ranges,
    },
    disk::{self, Access, Disk, Entry, LockKind, whole},
    error::{Error, Result},
    id::Position,
    recovery::Site,
    version::Manifest,
};

/// The file in `tmp/` that is there from before anything is restored until all of it is. No creation
/// of a database leaves such a file, so what is there is not taken for the begin of one.
const MARK: &str = "RESTORING";

impl Builder {
    /// Makes a database of a backup, in a folder that is not there or is empty: as of a log position
    /// that the backup holds, such as that of a commit, or the newest one.
    ///
    /// The restored database is one of its own: it goes on from the position, while the one that the
    /// backup is of goes on as well, and neither is ever taken for the other. It is opened in the
    /// mode that the other one has. Of this builder only the disk counts, on which both folders are,
    /// the clock, and the options that say how files are written.
    ///
    /// Costs copying the files, or linking them where the file system can, and reading all of them
    /// and every node and value once: what is damaged is found here. Everything is durable when this
    /// returns.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions};
    /// # let folder = tempfile::tempdir().expect("a temporary folder");
    /// # let [path, backup, restored] = ["db", "backup", "new"].map(|name| folder.path().join(name));
    /// let db = Database::open(&path)?;
    /// let tx = db.begin()?;
    /// tx.open_store("people", &StoreOptions::default())?.upsert("ann", "here")?;
    /// tx.commit()?;
    /// db.backup(&backup)?;
    ///
    /// let report = Database::builder().restore(&backup, &restored, None)?;
    /// let again = Database::open(&restored)?;
    /// assert_eq!(again.snapshot()?.position(), report.position);
    /// assert!(again.snapshot()?.store("people")?.contains("ann")?);
    ///
    /// // Never over anything that is there.
    /// let refused = Database::builder().restore(&backup, &path, None);
    /// assert!(matches!(refused, Err(Error::NotEmpty { .. })));
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// Fails with [`Error::NotABackup`], with [`Error::NotEmpty`], with [`Error::PositionNotHeld`],
    /// which says what positions can be had, with [`Error::Corrupt`] if a file of the backup is
    /// missing, damaged, or does not belong to it, with [`Error::DiskFull`], and with
    /// [`Error::Invalid`] if one of the folders lies in the other. The backup is never changed, and
    /// what was written to the target by then is removed again. After a crash what is left there is
    /// no database, and is removed when something is restored to it again.
    pub fn restore(
        self,
        backup: impl AsRef<Path>,
        target: impl AsRef<Path>,
        position: Option<u64>,
    ) -> Result<RestoreReport> {
        self.restore_with(backup, target, position, &mut |_| {})
    }

    /// The same, and says after each file how far it is.
    pub fn restore_with(
        self,
        backup: impl AsRef<Path>,
        target: impl AsRef<Path>,
        position: Option<u64>,
        progress: &mut dyn FnMut(BackupProgress),
    ) -> Result<RestoreReport> {
        self.options.check()?;
        let (disk, target) = (&self.disk, target.as_ref());
        let (folder, description) = self.backup(backup.as_ref())?;
        let position = position.unwrap_or_else(|| newest(&description));
        whole::check_apart(&**disk, backup.as_ref(), target)?;
        check_empty(&**disk, target)?;
        whole::create_dir(&**disk, target)?;
        let lock = folder::take_lock(disk, target, LockKind::Exclusive)?;
        // Somebody else may have been here meanwhile.
        check_empty(&**disk, target)?;
        let usage = usage(&description);
        let identity = self.identity(&description, usage);
        let site = Site {
            disk: Arc::clone(disk),
            root: target.to_owned(),
            database: identity.database,
            incarnation: identity.incarnation,
            reading: self.options.reading(),
        };
        let restored = begin(&site, usage).and_then(|()| {
            let manifests = folder::manifests(&site, usage);
            let (position, log) = (Position(position), self.options.log());
            let life = Life { site: &site, manifests: &manifests, position, log };
            let report = lay(&folder, &description, &life, progress)?;
            finish(&site, identity).map(|()| report)
        });
        if restored.is_err() {
            drop(take_back(&site));
        }
        drop(lock);
        restored
    }

    /// The log positions as of which a backup can be restored, ascending; reads all of its files, and
    /// fails with [`Error::Corrupt`] if one of them is missing, damaged, or does not belong to it.
    ///
    /// ```
    /// # use sop_core::{Database, Error, StoreOptions};
    /// # let folder = tempfile::tempdir().expect("a temporary folder");
    /// # let [path, backup] = ["db", "backup"].map(|name| folder.path().join(name));
    /// let db = Database::open(&path)?;
    /// for round in 0..3 {
    ///     let tx = db.begin()?;
    ///     tx.open_store("people", &StoreOptions::default())?.upsert("ann", [round])?;
    ///     tx.commit()?;
    ///     db.backup(&backup)?;
    /// }
    /// assert_eq!(Database::builder().check_backup(&backup)?, [0..=3]);
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// Fails with [`Error::NotABackup`] if the folder holds something else, or a backup that was
    /// interrupted.
    pub fn check_backup(&self, path: impl AsRef<Path>) -> Result<Vec<RangeInclusive<u64>>> {
        let (folder, description) = self.backup(path.as_ref())?;
        folder.check_contents(&description)?;
        Ok(ranges(&description))
    }

    /// A backup that is complete, with all of its files.
    fn backup(&self, path: &Path) -> Result<(BackupFolder, Description)> {
        let folder = BackupFolder::new(Arc::clone(&self.disk), path);
        let (description, begun) = match folder.look()? {
            Held::Complete(description, begun) => (*description, begun),
            Held::Nothing => return Err(folder.not_usable("there is none in this folder")),
            Held::Begun(_) => {
                let reason = "it was interrupted before it was complete; back up into it again";
                return Err(folder.not_usable(reason));
            }
        };
        folder.check_names(&description, begun)?;
        Ok((folder, description))
    }

    /// That of another life of the same database.
    fn identity(&self, description: &Description, usage: Usage) -> Identity {
        let random = || self.clock.random();
        let secret = match usage {
            Usage::Standalone => None,
            Usage::Shared => [random(), random()].concat().try_into().ok(),
        };
        Identity { database: description.owner.database, incarnation: random(), secret }
    }
}

/// Who uses the database.
fn usage(description: &Description) -> Usage {
    if description.points.iter().any(Manifest::is_shared) {
        Usage::Shared
    } else {
        Usage::Standalone
    }
}

/// Fails with `NotEmpty` unless there is no folder, or one that holds no more than what is left
/// after a restoring that was interrupted.
fn check_empty(disk: &dyn Disk, root: &Path) -> Result<()> {
    let not_empty = |found: &Path| Error::NotEmpty {
        path: root.to_owned(),
        found: found.display().to_string(),
    };
    let entries = match disk.refresh_dir(root).and_then(|()| disk.list(root)) {
        Err(error) if error.kind() == NotFound => return Ok(()),
        Err(error) if error.kind() == NotADirectory => return Err(not_empty(root)),
        other => other.map_err(disk::failed("list", root))?,
    };
    // Without the lock's name folders are somebody else's, whatever they are called.
    let has_lock = entries.iter().any(is_lock);
    let interrupted = is_interrupted(disk, root)?;
    for entry in entries.iter().filter(|entry| !is_lock(entry)) {
        let path = root.join(&entry.name);
        let mut folders = Usage::Shared.folders().iter();
        let is_ours = has_lock && entry.is_dir && folders.any(|folder| entry.name == *folder);
        let holds_nothing = || disk.list(&path).map(|entries| entries.is_empty());
        if !is_ours || !interrupted && !holds_nothing().map_err(disk::failed("list", &path))? {
            return Err(not_empty(&path));
        }
    }
    Ok(())
}

/// Whether a restoring has begun in a folder, and has not come to its end.
fn is_interrupted(disk: &dyn Disk, root: &Path) -> Result<bool> {
    let tmp = root.join("tmp");
    match disk.refresh_dir(&tmp).and_then(|()| disk.list(&tmp)) {
        Err(error) if [NotFound, NotADirectory].contains(&error.kind()) => Ok(false),
        Err(error) => Err(disk::failed("list", &tmp)(error)),
        Ok(entries) => Ok(entries.iter().any(|entry| entry.name == MARK)),
    }
}

fn is_lock(entry: &Entry) -> bool {
    !entry.is_dir && entry.name == disk::LOCK_FILE
}

/// Makes the folders, and takes away what an interrupted restoring has left in them.
fn begin(site: &Site, usage: Usage) -> Result<()> {
    let Site { disk, root, .. } = site;
    // The lock's name tells this from folders that are not ours.
    disk.sync_dir(root).map_err(disk::failed("sync", root))?;
    for name in usage.folders() {
        let folder = root.join(name);
        disk.create_dir_all(&folder).map_err(disk::failed("create", &folder))?;
    }
    disk.sync_dir(root).map_err(disk::failed("sync", root))?;
    let tmp = root.join("tmp");
    if !is_interrupted(&**disk, root)? {
        let mark = tmp.join(MARK);
        disk.open(&mark, Access::Create).map_err(disk::failed("create", &mark))?;
        disk.sync_dir(&tmp).map_err(disk::failed("sync", &tmp))?;
    }
    remove_files(site)
}

/// Makes the folder a database, now that everything else is durable.
fn finish(site: &Site, identity: Identity) -> Result<()> {
    let Site { disk, root, .. } = site;
    let (unfinished, path) = (root.join("tmp").join(FORMAT_FILE), root.join(FORMAT_FILE));
    whole::write_new_file(&**disk, &unfinished, &path, &identity.encode())?;
    folder::sync_parent(disk, root)?;
    // It means nothing beside the other.
    let tmp = root.join("tmp");
    drop(disk.remove(&tmp.join(MARK)).and_then(|()| disk.sync_dir(&tmp)));
    Ok(())
}

/// Takes back what was written: first what makes it a database, last what says that it is none.
fn take_back(site: &Site) -> Result<()> {
    let Site { disk, root, .. } = site;
    let format = root.join(FORMAT_FILE);
    match disk.remove(&format) {
        Err(error) if error.kind() == NotFound => {}
        other => other.map_err(disk::failed("remove", &format))?,
    }
    disk.sync_dir(root).map_err(disk::failed("sync", root))?;
    remove_files(site)?;
    let mark = root.join("tmp").join(MARK);
    disk.remove(&mark).map_err(disk::failed("remove", &mark))
}

/// Removes everything but the mark, durably.
fn remove_files(site: &Site) -> Result<()> {
    for name in Usage::Shared.folders() {
        let folder = site.root.join(name);
        let entries = match site.disk.list(&folder) {
            Err(error) if error.kind() == NotFound => continue,
            other => other.map_err(disk::failed("list", &folder))?,
        };
        for entry in entries.into_iter().filter(|entry| entry.name != MARK) {
            let path = folder.join(entry.name);
            site.disk.remove(&path).map_err(disk::failed("remove", &path))?;
        }
        site.disk.sync_dir(&folder).map_err(disk::failed("sync", &folder))?;
    }
    Ok(())
}
