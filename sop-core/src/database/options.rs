//! What a database is opened with, as data.

use std::time::Duration;

use super::duties::ATTEND_EVERY;
use crate::{
    disk,
    error::{Error, Result},
    limit::SLOTS_KEPT_DEFAULT,
    log::LogOptions,
    node::Reading,
};

/// How a database is opened. Nothing in it is stored; it may differ from opening to opening.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Whether a missing database is created; it is by default.
    pub create: bool,
    /// What the database is opened for; reading and writing by default.
    pub mode: Mode,
    /// Bytes of changed nodes in memory from which on a checkpoint is written in the background;
    /// 256 MiB by default. More saves writing, since a node that changes often is written once for
    /// all of its changes; up to four times as much may be in memory when writers are faster than
    /// the disk.
    pub checkpoint_dirty_bytes: u64,
    /// Bytes of log from which on a checkpoint is written in the background; 64 MiB by default.
    /// What is read when a database is opened after a crash follows it. Files of the log that are
    /// not needed any more are kept for later use up to this length, until
    /// [`Database::compact`](crate::Database::compact) removes them.
    pub checkpoint_log_bytes: u64,
    /// Bytes of log that are kept although no recovery needs them, for
    /// [`Database::changed_keys`](crate::Database::changed_keys); none by default. The
    /// log since the last checkpoint is always there.
    pub log_history_bytes: u64,
    /// Length of a log file in bytes; 16 MiB by default, and at least 64 KiB.
    pub log_file_bytes: u64,
    /// Bytes of nodes and values that are kept in memory where files are read instead of mapped; a
    /// quarter of the memory that the process may use by default. What transactions, snapshots and
    /// cursors hold comes on top: a value holds its node. Of no meaning otherwise, since it is the
    /// system then that decides what of the files is in memory.
    pub cache_bytes: Option<u64>,
    /// Whether files of nodes and values are read instead of mapped: what a folder needs in which
    /// others may cut files short.
    #[doc(hidden)]
    pub unmapped: bool,
    /// Whether the content of blobs is written and read past the memory in which the system keeps
    /// files, by `O_DIRECT` of Linux, where the file system can do so; not by default. For content that
    /// is seldom read twice, and would displace what is: it is read at the speed of the disk then,
    /// each time. Of no meaning on other systems and in mirrored folders.
    pub direct_blobs: bool,
    /// How often the folders of a mirrored database are compared in the background; once a day by
    /// default, for the first time a day after it was opened. `Duration::MAX` for never. Each time all
    /// of both is read; see [`Database::scrub_mirror`](crate::Database::scrub_mirror).
    pub scrub_interval: Duration,
    /// How often other processes are followed in the background, with [`Mode::Shared`]; twice a second
    /// by default. New snapshots show within about this time what others have committed. Costs a few
    /// requests to the file system each time.
    pub follow_interval: Duration,
    /// After how long another process is taken for dead that shows no sign of life, with
    /// [`Mode::Shared`]; a minute by default, and at least 20 seconds, since all show one every 5
    /// seconds. `Duration::MAX` for never. What the dead have left in the folder is removed then.
    ///
    /// Whoever is taken for dead and is not finds out and goes on by itself, as if it had just
    /// opened the folder; it loses what it has loaded in bulk and not committed. Only time in which
    /// this process has looked counts.
    pub member_patience: Duration,
    /// Slots of the log of a folder that many processes share which are kept although a checkpoint
    /// holds what they say; 256 by default. Whoever is further behind reads the newest checkpoint,
    /// which takes longer than following, and what was changed before is not known any more
    /// ([`Database::changed_keys`](crate::Database::changed_keys)). Each is a small file.
    pub shared_slots_kept: u64,
    /// Who does what commits leave to be done later; threads of the database's own by default.
    pub background: Background,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: true,
            mode: Mode::ReadWrite,
            checkpoint_dirty_bytes: 256 << 20,
            checkpoint_log_bytes: 64 << 20,
            log_history_bytes: 0,
            log_file_bytes: 16 << 20,
            cache_bytes: None,
            unmapped: false,
            direct_blobs: false,
            scrub_interval: Duration::from_secs(24 * 60 * 60),
            follow_interval: Duration::from_millis(500),
            member_patience: Duration::from_secs(60),
            shared_slots_kept: SLOTS_KEPT_DEFAULT,
            background: Background::Threads,
        }
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Reading and writing, by one process.
    #[default]
    ReadWrite,
    /// Reading and writing, by any number of processes on any number of machines at once, which share
    /// nothing but the folder. It has to be created so, and is opened by all of them so.
    ///
    /// Whoever begins a transaction sees what all others had committed by then; snapshots follow within
    /// [`Options::follow_interval`], or as [`Freshness`](crate::Freshness) says. Commits are as durable as can be, whatever
    /// [`Durability`](crate::Durability) says, and take a few trips to the file system. It must have
    /// hard links; others than local ones must write before they answer.
    Shared,
    /// Reading what the last checkpoint holds, by any number of processes: for data that is built
    /// once and read often. The log is not read, so commits after the last checkpoint are not seen
    /// ([`Database::close`](crate::Database::close) writes one), and no thread is started. Nobody
    /// can write to the database meanwhile.
    NoCheck,
}

