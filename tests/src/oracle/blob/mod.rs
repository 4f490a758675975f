//! What is done with blobs, and what a model made of entries has for them.
//!
//! A store of blobs is one like any other, so the model has its entries too: their keys and what
//! they hold are written here a second time, from the format's description.

mod content;
mod keys;
mod witness;

use std::fmt;

use sop_core::ConflictKind;

use self::keys::{Keys, Part};
use super::{Key, Value};

/// One thing that was done with a blob, and what came of it.
#[derive(Clone, Debug)]
pub struct BlobStep {
    /// In which store.
    pub store: String,
    /// The blob's name.
    pub blob: Vec<u8>,
    /// Length of the chunks that it has, or would get.
    pub chunk_len: usize,
    /// What was to be done.
    pub deed: Deed,
    /// What came of it.
    pub told: Told,
}

/// Something to do with a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Asks how long it is.
    Len,
    /// Reads so many bytes from an offset on.
    Read {
        /// Where.
        offset: u64,
        /// How many at most.
        len: usize,
    },
    /// Asks for its checksum.
    Checksum,
    /// Asks for its metadata.
    Metadata,
    /// Creates it.
    Create,
    /// Deletes it.
    Delete,
    /// Writes bytes from an offset on.
    Write {
        /// Where.
        offset: u64,
        /// What.
        bytes: Value,
    },
    /// Cuts off what is behind so many bytes.
    Truncate(u64),
    /// Gives it other metadata.
    SetMetadata(Value),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was done.
    Done,
    /// It is like that already.
    Unchanged,
    /// There is no such blob.
    Missing,
    /// There is one already.
    Exists,
    /// It is only so long.
    Beyond(u64),
    /// A length, or a checksum.
    Number(u64),
    /// Content.
    Bytes(Value),
}

impl BlobStep {
    /// Whether it changed nothing, though it may have tried to.
    pub(super) fn only_reads(&self) -> bool {
        self.told != Told::Done
    }

    /// Whether it rests on an entry, or wrote it, as a conflict of this kind says.
    pub(super) fn concerns(&self, key: &Key, kind: ConflictKind) -> bool {
        let may_be = kind != ConflictKind::Write || !self.only_reads();
        may_be
            && match Keys::of(&self.blob).part(key) {
                Some(Part::Header) => true,
                Some(Part::Metadata) => {
                    matches!(self.deed, Deed::Metadata | Deed::SetMetadata(_) | Deed::Delete)
                }
                Some(Part::Chunk(number)) => self.rests_on_chunk(u64::from(number)),
                None => false,
            }
    }

    fn rests_on_chunk(&self, number: u64) -> bool {
        let chunk = |offset: u64| offset / self.chunk_len as u64;
        let end = |len: u64| chunk(len.saturating_sub(1));
        match (&self.deed, &self.told) {
            (_, Told::Missing | Told::Exists) => false,
            (_, Told::Beyond(len)) | (Deed::Len, Told::Number(len)) | (Deed::Truncate(len), _) => {
                number >= end(*len)
            }
            (Deed::Read { offset, len }, Told::Bytes(bytes)) if bytes.len() == *len => {
                (chunk(*offset)..=end(offset + *len as u64)).contains(&number)
            }
            (Deed::Write { offset, bytes }, _) => {
                let last = end(offset + bytes.len() as u64).max(chunk(*offset));
                (chunk(*offset).saturating_sub(1)..=last).contains(&number)
            }
            (Deed::Create | Deed::Metadata | Deed::SetMetadata(_), _) => false,
            // Whoever read less than was wanted has seen the end.
            (Deed::Read { .. } | Deed::Len | Deed::Checksum | Deed::Delete, _) => true,
        }
    }
}

/// Bytes in a few words.
fn show(bytes: &[u8]) -> String {
    format!("{} bytes of sum {:08x}", bytes.len(), crc32c::crc32c(bytes))
}

impl fmt::Display for BlobStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blob {} {:?}: ", self.store, String::from_utf8_lossy(&self.blob))?;
        match &self.deed {
            Deed::Write { offset, bytes } => write!(f, "write {} at {offset}", show(bytes)),
            Deed::SetMetadata(bytes) => write!(f, "set metadata of {}", show(bytes)),
            other => write!(f, "{other:?}"),
        }?;
        match &self.told {
            Told::Bytes(bytes) => write!(f, " -> {}", show(bytes)),
            other => write!(f, " -> {other:?}"),
        }
    }
}
