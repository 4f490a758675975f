//! Unique values stay unique.

use sop_orm::{Duplicate, prelude::*};

use crate::model::*;

fn duplicate<T: std::fmt::Debug>(result: Result<T>) -> Duplicate {
    match result {
        Err(Error::Duplicate(duplicate)) => duplicate,
        other => panic!("expected a duplicate, got {other:?}"),
    }
}

#[tokio::test]
async fn a_taken_value_is_refused_and_named() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    s.of::<User>().insert(user("ann@x.io")).await?;
    let found = duplicate(s.of::<User>().insert(user("ann@x.io")).await);
    assert_eq!((found.store, found.index, found.concurrent), ("users", Some("by_email"), false));
    assert_eq!(found.fields, ["email"]);
    assert!(!Error::Duplicate(found).is_retryable());
    assert_eq!(s.of::<User>().by_key().count().await?, 1, "the refused record left nothing behind");
    Ok(())
}

#[tokio::test]
async fn columns_are_unique_together() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let articles = s.of::<Article>();
    let with = |tenant, slug: &str| {
        let mut new = article(Id::new(), "Title");
        (new.tenant, new.slug) = (tenant, slug.to_owned());
        new
    };
    articles.insert(with(1, "a")).await?;
    articles.insert(with(2, "a")).await?;
    articles.insert(with(1, "b")).await?;
    assert_eq!(duplicate(articles.insert(with(1, "b")).await).fields, ["tenant", "slug"]);
    Ok(())
}

#[tokio::test]
async fn a_primary_key_is_unique() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let reading = || Reading { at: Timestamp::default(), sensor: "s".to_owned(), value: 1.0 };
    s.of::<Reading>().insert(reading()).await?;
    let found = duplicate(s.of::<Reading>().insert(reading()).await);
    assert_eq!((found.index, found.fields), (None, vec!["sensor", "at"]));
    let twice = s.of::<Order>().insert_many([1, 1].map(|number| Order {
        number,
        reference: None,
        total: 0,
    }));
    assert_eq!(duplicate(twice.await).index, None);
    Ok(())
}

#[tokio::test]
async fn none_is_not_compared() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let new =
        |reference: Option<&str>| NewOrder { reference: reference.map(str::to_owned), total: 0 };
    let one = orders.insert(new(None)).await?;
    orders.insert(new(None)).await?;
    orders.insert(new(Some("r"))).await?;
    duplicate(orders.insert(new(Some("r"))).await);
    assert_eq!(orders.by_reference(None).await?, None, "it does not say which one");
    assert_eq!(orders.query(order::ByReference).prefix(None).count().await?, 2);
    orders.edit(one.number).await?.reference = Some("r".to_owned());
    assert!(matches!(s.commit().await, Err(Error::Duplicate(_))));
    orders.edit(one.number).await?.reference = Some("s".to_owned());
    s.commit().await?;
    let found = db.session().of::<Order>().by_reference("s").await?.unwrap();
    assert_eq!(found.number, one.number);
    Ok(())
}

#[tokio::test]
async fn two_records_may_swap_their_values() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let ann = users.insert(user("ann@x.io")).await?;
    let bob = users.insert(user("bob@x.io")).await?;
    s.commit().await?;

    let s = db.session();
    let users = s.of::<User>();
    users.edit(ann.id).await?.email.clone_from(&bob.email);
    users.edit(bob.id).await?.email.clone_from(&ann.email);
    s.commit().await?;
    let s = db.session();
    assert_eq!(s.of::<User>().by_email("bob@x.io").await?.unwrap().id, ann.id);
    assert_eq!(s.of::<User>().by_email("ann@x.io").await?.unwrap().id, bob.id);
    Ok(())
}

#[tokio::test]
async fn a_freed_value_can_be_taken_in_the_same_session() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let ann = users.insert(user("ann@x.io")).await?;
    users.delete(ann.id).await?;
    let again = users.insert(user("ann@x.io")).await?;
    users.edit(again.id).await?.email = "bob@x.io".to_owned();
    users.insert(user("ann@x.io")).await?;
    s.commit().await?;
    assert_eq!(db.session().of::<User>().by_key().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn of_two_sessions_that_add_the_same_value_one_commits() -> Result<()> {
    let db = database().await?;
    let (one, other) = (db.session(), db.session());
    one.of::<User>().insert(user("ann@x.io")).await?;
    other.of::<User>().insert(user("ann@x.io")).await?;
    one.commit().await?;
    let found = duplicate(other.commit().await);
    assert_eq!((found.store, found.index, found.concurrent), ("users", Some("by_email"), true));
    assert!(Error::Duplicate(found).is_retryable(), "a new session can see the other record");
    assert_eq!(db.session().of::<User>().by_key().count().await?, 1);
    Ok(())
}
