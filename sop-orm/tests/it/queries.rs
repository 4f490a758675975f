//! Queries on every kind of index, in all directions.

use std::collections::BTreeSet;

use sop_orm::prelude::*;

use crate::model::*;

/// Articles of two authors, some published.
async fn library(db: &Db) -> Result<(Id<User>, Id<User>)> {
    let s = db.session();
    let (ann, bob) = (Id::new(), Id::new());
    let mut new = Vec::new();
    for (at, title) in (0..).zip(["Apple", "Banana", "Cherry", "Date", "Elder"]) {
        let mut one = article(if at % 2 == 0 { ann } else { bob }, title);
        one.published_at = (at > 0).then(|| Timestamp::from_micros(at * 10));
        one.status = if at < 3 { Status::Live } else { Status::Gone };
        one.tags = BTreeSet::from(["fruit".to_owned(), title.to_lowercase()]);
        new.push(one);
    }
    s.of::<Article>().insert_many(new).await?;
    s.commit().await?;
    Ok((ann, bob))
}

fn titles(found: &[std::sync::Arc<Article>]) -> Vec<&str> {
    found.iter().map(|article| article.title.as_str()).collect()
}

#[tokio::test]
async fn records_come_in_the_order_of_the_index_or_in_reverse() -> Result<()> {
    let db = database().await?;
    library(&db).await?;
    let s = db.session();
    let by_title = s.of::<Article>().by_title();
    let all = ["Apple", "Banana", "Cherry", "Date", "Elder"];
    assert_eq!(titles(&by_title.all().await?), all);
    let reverse = s.of::<Article>().by_title().desc().all().await?;
    assert_eq!(titles(&reverse), all.into_iter().rev().collect::<Vec<_>>());
    let first = s.of::<Article>().by_title().desc().limit(2).all().await?;
    assert_eq!(titles(&first), ["Elder", "Date"]);
    Ok(())
}

