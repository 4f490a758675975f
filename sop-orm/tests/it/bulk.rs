//! Changing many records at once.

use sop_orm::prelude::*;

use crate::model::*;

async fn filled(db: &Db, totals: impl Iterator<Item = i32>) -> Result<()> {
    let s = db.session();
    let new = totals.map(|total| NewOrder { reference: None, total });
    s.of::<Order>().insert_many(new).await?;
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn each_record_is_changed_once_though_it_moves_ahead_in_the_index() -> Result<()> {
    let db = database().await?;
    filled(&db, 0..1_000).await?;
    let s = db.session();
    let orders = s.of::<Order>();
    assert_eq!(orders.by_total().update(|order| order.total += 300).await?, 1_000);
    let report = s.commit().await?;
    assert_eq!(report.changes.iter().map(|changes| changes.updated).sum::<u64>(), 1_000);
    let s = db.session();
    let totals = s.of::<Order>().by_total().all().await?;
    assert!(totals.iter().map(|order| order.total).eq(300..1_300));
    Ok(())
}

#[tokio::test]
async fn a_query_says_what_is_changed_and_what_is_deleted() -> Result<()> {
    let db = database().await?;
    filled(&db, 0..500).await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let odd = |order: &Order| order.total % 2 == 1;
    let deleted = orders.by_total().range(100..400).filter(odd).limit(140).delete().await?;
    assert_eq!((deleted, orders.by_key().count().await?), (140, 360));
    let changed = orders.by_key().filter(odd).update(|order| order.total = -1).await?;
    assert_eq!((changed, orders.by_total().prefix(-1).count().await?), (110, 110));
    s.rollback();
    assert_eq!(db.session().of::<Order>().by_key().count().await?, 500);
    Ok(())
}

#[tokio::test]
async fn a_record_with_several_entries_in_an_index_counts_once() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let articles = s.of::<Article>();
    for title in ["a", "b"] {
        let mut new = article(Id::new(), title);
        new.tags = ["x", "y", "z"].map(str::to_owned).into();
        articles.insert(new).await?;
    }
    assert_eq!(articles.by_tag().update(|article| article.views += 1).await?, 2);
    assert_eq!(articles.by_title().prefix("a").first().await?.map(|it| it.views), Some(1));
    assert_eq!(articles.by_tag().delete().await?, 2);
    assert_eq!(articles.by_tag().count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_query_on_several_indexes_changes_each_record_once() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let articles = s.of::<Article>();
    for title in ["a", "b", "c", "d"] {
        let mut new = article(Id::new(), title);
        new.tags = [title, "x"].map(str::to_owned).into();
        articles.insert(new).await?;
    }
    let some = || articles.by_tag().prefix("x").and(articles.by_title().range("b"..));
    let changed = some().update(|article| article.title.insert(0, 'c')).await?;
    let titles = articles.by_title().all().await?;
    let titles: Vec<_> = titles.iter().map(|article| article.title.as_str()).collect();
    assert_eq!((changed, titles), (3, vec!["a", "cb", "cc", "cd"]));
    assert_eq!(some().filter(|article| article.title != "cc").delete().await?, 2);
    assert_eq!(articles.by_key().count().await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_change_that_is_refused_is_an_error_of_the_update() -> Result<()> {
    let db = database().await?;
    filled(&db, 0..300).await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let same = orders.by_key().update(|order| order.reference = Some("same".to_owned())).await;
    assert!(matches!(same, Err(Error::Duplicate(_))), "{same:?}");
    Ok(())
}
