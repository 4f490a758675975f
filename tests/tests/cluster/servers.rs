//! Redis servers that die, stop, forget, refuse, disagree or are not there: nobody waits for them for
//! long, and whoever can use them again does so by itself.

use std::net::{Ipv4Addr, TcpListener};

use sop_tests::{
    Outcome,
    crew::{Crew, Post, WORKERS},
    redis::{RedisServer, file},
    tally,
};

use super::{crew, crew_at};

const ALL: [usize; WORKERS] = [0, 1, 2, 3];

/// How often something becomes of a server.
const ROUNDS: u64 = 4;

/// Commits of each worker meanwhile.
const COMMITS: u64 = 10;

/// Disturbs a server, again and again, while workers use it.
fn disturb(seed: u64, mut disturb: impl FnMut(&mut RedisServer, &mut Crew) -> Outcome) -> Outcome {
    let mut server = RedisServer::start()?;
    let mut crew = crew(&server.address(), seed)?;
    for _ in 0..ROUNDS {
        crew.until_health(&ALL, "Healthy")?;
        crew.until_all_commit(1)?;
        disturb(&mut server, &mut crew)?;
    }
    crew.until_health(&ALL, "Healthy")?;
    tally(ROUNDS, "disturbances of a Redis server under load");
    crew.judge().map(drop)
}

#[test]
fn a_killed_server_is_missed_by_nobody_and_used_again_when_it_comes_back_empty() -> Outcome {
    disturb(107, |server, crew| {
        server.kill()?;
        crew.until_health(&ALL, "Open(Unreachable")?;
        crew.until_all_commit(COMMITS)?;
        server.restart()
    })
}

#[test]
fn a_stopped_server_keeps_nobody_waiting_and_is_used_again_when_it_goes_on() -> Outcome {
    disturb(109, |server, crew| {
        server.pause()?;
        crew.until_health(&ALL, "Open(Slow")?;
        crew.until_all_commit(COMMITS)?;
        server.resume()
    })
}

#[test]
fn a_server_that_is_paused_for_its_clients_keeps_nobody_waiting() -> Outcome {
    disturb(113, |server, crew| {
        server.ask::<()>(&["CLIENT", "PAUSE", "1500", "ALL"])?;
        crew.until_health(&ALL, "Open(Slow")?;
        crew.until_all_commit(COMMITS)
    })
}

#[test]
fn a_server_that_is_slow_slows_commits_and_nothing_else() -> Outcome {
    disturb(127, |server, crew| {
        for _ in 0..COMMITS {
            server.ask::<()>(&["CLIENT", "PAUSE", "60", "ALL"])?;
            crew.until_all_commit(1)?;
        }
        Ok(())
    })
}

#[test]
fn a_server_that_is_wiped_under_load_is_used_on() -> Outcome {
    disturb(131, |server, crew| {
        for _ in 0..COMMITS {
            server.flush()?;
            crew.until_all_commit(1)?;
        }
        Ok(())
    })
}

#[test]
fn a_server_that_never_is_there_is_not_needed() -> Outcome {
    // Nobody accepts what comes to a port that is only reserved.
    let reserved = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = reserved.local_addr()?.port();
    drop(reserved);
    let mut crew = crew(&format!("redis://127.0.0.1:{port}"), 137)?;
    crew.until_health(&ALL, "Open(Unreachable")?;
    crew.until_all_commit(ROUNDS * COMMITS)?;
    crew.judge().map(drop)
}

#[test]
fn processes_without_any_server_share_a_folder_as_well() -> Outcome {
    let mut crew = crew("", 139)?;
    crew.until_health(&ALL, "Off")?;
    crew.until_all_commit(ROUNDS * COMMITS)?;
    crew.judge().map(drop)
}

#[test]
fn a_server_that_refuses_the_password_is_reported_and_not_needed() -> Outcome {
    let server = RedisServer::with(&["--requirepass", "right"])?;
    let mut crew = crew(&format!("redis://:wrong@127.0.0.1:{}", server.port()), 149)?;
    crew.until_health(&ALL, "Open(Denied")?;
    crew.until_all_commit(COMMITS)?;
    crew.judge().map(drop)
}

/// As after a failover of which half of the members have not heard.
#[test]
fn processes_that_use_different_servers_commit_as_ever() -> Outcome {
    let servers = [RedisServer::start()?, RedisServer::start()?];
    let post = |worker: usize| Post { redis: servers[worker % 2].address(), ..Post::default() };
    let mut crew = crew_at([post(0), post(1), post(2), post(3)], 151)?;
    crew.until_health(&ALL, "Healthy")?;
    crew.until_all_commit(ROUNDS * COMMITS)?;
    crew.judge().map(drop)
}

#[test]
fn a_failover_to_another_server_is_followed_by_everybody() -> Outcome {
    let mut first = RedisServer::start()?;
    let second = RedisServer::with(&["--replicaof", "127.0.0.1", &first.port().to_string()])?;
    let watch = format!("sentinel monitor main 127.0.0.1 {} 1\n", first.port());
    let sentinel = RedisServer::prepared(|folder, port| {
        let settings = file(folder, "sentinel.conf", &format!("port {port}\n{watch}"))?;
        Ok(vec![settings, "--sentinel".to_owned()])
    })?;
    let address = format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port());
    let mut crew = crew(&address, 157)?;
    crew.until_health(&ALL, "Healthy")?;
    crew.until("the replica is appointed", |_| {
        sentinel.ask::<()>(&["SENTINEL", "FAILOVER", "main"]).is_ok()
    })?;
    crew.until("it is the one", |_| {
        second.ask::<String>(&["INFO", "replication"]).is_ok_and(|it| it.contains("role:master"))
    })?;
    // Who is still connected to it has to look for the other one.
    first.kill()?;
    crew.until_all_commit(COMMITS)?;
    crew.until_health(&ALL, "Healthy")?;
    crew.until_all_commit(COMMITS)?;
    crew.judge().map(drop)
}
