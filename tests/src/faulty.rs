//! A disk with faults.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sop_core::{Access, Disk, Entry, File, Lock, LockKind, Mapping};

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Creating a folder, or a file.
    Create,
    /// Opening a file that exists.
    Open,
    /// Looking up a file's length, or what is in a folder.
    Look,
    /// Reading, or mapping.
    Read,
    /// Writing, or changing a file's length.
    Write,
    /// Making a file's content or a folder's names durable.
    Sync,
    /// Renaming, linking, or removing.
    Name,
    /// Locking.
    Lock,
}

impl Call {
    /// Whether the disk is different afterwards.
    pub fn changes(self) -> bool {
        matches!(self, Self::Create | Self::Write | Self::Sync | Self::Name)
    }
}

/// As much room as nobody needs, with some to spare for what is given back.
const UNLIMITED: u64 = u64::MAX / 2;

/// Decides before each call whether it fails, and how.
type Judge = dyn Fn(Call, &Path) -> io::Result<()> + Send + Sync;

/// Another disk, but calls fail as a judge decides, and room can run out.
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    faults: Arc<Faults>,
}

struct Faults {
    judge: Box<Judge>,
    /// Bytes by which files may still grow.
    room: Arc<AtomicU64>,
}

struct FaultyFile {
    path: PathBuf,
    inner: Arc<dyn File>,
    faults: Arc<Faults>,
}

impl FaultyDisk {
    /// A disk whose calls fail when the judge says so.
    pub fn judged(
        inner: Arc<dyn Disk>,
        judge: impl Fn(Call, &Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let faults = Faults { judge: Box::new(judge), room: Arc::new(UNLIMITED.into()) };
        Self { inner, faults: Arc::new(faults) }
    }

    /// A disk with room for so many bytes, which may be changed while it is in use.
    pub fn with_room(inner: Arc<dyn Disk>, room: Arc<AtomicU64>) -> Self {
        let faults = Faults { judge: Box::new(|_, _| Ok(())), room };
        Self { inner, faults: Arc::new(faults) }
    }

    fn judge(&self, call: Call, path: &Path) -> io::Result<()> {
        (self.faults.judge)(call, path)
    }
}

impl Faults {
    /// Takes as much of the room as is left, up to `wanted`, and says how much that is.
    fn take_room(&self, wanted: u64) -> u64 {
        let take = |room: u64| Some(room - room.min(wanted));
        let before = self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        before.unwrap_or_default().min(wanted)
    }

    fn give_room_back(&self, bytes: u64) {
        self.room.fetch_add(bytes, Ordering::SeqCst);
    }
}

impl fmt::Debug for FaultyDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyDisk").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl fmt::Debug for FaultyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Disk for FaultyDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.judge(Call::Create, dir)?;
        self.inner.create_dir_all(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let call = if access == Access::Create { Call::Create } else { Call::Open };
        self.judge(call, path)?;
        let inner = self.inner.open(path, access)?;
        Ok(Arc::new(FaultyFile { path: path.to_owned(), inner, faults: self.faults.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.judge(Call::Name, to)?;
        self.inner.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.judge(Call::Name, to)?;
        self.inner.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.judge(Call::Name, path)?;
        let len = self.inner.open(path, Access::Read).and_then(|file| file.len()).unwrap_or(0);
        self.inner.remove(path)?;
        self.faults.give_room_back(len);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.judge(Call::Look, dir)?;
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.judge(Call::Sync, dir)?;
        self.inner.sync_dir(dir)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.judge(Call::Lock, path)?;
        self.inner.lock(path, kind)
    }
}

impl FaultyFile {
    fn judge(&self, call: Call) -> io::Result<()> {
        (self.faults.judge)(call, &self.path)
    }

    /// Makes sure of room up to `end`, and returns how far it reaches.
    fn reach(&self, end: u64) -> io::Result<u64> {
        let len = self.inner.len()?;
        let growth = end.saturating_sub(len);
        Ok(end - (growth - self.faults.take_room(growth)))
    }
}

impl File for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.judge(Call::Look)?;
        self.inner.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.judge(Call::Read)?;
        self.inner.read_exact_at(buf, offset)
    }

    /// What does not fit is not written, but what does fit is.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.judge(Call::Write)?;
        let reach = self.reach(offset + buf.len() as u64)?;
        let fits = usize::try_from(reach.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (fitting, rest) = buf.split_at(fits.min(buf.len()));
        self.inner.write_all_at(fitting, offset)?;
        if rest.is_empty() { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.judge(Call::Write)?;
        let old = self.inner.len()?;
        let reach = self.reach(len)?;
        if reach < len {
            self.faults.give_room_back(reach.saturating_sub(old));
            return Err(ErrorKind::StorageFull.into());
        }
        self.inner.set_len(len)?;
        self.faults.give_room_back(old.saturating_sub(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.judge(Call::Sync)?;
        self.inner.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.judge(Call::Sync)?;
        self.inner.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.judge(Call::Read)?;
        self.inner.map(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sop_core::MemoryDisk;

    fn small(room: u64) -> (FaultyDisk, Arc<AtomicU64>) {
        let room = Arc::new(AtomicU64::new(room));
        (FaultyDisk::with_room(Arc::new(MemoryDisk::default()), room.clone()), room)
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_room_comes_back_with_removal() -> io::Result<()> {
        let (disk, room) = small(10);
        let file = disk.open(Path::new("a"), Access::Create)?;
        file.write_all_at(&[1; 8], 0)?;
        let full = file.write_all_at(&[2; 8], 4).map_err(|error| error.kind());
        assert_eq!(full, Err(ErrorKind::StorageFull));
        assert_eq!(file.len()?, 10);
        file.write_all_at(&[3; 10], 0)?;
        disk.remove(Path::new("a"))?;
        assert_eq!(room.load(Ordering::SeqCst), 10);
        Ok(())
    }

    #[test]
    fn a_length_that_does_not_fit_changes_nothing() -> io::Result<()> {
        let (disk, room) = small(10);
        let file = disk.open(Path::new("a"), Access::Create)?;
        file.set_len(6)?;
        assert_eq!(file.set_len(11).map_err(|e| e.kind()), Err(ErrorKind::StorageFull));
        assert_eq!((file.len()?, room.load(Ordering::SeqCst)), (6, 4));
        file.set_len(1)?;
        assert_eq!(room.load(Ordering::SeqCst), 9);
        Ok(())
    }

    #[test]
    fn the_judge_is_asked_about_every_call_and_its_word_counts() -> io::Result<()> {
        let disk = FaultyDisk::judged(Arc::new(MemoryDisk::default()), |call, _| {
            if call == Call::Sync { Err(ErrorKind::Other.into()) } else { Ok(()) }
        });
        let file = disk.open(Path::new("a"), Access::Create)?;
        file.write_all_at(&[1; 8], 0)?;
        assert!(file.sync_data().is_err() && file.sync_all().is_err());
        assert!(disk.sync_dir(Path::new("")).is_err());
        Ok(())
    }
}
