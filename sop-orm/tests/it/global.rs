//! Sessions over several databases.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures_util::future::join_all;
use sop_orm::{GlobalSession, Recovered, TransactionManager, prelude::*};

use crate::model::*;

async fn two() -> Result<([Db; 2], TransactionManager)> {
    let dbs = [database().await?, database().await?];
    let builder = dbs[1].managed_by(dbs[0].managed_by(TransactionManager::builder())?)?;
    Ok((dbs, builder.build()))
}

async fn users(db: &Db) -> Result<u64> {
    db.session().of::<User>().by_key().count().await
}

async fn both(manager: &TransactionManager, dbs: &[Db; 2], email: &str) -> Result<GlobalSession> {
    let mut global = dbs[0].global_session(manager)?;
    for db in dbs {
        global.enlist(db)?.of::<User>().insert(user(email)).await?;
    }
    Ok(global)
}

#[tokio::test]
async fn all_of_it_is_committed_and_reported() -> Result<()> {
    let (dbs, manager) = two().await?;
    let global = both(&manager, &dbs, "ann@x.io").await?;
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    global.home().after_commit(move |report| tell.lock().unwrap().push(report.clone()))?;
    let gtid = *global.gtid();
    let report = global.commit().await?;
    assert_eq!((report.gtid, report.untold), (gtid, vec![]));
    assert_eq!(*told.lock().unwrap(), report.parts[..1]);
    for (db, part) in dbs.iter().zip(&report.parts) {
        assert_eq!(part.changes[0].inserted, 1);
        assert!((1..=db.stats().position).contains(&part.position));
        assert_eq!((users(db).await?, db.in_doubt()?.len()), (1, 0));
    }
    assert_eq!(manager.recover(Duration::ZERO).await, Recovered::default());
    Ok(())
}

#[tokio::test]
async fn what_is_taken_in_one_database_is_nowhere() -> Result<()> {
    for at in 0..2 {
        let (dbs, manager) = two().await?;
        let global = both(&manager, &dbs, "ann@x.io").await?;
        dbs[at].run(async |s| s.of::<User>().insert(user("ann@x.io")).await).await?;
        match global.commit().await {
            Err(Error::Duplicate(duplicate)) => {
                assert_eq!((duplicate.store, duplicate.concurrent), ("users", true));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!([users(&dbs[0]).await?, users(&dbs[1]).await?].iter().sum::<u64>(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn nobody_takes_part_whom_the_manager_does_not_know() -> Result<()> {
    let (dbs, manager) = two().await?;
    let stranger = database().await?;
    assert!(matches!(stranger.global_session(&manager), Err(Error::Engine(_))));
    let mut global = dbs[0].global_session(&manager)?;
    global.home().of::<User>().insert(user("eve@x.io")).await?;
    global.enlist(&stranger)?.of::<User>().insert(user("eve@x.io")).await?;
    assert!(matches!(global.commit().await, Err(Error::Engine(_))));
    assert_eq!((users(&dbs[0]).await?, users(&stranger).await?), (0, 0));
    Ok(())
}

#[tokio::test]
async fn who_clashes_with_what_is_prepared_is_told_with_whom() -> Result<()> {
    let (dbs, manager) = two().await?;
    let ann = dbs[1].run(async |s| s.of::<User>().insert(user("ann@x.io")).await).await?;
    let mut global = dbs[0].global_session(&manager)?;
    global.home().of::<User>().insert(user("bob@x.io")).await?;
    global.enlist(&dbs[1])?.of::<User>().edit(ann.id).await?.articles += 1;
    let gtid = *global.gtid();
    let mut commit = Box::pin(global.commit());
    assert!(poll_fn(|context| Poll::Ready(commit.as_mut().poll(context).is_pending())).await);
    // Its first step takes place whether somebody waits for it or not.
    while dbs[1].in_doubt()?.is_empty() {
        tokio::task::yield_now().await;
    }
    let s = dbs[1].session();
    s.of::<User>().edit(ann.id).await?.articles += 10;
    match s.commit().await {
        Err(Error::Conflict(conflict)) => {
            assert_eq!((&*conflict.store, &conflict.prepared), ("users", &Some(gtid.to_string())));
            assert!(conflict.to_string().contains(&gtid.to_string()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(commit.await?.gtid, gtid);
    assert_eq!(dbs[1].session().of::<User>().require(ann.id).await?.articles, 1);
    Ok(())
}

/// Moves one article from one database to the other until that succeeds.
async fn move_one(manager: &TransactionManager, dbs: [&Db; 2], ids: [Id<User>; 2]) -> Result<()> {
    loop {
        let mut global = dbs[0].global_session(manager)?;
        global.home().of::<User>().edit(ids[0]).await?.articles -= 1;
        global.enlist(dbs[1])?.of::<User>().edit(ids[1]).await?.articles += 1;
        match global.commit().await {
            Err(error) if error.is_retryable() => tokio::task::yield_now().await,
            outcome => return outcome.map(drop),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_to_and_fro_between_databases_stays_the_same_in_sum() -> Result<()> {
    const MOVES: usize = 15;
    let (dbs, manager) = two().await?;
    let mut ids = Vec::new();
    for db in &dbs {
        ids.push(db.run(async |s| s.of::<User>().insert(user("ann@x.io")).await).await?.id);
    }
    let (there, back) = ([&dbs[0], &dbs[1]], [&dbs[1], &dbs[0]]);
    let moves = (0..MOVES).flat_map(|_| {
        [
            move_one(&manager, there, [ids[0], ids[1]]),
            move_one(&manager, there, [ids[0], ids[1]]),
            move_one(&manager, back, [ids[1], ids[0]]),
        ]
    });
    join_all(moves).await.into_iter().collect::<Result<Vec<_>>>()?;
    let mut articles = Vec::new();
    for (db, id) in dbs.iter().zip(ids) {
        assert_eq!(db.in_doubt()?, []);
        articles.push(db.session().of::<User>().require(id).await?.articles);
    }
    let moved = i64::try_from(MOVES).unwrap();
    assert_eq!(articles, [-moved, moved]);
    Ok(())
}
