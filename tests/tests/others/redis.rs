//! Redis behind an outbox.

use sop_core::{Database, Outbox};
use sop_examples::adapters::redis::Redis;
use sop_tests::{Outcome, redis::RedisServer};

fn receiver(server: &RedisServer) -> Outcome<Redis> {
    Ok(Redis::new(redis::Client::open(server.address())?))
}

fn counter(server: &RedisServer) -> Outcome<Option<i64>> {
    server.ask(&["GET", "orders"])
}

#[tokio::test]
async fn what_was_committed_arrives_once_however_often_it_is_delivered() -> Outcome {
    let server = RedisServer::start()?;
    let redis = receiver(&server)?;
    let folder = tempfile::tempdir()?;
    let outbox = Outbox::new("redis")?;
    let db = Database::open(folder.path().join("db"))?;
    for number in 1..=10 {
        let tx = db.begin()?;
        outbox.send(&tx, Redis::adding("orders", number))?;
        // Every other one is given up.
        if number % 2 == 0 {
            tx.commit()?;
        }
    }
    // It is delivered, and the process ends before it has noted that.
    let kept = db.snapshot()?;
    let relayed = outbox.relay(&db, &redis).await?;
    assert_eq!((relayed.delivered, relayed.failed), (5, 0));
    assert_eq!(counter(&server)?, Some(2 + 4 + 6 + 8 + 10));
    for entry in kept.store("outbox/redis")?.iter()? {
        let (key, payload) = entry?;
        let tx = db.begin()?;
        tx.store("outbox/redis")?.add(&key, &payload)?;
        tx.commit()?;
    }
    drop(db);
    let db = Database::open(folder.path().join("db"))?;
    assert_eq!(outbox.relay(&db, &redis).await?.delivered, 5);
    assert_eq!(counter(&server)?, Some(30), "it was known");
    assert_eq!(outbox.waiting(&db)?, 0);
    Ok(())
}

#[tokio::test]
async fn while_there_is_no_server_messages_wait() -> Outcome {
    let mut server = RedisServer::start()?;
    let redis = receiver(&server)?;
    let db = Database::builder().in_memory()?;
    let outbox = Outbox::new("redis")?;
    let tx = db.begin()?;
    outbox.send(&tx, Redis::adding("orders", 1))?;
    outbox.send(&tx, "gibberish")?;
    tx.commit()?;
    server.kill()?;
    assert_eq!(outbox.relay(&db, &redis).await?.failed, 2);
    server.restart()?;
    let relayed = outbox.relay(&db, &redis).await?;
    assert_eq!((relayed.delivered, relayed.failed), (1, 1));
    assert_eq!(counter(&server)?, Some(1));
    let error = &relayed.reasons[0].1;
    assert!(error.contains("unknown message"), "{error}");
    Ok(())
}
