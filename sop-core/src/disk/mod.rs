//! The only door to files.
//!
//! All of the engine's input and output goes through a [`Disk`]: the operating system's
//! ([`OsDisk`]), one in memory ([`MemoryDisk`]), one for tests that fails and loses its power
//! (`SimulatedDisk`), what a machine sees of one that others use as well (`ClientDisk`), or one of
//! the caller's own. The interface is narrow, and each of its promises
//! is one that recovery relies on:
//!
//! - What was written to a file survives a crash once a later `sync_data` or `sync_all` of the file
//!   has returned; before that all, none, or any part of it may.
//! - A created, renamed, linked or removed name survives once a later `sync_dir` of its folder has
//!   returned.
//! - `rename` and `link` happen as a whole or not at all.
//! - After a failed sync nothing is known about what was written before it, and a second sync that
//!   succeeds proves nothing. The engine never retries one.

#[cfg(target_os = "linux")]
mod direct;
mod memory;
mod memory_limit;
pub(crate) mod mirrored;
mod mount;
mod os;
#[cfg(any(test, feature = "simulation"))]
mod simulated;
#[cfg(test)]
mod tests;
pub(crate) mod whole;

use std::{
    ffi::OsString,
    fmt, io,
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::Error;

pub use memory::MemoryDisk;
pub(crate) use memory_limit::memory_limit;
pub use mirrored::{MirrorFolder, MirrorProgress, MirrorStatus};
pub use mount::Mount;
pub use os::OsDisk;
#[cfg(any(test, feature = "simulation"))]
pub use simulated::{
    Call, ClientDisk, Fault, Faults, FaultyDisk, LinkFate, SimulatedDisk, Survival,
};

/// The file in a folder that is locked by whoever uses the folder.
pub(crate) const LOCK_FILE: &str = "LOCK";

/// Makes an I/O error say what was being done to which file: `.map_err(failed("sync", path))`.
pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::DiskFull { path: path.to_owned() }
        }
        _ => Error::Io { action, path: path.to_owned(), source: Arc::new(error) },
    }
}

/// A hierarchy of folders and files. Implementations may be called from many threads at once.
///
/// Errors are the system's own; the kinds that the engine tells apart are `NotFound`,
/// `AlreadyExists`, `StorageFull` and `QuotaExceeded`.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a folder and those above it, as far as they are missing, readable only by their
    /// owner. The names are durable once each folder above has been synced.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Opens a file; how is up to `access`. Fails with `NotFound` if the file, or for
    /// [`Access::Create`] its folder, does not exist, and with `IsADirectory` for a folder.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>>;

    /// The same as [`open`](Self::open) for a file whose content is to go past the memory in which
    /// the system keeps what was read and written, if the disk can do so. What is read and written is
    /// the same. The default opens it as any other.
    fn open_direct(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.open(path, access)
    }

    /// Gives the file `from` the name `to`, in one step. A file that had that name loses it; those
    /// who have it open keep it. Nothing happens if both are names of the same file.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives the file `from` the second name `to`, in one step. Fails with `AlreadyExists`, and
    /// changes nothing, if that name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file's name away. Those who have the file open, or mapped, keep it.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// What a folder holds, in the order of the names.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;

    /// Makes all changes of names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Does what [`sync_dir`](Self::sync_dir) and [`File::sync_all`] do, the one for a folder and the
    /// other for a file; and says how each has ended. May take no longer than the slower one.
    fn sync_both(&self, dir: &Path, file: &dyn File) -> [io::Result<()>; 2] {
        self.at_once([&|| self.sync_dir(dir), &|| file.sync_all()])
    }

    /// Does two things that wait for a device, and says how each has ended. They may be done at the
    /// same time, by threads; the default does the second after the first.
    fn at_once(&self, waits: [&(dyn Fn() -> io::Result<()> + Sync); 2]) -> [io::Result<()>; 2] {
        waits.map(|wait| wait())
    }

    /// Looks at a folder anew: what is opened or listed in it afterwards is there, or is not, as of
    /// this call or later. For file systems that other machines change, whose clients otherwise
    /// answer from memory for a while; all others have nothing to do, which is the default.
    fn refresh_dir(&self, dir: &Path) -> io::Result<()> {
        let _ = dir;
        Ok(())
    }

    /// What a folder is on, for warnings of what it is not fit for; none if the system does not tell,
    /// which is the default.
    fn mount(&self, dir: &Path) -> io::Result<Option<Mount>> {
        let _ = dir;
        Ok(None)
    }

    /// The one path by which a file or folder that is there is known, whatever links lead to it. Fails
    /// with `NotFound` if there is none. The default knows of no links, and looks at nothing.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(whole::plain(path))
    }

    /// A part of a file as it is right, if it is not so wherever the disk keeps it: what is wrong is
    /// put right where it is. `None` if it is right nowhere, or if the disk keeps a file only once,
    /// which is the default.
    fn mend(
        &self,
        path: &Path,
        offset: u64,
        len: usize,
        is_right: &dyn Fn(&[u8]) -> bool,
    ) -> io::Result<Option<Vec<u8>>> {
        _ = (path, offset, len, is_right);
        Ok(None)
    }

    /// Locks a file, which is created if it does not exist, until the lock is dropped; the system
    /// drops the locks of a process that dies. `None` if another handle holds a lock that excludes
    /// this one, be it in this process or in another. Never waits.
    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>>;
}

