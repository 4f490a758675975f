//! A file system that lives and dies with the process.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Access, Disk, Entry, File, Lock, LockKind, Mapping};
use crate::sync::{Mutex, RwLock};

/// Folders and files in memory, with the behaviour of [`OsDisk`](super::OsDisk). Clones share their
/// content; it is gone with the last of them. Syncing does nothing, as there is nothing to survive.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    names: Arc<RwLock<BTreeMap<PathBuf, Node>>>,
}

#[derive(Clone, Debug)]
enum Node {
    Dir,
    File(Arc<Content>),
}

/// A file apart from its names.
#[derive(Debug, Default)]
struct Content {
    bytes: RwLock<Vec<u8>>,
    holders: Mutex<Holders>,
}

#[derive(Debug, Default)]
struct Holders {
    exclusive: bool,
    shared: usize,
}

#[derive(Debug)]
struct MemoryFile {
    content: Arc<Content>,
    writable: bool,
}

#[derive(Debug)]
struct MemoryLock {
    content: Arc<Content>,
    kind: LockKind,
}

type Names = BTreeMap<PathBuf, Node>;

/// Whether a folder of this name exists. The root, and the current folder, always do.
fn is_dir(names: &Names, path: &Path) -> bool {
    path.parent().is_none() || matches!(names.get(path), Some(Node::Dir))
}

fn check_dir(names: &Names, path: &Path) -> io::Result<()> {
    match names.get(path) {
        _ if is_dir(names, path) => Ok(()),
        Some(_) => Err(io::ErrorKind::NotADirectory.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Checks that the folder in which `path` is to be looked up or created exists.
fn check_parent(names: &Names, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| check_dir(names, parent))
}

fn content(names: &Names, path: &Path) -> io::Result<Arc<Content>> {
    check_parent(names, path)?;
    match names.get(path) {
        Some(Node::File(content)) => Ok(content.clone()),
        _ if is_dir(names, path) => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

fn create(names: &mut Names, path: &Path) -> io::Result<Arc<Content>> {
    check_parent(names, path)?;
    if names.contains_key(path) || is_dir(names, path) {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let content = Arc::<Content>::default();
    names.insert(path.to_owned(), Node::File(content.clone()));
    Ok(content)
}

impl Disk for MemoryDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut names = self.names.write();
        let above: Vec<_> = dir.ancestors().collect();
        for path in above.into_iter().rev().filter(|path| path.parent().is_some()) {
            match names.get(path) {
                Some(Node::Dir) => {}
                Some(Node::File(_)) if path == dir => {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => _ = names.insert(path.to_owned(), Node::Dir),
            }
        }
        Ok(())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let content = match access {
            Access::Read | Access::Write => content(&self.names.read(), path)?,
            Access::Create => create(&mut self.names.write(), path)?,
        };
        Ok(Arc::new(MemoryFile { content, writable: access != Access::Read }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.names.write();
        let moved = content(&names, from)?;
        check_parent(&names, to)?;
        if is_dir(&names, to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if let Some(Node::File(replaced)) = names.get(to)
            && Arc::ptr_eq(replaced, &moved)
        {
            return Ok(());
        }
        names.remove(from);
        names.insert(to.to_owned(), Node::File(moved));
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.names.write();
        let linked = content(&names, from)?;
        check_parent(&names, to)?;
        if names.contains_key(to) || is_dir(&names, to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        names.insert(to.to_owned(), Node::File(linked));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut names = self.names.write();
        content(&names, path)?;
        names.remove(path);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let names = self.names.read();
        check_dir(&names, dir)?;
        let below = names.range::<Path, _>((Bound::Excluded(dir), Bound::Unbounded));
        let mut entries: Vec<_> = below
            .take_while(|(path, _)| path.starts_with(dir))
            .filter(|(path, _)| path.parent() == Some(dir))
            .filter_map(|(path, node)| {
                let name = path.file_name()?.to_owned();
                Some(match node {
                    Node::Dir => Entry { name, is_dir: true, len: 0 },
                    Node::File(content) => {
                        Entry { name, is_dir: false, len: content.bytes.read().len() as u64 }
                    }
                })
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        check_dir(&self.names.read(), dir)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        let mut names = self.names.write();
        let content = match content(&names, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(&mut names, path)?,
            other => other?,
        };
        let mut holders = content.holders.lock();
        if holders.exclusive || (kind == LockKind::Exclusive && holders.shared > 0) {
            return Ok(None);
        }
        match kind {
            LockKind::Exclusive => holders.exclusive = true,
            LockKind::Shared => holders.shared += 1,
        }
        drop(holders);
        Ok(Some(Box::new(MemoryLock { content, kind })))
    }
}

impl MemoryFile {
    fn check_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

/// The part of a file's bytes that a call speaks of, as far as memory can hold such a file.
fn span(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).ok();
    let end = start.and_then(|start| start.checked_add(len));
    let end = end.filter(|end| isize::try_from(*end).is_ok());
    start.zip(end).map(|(start, end)| start..end).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Extends with zeros, or fails if memory does not suffice.
fn grow(bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let more = len.saturating_sub(bytes.len());
    bytes.try_reserve(more).map_err(|_| io::ErrorKind::StorageFull)?;
    bytes.resize(bytes.len() + more, 0);
    Ok(())
}

impl File for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.content.bytes.read().len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.content.bytes.read();
        let rest = bytes.get(span(offset, 0)?.start..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.check_writable()?;
        if buf.is_empty() {
            return Ok(0);
        }
        let span = span(offset, buf.len())?;
        let mut bytes = self.content.bytes.write();
        grow(&mut bytes, span.end)?;
        bytes[span].copy_from_slice(buf);
        Ok(buf.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let len = span(len, 0)?.end;
        let mut bytes = self.content.bytes.write();
        grow(&mut bytes, len)?;
        bytes.truncate(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        let bytes = self.content.bytes.read();
        let mapped = bytes.get(..span(len, 0)?.end).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Mapping::from(mapped.to_vec()))
    }
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut holders = self.content.holders.lock();
        match self.kind {
            LockKind::Exclusive => holders.exclusive = false,
            LockKind::Shared => holders.shared -= 1,
        }
    }
}
