//! Numbers with a meaning, each its own type, so that none is taken for another.

use std::fmt;

use crate::limit::SEGMENT_ALIGN;

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
