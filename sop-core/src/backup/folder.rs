//! The folder of a backup, and what is found there.
//!
//! | name | content |
//! |---|---|
//! | `BACKUP` | what belongs to the backup, sealed; written last, whole |
//! | `BEGUN` | whose backup is being written; gone when `BACKUP` is durable |
//! | `LOCK` | empty; locked by whoever writes |
//! | `seg/`, `log/` | segments; runs |
//!
//! So a folder without `BACKUP` is no backup, and whatever else is there while `BEGUN` is goes when
//! somebody begins again. What `BACKUP` names is never touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io::{
        self,
        ErrorKind::{NotADirectory, NotFound},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Description, Owner,
    description::{Content, Run},
    run,
    transfer::measure,
};
use crate::{
    codec::{Malformed, Reader, sealed},
    disk::{self, Disk, Entry, Lock, LockKind, whole},
    error::{Error, Result},
    id::{Position, SegmentId},
    node::file_name,
};

const DESCRIPTION: &str = "BACKUP";
const BEGUN: &str = "BEGUN";
const LOCK: &str = "LOCK";
const FOLDERS: [&str; 2] = ["log", "seg"];
/// How the names of files end that are not complete yet.
const UNFINISHED: &str = ".new";

const MAGIC: [u8; 8] = *b"SOPback\n";
const MAGIC_BEGUN: [u8; 8] = *b"SOPbegn\n";
const FORMAT: u32 = 1;

/// Longer files are none of these.
const LEN_MAX: usize = 1 << 30;

/// The folder of a backup.
#[derive(Clone, Debug)]
pub(crate) struct BackupFolder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

/// What a folder holds that a backup is to go to, or to come from.
#[derive(Debug)]
pub(crate) enum Held {
    /// Nothing, or there is no folder.
    Nothing,
    /// The begin of a backup, and none that is complete.
    Begun(Owner),
    /// A backup; and whether another one into the same folder was begun.
    Complete(Box<Description>, bool),
}

