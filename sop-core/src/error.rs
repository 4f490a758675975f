//! What can go wrong, named for what the caller should do about it.
//!
//! An error is returned once and logged where it is handled, never both. [`Error::kind`] answers
//! the one question a caller's code asks: try again, mend the request, or stop and look.

use std::{fmt, io, ops::RangeInclusive, path::PathBuf, sync::Arc};

use crate::id::{CommitId, Gtid};

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. Nothing has changed in the database unless the variant says otherwise.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another transaction committed first and the two cannot be merged. Begin again and retry.
    #[error("{0}")]
    Conflict(Conflict),
    /// `add` met a key that exists already. `upsert` replaces, `add_if_absent` leaves it alone.
    #[error("store {store:?} already has the key {}", show_key(key))]
    KeyExists {
        /// The store's name.
        store: String,
        /// The key in question.
        key: Vec<u8>,
    },
    /// `update` met a key that does not exist. `upsert` inserts it.
    #[error("store {store:?} does not have the key {}", show_key(key))]
    KeyNotFound {
        /// The store's name.
        store: String,
        /// The key in question.
        key: Vec<u8>,
    },
    /// No store has this name. Create it, or list the stores that exist.
    #[error("there is no store named {name:?}")]
    StoreNotFound {
        /// The name asked for.
        name: String,
    },
    /// A store of this name exists already.
    #[error("a store named {name:?} exists already")]
    StoreExists {
        /// The name asked for.
        name: String,
    },
    /// The store exists with other options than the caller gave. Open it with the stored ones.
    #[error("store {name:?} was created with {stored}, not with {given}")]
    StoreOptions {
        /// The store's name.
        name: String,
        /// The options it was created with.
        stored: String,
        /// The options the caller gave.
        given: String,
    },
    /// An argument is outside of its limits; the text says which and what would be accepted.
    #[error("{0}")]
    Invalid(String),
    /// The key is longer than [`crate::limit::KEY_LEN_MAX`] bytes.
    #[error("a key of {len} bytes is over the limit of {limit} bytes")]
    KeyTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The value is longer than [`crate::limit::VALUE_LEN_MAX`] bytes.
    #[error("a value of {len} bytes is over the limit of {limit} bytes")]
    ValueTooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The transaction holds more than the database accepts in one. Split it.
    #[error("a transaction of {bytes} bytes is over the limit of {limit} bytes; split it")]
    TransactionTooLarge {
        /// Bytes of keys and values it would have held.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A blob ends before this offset: it can be written and cut only where it has content, or right
    /// behind that.
    #[error("offset {offset} is behind the end of a blob of {len} bytes")]
    BlobRange {
        /// Where something was to be written, or the blob to be cut.
        offset: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// The blob would be longer than one of its chunk length can be.
    #[error("a blob of such chunks has at most {limit} bytes")]
    BlobTooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// There is a prepared transaction of this name already. Choose another name, or commit or roll
    /// back that one.
    #[error("a transaction is prepared under the name {name:?} already")]
    PreparedExists {
        /// The name.
        name: String,
    },
    /// No transaction is prepared under this name: there never was one, or it has been committed or
    /// rolled back.
    #[error("no transaction is prepared under the name {name:?}")]
    PreparedNotFound {
        /// The name.
        name: String,
    },
    /// So many transactions are prepared already. Commit them or roll them back.
    #[error("{limit} transactions are prepared already; commit some or roll them back")]
    TooManyPrepared {
        /// The limit.
        limit: u64,
    },
    /// A participant of a global transaction did not prepare, or refused to commit: nothing of the
    /// transaction has taken effect, anywhere.
    #[error("participant {name:?} refused: {reason}")]
    Participant {
        /// The participant's name.
        name: String,
        /// What it says.
        reason: String,
        /// Whether somebody else was first, so that the same work may succeed if it is done again.
        is_conflict: bool,
    },
    /// Somebody else has decided meanwhile that the global transaction is rolled back, as it was
    /// taken for abandoned. Nothing of it has taken effect, anywhere; begin again.
    #[error("global transaction {gtid} was taken for abandoned and rolled back by somebody else")]
    GlobalRolledBack {
        /// The transaction.
        gtid: Gtid,
    },
    /// Whether a global transaction took effect is not known here, but it is, or will be, the same
    /// everywhere: whoever [recovers](crate::TransactionManager::recover) it finds out, and
    /// [`TransactionManager::outcome`](crate::TransactionManager::outcome) tells. Until then what it
    /// touched is held.
    #[error("whether global transaction {gtid} took effect is not known yet: {reason}")]
    GlobalUnknown {
        /// The transaction.
        gtid: Gtid,
        /// What failed.
        reason: String,
    },
    /// The log does not reach back to this position any more. Read the stores anew, and keep more
    /// of the log: [`Options::log_history_bytes`](crate::Options::log_history_bytes), or
    /// [`Options::shared_slots_kept`](crate::Options::shared_slots_kept) in a folder that many
    /// processes share.
    #[error(
        "what was changed since position {position} is not known any more; read anew, or keep \
         more with `log_history_bytes`, in a shared folder with `shared_slots_kept`"
    )]
    PositionGone {
        /// The position that was asked for.
        position: u64,
    },
    /// The folder is no backup that can be used: something else, one that was interrupted, or one of
    /// another database. Nothing in it was touched; the text says what to do.
    #[error("{} is not a backup that can be used: {reason}", path.display())]
    NotABackup {
        /// The folder.
        path: PathBuf,
        /// What was found there, and what to do about it.
        reason: String,
    },
    /// Two folders cannot be mirrors of each other, or one cannot be used without the other, as they
    /// are. Nothing in them was touched; the text says what to do.
    #[error("{}: {problem}", path.display())]
    Mirror {
        /// The folder in question.
        path: PathBuf,
        /// What is wrong with it.
        problem: MirrorProblem,
    },
    /// A database is restored to a folder that is not there, or is empty. Choose another one.
    #[error("{} is not empty: it holds {found:?}; choose a folder that is", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// Something that it holds.
        found: String,
    },
    /// The backup does not hold this log position. Choose one of those that it does.
    #[error("the backup does not hold position {position}, but {}", show_ranges(held))]
    PositionNotHeld {
        /// The position that was asked for.
        position: u64,
        /// The positions that can be had, ascending.
        held: Vec<RangeInclusive<u64>>,
    },
    /// The database was opened for reading only.
    #[error("the database is open for reading only")]
    ReadOnly,
    /// The database has been closed, or is closing.
    #[error("the database is closed")]
    Closed,
    /// Another handle, in this process or another one, has the folder open.
    #[error("{} is in use by another handle or process; close that one first", path.display())]
    InUse {
        /// The database's folder.
        path: PathBuf,
    },
    /// The folder is one that many processes share, and was to be opened by one alone, or the
    /// reverse. Open it with the other [`Mode`](crate::Mode).
    #[error(
        "{} is {}", path.display(),
        if *shared { "shared by many processes; open it with `Mode::Shared`" }
        else { "used by one process at a time; open it without `Mode::Shared`" }
    )]
    WrongMode {
        /// The database's folder.
        path: PathBuf,
        /// Whether the folder is one that many processes share.
        shared: bool,
    },
    /// The folder is on a file system on which processes cannot share it. Put it on another one, or
    /// open it by one process at a time, without [`Mode::Shared`](crate::Mode::Shared).
    #[error(
        "{} cannot be shared by processes: {reason}; put it on a file system with hard links, such \
         as ext4, xfs, or NFS from 4.1 on", path.display()
    )]
    Unshareable {
        /// The database's folder.
        path: PathBuf,
        /// What is wrong with the file system.
        reason: String,
    },
    /// The folder holds something, but not a database of ours. Nothing in it was touched.
    #[error("{} is not a database: {reason}", path.display())]
    NotADatabase {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        reason: String,
    },
    /// The folder was written by a version of this crate that this one cannot read.
    #[error("{} has format {found}; this version reads format {supported}", path.display())]
    UnsupportedFormat {
        /// The file that says so.
        path: PathBuf,
        /// The format number found.
        found: u32,
        /// The format number this crate reads and writes.
        supported: u32,
    },
    /// Stored bytes are damaged or missing. Restore the named file from a backup.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The state that a snapshot or transaction sees is too old: in a folder that processes share,
    /// what it reads was removed, as so many checkpoints were written since. Begin anew.
    ///
    /// A state stays readable for the newest 16 checkpoints. A process that follows the others, which
    /// it does by itself, keeps what its snapshots read for 256; one that was stopped meanwhile, or
    /// has closed the database, does not.
    #[error("this state is too old, and what it reads was removed; begin anew with a newer one")]
    SnapshotTooOld,
    /// A file that this state reads was taken away, and not by the database. Restore it from a
    /// backup.
    #[error("{} is gone; restore it from a backup", path.display())]
    SegmentGone {
        /// The file that is not there any more.
        path: PathBuf,
    },
    /// The disk is full. The transaction had no effect; free some space and retry.
    #[error("no space left for {}", path.display())]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "read", "sync".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own error.
        source: Arc<io::Error>,
    },
    /// An earlier write or sync failed, so nothing more is accepted. Reads go on from the last
    /// durable state; reopen the database to find out what the disk kept.
    #[error("the database accepts no more commits since this failure: {reason}")]
    Poisoned {
        /// The failure that poisoned it.
        reason: String,
    },
    /// Another process took this one for dead, and may have removed what the transaction had loaded
    /// in bulk: it has not taken effect. This process has joined the others anew; begin again and
    /// retry. Transactions that have loaded nothing go on as if nothing had been.
    #[error("another process took this one for dead, and may have removed what was loaded; retry")]
    Expelled,
    /// The commit's record may or may not have reached the disk, because its write or sync failed.
    ///
    /// In a folder that many processes share, ask [`Database::resolve`](crate::Database::resolve) what
    /// became of it, in this process or any other one, before doing the work again. In a folder of one
    /// process reopen the database: it took effect if the [`position`](crate::Stats::position) right
    /// after that first opening is this one or a later one.
    #[error("whether the commit at position {position} took effect is unknown: {reason}")]
    CommitUnknown {
        /// The log position the commit has if it took effect. If it did not, another commit gets
        /// this position after the database was opened anew.
        position: u64,
        /// The failure.
        reason: String,
        /// By which it can be asked for, in a folder that many processes share.
        commit: Option<CommitId>,
    },
}

