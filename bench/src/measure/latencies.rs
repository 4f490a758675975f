//! How long each of many operations took.

use super::as_f64;
use crate::Result;
use hdrhistogram::Histogram;
use std::time::Duration;

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

    /// All of it as plain data, for another process: times in nanoseconds, and how often.
    pub(crate) fn recorded(&self) -> Vec<(u64, u64)> {
        let recorded = self.0.iter_recorded();
        recorded.map(|time| (time.value_iterated_to(), time.count_at_value())).collect()
    }

    /// Adds what another process saw.
    pub(crate) fn add_recorded(&mut self, recorded: &[(u64, u64)]) -> Result<()> {
        recorded.iter().try_for_each(|(time, times)| Ok(self.0.record_n(*time, *times)?))
    }

    /// Number of operations.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time in microseconds within which this part (0 to 1) of all operations was done.
    pub(crate) fn quantile_us(&self, part: f64) -> f64 {
        as_f64(self.0.value_at_quantile(part)) / 1e3
    }

    /// Adds an operation.
    pub(crate) fn add(&mut self, time: Duration) -> Result<()> {
        Ok(self.0.record(u64::try_from(time.as_nanos())?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut same = Latencies::new().unwrap();
        same.add_recorded(&all.recorded()).unwrap();
        assert_eq!(same.recorded(), all.recorded());
    }
}
