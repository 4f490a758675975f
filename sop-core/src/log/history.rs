//! Reading again what lies before the end of the log, for whoever has fallen behind.
//!
//! Files that no recovery needs any more are kept for this as long as there is room for them, and
//! only the oldest are given back; see [`LogOptions::history_bytes`](super::LogOptions). Frames are
//! read from the files while others append to the newest and take the oldest away. Neither does any
//! harm: reading ends at a frame that the caller knows to be there, and the frames of a file that
//! is used again are never taken for those that were there before.

use std::collections::{BTreeMap, VecDeque};

use super::{
    Mark,
    file::HEADER_LEN,
    folder::{Folder, LogFile},
    scan::{Apply, Progress, read_frames},
    shared::SlotHistory,
    writer::{Full, Log},
};
use crate::{Result, id::Position};

/// What a log holds behind a position, to be read again.
#[derive(Debug)]
pub(crate) enum History {
    /// Of a log of one process: its files, open for reading, oldest first.
    Frames(Frames),
    /// Of a log that many processes share.
    Slots(SlotHistory),
}

/// Files of the log, open for reading, oldest first.
#[derive(Debug)]
pub(crate) struct Frames {
    files: Vec<LogFile>,
}

impl Log {
    /// The files that hold the frames behind `after`, opened. `None` if some are not there any
    /// more.
    pub(super) fn frames_after(&self, after: Position) -> Result<Option<History>> {
        let ends = self.history.iter().chain(&self.full).map(|full| full.end);
        let needed = ends.chain([self.end]).filter(|end| end.position > after);
        let files: Vec<_> =
            needed.map(|end| self.folder.open(end.sequence)).collect::<Result<_>>()?;
        let reaches = files.first().is_none_or(|oldest| oldest.header.first <= after.next());
        Ok(reaches.then_some(History::Frames(Frames { files })))
    }

    /// Gives back what is kept beyond the length that the options allow, oldest first.
    pub(super) fn forget_history(&mut self) -> Result<()> {
        let mut kept: u64 = self.history.iter().map(|full| full.len).sum();
        while kept > self.folder.options.history_bytes
            && let Some(oldest) = self.history.front()
        {
            self.spares.retire(&self.folder, oldest.end.sequence, oldest.len)?;
            kept -= oldest.len;
            self.history.pop_front();
        }
        Ok(())
    }
}

impl History {
    /// Applies the records up to `upto` in order; earlier ones than were asked for may be among them.
    /// Returns whether all were still there.
    pub(crate) fn read(&self, upto: Position, apply: &mut Apply<'_>) -> Result<bool> {
        match self {
            Self::Frames(frames) => frames.read(upto, apply),
            Self::Slots(slots) => slots.read(upto, apply),
        }
    }
}

impl Frames {
    /// Applies the frames up to `upto` in order; earlier ones than were asked for may be among
    /// them. Returns whether all were still there.
    fn read(&self, upto: Position, apply: &mut Apply<'_>) -> Result<bool> {
        let Some(oldest) = self.files.first() else { return Ok(true) };
        let header = &oldest.header;
        let mut progress = Progress::from(Mark {
            position: Position(header.first.0.saturating_sub(1)),
            sequence: header.sequence,
            offset: HEADER_LEN,
            chain: header.chain,
        });
        for file in &self.files {
            if file.header.sequence != header.sequence && !progress.enter(file) {
                break;
            }
            let mut up_to = |position: Position, body: &[u8]| {
                if position <= upto { apply(position, body) } else { Ok(()) }
            };
            read_frames(file, &mut progress, &mut up_to)?;
        }
        Ok(progress.end().position >= upto)
    }
}

/// The files of a log that was just opened which lie before those that it was read from, as far as
/// they hold all frames before `start` without a gap; the others are not in the way of anything.
pub(super) fn left(
    folder: &Folder,
    numbered: &BTreeMap<u64, u64>,
    start: &LogFile,
) -> VecDeque<Full> {
    let mut found = VecDeque::new();
    let mut next = start.header;
    for (&sequence, &len) in numbered.range(..next.sequence).rev() {
        if sequence + 1 != next.sequence {
            break;
        }
        let position = Position(next.first.0.saturating_sub(1));
        let end = Mark { position, sequence, offset: len, chain: next.chain };
        let Ok(file) = folder.open(sequence) else { break };
        next = file.header;
        found.push_front(Full { end, len });
    }
    found
}
