//! Clocks: how long a piece of work took, and how much processor time all threads spent on it.
//!
//! Both are read beside each other, because a figure of one alone misleads: an engine may win by
//! waiting less or by burning a second core. What other programs used meanwhile is kept too, for
//! a figure that was taken beside a busy compiler says little.

use crate::{Result, machine::Usage};
use hdrhistogram::Histogram;
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
}

impl Stopwatch {
    /// Begins now.
    pub(crate) fn start() -> Self {
        Self { usage: Usage::now(), wall: now(), cpu: cpu_time() }
    }

    /// What it cost to do so many operations since.
    pub(crate) fn stop(&self, ops: u64) -> Cost {
        let wall = now().saturating_sub(self.wall);
        let cpu = cpu_time().saturating_sub(self.cpu);
        let usage = Usage::now().zip(self.usage);
        let others = usage.map(|(now, before)| now.others_since(&before));
        Cost { ops, wall, cpu, others }
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

/// How long operations took, to a precision of a thousandth.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// Of no operations yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    /// Adds what another thread saw.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// Number of operations.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time in microseconds within which this part (0 to 1) of all operations was done.
    pub(crate) fn quantile_us(&self, part: f64) -> f64 {
        as_f64(self.0.value_at_quantile(part)) / 1e3
    }

    fn add(&mut self, time: Duration) -> Result<()> {
        Ok(self.0.record(u64::try_from(time.as_nanos())?)?)
    }
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
        let cost = Cost { ops: 500, wall, cpu, others: None };
        assert!((cost.rate() - 250.0).abs() < 1e-9);
        assert!((cost.cpu_us() - 2_000.0).abs() < 1e-9);
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

    #[test]
    fn quantiles_cover_the_operations_of_all_threads() {
        let (mut all, mut other) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        for us in 1..=50 {
            all.add(Duration::from_micros(us)).unwrap();
            other.add(Duration::from_micros(50 + us)).unwrap();
        }
        all.merge(&other).unwrap();
        assert_eq!(all.count(), 100);
        assert!((all.quantile_us(0.5) - 50.0).abs() < 0.1);
        assert!((all.quantile_us(0.99) - 99.0).abs() < 0.1);
    }
}
