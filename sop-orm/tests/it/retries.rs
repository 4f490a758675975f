//! Units of work that run again when another session was faster.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt as _;
use sop_orm::{RetryPolicy, prelude::*};

use crate::model::*;

async fn counter(db: &Db) -> Result<Id<User>> {
    db.run(async |s| Ok(s.of::<User>().insert(user("counter")).await?.id)).await
}

async fn value(db: &Db, id: Id<User>) -> Result<i64> {
    Ok(db.session().of::<User>().require(id).await?.articles)
}

/// Adds one in another session, so that whoever has read the counter loses.
async fn overtake(db: &Db, id: Id<User>) -> Result<()> {
    let s = db.session();
    s.of::<User>().edit(id).await?.articles += 1;
    s.commit().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_count_to_the_exact_sum() -> Result<()> {
    const TASKS: i64 = 8;
    const ROUNDS: i64 = 25;
    let db = database().await?;
    let id = counter(&db).await?;
    let tasks: Vec<_> = (0..TASKS)
        .map(|at| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    add(&db, &id, at % 2 == 0).await?;
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics")?;
    }
    assert_eq!(value(&db, id).await?, TASKS * ROUNDS);
    Ok(())
}

/// Adds one, in either of the two ways to say it.
async fn add(db: &Db, id: &Id<User>, closure: bool) -> Result<()> {
    if closure {
        let id = *id;
        return db
            .run(async move |s| {
                s.of::<User>().edit(id).await?.articles += 1;
                Ok(())
            })
            .await;
    }
    tx!(db, |s| {
        s.of::<User>().edit(id).await?.articles += 1;
        Ok(())
    })
}

#[tokio::test]
async fn a_conflict_at_the_commit_is_retried_and_the_attempts_are_counted() -> Result<()> {
    let db = database().await?;
    let id = counter(&db).await?;
    let attempts = db
        .run(async |s| {
            s.of::<User>().edit(id).await?.articles += 10;
            if s.attempt() < 4 {
                overtake(&db, id).await?;
            }
            Ok(s.attempt())
        })
        .await?;
    assert_eq!((attempts, value(&db, id).await?), (4, 13));

    let mut seen = Vec::new();
    tx!(db, |s| {
        seen.push(s.attempt());
        s.of::<User>().edit(id).await?.articles += 10;
        if s.attempt() < 3 {
            overtake(&db, id).await?;
        }
        Ok(())
    })?;
    assert_eq!((seen, value(&db, id).await?), (vec![1, 2, 3], 25));
    Ok(())
}

#[tokio::test]
async fn the_policy_bounds_the_attempts() -> Result<()> {
    let db = database().await?;
    let id = counter(&db).await?;
    let attempts = AtomicU32::new(0);
    let policy = RetryPolicy::default().attempts(3);
    let result = db
        .run_with(policy, async |s| {
            attempts.fetch_add(1, Ordering::Relaxed);
            s.of::<User>().edit(id).await?.articles += 10;
            overtake(&db, id).await
        })
        .await;
    assert!(matches!(result, Err(Error::Conflict(_))));
    assert_eq!((attempts.into_inner(), value(&db, id).await?), (3, 3));
    Ok(())
}

#[tokio::test]
async fn other_errors_are_returned_at_once_and_nothing_is_kept() -> Result<()> {
    let db = database().await?;
    let attempts = AtomicU32::new(0);
    let result: Result<()> = db
        .run(async |s| {
            attempts.fetch_add(1, Ordering::Relaxed);
            s.of::<User>().insert(user("ann@x.io")).await?;
            Err(Error::Invalid("no".into()))
        })
        .await;
    assert!(matches!(result, Err(Error::Invalid(_))));
    assert_eq!(attempts.into_inner(), 1);
    assert_eq!(db.session().of::<User>().by_key().count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_duplicate_that_came_in_meanwhile_is_seen_by_the_next_attempt() -> Result<()> {
    let db = database().await?;
    let id = db
        .run(async |s| {
            let users = s.of::<User>();
            if let Some(known) = users.by_email("ann@x.io").await? {
                return Ok(known.id);
            }
            let new = users.insert(user("ann@x.io")).await?.id;
            if s.attempt() == 1 {
                db.run(async |s| s.of::<User>().insert(user("ann@x.io")).await).await?;
            }
            Ok(new)
        })
        .await?;
    let s = db.session();
    assert_eq!(s.of::<User>().by_email("ann@x.io").await?.unwrap().id, id);
    assert_eq!(s.of::<User>().by_key().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_panic_in_the_body_rolls_back_and_goes_on() -> Result<()> {
    let db = database().await?;
    let id = counter(&db).await?;
    let work = db.run(async |s| -> Result<()> {
        s.of::<User>().insert(user("ann@x.io")).await?;
        let mut edit = s.of::<User>().edit(id).await?;
        edit.articles = 9;
        panic!("in the middle");
    });
    let panicked = std::panic::AssertUnwindSafe(work).catch_unwind().await;
    assert!(panicked.is_err());
    assert_eq!(value(&db, id).await?, 0);
    assert_eq!(db.session().of::<User>().by_key().count().await?, 1);
    overtake(&db, id).await
}

#[tokio::test]
async fn a_cancelled_unit_of_work_leaves_nothing_behind() -> Result<()> {
    let db = database().await?;
    let id = counter(&db).await?;
    let mut work = Box::pin(db.run(async |s| {
        s.of::<User>().insert(user("ann@x.io")).await?;
        let mut edit = s.of::<User>().edit(id).await?;
        edit.articles = 9;
        std::future::pending::<()>().await;
        Ok(())
    }));
    assert!(work.as_mut().now_or_never().is_none());
    drop(work);
    assert_eq!(value(&db, id).await?, 0);
    assert_eq!(db.session().of::<User>().by_key().count().await?, 1);
    overtake(&db, id).await?;
    assert_eq!(value(&db, id).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_body_that_ends_its_session_itself_is_told() -> Result<()> {
    let db = database().await?;
    let result = db
        .run(async |s| {
            s.rollback();
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::SessionClosed(_))));
    Ok(())
}
