//! Two copies of a folder on one disk: which have everything, and what to do when one fails.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use super::{
    file::MirroredFile,
    sides::{Failure, Sides},
    status::{MirrorFolder, MirrorProgress, MirrorStatus},
};
use crate::{
    disk::{Access, Disk, File, Lock},
    error::Result,
    sync::{
        Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// What all users of a mirrored folder share.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(super) disk: Arc<dyn Disk>,
    /// Where the copies are. The first one is also what the folder is called by those who use it.
    roots: [PathBuf; 2],
    sides: Mutex<Sides>,
    /// How often each copy was made anew: handles of before are of no more use.
    lives: [AtomicU64; 2],
    /// Held shared by whatever changes something, and alone by what must see nothing change.
    pub(super) gate: RwLock<()>,
    /// Files that are open for writing, whose names may change.
    writable: Mutex<Vec<Weak<MirroredFile>>>,
    mended: AtomicU64,
    rebuilding: Mutex<Option<MirrorProgress>>,
    locks: Mutex<[Option<Box<dyn Lock>>; 2]>,
}

impl Pair {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        roots: [PathBuf; 2],
        sides: Sides,
        locks: [Option<Box<dyn Lock>>; 2],
    ) -> Self {
        Self {
            disk,
            roots,
            sides: Mutex::new(sides),
            lives: Default::default(),
            gate: RwLock::default(),
            writable: Mutex::default(),
            mended: AtomicU64::new(0),
            rebuilding: Mutex::default(),
            locks: Mutex::new(locks),
        }
    }

    /// The disk below, on which both copies are.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Where a copy is.
    pub(crate) fn root(&self, side: usize) -> &Path {
        &self.roots[side]
    }

    /// Where a copy has what the folder has under a path; `None` for what is not in the folder.
    pub(super) fn place(&self, side: usize, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.roots[0]).ok()?;
        let root = &self.roots[side];
        Some(if rest.as_os_str().is_empty() { root.clone() } else { root.join(rest) })
    }

    /// Which copies have everything.
    pub(crate) fn whole(&self) -> [bool; 2] {
        self.sides.lock().whole()
    }

    /// The copy that is read.
    pub(super) fn leader(&self) -> usize {
        self.sides.lock().leader()
    }

    /// The copy that has not everything, if one has not.
    pub(crate) fn lost(&self) -> Option<usize> {
        self.sides.lock().lost().map(|(side, _)| side)
    }

    pub(super) fn life(&self, side: usize) -> u64 {
        self.lives[side].load(Ordering::Acquire)
    }

    /// The outcome of what was done to those copies that have everything. If only one of them could
    /// not do it, the other goes on alone.
    pub(super) fn settle<T>(&self, outcomes: [Option<io::Result<T>>; 2]) -> io::Result<T> {
        match outcomes {
            [Some(Ok(done)), Some(Err(error))] => self.lose(1, &error).map(|()| done),
            [Some(Err(error)), Some(Ok(done))] => self.lose(0, &error).map(|()| done),
            [Some(outcome), _] | [None, Some(outcome)] => outcome,
            [None, None] => Err(io::Error::other("neither copy has everything")),
        }
    }

    /// Goes on without a copy that could not do what the other one did. Nothing is acknowledged
    /// before the other one says durably that it goes on alone. Fails if it cannot.
    pub(super) fn lose(&self, side: usize, error: &io::Error) -> io::Result<()> {
        let mut sides = self.sides.lock();
        let other = self.root(1 - side);
        match sides.failure_of(side) {
            Failure::Known => Ok(()),
            Failure::OfTheLast => Err(io::Error::new(error.kind(), error.to_string())),
            Failure::Noted(note) => {
                note.write(&*self.disk, other).map_err(io::Error::other)?;
                sides.lose(side, error.to_string());
                tracing::error!(
                    lost = %self.root(side).display(), remaining = %other.display(), %error,
                    "one of two mirrored folders is lost; the other goes on alone, and has to be \
                     mirrored anew"
                );
                Ok(())
            }
        }
    }

    /// Puts bytes right that a copy does not give, or gives wrong; if that cannot be done, goes on
    /// without it.
    pub(super) fn repair(
        &self,
        side: usize,
        path: &Path,
        offset: u64,
        bytes: &[u8],
        reason: &io::Error,
    ) -> io::Result<()> {
        let place = self.place(side, path).ok_or(io::ErrorKind::InvalidInput)?;
        let write =
            |file: Arc<dyn File>| file.write_all_at(bytes, offset).and_then(|()| file.sync_data());
        match self.disk.open(&place, Access::Write).and_then(write) {
            Ok(()) => {
                self.mended.fetch_add(1, Ordering::Relaxed);
                let (path, len) = (place.display(), bytes.len());
                tracing::error!(%path, offset, len, %reason, "damage was mended from the mirror");
                Ok(())
            }
            Err(_) => self.lose(side, reason),
        }
    }

    pub(super) fn register(&self, file: &Arc<MirroredFile>) {
        let mut writable = self.writable.lock();
        writable.retain(|file| file.strong_count() > 0);
        writable.push(Arc::downgrade(file));
    }

    /// Tells the files that are open under a name that it is another one now.
    pub(super) fn renamed(&self, from: &Path, to: &Path) {
        for file in self.writable.lock().iter().filter_map(Weak::upgrade) {
            file.renamed(from, to);
        }
    }

    /// A copy that is about to be made is locked, and says that it is no database by itself.
    pub(super) fn begin(&self, side: usize, lock: Option<Box<dyn Lock>>) -> Result<()> {
        if let Some(lock) = lock {
            self.locks.lock()[side] = Some(lock);
        }
        let note = self.sides.lock().unfinished();
        note.write(&*self.disk, self.root(side))
    }

    /// Whether a copy is locked.
    pub(crate) fn is_locked(&self, side: usize) -> bool {
        self.locks.lock()[side].is_some()
    }

    /// Lets go of both copies.
    pub(crate) fn unlock(&self) {
        *self.locks.lock() = [None, None];
    }

    /// A copy has everything again, and nothing changes meanwhile. The one that had everything is the
    /// first to say so: as long as the other does not, it is not taken for a database.
    pub(super) fn reunite(&self, side: usize) -> Result<()> {
        let mut sides = self.sides.lock();
        let (disk, survivor) = (&*self.disk, self.root(1 - side));
        sides.reunited().write(disk, survivor)?;
        if let Err(error) = sides.reunited().write(disk, self.root(side)) {
            sides.parted().write(disk, survivor)?;
            sides.part();
            return Err(error);
        }
        sides.reunite();
        self.lives[side].fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// Says how far the rebuilding of a copy is.
    pub(crate) fn set_progress(&self, progress: Option<MirrorProgress>) {
        *self.rebuilding.lock() = progress;
    }

    /// How the copies are.
    pub(crate) fn status(&self) -> MirrorStatus {
        let sides = self.sides.lock();
        let folder = |side: usize| MirrorFolder {
            path: self.roots[side].clone(),
            lost: sides.lost().filter(|(lost, _)| *lost == side).map(|(_, why)| why.to_owned()),
        };
        MirrorStatus {
            folders: [folder(0), folder(1)],
            rebuilding: *self.rebuilding.lock(),
            mended: self.mended.load(Ordering::Relaxed),
        }
    }
}