/// Why a folder cannot be mirrored, or not be used without its mirror; see [`Error::Mirror`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorProblem {
    /// The folder is one of two, and was to be opened as if it were the only one. Name the other one
    /// to [`Builder::mirror`](crate::Builder::mirror); or say that the other one is to fall behind, by
    /// [`Builder::without_mirror`](crate::Builder::without_mirror).
    #[error(
        "it is one of two mirrored folders; open it with the other one by `mirror`, or alone by \
         `without_mirror`"
    )]
    OneOfTwo,
    /// The folder holds another database, or a mirror of another one. Choose another folder, or empty
    /// this one.
    #[error("it holds another database, or a mirror of one; choose another folder or empty it")]
    Foreign,
    /// Each of the two folders was used without the other one, so that each may hold commits that the
    /// other does not. Open one by itself to see what is in it; empty the one that is to be given up.
    #[error(
        "it and its mirror were each used without the other; look into both by \
         `without_mirror`, and empty the one that is to be copied anew"
    )]
    Parted,
    /// The folder was being copied from the other one and is not complete. Open it with that one.
    #[error("it was being copied from its mirror and is not complete; open it with that one")]
    Unfinished,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Lost against a concurrent transaction, was taken for dead, or took so long that what it sees is
    /// gone: begin again and retry.
    Conflict,
    /// The thing asked for is not there, or is there already: decide and ask for something else.
    Mismatch,
    /// The request can never succeed as it is: mend it.
    Invalid,
    /// Somebody else holds what is needed: wait, then retry.
    Busy,
    /// Resources ran out; nothing was changed: free some, then retry.
    Full,
    /// Stored data is damaged or foreign: restore it.
    Corrupt,
    /// The system failed: look at the cause.
    Io,
    /// The handle is of no more use for this: reopen the database.
    Reopen,
}

