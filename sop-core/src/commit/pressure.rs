//! How much is in memory only, or in the log only; and what comes of too much of it.
//!
//! From a threshold on a checkpoint is wanted. Writers that are faster than checkpoints are slowed
//! down before memory or disk run out.

use std::time::Duration;

use super::{Pipeline, Request};
use crate::sync::atomic::Ordering;

/// How much may be dirty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    pub(crate) dirty_bytes: u64,
    pub(crate) log_bytes: u64,
    /// Whether writers are slowed down when they are faster than checkpoints.
    pub(crate) throttle: bool,
}

impl Pipeline {
    /// Bytes held in blocks, and in the log since the last checkpoint.
    pub(crate) fn dirty(&self) -> (u64, u64) {
        let dirty = u64::try_from(self.dirty.load(Ordering::Relaxed)).unwrap_or(0);
        (dirty, self.log_len.load(Ordering::Relaxed))
    }

    /// Whether enough is dirty for a checkpoint by this process.
    ///
    /// All who share a log have about as much of it. If all of them began at the same time, all but
    /// one would write for nothing; so they are late by a quarter of the threshold for each one who
    /// is before them, up to where writers would be slowed down.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        let (dirty, log) = self.dirty();
        let rank = self.shared.as_ref().map_or(0, |others| others.rank.load(Ordering::Relaxed));
        let is_due =
            |bytes, threshold: u64| bytes >= threshold.saturating_add(threshold / 4 * rank.min(3));
        is_due(dirty, self.thresholds.dirty_bytes) || is_due(log, self.thresholds.log_bytes)
    }

    pub(super) fn request_checkpoint(&self) {
        if self.wants_checkpoint() {
            (self.requests)(Request::Checkpoint);
        }
    }

    /// Slows writers down when they are faster than checkpoints, before memory or disk run out:
    /// from twice the threshold on each batch waits a little, the longer the more is dirty.
    pub(super) fn throttle(&self) {
        if !self.thresholds.throttle {
            return;
        }
        let (dirty, log) = self.dirty();
        let excess = (dirty / (self.thresholds.dirty_bytes / 8).max(1))
            .max(log / (self.thresholds.log_bytes / 8).max(1));
        if let Some(excess) = excess.checked_sub(16) {
            (self.requests)(Request::Checkpoint);
            let wait = Duration::from_micros(50 << excess.min(12));
            let (failed, ended) = &self.checkpoint_failed;
            let mut failed = failed.lock();
            // Waiting for what does not come would only add to the trouble.
            if !*failed {
                ended.wait_for(&mut failed, wait);
            }
        }
    }

    /// Tells waiting writers that a checkpoint has ended.
    pub(crate) fn checkpoint_ended(&self, failed: bool) {
        *self.checkpoint_failed.0.lock() = failed;
        self.checkpoint_failed.1.notify_all();
    }
}
