//! Files whose content goes past the system's cache, by `O_DIRECT` of Linux.
//!
//! The system demands that such reads and writes begin and end at multiples of a block, in the file
//! and in memory. So whole blocks go by way of a piece of memory that is aligned, and what is left
//! at the edges of a write as it does in any file. The two never touch the same block in one call; a
//! block that was written in parts is in the cache until the system writes it.

use std::{
    fs::{File as SystemFile, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
};

use super::{Access, Disk, File, Mapping, os::OsDisk};

/// What offsets, lengths and memory have to be multiples of, in bytes. Disks demand 512 or 4096.
const BLOCK: usize = 4_096;

/// Bytes that are read or written in one go.
const STEP: usize = 1 << 20;

/// A file, and the same file past the cache.
#[derive(Debug)]
struct DirectFile {
    plain: Arc<dyn File>,
    direct: SystemFile,
}

/// Opens a file so that its content goes past the cache; where the file system cannot do so, as
/// any other.
pub(super) fn open(path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
    let plain = OsDisk.open(path, access)?;
    let mut options = OpenOptions::new();
    options.read(true).write(access != Access::Read).custom_flags(libc::O_DIRECT);
    Ok(match options.open(path) {
        Ok(direct) => Arc::new(DirectFile { plain, direct }),
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "a file cannot be read past the cache");
            plain
        }
    })
}

/// Memory that begins at a multiple of a block.
struct Aligned {
    bytes: Vec<u8>,
    begin: usize,
}

impl Aligned {
    fn new(len: usize) -> Self {
        let bytes = vec![0; len + BLOCK];
        let begin = bytes.as_ptr().align_offset(BLOCK);
        Self { bytes, begin }
    }

    fn get(&mut self, len: usize) -> &mut [u8] {
        &mut self.bytes[self.begin..][..len]
    }
}

/// The multiple of a block at or before an offset.
fn block_before(offset: u64) -> u64 {
    offset - offset % BLOCK as u64
}

impl DirectFile {
    /// Reads the blocks that hold a range, and copies the range; how much of it there is.
    fn read_blocks(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let begin = block_before(offset);
        let skipped = usize::try_from(offset - begin).map_err(io::Error::other)?;
        let wanted = (skipped + buf.len()).next_multiple_of(BLOCK).min(STEP);
        let mut memory = Aligned::new(wanted);
        let read = self.direct.read_at(memory.get(wanted), begin)?;
        let len = read.saturating_sub(skipped).min(buf.len());
        buf[..len].copy_from_slice(&memory.get(wanted)[skipped..][..len]);
        Ok(len)
    }

    /// Writes whole blocks.
    fn write_blocks(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut memory = Aligned::new(bytes.len().min(STEP));
        for (number, piece) in (0..).zip(bytes.chunks(STEP)) {
            let staged = memory.get(piece.len());
            staged.copy_from_slice(piece);
            self.direct.write_all_at(staged, offset + number * STEP as u64)?;
        }
        Ok(())
    }
}

impl File for DirectFile {
    fn len(&self) -> io::Result<u64> {
        self.plain.len()
    }

    fn names(&self) -> io::Result<Option<u64>> {
        self.plain.names()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.read_blocks(buf, offset) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                // The disk has larger blocks, or the offset is none.
                self.plain.read_at(buf, offset)
            }
            outcome => outcome,
        }
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.write_all_at(buf, offset).map(|()| buf.len())
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let head = usize::try_from(offset.next_multiple_of(BLOCK as u64) - offset);
        let head = head.map_err(io::Error::other)?;
        let whole = buf.len().saturating_sub(head) / BLOCK * BLOCK;
        if whole == 0 {
            return self.plain.write_all_at(buf, offset);
        }
        let (front, rest) = buf.split_at(head);
        let (blocks, back) = rest.split_at(whole);
        let at = offset + head as u64;
        self.plain.write_all_at(front, offset)?;
        match self.write_blocks(blocks, at) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.plain.write_all_at(blocks, at)?;
            }
            outcome => outcome?,
        }
        self.plain.write_all_at(back, at + whole as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.plain.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.plain.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.plain.sync_all()
    }

    fn map(&self, len: u64) -> io::Result<Mapping> {
        self.plain.map(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, for_seeds};

    #[test]
    fn what_is_written_past_the_cache_is_what_is_read_either_way() {
        for_seeds(1..=20, |seed| {
            let random = &mut Random::new(seed);
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("file");
            let file = open(&path, Access::Create).expect("it is new");
            let mut model = Vec::new();
            for _ in 0..40 {
                let offset = random.below(model.len() + 1);
                let len = random.pick(&[0, 1, 511, 4_095, 4_096, 4_097, 70_000, 3 << 20]);
                let bytes: Vec<u8> =
                    (0..len).map(|at| (at * 7 + random.below(3)).to_le_bytes()[0]).collect();
                file.write_all_at(&bytes, offset as u64).expect("the disk has room");
                let end = offset + len;
                model.resize(model.len().max(end), 0);
                model[offset..end].copy_from_slice(&bytes);
                if random.once_in(5) {
                    file.sync_data().expect("it can be synced");
                }
                let other = if random.once_in(2) {
                    OsDisk.open(&path, Access::Read)
                } else {
                    open(&path, Access::Read)
                };
                let begin = random.below(model.len() + 1);
                let part = &model[begin..][..random.below(model.len() - begin + 1)];
                let mut found = vec![1; part.len()];
                let read = other.expect("it is there").read_exact_at(&mut found, begin as u64);
                read.expect("it is as long");
                assert!(found == part, "{begin}..{}", begin + part.len());
            }
            let mut beyond = [0; 2];
            let end = model.len() as u64;
            assert_eq!(file.read_at(&mut beyond, end).expect("the end is no failure"), 0);
            assert_eq!(file.len().expect("it is there"), end);
            Ok(())
        });
    }
}