/// An open file. It is closed when the last reference is dropped.
///
/// There is no current position: every call says where, so that threads can share a file.
pub trait File: Send + Sync + fmt::Debug {
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the length is zero.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// How many names it has; none if the system does not tell, which is the default.
    fn names(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Reads bytes at `offset` into the front of `buf`, and says how many. It may be fewer than
    /// there is room for; none means that the file ends there. Only this and
    /// [`write_at`](Self::write_at) may fail with `Interrupted`, having done nothing.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes bytes from the front of `buf` at `offset`, and says how many, which may be fewer than
    /// there are. The file grows as needed, with zeros where nothing was written. Fails with
    /// `InvalidInput` for an offset that no file can have.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize>;

    /// Fills all of `buf` from the bytes at `offset`, continuing after short reads and
    /// interruptions. Fails with `UnexpectedEof` if the file ends before; `buf` then holds anything.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        transfer(buf.len(), offset, io::ErrorKind::UnexpectedEof, |done, offset| {
            self.read_at(&mut buf[done..], offset)
        })
    }

    /// Writes all of `buf` at `offset`, continuing after short writes and interruptions. After a
    /// failure any part of the range may have been written. Fails with `WriteZero` if the disk
    /// takes nothing and does not say why.
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        transfer(buf.len(), offset, io::ErrorKind::WriteZero, |done, offset| {
            self.write_at(&buf[done..], offset)
        })
    }

    /// Cuts the file to `len` bytes, or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the content durable, and as much of the rest as is needed to read it.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the content and everything the system knows about the file durable.
    fn sync_all(&self) -> io::Result<()>;

    /// The first `len` bytes as memory. Fails with `UnexpectedEof` if the file is shorter.
    ///
    /// Only a file that is never changed again may be mapped: the mapping need not follow changes,
    /// and on [`OsDisk`] a file that somebody cuts short while it is mapped ends the process with
    /// `SIGBUS` when the lost part is read. The mapping outlives this handle and the file's name.
    fn map(&self, len: u64) -> io::Result<Mapping>;
}

/// Repeats a call that may be short or interrupted until `len` bytes are done. It is given what is
/// done already and the offset to go on at; `stuck` is the failure if it does nothing.
fn transfer(
    len: usize,
    offset: u64,
    stuck: io::ErrorKind,
    mut call: impl FnMut(usize, u64) -> io::Result<usize>,
) -> io::Result<()> {
    let mut done = 0;
    while done < len {
        let at = offset.checked_add(done as u64).ok_or(io::ErrorKind::InvalidInput)?;
        match call(done, at) {
            Ok(0) => return Err(stuck.into()),
            // A disk that claims to have done more than it was asked for is done, not beyond.
            Ok(more) => done = done.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A held lock of [`Disk::lock`]; dropping it releases it.
pub trait Lock: Send + Sync + fmt::Debug {}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reading a file that exists.
    Read,
    /// Reading and writing a file that exists.
    Write,
    /// Reading and writing a file that must not exist (`AlreadyExists`) and that only its owner can
    /// read or write afterwards.
    Create,
}

/// Whom a lock excludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// Everybody else.
    Exclusive,
    /// Everybody who wants an exclusive lock.
    Shared,
}

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the folder's.
    pub name: OsString,
    /// Whether it is a folder itself.
    pub is_dir: bool,
    /// Its length in bytes; 0 for a folder.
    pub len: u64,
}

/// The bytes of a file as memory, for as long as this or a clone of it lives. Cheap to clone.
#[derive(Clone)]
pub struct Mapping(Mapped);

#[derive(Clone)]
enum Mapped {
    Heap(Arc<[u8]>),
    File(Arc<memmap2::Mmap>),
}

impl Mapping {
    /// Tells the system whether to read more of the file than it is asked for. That is only advice:
    /// where it cannot be given, reading goes on as before.
    pub(crate) fn read_ahead(&self, ahead: bool) {
        let Mapped::File(map) = &self.0 else { return };
        let advice = if ahead { memmap2::Advice::Normal } else { memmap2::Advice::Random };
        if let Err(error) = map.advise(advice) {
            tracing::debug!(%error, "the system takes no advice");
        }
    }

    /// Tells the system to read these bytes, which exist, in one go.
    pub(crate) fn will_need(&self, start: usize, len: usize) {
        if let Mapped::File(map) = &self.0
            && let Err(error) = map.advise_range(memmap2::Advice::WillNeed, start, len)
        {
            tracing::debug!(%error, "the system takes no advice");
        }
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Mapped::Heap(bytes) => bytes,
            Mapped::File(map) => map,
        }
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// A copy in ordinary memory, for disks that cannot map.
impl From<Vec<u8>> for Mapping {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Mapped::Heap(bytes.into()))
    }
}

impl From<memmap2::Mmap> for Mapping {
    fn from(map: memmap2::Mmap) -> Self {
        Self(Mapped::File(Arc::new(map)))
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("len", &self.len()).finish()
    }
}
