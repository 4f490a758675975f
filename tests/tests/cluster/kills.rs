//! Processes that die lose nothing that was acknowledged, and nobody else notices.

use sop_tests::{Outcome, crew::WORKERS, effort, redis::RedisServer, tally};

use super::crew;

/// How many are killed.
const KILLS: usize = 56;

/// Most commits that are waited for before one is killed.
const COMMITS_MAX: u64 = 12;

#[test]
fn what_killed_processes_were_told_is_there_once_and_the_others_go_on() -> Outcome {
    let server = RedisServer::start()?;
    let mut crew = crew(&server.address(), 101)?;
    let kills = KILLS * usize::try_from(effort())?;
    let (mut killed, mut in_opening) = (0, 0);
    while killed < kills {
        // Mostly one, sometimes all of them at once.
        let first = crew.any();
        let victims = if crew.random.u8(..4) == 0 { crew.random.usize(2..=WORKERS) } else { 1 };
        let victims: Vec<_> = (0..victims).map(|next| (first + next) % WORKERS).collect();
        let commits = crew.random.u64(..COMMITS_MAX);
        crew.until_commits(first, commits)?;
        for victim in &victims {
            crew.spin();
            crew.kill(*victim)?;
            killed += 1;
        }
        crew.until_all_commit(2)?;
        for victim in victims {
            crew.start_again(victim)?;
            if crew.random.u8(..4) == 0 {
                crew.spin();
                crew.kill(victim)?;
                crew.start_again(victim)?;
                in_opening += 1;
            }
        }
        crew.until_all_commit(1)?;
    }
    assert!(in_opening > 0, "none was killed while it opened the folder");
    crew.judge()?;
    tally(killed as u64, "processes killed that shared a folder");
    tally(in_opening, "processes killed while they opened a shared folder");
    Ok(())
}
