//! One instance per record and session.

use std::sync::Arc;

use sop_orm::prelude::*;

use crate::model::*;

#[tokio::test]
async fn one_key_gives_one_instance_however_it_is_found() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let inserted = users.insert(user("ann@x.io")).await?;
    let by_key = users.require(inserted.id).await?;
    let by_email = users.by_email("ann@x.io").await?.unwrap();
    let listed = users.by_key().first().await?.unwrap();
    assert!([&by_key, &by_email, &listed].iter().all(|found| Arc::ptr_eq(found, &inserted)));

    let other = db.session();
    s.commit().await?;
    assert_eq!(other.of::<User>().get(inserted.id).await?, None, "it began before the commit");
    let later = db.session().of::<User>().require(inserted.id).await?;
    assert!(!Arc::ptr_eq(&later, &inserted), "instances belong to a session");
    Ok(())
}

#[tokio::test]
async fn an_edit_makes_a_new_instance_and_the_old_one_stays_as_it_was() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let users = s.of::<User>();
    let before = users.insert(user("ann@x.io")).await?;
    users.edit(before.id).await?.articles = 7;
    let after = users.require(before.id).await?;
    assert_eq!((before.articles, after.articles), (0, 7));
    assert!(Arc::ptr_eq(&after, &users.by_email("ann@x.io").await?.unwrap()));
    Ok(())
}

#[tokio::test]
async fn records_that_nobody_holds_are_let_go_and_read_again() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let held = s.of::<Order>().insert(NewOrder { reference: None, total: -1 }).await?;
    let new = (0..2000).map(|total| NewOrder { reference: None, total });
    let numbers: Vec<u64> =
        s.of::<Order>().insert_many(new).await?.iter().map(|order| order.number).collect();
    for number in numbers {
        assert_eq!(s.of::<Order>().require(number).await?.number, number);
    }
    assert!(Arc::ptr_eq(&held, &s.of::<Order>().require(held.number).await?));
    Ok(())
}
