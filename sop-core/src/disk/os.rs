//! The operating system's file system.

use std::{
    fs::{DirBuilder, OpenOptions, TryLockError, canonicalize, read_dir, read_to_string},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Access, Disk, Entry, File, Lock, LockKind, Mapping, Mount, mount};
#[cfg(not(shuttle))]
use crate::sync::thread;

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The file system of the operating system (Linux, macOS).
///
/// Locks are those of `flock(2)`: advisory, between open files, across processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

#[derive(Debug)]
struct OsFile(std::fs::File);

#[derive(Debug)]
struct OsLock(std::fs::File);

/// The current folder has an empty path where it is what remains of a file's path without the
/// name; the system wants a dot.
fn spelled_out(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

impl Disk for OsDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut options = OpenOptions::new();
        options.read(true).mode(FILE_MODE);
        match access {
            Access::Read => {}
            Access::Write => _ = options.write(true),
            Access::Create => _ = options.write(true).create_new(true),
        }
        let file = options.open(path)?;
        // The system lets a folder be opened for reading and refuses only the reading itself.
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Arc::new(OsFile(file)))
    }

    /// On Linux.
    #[cfg(target_os = "linux")]
    fn open_direct(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        super::direct::open(path, access)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the disk that others are to use")]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the disk that others are to use")]
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in read_dir(spelled_out(dir))? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let is_dir = metadata.is_dir();
            let len = if is_dir { 0 } else { metadata.len() };
            entries.push(Entry { name: entry.file_name(), is_dir, len });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        OpenOptions::new().read(true).open(spelled_out(dir))?.sync_all()
    }

    /// A thread costs less than any sync. Where schedules are explored there is no disk to wait for.
    #[cfg(not(shuttle))]
    fn at_once(&self, waits: [&(dyn Fn() -> io::Result<()> + Sync); 2]) -> [io::Result<()>; 2] {
        let [one, other] = waits;
        thread::scope(|scope| {
            let first = thread::Builder::new().spawn_scoped(scope, one);
            let second = other();
            let first = match first {
                Ok(thread) => thread.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())),
                // The system has no thread to give.
                Err(_) => one(),
            };
            [first, second]
        })
    }

    /// Opening a folder makes a client of NFS ask the server whether it has changed.
    fn refresh_dir(&self, dir: &Path) -> io::Result<()> {
        OpenOptions::new().read(true).open(spelled_out(dir)).map(drop)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        canonicalize(spelled_out(path))
    }

    /// Linux tells it; others do not.
    fn mount(&self, dir: &Path) -> io::Result<Option<Mount>> {
        let dir = canonicalize(spelled_out(dir))?;
        Ok(read_to_string("/proc/self/mountinfo").ok().and_then(|lines| mount::of(&dir, &lines)))
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        let outcome = match kind {
            LockKind::Exclusive => file.try_lock(),
            LockKind::Shared => file.try_lock_shared(),
        };
        match outcome {
            Ok(()) => Ok(Some(Box::new(OsLock(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl File for OsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn names(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.0.metadata()?.nlink()))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.0, buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(&self.0, buf, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        if len > self.len()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut options = memmap2::MmapOptions::new();
        options.len(len);
        #[expect(unsafe_code, reason = "a file can be read without copying only by mapping it")]
        // SAFETY: the bytes must not change while they are borrowed. `File::map` obliges the
        // engine to map only files that it never writes again, and the database's lock keeps other
        // processes of ours away. The mapped range exists, as checked above.
        let map = unsafe { options.map(&self.0) }?;
        Ok(Mapping::from(map))
    }
}

impl Lock for OsLock {}

impl Drop for OsLock {
    fn drop(&mut self) {
        // Closing alone would leave the lock with a child that another thread is just spawning,
        // until that child closes its copy. If unlocking fails, closing is still to come.
        drop(self.0.unlock());
    }
}
