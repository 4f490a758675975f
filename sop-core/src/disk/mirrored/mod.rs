//! A folder that is kept twice: every change is made in both copies before it counts, and one is
//! enough to go on.
//!
//! The promises of a [`Disk`] hold for both copies at once: a sync has returned when both are synced.
//! A copy that cannot do what the other one does is *lost*: before anything more is acknowledged the
//! other one says durably that it goes on *alone* ([`note`]), so that of two copies that are found
//! later it can be told which has everything. Whoever uses the folder notices nothing. If neither
//! copy can do something, it has failed, as on any disk.
//!
//! Reading goes to the first copy that has everything. What it does not give is taken from the other
//! one and written anew; what is there and wrong only its reader can tell, and asks for it by
//! [`Disk::mend`].
//!
//! A lost copy is made anew beside whatever goes on ([`rebuild`]).

mod align;
mod file;
mod note;
mod pair;
mod rebuild;
mod sides;
mod status;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::file::{Handle, MirroredFile};
use super::{Access, Disk, Entry, File, Lock, LockKind, Mount};

pub use status::{MirrorFolder, MirrorProgress, MirrorStatus};
pub(crate) use {
    align::align,
    note::{MIRROR_FILE, Note, Standing, is_note},
    pair::Pair,
    rebuild::{Trust, complete, differ, rebuild},
    sides::Sides,
};

/// The folder of a database that is kept twice. What is in no copy is on the disk below.
#[derive(Clone, Debug)]
pub(crate) struct MirroredDisk(Arc<Pair>);

impl MirroredDisk {
    pub(crate) fn new(pair: Arc<Pair>) -> Self {
        Self(pair)
    }

    /// Does something to all copies that have everything.
    fn change(&self, path: &Path, change: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
        let _gate = self.0.gate.read();
        let whole = self.0.whole();
        let outcomes = [0, 1].map(|side| {
            whole[side].then(|| self.0.place(side, path)).flatten().map(|place| change(&place))
        });
        if outcomes.iter().all(Option::is_none) { change(path) } else { self.0.settle(outcomes) }
    }

    /// What the first copy answers. If it cannot and the other one can, that one goes on alone.
    fn ask<T>(&self, path: &Path, read: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
        let leader = self.0.leader();
        let Some(place) = self.0.place(leader, path) else { return read(path) };
        let error = match read(&place) {
            Err(error) => error,
            outcome => return outcome,
        };
        // Changed just now, it may be so in one copy only for a moment.
        let _gate = self.0.gate.write();
        let other = 1 - leader;
        let is_whole = self.0.whole()[other];
        match self.0.place(other, path).filter(|_| is_whole).map(|place| read(&place)) {
            Some(Ok(found)) => match read(&place) {
                Err(error) => self.0.lose(leader, &error).map(|()| found),
                outcome => outcome,
            },
            _ => Err(error),
        }
    }

    fn open_one(&self, side: usize, path: &Path, access: Access) -> io::Result<Handle> {
        self.0.disk.open(path, access).map(|file| Handle::new(&self.0, side, file))
    }

    /// Opens the file of the first copy; the other one's is opened once it is needed.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let found = self.ask(path, |place| {
            let side = usize::from(self.0.place(0, path).as_deref() != Some(place));
            Ok((side, self.open_one(side, place, Access::Read)?))
        });
        let (side, handle) = found?;
        let mut handles = [None, None];
        handles[side] = Some(handle);
        Ok(Arc::new(MirroredFile::new(Arc::clone(&self.0), path, Access::Read, handles)))
    }

    /// Opens or creates the files of all copies that have everything.
    fn open_to_write(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let _gate = self.0.gate.read();
        let (whole, mut handles) = (self.0.whole(), [None, None]);
        let mut outcomes = [None, None];
        for side in [0, 1].into_iter().filter(|side| whole[*side]) {
            let place = self.0.place(side, path).ok_or(io::ErrorKind::InvalidInput)?;
            let opened = self.open_one(side, &place, access);
            outcomes[side] = Some(opened.map(|handle| handles[side] = Some(handle)));
        }
        self.0.settle(outcomes)?;
        let file = MirroredFile::new(Arc::clone(&self.0), path, access, handles);
        let file = Arc::new(file);
        self.0.register(&file);
        Ok(file)
    }

    /// A part of a file as one copy has it.
    fn read_part(&self, place: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.0.disk.open(place, Access::Read)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }
}

