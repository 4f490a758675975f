//! Clocks: how long a piece of work took, and how much processor time all threads spent on it.
//!
//! Both are read beside each other, because a figure of one alone misleads: an engine may win by
//! waiting less or by burning a second core. What was synced and written is counted beside them.
//! What other programs used meanwhile is kept too, for a figure that was taken beside a busy
//! compiler says little.

mod latencies;

pub(crate) use latencies::Latencies;

use crate::{
    Result,
    frame::Usage,
    probe::{sync, written::Written},
};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;

/// Work that was done, and what it cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Operations done.
    pub(crate) ops: u64,
    /// Time that passed.
    pub(crate) wall: Duration,
    /// Processor time of the whole process, background threads included.
    pub(crate) cpu: Duration,
    /// What part of the processors other programs used meanwhile, where the system tells.
    pub(crate) others: Option<f64>,
    /// Syncs of the whole process.
    pub(crate) syncs: u64,
    /// What was written, where the system tells.
    pub(crate) written: Option<Written>,
}

impl Cost {
    /// Operations per second.
    pub(crate) fn rate(&self) -> f64 {
        as_f64(self.ops) / self.wall.as_secs_f64()
    }

    /// Microseconds of processor time per operation.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / as_f64(self.ops)
    }

    /// The share of one operation in something that was counted for all of them.
    pub(crate) fn each(&self, count: u64) -> f64 {
        as_f64(count) / as_f64(self.ops)
    }
}

/// Time since some fixed moment.
pub(crate) fn now() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

/// All clocks at the moment when some work began.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    usage: Option<Usage>,
    wall: Duration,
    cpu: Duration,
    syncs: u64,
    written: Option<Written>,
}

impl Stopwatch {
    /// Begins now.
    pub(crate) fn start() -> Self {
        let (usage, written) = (Usage::now(), Written::now());
        Self { usage, written, syncs: sync::count(), wall: now(), cpu: cpu_time() }
    }

    /// What it cost to do so many operations since.
    pub(crate) fn stop(&self, ops: u64) -> Cost {
        let wall = now().saturating_sub(self.wall);
        let cpu = cpu_time().saturating_sub(self.cpu);
        let usage = Usage::now().zip(self.usage);
        let others = usage.map(|(now, before)| now.others_since(&before));
        let written = Written::now().zip(self.written);
        let written = written.map(|(now, before)| now - before);
        Cost { ops, wall, cpu, others, syncs: sync::count() - self.syncs, written }
    }
}

/// Does a piece of work once; it returns the number of its operations.
pub(crate) fn timed(work: impl FnOnce() -> Result<u64>) -> Result<Cost> {
    let stopwatch = Stopwatch::start();
    Ok(stopwatch.stop(work()?))
}

/// Repeats an operation until the time is up, and returns how often it was done.
///
/// The clock is read after `stride` operations, at a cost of some 30 nanoseconds.
pub(crate) fn repeat(
    time: Duration,
    stride: u64,
    mut operation: impl FnMut() -> Result<()>,
) -> Result<u64> {
    let end = now() + time;
    let mut count = 0;
    loop {
        for _ in 0..stride {
            operation()?;
        }
        count += stride;
        if now() >= end {
            return Ok(count);
        }
    }
}

/// Repeats an operation until the time is up, and records how long each one took.
pub(crate) fn repeat_each(
    time: Duration,
    mut operation: impl FnMut() -> Result<()>,
) -> Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let mut begun = now();
    let end = begun + time;
    while begun < end {
        operation()?;
        let ended = now();
        latencies.add(ended.saturating_sub(begun))?;
        begun = ended;
    }
    Ok(latencies)
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

fn cpu_time() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn duration(time: Timespec) -> Duration {
    Duration::try_from(time).expect("invariant: these clocks begin at zero and only go forward")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_told_per_operation() {
        let (wall, cpu) = (Duration::from_secs(2), Duration::from_secs(1));
        let cost = Cost { ops: 500, wall, cpu, others: None, syncs: 0, written: None };
        assert!((cost.rate() - 250.0).abs() < 1e-9);
        assert!((cost.cpu_us() - 2_000.0).abs() < 1e-9);
        assert!((cost.each(250) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn an_operation_is_done_at_least_once() {
        let mut done = 0;
        let operation = || {
            done += 1;
            Ok(())
        };
        assert_eq!(repeat(Duration::ZERO, 3, operation).unwrap(), 3);
        assert_eq!(done, 3);
    }
}
