//! Records come and go.

use std::collections::BTreeSet;

use sop_orm::prelude::*;

use crate::model::*;

#[tokio::test]
async fn a_record_comes_back_as_it_was_put_in() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let ann = s.of::<User>().insert(user("ann@x.io")).await?;
    let mut new = article(ann.id, "Hello");
    new.tags = BTreeSet::from(["b".to_owned(), "a\0".to_owned()]);
    new.published_at = Some(Timestamp::from_micros(-5));
    let hello = s.of::<Article>().insert(new).await?;
    assert_eq!((hello.views, &hello.origin), (0, &Origin::Written));
    s.commit().await?;

    let s = db.session();
    let read = s.of::<Article>().require(hello.id).await?;
    assert_eq!(read, hello);
    assert_eq!(*s.of::<User>().require(&ann.id).await?, *ann);
    Ok(())
}

#[tokio::test]
async fn enums_with_data_come_back() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let at = Timestamp::now();
    for origin in [
        Origin::Imported { from: "old".to_owned(), at },
        Origin::Copied(Id::new()),
        Origin::Written,
    ] {
        let inserted = s.of::<Article>().insert(article(Id::new(), &format!("{origin:?}"))).await?;
        s.of::<Article>().edit(inserted.id).await?.origin = origin.clone();
        assert_eq!(s.of::<Article>().require(inserted.id).await?.origin, origin);
    }
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_none_or_not_found() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let (users, nobody) = (s.of::<User>(), Id::new());
    assert_eq!(users.get(nobody).await?, None);
    assert!(!users.exists(nobody).await?);
    assert!(!users.delete(nobody).await?);
    assert!(matches!(users.require(nobody).await, Err(Error::NotFound { store: "users", .. })));
    assert!(matches!(users.edit(nobody).await, Err(Error::NotFound { .. })));
    assert_eq!(users.by_email("nobody").await?, None);
    Ok(())
}

#[tokio::test]
async fn a_deleted_record_is_gone_from_every_index() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let articles = s.of::<Article>();
    let mut new = article(Id::new(), "Hello");
    new.tags.insert("tag".to_owned());
    let hello = articles.insert(new).await?;
    s.commit().await?;

    let s = db.session();
    let articles = s.of::<Article>();
    assert!(articles.delete(hello.id).await?);
    assert!(!articles.exists(hello.id).await?);
    assert!(!articles.delete(hello.id).await?);
    s.commit().await?;

    let s = db.session();
    let articles = s.of::<Article>();
    assert_eq!(articles.by_slug(1, "hello").await?, None);
    assert_eq!(articles.by_key().count().await?, 0);
    assert_eq!(articles.feed().count().await?, 0);
    assert_eq!(articles.by_title().count().await?, 0);
    assert_eq!(articles.by_status().count().await?, 0);
    assert_eq!(articles.by_tag().count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn upsert_inserts_and_replaces_and_moves_index_entries() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let readings = s.of::<Reading>();
    let at = Timestamp::from_micros(1);
    let reading = |value| Reading { at, sensor: "kitchen".to_owned(), value };
    readings.upsert(reading(1.5)).await?;
    readings.upsert(reading(2.5)).await?;
    assert_eq!(*readings.require(("kitchen", at)).await?, reading(2.5));
    assert_eq!(readings.by_value().prefix(1.5).count().await?, 0);
    assert_eq!(readings.by_value().prefix(2.5).count().await?, 1);
    assert_eq!(readings.by_key().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn many_records_are_inserted_all_or_none() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let new = |total| NewOrder { reference: Some(format!("r{total}")), total };
    let inserted = orders.insert_many((0..500).map(new)).await?;
    assert!(inserted.is_sorted_by_key(|order| order.number));
    assert_eq!(inserted.first().map(|order| order.number), Some(1));

    let colliding = orders.insert_many([new(1000), new(1001), new(1000)]).await;
    assert!(matches!(colliding, Err(Error::Duplicate(_))));
    assert_eq!(orders.by_reference("r1001").await?, None);
    assert_eq!(orders.by_key().count().await?, 500);
    assert!(orders.insert_many(Vec::<NewOrder>::new()).await?.is_empty());
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn numbers_grow_and_are_not_given_twice() -> Result<()> {
    let db = database().await?;
    let mut numbers = BTreeSet::new();
    for round in 0..5 {
        let s = db.session();
        for total in 0..40 {
            let order = s.of::<Order>().insert(NewOrder { reference: None, total }).await?;
            assert!(numbers.last().is_none_or(|last| *last < order.number));
            numbers.insert(order.number);
        }
        if round % 2 == 0 {
            s.commit().await?;
        }
    }
    assert_eq!(numbers.len(), 200);
    assert_eq!(db.session().of::<Order>().by_key().count().await?, 120);
    Ok(())
}

#[tokio::test]
async fn nan_cannot_be_a_column() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let readings = s.of::<Reading>();
    let at = Timestamp::from_micros(1);
    let nan = Reading { at, sensor: "x".to_owned(), value: f64::NAN };
    assert!(matches!(readings.upsert(nan).await, Err(Error::Invalid(_))));
    let query = readings.by_value().prefix(f64::NAN).all().await;
    assert!(matches!(query, Err(Error::Invalid(_))));
    assert_eq!(readings.by_key().count().await?, 0, "the refused record left nothing behind");

    readings.insert(Reading { at, sensor: "x".to_owned(), value: -0.0 }).await?;
    assert_eq!(readings.by_value().prefix(0.0).count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_overlong_key_is_refused_and_the_session_goes_on() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    assert!(matches!(s.of::<User>().insert(user(&"x".repeat(5000))).await, Err(Error::Engine(_))));
    s.of::<User>().insert(user("short")).await?;
    s.commit().await?;
    assert_eq!(db.session().of::<User>().by_key().count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_type_that_was_not_registered_is_an_error() -> Result<()> {
    let db = Db::builder().store::<User>().ephemeral().await?;
    let s = db.session();
    let error = s.of::<Order>().get(1).await.unwrap_err();
    assert!(matches!(error, Error::NotRegistered { type_name: "Order" }));
    assert!(error.to_string().contains(".store::<Order>()"));
    Ok(())
}

#[tokio::test]
async fn an_ended_session_refuses_everything() -> Result<()> {
    let db = database().await?;
    for commit in [true, false] {
        let s = db.session();
        let id = s.of::<User>().insert(user(&format!("{commit}"))).await?.id;
        if commit {
            s.commit().await?;
        } else {
            s.rollback();
        }
        let users = s.of::<User>();
        assert!(matches!(users.get(id).await, Err(Error::SessionClosed(_))));
        assert!(matches!(users.insert(user("b")).await, Err(Error::SessionClosed(_))));
        assert!(matches!(users.by_key().all().await, Err(Error::SessionClosed(_))));
        assert!(matches!(users.edit(id).await, Err(Error::SessionClosed(_))));
        assert!(matches!(s.commit().await, Err(Error::SessionClosed(_))));
        assert_eq!(db.session().of::<User>().exists(id).await?, commit);
    }
    Ok(())
}

#[tokio::test]
async fn a_new_struct_derives_what_the_attribute_names() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let new = NewOrder { reference: None, total: 7 };
    let one = s.of::<Order>().insert(new.clone()).await?;
    let other = s.of::<Order>().insert(new.clone()).await?;
    assert_eq!((one.total, other.total), (7, 7));
    assert_eq!(format!("{new:?}"), "NewOrder { reference: None, total: 7 }");
    Ok(())
}
