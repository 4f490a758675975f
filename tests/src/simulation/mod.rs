//! Many sessions in one thread, from one seed.
//!
//! A run draws from the seed what kind of run it is, and then one step after another: somebody of
//! the cast does something; time passes; the database's background work is done; a disk is told to
//! fail; a database is closed, its process ends, or the power goes, and the next life begins with
//! what is left. Inside checkpoints, while they write, others go on. What everybody saw and was told
//! is judged at the end of every life.
//!
//! Nothing in a run depends on anything but the seed: the database has no threads
//! (`Background::Manual`), time is a number, the disk is memory. So equal seeds give equal runs,
//! down to every byte on the disk, which the [digest](Summary::digest) says.
//!
//! [`run`] has a cast of the engine's transactions, [`typed::run`] one of typed sessions. [`cluster::run`]
//! has whole clusters of processes over one server.

pub mod cluster;
mod disk;
mod ending;
mod engine;
mod flight;
mod mirror;
mod node;
mod surroundings;
mod trace;
mod transactions;
pub mod typed;
mod world;

use std::{
    any::Any,
    env, fmt,
    num::NonZero,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use parking_lot::Mutex;

pub use self::engine::run;
pub(crate) use self::node::StepClock;
use self::trace::Trace;
use crate::processors;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Differs if anything in the run did: what was done, what came of it, every call of the disk,
    /// and all bytes on it at the end.
    pub digest: u64,
    /// Transactions that changed something, were committed, and were found right.
    pub commits: u64,
    /// Records that typed sessions merged with what others had committed.
    pub merges: u64,
    /// Refused transactions for which there was a reason.
    pub conflicts: u64,
    /// Other transactions and snapshots that saw what they had to.
    pub readers: u64,
    /// How often the database was opened.
    pub lives: u64,
    /// How often the power went.
    pub power_cuts: u64,
    /// Calls of the disk that failed.
    pub faults: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// How often harm was done to one of two mirrored folders.
    pub harmed: u64,
    /// Steps that were taken inside a checkpoint.
    pub interleaved: u64,
    /// Commits of which it was not known whether they took effect.
    pub unknown: u64,
    /// What else happened in runs of clusters.
    pub counts: cluster::Counts,
}

/// Makes the runs of the first seeds, on as many processors as there are. If `SOP_TEST_SEED` names
/// one, it is the only one, and there is no sum to be looked at.
///
/// # Errors
/// If a run shows a fault.
pub fn sum_of(
    seeds: u64,
    run: impl Fn(u64) -> Result<Summary, Failure> + Sync,
) -> Result<Option<Summary>, Failure> {
    if let Some(seed) = env::var("SOP_TEST_SEED").ok().and_then(|text| text.parse().ok()) {
        return run(seed).map(|_| None);
    }
    let (sum, mut failures) = runs_of(0..seeds, 1, run);
    if failures.is_empty() { Ok(Some(sum)) } else { Err(failures.swap_remove(0)) }
}

/// Makes the runs of some seeds, on as many processors as there are, until so many have failed. Gives
/// the sum of those that have not, and those that have, in the order of their seeds. Each run is in
/// a thread of its own, and the same as ever.
pub fn runs_of(
    seeds: Range<u64>,
    failures_max: usize,
    run: impl Fn(u64) -> Result<Summary, Failure> + Sync,
) -> (Summary, Vec<Failure>) {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new((Summary::default(), Vec::new()));
    let work = |worker| {
        processors::stay_on_one(worker);
        while let seed = next.fetch_add(1, Ordering::Relaxed)
            && seed < seeds.end
            && found.lock().1.len() < failures_max
        {
            let outcome = run(seed);
            let mut found = found.lock();
            match outcome {
                Ok(summary) => found.0 = found.0.and(summary),
                Err(failure) => found.1.push(failure),
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        (0..workers).for_each(|worker| drop(scope.spawn(move || work(worker))));
    });
    let (sum, mut failures) = found.into_inner();
    failures.sort_by_key(|failure| failure.seed);
    (sum, failures)
}

impl Summary {
    /// Both together, with the digest of the later one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            digest: other.digest,
            commits: self.commits + other.commits,
            merges: self.merges + other.merges,
            conflicts: self.conflicts + other.conflicts,
            readers: self.readers + other.readers,
            lives: self.lives + other.lives,
            power_cuts: self.power_cuts + other.power_cuts,
            faults: self.faults + other.faults,
            checkpoints: self.checkpoints + other.checkpoints,
            harmed: self.harmed + other.harmed,
            interleaved: self.interleaved + other.interleaved,
            unknown: self.unknown + other.unknown,
            counts: self.counts.and(other.counts),
        }
    }
}

/// A run that showed a fault.
pub struct Failure {
    /// The tests, by the beginning of their name.
    pub test: &'static str,
    /// The seed that shows it again.
    pub seed: u64,
    /// What is wrong, in words.
    pub reason: String,
    /// The last lines of what happened.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        let Self { test, seed, reason, .. } = self;
        writeln!(f, "seed {seed}: {reason}")?;
        write!(f, "SOP_TEST_SEED={seed} cargo test -p sop-tests --test it {test}")
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Failure {}

/// Makes the run of a seed, and a failure of what goes wrong with it, which the named test shows
/// again.
fn attempt(
    test: &'static str,
    seed: u64,
    run: impl FnOnce(Arc<Trace>) -> world::Outcome<Summary>,
) -> Result<Summary, Failure> {
    let trace = Arc::new(Trace::default());
    let outcome = catch_unwind(AssertUnwindSafe(|| run(Arc::clone(&trace))));
    let outcome = outcome.unwrap_or_else(|panic| Err(words(&*panic)));
    outcome.map_err(|reason| Failure { test, seed, reason, trace: trace.last() })
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a panic: {}", text.unwrap_or("without words"))
}
