//! Running something under many schedules, or under one again.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler},
};

#[path = "../../../tests/src/tally.rs"]
#[expect(unreachable_pub, reason = "elsewhere it is a module of a library")]
mod tally;

/// The variable that replaces all schedules by one, which a failure has printed.
const SCHEDULE: &str = "SOP_SHUTTLE_SCHEDULE";

/// The variable that replaces the seed.
const SEED: &str = "SOP_TEST_SEED";

/// How often a schedule of the second kind makes the task that goes first go last.
const CHANGES: usize = 3;

/// Runs `work` under so many schedules: half of them choose a task at random at every step, half
/// let one task go on until few random steps at which another one goes first. The latter are
/// better at long delays, the former at short ones.
pub(crate) fn explore(schedules: usize, work: fn()) {
    if let Ok(schedule) = env::var(SCHEDULE) {
        // It is printed in several lines.
        let schedule: String = schedule.split_whitespace().collect();
        run(ReplayScheduler::new_from_encoded(&schedule), work);
        return;
    }
    let effort = usize::try_from(tally::effort()).expect("an effort that fits");
    let each = schedules.div_ceil(2) * effort;
    let seed = env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    #[expect(clippy::print_stderr, reason = "whoever reads of a failure repeats it by this")]
    {
        eprintln!("to repeat this search: {SEED}={seed}");
        eprintln!("to repeat a failure: {SCHEDULE}=.., with the failing schedule printed below");
    }
    let explored = run(RandomScheduler::new_from_seed(seed, each), work)
        + run(PctScheduler::new_from_seed(seed, CHANGES, each), work);
    tally::tally(explored as u64, "schedules explored");
}

fn run(scheduler: impl Scheduler + 'static, work: fn()) -> usize {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.silence_warnings = true;
    let begun = Begun::default();
    let counted = Arc::clone(&begun.0);
    Runner::new(scheduler, config).run(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        work();
    })
}

/// How many schedules were begun, for whoever wants to know how rare a failure is.
#[derive(Default)]
struct Begun(Arc<AtomicUsize>);

impl Drop for Begun {
    #[expect(clippy::print_stderr, reason = "it belongs to the report of a failure")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("this was schedule {} of its kind", self.0.load(Ordering::Relaxed));
        }
    }
}
