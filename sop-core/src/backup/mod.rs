//! Backups: what is copied of a running database, and what a database is made of again.
//!
//! A backup is a folder of its own kind, no database: it is never opened, so nothing in it ever
//! changes, and a later backup into the same folder only adds. One file says what belongs to it, its
//! [`Description`]; that is written last, whole, and is what counts.
//!
//! - *Segments*, as they are: they never change, so a link will do where the file system has links.
//! - *Runs*: batches of the log behind each other, in files of their own, so that it makes no difference
//!   what the log is made of, or how much of it the database keeps.
//! - *Points*: manifests, each with a position from which runs lead on.
//!
//! Whatever lies between a point and the end of the runs behind it can be had again: the trees of the
//! point, with the batches behind it applied by the function that commits and recovery use.

mod description;
mod folder;
mod lay;
mod reach;
mod run;
mod take;
mod transfer;

pub(crate) use description::{Description, Owner};
pub(crate) use folder::{BackupFolder, Held};
pub(crate) use lay::{Life, lay};
pub(crate) use reach::{choose, newest, ranges};
pub(crate) use take::{Increment, Stretch};
pub(crate) use transfer::transfer;

/// How far a backup, or its restoring, has come. In a folder that many processes share it may begin anew,
/// if others have removed what was about to be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupProgress {
    /// Files that are in their new place by now.
    pub files: u64,
    /// How many there will be, as far as is known.
    pub files_expected: u64,
    /// Bytes of those that are.
    pub bytes: u64,
}

/// What a backup has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The log position that the backup reaches: everything that was committed before it began is in
    /// it, and whatever else was by then.
    pub position: u64,
    /// Files of nodes and values that were linked, because the file system can.
    pub linked_files: u64,
    /// Those that were copied.
    pub copied_files: u64,
    /// Batches of the log that were copied.
    pub batches: u64,
    /// Bytes of all these files.
    pub bytes: u64,
    /// Whether the log leads on from the backup that was in the folder before, so that every position
    /// in between can be restored, too. `false` if there was none.
    pub continues: bool,
}

/// What a restoring has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The log position that the database is restored to.
    pub position: u64,
    /// Files of nodes and values that were linked, because the file system can.
    pub linked_files: u64,
    /// Those that were copied.
    pub copied_files: u64,
    /// Batches of the log that were applied.
    pub batches: u64,
    /// Bytes of all files that were linked or copied.
    pub bytes: u64,
}