impl Disk for MirroredDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.change(dir, |dir| self.0.disk.create_dir_all(dir))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        match access {
            _ if self.0.place(0, path).is_none() => self.0.disk.open(path, access),
            Access::Read => self.open_to_read(path),
            Access::Write | Access::Create => self.open_to_write(path, access),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.0.place(0, from).is_none() {
            return self.0.disk.rename(from, to);
        }
        let _gate = self.0.gate.read();
        let whole = self.0.whole();
        let outcomes = [0, 1].map(|side| {
            let (from, to) = self.0.place(side, from).zip(self.0.place(side, to))?;
            whole[side].then(|| self.0.disk.rename(&from, &to))
        });
        self.0.settle(outcomes)?;
        self.0.renamed(from, to);
        Ok(())
    }

    /// A second name outside of the folder is one of the first copy's file.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.0.place(0, to).is_none() {
            let place = self.0.place(self.0.leader(), from);
            return self.0.disk.link(place.as_deref().unwrap_or(from), to);
        }
        let _gate = self.0.gate.read();
        let whole = self.0.whole();
        let outcomes = [0, 1].map(|side| {
            let (from, to) = self.0.place(side, from).zip(self.0.place(side, to))?;
            whole[side].then(|| self.0.disk.link(&from, &to))
        });
        self.0.settle(outcomes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(path, |path| self.0.disk.remove(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.ask(dir, |dir| self.0.disk.list(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let places = [0, 1].map(|side| self.0.place(side, dir));
        let [Some(first), Some(second)] = places else { return self.0.disk.sync_dir(dir) };
        let _gate = self.0.gate.read();
        let sync = |place: &Path| self.0.disk.sync_dir(place);
        let outcomes = match self.0.whole() {
            [true, true] => self.0.disk.at_once([&|| sync(&first), &|| sync(&second)]).map(Some),
            [one, other] => [one.then(|| sync(&first)), other.then(|| sync(&second))],
        };
        self.0.settle(outcomes)
    }

    fn at_once(&self, waits: [&(dyn Fn() -> io::Result<()> + Sync); 2]) -> [io::Result<()>; 2] {
        self.0.disk.at_once(waits)
    }

    fn refresh_dir(&self, dir: &Path) -> io::Result<()> {
        self.ask(dir, |dir| self.0.disk.refresh_dir(dir))
    }

    fn mount(&self, dir: &Path) -> io::Result<Option<Mount>> {
        self.ask(dir, |dir| self.0.disk.mount(dir))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.ask(path, |path| self.0.disk.canonical(path))
    }

    fn mend(
        &self,
        path: &Path,
        offset: u64,
        len: usize,
        is_right: &dyn Fn(&[u8]) -> bool,
    ) -> io::Result<Option<Vec<u8>>> {
        let _gate = self.0.gate.read();
        let whole = self.0.whole();
        // What a lost copy has is no less right if it can be told that it is.
        let found = [0, 1].map(|side| {
            let place = self.0.place(side, path)?;
            Some(self.read_part(&place, offset, len).and_then(|bytes| {
                let wrong = || io::Error::new(io::ErrorKind::InvalidData, "wrong bytes");
                if is_right(&bytes) { Ok(bytes) } else { Err(wrong()) }
            }))
        });
        let Some(right) = found.iter().flatten().find_map(|found| found.as_ref().ok()) else {
            return Ok(None);
        };
        for (side, found) in found.iter().enumerate() {
            if let (Some(Err(error)), true) = (found, whole[side]) {
                self.0.repair(side, path, offset, right, error)?;
            }
        }
        Ok(Some(right.clone()))
    }

    /// Whoever uses the folder has locked it before both copies were opened.
    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.0.disk.lock(path, kind)
    }
}
