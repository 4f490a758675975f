//! A disk that breaks when it is told to.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sop_core::{Access, Database, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk};
/// A disk in memory whose syncs fail from some moment on.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    disk: MemoryDisk,
    /// Syncs that will still succeed.
    left: Arc<AtomicU32>,
}

impl Failing {
    pub(crate) fn new() -> Self {
        Self { disk: MemoryDisk::default(), left: Arc::new(AtomicU32::new(u32::MAX)) }
    }

    /// Lets so many more syncs succeed and no others.
    pub(crate) fn break_after(&self, syncs: u32) {
        self.left.store(syncs, Ordering::Relaxed);
    }

    pub(crate) fn mend(&self) {
        self.break_after(u32::MAX);
    }

    /// Opens the engine on this disk.
    pub(crate) fn engine(&self) -> sop_core::Result<Database> {
        Database::builder().disk(Arc::new(self.clone())).open("/data")
    }
}

#[derive(Debug)]
struct FailingFile {
    file: Arc<dyn File>,
    left: Arc<AtomicU32>,
}

impl FailingFile {
    fn use_up(&self) -> io::Result<()> {
        let one_less = |left: u32| left.checked_sub(1);
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        before.map(drop).map_err(|_| io::Error::other("the disk broke"))
    }
}

impl Disk for Failing {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let file = self.disk.open(path, access)?;
        Ok(Arc::new(FailingFile { file, left: Arc::clone(&self.left) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path, kind)
    }
}

impl File for FailingFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(buf, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.use_up()?;
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.use_up()?;
        self.file.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.file.map(len)
    }
}
