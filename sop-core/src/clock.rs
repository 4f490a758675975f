//! Time and randomness as parameters, so that a test or a simulation decides both.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Where the engine gets the time and random numbers from.
///
/// Nothing that has to be right depends on time: it only paces background work. Random numbers name
/// databases and, in folders that many processes share, processes and what they write; they must not
/// repeat.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since some fixed moment; never goes backwards.
    fn now(&self) -> Duration;

    /// Time since the beginning of 1970, by a clock that may jump and differ from others': the
    /// system's, unless it is overridden. Decides only how long something is kept that was of use once.
    fn date(&self) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
        let now = SystemTime::now();
        now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// Sixteen random bytes.
    fn random(&self) -> [u8; 16];
}

/// The operating system's monotonic clock and random numbers.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
        let start = std::time::Instant::now();
        Self { start }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn random(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}
