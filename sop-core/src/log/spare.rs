//! Files between two lives: no longer, or not yet, part of the log.
//!
//! A file whose frames are not needed any more is renamed to a spare one and later begins a new
//! life under a new number. Its blocks are allocated and written, so the syncs of that life have no
//! metadata to write. A few are kept; more would only hold space.

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

/// How many files are kept for another life.
const SPARES_MAX: usize = 2;

/// A new file is written with zeros up to this length, in bytes.
const INITIAL_LEN: u64 = 128 << 10;

/// A file that grows is written with zeros up to a multiple of this, in bytes.
const GROWTH: u64 = 1 << 20;

static ZEROS: [u8; 128 << 10] = [0; 128 << 10];

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
    /// Numbered files up to this one were there when the log was opened.
    inherited: u64,
    /// A number that no spare file has had since the log was opened.
    next: u64,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Spare {
    number: u64,
    /// Whether this handle has written all of it. Of what another one wrote a part may be in the
    /// system's memory alone, its length included, and after a failed sync no other sync saves it.
    own: bool,
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
        let inherited = contents.numbered.keys().next_back().copied().unwrap_or(0);
        let mut spares = Self { ready: Vec::new(), inherited, next };
        for (&number, &len) in &contents.spares {
            if spares.wants(folder, len) {
                spares.ready.push(Spare { number, own: false });
            } else {
                folder.remove(Name::Spare(number))?;
            }
        }
        Ok(spares)
    }

    /// Whether one more file of this length is worth its space.
    fn wants(&self, folder: &Folder, len: u64) -> bool {
        self.ready.len() < SPARES_MAX && len <= folder.file_bytes
    }

    fn next_number(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }

    /// Takes a file out of the log.
    pub(super) fn retire(&mut self, folder: &Folder, sequence: u64, len: u64) -> Result<()> {
        let name = Name::Numbered(sequence);
        if !self.wants(folder, len) {
            return folder.remove(name);
        }
        let (path, number) = (folder.path(name), self.next_number());
        let renamed = folder.disk.rename(&path, &folder.path(Name::Spare(number)));
        renamed.map_err(failed("rename", &path))?;
        self.ready.push(Spare { number, own: sequence > self.inherited });
        Ok(())
    }

    /// Makes a spare file, an old one if there is one, into one with this header, and with at least
    /// as many bytes written as it says; if there are more it says so afterwards. After a failure
    /// there is one spare less, and nothing else has changed.
    pub(super) fn prepare(&mut self, folder: &Folder, header: FileHeader) -> Result<Prepared> {
        let old = self.ready.pop();
        let access = if old.is_some() { Access::Write } else { Access::Create };
        let Spare { number, own } =
            old.unwrap_or_else(|| Spare { number: self.next_number(), own: true });
        let path = folder.path(Name::Spare(number));
        let file = folder.disk.open(&path, access).map_err(failed("open", &path))?;
        if !own {
            file.set_len(0).map_err(failed("cut", &path))?;
        }
        let written = file.len().map_err(failed("read", &path))?;
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
