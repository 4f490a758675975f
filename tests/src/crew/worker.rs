//! A worker: one of several processes that commit to the same folder.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    panic,
    path::PathBuf,
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rustix::process::{Signal, set_parent_process_death_signal};
use sop_core::Database;

use super::{THREADS, events, folder, shift::Shift, words::Word};
use crate::{Outcome, contents, history::Lists};

/// What a worker is told when it is started, as arguments in this order.
#[derive(Clone, Debug)]
pub struct Orders {
    /// The folder.
    pub folder: PathBuf,
    /// The address of a Redis server; none if it is empty.
    pub redis: String,
    /// How many times as fast as others its clock goes.
    pub haste: u32,
    /// Which of the workers it is.
    pub worker: usize,
    /// How many workers were started before.
    pub life: usize,
    /// The oldest group of lists that is in use.
    pub group: u64,
    /// Where its random choices come from.
    pub seed: u64,
}

impl Orders {
    /// The same as arguments.
    pub fn arguments(&self) -> [String; 7] {
        let Self { folder, redis, haste, worker, life, group, seed } = self;
        [
            folder.display().to_string(),
            redis.clone(),
            haste.to_string(),
            worker.to_string(),
            life.to_string(),
            group.to_string(),
            seed.to_string(),
        ]
    }

    /// From arguments.
    ///
    /// # Errors
    /// If one is missing or wrong.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut next = || arguments.next().ok_or("an argument is missing");
        Ok(Self {
            folder: next()?.into(),
            redis: next()?,
            haste: next()?.parse()?,
            worker: next()?.parse()?,
            life: next()?.parse()?,
            group: next()?.parse()?,
            seed: next()?.parse()?,
        })
    }
}

/// Works until told to rest by a line of the input, `rest`; then answers `digest`, and ends with
/// `close`. `health` is answered at any time. At the end of the input it ends without closing.
///
/// # Errors
/// If the database fails, or nobody listens any longer.
///
/// # Panics
/// If money or isolation is lost. The process is aborted then.
pub fn work(orders: &Orders) -> Outcome {
    // Nothing of a test outlives it, not even what is stopped.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    abort_on_panic();
    events::tell()?;
    let db = folder::open_hasty(&orders.folder, &orders.redis, orders.haste)?;
    say(&Word::Open)?;
    let mut lines = io::stdin().lines();
    if !work_until_told(orders, &db, &mut lines)? {
        return Ok(());
    }
    say(&Word::Resting)?;
    for line in lines {
        match line?.as_str() {
            "digest" => say(&Word::Digest(digest(&db)?))?,
            "health" => say_health(&db)?,
            "close" => return Ok(db.close()?),
            other => return Err(format!("nobody told me what {other:?} is").into()),
        }
    }
    Ok(())
}

/// Whether it was told to rest.
fn work_until_told(
    orders: &Orders,
    db: &Database,
    lines: &mut impl Iterator<Item = io::Result<String>>,
) -> Outcome<bool> {
    let first_process = orders.life * THREADS;
    // Far more elements than a process ever appends.
    let lists = Lists::new(orders.group, (first_process as u64) << 24);
    let rest = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let seed = orders.seed.wrapping_add(thread as u64);
            let writer = orders.worker * THREADS + thread;
            let (lists, rest) = (&lists, &rest);
            scope.spawn(move || {
                let mut shift = Shift::new(db, lists, (writer, first_process + thread), seed);
                shift.work(rest).expect("a worker does not fail");
            });
        }
        let mut told = None;
        while told.is_none() {
            match lines.next().transpose()?.as_deref() {
                Some("health") => say_health(db)?,
                other => told = Some(other.is_some()),
            }
        }
        rest.store(true, Ordering::SeqCst);
        Ok(told == Some(true))
    })
}

/// What is wrong must be seen at once, not when all threads are asked.
fn abort_on_panic() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        process::abort();
    }));
}

/// A number that two processes have in common only if they have everything in common.
fn digest(db: &Database) -> Outcome<u64> {
    db.follow()?;
    let mut hasher = DefaultHasher::new();
    contents(&db.snapshot()?)?.hash(&mut hasher);
    Ok(hasher.finish())
}

fn say_health(db: &Database) -> Outcome {
    Ok(say(&Word::Health(format!("{:?}", db.coordination()?)))?)
}

/// Nobody listens any longer once the parent is gone, and this process ends.
pub(super) fn say(word: &Word) -> io::Result<()> {
    // One write for a line, so that those of several threads do not mix.
    io::stdout().lock().write_all(format!("{word}\n").as_bytes())
}
