//! What each of two mirrored folders knows of the other: a small file, `MIRROR`, in both.
//!
//! The file holds the same sealed note twice, so that one flipped bit leaves one that can be read.

use std::path::Path;

use crate::{
    codec::{
        Reader, sealed,
        write::{put_bytes, put_u64},
    },
    disk::{Disk, whole},
    error::{Error, Result},
};

/// The name of the file, in the folder of the database.
pub(crate) const MIRROR_FILE: &str = "MIRROR";

/// What the file is called until it is complete.
const UNFINISHED: &str = "MIRROR.new";

const MAGIC: [u8; 8] = *b"SOPmirr\n";
const FORMAT: u32 = 1;
/// Length of a sealed note, in bytes: the envelope, the pair, the epoch, the standing.
const NOTE_LEN: usize = sealed::HEADER_LEN + 16 + 8 + 1;

/// How complete a folder is, by its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Both folders had everything.
    Both = 0,
    /// This one has everything, and the other one has not.
    Alone = 1,
    /// Not even by itself is it a database: it is being copied from the other.
    Unfinished = 2,
}

impl Standing {
    fn of(number: u8) -> Option<Self> {
        [Self::Both, Self::Alone, Self::Unfinished].into_iter().find(|one| *one as u8 == number)
    }
}

/// What a folder says of the pair that it is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Random, and the same in both folders of a pair.
    pub(crate) pair: [u8; 16],
    /// How often the standing of one of them has changed.
    pub(crate) epoch: u64,
    pub(crate) standing: Standing,
}

impl Note {
    fn encode(self) -> Vec<u8> {
        let mut body = Vec::new();
        put_bytes(&mut body, &self.pair);
        put_u64(&mut body, self.epoch);
        body.push(self.standing as u8);
        sealed::seal(MAGIC, FORMAT, &body).repeat(2)
    }

    /// The note in a file, and else what is wrong with it.
    fn decode(bytes: &[u8]) -> Result<Self, Flaw> {
        let copies = bytes.chunks(NOTE_LEN).take(2).map(Self::decode_copy);
        copies.reduce(Result::or).unwrap_or_else(|| Err(Flaw::Damaged("it is empty".to_owned())))
    }

    fn decode_copy(bytes: &[u8]) -> Result<Self, Flaw> {
        let damaged = |reason: &str| Flaw::Damaged(reason.to_owned());
        let (format, body) =
            sealed::unseal(MAGIC, bytes).map_err(|error| damaged(&error.to_string()))?;
        if format != FORMAT {
            return Err(Flaw::Format(format));
        }
        let mut reader = Reader::new(body);
        let short = |_| damaged("it ends too early");
        let (pair, epoch) = (reader.array().map_err(short)?, reader.u64().map_err(short)?);
        let standing = Standing::of(reader.u8().map_err(short)?);
        let standing = standing.ok_or_else(|| damaged("it tells of an unknown standing"))?;
        Ok(Self { pair, epoch, standing })
    }

    /// Makes this what the folder says, durably.
    pub(crate) fn write(self, disk: &dyn Disk, root: &Path) -> Result<()> {
        let (tmp, path) = (root.join(UNFINISHED), root.join(MIRROR_FILE));
        // What an interrupted call left, if there was one.
        drop(disk.remove(&tmp));
        whole::write_new_file(disk, &tmp, &path, &self.encode())
    }

    /// What the folder says, if it has such a file. Fails with `Corrupt` if that is damaged.
    pub(crate) fn read(disk: &dyn Disk, root: &Path) -> Result<Self> {
        let path = root.join(MIRROR_FILE);
        let bytes = whole::read_file(disk, &path, 2 * NOTE_LEN)?;
        Self::decode(&bytes).map_err(|flaw| match flaw {
            Flaw::Damaged(reason) => Error::Corrupt { path, offset: 0, reason },
            Flaw::Format(found) => Error::UnsupportedFormat { path, found, supported: FORMAT },
        })
    }
}

/// Why bytes are no note.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    Damaged(String),
    Format(u32),
}

/// Whether a name is one of those that notes go by.
pub(crate) fn is_note(name: &str) -> bool {
    [MIRROR_FILE, UNFINISHED].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDisk;

    const NOTE: Note = Note { pair: [7; 16], epoch: 300, standing: Standing::Alone };

    #[test]
    fn a_note_is_read_back_and_replaced() -> Result<()> {
        let (disk, root) = (MemoryDisk::default(), Path::new("db"));
        disk.create_dir_all(root).expect("a disk in memory does not fail");
        for standing in [Standing::Both, Standing::Alone, Standing::Unfinished] {
            let note = Note { standing, ..NOTE };
            note.write(&disk, root)?;
            assert_eq!(Note::read(&disk, root)?, note);
        }
        Ok(())
    }

    #[test]
    fn any_flipped_bit_leaves_the_note_as_it_was() {
        let bytes = NOTE.encode();
        assert_eq!(bytes.len(), 2 * NOTE_LEN);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Note::decode(&flipped), Ok(NOTE), "bit {bit}");
        }
    }

    #[test]
    fn what_is_no_note_is_named_for_it() {
        assert!(matches!(Note::decode(&[]), Err(Flaw::Damaged(_))));
        assert!(matches!(Note::decode(&[0; 2 * NOTE_LEN]), Err(Flaw::Damaged(_))));
        let later = sealed::seal(MAGIC, FORMAT + 1, &[0; 25]).repeat(2);
        assert_eq!(Note::decode(&later), Err(Flaw::Format(FORMAT + 1)));
        let odd = sealed::seal(MAGIC, FORMAT, &[9; 25]).repeat(2);
        assert!(matches!(Note::decode(&odd), Err(Flaw::Damaged(_))));
    }
}
