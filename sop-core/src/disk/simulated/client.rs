//! What one machine sees of a disk that others use as well.
//!
//! A client of a network's file system answers from memory what it has asked lately: that a name is
//! not there, or what a folder holds. And a request to link can be executed without its answer
//! arriving, or not be executed at all, or be executed long after its sender gave up; some clients
//! take "exists already" for the success of a request that they sent twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::{Access, Disk, Entry, File, Lock, LockKind},
    sync::Mutex,
};

/// What becomes of a request to link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LinkFate {
    /// It is executed, and answered as it is.
    #[default]
    Answered,
    /// It is executed, and answered as if the name had been free.
    Misreported,
    /// It is executed, and its answer is lost: it fails with `TimedOut`.
    Unanswered,
    /// It is not executed, and fails with `TimedOut`.
    Lost,
    /// It fails with `TimedOut`, and is executed by [`ClientDisk::deliver`].
    Late,
}

/// Decides about a request to link.
type Judge = dyn Fn(&Path) -> LinkFate + Send + Sync;

/// A machine's view of a disk that several such share. Clones are the same machine.
///
/// ```
/// use std::{io::ErrorKind, path::Path, sync::Arc};
/// use sop_core::{Access, ClientDisk, Disk, MemoryDisk};
///
/// let server: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
/// let (one, other) = (ClientDisk::new(Arc::clone(&server)), ClientDisk::new(server));
/// let name = Path::new("/name");
/// assert!(other.open(name, Access::Read).is_err());
/// one.open(name, Access::Create)?;
///
/// let remembered = other.open(name, Access::Read);
/// assert_eq!(remembered.unwrap_err().kind(), ErrorKind::NotFound);
/// other.refresh_dir(Path::new("/"))?;
/// assert!(other.open(name, Access::Read).is_ok());
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct ClientDisk {
    server: Arc<dyn Disk>,
    memory: Arc<Mutex<Memory>>,
}

/// What a machine remembers.
#[derive(Default)]
struct Memory {
    /// Names that were not there when they were asked for.
    absent: BTreeSet<PathBuf>,
    /// What folders held when they were listed.
    listings: BTreeMap<PathBuf, Vec<Entry>>,
    judge: Option<Arc<Judge>>,
    /// Requests that are still on their way.
    late: Vec<(PathBuf, PathBuf)>,
    /// How often an answer from memory was wrong.
    stale: u64,
}

impl Memory {
    /// This machine itself has changed a name.
    fn note(&mut self, path: &Path) {
        self.absent.remove(path);
        if let Some(dir) = path.parent() {
            self.listings.remove(dir);
        }
    }
}

impl fmt::Debug for ClientDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientDisk").field("server", &self.server).finish_non_exhaustive()
    }
}

impl ClientDisk {
    /// A machine that has not asked for anything yet. All requests are answered.
    pub fn new(server: Arc<dyn Disk>) -> Self {
        Self { server, memory: Arc::default() }
    }

    /// Asks `judge` what becomes of each request to link, by the name that it is to make.
    pub fn judge_links(&self, judge: impl Fn(&Path) -> LinkFate + Send + Sync + 'static) {
        self.memory.lock().judge = Some(Arc::new(judge));
    }

    /// Executes the requests that are late, as far as they can still be executed; how many there
    /// were.
    pub fn deliver(&self) -> usize {
        let late = std::mem::take(&mut self.memory.lock().late);
        for (from, to) in &late {
            // Nobody waits for the answer any more.
            drop(self.server.link(from, to));
        }
        late.len()
    }

    /// How often it answered from memory what was not so any more, since this was asked last.
    pub fn take_stale_answers(&self) -> u64 {
        std::mem::take(&mut self.memory.lock().stale)
    }

    fn fate(&self, to: &Path) -> LinkFate {
        let judge = self.memory.lock().judge.clone();
        judge.map(|judge| judge(to)).unwrap_or_default()
    }
}

