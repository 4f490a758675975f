//! Processes that are stopped for longer than anybody remembers what they know.

use sop_tests::{
    Outcome,
    crew::{Post, WORKERS},
    effort,
    redis::RedisServer,
    tally,
};

use super::{crew, crew_at};

/// How many are stopped until the log has gone past them.
const ZOMBIES: u64 = 24;

/// Whose turn it is, as `docs/format.md` has it; nobody's if it has lapsed.
fn turn(server: &RedisServer) -> Outcome<Option<Vec<u8>>> {
    let keys: Vec<String> = server.ask(&["KEYS", "sop:*:turn"])?;
    keys.first().map_or(Ok(None), |key| server.ask(&["GET", key]))
}

#[test]
fn who_is_stopped_until_the_log_is_gone_overwrites_nothing_and_goes_on() -> Outcome {
    let server = RedisServer::start()?;
    let mut crew = crew(&server.address(), 103)?;
    let zombies = ZOMBIES * effort();
    let mut stopped = 0;
    while stopped < zombies {
        let first = crew.any();
        let commits = crew.random.u64(..4);
        crew.until_commits(first, commits)?;
        crew.spin();
        // Sometimes two at once.
        let second = crew.random.bool().then_some((first + 1) % WORKERS);
        let asleep: Vec<_> = [first].into_iter().chain(second).collect();
        for zombie in &asleep {
            let newest = crew.stop(*zombie)?;
            let held = turn(&server)?;
            crew.until("the log is gone that it knows", |_| !newest.exists())?;
            crew.until("no turn lasts that it may have had", |_| {
                turn(&server).is_ok_and(|now| now.is_none() || now != held)
            })?;
            stopped += 1;
        }
        for zombie in &asleep {
            crew.resume(*zombie)?;
        }
        crew.until_all_commit(1)?;
    }
    crew.judge()?;
    tally(stopped, "processes woken after the log had gone past them");
    Ok(())
}

/// How many are stopped until the others take them for dead.
const TAKEN_FOR_DEAD: u64 = 5;

/// What is warned of by whoever takes another for dead, and by that one when it finds out.
const EXPELLED: &str = "a member is silent";
const BACK: &str = "it joins anew";

#[test]
fn who_was_taken_for_dead_loses_nothing_and_is_back_by_itself() -> Outcome {
    // The patience of twenty seconds is one of theirs.
    let post = Post { haste: 20, ..Post::default() };
    let mut crew = crew_at([(); WORKERS].map(|()| post.clone()), 173)?;
    let zombies = TAKEN_FOR_DEAD * effort();
    for _ in 0..zombies {
        let zombie = crew.any();
        let commits = crew.random.u64(..4);
        crew.until_commits(zombie, commits)?;
        crew.spin();
        let (expelled, back) = (crew.warnings(None, EXPELLED), crew.warnings(Some(zombie), BACK));
        crew.stop(zombie)?;
        crew.until("it is expelled", |crew| crew.warnings(None, EXPELLED) > expelled)?;
        crew.until_all_commit(1)?;
        crew.resume(zombie)?;
        crew.until("it is back", |crew| crew.warnings(Some(zombie), BACK) > back)?;
        crew.until_all_commit(2)?;
    }
    crew.judge()?;
    tally(zombies, "processes woken after they were taken for dead");
    Ok(())
}
