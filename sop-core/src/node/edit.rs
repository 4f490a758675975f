//! Changing an image in place, while only its builder sees it.
//!
//! The quick changes only: those that fit the image as it is laid out. Whatever does not (no room,
//! another prefix, a version too far from the base) is refused without a change, and the caller
//! lays the records out anew with [`super::lay_out`], in as many nodes as they take.

use super::{
    layout::{BRANCH_FIXED, HEADER_LEN, LEAF_FIXED, SLOT_LEN, at, get_u16, put_u16},
    link::Link,
    pack::{Stored, put_child, put_entry, put_slot, refresh_hints},
    view::NodeView,
};

/// An image that nobody else can see yet.
#[derive(Debug)]
pub(crate) struct NodeEdit<'a> {
    image: &'a mut [u8],
}

impl<'a> NodeEdit<'a> {
    pub(crate) fn new(image: &'a mut [u8]) -> Self {
        Self { image }
    }

    fn view(&self) -> NodeView<'_> {
        NodeView::new(self.image)
    }

    /// Inserts an entry into a leaf at `index`, where a search said that it belongs.
    #[must_use]
    pub(crate) fn insert(
        &mut self,
        index: usize,
        key: &[u8],
        version: u64,
        value: Stored<'_>,
    ) -> bool {
        let view = self.view();
        let (Some(delta), Some(suffix)) = (self.delta(version), key.strip_prefix(view.prefix()))
        else {
            return false;
        };
        let len = entry_len(suffix.len(), value);
        if view.gap() < SLOT_LEN + len {
            return false;
        }
        let (slots, count) = (view.slots(), view.count());
        let slot = slots + index * SLOT_LEN;
        self.image.copy_within(slot..slots + count * SLOT_LEN, slot + SLOT_LEN);
        put_u16(self.image, at::COUNT, count + 1);
        self.count_outside(None, value.outside());
        self.put_in_heap(slot, delta, suffix, value);
        refresh_hints(self.image);
        true
    }

    /// Replaces the value of a leaf's entry.
    #[must_use]
    pub(crate) fn replace(&mut self, index: usize, version: u64, value: Stored<'_>) -> bool {
        let view = self.view();
        let Some(delta) = self.delta(version) else { return false };
        let slot = view.slot(index);
        let (old_len, new_len) = (view.record_len(slot), entry_len(slot.suffix_len, value));
        let dead = get_u16(self.image, at::DEAD);
        let was_outside = view.stored(index).outside();
        if new_len <= old_len {
            self.count_outside(was_outside, value.outside());
            put_u16(self.image, at::DEAD, dead + old_len - new_len);
            let record = &mut self.image[slot.offset..slot.offset + new_len];
            put_entry(record, delta, slot.suffix_len, value);
            return true;
        }
        if view.gap() < new_len {
            return false;
        }
        let (slot_at, suffix) = (view.slots() + index * SLOT_LEN, view.suffix_at(slot).to_vec());
        self.count_outside(was_outside, value.outside());
        put_u16(self.image, at::DEAD, dead + old_len);
        self.put_in_heap(slot_at, delta, &suffix, value);
        true
    }

    /// Removes a leaf's entry. Its space is used again when the leaf is next laid out.
    pub(crate) fn remove(&mut self, index: usize) {
        let view = self.view();
        let (slots, count) = (view.slots(), view.count());
        let dead = get_u16(self.image, at::DEAD) + view.record_len(view.slot(index));
        let (slot, was_outside) = (slots + index * SLOT_LEN, view.stored(index).outside());
        self.count_outside(was_outside, None);
        self.image.copy_within(slot + SLOT_LEN..slots + count * SLOT_LEN, slot);
        put_u16(self.image, at::COUNT, count - 1);
        put_u16(self.image, at::DEAD, dead);
        refresh_hints(self.image);
    }

    /// Points a branch's record elsewhere.
    pub(crate) fn set_child(&mut self, index: usize, link: Link, entries: u64) {
        let offset = self.view().slot(index).offset;
        put_child(&mut self.image[offset..offset + BRANCH_FIXED], link, entries);
    }

    /// Points a leaf's entry to its value's new place; the entry must have had one outside.
    pub(crate) fn set_outside(&mut self, index: usize, link: Link) {
        let slot = self.view().slot(index);
        let at = slot.offset + LEAF_FIXED + slot.suffix_len;
        let bytes = link.encode();
        self.image[at..at + bytes.len()].copy_from_slice(&bytes);
    }

    /// Keeps the header's number of values outside, when a record is changed, added or removed.
    fn count_outside(&mut self, was: Option<Link>, is: Option<Link>) {
        let number = |link: Option<Link>| usize::from(link.is_some());
        let outside = self.view().outside() + number(is) - number(was);
        put_u16(self.image, at::OUTSIDE, outside);
    }

    /// The version as this leaf stores it, if its base allows that.
    fn delta(&self, version: u64) -> Option<u32> {
        version.checked_sub(self.view().base()).and_then(|delta| u32::try_from(delta).ok())
    }

    fn put_in_heap(&mut self, slot: usize, delta: u32, suffix: &[u8], value: Stored<'_>) {
        let heap = get_u16(self.image, at::HEAP);
        let start = heap - entry_len(suffix.len(), value);
        let record = &mut self.image[start..heap];
        put_entry(record, delta, suffix.len(), value);
        record[LEAF_FIXED..LEAF_FIXED + suffix.len()].copy_from_slice(suffix);
        put_u16(self.image, at::HEAP, start);
        put_slot(self.image, slot, start, suffix.len());
    }
}

fn entry_len(suffix_len: usize, value: Stored<'_>) -> usize {
    LEAF_FIXED
        + suffix_len
        + match value {
            Stored::Inline(bytes) => bytes.len(),
            Stored::Outside(link) => link.encode().len(),
        }
}

/// Copies an image for writing, with free space up to `capacity` between its slots and its heap.
pub(super) fn with_room(image: &[u8], capacity: usize) -> Vec<u8> {
    let view = NodeView::new(image);
    let (slots, count) = (view.slots(), view.count());
    let slots_end = slots + count * SLOT_LEN;
    let heap = get_u16(image, at::HEAP);
    let capacity = capacity.max(image.len());
    let shift = capacity - image.len();
    let mut copy = Vec::with_capacity(capacity);
    copy.extend_from_slice(&image[..slots_end]);
    copy.resize(heap + shift, 0);
    copy.extend_from_slice(&image[heap..]);
    if shift > 0 {
        put_u16(&mut copy, at::HEAP, heap + shift);
        for slot in (slots..slots_end).step_by(SLOT_LEN) {
            let offset = get_u16(&copy, slot);
            put_u16(&mut copy, slot, offset + shift);
        }
    }
    debug_assert!(copy.len() >= HEADER_LEN, "an image has a header");
    copy
}