impl Disk for ClientDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.server.create_dir_all(dir)?;
        let mut memory = self.memory.lock();
        memory.absent.clear();
        memory.listings.clear();
        Ok(())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        if access != Access::Create && self.memory.lock().absent.contains(path) {
            let is_stale = self.server.open(path, access).is_ok();
            self.memory.lock().stale += u64::from(is_stale);
            return Err(io::ErrorKind::NotFound.into());
        }
        let opened = self.server.open(path, access);
        let mut memory = self.memory.lock();
        match &opened {
            Ok(_) if access == Access::Create => memory.note(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                memory.absent.insert(path.to_owned());
            }
            _ => {}
        }
        opened
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.server.rename(from, to)?;
        let mut memory = self.memory.lock();
        memory.note(from);
        memory.note(to);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let fate = self.fate(to);
        let executed = match fate {
            LinkFate::Lost => Ok(()),
            LinkFate::Late => {
                self.memory.lock().late.push((from.to_owned(), to.to_owned()));
                Ok(())
            }
            LinkFate::Answered | LinkFate::Misreported | LinkFate::Unanswered => {
                self.server.link(from, to)
            }
        };
        match fate {
            LinkFate::Answered => executed.inspect(|()| self.memory.lock().note(to)),
            LinkFate::Misreported => match executed {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => Ok(()),
            },
            LinkFate::Unanswered | LinkFate::Lost | LinkFate::Late => {
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.server.remove(path)?;
        self.memory.lock().note(path);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let remembered = self.memory.lock().listings.get(dir).cloned();
        if let Some(entries) = remembered {
            let is_stale = self.server.list(dir).is_ok_and(|now| now != entries);
            self.memory.lock().stale += u64::from(is_stale);
            return Ok(entries);
        }
        let entries = self.server.list(dir)?;
        self.memory.lock().listings.insert(dir.to_owned(), entries.clone());
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.server.sync_dir(dir)
    }

    fn refresh_dir(&self, dir: &Path) -> io::Result<()> {
        self.server.refresh_dir(dir)?;
        let mut memory = self.memory.lock();
        memory.absent.retain(|path| path.parent() != Some(dir));
        memory.listings.remove(dir);
        Ok(())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.server.canonical(path)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.server.lock(path, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDisk;

    fn machines() -> (ClientDisk, ClientDisk) {
        let server: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        (ClientDisk::new(Arc::clone(&server)), ClientDisk::new(server))
    }

    fn is_there(disk: &ClientDisk, name: &str) -> bool {
        disk.open(Path::new(name), Access::Read).is_ok()
    }

    #[test]
    fn a_listing_is_remembered_until_the_folder_is_looked_at_anew() {
        let (one, other) = machines();
        let root = Path::new("/");
        assert!(other.list(root).unwrap().is_empty());
        one.open(Path::new("/a"), Access::Create).unwrap();
        assert!(other.list(root).unwrap().is_empty());
        assert_eq!((one.take_stale_answers(), other.take_stale_answers()), (0, 1));
        other.refresh_dir(root).unwrap();
        assert_eq!(other.list(root).unwrap().len(), 1);
    }

    #[test]
    fn a_link_over_a_remembered_absence_is_refused() {
        let (one, other) = machines();
        assert!(!is_there(&other, "/b"));
        one.open(Path::new("/a"), Access::Create).unwrap();
        one.link(Path::new("/a"), Path::new("/b")).unwrap();
        other.open(Path::new("/c"), Access::Create).unwrap();
        let linked = other.link(Path::new("/c"), Path::new("/b"));
        assert_eq!(linked.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        other.judge_links(|_| LinkFate::Misreported);
        assert!(other.link(Path::new("/c"), Path::new("/b")).is_ok());
    }

    #[test]
    fn a_request_without_an_answer_is_executed_at_once_later_or_never() {
        for (fate, at_once, later) in [
            (LinkFate::Unanswered, true, true),
            (LinkFate::Late, false, true),
            (LinkFate::Lost, false, false),
        ] {
            let (one, other) = machines();
            one.open(Path::new("/a"), Access::Create).unwrap();
            one.judge_links(move |_| fate);
            let linked = one.link(Path::new("/a"), Path::new("/b"));
            assert_eq!(linked.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(is_there(&other, "/b"), at_once);
            one.deliver();
            other.refresh_dir(Path::new("/")).unwrap();
            assert_eq!(is_there(&other, "/b"), later);
        }
    }
}