impl Error {
    /// What a caller can do about this error.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Conflict(_)
            | Self::Expelled
            | Self::SnapshotTooOld
            | Self::GlobalRolledBack { .. }
            | Self::Participant { is_conflict: true, .. } => Kind::Conflict,
            Self::KeyExists { .. }
            | Self::KeyNotFound { .. }
            | Self::StoreNotFound { .. }
            | Self::StoreExists { .. }
            | Self::PreparedExists { .. }
            | Self::PreparedNotFound { .. }
            | Self::PositionNotHeld { .. }
            | Self::PositionGone { .. } => Kind::Mismatch,
            Self::StoreOptions { .. }
            | Self::Invalid(_)
            | Self::KeyTooLong { .. }
            | Self::ValueTooLong { .. }
            | Self::TransactionTooLarge { .. }
            | Self::BlobRange { .. }
            | Self::BlobTooLong { .. }
            | Self::WrongMode { .. }
            | Self::Unshareable { .. }
            | Self::NotEmpty { .. }
            | Self::Mirror { .. }
            | Self::ReadOnly => Kind::Invalid,
            Self::InUse { .. } => Kind::Busy,
            Self::DiskFull { .. } | Self::TooManyPrepared { .. } => Kind::Full,
            Self::NotADatabase { .. }
            | Self::NotABackup { .. }
            | Self::UnsupportedFormat { .. }
            | Self::Corrupt { .. }
            | Self::SegmentGone { .. } => Kind::Corrupt,
            Self::Io { .. } | Self::Participant { .. } | Self::GlobalUnknown { .. } => Kind::Io,
            Self::Closed | Self::Poisoned { .. } | Self::CommitUnknown { .. } => Kind::Reopen,
        }
    }

    /// The commit whose outcome this leaves open, if it can be
    /// [asked for](crate::Database::resolve).
    pub fn unknown_commit(&self) -> Option<CommitId> {
        match self {
            Self::CommitUnknown { commit, .. } => *commit,
            _ => None,
        }
    }

    /// Whether the same work on a fresh transaction may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), Kind::Conflict)
    }
}

