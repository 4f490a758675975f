//! A database in two folders.

use sop_core::{MirrorStatus, ScrubReport};

use super::{Db, apart::apart};
use crate::error::Result;

impl Db {
    /// How the two folders of a database are that was opened with
    /// [`DbBuilder::mirror`](crate::DbBuilder::mirror); none if it was not.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, mirror] = ["shop", "mirror"].map(|name| folder.path().join(name));
    /// # let db = Db::builder().store::<Order>().mirror(&mirror).open(&path).await?;
    /// let status = db.mirror().expect("it has a mirror");
    /// for folder in status.folders.iter().filter(|folder| folder.lost.is_some()) {
    ///     println!("{} is lost: {:?}", folder.path.display(), folder.lost);
    /// }
    /// assert!(status.is_whole());
    /// # Ok(())
    /// # });
    /// ```
    pub fn mirror(&self) -> Option<MirrorStatus> {
        self.engine().mirror()
    }

    /// Makes that of the two folders anew that is lost, while sessions go on. How far it is
    /// [`mirror`](Self::mirror) says.
    ///
    /// A folder that has fallen behind while the database was closed is rebuilt without this; one that
    /// was lost since, or is not there at all, is left until its disk is in order.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, mirror] = ["shop", "mirror"].map(|name| folder.path().join(name));
    /// # let open = || Db::builder().store::<Order>().mirror(&mirror).open(&path);
    /// # drop(open().await?);
    /// std::fs::remove_dir_all(&mirror).unwrap();
    /// let db = open().await?;
    /// db.run(async |s| s.of::<Order>().insert(NewOrder { total: 40 }).await).await?;
    /// db.rebuild_mirror().await?;
    /// assert!(db.mirror().is_some_and(|status| status.is_whole()));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Works on a thread of its own, which goes on to the end if the future is dropped. Fails as the
    /// engine's [`rebuild_mirror`](sop_core::Database::rebuild_mirror) does; the database goes on with
    /// one folder then.
    pub async fn rebuild_mirror(&self) -> Result<()> {
        let engine = self.engine().clone();
        apart(move || engine.rebuild_mirror()).await
    }

    /// Reads all of both folders and puts right what is damaged in one of them, while sessions go on.
    /// Happens once a day without this, as
    /// [`Options::scrub_interval`](crate::Options::scrub_interval) says.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |_, _| {
    /// # let folder = folder();
    /// # let [path, mirror] = ["shop", "mirror"].map(|name| folder.path().join(name));
    /// # let db = Db::builder().store::<Order>().mirror(&mirror).open(&path).await?;
    /// let report = db.scrub_mirror().await?;
    /// assert!(report.complete && report.problems.is_empty());
    /// println!("{} places were damaged in one folder", report.mended);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// Works on a thread of its own, which goes on to the end if the future is dropped. Fails as the
    /// engine's [`scrub_mirror`](sop_core::Database::scrub_mirror) does.
    pub async fn scrub_mirror(&self) -> Result<ScrubReport> {
        let engine = self.engine().clone();
        apart(move || engine.scrub_mirror()).await
    }
}
