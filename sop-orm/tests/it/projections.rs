//! Keys and single fields, least and greatest values, many records at once.

use sop_orm::{Output, prelude::*};

use crate::model::*;

async fn orders(s: &Session, totals: impl IntoIterator<Item = i32>) -> Result<()> {
    let new = totals.into_iter().map(|total| {
        let reference = (total % 2 == 0).then(|| format!("order {total}"));
        NewOrder { reference, total }
    });
    s.of::<Order>().insert_many(new).await?;
    Ok(())
}

async fn rows_read<I, O: Output<Order>>(query: Query<'_, Order, I, O>) -> Result<(u64, u64)> {
    let stats = query.explain_analyze().await?.stats.expect("it was run");
    Ok((stats.rows_read, stats.returned))
}

#[tokio::test]
async fn keys_come_without_a_look_at_the_rows() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    orders(&s, [30, 10, 20]).await?;
    let by_total = || s.of::<Order>().by_total();
    assert_eq!(by_total().keys().all().await?, [2, 3, 1]);
    assert_eq!(by_total().desc().keys().first().await?, Some(1));
    assert_eq!(rows_read(by_total().keys()).await?, (0, 3));
    assert_eq!(rows_read(by_total()).await?, (3, 3));
    let page = by_total().keys().page(2, None).await?;
    assert_eq!(page.items, [2, 3]);
    assert_eq!(by_total().keys().page(2, page.next).await?.items, [1]);
    Ok(())
}

#[tokio::test]
async fn selected_fields_come_as_a_tuple() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    orders(&s, [30, 10, 25]).await?;
    let by_total = || s.of::<Order>().by_total();
    let fields = (order::fields::total, order::fields::reference, order::fields::number);
    let all = by_total().select(fields).all().await?;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(all, [(10, text("order 10"), 2), (25, None, 3), (30, text("order 30"), 1)]);
    let one = by_total().range(20..).filter(|order| order.reference.is_none());
    assert_eq!(one.select(order::fields::number).all().await?, [3]);
    assert_eq!(rows_read(by_total().select(order::fields::number)).await?, (0, 3));
    assert_eq!(rows_read(by_total().select(order::fields::total)).await?, (3, 3));
    Ok(())
}

