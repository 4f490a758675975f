//! Backups of an open database, and databases made of them, on a thread of their own.

use std::{
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    pin::Pin,
};

use sop_core::{BackupProgress, BackupReport, Database, RestoreReport};

use super::{Db, apart::apart};
use crate::error::Result;

type Report = Box<dyn FnMut(BackupProgress) + Send>;

type Running<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl Db {
    /// Copies the database to a folder of its own, while sessions go on; into an earlier backup of it
    /// only what is new. Nothing happens before this is awaited.
    ///
    /// All that was committed before is in it, of everything one state: rows, indexes, vectors and
    /// the content of blobs. Files are linked where the file system can do so and copied else, so a
    /// backup on the same disk takes little room, and is no help when the disk fails.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, backup, restored] = ["shop", "backup", "again"].map(|name| folder.path().join(name));
    /// let db = Db::builder().store::<Order>().open(&path).await?;
    /// let order = async |s: &Session| s.of::<Order>().insert(NewOrder { total: 40 }).await;
    /// db.run(order).await?;
    /// db.backup(&backup).await?;
    /// db.run(order).await?;
    /// // The second one takes what is new.
    /// let report = db.backup(&backup).progress(|so_far| println!("{} files", so_far.files)).await?;
    /// assert!(report.continues);
    ///
    /// // Any position in between can be had again.
    /// Db::restore(&backup, &restored).await?;
    /// let again = Db::builder().store::<Order>().open(&restored).await?;
    /// assert_eq!(again.session().of::<Order>().by_key().count().await?, 2);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Works on a thread of its own, which goes on to the end if the future is dropped. Fails as
    /// [`Database::backup`] of the engine does, which also says how far back positions can be
    /// restored; nothing is lost then, and it can be repeated.
    pub fn backup(&self, folder: impl AsRef<Path>) -> Backup {
        let (engine, folder) = (self.engine().clone(), folder.as_ref().to_owned());
        Backup { engine, folder, progress: None }
    }

    /// Makes a database of a backup, in a folder that is not there or is empty; then open it there.
    /// Nothing happens before this is awaited.
    ///
    /// It is a database of its own: it and the one that the backup is of both go on, and neither is
    /// taken for the other.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, backup, restored] = ["shop", "backup", "again"].map(|name| folder.path().join(name));
    /// let db = Db::builder().store::<Order>().open(&path).await?;
    /// let s = db.session();
    /// s.of::<Order>().insert(NewOrder { total: 40 }).await?;
    /// let before = s.commit().await?.position;
    /// db.backup(&backup).await?;
    /// db.run(async |s| s.of::<Order>().delete(1).await).await?;
    /// db.backup(&backup).await?;
    ///
    /// // As it was before the order was deleted.
    /// Db::restore(&backup, &restored).position(before).await?;
    /// let again = Db::builder().store::<Order>().open(&restored).await?;
    /// assert_eq!(again.session().of::<Order>().require(1).await?.total, 40);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Everything is read and checked on the way. Works on a thread of its own, which goes on to the
    /// end if the future is dropped. Fails as the engine's
    /// [`restore`](sop_core::Builder::restore) does.
    pub fn restore(backup: impl AsRef<Path>, folder: impl AsRef<Path>) -> Restore {
        let [backup, folder] = [backup.as_ref(), folder.as_ref()].map(Path::to_owned);
        Restore { backup, folder, position: None, progress: None }
    }

    /// Reads all of a backup, and gives the positions as of which it can be restored, ascending. They
    /// are those of [`CommitReport::position`](crate::CommitReport::position).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, backup] = ["shop", "backup"].map(|name| folder.path().join(name));
    /// let db = Db::builder().store::<Order>().open(&path).await?;
    /// let report = db.backup(&backup).await?;
    /// let positions = Db::check_backup(&backup).await?;
    /// assert!(positions.iter().any(|range| range.contains(&report.position)));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Works on a thread of its own. Fails if something is missing or damaged, and says what.
    pub async fn check_backup(backup: impl AsRef<Path>) -> Result<Vec<RangeInclusive<u64>>> {
        let backup = backup.as_ref().to_owned();
        apart(move || Database::builder().check_backup(backup)).await
    }
}