impl BackupFolder {
    pub(crate) fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self { disk, root: root.to_owned() }
    }

    pub(crate) fn segment(&self, id: SegmentId) -> PathBuf {
        self.root.join("seg").join(file_name(id))
    }

    pub(super) fn run(&self, run: &Run) -> PathBuf {
        self.root.join("log").join(run_name(run))
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(crate) fn not_usable(&self, reason: impl Into<String>) -> Error {
        Error::NotABackup { path: self.root.clone(), reason: reason.into() }
    }

    /// Looks what there is, and changes nothing. Fails with `NotABackup` if it is something else.
    pub(crate) fn look(&self) -> Result<Held> {
        let entries = match self.list(&self.root) {
            Ok(entries) => entries,
            Err(error) => {
                return match error.kind() {
                    NotFound => Ok(Held::Nothing),
                    NotADirectory => Err(self.not_usable("it is a file; name a folder")),
                    _ => Err(disk::failed("list", &self.root)(error)),
                };
            }
        };
        let foreign = entries.iter().find(|entry| {
            let name = entry.name.to_string_lossy();
            let is_ours = if entry.is_dir {
                FOLDERS.contains(&name.as_ref())
            } else {
                let name = name.strip_suffix(UNFINISHED).unwrap_or(&name);
                [DESCRIPTION, BEGUN, LOCK].contains(&name)
            };
            !is_ours
        });
        if let Some(foreign) = foreign {
            let name = foreign.name.display();
            return Err(self.not_usable(format!("it holds {name}; name a folder of its own")));
        }
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        match (has(DESCRIPTION), has(BEGUN)) {
            (true, begun) => Ok(Held::Complete(Box::new(self.read()?), begun)),
            (false, true) => self.read_begun().map(Held::Begun),
            // The folders are made behind that.
            (false, false) if entries.iter().any(|entry| entry.is_dir) => {
                let path = self.root.join(DESCRIPTION);
                let reason = "the file is missing, but there are folders of a backup".to_owned();
                Err(Error::Corrupt { path, offset: 0, reason })
            }
            (false, false) => Ok(Held::Nothing),
        }
    }

    /// What a folder holds now, whoever wrote it.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        self.disk.refresh_dir(folder).and_then(|()| self.disk.list(folder))
    }

    fn read(&self) -> Result<Description> {
        self.unsealed(DESCRIPTION, MAGIC, Description::decode)
    }

    fn read_begun(&self) -> Result<Owner> {
        self.unsealed(BEGUN, MAGIC_BEGUN, |body| Owner::decode(&mut Reader::new(body)))
    }

    fn unsealed<T>(
        &self,
        name: &str,
        magic: [u8; 8],
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T> {
        let path = self.root.join(name);
        let bytes = whole::read_file(&*self.disk, &path, LEN_MAX)?;
        unseal(&path, &bytes, (magic, FORMAT), decode)
    }

    /// Makes the folder if need be, and keeps others from writing to it.
    pub(crate) fn lock(&self) -> Result<Box<dyn Lock>> {
        whole::create_dir(&*self.disk, &self.root)?;
        let path = self.root.join(LOCK);
        let lock =
            self.disk.lock(&path, LockKind::Exclusive).map_err(disk::failed("lock", &path))?;
        lock.ok_or_else(|| Error::InUse { path: self.root.clone() })
    }

    /// Says durably whose backup begins, and removes what an interrupted one has left. What belongs
    /// to the backup that is there stays.
    pub(crate) fn begin(&self, owner: Owner, held: &Description, begun: bool) -> Result<()> {
        for name in [DESCRIPTION, BEGUN] {
            self.remove_if_there(&self.unfinished(name))?;
        }
        if !begun {
            let mut body = Vec::new();
            owner.encode(&mut body);
            self.write(BEGUN, &sealed::seal(MAGIC_BEGUN, FORMAT, &body))?;
        }
        for name in FOLDERS {
            let folder = self.root.join(name);
            self.disk.create_dir_all(&folder).map_err(disk::failed("create", &folder))?;
        }
        self.disk.sync_dir(&self.root).map_err(disk::failed("sync", &self.root))?;
        self.sweep(held)
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}{UNFINISHED}"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        whole::write_new_file(&*self.disk, &self.unfinished(name), &self.root.join(name), bytes)
    }

    fn remove_if_there(&self, path: &Path) -> Result<()> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != NotFound => Err(disk::failed("remove", path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes all segments and runs that do not belong to a backup.
    pub(crate) fn sweep(&self, description: &Description) -> Result<()> {
        let named = self.named(description);
        for path in self.found()?.into_keys().filter(|path| !named.contains_key(path)) {
            if !is_ours(&path) {
                let reason = format!("it holds {}; take that away", path.display());
                return Err(self.not_usable(reason));
            }
            self.remove_if_there(&path)?;
        }
        Ok(())
    }

    /// The files that belong to a backup.
    fn named(&self, description: &Description) -> BTreeMap<PathBuf, Content> {
        let segments = description.segments.iter();
        let segments = segments.map(|(id, content)| (self.segment(*id), *content));
        let runs = description.runs.iter().map(|run| (self.run(run), run.content));
        segments.chain(runs).collect()
    }

    /// The files that are there, with their lengths.
    fn found(&self) -> Result<BTreeMap<PathBuf, u64>> {
        let mut found = BTreeMap::new();
        for name in FOLDERS {
            let folder = self.root.join(name);
            let entries = match self.list(&folder) {
                Err(error) if error.kind() == NotFound => Vec::new(),
                other => other.map_err(disk::failed("list", &folder))?,
            };
            found.extend(entries.into_iter().map(|entry| (folder.join(entry.name), entry.len)));
        }
        Ok(found)
    }

    /// Makes a backup complete whose files are written: from here on it is this one.
    pub(crate) fn complete(&self, description: &Description) -> Result<()> {
        self.sweep(description)?;
        for name in FOLDERS {
            let folder = self.root.join(name);
            self.disk.sync_dir(&folder).map_err(disk::failed("sync", &folder))?;
        }
        self.write(DESCRIPTION, &sealed::seal(MAGIC, FORMAT, &description.encode()))?;
        self.remove_if_there(&self.root.join(BEGUN))?;
        self.disk.sync_dir(&self.root).map_err(disk::failed("sync", &self.root))
    }

    /// Finds files that are missing, that have another length, and, unless a later backup was
    /// interrupted, that do not belong to the backup. Costs a listing.
    pub(crate) fn check_names(&self, description: &Description, begun: bool) -> Result<()> {
        let (named, found) = (self.named(description), self.found()?);
        let corrupt = |path: &Path, offset, reason: String| {
            Err(Error::Corrupt { path: path.to_owned(), offset, reason })
        };
        for (path, content) in &named {
            match found.get(path) {
                None => return corrupt(path, 0, "the file is missing".into()),
                Some(len) if *len != content.len => {
                    let reason = format!("it has {len} bytes instead of {}", content.len);
                    return corrupt(path, *len.min(&content.len), reason);
                }
                Some(_) => {}
            }
        }
        match found.keys().find(|path| !begun && !named.contains_key(*path)) {
            Some(surplus) => {
                corrupt(surplus, 0, "the file does not belong to the backup; take it away".into())
            }
            None => Ok(()),
        }
    }

    /// Reads all files of a backup.
    pub(crate) fn check_contents(&self, description: &Description) -> Result<()> {
        for (path, content) in self.named(description) {
            check(&path, measure(&*self.disk, &path)?, content)?;
        }
        Ok(())
    }

    /// Applies the batches of a run in order.
    pub(super) fn read_run(
        &self,
        owner: Owner,
        run: &Run,
        apply: &mut dyn FnMut(Position, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let path = self.run(run);
        let bytes = whole::read_file(&*self.disk, &path, usize::MAX)?;
        let key = (owner, run.after, run.upto);
        unseal(&path, &bytes, (run::MAGIC, run::FORMAT), |body| {
            let batches = run::batches(body, key)?;
            Ok(batches.into_iter().try_for_each(|(position, body)| apply(position, body)))
        })?
    }
}

/// Fails with `Corrupt` if a file does not hold what it should.
pub(super) fn check(path: &Path, found: Content, expected: Content) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let reason = "its content does not match the checksum that the backup has of it".to_owned();
    Err(Error::Corrupt { path: path.to_owned(), offset: 0, reason })
}

fn unseal<T>(
    path: &Path,
    bytes: &[u8],
    (magic, supported): ([u8; 8], u32),
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Result<T> {
    let corrupt = |offset, reason: String| Error::Corrupt { path: path.to_owned(), offset, reason };
    let (found, body) =
        sealed::unseal(magic, bytes).map_err(|error| corrupt(error.offset(), error.to_string()))?;
    if found != supported {
        return Err(Error::UnsupportedFormat { path: path.to_owned(), found, supported });
    }
    decode(body).map_err(|Malformed(reason)| corrupt(0, reason.to_owned()))
}

fn run_name(run: &Run) -> String {
    format!("{:016x}-{:016x}.run", run.after.0, run.upto.0)
}

/// Whether a file in a folder of a backup has a name as backups give them.
fn is_ours(path: &Path) -> bool {
    let endings: BTreeSet<_> = [Some(OsStr::new("seg")), Some(OsStr::new("run"))].into();
    endings.contains(&path.extension())
}