#[tokio::test]
async fn a_prefix_selects_by_leading_columns() -> Result<()> {
    let db = database().await?;
    let (ann, bob) = library(&db).await?;
    let s = db.session();
    let articles = s.of::<Article>();
    let of_ann = articles.feed().prefix(ann).all().await?;
    assert_eq!(titles(&of_ann), ["Elder", "Cherry", "Apple"], "newest first, never published last");
    let at = Timestamp::from_micros(10);
    assert_eq!(titles(&articles.feed().prefix((bob, at)).all().await?), ["Banana"]);
    assert_eq!(titles(&articles.feed().prefix((ann, None)).all().await?), ["Apple"]);
    assert!(articles.feed().prefix(Id::new()).all().await?.is_empty());
    assert_eq!(articles.by_status().prefix(Status::Live).count().await?, 3);
    assert_eq!(articles.by_status().prefix(&Status::Draft).count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_range_is_one_of_values_whatever_the_direction_of_the_column() -> Result<()> {
    let db = database().await?;
    let (ann, bob) = library(&db).await?;
    let s = db.session();
    let feed = || s.of::<Article>().feed();
    let at = Timestamp::from_micros;
    assert_eq!(titles(&feed().range((ann, at(20))..).all().await?), ["Elder", "Cherry"]);
    assert_eq!(titles(&feed().range((bob, at(10))..(bob, at(30))).all().await?), ["Banana"]);
    let to = feed().range((bob, at(10))..=(bob, at(30))).desc().all().await?;
    assert_eq!(titles(&to), ["Banana", "Date"]);
    assert_eq!(titles(&feed().range(..(ann, at(40))).all().await?), ["Cherry", "Apple"]);
    let across = feed().range((ann, at(0))..(bob, at(0))).all().await;
    assert!(matches!(across, Err(Error::Invalid(_))));

    let titles_from = s.of::<Article>().by_title().range("Banana".to_owned().."Date".to_owned());
    assert_eq!(titles(&titles_from.all().await?), ["Banana", "Cherry"]);
    let narrowed = s.of::<Article>().by_title().range("B"..).range(..="Date").all().await?;
    assert_eq!(titles(&narrowed), ["Banana", "Cherry", "Date"]);
    Ok(())
}

#[derive(SopStore, Debug)]
struct Task {
    #[sop(key)]
    number: u32,
    #[sop(index(by_due, desc))]
    due: Option<Timestamp>,
    #[sop(index(by_owner))]
    owner: Option<String>,
    #[sop(index(by_place, each))]
    places: Vec<Option<u8>>,
}

#[tokio::test]
async fn an_optional_column_is_asked_for_by_what_it_holds() -> Result<()> {
    let db = Db::builder().store::<Task>().ephemeral().await?;
    let (s, at) = (db.session(), Timestamp::from_micros);
    for number in 0..4_u8 {
        let due = (number > 0).then(|| at(number.into()));
        let owner = (number > 1).then(|| format!("owner {number}"));
        let places = vec![None, Some(number)];
        s.of::<Task>().insert(NewTask { number: number.into(), due, owner, places }).await?;
    }
    let (by_due, by_owner) = (|| s.of::<Task>().by_due(), || s.of::<Task>().by_owner());
    let numbers = async |query: Query<'_, Task, task::ByDue>| {
        Ok::<_, Error>(query.all().await?.iter().map(|task| task.number).collect::<Vec<_>>())
    };
    assert_eq!(numbers(by_due().prefix(at(2))).await?, [2]);
    assert_eq!(numbers(by_due().prefix(&at(2))).await?, [2]);
    assert_eq!(numbers(by_due().prefix(Some(at(2)))).await?, [2]);
    assert_eq!(numbers(by_due().prefix(None)).await?, [0]);
    assert_eq!(numbers(by_due().range(at(2)..)).await?, [3, 2]);
    assert_eq!(numbers(by_due().range(at(1)..at(3))).await?, [2, 1]);
    assert_eq!(numbers(by_due().range(..at(2))).await?, [1, 0], "None is below all values");

    assert_eq!(by_owner().prefix("owner 2").count().await?, 1);
    assert_eq!(by_owner().prefix("owner 2".to_owned()).count().await?, 1);
    assert_eq!(by_owner().prefix(&"owner 2".to_owned()).count().await?, 1);
    assert_eq!(by_owner().range("owner 3"..).count().await?, 1);
    assert_eq!(by_owner().prefix(None).count().await?, 2);
    assert_eq!(s.of::<Task>().by_place().prefix(3).count().await?, 1);
    assert_eq!(s.of::<Task>().by_place().prefix(None).count().await?, 4);
    Ok(())
}

#[tokio::test]
async fn text_is_found_by_how_it_begins() -> Result<()> {
    let db = database().await?;
    library(&db).await?;
    let s = db.session();
    let articles = s.of::<Article>();
    assert_eq!(titles(&articles.by_title().starts_with("Ch").all().await?), ["Cherry"]);
    assert_eq!(articles.by_title().starts_with("").count().await?, 5);
    assert_eq!(articles.by_title().starts_with("x").count().await?, 0);
    let slugs = articles.query(article::BySlug).prefix((1, starts_with("b"))).all().await?;
    assert_eq!(titles(&slugs), ["Banana"]);
    Ok(())
}

#[tokio::test]
async fn each_item_of_a_collection_leads_to_its_record() -> Result<()> {
    let db = database().await?;
    library(&db).await?;
    let s = db.session();
    let articles = s.of::<Article>();
    assert_eq!(articles.by_tag().prefix("fruit").count().await?, 5);
    assert_eq!(titles(&articles.by_tag().prefix("date").all().await?), ["Date"]);

    let date = articles.by_tag().prefix("date").first().await?.unwrap();
    articles.edit(date.id).await?.tags = BTreeSet::from(["dried".to_owned()]);
    assert_eq!(articles.by_tag().prefix("fruit").count().await?, 4);
    assert_eq!(articles.by_tag().prefix("date").first().await?, None);
    assert_eq!(titles(&articles.by_tag().prefix("dried").all().await?), ["Date"]);
    Ok(())
}

#[tokio::test]
async fn filters_look_at_what_the_index_selects() -> Result<()> {
    let db = database().await?;
    library(&db).await?;
    let s = db.session();
    let live = || s.of::<Article>().by_status().prefix(Status::Live);
    let short = live().filter(|article| article.title.len() < 6);
    assert_eq!(titles(&short.all().await?), ["Apple"]);
    assert_eq!(live().filter(|a| a.title != "Apple").count().await?, 2);
    assert_eq!(live().filter(|a| a.title != "Apple").limit(1).count().await?, 1);
    assert_eq!(live().limit(2).count().await?, 2);
    assert!(live().filter(|a| a.title == "Cherry").exists().await?);
    assert!(!live().filter(|a| a.title == "Date").exists().await?);
    Ok(())
}

#[tokio::test]
async fn a_query_sees_what_its_session_has_changed() -> Result<()> {
    let db = database().await?;
    let (ann, _) = library(&db).await?;
    let s = db.session();
    let articles = s.of::<Article>();
    articles.insert(article(ann, "Fig")).await?;
    let apple = articles.by_slug(1, "apple").await?.unwrap();
    articles.edit(apple.id).await?.title = "Zapple".to_owned();
    let banana = articles.by_slug(1, "banana").await?.unwrap();
    articles.delete(banana.id).await?;
    let all = articles.by_title().all().await?;
    assert_eq!(titles(&all), ["Cherry", "Date", "Elder", "Fig", "Zapple"]);
    assert_eq!(db.session().of::<Article>().by_title().first().await?.unwrap().title, "Apple");
    Ok(())
}

#[tokio::test]
async fn records_can_be_changed_while_they_are_streamed() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let new = (0..1000).map(|total| NewOrder { reference: None, total });
    orders.insert_many(new).await?;
    let mut rows = orders.by_total().range(..500).stream();
    let mut seen = 0;
    while let Some(order) = rows.try_next().await? {
        orders.edit(order.number).await?.total += 1000;
        if order.total == 0 {
            let ahead = orders.by_total().prefix(499).first().await?.unwrap();
            orders.delete(ahead.number).await?;
        }
        seen += 1;
    }
    assert_eq!(seen, 499, "a record deleted ahead does not come");
    assert_eq!(orders.by_total().range(..500).count().await?, 0);
    assert_eq!(orders.by_total().range(1000..).count().await?, 499);
    Ok(())
}

