//! Sessions beside each other.

use sop_orm::{Isolation, TransactionOptions, prelude::*};

use crate::model::*;

#[tokio::test]
async fn sessions_that_touch_different_records_all_commit() -> Result<()> {
    let db = database().await?;
    let sessions: Vec<Session> = (0..10).map(|_| db.session()).collect();
    for (at, s) in sessions.iter().enumerate() {
        s.of::<User>().insert(user(&format!("{at}@x.io"))).await?;
    }
    let mut merged = 0;
    for s in &sessions {
        merged += u32::from(s.commit().await?.merged);
    }
    assert_eq!(merged, 9, "all but the first were merged with the ones before");
    assert_eq!(db.session().of::<User>().by_key().count().await?, 10);
    Ok(())
}

#[tokio::test]
async fn the_later_of_two_changes_to_one_record_is_a_conflict_that_names_it() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let id = s.of::<User>().insert(user("ann@x.io")).await?.id;
    s.commit().await?;
    let (one, other) = (db.session(), db.session());
    one.of::<User>().edit(id).await?.articles += 1;
    other.of::<User>().edit(id).await?.articles += 1;
    one.commit().await?;
    let error = other.commit().await.unwrap_err();
    assert!(error.is_retryable());
    let Error::Conflict(conflict) = error else { panic!("expected a conflict: {error}") };
    assert_eq!((conflict.store.as_str(), conflict.index), ("users", None));
    assert_eq!(conflict.type_name, Some("User"));
    assert_eq!(conflict.key, id.uuid().as_bytes());
    Ok(())
}

#[tokio::test]
async fn what_was_only_read_is_checked_too_unless_asked_otherwise() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let id = s.of::<User>().insert(user("ann@x.io")).await?.id;
    s.commit().await?;
    for (isolation, conflicts) in [(Isolation::Serializable, true), (Isolation::Snapshot, false)] {
        let s = db.session_with(TransactionOptions::default().isolation(isolation));
        let read = s.of::<User>().require(id).await?.articles;
        let other = db.session();
        other.of::<User>().edit(id).await?.articles = read + 1;
        other.commit().await?;
        s.of::<Order>().insert(NewOrder { reference: None, total: 1 }).await?;
        assert_eq!(s.commit().await.is_err(), conflicts, "{isolation:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_record_that_enters_a_range_that_was_read_is_a_conflict() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    assert_eq!(s.of::<Order>().by_total().range(10..20).count().await?, 0);
    assert!(s.of::<Order>().by_total().range(30..40).all().await?.is_empty());
    for (total, conflicts) in [(50, false), (35, true)] {
        let s = db.session();
        assert!(s.of::<Order>().by_total().range(30..40).all().await?.is_empty());
        let other = db.session();
        other.of::<Order>().insert(NewOrder { reference: None, total }).await?;
        other.commit().await?;
        s.of::<Order>().insert(NewOrder { reference: None, total: 1 }).await?;
        assert_eq!(s.commit().await.is_err(), conflicts, "{total}");
    }
    Ok(())
}

#[tokio::test]
async fn inserts_with_counted_keys_do_not_conflict() -> Result<()> {
    let db = database().await?;
    let (one, other) = (db.session(), db.session());
    let new = || NewOrder { reference: None, total: 1 };
    let first = one.of::<Order>().insert(new()).await?.number;
    let second = other.of::<Order>().insert(new()).await?.number;
    assert_ne!(first, second);
    one.commit().await?;
    other.commit().await?;
    Ok(())
}

#[tokio::test]
async fn one_session_serves_several_tasks_at_once() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let (ann, bob) = tokio::join!(users.insert(user("ann@x.io")), users.insert(user("bob@x.io")));
    let (ann, bob) = (ann?.id, bob?.id);
    let (found, gone, count) =
        tokio::join!(users.by_email("ann@x.io"), users.delete(bob), users.by_key().count());
    assert_eq!((found?.map(|user| user.id), gone?, count?), (Some(ann), true, 1));
    Ok(())
}
