//! Records are edited in guards.

use sop_orm::prelude::*;

use crate::model::*;

/// A committed user.
async fn ann(db: &Db) -> Result<Id<User>> {
    let s = db.session();
    let ann = s.of::<User>().insert(user("ann@x.io")).await?;
    s.commit().await?;
    Ok(ann.id)
}

#[tokio::test]
async fn what_changes_in_a_guard_is_committed() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let mut edit = s.of::<User>().edit(id).await?;
    edit.email.push('!');
    edit.articles += 1;
    drop(edit);
    s.commit().await?;

    let s = db.session();
    let ann = s.of::<User>().by_email("ann@x.io!").await?.unwrap();
    assert_eq!((ann.id, ann.articles), (id, 1));
    assert_eq!(s.of::<User>().by_email("ann@x.io").await?, None);
    Ok(())
}

#[tokio::test]
async fn a_guard_that_changes_nothing_writes_nothing() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let (one, other) = (db.session(), db.session());
    for s in [&one, &other] {
        let mut edit = s.of::<User>().edit(id).await?;
        edit.articles += 1;
        edit.articles -= 1;
    }
    let before = one.commit().await?.position;
    assert_eq!(other.commit().await?.position, before);
    Ok(())
}

#[tokio::test]
async fn a_second_edit_of_a_record_waits_for_nobody() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let users = s.of::<User>();
    let first = users.edit(id).await?;
    assert!(matches!(users.edit(id).await, Err(Error::AlreadyEditing { store: "users", .. })));
    assert!(matches!(users.delete(id).await, Err(Error::AlreadyEditing { .. })));
    assert!(matches!(s.commit().await, Err(Error::AlreadyEditing { .. })));
    drop(first);
    users.edit(id).await?.articles = 3;
    users.edit(id).await?.articles += 1;
    s.commit().await?;
    assert_eq!(db.session().of::<User>().require(id).await?.articles, 4);
    Ok(())
}

#[tokio::test]
async fn readers_see_an_edit_when_its_guard_is_dropped() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let users = s.of::<User>();
    let mut edit = users.edit(id).await?;
    edit.email = "bob@x.io".to_owned();
    assert_eq!(users.require(id).await?.email, "ann@x.io");
    assert!(users.by_email("ann@x.io").await?.is_some());
    drop(edit);
    assert_eq!(users.require(id).await?.email, "bob@x.io");
    assert_eq!(users.by_email("ann@x.io").await?, None);
    assert!(users.by_email("bob@x.io").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_discarded_edit_changes_nothing() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let mut edit = s.of::<User>().edit(id).await?;
    edit.articles = 9;
    edit.discard();
    assert_eq!(s.of::<User>().require(id).await?.articles, 0);
    s.of::<User>().edit(id).await?.articles = 2;
    s.of::<User>().edit(id).await?.discard();
    assert_eq!(s.of::<User>().require(id).await?.articles, 2, "an earlier edit is kept");
    Ok(())
}

#[tokio::test]
async fn save_tells_at_once_what_is_wrong_and_it_can_be_mended() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let users = s.of::<User>();
    users.insert(user("bob@x.io")).await?;
    let mut edit = users.edit(id).await?;
    edit.email = "bob@x.io".to_owned();
    assert!(matches!(edit.save().await, Err(Error::Duplicate(_))));
    assert!(matches!(s.commit().await, Err(Error::Duplicate(_))), "it is not forgotten");
    let mut edit = users.edit(id).await?;
    assert_eq!(edit.email, "bob@x.io");
    edit.email = "carl@x.io".to_owned();
    assert_eq!(edit.save().await?.email, "carl@x.io");
    s.commit().await?;
    assert_eq!(db.session().of::<User>().by_key().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn the_key_cannot_be_edited() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let mut edit = s.of::<User>().edit(id).await?;
    edit.id = Id::new();
    assert!(matches!(edit.save().await, Err(Error::Invalid(_))));
    s.of::<User>().edit(id).await?.id = id;
    s.commit().await?;
    assert!(db.session().of::<User>().exists(id).await?);
    Ok(())
}

#[tokio::test]
async fn an_edited_record_can_be_deleted() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    s.of::<User>().edit(id).await?.email = "bob@x.io".to_owned();
    assert!(s.of::<User>().delete(id).await?);
    s.of::<User>().insert(user("bob@x.io")).await?;
    s.commit().await?;
    assert_eq!(db.session().of::<User>().by_key().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_edit_that_cannot_be_written_can_be_replaced_or_deleted() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    let users = s.of::<User>();
    let bob = users.insert(user("bob@x.io")).await?;
    users.edit(id).await?.email.clone_from(&bob.email);
    assert!(matches!(users.by_key().count().await, Err(Error::Duplicate(_))));
    users.upsert(User { id, email: "ann@y.io".to_owned(), articles: 0 }).await?;
    assert_eq!(users.by_key().count().await?, 2);
    users.edit(id).await?.email.clone_from(&bob.email);
    assert!(matches!(users.delete(bob.id).await, Err(Error::Duplicate(_))), "that of Ann is left");
    assert!(users.delete(id).await?);
    s.commit().await?;
    assert_eq!(db.session().of::<User>().by_key().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_rolled_back_edit_leaves_no_trace() -> Result<()> {
    let db = database().await?;
    let id = ann(&db).await?;
    let s = db.session();
    s.of::<User>().edit(id).await?.articles = 5;
    s.of::<User>().insert(user("bob@x.io")).await?;
    s.rollback();
    drop(s);
    let s = db.session();
    assert_eq!(s.of::<User>().require(id).await?.articles, 0);
    assert_eq!(s.of::<User>().by_key().count().await?, 1);
    Ok(())
}
