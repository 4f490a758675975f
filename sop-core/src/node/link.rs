//! Where something that a node points to is to be found.

use super::block::BlockRef;
use crate::id::Address;

/// Length of an encoded link, in bytes.
pub(super) const LINK_LEN: usize = Address::LEN;

/// What a node's record points to: a node one level down, or a value kept outside of its leaf.
///
/// Encoded in sixteen bytes: an address begins with its segment's number, which is never zero; a
/// place in memory begins with zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Written by a checkpoint or a bulk load.
    Disk(Address),
    /// Not written yet.
    Memory(BlockRef),
}

impl Link {
    pub(crate) fn encode(self) -> [u8; LINK_LEN] {
        match self {
            Self::Disk(address) => address.encode(),
            Self::Memory(block) => {
                let mut bytes = [0; LINK_LEN];
                bytes[8..].copy_from_slice(&block.to_bits().to_le_bytes());
                bytes
            }
        }
    }

    /// Decodes a link that [`Self::encode`] wrote.
    ///
    /// Only for bytes of an image in memory or of one that `layout::verify` accepted, which
    /// refuses links into memory.
    pub(super) fn decode(bytes: [u8; LINK_LEN]) -> Self {
        let address = Address::decode(bytes);
        if address.segment.0 != 0 {
            return Self::Disk(address);
        }
        let bits = bytes.last_chunk().copied().map(u64::from_le_bytes);
        Self::Memory(BlockRef::from_bits(bits.unwrap_or_default()))
    }

    /// Whether both name the same bytes, one of them perhaps by where a checkpoint put them.
    pub(crate) fn same(self, other: Self) -> bool {
        self == other || matches!((self.address(), other.address()), (Some(a), Some(b)) if a == b)
    }

    /// Where the bytes are on disk, if they are.
    pub(crate) fn address(self) -> Option<Address> {
        match self {
            Self::Disk(address) => Some(address),
            Self::Memory(block) => block.get().address(),
        }
    }
}
