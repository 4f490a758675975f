//! Small files, written and read as a whole; and folders, made durably.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use super::{Access, Disk, File, failed};
use crate::{
    Error, Result,
    guard::{self, Guard},
};

/// Makes `bytes` the durable content of `target`, which has either its old content or the new one
/// at every moment. Goes by way of `tmp`, a name in the same file system that must be free.
///
/// After a failure `target` is as it was, unless syncing its folder is what failed.
pub(crate) fn write_new_file(
    disk: &dyn Disk,
    tmp: &Path,
    target: &Path,
    bytes: &[u8],
) -> Result<()> {
    let written = write_durably(disk, tmp, bytes)
        .and_then(|()| disk.rename(tmp, target).map_err(failed("rename", tmp)));
    if let Err(error) = written {
        // The first failure is the one worth reporting; a file left in the way is found by its name.
        drop(disk.remove(tmp));
        return Err(error);
    }
    if guard::stands(Guard::ManifestNameSync) {
        sync_name(disk, target)?;
    }
    Ok(())
}

/// Makes `bytes` the durable content of `target` if there is no such file yet, be it one that another
/// machine made just now; whether they are its content now. Goes by way of `tmp`, a name in the
/// same file system that must be free.
///
/// After a failure it is not known whether they are.
pub(crate) fn link_new_file(
    disk: &dyn Disk,
    tmp: &Path,
    target: &Path,
    bytes: &[u8],
) -> Result<bool> {
    write_durably(disk, tmp, bytes).inspect_err(|_| drop(disk.remove(tmp)))?;
    let found = link(disk, tmp, target, || read_file(disk, target, usize::MAX))?;
    if guard::stands(Guard::LinkedManifestSync) {
        sync_name(disk, target)?;
    }
    // One that stays is in nobody's way.
    drop(disk.remove(tmp));
    Ok(found == bytes)
}

/// Gives a file a second name if that is free, by as many requests as it takes for it to be taken;
/// what is read of the file that has it then. What a link answers proves nothing.
///
/// After a failure the file may get the name at any time, as long as it has its first one. Fails with
/// `Expelled` if it has lost that one, as files do whose author is taken for dead.
pub(crate) fn link<T>(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    mut read: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut attempts = 0..LINK_ATTEMPTS_MAX;
    loop {
        let answer = disk.link(from, to).map_err(failed("link", from));
        let dir = to.parent().unwrap_or(Path::new(""));
        disk.refresh_dir(dir).map_err(failed("look at", dir))?;
        match read() {
            Ok(found) => return Ok(found),
            Err(error) if attempts.next().is_none() => {
                let is_gone = || match disk.open(from, Access::Read) {
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                    Ok(_) => false,
                };
                return if is_gone() { Err(Error::Expelled) } else { answer.and(Err(error)) };
            }
            Err(_) => {}
        }
    }
}

/// How often a link is tried before its outcome is left open.
const LINK_ATTEMPTS_MAX: usize = 3;

fn write_durably(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = disk.open(path, Access::Create).map_err(failed("create", path))?;
    file.write_all_at(bytes, 0)
        .map_err(failed("write", path))
        .and_then(|()| sync(&*file).map_err(failed("sync", path)))
}

/// Makes the name of a file durable.
fn sync_name(disk: &dyn Disk, path: &Path) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new(""));
    disk.sync_dir(dir).map_err(failed("sync", dir))
}

fn sync(file: &dyn File) -> io::Result<()> {
    if guard::stands(Guard::ManifestSync) { file.sync_all() } else { Ok(()) }
}

/// Creates the folder and those above it as far as they are missing, durably.
pub(crate) fn create_dir(disk: &dyn Disk, root: &Path) -> Result<()> {
    let mut made = Vec::new();
    for folder in root.ancestors() {
        match disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => made.push(folder),
            // That a file is in the way is said where the contents are looked at.
            Err(error) if error.kind() != io::ErrorKind::NotADirectory => {
                return Err(failed("list", folder)(error));
            }
            _ => break,
        }
    }
    if made.is_empty() {
        return Ok(());
    }
    disk.create_dir_all(root).map_err(failed("create", root))?;
    for parent in made.into_iter().filter_map(Path::parent) {
        disk.sync_dir(parent).map_err(failed("sync", parent))?;
    }
    Ok(())
}

/// A path without steps that lead nowhere, if no part of it is a link.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => _ = plain.pop(),
            other => plain.push(other),
        }
    }
    plain
}

/// The one path of something that is there, or will be.
pub(crate) fn canonical(disk: &dyn Disk, path: &Path) -> Result<PathBuf> {
    for there in path.ancestors() {
        match disk.canonical(there) {
            Ok(found) => {
                let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
                return Ok(plain(&found.join(rest)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("look for", there)(error)),
        }
    }
    Ok(plain(path))
}

/// Refuses two folders one of which is, or lies in, the other, by whatever path.
pub(crate) fn check_apart(disk: &dyn Disk, one: &Path, other: &Path) -> Result<()> {
    let (a, b) = (canonical(disk, one)?, canonical(disk, other)?);
    if a.starts_with(&b) || b.starts_with(&a) {
        let (one, other) = (one.display(), other.display());
        let message =
            format!("{one} and {other} are the same or one in the other; keep them apart");
        return Err(Error::Invalid(message));
    }
    Ok(())
}

/// All of a file that is known to be small; a longer one is damaged.
pub(crate) fn read_file(disk: &dyn Disk, path: &Path, max_len: usize) -> Result<Vec<u8>> {
    let file = disk.open(path, Access::Read).map_err(failed("open", path))?;
    let found = file.len().map_err(failed("read", path))?;
    let len = usize::try_from(found).ok().filter(|len| *len <= max_len).ok_or_else(|| {
        let reason = format!("it has {found} bytes where at most {max_len} are expected");
        Error::Corrupt { path: path.to_owned(), offset: max_len as u64, reason }
    })?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0).map_err(failed("read", path))?;
    Ok(bytes)
}
