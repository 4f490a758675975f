//! What a transaction can do with blobs, drawn as data.

use fastrand::Rng;
use sop_core::{BlobOptions, Result, Transaction};

use super::plan::Plan;
use crate::{
    oracle::{Deed, Readable, Value, Witness},
    simulation::surroundings::pick,
};

/// The store that blobs are in.
const STORE: &str = "blobs";

/// Some begin as others do, or have what keys escape.
const NAMES: [&str; 5] = ["film", "films", "", "\0", "film\0\x01"];

/// The knobs of the blobs of a run.
#[derive(Clone, Debug)]
pub(super) struct Blobs {
    names: usize,
    options: BlobOptions,
    /// The length of what is written at once, in chunks.
    chunks_max: usize,
}

/// Something that reads a blob.
#[derive(Debug)]
pub(in crate::simulation) struct BlobReading {
    name: &'static str,
    deed: Deed,
}

/// Something that writes a blob, or may.
#[derive(Debug)]
pub(in crate::simulation) struct BlobWriting {
    name: &'static str,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Create,
    Delete,
    Append(Content),
    Write { offset: u64, content: Content },
    Truncate(u64),
    SetMetadata(Content),
    Copy { to: &'static str },
    Drop,
}

/// Bytes that tell which writing they are of: its number, again and again.
#[derive(Clone, Copy, Debug)]
struct Content {
    number: u64,
    len: usize,
}

impl Content {
    fn bytes(self) -> Value {
        self.number.to_be_bytes().into_iter().cycle().take(self.len).collect()
    }
}

impl Blobs {
    pub(super) fn draw(random: &mut Rng) -> Self {
        let options = BlobOptions::default()
            .chunk_len(pick(random, &[4_096, 4_096, 5_000]))
            .logged_len(pick(random, &[0, 0, 6_000, u64::MAX]));
        Self { names: random.usize(1..=NAMES.len()), options, chunks_max: random.usize(1..4) }
    }

    fn any_name(&self, random: &mut Rng) -> &'static str {
        NAMES[random.usize(..self.names)]
    }

    /// The length of a piece, or where one begins: often that of whole chunks.
    fn any_len(&self, random: &mut Rng) -> usize {
        let chunk_len = self.options.chunk_len;
        let chunks = random.usize(..=self.chunks_max);
        if random.bool() { chunks * chunk_len } else { random.usize(..=chunks * chunk_len + 9) }
    }
}

impl BlobReading {
    pub(super) fn draw(plan: &Plan, random: &mut Rng) -> Self {
        let blobs = &plan.blobs;
        let deed = match random.u8(..6) {
            0 => Deed::Len,
            1 => Deed::Checksum,
            2 => Deed::Metadata,
            3 => Deed::Read { offset: 0, len: usize::from(u16::MAX) },
            _ => {
                let (offset, len) = (blobs.any_len(random) as u64, blobs.any_len(random));
                Deed::Read { offset, len }
            }
        };
        Self { name: blobs.any_name(random), deed }
    }

    pub(super) fn perform(&self, witness: &mut Witness<impl Readable>) -> Result<()> {
        witness.read_blob(STORE, self.name.as_bytes(), self.deed.clone()).map(drop)
    }
}

impl BlobWriting {
    pub(super) fn draw(plan: &Plan, number: u64, random: &mut Rng) -> Self {
        let blobs = &plan.blobs;
        let content = |random: &mut Rng| Content { number, len: blobs.any_len(random) };
        let change = match random.u8(..24) {
            0..4 => Change::Create,
            4 => Change::Delete,
            5..11 => Change::Append(content(random)),
            11..18 => {
                Change::Write { offset: blobs.any_len(random) as u64, content: content(random) }
            }
            18..21 => Change::Truncate(blobs.any_len(random) as u64),
            21 => Change::SetMetadata(Content { number, len: random.usize(..40) }),
            22 if random.u8(..4) == 0 => Change::Drop,
            _ => Change::Copy { to: blobs.any_name(random) },
        };
        Self { name: blobs.any_name(random), change }
    }

    pub(super) fn perform(&self, plan: &Plan, witness: &mut Witness<Transaction>) -> Result<()> {
        let (name, options) = (self.name.as_bytes(), plan.blobs.options);
        let deed = match &self.change {
            Change::Drop => return witness.drop_store(STORE),
            Change::Append(content) => {
                return witness.append_blob(STORE, options, name, content.bytes());
            }
            Change::Copy { to } => return witness.copy_blob(STORE, options, name, to.as_bytes()),
            Change::Create => Deed::Create,
            Change::Delete => Deed::Delete,
            Change::Truncate(len) => Deed::Truncate(*len),
            Change::Write { offset, content } => {
                Deed::Write { offset: *offset, bytes: content.bytes() }
            }
            Change::SetMetadata(content) => Deed::SetMetadata(content.bytes()),
        };
        witness.write_blob(STORE, options, name, deed)
    }
}
