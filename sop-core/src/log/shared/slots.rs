//! The folder of slots, and what can be done with its files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::slot::{Body, FORMAT, Flaw, Member, SLOT_HEADER_LEN, SlotHeader};
use crate::{
    Error, Result,
    disk::{Access, Disk, File, failed},
    guard::{self, Guard},
    id::Position,
};

/// Where slots are, and files that are not slots yet.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    pub(crate) disk: Arc<dyn Disk>,
    /// The folder of slots.
    pub(crate) dir: PathBuf,
    /// Where files are before they are slots: a folder of the same file system.
    pub(crate) unfinished: PathBuf,
    pub(crate) database: [u8; 16],
}

/// Which names of slots there are that may not be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// None.
    Durable,
    /// Of slots that were found, and not looked at by whoever would make them so.
    Found,
}

/// A slot as it was read, proven to be what was written.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) header: SlotHeader,
    pub(super) body: Vec<u8>,
}

impl Slots {
    /// The file of a position.
    pub(super) fn path(&self, position: Position) -> PathBuf {
        self.dir.join(slot_name(position))
    }

    /// Looks at the folder anew, so that a slot that is linked by now is found.
    pub(super) fn refresh(&self) -> Result<()> {
        if !guard::stands(Guard::FreshLookup) {
            return Ok(());
        }
        self.disk.refresh_dir(&self.dir).map_err(failed("look at", &self.dir))
    }

    /// Makes the names of all slots that can be seen durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.disk.sync_dir(&self.dir).map_err(failed("sync", &self.dir))
    }

    /// What is in a slot, if the system knows of the slot.
    pub(super) fn read(&self, position: Position) -> Result<Option<Slot>> {
        let path = self.path(position);
        let Some(file) = self.open(&path)? else { return Ok(None) };
        let (header, body) = judge(&path, read_header(&path, &*file)?)?;
        let found = file.len().map_err(failed("read", &path))?;
        let expected = SLOT_HEADER_LEN as u64 + body.len;
        if found != expected {
            let reason = format!("it has {found} bytes, and says that it has {expected}");
            return Err(Error::Corrupt { path, offset: found.min(expected), reason });
        }
        let mut bytes = vec![0; usize::try_from(body.len).unwrap_or(usize::MAX)];
        let read = file.read_exact_at(&mut bytes, SLOT_HEADER_LEN as u64);
        read.map_err(failed("read", &path))?;
        judge(&path, body.check(&bytes))?;
        Ok(Some(Slot { header, body: bytes }))
    }

    /// What a slot says about itself, if the system knows of the slot.
    pub(super) fn header(&self, position: Position) -> Result<Option<SlotHeader>> {
        let path = self.path(position);
        let Some(file) = self.open(&path)? else { return Ok(None) };
        let (header, _) = judge(&path, read_header(&path, &*file)?)?;
        Ok(Some(header))
    }

    /// Whether the system knows of a slot.
    pub(super) fn has(&self, position: Position) -> Result<bool> {
        self.open(&self.path(position)).map(|file| file.is_some())
    }

    /// The highest position of a slot that the system knows of; zero if there is none.
    pub(super) fn newest(&self) -> Result<Position> {
        let newest = self.positions()?.into_iter().max();
        Ok(newest.unwrap_or(Position::ZERO))
    }

    fn positions(&self) -> Result<Vec<Position>> {
        let entries = self.disk.list(&self.dir).map_err(failed("list", &self.dir))?;
        Ok(entries.iter().filter_map(|entry| position(entry.name.to_str()?)).collect())
    }

    fn open(&self, path: &Path) -> Result<Option<Arc<dyn File>>> {
        match self.disk.open(path, Access::Read) {
            Ok(file) => Ok(Some(file)),
            Err(error) => match error.kind() {
                // The latter is what a client of NFS says of one that goes while it is opened.
                io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle => Ok(None),
                _ => Err(failed("open", path)(error)),
            },
        }
    }

    /// Writes a file that is to be linked, and makes its content durable; if the names of slots are to
    /// be so before, those as well. If that fails there is no such file.
    pub(super) fn write_unfinished(&self, path: &Path, bytes: &[u8], names: Names) -> Result<()> {
        let file = self.disk.open(path, Access::Create).map_err(failed("create", path))?;
        let written = file.write_all_at(bytes, 0).map_err(failed("write", path));
        let durable = written.and_then(|()| self.sync_unfinished(path, &*file, names));
        durable.inspect_err(|_| self.discard(path))
    }

    fn sync_unfinished(&self, path: &Path, file: &dyn File, names: Names) -> Result<()> {
        if names == Names::Found {
            let [names, content] = self.disk.sync_both(&self.dir, file);
            return names
                .map_err(failed("sync", &self.dir))
                .and(content.map_err(failed("sync", path)));
        }
        if guard::stands(Guard::SlotSync) {
            file.sync_all().map_err(failed("sync", path))?;
        }
        Ok(())
    }

    /// Asks for a file to be a slot. What is answered proves nothing; the slot has to be read.
    pub(super) fn link(&self, from: &Path, position: Position) -> io::Result<()> {
        self.disk.link(from, &self.path(position))
    }

    /// Removes a file that is no slot, or has become one under another name. One that stays is in
    /// nobody's way, and goes when its member has gone.
    pub(super) fn discard(&self, unfinished: &Path) {
        if let Err(error) = self.disk.remove(unfinished) {
            tracing::debug!(%error, path = %unfinished.display(), "cannot be removed yet");
        }
    }

    /// Removes all slots up to a floor that has been published; how many. Others may do the same
    /// at the same time.
    pub(crate) fn remove_up_to(&self, floor: Position) -> Result<u64> {
        self.refresh()?;
        let dead = self.positions()?.into_iter().filter(|position| *position <= floor);
        self.remove_all(dead.map(|position| self.path(position)))
    }

    pub(super) fn remove_all(&self, paths: impl Iterator<Item = PathBuf>) -> Result<u64> {
        let mut removed = 0;
        for path in paths {
            match self.disk.remove(&path) {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("remove", &path)(error)),
            }
        }
        Ok(removed)
    }
}

/// Length of the name of a member, which the names of its files begin with.
pub(super) const AUTHOR_LEN: usize = 32;

/// What the names of a member's files begin with.
pub(crate) fn author(member: Member) -> String {
    format!("{:0AUTHOR_LEN$x}", u128::from_be_bytes(member))
}

/// The member whose files' names begin so.
pub(crate) fn member(author: &str) -> Option<Member> {
    u128::from_str_radix(author, 16).ok().map(u128::to_be_bytes)
}

/// Says which file has a flaw.
pub(super) fn judge<T>(path: &Path, verdict: Result<T, Flaw>) -> Result<T> {
    verdict.map_err(|flaw| match flaw {
        Flaw::Bad(reason) => {
            Error::Corrupt { path: path.to_owned(), offset: 0, reason: reason.to_owned() }
        }
        Flaw::Format(found) => {
            Error::UnsupportedFormat { path: path.to_owned(), found, supported: FORMAT }
        }
    })
}

fn read_header(path: &Path, file: &dyn File) -> Result<Result<(SlotHeader, Body), Flaw>> {
    let mut bytes = [0; SLOT_HEADER_LEN];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(SlotHeader::decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Err(Flaw::Bad("it ends within its header")))
        }
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// The name of a slot's file.
pub(super) fn slot_name(position: Position) -> String {
    format!("{:016x}.slot", position.0)
}

/// The position of the slot with this file name, if it is the name of one.
fn position(name: &str) -> Option<Position> {
    let digits = name.strip_suffix(".slot").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok().map(Position)
}
