//! Files in memory, of which it is known what has been made durable.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    content::Change,
    fault::{Faults, reached_the_disk},
    faulty::FaultyDisk,
    journal::{Event, Image, Journal},
    names::{FileId, NameChange, Node},
    survival::Survival,
};
use crate::{
    disk::{Access, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk},
    sync::Mutex,
};

/// A disk in memory for tests: calls go wrong when they are told to, and the power can be cut
/// before any of them.
///
/// It promises what [`Disk`] promises and nothing else. Content is safe once its file is synced,
/// names once their folder is. After a power cut each change since then is there or not, whatever
/// became of the ones before and after it; a write can survive in part, by sectors of 512 bytes; the
/// changes of one name survive in their order. After a sync of a file that failed, what it was to
/// save stays readable until the power goes, and no later sync saves it.
///
/// Everything that is done to the disk is kept for as long as the disk is, written bytes included.
/// So one run of a program gives the outcome of a power cut at each of its moments:
///
/// ```
/// use std::sync::Arc;
/// use sop_core::{Database, SimulatedDisk, StoreOptions, Survival};
///
/// let disk = SimulatedDisk::new();
/// let db = Database::builder().disk(Arc::new(disk.clone())).open("db")?;
/// let tx = db.begin()?;
/// tx.create_store("stock", &StoreOptions::default())?.add("pear", "3")?;
/// tx.commit()?;
/// let acknowledged = disk.faults().calls();
/// db.close()?;
///
/// for call in 0..=disk.faults().calls() {
///     for survival in [Survival::Nothing, Survival::Everything, Survival::Random(call)] {
///         let left = disk.cut(call, survival);
///         let db = Database::builder().disk(Arc::new(left)).open("db")?;
///         let is_there = db.snapshot()?.store("stock").is_ok();
///         assert!(is_there || call < acknowledged);
///     }
/// }
/// # Ok::<_, sop_core::Error>(())
/// ```
///
/// Clones share their content. A power cut is no fault: it gives another disk, and this one goes on
/// without having noticed.
#[derive(Clone)]
pub struct SimulatedDisk {
    disk: FaultyDisk,
    journal: Arc<Mutex<Journal>>,
    /// Whether syncing a file does nothing.
    lies: bool,
}

#[derive(Debug)]
struct SimulatedFile {
    id: FileId,
    file: Arc<dyn File>,
    disk: SimulatedDisk,
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDisk").field("disk", &self.disk).finish_non_exhaustive()
    }
}

impl SimulatedDisk {
    /// An empty disk on which nothing goes wrong yet.
    pub fn new() -> Self {
        let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
        Self { disk, journal: Arc::default(), lies: false }
    }

    /// An empty disk that says of files that it synced them, and does not. A test that finds no
    /// fault with it proves nothing.
    pub fn lying() -> Self {
        Self { lies: true, ..Self::new() }
    }

    /// What is to go wrong, and the numbers of the calls.
    pub fn faults(&self) -> &Faults {
        self.disk.faults()
    }

    /// The disk as it is found if the power goes when it has had so many calls, which is before the
    /// call with this number. All that is left is durable, the numbers begin anew, nothing goes
    /// wrong.
    ///
    /// Costs a copy of what is on the disk, and going through what was done since the moment that
    /// was asked for last, or through everything if that was a later one.
    #[must_use]
    pub fn cut(&self, call: u64, survival: Survival) -> Self {
        let image = self.journal.lock().after_power_cut(call, survival);
        let disk = FaultyDisk::new(Arc::new(memory_disk(&image)));
        Self { disk, journal: Arc::new(Mutex::new(Journal::of(image))), lies: false }
    }

    /// The disk as it is found if the power goes now; see [`cut`](Self::cut).
    #[must_use]
    pub fn cut_now(&self, survival: Survival) -> Self {
        self.cut(u64::MAX, survival)
    }

    /// The numbers of the calls so far that changed or synced something, in order. A power cut
    /// before another call has the outcomes of one before the next of these.
    pub fn changes(&self) -> Vec<u64> {
        self.journal.lock().changes()
    }

