//! Watching what is committed.

use std::task::{Context, Poll, Waker};

use sop_orm::{EventKind, Options, Watch, prelude::*};

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
    let s = db.session();
    let readings = s.of::<Reading>();
    let mut one = readings.by_key().prefix(of_key).watch()?;
    let mut some = readings.by_key().starts_with("ab").watch()?;
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

/// A database on the disk that keeps so much of its log to be read again.
async fn reopened(folder: &std::path::Path, history: u64) -> Result<Db> {
    let options = Options::default().log_history_bytes(history);
    Db::builder().store::<Reading>().options(options).open(folder).await
}

#[tokio::test]
async fn a_reader_that_was_away_is_told_what_it_missed_and_then_goes_on() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let db = reopened(folder.path(), 64 << 20).await?;
    write(&db, &["a", "b", "untouched"]).await?;
    let seen = db.watch::<Reading>()?.position();
    write(&db, &["c", "gone"]).await?;
    db.close().await?;

    let db = reopened(folder.path(), 64 << 20).await?;
    write(&db, &["a"]).await?;
    delete(&db, "b").await?;
    delete(&db, "gone").await?;
    let mut watch = db.watch_from::<Reading>(seen)?;
    write(&db, &["later"]).await?;
    assert_eq!(watch.position(), seen, "nothing was told yet");
    let expected = [
        (EventKind::Updated, "a"),
        (EventKind::Deleted, "b"),
        (EventKind::Updated, "c"),
        (EventKind::Deleted, "gone"),
        (EventKind::Inserted, "later"),
    ];
    assert_eq!(told(&mut watch)?, expected.map(|(kind, sensor)| (kind, sensor.to_owned())));
    assert_eq!(told(&mut db.watch_from::<Reading>(watch.position())?)?, []);
    Ok(())
}

#[tokio::test]
async fn what_one_large_session_inserted_is_not_missed() -> Result<()> {
    let db = database().await?;
    let seen = db.watch::<Reading>()?.position();
    let s = db.session();
    let sensors = (0..60_000).map(|number| reading(&format!("{number:0100}"), 0.5));
    s.of::<Reading>().insert_many(sensors).await?;
    s.commit().await?;
    delete(&db, &format!("{:0100}", 7)).await?;
    let events = told(&mut db.watch_from::<Reading>(seen)?)?;
    assert_eq!(events.len(), 60_000);
    assert_eq!(events[7], (EventKind::Deleted, format!("{:0100}", 7)));
    Ok(())
}

#[tokio::test]
async fn a_position_that_the_log_does_not_reach_is_an_error_that_says_so() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let db = reopened(folder.path(), 0).await?;
    write(&db, &["a"]).await?;
    let seen = db.watch::<Reading>()?.position();
    let old = seen - 1;
    db.close().await?;

    let db = reopened(folder.path(), 0).await?;
    // More than a file of the log, which nothing but history would need after the checkpoint.
    for _ in 0..5 {
        let s = db.session();
        let sensors = (0..30_000).map(|number| reading(&format!("{number:0100}"), 0.5));
        for reading in sensors {
            s.of::<Reading>().upsert(reading).await?;
        }
        s.commit().await?;
    }
    db.checkpoint().await?;
    let gone = db.watch_from::<Reading>(old).expect_err("it is gone").to_string();
    assert!(gone.contains("read anew"), "{gone}");
    let newest = db.watch::<Reading>()?.position();
    assert_eq!(told(&mut db.watch_from::<Reading>(newest)?)?, []);
    let future = db.watch_from::<Reading>(newest + 1).expect_err("it was never there");
    assert!(future.to_string().contains("behind the newest"), "{future}");
    Ok(())
}

#[tokio::test]
async fn the_watch_of_a_query_is_told_what_enters_stays_and_leaves() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    for (number, total) in [(1, 1), (2, 2)] {
        s.of::<Order>().insert(Order { number, reference: None, total }).await?;
    }
    s.commit().await?;
    let s = db.session();
    let orders = s.of::<Order>();
    let seen = db.watch::<Order>()?.position();
    let mut watch = orders.by_total().range(2..10).watch()?;
    // What the session has not committed is not told, and what others commit meanwhile is.
    orders.insert(Order { number: 3, reference: None, total: 3 }).await?;
    for (number, total, expected) in [
        (1, 5, Some(EventKind::Inserted)),
        (1, 6, Some(EventKind::Updated)),
        (1, 50, Some(EventKind::Deleted)),
        (1, 51, None),
        (2, 3, Some(EventKind::Updated)),
    ] {
        let s = db.session();
        s.of::<Order>().edit(number).await?.total = total;
        s.commit().await?;
        let event = watch.next_ready()?;
        assert_eq!(event.as_ref().map(|event| event.kind), expected, "{number}: {total}");
        let selected = event.and_then(|event| event.record).map(|record| record.total);
        assert_eq!(selected, (2..10).contains(&total).then_some(total));
    }
    // What was there at the position is not known.
    let mut missed = orders.by_total().range(2..10).watch_from(seen)?;
    let mut kinds = Vec::new();
    while let Some(event) = missed.next_ready()? {
        kinds.push((event.key, event.kind));
    }
    assert_eq!(kinds, [(1, EventKind::Deleted), (2, EventKind::Updated)]);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let orders = || s.of::<Order>().by_total().range(2..10);
    let watches = [orders().limit(1).watch(), orders().skip(1).watch()];
    for refused in watches.into_iter().chain([orders().filter(|_| true).watch()]) {
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }
    Ok(())
}
