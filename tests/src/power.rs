//! A disk that can lose its power.
//!
//! It keeps what a real one promises and nothing else: content is safe once its file is synced,
//! names once their folder is. What came after that survives or not, each change for itself, in
//! any order, and a write also in part.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Access, Disk, Entry, File, Lock, LockKind, Mapping};

/// A drive writes this much at once or not at all, in bytes.
const SECTOR: usize = 512;

/// What becomes of the changes that were not synced when the power goes.
#[derive(Debug)]
pub enum Survival {
    /// All of them are lost.
    Nothing,
    /// None is lost, as if only the process had ended.
    Everything,
    /// Each is lost, kept, or, if it is a write, kept in part.
    Random(Rng),
}

impl Survival {
    fn survives(&mut self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Random(random) => random.bool(),
        }
    }

    /// Whether the next decision is about single sectors rather than about the whole write.
    fn tears(&mut self) -> bool {
        match self {
            Self::Nothing | Self::Everything => false,
            Self::Random(random) => random.u8(..4) == 0,
        }
    }
}

/// Files in memory that know which of their changes are safe. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct PowerDisk {
    state: Arc<Mutex<State>>,
    /// Whether syncing a file does nothing.
    lies: bool,
}

#[derive(Debug, Default)]
struct State {
    names: Names,
    safe_names: Names,
    /// What has been done to names since, in order.
    unsafe_names: Vec<NameChange>,
    /// Each locked file, and by how many; `usize::MAX` stands for one that wants to be alone.
    locks: BTreeMap<PathBuf, usize>,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Debug)]
enum Node {
    Folder,
    File(Arc<Mutex<Content>>),
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, Node),
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    safe: Vec<u8>,
    /// What has been done to the bytes since, in order.
    unsafe_changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl PowerDisk {
    /// A disk that says that it has synced a file, and has not.
    pub fn lying() -> Self {
        Self { lies: true, ..Self::default() }
    }

    /// The disk as it is found when the power is back. This one goes on without having noticed.
    #[must_use]
    pub fn after_power_loss(&self, survival: &mut Survival) -> Self {
        let state = self.state.lock();
        let mut names = state.safe_names.clone();
        for change in &state.unsafe_names {
            if survival.survives() {
                change.apply(&mut names);
            }
        }
        let mut contents = BTreeMap::new();
        for node in names.values_mut() {
            if let Node::File(file) = node {
                // A file with two names is one file.
                let found = contents.entry(Arc::as_ptr(file)).or_insert_with(|| {
                    Arc::new(Mutex::new(file.lock().after_power_loss(survival)))
                });
                *file = found.clone();
            }
        }
        let safe_names = names.clone();
        let state = State { names, safe_names, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), lies: self.lies }
    }
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Set(path, node) => drop(names.insert(path.clone(), node.clone())),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), node.clone());
            }
        }
    }

    /// Whether syncing this folder makes the change safe.
    fn is_in(&self, dir: &Path) -> bool {
        match self {
            Self::Set(path, _) | Self::Remove(path) => path.parent() == Some(dir),
            Self::Rename(from, to, _) => [from, to].iter().any(|path| path.parent() == Some(dir)),
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => bytes.resize(*len, 0),
            Self::Write(offset, written) => write(bytes, *offset, written),
        }
    }

    /// Applies the sectors of a write that survive.
    fn apply_in_part(&self, bytes: &mut Vec<u8>, survival: &mut Survival) {
        match self {
            Self::SetLen(_) => self.apply(bytes),
            Self::Write(offset, written) => {
                for (number, sector) in written.chunks(SECTOR).enumerate() {
                    if survival.survives() {
                        write(bytes, offset + number * SECTOR, sector);
                    }
                }
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    bytes.resize(bytes.len().max(end), 0);
    bytes[offset..end].copy_from_slice(written);
}

impl Content {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes);
        self.unsafe_changes.push(change);
    }

    fn sync(&mut self) {
        for change in self.unsafe_changes.drain(..) {
            change.apply(&mut self.safe);
        }
    }

    fn after_power_loss(&self, survival: &mut Survival) -> Self {
        let mut bytes = self.safe.clone();
        for change in &self.unsafe_changes {
            if survival.tears() {
                change.apply_in_part(&mut bytes, survival);
            } else if survival.survives() {
                change.apply(&mut bytes);
            }
        }
        Self { safe: bytes.clone(), bytes, unsafe_changes: Vec::new() }
    }
}