/// Who does what commits leave to be done later: leading commits that nobody waits for by blocking,
/// syncing what was promised to be on the disk by some time, following other processes, writing
/// checkpoints.
///
/// Reading, [`Transaction::commit`](crate::Transaction::commit), and what is asked for outright,
/// such as [`Database::sync`](crate::Database::sync), happen in the caller's thread either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Background {
    /// Two threads, which the database starts when it is opened, and a third one if it is mirrored.
    #[default]
    Threads,
    /// Whoever calls [`Database::work`](crate::Database::work); no thread is started. For programs
    /// with an event loop of their own, for places where threads are not welcome, and for
    /// simulations that have to be repeatable.
    ///
    /// As long as nobody calls it, nothing is wrong, but more and more is put off:
    ///
    /// - Futures of [`Transaction::commit_async`](crate::Transaction::commit_async) that have been
    ///   polled stay pending, unless a commit that blocks takes them along.
    /// - Commits with [`Durability::Interval`](crate::Durability::Interval) are on the disk no
    ///   sooner than those with [`Durability::Eventual`](crate::Durability::Eventual).
    /// - No checkpoint is written: memory, the log, and the time that the next opening takes grow
    ///   with all that is written. Commits are never slowed down to let a checkpoint keep up.
    ///
    /// Closing the database, or dropping its last handle, does what was promised: commits that
    /// wait are led and everything is synced.
    Manual,
}

/// What is kept in memory where the system does not tell how much there is.
const CACHE_BYTES: u64 = 256 << 20;

const LOG_FILE_BYTES_MIN: u64 = 64 << 10;

/// Members show that they live often enough for this.
const MEMBER_PATIENCE_MIN: Duration = ATTEND_EVERY.saturating_mul(4);

/// Bounds of the number of log files that are kept for later use.
const SPARES_MIN: usize = 2;
const SPARES_MAX: usize = 64;

impl Options {
    /// Sets whether a missing database is created.
    #[must_use]
    pub fn create(self, create: bool) -> Self {
        Self { create, ..self }
    }

    /// Sets what the database is opened for.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Sets the bytes of changed nodes from which on a checkpoint is written.
    #[must_use]
    pub fn checkpoint_dirty_bytes(self, bytes: u64) -> Self {
        Self { checkpoint_dirty_bytes: bytes, ..self }
    }

    /// Sets the bytes of log from which on a checkpoint is written.
    #[must_use]
    pub fn checkpoint_log_bytes(self, bytes: u64) -> Self {
        Self { checkpoint_log_bytes: bytes, ..self }
    }

    /// Sets the bytes of log that are kept to be read again.
    #[must_use]
    pub fn log_history_bytes(self, bytes: u64) -> Self {
        Self { log_history_bytes: bytes, ..self }
    }

    /// Sets the length of a log file.
    #[must_use]
    pub fn log_file_bytes(self, bytes: u64) -> Self {
        Self { log_file_bytes: bytes, ..self }
    }

    /// Sets the bytes of nodes and values that are kept in memory where files are not mapped.
    #[must_use]
    pub fn cache_bytes(self, bytes: u64) -> Self {
        Self { cache_bytes: Some(bytes), ..self }
    }

    /// Sets whether files of nodes and values are read instead of mapped.
    #[doc(hidden)]
    #[must_use]
    pub fn unmapped(self, unmapped: bool) -> Self {
        Self { unmapped, ..self }
    }

    /// Sets whether the content of blobs is written and read past the system's cache.
    #[must_use]
    pub fn direct_blobs(self, direct: bool) -> Self {
        Self { direct_blobs: direct, ..self }
    }

    /// Sets how often the folders of a mirrored database are compared in the background.
    #[must_use]
    pub fn scrub_interval(self, interval: Duration) -> Self {
        Self { scrub_interval: interval, ..self }
    }

    /// Sets how often other processes are followed in the background.
    #[must_use]
    pub fn follow_interval(self, interval: Duration) -> Self {
        Self { follow_interval: interval, ..self }
    }

    /// Sets after how long another process is taken for dead.
    #[must_use]
    pub fn member_patience(self, patience: Duration) -> Self {
        Self { member_patience: patience, ..self }
    }

    /// Sets the slots that are kept behind a checkpoint of a shared folder.
    #[must_use]
    pub fn shared_slots_kept(self, slots: u64) -> Self {
        Self { shared_slots_kept: slots, ..self }
    }

    /// Sets who does what commits leave to be done later.
    #[must_use]
    pub fn background(self, background: Background) -> Self {
        Self { background, ..self }
    }

    pub(super) fn reading(&self) -> Reading {
        if self.mode != Mode::Shared && !self.unmapped {
            return Reading::Mapped;
        }
        let share = || disk::memory_limit().map_or(CACHE_BYTES, |memory| memory / 4);
        Reading::Copied { cache_bytes: self.cache_bytes.unwrap_or_else(share) }
    }

    pub(super) fn log(&self) -> LogOptions {
        let kept = self.checkpoint_log_bytes / self.log_file_bytes.max(1);
        let spares = usize::try_from(kept).unwrap_or(usize::MAX).clamp(SPARES_MIN, SPARES_MAX);
        let history_bytes = self.log_history_bytes;
        LogOptions { file_bytes: self.log_file_bytes, spares, history_bytes }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.log_file_bytes < LOG_FILE_BYTES_MIN {
            let given = self.log_file_bytes;
            let message =
                format!("log files of {given} bytes; at least {LOG_FILE_BYTES_MIN} are needed");
            return Err(Error::Invalid(message));
        }
        if self.member_patience < MEMBER_PATIENCE_MIN {
            let given = self.member_patience;
            let message = format!(
                "patience of {given:?} with other members; at least {MEMBER_PATIENCE_MIN:?} are \
                 needed"
            );
            return Err(Error::Invalid(message));
        }
        Ok(())
    }
}
