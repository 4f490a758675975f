//! All runs, each in a process of its own, and the table of what came of them.

use std::{
    env,
    io::{self, Read, Write},
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use sop_core::guard::Guard;
use sop_tests::{Outcome, tally};

use crate::{
    child::{NONE, NOTICED, PIECE},
    lanes::{self, Lane},
    plan,
};

/// Who needs longer hangs. The slowest lane needs two minutes with all guards.
const DEADLINE: Duration = Duration::from_secs(600);

/// How much of what a lane said is shown, in characters.
const WORDS_MAX: usize = 90;

/// A lane, and the guard that is missing, if one is.
#[derive(Clone, Copy)]
struct Run {
    lane: &'static Lane,
    missing: Option<Guard>,
}

/// What came of a run.
struct Found {
    /// How many pieces were searched.
    pieces: u64,
    end: End,
}

enum End {
    Passed,
    Noticed(String),
    Crashed,
    Hung,
}

/// Makes all runs and prints the table. Fails if a guard is not missed, or a lane fails without
/// reason.
pub(crate) fn run() -> Outcome<ExitCode> {
    let controls = lanes::ALL.iter().map(|lane| Run { lane, missing: None });
    let without = |guard: &Guard| {
        let missing = Some(*guard);
        plan::catchers(*guard).iter().map(move |lane| Run { lane, missing })
    };
    let mutants = Guard::ALL.iter().flat_map(without);
    let runs: Vec<Run> = controls.chain(mutants).collect();
    // A lane that nobody can find ends like one that crashed.
    let is_listed = |run: &&Run| lanes::ALL.iter().any(|lane| lane.name == run.lane.name);
    if let Some(run) = runs.iter().find(|run| !is_listed(run)) {
        return Err(format!("lane {:?} is not in the list of all lanes", run.lane.name).into());
    }
    let found = all(&runs)?;
    let mut out = io::stdout().lock();
    for (run, found) in runs.iter().zip(&found) {
        writeln!(out, "{}", line(*run, found))?;
    }
    let is_right =
        |(run, found): &(&Run, &Found)| run.missing.is_some() != matches!(found.end, End::Passed);
    let wrong: Vec<_> = runs.iter().zip(&found).filter(|pair| !is_right(pair)).collect();
    let is_missed = |guard: &&Guard| !wrong.iter().any(|(run, _)| run.missing == Some(**guard));
    let caught = Guard::ALL.iter().filter(is_missed).count();
    for (run, found) in &wrong {
        writeln!(out, "\nwrong: {}", line(**run, found))?;
    }
    writeln!(out, "\n{caught} of {} mutants caught", Guard::ALL.len())?;
    tally(caught as u64, "mutants caught");
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(Run { lane, missing }: Run, Found { pieces, end }: &Found) -> String {
    let words: String = match end {
        End::Noticed(fault) => fault.chars().take(WORDS_MAX).collect(),
        End::Passed | End::Crashed | End::Hung => String::new(),
    };
    let guard = missing.map_or_else(|| "(all stand)".to_owned(), |guard| format!("{guard:?}"));
    let end = match end {
        End::Passed if missing.is_some() => "NOT CAUGHT",
        End::Passed => "passed",
        End::Noticed(_) if missing.is_none() => "FAILED",
        End::Noticed(_) => "caught",
        End::Hung if missing.is_none() => "TOO SLOW",
        End::Crashed if missing.is_none() => "CRASHED",
        End::Crashed => "caught: crash",
        End::Hung => "caught: hang",
    };
    let of = format!("{pieces} of {} {}", lane.budget, lane.piece);
    format!("{guard:17} {end:14} {:38} {of:42} {words}", lane.name)
}

/// As many at a time as the machine has processors.
fn all(runs: &[Run]) -> Outcome<Vec<Found>> {
    let next = AtomicUsize::new(0);
    let work = |worker| {
        let mut done = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(run) = runs.get(at)
        {
            done.push((at, one(*run, worker)?));
        }
        Ok(done)
    };
    let workers = thread::available_parallelism()?.get();
    let done: Outcome<Vec<_>> = thread::scope(|scope| {
        let spawned: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        spawned.into_iter().map(|thread| thread.join().map_err(|_| "a worker panicked")?).collect()
    });
    let mut done: Vec<_> = done?.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, found)| found).collect())
}

fn one(Run { lane, missing }: Run, worker: usize) -> Outcome<Found> {
    let missing = missing.map_or_else(|| NONE.to_owned(), |guard| format!("{guard:?}"));
    // What a mutant panics with is what is searched for, not worth a trace.
    let errors = if missing == NONE { Stdio::inherit() } else { Stdio::null() };
    let mut child = Command::new(env::current_exe()?)
        .args([lane.name, &missing, &worker.to_string()])
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()?;
    let output = child.stdout.take().ok_or("the output is not ours")?;
    let (text, in_time) = read_in_time(&mut child, output)?;
    let status = child.wait()?;
    let pieces = text.lines().filter(|line| line.starts_with(PIECE)).count() as u64;
    let noticed = text.lines().find_map(|line| line.strip_prefix(NOTICED));
    let end = match noticed {
        _ if !in_time => End::Hung,
        Some(fault) => End::Noticed(fault.to_owned()),
        None if status.success() => End::Passed,
        None => End::Crashed,
    };
    Ok(Found { pieces, end })
}

/// What the child says until it ends. If it does not end, it is killed; whether it did.
fn read_in_time(child: &mut Child, mut output: ChildStdout) -> Outcome<(String, bool)> {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let reader = scope.spawn(move || {
            let mut text = String::new();
            let read = output.read_to_string(&mut text).map(|_| text);
            // Nobody listens any more if the deadline has passed.
            _ = sender.send(());
            read
        });
        let in_time = receiver.recv_timeout(DEADLINE).is_ok();
        if !in_time {
            child.kill()?;
        }
        let text = reader.join().map_err(|_| "the reader panicked")??;
        Ok((text, in_time))
    })
}
