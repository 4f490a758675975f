//! Random keys and values, chosen to hit the places where a tree is delicate.

use std::{ops::Bound, sync::Arc};

use fastrand::Rng;
use sop_core::limit;

/// A key out of a few thousand, so that steps meet entries of earlier steps.
///
/// Among them are the empty key, the longest ones, ones that are prefixes of others, and families
/// that share long prefixes, more than a small node holds.
pub(super) fn key(random: &mut Rng) -> Vec<u8> {
    match random.u8(..32) {
        0 => Vec::new(),
        1 | 2 => (0..random.usize(1..5)).map(|_| [0, 1, b'u', 255][random.usize(..4)]).collect(),
        3 => longest(random.u8(..8)),
        4..7 => format!("{}{:02}", "p".repeat(300), random.u8(..100)).into(),
        7..10 => random.u16(..512).to_be_bytes().into(),
        _ => format!("user:{:04}", random.u16(..2_000)).into(),
    }
}

/// The start of some keys, to look for all of them.
pub(super) fn prefix(random: &mut Rng) -> Vec<u8> {
    let mut key = key(random);
    key.truncate(random.usize(..=key.len()));
    key
}

/// A key as long as keys may be, different only in its last byte.
fn longest(last: u8) -> Vec<u8> {
    let mut key = vec![b'm'; limit::KEY_LEN_MAX];
    key[limit::KEY_LEN_MAX - 1] = last;
    key
}

/// A value of any length from nothing to several nodes, often near where it leaves the node.
pub(super) fn value(random: &mut Rng, node_size: usize) -> Arc<[u8]> {
    let len = match random.u8(..64) {
        0..6 => 0,
        6..40 => random.usize(1..40),
        40..58 => random.usize(40..node_size / 8),
        58..62 => node_size / 4 - 40 + random.usize(..80),
        62 => random.usize(node_size / 4..node_size),
        _ => random.usize(node_size..5 * node_size),
    };
    let first = random.u8(..);
    (0..251).cycle().map(|byte| first.wrapping_add(byte)).take(len).collect()
}

/// The ends of a range, in order; any of them may be open or missing.
pub(super) fn bounds(random: &mut Rng) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let (mut low, mut high) = (key(random), key(random));
    if low > high {
        (low, high) = (high, low);
    }
    let is_one_key = low == high;
    let mut bound = |key, may_exclude| match random.u8(..8) {
        0 => Bound::Unbounded,
        1..4 if may_exclude => Bound::Excluded(key),
        _ => Bound::Included(key),
    };
    // A range without its only key is no range for a `BTreeMap`.
    (bound(low, !is_one_key), bound(high, !is_one_key))
}
