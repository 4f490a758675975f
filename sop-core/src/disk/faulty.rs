//! A disk for tests that fails when it is told to, and knows what a power failure would leave.
//!
//! It behaves like [`MemoryDisk`], and keeps a ledger beside it of what has been synced. Of what
//! has not, a power failure keeps an arbitrary part: any of the 512-byte sectors of any write, any
//! change of a length, any change of a name. After a failed sync the written bytes stay readable
//! but later syncs do not touch them, which is what real systems do.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Access, Disk, Entry, File, Lock, LockKind, Mapping, MemoryDisk};
use crate::sync::Mutex;

const SECTOR: usize = 512;

/// See the module. Clones share their content.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk {
    now: MemoryDisk,
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Debug, Default)]
struct Ledger {
    plan: Plan,
    /// Calls so far that could fail because they change something.
    calls: u64,
    dirs: Vec<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    unsynced_names: Vec<NameChange>,
    files: Vec<Saved>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Plan {
    #[default]
    Work,
    /// The call with this number fails, with such an error.
    FailOnce(u64, io::ErrorKind),
    /// All calls from this number on fail, as if the machine had stopped.
    Stop(u64),
    /// Whatever would take new space fails.
    Full,
}

#[derive(Clone, Debug)]
enum NameChange {
    Add(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

/// A file apart from its names.
#[derive(Clone, Debug, Default)]
struct Saved {
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

#[derive(Debug)]
struct FaultyFile {
    now: Arc<dyn File>,
    id: usize,
    ledger: Arc<Mutex<Ledger>>,
}

impl FaultyDisk {
    /// The call that changes something after `calls` more such calls fails, and none after it.
    pub(crate) fn fail_once_after(&self, calls: u64, kind: io::ErrorKind) {
        let mut ledger = self.ledger.lock();
        ledger.plan = Plan::FailOnce(ledger.calls + calls, kind);
    }

    /// After `calls` more calls that change something, every such call fails.
    pub(crate) fn stop_after(&self, calls: u64) {
        let mut ledger = self.ledger.lock();
        ledger.plan = Plan::Stop(ledger.calls + calls);
    }

    /// From now on nothing can be created and no file can grow, until [`work`](Self::work).
    pub(crate) fn fill_up(&self) {
        self.ledger.lock().plan = Plan::Full;
    }

    /// From now on everything works.
    pub(crate) fn work(&self) {
        self.ledger.lock().plan = Plan::Work;
    }

    /// How many calls so far would have changed something.
    pub(crate) fn calls(&self) -> u64 {
        self.ledger.lock().calls
    }

    /// What is on the disk after a power failure at this moment. `keep` is asked for every piece
    /// that has not been synced whether it got there all the same.
    pub(crate) fn power_failure(&self, keep: &mut dyn FnMut() -> bool) -> Self {
        let ledger = self.ledger.lock();
        let mut names = ledger.durable_names.clone();
        for change in &ledger.unsynced_names {
            if keep() {
                change.apply(&mut names);
            }
        }
        let after = Self::default();
        for dir in &ledger.dirs {
            after.create_dir_all(dir).expect("the folder existed before");
        }
        let files: Vec<_> = ledger.files.iter().map(|file| file.survivor(keep)).collect();
        let mut first_names: BTreeMap<usize, PathBuf> = BTreeMap::new();
        for (path, id) in names {
            match first_names.get(&id) {
                Some(first) => after.link(first, &path),
                None => after.restore(&path, &files[id]),
            }
            .expect("the name was free");
            first_names.entry(id).or_insert(path);
        }
        after
    }

    /// Creates a file that is durable.
    fn restore(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.open(path, Access::Create)?;
        file.write_all_at(bytes, 0)?;
        file.sync_all()?;
        self.sync_dir(path.parent().unwrap_or(path))
    }
}

impl Ledger {
    /// Counts a call and fails it if that is the plan.
    fn attempt(&mut self, takes_space: bool) -> io::Result<()> {
        let call = self.calls;
        self.calls += 1;
        match self.plan {
            Plan::FailOnce(planned, kind) if call == planned => Err(kind.into()),
            Plan::Stop(planned) if call >= planned => Err(io::Error::other("the machine stopped")),
            Plan::Full if takes_space => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }
}

impl NameChange {
    /// Has no effect where an earlier change that this one builds upon was lost.
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Add(path, id) => _ = names.insert(path.clone(), *id),
            Self::Remove(path) => _ = names.remove(path),
            Self::Rename(from, to, id) => {
                // The file's first name may not have been synced; the new one counts all the same.
                let is_named = names.values().any(|named| named == id);
                if !is_named || names.get(from) == Some(id) {
                    names.remove(from);
                    names.insert(to.clone(), *id);
                }
            }
        }
    }

    /// Whether syncing the folder makes this change durable.
    fn is_in(&self, dir: &Path) -> bool {
        let (Self::Add(path, _) | Self::Remove(path) | Self::Rename(_, path, _)) = self;
        path.parent() == Some(dir)
    }
}

impl Saved {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            change.apply(&mut self.durable, &mut || true);
        }
    }