#[tokio::test]
async fn a_stream_is_a_stream() -> Result<()> {
    use futures_util::TryStreamExt as _;

    let db = database().await?;
    library(&db).await?;
    let s = db.session();
    let rows = s.of::<Article>().by_title().stream();
    let titles: Vec<String> = rows.map_ok(|article| article.title.clone()).try_collect().await?;
    assert_eq!(titles.len(), 5);
    Ok(())
}

#[tokio::test]
async fn numbers_and_floats_sort_as_numbers() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let new = [3, -1, i32::MIN, 0, i32::MAX, -2].map(|total| NewOrder { reference: None, total });
    s.of::<Order>().insert_many(new).await?;
    let totals: Vec<i32> =
        s.of::<Order>().by_total().all().await?.iter().map(|order| order.total).collect();
    assert_eq!(totals, [i32::MIN, -2, -1, 0, 3, i32::MAX]);

    for (at, value) in (0..).zip([0.5, 2.0, -1.5, -7.0, f64::INFINITY]) {
        let at = Timestamp::from_micros(at);
        s.of::<Reading>().insert(Reading { at, sensor: "s".to_owned(), value }).await?;
    }
    let values: Vec<f64> =
        s.of::<Reading>().by_value().all().await?.iter().map(|reading| reading.value).collect();
    assert_eq!(values, [f64::INFINITY, 2.0, 0.5, -1.5, -7.0], "the column is sorted downwards");
    Ok(())
}

#[tokio::test]
async fn a_key_of_several_columns_is_ordered_and_searched_by_them() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let readings = s.of::<Reading>();
    for (sensor, at) in [("b", 1), ("a", 2), ("a\0", 1), ("a", 1), ("", 5)] {
        let at = Timestamp::from_micros(at);
        readings.insert(Reading { at, sensor: sensor.to_owned(), value: 0.0 }).await?;
    }
    let keys: Vec<(String, i64)> = readings
        .by_key()
        .all()
        .await?
        .iter()
        .map(|reading| (reading.sensor.clone(), reading.at.as_micros()))
        .collect();
    let expected = [("", 5), ("a", 1), ("a", 2), ("a\0", 1), ("b", 1)];
    assert_eq!(keys, expected.map(|(sensor, at)| (sensor.to_owned(), at)));
    assert_eq!(readings.by_key().prefix("a").count().await?, 2);
    let late = readings.by_key().range(("a", Timestamp::from_micros(2))..).all().await?;
    assert_eq!(late.len(), 1);
    assert!(readings.exists(("a\0", Timestamp::from_micros(1))).await?);
    Ok(())
}
