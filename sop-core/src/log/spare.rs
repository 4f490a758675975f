//! Files between two lives: no longer, or not yet, part of the log.
//!
//! A file whose frames are not needed any more is renamed to a spare one and later begins a new
//! life under a new number. Its blocks are allocated and written, so the syncs of that life have no
//! metadata to write.
//!
//! What an earlier handle of the log wrote counts for nothing then: one of its syncs may have failed,
//! after which the system shows bytes, and a length, that are not on the disk.

use std::{path::PathBuf, sync::Arc};

use super::{
    file::{FileHeader, HEADER_LEN, Name},
    folder::{Contents, Folder},
    frame::{END, END_LEN},
};
use crate::{
    Result,
    disk::{Access, File, failed},
    guard::{self, Guard},
};

/// A new file is written with zeros up to this length, in bytes.
const INITIAL_LEN: u64 = 128 << 10;

/// A file that grows is written with zeros up to a multiple of this, in bytes.
const GROWTH: u64 = 1 << 20;

/// Zeros are written page by page: what is written in one call may be kept in one piece in the
/// system's cache, and is then written to the disk as a whole whenever a frame changes part of it.
static ZEROS: [u8; 4 << 10] = [0; 4 << 10];

/// The length to which a file is written ahead when bytes up to `end` are going to be used.
pub(super) fn len_ahead(end: u64, file_bytes: u64) -> u64 {
    let ahead = if end <= INITIAL_LEN { INITIAL_LEN } else { end.next_multiple_of(GROWTH) };
    ahead.min(file_bytes).max(end)
}

/// Writes zeros from `*written`, which moves along, up to `end`.
pub(super) fn write_zeros(file: &dyn File, written: &mut u64, end: u64) -> std::io::Result<()> {
    while *written < end {
        let len = ZEROS.len().min(usize::try_from(end - *written).unwrap_or(usize::MAX));
        file.write_all_at(&ZEROS[..len], *written)?;
        *written += len as u64;
    }
    Ok(())
}

/// The spare files of a log.
#[derive(Debug)]
pub(super) struct Spares {
    ready: Vec<Spare>,
    /// A number that no spare file has had since the log was opened.
    next: u64,
    /// The first file that was begun since then, by its place in the log.
    first_own: u64,
}

#[derive(Clone, Copy, Debug)]
struct Spare {
    number: u64,
    /// Length of the part that has been written since the log was opened, in bytes.
    written: u64,
}

/// A spare file that is ready to become part of the log: its header is durable.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    /// Length of the part that has been written, in bytes.
    pub(super) written: u64,
}

impl Spares {
    /// Takes over what an earlier handle left, as far as it is of use, and removes the rest.
    pub(super) fn collect(folder: &Folder, contents: &Contents) -> Result<Self> {
        let next = contents.spares.keys().next_back().map_or(0, |number| number.saturating_add(1));
        let mut spares = Self { ready: Vec::new(), next, first_own: u64::MAX };
        for (&number, &len) in &contents.spares {
            if spares.wants(folder, len) {
                spares.ready.push(Spare { number, written: 0 });
            } else {
                folder.remove(Name::Spare(number))?;
            }
        }
        Ok(spares)
    }

    /// Whether one more file of this length is worth its space.
    fn wants(&self, folder: &Folder, len: u64) -> bool {
        self.ready.len() < folder.options.spares && len <= folder.options.file_bytes
    }

    /// Gives the space of all of them back.
    pub(super) fn discard(&mut self, folder: &Folder) -> Result<()> {
        while let Some(spare) = self.ready.last() {
            folder.remove(Name::Spare(spare.number))?;
            self.ready.pop();
        }
        Ok(())
    }

    fn next_number(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }

    /// Takes a file out of the log, of which `len` bytes have been written.
    pub(super) fn retire(&mut self, folder: &Folder, sequence: u64, len: u64) -> Result<()> {
        let name = Name::Numbered(sequence);
        if !self.wants(folder, len) {
            return folder.remove(name);
        }
        let (path, number) = (folder.path(name), self.next_number());
        let renamed = folder.disk.rename(&path, &folder.path(Name::Spare(number)));
        renamed.map_err(failed("rename", &path))?;
        let written = if sequence >= self.first_own { len } else { 0 };
        self.ready.push(Spare { number, written });
        Ok(())
    }

    /// Makes a spare file, an old one if there is one, into one with this header, and with at least
    /// as many bytes written as it says; if there are more it says so afterwards. After a failure
    /// there is one spare less, and nothing else has changed.
    pub(super) fn prepare(&mut self, folder: &Folder, header: FileHeader) -> Result<Prepared> {
        let (Spare { number, written }, access) = match self.ready.pop() {
            Some(old) => (old, Access::Write),
            None => (Spare { number: self.next_number(), written: 0 }, Access::Create),
        };
        self.first_own = self.first_own.min(header.sequence);
        let path = folder.path(Name::Spare(number));
        let file = folder.disk.open(&path, access).map_err(failed("open", &path))?;
        let mut prepared = Prepared { path, file, written };
        let header = FileHeader { len: header.len.max(written), ..header };
        if let Err(error) = prepared.fill(&header) {
            // The first failure is the one worth reporting. What cannot be removed now is removed
            // or used when the log is opened again.
            drop(folder.remove(Name::Spare(number)));
            return Err(error);
        }
        Ok(prepared)
    }
}

impl Prepared {
    fn fill(&mut self, header: &FileHeader) -> Result<()> {
        let mut begin = header.encode();
        // The place of the first frame, which an old file may have anything in.
        begin.extend_from_slice(&END);
        self.file.write_all_at(&begin, 0).map_err(failed("write", &self.path))?;
        self.written = self.written.max(HEADER_LEN + END_LEN);
        let zeros = write_zeros(&*self.file, &mut self.written, header.len);
        zeros.map_err(failed("extend", &self.path))?;
        if guard::stands(Guard::LogHeaderSync) {
            self.file.sync_all().map_err(failed("sync", &self.path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_ahead_in_steps_up_to_their_limit() {
        let file_bytes = 16 << 20;
        assert_eq!(len_ahead(72, file_bytes), 128 << 10);
        assert_eq!(len_ahead(128 << 10, file_bytes), 128 << 10);
        assert_eq!(len_ahead((128 << 10) + 8, file_bytes), 1 << 20);
        assert_eq!(len_ahead((1 << 20) + 8, file_bytes), 2 << 20);
        assert_eq!(len_ahead(file_bytes, file_bytes), file_bytes);
        assert_eq!(len_ahead(file_bytes + 8, file_bytes), file_bytes + 8, "one long frame");
        assert_eq!(len_ahead(72, 4096), 4096);
    }
}
