//! Numbers about a database, and a check of all of it.

use crate::sync::atomic::{AtomicU64, Ordering};

use super::{Core, Database, Engine};
use crate::{error::Result, tree, version::Published};

/// Numbers about an open database. Counts begin with its opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Log position of the newest committed state.
    pub position: u64,
    /// Log position up to which everything is on the disk.
    pub durable_position: u64,
    /// Stores, without the catalog of their names.
    pub stores: u64,
    /// Transactions committed that changed something.
    pub commits: u64,
    /// Transactions refused because others came first.
    pub conflicts: u64,
    /// Batches they were committed in.
    pub batches: u64,
    /// Transactions that waited for their commit when these batches got into the log, those in the
    /// batches included: with `commits` it tells what part of those who wait a batch takes along.
    pub waiting_commits: u64,
    /// Times that another process was faster to append a batch, with
    /// [`Mode::Shared`](crate::Mode::Shared); the batch was then merged anew.
    pub lost_links: u64,
    /// Times the log was synced.
    pub syncs: u64,
    /// Bytes of batches written to the log.
    pub log_bytes_written: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Checkpoints that failed; nothing is lost by one.
    pub failed_checkpoints: u64,
    /// Bytes of nodes and values that are in memory only, beside the log.
    pub dirty_bytes: u64,
    /// Bytes of log since the last checkpoint.
    pub log_bytes: u64,
    /// Files that hold nodes and values.
    pub segment_files: u64,
    /// Their length in bytes.
    pub segment_bytes: u64,
    /// Bytes in them that the newest state reads.
    pub live_bytes: u64,
    /// States that somebody reads, the newest included. What only the older ones see takes space.
    pub snapshots: u64,
    /// Log position of the oldest of them.
    pub oldest_snapshot_position: Option<u64>,
    /// Whether commits are refused since a write or sync failed.
    pub poisoned: bool,
}

/// What a check of a whole database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Stores checked, the catalog included.
    pub stores: u64,
    /// Entries in them.
    pub entries: u64,
    /// Nodes read.
    pub nodes: u64,
    /// What is wrong, in words; empty if all is well.
    pub problems: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Database {
    /// Numbers about the database. Costs little; takes no lock for long.
    pub fn stats(&self) -> Stats {
        self.shared.core.stats()
    }

    /// Reads all of the newest committed state and checks everything that must hold: order, counts,
    /// levels, versions, checksums. Costs reading the whole database, beside whatever goes on.
    pub fn check(&self) -> Result<CheckReport> {
        let version = self.shared.core.load()?;
        let mut report = CheckReport::default();
        for (store, tree) in version.forest().iter() {
            let checked = tree::check(version.source(), tree, version.position().0);
            report.stores += 1;
            report.entries += checked.entries;
            report.nodes += checked.nodes;
            let named = checked.problems.into_iter();
            report.problems.extend(named.map(|problem| format!("store {store}: {problem}")));
        }
        Ok(report)
    }
}

impl Core {
    fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let published = self.published();
        let stats = Stats {
            checkpoints: read(&self.counters.checkpoints),
            failed_checkpoints: read(&self.counters.failed_checkpoints),
            ..published_stats(published)
        };
        let Engine::ReadWrite { pipeline, .. } = &self.engine else { return stats };
        let (dirty_bytes, log_bytes) = pipeline.dirty();
        let segments = pipeline.accounts().now();
        Stats {
            durable_position: pipeline.durable().0,
            commits: read(&pipeline.counters.commits),
            conflicts: read(&pipeline.counters.conflicts),
            batches: read(&pipeline.counters.batches),
            waiting_commits: read(&pipeline.counters.waiting),
            lost_links: read(&pipeline.counters.lost_links),
            syncs: read(&pipeline.counters.syncs),
            log_bytes_written: read(&pipeline.counters.log_bytes),
            dirty_bytes,
            log_bytes,
            live_bytes: segments.values().map(|segment| segment.live).sum(),
            poisoned: pipeline
                .refusal()
                .is_some_and(|error| matches!(error, crate::error::Error::Poisoned { .. })),
            ..stats
        }
    }
}

fn published_stats(published: &Published) -> Stats {
    let version = published.load();
    let (snapshots, oldest) = published.census();
    Stats {
        position: version.position().0,
        durable_position: version.position().0,
        stores: version.forest().iter().filter(|(store, _)| !store.is_own()).count() as u64,
        segment_files: version.segments().iter().count() as u64,
        segment_bytes: version.segments().iter().map(|segment| segment.len()).sum(),
        snapshots: snapshots as u64,
        oldest_snapshot_position: oldest.map(|position| position.0),
        ..Stats::default()
    }
}
