//! The bytes of a segment as memory: each node and value is verified when it is first met.

use super::segment::Content;
use crate::{
    disk::Mapping,
    id::Address,
    limit::SEGMENT_ALIGN,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
};

/// A segment that the disk mapped.
pub(super) struct Mapped {
    mapping: Mapping,
    /// Two bits for each place where something can begin, four places to a byte.
    verified: Box<[AtomicU8]>,
    /// Whether the system reads ahead of what it is asked for.
    read_ahead: AtomicBool,
}

impl Mapped {
    pub(super) fn new(mapping: Mapping) -> Self {
        // One more than there are: a link that lies may lead to nothing, right behind the end.
        let places = (mapping.len() / SEGMENT_ALIGN + 1).div_ceil(4);
        let verified = (0..places).map(|_| AtomicU8::new(0)).collect();
        Self { mapping, verified, read_ahead: AtomicBool::new(true) }
    }

    pub(super) fn set_read_ahead(&self, ahead: bool) {
        if self.read_ahead.swap(ahead, Ordering::Relaxed) != ahead {
            self.mapping.read_ahead(ahead);
        }
    }

    /// What an address names, if it lies in the file and was verified.
    #[inline]
    pub(super) fn verified(&self, address: Address, content: Content) -> Option<&[u8]> {
        let bytes = self.bytes(address)?;
        let (bits, bit) = self.mark(address, content);
        (bits.load(Ordering::Relaxed) & bit != 0).then_some(bytes)
    }

    /// Notes that what an address names was verified.
    pub(super) fn set_verified(&self, address: Address, content: Content) {
        let (bits, bit) = self.mark(address, content);
        bits.fetch_or(bit, Ordering::Relaxed);
    }

    #[inline]
    fn mark(&self, address: Address, content: Content) -> (&AtomicU8, u8) {
        let place = address.offset as usize;
        (&self.verified[place / 4], (content as u8) << (place % 4 * 2))
    }

    /// What stands at an address, verified or not.
    #[inline]
    pub(super) fn bytes(&self, address: Address) -> Option<&[u8]> {
        let start = usize::try_from(address.start()).unwrap_or(usize::MAX);
        let end = start.saturating_add(address.len as usize);
        let bytes = self.mapping.get(start..end)?;
        if !self.read_ahead.load(Ordering::Relaxed) {
            // Else each page of it would be waited for in turn.
            self.mapping.will_need(start, end - start);
        }
        Some(bytes)
    }
}
