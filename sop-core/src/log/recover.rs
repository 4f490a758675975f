//! Opening a log that somebody left, in whatever state.
//!
//! In three steps, the first two of which change nothing: the frames are read and applied until one
//! is not valid; what follows is judged to be the remains of a crash or damage; the remains are
//! removed, and what was read is made durable, since a process that died may have left it to the
//! system alone.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use super::{
    LogOptions, Mark,
    file::{FIRST_AT, HEADER_LEN, Name},
    folder::{Contents, Folder, LogFile},
    frame::{ALIGN, Stop},
    history,
    scan::{Apply, Progress, content_end, read_frames, remains, rewrite},
    spare::{Spares, write_zeros},
    writer::{Full, Log, Tail},
};
use crate::{
    Error, Result,
    disk::{Disk, failed},
    guard::{self, Guard},
    id::Position,
    limit::COUNT_MAX,
};

/// What recovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// How many frames were applied.
    pub(crate) frames: u64,
    /// What was cut off behind them, which had never been durable.
    pub(crate) cut: Option<Cut>,
}

/// The remains of a crash, which are gone now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The file in which the valid part of the log ended.
    pub(crate) file: PathBuf,
    /// Where in that file, in bytes.
    pub(crate) offset: u64,
    /// How many bytes there were behind that place, the headers of later files included.
    pub(crate) bytes: u64,
}

/// What the first step found.
struct Reading {
    /// For each file that frames were read from, the place behind the last of them.
    ends: Vec<Mark>,
    /// Why there was no further frame.
    stop: Stop,
    /// Before the first frame that may not be durable.
    unproven: Mark,
    /// Whether a crash has left something behind the last frame.
    torn: bool,
}

impl Log {
    /// Opens a log, and applies its frames behind `from` in order.
    ///
    /// `from` is [`Mark::START`] or a place that was taken from this log. Of the frames before it
    /// nothing is needed. Everything applied is durable when this returns; when it fails, be it
    /// because `apply` did, nothing of the log is lost. Fails with `Corrupt` if frames that had been
    /// durable are missing, and with `UnsupportedFormat` if a file is newer than this code.
    pub(crate) fn recover(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        database: [u8; 16],
        options: LogOptions,
        from: Mark,
        apply: &mut Apply<'_>,
    ) -> Result<(Self, Recovered)> {
        let folder = Folder::new(disk, dir, database, options);
        let contents = folder.contents()?;
        let (files, reading) = judged(&folder, &contents, from, apply)?;
        let (read, rest) = files.split_at(reading.ends.len());
        let (Some(first), Some(last), Some(&end)) =
            (read.first(), read.last(), reading.ends.last())
        else {
            return Err(missing(&folder, from.sequence));
        };

        let cut = if reading.torn { Some(cut(&folder, last, rest, end.offset)?) } else { None };
        make_durable(&folder, read, &reading)?;

        let mut spares = Spares::collect(&folder, &contents)?;
        let history = history::left(&folder, &contents.numbered, first);
        let kept = history.front().map_or(first.header.sequence, |oldest| oldest.end.sequence);
        for (&sequence, &len) in contents.numbered.range(..kept) {
            spares.retire(&folder, sequence, len)?;
        }
        let lens = read.iter().map(|file| file.len);
        let mut full: VecDeque<_> =
            reading.ends.iter().zip(lens).map(|(&end, len)| Full { end, len }).collect();
        full.pop_back();
        let tail = Tail { path: last.path.clone(), file: last.file.clone(), written: last.len };
        let frames = end.position.0 - from.position.0;
        let mut log = Self::at(folder, spares, full, tail, end);
        log.history = history;
        log.forget_history()?;
        Ok((log, Recovered { frames, cut }))
    }
}

/// The position of the last frame that opening a log would find, `from` being as for
/// [`Log::recover`]. Changes nothing, and fails where opening would, for what is there.
pub(crate) fn survey(
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    database: [u8; 16],
    from: Mark,
) -> Result<Position> {
    let folder = Folder::new(disk, dir, database, LogOptions::default());
    let contents = folder.contents()?;
    let (_, reading) = judged(&folder, &contents, from, &mut |_, _| Ok(()))?;
    let end = reading.ends.last().ok_or_else(|| missing(&folder, from.sequence))?;
    Ok(end.position)
}

/// The files of a log that are of use, and what is in them: the frames behind `from` are applied up to
/// the last valid one, and what follows is judged.
fn judged(
    folder: &Folder,
    contents: &Contents,
    from: Mark,
    apply: &mut Apply<'_>,
) -> Result<(Vec<LogFile>, Reading)> {
    let (files, start) = needed_files(folder, &contents.numbered, from)?;
    let mut reading = read(&files, start, apply)?;
    let (read, rest) = files.split_at(reading.ends.len());
    if let Some((last, &end)) = read.last().zip(reading.ends.last()) {
        reading.torn = is_torn(last, rest, end, reading.stop)?;
    }
    Ok((files, reading))
}

fn missing(folder: &Folder, sequence: u64) -> Error {
    let path = folder.path(Name::Numbered(sequence));
    Error::Corrupt { path, offset: 0, reason: "the file is missing".into() }
}