    fn survivor(&self, keep: &mut dyn FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for change in &self.unsynced {
            change.apply(&mut bytes, keep);
        }
        bytes
    }
}

impl Change {
    /// Makes the change to the sectors that are kept.
    fn apply(&self, bytes: &mut Vec<u8>, keep: &mut dyn FnMut() -> bool) {
        match self {
            Self::SetLen(len) => {
                if keep() {
                    bytes.resize(*len, 0);
                }
            }
            Self::Write(offset, written) => {
                let end = offset + written.len();
                let mut at = *offset;
                while at < end {
                    let next = ((at / SECTOR + 1) * SECTOR).min(end);
                    if keep() {
                        bytes.resize(bytes.len().max(next), 0);
                        bytes[at..next].copy_from_slice(&written[at - offset..next - offset]);
                    }
                    at = next;
                }
            }
        }
    }
}

impl Disk for FaultyDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        ledger.attempt(true)?;
        self.now.create_dir_all(dir)?;
        ledger.dirs.push(dir.to_owned());
        Ok(())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut ledger = self.ledger.lock();
        if access == Access::Create {
            ledger.attempt(true)?;
        }
        let now = self.now.open(path, access)?;
        if access == Access::Create {
            let id = ledger.files.len();
            ledger.files.push(Saved::default());
            ledger.change_name(NameChange::Add(path.to_owned(), id));
        }
        let id = ledger.names[path];
        Ok(Arc::new(FaultyFile { now, id, ledger: self.ledger.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        ledger.attempt(false)?;
        self.now.rename(from, to)?;
        if ledger.names.get(from) != ledger.names.get(to) {
            let id = ledger.names[from];
            ledger.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), id));
        }
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        ledger.attempt(true)?;
        self.now.link(from, to)?;
        let id = ledger.names[from];
        ledger.change_name(NameChange::Add(to.to_owned(), id));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        ledger.attempt(false)?;
        self.now.remove(path)?;
        ledger.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.now.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        ledger.attempt(false)?;
        self.now.sync_dir(dir)?;
        for change in std::mem::take(&mut ledger.unsynced_names) {
            if change.is_in(dir) {
                change.apply(&mut ledger.durable_names);
            } else {
                ledger.unsynced_names.push(change);
            }
        }
        Ok(())
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        if let Err(error) = self.open(path, Access::Create)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        self.now.lock(path, kind)
    }
}

impl FaultyFile {
    /// Makes a change, and enters it into the ledger.
    fn change(&self, end: usize, change: impl FnOnce() -> io::Result<Change>) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        ledger.attempt(end as u64 > self.now.len()?)?;
        let change = change()?;
        ledger.files[self.id].unsynced.push(change);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut ledger = self.ledger.lock();
        let attempt = ledger.attempt(false);
        let stopped = matches!(ledger.plan, Plan::Stop(_));
        let file = &mut ledger.files[self.id];
        match attempt {
            Ok(()) => file.sync(),
            // Nobody knows how far the system had come.
            Err(_) if stopped => {}
            Err(_) => file.unsynced.clear(),
        }
        attempt
    }
}

impl File for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        self.now.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.now.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.change(start.saturating_add(buf.len()), || {
            self.now.write_all_at(buf, offset)?;
            Ok(Change::Write(start, buf.to_vec()))
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let end = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.change(end, || {
            self.now.set_len(len)?;
            Ok(Change::SetLen(end))
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.now.map(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::whole::read_file;

    fn get(disk: &FaultyDisk, path: &str) -> Option<Vec<u8>> {
        read_file(disk, Path::new(path), 1 << 20).ok()
    }

    /// A disk with the durable file `/d/a`, 1024 times the letter a.
    fn disk() -> (FaultyDisk, Arc<dyn File>) {
        let disk = FaultyDisk::default();
        disk.create_dir_all(Path::new("/d")).unwrap();
        let file = disk.open(Path::new("/d/a"), Access::Create).unwrap();
        file.write_all_at(&[b'a'; 1024], 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        (disk, file)
    }

    #[test]
    fn what_is_synced_survives_and_the_rest_may_in_part() {
        let (disk, file) = disk();
        file.write_all_at(&[b'b'; 1024], 512).unwrap();
        let lost = disk.power_failure(&mut || false);
        assert_eq!(get(&lost, "/d/a"), Some(vec![b'a'; 1024]));
        let kept = disk.power_failure(&mut || true);
        assert_eq!(get(&kept, "/d/a"), Some([[b'a'; 512], [b'b'; 512], [b'b'; 512]].concat()));
        let mut second = false;
        let torn = disk.power_failure(&mut || std::mem::replace(&mut second, true));
        assert_eq!(get(&torn, "/d/a"), Some([[b'a'; 512], [b'a'; 512], [b'b'; 512]].concat()));
    }

    #[test]
    fn names_survive_when_their_folder_is_synced() {
        let (disk, _) = disk();
        disk.rename(Path::new("/d/a"), Path::new("/d/b")).unwrap();
        let lost = disk.power_failure(&mut || false);
        assert!(get(&lost, "/d/a").is_some() && get(&lost, "/d/b").is_none());
        disk.sync_dir(Path::new("/d")).unwrap();
        let kept = disk.power_failure(&mut || false);
        assert!(get(&kept, "/d/a").is_none() && get(&kept, "/d/b").is_some());
    }

    #[test]
    fn a_sync_after_a_failed_one_does_not_save_what_the_failed_one_lost() {
        let (disk, file) = disk();
        file.write_all_at(b"b", 0).unwrap();
        disk.fail_once_after(0, io::ErrorKind::Other);
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(get(&disk, "/d/a").unwrap()[0], b'b', "still readable");
        let after = disk.power_failure(&mut || true);
        assert_eq!(get(&after, "/d/a").unwrap()[0], b'a', "but not on the disk");
    }

    #[test]
    fn a_full_disk_takes_nothing_new() {
        let (disk, file) = disk();
        disk.fill_up();
        assert!(disk.open(Path::new("/d/b"), Access::Create).is_err());
        assert!(file.write_all_at(b"b", 1024).is_err());
        file.write_all_at(b"b", 0).unwrap();
        disk.work();
        file.write_all_at(b"b", 1024).unwrap();
    }
}
