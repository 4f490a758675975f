//! Typed databases in two folders: everything that belongs to a record is in both.

use sop_orm::{MirrorProblem, prelude::*};
use tempfile::TempDir;

use super::photos::{Photo, add, assert_holds};

fn folders() -> (TempDir, [std::path::PathBuf; 2]) {
    let all = tempfile::tempdir().expect("a temporary folder");
    let folders = ["db", "mirror"].map(|name| all.path().join(name));
    (all, folders)
}

async fn open([path, mirror]: &[std::path::PathBuf; 2]) -> Result<Db> {
    Db::builder().store::<Photo>().mirror(mirror).open(path).await
}

#[tokio::test]
async fn either_folder_has_everything_and_the_other_one_is_made_anew() -> Result<()> {
    let (_all, folders) = folders();
    let mut last = 0;
    for lost in [0, 1, 0] {
        let db = open(&folders).await?;
        last += 1;
        add(&db, last).await?;
        db.close().await?;
        std::fs::remove_dir_all(&folders[lost]).expect("it was there");

        let db = open(&folders).await?;
        let status = db.mirror().expect("it has a mirror");
        assert!(status.folders[lost].lost.is_some() && status.folders[1 - lost].lost.is_none());
        assert_holds(&db, 1..=last).await?;
        last += 1;
        add(&db, last).await?;
        db.rebuild_mirror().await?;
        assert!(db.mirror().is_some_and(|status| status.is_whole()));
        let report = db.scrub_mirror().await?;
        assert!(report.complete && report.problems.is_empty(), "{report:?}");
        db.close().await?;
    }
    let alone = |path| Db::builder().store::<Photo>().without_mirror().open(path);
    for folder in &folders {
        assert_holds(&alone(folder).await?, 1..=last).await?;
    }
    let Err(Error::Engine(sop_core::Error::Mirror { problem, .. })) = open(&folders).await else {
        panic!("each was used alone")
    };
    assert_eq!(problem, MirrorProblem::Parted);
    Ok(())
}

#[tokio::test]
async fn a_folder_of_two_is_no_database_of_one_or_of_many() -> Result<()> {
    let (_all, folders) = folders();
    let db = open(&folders).await?;
    add(&db, 1).await?;
    db.close().await?;
    let alone = Db::builder().store::<Photo>().open(&folders[1]).await;
    assert!(alone.is_err_and(|error| error.to_string().contains("one of two mirrored folders")));
    let shared = Db::builder().store::<Photo>().cluster(None).mirror(&folders[1]).open(&folders[0]);
    assert!(shared.await.is_err_and(|error| error.to_string().contains("mirror")));
    let none = Db::builder().store::<Photo>().ephemeral().await?;
    assert!(none.mirror().is_none());
    assert!(none.rebuild_mirror().await.is_err() && none.scrub_mirror().await.is_err());
    Ok(())
}
