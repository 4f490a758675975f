//! The bytes of a node image.
//!
//! ```text
//!   0  u8   kind: 1 leaf, 2 branch
//!   1  u8   level: 0 for a leaf, else one more than that of the children
//!   2  u16  number of records
//!   4  u16  length of the prefix
//!   6  u16  offset of the lowest byte of the heap
//!   8  u16  bytes of the heap that no slot points to any more
//!  10  u16  zero
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
    id::Address,
    limit::{HEIGHT_MAX, NODE_IMAGE_MAX},
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
    if let Some(first) = suffix.first_chunk::<4>() {
        return u32::from_be_bytes(*first);
    }
    let mut bytes = [0; 4];
    bytes[..suffix.len()].copy_from_slice(suffix);
    u32::from_be_bytes(bytes)
}

/// Checks that an image read from a file can be searched and followed without leaving it.
///
/// Every offset and length lies inside the image, and no link points into memory. The order of the
/// keys is not checked here: a wrong order gives wrong answers, which the checksum guards against,
/// but no undefined behaviour.
pub(super) fn verify(image: &[u8]) -> Result<(), &'static str> {
    if image.len() < HEADER_LEN || image.len() > NODE_IMAGE_MAX {
        return Err("a node of impossible length");
    }
    let fixed = match (image[at::KIND], image[at::LEVEL]) {
        (LEAF, 0) => LEAF_FIXED,
        (BRANCH, level) if level > 0 && usize::from(level) < HEIGHT_MAX => BRANCH_FIXED,
        _ => return Err("a node of unknown kind"),
    };
    let count = get_u16(image, at::COUNT);
    let slots = HEADER_LEN + get_u16(image, at::PREFIX_LEN);
    let slots_end = slots + count * SLOT_LEN;
    let heap = get_u16(image, at::HEAP);
    let dead = get_u16(image, at::DEAD);
    if count == 0 || slots_end > heap || heap > image.len() || dead > image.len() - heap {
        return Err("a node whose parts overlap");
    }
    for slot in (slots..slots_end).step_by(SLOT_LEN) {
        verify_record(image, slot, heap, fixed)?;
    }
    Ok(())
}

fn verify_record(image: &[u8], slot: usize, heap: usize, fixed: usize) -> Result<(), &'static str> {
    let offset = get_u16(image, slot);
    let suffix_len = get_u16(image, slot + 2);
    if offset < heap || offset + fixed + suffix_len > image.len() {
        return Err("a node's record that lies outside of the node");
    }
    let link_at = if fixed == BRANCH_FIXED {
        offset
    } else {
        let value_len = get_u16(image, offset + 4);
        let value = offset + fixed + suffix_len;
        let outside = value_len == usize::from(OUTSIDE);
        if value + if outside { LINK_LEN } else { value_len } > image.len() {
            return Err("a node's value that lies outside of the node");
        }
        if !outside {
            return Ok(());
        }
        value
    };
    let bytes = image[link_at..link_at + LINK_LEN].try_into().expect("a link's bytes");
    match Address::decode(bytes).segment.0 {
        0 => Err("a node's link that names no segment"),
        _ => Ok(()),
    }
}