/// A backup that is taken when it is awaited; see [`Db::backup`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |_, _| {
/// # let folder = folder();
/// # let [path, backup] = ["shop", "backup"].map(|name| folder.path().join(name));
/// # let db = Db::builder().store::<Order>().open(&path).await?;
/// use sop_orm::Backup;
///
/// let backup: Backup = db.backup(&backup);
/// assert_eq!(backup.await?.position, db.stats().position);
/// # Ok(())
/// # });
/// ```
#[must_use = "nothing is copied before it is awaited"]
pub struct Backup {
    engine: Database,
    folder: PathBuf,
    progress: Option<Report>,
}

impl Backup {
    /// Calls `report` after each file, on the thread that copies.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, backup] = ["shop", "backup"].map(|name| folder.path().join(name));
    /// # let db = Db::builder().store::<Order>().open(&path).await?;
    /// let show = |so_far: sop_orm::BackupProgress| {
    ///     println!("{} of {} files", so_far.files, so_far.files_expected);
    /// };
    /// db.backup(&backup).progress(show).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn progress(self, report: impl FnMut(BackupProgress) + Send + 'static) -> Self {
        Self { progress: Some(Box::new(report)), ..self }
    }
}

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl IntoFuture for Backup {
    type Output = Result<BackupReport>;
    type IntoFuture = Running<BackupReport>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { engine, folder, progress } = self;
        Box::pin(apart(move || engine.backup_with(folder, &mut *said(progress))))
    }
}

/// A database that is restored when this is awaited; see [`Db::restore`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |_, _| {
/// # let folder = folder();
/// # let [path, backup, restored] = ["shop", "backup", "again"].map(|name| folder.path().join(name));
/// # let db = Db::builder().store::<Order>().open(&path).await?;
/// # db.backup(&backup).await?;
/// let restore: sop_orm::Restore = Db::restore(&backup, &restored);
/// assert_eq!(restore.await?.position, db.stats().position);
/// # Ok(())
/// # });
/// ```
#[must_use = "nothing is restored before it is awaited"]
pub struct Restore {
    backup: PathBuf,
    folder: PathBuf,
    position: Option<u64>,
    progress: Option<Report>,
}

impl Restore {
    /// As of a position that the backup holds, instead of the newest one.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, backup, restored] = ["shop", "backup", "again"].map(|name| folder.path().join(name));
    /// # let db = Db::builder().store::<Order>().open(&path).await?;
    /// # db.backup(&backup).await?;
    /// let Err(error) = Db::restore(&backup, &restored).position(1_000).await else {
    ///     panic!("there is no such position")
    /// };
    /// assert!(error.to_string().contains("does not hold position 1000"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn position(self, position: u64) -> Self {
        Self { position: Some(position), ..self }
    }

    /// Calls `report` after each file, on the thread that copies.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, backup, restored] = ["shop", "backup", "again"].map(|name| folder.path().join(name));
    /// # let db = Db::builder().store::<Order>().open(&path).await?;
    /// # db.backup(&backup).await?;
    /// let show = |so_far: sop_orm::BackupProgress| println!("{} bytes", so_far.bytes);
    /// Db::restore(&backup, &restored).progress(show).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn progress(self, report: impl FnMut(BackupProgress) + Send + 'static) -> Self {
        Self { progress: Some(Box::new(report)), ..self }
    }
}

impl fmt::Debug for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl IntoFuture for Restore {
    type Output = Result<RestoreReport>;
    type IntoFuture = Running<RestoreReport>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { backup, folder, position, progress } = self;
        let builder = Database::builder();
        let run = move || builder.restore_with(backup, folder, position, &mut *said(progress));
        Box::pin(apart(run))
    }
}

fn said(progress: Option<Report>) -> Report {
    progress.unwrap_or_else(|| Box::new(|_| {}))
}
