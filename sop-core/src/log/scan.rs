//! Reading one file: its frames in order, and what is left behind the place where they end.

use std::collections::VecDeque;

use super::{
    Mark,
    file::HEADER_LEN,
    folder::LogFile,
    frame::{ALIGN, FRAME_HEADER_LEN, FrameHeader, Stop, is_end},
    window::Window,
};
use crate::{Result, disk::failed, id::Position};

/// What receives the frames: position and body, in order. An error ends the reading.
pub(super) type Apply<'a> = dyn FnMut(Position, &[u8]) -> Result<()> + 'a;

/// How far reading has come.
#[derive(Debug)]
pub(super) struct Progress {
    end: Mark,
    /// The place before each frame that may not be durable, as far as the frames read so far know.
    unproven: VecDeque<Mark>,
}

impl Progress {
    pub(super) fn from(start: Mark) -> Self {
        Self { end: start, unproven: VecDeque::new() }
    }

    /// The place behind the last valid frame.
    pub(super) fn end(&self) -> Mark {
        self.end
    }

    /// The place before the first frame that is not known to be durable.
    pub(super) fn unproven(&self) -> Mark {
        self.unproven.front().copied().unwrap_or(self.end)
    }

    /// Goes on with this file, if its frames follow the last one.
    pub(super) fn enter(&mut self, file: &LogFile) -> bool {
        let continues = file.header.continues(self.end);
        if continues {
            self.end = Mark { sequence: file.header.sequence, offset: HEADER_LEN, ..self.end };
            self.prove(file.header.synced);
        }
        continues
    }

    fn advance(&mut self, header: &FrameHeader) {
        self.unproven.push_back(self.end);
        self.end = Mark {
            position: header.position,
            chain: header.link(),
            offset: self.end.offset + header.frame_len(),
            ..self.end
        };
        self.prove(header.synced);
    }

    fn prove(&mut self, synced: Position) {
        while self.unproven.front().is_some_and(|before| before.position < synced) {
            self.unproven.pop_front();
        }
    }
}

/// Applies the frames of a file in order, up to the last one that is valid. Returns why there are
/// no more.
pub(super) fn read_frames(
    file: &LogFile,
    progress: &mut Progress,
    apply: &mut Apply<'_>,
) -> Result<Stop> {
    let mut window = Window::new(file);
    loop {
        let end = progress.end();
        let header = match header_at(&mut window, end.offset)? {
            Ok(header) => header,
            Err(stop) => return Ok(stop),
        };
        if let Err(stop) = header.check(end.position.next(), end.chain, file.header.sequence) {
            return Ok(stop);
        }
        let body_len = u64::from(header.body_len);
        let body = window.get(end.offset + FRAME_HEADER_LEN as u64, body_len)?;
        if (body.len() as u64) < body_len {
            return Ok(Stop::Bad("goes on behind the end of the file"));
        }
        if let Err(stop) = header.check_body(body) {
            return Ok(stop);
        }
        apply(header.position, body)?;
        progress.advance(&header);
    }
}

/// The header of the frame that begins at `offset`, if one does.
fn header_at(window: &mut Window<'_>, offset: u64) -> Result<Result<FrameHeader, Stop>> {
    let bytes = window.get(offset, FRAME_HEADER_LEN as u64)?;
    Ok(match bytes.first_chunk() {
        Some(bytes) => FrameHeader::decode(bytes),
        None if is_end(bytes) => Err(Stop::End),
        None => Err(Stop::Bad("goes on behind the end of the file")),
    })
}

/// What lies behind the end of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remains {
    /// Whether there are headers of frames that were written in the file's present life.
    pub(super) frames: bool,
    /// The position of one of them that was written when the frame searched for was durable.
    pub(super) witness: Option<Position>,
}

/// Searches the rest of a file for headers of frames that know `lost` to have been durable.
///
/// A header alone is evidence: nothing else can have produced its checksum, and it says what its
/// writer knew, whether or not its body made it to the disk.
pub(super) fn remains(file: &LogFile, from: u64, lost: Position) -> Result<Remains> {
    let mut window = Window::new(file);
    let mut found = Remains::default();
    let mut offset = from;
    while offset < file.len && found.witness.is_none() {
        offset += match header_at(&mut window, offset)? {
            Ok(header) if header.is_of(file.header.sequence) => {
                found.frames = true;
                if header.synced >= lost {
                    found.witness = Some(header.position);
                }
                // What the frame holds was put there by somebody else and is no evidence.
                header.frame_len()
            }
            _ => ALIGN,
        };
    }
    Ok(found)
}

/// What is looked at in one go where frames do not matter, in bytes.
const STEP: u64 = 64 << 10;

/// The offset behind the last byte that is not zero, or `from` if there is none from there on.
pub(super) fn content_end(file: &LogFile, from: u64) -> Result<u64> {
    let mut window = Window::new(file);
    let mut end = from;
    let mut offset = from;
    while offset < file.len {
        let bytes = window.get(offset, STEP)?;
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            end = offset + last as u64 + 1;
        }
        offset += bytes.len() as u64;
    }
    Ok(end)
}

/// Writes the bytes of a part of a file once more.
pub(super) fn rewrite(file: &LogFile, from: u64, to: u64) -> Result<()> {
    let mut window = Window::new(file);
    let mut offset = from;
    while offset < to {
        let bytes = window.get(offset, STEP.min(to - offset))?;
        let len = bytes.len() as u64;
        file.file.write_all_at(bytes, offset).map_err(failed("write", &file.path))?;
        offset += len;
    }
    Ok(())
}
