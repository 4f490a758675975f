//! The end of the log at which it grows.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use super::{
    Appended, Bookmark, History, LogOptions, Mark, Rim,
    file::{FIRST_SEQUENCE, FileHeader, HEADER_LEN, Name},
    folder::{Contents, Folder},
    frame::{self, END_LEN, FRAME_HEADER_LEN, Place},
    spare::{Prepared, Spares, len_ahead, write_zeros},
    unsynced::{Gate, Unsynced},
};
use crate::{
    Error, Result,
    disk::{Access, Disk, File, failed},
    guard::{self, Guard},
    id::Position,
};

/// An open log of one process.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) folder: Folder,
    pub(super) spares: Spares,
    /// Files before those that recovery needs, oldest first, to be read again.
    pub(super) history: VecDeque<Full>,
    /// The files before the one that is written to, oldest first.
    pub(super) full: VecDeque<Full>,
    pub(super) tail: Tail,
    /// The place behind the newest frame. Its file is the tail.
    pub(super) end: Mark,
    pub(super) durable: Position,
    /// Full files with frames that are not durable yet, and the position of the last one of each.
    unsynced: Vec<(Position, Tail)>,
    gate: Arc<Gate>,
    broken: Option<Error>,
}

/// A file of the log that nothing is appended to any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    /// The place behind its last frame.
    pub(super) end: Mark,
    /// Its length in bytes.
    pub(super) len: u64,
}

/// A file that is, or just was, appended to.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    /// Length of the part that has been written, if only with zeros.
    pub(super) written: u64,
}

impl Log {
    /// Begins a log in a folder that is created if need be, but must not hold one already.
    ///
    /// The log is durable when this returns, except for the name of its folder. A creation that was
    /// interrupted can be repeated.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        database: [u8; 16],
        options: LogOptions,
    ) -> Result<Self> {
        Self::create_after(disk, dir, database, (Position::ZERO, options))
    }

    /// The same, of a log that begins with the frame behind a position: at [`Mark::first`] of that.
    pub(crate) fn create_after(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        database: [u8; 16],
        (position, options): (Position, LogOptions),
    ) -> Result<Self> {
        disk.create_dir_all(&dir).map_err(failed("create", &dir))?;
        let folder = Folder::new(disk, dir, database, options);
        let contents = folder.contents()?;
        check_unused(&folder, &contents)?;
        let mut spares = Spares::collect(&folder, &contents)?;
        let header = FileHeader {
            database,
            sequence: FIRST_SEQUENCE,
            first: position.next(),
            chain: Mark::START.chain,
            synced: position,
            len: len_ahead(HEADER_LEN + END_LEN, folder.options.file_bytes),
        };
        let tail = name(&folder, spares.prepare(&folder, header)?, header.sequence)?;
        folder.sync()?;
        Ok(Self::at(folder, spares, VecDeque::new(), tail, Mark::first(position)))
    }

    /// A log that ends at `end` and is durable up to there.
    pub(super) fn at(
        folder: Folder,
        spares: Spares,
        full: VecDeque<Full>,
        tail: Tail,
        end: Mark,
    ) -> Self {
        Self {
            folder,
            spares,
            history: VecDeque::new(),
            full,
            tail,
            end,
            durable: end.position,
            unsynced: Vec::new(),
            gate: Arc::default(),
            broken: None,
        }
    }

    /// The place behind the newest frame.
    #[cfg(test)]
    pub(super) fn mark(&self) -> Mark {
        self.end
    }

    /// Makes an empty file, with this much room, the one that is appended to.
    fn begin_next_file(&mut self, room: u64) -> Result<()> {
        let header = FileHeader {
            database: self.folder.database,
            sequence: self.end.sequence + 1,
            first: self.end.position.next(),
            chain: self.end.chain,
            synced: self.durable,
            len: len_ahead(HEADER_LEN + room, self.folder.options.file_bytes),
        };
        let prepared = self.spares.prepare(&self.folder, header)?;
        // From here on a failure is final: a file that may or may not have its name would promise
        // that the frames before it are all that there will ever be. Only for want of space it is
        // certain that it has none.
        let next = name(&self.folder, prepared, header.sequence).map_err(|error| match error {
            Error::DiskFull { .. } => error,
            _ => self.fail(error),
        })?;
        if guard::stands(Guard::LogNameSync) {
            self.folder.sync().map_err(|error| self.fail(error))?;
        }

        let full = std::mem::replace(&mut self.tail, next);
        self.full.push_back(Full { end: self.end, len: full.written });
        if self.durable < self.end.position {
            self.unsynced.push((self.end.position, full));
        }
        self.end.sequence = header.sequence;
        self.end.offset = HEADER_LEN;
        Ok(())
    }

    /// Remembers a failure after which nothing is certain.
    fn fail(&mut self, error: Error) -> Error {
        if guard::stands(Guard::Poison) { self.broken.get_or_insert(error).clone() } else { error }
    }
}

impl Rim for Log {
    fn check(&self) -> Result<()> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn header_len(&self) -> usize {
        FRAME_HEADER_LEN
    }

