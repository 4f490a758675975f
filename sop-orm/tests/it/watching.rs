//! Watching what is committed.

use std::task::{Context, Poll, Waker};

use sop_orm::{EventKind, Watch, prelude::*};

use crate::model::*;

fn told(watch: &mut Watch<Reading>) -> Result<Vec<(EventKind, String)>> {
    let mut events = Vec::new();
    while let Some(event) = watch.next_ready()? {
        assert_eq!(event.record.is_none(), event.kind == EventKind::Deleted);
        events.push((event.kind, event.key.0));
    }
    Ok(events)
}

fn reading(sensor: &str, value: f64) -> Reading {
    Reading { at: Timestamp::from_micros(1), sensor: sensor.to_owned(), value }
}

async fn write(db: &Db, sensors: &[&str]) -> Result<()> {
    let s = db.session();
    for sensor in sensors {
        s.of::<Reading>().upsert(reading(sensor, 1.0)).await?;
    }
    s.commit().await?;
    Ok(())
}

async fn delete(db: &Db, sensor: &str) -> Result<()> {
    let s = db.session();
    s.of::<Reading>().delete((sensor.to_owned(), Timestamp::from_micros(1))).await?;
    s.commit().await?;
    Ok(())
}

#[tokio::test]
async fn commits_are_told_in_order_and_each_change_as_what_it_is() -> Result<()> {
    let db = database().await?;
    write(&db, &["before"]).await?;
    let mut watch = db.watch::<Reading>()?;
    assert_eq!(told(&mut watch)?, []);
    write(&db, &["b", "a"]).await?;
    let two = ["a", "b"].map(|sensor| (EventKind::Inserted, sensor.to_owned()));
    assert_eq!(told(&mut watch)?, two);
    write(&db, &["a"]).await?;
    delete(&db, "before").await?;
    let expected =
        [(EventKind::Updated, "a".to_owned()), (EventKind::Deleted, "before".to_owned())];
    assert_eq!(told(&mut watch)?, expected);
    assert_eq!(watch.position(), db.session().commit().await?.position);
    Ok(())
}

#[tokio::test]
async fn a_slow_reader_is_told_the_outcome_of_all_that_it_missed() -> Result<()> {
    let db = database().await?;
    let mut watch = db.watch::<Reading>()?;
    for _ in 0..50 {
        write(&db, &["often", "gone"]).await?;
    }
    delete(&db, "gone").await?;
    let copy = watch.clone();
    assert_eq!(told(&mut watch)?, [(EventKind::Inserted, "often".to_owned())]);
    for mut again in [copy.clone(), copy] {
        assert_eq!(told(&mut again)?, [(EventKind::Inserted, "often".to_owned())]);
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_of_a_key_or_its_beginning_is_told_nothing_else() -> Result<()> {
    let db = database().await?;
    let of_key = ("ab".to_owned(), Timestamp::from_micros(1));
    let mut one = db.watch::<Reading>()?.key(of_key)?;
    let mut some = db.watch::<Reading>()?.prefix(reading::ByKey, (starts_with("ab"),))?;
    write(&db, &["a", "ab", "abc", "b"]).await?;
    let inserted = |sensor: &str| (EventKind::Inserted, sensor.to_owned());
    assert_eq!(told(&mut one)?, [inserted("ab")]);
    assert_eq!(told(&mut some)?, [inserted("ab"), inserted("abc")]);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_waits_is_woken_by_a_commit_and_by_the_end() -> Result<()> {
    let db = database().await?;
    let mut watch = db.watch::<Reading>()?;
    {
        let mut next = std::pin::pin!(watch.next());
        let polled = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        // Another store: it goes on waiting.
        let s = db.session();
        s.of::<User>().insert(user("ann")).await?;
        s.commit().await?;
        let writer = tokio::spawn({
            let db = db.clone();
            async move { write(&db, &["x"]).await }
        });
        assert_eq!(next.await?.key.0, "x");
        writer.await.expect("the writer does not panic")?;
    }
    let waiting = tokio::spawn(async move { watch.next().await.map(drop) });
    tokio::task::yield_now().await;
    db.close().await?;
    assert!(waiting.await.expect("the reader does not panic").is_err());
    Ok(())
}

#[tokio::test]
async fn a_store_that_is_loaded_as_a_whole_is_told_row_by_row() -> Result<()> {
    let db = database().await?;
    let mut watch = db.watch::<Reading>()?;
    let s = db.session();
    let sensors = (0..60_000).map(|number| reading(&format!("{number:0100}"), 0.5));
    s.of::<Reading>().insert_many(sensors).await?;
    s.commit().await?;
    write(&db, &["last"]).await?;
    assert_eq!(told(&mut watch)?.len(), 60_001);
    Ok(())
}
