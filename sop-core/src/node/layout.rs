//! The bytes of a node image.
//!
//! ```text
//!   0  u8   kind: 1 leaf, 2 branch
//!   1  u8   level: 0 for a leaf, else one more than that of the children
//!   2  u16  number of records
//!   4  u16  length of the prefix
//!   6  u16  offset of the lowest byte of the heap
//!   8  u16  bytes of the heap that no slot points to any more
//!  10  u16  number of records whose value stands outside of the node
//!  12  u32  zero
//!  16  u64  base: the log position that a leaf's record versions count from
//!  24  16 x u32  hints: heads of evenly spaced slots, used from 33 records on
//!  88  prefix: the bytes that all keys of the node begin with
//!   .  slots, 8 bytes each, in key order: u16 offset, u16 suffix length, u32 head
//!   .  free
//!   .  heap, filled from the end: a leaf's record is u32 version - base, u16 value length
//!      (0xffff: the value stands outside and a link to it here), suffix, value; a branch's
//!      record is a link (16 bytes), u64 number of entries below, suffix
//! ```
//!
//! Numbers are little endian. A *suffix* is a key less the node's prefix; a *head* is the first
//! four bytes of a suffix, filled up with zeros, read as a big-endian number, so that comparing
//! heads as numbers compares the suffixes' beginnings as bytes. Heads and hints are those of
//! LeanStore (Leis et al., "B-Trees Are Back", SIGMOD 2025).
//!
//! The first record of a branch has an empty suffix and stands for "less than everything"; it does
//! not take part in the prefix.

use super::link::LINK_LEN;
use crate::{
    codec,
    id::Address,
    limit::{HEIGHT_MAX, INLINE_VALUE_DIVISOR, KEY_LEN_MAX, NODE_IMAGE_MAX, NODE_SIZE_MAX},
};

pub(super) const LEAF: u8 = 1;
pub(super) const BRANCH: u8 = 2;

pub(super) const HINTS: usize = 16;
/// With fewer records than this the whole slot array is searched.
pub(super) const HINTS_FROM: usize = 2 * HINTS + 1;

pub(super) const HEADER_LEN: usize = 24 + 4 * HINTS;
pub(super) const SLOT_LEN: usize = 8;

/// Bytes of a leaf's record beside suffix and value.
pub(super) const LEAF_FIXED: usize = 6;
/// Bytes of a branch's record beside the suffix.
pub(super) const BRANCH_FIXED: usize = LINK_LEN + 8;

/// In place of a value's length: the value stands outside of the leaf.
pub(super) const OUTSIDE: u16 = u16::MAX;

pub(super) mod at {
    pub(crate) const KIND: usize = 0;
    pub(crate) const LEVEL: usize = 1;
    pub(crate) const COUNT: usize = 2;
    pub(crate) const PREFIX_LEN: usize = 4;
    pub(crate) const HEAP: usize = 6;
    pub(crate) const DEAD: usize = 8;
    pub(crate) const OUTSIDE: usize = 10;
    pub(crate) const BASE: usize = 16;
    pub(crate) const HINTS: usize = 24;
}

#[inline]
pub(super) fn get_u16(image: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([image[at], image[at + 1]]))
}

#[inline]
pub(super) fn get_u32(image: &[u8], at: usize) -> u32 {
    let bytes = image[at..at + 4].try_into().expect("four bytes were sliced");
    u32::from_le_bytes(bytes)
}

#[inline]
pub(super) fn get_u64(image: &[u8], at: usize) -> u64 {
    let bytes = image[at..at + 8].try_into().expect("eight bytes were sliced");
    u64::from_le_bytes(bytes)
}

