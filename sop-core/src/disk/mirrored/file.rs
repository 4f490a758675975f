//! A file that is there twice.

use std::{io, path::Path, path::PathBuf, sync::Arc};

use super::pair::Pair;
use crate::{
    disk::{Access, File, Mapping},
    sync::Mutex,
};

/// An open file of a mirrored folder. Writing goes to all copies that have everything, reading to
/// the first of them.
#[derive(Debug)]
pub(super) struct MirroredFile {
    pair: Arc<Pair>,
    /// What it is called in the folder.
    path: Mutex<PathBuf>,
    /// How a copy is opened later.
    access: Access,
    handles: Mutex<[Option<Handle>; 2]>,
}

/// An open file of one copy, and which life of the copy it is of.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    life: u64,
    file: Arc<dyn File>,
}

impl Handle {
    pub(super) fn new(pair: &Pair, side: usize, file: Arc<dyn File>) -> Self {
        Self { life: pair.life(side), file }
    }
}

impl MirroredFile {
    pub(super) fn new(
        pair: Arc<Pair>,
        path: &Path,
        access: Access,
        handles: [Option<Handle>; 2],
    ) -> Self {
        let access = if access == Access::Create { Access::Write } else { access };
        Self { pair, path: Mutex::new(path.to_owned()), access, handles: Mutex::new(handles) }
    }

    pub(super) fn renamed(&self, from: &Path, to: &Path) {
        let mut path = self.path.lock();
        if *path == from {
            to.clone_into(&mut path);
        }
    }

    /// The file of one copy, opened now if it was not, or if the copy was made anew since.
    fn handle(&self, side: usize) -> io::Result<Arc<dyn File>> {
        let mut handles = self.handles.lock();
        let life = self.pair.life(side);
        if let Some(handle) = handles[side].as_ref().filter(|handle| handle.life == life) {
            return Ok(Arc::clone(&handle.file));
        }
        let place = self.pair.place(side, &self.path.lock());
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        let file = self.pair.disk.open(&place, self.access)?;
        handles[side] = Some(Handle { life, file: Arc::clone(&file) });
        Ok(file)
    }

    /// What the first copy answers. If it cannot and the other one can, that one's answer; `mend`
    /// is told it, and what was wrong with the first copy.
    fn ask<T>(
        &self,
        mut read: impl FnMut(&dyn File) -> io::Result<T>,
        mend: impl FnOnce(usize, &T, &io::Error) -> io::Result<()>,
    ) -> io::Result<T> {
        let leader = self.pair.leader();
        let error = match self.handle(leader).and_then(|file| read(&*file)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => error,
            outcome => return outcome,
        };
        // Changed just now, it may be so in one copy only for a moment.
        let _gate = self.pair.gate.write();
        let other = 1 - leader;
        if !self.pair.whole()[other] {
            return Err(error);
        }
        if let Ok(found) = self.handle(leader).and_then(|file| read(&*file)) {
            return Ok(found);
        }
        match self.handle(other).and_then(|file| read(&*file)) {
            Ok(found) => mend(leader, &found, &error).map(|()| found),
            Err(_) => Err(error),
        }
    }

    /// What the first copy answers, or the other one; then that one goes on alone.
    fn ask_or_lose<T>(&self, read: impl FnMut(&dyn File) -> io::Result<T>) -> io::Result<T> {
        self.ask(read, |side, _, error| self.pair.lose(side, error))
    }

    /// Does something to all copies that have everything.
    fn change(&self, change: impl Fn(&dyn File) -> io::Result<()>) -> io::Result<()> {
        let _gate = self.pair.gate.read();
        let whole = self.pair.whole();
        let outcomes = [0, 1]
            .map(|side| whole[side].then(|| self.handle(side).and_then(|file| change(&*file))));
        self.pair.settle(outcomes)
    }

    /// The same for what waits for a device: for both at once.
    fn sync(&self, sync: impl Fn(&dyn File) -> io::Result<()> + Sync) -> io::Result<()> {
        let _gate = self.pair.gate.read();
        let sync_one = |side| self.handle(side).and_then(|file| sync(&*file));
        let outcomes = match self.pair.whole() {
            [true, true] => self.pair.disk.at_once([&|| sync_one(0), &|| sync_one(1)]).map(Some),
            [first, second] => [first.then(|| sync_one(0)), second.then(|| sync_one(1))],
        };
        self.pair.settle(outcomes)
    }
}

impl File for MirroredFile {
    fn len(&self) -> io::Result<u64> {
        self.ask_or_lose(|file| file.len())
    }

    fn names(&self) -> io::Result<Option<u64>> {
        self.ask_or_lose(|file| file.names())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.ask_or_lose(|file| file.read_at(buf, offset))
    }

    /// Bytes that one copy does not give are written to it anew.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut broken = None;
        self.ask(
            |file| file.read_exact_at(buf, offset),
            |side, (), error| {
                broken = Some((side, io::Error::new(error.kind(), error.to_string())));
                Ok(())
            },
        )?;
        let Some((side, error)) = broken else { return Ok(()) };
        let path = self.path.lock().clone();
        self.pair.repair(side, &path, offset, buf, &error)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.write_all_at(buf, offset).map(|()| buf.len())
    }

    /// Copies that take different parts of it in one go are not told apart.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.change(|file| file.write_all_at(buf, offset))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|file| file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(|file| file.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(|file| file.sync_all())
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.ask_or_lose(|file| file.map(len))
    }
}
