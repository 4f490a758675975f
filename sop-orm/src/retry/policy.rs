//! How often and how long to try.

use std::time::Duration;

use sop_core::TransactionOptions;

/// Bounds of [`Db::run_with`](crate::Db::run_with).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use std::time::Duration;
///
/// let impatient = RetryPolicy::default().attempts(3).deadline(Duration::from_millis(50));
/// db.run_with(impatient, async |s| s.of::<Order>().delete(1).await).await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Most attempts, the first included. Default 100.
    pub attempts: u32,
    /// No attempt begins later than this after the first one. Default 30 seconds.
    pub deadline: Duration,
    /// The second pause lasts up to this; each later one up to twice the one before. Default 500
    /// microseconds.
    pub pause_min: Duration,
    /// No pause lasts longer. Default 100 milliseconds.
    pub pause_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 100,
            deadline: Duration::from_secs(30),
            pause_min: Duration::from_micros(500),
            pause_max: Duration::from_millis(100),
        }
    }
}

/// How [`Db::run_with`](crate::Db::run_with) runs: how its sessions begin, and how often it tries.
/// Made from either of the two.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::{Isolation, RunOptions, TransactionOptions};
///
/// let options = RunOptions::default()
///     .retry(RetryPolicy::default().attempts(3))
///     .transaction(TransactionOptions::default().isolation(Isolation::Snapshot));
/// db.run_with(options, async |s| s.of::<Order>().delete(1).await).await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOptions {
    /// Isolation and durability of each attempt.
    pub transaction: TransactionOptions,
    /// Bounds of the attempts.
    pub retry: RetryPolicy,
}

impl RunOptions {
    /// Sets [`transaction`](Self::transaction).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::{Durability, RunOptions, TransactionOptions};
    ///
    /// let lax = TransactionOptions::default().durability(Durability::Eventual);
    /// assert_eq!(RunOptions::default().transaction(lax), lax.into());
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn transaction(self, transaction: TransactionOptions) -> Self {
        Self { transaction, ..self }
    }

    /// Sets [`retry`](Self::retry).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::RunOptions;
    ///
    /// let once = RetryPolicy::default().attempts(1);
    /// assert_eq!(RunOptions::default().retry(once), once.into());
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }
}

impl From<RetryPolicy> for RunOptions {
    fn from(retry: RetryPolicy) -> Self {
        Self::default().retry(retry)
    }
}

impl From<TransactionOptions> for RunOptions {
    fn from(transaction: TransactionOptions) -> Self {
        Self::default().transaction(transaction)
    }
}

impl RetryPolicy {
    /// Sets [`attempts`](Self::attempts).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(RetryPolicy::default().attempts(3).attempts, 3);
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets [`deadline`](Self::deadline).
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use std::time::Duration;
    ///
    /// let policy = RetryPolicy::default().deadline(Duration::from_secs(1));
    /// assert_eq!((policy.deadline, policy.attempts), (Duration::from_secs(1), 100));
    /// # Ok(())
    /// # });
    /// ```
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The pause after a failed attempt, or `None` to give up. `random` is from zero to one: a
    /// pause is drawn from its whole range, since any lower end would let losers meet again.
    pub(super) fn pause(&self, attempt: u32, elapsed: Duration, random: f64) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(2).min(31);
        let longest = match attempt {
            1 => Duration::ZERO,
            _ => self.pause_min.saturating_mul(1 << doublings).min(self.pause_max),
        };
        let pause = longest.mul_f64(random.clamp(0.0, 1.0));
        (elapsed.saturating_add(pause) <= self.deadline).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound_and_the_first_is_none() {
        let policy = RetryPolicy::default();
        let longest = |attempt| policy.pause(attempt, Duration::ZERO, 1.0).unwrap();
        assert_eq!(longest(1), Duration::ZERO);
        assert_eq!(longest(2), policy.pause_min);
        assert_eq!(longest(3), policy.pause_min * 2);
        assert_eq!(longest(99), policy.pause_max);
        assert_eq!(policy.pause(5, Duration::ZERO, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn attempts_and_deadline_bound_the_work() {
        let policy = RetryPolicy::default().attempts(3).deadline(Duration::from_secs(1));
        assert!(policy.pause(2, Duration::ZERO, 1.0).is_some());
        assert_eq!(policy.pause(3, Duration::ZERO, 1.0), None);
        assert_eq!(policy.pause(1, Duration::from_secs(2), 0.0), None);
    }
}