/// Stores a number that the limits of a node keep below 65,536.
#[inline]
pub(super) fn put_u16(image: &mut [u8], at: usize, value: usize) {
    let value = u16::try_from(value).expect("offsets and lengths inside a node fit 16 bits");
    image[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

#[inline]
pub(super) fn put_u32(image: &mut [u8], at: usize, value: u32) {
    image[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[inline]
pub(super) fn put_u64(image: &mut [u8], at: usize, value: u64) {
    image[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// The first four bytes of a suffix as a number that sorts as they do.
#[inline]
pub(super) fn head(suffix: &[u8]) -> u32 {
    u32::from_be_bytes(codec::head(suffix))
}

/// Checks that an image read from a file is one that [`super::pack::lay_out`] could have made.
///
/// The checksum before says that the bytes are those that were written, not that it was this code
/// that wrote them. What follows relies on all of it: searches on the order and the hints, changes
/// on records that do not overlap, and everything on links that do not point into memory.
pub(super) fn verify(image: &[u8]) -> Result<(), &'static str> {
    if image.len() < HEADER_LEN || image.len() > NODE_IMAGE_MAX {
        return Err("a node of impossible length");
    }
    match (image[at::KIND], image[at::LEVEL]) {
        (LEAF, 0) => {}
        (BRANCH, level) if level > 0 && usize::from(level) < HEIGHT_MAX => {}
        _ => return Err("a node of unknown kind"),
    }
    let count = get_u16(image, at::COUNT);
    let prefix_len = get_u16(image, at::PREFIX_LEN);
    let slots = HEADER_LEN + prefix_len;
    let heap = slots + count * SLOT_LEN;
    if count == 0 || prefix_len > KEY_LEN_MAX || heap > image.len() {
        return Err("a node whose parts overlap");
    }
    if heap != get_u16(image, at::HEAP) || get_u16(image, at::DEAD) != 0 {
        return Err("a node with unused bytes");
    }
    if get_u64(image, at::BASE) > u64::MAX - u64::from(u32::MAX) {
        return Err("a node of an impossible log position");
    }
    verify_records(image, slots, heap)?;
    verify_hints(image, slots, count)
}

/// Checks that records fill the heap in the order of their slots, and that their keys ascend.
fn verify_records(image: &[u8], slots: usize, heap: usize) -> Result<(), &'static str> {
    let is_leaf = image[at::KIND] == LEAF;
    let (mut begin, mut outside) = (heap, 0);
    let mut before: Option<&[u8]> = None;
    for slot in (slots..heap).step_by(SLOT_LEN) {
        let (offset, suffix_len) = (get_u16(image, slot), get_u16(image, slot + 2));
        let fixed = if is_leaf { LEAF_FIXED } else { BRANCH_FIXED };
        let key_end = offset + fixed + suffix_len;
        let suffix = image.get(offset + fixed..key_end).ok_or(OUT_OF_NODE)?;
        if offset != begin || get_u32(image, slot + 4) != head(suffix) {
            return Err("a node's record that is not where it belongs");
        }
        if slots - HEADER_LEN + suffix_len > KEY_LEN_MAX {
            return Err("a node's key over the limit");
        }
        let is_first = slot == slots;
        if !is_leaf && is_first {
            if suffix_len > 0 {
                return Err("a branch whose first record has a key");
            }
        } else if before.replace(suffix).is_some_and(|before| before >= suffix) {
            return Err("a node whose keys are out of order");
        }
        if is_leaf {
            begin = verify_value(image, offset, key_end)?;
            outside += usize::from(get_u16(image, offset + 4) == usize::from(OUTSIDE));
        } else {
            begin = key_end;
            verify_link(image, offset)?;
        }
    }
    if outside != get_u16(image, at::OUTSIDE) {
        return Err("a node with another number of values outside than it says");
    }
    if begin == image.len() { Ok(()) } else { Err("a node with unused bytes") }
}

/// Checks the value of a leaf's record, and says where it ends.
fn verify_value(image: &[u8], record: usize, value: usize) -> Result<usize, &'static str> {
    let len = get_u16(image, record + 4);
    if len == usize::from(OUTSIDE) {
        return verify_link(image, value);
    }
    if len > NODE_SIZE_MAX / INLINE_VALUE_DIVISOR {
        return Err("a node's value over the limit");
    }
    if value + len > image.len() { Err(OUT_OF_NODE) } else { Ok(value + len) }
}

/// Checks that a link leads to a segment and not into memory, and says where it ends.
fn verify_link(image: &[u8], at: usize) -> Result<usize, &'static str> {
    let bytes = image.get(at..).and_then(|bytes| bytes.first_chunk()).ok_or(OUT_OF_NODE)?;
    match Address::decode(*bytes).segment.0 {
        0 => Err("a node's link that names no segment"),
        _ => Ok(at + LINK_LEN),
    }
}

fn verify_hints(image: &[u8], slots: usize, count: usize) -> Result<(), &'static str> {
    let head = |index: usize| get_u32(image, slots + hinted(index, count) * SLOT_LEN + 4);
    let hint = |index: usize| get_u32(image, at::HINTS + 4 * index);
    if count < HINTS_FROM || (0..HINTS).all(|index| hint(index) == head(index)) {
        return Ok(());
    }
    Err("a node with wrong hints")
}

/// The slot whose head is the hint of this index.
pub(super) fn hinted(index: usize, count: usize) -> usize {
    (index + 1) * (count / (HINTS + 1))
}

const OUT_OF_NODE: &str = "a node's record that lies outside of the node";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::pack::{Payload, Record, Stored, lay_out};

    /// A leaf of so many entries, as a file holds it.
    fn leaf(count: u8) -> Vec<u8> {
        let keys: Vec<[u8; 6]> = (0..count).map(|key| [b'k', b'e', b'y', key, 0, 1]).collect();
        let value = Stored::Inline(b"value");
        let payload = Payload::Entry { version: 7, value };
        let records: Vec<_> =
            keys.iter().map(|key| Record { prefix: &[], suffix: key, payload }).collect();
        lay_out(0, &records, 0)
    }

    fn slot_of(image: &[u8], index: usize) -> usize {
        HEADER_LEN + get_u16(image, at::PREFIX_LEN) + index * SLOT_LEN
    }

    #[test]
    fn what_is_laid_out_is_accepted_whatever_its_length() {
        for count in 1..=100 {
            assert_eq!(verify(&leaf(count)), Ok(()), "{count} records");
        }
    }

    #[test]
    fn a_node_that_is_cut_short_or_longer_is_refused() {
        let image = leaf(3);
        for len in 0..image.len() {
            assert!(verify(&image[..len]).is_err(), "cut at {len}");
        }
        assert!(verify(&[&image[..], &[0]].concat()).is_err());
    }

    #[test]
    fn records_that_share_their_bytes_are_refused() {
        let mut image = leaf(2);
        let (first, second) = (slot_of(&image, 0), slot_of(&image, 1));
        image.copy_within(second..second + 2, first);
        assert!(verify(&image).is_err());
    }

    #[test]
    fn keys_that_are_out_of_order_are_refused() {
        let image = leaf(2);
        let [first, second] = [0, 1].map(|index| get_u16(&image, slot_of(&image, index)));
        let mut swapped = image.clone();
        swapped[first..second].copy_from_slice(&image[second..]);
        swapped[second..].copy_from_slice(&image[first..second]);
        for index in 0..2 {
            let (from, to) = (slot_of(&image, 1 - index), slot_of(&image, index));
            swapped[to + 4..to + 8].copy_from_slice(&image[from + 4..from + 8]);
        }
        assert_eq!(verify(&swapped), Err("a node whose keys are out of order"));
    }

    #[test]
    fn heads_and_hints_that_are_not_those_of_the_keys_are_refused() {
        let mut image = leaf(40);
        let slot = slot_of(&image, 20);
        image[slot + 4] ^= 1;
        assert!(verify(&image).is_err());
        let mut image = leaf(40);
        image[at::HINTS + 5] ^= 1;
        assert_eq!(verify(&image), Err("a node with wrong hints"));
    }

    #[test]
    fn a_wrong_number_of_values_outside_is_refused() {
        let mut image = leaf(3);
        put_u16(&mut image, at::OUTSIDE, 1);
        assert!(verify(&image).is_err());
    }

    #[test]
    fn a_log_position_that_versions_cannot_be_counted_from_is_refused() {
        let mut image = leaf(1);
        put_u64(&mut image, at::BASE, u64::MAX - 3);
        assert_eq!(verify(&image), Err("a node of an impossible log position"));
    }
}