/// Two transactions that could not be merged, seen from the one that lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conflict {
    /// Name of the store they met in.
    pub store: String,
    /// The key they met at; for a range, the first key that was found changed.
    pub key: Vec<u8>,
    /// What the loser did there.
    pub kind: ConflictKind,
    /// Log position of the transaction that won, where it is still known.
    pub winner: Option<u64>,
    /// Name of the [prepared](crate::Transaction::prepare) transaction that holds what they met at,
    /// if it was one that may still be rolled back.
    pub prepared: Option<String>,
}

/// What the losing transaction of a [`Conflict`] did with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConflictKind {
    /// It wrote a key that the winner wrote.
    Write,
    /// It read a key that the winner wrote.
    Read,
    /// It read a range that the winner entered, left or changed.
    Range,
    /// It used or created a store that the winner dropped, renamed or created differently.
    Store,
}

impl Conflict {
    pub(crate) fn new(store: String, key: &[u8], kind: ConflictKind, winner: Option<u64>) -> Self {
        Self { store, key: key.to_vec(), kind, winner, prepared: None }
    }

    /// With a prepared transaction.
    pub(crate) fn held(store: String, key: &[u8], kind: ConflictKind, holder: &str) -> Self {
        Self { prepared: Some(holder.to_owned()), ..Self::new(store, key, kind, None) }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did = match self.kind {
            ConflictKind::Write => "wrote",
            ConflictKind::Read => "read",
            ConflictKind::Range => "read a range around",
            ConflictKind::Store => "used",
        };
        write!(f, "conflict: this transaction {did} ")?;
        if self.kind != ConflictKind::Store {
            write!(f, "the key {} of ", show_key(&self.key))?;
        }
        match &self.prepared {
            Some(name) => {
                write!(f, "store {:?}, which the prepared transaction {name:?} holds", self.store)
            }
            None => write!(f, "store {:?}, which another transaction changed first", self.store),
        }
    }
}

impl std::error::Error for Conflict {}

/// Positions as a person can read them.
fn show_ranges(ranges: &[RangeInclusive<u64>]) -> String {
    let shown = ranges.iter().map(|range| format!("{} to {}", range.start(), range.end()));
    shown.collect::<Vec<_>>().join(", ")
}

/// A key as a person can read it: quoted text where it is text, hexadecimal where it is not.
fn show_key(key: &[u8]) -> String {
    const SHOWN_MAX: usize = 64;
    let shown = key.get(..SHOWN_MAX).unwrap_or(key);
    let more = if key.len() > SHOWN_MAX { ".." } else { "" };
    match std::str::from_utf8(shown) {
        Ok(text) if !text.chars().any(char::is_control) => format!("{text:?}{more}"),
        _ => {
            let mut hex = String::from("0x");
            for byte in shown {
                hex.extend(
                    [byte >> 4, byte & 15]
                        .map(|half| char::from_digit(half.into(), 16))
                        .into_iter()
                        .flatten(),
                );
            }
            hex + more
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_text_where_they_are_text() {
        assert_eq!(show_key(b"ann"), "\"ann\"");
        assert_eq!(show_key(&[0, 255]), "0x00ff");
        assert_eq!(show_key(&[b'a'; 70]).len(), 64 + 2 + 2);
    }

    #[test]
    fn only_conflicts_are_retryable() {
        let conflict = Conflict::new("s".into(), b"k", ConflictKind::Write, Some(7));
        assert!(Error::Conflict(conflict).is_retryable());
        assert!(!Error::Closed.is_retryable());
    }
}
