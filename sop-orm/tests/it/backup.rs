//! Backups of typed databases: everything that belongs to a record is of one state.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::FutureExt as _;
use sop_orm::prelude::*;
use tempfile::TempDir;

use super::photos::{Photo, add, assert_holds};

struct Folders {
    all: TempDir,
}

impl Folders {
    fn new() -> Self {
        Self { all: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.all.path().join(name)
    }

    async fn open(&self, name: &str) -> Result<Db> {
        Db::builder().store::<Photo>().open(self.path(name)).await
    }
}

#[tokio::test]
async fn records_with_all_that_belongs_to_them_are_restored_as_of_any_commit() -> Result<()> {
    let folders = Folders::new();
    let (db, backup) = (folders.open("db").await?, folders.path("backup"));
    let files = Arc::new(AtomicU64::new(0));
    let mut positions = Vec::new();
    for number in 1..=4 {
        positions.push(add(&db, number).await?);
        let seen = Arc::clone(&files);
        let report = db.backup(&backup).progress(move |so_far| {
            seen.fetch_max(so_far.files, Ordering::Relaxed);
        });
        assert!(report.await?.position >= positions[positions.len() - 1]);
    }
    assert!(files.load(Ordering::Relaxed) > 0);
    let held = Db::check_backup(&backup).await?;
    for (count, position) in (1..).zip(&positions) {
        assert!(held.iter().any(|range| range.contains(position)), "{held:?}");
        let name = format!("as of {position}");
        Db::restore(&backup, folders.path(&name)).position(*position).await?;
        let restored = folders.open(&name).await?;
        assert_holds(&restored, 1..=count).await?;
        add(&restored, 9).await?;
    }
    // They share files, and nothing else.
    assert_holds(&db, 1..=4).await
}

#[tokio::test]
async fn a_report_of_progress_that_panics_does_so_for_who_awaits_and_leaves_no_backup() -> Result<()>
{
    let folders = Folders::new();
    let (db, backup) = (folders.open("db").await?, folders.path("backup"));
    add(&db, 1).await?;
    let taken = db.backup(&backup).progress(|_| panic!("as planned")).into_future();
    assert!(AssertUnwindSafe(taken).catch_unwind().await.is_err());
    assert!(Db::check_backup(&backup).await.is_err());
    db.backup(&backup).await?;
    Db::restore(&backup, folders.path("new")).await?;
    assert_holds(&folders.open("new").await?, 1..=1).await
}

#[tokio::test]
async fn folders_are_told_apart_by_where_links_lead() -> Result<()> {
    let folders = Folders::new();
    let (db, link) = (folders.open("db").await?, folders.path("link"));
    add(&db, 1).await?;
    std::os::unix::fs::symlink(folders.path("db"), &link).expect("a link");
    for inside in [link.clone(), link.join("backup"), folders.path("db/../db/x")] {
        let refused = db.backup(&inside).await;
        assert!(matches!(refused, Err(Error::Engine(sop_core::Error::Invalid(_)))), "{refused:?}");
    }
    db.backup(folders.path("backup")).await?;
    std::os::unix::fs::symlink(folders.path("backup"), folders.path("b")).expect("a link");
    let refused = Db::restore(folders.path("backup"), folders.path("b/new")).await;
    assert!(matches!(refused, Err(Error::Engine(sop_core::Error::Invalid(_)))), "{refused:?}");
    Ok(())
}
