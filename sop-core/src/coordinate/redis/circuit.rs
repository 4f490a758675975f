//! Whether the server is used at present: data, and when it changes.
//!
//! One failure opens the circuit: nothing is asked of the server any more, for a while. Then one
//! thing is tried. If it fails the while is longer, if it works the circuit is closed. The length is
//! doubled with each failure and partly random, so that the members do not all come back at once. It
//! is short again only when the circuit has been closed for some time; a server that answers one
//! question and fails the next one is left alone for longer and longer as well.

use std::time::Duration;

use crate::coordinate::Trouble;

/// How long the server is left alone after the first failure, and at most.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// After this long without a failure the next one counts as the first.
const STEADY: Duration = Duration::from_secs(20);

/// Whether the server is used.
#[derive(Debug)]
pub(super) struct Circuit {
    state: State,
    /// In a row, if nothing lay between them but short times.
    failures: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Closed { since: Duration },
    Open { until: Duration, trouble: Option<Trouble> },
}

impl Circuit {
    /// Open, to be tried at once.
    pub(super) fn new(now: Duration) -> Self {
        Self { state: State::Open { until: now, trouble: None }, failures: 0 }
    }

    /// Whether the server is used.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// When to try next, if the server is not used.
    pub(super) fn trial_at(&self) -> Option<Duration> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } => None,
        }
    }

    /// What opened it; nothing yet if it was never tried.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        match &self.state {
            State::Open { trouble, .. } => trouble.as_ref(),
            State::Closed { .. } => None,
        }
    }

    /// Something worked. Whether that closed the circuit.
    pub(super) fn succeeded(&mut self, now: Duration) -> bool {
        let closes = !self.is_closed();
        if closes {
            self.state = State::Closed { since: now };
        }
        closes
    }

    /// Something failed. Whether that opened the circuit. `random` decides on half of the time until
    /// the next trial.
    pub(super) fn failed(&mut self, now: Duration, random: u32, trouble: Trouble) -> bool {
        let opens = match self.state {
            State::Closed { since } => {
                if now.saturating_sub(since) >= STEADY {
                    self.failures = 0;
                }
                true
            }
            State::Open { .. } => false,
        };
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        let pause = doubled / 2 + (doubled / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        self.state = State::Open { until: now.saturating_add(pause), trouble: Some(trouble) };
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at the time of each trial; how long the pauses were.
    fn pauses(circuit: &mut Circuit, mut now: Duration, random: u32, count: usize) -> Vec<u128> {
        let mut pauses = Vec::new();
        for _ in 0..count {
            circuit.failed(now, random, Trouble::Slow);
            let until = circuit.trial_at().unwrap();
            pauses.push(until.saturating_sub(now).as_millis());
            now = until;
        }
        pauses
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_half_of_each_is_random() {
        let longest = pauses(&mut Circuit::new(Duration::ZERO), Duration::ZERO, u32::MAX, 9);
        assert_eq!(longest, [200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
        let shortest = pauses(&mut Circuit::new(Duration::ZERO), Duration::ZERO, 0, 9);
        assert_eq!(shortest, [100, 200, 400, 800, 1600, 2500, 2500, 2500, 2500]);
        let forever = pauses(&mut Circuit::new(Duration::ZERO), Duration::MAX / 2, 7, 100);
        assert!(forever.iter().all(|pause| *pause <= 5000));
    }

    #[test]
    fn one_failure_opens_and_one_success_closes() {
        let mut circuit = Circuit::new(Duration::ZERO);
        assert_eq!((circuit.is_closed(), circuit.trouble()), (false, None));
        assert_eq!(circuit.trial_at(), Some(Duration::ZERO));
        assert!(circuit.succeeded(Duration::ZERO));
        assert!(!circuit.succeeded(Duration::ZERO), "it was closed");
        assert_eq!((circuit.is_closed(), circuit.trial_at()), (true, None));
        assert!(circuit.failed(Duration::ZERO, 0, Trouble::Slow));
        assert!(!circuit.failed(Duration::ZERO, 0, Trouble::Slow), "it was open");
        assert_eq!(circuit.trouble(), Some(&Trouble::Slow));
    }

    #[test]
    fn a_server_that_fails_each_time_after_it_worked_is_left_alone_for_longer() {
        let mut circuit = Circuit::new(Duration::ZERO);
        let mut now = Duration::ZERO;
        for expected in [200, 400, 800] {
            circuit.succeeded(now);
            assert_eq!(pauses(&mut circuit, now, u32::MAX, 1), [expected]);
            now = circuit.trial_at().unwrap();
        }
        circuit.succeeded(now);
        assert_eq!(pauses(&mut circuit, now + STEADY, u32::MAX, 1), [200], "it was steady");
    }
}
