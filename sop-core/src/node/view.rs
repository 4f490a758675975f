//! Reading and searching a node's image.

use std::cmp::Ordering;

use super::{
    layout::{
        BRANCH_FIXED, HEADER_LEN, HINTS, HINTS_FROM, LEAF, LEAF_FIXED, OUTSIDE, SLOT_LEN, at,
        get_u16, get_u32, get_u64, head,
    },
    link::{LINK_LEN, Link},
    pack::{Payload, Record, Stored},
};

/// An image of a node, for reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeView<'v> {
    image: &'v [u8],
}

/// One slot: where a record stands, and how its suffix begins.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) offset: usize,
    pub(super) suffix_len: usize,
    pub(super) head: u32,
}

impl<'v> NodeView<'v> {
    /// Reads an image made in memory, or one that `layout::verify` accepted.
    #[inline]
    pub(crate) fn new(image: &'v [u8]) -> Self {
        Self { image }
    }

    pub(crate) fn image(self) -> &'v [u8] {
        self.image
    }

    #[inline]
    pub(crate) fn is_leaf(self) -> bool {
        self.image[at::KIND] == LEAF
    }

    #[inline]
    pub(crate) fn level(self) -> usize {
        usize::from(self.image[at::LEVEL])
    }

    #[inline]
    pub(crate) fn count(self) -> usize {
        get_u16(self.image, at::COUNT)
    }

    #[inline]
    pub(crate) fn prefix(self) -> &'v [u8] {
        &self.image[HEADER_LEN..self.slots()]
    }

    #[inline]
    pub(super) fn slots(self) -> usize {
        HEADER_LEN + get_u16(self.image, at::PREFIX_LEN)
    }

    #[inline]
    pub(super) fn slot(self, index: usize) -> Slot {
        let at = self.slots() + index * SLOT_LEN;
        let bytes: [u8; SLOT_LEN] =
            self.image[at..at + SLOT_LEN].try_into().expect("a slot's bytes were sliced");
        Slot {
            offset: get_u16(&bytes, 0),
            suffix_len: get_u16(&bytes, 2),
            head: get_u32(&bytes, 4),
        }
    }

    #[inline]
    fn fixed(self) -> usize {
        if self.is_leaf() { LEAF_FIXED } else { BRANCH_FIXED }
    }

    #[inline]
    pub(super) fn suffix_at(self, slot: Slot) -> &'v [u8] {
        let start = slot.offset + self.fixed();
        &self.image[start..start + slot.suffix_len]
    }

    /// The key of a record, less the node's prefix.
    pub(crate) fn suffix(self, index: usize) -> &'v [u8] {
        self.suffix_at(self.slot(index))
    }

    /// How the whole key of a record compares with another.
    pub(crate) fn compare(self, index: usize, key: &[u8]) -> Ordering {
        let prefix = self.prefix();
        let common = prefix.len().min(key.len());
        let (start, rest) = key.split_at(common);
        prefix.cmp(start).then_with(|| self.suffix(index).cmp(rest))
    }

    /// Puts the whole key of a record into `key`.
    pub(crate) fn key_into(self, index: usize, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.prefix());
        key.extend_from_slice(self.suffix(index));
    }

    /// The whole key of a record.
    pub(crate) fn key(self, index: usize) -> Vec<u8> {
        let (prefix, suffix) = (self.prefix(), self.suffix(index));
        let mut key = Vec::with_capacity(prefix.len() + suffix.len());
        key.extend_from_slice(prefix);
        key.extend_from_slice(suffix);
        key
    }

    /// The record with this key, or where it would stand.
    #[inline]
    pub(crate) fn search(self, key: &[u8]) -> Result<usize, usize> {
        self.search_from(0, key)
    }

    /// The child of a branch under which a key stands, if it stands anywhere.
    #[inline]
    pub(crate) fn child_index(self, key: &[u8]) -> usize {
        // The first record is less than every key, whatever the bytes say.
        self.search_from(1, key).unwrap_or_else(|after| after.saturating_sub(1))
    }

    #[inline]
    fn search_from(self, first: usize, key: &[u8]) -> Result<usize, usize> {
        let prefix = self.prefix();
        let count = self.count();
        let Some(suffix) = key.strip_prefix(prefix) else {
            return Err(if key < prefix { 0 } else { count });
        };
        let head = head(suffix);
        let (mut low, mut high) = self.narrow(head, count);
        low = low.max(first);
        while low < high {
            let middle = low.midpoint(high);
            let slot = self.slot(middle);
            let order = slot.head.cmp(&head).then_with(|| self.suffix_at(slot).cmp(suffix));
            match order {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// The slots between which a head must stand, from the hints: one cache line instead of
    /// four steps of the search over many.
    #[inline]
    fn narrow(self, head: u32, count: usize) -> (usize, usize) {
        if count < HINTS_FROM {
            return (0, count);
        }
        let distance = count / (HINTS + 1);
        let hints = &self.image[at::HINTS..HEADER_LEN];
        let hint = |index: usize| get_u32(hints, 4 * index);
        let below = (0..HINTS).filter(|&index| hint(index) < head).count();
        let up_to = (below..HINTS).take_while(|&index| hint(index) == head).count() + below;
        let high = if up_to < HINTS { (up_to + 1) * distance } else { count };
        (below * distance, high)
    }

    /// Log position of the last writer of a leaf's record.
    #[inline]
    pub(crate) fn version(self, index: usize) -> u64 {
        let delta = get_u32(self.image, self.slot(index).offset);
        self.base() + u64::from(delta)
    }

    #[inline]
    pub(super) fn base(self) -> u64 {
        get_u64(self.image, at::BASE)
    }

    /// The value of a leaf's record, or where it stands.
    #[inline]
    pub(crate) fn stored(self, index: usize) -> Stored<'v> {
        let slot = self.slot(index);
        let len = get_u16(self.image, slot.offset + 4);
        let start = slot.offset + LEAF_FIXED + slot.suffix_len;
        if len == usize::from(OUTSIDE) {
            Stored::Outside(self.link_at(start))
        } else {
            Stored::Inline(&self.image[start..start + len])
        }
    }

    /// How many of a leaf's values stand outside of it.
    #[inline]
    pub(crate) fn outside(self) -> usize {
        get_u16(self.image, at::OUTSIDE)
    }

    /// What a node points to: a branch to its children, a leaf to its values outside; each with its
    /// record. Looks at no record of a leaf that has all its values inside, which is the rule.
    pub(crate) fn linking(self) -> impl Iterator<Item = (usize, Link)> + use<'v> {
        let is_leaf = self.is_leaf();
        let count = if is_leaf && self.outside() == 0 { 0 } else { self.count() };
        (0..count).filter_map(move |index| {
            if !is_leaf {
                return Some((index, self.child(index)));
            }
            self.stored(index).outside().map(|link| (index, link))
        })
    }

    /// The same without the records.
    pub(crate) fn links(self) -> impl Iterator<Item = Link> + use<'v> {
        self.linking().map(|(_, link)| link)
    }

    /// The child a branch's record points to.
    #[inline]
    pub(crate) fn child(self, index: usize) -> Link {
        self.link_at(self.slot(index).offset)
    }

    /// Number of entries below a branch's record.
    #[inline]
    pub(crate) fn entries(self, index: usize) -> u64 {
        get_u64(self.image, self.slot(index).offset + LINK_LEN)
    }

    #[inline]
    fn link_at(self, at: usize) -> Link {
        let bytes = self.image[at..at + LINK_LEN].try_into().expect("a link's bytes were sliced");
        Link::decode(bytes)
    }

    /// A record as the packer takes it.
    pub(crate) fn record(self, index: usize) -> Record<'v> {
        let payload = if self.is_leaf() {
            Payload::Entry { version: self.version(index), value: self.stored(index) }
        } else {
            Payload::Child { link: self.child(index), entries: self.entries(index) }
        };
        if !self.is_leaf() && index == 0 {
            return Record { prefix: &[], suffix: &[], payload };
        }
        Record { prefix: self.prefix(), suffix: self.suffix(index), payload }
    }

    pub(crate) fn records(self) -> impl Iterator<Item = Record<'v>> {
        (0..self.count()).map(move |index| self.record(index))
    }

    /// Bytes in use: what the image would take without free and dead space.
    #[inline]
    pub(crate) fn used(self) -> usize {
        let heap = self.image.len() - get_u16(self.image, at::HEAP);
        self.slots() + self.count() * SLOT_LEN + heap - get_u16(self.image, at::DEAD)
    }

    /// Bytes between slots and heap.
    #[inline]
    pub(super) fn gap(self) -> usize {
        get_u16(self.image, at::HEAP) - self.slots() - self.count() * SLOT_LEN
    }

    /// Length of a record in the heap, in bytes.
    pub(super) fn record_len(self, slot: Slot) -> usize {
        let payload = if self.is_leaf() {
            match get_u16(self.image, slot.offset + 4) {
                len if len == usize::from(OUTSIDE) => LINK_LEN,
                len => len,
            }
        } else {
            0
        };
        self.fixed() + slot.suffix_len + payload
    }
}