impl State {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsafe_names.push(change);
    }

    fn is_folder(&self, path: &Path) -> bool {
        let is_root = path.parent().is_none();
        is_root || matches!(self.names.get(path), Some(Node::Folder))
    }

    fn file(&self, path: &Path) -> io::Result<Arc<Mutex<Content>>> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(file.clone()),
            Some(Node::Folder) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Checks that a name is free, in a folder that exists.
    fn check_free(&self, path: &Path) -> io::Result<()> {
        if !path.parent().is_some_and(|parent| self.is_folder(parent)) {
            return Err(ErrorKind::NotFound.into());
        }
        if self.names.contains_key(path) { Err(ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    fn create(&mut self, path: &Path) -> io::Result<Arc<Mutex<Content>>> {
        self.check_free(path)?;
        let file = Arc::<Mutex<Content>>::default();
        self.change(NameChange::Set(path.to_owned(), Node::File(file.clone())));
        Ok(file)
    }
}

impl Disk for PowerDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let mut missing: Vec<&Path> = dir.ancestors().filter(|d| !state.is_folder(d)).collect();
        missing.reverse();
        for dir in missing {
            state.check_free(dir)?;
            state.change(NameChange::Set(dir.to_owned(), Node::Folder));
        }
        Ok(())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let mut state = self.state.lock();
        let file = match access {
            Access::Create => state.create(path)?,
            Access::Read | Access::Write => state.file(path)?,
        };
        Ok(Arc::new(PowerFile { file, writable: access != Access::Read, lies: self.lies }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let node = Node::File(state.file(from)?);
        if !to.parent().is_some_and(|parent| state.is_folder(parent)) {
            return Err(ErrorKind::NotFound.into());
        }
        state.change(NameChange::Rename(from.to_owned(), to.to_owned(), node));
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let node = Node::File(state.file(from)?);
        state.check_free(to)?;
        state.change(NameChange::Set(to.to_owned(), node));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.file(path)?;
        state.change(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state.lock();
        if !state.is_folder(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let inside = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, node): (&PathBuf, &Node)| {
            let (is_dir, len) = match node {
                Node::Folder => (true, 0),
                Node::File(file) => (false, file.lock().bytes.len() as u64),
            };
            Entry { name: path.file_name().unwrap_or_default().to_owned(), is_dir, len }
        };
        Ok(inside.map(entry).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.state.lock();
        let (synced, rest) = state.unsafe_names.drain(..).partition(|change| change.is_in(dir));
        let synced: Vec<NameChange> = synced;
        state.unsafe_names = rest;
        for change in synced {
            change.apply(&mut state.safe_names);
        }
        Ok(())
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = self.state.lock();
        if state.file(path).is_err() {
            state.create(path)?;
        }
        let holders = state.locks.entry(path.to_owned()).or_default();
        match (kind, *holders) {
            (LockKind::Exclusive, 0) => *holders = usize::MAX,
            (LockKind::Exclusive, _) | (LockKind::Shared, usize::MAX) => return Ok(None),
            (LockKind::Shared, _) => *holders += 1,
        }
        Ok(Some(Box::new(PowerLock { disk: self.clone(), path: path.to_owned() })))
    }
}

#[derive(Debug)]
struct PowerLock {
    disk: PowerDisk,
    path: PathBuf,
}

impl Lock for PowerLock {}

impl Drop for PowerLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        let holders = state.locks.entry(self.path.clone()).or_default();
        *holders = if *holders == usize::MAX { 0 } else { holders.saturating_sub(1) };
    }
}

#[derive(Debug)]
struct PowerFile {
    file: Arc<Mutex<Content>>,
    writable: bool,
    lies: bool,
}

impl PowerFile {
    fn change(&self, change: Change) -> io::Result<()> {
        if !self.writable {
            return Err(ErrorKind::PermissionDenied.into());
        }
        self.file.lock().change(change);
        Ok(())
    }
}

fn index(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| ErrorKind::InvalidInput.into())
}

impl File for PowerFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.lock().bytes.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let file = self.file.lock();
        let rest = file.bytes.get(index(offset)?..).unwrap_or_default();
        buf.copy_from_slice(rest.get(..buf.len()).ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(index(offset)?, buf.to_vec()))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(index(len)?))
    }

    fn sync_data(&self) -> io::Result<()> {
        if !self.lies {
            self.file.lock().sync();
        }
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        let file = self.file.lock();
        Ok(file.bytes.get(..index(len)?).ok_or(ErrorKind::UnexpectedEof)?.to_vec().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(disk: &PowerDisk, path: &str) -> io::Result<Vec<u8>> {
        let file = disk.open(Path::new(path), Access::Read)?;
        Ok(file.map(file.len()?)?.to_vec())
    }

    #[test]
    fn only_what_was_synced_survives_at_the_least() -> io::Result<()> {
        let disk = PowerDisk::default();
        let file = disk.open(Path::new("a"), Access::Create)?;
        file.write_all_at(b"safe", 0)?;
        file.sync_data()?;
        assert!(read(&disk.after_power_loss(&mut Survival::Nothing), "a").is_err(), "its name");
        disk.sync_dir(Path::new(""))?;
        file.write_all_at(b"lost", 4)?;
        let found = |mut survival| read(&disk.after_power_loss(&mut survival), "a");
        assert_eq!(found(Survival::Nothing)?, b"safe");
        assert_eq!(found(Survival::Everything)?, b"safelost");
        Ok(())
    }

    #[test]
    fn a_rename_happens_as_a_whole_or_not_at_all() -> io::Result<()> {
        let disk = PowerDisk::default();
        for (name, content) in [("old", b"1"), ("new", b"2")] {
            let file = disk.open(Path::new(name), Access::Create)?;
            file.write_all_at(content, 0)?;
            file.sync_all()?;
        }
        disk.sync_dir(Path::new(""))?;
        disk.rename(Path::new("new"), Path::new("old"))?;
        for seed in 0..50 {
            let found = disk.after_power_loss(&mut Survival::Random(Rng::with_seed(seed)));
            let names = found.list(Path::new(""))?.len();
            let content = read(&found, "old")?;
            assert!((names, &*content) == (2, b"1") || (names, &*content) == (1, b"2"));
        }
        Ok(())
    }

    #[test]
    fn some_sectors_of_a_long_write_can_survive_alone() -> io::Result<()> {
        let disk = PowerDisk::default();
        let file = disk.open(Path::new("a"), Access::Create)?;
        disk.sync_dir(Path::new(""))?;
        file.write_all_at(&[1; 4 * SECTOR], 0)?;
        let mut parts = 0;
        for seed in 0..100 {
            let found = disk.after_power_loss(&mut Survival::Random(Rng::with_seed(seed)));
            let kept: usize = read(&found, "a")?.into_iter().map(usize::from).sum();
            assert_eq!(kept % SECTOR, 0);
            parts += usize::from(kept > 0 && kept < 4 * SECTOR);
        }
        assert!(parts > 0);
        Ok(())
    }
}
