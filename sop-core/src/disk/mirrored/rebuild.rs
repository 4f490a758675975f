//! Making a copy anew beside whatever goes on.
//!
//! Files that never change are copied first, while the other copy is used as ever; then, while
//! nothing changes, what is left: the end of the log, above all. Only then is the copy one again.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{note::is_note, pair::Pair, status::MirrorProgress};
use crate::{
    disk::{Access, Disk, LOCK_FILE, Lock, failed},
    error::Result,
};

/// What is compared and copied in one go, in bytes.
pub(super) const STEP: usize = 1 << 20;

/// How often what was written meanwhile is copied beside further writes, at most.
const PASSES_MAX: usize = 8;

/// So few bytes are copied while nothing changes.
const REST_MAX: u64 = 1 << 20;

/// The folder whose files never change.
const IMMUTABLE: &str = "seg";

/// Which files of an earlier copy are believed to be what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those that never change, if they are as long: the copy had everything a moment ago.
    Immutable,
    /// None: each is compared.
    Nothing,
}

/// Makes the copy anew that has not everything, which `lock` locks if it is not locked yet.
/// `progress` is told how far it is and says whether to go on; if it does not, the copy stays as it
/// is.
///
/// Whether the copy has everything now.
pub(crate) fn rebuild(
    pair: &Pair,
    lock: Option<Box<dyn Lock>>,
    trust: Trust,
    progress: &mut dyn FnMut(MirrorProgress) -> bool,
) -> Result<bool> {
    let Some(side) = pair.lost() else { return Ok(true) };
    pair.begin(side, lock)?;
    let mut told = |so_far| {
        pair.set_progress(Some(so_far));
        progress(so_far)
    };
    let mut copying = Copying {
        disk: &**pair.disk(),
        from: pair.root(1 - side),
        to: pair.root(side),
        trust,
        kept: BTreeSet::new(),
        progress: MirrorProgress::default(),
        told: Some(&mut told),
    };
    let outcome = copying.run(pair, side);
    pair.set_progress(None);
    match &outcome {
        Ok(true) => tracing::info!(path = %pair.root(side).display(), "a mirror is whole again"),
        Ok(false) => {}
        Err(error) => {
            let path = pair.root(side).display();
            tracing::error!(%path, %error, "a mirror could not be rebuilt");
        }
    }
    outcome
}

/// Whether two folders differ in anything but the content of files that never change.
pub(crate) fn differ(disk: &dyn Disk, one: &Path, other: &Path) -> Result<bool> {
    let (files, others) = (files(disk, one)?, files(disk, other)?);
    if files != others {
        return Ok(true);
    }
    for (name, len) in files.iter().filter(|(name, _)| !is_immutable(name)) {
        if !same(disk, &one.join(name), &other.join(name), *len)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a file of this name, right in the folder, is of each copy alone.
fn is_own(name: &OsStr) -> bool {
    name == LOCK_FILE || name.to_str().is_some_and(is_note)
}

/// Files that never change and are missing in a folder, or shorter than in another one, are copied
/// from there.
pub(crate) fn complete(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    let (theirs, ours) = (files(disk, from)?, files(disk, to)?);
    for (name, len) in theirs.iter().filter(|(name, _)| is_immutable(name)) {
        if ours.get(name).is_none_or(|ours| ours < len) {
            let (from, to) = (from.join(name), to.join(name));
            tracing::error!(path = %to.display(), "a file was missing or cut and is copied anew");
            replace(disk, &from, &to, *len, &mut |_| true)?;
        }
    }
    sync(disk, &to.join(IMMUTABLE))
}

pub(super) fn is_immutable(name: &Path) -> bool {
    name.starts_with(IMMUTABLE)
}

/// The files of a database's folder, and those in the folders in it, with their lengths.
pub(super) fn files(disk: &dyn Disk, root: &Path) -> Result<BTreeMap<PathBuf, u64>> {
    let mut files = BTreeMap::new();
    for entry in disk.list(root).map_err(failed("list", root))? {
        if !entry.is_dir {
            if !is_own(&entry.name) {
                files.insert(PathBuf::from(entry.name), entry.len);
            }
            continue;
        }
        let dir = root.join(&entry.name);
        for inner in disk.list(&dir).map_err(failed("list", &dir))? {
            if !inner.is_dir {
                files.insert(Path::new(&entry.name).join(inner.name), inner.len);
            }
        }
    }
    Ok(files)
}

fn folders(disk: &dyn Disk, root: &Path) -> Result<Vec<PathBuf>> {
    let entries = disk.list(root).map_err(failed("list", root))?.into_iter();
    Ok(entries.filter(|entry| entry.is_dir).map(|entry| PathBuf::from(entry.name)).collect())
}

fn sync(disk: &dyn Disk, dir: &Path) -> Result<()> {
    disk.sync_dir(dir).map_err(failed("sync", dir))
}

/// Whether two files of the same length hold the same.
pub(super) fn same(disk: &dyn Disk, one: &Path, other: &Path, len: u64) -> Result<bool> {
    let files = [one, other].map(|path| disk.open(path, Access::Read));
    let (Ok(first), second) = (&files[0], &files[1]) else {
        return Ok(false);
    };
    let Ok(second) = second else { return Ok(false) };
    let [mut a, mut b] = [vec![0; STEP], vec![0; STEP]];
    let mut offset = 0;
    while offset < len {
        let step = usize::try_from(len - offset).unwrap_or(STEP).min(STEP);
        first.read_exact_at(&mut a[..step], offset).map_err(failed("read", one))?;
        // What cannot be read of a copy is not what it should be.
        if second.read_exact_at(&mut b[..step], offset).is_err() || a[..step] != b[..step] {
            return Ok(false);
        }
        offset += step as u64;
    }
    Ok(true)
}

/// Makes a file the same as another one, durably but for its name. The one that was there is left to
/// whoever has another name of it. `false` if `goes_on`, which is told of each piece, said so.
fn replace(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    len: u64,
    goes_on: &mut dyn FnMut(u64) -> bool,
) -> Result<bool> {
    let source = disk.open(from, Access::Read).map_err(failed("open", from))?;
    match disk.remove(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(failed("remove", to)(error));
        }
        _ => {}
    }
    let target = disk.open(to, Access::Create).map_err(failed("create", to))?;
    let (mut offset, mut bytes) = (0, vec![0; STEP]);
    while offset < len {
        let step = usize::try_from(len - offset).unwrap_or(STEP).min(STEP);
        source.read_exact_at(&mut bytes[..step], offset).map_err(failed("read", from))?;
        target.write_all_at(&bytes[..step], offset).map_err(failed("write", to))?;
        offset += step as u64;
        if !goes_on(step as u64) {
            return Ok(false);
        }
    }
    target.sync_all().map_err(failed("sync", to))?;
    Ok(true)
}

struct Copying<'a> {
    disk: &'a dyn Disk,
    from: &'a Path,
    to: &'a Path,
    trust: Trust,
    /// Files that never change and are there.
    kept: BTreeSet<PathBuf>,
    progress: MirrorProgress,
    told: Option<&'a mut dyn FnMut(MirrorProgress) -> bool>,
}

