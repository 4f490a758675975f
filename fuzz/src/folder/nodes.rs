//! Made-up nodes in a segment, linked so that every checksum is right.
//!
//! A checksum stands in the link, so nodes are linked from the last one to the first: what a node
//! links to always stands behind it.

use super::files::{DATABASE, sealed};

const IMAGES_MAX: usize = 8;
const ALIGN: usize = 256;
const LINK_LEN: usize = 16;

/// A segment of made-up nodes and values, of which the first is the root of a tree.
#[derive(Debug)]
pub struct Hostile {
    entries: u64,
    images: Vec<Vec<u8>>,
    addresses: Vec<[u8; LINK_LEN]>,
}

impl Hostile {
    /// The number of entries that the tree is said to have; then the length and bytes of each image.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, mut rest) = bytes.split_first_chunk()?;
        let mut images = Vec::new();
        while let Some((len, left)) = rest.split_first_chunk()
            && images.len() < IMAGES_MAX
        {
            let len = usize::from(u16::from_le_bytes(*len)).min(left.len());
            let (image, left) = left.split_at(len);
            rest = left;
            images.push(image.to_vec());
        }
        if images.is_empty() {
            return None;
        }
        Some(Self::linked(u64::from_le_bytes(*entries), images))
    }

    fn linked(entries: u64, mut images: Vec<Vec<u8>>) -> Self {
        let mut place = 1;
        let mut places = Vec::new();
        for image in &images {
            places.push(u32::try_from(place).expect("inputs are short"));
            place += image.len().div_ceil(ALIGN).max(1);
        }
        let mut addresses = vec![[0; LINK_LEN]; images.len()];
        for at in (0..images.len()).rev() {
            link(&mut images[at], &addresses[at + 1..]);
            let len = u32::try_from(images[at].len()).expect("inputs are short");
            let crc = crc32c::crc32c(&images[at]);
            for (part, word) in [1, places[at], len, crc].into_iter().enumerate() {
                addresses[at][4 * part..4 * part + 4].copy_from_slice(&word.to_le_bytes());
            }
        }
        Self { entries, images, addresses }
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// One more than the level that the root says.
    pub(super) fn levels(&self) -> u8 {
        self.images[0].get(1).map_or(1, |level| level.saturating_add(1))
    }

    pub(super) fn root(&self) -> [u8; LINK_LEN] {
        self.addresses[0]
    }

    /// The segment.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let mut file = sealed(*b"SOPsegm\n", &[&1_u32.to_le_bytes()[..], &DATABASE].concat());
        file.resize(ALIGN, 0);
        for image in &self.images {
            file.extend(image);
            file.resize(file.len().next_multiple_of(ALIGN), 0);
            if image.is_empty() {
                file.resize(file.len() + ALIGN, 0);
            }
        }
        file
    }
}

fn u16_at(image: &[u8], at: usize) -> Option<usize> {
    let bytes = image.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(bytes)))
}

/// Points the links of an image, as far as it is one, to some of these addresses.
fn link(image: &mut [u8], addresses: &[[u8; LINK_LEN]]) {
    let (Some(count), Some(prefix)) = (u16_at(image, 2), u16_at(image, 4)) else { return };
    let (is_leaf, mut links) = (image.first() == Some(&1), 0_u16);
    for index in 0..count {
        let Some(at) = link_at(image, 88 + prefix + 8 * index) else { continue };
        links = links.saturating_add(1);
        // Which one, the link itself says by its second number.
        let wanted = u16_at(image, at + 4).unwrap_or_default();
        if let Some(address) = wanted.checked_rem(addresses.len()).map(|at| addresses[at])
            && let Some(bytes) = image.get_mut(at..at + LINK_LEN)
        {
            bytes.copy_from_slice(&address);
        }
    }
    // A leaf says how many there are.
    if let (true, Some(bytes)) = (is_leaf, image.get_mut(10..12)) {
        bytes.copy_from_slice(&links.to_le_bytes());
    }
}

/// Where the record of a slot has its link, if it has one.
fn link_at(image: &[u8], slot: usize) -> Option<usize> {
    let (record, suffix_len) = (u16_at(image, slot)?, u16_at(image, slot + 2)?);
    let is_leaf = image.first() == Some(&1);
    match (is_leaf, u16_at(image, record + 4)) {
        (false, _) => Some(record),
        (true, Some(0xffff)) => Some(record + 6 + suffix_len),
        _ => None,
    }
}