/// Opens all files of the log that may hold frames behind `from`. Returns also the place where the
/// first of those frames is to be looked for.
fn needed_files(
    folder: &Folder,
    numbered: &BTreeMap<u64, u64>,
    from: Mark,
) -> Result<(Vec<LogFile>, Mark)> {
    if from.position.0 > COUNT_MAX || from.sequence > COUNT_MAX {
        return Err(missing(folder, from.sequence));
    }
    // A place at the end of a file is also the begin of the next one, and with the frames before it
    // released the file may be gone.
    let gone = !numbered.contains_key(&from.sequence);
    let start = if gone && numbered.contains_key(&(from.sequence + 1)) {
        Mark { sequence: from.sequence + 1, offset: HEADER_LEN, ..from }
    } else {
        from
    };
    let mut files = Vec::new();
    for sequence in start.sequence.. {
        if numbered.contains_key(&sequence) {
            files.push(folder.open(sequence)?);
        } else if files.is_empty() || numbered.range(sequence..).next().is_some() {
            return Err(missing(folder, sequence));
        } else {
            break;
        }
    }
    if start != from && !files[0].header.continues(start) {
        return Err(missing(folder, from.sequence));
    }
    check_start(&files[0], start)?;
    Ok((files, start))
}

/// Checks that a place lies in a file as far as the file's header and length can tell.
fn check_start(file: &LogFile, start: Mark) -> Result<()> {
    let corrupt = |offset, reason| Err(Error::Corrupt { path: file.path.clone(), offset, reason });
    let begins_right = if start.offset == HEADER_LEN {
        file.header.continues(start)
    } else {
        file.header.first <= start.position
    };
    if !begins_right {
        let reason = format!(
            "it begins with frame {}, but the frames behind {} are needed",
            file.header.first, start.position
        );
        return corrupt(FIRST_AT, reason);
    }
    if start.offset < HEADER_LEN || !start.offset.is_multiple_of(ALIGN) || start.offset > file.len {
        return corrupt(file.len, format!("it has no place for a frame at byte {}", start.offset));
    }
    Ok(())
}

/// Applies all frames that can be had.
fn read(files: &[LogFile], start: Mark, apply: &mut Apply<'_>) -> Result<Reading> {
    let mut progress = Progress::from(start);
    let mut reading = Reading { ends: Vec::new(), stop: Stop::End, unproven: start, torn: false };
    for file in files {
        if file.header.sequence != start.sequence && !progress.enter(file) {
            break;
        }
        reading.stop = read_frames(file, &mut progress, apply)?;
        reading.ends.push(progress.end());
    }
    reading.unproven = progress.unproven();
    Ok(reading)
}

/// Whether there is anything behind the end of the log, the remains of a crash. Fails if it is
/// something else.
fn is_torn(last: &LogFile, rest: &[LogFile], end: Mark, stop: Stop) -> Result<bool> {
    let lost = end.position.next();
    if let Some(next) = rest.first().filter(|next| next.header.first <= lost) {
        let reason = format!(
            "it begins with frame {}, which is not the one that follows frame {} in the file before",
            next.header.first, end.position
        );
        return Err(Error::Corrupt { path: next.path.clone(), offset: FIRST_AT, reason });
    }
    let behind = remains(last, end.offset, lost)?;
    let mut witness = behind.witness;
    for file in rest {
        let by_header = (file.header.synced >= lost).then_some(file.header.first);
        witness = witness.or(by_header).or(remains(file, HEADER_LEN, lost)?.witness);
    }
    if let Some(witness) = witness.filter(|_| guard::stands(Guard::TornOrDamaged)) {
        let state = match stop {
            Stop::End => "is missing",
            Stop::Bad(reason) => reason,
        };
        let reason = format!("frame {lost} {state}, but was durable before frame {witness}");
        return Err(Error::Corrupt { path: last.path.clone(), offset: end.offset, reason });
    }
    Ok(stop != Stop::End || behind.frames || !rest.is_empty())
}

/// Removes everything behind the end of the log, so that none of it can ever be read again.
fn cut(folder: &Folder, last: &LogFile, rest: &[LogFile], offset: u64) -> Result<Cut> {
    let mut bytes = 0;
    // Each removal is made durable before the next, so that no crash leaves a gap.
    for file in rest.iter().rev() {
        bytes += content_end(file, 0)?;
        folder.disk.remove(&file.path).map_err(failed("remove", &file.path))?;
        folder.sync()?;
    }
    let end = content_end(last, offset)?;
    bytes += end.saturating_sub(offset);
    let mut zeroed = offset;
    write_zeros(&*last.file, &mut zeroed, end).map_err(failed("cut", &last.path))?;
    Ok(Cut { file: last.path.clone(), offset, bytes })
}

/// Makes what was read, and the end behind it, durable.
///
/// What is not proven to be durable is written once more before. After a failed sync a system may
/// hold bytes in memory that are not on the disk and count them as written, so that syncing alone
/// would do nothing.
fn make_durable(folder: &Folder, read: &[LogFile], reading: &Reading) -> Result<()> {
    let unproven = reading.unproven;
    for (file, end) in read.iter().zip(&reading.ends) {
        if end.sequence >= unproven.sequence && guard::stands(Guard::RecoveredRewrite) {
            let same_file = end.sequence == unproven.sequence;
            let from = if same_file { unproven.offset } else { HEADER_LEN };
            rewrite(file, from, end.offset)?;
        }
        if guard::stands(Guard::RecoveredSync) {
            file.file.sync_all().map_err(failed("sync", &file.path))?;
        }
    }
    folder.sync()
}
