//! What all processes of a measurement say together.

use super::member::{Counts, Report};
use crate::{
    Result,
    frame::Usage,
    measure::{Cost, Latencies, as_f64},
};
use std::time::Duration;

/// What one process has committed in all, by session: for looking whether it is there.
pub(super) type End = Vec<u64>;

/// What a measurement gave.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) cost: Cost,
    pub(super) latencies: Latencies,
    pub(super) counts: Counts,
    /// Of each process, in the order of their numbers.
    pub(super) ends: Vec<End>,
    /// Commits of each process in each step of the time.
    steps: Vec<Vec<u64>>,
    /// Files that one process, or several that race, put in a second where the slots are.
    pub(super) raw: f64,
    pub(super) raced: Option<f64>,
}

impl Account {
    /// Of the reports of all processes; `before` is from before they were started.
    pub(super) fn new(reports: Vec<Report>, before: Option<Usage>) -> Result<Self> {
        let (mut latencies, mut counts) = (Latencies::new()?, Counts::default());
        let (mut cpu, mut wall, mut syncs) = (Duration::ZERO, Duration::ZERO, 0);
        let (mut steps, mut ends) = (Vec::new(), Vec::new());
        for report in reports {
            latencies.add_recorded(&report.latencies)?;
            counts += &report.counts;
            cpu += report.cpu;
            wall = wall.max(report.wall);
            syncs += report.syncs;
            steps.push(report.steps);
            ends.push(report.end);
        }
        let others = Usage::now().zip(before).map(|(now, before)| now.others_since(&before));
        let ops = steps.iter().flatten().sum();
        if ops == 0 {
            return Err("nothing was committed in the time that was measured".into());
        }
        let cost = Cost { ops, wall, cpu, others, syncs, written: None };
        Ok(Self { cost, latencies, counts, ends, steps, raw: 0.0, raced: None })
    }

    /// Slots of batches in a second.
    pub(super) fn slot_rate(&self) -> f64 {
        as_f64(self.counts.slots) / self.cost.wall.as_secs_f64()
    }

    /// The mean length of what is in a slot, in bytes.
    pub(super) fn slot_len(&self) -> u64 {
        self.counts.bytes / self.counts.slots.max(1)
    }

    /// What the slowest process has committed, as a part of what the fastest one has.
    pub(super) fn fairness(&self) -> f64 {
        let of_each = || self.steps.iter().map(|steps| steps.iter().sum::<u64>());
        as_f64(of_each().min().unwrap_or(0)) / as_f64(of_each().max().unwrap_or(0).max(1))
    }

    /// What was committed in the last third of the time, as a part of what was in the first.
    pub(super) fn kept(&self) -> f64 {
        let third = |steps: fn(&[u64]) -> &[u64]| -> u64 {
            self.steps.iter().flat_map(|of_one| steps(of_one)).sum()
        };
        let first = third(|steps| &steps[..steps.len() / 3]);
        let last = third(|steps| &steps[steps.len() - steps.len() / 3..]);
        as_f64(last) / as_f64(first.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_tells_how_even_and_how_steady_the_processes_were() {
        let report = |steps: [u64; 3]| Report {
            steps: steps.to_vec(),
            wall: Duration::from_secs(2),
            counts: Counts { slots: 10, bytes: 1_000, ..Counts::default() },
            ..Report::default()
        };
        let account = Account::new(vec![report([10, 20, 10]), report([30, 30, 20])], None).unwrap();
        assert_eq!((account.cost.ops, account.slot_len()), (120, 100));
        assert!((account.slot_rate() - 10.0).abs() < 1e-9);
        assert!((account.fairness() - 0.5).abs() < 1e-9);
        assert!((account.kept() - 0.75).abs() < 1e-9);
    }
}
