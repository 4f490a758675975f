//! The commit log: what makes a commit durable before anything else does.
//!
//! A log is a sequence of frames, numbered without gaps, each holding one batch as opaque bytes.
//! They lie one behind the other in files of limited length, so that the space of old ones can be
//! used again. `docs/format.md` describes every byte; here is why they are as they are.
//!
//! **Syncing must be cheap.** A file is written with zeros ahead of its use, and a file that is no
//! longer needed is renamed and used again, so that a sync usually has no metadata to write. In
//! return a file may hold whole frames of an earlier life behind its end. They are never taken for
//! new ones: each frame names the sequence number of its file, which a file gets anew with each
//! life, its own position, and a value taken from the checksums of its predecessor. And eight zero
//! bytes follow the newest frame in the same write, so that the end is clean unless a write was
//! torn.
//!
//! **Nothing that was durable is lost silently.** After a crash the last frames may be torn or
//! missing, and not in order: a later one may have reached the disk where an earlier one did not.
//! Reading stops at the first frame that is not valid. What follows is cut off if it can be the
//! remains of a crash, and reported as damage if it cannot. Every frame and every file says up to
//! which position all was known durable when it was written; so if anything behind the bad place
//! says so of the bad frame, the bad frame was damaged later. (The newest durable frames are safe
//! from being cut as soon as something is appended behind them; before, damage to them
//! cannot be told from a torn write, in this or any other log.)
//!
//! **Nothing that was cut comes back.** The rest of a cut log is overwritten and synced before the
//! log accepts anything, or else a frame of the lost tail that had survived could fit again behind
//! a new frame that happens to equal a lost one.
//!
//! **A file's name is a promise.** A file gets its number only when its header is durable, and its
//! successor only when that name is. So a numbered file whose header is damaged, and a number that is
//! missing between others, are never the remains of a crash.

mod file;
mod folder;
mod frame;
mod history;
mod recover;
mod rim;
mod scan;
pub(crate) mod shared;
mod spare;
#[cfg(test)]
mod tests;
mod unsynced;
mod window;
mod writer;

use crate::id::Position;
use shared::{Anchor, SharedLog};

#[cfg(test)]
use frame::FRAME_HEADER_LEN;
pub(crate) use history::History;
pub(crate) use recover::survey;
pub(crate) use rim::{Appended, Rim};
use unsynced::Unsynced;
pub(crate) use writer::Log;

/// What a log can be told. None of it has an influence on whether an existing log can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogOptions {
    /// Length at which a file is full, in bytes. Only a single frame that is longer makes a longer
    /// file.
    pub(crate) file_bytes: u64,
    /// How many files are kept for another life; more would only hold space, and fewer would make
    /// a log that grows again write its files twice.
    pub(crate) spares: usize,
    /// How many bytes of files that are not needed any more stay to be read again.
    pub(crate) history_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { file_bytes: 16 << 20, spares: 2, history_bytes: 0 }
    }
}

/// A place in a log, as a checkpoint keeps it: what is before it, the checkpoint holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bookmark {
    /// In a log of one process.
    Frames(Mark),
    /// In a log that many processes share.
    Slots(Anchor),
}

impl Bookmark {
    /// The position of the record before.
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Frames(mark) => mark.position,
            Self::Slots(anchor) => anchor.tip.position,
        }
    }
}

impl From<Mark> for Bookmark {
    fn from(mark: Mark) -> Self {
        Self::Frames(mark)
    }
}

impl From<Anchor> for Bookmark {
    fn from(anchor: Anchor) -> Self {
        Self::Slots(anchor)
    }
}

/// A place between two frames: right behind one, where the next one goes or went.
///
/// Four numbers, so that whoever has saved the effects of everything before the place can save the
/// place with them, and recover from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The position of the frame before.
    pub(crate) position: Position,
    /// The sequence number of the file. The next frame may be the first of the next file instead.
    pub(crate) sequence: u64,
    /// Where in the file, in bytes.
    pub(crate) offset: u64,
    /// The value that the next frame carries as proof that it follows the frame before.
    pub(crate) chain: u64,
}

impl Mark {
    /// Before the first frame of a log.
    pub(crate) const START: Self = Self {
        position: Position::ZERO,
        sequence: file::FIRST_SEQUENCE,
        offset: file::HEADER_LEN,
        chain: 0,
    };

    /// Before the first frame of a log that begins behind a position, as that of a restored database
    /// does.
    pub(crate) fn first(position: Position) -> Self {
        Self { position, ..Self::START }
    }
}