#[tokio::test]
async fn fields_of_a_key_of_several_columns_are_read_from_the_key() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let at = Timestamp::from_micros;
    for (sensor, micros, value) in [("a", 5, 0.5), ("b", 3, 1.5)] {
        let reading = Reading { at: at(micros), sensor: sensor.to_owned(), value };
        s.of::<Reading>().insert(reading).await?;
    }
    let times = s.of::<Reading>().by_value().select((reading::fields::at, reading::fields::sensor));
    assert_eq!(times.all().await?, [(at(3), "b".to_owned()), (at(5), "a".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn projections_see_what_the_session_has_changed() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    orders(&s, 0..4).await?;
    s.commit().await?;
    let s = db.session();
    let all = s.of::<Order>();
    all.edit(1).await?.total = 9;
    all.delete(2).await?;
    assert_eq!(all.by_total().select(order::fields::total).all().await?, [2, 3, 9]);
    assert_eq!(all.by_key().keys().all().await?, [1, 3, 4]);
    assert_eq!(all.by_total().max(order::fields::total).await?, Some(9));
    assert_eq!(all.by_total().skip(1).first().await?.unwrap().total, 3);
    let mut rows = all.by_total().select(order::fields::total).stream();
    assert_eq!(rows.try_next().await?, Some(2));
    all.edit(4).await?.total = 7;
    assert_eq!(rows.try_next().await?, Some(7), "what lies ahead is as it was changed");
    all.insert(NewOrder { reference: None, total: 8 }).await?;
    assert_eq!(rows.try_next().await?, Some(8));
    assert_eq!(all.get_many([1, 2, 4]).await?.iter().flatten().count(), 2);
    Ok(())
}

#[tokio::test]
async fn first_last_skip_and_limit_agree() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    orders(&s, 0..10).await?;
    let by_total = || s.of::<Order>().by_total();
    let totals = async |query: Query<'_, Order, order::ByTotal>| {
        query.select(order::fields::total).all().await
    };
    assert_eq!(totals(by_total().skip(7)).await?, [7, 8, 9]);
    assert_eq!(totals(by_total().limit(3).skip(2)).await?, [2, 3, 4]);
    assert_eq!(totals(by_total().desc().skip(2).skip(3).limit(2)).await?, [4, 3]);
    assert_eq!(totals(by_total().filter(|order| order.total % 3 == 0).skip(1)).await?, [3, 6, 9]);
    assert_eq!(by_total().skip(4).limit(20).count().await?, 6);
    assert_eq!(by_total().skip(40).count().await?, 0);
    assert_eq!(by_total().limit(4).last().await?.unwrap().total, 3);
    assert_eq!(by_total().last().await?.unwrap().total, 9);
    assert_eq!(by_total().range(20..).last().await?, None);
    assert!(by_total().skip(9).exists().await? && !by_total().skip(10).exists().await?);
    assert!(totals(by_total().limit(0)).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn ranges_that_end_before_they_begin_are_empty() -> Result<()> {
    use std::ops::Bound::{Excluded, Included};

    let db = database().await?;
    let s = db.session();
    orders(&s, 0..10).await?;
    let by_total = || s.of::<Order>().by_total();
    let from = 7;
    assert_eq!(by_total().range(from..3).count().await?, 0);
    assert_eq!(by_total().range(from..=3).desc().all().await?, []);
    for (low, high) in
        [(Excluded(3), Excluded(3)), (Included(3), Excluded(3)), (Excluded(9), Included(1))]
    {
        assert_eq!(by_total().range((low, high)).count().await?, 0, "{low:?} {high:?}");
        assert_eq!(by_total().range((low, high)).all().await?, []);
        assert_eq!(
            by_total().range((low, high)).or(by_total().range((low, high))).all().await?,
            []
        );
    }
    assert_eq!(by_total().range((Excluded(3), Included(4))).count().await?, 1);
    assert_eq!(by_total().range((Excluded(i32::MAX), Included(i32::MAX))).count().await?, 0);
    let readings = s.of::<Reading>().by_value();
    assert_eq!(readings.range(2.0..1.0).count().await?, 0, "also where the column is descending");
    Ok(())
}

#[tokio::test]
async fn the_least_and_greatest_value_come_from_the_ends_of_the_index() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let by_total = || s.of::<Order>().by_total();
    assert_eq!(by_total().min(order::fields::total).await?, None);
    orders(&s, [5, 1, 9]).await?;
    assert_eq!(by_total().min(order::fields::total).await?, Some(1));
    assert_eq!(by_total().max(order::fields::total).await?, Some(9));
    assert_eq!(by_total().range(..9).desc().max(order::fields::total).await?, Some(5));
    assert_eq!(
        by_total().filter(|order| order.total > 1).min(order::fields::total).await?,
        Some(5)
    );

    let (ann, at) = (Id::new(), Timestamp::from_micros);
    for (title, time) in [("A", Some(at(3))), ("B", Some(at(8))), ("C", None)] {
        let mut new = article(ann, title);
        new.published_at = time;
        s.of::<Article>().insert(new).await?;
    }
    let feed = || s.of::<Article>().feed();
    let published = article::fields::published_at;
    assert_eq!(feed().prefix(ann).max(published).await?, Some(Some(at(8))));
    assert_eq!(feed().prefix(ann).min(published).await?, Some(None));
    let after = feed().range((ann, at(0))..);
    assert_eq!(after.min(published).await?, Some(Some(at(3))), "the column is descending");
    assert_eq!(feed().prefix(ann).max(article::fields::author_id).await?, Some(ann));
    for refused in [feed().max(published).await, feed().prefix(ann).limit(1).max(published).await] {
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn many_records_come_in_the_order_of_their_keys_as_given() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    orders(&s, 0..300).await?;
    let keys = [7, 900, 7, 1, 300];
    let found = s.of::<Order>().get_many(keys).await?;
    let numbers: Vec<Option<u64>> =
        found.iter().map(|order| order.as_ref().map(|order| order.number)).collect();
    assert_eq!(numbers, [Some(7), None, Some(7), Some(1), Some(300)]);
    let (one, same) = (found[0].as_ref().unwrap(), found[2].as_ref().unwrap());
    assert!(std::sync::Arc::ptr_eq(one, same), "one instance for each record");
    assert!(s.of::<Order>().get_many(Vec::<u64>::new()).await?.is_empty());
    let all = s.of::<Order>().get_many((1..=300_u64).rev()).await?;
    assert!(all.into_iter().rev().zip(1..).all(|(order, number)| order.unwrap().number == number));
    Ok(())
}