    /// Does something to the disk, and enters it into the journal. In one step, so that the journal
    /// has the order in which things really happened.
    fn change<T>(
        &self,
        work: impl FnOnce(&mut Journal) -> io::Result<(T, Option<Event>)>,
    ) -> io::Result<T> {
        let mut journal = self.journal.lock();
        let (result, event) = work(&mut journal)?;
        if let Some(event) = event {
            journal.record(self.faults().calls(), event);
        }
        Ok(result)
    }
}

/// The disk that has this on it.
fn memory_disk(image: &Image) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let mut first_names: BTreeMap<FileId, &PathBuf> = BTreeMap::new();
    for (path, node) in &image.names {
        let made = match node {
            Node::Folder => disk.create_dir_all(path),
            Node::File(file) if first_names.contains_key(file) => {
                disk.link(first_names[file], path)
            }
            Node::File(file) => {
                first_names.insert(*file, path);
                let created = disk.open(path, Access::Create);
                created.and_then(|created| created.write_all_at(&image.files[file], 0))
            }
        };
        made.expect("invariant: names are there once, below folders, and memory suffices");
    }
    disk
}

impl Disk for SimulatedDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut journal = self.journal.lock();
        self.disk.create_dir_all(dir)?;
        let missing: Vec<PathBuf> = dir
            .ancestors()
            .filter(|path| path.parent().is_some() && journal.node(path).is_none())
            .map(Path::to_owned)
            .collect();
        for path in missing.into_iter().rev() {
            let event = Event::Name(NameChange::Add(path, Node::Folder));
            journal.record(self.faults().calls(), event);
        }
        Ok(())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.change(|journal| {
            let file = self.disk.open(path, access)?;
            let known = journal.node(path).and_then(Node::file);
            let id = known.unwrap_or_else(|| journal.new_file());
            let event = match known {
                Some(_) => None,
                None => Some(NameChange::Add(path.to_owned(), Node::File(id))),
            };
            let file: Arc<dyn File> = Arc::new(SimulatedFile { id, file, disk: self.clone() });
            Ok((file, event.map(Event::Name)))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|journal| {
            self.disk.rename(from, to)?;
            let event = match journal.node(from) {
                Some(Node::File(id)) if journal.node(to) != Some(Node::File(id)) => {
                    Some(Event::Name(NameChange::Rename(from.to_owned(), to.to_owned(), id)))
                }
                _ => None,
            };
            Ok(((), event))
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|journal| {
            self.disk.link(from, to)?;
            let event = journal.node(from).map(|node| NameChange::Add(to.to_owned(), node));
            Ok(((), event.map(Event::Name)))
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(|_| {
            self.disk.remove(path)?;
            Ok(((), Some(Event::Name(NameChange::Remove(path.to_owned())))))
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.change(|_| {
            self.disk.sync_dir(dir)?;
            Ok(((), Some(Event::SyncedDir(dir.to_owned()))))
        })
    }

    fn refresh_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.refresh_dir(dir)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.disk.canonical(path)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.change(|journal| {
            let lock = self.disk.lock(path, kind)?;
            let event = journal.node(path).is_none().then(|| {
                let node = Node::File(journal.new_file());
                Event::Name(NameChange::Add(path.to_owned(), node))
            });
            Ok((lock, event))
        })
    }
}

impl SimulatedFile {
    fn sync(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.disk.lies {
            return sync();
        }
        let mut journal = self.disk.journal.lock();
        let synced = sync();
        if synced.as_ref().err().is_none_or(reached_the_disk) {
            journal.record(self.disk.faults().calls(), Event::Synced(self.id, synced.is_ok()));
        }
        synced
    }
}

/// An offset or a length that a file in memory has.
fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("invariant: a file in memory is no longer than memory")
}

impl File for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.disk.change(|_| {
            let len = self.file.write_at(buf, offset)?;
            let change = (len > 0).then(|| Change::Write(index(offset), buf[..len].into()));
            Ok((len, change.map(|change| Event::Content(self.id, change))))
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.change(|_| {
            self.file.set_len(len)?;
            Ok(((), Some(Event::Content(self.id, Change::SetLen(index(len))))))
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync(|| self.file.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync(|| self.file.sync_all())
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.file.map(len)
    }
}