impl Copying<'_> {
    fn run(&mut self, pair: &Pair, side: usize) -> Result<bool> {
        for _ in 0..PASSES_MAX {
            match self.pass()? {
                None => return Ok(false),
                Some(copied) if copied <= REST_MAX => break,
                Some(_) => {}
            }
        }
        let _gate = pair.gate.write();
        // Whoever is told of it would wait for this if it did anything with the folder.
        self.told = None;
        self.pass()?;
        pair.reunite(side)?;
        Ok(true)
    }

    /// Copies all that differs, and removes what is not there any more; how many bytes. `None` if it
    /// was not to go on.
    fn pass(&mut self) -> Result<Option<u64>> {
        for folder in folders(self.disk, self.from)? {
            let folder = self.to.join(folder);
            self.disk.create_dir_all(&folder).map_err(failed("create", &folder))?;
        }
        let (files, theirs) = (files(self.disk, self.from)?, files(self.disk, self.to)?);
        for name in theirs.keys().filter(|name| !files.contains_key(*name)) {
            let path = self.to.join(name);
            self.disk.remove(&path).map_err(failed("remove", &path))?;
        }
        let left = files.iter().filter(|(name, _)| !self.kept.contains(*name));
        self.progress.total = self.progress.done + left.map(|(_, len)| len).sum::<u64>();
        let mut copied = 0;
        for (name, len) in files {
            if self.kept.contains(&name) {
                continue;
            }
            match self.bring(&name, len, theirs.get(&name).copied())? {
                None => return Ok(None),
                Some(bytes) => copied += bytes,
            }
        }
        for folder in folders(self.disk, self.to)? {
            sync(self.disk, &self.to.join(folder))?;
        }
        sync(self.disk, self.to)?;
        Ok(Some(copied))
    }

    /// Makes a file the same as the one there is, if it is not; how many bytes that took.
    fn bring(&mut self, name: &Path, len: u64, theirs: Option<u64>) -> Result<Option<u64>> {
        let (from, to) = (self.from.join(name), self.to.join(name));
        let is_immutable = is_immutable(name);
        let is_trusted = is_immutable && self.trust == Trust::Immutable;
        let is_there = theirs == Some(len)
            && (is_trusted
                || match same(self.disk, &from, &to, len) {
                    Err(_) if self.is_gone(&from, len) => return Ok(Some(len)),
                    compared => compared?,
                });
        let mut copied = 0;
        if is_there {
            if !self.tell(len) {
                return Ok(None);
            }
        } else {
            let disk = self.disk;
            match replace(disk, &from, &to, len, &mut |bytes| self.tell(bytes)) {
                Ok(true) => copied = len,
                Ok(false) => return Ok(None),
                // Removed meanwhile, or made shorter; the next pass sees what is there.
                Err(_) if self.is_gone(&from, len) => return Ok(Some(len)),
                Err(error) => return Err(error),
            }
        }
        if is_immutable {
            self.kept.insert(name.to_owned());
        }
        Ok(Some(copied))
    }

    /// So many more bytes are done; whether to go on.
    fn tell(&mut self, bytes: u64) -> bool {
        self.progress.done += bytes;
        self.told.as_mut().is_none_or(|told| told(self.progress))
    }

    fn is_gone(&self, path: &Path, len: u64) -> bool {
        match self.disk.open(path, Access::Read).and_then(|file| file.len()) {
            Ok(found) => found < len,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }
}
