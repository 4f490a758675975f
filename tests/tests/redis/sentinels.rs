//! Members find the server by way of sentinels, and another one when these have appointed it.

use sop_core::{Health, Trouble, Turn};
use sop_tests::{
    Outcome,
    redis::{Member, RedisServer, coordination, file},
};

/// A sentinel that watches a server, under the name `main`.
fn sentinel(server: &RedisServer) -> Outcome<RedisServer> {
    let watch = format!("sentinel monitor main 127.0.0.1 {} 1\n", server.port());
    RedisServer::prepared(|folder, port| {
        let settings = file(folder, "sentinel.conf", &format!("port {port}\n{watch}"))?;
        Ok(vec![settings, "--sentinel".to_owned()])
    })
}

#[test]
fn the_server_that_sentinels_appoint_is_used() -> Outcome {
    let first = RedisServer::start()?;
    let second = RedisServer::with(&["--replicaof", "127.0.0.1", &first.port().to_string()])?;
    let sentinel = sentinel(&first)?;
    // The first one named is not there.
    let by =
        coordination(&format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main", sentinel.port()))?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    let is_heard = |position| {
        author.announce(position, None);
        reader.newest() >= Some(position)
    };
    author.until("the other one heard", |_| is_heard(1));
    author.until("the replica is known, and appointed", |_| {
        sentinel.ask::<()>(&["SENTINEL", "FAILOVER", "main"]).is_ok()
    });
    author.until("the other server is the one", |_| {
        second.ask::<String>(&["INFO", "replication"]).is_ok_and(|it| it.contains("role:master"))
    });
    author.until("the other one heard", |_| is_heard(2));
    author.until("it has a turn", |it| it.turn() == Turn::Mine);
    Ok(())
}

#[test]
fn a_service_that_no_sentinel_knows_is_said() -> Outcome {
    let server = RedisServer::start()?;
    let sentinel = sentinel(&server)?;
    let by = coordination(&format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port()))?;
    let member = Member::join(&by);
    member.until("it is said", |it| match it.health() {
        Health::Open(Trouble::Unusable(reason)) => reason.contains("does not know the service"),
        _ => false,
    });
    Ok(())
}
