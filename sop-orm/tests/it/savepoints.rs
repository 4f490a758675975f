//! Going back inside of a session.

use sop_orm::prelude::*;

use crate::model::*;

#[tokio::test]
async fn records_index_entries_and_edits_go_back_and_the_rest_commits() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let ann = users.insert(user("ann@x.io")).await?;
    let bob = users.insert(user("bob@x.io")).await?;
    let savepoint = s.savepoint()?;
    for _ in 0..2 {
        users.edit(ann.id).await?.email = "other@x.io".to_owned();
        assert!(users.by_email("ann@x.io").await?.is_none());
        users.delete(bob.id).await?;
        users.insert(user("new@x.io")).await?;
        users.edit(ann.id).await?.articles = 7;
        savepoint.rollback()?;
        assert_eq!(users.by_email("ann@x.io").await?.as_deref(), Some(&*ann));
        assert_eq!(users.by_email("bob@x.io").await?.as_deref(), Some(&*bob));
        assert_eq!(users.by_key().count().await?, 2);
    }
    drop(savepoint);
    users.insert(user("other@x.io")).await?;
    let report = s.commit().await?;
    let counts = report.changes.iter().map(|changes| (changes.inserted, changes.updated));
    assert_eq!(counts.collect::<Vec<_>>(), [(3, 0)]);
    assert_eq!(db.session().of::<User>().by_key().count().await?, 3);
    Ok(())
}

#[tokio::test]
async fn an_instance_that_was_not_changed_stays_the_same() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let (ann, bob) = (users.insert(user("ann")).await?, users.insert(user("bob")).await?);
    let savepoint = s.savepoint()?;
    let mut edit = users.edit(ann.id).await?;
    edit.articles = 1;
    let changed = edit.save().await?;
    savepoint.rollback()?;
    assert!(std::sync::Arc::ptr_eq(&bob, &users.require(bob.id).await?));
    assert_eq!((changed.articles, users.require(ann.id).await?.articles), (1, 0));
    Ok(())
}

#[tokio::test]
async fn savepoints_nest_and_going_back_ends_those_after() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let first = s.savepoint()?;
    users.insert(user("one")).await?;
    let second = s.savepoint()?;
    users.insert(user("two")).await?;
    second.rollback()?;
    assert_eq!(users.by_key().count().await?, 1);
    let edit = users.edit(users.by_email("one").await?.unwrap().id).await?;
    assert!(matches!(first.rollback(), Err(Error::AlreadyEditing { .. })));
    drop(edit);
    first.rollback()?;
    assert_eq!(users.by_key().count().await?, 0);
    assert!(matches!(second.rollback(), Err(Error::Invalid(_))));
    drop((first, second));
    users.insert(user("three")).await?;
    let kept = s.savepoint()?;
    users.insert(user("four")).await?;
    drop(kept);
    s.commit().await?;
    assert_eq!(db.session().of::<User>().by_key().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn an_open_query_sees_what_came_back() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    for email in ["ann", "bob", "cid"] {
        users.insert(user(email)).await?;
    }
    let savepoint = s.savepoint()?;
    users.query(user::ByEmail).prefix("bob").delete().await?;
    let mut rows = users.query(user::ByEmail).stream();
    assert_eq!(rows.try_next().await?.map(|user| user.email.clone()).as_deref(), Some("ann"));
    savepoint.rollback()?;
    assert_eq!(rows.try_next().await?.map(|user| user.email.clone()).as_deref(), Some("bob"));
    assert_eq!(rows.try_next().await?.map(|user| user.email.clone()).as_deref(), Some("cid"));
    Ok(())
}

#[tokio::test]
async fn what_was_read_before_going_back_still_counts() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let ann = s.of::<User>().insert(user("ann")).await?.id;
    s.commit().await?;
    let (one, other) = (db.session(), db.session());
    let savepoint = one.savepoint()?;
    assert_eq!(one.of::<User>().require(ann).await?.articles, 0);
    one.of::<User>().edit(ann).await?.articles = 5;
    one.of::<User>().by_key().count().await?;
    savepoint.rollback()?;
    drop(savepoint);
    one.of::<User>().insert(user("decided by what ann had")).await?;
    other.of::<User>().edit(ann).await?.articles = 9;
    other.commit().await?;
    assert!(matches!(one.commit().await, Err(Error::Conflict(_))));
    Ok(())
}
