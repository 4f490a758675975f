//! One process among those that share a folder: its sessions, and what it says of them.

use super::work::{Keys, Session};
use crate::{
    Result,
    measure::{Latencies, Stopwatch, as_f64, now},
    probe::sync,
    report,
};
use serde::{Deserialize, Serialize};
use sop_core::{Database, Mode, Options, RedisCoordination, Stats};
use std::{
    io::{self, BufRead as _},
    ops::AddAssign,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What a process is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) folder: PathBuf,
    /// The address of a server, if there is to be one.
    pub(super) redis: Option<String>,
    pub(super) keys: Keys,
    /// Which of the processes it is, from 0.
    pub(super) number: u16,
    pub(super) sessions: u16,
    pub(super) bytes: u32,
    pub(super) cache: u64,
    pub(super) warm_up: Duration,
    /// What is measured is so long, so often.
    pub(super) step: Duration,
    pub(super) steps: u32,
    /// How much longer each sync takes.
    pub(super) sync_delay: Duration,
}

/// What a process has done, while it was measured unless it says otherwise.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// Commits in each step.
    pub(super) steps: Vec<u64>,
    pub(super) latencies: Vec<(u64, u64)>,
    pub(super) counts: Counts,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) syncs: u64,
    /// All commits of each session, from when it began.
    pub(super) end: Vec<u64>,
}

/// What the engine has counted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) commits: u64,
    pub(super) conflicts: u64,
    pub(super) slots: u64,
    pub(super) bytes: u64,
    pub(super) lost_links: u64,
    /// Transactions that waited whenever a slot was won, those in it included.
    pub(super) waiting: u64,
}

impl Counts {
    fn between(before: &Stats, after: &Stats) -> Self {
        Self {
            commits: after.commits - before.commits,
            conflicts: after.conflicts - before.conflicts,
            slots: after.batches - before.batches,
            bytes: after.log_bytes_written - before.log_bytes_written,
            lost_links: after.lost_links - before.lost_links,
            waiting: after.waiting_commits - before.waiting_commits,
        }
    }

    /// The share of one slot in something that was counted for all of them.
    pub(super) fn per_slot(&self, count: u64) -> f64 {
        as_f64(count) / as_f64(self.slots.max(1))
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.commits += other.commits;
        self.conflicts += other.conflicts;
        self.slots += other.slots;
        self.bytes += other.bytes;
        self.lost_links += other.lost_links;
        self.waiting += other.waiting;
    }
}

/// What a process does that was started for it.
pub(crate) fn serve(assignment: &str) -> Result<()> {
    let assignment: Assignment = serde_json::from_str(assignment)?;
    sync::set_delay(assignment.sync_delay);
    let mut builder = Database::builder()
        .options(Options::default().mode(Mode::Shared).cache_bytes(assignment.cache));
    if let Some(address) = &assignment.redis {
        builder = builder.coordination(Arc::new(RedisCoordination::new(address)?));
    }
    let database = builder.open(&assignment.folder)?;
    let sessions = Session::all(&database, &assignment)?;
    report::say("ready")?;
    io::stdin().lock().read_line(&mut String::new())?;
    let report = measure(&database, sessions, &assignment)?;
    database.close()?;
    report::say(&serde_json::to_string(&report)?)
}

/// What the sessions of a process share.
#[derive(Debug, Default)]
struct Shared {
    commits: AtomicU64,
    is_over: AtomicBool,
}

fn measure(
    database: &Database,
    sessions: Vec<Session<'_>>,
    assignment: &Assignment,
) -> Result<Report> {
    let (shared, begin) = (&Shared::default(), now() + assignment.warm_up);
    let end = begin + assignment.step * assignment.steps;
    thread::scope(|scope| {
        let sessions: Vec<_> = sessions
            .into_iter()
            .map(|session| scope.spawn(move || run(session, shared, (begin, end))))
            .collect();
        sleep_until(begin);
        let (stopwatch, before) = (Stopwatch::start(), database.stats());
        let steps = count_steps(shared, begin, assignment);
        let counts = Counts::between(&before, &database.stats());
        let cost = stopwatch.stop(steps.iter().sum());
        shared.is_over.store(true, Ordering::Relaxed);
        let (mut latencies, mut end) = (Latencies::new()?, Vec::new());
        for session in sessions {
            let (of_one, commits) = session.join().map_err(|_| "a session panicked")??;
            latencies.merge(&of_one)?;
            end.push(commits);
        }
        let latencies = latencies.recorded();
        let (wall, cpu, syncs) = (cost.wall, cost.cpu, cost.syncs);
        Ok(Report { steps, latencies, counts, wall, cpu, syncs, end })
    })
}

/// Commits until it is over; how long those took that began and ended while it was measured, and how
/// many there were in all.
fn run(
    mut session: Session<'_>,
    shared: &Shared,
    (begin, end): (Duration, Duration),
) -> Result<(Latencies, u64)> {
    let mut latencies = Latencies::new()?;
    let mut begun = now();
    while !shared.is_over.load(Ordering::Relaxed) {
        session.commit()?;
        shared.commits.fetch_add(1, Ordering::Relaxed);
        let ended = now();
        if begun >= begin && ended <= end {
            latencies.add(ended.saturating_sub(begun))?;
        }
        begun = ended;
    }
    Ok((latencies, session.commits()))
}

fn count_steps(shared: &Shared, begin: Duration, assignment: &Assignment) -> Vec<u64> {
    let mut before = shared.commits.load(Ordering::Relaxed);
    let step = |step| {
        sleep_until(begin + assignment.step * step);
        let commits = shared.commits.load(Ordering::Relaxed);
        commits - std::mem::replace(&mut before, commits)
    };
    (1..=assignment.steps).map(step).collect()
}

#[expect(clippy::disallowed_methods, reason = "a measurement takes the time that it is given")]
fn sleep_until(moment: Duration) {
    thread::sleep(moment.saturating_sub(now()));
}
