//! Another disk, but calls go wrong.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::fault::{Attempt, Call, Faults};
use crate::disk::{Access, Disk, Entry, File, Lock, LockKind, Mapping};

/// Passes calls on to another disk, be it a real one, except those that are to go wrong.
///
/// ```
/// use std::{io::ErrorKind, sync::Arc};
/// use sop_core::{Call, Database, Error, Fault, FaultyDisk, MemoryDisk, StoreOptions};
///
/// let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
/// let faults = disk.faults().clone();
/// let db = Database::builder().disk(Arc::new(disk)).open("db")?;
///
/// faults.judge(|call, _| (call == Call::Sync).then_some(Fault::Error(ErrorKind::Other)));
/// let tx = db.begin()?;
/// tx.create_store("stock", &StoreOptions::default())?;
/// assert!(matches!(tx.commit(), Err(Error::CommitUnknown { .. })));
/// # Ok::<_, Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    faults: Faults,
}

#[derive(Debug)]
struct FaultyFile {
    path: PathBuf,
    inner: Arc<dyn File>,
    faults: Faults,
}

impl FaultyDisk {
    /// Over another disk. Nothing goes wrong yet.
    pub fn new(inner: Arc<dyn Disk>) -> Self {
        Self { inner, faults: Faults::default() }
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn attempt(&self, call: Call, path: &Path, takes_space: bool) -> io::Result<()> {
        self.faults.attempt(Attempt { call, path, takes_space, len: 0 }).map(drop)
    }

    /// The length of a file that may not exist.
    fn len_of(&self, path: &Path) -> u64 {
        self.inner.open(path, Access::Read).and_then(|file| file.len()).unwrap_or(0)
    }
}

impl Disk for FaultyDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.attempt(Call::Create, dir, true)?;
        self.inner.create_dir_all(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let creates = access == Access::Create;
        self.attempt(if creates { Call::Create } else { Call::Open }, path, creates)?;
        let inner = self.inner.open(path, access)?;
        Ok(Arc::new(FaultyFile { path: path.to_owned(), inner, faults: self.faults.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.attempt(Call::Name, to, false)?;
        self.inner.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.attempt(Call::Name, to, true)?;
        self.inner.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.attempt(Call::Name, path, false)?;
        let len = self.len_of(path);
        self.inner.remove(path)?;
        self.faults.add_room(len);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.attempt(Call::Look, dir, false)?;
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.attempt(Call::Sync, dir, false)?;
        self.inner.sync_dir(dir)
    }

    fn refresh_dir(&self, dir: &Path) -> io::Result<()> {
        self.attempt(Call::Look, dir, false)?;
        self.inner.refresh_dir(dir)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.attempt(Call::Look, path, false)?;
        self.inner.canonical(path)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.attempt(Call::Lock, path, false)?;
        self.inner.lock(path, kind)
    }
}

impl FaultyFile {
    /// How many bytes the call is to read or write.
    fn attempt(&self, call: Call, takes_space: bool, len: usize) -> io::Result<usize> {
        self.faults.attempt(Attempt { call, path: &self.path, takes_space, len })
    }

    /// Makes sure of room for a file of `end` bytes that has `len`; how far the room reaches.
    fn reach(&self, len: u64, end: u64) -> u64 {
        let growth = end.saturating_sub(len);
        end - (growth - self.faults.take_room(growth))
    }
}

impl File for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.attempt(Call::Look, false, 0)?;
        self.inner.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = self.attempt(Call::Read, false, buf.len())?;
        self.inner.read_at(&mut buf[..len], offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let old = self.inner.len()?;
        let grows = offset.saturating_add(buf.len() as u64) > old;
        let len = self.attempt(Call::Write, grows, buf.len())?;
        // No room would do for what no file can have; why, the disk below says.
        let Some(end) = offset.checked_add(len as u64) else {
            return self.inner.write_at(buf, offset);
        };
        let reach = self.reach(old, end);
        let fits = usize::try_from(reach.saturating_sub(offset)).unwrap_or(usize::MAX).min(len);
        if fits == 0 && len > 0 {
            self.faults.add_room(reach.saturating_sub(old));
            return Err(ErrorKind::StorageFull.into());
        }
        let written = self.inner.write_at(&buf[..fits], offset);
        if written.is_err() {
            self.faults.add_room(reach.saturating_sub(old));
        }
        written
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let old = self.inner.len()?;
        self.attempt(Call::Write, len > old, 0)?;
        let reach = self.reach(old, len);
        let changed =
            if reach < len { Err(ErrorKind::StorageFull.into()) } else { self.inner.set_len(len) };
        let given_back =
            if changed.is_ok() { old.saturating_sub(len) } else { reach.saturating_sub(old) };
        self.faults.add_room(given_back);
        changed
    }

    fn sync_data(&self) -> io::Result<()> {
        self.attempt(Call::Sync, false, 0)?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.attempt(Call::Sync, false, 0)?;
        self.inner.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.attempt(Call::Read, false, 0)?;
        self.inner.map(len)
    }
}
