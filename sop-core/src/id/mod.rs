//! Numbers with a meaning, each its own type, so that none is taken for another.

mod gtid;

use std::{fmt, str::FromStr};

pub use gtid::Gtid;

use crate::{
    Error,
    codec::hexadecimal,
    limit::{NUMBER_END, SEGMENT_ALIGN},
};

macro_rules! number {
    ($(#[$doc:meta])* $vis:vis $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name(pub(crate) $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A store for as long as it exists, whatever its name becomes. Never used for another store.
    pub StoreId(u32)
}
number! {
    /// The position of a batch in the log: 1 for the first, then one more for each.
    pub(crate) Position(u64)
}
number! {
    /// A state of the trees in memory. Grows with every commit and every checkpoint.
    pub(crate) Generation(u64)
}
number! {
    /// A segment file. Never used for another file.
    pub(crate) SegmentId(u32)
}

impl StoreId {
    /// The store that holds the names of all others.
    pub(crate) const CATALOG: Self = Self(0);

    /// The store that holds prepared transactions, by their names. There is none before the first.
    pub(crate) const PREPARED: Self = Self(NUMBER_END - 1);

    /// The store that holds what was decided about transactions over several databases. There is
    /// none before the first.
    pub(crate) const DECISIONS: Self = Self(NUMBER_END - 2);

    /// Whether the database keeps something of its own in it.
    pub(crate) fn is_own(self) -> bool {
        self == Self::CATALOG || self >= Self::DECISIONS && !self.is_provisional()
    }

    /// Whether it is the number of a store that exists in one transaction only.
    pub(crate) fn is_provisional(self) -> bool {
        self.0 & NUMBER_END != 0
    }
}

impl Position {
    /// Before the first batch.
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Generation {
    pub(crate) fn before(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A place in a segment file, with what is needed to know the right bytes from others.
///
/// The checksum stands in the pointer and not beside the data (as in the address cookies
/// of `WiredTiger`), so that a lost or misdirected write is noticed like a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) segment: SegmentId,
    /// In units of [`SEGMENT_ALIGN`] bytes.
    pub(crate) offset: u32,
    /// In bytes.
    pub(crate) len: u32,
    /// CRC-32C of the bytes.
    pub(crate) checksum: u32,
}

impl Address {
    /// Length of an encoded address, in bytes.
    pub(crate) const LEN: usize = 16;

    /// Bytes taken in the segment, with the gap up to the next aligned place.
    pub(crate) fn footprint(self) -> u64 {
        u64::from(self.len).next_multiple_of(SEGMENT_ALIGN as u64)
    }

    /// Where it starts in the file, in bytes.
    pub(crate) fn start(self) -> u64 {
        u64::from(self.offset) * SEGMENT_ALIGN as u64
    }

    pub(crate) fn encode(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&self.segment.0.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.len.to_le_bytes());
        bytes[12..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: [u8; Self::LEN]) -> Self {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let segment = SegmentId(word(0));
        Self { segment, offset: word(4), len: word(8), checksum: word(12) }
    }
}

/// A commit whose outcome was left open by [`Error::CommitUnknown`], for whoever asks later what became
/// of it: [`Database::resolve`](crate::Database::resolve).
///
/// It can be kept as text or as bytes, and asked for by another process. It tells nothing about what
/// was to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommitId {
    pub(crate) database: [u8; 16],
    /// Who was to append it.
    pub(crate) member: [u8; 16],
    /// Its number among all that this one has appended. Stands for nothing else.
    pub(crate) sequence: u64,
    pub(crate) position: u64,
}

impl CommitId {
    /// The log position that it has if it took effect.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// As bytes, to be kept.
    pub fn to_bytes(self) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(&self.database);
        bytes[16..32].copy_from_slice(&self.member);
        bytes[32..40].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[40..].copy_from_slice(&self.position.to_le_bytes());
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(bytes: [u8; 48]) -> Self {
        let part = |at: usize| std::array::from_fn(|index| bytes[at + index]);
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| bytes[at + index]));
        Self { database: part(0), member: part(16), sequence: number(32), position: number(40) }
    }
}

/// 96 hexadecimal digits.
impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::show(&self.to_bytes(), f)
    }
}

impl FromStr for CommitId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Invalid("a commit is named by 96 hexadecimal digits".to_owned());
        hexadecimal::read(text).map(Self::from_bytes).ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_can_be_kept_as_text_and_as_bytes() {
        let commit =
            CommitId { database: [7; 16], member: [200; 16], sequence: 1 << 40, position: 99 };
        assert_eq!(CommitId::from_bytes(commit.to_bytes()), commit);
        let text = commit.to_string();
        assert_eq!(text.parse::<CommitId>().unwrap(), commit);
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replace('7', "x")] {
            assert!(wrong.parse::<CommitId>().is_err(), "{wrong}");
        }
    }
}
