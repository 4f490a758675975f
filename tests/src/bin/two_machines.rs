//! Has a crew on two machines share a folder, and disturbs it; the part of `tests/nfs.sh` that runs
//! where the server is.
//!
//! Takes the folder as each of the two machines sees it; the address of a Redis server, or nothing;
//! a seed; how many processes to kill until all is judged, or 0 to go on until the power is cut; how
//! many have died before; and how many rows each writer had then, if anybody had any. Prints how many
//! rows were acknowledged, again and again, and whatever it does.

use std::{
    array, env,
    io::{self, Write},
    process::Command,
};

use sop_tests::{
    Outcome,
    crew::{Crew, Past, Post, Summary, WRITERS},
};

/// Most commits of a process that are waited for before it is killed.
const COMMITS_MAX: u64 = 20;

/// The server is stopped once for so many killed processes.
const KILLS_PER_STOP: u64 = 4;

fn main() -> Outcome {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("an argument is missing");
    let folders = [next()?, next()?];
    let redis = next()?;
    let (seed, kills): (u64, u64) = (next()?.parse()?, next()?.parse()?);
    let deaths = next()?.parse()?;
    let rows = arguments.map(|rows| rows.parse()).collect::<Result<Vec<u64>, _>>()?;
    let rows = if rows.is_empty() { vec![0; WRITERS] } else { rows };
    let rows = rows.try_into().map_err(|_| "a number is missing")?;

    let posts = array::from_fn(|worker| Post {
        folder: folders[worker % folders.len()].clone().into(),
        redis: redis.clone(),
        ..Post::default()
    });
    let worker = env::current_exe()?.with_file_name("worker");
    let mut crew = Crew::go_on(&worker, posts, &Past { rows, deaths }, seed)?;
    say_rows(&crew)?;
    for killed in 1.. {
        kill_one(&mut crew)?;
        if killed % KILLS_PER_STOP == 2 {
            stop_server(&mut crew)?;
        }
        if killed == kills {
            break;
        }
    }
    let Summary { rows, transactions, audits, excuses } = crew.judge()?;
    say(&format!(
        "judged {rows} rows, {transactions} transactions on lists, {audits} sums over accounts, \
         {excuses} reads or commits that were done once more;"
    ))
}

/// Kills a process in the middle of its work, and starts it again.
fn kill_one(crew: &mut Crew) -> Outcome {
    let victim = crew.any();
    for _ in 0..crew.random.u64(..COMMITS_MAX) {
        crew.until_commits(victim, 1)?;
        say_rows(crew)?;
    }
    crew.spin();
    crew.kill(victim)?;
    say("killed")?;
    crew.until_all_commit(1)?;
    crew.start_again(victim)?;
    crew.until_all_commit(1)?;
    say_rows(crew)
}

/// Stops the server while everybody commits, by which it forgets all but its files, and starts it
/// again.
fn stop_server(crew: &mut Crew) -> Outcome {
    let any = crew.any();
    crew.until_commits(any, 1)?;
    crew.spin();
    for threads in ["0", "4"] {
        let status = Command::new("rpc.nfsd").arg(threads).status()?;
        if !status.success() {
            return Err("the server does not obey".into());
        }
    }
    say("server is back")?;
    crew.until_all_commit(1)
}

fn say_rows(crew: &Crew) -> Outcome {
    let rows = crew.rows().map(|rows| rows.to_string());
    say(&format!("acknowledged {};", rows.join(",")))
}

fn say(line: &str) -> Outcome {
    Ok(writeln!(io::stdout(), "{line}")?)
}
