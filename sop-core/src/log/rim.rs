//! What commits and checkpoints ask of a log: its rim, whatever it is made of.

use std::fmt;

use super::{Bookmark, History, SharedLog, Unsynced};
use crate::{
    error::{Error, Result},
    id::Position,
};

/// A log at whose end one caller at a time appends.
///
/// What was appended is durable once [`sync`](Self::sync) has returned, or once what
/// [`unsynced`](Self::unsynced) gave was synced. After a failure that leaves it open what is in the
/// log, it is of no more use until it is opened anew: every call that appends or syncs fails with
/// the same error.
pub(crate) trait Rim: Send + fmt::Debug {
    /// What can be done with the log only if many processes share it, which this one does if so.
    fn shared(&mut self) -> Option<&mut SharedLog> {
        None
    }

    /// Fails if the log is of no more use.
    fn check(&self) -> Result<()>;

    /// How many bytes of any value a record begins with, for the log's own use.
    fn header_len(&self) -> usize;

    /// Makes sure that a record with a body of up to `body_len` bytes can be appended next without
    /// the log having to grow.
    ///
    /// If that fails, say because the disk is full, the log is as it was and can be tried again
    /// later.
    fn reserve(&mut self, body_len: usize) -> Result<()>;

    /// Appends a record that is built in place: [`header_len`](Self::header_len) bytes, which are
    /// overwritten, and behind them the body. Leaves anything in the buffer.
    ///
    /// After an error nothing was appended, or the log is of no more use.
    fn append(&mut self, record: &mut Vec<u8>) -> Result<Appended>;

    /// Makes everything appended durable.
    fn sync(&mut self) -> Result<()>;

    /// What is not durable yet, to be synced by somebody who need not hold the log meanwhile; none
    /// if all is.
    fn unsynced(&self) -> Result<Option<Unsynced>>;

    /// Notes how a sync of what [`unsynced`](Self::unsynced) gave has ended.
    fn synced(&mut self, unsynced: &Unsynced, outcome: Result<()>) -> Result<()>;

    /// The position of the newest record, durable or not.
    fn position(&self) -> Position;

    /// The position up to which everything is durable.
    fn durable(&self) -> Position;

    /// The place behind the newest record.
    fn bookmark(&self) -> Bookmark;

    /// How many bytes of records lie behind a place of this log, as far as they are still there.
    fn bytes_since(&self, place: &Bookmark) -> u64;

    /// Gives back the space of what lies before a place, but for what stays to be read again.
    ///
    /// Opening the log from an earlier place is not possible any more, so `upto` must have been
    /// saved durably, with the effects of the records before it. What could not be given back
    /// because of an error is tried again with the next call.
    fn release(&mut self, upto: &Bookmark) -> Result<()>;

    /// The records behind a position, to be read again; `None` if some are not there any more.
    fn history(&self, after: Position) -> Result<Option<History>>;

    /// Gives back space that is kept for later use.
    fn discard_spares(&mut self) -> Result<()>;
}

/// How an attempt to append has ended.
#[derive(Clone, Debug)]
pub(crate) enum Appended {
    /// It has this position, and counts as applied.
    At(Position),
    /// Something else has the position. Nothing of this is left.
    Overtaken,
    /// Nobody can tell yet; see [`SharedLog::follow`].
    Open(Error),
    /// The position is dead by now; see [`SharedLog::begin_anew`].
    Behind,
    /// This process is no member any more, or not yet. Nothing was appended.
    NoMember,
}