    /// Usually does nothing; once in a while it writes zeros, or begins the next file.
    fn reserve(&mut self, body_len: usize) -> Result<()> {
        self.check()?;
        let room = frame::room(body_len)?;
        // A file takes any frame as its first.
        let fits = self.end.offset + room <= self.folder.options.file_bytes;
        if !fits && self.end.offset > HEADER_LEN {
            self.begin_next_file(room)?;
        }
        let needed = self.end.offset + room;
        if needed > self.tail.written {
            let len = len_ahead(needed, self.folder.options.file_bytes);
            write_zeros(&*self.tail.file, &mut self.tail.written, len)
                .map_err(failed("extend", &self.tail.path))?;
        }
        Ok(())
    }

    /// One write, of the whole frame.
    fn append(&mut self, frame: &mut Vec<u8>) -> Result<Appended> {
        let body_len = frame.len().checked_sub(FRAME_HEADER_LEN);
        self.reserve(body_len.expect("invariant: a frame begins with room for its header"))?;
        let position = self.end.position.next();
        let place = Place {
            position,
            chain: self.end.chain,
            synced: self.durable,
            sequence: self.end.sequence,
        };
        let chain = frame::seal(frame, place)?;
        let written = self.tail.file.write_all_at(frame, self.end.offset);
        written.map_err(failed("write", &self.tail.path)).map_err(|error| self.fail(error))?;
        self.end.position = position;
        self.end.chain = chain;
        self.end.offset += frame.len() as u64 - END_LEN;
        Ok(Appended::At(position))
    }

    fn sync(&mut self) -> Result<()> {
        match self.unsynced()? {
            Some(unsynced) => self.synced(&unsynced, unsynced.sync()),
            None => Ok(()),
        }
    }

    fn unsynced(&self) -> Result<Option<Unsynced>> {
        self.check()?;
        if self.durable == self.end.position {
            return Ok(None);
        }
        let tails = self.unsynced.iter().map(|(_, tail)| tail).chain([&self.tail]);
        let files = tails.map(|tail| (tail.path.clone(), Arc::clone(&tail.file))).collect();
        Ok(Some(Unsynced { gate: Arc::clone(&self.gate), files, upto: self.end.position }))
    }

    fn synced(&mut self, unsynced: &Unsynced, outcome: Result<()>) -> Result<()> {
        self.check()?;
        outcome.map_err(|error| self.fail(error))?;
        self.unsynced.retain(|(last, _)| *last > unsynced.upto);
        // Somebody else may have synced more meanwhile.
        self.durable = self.durable.max(unsynced.upto);
        Ok(())
    }

    fn position(&self) -> Position {
        self.end.position
    }

    fn durable(&self) -> Position {
        self.durable
    }

    fn bookmark(&self) -> Bookmark {
        Bookmark::Frames(self.end)
    }

    fn bytes_since(&self, place: &Bookmark) -> u64 {
        let Bookmark::Frames(mark) = place else { return 0 };
        let ends = self.full.iter().map(|full| full.end).chain([self.end]);
        let behind = ends.filter(|end| end.sequence >= mark.sequence);
        behind
            .map(|end| {
                let same_file = end.sequence == mark.sequence;
                end.offset - if same_file { mark.offset } else { HEADER_LEN }
            })
            .sum()
    }

    fn release(&mut self, upto: &Bookmark) -> Result<()> {
        while let Some(oldest) = self.full.front()
            && oldest.end.position <= upto.position()
        {
            self.history.push_back(*oldest);
            self.full.pop_front();
        }
        self.forget_history()
    }

    fn history(&self, after: Position) -> Result<Option<History>> {
        self.frames_after(after)
    }

    fn discard_spares(&mut self) -> Result<()> {
        self.spares.discard(&self.folder)
    }
}

/// Gives a prepared file its number. If that fails the file is removed.
fn name(folder: &Folder, prepared: Prepared, sequence: u64) -> Result<Tail> {
    let path = folder.path(Name::Numbered(sequence));
    if let Err(error) = folder.disk.rename(&prepared.path, &path) {
        // The first failure is the one worth reporting; see `Spares::prepare`.
        drop(folder.disk.remove(&prepared.path));
        return Err(failed("rename", &prepared.path)(error));
    }
    Ok(Tail { path, file: prepared.file, written: prepared.written })
}

/// Refuses to begin a log where there is one. The first file without a frame may be there: it is
/// what an interrupted creation leaves.
fn check_unused(folder: &Folder, contents: &Contents) -> Result<()> {
    let mut used = contents.numbered.keys().any(|sequence| *sequence != FIRST_SEQUENCE);
    if !used && contents.numbered.contains_key(&FIRST_SEQUENCE) {
        let path = folder.path(Name::Numbered(FIRST_SEQUENCE));
        let file = folder.disk.open(&path, Access::Read);
        let file = file.map_err(failed("open", &path))?;
        let mut first = frame::END;
        match file.read_exact_at(&mut first, HEADER_LEN) {
            Ok(()) => used = !frame::is_end(&first),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(failed("read", &path)(error)),
        }
    }
    if used {
        let reason = "its log folder holds a log already".into();
        return Err(Error::NotADatabase { path: folder.dir.clone(), reason });
    }
    Ok(())
}
