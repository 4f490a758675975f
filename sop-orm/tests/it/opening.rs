//! Databases are opened, closed and opened again.

use sop_orm::{Mode, Options, prelude::*};

use crate::model::*;

fn builder() -> sop_orm::DbBuilder {
    Db::builder().store::<User>().store::<Order>()
}

#[tokio::test]
async fn records_survive_closing_and_dropping() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4_u64 {
        let db = builder().open(folder.path()).await?;
        let s = db.session();
        assert_eq!(s.of::<User>().by_key().count().await?, round);
        s.of::<User>().insert(user(&format!("{round}@x.io"))).await?;
        s.commit().await?;
        if round % 2 == 0 {
            db.close().await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn numbers_go_on_after_reopening() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let db = builder().open(folder.path()).await?;
        let new = NewOrder { reference: None, total: 0 };
        let order = db.session().of::<Order>().insert(new).await?;
        assert!(order.number > last);
        last = order.number;
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_is_opened_by_one_handle_at_a_time() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let db = builder().open(folder.path()).await?;
    let busy = builder().open(folder.path()).await.unwrap_err();
    assert!(matches!(busy, Error::Busy(_)));
    assert!(format!("{busy:?}").contains("is in use by"), "{busy:?}");
    drop(db);
    builder().open(folder.path()).await?;
    Ok(())
}

#[tokio::test]
async fn opening_again_writes_nothing() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let db = builder().open(folder.path()).await?;
    let before = db.session().commit().await?.position;
    drop(db);
    let db = builder().open(folder.path()).await?;
    assert_eq!(db.session().commit().await?.position, before);
    Ok(())
}

#[tokio::test]
async fn a_database_can_be_opened_for_reading_only() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let db = builder().open(folder.path()).await?;
    let s = db.session();
    let ann = s.of::<User>().insert(user("ann@x.io")).await?;
    s.commit().await?;
    drop(s);
    db.close().await?;

    let mut options = Options::default();
    options.mode = Mode::NoCheck;
    let db = builder().options(options.clone()).open(folder.path()).await?;
    let s = db.session();
    assert_eq!(s.of::<User>().by_email("ann@x.io").await?.map(|user| user.id), Some(ann.id));
    assert_eq!(s.of::<User>().by_key().count().await?, 1);
    let refused = s.of::<User>().insert(user("bob@x.io")).await;
    assert!(matches!(refused, Err(Error::Engine(sop_core::Error::ReadOnly))));
    s.commit().await?;
    drop((s, db));
    let other = builder().store::<Reading>().options(options).open(folder.path()).await;
    assert!(matches!(other, Err(Error::Schema(_))), "what is new cannot be made");
    Ok(())
}

#[tokio::test]
async fn a_database_tells_about_itself() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let db = builder().open(folder.path()).await?;
    assert_eq!(db.path(), folder.path());
    assert!(db.recovery().created);
    let commits = db.stats().commits;
    let s = db.session();
    s.of::<User>().insert(user("ann@x.io")).await?;
    s.commit().await?;
    assert_eq!(db.stats().commits, commits + 1);
    let checkpoints = db.stats().checkpoints;
    db.checkpoint().await?;
    assert_eq!(db.stats().checkpoints, checkpoints + 1);
    let report = db.check().await?;
    assert_eq!(report.problems, [""; 0]);
    assert!(report.entries >= 2, "the record and its entry in an index");
    drop((s, db));

    let db = builder().open(folder.path()).await?;
    assert!(!db.recovery().created);
    assert_eq!(db.recovery().replayed_transactions, 0, "the checkpoint has everything");
    let closed = db.clone();
    db.close().await?;
    assert!(matches!(closed.check().await, Err(Error::Engine(sop_core::Error::Closed))));
    assert!(matches!(closed.checkpoint().await, Err(Error::Engine(sop_core::Error::Closed))));
    Ok(())
}

#[tokio::test]
async fn a_closed_database_refuses_sessions() -> Result<()> {
    let db = database().await?;
    let other = db.clone();
    db.close().await?;
    let s = other.session();
    assert!(matches!(s.of::<User>().insert(user("x")).await, Err(Error::SessionClosed(_))));
    Ok(())
}
